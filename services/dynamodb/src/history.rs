//! The life of a table's history: begun and ended with the setting, and shortened to its days by the clock.

use crate::errors::DynamoError;
use crate::state::history;
use crate::state::{self, History, TableRecord};
use bytes::Bytes;
use names::{Scope, Timestamp};
use schema::ApiError;
use service::TimerHandler;
use store::{Fault, Timer, Tx};

/// For how many days changes are kept where nothing else is said.
pub const DAYS: u32 = 35;
const DAY_MS: i64 = 86_400_000;
/// Between two looks for changes that are past their days.
const TRIM_MS: i64 = 6 * 3_600_000;
/// How many changes one commit forgets.
const TRIMMED_PER_COMMIT: usize = 200;

const TRIM: &str = "dynamodb/trim";

/// The timer that forgets changes.
pub fn handler() -> TimerHandler {
    TimerHandler { kind: TRIM, fire: trim }
}

fn schedule(tx: &mut Tx, scope: &Scope, table: &str, history: &History, due: Timestamp) -> Result<(), Fault> {
    let timer = Timer {
        kind: TRIM.to_owned(),
        due,
        scope: scope.clone(),
        key: Bytes::copy_from_slice(table.as_bytes()),
        payload: Bytes::copy_from_slice(&history.incarnation.0.to_be_bytes()),
    };
    tx.schedule(&timer).map(drop)
}

/// Begins to keep the changes of a table, or changes for how long.
///
/// # Errors
/// The store's.
pub fn begin(
    tx: &mut Tx,
    scope: &Scope,
    table: &mut TableRecord,
    days: Option<u32>,
    now: Timestamp,
) -> Result<(), Fault> {
    if let Some(history) = &mut table.history {
        history.days = days.unwrap_or(history.days);
        return Ok(());
    }
    let incarnation = tx.fresh_incarnation()?;
    let history = History { incarnation, since: now, days: days.unwrap_or(DAYS) };
    schedule(tx, scope, &table.name, &history, now.plus_millis(TRIM_MS))?;
    table.history = Some(history);
    Ok(())
}

/// Forgets all changes of a table, and keeps no more.
///
/// # Errors
/// The store's.
pub fn end(tx: &mut Tx, scope: &Scope, table: &mut TableRecord) -> Result<(), Fault> {
    table.history.take().map_or(Ok(()), |history| tx.discard(scope, history.incarnation))
}

/// The earliest moment that a history leads back to.
pub fn earliest(history: &History, now: Timestamp) -> Timestamp {
    history.since.max(now.plus_millis(-i64::from(history.days) * DAY_MS))
}

fn trim(tx: &mut Tx, timer: &Timer) -> Result<(), ApiError> {
    Ok(trim_some(tx, timer)?)
}

/// Forgets some changes that are past their days, and comes again.
fn trim_some(tx: &mut Tx, timer: &Timer) -> Result<(), DynamoError> {
    let (scope, name) = (&timer.scope, String::from_utf8_lossy(&timer.key).into_owned());
    let Some(record) = state::table(tx, scope, &name)? else { return Ok(()) };
    let Some(kept) = &record.history else { return Ok(()) };
    if timer.payload != kept.incarnation.0.to_be_bytes().as_slice() {
        return Ok(());
    }
    let horizon = timer.due.plus_millis(-i64::from(kept.days) * DAY_MS);
    let mut past = Vec::new();
    let all = history::changes(tx, scope, kept.incarnation, (0, u64::MAX), true);
    for change in all.take(TRIMMED_PER_COMMIT) {
        let (number, undo) = change?;
        if undo.at > horizon {
            break;
        }
        past.push(number);
    }
    for number in &past {
        history::remove(tx, scope, kept.incarnation, *number)?;
    }
    let rest = if past.len() == TRIMMED_PER_COMMIT { 0 } else { TRIM_MS };
    Ok(schedule(tx, scope, &name, kept, timer.due.plus_millis(rest))?)
}
