//! PutResourcePolicy, DescribeResourcePolicies, DeleteResourcePolicy: who else may write to the groups of
//! the region. Their statements are judged together, under one head.

use super::metric_filters::page_limit;
use crate::errors::LogsError;
use crate::rules::MOST_POLICIES;
use crate::state::filters::{self, Policy};
use model_logs as model;
use names::{AccountId, Scope, Tags, Timestamp};
use schema::Unit;
use serde_json::{Map, Value, json};
use service::{Ctx, Head, Heads};
use std::sync::Arc;
use store::Tx;

fn refuse_single_groups(resource: Option<&String>, revision: Option<&String>) -> Result<(), LogsError> {
    if resource.is_some() || revision.is_some() {
        let message = "Resource policies of single log groups are not available in this region yet.";
        return Err(LogsError::invalid(message));
    }
    Ok(())
}

fn needed<'i>(name: &str, given: Option<&'i String>) -> Result<&'i String, LogsError> {
    given.ok_or_else(|| LogsError::invalid(format!("{name} is required")))
}

/// PutResourcePolicy.
pub async fn put(
    ctx: Ctx,
    input: Arc<model::PutResourcePolicyInput>,
) -> Result<model::PutResourcePolicyOutput, LogsError> {
    refuse_single_groups(input.resource_arn.as_ref(), input.expected_revision_id.as_ref())?;
    let (scope, now) = (ctx.scope(), ctx.now());
    let policy = Policy {
        name: needed("policyName", input.policy_name.as_ref())?.clone(),
        document: needed("policyDocument", input.policy_document.as_ref())?.clone(),
        updated: now,
    };
    policy::resource_policy(&policy.document)
        .map_err(|malformed| LogsError::invalid(malformed.to_string()))?;
    let written = policy.clone();
    ctx.commit(move |tx| {
        let known = filters::policy(tx, &scope, &written.name)?.is_some();
        if !known && filters::policies(tx, &scope, None).count() >= MOST_POLICIES {
            return Err(LogsError::LimitExceeded);
        }
        filters::put_policy(tx, &scope, &written)?;
        judge_by_all(tx, &scope, now)
    })
    .await?;
    Ok(model::PutResourcePolicyOutput { resource_policy: Some(described(policy)), revision_id: None })
}

/// Puts the statements of all policies under the head that demands are judged by. Names of statements are
/// unique in one policy only, so they are left out.
fn judge_by_all(tx: &mut Tx, scope: &Scope, now: Timestamp) -> Result<(), LogsError> {
    let arn = filters::policies_arn(scope);
    let policies = filters::policies(tx, scope, None).collect::<Result<Vec<_>, _>>()?;
    if policies.is_empty() {
        return Ok(tx.remove_head(&arn)?);
    }
    let mut statements = Vec::new();
    for policy in &policies {
        let document: Map<String, Value> = serde_json::from_str(&policy.document).unwrap_or_default();
        match document.get("Statement") {
            Some(Value::Array(list)) => statements.extend(list.iter().cloned()),
            Some(one) => statements.push(one.clone()),
            None => {}
        }
    }
    for statement in statements.iter_mut().filter_map(Value::as_object_mut) {
        statement.remove("Sid");
    }
    let document = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    let present = tx.head(&arn)?;
    let head = Head {
        incarnation: match &present {
            Some(head) => head.incarnation,
            None => tx.fresh_incarnation()?,
        },
        owner: scope.account().unwrap_or(AccountId::DEFAULT),
        kind: "AWS::Logs::ResourcePolicy".to_owned(),
        created: present.map_or(now, |head| head.created),
        tags: Tags::new(),
        policy: Some(document),
    };
    Ok(tx.put_head(&arn, &head)?)
}

fn described(policy: Policy) -> model::ResourcePolicy {
    model::ResourcePolicy {
        policy_name: Some(policy.name),
        policy_document: Some(policy.document),
        last_updated_time: Some(policy.updated.millis()),
        policy_scope: Some(model::PolicyScope::Account),
        ..model::ResourcePolicy::default()
    }
}

/// DescribeResourcePolicies.
pub async fn describe(
    ctx: Ctx,
    input: Arc<model::DescribeResourcePoliciesInput>,
) -> Result<model::DescribeResourcePoliciesOutput, LogsError> {
    refuse_single_groups(input.resource_arn.as_ref(), None)?;
    let (scope, read) = (ctx.scope(), ctx.read());
    let after = match &input.next_token {
        Some(token) => {
            let position = ctx.page_position("", token).and_then(|bytes| String::from_utf8(bytes).ok());
            Some(position.ok_or_else(|| LogsError::invalid("The specified nextToken is invalid."))?)
        }
        None => None,
    };
    let limit = page_limit(input.limit);
    let rows = filters::policies(&read, &scope, after.as_ref());
    let mut found = rows.take(limit + 1).collect::<Result<Vec<Policy>, _>>()?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next_token = found.last().filter(|_| more).map(|last| ctx.page_token("", last.name.as_bytes()));
    let resource_policies = Some(found.into_iter().map(described).collect());
    Ok(model::DescribeResourcePoliciesOutput { resource_policies, next_token })
}

/// DeleteResourcePolicy.
pub async fn delete(ctx: Ctx, input: Arc<model::DeleteResourcePolicyInput>) -> Result<Unit, LogsError> {
    refuse_single_groups(input.resource_arn.as_ref(), input.expected_revision_id.as_ref())?;
    let (scope, now) = (ctx.scope(), ctx.now());
    let name = needed("policyName", input.policy_name.as_ref())?.clone();
    ctx.commit(move |tx| {
        if filters::policy(tx, &scope, &name)?.is_none() {
            return Err(LogsError::PolicyNotFound(name.clone()));
        }
        filters::remove_policy(tx, &scope, &name)?;
        judge_by_all(tx, &scope, now)?;
        Ok(Unit)
    })
    .await
}
