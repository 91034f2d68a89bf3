//! What may happen to the table, and how often each of it does.

use super::reference::Key;
use proptest::prelude::*;
use proptest::strategy::BoxedStrategy;

/// One step.
#[derive(Debug, Clone)]
pub enum Step {
    /// Time passes, in seconds.
    Wait(u64),
    /// A write of one item.
    Write(Write),
    /// A batch of puts and deletes, of keys that differ.
    Batch(Vec<(Key, Option<i64>)>),
    /// A transaction, of keys that differ.
    Transact(Vec<(Key, Part)>),
    /// A read.
    Read(Read),
}

/// A write of one item.
#[derive(Debug, Clone, Copy)]
pub enum Write {
    /// Puts a value and a group.
    Put(Key, i64, Option<i64>),
    /// Puts where nothing is.
    PutAbsent(Key, i64),
    /// Puts an item whose time is over in some seconds.
    PutDying(Key, i64),
    /// Adds to the value.
    Add(Key, i64),
    /// Sets or removes the group of an item that is there.
    Regroup(Key, Option<i64>),
    /// Deletes.
    Delete(Key),
    /// Deletes where the value is above one.
    DeleteAbove(Key, i64),
    /// Sets the value by a statement, where the item is there.
    Statement(Key, i64),
}

/// A part of a transaction.
#[derive(Debug, Clone, Copy)]
pub enum Part {
    /// Puts where nothing is.
    PutAbsent(i64),
    /// Adds to the value of an item that is there.
    Add(i64),
    /// Deletes an item whose value is at most one.
    DeleteUpTo(i64),
    /// Looks whether an item is there.
    Check,
}

/// A read.
#[derive(Debug, Clone)]
pub enum Read {
    /// Items by their keys, at once and in a transaction.
    Batch(Vec<Key>),
    /// Items of a partition, from one sort key to another, forward or not, in pages.
    Range(i64, i64, i64, bool, i32),
    /// Items of a group by their value, forward or not, in pages.
    Group(i64, bool, i32),
    /// Keys of a partition by their value.
    Values(i64, bool),
    /// All items with at least a value, in pages and segments.
    Scan(i64, i32, i32),
    /// All entries of the index.
    ScanGroups,
}

fn keys() -> impl Strategy<Value = Key> + Clone {
    (0..3i64, -3..4i64)
}

fn write() -> BoxedStrategy<Write> {
    let (key, v, group) = (keys(), -5..6i64, proptest::option::of(0..2i64));
    prop_oneof![
        4 => (key.clone(), v.clone(), group.clone()).prop_map(|(k, v, g)| Write::Put(k, v, g)),
        2 => (key.clone(), v.clone()).prop_map(|(k, v)| Write::PutAbsent(k, v)),
        2 => (key.clone(), 0..200i64).prop_map(|(k, s)| Write::PutDying(k, s)),
        3 => (key.clone(), v.clone()).prop_map(|(k, v)| Write::Add(k, v)),
        2 => (key.clone(), group).prop_map(|(k, g)| Write::Regroup(k, g)),
        2 => key.clone().prop_map(Write::Delete),
        1 => (key.clone(), v.clone()).prop_map(|(k, v)| Write::DeleteAbove(k, v)),
        1 => (key, v).prop_map(|(k, v)| Write::Statement(k, v)),
    ]
    .boxed()
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        (-5..6i64).prop_map(Part::PutAbsent),
        (-5..6i64).prop_map(Part::Add),
        (-5..6i64).prop_map(Part::DeleteUpTo),
        Just(Part::Check),
    ]
}

fn read() -> BoxedStrategy<Read> {
    let (p, r) = (0..3i64, -3..4i64);
    prop_oneof![
        proptest::collection::btree_set(keys(), 1..6)
            .prop_map(|keys| Read::Batch(keys.into_iter().collect())),
        (p.clone(), r.clone(), r, any::<bool>(), 1..5i32).prop_map(|(p, l, h, forward, limit)| Read::Range(
            p,
            l.min(h),
            l.max(h),
            forward,
            limit
        )),
        (0..2i64, any::<bool>(), 1..5i32).prop_map(|(g, forward, limit)| Read::Group(g, forward, limit)),
        (p, any::<bool>()).prop_map(|(p, forward)| Read::Values(p, forward)),
        (-5..6i64, 1..6i32, 1..4i32).prop_map(|(v, limit, segments)| Read::Scan(v, limit, segments)),
        Just(Read::ScanGroups),
    ]
    .boxed()
}

/// Some steps.
pub fn all() -> impl Strategy<Value = Vec<Step>> {
    let batch = proptest::collection::btree_map(keys(), proptest::option::of(-5..6i64), 1..8);
    let parts = proptest::collection::btree_map(keys(), part(), 1..5);
    let one = prop_oneof![
        1 => (1..120u64).prop_map(Step::Wait),
        8 => write().prop_map(Step::Write),
        1 => batch.prop_map(|writes| Step::Batch(writes.into_iter().collect())),
        2 => parts.prop_map(|parts| Step::Transact(parts.into_iter().collect())),
        4 => read().prop_map(Step::Read),
    ];
    proptest::collection::vec(one, 1..40)
}
