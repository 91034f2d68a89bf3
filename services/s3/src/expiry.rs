//! What lifecycle rules say of an object or an upload in the headers of answers.

use crate::rules::lifecycle::{self, Subject};
use crate::rules::listing::url_encoded;
use crate::state::buckets::Bucket;
use crate::state::configurations::{self, Kind};
use crate::state::{ObjectRecord, Version, objects};
use model_s3 as api;
use names::Timestamp;
use store::{Fault, Read};

fn rules(read: &impl Read, bucket: &Bucket) -> Result<Vec<api::LifecycleRule>, Fault> {
    if !bucket.record.configured.lifecycle {
        return Ok(Vec::new());
    }
    let kept: Option<api::GetBucketLifecycleConfigurationOutput> =
        configurations::get(read, bucket, Kind::Lifecycle, "")?;
    Ok(kept.and_then(|kept| kept.rules).unwrap_or_default())
}

/// `x-amz-expiration`: when the newest version of a key goes, and by which rule.
///
/// # Errors
/// The store's.
pub fn of_version(
    read: &impl Read,
    bucket: &Bucket,
    key: &str,
    (version, object): (&Version, &ObjectRecord),
) -> Result<Option<String>, Fault> {
    let rules = rules(read, bucket)?;
    if rules.is_empty() {
        return Ok(None);
    }
    let newest = objects::newest(read, bucket, key)?.is_some_and(|newest| newest.number == version.number);
    let class = object.description.storage_class.as_str();
    let subject = Subject { key, tags: &object.tags, size: object.size, class };
    let due = lifecycle::expiry(&rules, subject, version.modified).filter(|_| newest);
    Ok(due
        .map(|(due, rule)| format!("expiry-date=\"{}\", rule-id=\"{}\"", due.http_date(), url_encoded(rule))))
}

/// When an upload is given up, and by which rule.
///
/// # Errors
/// The store's.
pub fn of_upload(
    read: &impl Read,
    bucket: &Bucket,
    key: &str,
    initiated: Timestamp,
) -> Result<Option<(Timestamp, String)>, Fault> {
    let rules = rules(read, bucket)?;
    Ok(lifecycle::abortion(&rules, key, initiated).map(|(due, rule)| (due, rule.to_owned())))
}
