//! What a caller without all permissions is told: key by key, and of what is not there.

use crate::{create, getting, putting};
use model_s3::operations::*;
use model_s3::*;
use ports::{Caller, Principal};
use std::sync::Arc;
use testkit::{IamMode, Region, Setup};

async fn with_policy(actions: &str) -> Region {
    let region = Setup { iam: IamMode::Enforce, ..Setup::of(vec![s3::service()]) }.start().await;
    create(&region, "bkt").await;
    let block = DeletePublicAccessBlockInput { bucket: "bkt".into(), ..Default::default() };
    region.call::<DeletePublicAccessBlock>(block).await.unwrap();
    for key in ["open/a", "open/b", "shut/a"] {
        region.call::<PutObject>(putting(key, "x")).await.unwrap();
    }
    let policy = format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Action": {actions},
        "Principal": "*", "Resource": ["arn:aws:s3:::bkt", "arn:aws:s3:::bkt/open/*"]}}]}}"#
    );
    let input = PutBucketPolicyInput { bucket: "bkt".into(), policy: Some(policy), ..Default::default() };
    region.call::<PutBucketPolicy>(input).await.unwrap();
    region
}

/// S3 API Reference, DeleteObjects: the answer says of each key whether it went, `AccessDenied` where not.
#[tokio::test]
async fn many_keys_are_judged_one_by_one() {
    let region = with_policy(r#"["s3:DeleteObject"]"#).await;
    let objects = ["open/a", "shut/a", "open/b"];
    let objects =
        objects.map(|key| ObjectIdentifier { key: key.into(), ..Default::default() }).into_iter().collect();
    let delete = Delete { objects, quiet: None };
    let input = DeleteObjectsInput { bucket: "bkt".into(), delete, ..Default::default() };
    let output = region.call_as::<DeleteObjects>(Caller::Anonymous, input).await.unwrap();
    let deleted: Vec<_> = output.deleted.unwrap().into_iter().filter_map(|one| one.key).collect();
    assert_eq!(deleted, ["open/a", "open/b"]);
    let errors: Vec<_> = output.errors.unwrap().into_iter().map(|one| (one.key, one.code)).collect();
    assert_eq!(errors, [(Some("shut/a".to_owned()), Some("AccessDenied".to_owned()))]);
    let kept = region.call::<GetObject>(getting("shut/a")).await;
    assert!(kept.is_ok());
    assert_eq!(region.refused::<GetObject>(getting("open/b")).await.code, "NoSuchKey");
}

/// S3 API Reference, GetObject: parameters for the headers of the answer "cannot be used with an unsigned (anonymous)
/// request".
#[tokio::test]
async fn strangers_choose_no_headers() {
    let region = with_policy(r#"["s3:GetObject"]"#).await;
    let chosen = GetObjectInput { response_content_type: Some("text/html".to_owned()), ..getting("open/a") };
    let refused = region.call_as::<GetObject>(Caller::Anonymous, chosen.clone()).await.err().unwrap();
    assert_eq!((refused.code.as_ref(), refused.status), ("InvalidRequest", 400));
    let answer = region.call::<GetObject>(chosen).await.unwrap();
    assert_eq!(answer.content_type.as_deref(), Some("text/html"));
}

/// S3 API Reference, GetObject: a missing key is 404 with `s3:ListBucket` and 403 without.
#[tokio::test]
async fn who_may_not_list_is_not_told_what_is_absent() {
    let code = |error: schema::ApiError| (error.code.into_owned(), error.status);
    let region = with_policy(r#"["s3:GetObject"]"#).await;
    assert!(region.call_as::<GetObject>(Caller::Anonymous, getting("open/a")).await.is_ok());
    let hidden = region.call_as::<GetObject>(Caller::Anonymous, getting("open/none")).await.unwrap_err();
    assert_eq!(code(hidden), ("AccessDenied".to_owned(), 403));
    let head = HeadObjectInput { bucket: "bkt".into(), key: "open/none".into(), ..Default::default() };
    let hidden = region.call_as::<HeadObject>(Caller::Anonymous, head).await.unwrap_err();
    assert_eq!(hidden.status, 403);
    let region = with_policy(r#"["s3:GetObject", "s3:ListBucket"]"#).await;
    let told = region.call_as::<GetObject>(Caller::Anonymous, getting("open/none")).await.unwrap_err();
    assert_eq!(code(told), ("NoSuchKey".to_owned(), 404));
}

/// S3 User Guide, "Tagging and access control policies", and the user guide's examples of policies that ask for
/// headers: `s3:ExistingObjectTag`, `s3:RequestObjectTag`, `s3:x-amz-server-side-encryption-customer-algorithm`.
#[tokio::test]
async fn policies_ask_for_tags_and_headers() {
    let region = with_policy(r#"["s3:ListBucket"]"#).await;
    let policy = r#"{"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:GetObject", "Principal": "*", "Resource": "arn:aws:s3:::bkt/*",
         "Condition": {"StringEquals": {"s3:ExistingObjectTag/stage": "open"}}},
        {"Effect": "Allow", "Action": ["s3:PutObject", "s3:PutObjectTagging"], "Principal": "*", "Resource": "arn:aws:s3:::bkt/*",
         "Condition": {"StringEquals": {"s3:RequestObjectTag/stage": "open", "s3:x-amz-storage-class": "STANDARD_IA"}}}]}"#;
    let input =
        PutBucketPolicyInput { bucket: "bkt".into(), policy: Some(policy.into()), ..Default::default() };
    region.call::<PutBucketPolicy>(input).await.unwrap();
    for (key, tagging) in [("tagged", "stage=open"), ("otherwise", "stage=shut")] {
        let input = PutObjectInput { tagging: Some(tagging.into()), ..putting(key, "x") };
        region.call::<PutObject>(input).await.unwrap();
    }
    for (key, allowed) in [("tagged", true), ("otherwise", false), ("open/a", false)] {
        let read = region.call_as::<GetObject>(Caller::Anonymous, getting(key)).await;
        assert_eq!(read.is_ok(), allowed, "{key}");
    }
    let class = Some(StorageClass::StandardIa);
    for (tagging, storage_class, allowed) in [
        (Some("stage=open"), class.clone(), true),
        (Some("stage=shut"), class.clone(), false),
        (Some("stage=open"), None, false),
        (None, class, false),
    ] {
        let tagging = tagging.map(str::to_owned);
        let input = PutObjectInput { tagging, storage_class, ..putting("new", "x") };
        let shown =
            format!("{:?} {:?}", input.tagging, input.storage_class.as_ref().map(|class| class.as_str()));
        let written = region.call_as::<PutObject>(Caller::Anonymous, input).await;
        assert_eq!(written.is_ok(), allowed, "{shown}");
    }
}

/// API Reference, PutBucketPolicy: the root principal of the owner's account can read, change and remove the policy even
/// if that explicitly denies it, so that owners do not lock themselves out.
#[tokio::test]
async fn owners_are_not_locked_out() {
    let region = with_policy(r#"["s3:GetObject"]"#).await;
    let shut = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:*", "Principal": "*",
        "Resource": ["arn:aws:s3:::bkt", "arn:aws:s3:::bkt/*"]}]}"#;
    let putting =
        || PutBucketPolicyInput { bucket: "bkt".into(), policy: Some(shut.into()), ..Default::default() };
    region.call::<PutBucketPolicy>(putting()).await.unwrap();
    let reading = || GetBucketPolicyInput { bucket: "bkt".into(), ..Default::default() };
    assert_eq!(region.call::<GetBucketPolicy>(reading()).await.unwrap().policy.as_deref(), Some(shut));
    region.call::<PutBucketPolicy>(putting()).await.unwrap();
    // Nothing else is spared, and nobody else.
    assert_eq!(region.refused::<GetObject>(getting("open/a")).await.code, "AccessDenied");
    let status = GetBucketPolicyStatusInput { bucket: "bkt".into(), ..Default::default() };
    assert_eq!(region.refused::<GetBucketPolicyStatus>(status).await.code, "AccessDenied");
    let foreign = Principal::root("111122223333".parse().unwrap());
    let foreign = Caller::Principal(Arc::new(foreign));
    let refused = region.call_as::<GetBucketPolicy>(foreign, reading()).await.unwrap_err();
    assert_eq!(refused.status, 403);
    let deleting = DeleteBucketPolicyInput { bucket: "bkt".into(), ..Default::default() };
    region.call::<DeleteBucketPolicy>(deleting).await.unwrap();
    assert!(region.call::<GetObject>(getting("open/a")).await.is_ok());
}
