//! Buckets that keep versions: S3 User Guide, "Working with objects in a versioning-enabled bucket" and
//! "… in a versioning-suspended bucket".

use crate::{get, getting, put, putting, region, set_versioning, versioned};
use model_s3::operations::*;
use model_s3::*;
use testkit::Region;

async fn delete(region: &Region, key: &str, version_id: Option<&str>) -> DeleteObjectOutput {
    let input = DeleteObjectInput {
        bucket: "bkt".into(),
        key: key.into(),
        version_id: version_id.map(String::from),
        ..Default::default()
    };
    region.call::<DeleteObject>(input).await.unwrap()
}

/// Key, id, newest; `-` before the id of a delete marker.
async fn listed(region: &Region) -> Vec<(String, String, bool)> {
    let mut rows = Vec::new();
    let mut input = ListObjectVersionsInput { bucket: "bkt".into(), max_keys: Some(1), ..Default::default() };
    loop {
        let page = region.call::<ListObjectVersions>(input.clone()).await.unwrap();
        for version in page.versions.unwrap_or_default() {
            rows.push((version.key.unwrap(), version.version_id.unwrap(), version.is_latest.unwrap()));
        }
        for marker in page.delete_markers.unwrap_or_default() {
            let id = format!("-{}", marker.version_id.unwrap());
            rows.push((marker.key.unwrap(), id, marker.is_latest.unwrap()));
        }
        if page.is_truncated != Some(true) {
            return rows;
        }
        (input.key_marker, input.version_id_marker) = (page.next_key_marker, page.next_version_id_marker);
    }
}

fn version(key: &str, id: &str) -> GetObjectInput {
    GetObjectInput { version_id: Some(id.into()), ..getting(key) }
}

#[tokio::test]
async fn each_put_is_a_version() {
    let region = versioned().await;
    let one = put(&region, "k", "one").await.version_id.unwrap();
    let two = put(&region, "k", vec![2; 50_000]).await.version_id.unwrap();
    assert_ne!(one, two);
    assert_eq!(get(&region, getting("k")).await.unwrap().len(), 50_000);
    assert_eq!(get(&region, version("k", &one)).await.unwrap(), "one");
    let row = |id: &String, newest| ("k".to_owned(), id.clone(), newest);
    assert_eq!(listed(&region).await, [row(&two, true), row(&one, false)]);

    assert_eq!(delete(&region, "k", Some(&two)).await.version_id, Some(two.clone()));
    assert_eq!(get(&region, getting("k")).await.unwrap(), "one");
    assert_eq!(listed(&region).await, [row(&one, true)]);
    let gone = region.refused::<GetObject>(version("k", &two)).await;
    assert_eq!((gone.code.as_ref(), gone.status), ("NoSuchVersion", 404));
    assert_eq!(region.refused::<GetObject>(version("k", "no id")).await.code, "InvalidArgument");
}

/// As boto3's `bucket.object_versions.delete()` goes, and whoever empties a bucket page by page.
#[tokio::test]
async fn pages_follow_versions_that_were_removed_meanwhile() {
    for region in [region().await, versioned().await] {
        for key in ["a", "b", "b", "c", "d"] {
            put(&region, key, "x").await;
        }
        let mut input =
            ListObjectVersionsInput { bucket: "bkt".into(), max_keys: Some(2), ..Default::default() };
        loop {
            let page = region.call::<ListObjectVersions>(input.clone()).await.unwrap();
            for version in page.versions.unwrap_or_default() {
                delete(&region, &version.key.unwrap(), version.version_id.as_deref()).await;
            }
            if page.is_truncated != Some(true) {
                break;
            }
            (input.key_marker, input.version_id_marker) = (page.next_key_marker, page.next_version_id_marker);
        }
        assert_eq!(listed(&region).await, []);
    }
}

