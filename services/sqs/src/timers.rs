//! Retention: each queue has one timer, due when its oldest message may be too old. Firing removes what
//! is too old, some at a time, and schedules the next.

use crate::state::{self, Queue};
use bytes::Bytes;
use names::{Scope, Timestamp};
use schema::ApiError;
use service::TimerHandler;
use store::{Fault, Timer, Tx};

/// The timer's handler.
pub const RETENTION: TimerHandler = TimerHandler { kind: "sqs/retention", fire };

/// Messages removed in one commit.
const STEP: usize = 200;

/// Schedules the next look at a queue's oldest messages.
pub fn schedule(tx: &mut Tx, scope: &Scope, queue: &Queue, due: Timestamp) -> Result<(), Fault> {
    let key = Bytes::copy_from_slice(&queue.created.millis().to_be_bytes());
    let payload = Bytes::copy_from_slice(queue.name.as_bytes());
    tx.schedule(&Timer { kind: RETENTION.kind.to_owned(), due, scope: scope.clone(), key, payload }).map(drop)
}

fn fire(tx: &mut Tx, timer: &Timer) -> Result<(), ApiError> {
    expire(tx, timer).map_err(|fault| ApiError::new("InternalFailure", 500, fault.to_string()))
}

fn expire(tx: &mut Tx, timer: &Timer) -> Result<(), Fault> {
    let name = String::from_utf8_lossy(&timer.payload).into_owned();
    let Some(queue) = state::queue(tx, &timer.scope, &name)? else { return Ok(()) };
    // A queue of the same name that was made later has a timer of its own.
    if timer.key.as_ref() != queue.created.millis().to_be_bytes() {
        return Ok(());
    }
    let retention_ms = queue.attributes.retention * 1000;
    let mut next = timer.due.plus_millis(retention_ms);
    let mut old = Vec::new();
    for row in state::standings(tx, &timer.scope, queue.incarnation) {
        let (number, standing) = row?;
        let end = standing.sent.plus_millis(retention_ms);
        if end > timer.due || old.len() == STEP {
            next = end.max(timer.due);
            break;
        }
        old.push(number);
    }
    for number in old {
        state::remove(tx, &timer.scope, (queue.incarnation, number), true)?;
    }
    schedule(tx, &timer.scope, &queue, next)
}
