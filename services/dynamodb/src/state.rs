//! What the room stores: the records of tables, and rows of items and of index entries keyed by the
//! incarnation of their table or index. The only file that names tables of the store.
//!
//! A table's epoch is a row of its own: a write that decided by one version of the record reads it, so
//! that a change of the table makes the write begin again, without reading the record each time.

pub mod backups;
pub mod global;
pub mod history;
mod older;
pub mod replication;
pub mod streams;
mod throughput;

pub use throughput::Throughput;

use crate::errors::DynamoError;
use crate::rules::change::StreamView;
use crate::rules::codec::{self, Stored};
use crate::rules::keys::{KeyPart, KeySchema};
use crate::rules::rows::RowRange;
use crate::rules::value::Item;
use crate::statistics::Count;
use bytes::Bytes;
use names::{Region, Scope, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Bound;
use store::{Class, Corrupt, Fault, Incarnation, Raw, Read, Record, Span, Table, TableId, Tail, Tx};

/// A table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableRecord {
    /// Its name.
    pub name: String,
    /// Its UUID.
    pub id: String,
    /// The number that its items are keyed by.
    pub incarnation: Incarnation,
    /// Raised by each change of this record.
    pub epoch: u64,
    /// When it was made.
    pub created: Timestamp,
    /// Until when it is being made.
    pub creating_until: Timestamp,
    /// Until when it is being changed.
    pub updating_until: Timestamp,
    /// The attributes that its keys use, as they were given.
    pub attributes: Vec<KeyPart>,
    /// What it is keyed by.
    pub key: KeySchema,
    /// Its indexes.
    pub indexes: Vec<IndexRecord>,
    /// Whether it is paid by request, and since when.
    pub on_demand: Option<Timestamp>,
    /// The billing mode was once another than provisioned, or changed, so it is described.
    pub billing_stated: bool,
    /// Its provisioned throughput.
    pub throughput: Throughput,
    /// The most request units, read and write, where they are bounded.
    pub on_demand_limits: Option<(Option<i64>, Option<i64>)>,
    /// The warm throughput that was asked for, read and write.
    pub warm: Option<(Option<i64>, Option<i64>)>,
    /// The table class that was stated, and when it was changed.
    pub class: Option<(String, Option<Timestamp>)>,
    /// Whether it refuses to be deleted.
    pub protected: bool,
    /// The key of its encryption, where one was asked for.
    pub encryption_key: Option<String>,
    /// The attribute that says when items expire.
    pub expiry: Option<Expiry>,
    /// The revision of its resource policy: the moment of the last change, in milliseconds.
    pub policy_revision: u64,
    /// Whether it is being deleted.
    pub is_deleting: bool,
    /// Its stream, while it has one.
    pub stream: Option<OpenStream>,
    /// The label of its latest stream, also where that is closed.
    pub latest_stream: Option<String>,
    /// The changes that it keeps for recovery to a moment.
    pub history: Option<History>,
    /// Its replicas in other regions.
    pub replicas: Vec<Replica>,
    /// What it was made of, where it was restored.
    pub restored: Option<Restored>,
    /// What is stored of it and only described.
    pub settings: Settings,
    /// Whether its replicas are those of a global table of the version 2017.
    pub is_old_global: bool,
    /// How it is one table with its replicas.
    pub global: Global,
    /// When the expiry of its items was last changed.
    pub expiry_changed: Option<Timestamp>,
    /// When it last became paid by request, also where it is not any more.
    pub was_on_demand: Option<Timestamp>,
    /// Until when its warm throughput is being raised, and which it had before.
    pub warming: Option<(Timestamp, (i64, i64))>,
}

impl Record for TableRecord {
    const VERSION: u8 = 6;

    fn upgrade(version: u8, bytes: &[u8]) -> Result<Self, Corrupt> {
        older::table(version, bytes)
    }
}

/// Whose keys an index has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum IndexScope {
    /// Its own partition key.
    Global,
    /// The table's partition key.
    Local,
}

/// What an index holds of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Projected {
    /// Everything.
    All,
    /// The keys of table and index.
    Keys,
    /// The keys and some attributes.
    Include(Vec<String>),
}

/// An index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexRecord {
    /// Its name.
    pub name: String,
    /// The number that its entries are keyed by.
    pub incarnation: Incarnation,
    /// Whose keys it has.
    pub scope: IndexScope,
    /// What it is keyed by.
    pub key: KeySchema,
    /// What it holds.
    pub projected: Projected,
    /// Its provisioned throughput.
    pub throughput: Throughput,
    /// The warm throughput that was asked for, read and write.
    pub warm: Option<(Option<i64>, Option<i64>)>,
    /// The most request units, read and write, where they are bounded.
    pub on_demand_limits: Option<(Option<i64>, Option<i64>)>,
    /// Whether it does not hold all items yet.
    pub is_filling: bool,
}

