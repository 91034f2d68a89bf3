//! The tags of an object, of the newest version or a named one.

use crate::errors::S3Error;
use crate::lookup;
use crate::notify::{self, Origin};
use crate::rules::headers::{self, OBJECT_TAGS, TagSetFault};
use crate::rules::notifications::Happening;
use crate::state::objects;
use crate::views;
use model_s3 as api;
use names::Tags;
use service::{Ctx, TagFault};
use std::sync::Arc;
use store::Tx;

/// Which object gets which tags.
struct Change {
    bucket: String,
    expected_owner: Option<String>,
    key: String,
    version_id: Option<String>,
    tags: Tags,
    happening: Happening,
    method: &'static str,
}

async fn set(ctx: &Ctx, change: Change) -> Result<Option<String>, S3Error> {
    let origin = Origin::of(ctx);
    ctx.commit(move |tx: &mut Tx| {
        let bucket = lookup::reached(tx, &change.bucket, change.expected_owner.as_deref())?;
        let named = (change.key.as_str(), change.version_id.as_deref());
        let mut found = lookup::described_object(tx, &bucket, named, change.method)?;
        found.object.tags.clone_from(&change.tags);
        found.version.object = Some(found.object);
        objects::rewrite(tx, &bucket, &change.key, found.version.clone())?;
        notify::tell(tx, &origin, &bucket, change.happening, &change.key, &found.version)?;
        Ok(views::version_id(&bucket, &found.version))
    })
    .await
}

/// Tags of the system's own are refused in other words than a bucket's (recorded of AWS by LocalStack's
/// test_tagging_validation).
fn refused(fault: TagSetFault) -> S3Error {
    match fault {
        TagSetFault::Tag(TagFault::Reserved(key)) => S3Error::InvalidTag {
            message: "Your TagKey cannot be prefixed with aws:",
            key: Some(key),
            value: None,
        },
        fault => S3Error::tags(fault, None),
    }
}

/// PutObjectTagging: these tags and no others.
pub async fn put(
    ctx: Ctx,
    input: Arc<api::PutObjectTaggingInput>,
) -> Result<api::PutObjectTaggingOutput, S3Error> {
    let pairs = input.tagging.tag_set.iter().flatten().map(|tag| (tag.key.as_str(), tag.value.as_str()));
    let tags = headers::tag_set(OBJECT_TAGS, pairs).map_err(refused)?;
    let change = Change {
        bucket: input.bucket.clone(),
        expected_owner: input.expected_bucket_owner.clone(),
        key: input.key.clone(),
        version_id: input.version_id.clone(),
        tags,
        happening: Happening::Tagged,
        method: "PUT",
    };
    Ok(api::PutObjectTaggingOutput { version_id: set(&ctx, change).await? })
}

/// DeleteObjectTagging.
pub async fn delete(
    ctx: Ctx,
    input: Arc<api::DeleteObjectTaggingInput>,
) -> Result<api::DeleteObjectTaggingOutput, S3Error> {
    let change = Change {
        bucket: input.bucket.clone(),
        expected_owner: input.expected_bucket_owner.clone(),
        key: input.key.clone(),
        version_id: input.version_id.clone(),
        tags: Tags::new(),
        happening: Happening::Untagged,
        method: "DELETE",
    };
    Ok(api::DeleteObjectTaggingOutput { version_id: set(&ctx, change).await? })
}

/// GetObjectTagging.
pub async fn get(
    ctx: Ctx,
    input: Arc<api::GetObjectTaggingInput>,
) -> Result<api::GetObjectTaggingOutput, S3Error> {
    let read = ctx.read();
    let bucket = lookup::reached(&read, &input.bucket, input.expected_bucket_owner.as_deref())?;
    let named = (input.key.as_str(), input.version_id.as_deref());
    // The key that is not there is told behind its bucket (recorded of AWS by LocalStack's
    // test_object_tagging_exc).
    let found = lookup::described_object(&read, &bucket, named, "GET").map_err(|error| match error {
        S3Error::NoSuchKey { key } => S3Error::NoSuchKey { key: format!("{}/{key}", bucket.name) },
        error => error,
    })?;
    Ok(api::GetObjectTaggingOutput {
        version_id: views::version_id(&bucket, &found.version),
        tag_set: views::tag_set(&found.object.tags),
    })
}
