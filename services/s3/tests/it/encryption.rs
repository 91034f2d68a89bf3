//! Customers' keys: what is written with one is read with that one only. And keys of KMS, which can be changed.

use crate::{content, getting, pattern, put, putting, region};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use md5::{Digest, Md5};
use model_s3::operations::*;
use model_s3::*;
use schema::Body;
use testkit::ReplyBody;

struct Key {
    key: Option<String>,
    md5: Option<String>,
}

fn key(byte: u8) -> Key {
    let bytes = [byte; 32];
    Key { key: Some(STANDARD.encode(bytes)), md5: Some(STANDARD.encode(Md5::digest(bytes))) }
}

fn algorithm() -> Option<String> {
    Some("AES256".to_owned())
}

fn reading(name: &str, Key { key, md5 }: Key) -> GetObjectInput {
    GetObjectInput {
        sse_customer_algorithm: algorithm(),
        sse_customer_key: key,
        sse_customer_key_md5: md5,
        ..getting(name)
    }
}

fn describing(name: &str, Key { key, md5 }: Key) -> GetObjectAttributesInput {
    GetObjectAttributesInput {
        bucket: "bkt".into(),
        key: name.into(),
        object_attributes: Some(vec![ObjectAttributes::ObjectSize]),
        sse_customer_algorithm: algorithm(),
        sse_customer_key: key,
        sse_customer_key_md5: md5,
        ..Default::default()
    }
}

#[tokio::test]
async fn only_the_key_reads_it() {
    let region = region().await;
    for size in [10, 100_000, 3_000_000] {
        let Key { key: secret, md5 } = key(1);
        let input = PutObjectInput {
            sse_customer_algorithm: algorithm(),
            sse_customer_key: secret,
            sse_customer_key_md5: md5.clone(),
            ..putting("k", pattern(size))
        };
        let output = region.call::<PutObject>(input).await.unwrap();
        assert_eq!((output.sse_customer_key_md5, output.server_side_encryption), (md5, None));
        let read = region.call::<GetObject>(reading("k", key(1))).await.unwrap();
        assert_eq!(content(&read).await, pattern(size));
        let ranged = GetObjectInput { range: Some("bytes=3-7".into()), ..reading("k", key(1)) };
        let ranged = region.call::<GetObject>(ranged).await.unwrap();
        assert_eq!(content(&ranged).await, pattern(size).slice(3..8));
        assert_eq!(region.refused::<GetObject>(getting("k")).await.code, "InvalidRequest");
        assert_eq!(region.refused::<GetObject>(reading("k", key(2))).await.code, "AccessDenied");
        let seen = region.call::<GetObjectAttributes>(describing("k", key(1))).await.unwrap();
        assert_eq!(seen.object_size, Some(size as i64));
        let keyless = describing("k", Key { key: None, md5: None });
        let keyless = GetObjectAttributesInput { sse_customer_algorithm: None, ..keyless };
        assert_eq!(region.refused::<GetObjectAttributes>(keyless).await.code, "InvalidRequest");
    }
    put(&region, "plain", "x").await;
    assert_eq!(region.refused::<GetObject>(reading("plain", key(1))).await.code, "InvalidRequest");

    let Key { key: secret, md5 } = key(1);
    let copy = CopyObjectInput {
        bucket: "bkt".into(),
        key: "copy".into(),
        copy_source: "bkt/k".into(),
        copy_source_sse_customer_algorithm: algorithm(),
        copy_source_sse_customer_key: secret,
        copy_source_sse_customer_key_md5: md5,
        ..Default::default()
    };
    region.call::<CopyObject>(copy).await.unwrap();
    let copied = region.call::<GetObject>(getting("copy")).await.unwrap();
    assert_eq!(content(&copied).await, pattern(3_000_000));
}

