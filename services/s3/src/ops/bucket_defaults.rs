//! Configurations that no operation of this room can set: a bucket answers that it has none, or what
//! every bucket has.

use crate::errors::{Configuration, S3Error};
use crate::lookup;
use crate::state::buckets::Bucket;
use crate::views::canonical_id;
use model_s3 as api;
use service::Ctx;
use std::sync::Arc;

fn found(ctx: &Ctx, name: &str, expected_owner: Option<&String>) -> Result<Bucket, S3Error> {
    lookup::bucket(&ctx.read(), name, expected_owner.map(String::as_str))
}

macro_rules! never_configured {
    ($($function:ident: $input:ident => $output:ident, $configuration:ident;)*) => {$(
        /// The bucket has none, if it is there.
        pub async fn $function(ctx: Ctx, input: Arc<api::$input>) -> Result<api::$output, S3Error> {
            found(&ctx, &input.bucket, input.expected_bucket_owner.as_ref())?;
            Err(S3Error::absent(&input.bucket, Configuration::$configuration))
        }
    )*};
}

never_configured! {
    get_lifecycle: GetBucketLifecycleConfigurationInput => GetBucketLifecycleConfigurationOutput, Lifecycle;
    get_website: GetBucketWebsiteInput => GetBucketWebsiteOutput, Website;
    get_replication: GetBucketReplicationInput => GetBucketReplicationOutput, Replication;
    get_object_lock: GetObjectLockConfigurationInput => GetObjectLockConfigurationOutput, ObjectLock;
}

/// GetBucketAccelerateConfiguration: never set.
pub async fn get_accelerate(
    ctx: Ctx,
    input: Arc<api::GetBucketAccelerateConfigurationInput>,
) -> Result<api::GetBucketAccelerateConfigurationOutput, S3Error> {
    found(&ctx, &input.bucket, input.expected_bucket_owner.as_ref())?;
    Ok(api::GetBucketAccelerateConfigurationOutput::default())
}

/// GetBucketLogging: off.
pub async fn get_logging(
    ctx: Ctx,
    input: Arc<api::GetBucketLoggingInput>,
) -> Result<api::GetBucketLoggingOutput, S3Error> {
    found(&ctx, &input.bucket, input.expected_bucket_owner.as_ref())?;
    Ok(api::GetBucketLoggingOutput::default())
}

/// GetBucketRequestPayment: the owner pays.
pub async fn get_request_payment(
    ctx: Ctx,
    input: Arc<api::GetBucketRequestPaymentInput>,
) -> Result<api::GetBucketRequestPaymentOutput, S3Error> {
    found(&ctx, &input.bucket, input.expected_bucket_owner.as_ref())?;
    Ok(api::GetBucketRequestPaymentOutput { payer: Some(api::Payer::BucketOwner) })
}

/// GetBucketAcl: the owner may do everything, nobody else is granted anything.
pub async fn get_acl(
    ctx: Ctx,
    input: Arc<api::GetBucketAclInput>,
) -> Result<api::GetBucketAclOutput, S3Error> {
    let bucket = found(&ctx, &input.bucket, input.expected_bucket_owner.as_ref())?;
    let id = Some(canonical_id(bucket.owner));
    let grantee = api::Grantee { id: id.clone(), type_: api::Type::CanonicalUser, ..Default::default() };
    let grant = api::Grant { grantee: Some(grantee), permission: Some(api::Permission::FullControl) };
    let owner = api::Owner { id, display_name: None };
    Ok(api::GetBucketAclOutput { owner: Some(owner), grants: Some(vec![grant]) })
}
