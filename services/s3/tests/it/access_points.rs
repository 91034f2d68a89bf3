//! Access points: made, listed, asked in the place of their bucket, and judged with it.

use crate::{create, get, getting, put, putting, region};
use model_s3::operations::*;
use model_s3::*;
use model_s3control as control;
use model_s3control::operations as control_operations;
use ports::Caller;
use testkit::{IamMode, Region, Setup};

const ACCOUNT: &str = "000000000000";

fn making(name: &str, bucket: &str) -> control::CreateAccessPointInput {
    control::CreateAccessPointInput {
        account_id: ACCOUNT.into(),
        name: name.into(),
        bucket: bucket.into(),
        ..Default::default()
    }
}

fn naming(name: &str) -> control::GetAccessPointInput {
    control::GetAccessPointInput { account_id: ACCOUNT.into(), name: name.into() }
}

async fn made(region: &Region, name: &str) -> String {
    let output = region.call::<control_operations::CreateAccessPoint>(making(name, "bkt")).await.unwrap();
    assert_eq!(
        output.access_point_arn.as_deref(),
        Some(format!("arn:aws:s3:us-east-1:{ACCOUNT}:accesspoint/{name}").as_str())
    );
    output.alias.unwrap()
}

/// Recorded of AWS by LocalStack's test_access_point_lifecycle, test_access_point_already_exists,
/// test_access_point_bucket_not_exists and test_access_point_name_validation.
#[tokio::test]
async fn they_are_made_and_removed() {
    let region = region().await;
    let alias = made(&region, "way-in").await;
    assert!(alias.starts_with("way-in-") && alias.ends_with("-s3alias"), "{alias}");
    assert_eq!(alias.len(), "way-in-".len() + 34 + "-s3alias".len());
    let got = region.call::<control_operations::GetAccessPoint>(naming("way-in")).await.unwrap();
    assert_eq!((got.alias, got.bucket.as_deref()), (Some(alias), Some("bkt")));
    let block = got.public_access_block_configuration.unwrap();
    assert_eq!((block.block_public_acls, block.restrict_public_buckets), (Some(true), Some(true)));
    assert_eq!(got.endpoints.unwrap()["ipv4"], "s3-accesspoint.us-east-1.amazonaws.com");
    for (input, code) in [
        (making("way-in", "bkt"), "AccessPointAlreadyOwnedByYou"),
        (making("other", "nothing"), "InvalidRequest"),
        (making("xn-_test-alias", "bkt"), "InvalidURI"),
        (making("sa", "bkt"), "InvalidURI"),
    ] {
        assert_eq!(region.refused::<control_operations::CreateAccessPoint>(input).await.code, code);
    }
    let bucket = DeleteBucketInput { bucket: "bkt".into(), ..Default::default() };
    assert_eq!(region.refused::<DeleteBucket>(bucket.clone()).await.code, "BucketHasAccessPointsAttached");
    let gone = control::DeleteAccessPointInput { account_id: ACCOUNT.into(), name: "way-in".into() };
    region.call::<control_operations::DeleteAccessPoint>(gone.clone()).await.unwrap();
    let refused = region.refused::<control_operations::DeleteAccessPoint>(gone).await;
    assert_eq!((refused.code.as_ref(), refused.status), ("NoSuchAccessPoint", 404));
    region.call::<DeleteBucket>(bucket).await.unwrap();
}

/// Recorded of AWS by LocalStack's test_access_point_pagination.
#[tokio::test]
async fn they_are_listed_in_pages() {
    let region = region().await;
    create(&region, "other").await;
    for (name, bucket) in [("one", "bkt"), ("three", "other"), ("two", "bkt")] {
        region.call::<control_operations::CreateAccessPoint>(making(name, bucket)).await.unwrap();
    }
    let mut input = control::ListAccessPointsInput {
        account_id: ACCOUNT.into(),
        bucket: Some("bkt".into()),
        max_results: Some(1),
        ..Default::default()
    };
    let mut names = Vec::new();
    loop {
        let page = region.call::<control_operations::ListAccessPoints>(input.clone()).await.unwrap();
        names.extend(page.access_point_list.unwrap().into_iter().map(|point| point.name));
        input.next_token = page.next_token;
        if input.next_token.is_none() {
            break;
        }
    }
    assert_eq!(names, ["one", "two"]);
}

/// S3 User Guide, "Using Amazon S3 access points with compatible operations": an alias stands where a bucket's
/// name does; SDKs put name and account into the host.
#[tokio::test]
async fn they_stand_for_their_bucket() {
    let region = region().await;
    let alias = made(&region, "way-in").await;
    put(&region, "k", "from the bucket").await;
    for label in [alias.clone(), format!("way-in-{ACCOUNT}")] {
        let through = GetObjectInput { bucket: label.clone(), ..getting("k") };
        assert_eq!(get(&region, through).await.unwrap(), "from the bucket");
        let written = PutObjectInput { bucket: label.clone(), ..putting("new", "through it") };
        region.call::<PutObject>(written).await.unwrap();
        assert_eq!(get(&region, getting("new")).await.unwrap(), "through it");
        let list = ListObjectsV2Input { bucket: label.clone(), ..Default::default() };
        assert_eq!(region.call::<ListObjectsV2>(list).await.unwrap().key_count, Some(2));
        let removed = DeleteObjectInput { bucket: label, key: "new".into(), ..Default::default() };
        region.call::<DeleteObject>(removed).await.unwrap();
    }
    let head = HeadBucketInput { bucket: alias.clone(), ..Default::default() };
    assert_eq!(region.call::<HeadBucket>(head).await.unwrap().access_point_alias, Some(true));
    let copy = CopyObjectInput {
        bucket: "bkt".into(),
        key: "copy".into(),
        copy_source: format!("arn:aws:s3:us-east-1:{ACCOUNT}:accesspoint/way-in/object/k"),
        ..Default::default()
    };
    region.call::<CopyObject>(copy).await.unwrap();
    assert_eq!(get(&region, getting("copy")).await.unwrap(), "from the bucket");
    // What is only for buckets finds none.
    let bucket = DeleteBucketInput { bucket: alias, ..Default::default() };
    assert_eq!(region.refused::<DeleteBucket>(bucket).await.code, "NoSuchBucket");
}

