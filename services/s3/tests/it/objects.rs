//! Objects: content, ranges, conditions, checksums, copies, deletes.

use crate::{content, create, get, getting, pattern, put, putting, region};
use bytes::Bytes;
use futures_util::stream;
use model_s3::operations::*;
use model_s3::*;
use schema::{Body, BodyError};

fn heading(key: &str) -> HeadObjectInput {
    HeadObjectInput { bucket: "bkt".into(), key: key.into(), ..Default::default() }
}

fn copying(source: &str, key: &str) -> CopyObjectInput {
    CopyObjectInput {
        bucket: "bkt".into(),
        key: key.into(),
        copy_source: source.into(),
        ..Default::default()
    }
}

/// The inline bound and the block size of blobs are the edges of how content is kept.
#[tokio::test]
async fn content_of_any_size_comes_back() {
    let region = region().await;
    for size in [0, 1, 16 * 1024, 16 * 1024 + 1, 1024 * 1024, 3 * 1024 * 1024 + 7] {
        let bytes = pattern(size);
        let stored = put(&region, "k", bytes.clone()).await;
        assert!(stored.checksum_crc64_nvme.is_some(), "S3 adds CRC64NVME where nothing is given");
        let output = region.call::<GetObject>(getting("k")).await.unwrap();
        assert_eq!((output.content_length, output.e_tag.clone()), (Some(size as i64), stored.e_tag));
        assert_eq!(output.content_type.as_deref(), Some("binary/octet-stream"));
        assert_eq!(content(&output).await, bytes, "{size}");
    }
}

/// The value is what the algorithm of xxHash's specification gives for `123456789` and the seed 0.
#[tokio::test]
async fn a_checksum_by_xxhash() {
    let region = region().await;
    let with =
        |sum: &str| PutObjectInput { checksum_xxhash64: Some(sum.into()), ..putting("k", "123456789") };
    let refused = region.refused::<PutObject>(with("AAAAAAAAAAA=")).await;
    assert_eq!((refused.code.as_ref(), refused.status), ("BadDigest", 400));
    let stored = region.call::<PutObject>(with("jLhB20DmroM=")).await.unwrap();
    assert_eq!(stored.checksum_xxhash64.as_deref(), Some("jLhB20DmroM="));
    let input = GetObjectInput { checksum_mode: Some(ChecksumMode::Enabled), ..getting("k") };
    let read = region.call::<GetObject>(input).await.unwrap();
    assert_eq!(read.checksum_xxhash64.as_deref(), Some("jLhB20DmroM="));
    assert_eq!(read.checksum_type, Some(ChecksumType::FullObject));
    assert_eq!(content(&read).await, "123456789");
}

#[tokio::test]
async fn ranges_cross_blocks() {
    let region = region().await;
    let bytes = pattern(2 * 1024 * 1024 + 100);
    put(&region, "k", bytes.clone()).await;
    for (range, expected) in [
        ("bytes=0-0", 0..1),
        ("bytes=1048570-1048590", 1_048_570..1_048_591),
        ("bytes=-100", 2_097_152..2_097_252),
        ("bytes=2097251-", 2_097_251..2_097_252),
    ] {
        let output =
            region.call::<GetObject>(GetObjectInput { range: Some(range.into()), ..getting("k") }).await;
        let output = output.unwrap();
        let shown = format!("bytes {}-{}/{}", expected.start, expected.end - 1, bytes.len());
        assert_eq!(output.content_range, Some(shown));
        assert_eq!(content(&output).await, bytes.slice(expected), "{range}");
    }
    let beyond =
        region.refused::<GetObject>(GetObjectInput { range: Some("bytes=9999999-".into()), ..getting("k") });
    assert_eq!(beyond.await.status, 416);
}

#[tokio::test]
async fn what_was_said_of_an_object_is_answered() {
    let region = region().await;
    let input = PutObjectInput {
        content_type: Some("audio/wav".into()),
        cache_control: Some("no-store".into()),
        content_encoding: Some("gzip,aws-chunked".into()),
        metadata: Some([("bard".to_owned(), "Orpheus".to_owned())].into_iter().collect()),
        tagging: Some("a=1&b=2".into()),
        storage_class: Some(StorageClass::StandardIa),
        ..putting("k", "lute")
    };
    region.call::<PutObject>(input).await.unwrap();
    let head = region.call::<HeadObject>(heading("k")).await.unwrap();
    assert_eq!(head.content_type.as_deref(), Some("audio/wav"));
    assert_eq!(head.content_encoding.as_deref(), Some("gzip"));
    assert_eq!(head.metadata.unwrap()["bard"], "Orpheus");
    assert_eq!((head.tag_count, head.storage_class), (Some(2), Some(StorageClass::StandardIa)));
    assert_eq!((head.content_length, head.last_modified), (Some(4), Some(testkit::START)));
    let over = GetObjectInput { response_content_type: Some("text/plain".into()), ..getting("k") };
    assert_eq!(region.call::<GetObject>(over).await.unwrap().content_type.as_deref(), Some("text/plain"));

    let large = Some([("k".to_owned(), "v".repeat(2048))].into_iter().collect());
    let refused = region.refused::<PutObject>(PutObjectInput { metadata: large, ..putting("k", "") }).await;
    assert_eq!(refused.code, "MetadataTooLarge");
    let class = Some(StorageClass::Outposts);
    let refused =
        region.refused::<PutObject>(PutObjectInput { storage_class: class, ..putting("k", "") }).await;
    assert_eq!(refused.code, "InvalidStorageClass");
    let acl = Some(ObjectCannedACL::PublicRead);
    let refused = region.refused::<PutObject>(PutObjectInput { acl, ..putting("k", "") }).await;
    assert_eq!(refused.code, "AccessControlListNotSupported");
}

