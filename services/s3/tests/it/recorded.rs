//! Answers as AWS gave them: each was recorded of AWS by LocalStack's tests (tests/aws/services/s3, snapshots
//! of 2024 to 2026), which the comments name.

use crate::{create, getting, pattern, put, putting, region, set_versioning, versioned};
use model_s3::operations::*;
use model_s3::*;
use schema::{ApiError, Body};
use testkit::Region;

fn field<'a>(error: &'a ApiError, name: &str) -> Option<&'a str> {
    error.fields.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
}

async fn begin(region: &Region, algorithm: Option<(ChecksumAlgorithm, ChecksumType)>) -> String {
    let (checksum_algorithm, checksum_type) = algorithm.unzip();
    let input = CreateMultipartUploadInput {
        bucket: "bkt".into(),
        key: "k".into(),
        checksum_algorithm,
        checksum_type,
        ..Default::default()
    };
    region.call::<CreateMultipartUpload>(input).await.unwrap().upload_id.unwrap()
}

async fn part(region: &Region, id: &str) -> CompletedPart {
    let input = UploadPartInput {
        bucket: "bkt".into(),
        key: "k".into(),
        upload_id: id.into(),
        part_number: 1,
        body: Some(Body::from(pattern(3))),
        ..Default::default()
    };
    let output = region.call::<UploadPart>(input).await.unwrap();
    CompletedPart {
        e_tag: output.e_tag,
        part_number: Some(1),
        checksum_crc32_c: output.checksum_crc32_c,
        ..Default::default()
    }
}

fn completing(id: &str, part: &CompletedPart) -> CompleteMultipartUploadInput {
    CompleteMultipartUploadInput {
        bucket: "bkt".into(),
        key: "k".into(),
        upload_id: id.into(),
        multipart_upload: Some(CompletedMultipartUpload { parts: Some(vec![part.clone()]) }),
        ..Default::default()
    }
}

/// test_multipart_if_match_with_put, …_if_none_match_with_delete, …_if_match_with_delete
#[tokio::test]
async fn a_conditional_upload_is_for_what_there_was_when_it_began() {
    let region = region().await;
    put(&region, "k", "old").await;
    let id = begin(&region, None).await;
    let done = part(&region, &id).await;
    let second = put(&region, "k", "new").await.e_tag;
    let matching = CompleteMultipartUploadInput { if_match: second.clone(), ..completing(&id, &done) };
    let refused = region.refused::<CompleteMultipartUpload>(matching.clone()).await;
    assert_eq!((refused.code.as_ref(), refused.status), ("ConditionalRequestConflict", 409));
    assert_eq!((field(&refused, "Condition"), field(&refused, "Key")), (Some("If-Match"), Some("k")));

    let deleting = DeleteObjectInput { bucket: "bkt".into(), key: "k".into(), ..Default::default() };
    region.call::<DeleteObject>(deleting).await.unwrap();
    assert_eq!(region.refused::<CompleteMultipartUpload>(matching).await.code, "NoSuchKey");
    let fresh = || CompleteMultipartUploadInput { if_none_match: Some("*".into()), ..completing(&id, &done) };
    assert_eq!(region.refused::<CompleteMultipartUpload>(fresh()).await.code, "ConditionalRequestConflict");
    let id = begin(&region, None).await;
    let done = part(&region, &id).await;
    let fresh = CompleteMultipartUploadInput { if_none_match: Some("*".into()), ..completing(&id, &done) };
    region.call::<CompleteMultipartUpload>(fresh).await.unwrap();
}

/// test_multipart_parts_checksum_exceptions_full_object, …_composite, test_complete_multipart_parts_checksum_default
#[tokio::test]
async fn checksums_of_a_completion() {
    let region = region().await;
    let id = begin(&region, Some((ChecksumAlgorithm::Crc32c, ChecksumType::FullObject))).await;
    let done = part(&region, &id).await;
    let value = done.checksum_crc32_c.clone();
    let asked = |checksum_type, checksum_crc32_c| CompleteMultipartUploadInput {
        checksum_type,
        checksum_crc32_c,
        ..completing(&id, &done)
    };
    let refused = region.refused::<CompleteMultipartUpload>(asked(Some(ChecksumType::Composite), None)).await;
    assert_eq!(
        refused.message,
        "The upload was created using the FULL_OBJECT checksum mode. The complete request must use the same checksum \
         mode."
    );
    // The right value, of a type that goes without saying only for CRC64NVME.
    let refused = region.refused::<CompleteMultipartUpload>(asked(None, value.clone())).await;
    assert_eq!(
        (refused.code.as_ref(), refused.message.as_str()),
        ("BadDigest", "The crc32c you specified did not match the calculated checksum.")
    );
    region.call::<CompleteMultipartUpload>(asked(Some(ChecksumType::FullObject), value)).await.unwrap();

    let id = begin(&region, Some((ChecksumAlgorithm::Crc32c, ChecksumType::Composite))).await;
    let done = part(&region, &id).await;
    let other = CompletedPart {
        checksum_crc32_c: None,
        checksum_sha256: Some("n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=".into()),
        ..done
    };
    let refused = region.refused::<CompleteMultipartUpload>(completing(&id, &other)).await;
    assert_eq!(refused.message, "The sha256 you specified for part 1 did not match what we received.");

    let id = begin(&region, None).await;
    let done = CompletedPart { checksum_crc32_c: Some("45fn2Q==".into()), ..part(&region, &id).await };
    assert_eq!(region.refused::<CompleteMultipartUpload>(completing(&id, &done)).await.code, "InvalidPart");
    let none = CompleteMultipartUploadInput { multipart_upload: None, ..completing(&id, &done) };
    assert_eq!(
        region.refused::<CompleteMultipartUpload>(none).await.message,
        "You must specify at least one part"
    );
}

