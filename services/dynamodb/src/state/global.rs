//! Global tables of the version 2017: the regions whose tables of one name belong together. They belong to the
//! account, since no region is more theirs than another.

use names::{AccountId, Region, Scope, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use store::{Class, Fault, Read, Span, Table, Tx, record};

/// A global table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GlobalRecord {
    /// The name of its tables.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// Where its tables are.
    pub regions: BTreeSet<Region>,
}

record!(GlobalRecord, 1);

static GLOBALS: Table<String, GlobalRecord> = Table::new("dynamodb/global-tables", Class::Records);

/// The global table of a name.
///
/// # Errors
/// The store's.
pub fn global(read: &impl Read, account: AccountId, name: &String) -> Result<Option<GlobalRecord>, Fault> {
    read.get(&GLOBALS, &Scope::Account(account), name)
}

/// The global tables behind a name, in order.
pub fn globals<'r>(
    read: &'r impl Read,
    account: AccountId,
    after: Option<&String>,
) -> impl Iterator<Item = Result<GlobalRecord, Fault>> + 'r {
    let span = after.map_or_else(Span::all, |after| Span::all().after(after));
    read.scan(&GLOBALS, &Scope::Account(account), span).map(|row| row.map(|(_, record)| record))
}

/// Writes a global table; one that is nowhere any more goes.
///
/// # Errors
/// The store's.
pub fn put_global(tx: &mut Tx, account: AccountId, record: &GlobalRecord) -> Result<(), Fault> {
    match record.regions.is_empty() {
        true => tx.delete(&GLOBALS, &Scope::Account(account), &record.name),
        false => tx.put(&GLOBALS, &Scope::Account(account), &record.name, record),
    }
}
