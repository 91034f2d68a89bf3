//! Directory buckets: what they are made of, what they refuse, appends and renames.
//! Sources: S3 User Guide, "Differences for directory buckets", "Appending data to objects in directory buckets",
//! "Renaming objects in directory buckets"; API Reference of each operation, notes on directory buckets.

use crate::{content, create, pattern};
use bytes::Bytes;
use model_s3::operations::*;
use model_s3::*;
use names::Timestamp;
use schema::{ApiError, Body};
use service::checksum::Algorithm;
use std::collections::BTreeMap;
use testkit::{IamMode, Region, Setup};

pub const BUCKET: &str = "logs--use1-az4--x-s3";
const ARN: &str = "arn:aws:s3express:us-east-1:000000000000:bucket/logs--use1-az4--x-s3";

fn creating(bucket: &str, zone: &str) -> CreateBucketInput {
    let location = LocationInfo { type_: Some(LocationType::AvailabilityZone), name: Some(zone.to_owned()) };
    let kind = BucketInfo {
        data_redundancy: Some(DataRedundancy::SingleAvailabilityZone),
        type_: Some(BucketType::Directory),
    };
    let configuration =
        CreateBucketConfiguration { location: Some(location), bucket: Some(kind), ..Default::default() };
    CreateBucketInput {
        bucket: bucket.into(),
        create_bucket_configuration: Some(configuration),
        ..Default::default()
    }
}

pub async fn region() -> Region {
    judging(IamMode::Warn).await
}

async fn judging(iam: IamMode) -> Region {
    let region = Setup { iam, ..Setup::of(vec![s3::service()]) }.start().await;
    let made = region.call::<CreateBucket>(creating(BUCKET, "use1-az4")).await.unwrap();
    assert_eq!(made.bucket_arn.as_deref(), Some(ARN));
    region
}

pub fn putting(key: &str, content: impl Into<Bytes>) -> PutObjectInput {
    let body = Some(Body::from(content.into()));
    PutObjectInput { bucket: BUCKET.into(), key: key.into(), body, ..Default::default() }
}

pub fn appending(key: &str, offset: usize, content: impl Into<Bytes>) -> PutObjectInput {
    PutObjectInput { write_offset_bytes: Some(offset as i64), ..putting(key, content) }
}

pub fn getting(key: &str) -> GetObjectInput {
    GetObjectInput { bucket: BUCKET.into(), key: key.into(), ..Default::default() }
}

pub fn renaming(from: &str, to: &str) -> RenameObjectInput {
    RenameObjectInput {
        bucket: BUCKET.into(),
        key: to.into(),
        rename_source: from.into(),
        ..Default::default()
    }
}

async fn get(region: &Region, key: &str) -> Result<Bytes, ApiError> {
    let output = region.call::<GetObject>(getting(key)).await?;
    Ok(content(&output).await)
}

async fn code<M: schema::OperationModel>(region: &Region, input: M::Input) -> (String, u16) {
    let refused = region.refused::<M>(input).await;
    (refused.code.into_owned(), refused.status)
}

fn refused(code: &str, status: u16) -> (String, u16) {
    (code.to_owned(), status)
}

