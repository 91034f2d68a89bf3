//! The tags of a bucket, which its head holds.

use crate::errors::{Configuration, S3Error};
use crate::lookup;
use crate::rules::headers::{self, BUCKET_TAGS};
use crate::views;
use model_s3 as api;
use names::Tags;
use schema::Unit;
use service::{Ctx, Heads};
use std::sync::Arc;
use store::Tx;

fn set(tx: &mut Tx, name: &str, expected_owner: Option<&str>, tags: &Tags) -> Result<Unit, S3Error> {
    let bucket = lookup::bucket(tx, name, expected_owner)?;
    if let Some(mut head) = tx.head(&bucket.arn())? {
        head.tags.clone_from(tags);
        tx.put_head(&bucket.arn(), &head)?;
    }
    Ok(Unit)
}

/// PutBucketTagging: these tags and no others.
pub async fn put(ctx: Ctx, input: Arc<api::PutBucketTaggingInput>) -> Result<Unit, S3Error> {
    let pairs = input.tagging.tag_set.iter().flatten().map(|tag| (tag.key.as_str(), tag.value.as_str()));
    let tags = headers::tag_set(BUCKET_TAGS, pairs).map_err(|fault| S3Error::tags(fault, None))?;
    ctx.commit(move |tx: &mut Tx| set(tx, &input.bucket, input.expected_bucket_owner.as_deref(), &tags)).await
}

/// DeleteBucketTagging.
pub async fn delete(ctx: Ctx, input: Arc<api::DeleteBucketTaggingInput>) -> Result<Unit, S3Error> {
    ctx.commit(move |tx: &mut Tx| {
        set(tx, &input.bucket, input.expected_bucket_owner.as_deref(), &Tags::new())
    })
    .await
}

/// GetBucketTagging.
pub async fn get(
    ctx: Ctx,
    input: Arc<api::GetBucketTaggingInput>,
) -> Result<api::GetBucketTaggingOutput, S3Error> {
    let bucket = lookup::bucket(&ctx.read(), &input.bucket, input.expected_bucket_owner.as_deref())?;
    let head = ctx.head(&bucket.arn())?;
    let tags = head.as_ref().map(|found| &found.head.tags).filter(|tags| !tags.is_empty());
    let tags = tags.ok_or_else(|| S3Error::absent(&input.bucket, Configuration::TagSet))?;
    Ok(api::GetBucketTaggingOutput { tag_set: views::tag_set(tags) })
}
