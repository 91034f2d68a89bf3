//! InvokeAsync: the older form of an asynchronous invocation.

use crate::errors::LambdaError;
use crate::invoke::MAX_ASYNCHRONOUS;
use crate::ops::invoke::{accept, check};
use crate::ops::named;
use bytes::BytesMut;
use futures_util::StreamExt;
use model_lambda::{InvokeAsyncInput, InvokeAsyncOutput};
use service::Ctx;
use std::sync::Arc;

/// InvokeAsync.
pub async fn invoke_async(ctx: Ctx, input: Arc<InvokeAsyncInput>) -> Result<InvokeAsyncOutput, LambdaError> {
    let named = named(&ctx, input.as_ref())?;
    let (mut payload, mut chunks) = (BytesMut::new(), input.invoke_args.take());
    while let Some(chunks) = &mut chunks {
        let Some(chunk) = chunks.next().await else { break };
        payload.extend_from_slice(&chunk.map_err(|error| LambdaError::invalid(error.to_string()))?);
        if payload.len() > MAX_ASYNCHRONOUS {
            let (bytes, limit) = (payload.len(), MAX_ASYNCHRONOUS);
            return Err(LambdaError::PayloadTooLarge { bytes, kind: "Event", limit });
        }
    }
    let payload = payload.freeze();
    check(&ctx, &payload, "Event", MAX_ASYNCHRONOUS).await?;
    accept(&ctx, named, payload).await?;
    Ok(InvokeAsyncOutput { status: Some(202) })
}
