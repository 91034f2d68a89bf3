//! The access control lists of buckets and objects.

use crate::access;
use crate::errors::S3Error;
use crate::grants::{self, Wanted};
use crate::lookup;
use crate::notify::{self, Origin};
use crate::rules::acl::Owners;
use crate::rules::notifications::Happening;
use crate::state::{buckets, objects};
use crate::views;
use model_s3 as api;
use schema::Unit;
use service::Ctx;
use std::sync::Arc;
use store::Tx;

macro_rules! wanted {
    ($input:expr) => {
        Wanted {
            canned: $input.acl.as_ref().map(|acl| acl.as_str()),
            headers: [
                $input.grant_full_control.as_deref(),
                $input.grant_read.as_deref(),
                $input.grant_write.as_deref(),
                $input.grant_read_acp.as_deref(),
                $input.grant_write_acp.as_deref(),
            ],
        }
    };
}

pub(super) use wanted;

/// PutBucketAcl.
pub async fn put_bucket(ctx: Ctx, input: Arc<api::PutBucketAclInput>) -> Result<Unit, S3Error> {
    ctx.commit(move |tx: &mut Tx| {
        let mut bucket = lookup::bucket(tx, &input.bucket, input.expected_bucket_owner.as_deref())?;
        let body = input.access_control_policy.as_ref();
        let owner = views::canonical_id(bucket.owner);
        bucket.record.acl = grants::replacing(tx, &wanted!(input), body, &bucket, Owners::Bucket(&owner))?;
        buckets::update(tx, &bucket)?;
        Ok(Unit)
    })
    .await
}

/// GetBucketAcl.
pub async fn get_bucket(
    ctx: Ctx,
    input: Arc<api::GetBucketAclInput>,
) -> Result<api::GetBucketAclOutput, S3Error> {
    let bucket = lookup::bucket(&ctx.read(), &input.bucket, input.expected_bucket_owner.as_deref())?;
    let grants = grants::shown(bucket.record.acl.as_ref(), &views::canonical_id(bucket.owner));
    Ok(api::GetBucketAclOutput { owner: Some(views::owner(bucket.owner)), grants: Some(grants) })
}

/// PutObjectAcl.
pub async fn put_object(
    ctx: Ctx,
    input: Arc<api::PutObjectAclInput>,
) -> Result<api::PutObjectAclOutput, S3Error> {
    let (origin, asking) = (Origin::of(&ctx), ctx.clone());
    ctx.commit(move |tx: &mut Tx| {
        let bucket = lookup::reached(tx, &input.bucket, input.expected_bucket_owner.as_deref())?;
        let named = (input.key.as_str(), input.version_id.as_deref());
        let mut found = lookup::described_object(tx, &bucket, named, "PUT")?;
        access::of_writer(&asking, &bucket, &input.key, &found.object, "s3:PutObjectAcl")?;
        let buckets = views::canonical_id(bucket.owner);
        let owner = found.object.writer().unwrap_or(&buckets);
        let body = input.access_control_policy.as_ref();
        let acl = grants::replacing(tx, &wanted!(input), body, &bucket, Owners::Object(owner, &buckets))?;
        found.object.change_extras(|extras| extras.acl.clone_from(&acl));
        found.version.object = Some(found.object);
        objects::rewrite(tx, &bucket, &input.key, found.version.clone())?;
        notify::tell(tx, &origin, &bucket, Happening::AclPut, &input.key, &found.version)?;
        Ok(api::PutObjectAclOutput::default())
    })
    .await
}

/// GetObjectAcl.
pub async fn get_object(
    ctx: Ctx,
    input: Arc<api::GetObjectAclInput>,
) -> Result<api::GetObjectAclOutput, S3Error> {
    let read = ctx.read();
    let bucket = lookup::reached(&read, &input.bucket, input.expected_bucket_owner.as_deref())?;
    let found = lookup::object(&read, &bucket, (&input.key, input.version_id.as_deref()), "GET")?;
    access::of_writer(&ctx, &bucket, &input.key, &found.object, "s3:GetObjectAcl")?;
    let owner = views::owner_of(found.object.writer(), &bucket);
    let list = found.object.extras.as_ref().and_then(|extras| extras.acl.as_ref());
    Ok(api::GetObjectAclOutput {
        grants: Some(grants::shown(list, owner.id.as_deref().unwrap_or_default())),
        owner: Some(owner),
        request_charged: None,
    })
}
