//! Prints what a store over fjall does: commits a second by number of committers, CPU for each, the time
//! to open. Run in release: `cargo run --release -p engine-fjall --example throughput [directory]`.
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a measurement reads clocks and prints")]

use bytes::Bytes;
use engine_fjall::FjallEngine;
use names::Scope;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use store::{Class, DataDirectory, Engine, Fault, MemoryEngine, Options, Raw, Read, Store, Table, Tx};

static ITEMS: Table<u64, Raw> = Table::new("throughput/items", Class::Items);
static COUNTERS: Table<u64, u64> = Table::new("throughput/counters", Class::Records);

const WINDOW: Duration = Duration::from_secs(2);

fn open(path: &Path) -> Store {
    let directory = DataDirectory::open(path).expect("the directory is free");
    let engine = FjallEngine::open(&directory.engine_path()).expect("the engine opens");
    Store::open(Box::new(engine), Options::in_directory(directory).expect("blobs")).expect("the store opens")
}

/// The CPU seconds this process has used.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<f64> = stat
        .rsplit(')')
        .next()
        .unwrap_or("")
        .split_whitespace()
        .skip(11)
        .take(2)
        .flat_map(str::parse)
        .collect();
    fields.iter().sum::<f64>() / 100.0
}

async fn measure(name: &str, store: &Store, tasks: u64, work: fn(&mut Tx, u64) -> Result<(), Fault>) {
    let (started, cpu_before, first) = (Instant::now(), cpu(), store.read().sequence());
    let running: Vec<_> = (0..tasks)
        .map(|task| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut done = 0u64;
                while started.elapsed() < WINDOW {
                    let n = (task << 32) | done;
                    store.commit(move |tx| work(tx, n)).await.expect("a commit");
                    done += 1;
                }
                done
            })
        })
        .collect();
    let mut total = 0;
    for task in running {
        total += task.await.expect("a task");
    }
    let (seconds, cpu, batches) =
        (started.elapsed().as_secs_f64(), cpu() - cpu_before, store.read().sequence() - first);
    println!(
        "{name:>24} {tasks:>4} committers {:>8.0} commits/s {:>6.1} a batch {:>6.1} us CPU each",
        total as f64 / seconds,
        total as f64 / batches.max(1) as f64,
        cpu * 1e6 / total as f64
    );
}

fn write_item(tx: &mut Tx, n: u64) -> Result<(), Fault> {
    tx.get(&ITEMS, &Scope::Partition, &n)?;
    tx.put(&ITEMS, &Scope::Partition, &n, &Raw(Bytes::from_static(&[7; 1024])))
}

fn count_up(tx: &mut Tx, _: u64) -> Result<(), Fault> {
    tx.counter(&COUNTERS, &Scope::Partition, &1).map(drop)
}

/// Syncs of this disk alone, for comparison.
fn measure_syncs(folder: &Path) {
    use std::io::Write;
    let mut file = std::fs::File::create(folder.join("syncs")).expect("a file");
    let (started, mut count) = (Instant::now(), 0);
    while started.elapsed() < Duration::from_secs(1) {
        file.write_all(&[7; 1100]).and_then(|()| file.sync_data()).expect("a sync");
        count += 1;
    }
    println!("{:>24} {count} syncs/s", "this disk");
}

async fn fill(store: &Store) {
    for part in 0..2000u64 {
        let fill = move |tx: &mut Tx| {
            tx.relaxed();
            let value = Raw(Bytes::from_static(&[9; 200]));
            (0..500)
                .try_for_each(|n| tx.put(&ITEMS, &Scope::Partition, &((1 << 60) | (part * 500 + n)), &value))
        };
        store.commit(fill).await.expect("a commit");
    }
}

fn timed<T>(name: &str, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = work();
    println!("{name:>24} {:.1} ms", started.elapsed().as_secs_f64() * 1e3);
    result
}

fn main() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let path = std::env::args().nth(1).map_or_else(|| folder.path().to_owned(), PathBuf::from);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let memory: Box<dyn Engine> = Box::new(MemoryEngine::new());
    let memory = Store::open(memory, Options::in_memory()).expect("a store");
    runtime.block_on(async {
        measure("memory, items", &memory, 1, write_item).await;
        measure("memory, items", &memory, 32, write_item).await;
        measure("memory, one counter", &memory, 32, count_up).await;
    });
    std::fs::create_dir_all(&path).expect("the directory");
    measure_syncs(&path);
    let store = timed("first open", || open(&path));
    runtime.block_on(async {
        for tasks in [1, 32, 256] {
            measure("items", &store, tasks, write_item).await;
            measure("one counter", &store, tasks, count_up).await;
        }
    });
    runtime.block_on(fill(&store));
    drop(store);
    let store = timed("open, 1M rows, no close", || open(&path));
    timed("close", || store.close().expect("a clean end"));
    drop(store);
    let store = timed("open, 1M rows, closed", || open(&path));
    let key = 1 << 60;
    timed("first read", || store.read().get(&ITEMS, &Scope::Partition, &key).expect("a read"));
}
