//! Saved states: the same bytes from every engine, read back whole or not at all, consistent whatever is
//! written meanwhile.

use super::{BARDS, COUNTERS, PAIRS, Place, bard, count, here, open, wait_for};
use crate::{
    ArchiveError, BlobRef, Class, Fault, Incarnation, Lane, MemoryEngine, Options, Post, Raw, Read, RowKind,
    Span, Store, Table, Timer, Tx, load,
};
use bytes::Bytes;
use names::{Scope, Timestamp};
use std::sync::atomic::{AtomicBool, Ordering};

static LONG: Table<(Incarnation, u64), Raw> =
    Table::of_incarnation("contract/long-lived", Class::Items).large();
static BLOBS: Table<u64, Raw> = Table::new("contract/blob-rows", Class::Items);

/// Enough of everything: rows of several tables, long values, blobs, a timer, a delivery, garbage.
async fn fill(store: &Store, blob_bytes: usize, long_bytes: usize) -> Vec<BlobRef> {
    let gone = store.commit(|tx| tx.fresh_incarnation()).await.expect("a number");
    let mut blobs = Vec::new();
    for n in 0..3u8 {
        let bytes = Bytes::from(vec![n; blob_bytes + usize::from(n)]);
        let mut writer = store.blobs().writer().await.expect("a blob begins");
        writer.write(bytes).await.expect("a blob is written");
        blobs.push(writer.finish().await.expect("a blob"));
    }
    let kept = blobs.clone();
    let write = move |tx: &mut Tx| {
        for name in ["orpheus", "lute\u{0}player"] {
            tx.put(&BARDS, &here(), &name.to_owned(), &bard(name, 3))?;
            tx.put(&BARDS, &Scope::Partition, &name.to_owned(), &bard(name, 4))?;
        }
        for (n, length) in [(1, 0), (2, long_bytes), (3, 10)] {
            tx.put(&LONG, &here(), &(gone, n), &Raw(Bytes::from(vec![9; length])))?;
        }
        for (n, blob) in kept.iter().enumerate() {
            tx.keep_blob(blob)?;
            tx.put(&BLOBS, &here(), &(n as u64), &Raw(Bytes::new()))?;
        }
        let due = Timestamp(1_000);
        let (key, payload) = (Bytes::from_static(b"k"), Bytes::new());
        tx.schedule(&Timer { kind: "contract/timer".into(), due, scope: here(), key, payload })?;
        tx.post(Bytes::from_static(b"payload"), vec![post("a"), post("b")])?;
        tx.discard(&here(), Incarnation(77))
    };
    store.commit(write).await.expect("the store is filled");
    count(store, "saved").await.expect("a count");
    blobs
}

fn post(target: &str) -> Post {
    let lane = Lane { source: "source".into(), target: target.into(), group: Some("group".into()) };
    let (posted, ready) = (Timestamp(1), Timestamp(2));
    let (detail, cause) = (Bytes::from_static(b"detail"), "cause".into());
    Post { lane, scope: here(), kind: RowKind::Delivery, detail, posted, ready, cause, hops: 0 }
}

fn saved(store: &Store) -> Vec<u8> {
    let mut bytes = Vec::new();
    store.saving().write(&mut bytes).expect("the state is saved");
    bytes
}

fn loaded(mut bytes: &[u8]) -> Result<Store, ArchiveError> {
    let (engine, options) = (MemoryEngine::new(), Options::in_memory());
    load(&mut bytes, &engine, &options)?;
    Ok(Store::open(Box::new(engine), options).expect("a loaded store opens"))
}

async fn has_blobs(store: &Store, blobs: &[BlobRef]) {
    for (n, blob) in blobs.iter().enumerate() {
        let bytes = store.blobs().read(blob, 1 << 24).await.expect("the blob is there");
        assert_eq!(bytes.len() as u64, blob.length());
        assert!(bytes.iter().all(|byte| usize::from(*byte) == n));
    }
}

