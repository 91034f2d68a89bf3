//! Locked versions.

use crate::{put, putting};
use model_s3::operations::*;
use model_s3::*;
use names::Timestamp;
use testkit::Region;

async fn locking() -> Region {
    let region = Region::of(vec![s3::service()]).await;
    let input = CreateBucketInput {
        bucket: "bkt".into(),
        object_lock_enabled_for_bucket: Some(true),
        ..Default::default()
    };
    region.call::<CreateBucket>(input).await.unwrap();
    region
}

fn deleting(version: &str, bypass: bool) -> DeleteObjectInput {
    DeleteObjectInput {
        bucket: "bkt".into(),
        key: "k".into(),
        version_id: Some(version.into()),
        bypass_governance_retention: Some(bypass),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_retained_version_stays() {
    let region = locking().await;
    let later = testkit::START.plus_millis(86_400_000);
    let input = |mode| PutObjectInput {
        object_lock_mode: Some(mode),
        object_lock_retain_until_date: Some(later.iso8601()),
        checksum_algorithm: Some(ChecksumAlgorithm::Crc32),
        ..putting("k", "v")
    };
    let governed = region.call::<PutObject>(input(ObjectLockMode::Governance)).await.unwrap();
    let governed = governed.version_id.unwrap();
    let refused = region.refused::<DeleteObject>(deleting(&governed, false)).await;
    assert_eq!((refused.code.as_ref(), refused.status), ("AccessDenied", 403));
    let shorter = |bypass| PutObjectRetentionInput {
        bucket: "bkt".into(),
        key: "k".into(),
        retention: Some(ObjectLockRetention {
            mode: Some(ObjectLockRetentionMode::Governance),
            retain_until_date: Some(Timestamp(later.0 - 1000)),
        }),
        bypass_governance_retention: Some(bypass),
        ..Default::default()
    };
    assert_eq!(region.refused::<PutObjectRetention>(shorter(false)).await.code, "AccessDenied");
    region.call::<PutObjectRetention>(shorter(true)).await.unwrap();
    region.call::<DeleteObject>(deleting(&governed, true)).await.unwrap();

    let strict = region.call::<PutObject>(input(ObjectLockMode::Compliance)).await.unwrap();
    let strict = strict.version_id.unwrap();
    assert_eq!(region.refused::<DeleteObject>(deleting(&strict, true)).await.code, "AccessDenied");
    // A delete without a version only hides it.
    let hide = DeleteObjectInput { version_id: None, ..deleting("", false) };
    assert_eq!(region.call::<DeleteObject>(hide).await.unwrap().delete_marker, Some(true));
    region.advance(std::time::Duration::from_secs(86_401)).await;
    region.call::<DeleteObject>(deleting(&strict, false)).await.unwrap();
}

#[tokio::test]
async fn defaults_and_holds() {
    let region = locking().await;
    let default =
        DefaultRetention { mode: Some(ObjectLockRetentionMode::Governance), days: Some(2), years: None };
    let lock = PutObjectLockConfigurationInput {
        bucket: "bkt".into(),
        object_lock_configuration: Some(ObjectLockConfiguration {
            object_lock_enabled: Some(ObjectLockEnabled::Enabled),
            rule: Some(ObjectLockRule { default_retention: Some(default.clone()) }),
        }),
        ..Default::default()
    };
    region.call::<PutObjectLockConfiguration>(lock).await.unwrap();
    put(&region, "k", "v").await;
    let asked = GetObjectRetentionInput { bucket: "bkt".into(), key: "k".into(), ..Default::default() };
    let kept = region.call::<GetObjectRetention>(asked).await.unwrap().retention.unwrap();
    assert_eq!(kept.retain_until_date, Some(testkit::START.plus_millis(2 * 86_400_000)));
    let asked = GetObjectLegalHoldInput { bucket: "bkt".into(), key: "k".into(), ..Default::default() };
    let none = region.refused::<GetObjectLegalHold>(asked).await;
    assert_eq!((none.code.as_ref(), none.status), ("NoSuchObjectLockConfiguration", 404));
    let asked = GetObjectLockConfigurationInput { bucket: "bkt".into(), ..Default::default() };
    let rule = region.call::<GetObjectLockConfiguration>(asked).await.unwrap();
    let rule = rule.object_lock_configuration.unwrap().rule.unwrap();
    assert_eq!(rule.default_retention, Some(default));
    let suspend = PutBucketVersioningInput {
        bucket: "bkt".into(),
        versioning_configuration: VersioningConfiguration {
            status: Some(BucketVersioningStatus::Suspended),
            mfa_delete: None,
        },
        ..Default::default()
    };
    assert_eq!(region.refused::<PutBucketVersioning>(suspend.clone()).await.code, "InvalidBucketState");
    // test_empty_status_element of dyus/meeseeks-s3, recorded on AWS in 2026.
    let status = Some(BucketVersioningStatus::Other(String::new()));
    let empty = VersioningConfiguration { status, mfa_delete: None };
    let empty = PutBucketVersioningInput { versioning_configuration: empty, ..suspend };
    let refused = region.refused::<PutBucketVersioning>(empty).await;
    assert_eq!(refused.code, "IllegalVersioningConfigurationException");
}
