//! Making a new version of a key: the last step of PutObject, CopyObject and CompleteMultipartUpload.

use crate::errors::S3Error;
use crate::notify::{self, Origin};
use crate::replicate;
use crate::rules::conditions::check_write;
use crate::rules::multipart::opaque_id;
use crate::rules::notifications::Happening;
use crate::state::buckets::Bucket;
use crate::state::{Content, ObjectRecord, Version, Versioning, objects, whole_seconds};
use bytes::Bytes;
use store::{BlobRef, Tx};

/// What a write is on the condition of.
#[derive(Debug, Clone, Default)]
pub struct WriteConditions {
    /// `If-Match`
    pub matches: Option<String>,
    /// `If-None-Match`
    pub none_match: Option<String>,
}

/// A version about to be made.
#[derive(Debug, Clone)]
pub struct NewVersion {
    /// The object, its content still to be placed where `small` is given.
    pub object: ObjectRecord,
    /// Content that goes into a row.
    pub small: Option<Bytes>,
    /// What makes its id no guess.
    pub random: [u8; 16],
}

/// Where the bytes of a body go, and those of them that go into a row.
pub fn placed(body: &BlobRef) -> (Content, Option<Bytes>) {
    match body {
        BlobRef::Inline(bytes) => (Content::Row, Some(bytes.clone())),
        BlobRef::File { .. } => (Content::Blob(body.clone()), None),
    }
}

/// The id of a version that is made now; `None` where the bucket keeps none.
pub fn fresh_id(bucket: &Bucket, number: u64, random: [u8; 16]) -> Option<String> {
    (bucket.record.versioning == Versioning::Enabled).then(|| opaque_id(number, random))
}

/// Holds a write's conditions against what is there.
///
/// # Errors
/// Where they do not hold.
pub fn check(tx: &Tx, bucket: &Bucket, key: &str, conditions: &WriteConditions) -> Result<(), S3Error> {
    if conditions.matches.is_none() && conditions.none_match.is_none() {
        return Ok(());
    }
    let newest = objects::newest(tx, bucket, key)?;
    let present = newest.as_ref().and_then(|version| version.object.as_deref());
    let (matches, none_match) = (conditions.matches.as_deref(), conditions.none_match.as_deref());
    check_write(matches, none_match, present.map(|object| object.etag.as_str()))
        .map_err(|fault| S3Error::refused_write(fault, key))
}

/// Makes a version the newest of its key and tells who listens.
///
/// # Errors
/// The store's.
pub fn commit(
    tx: &mut Tx,
    origin: &Origin,
    bucket: &Bucket,
    key: &str,
    new: &NewVersion,
    happening: Happening,
) -> Result<Version, S3Error> {
    let number = tx.fresh_incarnation()?.0;
    let mut version = Version {
        number,
        id: fresh_id(bucket, number, new.random),
        modified: whole_seconds(origin.at),
        object: Some(Box::new(new.object.clone())),
    };
    if let Some(bytes) = &new.small {
        objects::put_body(tx, bucket, number, bytes)?;
    }
    replicate::begin(tx, origin, bucket, key, &mut version)?;
    let version = objects::put(tx, bucket, key, version)?;
    notify::tell(tx, origin, bucket, happening, key, &version)?;
    Ok(version)
}
