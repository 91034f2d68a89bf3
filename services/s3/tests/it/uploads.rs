//! Uploads in parts.

use crate::{content, get, getting, pattern, put, region};
use bytes::Bytes;
use model_s3::operations::*;
use model_s3::*;
use names::AccountId;
use ports::{Caller, Principal, PrincipalKind};
use schema::Body;
use std::sync::Arc;
use testkit::Region;

const MIB: usize = 1024 * 1024;

async fn begin(region: &Region, key: &str, algorithm: Option<ChecksumAlgorithm>) -> String {
    let input = CreateMultipartUploadInput {
        bucket: "bkt".into(),
        key: key.into(),
        checksum_algorithm: algorithm,
        ..Default::default()
    };
    region.call::<CreateMultipartUpload>(input).await.unwrap().upload_id.unwrap()
}

fn uploading(key: &str, id: &str, number: i32, bytes: Bytes) -> UploadPartInput {
    UploadPartInput {
        bucket: "bkt".into(),
        key: key.into(),
        upload_id: id.into(),
        part_number: number,
        body: Some(Body::from(bytes)),
        ..Default::default()
    }
}

async fn upload(region: &Region, key: &str, id: &str, number: i32, bytes: Bytes) -> CompletedPart {
    let output = region.call::<UploadPart>(uploading(key, id, number, bytes)).await.unwrap();
    CompletedPart {
        e_tag: output.e_tag,
        part_number: Some(number),
        checksum_sha256: output.checksum_sha256,
        ..Default::default()
    }
}

fn completing(key: &str, id: &str, parts: Vec<CompletedPart>) -> CompleteMultipartUploadInput {
    CompleteMultipartUploadInput {
        bucket: "bkt".into(),
        key: key.into(),
        upload_id: id.into(),
        multipart_upload: Some(CompletedMultipartUpload { parts: Some(parts) }),
        ..Default::default()
    }
}

#[tokio::test]
async fn parts_make_an_object() {
    let region = region().await;
    let whole = pattern(11 * MIB);
    let id = begin(&region, "k", None).await;
    // In any order, one of them twice, one of them not used.
    let third = upload(&region, "k", &id, 9, whole.slice(10 * MIB..)).await;
    upload(&region, "k", &id, 2, pattern(100)).await;
    let second = upload(&region, "k", &id, 2, whole.slice(5 * MIB..10 * MIB)).await;
    let first = upload(&region, "k", &id, 1, whole.slice(..5 * MIB)).await;
    upload(&region, "k", &id, 5, pattern(7)).await;
    let parts = ListPartsInput {
        bucket: "bkt".into(),
        key: "k".into(),
        upload_id: id.clone(),
        max_parts: Some(2),
        ..Default::default()
    };
    let listed = region.call::<ListParts>(parts).await.unwrap();
    assert_eq!((listed.next_part_number_marker, listed.is_truncated), (Some(2), Some(true)));
    assert_eq!(region.refused::<GetObject>(getting("k")).await.code, "NoSuchKey");

    let done = || completing("k", &id, vec![first.clone(), second.clone(), third.clone()]);
    let completed = region.call::<CompleteMultipartUpload>(done()).await.unwrap();
    assert!(completed.e_tag.as_deref().unwrap().ends_with("-3\""));
    assert_eq!(region.call::<CompleteMultipartUpload>(done()).await.unwrap().e_tag, completed.e_tag);
    let (bucket, key) = ("bkt".into(), "k".into());
    let abort = AbortMultipartUploadInput { bucket, key, upload_id: id.clone(), ..Default::default() };
    region.call::<AbortMultipartUpload>(abort).await.expect("of what was completed nothing is left to abort");
    let output = region
        .call::<GetObject>(GetObjectInput { checksum_mode: Some(ChecksumMode::Enabled), ..getting("k") })
        .await
        .unwrap();
    assert_eq!(output.content_length, Some(11 * MIB as i64));
    assert_eq!(content(&output).await, whole);
    // CRC64NVME is of the whole object, whatever the parts were.
    let again = put(&region, "same", whole.clone()).await;
    assert_eq!(output.checksum_crc64_nvme, again.checksum_crc64_nvme);

    let across = GetObjectInput { range: Some("bytes=5242870-10485770".into()), ..getting("k") };
    assert_eq!(get(&region, across).await.unwrap(), whole.slice(5_242_870..10_485_771));
    let part = GetObjectInput { part_number: Some(3), ..getting("k") };
    let part = region.call::<GetObject>(part).await.unwrap();
    assert_eq!((part.parts_count, content(&part).await), (Some(3), whole.slice(10 * MIB..)));
    let none = region.refused::<GetObject>(GetObjectInput { part_number: Some(4), ..getting("k") }).await;
    assert_eq!((none.code.as_ref(), none.status), ("InvalidPartNumber", 416));
}

