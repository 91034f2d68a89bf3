//! The engine of `--memory` and of tests: ordered maps whose rows keep the versions that snapshots need.
//!
//! A snapshot is a version number. A row's older versions go when no snapshot can see them any more:
//! at its next write, or, for deleted rows, when a later batch finds the last snapshot gone.

use crate::Class;
use crate::engine::{Batch, Engine, EngineError, EngineSnapshot, Rows};
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// An engine that forgets everything when the process ends.
#[derive(Clone, Default)]
pub struct MemoryEngine {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    classes: [RwLock<BTreeMap<Bytes, Versions>>; 6],
    visible: AtomicU64,
    /// How many snapshots are open, by version.
    open: Mutex<BTreeMap<u64, usize>>,
    /// Deleted rows that stay until no snapshot is older than their deletion.
    deleted: Mutex<VecDeque<(u64, Class, Bytes)>>,
}

/// The values of a row, the newest last, each with the version that wrote it.
type Versions = Vec<(u64, Option<Bytes>)>;

impl MemoryEngine {
    /// An empty engine. Clones share their rows, as two openings of one directory would.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Shared {
    /// The version that the oldest snapshot sees, or what a snapshot opened now would see.
    fn oldest_needed(&self) -> u64 {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.keys().next().copied().unwrap_or_else(|| self.visible.load(Ordering::Acquire))
    }

    fn remove_deleted(&self, oldest: u64) {
        let mut deleted = self.deleted.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((version, _, _)) = deleted.front()
            && *version <= oldest
            && let Some((_, class, key)) = deleted.pop_front()
        {
            let mut rows = self.classes[class as usize].write().unwrap_or_else(PoisonError::into_inner);
            if rows
                .get(&key)
                .is_some_and(|versions| matches!(versions.as_slice(), [.., (at, None)] if *at <= oldest))
            {
                rows.remove(&key);
            }
        }
    }
}

impl Engine for MemoryEngine {
    fn snapshot(&self) -> Result<Arc<dyn EngineSnapshot>, EngineError> {
        let mut open = self.shared.open.lock().unwrap_or_else(PoisonError::into_inner);
        let version = self.shared.visible.load(Ordering::Acquire);
        *open.entry(version).or_default() += 1;
        Ok(Arc::new(MemorySnapshot { shared: self.shared.clone(), version }))
    }

    fn apply(&self, batch: Batch) -> Result<(), EngineError> {
        let oldest = self.shared.oldest_needed();
        let version = self.shared.visible.load(Ordering::Acquire) + 1;
        for (class, key, value) in batch.writes {
            let mut rows =
                self.shared.classes[class as usize].write().unwrap_or_else(PoisonError::into_inner);
            if value.is_none() {
                if !rows.contains_key(&key) {
                    continue;
                }
                let mut deleted = self.shared.deleted.lock().unwrap_or_else(PoisonError::into_inner);
                deleted.push_back((version, class, key.clone()));
            }
            let versions = rows.entry(key).or_default();
            let needless = versions.iter().rposition(|(at, _)| *at <= oldest).unwrap_or(0);
            versions.drain(..needless);
            versions.push((version, value));
        }
        self.shared.visible.store(version, Ordering::Release);
        self.shared.remove_deleted(oldest);
        Ok(())
    }

    fn sync(&self) -> Result<(), EngineError> {
        Ok(())
    }

    fn is_instant(&self) -> bool {
        true
    }
}

struct MemorySnapshot {
    shared: Arc<Shared>,
    version: u64,
}

impl MemorySnapshot {
    fn share(&self) -> Self {
        let mut open = self.shared.open.lock().unwrap_or_else(PoisonError::into_inner);
        *open.entry(self.version).or_default() += 1;
        MemorySnapshot { shared: self.shared.clone(), version: self.version }
    }
}

impl Drop for MemorySnapshot {
    fn drop(&mut self) {
        let mut open = self.shared.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.version) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.version);
            }
        }
    }
}

fn seen(versions: &Versions, version: u64) -> Option<&Bytes> {
    versions.iter().rev().find(|(at, _)| *at <= version).and_then(|(_, value)| value.as_ref())
}

impl EngineSnapshot for MemorySnapshot {
    fn get(&self, class: Class, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        let rows = self.shared.classes[class as usize].read().unwrap_or_else(PoisonError::into_inner);
        Ok(rows.get(key).and_then(|versions| seen(versions, self.version)).cloned())
    }

