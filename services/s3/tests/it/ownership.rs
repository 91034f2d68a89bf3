//! Who owns what other accounts write into a bucket, by the bucket's settings.
//! S3 User Guide, "Controlling ownership of objects and disabling ACLs for your bucket".

use crate::{create, getting, putting};
use model_s3::operations::*;
use model_s3::*;
use ports::{Caller, Principal};
use std::sync::Arc;
use testkit::{IamMode, Region, Setup};

const EVERYTHING: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*",
    "Resource":["arn:aws:s3:::bkt","arn:aws:s3:::bkt/*"]}]}"#;

/// A bucket of an ownership whose policy lets in everybody.
async fn open(ownership: ObjectOwnership) -> Region {
    let region = Setup { iam: IamMode::Enforce, ..Setup::of(vec![s3::service()]) }.start().await;
    create(&region, "bkt").await;
    let rules = vec![OwnershipControlsRule { object_ownership: ownership }];
    let controls = PutBucketOwnershipControlsInput {
        bucket: "bkt".into(),
        ownership_controls: OwnershipControls { rules },
        ..Default::default()
    };
    region.call::<PutBucketOwnershipControls>(controls).await.unwrap();
    let block = DeletePublicAccessBlockInput { bucket: "bkt".into(), ..Default::default() };
    region.call::<DeletePublicAccessBlock>(block).await.unwrap();
    let policy =
        PutBucketPolicyInput { bucket: "bkt".into(), policy: Some(EVERYTHING.into()), ..Default::default() };
    region.call::<PutBucketPolicy>(policy).await.unwrap();
    region
}

fn other() -> Caller {
    Caller::Principal(Arc::new(Principal::root("222222222222".parse().unwrap())))
}

async fn write(region: &Region, key: &str, acl: Option<ObjectCannedACL>) {
    let input = PutObjectInput { acl, ..putting(key, "v") };
    region.call_as::<PutObject>(other(), input).await.unwrap();
}

/// Whether the bucket's owner may read an object.
async fn readable(region: &Region, key: &str) -> bool {
    region.call::<GetObject>(getting(key)).await.is_ok()
}

#[tokio::test]
async fn a_writer_owns_what_it_writes() {
    let region = open(ObjectOwnership::ObjectWriter).await;
    write(&region, "own", None).await;
    write(&region, "shared", Some(ObjectCannedACL::BucketOwnerFullControl)).await;
    assert!(!readable(&region, "own").await && readable(&region, "shared").await);
    assert!(region.call_as::<GetObject>(other(), getting("own")).await.is_ok());
    // The bucket's policy is for objects of the bucket's owner.
    assert_eq!(
        region.call_as::<GetObject>(Caller::Anonymous, getting("shared")).await.unwrap_err().code,
        "AccessDenied"
    );
    let listing = ListObjectsInput { bucket: "bkt".into(), ..Default::default() };
    let owners: Vec<_> = region.call::<ListObjects>(listing).await.unwrap().contents.unwrap();
    let asked = GetBucketAclInput { bucket: "bkt".into(), ..Default::default() };
    let buckets = region.call::<GetBucketAcl>(asked).await.unwrap().owner;
    assert!(owners.iter().all(|object| object.owner.is_some() && object.owner != buckets));
    // Whoever owns the bucket may always delete.
    let deleting = DeleteObjectInput { bucket: "bkt".into(), key: "own".into(), ..Default::default() };
    region.call::<DeleteObject>(deleting).await.unwrap();
}

#[tokio::test]
async fn a_writer_hands_over_what_the_bucket_prefers() {
    let region = open(ObjectOwnership::BucketOwnerPreferred).await;
    write(&region, "own", None).await;
    write(&region, "given", Some(ObjectCannedACL::BucketOwnerFullControl)).await;
    assert!(!readable(&region, "own").await && readable(&region, "given").await);
    assert!(region.call_as::<GetObject>(Caller::Anonymous, getting("given")).await.is_ok());
    let region = open(ObjectOwnership::BucketOwnerEnforced).await;
    write(&region, "own", None).await;
    assert!(readable(&region, "own").await);
}

#[tokio::test]
async fn the_owners_own_list_says_nothing_new() {
    let region = open(ObjectOwnership::BucketOwnerEnforced).await;
    let put = |acl| PutObjectInput { acl: Some(acl), ..putting("k", "v") };
    region.call::<PutObject>(put(ObjectCannedACL::Private)).await.expect("the owner's own list");
    region.call_as::<PutObject>(other(), put(ObjectCannedACL::BucketOwnerFullControl)).await.unwrap();
    let refused = region.call_as::<PutObject>(other(), put(ObjectCannedACL::Private)).await.unwrap_err();
    assert_eq!((refused.code.as_ref(), refused.status), ("AccessControlListNotSupported", 400));
    assert_eq!(
        region.refused::<PutObject>(put(ObjectCannedACL::PublicRead)).await.code,
        "AccessControlListNotSupported"
    );
    let acl = PutObjectAclInput {
        bucket: "bkt".into(),
        key: "k".into(),
        acl: Some(ObjectCannedACL::Private),
        ..Default::default()
    };
    assert_eq!(region.refused::<PutObjectAcl>(acl).await.code, "AccessControlListNotSupported");
}

#[tokio::test]
async fn a_bucket_that_is_asked_for_with_a_list_has_lists() {
    let region = open(ObjectOwnership::BucketOwnerEnforced).await;
    let input = CreateBucketInput {
        bucket: "listed".into(),
        acl: Some(BucketCannedACL::Private),
        ..Default::default()
    };
    region.call::<CreateBucket>(input).await.unwrap();
    let asked = GetBucketOwnershipControlsInput { bucket: "listed".into(), ..Default::default() };
    let controls = region.call::<GetBucketOwnershipControls>(asked).await.unwrap().ownership_controls;
    assert_eq!(controls.unwrap().rules[0].object_ownership, ObjectOwnership::BucketOwnerPreferred);
}
