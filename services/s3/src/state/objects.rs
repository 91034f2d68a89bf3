//! Versions of keys: the newest in one table, older ones in another, and what moves between them.
//!
//! Invariants: a key with older versions has a newest one; of the versions of a key at most one is
//! `null`; where that is among the older ones, the newest one's row says its number.

use super::buckets::Bucket;
use super::listed::Listed;
use super::{
    BODIES, Content, DOOMED, DoomedKind, DoomedRecord, Entry, LISTED, NONCURRENT, OBJECTS, ObjectRecord,
    Version,
};
use crate::rules::listing::From;
use crate::rules::multipart::number_of;
use bytes::Bytes;
use names::Scope;
use store::{Corrupt, Fault, Incarnation, Raw, Read, Span, Start, Tx};

/// About how many versions one commit removes.
const BATCH: usize = 100;

type NoncurrentKey = (Incarnation, String, u64);

fn older_key(bucket: &Bucket, key: &str, number: u64) -> NoncurrentKey {
    (bucket.incarnation(), key.to_owned(), u64::MAX - number)
}

fn entry(read: &impl Read, bucket: &Bucket, key: &str) -> Result<Option<Entry>, Fault> {
    read.get(&OBJECTS, &bucket.scope, &(bucket.incarnation(), key.to_owned()))
}

/// The newest version of a key, delete markers too.
///
/// # Errors
/// The store's.
pub fn newest(read: &impl Read, bucket: &Bucket, key: &str) -> Result<Option<Version>, Fault> {
    Ok(entry(read, bucket, key)?.map(|entry| entry.version))
}

/// A version of a key by its id.
///
/// # Errors
/// The store's.
pub fn by_id(read: &impl Read, bucket: &Bucket, key: &str, id: &str) -> Result<Option<Version>, Fault> {
    let Some(entry) = entry(read, bucket, key)? else { return Ok(None) };
    if entry.version.shown_id() == id {
        return Ok(Some(entry.version));
    }
    let number = if id == "null" { entry.older_null } else { number_of(id) };
    let Some(number) = number else { return Ok(None) };
    let found = read.get(&NONCURRENT, &bucket.scope, &older_key(bucket, key, number))?;
    Ok(found.filter(|version| version.shown_id() == id))
}

/// Whether a bucket holds nothing, delete markers and older versions included.
///
/// # Errors
/// The store's.
pub fn is_empty(read: &impl Read, bucket: &Bucket) -> Result<bool, Fault> {
    let mut rows = read.scan(&OBJECTS, &bucket.scope, Span::of(&bucket.incarnation()));
    rows.next().transpose().map(|row| row.is_none())
}

/// The newest versions of keys from a place on.
pub fn scan<'r, R: Read>(
    read: &'r R,
    bucket: &Bucket,
    prefix: &str,
    from: From<'_>,
) -> impl Iterator<Item = Result<(String, Version), Fault>> + use<'r, R> {
    let rows = read.scan(&OBJECTS, &bucket.scope, span(bucket, prefix, from));
    rows.map(|row| row.map(|((_, key), entry)| (key, entry.version)))
}

/// The newest versions of keys from a place on, of which only what listings show is read.
pub fn listed<'r, R: Read>(
    read: &'r R,
    bucket: &Bucket,
    prefix: &str,
    from: From<'_>,
) -> impl Iterator<Item = Result<(String, Listed), Fault>> + use<'r, R> {
    let rows = read.scan(&LISTED, &bucket.scope, span(bucket, prefix, from));
    rows.map(|row| row.map(|((_, key), listed)| (key, listed)))
}

fn span(bucket: &Bucket, prefix: &str, from: From<'_>) -> Span<(Incarnation, String)> {
    let incarnation = bucket.incarnation();
    let span = Span::starting(&incarnation, Start::Text(prefix));
    match from {
        From::Key(key) => span.from(&(incarnation, key.to_owned())),
        From::After(key) => span.after(&(incarnation, key.to_owned())),
        From::Past(common) => span.past(&incarnation, Start::Text(common)),
    }
}