#[tokio::test]
async fn what_cannot_be_completed() {
    let region = region().await;
    let id = begin(&region, "k", None).await;
    let one = upload(&region, "k", &id, 1, pattern(100)).await;
    let two = upload(&region, "k", &id, 2, pattern(100)).await;
    let code = async |parts: Vec<CompletedPart>| {
        region.refused::<CompleteMultipartUpload>(completing("k", &id, parts)).await.code.into_owned()
    };
    assert_eq!(code(vec![]).await, "MalformedXML");
    assert_eq!(code(vec![two.clone(), one.clone()]).await, "InvalidPartOrder");
    assert_eq!(code(vec![one.clone(), two.clone()]).await, "EntityTooSmall");
    let wrong = CompletedPart { e_tag: Some("\"00\"".into()), ..one.clone() };
    assert_eq!(code(vec![wrong]).await, "InvalidPart");
    let absent = CompletedPart { part_number: Some(3), ..one.clone() };
    assert_eq!(code(vec![absent]).await, "InvalidPart");
    let below = CompletedPart { part_number: Some(0), ..one.clone() };
    assert_eq!(code(vec![below]).await, "InvalidArgument");
    // Answers of AWS in versitygw's issue 1398 and in what their test CompleteMultipartUpload_mpu_object_size expects.
    for (announced, told) in [
        ("size", "Value for x-amz-mp-object-size header is invalid: 'size'"),
        ("-1", "Value for x-amz-mp-object-size header is less than zero: '-1'"),
        ("7", "The provided 'x-amz-mp-object-size' header value 7 does not match what was computed: 100"),
    ] {
        let input = completing("k", &id, vec![one.clone()]);
        let input = CompleteMultipartUploadInput { mpu_object_size: Some(announced.into()), ..input };
        let refused = region.refused::<CompleteMultipartUpload>(input).await;
        assert_eq!((refused.code.as_ref(), refused.message.as_str()), ("InvalidRequest", told));
    }
    let bad = region.refused::<UploadPart>(uploading("k", &id, 10_001, pattern(1))).await;
    assert_eq!(bad.code, "InvalidArgument");
    let missing = region.refused::<UploadPart>(uploading("other", &id, 1, pattern(1))).await;
    assert_eq!((missing.code.as_ref(), missing.status), ("NoSuchUpload", 404));
}

