//! Streams of tables: their records, which outlive the table by a day, and the changes in their shards.
//!
//! A change is keyed by its shard's incarnation and the table's number of changes, so a shard goes by one
//! discard when all it holds is past its time.

use super::{ITEMS, Raw, key};
use crate::errors::DynamoError;
use crate::rules::change::{Change, Old, StreamView};
use crate::rules::keys::KeySchema;
use bytes::Bytes;
use names::{Scope, Timestamp};
use serde::{Deserialize, Serialize};
use std::ops::Bound;
use store::{Class, Fault, Incarnation, Read, Span, Table, Tx, record};

/// A stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamRecord {
    /// The table it is of.
    pub table: String,
    /// Its label.
    pub label: String,
    /// When it was opened.
    pub created: Timestamp,
    /// What its records hold.
    pub view: StreamView,
    /// What the table is keyed by.
    pub key: KeySchema,
    /// The revision of its resource policy.
    pub policy_revision: u64,
    /// When it was closed.
    pub closed: Option<Timestamp>,
    /// Its shards, the oldest first; the last is open while the stream is.
    pub shards: Vec<Shard>,
}

record!(StreamRecord, 1);

/// A part of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Its id.
    pub id: String,
    /// The id of the shard before it.
    pub parent: Option<String>,
    /// The number that its changes are keyed by.
    pub incarnation: Incarnation,
    /// When it was opened.
    pub opened: Timestamp,
    /// Its first number.
    pub first: u64,
    /// Its last number and when it was closed.
    pub end: Option<(u64, Timestamp)>,
}

/// How many changes a table has seen, and the moment of the last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The number of the last change.
    pub number: u64,
    /// Its moment; never before that of an earlier one.
    pub at: Timestamp,
}

record!(Head, 1);

static STREAMS: Table<(String, String), StreamRecord> = Table::new("dynamodb/streams", Class::Records);
static HEADS: Table<Incarnation, Head> = Table::of_incarnation("dynamodb/change-heads", Class::Records);

/// A stream by its table's name and its label.
///
/// # Errors
/// The store's.
pub fn stream(
    read: &impl Read,
    scope: &Scope,
    table: &str,
    label: &str,
) -> Result<Option<StreamRecord>, Fault> {
    read.get(&STREAMS, scope, &(table.to_owned(), label.to_owned()))
}

/// The streams behind one, in order; of one table, or of all.
///
/// # Errors
/// The store's.
pub fn streams(
    read: &impl Read,
    scope: &Scope,
    table: Option<&String>,
    after: Option<(String, String)>,
    limit: usize,
) -> Result<Vec<StreamRecord>, Fault> {
    let span = table.map_or_else(Span::all, Span::of);
    let span = after.map_or_else(|| span.clone(), |after| span.clone().after(&after));
    read.scan(&STREAMS, scope, span).take(limit).map(|row| row.map(|(_, stream)| stream)).collect()
}

/// Writes a stream.
///
/// # Errors
/// The store's.
pub fn put_stream(tx: &mut Tx, scope: &Scope, stream: &StreamRecord) -> Result<(), Fault> {
    tx.put(&STREAMS, scope, &(stream.table.clone(), stream.label.clone()), stream)
}

/// Removes a stream with what is left in its shards.
///
/// # Errors
/// The store's.
pub fn remove_stream(tx: &mut Tx, scope: &Scope, stream: &StreamRecord) -> Result<(), Fault> {
    tx.delete(&STREAMS, scope, &(stream.table.clone(), stream.label.clone()))?;
    stream.shards.iter().try_for_each(|shard| tx.discard(scope, shard.incarnation))
}

/// How many changes a table has seen.
///
/// # Errors
/// The store's.
pub fn head(read: &impl Read, scope: &Scope, table: Incarnation) -> Result<Head, Fault> {
    Ok(read.get(&HEADS, scope, &table)?.unwrap_or_default())
}

/// Takes the number of a table's next change, at a moment or that of the last change if that is later.
///
/// # Errors
/// The store's.
pub fn advance(tx: &mut Tx, scope: &Scope, table: Incarnation, now: Timestamp) -> Result<Head, Fault> {
    let last = head(tx, scope, table)?;
    let next = Head { number: last.number + 1, at: last.at.max(now) };
    tx.put(&HEADS, scope, &table, &next)?;
    Ok(next)
}

const APART: u8 = 1;

fn row(number: u64, part: u8) -> [u8; 9] {
    let mut row = [part; 9];
    row[..8].copy_from_slice(&number.to_be_bytes());
    row
}

/// Writes a change into a shard.
///
/// # Errors
/// The store's.
pub fn put_change(
    tx: &mut Tx,
    scope: &Scope,
    shard: Incarnation,
    number: u64,
    change: &Change,
) -> Result<(), Fault> {
    let (bytes, apart) = change.encode();
    tx.put(&ITEMS, scope, &key(shard, &row(number, 0)), &Raw(bytes))?;
    match apart {
        Some(old) => tx.put(&ITEMS, scope, &key(shard, &row(number, APART)), &Raw(old)),
        None => Ok(()),
    }
}

/// The changes of a shard from a number on, with their numbers.
pub fn changes<'r>(
    read: &'r impl Read,
    scope: &'r Scope,
    shard: Incarnation,
    from: u64,
) -> impl Iterator<Item = Result<(u64, Change), DynamoError>> + 'r {
    let low = row(from, 0);
    let span = Span::tail(&shard, (Bound::Included(low.as_slice()), Bound::Unbounded));
    read.scan(&ITEMS, scope, span).filter_map(move |found| {
        let ((_, store::Tail(tail)), Raw(bytes)) = match found {
            Ok(found) => found,
            Err(fault) => return Some(Err(fault.into())),
        };
        match tail.split_first_chunk::<8>() {
            Some((number, [0])) => Some(whole(read, scope, shard, u64::from_be_bytes(*number), bytes)),
            _ => None,
        }
    })
}

fn whole(
    read: &impl Read,
    scope: &Scope,
    shard: Incarnation,
    number: u64,
    bytes: Bytes,
) -> Result<(u64, Change), DynamoError> {
    let mut change =
        Change::decode(bytes).ok_or(DynamoError::Corrupt("a change of a table cannot be read"))?;
    if change.old == Old::Apart {
        let old = super::row(read, scope, shard, &row(number, APART))?;
        change.old = Old::Here(old.ok_or(DynamoError::Corrupt("an old image is missing"))?);
    }
    Ok((number, change))
}
