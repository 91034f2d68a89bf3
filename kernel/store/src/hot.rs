//! The keys that many write at once: a counter, a lock. Who reads such a key on the published state runs for
//! nothing, since another of the same batch writes it first. A first run therefore stops where it reads one,
//! and the committer runs the closure when its turn comes.

use bytes::Bytes;
use std::cell::Cell;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Keys told apart; two that fall together take turns.
const SLOTS: usize = 64;
/// A key is hot for so many batches after its last conflict.
const COOLS_AFTER: u64 = 16;

#[derive(Default)]
struct Slot {
    /// The key's hash; zero where there is none.
    key: AtomicU64,
    /// The sequence of the batch in which it was last in conflict.
    at: AtomicU64,
    /// How much the transaction wrote that was in conflict, in bytes.
    written: AtomicUsize,
}

/// The hot keys of a store. Every value in it is a guess: a wrong one costs a run.
pub(crate) struct Hot {
    hasher: RandomState,
    slots: [Slot; SLOTS],
    /// The last conflict of any key: where it is long ago, nothing is hashed.
    last: AtomicU64,
}

impl Hot {
    pub(crate) fn new() -> Self {
        let slots = std::array::from_fn(|_| Slot::default());
        Hot { hasher: RandomState::new(), slots, last: AtomicU64::new(0) }
    }

    fn slot(&self, key: &[u8]) -> (&Slot, u64) {
        let hash = self.hasher.hash_one(key) | 1;
        (&self.slots[(hash >> 32) as usize % SLOTS], hash)
    }

    /// A batch had several transactions that read and wrote a key.
    pub(crate) fn heat(&self, key: &Bytes, sequence: u64, written: usize) {
        let (slot, hash) = self.slot(key);
        slot.key.store(hash, Ordering::Relaxed);
        slot.at.store(sequence, Ordering::Relaxed);
        slot.written.store(written, Ordering::Relaxed);
        self.last.store(sequence, Ordering::Relaxed);
    }

    /// A key is not worth the committer's time.
    pub(crate) fn cool(&self, key: &Bytes) {
        let (slot, hash) = self.slot(key);
        let _ = slot.key.compare_exchange(hash, 0, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// How much a transaction will write that reads this key, where the key is hot.
    pub(crate) fn written(&self, key: &[u8], sequence: u64) -> Option<usize> {
        if self.last.load(Ordering::Relaxed) + COOLS_AFTER < sequence {
            return None;
        }
        let (slot, hash) = self.slot(key);
        let hot = slot.key.load(Ordering::Relaxed) == hash
            && slot.at.load(Ordering::Relaxed) + COOLS_AFTER >= sequence;
        hot.then(|| slot.written.load(Ordering::Relaxed))
    }
}

/// What a first run needs to know to stop where it reads a hot key.
pub(crate) struct Deferral {
    sequence: u64,
    /// Set where it stopped: how much it is expected to write.
    written: Cell<Option<usize>>,
}

impl Deferral {
    /// For a run on the state of this sequence.
    pub(crate) fn at(sequence: u64) -> Self {
        Deferral { sequence, written: Cell::new(None) }
    }

    /// Whether the run stops here, since this key is hot.
    pub(crate) fn stops_at(&self, hot: &Hot, key: &[u8]) -> bool {
        if self.written.get().is_none() {
            self.written.set(hot.written(key, self.sequence));
        }
        self.written.get().is_some()
    }

    /// How much the run is expected to write, where it stopped.
    pub(crate) fn written(&self) -> Option<usize> {
        self.written.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_hot_for_some_batches_after_a_conflict() {
        let hot = Hot::new();
        let (counter, other) = (Bytes::from_static(b"counter"), Bytes::from_static(b"other"));
        assert_eq!(hot.written(&counter, 0), None);
        hot.heat(&counter, 100, 40);
        assert_eq!(hot.written(&counter, 100 + COOLS_AFTER), Some(40));
        assert_eq!(hot.written(&other, 101), None);
        assert_eq!(hot.written(&counter, 101 + COOLS_AFTER), None);
        hot.cool(&other);
        assert_eq!(hot.written(&counter, 101), Some(40), "another key cools it not");
        hot.cool(&counter);
        assert_eq!(hot.written(&counter, 101), None);
    }
}
