//! AddPermission and RemovePermission: statements of the topic's policy, by their label.

use crate::errors::SnsError;
use crate::ops::{found, topic_place};
use crate::rules::attributes::{Refused, default_policy};
use crate::state;
use model_sns::{AddPermissionInput, RemovePermissionInput};
use names::{AccountId, Arn};
use schema::Unit;
use serde_json::{Value, json};
use service::{Ctx, Heads};
use std::sync::Arc;

/// Actions on topics (Service Authorization Reference).
const ACTIONS: [&str; 12] = [
    "*",
    "AddPermission",
    "DeleteTopic",
    "GetDataProtectionPolicy",
    "GetTopicAttributes",
    "ListSubscriptionsByTopic",
    "ListTagsForResource",
    "Publish",
    "PutDataProtectionPolicy",
    "RemovePermission",
    "SetTopicAttributes",
    "Subscribe",
];
/// Statements of a policy (AddPermission, API reference).
const MAX_STATEMENTS: usize = 20;

/// Refuses a text that is no policy of a topic, or that is of actions on something else (createTopicWithInvalidPolicy
/// of ballerina-platform/module-ballerinax-aws.sns, run on AWS).
pub fn check_policy(text: &str) -> Result<(), Refused> {
    policy::resource_policy(text).map(drop).map_err(|_| Refused::NoPolicy)?;
    let policy: Value = serde_json::from_str(text).unwrap_or_default();
    let statements = many(&policy["Statement"]);
    let mut actions = statements.iter().flat_map(|statement| many(&statement["Action"]));
    if actions.all(|action| action.as_str().is_some_and(is_of_topics)) {
        return Ok(());
    }
    Err(Refused::OutOfScope)
}

/// The items of a list, or the one that stands for it.
fn many(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        Value::Null => &[],
        one => std::slice::from_ref(one),
    }
}

/// Whether an action, or one that a pattern may mean, is on topics. `Receive` stands in the policies that the console
/// once wrote.
fn is_of_topics(action: &str) -> bool {
    let (service, name) = action.split_once(':').unwrap_or(("sns", action));
    let is_pattern = name.contains(['*', '?']);
    let is_known = |known: &&str| known.eq_ignore_ascii_case(name);
    service.eq_ignore_ascii_case("sns")
        && (is_pattern || is_known(&"Receive") || ACTIONS.iter().any(is_known))
}

fn policy_of(text: Option<&str>, arn: &Arn, owner: AccountId) -> Value {
    let default = default_policy(arn, owner);
    let mut policy: Value = serde_json::from_str(text.unwrap_or(&default)).unwrap_or_default();
    if !policy["Statement"].is_array() {
        policy["Statement"] = json!([policy["Statement"].take()]);
    }
    policy
}

fn one_or_many(mut texts: Vec<String>) -> Value {
    if texts.len() == 1 { Value::from(texts.remove(0)) } else { Value::from(texts) }
}

fn check(input: &AddPermissionInput) -> Result<(), SnsError> {
    if input.aws_account_id.is_empty() {
        return Err(SnsError::invalid("Principal"));
    }
    if input.action_name.iter().any(|action| !ACTIONS.contains(&action.as_str()))
        || input.action_name.is_empty()
    {
        return Err(Refused::OutOfScope.of_setting());
    }
    // As SNS answered addPermissionWithInvalidAccountTest of ballerina-platform/module-ballerinax-aws.sns.
    if input.aws_account_id.iter().any(|account| account.parse::<AccountId>().is_err()) {
        return Err(SnsError::invalid("A provided account ID is not valid"));
    }
    Ok(())
}

/// AddPermission.
pub async fn add(ctx: Ctx, input: Arc<AddPermissionInput>) -> Result<Unit, SnsError> {
    let place = topic_place(&ctx, "TopicArn", &input.topic_arn)?;
    ctx.commit(move |tx| {
        let topic = found(tx, &place)?;
        check(&input)?;
        let arn = state::arn(&place.0, &topic.name);
        let mut head = tx.head(&arn)?.ok_or(SnsError::NotFound("Topic"))?;
        let mut policy = policy_of(head.policy.as_deref(), &arn, head.owner);
        let principals: Vec<String> =
            input.aws_account_id.iter().map(|account| format!("arn:aws:iam::{account}:root")).collect();
        let actions: Vec<String> = input.action_name.iter().map(|action| format!("SNS:{action}")).collect();
        if let Some(statements) = policy["Statement"].as_array_mut() {
            if statements.iter().any(|statement| statement["Sid"] == input.label.as_str()) {
                return Err(SnsError::invalid("Statement already exists"));
            }
            if statements.len() >= MAX_STATEMENTS {
                return Err(SnsError::invalid(format!("A policy has at most {MAX_STATEMENTS} statements")));
            }
            statements.push(json!({
                "Sid": input.label,
                "Effect": "Allow",
                "Principal": {"AWS": one_or_many(principals)},
                "Action": one_or_many(actions),
                "Resource": arn.as_str(),
            }));
        }
        head.policy = Some(policy.to_string());
        tx.put_head(&arn, &head)?;
        Ok(Unit)
    })
    .await
}

/// RemovePermission: succeeds where there is no such statement.
pub async fn remove(ctx: Ctx, input: Arc<RemovePermissionInput>) -> Result<Unit, SnsError> {
    let place = topic_place(&ctx, "TopicArn", &input.topic_arn)?;
    ctx.commit(move |tx| {
        let topic = found(tx, &place)?;
        let arn = state::arn(&place.0, &topic.name);
        let mut head = tx.head(&arn)?.ok_or(SnsError::NotFound("Topic"))?;
        let mut policy = policy_of(head.policy.as_deref(), &arn, head.owner);
        if let Some(statements) = policy["Statement"].as_array_mut() {
            statements.retain(|statement| statement["Sid"] != input.label.as_str());
        }
        let text = policy.to_string();
        let is_default = crate::rules::attributes::is_default_policy(&text, &arn, head.owner);
        head.policy = (!is_default).then_some(text);
        tx.put_head(&arn, &head)?;
        Ok(Unit)
    })
    .await
}
