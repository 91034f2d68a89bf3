//! The way of a batch from the committer to the views: who is fed, with what, and who waits for it.

use crate::committer::{End, Job};
use crate::key::{Key, KeyReader};
use crate::state::BEFORE_SCOPE;
use crate::table::{Table, TableId};
use crate::value::Value;
use crate::writes::{Write, WriteSet};
use crate::{Corrupt, Fault};
use bytes::Bytes;
use names::Scope;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

/// One row as a batch left it.
#[derive(Debug, Clone)]
pub struct Change {
    table: TableId,
    key: Bytes,
    value: Option<Bytes>,
}

impl Change {
    /// The table the row is in.
    pub fn table(&self) -> TableId {
        self.table
    }

    /// The scope, key and new value of a row of this table, the value absent where the row was deleted;
    /// nothing for a row of another table.
    ///
    /// # Panics
    /// Where the row just written cannot be read, because one table is declared with two types. A view
    /// that panics is reloaded.
    pub fn of<K: Key, V: Value>(&self, table: &Table<K, V>) -> Option<(Scope, K, Option<V>)> {
        if table.id() != self.table {
            return None;
        }
        match self.decode() {
            Ok(row) => Some(row),
            Err(why) => panic!("a row just written to {} cannot be read: {why}", table.name()),
        }
    }

    fn decode<K: Key, V: Value>(&self) -> Result<(Scope, K, Option<V>), Corrupt> {
        let mut reader = KeyReader::new(&self.key[BEFORE_SCOPE..]);
        let scope = Scope::decode(&mut reader)?;
        let key = K::decode(&mut reader)?;
        let key = reader.finish(key)?;
        Ok((scope, key, self.value.clone().map(V::decode).transpose()?))
    }
}

/// A batch as a view gets it.
pub(crate) struct Feed {
    pub(crate) sequence: u64,
    /// The changes of all tables that any view follows.
    pub(crate) changes: Arc<[Change]>,
    pub(crate) acknowledgements: Vec<Arc<Acknowledgement>>,
}

/// Callers who are answered when the last of their views has applied the batch.
pub(crate) struct Acknowledgement {
    views_left: AtomicUsize,
    jobs: Mutex<Vec<Box<dyn Job>>>,
}

impl Acknowledgement {
    pub(crate) fn new(views: usize, jobs: Vec<Box<dyn Job>>) -> Arc<Self> {
        Arc::new(Acknowledgement { views_left: AtomicUsize::new(views), jobs: Mutex::new(jobs) })
    }

    /// One of the views has applied the batch.
    pub(crate) fn applied(&self) {
        if self.views_left.fetch_sub(1, Ordering::AcqRel) == 1 {
            let jobs = std::mem::take(&mut *self.jobs.lock().unwrap_or_else(PoisonError::into_inner));
            jobs.into_iter().for_each(|job| job.answer(End::Done));
        }
    }
}

/// How many views a store feeds; a constant of the code, not of its input.
const MAX_VIEWS: usize = 128;

/// The views of a store: where each is fed, and which follow which table.
#[derive(Default)]
pub(crate) struct Views {
    inboxes: Vec<Sender<Feed>>,
    /// By table: a bit for each view that follows it.
    followers: Vec<u128>,
}

impl Views {
    pub(crate) fn add(&mut self, tables: &[TableId], inbox: Sender<Feed>) -> Result<(), Fault> {
        let view = self.inboxes.len();
        if view >= MAX_VIEWS {
            return Err(Fault::too_large("list of views", view + 1, MAX_VIEWS));
        }
        self.inboxes.push(inbox);
        for table in tables {
            let at = usize::from(table.0);
            if self.followers.len() <= at {
                self.followers.resize(at + 1, 0);
            }
            self.followers[at] |= 1 << view;
        }
        Ok(())
    }

    /// No view is fed any more; their threads end.
    pub(crate) fn end(&mut self) {
        self.inboxes.clear();
        self.followers.clear();
    }

    fn of_write(&self, write: &Write) -> u128 {
        let Some(table) = write.table else { return 0 };
        self.followers.get(usize::from(table.0)).copied().unwrap_or(0)
    }

    /// The views that follow what was written, a bit for each.
    pub(crate) fn of(&self, writes: &WriteSet) -> u128 {
        if self.followers.is_empty() {
            return 0;
        }
        writes.iter().fold(0, |views, (_, write)| views | self.of_write(write))
    }

    /// A write as views see it, if any follows its table.
    pub(crate) fn change(&self, key: &Bytes, write: &Write) -> Option<Change> {
        let table = write.table.filter(|_| self.of_write(write) != 0)?;
        Some(Change { table, key: key.clone(), value: write.value.clone() })
    }

    pub(crate) fn feed(&self, views: u128, feed_of: impl Fn(usize) -> Feed) {
        for (view, inbox) in self.inboxes.iter().enumerate().filter(|(view, _)| views & (1 << view) != 0) {
            if let Err(unread) = inbox.send(feed_of(view)) {
                unread.0.acknowledgements.iter().for_each(|acknowledgement| acknowledgement.applied());
            }
        }
    }
}
