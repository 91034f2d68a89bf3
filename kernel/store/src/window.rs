//! The writes of the last batches, in their order: what a transaction read is held against them.

use crate::writes::{ReadSet, WriteSet};
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};

/// How many written keys are remembered. A transaction that began before them counts as conflicting.
const MAX_KEYS: usize = 32 * 1024;

/// The keys written lately, each with the sequence of its last write.
///
/// A transaction is seldom more than a batch or two behind, so a range is held against the few keys
/// written since, one by one; an ordered map of all would cost each write more than that saves.
#[derive(Default)]
pub(crate) struct Window {
    last: HashMap<Bytes, u64>,
    order: VecDeque<(u64, Bytes)>,
    /// Writes up to this sequence may have been forgotten.
    floor: u64,
}

impl Window {
    /// Begins with nothing known of what was written up to a sequence.
    pub(crate) fn since(sequence: u64) -> Self {
        Window { floor: sequence, ..Window::default() }
    }

    /// Whether something that was read at `base` may have been written since.
    pub(crate) fn changed(&self, reads: &ReadSet, base: u64) -> bool {
        if base < self.floor {
            return reads.len() > 0;
        }
        reads.keys.iter().any(|key| self.key_changed(key, base))
            || reads.ranges.iter().any(|range| self.range_changed(&range.low, &range.high, base))
    }

    /// Whether a key is known to have been written since `base`.
    pub(crate) fn key_changed(&self, key: &Bytes, base: u64) -> bool {
        self.last.get(key).is_some_and(|at| *at > base)
    }

    fn range_changed(&self, low: &[u8], high: &[u8], base: u64) -> bool {
        let since = self.order.partition_point(|(at, _)| *at <= base);
        self.order.range(since..).any(|(_, key)| low <= key.as_ref() && key.as_ref() < high)
    }

    /// Remembers the writes of a batch, and forgets the oldest beyond the bound.
    pub(crate) fn remember(&mut self, writes: &WriteSet, sequence: u64) {
        for (key, _) in writes.iter() {
            self.last.insert(key.clone(), sequence);
            self.order.push_back((sequence, key.clone()));
        }
        while self.order.len() > MAX_KEYS
            && let Some((at, key)) = self.order.pop_front()
        {
            self.floor = at;
            if self.last.get(&key) == Some(&at) {
                self.last.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Class;
    use crate::writes::{ReadRange, Write};

    fn writes(keys: impl IntoIterator<Item = String>) -> WriteSet {
        let mut set = WriteSet::default();
        for key in keys {
            let write = Write { table: None, class: Class::Items, large: false, value: None, old_chunks: 0 };
            set.put(Bytes::from(key), write);
        }
        set
    }

    fn key_read(key: &'static str) -> ReadSet {
        ReadSet { keys: vec![Bytes::from(key)], ..ReadSet::default() }
    }

    fn range_read(low: &str, high: &str) -> ReadSet {
        let range = ReadRange { low: low.into(), high: high.into() };
        ReadSet { ranges: vec![range], ..ReadSet::default() }
    }

    #[test]
    fn later_writes_of_what_was_read_count() {
        let mut window = Window::since(4);
        window.remember(&writes(["b".into()]), 5);
        window.remember(&writes(["d".into()]), 6);
        assert!(window.changed(&key_read("b"), 4));
        assert!(!window.changed(&key_read("b"), 5));
        assert!(!window.changed(&key_read("c"), 4));
        assert!(window.changed(&range_read("c", "e"), 5));
        assert!(!window.changed(&range_read("a", "d"), 5));
        assert!(!window.changed(&range_read("d", "d"), 4));
    }

    #[test]
    fn what_is_older_than_the_window_counts_as_changed() {
        let mut window = Window::since(4);
        assert!(window.changed(&key_read("z"), 3));
        assert!(!window.changed(&ReadSet::default(), 3), "a blind write depends on nothing");
        for sequence in 5..10 {
            window.remember(&writes((0..MAX_KEYS / 4).map(|n| format!("{sequence}/{n}"))), sequence);
        }
        assert!(window.changed(&key_read("z"), 4));
        assert!(!window.changed(&key_read("z"), 9));
        assert!(window.last.len() <= MAX_KEYS);
    }
}
