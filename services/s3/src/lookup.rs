//! Finding what a request names: the bucket, the version of a key.

use crate::errors::S3Error;
use crate::rules::headers::is_archived;
use crate::rules::multipart::is_sealed;
use crate::rules::names;
use crate::state::access_points;
use crate::state::buckets::{self, Bucket};
use crate::state::uploads::{self, Upload};
use crate::state::{ObjectRecord, Version, objects};
use ::names::{AccountId, Timestamp};
use store::Read;

/// The bucket of a name, which must be of the owner that the request expects.
///
/// # Errors
/// `NoSuchBucket`, or `AccessDenied` where it has another owner.
pub fn bucket(read: &impl Read, name: &str, expected_owner: Option<&str>) -> Result<Bucket, S3Error> {
    if let Some(given) = expected_owner.filter(|given| given.parse::<AccountId>().is_err()) {
        return Err(S3Error::InvalidExpectedOwner { given: given.to_owned() });
    }
    let bucket = buckets::find(read, name)?.ok_or_else(|| S3Error::no_bucket(name))?;
    match expected_owner {
        Some(owner) if owner != bucket.owner.to_string() => Err(S3Error::AccessDenied),
        _ => Ok(bucket),
    }
}

/// The bucket of a name, or behind the access point that the name stands for.
///
/// # Errors
/// As [`bucket`].
pub fn reached(read: &impl Read, name: &str, expected_owner: Option<&str>) -> Result<Bucket, S3Error> {
    match access_points::in_place_of(read, name)? {
        Some(point) => bucket(read, &point.record.bucket, expected_owner),
        None => bucket(read, name, expected_owner),
    }
}

/// Refuses a key that no object can have.
///
/// # Errors
/// `KeyTooLongError`.
pub fn check_key(key: &str) -> Result<(), S3Error> {
    if names::is_key(key) { Ok(()) } else { Err(S3Error::KeyTooLong { size: key.len() }) }
}

/// What a version that is not there is told as: an id that nobody gave out is no argument.
pub fn absent_version(key: &str, id: &str) -> S3Error {
    if id == "null" || is_sealed(id) {
        return S3Error::NoSuchVersion { key: key.to_owned(), version_id: id.to_owned() };
    }
    S3Error::NoVersionId { name: "versionId", id: id.to_owned() }
}

/// A version of a key that is an object: the named one, or the newest.
#[derive(Debug, Clone)]
pub struct Found {
    /// The version, its object taken out of it.
    pub version: Version,
    /// Its object.
    pub object: Box<ObjectRecord>,
}

/// The object of a key, of a version or the newest. `method` names the request in the error that a
/// delete marker is.
///
/// # Errors
/// Where there is none.
pub fn object(
    read: &impl Read,
    bucket: &Bucket,
    (key, version_id): (&str, Option<&str>),
    method: &'static str,
) -> Result<Found, S3Error> {
    check_key(key)?;
    let mut found = match version_id {
        None => objects::newest(read, bucket, key)?.ok_or_else(|| S3Error::no_key(key))?,
        Some(id) => objects::by_id(read, bucket, key, id)?.ok_or_else(|| absent_version(key, id))?,
    };
    match (found.object.take(), version_id) {
        (Some(object), _) => Ok(Found { object, version: found }),
        (None, None) => Err(S3Error::Marked {
            key: key.to_owned(),
            version_id: found.shown_id().to_owned(),
            modified: found.modified,
        }),
        (None, Some(id)) => {
            Err(S3Error::IsMarker { method, version_id: id.to_owned(), modified: found.modified })
        }
    }
}

/// The object of a key whose tags or lists are asked for: a marker is told as one, whether it is named or the
/// newest version.
///
/// # Errors
/// Where there is none.
pub fn described_object(
    read: &impl Read,
    bucket: &Bucket,
    named: (&str, Option<&str>),
    method: &'static str,
) -> Result<Found, S3Error> {
    object(read, bucket, named, method).map_err(|error| match error {
        S3Error::Marked { version_id, modified, .. } => S3Error::IsMarker { method, version_id, modified },
        error => error,
    })
}

/// Whether an object is archived and not restored for now.
pub fn is_out_of_reach(object: &ObjectRecord, now: Timestamp) -> bool {
    let restored = object.restored_until().is_some_and(|until| until > now);
    is_archived(&object.description.storage_class) && !restored
}

/// An upload that is going on.
///
/// # Errors
/// `NoSuchUpload`.
pub fn upload(read: &impl Read, bucket: &Bucket, key: &str, id: &str) -> Result<Upload, S3Error> {
    uploads::find(read, bucket, key, id)?.ok_or_else(|| S3Error::NoSuchUpload { upload_id: id.to_owned() })
}
