//! The room's reconciler: fills new indexes in bounded commits, and removes items that are past their
//! time. Both begin from stored state, so that they go on after a restart.

use crate::errors::DynamoError;
use crate::rules::keys::RowRange;
use crate::rules::number::Number;
use crate::rules::value::Item;
use crate::state::{self, TableRecord};
use crate::statistics::{Deltas, Statistics};
use crate::write::{self, Act, ItemWrite};
use bytes::Bytes;
use names::{Scope, Timestamp};
use service::{Ctx, Worker};
use std::ops::Bound;
use std::sync::Arc;
use store::{Incarnation, Tx};
use tokio::sync::Notify;

/// How many rows one commit of a filling looks at: few enough to be run again inside the committer.
const ROWS_PER_COMMIT: usize = 50;
/// How many items one commit removes.
const EXPIRED_PER_COMMIT: usize = 25;
/// The longest virtual time between two rounds.
const PERIOD_MS: i64 = 60_000;
/// An item whose time is further back than this is not removed: five years, as on AWS.
const OLDEST_SECONDS: i64 = 5 * 365 * 86_400;

/// Wakes the reconciler.
#[derive(Default, Clone)]
pub struct Wake(Arc<Notify>);

impl Wake {
    /// There is something to do.
    pub fn notify(&self) {
        self.0.notify_one();
    }
}

/// The reconciler.
pub fn chores(wake: &Wake) -> Worker {
    Worker::every("dynamodb/chores", PERIOD_MS, round).woken_by(wake.0.clone())
}

async fn round(ctx: Ctx) -> Result<(), DynamoError> {
    for (scope, name) in state::chores(&ctx.read())? {
        while fill_some(&ctx, &scope, &name).await? {}
        while expire_some(&ctx, &scope, &name).await? {}
    }
    Ok(())
}

/// What is being filled: an index by its place, or the rows of due moments.
enum Filling {
    Index(usize),
    Expiry,
}

fn filling(record: &TableRecord) -> Option<(Filling, Incarnation)> {
    let index = record.indexes.iter().position(|index| index.is_filling);
    if let Some(place) = index {
        return Some((Filling::Index(place), record.indexes[place].incarnation));
    }
    let expiry = record.expiry.as_ref().filter(|expiry| expiry.is_filling)?;
    Some((Filling::Expiry, expiry.incarnation))
}

/// Fills a part of what is to be filled; says whether there may be more.
async fn fill_some(ctx: &Ctx, scope: &Scope, name: &str) -> Result<bool, DynamoError> {
    let (scope, name) = (scope.clone(), name.to_owned());
    let (more, full) = ctx.commit(move |tx| fill(tx, &scope, &name)).await?;
    if let Some(index) = full {
        // Writes during the filling were not counted: it is counted when it is asked for.
        ctx.part::<Statistics>().forget(index);
    }
    Ok(more)
}

fn fill(tx: &mut Tx, scope: &Scope, name: &String) -> Result<(bool, Option<Incarnation>), DynamoError> {
    let Some(mut record) = state::table(tx, scope, name)? else { return Ok((false, None)) };
    let Some((filling, target)) = filling(&record) else { return Ok((false, None)) };
    let range = match state::cursor(tx, scope, target)? {
        Some(row) => RowRange::all().after(row, true),
        None => RowRange::all(),
    };
    let rows = state::rows(tx, scope, record.incarnation, &range, true).take(ROWS_PER_COMMIT);
    let rows: Vec<(Bytes, Bytes)> = rows.collect::<Result<_, _>>()?;
    tx.allow_large();
    for (row, bytes) in &rows {
        let item = state::item(bytes)?;
        put_entry(tx, scope, &record, &filling, (row, &item))?;
    }
    match rows.last() {
        Some((row, _)) if rows.len() == ROWS_PER_COMMIT => {
            state::put_cursor(tx, scope, target, Some(row.clone()))?;
            Ok((true, None))
        }
        _ => {
            state::put_cursor(tx, scope, target, None)?;
            match filling {
                Filling::Index(place) => record.indexes[place].is_filling = false,
                Filling::Expiry => record.expiry.iter_mut().for_each(|expiry| expiry.is_filling = false),
            }
            state::put_table(tx, scope, &mut record)?;
            Ok((true, Some(target)))
        }
    }
}

fn put_entry(
    tx: &mut Tx,
    scope: &Scope,
    record: &TableRecord,
    filling: &Filling,
    (row, item): (&Bytes, &Item),
) -> Result<(), DynamoError> {
    match filling {
        Filling::Index(place) => {
            let index = &record.indexes[*place];
            if let Some(entry) = index.key.index_row(item, row) {
                let stored = index.entry(&record.key, item);
                state::put_row(tx, scope, index.incarnation, &entry, &stored)?;
            }
        }
        Filling::Expiry => {
            let expiry = record.expiry.as_ref();
            if let Some((expiry, due)) = expiry.and_then(|e| Some((e, write::due_row(e, item, row)?))) {
                state::put_bytes(tx, scope, expiry.incarnation, &due, Bytes::new())?;
            }
        }
    }
    Ok(())
}

/// Removes some of the items that are due; says whether there may be more.
async fn expire_some(ctx: &Ctx, scope: &Scope, name: &str) -> Result<bool, DynamoError> {
    let (scope, name, now) = (scope.clone(), name.to_owned(), ctx.now());
    let (more, deltas) = ctx.commit(move |tx| expire(tx, &scope, &name, now)).await?;
    ctx.part::<Statistics>().add(&deltas);
    Ok(more)
}

fn seconds(moment: i64) -> Number {
    Number::from(u64::try_from(moment).unwrap_or_default())
}

fn expire(tx: &mut Tx, scope: &Scope, name: &String, now: Timestamp) -> Result<(bool, Deltas), DynamoError> {
    let nothing = || Ok((false, Deltas::new()));
    let Some(record) = state::table(tx, scope, name)?.map(Arc::new) else { return nothing() };
    let Some(expiry) = record.expiry.clone() else { return nothing() };
    let mut high = seconds(now.seconds()).to_bytes().to_vec();
    high.push(1);
    let low = seconds(now.seconds().saturating_sub(OLDEST_SECONDS)).to_bytes().to_vec();
    let range = RowRange { low: Bound::Included(low), high: Bound::Excluded(high) };
    let due = state::rows(tx, scope, expiry.incarnation, &range, true).take(EXPIRED_PER_COMMIT);
    let due: Vec<Bytes> = due.map(|row| row.map(|(row, _)| row)).collect::<Result<_, _>>()?;
    let mut deltas = Deltas::new();
    for row in &due {
        let Some(end) = row.iter().position(|byte| *byte == 0) else { continue };
        let gone = ItemWrite {
            scope: scope.clone(),
            table: record.clone(),
            row: row[end + 1..].to_vec(),
            key: Item::new(),
            condition: None,
            shows_failed: false,
            act: Act::Delete,
        };
        deltas.extend(gone.run(tx)?.deltas);
        // The item's own moment went with it; this removes one that had lost its item.
        state::remove_row(tx, scope, expiry.incarnation, row)?;
    }
    Ok((due.len() == EXPIRED_PER_COMMIT, deltas))
}
