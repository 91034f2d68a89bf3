//! Guards: lost data is noticed at open, a full disk refuses writes and nothing else.

use names::Scope;
use store::{
    Class, DataDirectory, Fault, Incarnation, MemoryEngine, OpenError, Options, Read, Reason, Span, Store,
    Table,
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
