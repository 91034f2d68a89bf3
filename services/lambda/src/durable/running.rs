//! Running functions for executions: the execution's own, again and again, and those that its operations call.

use super::closing::{self, How};
use super::operations::{self, End};
use super::timers::{self, What};
use super::{Executions, arn, telling};
use crate::compute::Outcome;
use crate::errors::LambdaError;
use crate::invoke::{self, Extras};
use crate::rules::durable::names::Place;
use crate::rules::durable::output::{self, Answer};
use crate::rules::durable::{MAX_PAYLOAD, MOST_FAILURES};
use crate::rules::names::Named;
use crate::state::durable::{self, Call, Detail, Execution, Moment, Ready, Run, Status};
use crate::views::ReadyExecutions;
use bytes::Bytes;
use names::{Scope, Timestamp};
use schema::ApiError;
use serde_json::json;
use service::{Ctx, Log};
use std::time::Duration;
use store::Tx;

/// Rest before what could not be run is tried again.
const REST: Duration = Duration::from_secs(1);
/// Between a run that failed and the next one, doubled for each further one, in milliseconds.
const RETRY_MS: i64 = 1000;

/// Runs what is ready; woken by each one that becomes it.
pub async fn round(ctx: Ctx) -> Result<(), LambdaError> {
    let executions = ctx.part::<Executions>().clone();
    while let Ok(place) = executions.places.clone().try_acquire_owned() {
        let claimed = ctx.view::<ReadyExecutions>().claim(
            &(),
            |ready| ready.pop_first(),
            |ready, number| {
                ready.insert(number);
            },
        );
        let Some(claim) = claimed? else { break };
        let (ctx, wake) = (ctx.clone(), executions.wake.clone());
        tokio::spawn(async move {
            let number = *claim;
            match run(&ctx, number).await {
                Ok(()) => drop(claim.settle()),
                Err(error) => {
                    let why = ApiError::from(error);
                    Log::warn("lambda", &format!("the durable execution {number} is put back: {why}"));
                    ctx.host().clock.rest(REST).await;
                    drop(claim);
                }
            }
            drop(place);
            wake.notify_one();
        });
    }
    Ok(())
}

async fn run(ctx: &Ctx, number: u64) -> Result<(), LambdaError> {
    let Some(ready) = durable::ready(&ctx.read(), number)? else { return Ok(()) };
    let ctx = invoke::within(ctx, &ready.scope);
    match ready.call.clone() {
        Some(call) => call_function(&ctx, number, ready, call).await,
        None => run_execution(&ctx, number, ready).await,
    }
}

/// A run that begins.
struct Begun {
    execution: Execution,
    run: Run,
    event: Bytes,
}

/// Begins a run; `None` where there is nothing to be run any more.
fn begin(
    tx: &mut Tx,
    number: u64,
    ready: &Ready,
    run: &Run,
) -> Result<Option<(Execution, Vec<u64>)>, LambdaError> {
    let found = durable::execution(tx, &ready.scope, ready.execution)?;
    let Some(mut execution) = found.filter(|execution| execution.status == Status::Running) else {
        durable::remove_ready(tx, number)?;
        return Ok(None);
    };
    execution.run = Some(run.clone());
    execution.last = None;
    if let Some(retry) = execution.retry.take() {
        tx.cancel(&retry)?;
    }
    let changed = std::mem::take(&mut execution.unseen);
    durable::put_execution(tx, &ready.scope, &execution)?;
    Ok(Some((execution, changed)))
}

