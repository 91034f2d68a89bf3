//! Buckets: names, regions, owners, and what is configured on them.

use crate::{create, put, region};
use model_s3::operations::*;
use model_s3::*;
use names::AccountId;
use ports::{Caller, Principal};

fn other_account() -> Caller {
    Caller::Principal(std::sync::Arc::new(Principal::root("111111111111".parse::<AccountId>().unwrap())))
}

fn creating(bucket: &str) -> CreateBucketInput {
    CreateBucketInput { bucket: bucket.into(), ..Default::default() }
}

/// CreateBucket's errors and the exception of us-east-1: S3 API Reference, CreateBucket, "Errors".
#[tokio::test]
async fn a_name_has_one_owner() {
    let region = region().await;
    let again = region.call::<CreateBucket>(creating("bkt")).await.unwrap();
    assert_eq!(again.location.as_deref(), Some("/bkt"));
    let taken = region.call_as::<CreateBucket>(other_account(), creating("bkt")).await.unwrap_err();
    assert_eq!((taken.code.as_ref(), taken.status), ("BucketAlreadyExists", 409));
    let bad = region.refused::<CreateBucket>(creating("Bad_Name")).await;
    assert_eq!((bad.code.as_ref(), bad.status), ("InvalidBucketName", 400));
}

/// S3 User Guide, "Namespaces for general purpose buckets"; the codes as `ops/buckets.rs` says.
#[tokio::test]
async fn an_accounts_own_names_are_nobody_elses() {
    let region = region().await;
    let name = "logs-000000000000-us-east-1-an";
    let own = |name: &str| CreateBucketInput {
        bucket_namespace: Some(BucketNamespace::AccountRegional),
        ..creating(name)
    };
    let unsaid = region.refused::<CreateBucket>(creating(name)).await;
    assert_eq!((unsaid.code.as_ref(), unsaid.status), ("MissingNamespaceHeader", 400));
    for input in [own(name), creating(name)] {
        let stranger = region.call_as::<CreateBucket>(other_account(), input).await.unwrap_err();
        let codes = ["MissingNamespaceHeader", "InvalidBucketNamespace"];
        assert!(codes.contains(&stranger.code.as_ref()), "{stranger}");
    }
    let refused = region.refused::<CreateBucket>(own("logs")).await;
    assert_eq!(refused.code, "InvalidNamespaceHeader");
    assert!(refused.message.contains("Specify -000000000000-us-east-1-an as"), "{}", refused.message);
    for other in ["logs-an", "logs-000000000000-us-west-2-an"] {
        let refused = region.refused::<CreateBucket>(own(other)).await;
        assert_eq!((refused.code.as_ref(), refused.status), ("InvalidBucketNamespace", 400));
        assert!(
            refused.message.contains("does not end with -000000000000-us-east-1-an."),
            "{}",
            refused.message
        );
    }
    region.call::<CreateBucket>(own(name)).await.unwrap();
}

#[tokio::test]
async fn a_bucket_goes_when_it_is_empty_and_its_name_is_free() {
    let region = region().await;
    put(&region, "k", "v").await;
    let deleting = || DeleteBucketInput { bucket: "bkt".into(), ..Default::default() };
    let full = region.refused::<DeleteBucket>(deleting()).await;
    assert_eq!((full.code.as_ref(), full.status), ("BucketNotEmpty", 409));
    let key = DeleteObjectInput { bucket: "bkt".into(), key: "k".into(), ..Default::default() };
    region.call::<DeleteObject>(key).await.unwrap();
    region.call::<DeleteBucket>(deleting()).await.unwrap();
    let gone =
        region.refused::<HeadBucket>(HeadBucketInput { bucket: "bkt".into(), ..Default::default() }).await;
    assert_eq!((gone.code.as_ref(), gone.status), ("NoSuchBucket", 404));
    region.call_as::<CreateBucket>(other_account(), creating("bkt")).await.unwrap();
}

#[tokio::test]
async fn locations() {
    let region = region().await;
    let mut input = creating("elsewhere");
    input.create_bucket_configuration = Some(CreateBucketConfiguration {
        location_constraint: Some(BucketLocationConstraint::EuWest1),
        ..Default::default()
    });
    region.call::<CreateBucket>(input).await.unwrap();
    let location = async |bucket: &str| {
        let input = GetBucketLocationInput { bucket: bucket.into(), ..Default::default() };
        region.call::<GetBucketLocation>(input).await.unwrap().location_constraint
    };
    assert_eq!(location("elsewhere").await, Some(BucketLocationConstraint::EuWest1));
    assert_eq!(location("bkt").await, None);
}

