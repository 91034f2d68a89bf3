//! The replication rules of a bucket, which `replicate` carries out.

use super::bucket_configurations::{drop_it, keep, place, read};
use crate::errors::{Configuration, S3Error};
use crate::lookup;
use crate::rules::replication::{self, RuleFault};
use crate::state::buckets::Bucket;
use crate::state::{Versioning, buckets};
use model_s3 as api;
use schema::Unit;
use service::Ctx;
use std::sync::Arc;

fn invalid(message: &str) -> S3Error {
    S3Error::InvalidRequest { message: message.to_owned() }
}

fn check_versioning(bucket: &Bucket) -> Result<(), S3Error> {
    if bucket.record.versioning == Versioning::Enabled {
        return Ok(());
    }
    Err(S3Error::NoVersionsToReplicate)
}

/// PutBucketReplication: these rules and no others, for objects that are put from here on.
pub async fn put(ctx: Ctx, input: Arc<api::PutBucketReplicationInput>) -> Result<Unit, S3Error> {
    let bucket = lookup::bucket(&ctx.read(), &input.bucket, input.expected_bucket_owner.as_deref())?;
    check_versioning(&bucket)?;
    let mut configuration = input.replication_configuration.clone();
    replication::validate(&configuration).map_err(|fault| match fault {
        RuleFault::Shape => S3Error::MalformedXml,
        RuleFault::Words(message) => invalid(message),
    })?;
    for rule in &mut configuration.rules {
        if rule.id.as_deref().is_none_or(str::is_empty) {
            rule.id = Some(ctx.uuid());
        }
    }
    let targets: Vec<String> =
        configuration.rules.iter().map(|rule| rule.destination.bucket.clone()).collect();
    keep(&ctx, place!(input, Replication), configuration, move |tx, bucket| {
        check_versioning(bucket)?;
        for target in &targets {
            let name = replication::bucket_of(target).ok_or_else(|| invalid("Invalid bucket ARN."))?;
            // Of a bucket that is not there the same is said as of one without versions (recorded of AWS by
            // LocalStack's test_replication_config_without_filter).
            let unversioned = || invalid("Destination bucket must have versioning enabled.");
            let found = buckets::find(tx, name)?.ok_or_else(unversioned)?;
            if found.incarnation() == bucket.incarnation() {
                return Err(invalid("Destination bucket cannot be the same as the source bucket."));
            }
            if found.record.versioning != Versioning::Enabled {
                return Err(unversioned());
            }
        }
        Ok(())
    })
    .await
    .map(|()| Unit)
}

/// GetBucketReplication.
pub async fn get(
    ctx: Ctx,
    input: Arc<api::GetBucketReplicationInput>,
) -> Result<api::GetBucketReplicationOutput, S3Error> {
    let kept: Option<api::ReplicationConfiguration> = read(&ctx, &place!(input, Replication))?;
    let kept = kept.ok_or_else(|| S3Error::absent(&input.bucket, Configuration::Replication))?;
    Ok(api::GetBucketReplicationOutput { replication_configuration: Some(kept) })
}

/// DeleteBucketReplication.
pub async fn delete(ctx: Ctx, input: Arc<api::DeleteBucketReplicationInput>) -> Result<Unit, S3Error> {
    drop_it::<api::ReplicationConfiguration>(&ctx, place!(input, Replication)).await
}
