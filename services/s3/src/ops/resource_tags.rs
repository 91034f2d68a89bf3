//! Tags of buckets and access points by ARN, added and removed one by one.
//! Errors: recorded of AWS by LocalStack's test_tag_resource_validation and test_tag_operation_no_bucket.

use super::account::own;
use crate::errors::S3Error;
use crate::rules::headers::{BUCKET_TAGS, fits_tags};
use crate::state::buckets;
use ::names::{Arn, Tags};
use model_s3control as api;
use service::{Ctx, Heads, TagFault};
use std::sync::Arc;
use store::Tx;

fn invalid(message: &'static str) -> S3Error {
    S3Error::InvalidTag { message, key: None, value: None }
}

/// Tags with others added.
///
/// # Errors
/// Where one of them is against the rules, or there are too many.
pub fn added(present: &Tags, tags: &[api::Tag]) -> Result<Tags, S3Error> {
    const MALFORMED: &str = "This request contains a tag key or value that isn't valid. Valid characters include the \
                             following: [a-zA-Z+-=._:/]. Tag keys can contain up to 128 characters. Tag values can \
                             contain up to 256 characters.";
    let pairs: Option<Vec<_>> = tags.iter().map(|tag| tag.key.as_deref().zip(tag.value.as_deref())).collect();
    let pairs = pairs.ok_or(S3Error::MalformedXml)?;
    if pairs.iter().any(|(key, value)| !fits_tags(key) || !fits_tags(value)) {
        return Err(invalid(MALFORMED));
    }
    BUCKET_TAGS.add(present, pairs).map_err(|fault| match fault {
        TagFault::Reserved(_) => invalid(
            "User-defined tag keys can't start with \"aws:\". This prefix is reserved for system tags. Remove \"aws:\" \
             from your tag keys and try again.",
        ),
        TagFault::Duplicate(_) => invalid(
            "There are duplicate tag keys in your request. Remove the duplicate tag keys and try again.",
        ),
        TagFault::TooMany { limit } => S3Error::TooManyTags { limit },
        TagFault::Key(_) | TagFault::Value { .. } => invalid(MALFORMED),
    })
}

/// The resource of an ARN, which must be a bucket's or an access point's.
fn resource(ctx: &Ctx, text: &str) -> Result<Arn, S3Error> {
    let arn: Arn = text.parse().map_err(|_| S3Error::NoSuchResource)?;
    if arn.service() == "s3express" {
        let bucket = arn.resource().strip_prefix("bucket/").ok_or(S3Error::NoSuchResource)?;
        let found = buckets::find(&ctx.read(), bucket)?;
        let own = found.is_some_and(|found| found.owner == ctx.account() && found.arn() == arn);
        return if own { Ok(arn) } else { Err(S3Error::NoSuchResource) };
    }
    let known = arn.service() == "s3"
        && match arn.account() {
            Some(account) => account == ctx.account() && arn.resource().starts_with("accesspoint/"),
            None => buckets::find(&ctx.read(), arn.resource())?.is_some_and(|it| it.owner == ctx.account()),
        };
    if known { Ok(arn) } else { Err(S3Error::NoSuchResource) }
}

async fn change(
    ctx: &Ctx,
    arn: Arn,
    change: impl Fn(&Tags) -> Result<Tags, S3Error> + Send + Sync + 'static,
) -> Result<(), S3Error> {
    ctx.commit(move |tx: &mut Tx| {
        let mut head = tx.head(&arn)?.ok_or(S3Error::NoSuchResource)?;
        head.tags = change(&head.tags)?;
        Ok(tx.put_head(&arn, &head)?)
    })
    .await
}

/// TagResource: these tags beside those there are.
pub async fn tag(ctx: Ctx, input: Arc<api::TagResourceInput>) -> Result<api::TagResourceOutput, S3Error> {
    own(&ctx, &input.account_id)?;
    let arn = resource(&ctx, &input.resource_arn)?;
    change(&ctx, arn, move |present| added(present, &input.tags)).await?;
    Ok(api::TagResourceOutput::default())
}

/// UntagResource: what is not there is removed, too.
pub async fn untag(
    ctx: Ctx,
    input: Arc<api::UntagResourceInput>,
) -> Result<api::UntagResourceOutput, S3Error> {
    own(&ctx, &input.account_id)?;
    let arn = resource(&ctx, &input.resource_arn)?;
    change(&ctx, arn, move |present| {
        let mut tags = present.clone();
        tags.0.retain(|key, _| !input.tag_keys.contains(key));
        Ok(tags)
    })
    .await?;
    Ok(api::UntagResourceOutput::default())
}

/// ListTagsForResource.
pub async fn list(
    ctx: Ctx,
    input: Arc<api::ListTagsForResourceInput>,
) -> Result<api::ListTagsForResourceOutput, S3Error> {
    own(&ctx, &input.account_id)?;
    let arn = resource(&ctx, &input.resource_arn)?;
    let found = ctx.head(&arn)?.ok_or(S3Error::NoSuchResource)?;
    let tags = found.head.tags.iter();
    let tags = tags.map(|(key, value)| api::Tag { key: Some(key.to_owned()), value: Some(value.to_owned()) });
    Ok(api::ListTagsForResourceOutput { tags: Some(tags.collect()) })
}
