//! The changes of a table that can be undone, keyed by the history's incarnation and the number of the change.

use super::{ITEMS, key};
use crate::errors::DynamoError;
use crate::rules::history::Undo;
use bytes::Bytes;
use names::{Scope, Timestamp};
use std::ops::Bound;
use store::{Fault, Incarnation, Raw, Read, Span, Tail, Tx};

/// Keeps what a row was before a change.
///
/// # Errors
/// The store's.
pub fn put(
    tx: &mut Tx,
    scope: &Scope,
    history: Incarnation,
    (number, at): (u64, Timestamp),
    (row, before): (&[u8], Option<&Bytes>),
) -> Result<(), Fault> {
    let undo = Undo::encode(at, row, before);
    tx.put(&ITEMS, scope, &key(history, &number.to_be_bytes()), &Raw(undo))
}

/// Forgets a change.
///
/// # Errors
/// The store's.
pub fn remove(tx: &mut Tx, scope: &Scope, history: Incarnation, number: u64) -> Result<(), Fault> {
    tx.delete(&ITEMS, scope, &key(history, &number.to_be_bytes()))
}

/// The changes from one number to before another, with their numbers; from the first or from the last.
pub fn changes<'r>(
    read: &'r impl Read,
    scope: &Scope,
    history: Incarnation,
    (from, before): (u64, u64),
    forward: bool,
) -> impl Iterator<Item = Result<(u64, Undo), DynamoError>> + 'r {
    let (low, high) = (from.to_be_bytes(), before.to_be_bytes());
    let span = Span::tail(&history, (Bound::Included(low.as_slice()), Bound::Excluded(high.as_slice())));
    let span = if forward { span } else { span.reversed() };
    read.scan(&ITEMS, scope, span).map(|found| {
        let ((_, Tail(tail)), Raw(bytes)) = found?;
        let number = tail.first_chunk().map(|bytes| u64::from_be_bytes(*bytes));
        number.zip(Undo::decode(bytes)).ok_or(DynamoError::Corrupt("a change of a table cannot be read"))
    })
}

/// The number of the first change after a moment, of those before a number; that number where there is none.
///
/// # Errors
/// The store's.
pub fn first_after(
    read: &impl Read,
    scope: &Scope,
    history: Incarnation,
    moment: Timestamp,
    before: u64,
) -> Result<u64, DynamoError> {
    // Moments never go back, so it is found by halving.
    let (mut low, mut high) = (0, before);
    while low < high {
        let middle = low + (high - low) / 2;
        match changes(read, scope, history, (middle, high), true).next().transpose()? {
            Some((number, undo)) if undo.at <= moment => low = number + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}