/// S3 User Guide, "Configuring IAM policies for using access points": the access point and the bucket must both
/// permit.
#[tokio::test]
async fn both_policies_must_permit() {
    let region = Setup { iam: IamMode::Enforce, ..Setup::of(vec![s3::service()]) }.start().await;
    create(&region, "bkt").await;
    let block = DeletePublicAccessBlockInput { bucket: "bkt".into(), ..Default::default() };
    region.call::<DeletePublicAccessBlock>(block).await.unwrap();
    put(&region, "k", "v").await;
    let open = Some(control::PublicAccessBlockConfiguration::default());
    let input = control::CreateAccessPointInput {
        public_access_block_configuration: open,
        ..making("way-in", "bkt")
    };
    let alias = region.call::<control_operations::CreateAccessPoint>(input).await.unwrap().alias.unwrap();
    let reading = || GetObjectInput { bucket: alias.clone(), ..getting("k") };
    let policy = |resource: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"{resource}"}}]}}"#
        )
    };
    assert!(region.call_as::<GetObject>(Caller::Anonymous, reading()).await.is_err());
    let of_point = control::PutAccessPointPolicyInput {
        account_id: ACCOUNT.into(),
        name: "way-in".into(),
        policy: policy(&format!("arn:aws:s3:us-east-1:{ACCOUNT}:accesspoint/way-in/object/*")),
    };
    region.call::<control_operations::PutAccessPointPolicy>(of_point).await.unwrap();
    assert!(region.call_as::<GetObject>(Caller::Anonymous, reading()).await.is_err());
    let of_bucket = PutBucketPolicyInput {
        bucket: "bkt".into(),
        policy: Some(policy("arn:aws:s3:::bkt/*")),
        ..Default::default()
    };
    region.call::<PutBucketPolicy>(of_bucket).await.unwrap();
    assert!(region.call_as::<GetObject>(Caller::Anonymous, reading()).await.is_ok());
    // The block of the account closes what is open to all.
    let block = control::PutPublicAccessBlockInput {
        account_id: ACCOUNT.into(),
        public_access_block_configuration: control::PublicAccessBlockConfiguration {
            restrict_public_buckets: Some(true),
            ..Default::default()
        },
    };
    region.call::<control_operations::PutPublicAccessBlock>(block).await.unwrap();
    assert!(region.call_as::<GetObject>(Caller::Anonymous, reading()).await.is_err());
}

/// Recorded of AWS by LocalStack's test_tag_lifecycle, test_tag_resource_validation, test_tag_operation_no_bucket.
#[tokio::test]
async fn buckets_are_tagged_by_arn() {
    let region = region().await;
    let tag = |key: &str, value: &str| control::Tag { key: Some(key.into()), value: Some(value.into()) };
    let tagging = |arn: &str, tags: Vec<control::Tag>| control::TagResourceInput {
        account_id: ACCOUNT.into(),
        resource_arn: arn.into(),
        tags,
    };
    const ARN: &str = "arn:aws:s3:::bkt";
    for tags in [vec![tag("a", "1"), tag("b", "2")], vec![tag("b", "3")]] {
        region.call::<control_operations::TagResource>(tagging(ARN, tags)).await.unwrap();
    }
    let untag = control::UntagResourceInput {
        account_id: ACCOUNT.into(),
        resource_arn: ARN.into(),
        tag_keys: vec!["a".into(), "nothing".into()],
    };
    region.call::<control_operations::UntagResource>(untag).await.unwrap();
    let list = control::ListTagsForResourceInput { account_id: ACCOUNT.into(), resource_arn: ARN.into() };
    let listed = region.call::<control_operations::ListTagsForResource>(list).await.unwrap();
    assert!(listed.tags.unwrap() == [tag("b", "3")]);
    let own = GetBucketTaggingInput { bucket: "bkt".into(), ..Default::default() };
    assert_eq!(region.call::<GetBucketTagging>(own).await.unwrap().tag_set[0].value, "3");
    for (input, code) in [
        (tagging(ARN, vec![tag("aws:a", "1")]), "InvalidTag"),
        (tagging(ARN, vec![tag("c", "1"), tag("c", "2")]), "InvalidTag"),
        (tagging(ARN, vec![tag("c", "?")]), "InvalidTag"),
        (tagging(ARN, vec![control::Tag { key: None, ..tag("", "1") }]), "MalformedXML"),
        (tagging("arn:aws:s3:::nothing", vec![tag("c", "1")]), "NoSuchResource"),
    ] {
        assert_eq!(region.refused::<control_operations::TagResource>(input).await.code, code);
    }
}
