//! What becomes of operations: updated by their function, ended by something else; and their execution, which is
//! ready to be run again then.

use super::timers::{self, What};
use crate::errors::LambdaError;
use crate::rules::durable::updates::{self, Changed, Wakes};
use crate::state::durable::{self, Detail, Execution, Moment, Operation, Ready, Text};
use names::{Scope, Timestamp};
use store::{Fault, Tx};

/// How something else than its function ends an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Its time has come.
    Due,
    /// It has a result.
    Succeeded(Option<String>),
    /// It failed: the JSON of an error object.
    Failed(String),
    /// It took too long: the same.
    TimedOut(String),
    /// It was stopped: the same.
    Stopped(String),
}

/// Says that an execution is to be run, unless it is or will be anyhow.
pub fn wake(tx: &mut Tx, scope: &Scope, execution: &Execution) -> Result<(), Fault> {
    if durable::ready(tx, execution.number.0)?.is_some() {
        return Ok(());
    }
    let key = (execution.function, execution.number);
    durable::put_ready(tx, execution.number.0, &Ready { scope: scope.clone(), execution: key, call: None })
}

/// Remembers that the function has not been told of an operation as it is now.
fn unseen(execution: &mut Execution, number: u64) {
    if !execution.unseen.contains(&number) {
        execution.unseen.push(number);
    }
}

/// Writes an operation that an update changed, with what has happened; its number.
pub fn put(
    tx: &mut Tx,
    scope: &Scope,
    execution: &mut Execution,
    (number, changed): (Option<u64>, Changed),
    now: Timestamp,
) -> Result<u64, Fault> {
    let Changed { mut operation, event, detail, wakes } = changed;
    let at = number.unwrap_or(execution.operations + 1);
    for timer in operation.timers.drain(..).chain(operation.heartbeat_timer.take()) {
        tx.cancel(&timer)?;
    }
    if let Some(number) = number
        && let Some(before) = durable::operation(tx, scope, execution, number)?
        && updates::is_pending(&before.kind, &before.status)
    {
        execution.pending = execution.pending.saturating_sub(1);
    }
    match wakes {
        Wakes::Nothing | Wakes::Call => {}
        Wakes::At(due) => {
            operation.timers.push(timers::schedule(tx, scope, execution, What::Operation(at), due)?);
        }
        Wakes::Callback(timeout, heartbeat) => {
            if let Some(seconds) = timeout {
                let due = now.plus_millis(i64::from(seconds) * 1000);
                operation.timers.push(timers::schedule(tx, scope, execution, What::Callback(at), due)?);
            }
            operation.heartbeat_timer = heartbeat_timer(tx, scope, execution, (at, heartbeat), now)?;
        }
    }
    if updates::is_pending(&operation.kind, &operation.status) {
        execution.pending += 1;
    }
    durable::put_operation(tx, scope, execution, number, &operation)?;
    unseen(execution, at);
    let moment = Moment { kind: event.to_owned(), at: now, operation: Some(at), detail };
    durable::add_moment(tx, scope, execution, &moment)?;
    Ok(at)
}

fn heartbeat_timer(
    tx: &mut Tx,
    scope: &Scope,
    execution: &Execution,
    (number, heartbeat): (u64, Option<u32>),
    now: Timestamp,
) -> Result<Option<store::TimerId>, Fault> {
    let Some(seconds) = heartbeat else { return Ok(None) };
    let due = now.plus_millis(i64::from(seconds) * 1000);
    timers::schedule(tx, scope, execution, What::Heartbeat(number), due).map(Some)
}

/// A callback gave a sign of life.
pub fn heard(
    tx: &mut Tx,
    scope: &Scope,
    execution: &mut Execution,
    (number, mut operation): (u64, Operation),
    now: Timestamp,
) -> Result<(), Fault> {
    if let Some(timer) = operation.heartbeat_timer.take() {
        tx.cancel(&timer)?;
    }
    let heartbeat = operation.heartbeat;
    operation.heartbeat_timer = heartbeat_timer(tx, scope, execution, (number, heartbeat), now)?;
    durable::put_operation(tx, scope, execution, Some(number), &operation).map(drop)
}

/// The event of an end, by the type of the operation.
fn event(kind: &str, status: &str) -> String {
    let begin = match kind {
        "WAIT" => "Wait",
        "CALLBACK" => "Callback",
        _ => "ChainedInvoke",
    };
    let end = match status {
        "SUCCEEDED" => "Succeeded",
        "TIMED_OUT" => "TimedOut",
        "STOPPED" => "Stopped",
        _ => "Failed",
    };
    format!("{begin}{end}")
}

/// Ends an operation from outside and has its execution run; the caller writes the execution. One that has ended
/// already stays as it is.
///
/// # Errors
/// The store's.
pub fn end(
    tx: &mut Tx,
    scope: &Scope,
    execution: &mut Execution,
    number: u64,
    end: End,
    now: Timestamp,
) -> Result<bool, LambdaError> {
    let Some(mut operation) = durable::operation(tx, scope, execution, number)? else { return Ok(false) };
    if !updates::is_pending(&operation.kind, &operation.status) {
        return Ok(false);
    }
    for timer in operation.timers.drain(..).chain(operation.heartbeat_timer.take()) {
        tx.cancel(&timer)?;
    }
    execution.pending = execution.pending.saturating_sub(1);
    operation.due = None;
    tx.allow_largest();
    if operation.kind == "STEP" {
        // A step is only ready to be tried again; nothing has happened to it.
        "READY".clone_into(&mut operation.status);
    } else {
        let (status, result, error) = match end {
            End::Due => ("SUCCEEDED", None, None),
            End::Succeeded(result) => ("SUCCEEDED", result, None),
            End::Failed(error) => ("FAILED", None, Some(error)),
            End::TimedOut(error) => ("TIMED_OUT", None, Some(error)),
            End::Stopped(error) => ("STOPPED", None, Some(error)),
        };
        status.clone_into(&mut operation.status);
        operation.ended = Some(now);
        operation.result = kept(tx, scope, execution, result)?;
        operation.error = kept(tx, scope, execution, error)?;
        let detail = match operation.kind.as_str() {
            "WAIT" => Detail::Waited(operation.seconds),
            _ if status == "SUCCEEDED" => Detail::Result(operation.result.clone()),
            _ => Detail::Error(operation.error.clone()),
        };
        let kind = event(&operation.kind, status);
        let moment = Moment { kind, at: now, operation: Some(number), detail };
        durable::add_moment(tx, scope, execution, &moment)?;
    }
    durable::put_operation(tx, scope, execution, Some(number), &operation)?;
    unseen(execution, number);
    wake(tx, scope, execution)?;
    Ok(true)
}

/// Keeps a text that may be there.
pub fn kept(
    tx: &mut Tx,
    scope: &Scope,
    execution: &mut Execution,
    text: Option<String>,
) -> Result<Option<Text>, Fault> {
    text.map(|text| durable::put_text(tx, scope, execution, &text)).transpose()
}
