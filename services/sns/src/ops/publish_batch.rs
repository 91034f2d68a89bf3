//! PublishBatch: up to ten messages. What is wrong with one fails them all; those that are fine succeed or fail
//! alone.

use crate::errors::SnsError;
use crate::ops::publish::{message, to_topic};
use crate::ops::{found, topic_place};
use crate::rules::envelope;
use crate::rules::names::check_entry;
use crate::rules::publication::{Asked, Draft, TOO_LONG};
use crate::rules::{MAX_ENTRIES, MAX_MESSAGE_BYTES};
use crate::state::{self, Message, Topic};
use model_sns::{
    BatchResultErrorEntry, PublishBatchInput, PublishBatchOutput, PublishBatchRequestEntry,
    PublishBatchResultEntry,
};
use names::Scope;
use schema::ApiError;
use service::Ctx;
use std::collections::BTreeSet;
use std::sync::Arc;

/// PublishBatch.
pub async fn publish_batch(ctx: Ctx, input: Arc<PublishBatchInput>) -> Result<PublishBatchOutput, SnsError> {
    let place = topic_place(&ctx, "TopicArn", &input.topic_arn)?;
    let topic = found(&ctx.read(), &place)?;
    let entries = &input.publish_batch_request_entries;
    check(entries)?;
    let messages = prepared(&ctx, &place, &topic, entries)?;
    let mut output = PublishBatchOutput { successful: Some(Vec::new()), failed: Some(Vec::new()) };
    for (entry, sent) in entries.iter().zip(sent(&ctx, &place.0, &topic, messages).await) {
        match sent {
            Ok((id, sequence)) => output.successful.get_or_insert_default().push(PublishBatchResultEntry {
                id: Some(entry.id.clone()),
                message_id: Some(id),
                sequence_number: sequence.map(envelope::sequence),
            }),
            Err(error) => output.failed.get_or_insert_default().push(failed(&entry.id, error)),
        }
    }
    Ok(output)
}

/// Publishes all messages: at once, or in a FIFO topic one after the other, as their order is that of the
/// entries.
async fn sent(ctx: &Ctx, scope: &Scope, topic: &Topic, messages: Vec<Message>) -> Vec<Sent> {
    let send = |message: Message| to_topic(ctx, scope.clone(), topic.clone(), message);
    if !topic.fifo {
        return futures_util::future::join_all(messages.into_iter().map(send)).await;
    }
    let mut sent = Vec::with_capacity(messages.len());
    for message in messages {
        sent.push(send(message).await);
    }
    sent
}

fn check(entries: &[PublishBatchRequestEntry]) -> Result<(), SnsError> {
    if entries.is_empty() {
        return Err(SnsError::EmptyBatch);
    }
    if entries.len() > MAX_ENTRIES {
        return Err(SnsError::TooManyEntries);
    }
    let mut seen = BTreeSet::new();
    for entry in entries {
        check_entry(&entry.id)?;
        if !seen.insert(&entry.id) {
            return Err(SnsError::IdsNotDistinct);
        }
    }
    Ok(())
}

/// A message's id, and its place in a FIFO topic.
type Sent = Result<(String, Option<u64>), SnsError>;

fn prepared(
    ctx: &Ctx,
    (scope, name): &(Scope, String),
    topic: &Topic,
    entries: &[PublishBatchRequestEntry],
) -> Result<Vec<Message>, SnsError> {
    let arn = state::arn(scope, name);
    let mut bytes = 0;
    let mut messages = Vec::with_capacity(entries.len());
    for entry in entries {
        // What is wrong with an entry fails the whole batch, too.
        let draft = Draft::of(&Asked {
            message: &entry.message,
            subject: entry.subject.as_deref(),
            structure: entry.message_structure.as_deref(),
            attributes: entry.message_attributes.as_ref(),
            group: entry.message_group_id.as_deref(),
            deduplication_id: entry.message_deduplication_id.as_deref(),
            platform: None,
        });
        if let Err(SnsError::Invalid(why)) = &draft
            && why == TOO_LONG
        {
            return Err(SnsError::BatchTooLong);
        }
        let draft = draft?;
        bytes += draft.bytes;
        if bytes > MAX_MESSAGE_BYTES {
            return Err(SnsError::BatchTooLong);
        }
        messages.push(message(ctx, &arn, topic, draft)?);
    }
    Ok(messages)
}

/// An entry that failed, with the code that clients know.
fn failed(id: &str, error: SnsError) -> BatchResultErrorEntry {
    let error = ApiError::from(error);
    let code = match error.code.as_ref() {
        "InvalidParameterValueException" => "ParameterValueInvalid",
        code => code.trim_end_matches("Exception"),
    };
    BatchResultErrorEntry {
        id: id.to_owned(),
        code: code.to_owned(),
        sender_fault: error.is_sender(),
        message: Some(error.message),
    }
}
