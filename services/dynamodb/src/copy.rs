//! Copying the rows of a table as they were at a moment: into the rows of a backup, or into a table with its
//! indexes. Portion by portion, so that a table of any size costs no more memory than a portion.
//!
//! The rows of a snapshot are copied first; then the history undoes what came after the moment, from the last
//! change to the first. Copying again what was copied before changes nothing.

use crate::errors::DynamoError;
use crate::rules::change::Origin;
use crate::rules::codec::{self, Stored};
use crate::rules::rows::RowRange;
use crate::rules::value::Item;
use crate::state::{self, TableRecord, history, streams};
use crate::statistics::{Count, Deltas, Statistics};
use crate::write::{Act, ItemWrite};
use bytes::Bytes;
use names::{Scope, Timestamp};
use service::Ctx;
use std::ops::Bound;
use std::sync::Arc;
use store::{Incarnation, Snapshot, Tx};

/// The most rows of a portion.
const ROWS: usize = 200;
/// A portion ends when it has this many bytes.
const BYTES: usize = 256 * 1024;

/// What is copied.
#[derive(Clone)]
pub struct Source {
    /// The state it is in.
    pub read: Snapshot,
    /// Where it is.
    pub scope: Scope,
    /// The number that its rows are keyed by.
    pub rows: Incarnation,
    /// The history that leads back to a moment, and the moment.
    pub back: Option<(Incarnation, Timestamp)>,
}

/// Where it goes.
#[derive(Clone)]
pub enum Sink {
    /// Rows alone.
    Rows(Incarnation),
    /// A table, with the entries of its indexes.
    Table(Arc<TableRecord>),
    /// The same in another place than the source.
    Replica(Scope, Arc<TableRecord>),
}

/// Some rows: what is to be there.
type Portion = Vec<(Bytes, Option<Bytes>)>;

