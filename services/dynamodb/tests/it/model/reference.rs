//! The reference: a map of items, and the list of all that ever changed in it.

use crate::world::*;
use std::collections::BTreeMap;

/// How long after its time an item goes, in seconds.
const GRACE: i64 = 60;

/// Partition and sort key.
pub type Key = (i64, i64);

/// What an item holds beside its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rest {
    /// A value.
    pub value: i64,
    /// A group; the index has only items with one.
    pub group: Option<i64>,
    /// When its time is over.
    pub ends: Option<i64>,
}

/// A change of one key.
#[derive(Debug, Clone, Copy)]
pub struct Change {
    /// What was there.
    pub old: Option<Rest>,
    /// What is there now.
    pub new: Option<Rest>,
    /// Its time was over.
    pub by_time: bool,
}

/// The items, and how they came about.
#[derive(Debug, Default)]
pub struct Reference {
    /// The items.
    pub items: BTreeMap<Key, Rest>,
    /// All changes in their order.
    pub changes: Vec<(Key, Change)>,
}

impl Reference {
    /// Writes or removes an item.
    pub fn set(&mut self, key: Key, new: Option<Rest>) {
        self.replace(key, new, false);
    }

    fn replace(&mut self, key: Key, new: Option<Rest>, by_time: bool) {
        let old = match new {
            Some(rest) => self.items.insert(key, rest),
            None => self.items.remove(&key),
        };
        if old != new {
            self.changes.push((key, Change { old, new, by_time }));
        }
    }

    /// Removes what has outlived its time at a moment.
    pub fn expire(&mut self, now: i64) {
        let is_over = |rest: &Rest| rest.ends.is_some_and(|ends| ends + GRACE <= now);
        let over: Vec<Key> =
            self.items.iter().filter(|(_, rest)| is_over(rest)).map(|(key, _)| *key).collect();
        over.into_iter().for_each(|key| self.replace(key, None, true));
    }
}

/// A key as an item.
pub fn key((p, r): Key) -> Item {
    item(&[("p", s(&p.to_string())), ("r", n(r))])
}

/// A whole item.
pub fn whole(at: Key, rest: Rest) -> Item {
    let mut whole = key(at);
    whole.insert("v".into(), n(rest.value));
    rest.group.map(|group| whole.insert("g".into(), n(group)));
    rest.ends.map(|ends| whole.insert("ends".into(), n(ends)));
    whole
}
