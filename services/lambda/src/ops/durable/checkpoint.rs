//! CheckpointDurableExecution: what a run of a durable function has done, and what it waits for.

use crate::durable::closing::{self, How};
use crate::durable::operations::{self, End};
use crate::durable::starting::{self, Beginning};
use crate::durable::{config, found, telling};
use crate::errors::LambdaError;
use crate::invoke;
use crate::rules::durable::names::Place;
use crate::rules::durable::updates::{self, Given};
use crate::rules::durable::{MOST_BYTES, MOST_OPERATIONS, output};
use crate::rules::names;
use crate::state;
use crate::state::durable::{
    self, Call, Called, Detail, Execution, LastCheckpoint, Parent, Ready, Status, Text,
};
use ::names::{Scope, Timestamp};
use bytes::Bytes;
use model_lambda::{
    CheckpointDurableExecutionInput, CheckpointDurableExecutionOutput, CheckpointUpdatedExecutionState,
    OperationAction, OperationType, OperationUpdate,
};
use schema::ApiError;
use service::{Ctx, Demand};
use std::sync::Arc;
use store::{Read, Tx};

/// That a token is not the one that comes next: the words by which AWS's SDKs for durable execution know that another
/// run goes on (their classification of errors of checkpoints).
pub fn invalid_token() -> LambdaError {
    LambdaError::invalid("Invalid Checkpoint Token")
}

/// Refuses a token that is not the one that comes next.
///
/// # Errors
/// Where it is not.
pub fn check_token(execution: &Execution, token: &str) -> Result<(), LambdaError> {
    let current = execution.run.as_ref().filter(|_| execution.status == Status::Running);
    match current {
        Some(run) if run.token == token => Ok(()),
        _ => Err(invalid_token()),
    }
}

/// What a call of another function needs.
struct Calling {
    /// An id for the execution that it begins.
    id: String,
    /// Why the role may not make it: the JSON of an error object.
    refusal: Option<String>,
}

impl Calling {
    /// The function's role makes the checkpoint, and needs leave to invoke what it calls ("Security and permissions
    /// for Lambda durable functions", Lambda developer guide; AWS's samples of `context.invoke` give it
    /// `lambda:InvokeFunction`).
    fn of(ctx: &Ctx, update: &OperationUpdate) -> Self {
        let options = update.chained_invoke_options.as_ref();
        let called = options
            .and_then(|options| names::parse(&options.function_name, None, ctx.account(), ctx.region()).ok());
        let refusal = called.and_then(|named| {
            let arn = state::arn(&named.scope, &named.name, named.qualifier.as_deref());
            let error = ctx.permit(&Demand::new("lambda:InvokeFunction", &arn)).err()?;
            Some(output::error(&error.code, &error.message))
        });
        Calling { id: ctx.uuid(), refusal }
    }
}

/// What a checkpoint needs that its closure may not make itself.
struct Fresh {
    /// The next token's secret.
    secret: String,
    /// What each update needs that begins a call.
    calls: Vec<Calling>,
    now: Timestamp,
}

/// CheckpointDurableExecution.
pub async fn checkpoint(
    ctx: Ctx,
    input: Arc<CheckpointDurableExecutionInput>,
) -> Result<CheckpointDurableExecutionOutput, LambdaError> {
    let updates = input.updates.as_deref().unwrap_or_default();
    let calls = updates.iter().map(|update| Calling::of(&ctx, update)).collect();
    let fresh = Fresh { secret: ctx.uuid(), calls, now: ctx.now() };
    let scope = ctx.scope();
    ctx.commit(move |tx| commit(tx, &scope, &input, &fresh)).await
}

