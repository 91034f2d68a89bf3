//! Journals stay few though some keyspaces are idle, and none is left to be read by a clean end; a directory
//! is opened once.

use bytes::Bytes;
use engine_fjall::FjallEngine;
use std::os::unix::fs::MetadataExt;
use store::{Batch, Class, Engine};

fn put(engine: &FjallEngine, class: Class, key: u64, value: Bytes) {
    let key = Bytes::copy_from_slice(&(key | 1 << 48).to_be_bytes());
    engine.apply(Batch { writes: vec![(class, key, Some(value))] }).unwrap();
}

#[test]
fn an_idle_keyspace_does_not_pin_journals() {
    let folder = tempfile::tempdir().unwrap();
    let engine = FjallEngine::open(folder.path()).unwrap();
    put(&engine, Class::Series, 0, Bytes::from_static(b"written once"));
    let megabyte = Bytes::from(vec![7; 1 << 20]);
    let mut most = 0;
    for n in 0..600 {
        put(&engine, Class::Items, n % 40, megabyte.clone());
        most = most.max(engine.journals());
    }
    assert!(most <= 6, "{most} journals");
    let snapshot = engine.snapshot().unwrap();
    let kept = snapshot.get(Class::Series, &(1u64 << 48).to_be_bytes()).unwrap();
    assert_eq!(kept, Some(Bytes::from_static(b"written once")));
}

#[test]
fn a_directory_is_opened_once() {
    let folder = tempfile::tempdir().unwrap();
    let engine = FjallEngine::open(folder.path()).unwrap();
    assert!(FjallEngine::open(folder.path()).is_err());
    drop(engine);
    assert!(FjallEngine::open(folder.path()).is_ok());
}

#[test]
fn the_last_journal_may_end_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let engine = FjallEngine::open(folder.path()).unwrap();
    for n in 0..20 {
        put(&engine, Class::Items, n, Bytes::from(vec![n as u8; 100]));
        put(&engine, Class::Queue, n, Bytes::from(vec![n as u8; 100]));
    }
    engine.sync().unwrap();
    drop(engine);
    let journal = folder.path().join("0.jnl");
    let whole = std::fs::read(&journal).unwrap();
    let end = whole.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    for cut in [1, 7, 50, 120, 200, 300] {
        std::fs::write(&journal, &whole[..end - cut]).unwrap();
        let engine = FjallEngine::open(folder.path()).unwrap();
        let snapshot = engine.snapshot().unwrap();
        let count = |class| snapshot.range(class, &[0, 1], &[0, 2], false).count();
        let (items, queue) = (count(Class::Items), count(Class::Queue));
        assert!(items == queue || items == queue + 1, "cut by {cut}: {items} and {queue}");
        assert!(items >= 17, "cut by {cut}: {items}");
        put(&engine, Class::Items, 99, Bytes::new());
        drop((snapshot, engine));
        let engine = FjallEngine::open(folder.path()).unwrap();
        assert_eq!(
            engine.snapshot().unwrap().range(Class::Items, &[0, 1], &[0, 2], false).count(),
            items + 1
        );
    }
}

#[test]
fn a_damaged_last_batch_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("engine");
    let engine = FjallEngine::open(&path).unwrap();
    for n in 0..10 {
        put(&engine, Class::Items, n, Bytes::from(vec![7; 20_000]));
    }
    engine.sync().unwrap();
    drop(engine);
    let journal = path.join("0.jnl");
    let mut bytes = std::fs::read(&journal).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    bytes[end - 12_000..end - 8_000].fill(0);
    std::fs::write(&journal, bytes).unwrap();
    let engine = FjallEngine::open(&path).unwrap();
    let count = |engine: &FjallEngine| {
        engine.snapshot().unwrap().range(Class::Items, &[0, 1], &[0, 2], false).count()
    };
    assert_eq!(count(&engine), 9);
    put(&engine, Class::Items, 10, Bytes::new());
    drop(engine);
    assert_eq!(count(&FjallEngine::open(&path).unwrap()), 10);
}

/// The bytes of all journals.
fn journal_bytes(path: &std::path::Path) -> u64 {
    let files = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap());
    let journals = files.filter(|file| file.path().extension().is_some_and(|end| end == "jnl"));
    journals.map(|file| file.metadata().unwrap().len()).sum()
}

#[test]
fn a_clean_end_leaves_no_journal_to_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("engine");
    for round in 0..4u64 {
        let engine = FjallEngine::open(&path).unwrap();
        for n in 0..2000 {
            put(&engine, Class::Items, round * 2000 + n, Bytes::from(vec![n as u8; 100]));
            put(&engine, Class::Queue, n % 7, Bytes::copy_from_slice(&round.to_be_bytes()));
        }
        engine.sync().unwrap();
        engine.close().unwrap();
        assert_eq!(journal_bytes(&path), 0, "round {round}");
        let late = Batch { writes: vec![(Class::Items, Bytes::from_static(b"late"), Some(Bytes::new()))] };
        assert!(engine.apply(late).is_err(), "it would be lost");
        engine.close().unwrap();
        drop(engine);
        // What follows ends without a close: the journal begun after a clean end is read.
        let engine = FjallEngine::open(&path).unwrap();
        put(&engine, Class::Series, round, Bytes::from_static(b"unflushed"));
        engine.sync().unwrap();
        drop(engine);
        let engine = FjallEngine::open(&path).unwrap();
        let snapshot = engine.snapshot().unwrap();
        let count = |class| snapshot.range(class, &[0, 1], &[0, 2], false).count() as u64;
        assert_eq!(count(Class::Items), (round + 1) * 2000);
        assert_eq!(count(Class::Series), round + 1);
        let last = snapshot.get(Class::Queue, &(3u64 | 1 << 48).to_be_bytes()).unwrap();
        assert_eq!(last.as_deref(), Some(&round.to_be_bytes()[..]), "newer writes win after a restart");
    }
}

/// The bytes of everything under a directory.
fn bytes_under(path: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap());
    // A file that a compaction removes meanwhile takes no room.
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => bytes_under(&entry.path()),
        Ok(found) => found.blocks() * 512,
        Err(_) => 0,
    };
    entries.map(size).sum()
}

#[test]
fn disk_use_stays_bounded_though_one_keyspace_takes_all_writes() {
    const MEGABYTE: u64 = 1 << 20;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("engine");
    let value = Bytes::from((0..MEGABYTE).map(|n| (n * 31 % 251) as u8).collect::<Vec<u8>>());
    let (mut most, mut journals) = (0, 0);
    for round in 0..3 {
        // Each but the first opens what a sudden end left.
        let engine = FjallEngine::open(&path).unwrap();
        for class in Class::ALL {
            put(&engine, class, 999, Bytes::from(vec![round; 10]));
        }
        for n in 0..250 {
            put(&engine, Class::Items, n % 20, value.clone());
            if n % 10 == 0 {
                most = most.max(bytes_under(&path));
                journals = journals.max(journal_bytes(&path));
            }
        }
        engine.sync().unwrap();
        let snapshot = engine.snapshot().unwrap();
        let kept = snapshot.get(Class::Records, &(999u64 | 1 << 48).to_be_bytes()).unwrap();
        assert_eq!(kept.as_deref(), Some(&[round; 10][..]));
    }
    // 750 MB were written to 20 MB of rows. Journals wait for a flush, and a flush for a compaction: one worker does
    // both, and the writer waits for it.
    assert!(journals <= 256 * MEGABYTE, "{} MB of journals", journals / MEGABYTE);
    assert!(most <= 400 * MEGABYTE, "{} MB in all", most / MEGABYTE);
}