#[tokio::test]
async fn buckets_are_listed_by_name_in_pages() {
    let region = region().await;
    for name in ["zzz", "aaa", "mmm"] {
        create(&region, name).await;
    }
    let (mut names, mut token) = (Vec::new(), None);
    loop {
        let input =
            ListBucketsInput { max_buckets: Some(2), continuation_token: token, ..Default::default() };
        let page = region.call::<ListBuckets>(input).await.unwrap();
        names.extend(page.buckets.unwrap().into_iter().map(|bucket| bucket.name.unwrap()));
        token = page.continuation_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(names, ["aaa", "bkt", "mmm", "zzz"]);
}

/// What a new bucket answers: S3 User Guide, defaults of new buckets since April 2023.
#[tokio::test]
async fn defaults_of_a_new_bucket() {
    let region = region().await;
    macro_rules! code {
        ($operation:ident, $input:ident) => {
            region.refused::<$operation>($input { bucket: "bkt".into(), ..Default::default() }).await.code
        };
    }
    assert_eq!(code!(GetBucketPolicy, GetBucketPolicyInput), "NoSuchBucketPolicy");
    assert_eq!(code!(GetBucketTagging, GetBucketTaggingInput), "NoSuchTagSet");
    assert_eq!(code!(GetBucketCors, GetBucketCorsInput), "NoSuchCORSConfiguration");
    assert_eq!(
        code!(GetBucketLifecycleConfiguration, GetBucketLifecycleConfigurationInput),
        "NoSuchLifecycleConfiguration"
    );
    assert_eq!(code!(GetBucketWebsite, GetBucketWebsiteInput), "NoSuchWebsiteConfiguration");
    assert_eq!(
        code!(GetBucketReplication, GetBucketReplicationInput),
        "ReplicationConfigurationNotFoundError"
    );
    assert_eq!(
        code!(GetObjectLockConfiguration, GetObjectLockConfigurationInput),
        "ObjectLockConfigurationNotFoundError"
    );
    let block = GetPublicAccessBlockInput { bucket: "bkt".into(), ..Default::default() };
    let block = region.call::<GetPublicAccessBlock>(block).await.unwrap();
    assert_eq!(block.public_access_block_configuration.unwrap().block_public_policy, Some(true));
    let encryption = GetBucketEncryptionInput { bucket: "bkt".into(), ..Default::default() };
    let encryption = region.call::<GetBucketEncryption>(encryption).await.unwrap();
    let rule = encryption.server_side_encryption_configuration.unwrap().rules.unwrap().remove(0);
    let algorithm = rule.apply_server_side_encryption_by_default.unwrap().sse_algorithm;
    assert_eq!(algorithm, ServerSideEncryption::Aes256);
}

#[tokio::test]
async fn tags_and_policy_live_on_the_head() {
    let region = region().await;
    let tag = Tag { key: "team".into(), value: "bards".into() };
    let tagging = PutBucketTaggingInput {
        bucket: "bkt".into(),
        tagging: Tagging { tag_set: Some(vec![tag.clone()]) },
        ..Default::default()
    };
    region.call::<PutBucketTagging>(tagging).await.unwrap();
    let tags = GetBucketTaggingInput { bucket: "bkt".into(), ..Default::default() };
    assert_eq!(region.call::<GetBucketTagging>(tags).await.unwrap().tag_set, [tag]);

    let document = |principal: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{principal},"Action":"s3:GetObject","Resource":"arn:aws:s3:::bkt/*"}}]}}"#
        )
    };
    let putting = |policy: String| PutBucketPolicyInput {
        bucket: "bkt".into(),
        policy: Some(policy),
        ..Default::default()
    };
    let owned = document(r#"{"AWS":"arn:aws:iam::111111111111:root"}"#);
    region.call::<PutBucketPolicy>(putting(owned.clone())).await.unwrap();
    let policy = GetBucketPolicyInput { bucket: "bkt".into(), ..Default::default() };
    assert_eq!(region.call::<GetBucketPolicy>(policy).await.unwrap().policy, Some(owned));

    // A new bucket blocks public policies until that is switched off.
    let public = document("\"*\"");
    assert_eq!(region.refused::<PutBucketPolicy>(putting(public.clone())).await.code, "AccessDenied");
    let open = DeletePublicAccessBlockInput { bucket: "bkt".into(), ..Default::default() };
    region.call::<DeletePublicAccessBlock>(open).await.unwrap();
    region.call::<PutBucketPolicy>(putting(public)).await.unwrap();
    let status = GetBucketPolicyStatusInput { bucket: "bkt".into(), ..Default::default() };
    let status = region.call::<GetBucketPolicyStatus>(status).await.unwrap().policy_status;
    assert_eq!(status.unwrap().is_public, Some(true));
    assert_eq!(region.refused::<PutBucketPolicy>(putting("[".into())).await.code, "MalformedPolicy");
    let foreign = document("\"*\"").replace("bkt/*", "other/*");
    assert_eq!(region.refused::<PutBucketPolicy>(putting(foreign)).await.code, "MalformedPolicy");
}

#[tokio::test]
async fn a_nested_policy_is_refused_and_no_more() {
    let region = region().await;
    let policy = "[".repeat(1_000_000);
    let input = PutBucketPolicyInput { bucket: "bkt".into(), policy: Some(policy), ..Default::default() };
    assert_eq!(region.refused::<PutBucketPolicy>(input).await.status, 400);
    let policy = "[".repeat(20_000);
    let input = PutBucketPolicyInput { bucket: "bkt".into(), policy: Some(policy), ..Default::default() };
    assert_eq!(region.refused::<PutBucketPolicy>(input).await.code, "MalformedPolicy");
}

#[tokio::test]
async fn the_expected_owner_is_asked_for() {
    let region = region().await;
    let head =
        |owner: &str| HeadBucketInput { bucket: "bkt".into(), expected_bucket_owner: Some(owner.into()) };
    region.call::<HeadBucket>(head("000000000000")).await.unwrap();
    assert_eq!(region.refused::<HeadBucket>(head("111111111111")).await.code, "AccessDenied");
}
