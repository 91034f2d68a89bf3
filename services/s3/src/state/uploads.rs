//! Uploads in parts, their parts, and what becomes of them when they are given up.

use super::buckets::Bucket;
use super::{
    COMPLETED, CompletedRecord, DOOMED, DoomedKind, DoomedRecord, PARTS, PartRecord, UPLOADS, UploadRecord,
};
use crate::rules::listing::From;
use crate::rules::multipart::{is_sealed, number_of};
use names::{Scope, Timestamp};
use store::{Fault, Incarnation, Read, Span, Start, Tx};

/// Most rows that one commit takes apart.
const BATCH: usize = 500;
/// How long a completed upload is known as one, in milliseconds. AWS says nothing of it; its clients abort an upload
/// within moments, where they do.
const KNOWN_MS: i64 = 3_600_000;

/// An upload that is going on.
#[derive(Debug, Clone)]
pub struct Upload {
    /// The number its parts are keyed by.
    pub incarnation: Incarnation,
    /// What is known of it.
    pub record: UploadRecord,
}

/// The upload of an id to a key.
///
/// # Errors
/// The store's.
pub fn find(read: &impl Read, bucket: &Bucket, key: &str, id: &str) -> Result<Option<Upload>, Fault> {
    let Some(number) = number_of(id) else { return Ok(None) };
    let row = (bucket.incarnation(), key.to_owned(), number);
    let record = read.get(&UPLOADS, &bucket.scope, &row)?.filter(|record| record.id == id);
    Ok(record.map(|record| Upload { incarnation: Incarnation(number), record }))
}

/// Uploads to a bucket by key, those of one key in the order they were begun, from a place on.
pub fn scan<'r, R: Read>(
    read: &'r R,
    bucket: &Bucket,
    prefix: &str,
    from: From<'_>,
) -> impl Iterator<Item = Result<(String, Upload), Fault>> + use<'r, R> {
    let incarnation = bucket.incarnation();
    let span = Span::starting(&incarnation, Start::Text(prefix));
    let span = match from {
        From::Key(key) => span.from(&(incarnation, key.to_owned(), 0)),
        From::After(key) => span.after(&(incarnation, key.to_owned(), u64::MAX)),
        From::Past(common) => span.past(&incarnation, Start::Text(common)),
    };
    let rows = read.scan(&UPLOADS, &bucket.scope, span);
    rows.map(|row| {
        row.map(|((_, key, number), record)| (key, Upload { incarnation: Incarnation(number), record }))
    })
}

/// Writes an upload.
///
/// # Errors
/// The store's.
pub fn put(tx: &mut Tx, bucket: &Bucket, key: &str, upload: &Upload) -> Result<(), Fault> {
    let row = (bucket.incarnation(), key.to_owned(), upload.incarnation.0);
    tx.put(&UPLOADS, &bucket.scope, &row, &upload.record)
}

/// Notes in the uploads to a key that what they may be on the condition of is gone for good.
///
/// # Errors
/// The store's.
pub fn overtake(tx: &mut Tx, bucket: &Bucket, key: &str) -> Result<(), Fault> {
    let of_key = Span::of(&(bucket.incarnation(), key.to_owned()));
    let rows: Vec<_> = tx.scan(&UPLOADS, &bucket.scope, of_key).take(BATCH).collect::<Result<_, _>>()?;
    for (row, record) in rows.into_iter().filter(|(_, record)| !record.overtaken) {
        tx.put(&UPLOADS, &bucket.scope, &row, &UploadRecord { overtaken: true, ..record })?;
    }
    Ok(())
}

/// Ends an upload; its parts stay.
///
/// # Errors
/// The store's.
pub fn end(tx: &mut Tx, bucket: &Bucket, key: &str, upload: Incarnation) -> Result<(), Fault> {
    tx.delete(&UPLOADS, &bucket.scope, &(bucket.incarnation(), key.to_owned(), upload.0))
}

/// Ends an upload that became an object, which is remembered for a while.
///
/// # Errors
/// The store's.
pub fn complete(
    tx: &mut Tx,
    bucket: &Bucket,
    key: &str,
    upload: Incarnation,
    at: Timestamp,
) -> Result<(), Fault> {
    let record = CompletedRecord { bucket: bucket.incarnation(), key: key.to_owned(), at };
    tx.put(&COMPLETED, &Scope::Partition, &upload.0, &record)?;
    end(tx, bucket, key, upload)
}

