//! An engine that fails: no write is acknowledged that could be lost, nothing is torn, reads go on.

use names::Scope;
use std::sync::Arc;
use store::{
    Class, Failure, Fault, FaultyEngine, MemoryEngine, Options, Read, Reason, Span, Store, Table, Tx,
};

static LEFT: Table<u64, u64> = Table::new("faults/left", Class::Items);
static RIGHT: Table<u64, u64> = Table::new("faults/right", Class::Queue);

fn pair(n: u64) -> impl Fn(&mut Tx) -> Result<u64, Fault> + Send + 'static {
    move |tx| {
        tx.put(&LEFT, &Scope::Partition, &n, &n)?;
        tx.put(&RIGHT, &Scope::Partition, &n, &n)?;
        Ok(n)
    }
}

fn rows(read: &impl Read, table: &Table<u64, u64>) -> Vec<u64> {
    read.scan(table, &Scope::Partition, Span::all()).map(|row| row.unwrap().0).collect()
}

/// Writes pairs from eight tasks until the engine fails; gives those that were acknowledged.
async fn write_until_failure(store: &Store) -> Vec<u64> {
    let acknowledged = Arc::new(std::sync::Mutex::new(Vec::new()));
    let tasks: Vec<_> = (0..8u64)
        .map(|writer| {
            let (store, acknowledged) = (store.clone(), acknowledged.clone());
            tokio::spawn(async move {
                for n in 0..50 {
                    match store.commit(pair(writer * 100 + n)).await {
                        Ok(n) => acknowledged.lock().unwrap().push(n),
                        Err(fault) => {
                            assert!(
                                matches!(fault, Fault::Unavailable(Reason::EngineFailed(_))),
                                "{fault:?}"
                            );
                            return;
                        }
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let mut acknowledged = std::mem::take(&mut *acknowledged.lock().unwrap());
    acknowledged.sort_unstable();
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_call_may_fail() {
    for calls in 2..30 {
        for failure in [Failure::Before, Failure::After] {
            let disk = MemoryEngine::new();
            let engine = FaultyEngine::failing_after(disk.clone(), calls, failure);
            let store = Store::open(Box::new(engine), Options::in_memory()).unwrap();
            let acknowledged = write_until_failure(&store).await;

            let refused = store.commit(pair(9999)).await;
            assert!(matches!(refused, Err(Fault::Unavailable(Reason::EngineFailed(_)))), "{refused:?}");
            assert!(!refused.unwrap_err().is_retriable());
            let seen = store.read();
            assert_eq!(rows(&seen, &LEFT), acknowledged, "reads show what was acknowledged");
            drop((seen, store));

            let store = Store::open(Box::new(disk), Options::in_memory()).unwrap();
            let (left, right) = (rows(&store.read(), &LEFT), rows(&store.read(), &RIGHT));
            assert_eq!(left, right, "call {calls} {failure:?}: a pair was torn");
            let lost: Vec<_> = acknowledged.iter().filter(|n| !left.contains(n)).collect();
            assert!(lost.is_empty(), "call {calls} {failure:?}: lost {lost:?}");
            store.commit(pair(9999)).await.unwrap();
        }
    }
}

#[test]
fn an_engine_that_fails_at_open_is_not_opened() {
    for calls in 0..2 {
        let engine = FaultyEngine::failing_after(MemoryEngine::new(), calls, Failure::Before);
        assert!(Store::open(Box::new(engine), Options::in_memory()).is_err());
    }
}
