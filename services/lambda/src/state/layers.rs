//! Layers and their versions. A layer's row outlives its versions, so that no number is given twice.

use super::Code;
use names::{AccountId, Scope, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Class, Fault, Incarnation, Read, Snapshot, Span, Table, Tx, record};

/// A layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// The number that its versions are keyed by.
    pub incarnation: Incarnation,
    /// The number of its last version.
    pub last: u64,
}
record!(Layer, 1);

/// A version of a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerVersion {
    /// Its number.
    pub number: u64,
    /// Its content.
    pub code: Code,
    /// For people.
    pub description: String,
    /// The licence of its content.
    pub license: Option<String>,
    /// Runtimes that it is for.
    pub runtimes: Vec<String>,
    /// Instruction sets that it is for.
    pub architectures: Vec<String>,
    /// When it was made.
    pub created: Timestamp,
    /// The id that clients give to change the policy that they have seen.
    pub revision: String,
}
record!(LayerVersion, 1);

static LAYERS: Table<String, Layer> = Table::new("lambda/layers", Class::Records);
static LAYER_VERSIONS: Table<(Incarnation, u64), LayerVersion> =
    Table::of_incarnation("lambda/layer-versions", Class::Records);

/// A layer by its name.
pub fn layer(read: &impl Read, scope: &Scope, name: &str) -> Result<Option<Layer>, Fault> {
    read.get(&LAYERS, scope, &name.to_owned())
}

/// The layers after one of them, in the order of their names.
pub fn layers(
    read: &impl Read,
    scope: &Scope,
    after: Option<&str>,
) -> impl Iterator<Item = Result<(String, Layer), Fault>> {
    let span = after.map_or_else(Span::all, |after| Span::all().after(&after.to_owned()));
    read.scan(&LAYERS, scope, span)
}

/// The layers of an account in all regions.
pub fn layers_of(
    read: &Snapshot,
    account: AccountId,
) -> impl Iterator<Item = Result<(Scope, Layer), Fault>> + use<> {
    let rows = read.in_regions_of(&LAYERS, account);
    rows.map(|row| row.map(|(scope, _, layer)| (scope, layer)))
}

/// Writes a layer.
pub fn put_layer(tx: &mut Tx, scope: &Scope, name: &str, layer: &Layer) -> Result<(), Fault> {
    tx.put(&LAYERS, scope, &name.to_owned(), layer)
}

/// A version of a layer.
pub fn version(
    read: &impl Read,
    scope: &Scope,
    name: &str,
    number: u64,
) -> Result<Option<LayerVersion>, Fault> {
    let Some(layer) = layer(read, scope, name)? else { return Ok(None) };
    read.get(&LAYER_VERSIONS, scope, &(layer.incarnation, number))
}

/// The versions of a layer, the oldest first.
pub fn versions(read: &impl Read, scope: &Scope, layer: &Layer) -> Result<Vec<LayerVersion>, Fault> {
    let rows = read.scan(&LAYER_VERSIONS, scope, Span::of(&layer.incarnation));
    rows.map(|row| row.map(|(_, version)| version)).collect()
}

/// Writes a version of a layer.
pub fn put_version(tx: &mut Tx, scope: &Scope, layer: &Layer, version: &LayerVersion) -> Result<(), Fault> {
    tx.put(&LAYER_VERSIONS, scope, &(layer.incarnation, version.number), version)
}

/// Removes a version of a layer.
pub fn remove_version(tx: &mut Tx, scope: &Scope, layer: &Layer, number: u64) -> Result<(), Fault> {
    tx.delete(&LAYER_VERSIONS, scope, &(layer.incarnation, number))
}
