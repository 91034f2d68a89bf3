//! Journals stay few though some keyspaces are idle; a directory is opened once.

use bytes::Bytes;
use engine_fjall::FjallEngine;
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
