//! PutResourcePolicy, GetResourcePolicy, DeleteResourcePolicy: the policy of a table or a stream, kept in its
//! head, where authorisation reads it. A revision is a moment, so that later ones compare as greater.

use super::tags::{check_arn, table_arn};
use crate::errors::DynamoError;
use crate::find::{self, Address};
use crate::iterators::StreamAddress;
use crate::state::streams::{self, StreamRecord};
use crate::state::{self, TableRecord};
use model_dynamodb::{
    DeleteResourcePolicyInput, DeleteResourcePolicyOutput, GetResourcePolicyInput, GetResourcePolicyOutput,
    PutResourcePolicyInput, PutResourcePolicyOutput,
};
use names::{Arn, Scope, Timestamp};
use service::{Ctx, Head, Heads};
use std::sync::Arc;
use store::{Read, Tx};

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
        return Err(DynamoError::invalid_value("Maximum policy size of 20480 bytes exceeded"));
    }
    match policy::Policy::parse(text) {
        Ok(_) => Ok(()),
        Err(fault) => Err(DynamoError::invalid_value(format!("Invalid policy document: {fault}"))),
    }
}

/// Where the table or stream of an ARN is.
struct Place {
    arn: Arn,
    address: Address,
    /// The label of the stream, where the ARN names one.
    stream: Option<String>,
}

fn place(ctx: &Ctx, text: &str) -> Result<Place, DynamoError> {
    check_arn(text)?;
    if let (true, Ok(arn)) = (text.contains("/stream/"), text.parse()) {
        let StreamAddress { scope, table, label } = StreamAddress::of(text, ctx.region())?;
        return Ok(Place { arn, address: Address { scope, name: table }, stream: Some(label) });
    }
    let arn = table_arn(ctx, text)?;
    let address = find::address(ctx.account(), ctx.region(), arn.as_str())?;
    Ok(Place { arn, address, stream: None })
}

/// What has a policy.
enum Holder {
    Table(Box<TableRecord>),
    Stream(Box<StreamRecord>),
}

impl Holder {
    fn at(read: &impl Read, place: &Place) -> Result<Self, DynamoError> {
        let Address { scope, name } = &place.address;
        match &place.stream {
            None => {
                let record = state::table(read, scope, name)?;
                let record = record.ok_or_else(|| DynamoError::NoSuchTable(name.clone()))?;
                Ok(Holder::Table(Box::new(record)))
            }
            Some(label) => {
                let record = streams::stream(read, scope, name, label)?;
                let arn = place.arn.to_string();
                Ok(Holder::Stream(Box::new(record.ok_or(DynamoError::NoSuchResource(arn))?)))
            }
        }
    }

    fn revision(&self) -> u64 {
        match self {
            Holder::Table(record) => record.policy_revision,
            Holder::Stream(record) => record.policy_revision,
        }
    }

    fn put_revision(&mut self, tx: &mut Tx, scope: &Scope, revision: u64) -> Result<(), DynamoError> {
        match self {
            Holder::Table(record) => {
                record.policy_revision = revision;
                Ok(state::put_table(tx, scope, record)?)
            }
            Holder::Stream(record) => {
                record.policy_revision = revision;
                Ok(streams::put_stream(tx, scope, record)?)
            }
        }
    }
}

fn found(tx: &mut Tx, place: &Place) -> Result<(Holder, Head), DynamoError> {
    let holder = Holder::at(tx, place)?;
    let head = tx.head(&place.arn)?;
    Ok((holder, head.ok_or_else(|| DynamoError::NoSuchTable(place.address.name.clone()))?))
}

/// Refuses a change that expects another revision than there is.
fn check_expected(
    expected: Option<&str>,
    place: &Place,
    holder: &Holder,
    head: &Head,
) -> Result<(), DynamoError> {
    let (name, present) = (&place.address.name, head.policy.as_ref().map(|_| holder.revision()));
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
            let (mut holder, mut head) = found(tx, &place)?;
            check_expected(input.expected_revision_id.as_deref(), &place, &holder, &head)?;
            if head.policy.as_ref() != Some(&input.policy) {
                let revision = self::revision(now, holder.revision());
                head.policy = Some(input.policy.clone());
                holder.put_revision(tx, &place.address.scope, revision)?;
                tx.put_head(&place.arn, &head)?;
            }
            Ok::<_, DynamoError>(holder.revision())
        })
        .await?;
    Ok(PutResourcePolicyOutput { revision_id: Some(revision.to_string()) })
}

/// GetResourcePolicy.
pub async fn get_resource_policy(
    ctx: Ctx,
    input: Arc<GetResourcePolicyInput>,
) -> Result<GetResourcePolicyOutput, DynamoError> {
    let place = place(&ctx, &input.resource_arn)?;
    let holder = Holder::at(&ctx.read(), &place)?;
    let head = ctx.head(&place.arn)?.ok_or(DynamoError::NoSuchTable(place.address.name))?;
    match &head.head.policy {
        Some(policy) => Ok(GetResourcePolicyOutput {
            policy: Some(policy.clone()),
            revision_id: Some(holder.revision().to_string()),
        }),
        None => Err(DynamoError::NoPolicy(place.arn.to_string())),
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
            let (holder, mut head) = found(tx, &place)?;
            check_expected(input.expected_revision_id.as_deref(), &place, &holder, &head)?;
            if head.policy.take().is_none() {
                return Ok::<_, DynamoError>(None);
            }
            tx.put_head(&place.arn, &head)?;
            Ok(Some(holder.revision()))
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
