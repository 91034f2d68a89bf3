//! CreateTopic and DeleteTopic.

use crate::errors::SnsError;
use crate::ops::permissions::check_policy;
use crate::ops::tags::refused;
use crate::ops::topic_place;
use crate::rules::attributes::{check_topic as check_attribute, is_default_policy};
use crate::rules::names::check_topic as check_name;
use crate::state::{self, Topic};
use model_sns::{CreateTopicInput, CreateTopicOutput, DeleteTopicInput};
use names::{Arn, Tags};
use schema::Unit;
use service::{Ctx, Head, Heads, TagRules};
use std::collections::BTreeMap;
use std::sync::Arc;

/// CreateTopic: makes a topic, or finds it again with the same attributes.
pub async fn create(ctx: Ctx, input: Arc<CreateTopicInput>) -> Result<CreateTopicOutput, SnsError> {
    let (scope, owner, now) = (ctx.scope(), ctx.account(), ctx.now());
    let given = input.attributes.clone().unwrap_or_default();
    let fifo = given.get("FifoTopic").is_some_and(|text| text.eq_ignore_ascii_case("true"));
    check_name(&input.name, fifo)?;
    let arn = state::arn(&scope, &input.name);
    let (attributes, policy) = wanted(&given, fifo, &arn, owner)?;
    if let Some(policy) = &input.data_protection_policy {
        super::data_protection::check(policy)?;
    }
    let tags = tags(&input)?;
    let topic_arn = Some(arn.to_string());
    ctx.commit(move |tx| {
        if let Some(topic) = state::topic(tx, &scope, &input.name)? {
            let head = tx.head(&arn)?;
            return same(&topic, &given, head.as_ref(), input.tags.as_ref().map(|_| &tags));
        }
        let topic = Topic {
            incarnation: tx.fresh_incarnation()?,
            name: input.name.clone(),
            created: now,
            fifo,
            attributes: attributes.clone(),
            data_protection: input.data_protection_policy.clone(),
            deleted: 0,
        };
        state::put_topic(tx, &scope, &topic)?;
        let head = Head {
            incarnation: topic.incarnation,
            owner,
            kind: "AWS::SNS::Topic".to_owned(),
            created: now,
            tags: tags.clone(),
            policy: policy.clone(),
        };
        Ok(tx.put_head(&arn, &head)?)
    })
    .await?;
    Ok(CreateTopicOutput { topic_arn })
}

/// The attributes and the policy that the request asks for.
fn wanted(
    given: &BTreeMap<String, String>,
    fifo: bool,
    arn: &Arn,
    owner: names::AccountId,
) -> Result<(BTreeMap<String, String>, Option<String>), SnsError> {
    let mut attributes = BTreeMap::new();
    let mut policy = None;
    for (name, text) in given {
        match name.as_str() {
            "FifoTopic" if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") => {}
            "FifoTopic" => {
                return Err(SnsError::invalid("Attributes Reason: FifoTopic must be true or false"));
            }
            "Policy" if text.is_empty() || is_default_policy(text, arn, owner) => {}
            "Policy" => {
                check_policy(text).map_err(|refused| refused.of_creation(name))?;
                policy = Some(text.clone());
            }
            name => {
                check_attribute(name, text, fifo).map_err(|refused| refused.of_creation(name))?;
                if !text.is_empty() {
                    attributes.insert(name.to_owned(), text.clone());
                }
            }
        }
    }
    Ok((attributes, policy))
}

fn tags(input: &CreateTopicInput) -> Result<Tags, SnsError> {
    let given = input.tags.iter().flatten().map(|tag| (tag.key.as_str(), tag.value.as_str()));
    TagRules::default().add(&Tags::new(), given).map_err(refused)
}

/// Refuses a topic that exists with another value of a given attribute, or with other tags.
fn same(
    topic: &Topic,
    given: &BTreeMap<String, String>,
    head: Option<&Head>,
    tags: Option<&Tags>,
) -> Result<(), SnsError> {
    for (name, text) in given {
        let equal = match name.as_str() {
            "FifoTopic" => topic.fifo == text.eq_ignore_ascii_case("true"),
            "Policy" => {
                let policy = head.and_then(|head| head.policy.as_deref());
                policy.is_none_or(|policy| policy == text)
            }
            name => topic.attributes.get(name).map_or("", String::as_str) == text,
        };
        if !equal {
            return Err(SnsError::invalid(
                "Attributes Reason: Topic already exists with different attributes",
            ));
        }
    }
    match (tags, head) {
        // Some of its tags will do (LocalStack's test_create_duplicate_topic_check_idempotency, recorded on AWS).
        (Some(tags), Some(head)) if tags.iter().any(|(key, value)| head.tags.get(key) != Some(value)) => {
            Err(SnsError::invalid("Tags Reason: Topic already exists with different tags"))
        }
        _ => Ok(()),
    }
}

/// DeleteTopic: succeeds where there is none.
pub async fn delete(ctx: Ctx, input: Arc<DeleteTopicInput>) -> Result<Unit, SnsError> {
    let (scope, name) = topic_place(&ctx, "TopicArn", &input.topic_arn)?;
    ctx.commit(move |tx| {
        let Some(topic) = state::topic(tx, &scope, &name)? else { return Ok(Unit) };
        if topic.attributes.get("ArchivePolicy").is_some_and(|policy| policy.len() > 2) {
            let message = "Cannot delete a topic with an ArchivePolicy";
            return Err(SnsError::InvalidState(message.to_owned()));
        }
        state::remove_topic(tx, &scope, &topic)?;
        tx.remove_head(&state::arn(&scope, &name))?;
        Ok(Unit)
    })
    .await
}
