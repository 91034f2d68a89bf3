//! How far the replicas of a table have come, and which write of a row was the last in all regions.

use super::{Scope, Tail};
use bytes::Bytes;
use names::{Region, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::{Class, Fault, Incarnation, Read, Table, Tx, record};

/// How far the replicas of a table have come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replication {
    /// The number of the next change that each region gets.
    pub next: BTreeMap<Region, u64>,
    /// Whether changes are under way, and a timer is set for them.
    pub is_under_way: bool,
}

record!(Replication, 1);

/// Which write of a row was the last: a moment, and the region it was in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version {
    /// When.
    pub at: Timestamp,
    /// Where; it decides between writes of one moment.
    pub region: Region,
}

record!(Version, 1);

static REPLICATIONS: Table<Incarnation, Replication> =
    Table::of_incarnation("dynamodb/replications", Class::Records);
static VERSIONS: Table<(Incarnation, Tail), Version> =
    Table::of_incarnation("dynamodb/versions", Class::Items);

/// How far the replicas of a table have come.
///
/// # Errors
/// The store's.
pub fn replication(read: &impl Read, scope: &Scope, table: Incarnation) -> Result<Replication, Fault> {
    Ok(read.get(&REPLICATIONS, scope, &table)?.unwrap_or_default())
}

/// Keeps how far the replicas of a table have come.
///
/// # Errors
/// The store's.
pub fn put_replication(
    tx: &mut Tx,
    scope: &Scope,
    table: Incarnation,
    replication: &Replication,
) -> Result<(), Fault> {
    tx.put(&REPLICATIONS, scope, &table, replication)
}

/// The last write of a row, where it is known.
///
/// # Errors
/// The store's.
pub fn version(
    read: &impl Read,
    scope: &Scope,
    table: Incarnation,
    row: &[u8],
) -> Result<Option<Version>, Fault> {
    read.get(&VERSIONS, scope, &(table, Tail(Bytes::copy_from_slice(row))))
}

/// Keeps the last write of a row.
///
/// # Errors
/// The store's.
pub fn put_version(
    tx: &mut Tx,
    scope: &Scope,
    table: Incarnation,
    row: &[u8],
    version: &Version,
) -> Result<(), Fault> {
    tx.put(&VERSIONS, scope, &(table, Tail(Bytes::copy_from_slice(row))), version)
}
