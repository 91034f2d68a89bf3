//! Garbage: what was discarded goes, all of it, and nothing else.

use super::{Place, here, open, wait_for};
use crate::{BlobRef, Class, Fault, INLINE_LIMIT, Incarnation, Raw, Read, Span, Store, Table};
use bytes::Bytes;

static SMALL: Table<(Incarnation, u64), Raw> = Table::of_incarnation("contract/small", Class::Items);
static LARGE: Table<(Incarnation, u64), Raw> = Table::of_incarnation("contract/large", Class::Items).large();

async fn fill(store: &Store, incarnation: Incarnation) {
    for part in 0..7u64 {
        store
            .commit(move |tx| {
                tx.allow_large();
                (0..100).try_for_each(|n| {
                    tx.put(&SMALL, &here(), &(incarnation, part * 100 + n), &Raw(Bytes::from_static(b"x")))
                })?;
                tx.put(&LARGE, &here(), &(incarnation, part), &Raw(Bytes::from(vec![1; 200_000])))
            })
            .await
            .unwrap();
    }
}

fn rows(store: &Store, incarnation: Incarnation) -> usize {
    let (read, span) = (store.read(), || Span::of(&incarnation));
    read.scan(&SMALL, &here(), span()).count() + read.scan(&LARGE, &here(), span()).count()
}

async fn sweep(store: &Store) -> usize {
    let mut rows = 0;
    loop {
        let swept = store.sweep(300).await.unwrap();
        rows += swept.rows;
        if !swept.more {
            return rows;
        }
    }
}

/// All rows keyed by a discarded incarnation go, chunks included; those of the next one stay.
pub fn rows_of_an_incarnation_are_swept(place: &dyn Place) {
    let store = open(place);
    wait_for(async {
        let fresh = || store.commit(|tx| tx.fresh_incarnation());
        let (old, new) = (fresh().await.unwrap(), fresh().await.unwrap());
        assert_ne!(old, new);
        fill(&store, old).await;
        fill(&store, new).await;
        store.commit(move |tx| tx.discard(&here(), old)).await.unwrap();
        assert_eq!(rows(&store, old), 707, "swept later");
        assert_eq!(sweep(&store).await, 700 + 7 + 7 * 4, "rows, long rows, their chunks");
        assert_eq!((rows(&store, old), rows(&store, new)), (0, 707));
        assert_eq!(sweep(&store).await, 0);
        let first = store.read().get(&LARGE, &here(), &(new, 0)).unwrap().unwrap();
        assert_eq!(first.0.len(), 200_000);
    });
}

async fn blob(store: &Store) -> BlobRef {
    store.blobs().keep(Bytes::from(vec![5; INLINE_LIMIT + 1])).await.unwrap()
}

async fn exists(store: &Store, blob: &BlobRef) -> bool {
    store.blobs().read(blob, 1 << 20).await.is_ok()
}

/// A blob kept by two rows goes after the second discards it.
pub fn blobs_go_with_their_last_row(place: &dyn Place) {
    let store = open(place);
    wait_for(async {
        let kept = blob(&store).await;
        for _ in 0..2 {
            let kept = kept.clone();
            store.commit(move |tx| tx.keep_blob(&kept)).await.unwrap();
        }
        for still_there in [true, false] {
            let gone = kept.clone();
            store.commit(move |tx| tx.discard_blob(&gone)).await.unwrap();
            while store.sweep(10).await.unwrap().more {}
            assert_eq!(exists(&store, &kept).await, still_there);
        }
        let twice = store.commit(move |tx| tx.discard_blob(&kept)).await;
        assert_eq!(twice, Ok::<_, Fault>(()));
    });
}

/// A blob that no commit kept goes after the next start; one that is being written does not.
pub fn orphans_are_swept(place: &dyn Place) {
    let options = place.options();
    let directory = options.directory.is_some();
    drop(options);
    let store = open(place);
    let (kept, orphan) = wait_for(async {
        let (kept, orphan) = (blob(&store).await, blob(&store).await);
        let keep = kept.clone();
        store.commit(move |tx| tx.keep_blob(&keep)).await.unwrap();
        (kept, orphan)
    });
    drop(store);
    if !directory {
        return;
    }
    let store = open(place);
    wait_for(async {
        let new = blob(&store).await;
        let mut removed = 0;
        for shelf in 0..=255 {
            removed += store.sweep_orphans(shelf).await.unwrap().unwrap();
        }
        assert_eq!(removed, 1);
        assert!(exists(&store, &kept).await && exists(&store, &new).await);
        assert!(!exists(&store, &orphan).await);
    });
}