async fn begun(ctx: &Ctx, number: u64, ready: &Ready) -> Result<Option<Begun>, LambdaError> {
    let request_id = ctx.request_id().to_owned();
    let Some(execution) = durable::execution(&ctx.read(), &ready.scope, ready.execution)? else {
        ctx.commit(move |tx| Ok::<_, LambdaError>(durable::remove_ready(tx, number)?)).await?;
        return Ok(None);
    };
    let place = Place {
        function_name: execution.function_name.clone(),
        function: execution.function,
        number: execution.number,
        operation: 0,
        secret: ctx.uuid(),
    };
    let run = Run { request_id, token: place.token(), started: ctx.now() };
    let (own, beginning) = (ready.clone(), run.clone());
    let begun = ctx.commit(move |tx| begin(tx, number, &own, &beginning)).await?;
    let Some((execution, changed)) = begun else { return Ok(None) };
    let read = ctx.read();
    let state = telling::state(&read, &ready.scope, &execution, None, telling::OF_EVENT)?;
    let operations = state.operations.iter().map(telling::json);
    let operations: Vec<_> = operations.collect();
    let mut updated = Vec::with_capacity(changed.len() + 1);
    if execution.operations == 0 {
        updated.push(execution.id.clone());
    }
    for number in changed {
        let operation = durable::operation(&read, &ready.scope, &execution, number)?;
        updated.extend(operation.map(|operation| operation.id));
    }
    let event = json!({
        "DurableExecutionArn": arn(&ready.scope, &execution),
        "CheckpointToken": run.token,
        "InitialExecutionState": {"Operations": operations, "NextMarker": state.next.unwrap_or_default()},
        "UpdatedOperationIds": updated,
    });
    Ok(Some(Begun { execution, run, event: Bytes::from(event.to_string()) }))
}

async fn run_execution(ctx: &Ctx, number: u64, ready: Ready) -> Result<(), LambdaError> {
    let Some(begun) = begun(ctx, number, &ready).await? else { return Ok(()) };
    let named = Named {
        scope: ready.scope.clone(),
        name: begun.execution.function_name.clone(),
        qualifier: Some(begun.execution.version.clone()),
    };
    let extras = Extras {
        request_id: begun.run.request_id.clone(),
        trace: begun.execution.trace.clone(),
        ..Extras::default()
    };
    let outcome = match invoke::run_once(ctx, &named, begun.event, extras).await {
        Ok(outcome) => Ok(outcome),
        Err(error) if error.is_transient() => {
            Log::warn("lambda", &format!("the durable execution {number} waits: {}", ApiError::from(error)));
            return put_off(ctx, ready, begun.run).await;
        }
        Err(error) => {
            let error = ApiError::from(error);
            Err(output::error(&error.code, &error.message))
        }
    };
    let (now, run) = (ctx.now(), begun.run);
    ctx.commit(move |tx| finish(tx, number, &ready, &run, &outcome, now)).await
}

/// What follows a run: nothing where another one has begun since, or the execution was closed.
fn finish(
    tx: &mut Tx,
    number: u64,
    ready: &Ready,
    run: &Run,
    outcome: &Result<Outcome, String>,
    now: Timestamp,
) -> Result<(), LambdaError> {
    let scope = &ready.scope;
    let Some(mut execution) = durable::execution(tx, scope, ready.execution)? else {
        return Ok(durable::remove_ready(tx, number)?);
    };
    let of_this = execution.run.as_ref().is_some_and(|current| current.request_id == run.request_id);
    if execution.status == Status::Running && !of_this {
        return Ok(());
    }
    let failure = match outcome {
        Err(error) => Some(error.clone()),
        Ok(outcome) if outcome.failed => Some(output::of_function(&outcome.payload)),
        Ok(_) => None,
    };
    let error = operations::kept(tx, scope, &mut execution, failure.clone())?;
    let detail = Detail::Ran(run.request_id.clone(), run.started, error);
    let moment = Moment { kind: "InvocationCompleted".to_owned(), at: now, operation: None, detail };
    durable::add_moment(tx, scope, &mut execution, &moment)?;
    execution.run = None;
    if execution.status != Status::Running {
        return Ok(durable::put_execution(tx, scope, &execution)?);
    }
    let answer = match (failure, outcome) {
        (None, Ok(outcome)) => output::read(&outcome.payload),
        (Some(error), Ok(_)) => return failed(tx, scope, execution, error, now),
        (error, _) => Answer::Failed(error),
    };
    execution.failures = 0;
    follow(tx, number, ready, execution, answer, now)
}

/// A run failed: there is another one, unless there were too many.
fn failed(
    tx: &mut Tx,
    scope: &Scope,
    mut execution: Execution,
    error: String,
    now: Timestamp,
) -> Result<(), LambdaError> {
    execution.failures += 1;
    if execution.failures >= MOST_FAILURES {
        return closing::close(tx, scope, execution, How::Failed(Some(error)), now);
    }
    let wait = RETRY_MS << (execution.failures - 1);
    run_later(tx, scope, execution, now.plus_millis(wait))
}