/// test_delete_object_with_no_locking, test_delete_object_if_match_all_non_express
#[tokio::test]
async fn deletes_that_are_refused() {
    let region = region().await;
    put(&region, "k", "v").await;
    let deleting = || DeleteObjectInput { bucket: "bkt".into(), key: "k".into(), ..Default::default() };
    let bypassing = DeleteObjectInput { bypass_governance_retention: Some(false), ..deleting() };
    let refused = region.refused::<DeleteObject>(bypassing).await;
    assert_eq!(
        (field(&refused, "ArgumentName"), field(&refused, "ArgumentValue")),
        (Some("x-amz-bypass-governance-retention"), None)
    );
    let sized = DeleteObjectInput { if_match_size: Some(1), ..deleting() };
    assert_eq!(region.refused::<DeleteObject>(sized).await.code, "NotImplemented");
    assert!(region.call::<GetObject>(getting("k")).await.is_ok());
}

/// test_put_object_if_match_and_if_none_match_validation, test_put_object_if_match_validation
#[tokio::test]
async fn conditions_that_writes_do_not_take() {
    let region = region().await;
    for (matches, none_match, header) in [
        (Some("*"), None, "If-Match"),
        (None, Some("\"abc\""), "If-None-Match"),
        (Some("abc"), Some("*"), "If-Match,If-None-Match"),
    ] {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let input = PutObjectInput {
            if_match: owned(matches),
            if_none_match: owned(none_match),
            ..putting("k", "v")
        };
        let refused = region.refused::<PutObject>(input).await;
        assert_eq!((refused.status, field(&refused, "Header")), (501, Some(header)));
    }
}

/// test_get_object_with_version_unversioned_bucket, test_delete_object_versioned, test_delete_objects_versioned
#[tokio::test]
async fn ids_that_nobody_gave_out() {
    let region = versioned().await;
    let id = put(&region, "k", "v").await.version_id.unwrap();
    let bad = format!("{}ABCD", &id[..28]);
    let named = GetObjectInput { version_id: Some(bad.clone()), ..getting("k") };
    assert_eq!(region.refused::<GetObject>(named).await.code, "InvalidArgument");
    let elsewhere = GetObjectInput { version_id: Some(id.clone()), ..getting("other") };
    assert_eq!(region.refused::<GetObject>(elsewhere).await.code, "NoSuchVersion");
    let object = ObjectIdentifier { key: "k".into(), version_id: Some(bad), ..Default::default() };
    let many = DeleteObjectsInput {
        bucket: "bkt".into(),
        delete: Delete { objects: vec![object], quiet: None },
        ..Default::default()
    };
    let errors = region.call::<DeleteObjects>(many).await.unwrap().errors.unwrap();
    assert_eq!(errors[0].code.as_deref(), Some("NoSuchVersion"));
    // test_put_object_on_suspended_bucket: the version `null` is not named.
    set_versioning(&region, BucketVersioningStatus::Suspended).await;
    assert_eq!(put(&region, "k", "w").await.version_id, None);
}

/// test_delete_bucket_policy_expected_bucket_owner, test_list_buckets_region_validation, test_s3_copy_object_wrong_format
#[tokio::test]
async fn arguments_that_are_none() {
    let region = region().await;
    let head =
        |owner: &str| HeadBucketInput { bucket: "bkt".into(), expected_bucket_owner: Some(owner.into()) };
    let refused = region.refused::<HeadBucket>(head("abcd")).await;
    assert_eq!(refused.code, "InvalidBucketOwnerAWSAccountID");
    assert_eq!(region.refused::<HeadBucket>(head("999999999999")).await.code, "AccessDenied");
    let listing = ListBucketsInput { bucket_region: Some("eu-east-1".into()), ..Default::default() };
    let refused = region.refused::<ListBuckets>(listing).await;
    assert_eq!(refused.message, "Argument value eu-east-1 is not a valid AWS Region");
    create(&region, "other").await;
    let copying = CopyObjectInput {
        bucket: "other".into(),
        key: "k".into(),
        copy_source: "wrongformat".into(),
        ..Default::default()
    };
    assert_eq!(region.refused::<CopyObject>(copying).await.message, "Invalid copy source object key");
}

