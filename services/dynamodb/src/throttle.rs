//! Throttling by provisioned throughput, where the region is to be as slow as AWS: unused units are kept for
//! five minutes, what a request takes beyond them is owed, and nothing is served while units are owed.

use crate::capacity::Usage;
use crate::errors::DynamoError;
use crate::state::{IndexScope, TableRecord};
use names::Timestamp;
use service::{Ctx, Fidelity};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use store::Incarnation;

/// For how many seconds unused units are kept.
const KEPT_S: f64 = 300.0;
/// How many tables and indexes are remembered; beyond them those that are full are forgotten.
const MAX_LEVELS: usize = 10_000;

/// What units are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// Reading.
    Read,
    /// Writing.
    Write,
}

/// The units of a table or index that are left.
#[derive(Debug, Clone, Copy)]
struct Level {
    units: f64,
    at: Timestamp,
}

impl Level {
    /// The level at a later moment.
    fn at(self, now: Timestamp, rate: f64) -> Self {
        let seconds = (now.millis() - self.at.millis()).max(0) as f64 / 1000.0;
        Level { units: (self.units + seconds * rate).min(rate * KEPT_S), at: now }
    }
}

/// The units that are left of tables and indexes.
#[derive(Default)]
pub struct Throttle(Mutex<HashMap<(Incarnation, Side), Level>>);

fn is_measured(ctx: &Ctx, table: &TableRecord) -> bool {
    table.on_demand.is_none() && ctx.host().settings.fidelity == Fidelity::Aws
}

fn rate(throughput: &crate::state::Throughput, side: Side) -> f64 {
    match side {
        Side::Read => throughput.read as f64,
        Side::Write => throughput.write as f64,
    }
}

impl Throttle {
    fn owes(&self, of: Incarnation, side: Side, rate: f64, now: Timestamp) -> bool {
        let levels = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        levels.get(&(of, side)).is_some_and(|level| level.at(now, rate).units < 0.0)
    }

    fn take(&self, of: Incarnation, side: Side, (rate, units): (f64, f64), now: Timestamp) {
        let mut levels = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if levels.len() >= MAX_LEVELS {
            levels.retain(|_, level| level.units < 0.0);
        }
        let full = Level { units: rate * KEPT_S, at: now };
        let level = levels.entry((of, side)).or_insert(full);
        *level = level.at(now, rate);
        level.units -= units;
    }
}

/// Refuses a request on a table that owes units.
///
/// # Errors
/// `Throttled`.
pub fn check(ctx: &Ctx, table: &TableRecord, side: Side) -> Result<(), DynamoError> {
    if !is_measured(ctx, table) {
        return Ok(());
    }
    let (throttle, now) = (ctx.part::<Throttle>(), ctx.now());
    if throttle.owes(table.incarnation, side, rate(&table.throughput, side), now) {
        return Err(DynamoError::Throttled(
            "The level of configured provisioned throughput for the table was exceeded. Consider increasing your \
             provisioning level with the UpdateTable API.",
        ));
    }
    let mut global = table.indexes.iter().filter(|index| index.scope == IndexScope::Global);
    if global.any(|index| throttle.owes(index.incarnation, side, rate(&index.throughput, side), now)) {
        return Err(DynamoError::Throttled(
            "The level of configured provisioned throughput for one or more global secondary indexes of the table \
             was exceeded. Consider increasing your provisioning level for the under-provisioned global secondary \
             indexes with the UpdateTable API",
        ));
    }
    Ok(())
}

/// Takes what a request used.
pub fn take(ctx: &Ctx, table: &TableRecord, side: Side, usage: &Usage) {
    if !is_measured(ctx, table) {
        return;
    }
    let (throttle, now) = (ctx.part::<Throttle>(), ctx.now());
    let mut own = usage.of_table_alone();
    for (place, units) in usage.of_indexes() {
        match table.indexes.get(place) {
            Some(index) if index.scope == IndexScope::Global => {
                throttle.take(index.incarnation, side, (rate(&index.throughput, side), units), now);
            }
            // A local index takes the units of its table.
            _ => own += units,
        }
    }
    if own > 0.0 {
        throttle.take(table.incarnation, side, (rate(&table.throughput, side), own), now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_kept_for_five_minutes_and_owed_beyond() {
        let (throttle, of) = (Throttle::default(), Incarnation(1));
        let at = |seconds: i64| Timestamp::from_seconds(seconds);
        let owes = |seconds: i64| throttle.owes(of, Side::Write, 2.0, at(seconds));
        assert!(!owes(0));
        throttle.take(of, Side::Write, (2.0, 600.0), at(0));
        assert!(!owes(0));
        throttle.take(of, Side::Write, (2.0, 10.0), at(0));
        assert!(owes(0) && owes(4) && !owes(5));
        assert!(!throttle.owes(of, Side::Read, 2.0, at(0)));
        throttle.take(of, Side::Write, (2.0, 601.0), at(10_000));
        assert!(owes(10_000) && !owes(10_001));
    }
}