/// Expiry of items by an attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expiry {
    /// The attribute, in seconds of the epoch.
    pub attribute: String,
    /// The number that the rows of due moments are keyed by.
    pub incarnation: Incarnation,
    /// Whether it does not hold all items yet.
    pub is_filling: bool,
}

/// The stream of a table, as a write needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenStream {
    /// Its label: when it was opened.
    pub label: String,
    /// What its records hold.
    pub view: StreamView,
    /// The number that the records of its open shard are keyed by.
    pub shard: Incarnation,
}

/// The changes of a table that are kept, so that it can be restored to a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// The number that they are keyed by.
    pub incarnation: Incarnation,
    /// From when on they are whole.
    pub since: Timestamp,
    /// For how many days they are kept.
    pub days: u32,
}

/// A replica of a table in another region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replica {
    /// Where.
    pub region: Region,
    /// Until when it is being made.
    pub creating_until: Timestamp,
    /// The key of its encryption, where one was asked for.
    pub encryption_key: Option<String>,
}

/// How a table is one with its replicas.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Global {
    /// Whether what one region writes is in all others at once.
    pub strong: bool,
    /// Regions that hold no table and only vote.
    pub witnesses: Vec<Region>,
    /// Whether its settings are those of its replicas, where that was stated.
    pub settings_mode: Option<String>,
}

/// What a table was restored from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// The ARN of the backup.
    pub backup: Option<String>,
    /// The ARN of the table that was backed up.
    pub table: Option<String>,
    /// The moment it was restored to.
    pub moment: Timestamp,
    /// Whether it is not whole yet.
    pub in_progress: bool,
}

/// Settings that are stored and described.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Contributor insights by index; of the table itself under the empty name.
    pub insights: BTreeMap<String, Insight>,
    /// Streams of Kinesis that changes are to go to.
    pub destinations: Vec<Destination>,
    /// How throughput follows use, by what it is of: a region, an index and whether of writes.
    pub scaling: BTreeMap<(String, String, bool), Scaling>,
}

/// Contributor insights of a table or index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Insight {
    /// Whether they are on.
    pub enabled: bool,
    /// Which keys they tell, where that was asked for.
    pub mode: Option<String>,
    /// When they were changed.
    pub changed: Timestamp,
}

/// A stream of Kinesis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// Its ARN.
    pub stream: String,
    /// Whether it is wanted.
    pub enabled: bool,
    /// The precision of moments, where one was asked for.
    pub precision: Option<String>,
}

/// How a throughput follows its use.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// The least units.
    pub least: Option<i64>,
    /// The most units.
    pub most: Option<i64>,
    /// Whether it does not follow.
    pub disabled: Option<bool>,
    /// The role that changes it.
    pub role: Option<String>,
    /// The policy by which it follows.
    pub policy: Option<ScalingPolicy>,
}

/// The policy of a scaling.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ScalingPolicy {
    /// Its name.
    pub name: Option<String>,
    /// Whether it never lowers.
    pub never_lowers: Option<bool>,
    /// Seconds between two lowerings.
    pub lowering_s: Option<i32>,
    /// Seconds between two raises.
    pub raising_s: Option<i32>,
    /// The part of the units that is to be used, in percent.
    pub target: f64,
}

impl TableRecord {
    /// Whether its changes are kept: for a stream, for recovery, for other regions.
    pub fn keeps_changes(&self) -> bool {
        self.stream.is_some() || self.history.is_some() || self.global.strong
    }

    /// An index by its name.
    pub fn index(&self, name: &str) -> Option<&IndexRecord> {
        self.indexes.iter().find(|index| index.name == name)
    }
}

impl IndexRecord {
    /// Whether it holds an attribute of its items.
    pub fn holds(&self, table: &KeySchema, name: &str) -> bool {
        let is_key = || table.has(name) || self.key.has(name);
        match &self.projected {
            Projected::All => true,
            Projected::Keys => is_key(),
            Projected::Include(names) => is_key() || names.iter().any(|included| included == name),
        }
    }

    /// The entry of an item: what the index holds of it.
    pub fn entry(&self, table: &KeySchema, item: &Item) -> Stored {
        codec::encode(item.iter().filter(|(name, _)| self.holds(table, name)))
    }
}

static TABLES: Table<String, TableRecord> = Table::new("dynamodb/tables", Class::Records);
static EPOCHS: Table<Incarnation, u64> = Table::of_incarnation("dynamodb/epochs", Class::Records);
static ITEMS: Table<(Incarnation, Tail), Raw> = Table::of_incarnation("dynamodb/items", Class::Items).large();
/// The bytes of partitions, of tables with local indexes.
static COLLECTIONS: Table<(Incarnation, Tail), u64> =
    Table::of_incarnation("dynamodb/collections", Class::Records);
