//! What only some versions of functions have: durable executions, a capacity provider, how it scales.

use names::{Arn, Scope};
use serde::{Deserialize, Serialize};
use store::{Class, Fault, Incarnation, Read, Table, Tx, record};

/// What only some versions have.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Choices {
    /// Its runs are durable executions.
    pub durable: Option<Durable>,
    /// Where it runs.
    pub capacity: Option<Capacity>,
    /// How many environments it has there.
    pub scaling: Scaling,
}
record!(Choices, 1);

/// How long durable executions last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Durable {
    /// Longest execution, in seconds.
    pub timeout_s: u32,
    /// How long a closed one is kept, in days.
    pub retention_days: u32,
}

/// A capacity provider, and what is wanted of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Capacity {
    /// The provider.
    pub provider: Arn,
    /// Invocations of one environment at once.
    pub concurrency: Option<u32>,
    /// GiB of memory for each processor.
    pub gib_per_vcpu: Option<f64>,
}

/// How many environments a version has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scaling {
    /// At least.
    pub min: Option<u32>,
    /// At most.
    pub max: Option<u32>,
}

static CHOICES: Table<(Incarnation, String), Choices> =
    Table::of_incarnation("lambda/choices", Class::Records);

/// What a version has.
pub fn of(read: &impl Read, scope: &Scope, function: Incarnation, version: &str) -> Result<Choices, Fault> {
    Ok(read.get(&CHOICES, scope, &(function, version.to_owned()))?.unwrap_or_default())
}

/// Writes what a version has.
pub fn put(
    tx: &mut Tx,
    scope: &Scope,
    (function, version): (Incarnation, &str),
    choices: &Choices,
) -> Result<(), Fault> {
    let key = (function, version.to_owned());
    match *choices == Choices::default() {
        true => tx.delete(&CHOICES, scope, &key),
        false => tx.put(&CHOICES, scope, &key, choices),
    }
}