/// Has an execution run at a time, or before if something wakes it.
fn run_later(
    tx: &mut Tx,
    scope: &Scope,
    mut execution: Execution,
    due: Timestamp,
) -> Result<(), LambdaError> {
    execution.run = None;
    durable::remove_ready(tx, execution.number.0)?;
    execution.retry = Some(timers::schedule(tx, scope, &execution, What::Retry, due)?);
    Ok(durable::put_execution(tx, scope, &execution)?)
}

/// Its function could not be run now: others are, until a second has gone.
async fn put_off(ctx: &Ctx, ready: Ready, run: Run) -> Result<(), LambdaError> {
    let due = ctx.now().plus_millis(RETRY_MS);
    ctx.commit(move |tx| {
        let found = durable::execution(tx, &ready.scope, ready.execution)?;
        let own = |execution: &Execution| {
            execution.run.as_ref().is_some_and(|own| own.request_id == run.request_id)
        };
        match found.filter(own) {
            Some(execution) => run_later(tx, &ready.scope, execution, due),
            None => Ok(()),
        }
    })
    .await
}

fn follow(
    tx: &mut Tx,
    number: u64,
    ready: &Ready,
    execution: Execution,
    answer: Answer,
    now: Timestamp,
) -> Result<(), LambdaError> {
    let scope = &ready.scope;
    let invalid = |why: &str| How::Failed(Some(output::error("InvalidParameterValueException", why)));
    let how = match answer {
        Answer::Succeeded(result) => How::Succeeded(result),
        Answer::Failed(error) => How::Failed(error),
        Answer::Invalid(why) => invalid(why),
        // Something ended while the function still ran, which it has not seen.
        Answer::Pending if !execution.unseen.is_empty() => {
            durable::put_ready(tx, number, ready)?;
            return Ok(durable::put_execution(tx, scope, &execution)?);
        }
        Answer::Pending if execution.pending == 0 => {
            invalid("Cannot return PENDING status with no pending operations.")
        }
        Answer::Pending => {
            durable::remove_ready(tx, number)?;
            return Ok(durable::put_execution(tx, scope, &execution)?);
        }
    };
    closing::close(tx, scope, execution, how, now)
}

/// Runs a function that an operation calls, and ends the operation as the function did.
async fn call_function(ctx: &Ctx, number: u64, ready: Ready, call: Call) -> Result<(), LambdaError> {
    let input = match &call.input {
        Some(text) => durable::text(&ctx.read(), &ready.scope, ready.execution.1, text)?,
        None => String::new(),
    };
    let named =
        Named { scope: call.scope.clone(), name: call.function.clone(), qualifier: call.qualifier.clone() };
    let trace =
        durable::execution(&ctx.read(), &ready.scope, ready.execution)?.and_then(|execution| execution.trace);
    let extras = Extras { request_id: ctx.request_id().to_owned(), trace, ..Extras::default() };
    let end = match invoke::run_once(ctx, &named, Bytes::from(input), extras).await {
        Ok(outcome) if outcome.failed => End::Failed(output::of_function(&outcome.payload)),
        Ok(outcome) if outcome.payload.len() > MAX_PAYLOAD => {
            let why = format!(
                "CHAINED_INVOKE output payload size must be less than or equal to {MAX_PAYLOAD} bytes."
            );
            End::Failed(output::error("InvalidParameterValueException", &why))
        }
        Ok(outcome) => End::Succeeded(Some(String::from_utf8_lossy(&outcome.payload).into_owned())),
        Err(error) if error.is_transient() => return Err(error),
        Err(error) => {
            let error = ApiError::from(error);
            End::Failed(output::error(&error.code, &error.message))
        }
    };
    let now = ctx.now();
    ctx.commit(move |tx| {
        durable::remove_ready(tx, number)?;
        let found = durable::execution(tx, &ready.scope, ready.execution)?;
        let Some(mut execution) = found.filter(|execution| execution.status == Status::Running) else {
            return Ok(());
        };
        operations::end(tx, &ready.scope, &mut execution, call.operation, end.clone(), now)?;
        Ok::<_, LambdaError>(durable::put_execution(tx, &ready.scope, &execution)?)
    })
    .await
}