#[tokio::test]
async fn composite_checksums() {
    let region = region().await;
    let id = begin(&region, "k", Some(ChecksumAlgorithm::Sha256)).await;
    let one = upload(&region, "k", &id, 1, pattern(5 * MIB)).await;
    let two = upload(&region, "k", &id, 2, pattern(10)).await;
    assert!(one.checksum_sha256.is_some());
    let mut missing = two.clone();
    missing.checksum_sha256 = None;
    let refused =
        region.refused::<CompleteMultipartUpload>(completing("k", &id, vec![one.clone(), missing])).await;
    assert_eq!(refused.code, "InvalidRequest");
    let mismatch =
        UploadPartInput { checksum_crc32: Some("y/Q5Jg==".into()), ..uploading("k", &id, 3, pattern(1)) };
    assert_eq!(region.refused::<UploadPart>(mismatch).await.code, "InvalidRequest");
    let done = region.call::<CompleteMultipartUpload>(completing("k", &id, vec![one, two])).await.unwrap();
    assert!(done.checksum_sha256.unwrap().ends_with("-2"));
    assert_eq!(done.checksum_type, Some(ChecksumType::Composite));
    let attributes = GetObjectAttributesInput {
        bucket: "bkt".into(),
        key: "k".into(),
        object_attributes: Some(vec![ObjectAttributes::ObjectParts, ObjectAttributes::ObjectSize]),
        ..Default::default()
    };
    let attributes = region.call::<GetObjectAttributes>(attributes).await.unwrap();
    assert_eq!(attributes.object_size, Some(5 * MIB as i64 + 10));
    assert_eq!(attributes.object_parts.unwrap().parts.unwrap().len(), 2);
}

#[tokio::test]
async fn parts_can_be_copied() {
    let region = region().await;
    let whole = pattern(6 * MIB);
    put(&region, "source", whole.clone()).await;
    let id = begin(&region, "k", None).await;
    let copying = |number, range: Option<&str>| UploadPartCopyInput {
        bucket: "bkt".into(),
        key: "k".into(),
        upload_id: id.clone(),
        part_number: number,
        copy_source: "bkt/source".into(),
        copy_source_range: range.map(String::from),
        ..Default::default()
    };
    // Of two customers' keys the source's is looked at first (test_both_invalid_algo_unique_values of
    // dyus/meeseeks-s3, recorded on AWS in 2026).
    let some = |text: &str| Some(text.to_owned());
    let keys = UploadPartCopyInput {
        sse_customer_algorithm: some("DEST-ALG"),
        sse_customer_key: some("YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE="),
        sse_customer_key_md5: some("Xsqb0+sHwAbNQ65I395/0w=="),
        copy_source_sse_customer_algorithm: some("SRC-ALG"),
        copy_source_sse_customer_key: some("YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE="),
        copy_source_sse_customer_key_md5: some("Xsqb0+sHwAbNQ65I395/0w=="),
        ..copying(9, None)
    };
    let refused = region.refused::<UploadPartCopy>(keys).await;
    assert_eq!(refused.code, "InvalidEncryptionAlgorithmError");
    assert!(refused.fields.iter().any(|(_, value)| value == "SRC-ALG"), "{refused:?}");
    let copy = async |number, range| {
        let result =
            region.call::<UploadPartCopy>(copying(number, range)).await.unwrap().copy_part_result.unwrap();
        CompletedPart { e_tag: result.e_tag, part_number: Some(number), ..Default::default() }
    };
    let parts = vec![copy(1, None).await, copy(2, Some("bytes=5-9")).await];
    region.call::<CompleteMultipartUpload>(completing("k", &id, parts)).await.unwrap();
    let expected: Bytes = [whole.clone(), whole.slice(5..10)].concat().into();
    assert_eq!(get(&region, getting("k")).await.unwrap(), expected);
    let beyond = copying(3, Some("bytes=0-99999999"));
    assert_eq!(region.refused::<UploadPartCopy>(beyond).await.code, "NoSuchUpload");
}