#[tokio::test]
async fn parts_need_the_key_of_their_upload() {
    let region = region().await;
    let Key { key: secret, md5 } = key(5);
    let begin = CreateMultipartUploadInput {
        bucket: "bkt".into(),
        key: "k".into(),
        sse_customer_algorithm: algorithm(),
        sse_customer_key: secret.clone(),
        sse_customer_key_md5: md5.clone(),
        ..Default::default()
    };
    let id = region.call::<CreateMultipartUpload>(begin).await.unwrap().upload_id.unwrap();
    let part = || UploadPartInput {
        bucket: "bkt".into(),
        key: "k".into(),
        upload_id: id.clone(),
        part_number: 1,
        body: Some(Body::from(pattern(70_000))),
        ..Default::default()
    };
    assert_eq!(region.refused::<UploadPart>(part()).await.code, "InvalidRequest");
    let given = UploadPartInput {
        sse_customer_algorithm: algorithm(),
        sse_customer_key: secret,
        sse_customer_key_md5: md5,
        ..part()
    };
    let e_tag = region.call::<UploadPart>(given).await.unwrap().e_tag;
    let parts = vec![CompletedPart { e_tag, part_number: Some(1), ..Default::default() }];
    let complete = CompleteMultipartUploadInput {
        bucket: "bkt".into(),
        key: "k".into(),
        upload_id: id,
        multipart_upload: Some(CompletedMultipartUpload { parts: Some(parts) }),
        ..Default::default()
    };
    let completed = region.call::<CompleteMultipartUpload>(complete).await.unwrap();
    // Nobody asked for a checksum (recorded of AWS by LocalStack's test_multipart_upload_sse_c).
    assert_eq!((completed.checksum_crc64_nvme, completed.checksum_type), (None, None));
    let read = region.call::<GetObject>(reading("k", key(5))).await.unwrap();
    assert_eq!(content(&read).await, pattern(70_000));
}

/// API Reference, UpdateObjectEncryption: to SSE-KMS and between keys; all else of the object stays. Messages: its "Errors".
#[tokio::test]
async fn an_object_changes_its_key() {
    let region = region().await;
    put(&region, "k", "content").await;
    let before = region.call::<GetObject>(getting("k")).await.unwrap();
    let updating = |key: &str, kms_key_arn: &str| UpdateObjectEncryptionInput {
        bucket: "bkt".into(),
        key: key.into(),
        object_encryption: ObjectEncryption::SSEKMS(SSEKMSEncryption {
            kms_key_arn: kms_key_arn.into(),
            bucket_key_enabled: Some(true),
        }),
        ..Default::default()
    };
    let arn = "arn:aws:kms:us-east-1:000000000000:key/0d9d4a8e-0000-4000-8000-000000000000";
    region.advance(std::time::Duration::from_secs(60)).await;
    region.call::<UpdateObjectEncryption>(updating("k", arn)).await.unwrap();
    let after = region.call::<GetObject>(getting("k")).await.unwrap();
    assert_eq!(
        (after.server_side_encryption.clone(), after.ssekms_key_id.as_deref(), after.bucket_key_enabled),
        (Some(ServerSideEncryption::AwsKms), Some(arn), Some(true))
    );
    assert_eq!((after.e_tag.clone(), after.last_modified), (before.e_tag, before.last_modified));
    assert_eq!(content(&after).await, "content");
    let elsewhere = arn.replace("000000000000:key", "111122223333:key");
    for (key, arn, code, message) in [
        ("none", arn, "NoSuchKey", "The specified key does not exist."),
        (
            "k",
            "alias/a",
            "InvalidRequest",
            "Requests that modify an object's encryption type to SSE-KMS require a valid",
        ),
        (
            "k",
            "",
            "InvalidRequest",
            "Requests that modify an object's encryption type to SSE-KMS require an Amazon",
        ),
        (
            "k",
            &elsewhere,
            "AccessDenied",
            "The Amazon Web Services KMS key in the request must be owned by the same",
        ),
    ] {
        let refused = region.refused::<UpdateObjectEncryption>(updating(key, arn)).await;
        assert_eq!(refused.code, code, "{key} {arn}");
        assert!(refused.message.starts_with(message), "{}", refused.message);
    }
}

/// User Guide, "Specifying server-side encryption with Amazon S3 managed keys": such headers in a GET or HEAD are answered
/// with 400. The text is AWS's answer in ClickHouse's issue 64570, to a completion.
#[tokio::test]
async fn reads_and_parts_do_not_say_how_to_encrypt() {
    let region = region().await;
    put(&region, "k", "x").await;
    let asked = [("x-amz-server-side-encryption", "AES256")];
    let created = region.http("POST", "/bkt/l?uploads", &asked, Bytes::new()).await;
    assert_eq!(created.status, 200);
    assert_eq!(created.headers["x-amz-server-side-encryption"], "AES256");
    for (method, path) in [
        ("GET", "/bkt/k"),
        ("HEAD", "/bkt/k"),
        ("PUT", "/bkt/l?partNumber=1&uploadId=u"),
        ("POST", "/bkt/l?uploadId=u"),
    ] {
        let answer = region.http(method, path, &asked, Bytes::new()).await;
        let ReplyBody::Bytes(body) = &answer.body else { panic!("a stream") };
        let body = String::from_utf8_lossy(body);
        assert_eq!(answer.status, 400, "{method} {path}: {body}");
        let told =
            "<Message>x-amz-server-side-encryption header is not supported for this operation.</Message>";
        assert!(method == "HEAD" || body.contains(told), "{body}");
    }
}
