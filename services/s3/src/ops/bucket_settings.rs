//! What is set on a bucket and kept in its record: versioning, ownership, public access, encryption.

use super::buckets::ownership_of;
use crate::errors::{Configuration, S3Error};
use crate::lookup;
use crate::state::buckets::{self, Bucket};
use crate::state::{BucketRecord, Encryption, Ownership, PublicAccessBlock, Versioning};
use model_s3 as api;
use schema::Unit;
use service::Ctx;
use std::sync::Arc;
use store::Tx;

/// Changes the record of a bucket.
async fn change(
    ctx: &Ctx,
    name: &str,
    expected_owner: Option<&str>,
    change: impl Fn(&mut BucketRecord) + Send + Sync + 'static,
) -> Result<Unit, S3Error> {
    let (name, expected_owner) = (name.to_owned(), expected_owner.map(str::to_owned));
    ctx.commit(move |tx: &mut Tx| {
        let mut bucket = lookup::bucket(tx, &name, expected_owner.as_deref())?;
        change(&mut bucket.record);
        buckets::update(tx, &bucket)?;
        Ok(Unit)
    })
    .await
}

fn found(ctx: &Ctx, name: &str, expected_owner: Option<&String>) -> Result<Bucket, S3Error> {
    lookup::bucket(&ctx.read(), name, expected_owner.map(String::as_str))
}

const LOCKED: &str =
    "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.";
const REPLICATED: &str = "A replication configuration is present on this bucket, so you cannot change the \
                          versioning state. To change the versioning state, first delete the replication \
                          configuration.";

/// PutBucketVersioning: keep versions from now on, or no longer.
pub async fn put_versioning(ctx: Ctx, input: Arc<api::PutBucketVersioningInput>) -> Result<Unit, S3Error> {
    let given = &input.versioning_configuration;
    if matches!(given.mfa_delete, Some(api::MFADelete::Enabled)) {
        return Err(S3Error::NotImplemented { header: "x-amz-mfa" });
    }
    let versioning = match &given.status {
        Some(api::BucketVersioningStatus::Enabled) => Versioning::Enabled,
        Some(api::BucketVersioningStatus::Suspended) => Versioning::Suspended,
        // An empty one is none (test_empty_status_element of dyus/meeseeks-s3, recorded on AWS in 2026).
        Some(api::BucketVersioningStatus::Other(given)) if given.is_empty() => {
            return Err(S3Error::IllegalVersioning);
        }
        Some(api::BucketVersioningStatus::Other(_)) => return Err(S3Error::MalformedXml),
        None => return Err(S3Error::IllegalVersioning),
    };
    ctx.commit(move |tx: &mut Tx| {
        let mut bucket = lookup::bucket(tx, &input.bucket, input.expected_bucket_owner.as_deref())?;
        if versioning == Versioning::Suspended && bucket.record.lock.is_some() {
            return Err(S3Error::InvalidBucketState { message: LOCKED });
        }
        if versioning == Versioning::Suspended && bucket.record.configured.replication {
            return Err(S3Error::InvalidBucketState { message: REPLICATED });
        }
        bucket.record.versioning = versioning;
        buckets::update(tx, &bucket)?;
        Ok(Unit)
    })
    .await
}

/// GetBucketVersioning: nothing where it was never set.
pub async fn get_versioning(
    ctx: Ctx,
    input: Arc<api::GetBucketVersioningInput>,
) -> Result<api::GetBucketVersioningOutput, S3Error> {
    let bucket = found(&ctx, &input.bucket, input.expected_bucket_owner.as_ref())?;
    let status = match bucket.record.versioning {
        Versioning::Never => None,
        Versioning::Enabled => Some(api::BucketVersioningStatus::Enabled),
        Versioning::Suspended => Some(api::BucketVersioningStatus::Suspended),
    };
    Ok(api::GetBucketVersioningOutput { status, mfa_delete: None })
}

/// PutBucketOwnershipControls: who owns what others put here.
pub async fn put_ownership(
    ctx: Ctx,
    input: Arc<api::PutBucketOwnershipControlsInput>,
) -> Result<Unit, S3Error> {
    let [rule] = input.ownership_controls.rules.as_slice() else { return Err(S3Error::MalformedXml) };
    let ownership = ownership_of(&rule.object_ownership).map_err(|_| S3Error::MalformedXml)?;
    change(&ctx, &input.bucket, input.expected_bucket_owner.as_deref(), move |record| {
        record.ownership = Some(ownership);
    })
    .await
}

/// GetBucketOwnershipControls.
pub async fn get_ownership(
    ctx: Ctx,
    input: Arc<api::GetBucketOwnershipControlsInput>,
) -> Result<api::GetBucketOwnershipControlsOutput, S3Error> {
    let bucket = found(&ctx, &input.bucket, input.expected_bucket_owner.as_ref())?;
    let object_ownership = match bucket.record.ownership {
        None => return Err(S3Error::absent(&input.bucket, Configuration::OwnershipControls)),
        Some(Ownership::BucketOwnerEnforced) => api::ObjectOwnership::BucketOwnerEnforced,
        Some(Ownership::BucketOwnerPreferred) => api::ObjectOwnership::BucketOwnerPreferred,
        Some(Ownership::ObjectWriter) => api::ObjectOwnership::ObjectWriter,
    };
    let rules = vec![api::OwnershipControlsRule { object_ownership }];
    Ok(api::GetBucketOwnershipControlsOutput { ownership_controls: Some(api::OwnershipControls { rules }) })
}

