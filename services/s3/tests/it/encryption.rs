//! Customers' keys: what is written with one is read with that one only.

use crate::{content, getting, pattern, put, putting, region};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use model_s3::operations::*;
use model_s3::*;
use schema::Body;

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
