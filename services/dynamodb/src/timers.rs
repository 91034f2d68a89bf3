//! What the room's timers do: fill new indexes in bounded commits, and remove items that are past their
//! time. Timers are rows, so both go on after a restart.

use crate::errors::DynamoError;
use crate::rules::change::Origin;
use crate::rules::expiry;
use crate::rules::rows::RowRange;
use crate::rules::value::Item;
use crate::state::{self, Expiry, TableRecord};
use crate::statistics::Count;
use crate::write::{Act, ItemWrite};
use bytes::Bytes;
use names::{Scope, Timestamp};
use schema::ApiError;
use service::TimerHandler;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Fault, Incarnation, Timer, Tx};

/// How many rows one commit of a filling looks at: few enough to be run again inside the committer.
const ROWS_PER_COMMIT: usize = 50;
/// How many items one commit removes.
const EXPIRED_PER_COMMIT: usize = 25;
/// How long after its time an item goes; on AWS it is up to some days.
const GRACE_MS: i64 = 60_000;

const FILL: &str = "dynamodb/fill";
const EXPIRE: &str = "dynamodb/expire";

/// The timers of the room.
pub fn handlers() -> [TimerHandler; 2] {
    [TimerHandler { kind: FILL, fire: fill }, TimerHandler { kind: EXPIRE, fire: expire }]
}

fn schedule(tx: &mut Tx, kind: &str, due: Timestamp, scope: &Scope, table: &str) -> Result<(), Fault> {
    let timer = Timer {
        kind: kind.to_owned(),
        due,
        scope: scope.clone(),
        key: Bytes::copy_from_slice(table.as_bytes()),
        payload: Bytes::new(),
    };
    tx.schedule(&timer).map(drop)
}

/// Begins to fill what a table has to fill.
///
/// # Errors
/// The store's.
pub fn begin_filling(tx: &mut Tx, scope: &Scope, table: &str, now: Timestamp) -> Result<(), Fault> {
    schedule(tx, FILL, now, scope, table)
}

/// Sees to it that an item whose time is stated goes when it has come; one that is long past stays.
///
/// # Errors
/// The store's.
pub fn expect(
    tx: &mut Tx,
    (scope, table): (&Scope, &str),
    expiry: &Expiry,
    seconds: i64,
    now: Timestamp,
) -> Result<(), Fault> {
    if expiry::is_forgotten(seconds, now.seconds()) {
        return Ok(());
    }
    let due = Timestamp::from_seconds(seconds).plus_millis(GRACE_MS).max(now);
    let expected = state::expected(tx, scope, expiry.incarnation)?;
    if expected.is_some_and(|expected| expected <= due) {
        return Ok(());
    }
    state::put_expected(tx, scope, expiry.incarnation, Some(due))?;
    schedule(tx, EXPIRE, due, scope, table)
}

fn table(tx: &Tx, timer: &Timer) -> Result<Option<TableRecord>, Fault> {
    match std::str::from_utf8(&timer.key) {
        Ok(name) => state::table(tx, &timer.scope, &name.to_owned()),
        Err(_) => Ok(None),
    }
}

/// What is being filled: an index by its place, or the rows of due moments.
enum Filling {
    Index(usize),
    Expiry,
}

fn filling(record: &TableRecord) -> Option<(Filling, Incarnation)> {
    if let Some(place) = record.indexes.iter().position(|index| index.is_filling) {
        return Some((Filling::Index(place), record.indexes[place].incarnation));
    }
    let expiry = record.expiry.as_ref().filter(|expiry| expiry.is_filling)?;
    Some((Filling::Expiry, expiry.incarnation))
}

fn fill(tx: &mut Tx, timer: &Timer) -> Result<(), ApiError> {
    Ok(fill_some(tx, timer)?)
}