fn commit(
    tx: &mut Tx,
    scope: &Scope,
    input: &CheckpointDurableExecutionInput,
    fresh: &Fresh,
) -> Result<CheckpointDurableExecutionOutput, LambdaError> {
    let refused = |error| match error {
        LambdaError::NotFound(_) => invalid_token(),
        other => other,
    };
    let mut execution = found(tx, scope, &input.durable_execution_arn).map_err(refused)?;
    if let Some(again) = repeated(tx, scope, &execution, input)? {
        return Ok(again);
    }
    check_token(&execution, &input.checkpoint_token)?;
    tx.allow_largest();
    let updates = input.updates.as_deref().unwrap_or_default();
    updates::check_batch(updates, |id| {
        let parent = durable::operation_by_id(&*tx, scope, &execution, id)?;
        Ok(parent.is_some_and(|(_, parent)| parent.kind == "CONTEXT"))
    })?;
    let mut end = None;
    for (update, calling) in updates.iter().zip(&fresh.calls) {
        let error = update.error.as_ref().map(telling::error_text);
        updates::check_one(update, error.as_ref().map_or(0, String::len))?;
        if update.type_ == OperationType::Execution {
            end = Some(match update.action {
                OperationAction::Succeed => How::Succeeded(update.payload.clone()),
                _ => How::Failed(error),
            });
            continue;
        }
        change(tx, scope, &mut execution, (update, error), (calling, fresh.now))?;
    }
    if execution.operations > MOST_OPERATIONS || execution.bytes > MOST_BYTES {
        return Err(LambdaError::invalid(
            "The durable execution has exceeded its limit of operations or storage.",
        ));
    }
    let told = std::mem::take(&mut execution.unseen);
    let place = Place {
        function_name: execution.function_name.clone(),
        function: execution.function,
        number: execution.number,
        operation: 0,
        secret: fresh.secret.clone(),
    };
    let token = place.token();
    if let Some(run) = execution.run.as_mut() {
        run.token.clone_from(&token);
    }
    execution.last = input.client_token.clone().map(|client| LastCheckpoint {
        client,
        token: input.checkpoint_token.clone(),
        operations: told.clone(),
    });
    let state = state(tx, scope, &execution, &told)?;
    let closes = end.is_some();
    match end {
        Some(how) => closing::close(tx, scope, execution, how, fresh.now)?,
        None => durable::put_execution(tx, scope, &execution)?,
    }
    Ok(CheckpointDurableExecutionOutput {
        checkpoint_token: (!closes).then_some(token),
        new_execution_state: state,
    })
}

/// The answer of the last checkpoint, where this is it once more.
fn repeated(
    read: &impl Read,
    scope: &Scope,
    execution: &Execution,
    input: &CheckpointDurableExecutionInput,
) -> Result<Option<CheckpointDurableExecutionOutput>, LambdaError> {
    let (Some(last), Some(run)) = (&execution.last, &execution.run) else { return Ok(None) };
    if input.client_token.as_ref() != Some(&last.client) || input.checkpoint_token != last.token {
        return Ok(None);
    }
    Ok(Some(CheckpointDurableExecutionOutput {
        checkpoint_token: Some(run.token.clone()),
        new_execution_state: state(read, scope, execution, &last.operations)?,
    }))
}

fn state(
    read: &impl Read,
    scope: &Scope,
    execution: &Execution,
    numbers: &[u64],
) -> Result<CheckpointUpdatedExecutionState, LambdaError> {
    let mut operations = Vec::with_capacity(numbers.len());
    for number in numbers {
        if let Some(found) = durable::operation(read, scope, execution, *number)? {
            operations.push(telling::operation(read, scope, execution, (*number, &found))?);
        }
    }
    Ok(CheckpointUpdatedExecutionState { operations: Some(operations), next_marker: Some(String::new()) })
}

