//! InvokeWithResponseStream: the answer comes as events while the function makes it.

use crate::compute::{self, Begun, Outcome, Part};
use crate::errors::LambdaError;
use crate::invoke::{self, Extras, MAX_SYNCHRONOUS};
use crate::ops::invoke::{check, client_context};
use crate::ops::named;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::{StreamExt, stream};
use model_lambda::{
    InvokeResponseStreamUpdate, InvokeWithResponseStreamCompleteEvent, InvokeWithResponseStreamInput,
    InvokeWithResponseStreamOutput, InvokeWithResponseStreamResponseEvent as Event, LogType,
    ResponseStreamingInvocationType,
};
use schema::{EventStream, Obj};
use service::Ctx;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// InvokeWithResponseStream.
pub async fn invoke_with_response_stream(
    ctx: Ctx,
    input: Arc<InvokeWithResponseStreamInput>,
) -> Result<InvokeWithResponseStreamOutput, LambdaError> {
    let named = named(&ctx, input.as_ref())?;
    let payload = input.payload.clone().unwrap_or_default();
    check(&ctx, &payload, "RequestResponse", MAX_SYNCHRONOUS).await?;
    if input.invocation_type == Some(ResponseStreamingInvocationType::DryRun) {
        let read = ctx.read();
        invoke::configuration(&read, &named, &invoke::found(&read, &named)?, 1.0)?;
        return Ok(InvokeWithResponseStreamOutput { status_code: Some(204), ..Default::default() });
    }
    let extras = Extras {
        request_id: ctx.request_id().to_owned(),
        client_context: input.client_context.as_deref().map(client_context).transpose()?,
        tail: input.log_type == Some(LogType::Tail),
        sink: None,
        trace: ctx.trace().map(str::to_owned),
    };
    let found = invoke::look(&ctx, &named)?;
    invoke::check_made(&ctx, &found.function)?;
    let (version, begun) = invoke::run_streamed(&ctx, &named, found, payload, extras).await?;
    let (content_type, events) = match begun {
        Begun::Whole(outcome) => ("application/json".to_owned(), whole(outcome)),
        Begun::Streams { content_type, parts, end } => {
            (content_type.unwrap_or_else(|| "application/octet-stream".to_owned()), streamed(parts, end))
        }
    };
    Ok(InvokeWithResponseStreamOutput {
        status_code: Some(200),
        executed_version: Some(version),
        event_stream: Some(events),
        response_stream_content_type: Some(content_type),
    })
}

fn chunk(payload: bytes::Bytes) -> Box<dyn Obj> {
    Box::new(Event::PayloadChunk(InvokeResponseStreamUpdate { payload: Some(payload) }))
}

fn complete(outcome: Result<Outcome, LambdaError>) -> Box<dyn Obj> {
    let event = match outcome {
        Ok(outcome) => InvokeWithResponseStreamCompleteEvent {
            error_code: outcome.failed.then(|| "Unhandled".to_owned()),
            error_details: outcome.failed.then(|| String::from_utf8_lossy(&outcome.payload).into_owned()),
            log_result: outcome.tail.map(|tail| STANDARD.encode(tail)),
        },
        Err(error) => {
            let error = schema::ApiError::from(error);
            InvokeWithResponseStreamCompleteEvent {
                error_code: Some(error.code.to_string()),
                error_details: Some(error.message),
                log_result: None,
            }
        }
    };
    Box::new(Event::InvokeComplete(event))
}

/// The events of an answer that is there: one chunk, unless it is an error, and the end.
fn whole(outcome: Outcome) -> EventStream {
    let first = (!outcome.failed).then(|| chunk(outcome.payload.clone()));
    EventStream::new(stream::iter(first.into_iter().chain([complete(Ok(outcome))])))
}

/// The events of an answer that comes.
fn streamed(parts: mpsc::Receiver<Part>, end: JoinHandle<Result<Outcome, LambdaError>>) -> EventStream {
    let chunks = stream::unfold(parts, |mut parts| async move {
        loop {
            match parts.recv().await? {
                Part::Data(bytes) => return Some((chunk(bytes), parts)),
                Part::Head(_) => {}
            }
        }
    });
    let last = stream::once(async move { complete(compute::ended(end).await) });
    EventStream::new(chunks.chain(last))
}
