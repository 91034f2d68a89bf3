//! What directory buckets do otherwise with objects: one storage class, tags that tell nothing, and no lists, locks,
//! object tags or keys of customers. Listings go by whole folders, and show those of uploads that are going on.
//! S3 User Guide, "Differences for directory buckets".

use crate::describe::Wishes;
use crate::errors::S3Error;
use crate::rules::directory_buckets::{Fault, Place};
use crate::rules::listing::{self, From, Page, Query};
use crate::sessions::Session;
use crate::state::buckets::Bucket;
use crate::state::{Encryption, uploads};
use model_s3 as api;
use names::Tags;
use service::Ctx;
use std::collections::{BTreeMap, BTreeSet};
use store::Read;

/// The storage class of a new object.
///
/// # Errors
/// Where the request asks for something that these buckets do not have.
pub fn storage_class<'a>(wishes: &Wishes<'a>, place: Place) -> Result<&'a str, S3Error> {
    let absent = [
        ("x-amz-acl", wishes.acl.canned.is_some()),
        ("x-amz-grant-full-control", wishes.acl.headers.iter().any(Option::is_some)),
        ("x-amz-tagging", wishes.tagging.is_some_and(|tags| !tags.is_empty())),
        ("x-amz-object-lock-mode", wishes.locks()),
        ("x-amz-website-redirect-location", wishes.website_redirect.is_some()),
        ("x-amz-server-side-encryption-customer-algorithm", wishes.customer != (None, None, None)),
        ("x-amz-server-side-encryption", wishes.encryption == Some("aws:kms:dsse")),
    ];
    if let Some((header, _)) = absent.into_iter().find(|(_, asked)| *asked) {
        return Err(S3Error::NotImplemented { header });
    }
    match wishes.storage_class {
        Some(other) if other != place.storage_class() => {
            Err(S3Error::InvalidStorageClass { given: other.to_owned() })
        }
        _ => Ok(place.storage_class()),
    }
}

/// How new objects are encrypted that say nothing of it: as the session says, or as in all of the bucket.
pub fn default_encryption(bucket: &Bucket, ctx: &Ctx) -> Encryption {
    let session = ctx.lent().and_then(Session::of).filter(|session| session.bucket == bucket.name);
    session.and_then(|session| session.encryption).unwrap_or_else(|| bucket.record.encryption())
}

/// What becomes the entity tag of content: its MD5, and in a directory bucket random bytes.
pub fn tag(ctx: &Ctx, bucket: &Bucket, md5: [u8; 16]) -> [u8; 16] {
    if bucket.is_directory() { ctx.host().entropy.bytes() } else { md5 }
}

/// `Content-MD5`, which directory buckets do not take.
///
/// # Errors
/// Where it is there nonetheless.
pub fn content_md5<'a>(bucket: &Bucket, header: Option<&'a str>) -> Result<Option<&'a str>, S3Error> {
    match header {
        Some(_) if bucket.is_directory() => Err(S3Error::InDirectory(Fault::ContentMd5)),
        header => Ok(header),
    }
}

/// Objects with tags are not copied here (API Reference, CopyObject, `x-amz-tagging-directive`).
///
/// # Errors
/// `NotImplemented`.
pub fn check_tags(tags: &Tags) -> Result<(), S3Error> {
    match tags.iter().next() {
        Some(_) => Err(S3Error::NotImplemented { header: "x-amz-tagging-directive" }),
        None => Ok(()),
    }
}

/// Whether the parts of an upload are numbered from one on without a gap (API Reference, CompleteMultipartUpload: of
/// directory buckets, consecutive part numbers).
pub fn is_gapless(numbers: &[u16]) -> bool {
    (1..).zip(numbers).all(|(place, number)| place == *number)
}

