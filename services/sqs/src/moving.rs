//! Moving messages out of a dead-letter queue: a timer moves some at each firing, in one commit with how far
//! the task has come, and schedules the next.

use crate::state::move_tasks::{self, MoveTask, Status};
use crate::state::{self, Message, Queue, Standing, Turn};
use bytes::Bytes;
use names::{Arn, Scope, Timestamp};
use schema::ApiError;
use service::TimerHandler;
use store::{Fault, Timer, Tx};

/// The timer's handler.
pub const MOVE: TimerHandler = TimerHandler { kind: "sqs/move", fire };

/// Messages that one commit moves at most, and their bytes.
const STEP: usize = 50;
const STEP_BYTES: usize = 512 * 1024;
/// Messages that one firing looks at: those that are hidden are passed over.
const LOOKED_AT: usize = 5_000;
/// Between two firings of a task with a rate, in milliseconds.
const TICK_MS: i64 = 1000;

/// Schedules the next firing of a task.
pub fn schedule(tx: &mut Tx, scope: &Scope, queue: &str, task: &str, due: Timestamp) -> Result<(), Fault> {
    let key = Bytes::copy_from_slice(task.as_bytes());
    let payload = Bytes::copy_from_slice(queue.as_bytes());
    tx.schedule(&Timer { kind: MOVE.kind.to_owned(), due, scope: scope.clone(), key, payload }).map(drop)
}

fn fire(tx: &mut Tx, timer: &Timer) -> Result<(), ApiError> {
    go_on(tx, timer).map_err(|fault| ApiError::new("InternalFailure", 500, fault.to_string()))
}

fn go_on(tx: &mut Tx, timer: &Timer) -> Result<(), Fault> {
    let name = String::from_utf8_lossy(&timer.payload).into_owned();
    let id = String::from_utf8_lossy(&timer.key).into_owned();
    let Some((number, mut task)) = move_tasks::task(tx, &timer.scope, &name, &id)? else { return Ok(()) };
    let Some(queue) = state::queue(tx, &timer.scope, &name)? else { return Ok(()) };
    if task.status != Status::Running {
        return Ok(());
    }
    tx.allow_large();
    let more = move_some(tx, (&timer.scope, &queue), &mut task, timer.due)?;
    if task.status == Status::Running {
        if more {
            // A firing moves the messages of a second, or as many as it may in the part of a second they stand for.
            let wait =
                task.rate.map_or(0, |rate| TICK_MS * i64::from(rate.min(STEP as u32)) / i64::from(rate));
            schedule(tx, &timer.scope, &name, &id, timer.due.plus_millis(wait))?;
        } else {
            task.status = Status::Completed;
        }
    }
    move_tasks::put(tx, &timer.scope, &name, number, &task)
}

/// Moves some of what is visible; says whether there is more.
fn move_some(
    tx: &mut Tx,
    (scope, queue): (&Scope, &Queue),
    task: &mut MoveTask,
    now: Timestamp,
) -> Result<bool, Fault> {
    let limit = task.rate.map_or(STEP, |rate| (rate as usize).min(STEP));
    let mut ready = Vec::new();
    for row in state::standings(tx, scope, queue.incarnation).take(LOOKED_AT) {
        let (number, standing) = row?;
        if standing.visible_at <= now {
            ready.push(number);
        }
        if ready.len() > limit {
            break;
        }
    }
    let (mut bytes, count) = (0, ready.len());
    for (at, number) in ready.into_iter().take(limit).enumerate() {
        let place = (queue.incarnation, number);
        let Some(row) = state::row(tx, scope, place)? else { continue };
        let Some(message) = state::message(tx, scope, place, &row)? else { continue };
        bytes += message.body.len();
        if at > 0 && bytes > STEP_BYTES {
            return Ok(true);
        }
        let target = task.destination.clone().or_else(|| message.dead_letter_source.clone());
        match target.as_ref().map(|target| move_one(tx, target, &message, now)).transpose()? {
            Some(true) => {
                state::remove(tx, scope, place, row.short.is_none())?;
                task.moved += 1;
            }
            Some(false) => return Ok(fail(task, "AWS.SimpleQueueService.NonExistentQueue")),
            None => return Ok(fail(task, "CouldNotDetermineMessageSource")),
        }
    }
    Ok(count > limit)
}

fn fail(task: &mut MoveTask, why: &str) -> bool {
    task.status = Status::Failed;
    task.failure = Some(why.to_owned());
    false
}

/// Adds a message to a queue as a new one; says whether there is that queue.
fn move_one(tx: &mut Tx, target: &Arn, message: &Message, now: Timestamp) -> Result<bool, Fault> {
    let (Some(account), Some(region)) = (target.account(), target.region()) else { return Ok(false) };
    let scope = Scope::Regional(account, region);
    let Some(queue) = state::queue(tx, &scope, target.resource())? else { return Ok(false) };
    let number = state::number(tx, &scope, &queue)?;
    // It is a new message there: its age begins anew (SQS developer guide, dead-letter queue redrive).
    let moved = Message { sent: now, dead_letter_source: None, received_before: 0, ..message.clone() };
    let standing = Standing {
        visible_at: now,
        receives: 0,
        first_received: None,
        sent: now,
        turn: Turn::of(&queue, message.group.as_deref()),
        last_received: None,
    };
    state::add(tx, &scope, (queue.incarnation, number), moved, standing)?;
    Ok(true)
}
