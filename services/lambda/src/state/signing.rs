//! Code signing configurations: whose signatures code needs, and what becomes of code without one.

use names::{Scope, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Class, Fault, Read, Span, Table, Tx, record};

/// A code signing configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningConfig {
    /// Its id.
    pub id: String,
    /// For people.
    pub description: Option<String>,
    /// The versions of signing profiles that may sign.
    pub publishers: Vec<String>,
    /// Code without such a signature is refused; it is only warned of otherwise.
    pub enforces: bool,
    /// When it was changed.
    pub modified: Timestamp,
}
record!(SigningConfig, 1);

static CONFIGS: Table<String, SigningConfig> = Table::new("lambda/code-signing", Class::Records);

/// A configuration by its id.
pub fn config(read: &impl Read, scope: &Scope, id: &str) -> Result<Option<SigningConfig>, Fault> {
    read.get(&CONFIGS, scope, &id.to_owned())
}

/// The configurations after one of them, in the order of their ids.
pub fn configs(
    read: &impl Read,
    scope: &Scope,
    after: Option<&str>,
) -> impl Iterator<Item = Result<SigningConfig, Fault>> {
    let span = after.map_or_else(Span::all, |after| Span::all().after(&after.to_owned()));
    read.scan(&CONFIGS, scope, span).map(|row| row.map(|(_, config)| config))
}

/// Writes a configuration.
pub fn put(tx: &mut Tx, scope: &Scope, config: &SigningConfig) -> Result<(), Fault> {
    tx.put(&CONFIGS, scope, &config.id, config)
}

/// Removes a configuration.
pub fn remove(tx: &mut Tx, scope: &Scope, id: &str) -> Result<(), Fault> {
    tx.delete(&CONFIGS, scope, &id.to_owned())
}
