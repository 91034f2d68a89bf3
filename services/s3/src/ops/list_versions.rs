//! ListObjectVersions: all versions of keys and their delete markers, those of one key newest first.

use super::list_objects::{encoder, page_limit, prefixes};
use crate::errors::S3Error;
use crate::lookup;
use crate::rules::listing::{self, Query};
use crate::rules::multipart::number_of;
use crate::state::buckets::Bucket;
use crate::state::{ObjectRecord, Version, objects};
use crate::views;
use model_s3 as api;
use service::Ctx;
use std::sync::Arc;
use store::{Fault, Read, Snapshot};

/// A version, and whether it is the newest of its key.
type Row = (Version, bool);

type Rows<'r> = Box<dyn Iterator<Item = Result<(String, Row), Fault>> + 'r>;

/// All versions of keys from a place on.
fn rows<'r>(read: &'r Snapshot, bucket: &'r Bucket, prefix: &str, from: listing::From<'_>) -> Rows<'r> {
    Box::new(objects::scan(read, bucket, prefix, from).flat_map(move |row| -> Rows<'r> {
        let (key, newest) = match row {
            Ok(row) => row,
            Err(fault) => return Box::new(std::iter::once(Err(fault))),
        };
        let older = objects::older(read, bucket, &key, None).map(|row| row.map(|version| (version, false)));
        let versions = std::iter::once(Ok((newest, true))).chain(older);
        Box::new(versions.map(move |row| row.map(|row| (key.clone(), row))))
    }))
}

/// The number of the version that a page begins behind. It may be gone: whoever empties a bucket removes a page before
/// the next is asked for. Of a version `null` that is gone the number is not known; what is left of its key follows.
fn marked(read: &impl Read, bucket: &Bucket, key: &str, id: &str) -> Result<u64, S3Error> {
    let found = objects::by_id(read, bucket, key, id)?.map(|version| version.number);
    let gone = || if id == "null" { Some(u64::MAX) } else { number_of(id) };
    found.or_else(gone).ok_or_else(|| S3Error::InvalidArgument {
        message: "Invalid version id specified",
        name: "version-id-marker",
        value: id.to_owned(),
    })
}

/// ListObjectVersions.
pub async fn list_versions(
    ctx: Ctx,
    input: Arc<api::ListObjectVersionsInput>,
) -> Result<api::ListObjectVersionsOutput, S3Error> {
    let limit = page_limit(input.max_keys, "max-keys")?;
    let encode = encoder(input.encoding_type.as_ref())?;
    let read = ctx.read();
    let bucket = lookup::reached(&read, &input.bucket, input.expected_bucket_owner.as_deref())?;
    let delimiter = input.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty());
    let after = input.key_marker.as_deref().unwrap_or("");
    let version_marker = input.version_id_marker.as_deref();
    let behind = match version_marker {
        // An answer of AWS in gofakes3's s3_test.go.
        Some("") => {
            return Err(S3Error::InvalidArgument {
                message: "A version-id marker cannot be empty.",
                name: "version-id-marker",
                value: String::new(),
            });
        }
        Some(_) if after.is_empty() => {
            return Err(S3Error::InvalidArgument {
                message: "A version-id marker cannot be specified without a key marker.",
                name: "version-id-marker",
                value: version_marker.unwrap_or("").to_owned(),
            });
        }
        Some(id) => Some(marked(&read, &bucket, after, id)?),
        None => None,
    };
    let prefix = input.prefix.as_deref().unwrap_or("");
    let query = Query { prefix, delimiter, after, within_after: behind.is_some(), limit };
    let open = |from: listing::From<'_>| rows(&read, &bucket, prefix, from);
    let wanted = |key: &str, row: &Row| key != after || behind.is_none_or(|behind| row.0.number < behind);
    let page = listing::page(query, open, wanted)?;
    let next = page.last.as_deref().filter(|_| page.truncated);
    let next_version = page.rows.last().filter(|(key, _)| Some(key.as_str()) == next);
    let next_version_id_marker = next_version.map(|(_, row)| row.0.shown_id().to_owned());
    let (mut versions, mut markers) = (Vec::new(), Vec::new());
    for (key, (version, newest)) in &page.rows {
        let key = encode(key);
        match &version.object {
            Some(object) => versions.push(shown(key, version, object, *newest, &bucket)),
            None => markers.push(api::DeleteMarkerEntry {
                owner: Some(views::owner(bucket.owner)),
                key: Some(key),
                version_id: Some(version.shown_id().to_owned()),
                is_latest: Some(*newest),
                last_modified: Some(version.modified),
            }),
        }
    }
    Ok(api::ListObjectVersionsOutput {
        is_truncated: Some(page.truncated),
        key_marker: Some(encode(after)),
        version_id_marker: Some(version_marker.unwrap_or("").to_owned()),
        next_key_marker: next.map(encode),
        next_version_id_marker,
        versions: Some(versions),
        delete_markers: Some(markers),
        name: Some(input.bucket.clone()),
        prefix: Some(encode(prefix)),
        delimiter: delimiter.map(encode),
        max_keys: i32::try_from(limit).ok(),
        common_prefixes: prefixes(&page.prefixes, encode),
        encoding_type: input.encoding_type.clone(),
        request_charged: None,
    })
}

fn shown(
    key: String,
    version: &Version,
    object: &ObjectRecord,
    newest: bool,
    bucket: &Bucket,
) -> api::ObjectVersion {
    let checksum = object.checksum.as_ref();
    let algorithm = checksum.map(|checksum| vec![api::ChecksumAlgorithm::from(checksum.algorithm.name())]);
    api::ObjectVersion {
        e_tag: Some(views::quoted(&object.etag)),
        checksum_algorithm: algorithm,
        checksum_type: checksum.map(|checksum| match checksum.composite {
            Some(_) => api::ChecksumType::Composite,
            None => api::ChecksumType::FullObject,
        }),
        size: Some(views::signed(object.size)),
        storage_class: Some(api::ObjectVersionStorageClass::from(object.description.storage_class.as_str())),
        key: Some(key),
        version_id: Some(version.shown_id().to_owned()),
        is_latest: Some(newest),
        last_modified: Some(version.modified),
        owner: Some(views::owner_of(object.writer(), bucket)),
        restore_status: None,
    }
}
