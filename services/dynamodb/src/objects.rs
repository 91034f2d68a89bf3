//! Objects of S3 that exports write and imports read, on behalf of whoever asked for them.

use crate::state::backups::{Place, Progress};
use bytes::Bytes;
use model_s3::operations::{GetObject, ListObjectsV2, PutObject};
use model_s3::{GetObjectInput, ListObjectsV2Input, PutObjectInput};
use schema::{ApiError, Body};
use service::Ctx;

/// Writes an object.
///
/// # Errors
/// Those of S3.
pub async fn put(
    ctx: &Ctx,
    place: &Place,
    (algorithm, kms_key): &(Option<String>, Option<String>),
    key: String,
    bytes: Bytes,
) -> Result<Option<String>, ApiError> {
    let algorithm = algorithm.as_deref().map(|algorithm| match algorithm {
        "KMS" => "aws:kms",
        other => other,
    });
    let input = PutObjectInput {
        bucket: place.bucket.clone(),
        key,
        content_length: i64::try_from(bytes.len()).ok(),
        body: Some(Body::from(bytes)),
        server_side_encryption: algorithm.map(Into::into),
        ssekms_key_id: kms_key.clone(),
        expected_bucket_owner: place.owner.clone(),
        ..Default::default()
    };
    Ok(ctx.call::<PutObject>(input).await?.e_tag)
}

/// The keys of a page of the objects of a place, and the token of the next page.
///
/// # Errors
/// Those of S3.
pub async fn list(
    ctx: &Ctx,
    place: &Place,
    token: Option<String>,
) -> Result<(Vec<String>, Option<String>), ApiError> {
    let input = ListObjectsV2Input {
        bucket: place.bucket.clone(),
        prefix: place.prefix.clone(),
        continuation_token: token,
        expected_bucket_owner: place.owner.clone(),
        ..Default::default()
    };
    let page = ctx.call::<ListObjectsV2>(input).await?;
    let keys = page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key);
    Ok((keys.collect(), page.next_continuation_token))
}

/// The bytes of an object, as they come.
///
/// # Errors
/// Those of S3.
pub async fn get(ctx: &Ctx, place: &Place, key: String) -> Result<Option<Body>, ApiError> {
    let input = GetObjectInput {
        bucket: place.bucket.clone(),
        key,
        expected_bucket_owner: place.owner.clone(),
        ..Default::default()
    };
    Ok(ctx.call::<GetObject>(input).await?.body)
}

/// What becomes of a job that S3 refused.
pub fn failed(ctx: &Ctx, error: &ApiError) -> Progress {
    let code = match error.code.as_ref() {
        code @ ("NoSuchBucket" | "AccessDenied" | "NoSuchKey") => format!("S3{code}"),
        _ => "UNKNOWN".to_owned(),
    };
    Progress::Failed(ctx.now(), code, error.message.to_string())
}