fn change(
    tx: &mut Tx,
    scope: &Scope,
    execution: &mut Execution,
    (update, error): (&OperationUpdate, Option<String>),
    (calling, now): (&Calling, Timestamp),
) -> Result<(), LambdaError> {
    let present = durable::operation_by_id(tx, scope, execution, &update.id)?;
    let payload = operations::kept(tx, scope, execution, update.payload.clone())?;
    let error = operations::kept(tx, scope, execution, error)?;
    let number = present.as_ref().map(|(number, _)| *number);
    let given = Given { update, payload: payload.clone(), error };
    let mut changed = updates::apply(present.as_ref().map(|(_, operation)| operation), given, now)?;
    let at = number.unwrap_or(execution.operations + 1);
    if let Detail::Callback(callback, ..) = &mut changed.detail {
        *callback = telling::callback_id(execution, at);
    }
    if changed.event != "ChainedInvokeStarted" {
        operations::put(tx, scope, execution, (number, changed), now)?;
        return Ok(());
    }
    let (called, how) = call(tx, scope, execution, (update, payload), (at, calling, now))?;
    changed.detail = Detail::Called(called);
    operations::put(tx, scope, execution, (number, changed), now)?;
    match how {
        Going::Waits => {}
        Going::Runs(call) => {
            let key = (execution.function, execution.number);
            let ready = Ready { scope: scope.clone(), execution: key, call: Some(call) };
            durable::put_ready(tx, tx.fresh_incarnation()?.0, &ready)?;
        }
        Going::Fails(error) => {
            operations::end(tx, scope, execution, at, End::Failed(error), now)?;
        }
    }
    Ok(())
}

/// How a call of another function goes on.
enum Going {
    /// An execution began that will end it.
    Waits,
    /// It is to be run.
    Runs(Call),
    /// It cannot begin: the JSON of an error object.
    Fails(String),
}

/// Calls another function: a durable one begins an execution in this commit, others are run behind it.
fn call(
    tx: &mut Tx,
    scope: &Scope,
    execution: &Execution,
    (update, payload): (&OperationUpdate, Option<Text>),
    (operation, calling, now): (u64, &Calling, Timestamp),
) -> Result<(Called, Going), LambdaError> {
    let options = update.chained_invoke_options.clone().unwrap_or_default();
    let mut called = Called {
        function: options.function_name.clone(),
        tenant: options.tenant_id.clone(),
        ..Called::default()
    };
    if let Some(refusal) = &calling.refusal {
        return Ok((called, Going::Fails(refusal.clone())));
    }
    let begun = begin_call(tx, scope, execution, (update, &payload), (operation, &calling.id, now));
    match begun {
        Ok((version, execution, how)) => {
            called.input = payload;
            called.version = Some(version);
            called.execution = execution;
            Ok((called, how))
        }
        Err(LambdaError::Store(fault)) => Err(LambdaError::Store(fault)),
        Err(error) => {
            let error = ApiError::from(error);
            Ok((called, Going::Fails(output::error(&error.code, &error.message))))
        }
    }
}

fn begin_call(
    tx: &mut Tx,
    scope: &Scope,
    execution: &Execution,
    (update, payload): (&OperationUpdate, &Option<Text>),
    (operation, id, now): (u64, &String, Timestamp),
) -> Result<(String, Option<String>, Going), LambdaError> {
    let options = update.chained_invoke_options.clone().unwrap_or_default();
    let (Some(account), Some(region)) = (scope.account(), scope.region()) else {
        return Err(LambdaError::invalid("The function cannot be called from here."));
    };
    let named = names::parse(&options.function_name, None, account, region)?;
    if named.scope != *scope {
        return Err(LambdaError::invalid(
            "Functions of other accounts cannot be called by durable executions.",
        ));
    }
    let function = invoke::target(tx, &named)?;
    let configuration = invoke::configuration(tx, &named, &function, 1.0)?;
    let version = configuration.version.clone();
    let Some(durable) = config(tx, &named.scope, (function.incarnation, &version))? else {
        let call = Call {
            operation,
            scope: named.scope,
            function: named.name,
            qualifier: named.qualifier,
            input: payload.clone(),
        };
        return Ok((version, None, Going::Runs(call)));
    };
    starting::check(&named, durable, false)?;
    let beginning = Beginning {
        function: function.incarnation,
        configuration,
        durable,
        name: None,
        id: id.clone(),
        input: Bytes::from(update.payload.clone().unwrap_or_default()),
        trace: execution.trace.clone(),
        of_event: false,
        parent: Some(Parent { function: execution.function, number: execution.number, operation }),
        now,
    };
    let begun = starting::begin(tx, &named.scope, &beginning)?;
    Ok((version, Some(begun.arn), Going::Waits))
}