#[tokio::test]
async fn they_are_made_in_a_zone() {
    let region = region().await;
    let head = HeadBucketInput { bucket: BUCKET.into(), ..Default::default() };
    let head = region.call::<HeadBucket>(head).await.unwrap();
    assert_eq!(
        (head.bucket_location_type, head.bucket_location_name.as_deref(), head.access_point_alias),
        (Some(LocationType::AvailabilityZone), Some("use1-az4"), Some(false))
    );
    assert_eq!(head.bucket_arn.as_deref(), Some(ARN));
    let mut constrained = creating("b--use1-az4--x-s3", "use1-az4");
    constrained.create_bucket_configuration.as_mut().unwrap().location_constraint = Some("us-west-2".into());
    let mut doubled = creating("b--use1-az4--x-s3", "use1-az4");
    let bucket = doubled.create_bucket_configuration.as_mut().unwrap().bucket.as_mut().unwrap();
    bucket.data_redundancy = Some(DataRedundancy::SingleLocalZone);
    let plain = CreateBucketInput { bucket: "b--use1-az4--x-s3".into(), ..Default::default() };
    let listed = CreateBucketInput {
        acl: Some(BucketCannedACL::Private),
        ..creating("b--use1-az4--x-s3", "use1-az4")
    };
    for (input, expected) in [
        (creating(BUCKET, "use1-az4"), refused("BucketAlreadyOwnedByYou", 409)),
        (creating("general", "use1-az4"), refused("InvalidBucketName", 400)),
        (creating("b--use1-az4--x-s3", "use1-az5"), refused("InvalidBucketName", 400)),
        (creating("b.c--use1-az4--x-s3", "use1-az4"), refused("InvalidBucketName", 400)),
        (plain, refused("MalformedXML", 400)),
        (constrained, refused("MalformedXML", 400)),
        (doubled, refused("MalformedXML", 400)),
        (listed, refused("NotImplemented", 501)),
    ] {
        assert_eq!(code::<CreateBucket>(&region, input.clone()).await, expected, "{input:?}");
    }
}

