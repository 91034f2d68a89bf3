//! PutResourcePolicy, GetResourcePolicy, DeleteResourcePolicy: the policy of a table, kept in its head, where
//! authorisation reads it. A revision is a moment, so that later ones compare as greater.

use super::tags::table_arn;
use crate::errors::DynamoError;
use crate::find;
use crate::state::{self, TableRecord};
use model_dynamodb::{
    DeleteResourcePolicyInput, DeleteResourcePolicyOutput, GetResourcePolicyInput, GetResourcePolicyOutput,
    PutResourcePolicyInput, PutResourcePolicyOutput,
};
use names::{Arn, Scope, Timestamp};
use service::{Ctx, Head, Heads};
use std::sync::Arc;
use store::Tx;

/// The largest policy, in bytes.
const MAX_BYTES: usize = 20 * 1024;
/// What a request expects where there must be no policy.
const NO_POLICY: &str = "NO_POLICY";

/// The revision of a change at a moment, behind the one before.
pub fn revision(now: Timestamp, before: u64) -> u64 {
    u64::try_from(now.millis()).unwrap_or_default().max(before.saturating_add(1))
}

/// Refuses a policy that is too large or none.
///
/// # Errors
/// AWS's message.
pub fn check(text: &str) -> Result<(), DynamoError> {
    if text.len() > MAX_BYTES {
        return Err(DynamoError::invalid(
            "Resource-based policy document cannot exceed the maximum size of 20 KB",
        ));
    }
    match policy::Policy::parse(text) {
        Ok(_) => Ok(()),
        Err(fault) => Err(DynamoError::invalid(format!("Invalid policy document: {fault}"))),
    }
}

/// Where the table of an ARN is.
fn place(ctx: &Ctx, text: &str) -> Result<(Arn, Scope, String), DynamoError> {
    let arn = table_arn(ctx, text)?;
    let address = find::address(ctx.account(), ctx.region(), arn.as_str())?;
    Ok((arn, address.scope, address.name))
}

fn found(tx: &mut Tx, (arn, scope, name): &(Arn, Scope, String)) -> Result<(TableRecord, Head), DynamoError> {
    let absent = || DynamoError::NoSuchTable(name.clone());
    Ok((state::table(tx, scope, name)?.ok_or_else(absent)?, tx.head(arn)?.ok_or_else(absent)?))
}

/// Refuses a change that expects another revision than there is.
fn check_expected(expected: Option<&str>, record: &TableRecord, head: &Head) -> Result<(), DynamoError> {
    let (name, present) = (&record.name, head.policy.as_ref().map(|_| record.policy_revision));
    let why = match (expected, present) {
        (None, _) | (Some(NO_POLICY), None) => return Ok(()),
        (Some(NO_POLICY), Some(present)) => format!(
            "Requested policy update expecting none to be present for table {name}, but a policy exists with \
             revision id {present}."
        ),
        (Some(expected), Some(present)) if expected == present.to_string() => return Ok(()),
        (Some(expected), Some(present)) => format!(
            "Requested update for policy with revision id {expected}, but the policy associated to target \
             table {name} has revision id {present}."
        ),
        (Some(expected), None) => format!(
            "Requested update for policy with revision id {expected}, but no policy is associated to target \
             table {name}."
        ),
    };
    Err(DynamoError::NoPolicy(why))
}

/// PutResourcePolicy.
pub async fn put_resource_policy(
    ctx: Ctx,
    input: Arc<PutResourcePolicyInput>,
) -> Result<PutResourcePolicyOutput, DynamoError> {
    check(&input.policy)?;
    let (place, now) = (place(&ctx, &input.resource_arn)?, ctx.now());
    let revision = ctx
        .commit(move |tx| {
            let (mut record, mut head) = found(tx, &place)?;
            check_expected(input.expected_revision_id.as_deref(), &record, &head)?;
            if head.policy.as_ref() != Some(&input.policy) {
                record.policy_revision = self::revision(now, record.policy_revision);
                head.policy = Some(input.policy.clone());
                state::put_table(tx, &place.1, &mut record)?;
                tx.put_head(&place.0, &head)?;
            }
            Ok::<_, DynamoError>(record.policy_revision)
        })
        .await?;
    Ok(PutResourcePolicyOutput { revision_id: Some(revision.to_string()) })
}

/// GetResourcePolicy.
pub async fn get_resource_policy(
    ctx: Ctx,
    input: Arc<GetResourcePolicyInput>,
) -> Result<GetResourcePolicyOutput, DynamoError> {
    let (arn, scope, name) = place(&ctx, &input.resource_arn)?;
    let record = state::table(&ctx.read(), &scope, &name)?;
    let record = record.ok_or_else(|| DynamoError::NoSuchTable(name.clone()))?;
    let head = ctx.head(&arn)?.ok_or(DynamoError::NoSuchTable(name))?;
    match &head.head.policy {
        Some(policy) => Ok(GetResourcePolicyOutput {
            policy: Some(policy.clone()),
            revision_id: Some(record.policy_revision.to_string()),
        }),
        None => Err(DynamoError::NoPolicy(arn.to_string())),
    }
}

/// DeleteResourcePolicy: without a policy there is nothing to do.
pub async fn delete_resource_policy(
    ctx: Ctx,
    input: Arc<DeleteResourcePolicyInput>,
) -> Result<DeleteResourcePolicyOutput, DynamoError> {
    let place = place(&ctx, &input.resource_arn)?;
    let revision = ctx
        .commit(move |tx| {
            let (record, mut head) = found(tx, &place)?;
            check_expected(input.expected_revision_id.as_deref(), &record, &head)?;
            if head.policy.take().is_none() {
                return Ok::<_, DynamoError>(None);
            }
            tx.put_head(&place.0, &head)?;
            Ok(Some(record.policy_revision))
        })
        .await?;
    Ok(DeleteResourcePolicyOutput { revision_id: revision.map(|revision| revision.to_string()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_are_moments_and_grow() {
        assert_eq!(revision(Timestamp(1_000), 0), 1_000);
        assert_eq!(revision(Timestamp(1_000), 1_000), 1_001);
    }

    #[test]
    fn policies_are_checked() {
        let statement = r#"{"Effect":"Allow","Principal":"*","Action":"dynamodb:GetItem","Resource":"*"}"#;
        assert!(check(&format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#)).is_ok());
        assert!(check("no policy").is_err());
        assert!(check(&" ".repeat(MAX_BYTES + 1)).is_err());
    }
}
