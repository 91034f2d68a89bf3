//! The embedded engine: fjall, an LSM tree with a journal, one keyspace for each class.
//!
//! Keyspaces are made at the first start and never cleared or dropped, which fjall does not do safely.
//! A keyspace that is seldom written keeps old journals alive, so now and then each gets a heartbeat row,
//! and all are flushed when journals pile up: their size stays bounded.

mod create;
mod journal;
mod repair;

use bytes::Bytes;
use fjall::config::{PartitioningPolicy, PinningPolicy};
use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use store::{Batch, Class, Engine, EngineError, EngineSnapshot, Rows};

/// Blocks of tables kept in memory.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;
/// A memtable larger than this is written to a table.
const MEMTABLE_BYTES: u64 = 16 * 1024 * 1024;
/// The least that fjall allows; a journal is sealed at 64 MB.
const JOURNALS_BYTES: u64 = 128 * 1024 * 1024;
const OPEN_FILES: usize = 256;
/// One: with more, fjall's first puts each compaction back into the queue and takes it out again until another
/// worker is free, and burns a core meanwhile. Writes go on while a flush waits for a compaction, up to
/// `MOST_JOURNALS`.
const WORKERS: usize = 1;
/// How many bytes are written between two looks after the journals.
const TEND_EVERY: usize = 8 * 1024 * 1024;
/// With more journals than this all memtables are flushed, since a start after a crash reads them all.
const MANY_JOURNALS: usize = 1;
/// With more journals than this writes wait for the flush: it may stand behind a long compaction.
const MOST_JOURNALS: usize = 2;
/// With more bytes than this in journals they wait too.
const MOST_BYTES: u64 = 160 * 1024 * 1024;
/// How long they wait. What cannot be flushed in that time is not the writer's to be stopped for.
const STALL_PATIENCE: Duration = Duration::from_secs(10);
/// How long a close waits for the last flush; without it the next start takes longer.
const FLUSH_PATIENCE: Duration = Duration::from_secs(5);
/// Below all keys of tables, whose numbers begin at one.
const HEARTBEAT: &[u8] = b"\0\0\0heartbeat";

/// An engine over a directory, which is locked while it is open.
pub struct FjallEngine {
    database: Database,
    keyspaces: Arc<[Keyspace; 6]>,
    untended: AtomicUsize,
    path: PathBuf,
    /// Its journal was emptied: what is written to it from here on would be lost.
    closed: AtomicBool,
}

/// How a keyspace is laid out, from its making on.
///
/// Every look for a key asks the filter of a table on each level. fjall's own options leave those of the second
/// and third level (256 MB and 2.5 GB) to the block cache, whole: in a table that was being filled with ten million
/// items, 72 of 100 samples of the processor were in reading and checksumming them. They stay in memory instead, at
/// ten bits a key; further down both filters and indexes come in small parts.
fn keyspace_options() -> KeyspaceCreateOptions {
    KeyspaceCreateOptions::default()
        .max_memtable_size(MEMTABLE_BYTES)
        .filter_block_pinning_policy(PinningPolicy::all(true))
        .filter_block_partitioning_policy(PartitioningPolicy::new([false, false, false, true]))
        .index_block_pinning_policy(PinningPolicy::new([true, true, false]))
        .index_block_partitioning_policy(PartitioningPolicy::new([false, false, true]))
}

fn failed(error: impl Into<fjall::Error>) -> EngineError {
    EngineError::new(error.into())
}

impl FjallEngine {
    /// Opens the directory, creating what is missing.
    pub fn open(path: &Path) -> Result<Self, EngineError> {
        create::prepare(path, |new| Self::open_as_it_is(new).map(drop)).map_err(failed)?;
        let opened = match Self::open_as_it_is(path) {
            Err(error) if repair::is_called_for(&error) => {
                repair::cut_last_journal(path, || Self::open_as_it_is(path))
            }
            other => other,
        };
        opened.map_err(failed)
    }

    fn open_as_it_is(path: &Path) -> Result<Self, fjall::Error> {
        let database = Database::builder(path)
            .cache_size(CACHE_BYTES)
            .max_cached_files(Some(OPEN_FILES))
            .max_journaling_size(JOURNALS_BYTES)
            .journal_compression(CompressionType::None)
            .worker_threads(WORKERS)
            .open()?;
        let keyspace = |class: Class| database.keyspace(class.name(), keyspace_options);
        let [a, b, c, d, e, f] = Class::ALL;
        let keyspaces = [keyspace(a)?, keyspace(b)?, keyspace(c)?, keyspace(d)?, keyspace(e)?, keyspace(f)?];
        let keyspaces = Arc::new(keyspaces);
        let (untended, closed) = (AtomicUsize::new(0), AtomicBool::new(false));
        Ok(FjallEngine { database, keyspaces, untended, path: path.to_owned(), closed })
    }

