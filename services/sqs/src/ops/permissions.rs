//! AddPermission and RemovePermission: statements of the queue's policy, by their label.

use crate::errors::SqsError;
use crate::ops::{found, place};
use crate::rules::names::is_label;
use crate::state;
use model_sqs::{AddPermissionInput, RemovePermissionInput};
use names::AccountId;
use schema::Unit;
use serde_json::{Value, json};
use service::{Ctx, Heads};
use std::sync::Arc;

/// Statements that AddPermission may make (AddPermission, API reference).
const MAX_STATEMENTS: usize = 20;

fn policy_of(text: Option<&str>, queue_arn: &str) -> Value {
    let empty =
        || json!({"Version": "2008-10-17", "Id": format!("{queue_arn}/SQSDefaultPolicy"), "Statement": []});
    let parsed = text.and_then(|text| serde_json::from_str::<Value>(text).ok());
    let mut policy = parsed.filter(Value::is_object).unwrap_or_else(empty);
    if !policy["Statement"].is_array() {
        policy["Statement"] = json!([policy["Statement"].take()]);
    }
    policy
}

fn labelled(policy: &Value, label: &str) -> bool {
    policy["Statement"].as_array().into_iter().flatten().any(|statement| statement["Sid"] == label)
}

/// Actions that others may be allowed, and how many of them at once (AddPermission, API reference).
const GRANTABLE: [&str; 9] = [
    "*",
    "ChangeMessageVisibility",
    "DeleteMessage",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
    "PurgeQueue",
    "ReceiveMessage",
    "SendMessage",
];
const MAX_ACTIONS: usize = 7;

fn check(input: &AddPermissionInput) -> Result<(), SqsError> {
    if input.actions.is_empty() {
        return Err(SqsError::MissingParameter("Actions".to_owned()));
    }
    if input.actions.len() > MAX_ACTIONS {
        return Err(SqsError::OverLimit(format!(
            "{} Actions were found, maximum allowed is {MAX_ACTIONS}.",
            input.actions.len()
        )));
    }
    if input.aws_account_ids.is_empty() {
        let message = "Value [] for parameter PrincipalId is invalid. Reason: Unable to verify.";
        return Err(SqsError::InvalidParameterValue(message.to_owned()));
    }
    if !is_label(&input.label) {
        return Err(SqsError::InvalidParameterValue(format!(
            "Value {} for parameter Label is invalid. Reason: Can only include alphanumeric characters, hyphens, or \
             underscores. 1 to 80 in length.",
            input.label
        )));
    }
    if let Some(none) = input.aws_account_ids.iter().find(|account| account.parse::<AccountId>().is_err()) {
        return Err(SqsError::InvalidParameterValue(format!(
            "Value [{none}] for parameter PrincipalId is invalid. Reason: Unable to verify."
        )));
    }
    match input.actions.iter().find(|action| !GRANTABLE.contains(&action.as_str())) {
        None => Ok(()),
        Some(action) => Err(SqsError::InvalidParameterValue(format!(
            "Value SQS:{action} for parameter ActionName is invalid. Reason: Only the queue owner is allowed to \
             invoke this action."
        ))),
    }
}

/// AddPermission.
pub async fn add(ctx: Ctx, input: Arc<AddPermissionInput>) -> Result<Unit, SqsError> {
    check(&input)?;
    let place = place(&ctx, &input.queue_url);
    ctx.commit(move |tx| {
        let queue = found(tx, &place)?;
        let arn = state::arn(&place.0, &queue.name);
        let mut head = tx.head(&arn)?.ok_or(SqsError::QueueDoesNotExist)?;
        let mut policy = policy_of(head.policy.as_deref(), arn.as_str());
        if labelled(&policy, &input.label) {
            let message =
                format!("Value {} for parameter Label is invalid. Reason: Already exists.", input.label);
            return Err(SqsError::InvalidParameterValue(message));
        }
        let principals: Vec<String> =
            input.aws_account_ids.iter().map(|account| format!("arn:aws:iam::{account}:root")).collect();
        let actions: Vec<String> = input.actions.iter().map(|action| format!("SQS:{action}")).collect();
        if let Some(statements) = policy["Statement"].as_array_mut() {
            statements.push(json!({
                "Sid": input.label,
                "Effect": "Allow",
                "Principal": {"AWS": one_or_many(principals)},
                "Action": one_or_many(actions),
                "Resource": arn.as_str(),
            }));
            if statements.len() > MAX_STATEMENTS {
                let message = format!("{MAX_STATEMENTS} permission statements are the maximum of a queue.");
                return Err(SqsError::InvalidParameterValue(message));
            }
        }
        head.policy = Some(policy.to_string());
        tx.put_head(&arn, &head)?;
        Ok(Unit)
    })
    .await
}

fn one_or_many(mut texts: Vec<String>) -> Value {
    if texts.len() == 1 { Value::from(texts.remove(0)) } else { Value::from(texts) }
}

/// RemovePermission.
pub async fn remove(ctx: Ctx, input: Arc<RemovePermissionInput>) -> Result<Unit, SqsError> {
    let place = place(&ctx, &input.queue_url);
    ctx.commit(move |tx| {
        let queue = found(tx, &place)?;
        let arn = state::arn(&place.0, &queue.name);
        let mut head = tx.head(&arn)?.ok_or(SqsError::QueueDoesNotExist)?;
        let mut policy = policy_of(head.policy.as_deref(), arn.as_str());
        if !labelled(&policy, &input.label) {
            let message =
                format!("Value {} for parameter Label is invalid. Reason: can't find label.", input.label);
            return Err(SqsError::InvalidParameterValue(message));
        }
        let statements = policy["Statement"].as_array_mut();
        let left = statements.map_or(0, |statements| {
            statements.retain(|statement| statement["Sid"] != input.label.as_str());
            statements.len()
        });
        head.policy = (left > 0).then(|| policy.to_string());
        tx.put_head(&arn, &head)?;
        Ok(Unit)
    })
    .await
}
