//! Access logs: delivered, to where and as the target admits it.

use crate::{create, get, getting, put, region};
use bytes::Bytes;
use model_s3::operations::*;
use model_s3::*;
use std::time::Duration;
use testkit::{IamMode, Region, Setup};

async fn log_to(region: &Region, target: &str, format: Option<TargetObjectKeyFormat>) {
    log_from(region, "bkt", target, format).await;
}

async fn log_from(region: &Region, source: &str, target: &str, format: Option<TargetObjectKeyFormat>) {
    let enabled = LoggingEnabled {
        target_bucket: target.into(),
        target_prefix: "log/".into(),
        target_object_key_format: format,
        target_grants: None,
    };
    let input = PutBucketLoggingInput {
        bucket: source.into(),
        bucket_logging_status: BucketLoggingStatus { logging_enabled: Some(enabled) },
        ..Default::default()
    };
    region.call::<PutBucketLogging>(input).await.unwrap();
}

async fn keys(region: &Region, bucket: &str) -> Vec<String> {
    let input = ListObjectsV2Input { bucket: bucket.into(), ..Default::default() };
    let page = region.call::<ListObjectsV2>(input).await.unwrap();
    page.contents.into_iter().flatten().map(|object| object.key.unwrap()).collect()
}

/// The keys of a target once the worker has delivered; the worker runs beside virtual time.
async fn delivered(region: &Region, bucket: &str) -> Vec<String> {
    region.advance(Duration::from_secs(61)).await;
    for _ in 0..500 {
        let found = keys(region, bucket).await;
        if !found.is_empty() {
            return found;
        }
        region.host().clock.rest(Duration::from_millis(10)).await;
    }
    Vec::new()
}

async fn read(region: &Region, bucket: &str, key: &str) -> String {
    let bytes = get(region, GetObjectInput { bucket: bucket.into(), ..getting(key) }).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn lines_arrive() {
    let region = region().await;
    create(&region, "logs").await;
    put(&region, "before", "x").await;
    region.http("GET", "/bkt/before", &[], Bytes::new()).await;
    // A request takes some milliseconds of the second in which it came.
    region.advance(Duration::from_millis(60_500)).await;
    log_to(&region, "logs", None).await;
    region.http("PUT", "/bkt/a%20b", &[("content-length", "5")], Bytes::from_static(b"hello")).await;
    region.http("GET", "/bkt/a%20b?versionId=null", &[("user-agent", "test/1")], Bytes::new()).await;
    region.http("GET", "/bkt/none", &[], Bytes::new()).await;
    region.http("GET", "/logs?list-type=2", &[], Bytes::new()).await;
    assert!(keys(&region, "logs").await.is_empty(), "delivered by a timer, not at once");
    let found = delivered(&region, "logs").await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("log/2026-01-01-00-0"), "{found:?}");
    let text = read(&region, "logs", &found[0]).await;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[0].contains(" bkt [01/Jan/2026:00:01:00 +0000] 127.0.0.1 "), "{text}");
    assert!(lines[0].contains(" REST.PUT.OBJECT a+b \"PUT /bkt/a%20b HTTP/1.1\" 200 - - 5 "), "{text}");
    let got = " REST.GET.OBJECT a+b \"GET /bkt/a%20b?versionId=null HTTP/1.1\" 200 - 5 5 ";
    assert!(lines[1].contains(got) && lines[1].contains("\"test/1\" null "), "{text}");
    assert!(lines[2].contains(" REST.GET.OBJECT none \"GET /bkt/none HTTP/1.1\" 404 NoSuchKey "), "{text}");
}

#[tokio::test]
async fn folders_by_the_events_day() {
    let region = region().await;
    create(&region, "logs").await;
    let partitioned = PartitionedPrefix { partition_date_source: Some(PartitionDateSource::EventTime) };
    let format = TargetObjectKeyFormat { partitioned_prefix: Some(partitioned), simple_prefix: None };
    log_to(&region, "logs", Some(format)).await;
    region.advance(Duration::from_secs(3_600)).await;
    region.http("GET", "/bkt?location", &[], Bytes::new()).await;
    let found = delivered(&region, "logs").await;
    let folder = "log/000000000000/us-east-1/bkt/2026/01/01/2026-01-01-00-00-00-";
    assert!(found.len() == 1 && found[0].starts_with(folder), "{found:?}");
}

async fn enforcing() -> Region {
    let region = Setup { iam: IamMode::Enforce, ..Setup::of(vec![s3::service()]) }.start().await;
    create(&region, "bkt").await;
    region
}

async fn admit(region: &Region, target: &str, statement: &str) {
    let policy = format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Action": "s3:PutObject",
            "Resource": "arn:aws:s3:::{target}/log/*", {statement}}}]}}"#
    );
    let input = PutBucketPolicyInput { bucket: target.into(), policy: Some(policy), ..Default::default() };
    region.call::<PutBucketPolicy>(input).await.unwrap();
}