/// The older versions of a key, newest first, all or those older than a number.
pub fn older<'r, R: Read>(
    read: &'r R,
    bucket: &Bucket,
    key: &str,
    than: Option<u64>,
) -> impl Iterator<Item = Result<Version, Fault>> + use<'r, R> {
    let mut span = Span::of(&(bucket.incarnation(), key.to_owned()));
    if let Some(number) = than {
        span = span.after(&older_key(bucket, key, number));
    }
    read.scan(&NONCURRENT, &bucket.scope, span).map(|row| row.map(|(_, version)| version))
}

/// The small body of a version.
///
/// # Errors
/// The store's.
pub fn body(read: &impl Read, bucket: &Bucket, number: u64) -> Result<Option<Bytes>, Fault> {
    Ok(read.get(&BODIES, &bucket.scope, &(bucket.incarnation(), number))?.map(|Raw(bytes)| bytes))
}

/// Writes the small body of a version.
///
/// # Errors
/// The store's.
pub fn put_body(tx: &mut Tx, bucket: &Bucket, number: u64, bytes: &Bytes) -> Result<(), Fault> {
    tx.put(&BODIES, &bucket.scope, &(bucket.incarnation(), number), &Raw(bytes.clone()))
}

/// Makes a version the newest of its key. A version `null` takes the place of the one before it; others
/// leave what there was as an older version. Gives the version back.
///
/// # Errors
/// The store's.
pub fn put(tx: &mut Tx, bucket: &Bucket, key: &str, version: Version) -> Result<Version, Fault> {
    if let Some(ObjectRecord { content: Content::Blob(blob), .. }) = version.object.as_deref() {
        tx.keep_blob(blob)?;
    }
    let older_null = match entry(tx, bucket, key)? {
        None => None,
        Some(Entry { version: old, .. }) if version.id.is_none() && old.id.is_none() => {
            give_up(tx, bucket, &old)?;
            None
        }
        Some(Entry { version: old, older_null }) if version.id.is_none() => {
            if let Some(number) = older_null
                && let Some(null) = tx.take(&NONCURRENT, &bucket.scope, &older_key(bucket, key, number))?
            {
                give_up(tx, bucket, &null)?;
            }
            demote(tx, bucket, key, &old)?;
            None
        }
        Some(Entry { version: old, older_null }) => {
            demote(tx, bucket, key, &old)?;
            if old.id.is_none() { Some(old.number) } else { older_null }
        }
    };
    let entry = Entry { version, older_null };
    put_entry(tx, bucket, key, &entry)?;
    Ok(entry.version)
}

/// Puts a version where its number belongs: versions of another bucket come with numbers of their own.
///
/// # Errors
/// The store's.
pub fn put_in_order(tx: &mut Tx, bucket: &Bucket, key: &str, version: Version) -> Result<(), Fault> {
    let newest = newest(tx, bucket, key)?;
    if newest.is_none_or(|newest| newest.number < version.number) {
        return put(tx, bucket, key, version).map(drop);
    }
    if let Some(ObjectRecord { content: Content::Blob(blob), .. }) = version.object.as_deref() {
        tx.keep_blob(blob)?;
    }
    demote(tx, bucket, key, &version)
}

fn put_entry(tx: &mut Tx, bucket: &Bucket, key: &str, entry: &Entry) -> Result<(), Fault> {
    tx.put(&OBJECTS, &bucket.scope, &(bucket.incarnation(), key.to_owned()), entry)
}

fn demote(tx: &mut Tx, bucket: &Bucket, key: &str, old: &Version) -> Result<(), Fault> {
    tx.put(&NONCURRENT, &bucket.scope, &older_key(bucket, key, old.number), old)
}

/// Writes a version over itself: its tags have changed.
///
/// # Errors
/// The store's.
pub fn rewrite(tx: &mut Tx, bucket: &Bucket, key: &str, version: Version) -> Result<(), Fault> {
    match entry(tx, bucket, key)? {
        Some(entry) if entry.version.number == version.number => {
            put_entry(tx, bucket, key, &Entry { version, ..entry })
        }
        _ => demote(tx, bucket, key, &version),
    }
}