/// How far the filling of an index has come: the last row of the table that was looked at.
static CURSORS: Table<Incarnation, Raw> = Table::of_incarnation("dynamodb/cursors", Class::Records);
/// The moment for which the next timer of a table's expiry is set.
static EXPECTED: Table<Incarnation, u64> = Table::of_incarnation("dynamodb/expected", Class::Records);
/// What timers did to the counts of tables and indexes.
static DRIFTS: Table<Incarnation, Count> = Table::of_incarnation("dynamodb/drifts", Class::Records);

/// Where the records of tables are, for the view.
pub fn tables_table() -> TableId {
    TABLES.id()
}

/// A change of a table's record: its scope and name, and the record it now has.
pub fn table_change(change: &store::Change) -> Option<(Scope, String, Option<TableRecord>)> {
    change.of(&TABLES)
}

/// The record of a table.
///
/// # Errors
/// The store's.
pub fn table(read: &impl Read, scope: &Scope, name: &String) -> Result<Option<TableRecord>, Fault> {
    read.get(&TABLES, scope, name)
}

/// The names of tables behind one, in order.
///
/// # Errors
/// The store's.
pub fn table_names(
    read: &impl Read,
    scope: &Scope,
    after: Option<&String>,
    limit: usize,
) -> Result<Vec<String>, Fault> {
    let span = after.map_or_else(Span::all, |after| Span::all().after(after));
    read.scan(&TABLES, scope, span).take(limit).map(|row| row.map(|(name, _)| name)).collect()
}

/// Writes the record of a table, with the next epoch.
///
/// # Errors
/// The store's.
pub fn put_table(tx: &mut Tx, scope: &Scope, record: &mut TableRecord) -> Result<(), Fault> {
    record.epoch += 1;
    tx.put(&TABLES, scope, &record.name, record)?;
    tx.put(&EPOCHS, scope, &record.incarnation, &record.epoch)
}

/// Removes a table with all that it contains.
///
/// # Errors
/// The store's.
pub fn remove_table(tx: &mut Tx, scope: &Scope, record: &TableRecord) -> Result<(), Fault> {
    tx.discard(scope, record.incarnation)?;
    remove_but_rows(tx, scope, record)
}

/// Removes a table but for its rows, which something else has taken over.
///
/// # Errors
/// The store's.
pub fn remove_but_rows(tx: &mut Tx, scope: &Scope, record: &TableRecord) -> Result<(), Fault> {
    tx.delete(&TABLES, scope, &record.name)?;
    tx.delete(&EPOCHS, scope, &record.incarnation)?;
    let indexes = record.indexes.iter().map(|index| index.incarnation);
    let parts = indexes.chain(record.expiry.iter().map(|expiry| expiry.incarnation));
    let mut parts = parts.chain(record.history.iter().map(|history| history.incarnation));
    parts.try_for_each(|incarnation| tx.discard(scope, incarnation))
}

/// The moment for which the next timer of a table's expiry is set.
///
/// # Errors
/// The store's.
pub fn expected(read: &impl Read, scope: &Scope, expiry: Incarnation) -> Result<Option<Timestamp>, Fault> {
    let millis = read.get(&EXPECTED, scope, &expiry)?;
    Ok(millis.and_then(|millis| i64::try_from(millis).ok()).map(Timestamp))
}

/// Keeps the moment for which the next timer of a table's expiry is set.
///
/// # Errors
/// The store's.
pub fn put_expected(
    tx: &mut Tx,
    scope: &Scope,
    expiry: Incarnation,
    due: Option<Timestamp>,
) -> Result<(), Fault> {
    match due {
        Some(due) => tx.put(&EXPECTED, scope, &expiry, &u64::try_from(due.millis()).unwrap_or_default()),
        None => tx.delete(&EXPECTED, scope, &expiry),
    }
}

/// What timers did to the counts of a table or index.
///
/// # Errors
/// The store's.
pub fn drift(read: &impl Read, scope: &Scope, incarnation: Incarnation) -> Result<Count, Fault> {
    Ok(read.get(&DRIFTS, scope, &incarnation)?.unwrap_or_default())
}

/// Adds to what timers did to the counts of a table or index.
///
/// # Errors
/// The store's.
pub fn add_drift(tx: &mut Tx, scope: &Scope, incarnation: Incarnation, count: Count) -> Result<(), Fault> {
    let sum = drift(tx, scope, incarnation)?.plus(count);
    tx.put(&DRIFTS, scope, &incarnation, &sum)
}

