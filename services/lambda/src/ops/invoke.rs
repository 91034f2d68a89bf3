//! Invoke: synchronous ones wait for the function; asynchronous ones are committed and run by `events`.

use crate::errors::LambdaError;
use crate::events;
use crate::invoke::{self, Extras, Found, MAX_ASYNCHRONOUS, MAX_SYNCHRONOUS};
use crate::ops::durable::invoking;
use crate::ops::named;
use crate::rules::names::Named;
use crate::state::{self, Event};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use model_lambda::{InvocationType, InvokeInput, InvokeOutput, LogType};
use service::Ctx;
use std::sync::Arc;

/// Payloads that take long to check.
const LARGE: usize = 256 * 1024;
/// Longest client context (Invoke, API reference).
const MAX_CLIENT_CONTEXT: usize = 3583;

/// Invoke.
pub async fn invoke(ctx: Ctx, input: Arc<InvokeInput>) -> Result<InvokeOutput, LambdaError> {
    let named = named(&ctx, input.as_ref())?;
    let payload = input.payload.clone().unwrap_or_default();
    match input.invocation_type.as_ref().unwrap_or(&InvocationType::RequestResponse) {
        InvocationType::Event => {
            check(&ctx, &payload, "Event", MAX_ASYNCHRONOUS).await?;
            let found = invoke::look(&ctx, &named)?;
            if let Some(begun) = invoking::invoke(&ctx, (&named, &found), &payload, &input).await? {
                return Ok(begun);
            }
            accept(&ctx, named, payload).await
        }
        InvocationType::DryRun => {
            let found = invoke::look(&ctx, &named)?;
            invoking::invoke(&ctx, (&named, &found), &payload, &input).await?;
            Ok(InvokeOutput { status_code: Some(204), ..Default::default() })
        }
        InvocationType::RequestResponse | InvocationType::Other(_) => {
            check(&ctx, &payload, "RequestResponse", MAX_SYNCHRONOUS).await?;
            let found = invoke::look(&ctx, &named)?;
            if let Some(ended) = invoking::invoke(&ctx, (&named, &found), &payload, &input).await? {
                return Ok(ended);
            }
            answer(&ctx, &named, found, payload, &input).await
        }
    }
}

/// Refuses a payload that is too large, or no JSON.
///
/// # Errors
/// Where it is.
pub async fn check(ctx: &Ctx, payload: &Bytes, kind: &'static str, limit: usize) -> Result<(), LambdaError> {
    if payload.len() > limit {
        return Err(LambdaError::PayloadTooLarge { bytes: payload.len(), kind, limit });
    }
    if payload.len() < LARGE {
        return invoke::check_json(payload);
    }
    let payload = payload.clone();
    ctx.compute(move || invoke::check_json(&payload)).await.map_err(LambdaError::Other)?
}

async fn answer(
    ctx: &Ctx,
    named: &Named,
    found: Found,
    payload: Bytes,
    input: &InvokeInput,
) -> Result<InvokeOutput, LambdaError> {
    let extras = Extras {
        request_id: ctx.request_id().to_owned(),
        client_context: input.client_context.as_deref().map(client_context).transpose()?,
        tail: input.log_type == Some(LogType::Tail),
        sink: None,
        trace: ctx.trace().map(str::to_owned),
    };
    invoke::check_made(ctx, &found.function)?;
    let outcome = invoke::run_found(ctx, named, found, payload, extras).await?;
    Ok(InvokeOutput {
        status_code: Some(200),
        function_error: outcome.failed.then(|| "Unhandled".to_owned()),
        log_result: outcome.tail.map(|tail| STANDARD.encode(tail)),
        payload: Some(outcome.payload),
        executed_version: Some(outcome.version),
        durable_execution_arn: None,
    })
}

/// The JSON in a client context, in one line: it travels in a header.
///
/// # Errors
/// Where it is none.
pub fn client_context(text: &str) -> Result<String, LambdaError> {
    let refused = || LambdaError::invalid("Client context must be a valid Base64-encoded JSON object.");
    if text.len() > MAX_CLIENT_CONTEXT {
        return Err(refused());
    }
    let decoded = STANDARD.decode(text).map_err(|_| refused())?;
    let value: serde_json::Value = serde_json::from_slice(&decoded).map_err(|_| refused())?;
    if value.is_object() { Ok(value.to_string()) } else { Err(refused()) }
}

/// Commits an asynchronous invocation.
///
/// # Errors
/// Where there is no such function.
pub async fn accept(ctx: &Ctx, named: Named, payload: Bytes) -> Result<InvokeOutput, LambdaError> {
    let event = Event {
        scope: named.scope.clone(),
        function: named.name.clone(),
        qualifier: named.qualifier.clone(),
        request_id: ctx.request_id().to_owned(),
        accepted: ctx.now(),
        attempts: 0,
        deferrals: 0,
        waits: false,
        hops: 0,
        trace: ctx.trace().map(str::to_owned),
    };
    let payload = events::or_empty(payload);
    ctx.commit(move |tx| {
        let function = invoke::target(tx, &named)?;
        invoke::configuration(tx, &named, &function, 1.0)?;
        tx.allow_large();
        Ok::<_, LambdaError>(state::add_event(tx, &event, &payload)?)
    })
    .await?;
    Ok(InvokeOutput { status_code: Some(202), payload: Some(Bytes::new()), ..Default::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_contexts_become_one_line() {
        let pretty = STANDARD.encode("{\n  \"custom\": {\"a\": \"x\\ny\"}\n}");
        assert_eq!(client_context(&pretty).unwrap(), "{\"custom\":{\"a\":\"x\\ny\"}}");
        for bad in ["!", &STANDARD.encode("[1]"), &STANDARD.encode("{"), &"A".repeat(4000)] {
            assert!(client_context(bad).is_err());
        }
        let deep = STANDARD.encode("[".repeat(2000));
        assert!(client_context(&deep).is_err());
    }
}
