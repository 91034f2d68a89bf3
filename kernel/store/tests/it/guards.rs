//! Guards: lost data is noticed at open, a full disk refuses writes and nothing else.

use bytes::Bytes;
use names::Scope;
use store::{
    Batch, Class, DataDirectory, Engine, Failure, Fault, FaultyEngine, Incarnation, MemoryEngine, OpenError,
    Options, Read, Reason, Span, Store, Table,
};

static ROWS: Table<(Incarnation, u64), u64> = Table::of_incarnation("guards/rows", Class::Items);
const WHOSE: Incarnation = Incarnation(1);

async fn write(store: &Store, n: u64) -> Result<(), Fault> {
    store.commit(move |tx| tx.put(&ROWS, &Scope::Partition, &(WHOSE, n), &n)).await
}

fn in_directory(folder: &tempfile::TempDir) -> Options {
    Options::in_directory(DataDirectory::open(folder.path()).unwrap()).unwrap()
}

#[tokio::test]
async fn data_older_than_what_was_acknowledged_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let engine = MemoryEngine::new();
    let store = Store::open(Box::new(engine.clone()), in_directory(&folder)).unwrap();
    write(&store, 1).await.unwrap();
    write(&store, 2).await.unwrap();
    drop(store);
    drop(Store::open(Box::new(engine), in_directory(&folder)).unwrap());
    let refused = Store::open(Box::new(MemoryEngine::new()), in_directory(&folder)).err();
    assert!(matches!(refused, Some(OpenError::Behind { found: 0, acknowledged: 2 })), "{refused:?}");
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_lets_reads_and_the_sweeper_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let engine = MemoryEngine::new();
    let store = Store::open(Box::new(engine.clone()), in_directory(&folder)).unwrap();
    write(&store, 1).await.unwrap();
    store.commit(|tx| tx.discard(&Scope::Partition, WHOSE)).await.unwrap();
    drop(store);

    let full = Options { minimum_free: u64::MAX, ..in_directory(&folder) };
    let store = Store::open(Box::new(engine), full).unwrap();
    let refused = write(&store, 2).await;
    assert_eq!(refused, Err(Fault::Unavailable(Reason::DiskFull)));
    assert!(refused.unwrap_err().is_retriable());
    let left = |store: &Store| store.read().scan(&ROWS, &Scope::Partition, Span::all()).count();
    assert_eq!(left(&store), 1);
    store.sweep(100).await.unwrap();
    assert_eq!(left(&store), 0);
}

#[tokio::test]
async fn a_table_declared_otherwise_is_refused() {
    static AS_IT_WAS: Table<u64, u64> = Table::new("guards/changed", Class::Items);
    static AS_IT_IS: Table<u64, u64> = Table::new("guards/changed", Class::Queue);
    let engine = MemoryEngine::new();
    let store = Store::open(Box::new(engine.clone()), Options::in_memory()).unwrap();
    store.commit(|tx| tx.put(&AS_IT_WAS, &Scope::Partition, &1, &1)).await.unwrap();
    drop(store);
    let store = Store::open(Box::new(engine), Options::in_memory()).unwrap();
    let read = store.read().get(&AS_IT_IS, &Scope::Partition, &1);
    assert!(matches!(read, Err(Fault::Corrupt { table: "guards/changed", .. })), "{read:?}");
}

#[tokio::test]
async fn an_upgrade_keeps_a_copy_of_meta_before_its_first_write() {
    let folder = tempfile::tempdir().unwrap();
    let engine = MemoryEngine::new();
    let older = Options { version: "0.0.9", ..in_directory(&folder) };
    let store = Store::open(Box::new(engine.clone()), older).unwrap();
    write(&store, 1).await.unwrap();
    drop(store);
    let copy = folder.path().join("meta-0.0.9");
    assert!(!copy.exists());

    let failing = FaultyEngine::failing_after(engine.clone(), 0, Failure::Before);
    assert!(Store::open(Box::new(failing), in_directory(&folder)).is_err());
    let kept = std::fs::read(&copy).unwrap();
    assert!(kept.windows(5).any(|bytes| bytes == b"0.0.9"), "the copy was made before anything was written");
    for named in ["numbers", "sequence", "table/guards/rows"] {
        assert!(kept.windows(named.len()).any(|bytes| bytes == named.as_bytes()), "{named}");
    }
    let store = Store::open(Box::new(engine.clone()), in_directory(&folder)).unwrap();
    write(&store, 2).await.unwrap();
    drop(store);
    std::fs::remove_file(&copy).unwrap();
    drop(Store::open(Box::new(engine), in_directory(&folder)).unwrap());
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        3,
        "lock, high-water, blobs: no other copy"
    );
}

#[tokio::test]
async fn data_of_a_newer_layout_is_refused_and_not_touched() {
    let engine = MemoryEngine::new();
    let newer = |row: &'static [u8], value| (Class::Meta, Bytes::from_static(row), Some(value));
    let format = newer(b"\0\0\0format", Bytes::copy_from_slice(&7u64.to_be_bytes()));
    let version = newer(b"\0\0\0version", Bytes::from_static(b"9.1.0"));
    engine.apply(Batch { writes: vec![format, version] }).unwrap();
    let failing = FaultyEngine::failing_after(engine, 0, Failure::Before);
    let refused = Store::open(Box::new(failing), Options::in_memory()).err().unwrap();
    assert!(matches!(refused, OpenError::Newer { format: 7, .. }), "{refused:?}");
    let text = refused.to_string();
    assert!(text.contains("layout 7") && text.contains("9.1.0") && text.contains("up to 1"), "{text}");
}