/// What rules may do in a directory bucket (API Reference, PutBucketLifecycleConfiguration).
///
/// # Errors
/// Where they do anything else.
pub fn check_lifecycle(rules: &[api::LifecycleRule]) -> Result<(), S3Error> {
    let other = |rule: &api::LifecycleRule| {
        let filter = rule.filter.as_ref();
        let tagged = filter.is_some_and(|filter| {
            filter.tag.is_some() || filter.and.as_ref().is_some_and(|and| and.tags.is_some())
        });
        let marker = rule.expiration.as_ref().and_then(|expiration| expiration.expired_object_delete_marker);
        rule.transitions.is_some()
            || rule.noncurrent_version_transitions.is_some()
            || rule.noncurrent_version_expiration.is_some()
            || marker == Some(true)
            || tagged
    };
    if rules.iter().any(other) { Err(S3Error::InDirectory(Fault::LifecycleRule)) } else { Ok(()) }
}

/// Holds a listing against what directory buckets list.
///
/// # Errors
/// Where it goes by other than whole folders.
pub fn check_listing(query: Query<'_>, start_after: bool) -> Result<(), S3Error> {
    let fault = match query.delimiter {
        _ if !query.prefix.is_empty() && !query.prefix.ends_with('/') => Fault::PrefixWithinName,
        Some(delimiter) if delimiter != "/" => Fault::OtherDelimiter,
        _ if start_after => Fault::StartAfter,
        _ => return Ok(()),
    };
    Err(S3Error::InDirectory(fault))
}

/// A page with the folders of uploads that are going on.
///
/// # Errors
/// The store's.
pub fn with_uploads<T>(
    read: &impl Read,
    bucket: &Bucket,
    query: Query<'_>,
    page: Page<T>,
) -> Result<Page<T>, S3Error> {
    if query.delimiter.is_none() {
        return Ok(page);
    }
    let open = |from: From<'_>| uploads::scan(read, bucket, query.prefix, from);
    let in_folder = |key: &str| listing::common_prefix(key, query.prefix, query.delimiter).is_some();
    let begun = listing::page(query, open, |key, _| in_folder(key))?;
    Ok(joined(page, begun.prefixes, begun.truncated, query.limit))
}

/// A page of objects and folders with further folders, both the first of their kind behind one place.
fn joined<T>(page: Page<T>, folders: Vec<String>, more_folders: bool, limit: usize) -> Page<T> {
    let folders: BTreeSet<String> = page.prefixes.into_iter().chain(folders).collect();
    let mut entries: BTreeMap<String, Option<T>> = folders.into_iter().map(|name| (name, None)).collect();
    entries.extend(page.rows.into_iter().map(|(key, row)| (key, Some(row))));
    let truncated = page.truncated || more_folders || entries.len() > limit;
    let mut joined = Page { rows: Vec::new(), prefixes: Vec::new(), truncated, last: None };
    for (name, row) in entries.into_iter().take(limit) {
        joined.last = Some(name.clone());
        match row {
            Some(row) => joined.rows.push((name, row)),
            None => joined.prefixes.push(name),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(rows: &[&str], prefixes: &[&str], truncated: bool) -> Page<u8> {
        let rows = rows.iter().map(|row| ((*row).to_owned(), 7)).collect();
        let prefixes = prefixes.iter().map(|prefix| (*prefix).to_owned()).collect();
        Page { rows, prefixes, truncated, last: None }
    }

    #[test]
    fn folders_of_uploads_join_a_page() {
        let folders = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let whole = joined(page(&["b"], &["a/", "c/"], false), folders(&["a/", "aa/", "d/"]), false, 10);
        assert_eq!(
            (whole.prefixes, whole.rows.len(), whole.truncated),
            (folders(&["a/", "aa/", "c/", "d/"]), 1, false)
        );
        assert_eq!(whole.last.as_deref(), Some("d/"));
        let cut = joined(page(&["b"], &["c/"], true), folders(&["aa/", "d/"]), false, 2);
        assert_eq!((cut.prefixes, cut.last.as_deref(), cut.truncated), (folders(&["aa/"]), Some("b"), true));
        let full = joined(page(&[], &[], false), folders(&["a/", "b/"]), true, 2);
        assert_eq!((full.prefixes, full.truncated), (folders(&["a/", "b/"]), true));
        assert_eq!(joined(page(&[], &[], false), vec![], false, 0).last, None);
    }

    #[test]
    fn parts_without_gaps() {
        assert!(is_gapless(&[]) && is_gapless(&[1, 2, 3]));
        assert!(!is_gapless(&[2]) && !is_gapless(&[1, 3]));
    }
}