#[tokio::test]
async fn conditions_decide() {
    let region = region().await;
    let etag = put(&region, "k", "one").await.e_tag.unwrap();
    let unchanged = GetObjectInput { if_none_match: Some(etag.clone()), ..getting("k") };
    let unchanged = region.refused::<GetObject>(unchanged).await;
    assert_eq!(unchanged.status, 304);
    assert!(unchanged.headers.contains(&("etag", etag.clone())));
    let changed = GetObjectInput { if_match: Some("\"x\"".into()), ..getting("k") };
    assert_eq!(region.refused::<GetObject>(changed).await.status, 412);

    let create = |key: &str| PutObjectInput { if_none_match: Some("*".into()), ..putting(key, "two") };
    assert_eq!(region.refused::<PutObject>(create("k")).await.code, "PreconditionFailed");
    region.call::<PutObject>(create("new")).await.unwrap();
    let replace =
        |etag: &str, key: &str| PutObjectInput { if_match: Some(etag.into()), ..putting(key, "two") };
    assert_eq!(region.refused::<PutObject>(replace("\"x\"", "k")).await.status, 412);
    assert_eq!(region.refused::<PutObject>(replace(&etag, "absent")).await.code, "NoSuchKey");
    region.call::<PutObject>(replace(&etag, "k")).await.unwrap();
    assert_eq!(get(&region, getting("k")).await.unwrap(), "two");
}

/// CRC32 of `123456789`: y/Q5Jg==; its MD5: JfnnlDI7RTiF9RgfG2JNCw==.
#[tokio::test]
async fn checksums_are_verified_kept_and_answered() {
    let region = region().await;
    let input = PutObjectInput { checksum_crc32: Some("y/Q5Jg==".into()), ..putting("k", "123456789") };
    let stored = region.call::<PutObject>(input).await.unwrap();
    assert_eq!(stored.checksum_crc32.as_deref(), Some("y/Q5Jg=="));
    assert_eq!(stored.checksum_type, Some(ChecksumType::FullObject));
    let mode = Some(ChecksumMode::Enabled);
    let head =
        region.call::<HeadObject>(HeadObjectInput { checksum_mode: mode, ..heading("k") }).await.unwrap();
    assert_eq!(head.checksum_crc32.as_deref(), Some("y/Q5Jg=="));
    assert_eq!(region.call::<HeadObject>(heading("k")).await.unwrap().checksum_crc32, None);

    let wrong = PutObjectInput { checksum_crc32: Some("AAAAAA==".into()), ..putting("k", "123456789") };
    assert_eq!(region.refused::<PutObject>(wrong).await.code, "BadDigest");
    let md5 = |text: &str| PutObjectInput { content_md5: Some(text.into()), ..putting("k", "123456789") };
    region.call::<PutObject>(md5("JfnnlDI7RTiF9RgfG2JNCw==")).await.unwrap();
    assert_eq!(region.refused::<PutObject>(md5("AAAAAAAAAAAAAAAAAAAAAA==")).await.code, "BadDigest");
    assert_eq!(region.refused::<PutObject>(md5("no")).await.code, "InvalidDigest");
}

/// A body that is cut or refused on its way leaves what was there.
#[tokio::test]
async fn a_body_that_ends_badly_is_not_kept() {
    let region = region().await;
    put(&region, "k", "old").await;
    for (error, code) in [
        (BodyError::Incomplete, "IncompleteBody"),
        (
            BodyError::Rejected { code: "XAmzContentSHA256Mismatch", message: "no".into() },
            "XAmzContentSHA256Mismatch",
        ),
    ] {
        let chunks = stream::iter([Ok(Bytes::from(vec![7; 100_000])), Err(error)]);
        let body = Some(Body::stream(Some(200_000), chunks));
        let refused = region.refused::<PutObject>(PutObjectInput { body, ..putting("k", "") }).await;
        assert_eq!((refused.code.as_ref(), refused.status), (code, 400));
    }
    let short = Body::stream(Some(10), stream::iter([Ok(Bytes::from_static(b"short"))]));
    let refused = region.refused::<PutObject>(PutObjectInput { body: Some(short), ..putting("k", "") }).await;
    assert_eq!(refused.code, "IncompleteBody");
    assert_eq!(get(&region, getting("k")).await.unwrap(), "old");
}

