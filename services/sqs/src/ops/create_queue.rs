//! CreateQueue: makes a queue, or finds it again with the same attributes.

use crate::errors::SqsError;
use crate::ops::url;
use crate::rules::attributes::{Attributes, check_encryption};
use crate::rules::{RECENT_MS, names};
use crate::state::{self, Queue, recent};
use crate::timers;
use model_sqs::{CreateQueueInput, CreateQueueOutput};
use service::{Ctx, Fidelity, Head, Heads, TagRules};
use std::collections::BTreeMap;
use std::sync::Arc;

/// CreateQueue.
pub async fn create_queue(ctx: Ctx, input: Arc<CreateQueueInput>) -> Result<CreateQueueOutput, SqsError> {
    let (scope, now) = (ctx.scope(), ctx.now());
    let given = input.attributes.clone().unwrap_or_default();
    let attributes = wanted(&given)?;
    names::check(&input.queue_name, attributes.fifo)?;
    let queue_url = url(&ctx, &scope, &input.queue_name);
    let owner = ctx.account();
    let rests = ctx.host().settings.fidelity == Fidelity::Aws;

    ctx.commit(move |tx| {
        let arn = state::arn(&scope, &input.queue_name);
        if let Some(queue) = state::queue(tx, &scope, &input.queue_name)? {
            let policy = tx.head(&arn)?.and_then(|head| head.policy);
            same(&queue, &given, &attributes, policy.as_deref())?;
            return Ok(());
        }
        let deleted = recent::deleted(tx, &scope, &input.queue_name)?;
        if rests && deleted.is_some_and(|at| at.plus_millis(RECENT_MS) > now) {
            return Err(SqsError::QueueDeletedRecently);
        }
        let tags = input.tags.iter().flatten().map(|(key, value)| (key.as_str(), value.as_str()));
        let tags = TagRules::default()
            .add(&::names::Tags::new(), tags)
            .map_err(|fault| super::tags::refused(&input.queue_name, fault))?;
        let queue = Queue {
            incarnation: tx.fresh_incarnation()?,
            name: input.queue_name.clone(),
            created: now,
            modified: now,
            attributes: attributes.clone(),
        };
        super::queue_attributes::check_dead_letters(tx, &scope, &queue)?;
        state::put_queue(tx, &scope, &queue)?;
        let head = Head {
            incarnation: queue.incarnation,
            owner,
            kind: "AWS::SQS::Queue".to_owned(),
            created: now,
            tags,
            policy: given.get("Policy").filter(|policy| !policy.is_empty()).cloned(),
        };
        tx.put_head(&arn, &head)?;
        let due = now.plus_millis(queue.attributes.retention * 1000);
        timers::schedule(tx, &scope, &queue, due)?;
        Ok::<_, SqsError>(())
    })
    .await?;
    Ok(CreateQueueOutput { queue_url: Some(queue_url) })
}

/// The attributes that the request asks for.
fn wanted(given: &BTreeMap<String, String>) -> Result<Attributes, SqsError> {
    let mut attributes = Attributes::default();
    check_encryption(given)?;
    // What only a FIFO queue has is set after it is known to be one.
    if let Some(fifo) = given.get("FifoQueue") {
        if !fifo.eq_ignore_ascii_case("true") {
            return Err(SqsError::UnknownAttribute("FifoQueue".to_owned()));
        }
        attributes.set("FifoQueue", fifo)?;
    }
    for (name, text) in given {
        match name.as_str() {
            "Policy" => super::queue_attributes::check_policy(text)?,
            name => attributes.set(name, text)?,
        }
    }
    attributes.check_together()?;
    Ok(attributes)
}

/// Refuses a queue that exists with another value of a given attribute.
fn same(
    queue: &Queue,
    given: &BTreeMap<String, String>,
    asked: &Attributes,
    policy: Option<&str>,
) -> Result<(), SqsError> {
    let (present, asked) = (queue.attributes.texts(), asked.texts());
    for (name, text) in given {
        let equal = match name.as_str() {
            "Policy" => policy.unwrap_or_default() == text,
            name => present.get(name) == asked.get(name),
        };
        if !equal {
            return Err(SqsError::QueueNameExists(name.clone()));
        }
    }
    Ok(())
}
