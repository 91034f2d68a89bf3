//! SendDurableExecutionCallbackSuccess, SendDurableExecutionCallbackFailure, SendDurableExecutionCallbackHeartbeat:
//! what somebody outside says of a callback.

use crate::durable::operations::{self, End};
use crate::durable::telling;
use crate::errors::LambdaError;
use crate::rules::durable::names::Place;
use crate::state::durable::{self, Execution, Operation, Status};
use model_lambda::{
    SendDurableExecutionCallbackFailureInput, SendDurableExecutionCallbackFailureOutput,
    SendDurableExecutionCallbackHeartbeatInput, SendDurableExecutionCallbackHeartbeatOutput,
    SendDurableExecutionCallbackSuccessInput, SendDurableExecutionCallbackSuccessOutput,
};
use names::Scope;
use service::Ctx;
use std::sync::Arc;
use store::Read;

/// The callback that waits, by its id.
fn waiting(read: &impl Read, scope: &Scope, id: &str) -> Result<(Execution, u64, Operation), LambdaError> {
    let place = Place::of(id).ok_or_else(|| LambdaError::invalid("Invalid callback id"))?;
    let execution = durable::execution(read, scope, (place.function, place.number))?;
    let execution = execution
        .filter(|execution| execution.status == Status::Running && execution.id == place.secret)
        .ok_or(LambdaError::CallbackClosed)?;
    let operation = durable::operation(read, scope, &execution, place.operation)?;
    let operation = operation
        .filter(|operation| operation.kind == "CALLBACK" && operation.status == "STARTED")
        .ok_or(LambdaError::CallbackClosed)?;
    Ok((execution, place.operation, operation))
}

async fn finish(ctx: &Ctx, id: String, end: End) -> Result<(), LambdaError> {
    let (scope, now) = (ctx.scope(), ctx.now());
    ctx.commit(move |tx| {
        let (mut execution, number, _) = waiting(tx, &scope, &id)?;
        operations::end(tx, &scope, &mut execution, number, end.clone(), now)?;
        Ok(durable::put_execution(tx, &scope, &execution)?)
    })
    .await
}

/// SendDurableExecutionCallbackSuccess.
pub async fn success(
    ctx: Ctx,
    input: Arc<SendDurableExecutionCallbackSuccessInput>,
) -> Result<SendDurableExecutionCallbackSuccessOutput, LambdaError> {
    let result = input.result.as_ref().filter(|result| !result.is_empty());
    let result = result.map(|result| String::from_utf8_lossy(result).into_owned());
    finish(&ctx, input.callback_id.clone(), End::Succeeded(result)).await?;
    Ok(SendDurableExecutionCallbackSuccessOutput::default())
}

/// SendDurableExecutionCallbackFailure.
pub async fn failure(
    ctx: Ctx,
    input: Arc<SendDurableExecutionCallbackFailureInput>,
) -> Result<SendDurableExecutionCallbackFailureOutput, LambdaError> {
    let error = input.error.as_ref().map_or_else(|| "{}".to_owned(), telling::error_text);
    finish(&ctx, input.callback_id.clone(), End::Failed(error)).await?;
    Ok(SendDurableExecutionCallbackFailureOutput::default())
}

/// SendDurableExecutionCallbackHeartbeat.
pub async fn heartbeat(
    ctx: Ctx,
    input: Arc<SendDurableExecutionCallbackHeartbeatInput>,
) -> Result<SendDurableExecutionCallbackHeartbeatOutput, LambdaError> {
    let (scope, now) = (ctx.scope(), ctx.now());
    ctx.commit(move |tx| {
        let (mut execution, number, operation) = waiting(tx, &scope, &input.callback_id)?;
        operations::heard(tx, &scope, &mut execution, (number, operation), now)?;
        Ok::<_, LambdaError>(durable::put_execution(tx, &scope, &execution)?)
    })
    .await?;
    Ok(SendDurableExecutionCallbackHeartbeatOutput::default())
}