/// test_s3_bucket_encryption_sse_kms_aws_managed_key, test_s3_sse_validate_kms_key: the key is shown by its ARN; where
/// none is named, it is S3's own of the account.
#[tokio::test]
async fn keys_of_kms_are_shown_by_their_arns() {
    let region = region().await;
    let rule = ServerSideEncryptionRule {
        apply_server_side_encryption_by_default: Some(ServerSideEncryptionByDefault {
            sse_algorithm: ServerSideEncryption::AwsKms,
            kms_master_key_id: None,
        }),
        bucket_key_enabled: Some(true),
        ..Default::default()
    };
    let configured = PutBucketEncryptionInput {
        bucket: "bkt".into(),
        server_side_encryption_configuration: ServerSideEncryptionConfiguration { rules: Some(vec![rule]) },
        ..Default::default()
    };
    region.call::<PutBucketEncryption>(configured).await.unwrap();
    let made = put(&region, "k", "v").await;
    let arn = made.ssekms_key_id.clone().unwrap();
    assert!(arn.starts_with("arn:aws:kms:us-east-1:000000000000:key/"), "{arn}");
    assert_eq!(made.bucket_key_enabled, Some(true));
    let asked = region.call::<GetObject>(getting("k")).await.unwrap();
    assert_eq!((asked.ssekms_key_id, asked.bucket_key_enabled), (Some(arn.clone()), Some(true)));
    let with = |key: &str| PutObjectInput {
        server_side_encryption: Some(ServerSideEncryption::AwsKms),
        ssekms_key_id: Some(key.into()),
        ..putting("k", "v")
    };
    let own = region.call::<PutObject>(with("alias/aws/s3")).await.unwrap();
    assert_eq!(own.ssekms_key_id, Some(arn));
    let id = "134f2428-cec1-4b25-a1ae-9048164dba47";
    let named = region.call::<PutObject>(with(id)).await.unwrap();
    assert_eq!(named.ssekms_key_id, Some(format!("arn:aws:kms:us-east-1:000000000000:key/{id}")));
    let refused = region.refused::<PutObject>(with("fake-key-id")).await;
    assert_eq!((refused.code.as_ref(), refused.status), ("KMS.NotFoundException", 400));
}

/// test_put_object_tagging_none_value, test_tagging_validation, test_object_tagging_exc
#[tokio::test]
async fn tags_of_objects() {
    let region = region().await;
    put(&region, "k", "v").await;
    let tagging = |tag_set: Option<Vec<Tag>>| PutObjectTaggingInput {
        bucket: "bkt".into(),
        key: "k".into(),
        tagging: Tagging { tag_set },
        ..Default::default()
    };
    region.call::<PutObjectTagging>(tagging(None)).await.unwrap();
    let own = Tag { key: "aws:k".into(), value: "v".into() };
    let refused = region.refused::<PutObjectTagging>(tagging(Some(vec![own]))).await;
    assert_eq!(refused.message, "Your TagKey cannot be prefixed with aws:");
    let absent = GetObjectTaggingInput { bucket: "bkt".into(), key: "none".into(), ..Default::default() };
    let refused = region.refused::<GetObjectTagging>(absent).await;
    assert_eq!(field(&refused, "Key"), Some("bkt/none"));
}

/// S3 API Reference, GetBucketLocation: a bucket that was made in `EU` says so.
#[tokio::test]
async fn europe_keeps_its_old_name() {
    let region = region().await;
    for (bucket, constraint) in [("old", "EU"), ("new", "eu-west-1")] {
        let location_constraint = Some(BucketLocationConstraint::from(constraint));
        let configuration = CreateBucketConfiguration { location_constraint, ..Default::default() };
        let input = CreateBucketInput {
            bucket: bucket.into(),
            create_bucket_configuration: Some(configuration),
            ..Default::default()
        };
        region.call::<CreateBucket>(input).await.unwrap();
        let asked = GetBucketLocationInput { bucket: bucket.into(), ..Default::default() };
        let answer = region.call::<GetBucketLocation>(asked).await.unwrap();
        assert_eq!(answer.location_constraint.unwrap().as_str(), constraint);
        let list = ListObjectsV2Input { bucket: bucket.into(), ..Default::default() };
        let list = region.call::<ListObjectsV2>(list).await.unwrap();
        assert_eq!(list.bucket_region.as_deref(), Some("eu-west-1"));
    }
}
