//! Lifecycle rules, carried out by the virtual clock.

use crate::{get, getting, pattern, put, region, versioned};
use model_s3::operations::*;
use model_s3::*;
use std::time::Duration;
use testkit::Region;

const DAY: Duration = Duration::from_secs(86_400);

async fn age(region: &Region, days: u32) {
    region.advance(DAY * days).await;
    region.settle().await;
}

async fn configure(region: &Region, rules: Vec<LifecycleRule>) {
    let input = PutBucketLifecycleConfigurationInput {
        bucket: "bkt".into(),
        lifecycle_configuration: Some(BucketLifecycleConfiguration { rules }),
        ..Default::default()
    };
    region.call::<PutBucketLifecycleConfiguration>(input).await.unwrap();
}

/// A request to have an archived object back for two days.
pub fn restoring(key: &str) -> RestoreObjectInput {
    RestoreObjectInput {
        bucket: "bkt".into(),
        key: key.into(),
        restore_request: Some(RestoreRequest { days: Some(2), ..Default::default() }),
        ..Default::default()
    }
}

fn rule(prefix: &str) -> LifecycleRule {
    LifecycleRule {
        id: Some(format!("rule {prefix}")),
        status: ExpirationStatus::Enabled,
        filter: Some(LifecycleRuleFilter { prefix: Some(prefix.into()), ..Default::default() }),
        ..Default::default()
    }
}

#[tokio::test]
async fn objects_expire_and_move() {
    let region = region().await;
    let mut logs = rule("logs/");
    logs.expiration = Some(LifecycleExpiration { days: Some(3), ..Default::default() });
    let mut cold = rule("cold/");
    let class = Some(TransitionStorageClass::Glacier);
    cold.transitions = Some(vec![Transition { days: Some(1), storage_class: class, date: None }]);
    configure(&region, vec![logs, cold]).await;
    let put_log = put(&region, "logs/a", "x").await;
    assert!(put_log.expiration.unwrap().ends_with("rule-id=\"rule+logs/\""));
    put(&region, "kept", "x").await;
    put(&region, "cold/a", pattern(200_000)).await;
    age(&region, 2).await;
    assert_eq!(get(&region, getting("logs/a")).await.unwrap(), "x");
    let refused = region.refused::<GetObject>(getting("cold/a")).await;
    assert_eq!((refused.code.as_ref(), refused.status), ("InvalidObjectState", 403));

    assert_eq!(region.call::<RestoreObject>(restoring("cold/a")).await.unwrap().status, None);
    assert_eq!(get(&region, getting("cold/a")).await.unwrap(), pattern(200_000));
    age(&region, 4).await;
    assert_eq!(region.refused::<GetObject>(getting("cold/a")).await.code, "InvalidObjectState");
    assert_eq!(region.refused::<GetObject>(getting("logs/a")).await.code, "NoSuchKey");
    assert_eq!(get(&region, getting("kept")).await.unwrap(), "x");
}

#[tokio::test]
async fn versions_markers_and_uploads_are_tidied() {
    let region = versioned().await;
    let mut tidy = rule("");
    tidy.noncurrent_version_expiration =
        Some(NoncurrentVersionExpiration { noncurrent_days: Some(1), newer_noncurrent_versions: None });
    tidy.expiration =
        Some(LifecycleExpiration { expired_object_delete_marker: Some(true), ..Default::default() });
    tidy.abort_incomplete_multipart_upload =
        Some(AbortIncompleteMultipartUpload { days_after_initiation: Some(1) });
    configure(&region, vec![tidy]).await;
    for content in ["one", "two", "three"] {
        put(&region, "k", content).await;
    }
    put(&region, "gone", "x").await;
    let delete = DeleteObjectInput { bucket: "bkt".into(), key: "gone".into(), ..Default::default() };
    region.call::<DeleteObject>(delete).await.unwrap();
    let upload = CreateMultipartUploadInput { bucket: "bkt".into(), key: "u".into(), ..Default::default() };
    let upload = region.call::<CreateMultipartUpload>(upload).await.unwrap();
    assert!(upload.abort_date.is_some());
    age(&region, 3).await;
    age(&region, 1).await;
    let listing = ListObjectVersionsInput { bucket: "bkt".into(), ..Default::default() };
    let listed = region.call::<ListObjectVersions>(listing).await.unwrap();
    assert_eq!(listed.versions.unwrap().len(), 1);
    assert!(listed.delete_markers.unwrap().is_empty());
    let uploads = ListMultipartUploadsInput { bucket: "bkt".into(), ..Default::default() };
    assert!(region.call::<ListMultipartUploads>(uploads).await.unwrap().uploads.unwrap().is_empty());
}

#[tokio::test]
async fn an_expired_version_hides_behind_a_marker_and_a_locked_one_stays() {
    let region = versioned().await;
    let lock = PutObjectLockConfigurationInput {
        bucket: "bkt".into(),
        object_lock_configuration: Some(ObjectLockConfiguration {
            object_lock_enabled: Some(ObjectLockEnabled::Enabled),
            rule: None,
        }),
        ..Default::default()
    };
    region.call::<PutObjectLockConfiguration>(lock).await.unwrap();
    let mut all = rule("");
    all.expiration = Some(LifecycleExpiration { days: Some(1), ..Default::default() });
    all.noncurrent_version_expiration =
        Some(NoncurrentVersionExpiration { noncurrent_days: Some(1), newer_noncurrent_versions: None });
    configure(&region, vec![all]).await;
    put(&region, "free", "x").await;
    put(&region, "held", "x").await;
    let hold = PutObjectLegalHoldInput {
        bucket: "bkt".into(),
        key: "held".into(),
        legal_hold: Some(ObjectLockLegalHold { status: Some(ObjectLockLegalHoldStatus::On) }),
        ..Default::default()
    };
    region.call::<PutObjectLegalHold>(hold).await.unwrap();
    for _ in 0..3 {
        age(&region, 2).await;
    }
    let listing = ListObjectVersionsInput { bucket: "bkt".into(), ..Default::default() };
    let listed = region.call::<ListObjectVersions>(listing).await.unwrap();
    let keys: Vec<_> = listed.versions.unwrap().into_iter().map(|version| version.key.unwrap()).collect();
    assert_eq!(keys, ["held"]);
    assert_eq!(region.refused::<GetObject>(getting("held")).await.code, "NoSuchKey");
}