#[tokio::test]
async fn uploads_are_listed_and_given_up() {
    let region = region().await;
    let first = begin(&region, "a/1", None).await;
    let second = begin(&region, "a/1", None).await;
    begin(&region, "b", None).await;
    let listing =
        || ListMultipartUploadsInput { bucket: "bkt".into(), max_uploads: Some(1), ..Default::default() };
    let (mut ids, mut input) = (Vec::new(), listing());
    loop {
        let page = region.call::<ListMultipartUploads>(input).await.unwrap();
        ids.extend(page.uploads.unwrap().into_iter().map(|upload| upload.upload_id.unwrap()));
        if page.is_truncated != Some(true) {
            break;
        }
        input = listing();
        (input.key_marker, input.upload_id_marker) = (page.next_key_marker, page.next_upload_id_marker);
    }
    assert_eq!((ids.len(), &ids[0], &ids[1]), (3, &first, &second));
    let folders = ListMultipartUploadsInput { delimiter: Some("/".into()), max_uploads: None, ..listing() };
    let folders = region.call::<ListMultipartUploads>(folders).await.unwrap();
    assert_eq!(folders.common_prefixes.unwrap()[0].prefix.as_deref(), Some("a/"));

    upload(&region, "a/1", &first, 1, pattern(100_000)).await;
    let abort = || AbortMultipartUploadInput {
        bucket: "bkt".into(),
        key: "a/1".into(),
        upload_id: first.clone(),
        ..Default::default()
    };
    region.call::<AbortMultipartUpload>(abort()).await.unwrap();
    assert_eq!(region.refused::<AbortMultipartUpload>(abort()).await.code, "NoSuchUpload");
    // Uploads do not keep a bucket from going.
    let bucket = DeleteBucketInput { bucket: "bkt".into(), ..Default::default() };
    region.call::<DeleteBucket>(bucket).await.unwrap();
}

#[tokio::test]
async fn a_completed_upload_is_known_for_a_while() {
    let region = region().await;
    let id = begin(&region, "k", None).await;
    let part = upload(&region, "k", &id, 1, pattern(100)).await;
    region.call::<CompleteMultipartUpload>(completing("k", &id, vec![part])).await.unwrap();
    let (bucket, key) = ("bkt".to_owned(), "k".to_owned());
    let gone = DeleteObjectInput { bucket: bucket.clone(), key: key.clone(), ..Default::default() };
    region.call::<DeleteObject>(gone).await.unwrap();
    let abort = AbortMultipartUploadInput { bucket, key, upload_id: id, ..Default::default() };
    region.call::<AbortMultipartUpload>(abort.clone()).await.expect("its object is deleted, nothing is left");
    let other = AbortMultipartUploadInput { key: "other".into(), ..abort.clone() };
    assert_eq!(region.refused::<AbortMultipartUpload>(other).await.code, "NoSuchUpload");
    region.advance(std::time::Duration::from_secs(3_601)).await;
    assert_eq!(region.refused::<AbortMultipartUpload>(abort).await.code, "NoSuchUpload");
}

/// API Reference, Initiator: an account's canonical user id, a user's ARN; in directory buckets an account's number.
#[tokio::test]
async fn initiators_are_accounts_or_users() {
    let region = region().await;
    begin(&region, "by-account", None).await;
    let user = "arn:aws:iam::000000000000:user/team/ann";
    let principal = Principal {
        kind: PrincipalKind::User,
        arn: user.parse().unwrap(),
        policy_arn: user.parse().unwrap(),
        ..Principal::root(AccountId::DEFAULT)
    };
    let input =
        CreateMultipartUploadInput { bucket: "bkt".into(), key: "by-user".into(), ..Default::default() };
    let caller = Caller::Principal(Arc::new(principal));
    region.call_as::<CreateMultipartUpload>(caller, input).await.unwrap();
    let input = ListMultipartUploadsInput { bucket: "bkt".into(), ..Default::default() };
    let uploads = region.call::<ListMultipartUploads>(input).await.unwrap().uploads.unwrap();
    let told: Vec<_> = uploads.iter().map(|upload| upload.initiator.clone().unwrap()).collect();
    let owner = uploads[0].owner.clone().unwrap();
    assert_eq!((told[0].id.clone(), told[0].display_name.as_deref()), (owner.id, Some("000000000000")));
    assert_eq!((told[1].id.as_deref(), told[1].display_name.as_deref()), (Some(user), Some("ann")));
    let parts = ListPartsInput {
        bucket: "bkt".into(),
        key: "by-user".into(),
        upload_id: uploads[1].upload_id.clone().unwrap(),
        ..Default::default()
    };
    let parts = region.call::<ListParts>(parts).await.unwrap();
    assert_eq!(parts.initiator.unwrap().id.as_deref(), Some(user));
}
