//! Invoke of a durable function: begins an execution, and waits for its end where the caller does.

use crate::durable::starting::{self, Asked};
use crate::errors::LambdaError;
use crate::invoke::Found;
use crate::rules::names::Named;
use bytes::Bytes;
use model_lambda::{InvocationType, InvokeInput, InvokeOutput};
use service::Ctx;

/// Invoke, where the function is durable; `None` where it is not.
///
/// # Errors
/// Where it is named without a version, or an execution of the name began with something else.
pub async fn invoke(
    ctx: &Ctx,
    (named, found): (&Named, &Found),
    payload: &Bytes,
    input: &InvokeInput,
) -> Result<Option<InvokeOutput>, LambdaError> {
    let Some(of) = starting::of_found(ctx, named, found)? else {
        return match input.durable_execution_name {
            Some(_) => Err(LambdaError::invalid(
                "DurableExecutionName is only supported for functions with durable configuration.",
            )),
            None => Ok(None),
        };
    };
    let kind = input.invocation_type.as_ref().unwrap_or(&InvocationType::RequestResponse);
    starting::check(named, of.2, *kind == InvocationType::RequestResponse)?;
    if *kind == InvocationType::DryRun {
        return Ok(None);
    }
    let asked = Asked {
        payload: payload.clone(),
        name: input.durable_execution_name.clone(),
        trace: ctx.trace().map(str::to_owned),
        of_event: *kind == InvocationType::Event,
    };
    let begun = starting::begin_now(ctx, named, of, asked).await?;
    if *kind == InvocationType::Event {
        return Ok(Some(InvokeOutput {
            status_code: Some(202),
            payload: Some(Bytes::new()),
            durable_execution_arn: Some(begun.arn),
            ..Default::default()
        }));
    }
    let outcome = starting::end(ctx, &begun).await?;
    Ok(Some(InvokeOutput {
        status_code: Some(200),
        function_error: outcome.failed.then(|| "Unhandled".to_owned()),
        payload: Some(outcome.payload),
        executed_version: Some(outcome.version),
        durable_execution_arn: Some(begun.arn),
        ..Default::default()
    }))
}
