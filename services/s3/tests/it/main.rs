//! The room behind the pipeline: what clients of S3 rely on, behaviour by behaviour.

mod access_logs;
mod access_points;
mod against_model;
mod buckets;
mod configurations;
mod denied;
mod directory_buckets;
mod directory_histories;
mod encryption;
mod grants;
mod http;
mod lifecycle;
mod listing;
mod locks;
mod model;
mod notifications;
mod objects;
mod ownership;
mod recorded;
mod replication;
mod select;
mod uploads;
mod versions;
mod website;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use model_s3::operations::{CreateBucket, GetObject, PutBucketVersioning, PutObject};
use model_s3::{
    BucketVersioningStatus, CreateBucketInput, GetObjectInput, GetObjectOutput, PutBucketVersioningInput,
    PutObjectInput, PutObjectOutput, VersioningConfiguration,
};
use schema::{ApiError, Body};
use testkit::Region;

/// A region with this room and a bucket `b`.
async fn region() -> Region {
    let region = Region::of(vec![s3::service()]).await;
    create(&region, "bkt").await;
    region
}

/// A region with this room and a bucket that keeps versions.
async fn versioned() -> Region {
    let region = region().await;
    set_versioning(&region, BucketVersioningStatus::Enabled).await;
    region
}

async fn create(region: &Region, bucket: &str) {
    let input = CreateBucketInput { bucket: bucket.into(), ..Default::default() };
    region.call::<CreateBucket>(input).await.unwrap();
}

async fn set_versioning(region: &Region, status: BucketVersioningStatus) {
    let input = PutBucketVersioningInput {
        bucket: "bkt".into(),
        versioning_configuration: VersioningConfiguration { status: Some(status), mfa_delete: None },
        ..Default::default()
    };
    region.call::<PutBucketVersioning>(input).await.unwrap();
}

fn putting(key: &str, content: impl Into<Bytes>) -> PutObjectInput {
    PutObjectInput {
        bucket: "bkt".into(),
        key: key.into(),
        body: Some(Body::from(content.into())),
        ..Default::default()
    }
}

fn getting(key: &str) -> GetObjectInput {
    GetObjectInput { bucket: "bkt".into(), key: key.into(), ..Default::default() }
}

async fn put(region: &Region, key: &str, content: impl Into<Bytes>) -> PutObjectOutput {
    region.call::<PutObject>(putting(key, content)).await.unwrap()
}

async fn content(output: &GetObjectOutput) -> Bytes {
    let mut chunks = output.body.as_ref().and_then(Body::take).unwrap();
    let mut bytes = BytesMut::new();
    while let Some(chunk) = chunks.next().await {
        bytes.extend_from_slice(&chunk.unwrap());
    }
    bytes.freeze()
}

async fn get(region: &Region, input: GetObjectInput) -> Result<Bytes, ApiError> {
    let output = region.call::<GetObject>(input).await?;
    Ok(content(&output).await)
}

/// Bytes that differ from place to place.
fn pattern(length: usize) -> Bytes {
    (0..length).map(|at| (at % 251) as u8).collect()
}