/// Fills a part, and comes again for the rest.
fn fill_some(tx: &mut Tx, timer: &Timer) -> Result<(), DynamoError> {
    let scope = &timer.scope;
    let Some(mut record) = table(tx, timer)? else { return Ok(()) };
    let Some((filling, target)) = filling(&record) else { return Ok(()) };
    let range = match state::cursor(tx, scope, target)? {
        Some(row) => RowRange::all().after(row, true),
        None => RowRange::all(),
    };
    let rows = state::rows(tx, scope, record.incarnation, &range, true).take(ROWS_PER_COMMIT);
    let rows: Vec<(Bytes, Bytes)> = rows.collect::<Result<_, _>>()?;
    tx.allow_large();
    for (row, bytes) in &rows {
        put_entry(tx, timer, &record, &filling, (row, &state::item(bytes)?))?;
    }
    match rows.last() {
        Some((row, _)) if rows.len() == ROWS_PER_COMMIT => {
            state::put_cursor(tx, scope, target, Some(row.clone()))?;
        }
        _ => {
            state::put_cursor(tx, scope, target, None)?;
            match filling {
                Filling::Index(place) => record.indexes[place].is_filling = false,
                Filling::Expiry => record.expiry.iter_mut().for_each(|expiry| expiry.is_filling = false),
            }
            state::put_table(tx, scope, &mut record)?;
        }
    }
    Ok(begin_filling(tx, scope, &record.name, timer.due)?)
}

fn put_entry(
    tx: &mut Tx,
    timer: &Timer,
    record: &TableRecord,
    filling: &Filling,
    (row, item): (&Bytes, &Item),
) -> Result<(), DynamoError> {
    let scope = &timer.scope;
    match (filling, &record.expiry) {
        (Filling::Index(place), _) => {
            let index = &record.indexes[*place];
            if let Some(entry) = index.key.index_row(item, &record.key, row) {
                let stored = index.entry(&record.key, item);
                state::put_row(tx, scope, index.incarnation, &entry, &stored)?;
            }
        }
        (Filling::Expiry, Some(expiry)) => {
            if let Some(seconds) = expiry::seconds(item, &expiry.attribute) {
                let due = expiry::row(seconds, row);
                state::put_bytes(tx, scope, expiry.incarnation, &due, Bytes::new())?;
                expect(tx, (scope, &record.name), expiry, seconds, timer.due)?;
            }
        }
        (Filling::Expiry, None) => {}
    }
    Ok(())
}

fn expire(tx: &mut Tx, timer: &Timer) -> Result<(), ApiError> {
    Ok(expire_some(tx, timer)?)
}

/// Removes some of the items that are due, and comes again for the next.
fn expire_some(tx: &mut Tx, timer: &Timer) -> Result<(), DynamoError> {
    let scope = &timer.scope;
    let Some(record) = table(tx, timer)?.map(Arc::new) else { return Ok(()) };
    let Some(expiry) = record.expiry.clone() else { return Ok(()) };
    if state::expected(tx, scope, expiry.incarnation)? != Some(timer.due) {
        // Another timer was set for an earlier moment, and sees to the later ones too.
        return Ok(());
    }
    let now = timer.due.plus_millis(-GRACE_MS).seconds();
    let due = state::rows(tx, scope, expiry.incarnation, &expiry::due(now), true).take(EXPIRED_PER_COMMIT);
    let due: Vec<Bytes> = due.map(|row| row.map(|(row, _)| row)).collect::<Result<_, _>>()?;
    let mut gone = BTreeMap::<Incarnation, Count>::new();
    for row in &due {
        let Some((_, item_row)) = expiry::read(row) else { continue };
        let written = remove(timer, &record, item_row).run(tx)?;
        for (incarnation, count) in written.deltas {
            let sum = gone.entry(incarnation).or_default();
            *sum = Count { items: sum.items + count.items, bytes: sum.bytes + count.bytes };
        }
    }
    for (incarnation, count) in gone {
        state::add_drift(tx, scope, incarnation, count)?;
    }
    state::put_expected(tx, scope, expiry.incarnation, None)?;
    let mut left = state::rows(tx, scope, expiry.incarnation, &expiry::not_before(now), true);
    let next = left.next().transpose()?;
    drop(left);
    match next.and_then(|(row, _)| Some(expiry::read(&row)?.0)) {
        Some(seconds) => Ok(expect(tx, (scope, &record.name), &expiry, seconds, timer.due)?),
        None => Ok(()),
    }
}

fn remove(timer: &Timer, table: &Arc<TableRecord>, row: &[u8]) -> ItemWrite {
    ItemWrite {
        scope: timer.scope.clone(),
        now: timer.due,
        table: table.clone(),
        row: row.to_vec(),
        key: Item::new(),
        condition: None,
        shows_failed: false,
        inserts: false,
        origin: Origin::Expiry,
        act: Act::Delete,
    }
}