/// Removes a version for good. Where it was the newest, the next older one becomes that.
///
/// # Errors
/// The store's.
pub fn remove(tx: &mut Tx, bucket: &Bucket, key: &str, version: &Version) -> Result<(), Fault> {
    give_up(tx, bucket, version)?;
    let Some(entry) = entry(tx, bucket, key)? else { return Ok(()) };
    if entry.version.number != version.number {
        tx.delete(&NONCURRENT, &bucket.scope, &older_key(bucket, key, version.number))?;
        if entry.older_null == Some(version.number) {
            put_entry(tx, bucket, key, &Entry { older_null: None, ..entry })?;
        }
        return Ok(());
    }
    let next = older(tx, bucket, key, None).next().transpose()?;
    let Some(next) = next else {
        return tx.delete(&OBJECTS, &bucket.scope, &(bucket.incarnation(), key.to_owned()));
    };
    tx.delete(&NONCURRENT, &bucket.scope, &older_key(bucket, key, next.number))?;
    let older_null = entry.older_null.filter(|null| *null != next.number);
    put_entry(tx, bucket, key, &Entry { version: next, older_null })
}

/// Removes versions of whatever keys come first, for as far as one commit goes; says how many.
///
/// # Errors
/// The store's.
pub fn clear_some(tx: &mut Tx, bucket: &Bucket) -> Result<usize, Fault> {
    let keys: Vec<_> = scan(tx, bucket, "", From::Key("")).take(BATCH).collect::<Result<_, _>>()?;
    let mut removed = 0;
    for (key, newest) in keys {
        let older: Vec<_> = older(tx, bucket, &key, None).take(BATCH).collect::<Result<_, _>>()?;
        for version in &older {
            remove(tx, bucket, &key, version)?;
        }
        removed += older.len();
        if removed >= BATCH {
            break;
        }
        remove(tx, bucket, &key, &newest)?;
        removed += 1;
    }
    Ok(removed)
}

/// Gives up the bytes of a version that no row will refer to any more.
fn give_up(tx: &mut Tx, bucket: &Bucket, version: &Version) -> Result<(), Fault> {
    let Some(object) = &version.object else { return Ok(()) };
    match &object.content {
        Content::Row => tx.delete(&BODIES, &bucket.scope, &(bucket.incarnation(), version.number)),
        Content::Blob(blob) => tx.discard_blob(blob),
        Content::Parts { upload, .. } => doom(tx, bucket, *upload),
    }
}

/// Has the parts of an upload taken apart.
///
/// # Errors
/// The store's.
pub fn doom(tx: &mut Tx, bucket: &Bucket, upload: Incarnation) -> Result<(), Fault> {
    let doomed = DoomedRecord { scope: bucket.scope.clone(), kind: DoomedKind::Upload };
    tx.put(&DOOMED, &Scope::Partition, &upload.0, &doomed)
}

/// Puts a version in the place of the newest of a key, of whose content it takes over all.
///
/// # Errors
/// The store's.
pub fn go_on(tx: &mut Tx, bucket: &Bucket, key: &str, version: Version) -> Result<(), Fault> {
    put_entry(tx, bucket, key, &Entry { version, older_null: None })
}

/// Takes the small body of a version out of its row.
///
/// # Errors
/// The store's.
pub fn take_body(tx: &mut Tx, bucket: &Bucket, number: u64) -> Result<Bytes, Fault> {
    let body = tx.take(&BODIES, &bucket.scope, &(bucket.incarnation(), number))?;
    let lost = Fault::Corrupt { table: "s3/bodies", why: Corrupt("a body is gone") };
    body.map(|Raw(bytes)| bytes).ok_or(lost)
}

/// Gives the version of a key, which has no older ones, another key. What was there is given up.
///
/// # Errors
/// The store's.
pub fn rename(tx: &mut Tx, bucket: &Bucket, from: &str, to: &str) -> Result<(), Fault> {
    let Some(moved) = entry(tx, bucket, from)? else { return Ok(()) };
    if let Some(replaced) = entry(tx, bucket, to)? {
        give_up(tx, bucket, &replaced.version)?;
    }
    tx.delete(&OBJECTS, &bucket.scope, &(bucket.incarnation(), from.to_owned()))?;
    put_entry(tx, bucket, to, &moved)
}