/// Saved here and loaded into memory, it is the same; saved there, it has the same bytes.
pub fn what_is_saved_here_is_loaded_elsewhere(place: &dyn Place) {
    let store = open(place);
    wait_for(async {
        let blobs = fill(&store, 1_500_000, 70_000).await;
        let bytes = saved(&store);
        let other = loaded(&bytes).expect("it is whole");
        assert!(other.was_clean());
        assert!(saved(&other) == bytes, "saved again, it has the same bytes");
        has_blobs(&other, &blobs).await;
        let (old, new) = (store.read(), other.read());
        assert_eq!(new.get(&BARDS, &here(), &"orpheus".to_owned()), Ok(Some(bard("orpheus", 3))));
        let rows = |read: &crate::Snapshot| -> Vec<_> {
            read.scan(&LONG, &here(), Span::all()).map(|row| row.expect("a row")).collect()
        };
        assert_eq!(rows(&new), rows(&old));
        assert_eq!(count(&other, "saved").await, Ok(2));
        let fresh = other.commit(|tx| tx.fresh_incarnation()).await.expect("a number");
        assert!(store.commit(|tx| tx.fresh_incarnation()).await.expect("a number") <= fresh);
    });
}

/// Saved from memory and loaded here, it is the same.
pub fn what_is_saved_elsewhere_is_loaded_here(place: &dyn Place) {
    let other = Store::open(Box::new(MemoryEngine::new()), Options::in_memory()).expect("a store opens");
    wait_for(async {
        let blobs = fill(&other, 1_500_000, 70_000).await;
        let bytes = saved(&other);
        let (engine, options) = (place.engine(), place.options());
        let in_a_directory = options.directory.is_some();
        load(&mut bytes.as_slice(), engine.as_ref(), &options).expect("it is whole");
        let store = Store::open(engine, options).expect("a loaded store opens");
        assert!(saved(&store) == bytes, "saved again, it has the same bytes");
        has_blobs(&store, &blobs).await;
        drop(store);
        let store = open(place);
        assert_eq!(count(&store, "saved").await, Ok(2));
        if in_a_directory {
            has_blobs(&store, &blobs).await;
        }
    });
}

/// A file with any byte changed, cut anywhere, or with something behind it is refused.
pub fn a_damaged_file_is_refused(place: &dyn Place) {
    let store = open(place);
    wait_for(fill(&store, 20, 30));
    let bytes = saved(&store);
    assert!(loaded(&bytes).is_ok());
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        assert!(loaded(&changed).is_err(), "byte {at} of {}", bytes.len());
        assert!(loaded(&bytes[..at]).is_err(), "cut at {at}");
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    assert!(matches!(loaded(&longer), Err(ArchiveError::Damaged(_))));
    let mut newer = bytes.clone();
    newer[11] = 2;
    assert!(matches!(loaded(&newer), Err(ArchiveError::Newer { format: 2 })));
    assert!(matches!(loaded(b"PK\x03\x04 something else"), Err(ArchiveError::Foreign)));
}

/// A state is saved as it was at one moment, while others write; nothing it needs is swept meanwhile.
pub fn a_state_is_saved_as_it_was(place: &dyn Place) {
    static STOP: AtomicBool = AtomicBool::new(false);
    let store = open(place);
    wait_for(async {
        let pair = |tx: &mut Tx| {
            let n = tx.counter(&COUNTERS, &here(), &"pairs".to_owned())?;
            tx.put(&PAIRS, &here(), &("left".into(), n), &n)?;
            tx.put(&PAIRS, &here(), &("right".into(), n), &n)
        };
        let writer = {
            let store = store.clone();
            tokio::spawn(async move {
                while !STOP.load(Ordering::Relaxed) {
                    store.commit(pair).await.expect("a pair is written");
                }
            })
        };
        let blobs = fill(&store, 20, 70_000).await;
        let given_up = blobs[0].clone();
        let saving = store.saving();
        store.commit(move |tx| tx.discard_blob(&given_up)).await.expect("a blob is given up");
        assert_eq!(store.sweep(1000).await.expect("a sweep").blobs, 0, "sweepers are kept away");
        let mut bytes = Vec::new();
        saving.write(&mut bytes).expect("the state is saved");
        drop(saving);
        STOP.store(true, Ordering::Relaxed);
        writer.await.expect("the writer ends");
        let other = loaded(&bytes).expect("it is whole");
        has_blobs(&other, &blobs).await;
        let read = other.read();
        let side = |name: &str| read.scan(&PAIRS, &here(), Span::of(&name.to_owned())).count() as u64;
        let counted = read.get(&COUNTERS, &here(), &"pairs".to_owned()).expect("a count").unwrap_or(0);
        assert_eq!((side("left"), side("right")), (counted, counted));
        while store.sweep(1000).await.expect("a sweep").more {}
        let gone: Result<Bytes, Fault> = store.blobs().read(&blobs[0], 1 << 20).await;
        assert!(gone.is_err(), "swept afterwards");
    });
}
