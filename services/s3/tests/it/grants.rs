//! Access control lists, and what they open to strangers where permissions are enforced.

use crate::{create, getting, put, putting};
use model_s3::operations::*;
use model_s3::*;
use ports::{Caller, Principal};
use std::sync::Arc;
use testkit::{IamMode, Region, Setup};

async fn enforcing() -> Region {
    let region = Setup { iam: IamMode::Enforce, ..Setup::of(vec![s3::service()]) }.start().await;
    create(&region, "bkt").await;
    region
}

async fn open(region: &Region) {
    let controls = PutBucketOwnershipControlsInput {
        bucket: "bkt".into(),
        ownership_controls: OwnershipControls {
            rules: vec![OwnershipControlsRule { object_ownership: ObjectOwnership::ObjectWriter }],
        },
        ..Default::default()
    };
    region.call::<PutBucketOwnershipControls>(controls).await.unwrap();
    let block = DeletePublicAccessBlockInput { bucket: "bkt".into(), ..Default::default() };
    region.call::<DeletePublicAccessBlock>(block).await.unwrap();
}

async fn stranger(region: &Region, key: &str) -> Result<(), String> {
    let read = region.call_as::<GetObject>(Caller::Anonymous, getting(key)).await;
    read.map(drop).map_err(|error| error.code.into_owned())
}

#[tokio::test]
async fn a_list_lets_strangers_in() {
    let region = enforcing().await;
    let public = |key| PutObjectInput { acl: Some(ObjectCannedACL::PublicRead), ..putting(key, "v") };
    // S3 User Guide, "Controlling ownership of objects": lists are off in a new bucket.
    let refused = region.refused::<PutObject>(public("k")).await;
    assert_eq!((refused.code.as_ref(), refused.status), ("AccessControlListNotSupported", 400));
    open(&region).await;
    region.call::<PutObject>(public("k")).await.unwrap();
    put(&region, "own", "v").await;
    assert_eq!(stranger(&region, "k").await, Ok(()));
    assert_eq!(stranger(&region, "own").await, Err("AccessDenied".into()));
    let asked = GetObjectAclInput { bucket: "bkt".into(), key: "k".into(), ..Default::default() };
    assert_eq!(region.call::<GetObjectAcl>(asked).await.unwrap().grants.unwrap().len(), 2);

    let block = PutPublicAccessBlockInput {
        bucket: "bkt".into(),
        public_access_block_configuration: PublicAccessBlockConfiguration {
            ignore_public_acls: Some(true),
            block_public_acls: Some(true),
            ..Default::default()
        },
        ..Default::default()
    };
    region.call::<PutPublicAccessBlock>(block).await.unwrap();
    assert_eq!(stranger(&region, "k").await, Err("AccessDenied".into()));
    assert_eq!(region.refused::<PutObject>(public("k")).await.code, "AccessDenied");
}

