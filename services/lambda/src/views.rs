//! What can be run now, by their numbers, the oldest first: asynchronous invocations and durable executions.

use crate::state::durable::{self, EXECUTIONS, READY};
use crate::state::{self, EVENTS};
use std::collections::BTreeSet;
use std::sync::Arc;
use store::{Change, Fault, Snapshot, TableId, View};
use tokio::sync::Notify;

/// Asynchronous invocations that can be run now. An invocation that runs is claimed.
pub struct ReadyEvents {
    /// Told of each one that comes.
    pub wake: Arc<Notify>,
}

impl View for ReadyEvents {
    type Key = ();
    type Slice = BTreeSet<u64>;

    fn name(&self) -> &'static str {
        "lambda-events"
    }

    fn tables(&self) -> Vec<TableId> {
        vec![EVENTS.id()]
    }

    fn slice_of(&self, _change: &Change) -> Option<()> {
        Some(())
    }

    fn load(&self, _key: &(), read: &Snapshot) -> Result<BTreeSet<u64>, Fault> {
        let ready = state::events(read).filter(|row| row.as_ref().map_or(true, |(_, event)| !event.waits));
        ready.map(|row| row.map(|(number, _)| number)).collect()
    }

    fn apply(&self, ready: &mut BTreeSet<u64>, change: &Change) {
        let Some((_, number, event)) = change.of(&EVENTS) else { return };
        if event.is_some_and(|event| !event.waits) {
            ready.insert(number);
            self.wake.notify_one();
        } else {
            ready.remove(&number);
        }
    }

    fn may_go(&self, _ready: &BTreeSet<u64>) -> bool {
        false
    }
}

/// What durable executions have to be run now. What runs is claimed.
pub struct ReadyExecutions {
    /// Told of each one that comes.
    pub wake: Arc<Notify>,
    /// Told of each execution that is closed.
    pub closed: Arc<Notify>,
}

impl View for ReadyExecutions {
    type Key = ();
    type Slice = BTreeSet<u64>;

    fn name(&self) -> &'static str {
        "lambda-executions"
    }

    fn tables(&self) -> Vec<TableId> {
        vec![READY.id(), EXECUTIONS.id()]
    }

    fn slice_of(&self, _change: &Change) -> Option<()> {
        Some(())
    }

    fn load(&self, _key: &(), read: &Snapshot) -> Result<BTreeSet<u64>, Fault> {
        durable::all_ready(read).map(|row| row.map(|(number, _)| number)).collect()
    }

    fn apply(&self, ready: &mut BTreeSet<u64>, change: &Change) {
        if let Some((_, number, row)) = change.of(&READY) {
            if row.is_some() {
                ready.insert(number);
                self.wake.notify_one();
            } else {
                ready.remove(&number);
            }
        } else if let Some((_, _, execution)) = change.of(&EXECUTIONS)
            && execution.is_none_or(|execution| execution.ended.is_some())
        {
            self.closed.notify_waiters();
        }
    }

    fn may_go(&self, _ready: &BTreeSet<u64>) -> bool {
        false
    }
}
