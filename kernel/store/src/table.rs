//! Tables as rooms declare them: statics with a name, a class, and the types of key and value.

use crate::key::OfIncarnation;
use crate::writes::chunks_of;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Mutex, PoisonError};

/// What kind of rows a table has, which decides the physical keyspace they live in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Class {
    /// Descriptions of resources: few, small, read often.
    Records = 0,
    /// Users' data: table items, object entries.
    Items = 1,
    /// Rows that come and go: messages, timers, outbox.
    Queue = 2,
    /// Rows by time: logs, metrics.
    Series = 3,
    /// What the sweeper has yet to remove. Only the store's own.
    Garbage = 4,
    /// What the store knows of itself. Only the store's own.
    Meta = 5,
}

impl Class {
    /// All classes, in the order of their numbers.
    pub const ALL: [Class; 6] =
        [Class::Records, Class::Items, Class::Queue, Class::Series, Class::Garbage, Class::Meta];

    /// The name of its keyspace.
    pub const fn name(self) -> &'static str {
        match self {
            Class::Records => "records",
            Class::Items => "items",
            Class::Queue => "queue",
            Class::Series => "series",
            Class::Garbage => "garbage",
            Class::Meta => "meta",
        }
    }

    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|class| *class as u8 == number)
    }
}

/// A table's identity within this process, the same in each store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableId(pub(crate) u16);

/// A table: `static QUEUES: Table<String, QueueRecord> = Table::new("sqs/queues", Class::Records);`
///
/// The name is the table's identity for all time: its number is given to it at first use.
pub struct Table<K, V> {
    pub(crate) shape: Shape,
    /// `NO_ID` until the name is looked up.
    id: AtomicU16,
    types: PhantomData<fn() -> (K, V)>,
}

const NO_ID: u16 = u16::MAX;

/// What is known of a table besides its types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) class: Class,
    pub(crate) of_incarnation: bool,
    pub(crate) large: bool,
}

impl Shape {
    /// How many chunks a value of this length takes beside its row.
    pub(crate) fn chunks_of(&self, length: usize) -> usize {
        if self.large { chunks_of(length) } else { 0 }
    }
}

impl<K, V> Table<K, V> {
    /// A table whose values have at most 64 KiB.
    pub const fn new(name: &'static str, class: Class) -> Self {
        Self::shaped(Shape { name, class, of_incarnation: false, large: false })
    }

    /// The same table with values up to 1 MiB and 64 KiB: a MiB of a user's, and what is known of it. Those above
    /// 64 KiB are kept in chunks. A write to such a table reads the row first.
    pub const fn large(self) -> Self {
        Self::shaped(Shape { large: true, ..self.shape })
    }

    const fn shaped(shape: Shape) -> Self {
        Table { shape, id: AtomicU16::new(NO_ID), types: PhantomData }
    }

    /// The table's name.
    pub const fn name(&self) -> &'static str {
        self.shape.name
    }

    /// The table's identity, for a view's list of tables.
    pub fn id(&self) -> TableId {
        match self.id.load(Ordering::Relaxed) {
            NO_ID => {
                let id = intern(self.shape.name);
                self.id.store(id.0, Ordering::Relaxed);
                id
            }
            id => TableId(id),
        }
    }
}

impl<K: OfIncarnation, V> Table<K, V> {
    /// A table of what a resource contains: its keys begin with the resource's incarnation, and
    /// `tx.discard` of that incarnation has its rows swept.
    pub const fn of_incarnation(name: &'static str, class: Class) -> Self {
        Self::shaped(Shape { name, class, of_incarnation: true, large: false })
    }
}

/// How many different tables one process may use; a constant of the code, not of its input.
pub(crate) const MAX_TABLES: usize = 4096;

static NAMES: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());

/// The identity of a table that this process has used, by its name.
pub(crate) fn known(name: &str) -> Option<TableId> {
    let names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    names.iter().position(|known| *known == name).map(|at| TableId(at as u16))
}

fn intern(name: &'static str) -> TableId {
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    let at = names.iter().position(|known| *known == name).unwrap_or_else(|| {
        names.push(name);
        names.len() - 1
    });
    assert!(at < MAX_TABLES, "more than {MAX_TABLES} tables are declared");
    TableId(at as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_is_one_table() {
        static ONE: Table<String, ()> = Table::new("test/one", Class::Records);
        static SAME: Table<String, ()> = Table::new("test/one", Class::Records);
        static OTHER: Table<String, ()> = Table::new("test/other", Class::Records);
        assert_eq!(ONE.id(), SAME.id());
        assert_ne!(ONE.id(), OTHER.id());
    }

    #[test]
    fn classes_keep_their_numbers() {
        for class in Class::ALL {
            assert_eq!(Class::from_number(class as u8), Some(class));
        }
        assert_eq!(Class::from_number(6), None);
    }
}