#[tokio::test]
async fn copies() {
    let region = region().await;
    create(&region, "target").await;
    for size in [10, 100_000] {
        let metadata = Some([("a".to_owned(), "1".to_owned())].into_iter().collect());
        let input = PutObjectInput { metadata, ..putting("from é", pattern(size)) };
        let stored = region.call::<PutObject>(input).await.unwrap();
        let copy = CopyObjectInput { bucket: "target".into(), ..copying("bkt/from%20%C3%A9", "to") };
        let copied = region.call::<CopyObject>(copy).await.unwrap().copy_object_result.unwrap();
        assert_eq!(copied.e_tag, stored.e_tag);
        // The copy outlives what it was made of.
        let source = DeleteObjectInput { bucket: "bkt".into(), key: "from é".into(), ..Default::default() };
        region.call::<DeleteObject>(source).await.unwrap();
        region.settle().await;
        let output = region
            .call::<GetObject>(GetObjectInput { bucket: "target".into(), ..getting("to") })
            .await
            .unwrap();
        assert_eq!(output.metadata.as_ref().unwrap()["a"], "1");
        assert_eq!(content(&output).await, pattern(size));
    }
    put(&region, "self", "x").await;
    assert_eq!(region.refused::<CopyObject>(copying("bkt/self", "self")).await.code, "InvalidRequest");
    let replace = Some(MetadataDirective::Replace);
    let replace = CopyObjectInput {
        metadata_directive: replace,
        content_type: Some("a/b".into()),
        ..copying("/bkt/self", "self")
    };
    region.call::<CopyObject>(replace).await.unwrap();
    let head = region.call::<HeadObject>(heading("self")).await.unwrap();
    assert_eq!(head.content_type.as_deref(), Some("a/b"));
    assert_eq!(region.refused::<CopyObject>(copying("bkt/none", "x")).await.code, "NoSuchKey");
    assert_eq!(region.refused::<CopyObject>(copying("bkt", "x")).await.code, "InvalidArgument");
}

#[tokio::test]
async fn deletes_are_the_same_twice() {
    let region = region().await;
    put(&region, "a", "1").await;
    put(&region, "b", "2").await;
    let id = |key: &str| ObjectIdentifier { key: key.into(), ..Default::default() };
    let delete = Delete { objects: vec![id("a"), id("b"), id("none")], quiet: None };
    let input = DeleteObjectsInput { bucket: "bkt".into(), delete, ..Default::default() };
    let output = region.call::<DeleteObjects>(input).await.unwrap();
    assert_eq!((output.deleted.unwrap().len(), output.errors), (3, None));
    let missing = region.refused::<GetObject>(getting("a")).await;
    assert_eq!((missing.code.as_ref(), missing.status), ("NoSuchKey", 404));
    let one = DeleteObjectInput { bucket: "bkt".into(), key: "a".into(), ..Default::default() };
    region.call::<DeleteObject>(one).await.unwrap();
}

/// Names that would be paths elsewhere are only names here.
#[tokio::test]
async fn odd_keys() {
    let region = region().await;
    for key in [
        "..",
        "../../etc/passwd",
        "/",
        "//",
        "a//b",
        "é\u{1F3B5}",
        "\u{1}\u{7f}",
        " ",
        "a\0b",
        &"k".repeat(1024),
    ] {
        put(&region, key, key.as_bytes().to_vec()).await;
        assert_eq!(get(&region, getting(key)).await.unwrap(), key.as_bytes(), "{key:?}");
    }
    let long = region.refused::<PutObject>(putting(&"k".repeat(1025), "")).await;
    assert_eq!(long.code, "KeyTooLongError");
}

#[tokio::test]
async fn tags_of_objects() {
    let region = region().await;
    put(&region, "k", "v").await;
    let tag = |key: &str| Tag { key: key.into(), value: "v".into() };
    let tagging = |tags: Vec<Tag>| PutObjectTaggingInput {
        bucket: "bkt".into(),
        key: "k".into(),
        tagging: Tagging { tag_set: Some(tags) },
        ..Default::default()
    };
    region.call::<PutObjectTagging>(tagging(vec![tag("x")])).await.unwrap();
    let asking = || GetObjectTaggingInput { bucket: "bkt".into(), key: "k".into(), ..Default::default() };
    assert_eq!(region.call::<GetObjectTagging>(asking()).await.unwrap().tag_set, [tag("x")]);
    let many: Vec<Tag> = (0..11).map(|at| tag(&format!("t{at}"))).collect();
    assert_eq!(region.refused::<PutObjectTagging>(tagging(many)).await.code, "BadRequest");
    assert_eq!(
        region.refused::<PutObjectTagging>(tagging(vec![tag("x"), tag("x")])).await.code,
        "InvalidTag"
    );
    let gone = DeleteObjectTaggingInput { bucket: "bkt".into(), key: "k".into(), ..Default::default() };
    region.call::<DeleteObjectTagging>(gone).await.unwrap();
    assert_eq!(region.call::<GetObjectTagging>(asking()).await.unwrap().tag_set, []);
}