#[tokio::test]
async fn they_are_listed_apart() {
    let region = region().await;
    create(&region, "general").await;
    for zone in ["use1-az5", "use1-az6"] {
        region.call::<CreateBucket>(creating(&format!("logs--{zone}--x-s3"), zone)).await.unwrap();
    }
    let general = region.call::<ListBuckets>(ListBucketsInput::default()).await.unwrap().buckets.unwrap();
    let general: Vec<_> = general.into_iter().filter_map(|bucket| bucket.name).collect();
    assert_eq!(general, ["general"]);
    let (mut names, mut token) = (Vec::new(), None);
    loop {
        let input = ListDirectoryBucketsInput { continuation_token: token, max_directory_buckets: Some(2) };
        let page = region.call::<ListDirectoryBuckets>(input).await.unwrap();
        let buckets = page.buckets.unwrap();
        assert!(buckets.len() <= 2 && !buckets.is_empty());
        names.extend(buckets.into_iter().filter_map(|bucket| bucket.name));
        token = page.continuation_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(names, [BUCKET, "logs--use1-az5--x-s3", "logs--use1-az6--x-s3"]);
}

#[tokio::test]
async fn what_other_buckets_have_they_refuse() {
    for mode in [IamMode::Warn, IamMode::Off] {
        refuse_what_others_have(&judging(mode).await).await;
    }
}

async fn refuse_what_others_have(region: &Region) {
    let bucket = || BUCKET.to_owned();
    let not_allowed = refused("MethodNotAllowed", 405);
    let versioning = PutBucketVersioningInput { bucket: bucket(), ..Default::default() };
    assert_eq!(code::<PutBucketVersioning>(region, versioning).await, not_allowed);
    let listing = ListObjectsInput { bucket: bucket(), ..Default::default() };
    assert_eq!(code::<ListObjects>(region, listing).await, not_allowed);
    let location = GetBucketLocationInput { bucket: bucket(), ..Default::default() };
    assert_eq!(code::<GetBucketLocation>(region, location).await, not_allowed);
    region.call::<PutObject>(putting("k", "x")).await.unwrap();
    let tags = GetObjectTaggingInput { bucket: bucket(), key: "k".into(), ..Default::default() };
    assert_eq!(code::<GetObjectTagging>(region, tags).await, not_allowed);
    let retention = GetObjectRetentionInput { bucket: bucket(), key: "k".into(), ..Default::default() };
    assert_eq!(code::<GetObjectRetention>(region, retention).await, not_allowed);
    let block = GetPublicAccessBlockInput { bucket: bucket(), ..Default::default() };
    assert_eq!(code::<GetPublicAccessBlock>(region, block).await, not_allowed);
    let absent = refused("NotImplemented", 501);
    for (input, expected) in [
        (PutObjectInput { acl: Some(ObjectCannedACL::Private), ..putting("k", "x") }, absent.clone()),
        (PutObjectInput { tagging: Some("a=b".into()), ..putting("k", "x") }, absent.clone()),
        (
            PutObjectInput { website_redirect_location: Some("/a".into()), ..putting("k", "x") },
            absent.clone(),
        ),
        (
            PutObjectInput { storage_class: Some(StorageClass::Standard), ..putting("k", "x") },
            refused("InvalidStorageClass", 400),
        ),
        // apache/iceberg, pull request 11021.
        (
            PutObjectInput { content_md5: Some("nk7Dv0/ECUDwR/Cwri4DIw==".into()), ..putting("k", "x") },
            refused("InvalidRequest", 400),
        ),
    ] {
        assert_eq!(code::<PutObject>(region, input.clone()).await, expected, "{input:?}");
    }
    create(region, "general").await;
    let append = PutObjectInput { bucket: "general".into(), ..appending("k", 0, "x") };
    assert_eq!(code::<PutObject>(region, append).await, absent);
    let rename = RenameObjectInput { bucket: "general".into(), ..renaming("k", "l") };
    assert_eq!(code::<RenameObject>(region, rename).await, not_allowed);
}

#[tokio::test]
async fn objects_have_one_class_and_a_tag_that_tells_nothing() {
    let region = region().await;
    let first = region.call::<PutObject>(putting("k", "same")).await.unwrap().e_tag.unwrap();
    let second = region.call::<PutObject>(putting("k", "same")).await.unwrap().e_tag.unwrap();
    assert_ne!(first, second);
    let found = region.call::<GetObject>(getting("k")).await.unwrap();
    assert_eq!(
        (found.e_tag.as_ref(), found.storage_class.clone()),
        (Some(&second), Some(StorageClass::from("EXPRESS_ONEZONE")))
    );
    let named = GetObjectInput { version_id: Some("null".into()), ..getting("k") };
    assert!(region.call::<GetObject>(named).await.is_ok() && found.version_id.is_none());
    // A copy elsewhere has the tag and class of an object there, and back again.
    create(&region, "general").await;
    region.call::<PutObject>(putting("large", pattern(40_000))).await.unwrap();
    let copying = |bucket: &str, source: String| CopyObjectInput {
        bucket: bucket.into(),
        key: "copy".into(),
        copy_source: source,
        ..Default::default()
    };
    region.call::<CopyObject>(copying("general", format!("{BUCKET}/large"))).await.unwrap();
    let copy = GetObjectInput { bucket: "general".into(), key: "copy".into(), ..Default::default() };
    let copy = region.call::<GetObject>(copy).await.unwrap();
    let md5: String = Algorithm::Md5.of(&pattern(40_000)).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((copy.e_tag, copy.storage_class), (Some(format!("\"{md5}\"")), None));
    let back = region.call::<CopyObject>(copying(BUCKET, "general/copy".into())).await.unwrap();
    assert_ne!(back.copy_object_result.unwrap().e_tag, Some(format!("\"{md5}\"")));
    assert_eq!(get(&region, "copy").await.unwrap(), pattern(40_000));
    // API Reference, CopyObject: a source with tags is answered with 501.
    let tagged =
        PutObjectInput { bucket: "general".into(), tagging: Some("a=b".into()), ..putting("t", "x") };
    region.call::<PutObject>(tagged).await.unwrap();
    assert_eq!(
        code::<CopyObject>(&region, copying(BUCKET, "general/t".into())).await,
        refused("NotImplemented", 501)
    );
}

/// API Reference, ListObjectsV2: prefixes end in the delimiter, which is `/`; folders of uploads that are going on
/// are listed. The message of the first: awslabs/aws-s3-transfer-manager-rs, pull request 112.
#[tokio::test]
async fn listings_go_by_folders() {
    let region = region().await;
    for key in ["a/1", "b", "c/d/1"] {
        region.call::<PutObject>(putting(key, "x")).await.unwrap();
    }
    let listing = || ListObjectsV2Input { bucket: BUCKET.into(), ..Default::default() };
    let within = ListObjectsV2Input { prefix: Some("a".into()), ..listing() };
    let told = region.refused::<ListObjectsV2>(within).await;
    assert_eq!(told.code, "InvalidRequest");
    assert!(
        told.message.starts_with("This bucket does not support a prefix that does not end in a delimiter.")
    );
    for other in [
        ListObjectsV2Input { delimiter: Some("a".into()), ..listing() },
        ListObjectsV2Input { start_after: Some("a/1".into()), ..listing() },
    ] {
        assert_eq!(code::<ListObjectsV2>(&region, other).await, refused("InvalidRequest", 400));
    }
    for key in ["bb/1", "c/2/3", "top"] {
        let input =
            CreateMultipartUploadInput { bucket: BUCKET.into(), key: key.into(), ..Default::default() };
        region.call::<CreateMultipartUpload>(input).await.unwrap();
    }
    let mut lines = Vec::new();
    let mut token = None;
    loop {
        let input = ListObjectsV2Input {
            delimiter: Some("/".into()),
            max_keys: Some(2),
            continuation_token: token,
            ..listing()
        };
        let page = region.call::<ListObjectsV2>(input).await.unwrap();
        assert_eq!(
            page.key_count.unwrap() as usize,
            page.contents.iter().flatten().count() + page.common_prefixes.iter().flatten().count()
        );
        lines.extend(page.contents.into_iter().flatten().filter_map(|object| object.key));
        lines.extend(page.common_prefixes.into_iter().flatten().filter_map(|common| common.prefix));
        token = page.next_continuation_token;
        if token.is_none() {
            break;
        }
    }
    lines.sort();
    assert_eq!(lines, ["a/", "b", "bb/", "c/"]);
    let below = ListObjectsV2Input { delimiter: Some("/".into()), prefix: Some("c/".into()), ..listing() };
    let below = region.call::<ListObjectsV2>(below).await.unwrap().common_prefixes.unwrap();
    let below: Vec<_> = below.into_iter().filter_map(|common| common.prefix).collect();
    assert_eq!(below, ["c/2/", "c/d/"]);
}

#[tokio::test]
async fn appends_go_on_where_an_object_ends() {
    let region = region().await;
    let whole = pattern(100_000);
    // The first is a row, the second a file, the third a row again.
    let ends = [0, 10, 50_000, 50_007, 100_000];
    let mut tags = Vec::new();
    for pair in ends.windows(2) {
        let input = appending("k", pair[0], whole.slice(pair[0]..pair[1]));
        let output = region.call::<PutObject>(input).await.unwrap();
        assert_eq!(output.size, Some(pair[1] as i64));
        assert_eq!(get(&region, "k").await.unwrap(), whole.slice(..pair[1]));
        tags.push(output.e_tag.unwrap());
    }
    tags.dedup();
    assert_eq!(tags.len(), 4);
    let checked = GetObjectInput {
        range: Some("bytes=5-50003".into()),
        checksum_mode: Some(ChecksumMode::Enabled),
        ..getting("k")
    };
    let part = region.call::<GetObject>(checked).await.unwrap();
    assert_eq!(content(&part).await, whole.slice(5..50_004));
    let head = HeadObjectInput {
        bucket: BUCKET.into(),
        key: "k".into(),
        checksum_mode: Some(ChecksumMode::Enabled),
        ..Default::default()
    };
    let head = region.call::<HeadObject>(head).await.unwrap();
    let sum = base64(&Algorithm::Crc64Nvme.of(&whole));
    assert_eq!((head.checksum_crc64_nvme, head.content_length), (Some(sum), Some(100_000)));

    let elsewhere = refused("InvalidWriteOffset", 400);
    for offset in [0, 99_999, 100_001] {
        assert_eq!(code::<PutObject>(&region, appending("k", offset, "x")).await, elsewhere);
    }
    assert_eq!(code::<PutObject>(&region, appending("none", 1, "x")).await, elsewhere);
    let invalid = refused("InvalidRequest", 400);
    assert_eq!(code::<PutObject>(&region, appending("k", 100_000, "")).await, invalid);
    let described = PutObjectInput {
        metadata: Some(BTreeMap::from([("a".to_owned(), "b".to_owned())])),
        ..appending("k", 100_000, "x")
    };
    assert_eq!(code::<PutObject>(&region, described).await, invalid);
    let summed = PutObjectInput {
        checksum_algorithm: Some(ChecksumAlgorithm::from("SHA256")),
        ..appending("k", 100_000, "x")
    };
    let told = region.refused::<PutObject>(summed).await.message;
    assert_eq!(
        told,
        "Checksum Type mismatch occurred, expected checksum Type: crc64nvme, actual checksum Type: sha256."
    );
    let wrong = PutObjectInput {
        checksum_crc64_nvme: Some(base64(&Algorithm::Crc64Nvme.of(b"y"))),
        ..appending("k", 100_000, "x")
    };
    assert_eq!(code::<PutObject>(&region, wrong).await, refused("BadDigest", 400));
    let other = PutObjectInput { if_match: Some("\"x\"".into()), ..appending("k", 100_000, "x") };
    assert_eq!(code::<PutObject>(&region, other).await, refused("PreconditionFailed", 412));
    assert_eq!(get(&region, "k").await.unwrap(), whole);
}

pub fn base64(bytes: &[u8]) -> String {
    use ::base64::Engine;
    ::base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// What cannot be joined is a checksum of those of the parts.
#[tokio::test]
async fn checksums_of_appended_objects() {
    let region = region().await;
    let named = |name: &str, input| PutObjectInput {
        checksum_algorithm: Some(ChecksumAlgorithm::from(name)),
        ..input
    };
    region.call::<PutObject>(named("SHA256", putting("s", "first"))).await.unwrap();
    let output = region.call::<PutObject>(named("SHA256", appending("s", 5, "second"))).await.unwrap();
    let parts = [Algorithm::Sha256.of(b"first"), Algorithm::Sha256.of(b"second")].concat();
    let expected = format!("{}-2", base64(&Algorithm::Sha256.of(&parts)));
    assert_eq!(
        (output.checksum_sha256, output.checksum_type),
        (Some(expected), Some(ChecksumType::Composite))
    );
    region.call::<PutObject>(named("CRC32", putting("c", "first"))).await.unwrap();
    let output = region.call::<PutObject>(named("CRC32", appending("c", 5, "second"))).await.unwrap();
    let expected = base64(&Algorithm::Crc32.of(b"firstsecond"));
    assert_eq!(
        (output.checksum_crc32, output.checksum_type),
        (Some(expected), Some(ChecksumType::FullObject))
    );
}

/// User Guide: uploaded parts count among the ten thousand; CopyObject begins anew. API Reference,
/// CompleteMultipartUpload: consecutive numbers.
#[tokio::test]
async fn parts_and_appends_are_counted_together() {
    let region = region().await;
    let begin = CreateMultipartUploadInput { bucket: BUCKET.into(), key: "k".into(), ..Default::default() };
    let id = region.call::<CreateMultipartUpload>(begin).await.unwrap().upload_id.unwrap();
    let mut parts = Vec::new();
    for number in [1, 3] {
        let input = UploadPartInput {
            bucket: BUCKET.into(),
            key: "k".into(),
            upload_id: id.clone(),
            part_number: number,
            body: Some(Body::from(pattern(5 * 1024 * 1024))),
            ..Default::default()
        };
        let e_tag = region.call::<UploadPart>(input).await.unwrap().e_tag;
        parts.push(CompletedPart { e_tag, part_number: Some(number), ..Default::default() });
    }
    let completing = |parts: &[CompletedPart]| CompleteMultipartUploadInput {
        bucket: BUCKET.into(),
        key: "k".into(),
        upload_id: id.clone(),
        multipart_upload: Some(CompletedMultipartUpload { parts: Some(parts.to_vec()) }),
        ..Default::default()
    };
    assert_eq!(
        code::<CompleteMultipartUpload>(&region, completing(&parts)).await,
        refused("InvalidPartOrder", 400)
    );
    let busy = DeleteBucketInput { bucket: BUCKET.into(), ..Default::default() };
    assert_eq!(code::<DeleteBucket>(&region, busy).await, refused("BucketNotEmpty", 409));
    region.call::<CompleteMultipartUpload>(completing(&parts[..1])).await.unwrap();
    let size = 5 * 1024 * 1024;
    region.call::<PutObject>(appending("k", size, "tail")).await.unwrap();
    let second = GetObjectInput { part_number: Some(2), ..getting("k") };
    let second = region.call::<GetObject>(second).await.unwrap();
    assert_eq!((second.parts_count, content(&second).await), (Some(2), Bytes::from("tail")));
    let copy = CopyObjectInput {
        bucket: BUCKET.into(),
        key: "copy".into(),
        copy_source: format!("{BUCKET}/k"),
        ..Default::default()
    };
    region.call::<CopyObject>(copy).await.unwrap();
    let first = GetObjectInput { part_number: Some(2), ..getting("copy") };
    assert_eq!(code::<GetObject>(&region, first).await, refused("InvalidPartNumber", 416));
}

#[tokio::test]
async fn renames_move_all_that_is_known() {
    let region = region().await;
    let described = PutObjectInput {
        content_type: Some("text/plain".into()),
        metadata: Some(BTreeMap::from([("a".to_owned(), "b".to_owned())])),
        ..putting("old", pattern(40_000))
    };
    region.call::<PutObject>(described).await.unwrap();
    region.call::<PutObject>(putting("there", "before")).await.unwrap();
    let before = region.call::<GetObject>(getting("old")).await.unwrap();
    region.advance(std::time::Duration::from_secs(60)).await;
    let source = format!("/{BUCKET}/old");
    region.call::<RenameObject>(renaming(&source, "there")).await.unwrap();
    let after = region.call::<GetObject>(getting("there")).await.unwrap();
    assert_eq!(
        (after.e_tag.clone(), after.last_modified, after.content_type.as_deref(), after.metadata.clone()),
        (before.e_tag, before.last_modified, Some("text/plain"), before.metadata)
    );
    assert_eq!(content(&after).await, pattern(40_000));
    assert_eq!(code::<GetObject>(&region, getting("old")).await, refused("NoSuchKey", 404));
    // An object that was made of appends, and is appended to again.
    region.call::<PutObject>(appending("there", 40_000, "more")).await.unwrap();
    region.call::<RenameObject>(renaming("there", "dir/a b+é")).await.unwrap();
    region.call::<PutObject>(appending("dir/a b+é", 40_004, "!")).await.unwrap();
    region.call::<RenameObject>(renaming("dir/a%20b+%C3%A9", "last")).await.unwrap();
    assert_eq!(get(&region, "last").await.unwrap(), [&pattern(40_000)[..], b"more!"].concat());
    for (input, expected) in [
        (renaming("none", "k"), refused("NoSuchKey", 404)),
        (renaming("last", "last"), refused("InvalidRequest", 400)),
        (renaming("last", "dir/"), refused("InvalidRequest", 400)),
        (renaming("%ff", "k"), refused("InvalidArgument", 400)),
    ] {
        assert_eq!(code::<RenameObject>(&region, input.clone()).await, expected, "{input:?}");
    }
}

#[tokio::test]
async fn renames_on_condition() {
    let region = region().await;
    let tag = region.call::<PutObject>(putting("a", "a")).await.unwrap().e_tag;
    let other = region.call::<PutObject>(putting("b", "b")).await.unwrap().e_tag;
    let since =
        Some(Timestamp(region.call::<GetObject>(getting("a")).await.unwrap().last_modified.unwrap().0));
    let wrong = || Some("\"0\"".to_owned());
    let plain = || renaming("a", "b");
    for broken in [
        RenameObjectInput { destination_if_none_match: Some("*".into()), ..plain() },
        RenameObjectInput { destination_if_match: wrong(), ..plain() },
        RenameObjectInput { destination_if_modified_since: since, ..plain() },
        RenameObjectInput { destination_if_match: wrong(), ..renaming("a", "absent") },
        RenameObjectInput { source_if_match: wrong(), ..plain() },
        RenameObjectInput { source_if_none_match: tag.clone(), ..plain() },
        RenameObjectInput { source_if_none_match: Some("*".into()), ..plain() },
        RenameObjectInput { source_if_modified_since: since, ..plain() },
        RenameObjectInput { source_if_unmodified_since: Some(Timestamp(1000)), ..plain() },
    ] {
        let expected = refused("PreconditionFailed", 412);
        assert_eq!(code::<RenameObject>(&region, broken.clone()).await, expected, "{broken:?}");
    }
    let holding = RenameObjectInput {
        destination_if_match: other,
        source_if_match: tag,
        source_if_unmodified_since: since,
        client_token: Some("once".into()),
        ..plain()
    };
    region.call::<RenameObject>(holding.clone()).await.unwrap();
    // API Reference: the same token with the same parameters does nothing further, with others it is an error.
    region.call::<PutObject>(putting("a", "again")).await.unwrap();
    region.call::<RenameObject>(holding.clone()).await.unwrap();
    assert_eq!(get(&region, "b").await.unwrap(), "a");
    let changed = RenameObjectInput { key: "c".into(), ..holding };
    assert_eq!(code::<RenameObject>(&region, changed).await, refused("IdempotencyParameterMismatch", 400));
}

/// API Reference, DeleteObject and AbortMultipartUpload: conditions of directory buckets, which hold of what is not
/// there.
#[tokio::test]
async fn deletes_on_condition() {
    let region = region().await;
    region.call::<PutObject>(putting("k", "four")).await.unwrap();
    let deleting = |key: &str, size| DeleteObjectInput {
        bucket: BUCKET.into(),
        key: key.into(),
        if_match_size: Some(size),
        ..Default::default()
    };
    let broken = refused("PreconditionFailed", 412);
    assert_eq!(code::<DeleteObject>(&region, deleting("k", 5)).await, broken);
    let early = DeleteObjectInput { if_match_last_modified_time: Some(Timestamp(1000)), ..deleting("k", 4) };
    assert_eq!(code::<DeleteObject>(&region, early).await, broken);
    region.call::<DeleteObject>(deleting("none", 5)).await.unwrap();
    region.call::<DeleteObject>(deleting("k", 4)).await.unwrap();
    assert_eq!(code::<GetObject>(&region, getting("k")).await, refused("NoSuchKey", 404));
    let begin = CreateMultipartUploadInput { bucket: BUCKET.into(), key: "k".into(), ..Default::default() };
    let upload_id = region.call::<CreateMultipartUpload>(begin).await.unwrap().upload_id.unwrap();
    let aborting = |at| AbortMultipartUploadInput {
        bucket: BUCKET.into(),
        key: "k".into(),
        upload_id: upload_id.clone(),
        if_match_initiated_time: Some(at),
        ..Default::default()
    };
    let listing = ListMultipartUploadsInput { bucket: BUCKET.into(), ..Default::default() };
    let listed = region.call::<ListMultipartUploads>(listing).await.unwrap().uploads.unwrap();
    let begun = listed[0].initiated.unwrap();
    assert_eq!(code::<AbortMultipartUpload>(&region, aborting(Timestamp(1000))).await, broken);
    region.call::<AbortMultipartUpload>(aborting(begun)).await.unwrap();
    region.call::<AbortMultipartUpload>(aborting(begun)).await.unwrap();
}
