//! TagQueue, UntagQueue, ListQueueTags: tags are the head's.

use crate::errors::SqsError;
use crate::ops::{found, place};
use crate::state;
use model_sqs::{ListQueueTagsInput, ListQueueTagsOutput, TagQueueInput, UntagQueueInput};
use schema::Unit;
use service::{Ctx, Heads, TagFault, TagRules};
use std::sync::Arc;

const KEYS: &str = "Tag keys must be between 1 and 128 characters in length.";

/// A refusal in SQS's words.
pub fn refused(queue: &str, fault: TagFault) -> SqsError {
    SqsError::Tags(match fault {
        TagFault::TooMany { .. } => format!("Too many tags added for queue {queue}."),
        TagFault::Key(_) => KEYS.to_owned(),
        TagFault::Value { .. } => "Tag values must be between 0 and 256 characters in length.".to_owned(),
        TagFault::Reserved(_) => "System tags cannot be modified by requester.".to_owned(),
        TagFault::Duplicate(key) => format!("Duplicate tag key {key}."),
    })
}

/// TagQueue.
pub async fn tag(ctx: Ctx, input: Arc<TagQueueInput>) -> Result<Unit, SqsError> {
    if input.tags.is_empty() {
        return Err(SqsError::MissingParameter("Tags".to_owned()));
    }
    let place = place(&ctx, &input.queue_url);
    ctx.commit(move |tx| {
        let queue = found(tx, &place)?;
        let arn = state::arn(&place.0, &queue.name);
        let mut head = tx.head(&arn)?.ok_or(SqsError::QueueDoesNotExist)?;
        let added = input.tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        head.tags =
            TagRules::default().add(&head.tags, added).map_err(|fault| refused(&queue.name, fault))?;
        tx.put_head(&arn, &head)?;
        Ok(Unit)
    })
    .await
}

/// UntagQueue.
pub async fn untag(ctx: Ctx, input: Arc<UntagQueueInput>) -> Result<Unit, SqsError> {
    if input.tag_keys.is_empty() {
        return Err(SqsError::InvalidParameterValue(KEYS.to_owned()));
    }
    let place = place(&ctx, &input.queue_url);
    ctx.commit(move |tx| {
        let queue = found(tx, &place)?;
        let arn = state::arn(&place.0, &queue.name);
        let mut head = tx.head(&arn)?.ok_or(SqsError::QueueDoesNotExist)?;
        head.tags.0.retain(|key, _| !input.tag_keys.contains(key));
        tx.put_head(&arn, &head)?;
        Ok(Unit)
    })
    .await
}

/// ListQueueTags.
pub async fn list(ctx: Ctx, input: Arc<ListQueueTagsInput>) -> Result<ListQueueTagsOutput, SqsError> {
    let place = place(&ctx, &input.queue_url);
    let queue = found(&ctx.read(), &place)?;
    let head = ctx.head(&state::arn(&place.0, &queue.name))?;
    let tags = head.map(|head| head.head.tags.0.clone());
    Ok(ListQueueTagsOutput { tags: tags.filter(|tags| !tags.is_empty()) })
}
