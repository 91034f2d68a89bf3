//! Provisioned concurrency: how many environments a version or alias keeps ready.

use super::{Function, Incarnation};
use names::{Scope, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Class, Fault, Read, Span, Table, Tx, record};

/// What is kept ready for a version or alias.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provisioned {
    /// The version or alias.
    pub qualifier: String,
    /// Environments that are to be ready.
    pub wanted: u32,
    /// Why they cannot be.
    pub failed: Option<String>,
    /// When it was changed.
    pub modified: Timestamp,
}
record!(Provisioned, 1);

/// Where a function has something provisioned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The function's account and region.
    pub scope: Scope,
    /// Its name.
    pub function: String,
}
record!(Place, 1);

static PROVISIONED: Table<(Incarnation, String), Provisioned> =
    Table::of_incarnation("lambda/provisioned", Class::Records);
/// All of the partition in one place, since whoever keeps environments ready needs them all.
static PLACES: Table<(u64, String), Place> = Table::new("lambda/provisioned-places", Class::Records);

/// What is kept ready for a qualifier.
pub fn of(
    read: &impl Read,
    scope: &Scope,
    function: &Function,
    qualifier: &str,
) -> Result<Option<Provisioned>, Fault> {
    read.get(&PROVISIONED, scope, &(function.incarnation, qualifier.to_owned()))
}

/// All that is kept ready for a function.
pub fn all(read: &impl Read, scope: &Scope, function: &Function) -> Result<Vec<Provisioned>, Fault> {
    let rows = read.scan(&PROVISIONED, scope, Span::of(&function.incarnation));
    rows.map(|row| row.map(|(_, provisioned)| provisioned)).collect()
}

/// Where all of the region's are: the function's number, the qualifier, the place.
pub fn places(read: &impl Read) -> Result<Vec<(Incarnation, String, Place)>, Fault> {
    let rows = read.scan(&PLACES, &Scope::Partition, Span::all());
    rows.map(|row| row.map(|((number, qualifier), place)| (Incarnation(number), qualifier, place))).collect()
}

/// Writes what is kept ready for a qualifier.
pub fn put(tx: &mut Tx, scope: &Scope, function: &Function, provisioned: &Provisioned) -> Result<(), Fault> {
    let key = (function.incarnation.0, provisioned.qualifier.clone());
    let place = Place { scope: scope.clone(), function: function.latest.name.clone() };
    tx.put(&PLACES, &Scope::Partition, &key, &place)?;
    tx.put(&PROVISIONED, scope, &(function.incarnation, provisioned.qualifier.clone()), provisioned)
}

/// Removes what is kept ready for a qualifier.
pub fn remove(tx: &mut Tx, scope: &Scope, function: &Function, qualifier: &str) -> Result<(), Fault> {
    tx.delete(&PLACES, &Scope::Partition, &(function.incarnation.0, qualifier.to_owned()))?;
    tx.delete(&PROVISIONED, scope, &(function.incarnation, qualifier.to_owned()))
}

/// Forgets a place whose function is gone.
pub fn forget(tx: &mut Tx, function: Incarnation, qualifier: &str) -> Result<(), Fault> {
    tx.delete(&PLACES, &Scope::Partition, &(function.0, qualifier.to_owned()))
}