impl Source {
    /// Whether it is so small that it can be copied while its caller waits.
    ///
    /// # Errors
    /// The store's.
    pub fn is_small(&self) -> Result<bool, DynamoError> {
        let mut bytes = 0;
        let rows = state::rows(&self.read, &self.scope, self.rows, &RowRange::all(), true);
        for (count, row) in rows.enumerate() {
            bytes += row?.1.len();
            if count == 10 * ROWS || bytes > 4 * BYTES {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The rows of one portion, and where the next begins.
    pub fn portion(&self, range: &RowRange) -> Result<(Portion, Option<RowRange>), DynamoError> {
        let (mut portion, mut bytes) = (Vec::new(), 0);
        for row in state::rows(&self.read, &self.scope, self.rows, range, true) {
            let (row, stored) = row?;
            bytes += stored.len();
            portion.push((row, Some(stored)));
            if portion.len() == ROWS || bytes > BYTES {
                break;
            }
        }
        let last = portion.last().filter(|_| portion.len() == ROWS || bytes > BYTES);
        let next =
            last.map(|(row, _)| RowRange { low: Bound::Excluded(row.to_vec()), high: Bound::Unbounded });
        Ok((portion, next))
    }

    /// What some of the changes in a range of numbers undo, the last first, and where the rest ends.
    fn undone(&self, history: Incarnation, (from, end): (u64, u64)) -> Result<(Portion, u64), DynamoError> {
        let (mut portion, mut bytes, mut reached) = (Vec::new(), 0, from);
        for change in history::changes(&self.read, &self.scope, history, (from, end), false) {
            let (number, undo) = change?;
            bytes += undo.before.as_ref().map_or(0, Bytes::len);
            portion.push((undo.row, undo.before));
            if portion.len() == ROWS || bytes > BYTES {
                reached = number;
                break;
            }
        }
        Ok((portion, reached))
    }
}

/// Copies all of it.
///
/// # Errors
/// The store's.
pub async fn copy(ctx: &Ctx, source: &Source, table: Incarnation, sink: &Sink) -> Result<(), DynamoError> {
    let mut range = Some(RowRange::all());
    while let Some(at) = range {
        let reading = source.clone();
        let read = ctx.compute(move || reading.portion(&at)).await;
        let (portion, next) = read.map_err(|_| DynamoError::Corrupt("rows cannot be copied"))??;
        write(ctx, &source.scope, sink, portion).await?;
        range = next;
    }
    let Some((history, moment)) = source.back else { return Ok(()) };
    let mut end = streams::head(&source.read, &source.scope, table)?.number + 1;
    let from = history::first_after(&source.read, &source.scope, history, moment, end)?;
    while from < end {
        let (portion, reached) = source.undone(history, (from, end))?;
        write(ctx, &source.scope, sink, portion).await?;
        end = reached;
    }
    Ok(())
}

async fn write(ctx: &Ctx, scope: &Scope, sink: &Sink, portion: Portion) -> Result<(), DynamoError> {
    let (scope, sink, now) = (scope.clone(), sink.clone(), ctx.now());
    let deltas = ctx
        .commit(move |tx| {
            tx.allow_large();
            let mut deltas = Deltas::new();
            for (row, stored) in &portion {
                match &sink {
                    Sink::Rows(rows) => put(tx, &scope, *rows, row, stored.as_ref())?,
                    Sink::Table(table) => {
                        let write = item_write(&scope, table, now, row, stored.as_ref())?;
                        deltas.extend(write.run(tx)?.deltas);
                    }
                    Sink::Replica(there, table) => {
                        let write = item_write(there, table, now, row, stored.as_ref())?;
                        let write = ItemWrite { origin: Origin::Replica, ..write };
                        deltas.extend(write.run(tx)?.deltas);
                    }
                }
            }
            Ok::<_, DynamoError>(deltas)
        })
        .await?;
    ctx.part::<Statistics>().add(&deltas);
    Ok(())
}

fn put(
    tx: &mut Tx,
    scope: &Scope,
    rows: Incarnation,
    row: &[u8],
    stored: Option<&Bytes>,
) -> Result<(), DynamoError> {
    match stored {
        Some(stored) => Ok(state::put_bytes(tx, scope, rows, row, stored.clone())?),
        None => Ok(state::remove_row(tx, scope, rows, row)?),
    }
}

/// The write of a row into a table.
///
/// # Errors
/// Where the row cannot be read.
pub fn item_write(
    scope: &Scope,
    table: &Arc<TableRecord>,
    now: Timestamp,
    row: &[u8],
    stored: Option<&Bytes>,
) -> Result<ItemWrite, DynamoError> {
    let item = stored.map(state::item).transpose()?;
    let key = item.as_ref().map_or_else(Item::new, |item| table.key.key_of(item));
    let act = match (stored, item) {
        (Some(stored), item) => {
            Act::Put(Stored { bytes: stored.clone(), size: codec::stored_size(stored) }, item)
        }
        (None, _) => Act::Delete,
    };
    Ok(ItemWrite {
        scope: scope.clone(),
        now,
        table: table.clone(),
        row: row.to_vec(),
        key,
        condition: None,
        shows_failed: false,
        inserts: false,
        origin: Origin::Request,
        act,
    })
}

/// What some rows hold.
///
/// # Errors
/// The store's.
pub async fn count(
    ctx: &Ctx,
    read: &Snapshot,
    scope: &Scope,
    rows: Incarnation,
) -> Result<Count, DynamoError> {
    let source = Source { read: read.clone(), scope: scope.clone(), rows, back: None };
    let counted = ctx.compute(move || {
        let mut count = Count::default();
        for row in state::rows(&source.read, &source.scope, source.rows, &RowRange::all(), true) {
            count.items += 1;
            count.bytes += codec::stored_size(&row?.1) as i64;
        }
        Ok::<_, DynamoError>(count)
    });
    counted.await.map_err(|_| DynamoError::Corrupt("rows cannot be counted"))?
}