/// S3 User Guide, "Permissions for log delivery": the target's policy names `logging.s3.amazonaws.com`, or its
/// list the log delivery group.
#[tokio::test]
async fn the_target_admits_them() {
    let region = enforcing().await;
    create(&region, "bypolicy").await;
    let of_bkt = r#""Principal": {"Service": "logging.s3.amazonaws.com"},
        "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::bkt"}}"#;
    admit(&region, "bypolicy", of_bkt).await;
    let lists = CreateBucketInput {
        bucket: "bylist".into(),
        object_ownership: Some(ObjectOwnership::BucketOwnerPreferred),
        ..Default::default()
    };
    region.call::<CreateBucket>(lists).await.unwrap();
    let acl = Some(BucketCannedACL::from("log-delivery-write"));
    region
        .call::<PutBucketAcl>(PutBucketAclInput { bucket: "bylist".into(), acl, ..Default::default() })
        .await
        .unwrap();
    for target in ["bypolicy", "bylist"] {
        log_to(&region, target, None).await;
        region.http("GET", "/bkt?location", &[], Bytes::new()).await;
        assert!(!delivered(&region, target).await.is_empty(), "{target}");
    }
}

/// What the target does not admit is lost, and the logs of other buckets come all the same.
#[tokio::test]
async fn a_target_that_admits_none_gets_none() {
    let region = enforcing().await;
    for name in ["closed", "open", "zzz"] {
        create(&region, name).await;
    }
    admit(&region, "open", r#""Principal": {"Service": "logging.s3.amazonaws.com"}"#).await;
    log_to(&region, "closed", None).await;
    log_from(&region, "zzz", "open", None).await;
    for source in ["bkt", "zzz"] {
        region.http("GET", &format!("/{source}?location"), &[], Bytes::new()).await;
    }
    // One round takes all that waits, and the bucket whose log is refused stands before the other.
    assert_eq!(delivered(&region, "open").await.len(), 1);
    let refused = keys(&region, "closed").await;
    assert!(refused.is_empty(), "{refused:?}");
}

/// RestrictPublicBuckets leaves a bucket with a public policy to "service principals and authorized users within this
/// account" (S3 API Reference, PublicAccessBlockConfiguration).
#[tokio::test]
async fn a_restricted_bucket_takes_them() {
    let region = enforcing().await;
    create(&region, "target").await;
    let open = DeletePublicAccessBlockInput { bucket: "target".into(), ..Default::default() };
    region.call::<DeletePublicAccessBlock>(open).await.unwrap();
    admit(&region, "target", r#""Principal": "*""#).await;
    let restrict = PutPublicAccessBlockInput {
        bucket: "target".into(),
        public_access_block_configuration: PublicAccessBlockConfiguration {
            restrict_public_buckets: Some(true),
            ..Default::default()
        },
        ..Default::default()
    };
    region.call::<PutPublicAccessBlock>(restrict).await.unwrap();
    log_to(&region, "target", None).await;
    region.http("GET", "/bkt?location", &[], Bytes::new()).await;
    assert_eq!(delivered(&region, "target").await.len(), 1);
}

#[tokio::test]
async fn where_logs_cannot_go() {
    let region = region().await;
    let to = |target: &str, grants| PutBucketLoggingInput {
        bucket: "bkt".into(),
        bucket_logging_status: BucketLoggingStatus {
            logging_enabled: Some(LoggingEnabled {
                target_bucket: target.into(),
                target_grants: grants,
                ..Default::default()
            }),
        },
        ..Default::default()
    };
    let absent = region.refused::<PutBucketLogging>(to("nowhere", None)).await;
    assert_eq!(absent.code, "InvalidTargetBucketForLogging");
    let elsewhere = CreateBucketInput {
        bucket: "elsewhere".into(),
        create_bucket_configuration: Some(CreateBucketConfiguration {
            location_constraint: Some(BucketLocationConstraint::from("us-west-2")),
            ..Default::default()
        }),
        ..Default::default()
    };
    region.call::<CreateBucket>(elsewhere).await.unwrap();
    let far = region.refused::<PutBucketLogging>(to("elsewhere", None)).await;
    // Spelt as AWS spells it (recorded by LocalStack's test_put_bucket_logging_cross_locations).
    assert_eq!(far.code, "CrossLocationLoggingProhibitted");
    let grant = |id: &str, address: Option<&str>| {
        let grantee = Grantee {
            type_: Type::CanonicalUser,
            id: Some(id.to_owned()).filter(|_| address.is_none()),
            email_address: address.map(str::to_owned),
            ..Default::default()
        };
        TargetGrant { permission: Some(BucketLogsPermission::Read), grantee: Some(grantee) }
    };
    let nobody = TargetGrant { permission: Some(BucketLogsPermission::Read), grantee: None };
    let permitted =
        |name: &str| TargetGrant { permission: Some(name.into()), ..grant(&"a".repeat(64), None) };
    let unheard = permitted("LISTEN");
    for (grant, code) in [
        (grant(&"a".repeat(64), None), "InvalidRequest"),
        (grant("me", None), "InvalidArgument"),
        (grant("", Some("me@example.com")), "UnresolvableGrantByEmailAddress"),
        (nobody, "MalformedXML"),
        (unheard, "MalformedXML"),
        // Not refused for the permission itself, though the API Reference knows none of lists here (recorded by
        // LocalStack's test_put_bucket_logging_accept_wrong_grants).
        (permitted("READ_ACP"), "InvalidRequest"),
    ] {
        let refused = region.refused::<PutBucketLogging>(to("bkt", Some(vec![grant]))).await;
        assert_eq!(refused.code, code);
    }
}
