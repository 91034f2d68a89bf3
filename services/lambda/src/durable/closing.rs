//! The end of an execution: it is told to whoever waits, and kept for as long as its function wants.

use super::operations::{self, End};
use super::timers;
use crate::errors::LambdaError;
use crate::events::{self, Dead};
use crate::rules::durable::output;
use crate::rules::names::Named;
use crate::rules::outcome;
use crate::state::durable::{self, Detail, Execution, Moment, Status};
use bytes::Bytes;
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
    if execution.of_event && status != Status::Succeeded {
        tell_dead_letter(tx, scope, &execution, now)?;
    }
    tell_parent(tx, scope, &execution, told, now)
}

/// The dead letter of its function gets what an execution began with that failed, was stopped or lasted too long,
/// where an event began it ("Best practices for Lambda durable functions", Lambda developer guide). Destinations
/// hear of no execution ("Invoking durable Lambda functions", same guide).
fn tell_dead_letter(
    tx: &mut Tx,
    scope: &Scope,
    execution: &Execution,
    now: Timestamp,
) -> Result<(), LambdaError> {
    let named = Named {
        scope: scope.clone(),
        name: execution.function_name.clone(),
        qualifier: Some(execution.version.clone()),
    };
    let text = |tx: &Tx, text: &Option<durable::Text>| match text {
        Some(text) => durable::text(tx, scope, execution.number, text),
        None => Ok(String::new()),
    };
    let error = text(tx, &execution.error)?;
    let dead = Dead {
        named: &named,
        request_id: &execution.id,
        trace: execution.trace.as_ref(),
        hops: 0,
        payload: Bytes::from(text(tx, &execution.input)?),
        error: Some(outcome::error_message(&output::for_waiter(&error))),
    };
    events::tell_dead_letter(tx, &dead, now)
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
