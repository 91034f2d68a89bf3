//! ListQueues and GetQueueUrl.

use crate::errors::SqsError;
use crate::ops::url;
use crate::state;
use model_sqs::{GetQueueUrlInput, GetQueueUrlOutput, ListQueuesInput, ListQueuesOutput};
use names::Scope;
use service::Ctx;
use std::sync::Arc;

/// Queues of one page.
const PAGE: usize = 1000;

/// ListQueues. Without MaxResults it answers at most 1000 queues and no token, as AWS does.
pub async fn list_queues(ctx: Ctx, input: Arc<ListQueuesInput>) -> Result<ListQueuesOutput, SqsError> {
    let prefix = input.queue_name_prefix.as_deref().unwrap_or_default();
    let after = match input.next_token.as_deref().filter(|token| !token.is_empty()) {
        Some(token) => Some(ctx.page_position(prefix, token).ok_or(SqsError::InvalidToken)?),
        None => None,
    };
    let after = after.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let limit = page_size(input.max_results)?;
    let (scope, read) = (ctx.scope(), ctx.read());
    let names: Vec<String> = state::queues(&read, &scope, prefix, after.as_deref())
        .take(limit + 1)
        .map(|queue| queue.map(|queue| queue.name))
        .collect::<Result<_, _>>()?;
    let more = names.len() > limit && input.max_results.is_some();
    let page = &names[..names.len().min(limit)];
    let next_token = page.last().filter(|_| more).map(|last| ctx.page_token(prefix, last.as_bytes()));
    let urls: Vec<String> = page.iter().map(|name| url(&ctx, &scope, name)).collect();
    Ok(ListQueuesOutput { queue_urls: Some(urls).filter(|urls| !urls.is_empty()), next_token })
}

/// How many queues a page has: as many as were asked for, or a thousand.
pub fn page_size(asked: Option<i32>) -> Result<usize, SqsError> {
    match asked {
        Some(limit @ 1..=1000) => Ok(limit as usize),
        Some(_) => {
            let message = "Value for parameter MaxResults is invalid. Reason: Must be between 1 and 1000.";
            Err(SqsError::InvalidParameterValue(message.to_owned()))
        }
        None => Ok(PAGE),
    }
}

/// GetQueueUrl.
pub async fn get_queue_url(ctx: Ctx, input: Arc<GetQueueUrlInput>) -> Result<GetQueueUrlOutput, SqsError> {
    let owner = input.queue_owner_aws_account_id.as_deref().and_then(|text| text.parse().ok());
    let scope = Scope::Regional(owner.unwrap_or_else(|| ctx.account()), ctx.region().clone());
    let queue = state::queue(&ctx.read(), &scope, &input.queue_name)?.ok_or(SqsError::QueueDoesNotExist)?;
    Ok(GetQueueUrlOutput { queue_url: Some(url(&ctx, &scope, &queue.name)) })
}