/// Whether an upload to a key is one that was completed of late.
///
/// # Errors
/// The store's.
pub fn was_completed(
    read: &impl Read,
    bucket: &Bucket,
    (key, id): (&str, &str),
    now: Timestamp,
) -> Result<bool, Fault> {
    let Some(number) = number_of(id).filter(|_| is_sealed(id)) else { return Ok(false) };
    let record = read.get(&COMPLETED, &Scope::Partition, &number)?;
    let late = |record: &CompletedRecord| record.at >= Timestamp(now.0 - KNOWN_MS);
    Ok(record
        .is_some_and(|record| late(&record) && record.bucket == bucket.incarnation() && record.key == key))
}

/// Forgets uploads above a number that were completed long ago, for as far as one commit goes; the last that it looked
/// at, if there may be more.
///
/// # Errors
/// The store's.
pub fn forget_completed(tx: &mut Tx, above: u64, now: Timestamp) -> Result<Option<u64>, Fault> {
    let before = Timestamp(now.0 - KNOWN_MS);
    let rows = tx.scan(&COMPLETED, &Scope::Partition, Span::all().after(&above)).take(BATCH);
    let rows: Vec<_> = rows.collect::<Result<_, _>>()?;
    for (number, _) in rows.iter().filter(|(_, record)| record.at < before) {
        tx.delete(&COMPLETED, &Scope::Partition, number)?;
    }
    Ok(rows.last().filter(|_| rows.len() == BATCH).map(|(number, _)| *number))
}

/// The parts of an upload whose numbers are above one, in order.
pub fn parts<'r, R: Read>(
    read: &'r R,
    scope: &Scope,
    upload: Incarnation,
    above: u16,
) -> impl Iterator<Item = Result<(u16, PartRecord), Fault>> + use<'r, R> {
    let span = Span::of(&upload).after(&(upload, above));
    read.scan(&PARTS, scope, span).map(|row| row.map(|((_, number), part)| (number, part)))
}

/// Writes a part over what there was under its number.
///
/// # Errors
/// The store's.
pub fn put_part(
    tx: &mut Tx,
    scope: &Scope,
    upload: Incarnation,
    number: u16,
    part: &PartRecord,
) -> Result<(), Fault> {
    if let Some(old) = tx.get(&PARTS, scope, &(upload, number))? {
        tx.discard_blob(&old.body)?;
    }
    tx.keep_blob(&part.body)?;
    tx.put(&PARTS, scope, &(upload, number), part)
}

/// Removes a part with its bytes.
///
/// # Errors
/// The store's.
pub fn remove_part(tx: &mut Tx, scope: &Scope, upload: Incarnation, number: u16) -> Result<(), Fault> {
    match tx.take(&PARTS, scope, &(upload, number))? {
        Some(part) => tx.discard_blob(&part.body),
        None => Ok(()),
    }
}

/// What is to be taken apart, oldest first.
///
/// # Errors
/// The store's.
pub fn doomed(read: &impl Read) -> Result<Vec<(Incarnation, DoomedRecord)>, Fault> {
    let rows = read.scan(&DOOMED, &Scope::Partition, Span::all()).take(BATCH);
    rows.map(|row| row.map(|(number, record)| (Incarnation(number), record))).collect()
}

/// Takes one thing apart for as far as one commit goes; says whether something is left of it.
///
/// # Errors
/// The store's.
pub fn take_apart(tx: &mut Tx, incarnation: Incarnation, doomed: &DoomedRecord) -> Result<bool, Fault> {
    let scope = &doomed.scope;
    match doomed.kind {
        DoomedKind::Upload => {
            let numbers: Vec<u16> = parts(tx, scope, incarnation, 0)
                .take(BATCH)
                .map(|part| part.map(|(number, _)| number))
                .collect::<Result<_, _>>()?;
            for number in &numbers {
                remove_part(tx, scope, incarnation, *number)?;
            }
            finish(tx, incarnation, numbers.len() == BATCH)
        }
        DoomedKind::Bucket => {
            let rows: Vec<_> = tx
                .scan(&UPLOADS, scope, Span::of(&incarnation))
                .take(BATCH)
                .map(|row| row.map(|(key, _)| key))
                .collect::<Result<_, _>>()?;
            for row in &rows {
                let upload = DoomedRecord { scope: scope.clone(), kind: DoomedKind::Upload };
                tx.put(&DOOMED, &Scope::Partition, &row.2, &upload)?;
                tx.delete(&UPLOADS, scope, row)?;
            }
            let more = rows.len() == BATCH;
            if !more {
                tx.discard(scope, incarnation)?;
            }
            finish(tx, incarnation, more)
        }
    }
}

fn finish(tx: &mut Tx, incarnation: Incarnation, more: bool) -> Result<bool, Fault> {
    if !more {
        tx.delete(&DOOMED, &Scope::Partition, &incarnation.0)?;
    }
    Ok(more)
}
