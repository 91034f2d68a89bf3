//! Keeping what a write changed, in its own commit: for the table's stream and for recovery to a moment.
//! A table that keeps nothing pays nothing, and a write that changes nothing leaves no trace.

use crate::errors::DynamoError;
use crate::replicas;
use crate::rules::change::{Change, Kind, Old, Origin};
use crate::rules::codec::{self, Stored};
use crate::state::{self, TableRecord, streams};
use crate::write::ItemWrite;
use bytes::Bytes;
use store::Tx;

/// Keeps a write's change of an item, of which the stored forms before and after are given.
///
/// # Errors
/// The store's.
pub fn keep(
    tx: &mut Tx,
    write: &ItemWrite,
    before: Option<&Bytes>,
    after: Option<&Stored>,
) -> Result<(), DynamoError> {
    let table: &TableRecord = &write.table;
    let after = after.map(|stored| &stored.bytes);
    if before == after {
        return Ok(());
    }
    let is_carried = !table.replicas.is_empty() && write.origin != Origin::Replica;
    let now = match is_carried {
        true => replicas::moment(tx, (&write.scope, table), &write.row, write.now)?,
        false => write.now,
    };
    let head = streams::advance(tx, &write.scope, table.incarnation, now)?;
    if is_carried {
        replicas::changed(tx, write, head.at, after)?;
    }
    if let Some(history) = &table.history {
        let place = (head.number, head.at);
        state::history::put(tx, &write.scope, history.incarnation, place, (&write.row, before))?;
    }
    let Some(stream) = &table.stream else { return Ok(()) };
    let change = Change {
        at: head.at,
        kind: Kind::of(before.is_some(), after.is_some()),
        origin: write.origin,
        keys: keys(write, before)?,
        new: after.filter(|_| stream.view.has_new()).cloned(),
        old: before.filter(|_| stream.view.has_old()).cloned().map_or(Old::None, Old::Here),
    };
    Ok(streams::put_change(tx, &write.scope, stream.shard, head.number, &change)?)
}

/// The stored form of the item's key; an expiry knows only the row.
fn keys(write: &ItemWrite, before: Option<&Bytes>) -> Result<Bytes, DynamoError> {
    if !write.key.is_empty() {
        return Ok(codec::encode(&write.key).bytes);
    }
    let item = before.map(state::item).transpose()?.unwrap_or_default();
    Ok(codec::encode(&write.table.key.key_of(&item)).bytes)
}
