//! Capacity providers: where functions run that do not run on Lambda's own machines.

use names::{Scope, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Class, Fault, Read, Span, Table, Tx, record};

/// A capacity provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provider {
    /// Its name.
    pub name: String,
    /// The subnets of its machines.
    pub subnets: Vec<String>,
    /// Their security groups.
    pub security_groups: Vec<String>,
    /// The role that starts its machines.
    pub operator: String,
    /// Which machines it may have.
    pub machines: Option<Machines>,
    /// How it scales.
    pub scaling: ProviderScaling,
    /// The key of its machines' disks.
    pub kms_key: Option<String>,
    /// When it was last changed.
    pub modified: Timestamp,
}
record!(Provider, 1);

/// Which machines a provider may have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machines {
    /// Their architectures.
    pub architectures: Option<Vec<String>>,
    /// Types that are taken.
    pub allowed: Option<Vec<String>>,
    /// Types that are not.
    pub excluded: Option<Vec<String>>,
}

/// How a provider scales.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProviderScaling {
    /// Processors of all its machines.
    pub max_vcpus: u32,
    /// `Auto` or `Manual`.
    pub mode: String,
    /// What it scales by: a metric and its target.
    pub policies: Vec<(String, f64)>,
}

static PROVIDERS: Table<String, Provider> = Table::new("lambda/capacity-providers", Class::Records);

/// A provider by its name.
pub fn provider(read: &impl Read, scope: &Scope, name: &str) -> Result<Option<Provider>, Fault> {
    read.get(&PROVIDERS, scope, &name.to_owned())
}

/// The providers after one of them, in the order of their names.
pub fn providers(
    read: &impl Read,
    scope: &Scope,
    after: Option<&str>,
) -> impl Iterator<Item = Result<Provider, Fault>> {
    let span = after.map_or_else(Span::all, |after| Span::all().after(&after.to_owned()));
    read.scan(&PROVIDERS, scope, span).map(|row| row.map(|(_, provider)| provider))
}

/// Writes a provider.
pub fn put(tx: &mut Tx, scope: &Scope, provider: &Provider) -> Result<(), Fault> {
    tx.put(&PROVIDERS, scope, &provider.name, provider)
}

/// Removes a provider.
pub fn remove(tx: &mut Tx, scope: &Scope, name: &str) -> Result<(), Fault> {
    tx.delete(&PROVIDERS, scope, &name.to_owned())
}