    /// How many journals there are, the one being written included.
    pub fn journals(&self) -> usize {
        self.database.journal_count()
    }

    fn keyspace(&self, class: Class) -> &Keyspace {
        &self.keyspaces[class as usize]
    }

    /// Keeps idle keyspaces from pinning journals.
    fn tend(&self) -> Result<(), EngineError> {
        let mut batch = self.database.batch();
        for keyspace in self.keyspaces.iter() {
            batch.insert(keyspace, Bytes::from_static(HEARTBEAT), Bytes::new());
        }
        batch.commit().map_err(failed)?;
        if self.database.journal_count() > MANY_JOURNALS || self.has_long_journals() {
            self.flush_begin()?;
            wait_until(STALL_PATIENCE, || self.journals() <= MOST_JOURNALS && !self.has_long_journals());
        }
        Ok(())
    }

    fn has_long_journals(&self) -> bool {
        journal::bytes(&self.path).is_ok_and(|bytes| bytes > MOST_BYTES)
    }

    /// Whether all that was applied is in tables.
    fn is_flushed(&self) -> bool {
        self.keyspaces.iter().all(|keyspace| keyspace.sealed_memtable_count() == 0)
    }

    fn flush_begin(&self) -> Result<(), EngineError> {
        self.keyspaces.iter().try_for_each(|keyspace| keyspace.rotate_memtable().map(drop).map_err(failed))
    }
}

/// Waits for something that the engine's own threads do.
fn wait_until(patience: Duration, done: impl Fn() -> bool) {
    let step = Duration::from_millis(1);
    let mut waited = Duration::ZERO;
    while !done() && waited < patience {
        std::thread::sleep(step);
        waited += step;
    }
}

impl Engine for FjallEngine {
    fn snapshot(&self) -> Result<Arc<dyn EngineSnapshot>, EngineError> {
        Ok(Arc::new(FjallSnapshot { snapshot: self.database.snapshot(), keyspaces: self.keyspaces.clone() }))
    }

    fn apply(&self, batch: Batch) -> Result<(), EngineError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(EngineError::new("the engine is closed"));
        }
        let mut bytes = 0;
        let writes = batch.writes;
        let mut batch = self.database.batch();
        for (class, key, value) in writes {
            bytes += key.len() + value.as_ref().map_or(0, Bytes::len);
            match value {
                Some(value) => batch.insert(self.keyspace(class), key, value),
                None => batch.remove(self.keyspace(class), key),
            }
        }
        batch.commit().map_err(failed)?;
        if self.untended.fetch_add(bytes, Ordering::Relaxed) + bytes >= TEND_EVERY {
            self.untended.store(0, Ordering::Relaxed);
            self.tend()?;
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), EngineError> {
        self.database.persist(PersistMode::SyncData).map_err(failed)
    }

    /// Writes everything to tables, and empties the journal, which the next start would read for nothing: more
    /// than a second for a full one.
    fn close(&self) -> Result<(), EngineError> {
        if self.closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        self.flush_begin()?;
        wait_until(FLUSH_PATIENCE, || self.is_flushed() && self.journals() == 1);
        if self.is_flushed() {
            self.sync()?;
            journal::empty_last(&self.path).map_err(failed)?;
        }
        Ok(())
    }
}

struct FjallSnapshot {
    snapshot: fjall::Snapshot,
    keyspaces: Arc<[Keyspace; 6]>,
}

impl EngineSnapshot for FjallSnapshot {
    fn get(&self, class: Class, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        let value = self.snapshot.get(&self.keyspaces[class as usize], key).map_err(failed)?;
        Ok(value.map(Bytes::from))
    }

    fn range(&self, class: Class, low: &[u8], high: &[u8], reversed: bool) -> Rows {
        let range = self.snapshot.range(&self.keyspaces[class as usize], low..high);
        let row = |guard: fjall::Guard| {
            let (key, value) = guard.into_inner().map_err(failed)?;
            Ok((Bytes::from(key), Bytes::from(value)))
        };
        if reversed { Box::new(range.rev().map(row)) } else { Box::new(range.map(row)) }
    }
}