#[tokio::test]
async fn a_public_policy_is_restricted_to_the_account() {
    let region = enforcing().await;
    open(&region).await;
    put(&region, "k", "v").await;
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::bkt/*"}]}"#;
    let input =
        PutBucketPolicyInput { bucket: "bkt".into(), policy: Some(policy.into()), ..Default::default() };
    region.call::<PutBucketPolicy>(input).await.unwrap();
    assert_eq!(stranger(&region, "k").await, Ok(()));
    let block = PutPublicAccessBlockInput {
        bucket: "bkt".into(),
        public_access_block_configuration: PublicAccessBlockConfiguration {
            restrict_public_buckets: Some(true),
            ..Default::default()
        },
        ..Default::default()
    };
    region.call::<PutPublicAccessBlock>(block).await.unwrap();
    assert_eq!(stranger(&region, "k").await, Err("AccessDenied".into()));
    assert!(region.call::<GetObject>(getting("k")).await.is_ok());
}

#[tokio::test]
async fn lists_of_buckets() {
    let region = enforcing().await;
    open(&region).await;
    let read = |uri: &str| PutBucketAclInput {
        bucket: "bkt".into(),
        grant_read: Some(format!("uri=\"{uri}\"")),
        ..Default::default()
    };
    let all = "http://acs.amazonaws.com/groups/global/AllUsers";
    region.call::<PutBucketAcl>(read(all)).await.unwrap();
    assert_eq!(region.refused::<PutBucketAcl>(read("http://example.com")).await.code, "InvalidArgument");
    let asked = GetBucketAclInput { bucket: "bkt".into(), ..Default::default() };
    let grants = region.call::<GetBucketAcl>(asked).await.unwrap().grants.unwrap();
    assert_eq!(grants[0].grantee.as_ref().unwrap().uri.as_deref(), Some(all));
    let listing = ListObjectsV2Input { bucket: "bkt".into(), ..Default::default() };
    region.call_as::<ListObjectsV2>(Caller::Anonymous, listing).await.unwrap();
    let nothing = PutBucketAclInput { bucket: "bkt".into(), ..Default::default() };
    assert_eq!(region.refused::<PutBucketAcl>(nothing).await.code, "MissingSecurityHeader");
}

/// User Guide, "Uploading and copying objects using multipart upload": the initiator may list the parts and give the
/// upload up; nobody else whom only a list lets write. And whoever may put an object may give it a list.
#[tokio::test]
async fn what_writers_may_do_with_their_own() {
    let region = enforcing().await;
    open(&region).await;
    let acl = Some(BucketCannedACL::PublicReadWrite);
    let input = PutBucketAclInput { bucket: "bkt".into(), acl, ..Default::default() };
    region.call::<PutBucketAcl>(input).await.unwrap();
    let account = |id: &str| Caller::Principal(Arc::new(Principal::root(id.parse().unwrap())));
    let (writer, other) = (account("111122223333"), account("444455556666"));
    let begin = CreateMultipartUploadInput { bucket: "bkt".into(), key: "k".into(), ..Default::default() };
    let begun = region.call_as::<CreateMultipartUpload>(writer.clone(), begin).await.unwrap();
    let id = begun.upload_id.unwrap();
    let parts = || ListPartsInput {
        bucket: "bkt".into(),
        key: "k".into(),
        upload_id: id.clone(),
        ..Default::default()
    };
    let give_up = || AbortMultipartUploadInput {
        bucket: "bkt".into(),
        key: "k".into(),
        upload_id: id.clone(),
        ..Default::default()
    };
    for stranger in [other, Caller::Anonymous] {
        assert!(region.call_as::<ListParts>(stranger.clone(), parts()).await.is_err());
        assert!(region.call_as::<AbortMultipartUpload>(stranger, give_up()).await.is_err());
    }
    region.call_as::<ListParts>(writer.clone(), parts()).await.unwrap();
    region.call_as::<AbortMultipartUpload>(writer, give_up()).await.unwrap();

    let public = || PutObjectInput { acl: Some(ObjectCannedACL::PublicRead), ..putting("theirs", "v") };
    region.call_as::<PutObject>(Caller::Anonymous, public()).await.unwrap();
    put(&region, "own", "v").await;
    let later = PutObjectAclInput {
        bucket: "bkt".into(),
        key: "own".into(),
        acl: Some(ObjectCannedACL::PublicRead),
        ..Default::default()
    };
    assert!(region.call_as::<PutObjectAcl>(Caller::Anonymous, later).await.is_err());
}

/// S3 User Guide, "Using Requester Pays buckets": strangers cannot pay, and who is known must say that they do.
#[tokio::test]
async fn requesters_pay() {
    let region = enforcing().await;
    open(&region).await;
    region
        .call::<PutObject>(PutObjectInput { acl: Some(ObjectCannedACL::PublicRead), ..putting("k", "v") })
        .await
        .unwrap();
    let other = Caller::Principal(Arc::new(Principal::root("222222222222".parse().unwrap())));
    let read = || region.call_as::<GetObject>(other.clone(), getting("k"));
    assert_eq!(read().await.unwrap().request_charged, None);
    for (payer, expected) in [(Payer::Requester, false), (Payer::BucketOwner, true)] {
        let payment = PutBucketRequestPaymentInput {
            bucket: "bkt".into(),
            request_payment_configuration: RequestPaymentConfiguration { payer },
            ..Default::default()
        };
        region.call::<PutBucketRequestPayment>(payment).await.unwrap();
        assert_eq!(read().await.is_ok(), expected);
        assert_eq!(stranger(&region, "k").await.is_ok(), expected);
        region.call::<GetObject>(getting("k")).await.unwrap();
    }
}