#[tokio::test]
async fn a_delete_hides_and_a_marker_can_be_deleted() {
    let region = versioned().await;
    let one = put(&region, "k", "one").await.version_id.unwrap();
    let marker = delete(&region, "k", None).await;
    assert_eq!(marker.delete_marker, Some(true));
    let id = marker.version_id.unwrap();
    let hidden = region.refused::<GetObject>(getting("k")).await;
    assert_eq!((hidden.code.as_ref(), hidden.status), ("NoSuchKey", 404));
    assert!(hidden.headers.contains(&("x-amz-delete-marker", "true".into())));
    let refused = region.refused::<GetObject>(version("k", &id)).await;
    assert_eq!((refused.code.as_ref(), refused.status), ("MethodNotAllowed", 405));
    let keys = ListObjectsV2Input { bucket: "bkt".into(), ..Default::default() };
    assert_eq!(region.call::<ListObjectsV2>(keys).await.unwrap().key_count, Some(0));
    assert_eq!(listed(&region).await, [("k".into(), format!("-{id}"), true), ("k".into(), one, false)]);
    let full = DeleteBucketInput { bucket: "bkt".into(), ..Default::default() };
    assert_eq!(region.refused::<DeleteBucket>(full).await.code, "BucketNotEmpty");

    assert_eq!(delete(&region, "k", Some(&id)).await.delete_marker, Some(true));
    assert_eq!(get(&region, getting("k")).await.unwrap(), "one");
}

#[tokio::test]
async fn the_null_version_is_one() {
    let region = region().await;
    put(&region, "k", "before").await;
    set_versioning(&region, BucketVersioningStatus::Enabled).await;
    let kept = put(&region, "k", "kept").await.version_id.unwrap();
    assert_eq!(get(&region, version("k", "null")).await.unwrap(), "before");
    set_versioning(&region, BucketVersioningStatus::Suspended).await;
    // Recorded of AWS (LocalStack's test_put_object_on_suspended_bucket): the answer names no version.
    assert_eq!(put(&region, "k", "after").await.version_id, None);
    assert_eq!(get(&region, version("k", "null")).await.unwrap(), "after");
    assert_eq!(get(&region, version("k", &kept)).await.unwrap(), "kept");
    assert_eq!(listed(&region).await.len(), 2);
    // A delete while suspended puts a marker in the place of the null version.
    assert_eq!(delete(&region, "k", None).await.version_id.as_deref(), Some("null"));
    assert_eq!(
        listed(&region).await,
        [("k".into(), "-null".into(), true), ("k".into(), kept.clone(), false)]
    );
    delete(&region, "k", Some("null")).await;
    assert_eq!(get(&region, getting("k")).await.unwrap(), "kept");
    delete(&region, "k", Some(&kept)).await;
    assert_eq!(listed(&region).await, []);
    let empty = DeleteBucketInput { bucket: "bkt".into(), ..Default::default() };
    region.call::<DeleteBucket>(empty).await.unwrap();
}

#[tokio::test]
async fn a_version_can_be_copied_and_tagged() {
    let region = versioned().await;
    let one = put(&region, "k", "one").await.version_id.unwrap();
    put(&region, "k", "two").await;
    let copy = CopyObjectInput {
        bucket: "bkt".into(),
        key: "copy".into(),
        copy_source: format!("bkt/k?versionId={one}"),
        ..Default::default()
    };
    let copied = region.call::<CopyObject>(copy).await.unwrap();
    assert_eq!(copied.copy_source_version_id, Some(one.clone()));
    assert_eq!(get(&region, getting("copy")).await.unwrap(), "one");
    let tag = Tag { key: "a".into(), value: "b".into() };
    let tagging = PutObjectTaggingInput {
        bucket: "bkt".into(),
        key: "k".into(),
        version_id: Some(one.clone()),
        tagging: Tagging { tag_set: Some(vec![tag.clone()]) },
        ..Default::default()
    };
    region.call::<PutObjectTagging>(tagging).await.unwrap();
    let asked = |version_id| GetObjectTaggingInput {
        bucket: "bkt".into(),
        key: "k".into(),
        version_id,
        ..Default::default()
    };
    assert_eq!(region.call::<GetObjectTagging>(asked(Some(one))).await.unwrap().tag_set, [tag]);
    assert_eq!(region.call::<GetObjectTagging>(asked(None)).await.unwrap().tag_set, []);
    region.call::<PutObject>(putting("other", "x")).await.unwrap();
}
