//! Timers: rows committed with the state they belong to, and the view that knows which are due.
//!
//! Firing a timer is one commit that removes the row and does its work; a timer that was cancelled, or
//! fired by someone else, is found to be gone and does nothing.

use crate::claim::Claim;
use crate::feed::Change;
use crate::read::{Read, Snapshot};
use crate::span::Span;
use crate::table::{Class, Table, TableId};
use crate::tx::Tx;
use crate::view::{View, ViewHandle};
use crate::{Fault, Store, record};
use bytes::Bytes;
use names::{Scope, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub(crate) static TIMERS: Table<(Timestamp, u64), Timer> = Table::new("store/timers", Class::Queue);

/// Something to be done at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timer {
    /// Which work: `"sqs/retention"`.
    pub kind: String,
    /// When, on the virtual clock.
    pub due: Timestamp,
    /// Whose.
    pub scope: Scope,
    /// What it concerns, in a form its room chooses: an incarnation, a row's key.
    pub key: Bytes,
    /// What else its work needs.
    pub payload: Bytes,
}
record!(Timer, 1);

/// One scheduling of a timer; scheduled again, it has another id. Ordered by the time it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TimerId {
    /// When it is due.
    pub due: Timestamp,
    number: u64,
}

impl TimerId {
    fn key(self) -> (Timestamp, u64) {
        (self.due, self.number)
    }
}

impl Tx {
    /// Schedules a timer.
    pub fn schedule(&mut self, timer: &Timer) -> Result<TimerId, Fault> {
        let id = TimerId { due: timer.due, number: self.fresh_number()? };
        self.put(&TIMERS, &Scope::Partition, &id.key(), timer)?;
        Ok(id)
    }

    /// Cancels a timer, if it is still there.
    pub fn cancel(&mut self, id: &TimerId) -> Result<(), Fault> {
        self.delete(&TIMERS, &Scope::Partition, &id.key())
    }
}

/// A timer as stored, if it is still there.
pub fn timer(read: &impl Read, id: &TimerId) -> Result<Option<Timer>, Fault> {
    read.get(&TIMERS, &Scope::Partition, &id.key())
}

impl Store {
    /// Does a timer's work in one commit with its removal; nothing if it is gone.
    pub async fn fire<F, T, E>(&self, id: TimerId, work: F) -> Result<Option<T>, E>
    where
        F: Fn(&mut Tx, &Timer) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
    {
        self.commit(move |tx| match tx.take(&TIMERS, &Scope::Partition, &id.key())? {
            None => Ok(None),
            Some(timer) => work(tx, &timer).map(Some),
        })
        .await
    }
}

/// The view of the timers that come next.
pub struct DueTimers {
    /// How many timers are kept in memory; later ones are read when their time comes near.
    pub in_memory: usize,
}

impl Default for DueTimers {
    fn default() -> Self {
        DueTimers { in_memory: 100_000 }
    }
}

/// The next timers, in the order they are due.
#[derive(Debug, PartialEq, Eq)]
pub struct Schedule {
    waiting: BTreeMap<TimerId, String>,
    /// Timers after this one may exist and not be here.
    horizon: Option<TimerId>,
}

impl Schedule {
    fn add(&mut self, id: TimerId, kind: String, limit: usize) {
        if self.horizon.is_some_and(|horizon| id > horizon) {
            return;
        }
        self.waiting.insert(id, kind);
        if self.waiting.len() > limit {
            self.waiting.pop_last();
            self.horizon = self.waiting.last_key_value().map(|(last, _)| *last);
        }
    }

    fn is_exhausted(&self) -> bool {
        self.waiting.is_empty() && self.horizon.is_some()
    }
}

/// A timer that is due and in hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueTimer {
    /// Which one.
    pub id: TimerId,
    /// Which work.
    pub kind: String,
}

impl View for DueTimers {
    type Key = ();
    type Slice = Schedule;

    fn name(&self) -> &'static str {
        "timers"
    }

    fn tables(&self) -> Vec<TableId> {
        vec![TIMERS.id()]
    }

    fn slice_of(&self, _change: &Change) -> Option<()> {
        Some(())
    }

    fn load(&self, _key: &(), read: &Snapshot) -> Result<Schedule, Fault> {
        let mut schedule = Schedule { waiting: BTreeMap::new(), horizon: None };
        for row in read.scan(&TIMERS, &Scope::Partition, Span::all()).take(self.in_memory.saturating_add(1)) {
            let ((due, number), timer) = row?;
            schedule.add(TimerId { due, number }, timer.kind, self.in_memory);
        }
        Ok(schedule)
    }

    fn apply(&self, schedule: &mut Schedule, change: &Change) {
        match change.of(&TIMERS) {
            Some((_, (due, number), Some(timer))) => {
                schedule.add(TimerId { due, number }, timer.kind, self.in_memory);
            }
            Some((_, (due, number), None)) => drop(schedule.waiting.remove(&TimerId { due, number })),
            None => {}
        }
    }
}

impl ViewHandle<DueTimers> {
    /// When the next timer that nobody has in hand is due.
    pub fn next_due(&self) -> Result<Option<Timestamp>, Fault> {
        self.refill()?;
        self.with(&(), |schedule| schedule.waiting.keys().next().map(|id| id.due))
    }

    /// The first timer that is due and that nobody has in hand. It is given again if the claim is
    /// dropped; fired or found to be gone, it is settled.
    pub fn claim_due(&self, now: Timestamp) -> Result<Option<Claim<DueTimer>>, Fault> {
        self.refill()?;
        self.claim(
            &(),
            |schedule| {
                let first = schedule.waiting.first_entry().filter(|first| first.key().due <= now)?;
                let (id, kind) = first.remove_entry();
                Some(DueTimer { id, kind })
            },
            |schedule, DueTimer { id, kind }| {
                schedule.waiting.insert(id, kind);
            },
        )
    }

    /// Reads the next timers where those in memory have all been taken.
    fn refill(&self) -> Result<(), Fault> {
        if self.with(&(), |schedule| schedule.is_exhausted())? {
            self.reload(&());
        }
        Ok(())
    }
}
