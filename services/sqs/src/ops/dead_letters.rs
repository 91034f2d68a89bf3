//! ListDeadLetterSourceQueues. Without MaxResults it answers at most 1000 queues and no token, as ListQueues does (API
//! reference, both operations).

use crate::errors::SqsError;
use crate::ops::list_queues::page_size;
use crate::ops::{found, place, url};
use crate::state;
use model_sqs::{ListDeadLetterSourceQueuesInput, ListDeadLetterSourceQueuesOutput};
use service::Ctx;
use std::sync::Arc;

/// ListDeadLetterSourceQueues.
pub async fn list_sources(
    ctx: Ctx,
    input: Arc<ListDeadLetterSourceQueuesInput>,
) -> Result<ListDeadLetterSourceQueuesOutput, SqsError> {
    let limit = page_size(input.max_results)?;
    let place = place(&ctx, &input.queue_url);
    let read = ctx.read();
    let queue = found(&read, &place)?;
    let arn = state::arn(&place.0, &queue.name);
    let after = match input.next_token.as_deref() {
        Some(token) => Some(ctx.page_position(arn.as_str(), token).ok_or(SqsError::InvalidToken)?),
        None => None,
    };
    let after = after.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let mut names = Vec::new();
    for source in state::queues(&read, &place.0, "", after.as_deref()) {
        let source = source?;
        if source.attributes.redrive.as_ref().is_some_and(|redrive| redrive.target == arn) {
            names.push(source.name);
            if names.len() > limit {
                break;
            }
        }
    }
    let more = names.len() > limit && input.max_results.is_some();
    names.truncate(limit);
    let next_token = names.last().filter(|_| more).map(|last| ctx.page_token(arn.as_str(), last.as_bytes()));
    let queue_urls = names.iter().map(|name| url(&ctx, &place.0, name)).collect();
    Ok(ListDeadLetterSourceQueuesOutput { queue_urls, next_token })
}
