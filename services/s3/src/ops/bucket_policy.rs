//! The policy of a bucket, which its head holds and the pipeline evaluates.

use crate::errors::{Configuration, S3Error};
use crate::lookup;
use crate::rules::{directory_buckets, public};
use crate::state::account_blocks;
use crate::state::buckets::Bucket;
use model_s3 as api;
use schema::Unit;
use serde_json::Value;
use service::{Ctx, Heads};
use std::sync::Arc;
use store::Tx;

/// Longest policy, in bytes.
const MAX_POLICY_BYTES: u64 = 20 * 1024;

fn set(tx: &mut Tx, bucket: &Bucket, policy: Option<String>) -> Result<Unit, S3Error> {
    if let Some(mut head) = tx.head(&bucket.arn())? {
        head.policy = policy;
        tx.put_head(&bucket.arn(), &head)?;
    }
    Ok(Unit)
}

/// A policy whose resources are where they must be.
///
/// # Errors
/// Where it is too large, none, or its resources are elsewhere.
pub fn parsed(text: &str, within: impl FnOnce(&Value) -> bool) -> Result<Value, S3Error> {
    let size = text.len() as u64;
    if size > MAX_POLICY_BYTES {
        return Err(S3Error::EntityTooLarge { size, limit: MAX_POLICY_BYTES });
    }
    let malformed = |message: &str| S3Error::MalformedPolicy { message: message.to_owned() };
    policy::resource_policy(text).map_err(|error| match error.fault {
        policy::Fault::Json => malformed("Policies must be valid JSON and the first byte must be '{'"),
        _ if lacks_statements(text) => malformed("Missing required field Statement"),
        _ => malformed(&error.message),
    })?;
    let value: Value = serde_json::from_str(text)
        .map_err(|_| malformed("Policies must be valid JSON and the first byte must be '{'"))?;
    if within(&value) { Ok(value) } else { Err(malformed("Policy has invalid resource")) }
}

fn lacks_statements(text: &str) -> bool {
    let value: Option<Value> = serde_json::from_str(text).ok();
    value.is_some_and(|value| value.is_object() && value.get("Statement").is_none())
}

/// PutBucketPolicy.
pub async fn put(ctx: Ctx, input: Arc<api::PutBucketPolicyInput>) -> Result<Unit, S3Error> {
    let text = input.policy.as_deref().unwrap_or_default();
    let directory = directory_buckets::is_named_so(&input.bucket);
    let own = lookup::bucket(&ctx.read(), &input.bucket, None).map(|bucket| bucket.arn());
    let within = |value: &Value| match (&own, directory) {
        (Ok(own), true) => directory_buckets::is_about(public::resources(value), own),
        _ => public::stays_within(value, &input.bucket),
    };
    let is_public = public::is_public(&parsed(text, within)?);
    ctx.commit(move |tx: &mut Tx| {
        let bucket = lookup::bucket(tx, &input.bucket, input.expected_bucket_owner.as_deref())?;
        if is_public && account_blocks::of_bucket(tx, &bucket)?.block_policy {
            return Err(S3Error::AccessDenied);
        }
        set(tx, &bucket, input.policy.clone())
    })
    .await
}

/// DeleteBucketPolicy.
pub async fn delete(ctx: Ctx, input: Arc<api::DeleteBucketPolicyInput>) -> Result<Unit, S3Error> {
    ctx.commit(move |tx: &mut Tx| {
        let bucket = lookup::bucket(tx, &input.bucket, input.expected_bucket_owner.as_deref())?;
        set(tx, &bucket, None)
    })
    .await
}

fn policy_of(ctx: &Ctx, name: &str, expected_owner: Option<&str>) -> Result<String, S3Error> {
    let bucket = lookup::bucket(&ctx.read(), name, expected_owner)?;
    let head = ctx.head(&bucket.arn())?;
    let policy = head.and_then(|found| found.head.policy.clone());
    policy.ok_or_else(|| S3Error::absent(name, Configuration::Policy))
}

/// GetBucketPolicy.
pub async fn get(
    ctx: Ctx,
    input: Arc<api::GetBucketPolicyInput>,
) -> Result<api::GetBucketPolicyOutput, S3Error> {
    let policy = policy_of(&ctx, &input.bucket, input.expected_bucket_owner.as_deref())?;
    Ok(api::GetBucketPolicyOutput { policy: Some(policy) })
}

/// GetBucketPolicyStatus: whether the policy lets the public in.
pub async fn status(
    ctx: Ctx,
    input: Arc<api::GetBucketPolicyStatusInput>,
) -> Result<api::GetBucketPolicyStatusOutput, S3Error> {
    let policy = policy_of(&ctx, &input.bucket, input.expected_bucket_owner.as_deref())?;
    let is_public = serde_json::from_str(&policy).is_ok_and(|policy| public::is_public(&policy));
    Ok(api::GetBucketPolicyStatusOutput {
        policy_status: Some(api::PolicyStatus { is_public: Some(is_public) }),
    })
}