/// How far the filling of an index has come.
///
/// # Errors
/// The store's.
pub fn cursor(read: &impl Read, scope: &Scope, index: Incarnation) -> Result<Option<Vec<u8>>, Fault> {
    Ok(read.get(&CURSORS, scope, &index)?.map(|Raw(row)| row.to_vec()))
}

/// Keeps how far the filling of an index has come; `None` when it is done.
///
/// # Errors
/// The store's.
pub fn put_cursor(tx: &mut Tx, scope: &Scope, index: Incarnation, row: Option<Bytes>) -> Result<(), Fault> {
    match row {
        Some(row) => tx.put(&CURSORS, scope, &index, &Raw(row)),
        None => tx.delete(&CURSORS, scope, &index),
    }
}

/// Refuses to go on with a record that was changed since it was looked up.
///
/// # Errors
/// `Stale`, and the store's.
pub fn check_epoch(tx: &Tx, scope: &Scope, record: &TableRecord) -> Result<(), DynamoError> {
    match tx.get(&EPOCHS, scope, &record.incarnation)? {
        Some(epoch) if epoch == record.epoch => Ok(()),
        _ => Err(DynamoError::Stale),
    }
}

/// The bytes of a partition with its entries in local indexes, in a table that has such.
///
/// # Errors
/// The store's.
pub fn collection(
    read: &impl Read,
    scope: &Scope,
    table: Incarnation,
    partition: &[u8],
) -> Result<u64, Fault> {
    Ok(read.get(&COLLECTIONS, scope, &key(table, partition))?.unwrap_or_default())
}

/// Keeps the bytes of a partition.
///
/// # Errors
/// The store's.
pub fn put_collection(
    tx: &mut Tx,
    scope: &Scope,
    table: Incarnation,
    partition: &[u8],
    bytes: u64,
) -> Result<(), Fault> {
    match bytes {
        0 => tx.delete(&COLLECTIONS, scope, &key(table, partition)),
        bytes => tx.put(&COLLECTIONS, scope, &key(table, partition), &bytes),
    }
}

fn key(incarnation: Incarnation, row: &[u8]) -> (Incarnation, Tail) {
    (incarnation, Tail(Bytes::copy_from_slice(row)))
}

/// A stored row.
///
/// # Errors
/// The store's.
pub fn row(
    read: &impl Read,
    scope: &Scope,
    incarnation: Incarnation,
    row: &[u8],
) -> Result<Option<Bytes>, Fault> {
    Ok(read.get(&ITEMS, scope, &key(incarnation, row))?.map(|Raw(bytes)| bytes))
}

/// The item of a stored row.
///
/// # Errors
/// Where it cannot be read.
pub fn item(row: &Bytes) -> Result<Item, DynamoError> {
    codec::decode(row).map_err(|bad| DynamoError::Corrupt(bad.0))
}

/// Writes a row.
///
/// # Errors
/// The store's.
pub fn put_row(
    tx: &mut Tx,
    scope: &Scope,
    incarnation: Incarnation,
    row: &[u8],
    stored: &Stored,
) -> Result<(), Fault> {
    put_bytes(tx, scope, incarnation, row, stored.bytes.clone())
}

/// Writes a row of bytes that are no item.
///
/// # Errors
/// The store's.
pub fn put_bytes(
    tx: &mut Tx,
    scope: &Scope,
    incarnation: Incarnation,
    row: &[u8],
    bytes: Bytes,
) -> Result<(), Fault> {
    tx.put(&ITEMS, scope, &key(incarnation, row), &Raw(bytes))
}

/// Removes a row.
///
/// # Errors
/// The store's.
pub fn remove_row(tx: &mut Tx, scope: &Scope, incarnation: Incarnation, row: &[u8]) -> Result<(), Fault> {
    tx.delete(&ITEMS, scope, &key(incarnation, row))
}

/// The rows of a range: their keys and bytes.
pub fn rows<'r>(
    read: &'r impl Read,
    scope: &Scope,
    incarnation: Incarnation,
    range: &RowRange,
    forward: bool,
) -> impl Iterator<Item = Result<(Bytes, Bytes), Fault>> + 'r {
    let bounds = (borrowed(&range.low), borrowed(&range.high));
    let span = Span::tail(&incarnation, bounds);
    let span = if forward { span } else { span.reversed() };
    read.scan(&ITEMS, scope, span).map(|row| row.map(|((_, Tail(key)), Raw(bytes))| (key, bytes)))
}

fn borrowed(bound: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    match bound {
        Bound::Unbounded => Bound::Unbounded,
        Bound::Included(bytes) => Bound::Included(bytes),
        Bound::Excluded(bytes) => Bound::Excluded(bytes),
    }
}
