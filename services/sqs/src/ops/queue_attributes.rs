//! GetQueueAttributes and SetQueueAttributes.

use crate::errors::SqsError;
use crate::ops::{found, place};
use crate::rules::attributes;
use crate::state::{self, Queue};
use crate::views::{Counts, ReadyMessages};
use model_sqs::{GetQueueAttributesInput, GetQueueAttributesOutput, SetQueueAttributesInput};
use names::Scope;
use schema::Unit;
use service::{Ctx, Heads};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::Tx;

/// GetQueueAttributes.
pub async fn get(
    ctx: Ctx,
    input: Arc<GetQueueAttributesInput>,
) -> Result<GetQueueAttributesOutput, SqsError> {
    let place = place(&ctx, &input.queue_url);
    let queue = found(&ctx.read(), &place)?;
    let names = input.attribute_names.as_deref().unwrap_or_default();
    if let Some(unknown) = names.iter().find(|name| !attributes::NAMES.contains(&name.as_str())) {
        return Err(SqsError::UnknownAttribute(unknown.clone()));
    }
    let all = names.iter().any(|name| name == "All");
    let counts = ctx
        .view::<ReadyMessages>()
        .with(&(place.0.clone(), queue.incarnation), |ready| ready.counts(ctx.now()))?;
    let arn = state::arn(&place.0, &queue.name);
    let policy = ctx.head(&arn)?.and_then(|head| head.head.policy.clone());
    let mut attributes = described(&queue, counts);
    attributes.insert("QueueArn".to_owned(), arn.to_string());
    attributes.extend(policy.map(|policy| ("Policy".to_owned(), policy)));
    attributes.retain(|name, _| all || names.contains(name));
    Ok(GetQueueAttributesOutput { attributes: Some(attributes).filter(|attributes| !attributes.is_empty()) })
}

fn described(queue: &Queue, counts: Counts) -> BTreeMap<String, String> {
    let mut attributes = queue.attributes.texts();
    let mut add = |name: &str, value: String| attributes.insert(name.to_owned(), value);
    add("CreatedTimestamp", queue.created.seconds().to_string());
    add("LastModifiedTimestamp", queue.modified.seconds().to_string());
    add("ApproximateNumberOfMessages", counts.visible.to_string());
    add("ApproximateNumberOfMessagesNotVisible", counts.in_flight.to_string());
    add("ApproximateNumberOfMessagesDelayed", counts.delayed.to_string());
    attributes
}

/// Refuses a text that is no policy of a queue.
pub fn check_policy(text: &str) -> Result<(), SqsError> {
    if text.is_empty() {
        return Ok(());
    }
    policy::resource_policy(text)
        .map(drop)
        .map_err(|_| SqsError::InvalidAttributeValue("Policy".to_owned(), String::new()))
}

/// Refuses a dead-letter queue that is not there, or of the other kind.
pub fn check_dead_letters(tx: &Tx, scope: &Scope, queue: &Queue) -> Result<(), SqsError> {
    let Some(redrive) = &queue.attributes.redrive else { return Ok(()) };
    let refused = |why: &str| {
        Err(SqsError::InvalidParameterValue(format!(
            "Value {} for parameter RedrivePolicy is invalid. Reason: {why}",
            redrive.text
        )))
    };
    let name = redrive.target.resource();
    // A dead-letter queue is of its source's account and region; one that has itself is made in this commit.
    let here = redrive.target == state::arn(scope, name);
    let fifo = match state::queue(tx, scope, name)?.filter(|_| here) {
        Some(target) => target.attributes.fifo,
        None if here && name == queue.name => queue.attributes.fifo,
        None => return refused("Dead letter target does not exist."),
    };
    if fifo == queue.attributes.fifo {
        return Ok(());
    }
    refused("Dead-letter queue must be same type of queue as the source.")
}

/// SetQueueAttributes.
pub async fn set(ctx: Ctx, input: Arc<SetQueueAttributesInput>) -> Result<Unit, SqsError> {
    let (place, now) = (place(&ctx, &input.queue_url), ctx.now());
    ctx.commit(move |tx| {
        let mut queue = found(tx, &place)?;
        attributes::check_encryption(&input.attributes)?;
        for (name, text) in &input.attributes {
            match name.as_str() {
                "Policy" => check_policy(text)?,
                "FifoQueue" if text.eq_ignore_ascii_case("true") && queue.attributes.fifo => {}
                "FifoQueue" if queue.attributes.fifo => {
                    return Err(SqsError::InvalidAttributeValue(
                        name.clone(),
                        "Modifying queue type is not supported.".to_owned(),
                    ));
                }
                "FifoQueue" => return Err(SqsError::UnknownAttribute(name.clone())),
                name => queue.attributes.set(name, text)?,
            }
        }
        queue.attributes.check_together()?;
        if input.attributes.contains_key("RedrivePolicy") {
            check_dead_letters(tx, &place.0, &queue)?;
        }
        queue.modified = now;
        state::put_queue(tx, &place.0, &queue)?;
        if let Some(text) = input.attributes.get("Policy") {
            let arn = state::arn(&place.0, &queue.name);
            if let Some(mut head) = tx.head(&arn)? {
                head.policy = Some(text.clone()).filter(|text| !text.is_empty());
                tx.put_head(&arn, &head)?;
            }
        }
        Ok(Unit)
    })
    .await
}