    fn range(&self, class: Class, low: &[u8], high: &[u8], reversed: bool) -> Rows {
        Box::new(MemoryRows {
            snapshot: self.share(),
            class,
            low: Bound::Included(Bytes::copy_from_slice(low)),
            high: Bound::Excluded(Bytes::copy_from_slice(high)),
            reversed,
            page: VecDeque::new(),
            page_size: FIRST_PAGE,
            done: false,
        })
    }
}

const FIRST_PAGE: usize = 8;
const LARGEST_PAGE: usize = 256;

/// Reads a range in growing pages, so that no lock is held between two rows.
struct MemoryRows {
    snapshot: MemorySnapshot,
    class: Class,
    low: Bound<Bytes>,
    high: Bound<Bytes>,
    reversed: bool,
    page: VecDeque<(Bytes, Bytes)>,
    page_size: usize,
    done: bool,
}

impl MemoryRows {
    fn fill(&mut self) {
        let rows =
            self.snapshot.shared.classes[self.class as usize].read().unwrap_or_else(PoisonError::into_inner);
        let mut range = rows.range((self.low.clone(), self.high.clone()));
        let mut last = None;
        for _ in 0..self.page_size {
            let row = if self.reversed { range.next_back() } else { range.next() };
            let Some((key, versions)) = row else {
                self.done = true;
                break;
            };
            last = Some(key.clone());
            if let Some(value) = seen(versions, self.snapshot.version) {
                self.page.push_back((key.clone(), value.clone()));
            }
        }
        self.page_size = (self.page_size * 2).min(LARGEST_PAGE);
        match (last, self.reversed) {
            (Some(key), false) => self.low = Bound::Excluded(key),
            (Some(key), true) => self.high = Bound::Excluded(key),
            (None, _) => {}
        }
        // A map refuses a range that excludes the same key at both ends, or whose ends have crossed.
        let (Bound::Included(low) | Bound::Excluded(low)) = &self.low else { return };
        let (Bound::Included(high) | Bound::Excluded(high)) = &self.high else { return };
        self.done |= low >= high;
    }
}

impl Iterator for MemoryRows {
    type Item = Result<(Bytes, Bytes), EngineError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.page.is_empty() && !self.done {
            self.fill();
        }
        self.page.pop_front().map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(engine: &MemoryEngine, key: &'static str, value: Option<&'static str>) {
        let write = (Class::Items, Bytes::from(key), value.map(Bytes::from));
        engine.apply(Batch { writes: vec![write] }).unwrap();
    }

    fn rows_kept(engine: &MemoryEngine) -> usize {
        engine.shared.classes[Class::Items as usize].read().unwrap().values().map(Vec::len).sum()
    }

    #[test]
    fn a_snapshot_does_not_change_and_old_versions_go() {
        let engine = MemoryEngine::new();
        put(&engine, "a", Some("1"));
        let before = engine.snapshot().unwrap();
        put(&engine, "a", Some("2"));
        put(&engine, "b", Some("1"));
        put(&engine, "a", None);
        let rows: Vec<_> = before.range(Class::Items, b"", b"z", false).map(Result::unwrap).collect();
        assert_eq!(rows, [(Bytes::from("a"), Bytes::from("1"))]);
        drop(before);
        put(&engine, "b", Some("2"));
        put(&engine, "b", Some("3"));
        assert_eq!(rows_kept(&engine), 2, "the deleted row is gone, the written one keeps two versions");
    }

    #[test]
    fn ranges_longer_than_a_page_both_ways() {
        let engine = MemoryEngine::new();
        let key = |n: u32| Bytes::from(format!("{n:05}"));
        let writes = (0..2000).map(|n| (Class::Queue, key(n), Some(Bytes::new()))).collect();
        engine.apply(Batch { writes }).unwrap();
        let snapshot = engine.snapshot().unwrap();
        let read = |reversed| -> Vec<Bytes> {
            snapshot.range(Class::Queue, &key(3), &key(1990), reversed).map(|row| row.unwrap().0).collect()
        };
        let expected: Vec<Bytes> = (3..1990).map(key).collect();
        assert_eq!(read(false), expected);
        assert_eq!(read(true), expected.into_iter().rev().collect::<Vec<_>>());
    }
}