/// DeleteBucketOwnershipControls.
pub async fn delete_ownership(
    ctx: Ctx,
    input: Arc<api::DeleteBucketOwnershipControlsInput>,
) -> Result<Unit, S3Error> {
    change(&ctx, &input.bucket, input.expected_bucket_owner.as_deref(), |record| record.ownership = None)
        .await
}

/// PutPublicAccessBlock: what keeps the bucket from the public; what is left out is off.
pub async fn put_public_access(
    ctx: Ctx,
    input: Arc<api::PutPublicAccessBlockInput>,
) -> Result<Unit, S3Error> {
    let given = &input.public_access_block_configuration;
    let block = PublicAccessBlock {
        block_acls: given.block_public_acls.unwrap_or(false),
        ignore_acls: given.ignore_public_acls.unwrap_or(false),
        block_policy: given.block_public_policy.unwrap_or(false),
        restrict: given.restrict_public_buckets.unwrap_or(false),
    };
    change(&ctx, &input.bucket, input.expected_bucket_owner.as_deref(), move |record| {
        record.public_access = Some(block);
    })
    .await
}

/// GetPublicAccessBlock.
pub async fn get_public_access(
    ctx: Ctx,
    input: Arc<api::GetPublicAccessBlockInput>,
) -> Result<api::GetPublicAccessBlockOutput, S3Error> {
    let bucket = found(&ctx, &input.bucket, input.expected_bucket_owner.as_ref())?;
    let block = bucket.record.public_access;
    let block = block.ok_or_else(|| S3Error::absent(&input.bucket, Configuration::PublicAccessBlock))?;
    let configuration = api::PublicAccessBlockConfiguration {
        block_public_acls: Some(block.block_acls),
        ignore_public_acls: Some(block.ignore_acls),
        block_public_policy: Some(block.block_policy),
        restrict_public_buckets: Some(block.restrict),
    };
    Ok(api::GetPublicAccessBlockOutput { public_access_block_configuration: Some(configuration) })
}

/// DeletePublicAccessBlock.
pub async fn delete_public_access(
    ctx: Ctx,
    input: Arc<api::DeletePublicAccessBlockInput>,
) -> Result<Unit, S3Error> {
    change(&ctx, &input.bucket, input.expected_bucket_owner.as_deref(), |record| record.public_access = None)
        .await
}

/// PutBucketEncryption: how new objects are encrypted.
pub async fn put_encryption(ctx: Ctx, input: Arc<api::PutBucketEncryptionInput>) -> Result<Unit, S3Error> {
    found(&ctx, &input.bucket, input.expected_bucket_owner.as_ref())?;
    let Some([rule]) = input.server_side_encryption_configuration.rules.as_deref() else {
        return Err(S3Error::MalformedXml);
    };
    let encryption = encryption(rule)?;
    change(&ctx, &input.bucket, input.expected_bucket_owner.as_deref(), move |record| {
        record.encryption = Some(encryption.clone());
    })
    .await
}

fn encryption(rule: &api::ServerSideEncryptionRule) -> Result<Encryption, S3Error> {
    let bucket_key = rule.bucket_key_enabled.unwrap_or(false);
    let Some(default) = &rule.apply_server_side_encryption_by_default else {
        return Ok(Encryption { bucket_key, ..Encryption::default() });
    };
    let algorithm = default.sse_algorithm.as_str();
    if !["AES256", "aws:kms", "aws:kms:dsse"].contains(&algorithm) {
        return Err(S3Error::MalformedXml);
    }
    let kms_key = default.kms_master_key_id.clone().filter(|key| !key.is_empty());
    if kms_key.is_some() && algorithm == "AES256" {
        return Err(S3Error::UntoldArgument {
            message: "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or \
                      aws:kms:dsse"
                .into(),
            name: "ApplyServerSideEncryptionByDefault",
        });
    }
    Ok(Encryption { algorithm: algorithm.to_owned(), kms_key, bucket_key })
}

/// GetBucketEncryption: every bucket has one.
pub async fn get_encryption(
    ctx: Ctx,
    input: Arc<api::GetBucketEncryptionInput>,
) -> Result<api::GetBucketEncryptionOutput, S3Error> {
    let bucket = found(&ctx, &input.bucket, input.expected_bucket_owner.as_ref())?;
    let Encryption { algorithm, kms_key, bucket_key } = bucket.record.encryption();
    let rule = api::ServerSideEncryptionRule {
        apply_server_side_encryption_by_default: Some(api::ServerSideEncryptionByDefault {
            sse_algorithm: api::ServerSideEncryption::from(algorithm.as_str()),
            kms_master_key_id: kms_key,
        }),
        bucket_key_enabled: Some(bucket_key),
        blocked_encryption_types: None,
    };
    let configuration = api::ServerSideEncryptionConfiguration { rules: Some(vec![rule]) };
    Ok(api::GetBucketEncryptionOutput { server_side_encryption_configuration: Some(configuration) })
}

/// DeleteBucketEncryption: back to what every new bucket has.
pub async fn delete_encryption(
    ctx: Ctx,
    input: Arc<api::DeleteBucketEncryptionInput>,
) -> Result<Unit, S3Error> {
    change(&ctx, &input.bucket, input.expected_bucket_owner.as_deref(), |record| {
        record.encryption = None;
    })
    .await
}
