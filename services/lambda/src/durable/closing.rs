//! The end of an execution: it is told to whoever waits, and kept for as long as its function wants.

use super::operations::{self, End};
use super::timers;
use crate::errors::LambdaError;
use crate::rules::durable::output;
use crate::state::durable::{self, Detail, Execution, Moment, Status};
use names::{Scope, Timestamp};
use store::Tx;

/// How an execution ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// With a result.
    Succeeded(Option<String>),
    /// With the JSON of an error object.
    Failed(Option<String>),
    /// It lasted too long.
    TimedOut(String),
    /// It was stopped.
    Stopped(String),
}

/// Closes an execution, and writes it.
///
/// # Errors
/// The store's.
pub fn close(
    tx: &mut Tx,
    scope: &Scope,
    mut execution: Execution,
    how: How,
    now: Timestamp,
) -> Result<(), LambdaError> {
    tx.allow_largest();
    let told = how.clone();
    let (status, kind, result, error) = match how {
        How::Succeeded(result) => (Status::Succeeded, "ExecutionSucceeded", result, None),
        How::Failed(error) => (Status::Failed, "ExecutionFailed", None, error),
        How::TimedOut(error) => (Status::TimedOut, "ExecutionTimedOut", None, Some(error)),
        How::Stopped(error) => (Status::Stopped, "ExecutionStopped", None, Some(error)),
    };
    execution.status = status;
    execution.ended = Some(now);
    execution.run = None;
    execution.result = operations::kept(tx, scope, &mut execution, result)?;
    execution.error = operations::kept(tx, scope, &mut execution, error)?;
    for timer in execution.deadline.take().into_iter().chain(execution.retry.take()) {
        tx.cancel(&timer)?;
    }
    let detail = match status {
        Status::Succeeded => Detail::Result(execution.result.clone()),
        _ => Detail::Error(execution.error.clone()),
    };
    let moment = Moment { kind: kind.to_owned(), at: now, operation: None, detail };
    durable::add_moment(tx, scope, &mut execution, &moment)?;
    durable::remove_ready(tx, execution.number.0)?;
    timers::retain(tx, scope, &execution, now)?;
    durable::put_execution(tx, scope, &execution)?;
    tell_parent(tx, scope, &execution, told, now)
}

/// The operation of another execution that waits for this one ends as this one did.
fn tell_parent(
    tx: &mut Tx,
    scope: &Scope,
    execution: &Execution,
    how: How,
    now: Timestamp,
) -> Result<(), LambdaError> {
    let Some(parent) = execution.parent else { return Ok(()) };
    let Some(mut waiting) = durable::execution(tx, scope, (parent.function, parent.number))? else {
        return Ok(());
    };
    if waiting.status != Status::Running {
        return Ok(());
    }
    let end = match how {
        How::Succeeded(result) => End::Succeeded(result),
        How::Failed(error) => End::Failed(error.unwrap_or_else(|| "{}".to_owned())),
        How::TimedOut(_) => {
            let message = format!("CHAINED_INVOKE timed out after {} seconds.", execution.durable.timeout_s);
            End::TimedOut(output::error("ChainedInvoke.Timeout", &message))
        }
        How::Stopped(error) => End::Stopped(error),
    };
    operations::end(tx, scope, &mut waiting, parent.operation, end, now)?;
    Ok(durable::put_execution(tx, scope, &waiting)?)
}
