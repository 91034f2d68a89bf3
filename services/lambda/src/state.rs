//! The tables of the room. A function has one row under its name; its versions, aliases and settings of
//! asynchronous invocations are keyed by its incarnation. Code is kept once for all that have the same.

pub mod capacity;
pub mod choices;
pub mod durable;
pub mod events;
pub mod layers;
pub mod mappings;
pub mod provisioned;
mod settings;
pub mod signing;
pub mod urls;

pub use events::{EVENTS, Event, add_event, end_event, event, event_payload, events, put_event};
pub use mappings::{Mapping, mapping, mappings, put_mapping, remove_mapping};
pub use settings::{ImageChoices, LayerUse, LogLevels, Settings};

use names::{AccountId, Arn, Region, Scope, Timestamp};
use serde::{Deserialize, Serialize};
use settings::SettingsV1;
use store::{BlobRef, Class, Corrupt, Fault, Incarnation, Read, Record, Snapshot, Span, Table, Tx, record};

/// The version that is not published.
pub const LATEST: &str = "$LATEST";
/// What was published last of a function on a capacity provider, without a number.
pub const LATEST_PUBLISHED: &str = "$LATEST.PUBLISHED";
/// What it has in the place of a number: more than any version will have, so it is listed after them.
pub const PUBLISHED: u64 = u64::MAX;

/// A version by its number.
pub fn version_name(number: u64) -> String {
    if number == PUBLISHED { LATEST_PUBLISHED.to_owned() } else { number.to_string() }
}

/// A function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Function {
    /// The number that its versions and aliases are keyed by.
    pub incarnation: Incarnation,
    /// `$LATEST`.
    pub latest: Configuration,
    /// The last version that was published; 0 before the first.
    pub published: u64,
    /// Concurrent invocations kept for it alone, and its bound.
    pub reserved: Option<u32>,
    /// The id of its code signing configuration.
    pub signing: Option<String>,
    /// It may be part of a loop of invocations.
    pub may_loop: bool,
}

#[derive(Serialize, Deserialize)]
struct FunctionV1 {
    incarnation: Incarnation,
    latest: ConfigurationV1,
    published: u64,
    reserved: Option<u32>,
}

impl Record for Function {
    const VERSION: u8 = 2;

    fn upgrade(_from: u8, bytes: &[u8]) -> Result<Self, Corrupt> {
        let old: FunctionV1 = first(bytes)?;
        Ok(Function {
            incarnation: old.incarnation,
            latest: old.latest.into(),
            published: old.published,
            reserved: old.reserved,
            signing: None,
            may_loop: false,
        })
    }
}

fn first<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, Corrupt> {
    postcard::from_bytes(bytes)
        .map_err(|_| Corrupt("the fields of the record's first version cannot be read"))
}

/// What a version of a function is run with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Configuration {
    /// The function's name.
    pub name: String,
    /// `$LATEST` or a number.
    pub version: String,
    /// Another one with each change of what environments are made of.
    pub generation: u64,
    /// The id that clients give to change what they have seen.
    pub revision: String,
    /// When it was last changed.
    pub modified: Timestamp,
    /// Its code.
    pub code: Code,
    /// What its code is, beside a package.
    pub origin: Origin,
    /// Which version of its runtime it is run with.
    pub runtime_update: RuntimeUpdate,
    /// All that its owner chooses.
    pub settings: Settings,
}

/// What the code of a version is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// A package that is kept.
    #[default]
    Package,
    /// A folder of this machine, read as it is: its path.
    Folder(String),
    /// An image: its URI.
    Image(String),
}

/// Which version of a runtime a version of a function is run with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuntimeUpdate {
    /// `Auto`, `FunctionUpdate` or `Manual`.
    pub on: String,
    /// The version, where it is chosen by hand.
    pub version: Option<String>,
}

impl Default for RuntimeUpdate {
    fn default() -> Self {
        RuntimeUpdate { on: "Auto".to_owned(), version: None }
    }
}

#[derive(Serialize, Deserialize)]
struct ConfigurationV1 {
    name: String,
    version: String,
    generation: u64,
    revision: String,
    modified: Timestamp,
    code: Code,
    settings: SettingsV1,
}

impl From<ConfigurationV1> for Configuration {
    fn from(old: ConfigurationV1) -> Self {
        Configuration {
            name: old.name,
            version: old.version,
            generation: old.generation,
            revision: old.revision,
            modified: old.modified,
            code: old.code,
            origin: Origin::default(),
            runtime_update: RuntimeUpdate::default(),
            settings: old.settings.into(),
        }
    }
}

impl Record for Configuration {
    const VERSION: u8 = 2;

    fn upgrade(_from: u8, bytes: &[u8]) -> Result<Self, Corrupt> {
        first::<ConfigurationV1>(bytes).map(Into::into)
    }
}

/// A package of code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    /// The digest of the package, which names it.
    pub sha256: [u8; 32],
    /// The package's bytes.
    pub size: u64,
}

/// An alias.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alias {
    /// Its name.
    pub name: String,
    /// The version it stands for.
    pub version: String,
    /// For people.
    pub description: String,
    /// Another version and the part of the invocations that goes there.
    pub weighted: Option<(String, f64)>,
    /// The id that clients give to change what they have seen.
    pub revision: String,
}
record!(Alias, 1);

/// How asynchronous invocations of a function, version or alias end.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EventConfig {
    /// Attempts after the first, 0 to 2.
    pub retries: Option<u32>,
    /// Oldest event that is still tried, in seconds.
    pub max_age_s: Option<u32>,
    /// Where results go.
    pub on_success: Option<Arn>,
    /// Where failures go.
    pub on_failure: Option<Arn>,
    /// When it was changed.
    pub modified: Timestamp,
}
record!(EventConfig, 1);

/// Bytes of a package, and how many configurations have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// The zip archive.
    pub archive: BlobRef,
    /// Configurations that have it.
    pub uses: u64,
}
record!(Package, 1);

/// What an account has in a region.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Functions.
    pub functions: u64,
    /// Bytes of their packages, of all versions.
    pub code_bytes: u64,
    /// Concurrent invocations kept for single functions.
    pub reserved: u32,
}
record!(Totals, 1);

static FUNCTIONS: Table<String, Function> = Table::new("lambda/functions", Class::Records);
static VERSIONS: Table<(Incarnation, u64), Configuration> =
    Table::of_incarnation("lambda/versions", Class::Records);
static ALIASES: Table<(Incarnation, String), Alias> = Table::of_incarnation("lambda/aliases", Class::Records);
static EVENT_CONFIGS: Table<(Incarnation, String), EventConfig> =
    Table::of_incarnation("lambda/event-configs", Class::Records);
static PACKAGES: Table<[u8; 32], Package> = Table::new("lambda/packages", Class::Records);
static TOTALS: Table<(), Totals> = Table::new("lambda/totals", Class::Records);

/// The ARN of a function, of a version or alias where there is a qualifier.
pub fn arn(scope: &Scope, name: &str, qualifier: Option<&str>) -> Arn {
    let resource = match qualifier {
        Some(qualifier) => format!("function:{name}:{qualifier}"),
        None => format!("function:{name}"),
    };
    in_scope(scope, &resource)
}

/// The ARN of a resource of the room.
pub fn in_scope(scope: &Scope, resource: &str) -> Arn {
    let account = scope.account().unwrap_or(AccountId::DEFAULT);
    Arn::regional("lambda", scope.region().unwrap_or(&Region::default()), account, resource)
}

/// A function by its name.
pub fn function(read: &impl Read, scope: &Scope, name: &str) -> Result<Option<Function>, Fault> {
    read.get(&FUNCTIONS, scope, &name.to_owned())
}

/// The functions after one of them, in the order of their names.
pub fn functions(
    read: &impl Read,
    scope: &Scope,
    after: Option<&str>,
) -> impl Iterator<Item = Result<Function, Fault>> {
    let span = after.map_or_else(Span::all, |after| Span::all().after(&after.to_owned()));
    read.scan(&FUNCTIONS, scope, span).map(|row| row.map(|(_, function)| function))
}

/// The functions of an account in all regions.
pub fn functions_of(
    read: &Snapshot,
    account: AccountId,
) -> impl Iterator<Item = Result<(Scope, Function), Fault>> + use<> {
    let rows = read.in_regions_of(&FUNCTIONS, account);
    rows.map(|row| row.map(|(scope, _, function)| (scope, function)))
}

/// Writes a function.
pub fn put_function(tx: &mut Tx, scope: &Scope, function: &Function) -> Result<(), Fault> {
    tx.put(&FUNCTIONS, scope, &function.latest.name, function)
}

/// Removes a function with all that is keyed by it; heads and code are let go by the caller.
pub fn remove_function(tx: &mut Tx, scope: &Scope, function: &Function) -> Result<(), Fault> {
    urls::remove_all(tx, scope, function)?;
    tx.delete(&FUNCTIONS, scope, &function.latest.name)?;
    tx.discard(scope, function.incarnation)
}

/// A published version, or `$LATEST.PUBLISHED`.
pub fn version(
    read: &impl Read,
    scope: &Scope,
    function: &Function,
    number: u64,
) -> Result<Option<Configuration>, Fault> {
    read.get(&VERSIONS, scope, &(function.incarnation, number))
}

/// The published versions after one of them, the oldest first.
pub fn versions(
    read: &impl Read,
    scope: &Scope,
    function: &Function,
    after: u64,
) -> impl Iterator<Item = Result<Configuration, Fault>> {
    let span = Span::of(&function.incarnation).after(&(function.incarnation, after));
    read.scan(&VERSIONS, scope, span).map(|row| row.map(|(_, version)| version))
}

/// Writes a published version.
pub fn put_version(
    tx: &mut Tx,
    scope: &Scope,
    function: &Function,
    number: u64,
    version: &Configuration,
) -> Result<(), Fault> {
    tx.put(&VERSIONS, scope, &(function.incarnation, number), version)
}

/// Removes a published version.
pub fn remove_version(tx: &mut Tx, scope: &Scope, function: &Function, number: u64) -> Result<(), Fault> {
    tx.delete(&VERSIONS, scope, &(function.incarnation, number))
}

/// An alias.
pub fn alias(
    read: &impl Read,
    scope: &Scope,
    function: &Function,
    name: &str,
) -> Result<Option<Alias>, Fault> {
    read.get(&ALIASES, scope, &(function.incarnation, name.to_owned()))
}

/// The aliases after one of them, in the order of their names.
pub fn aliases(
    read: &impl Read,
    scope: &Scope,
    function: &Function,
    after: Option<&str>,
) -> impl Iterator<Item = Result<Alias, Fault>> {
    let span = Span::of(&function.incarnation);
    let span = match after {
        Some(after) => span.after(&(function.incarnation, after.to_owned())),
        None => span,
    };
    read.scan(&ALIASES, scope, span).map(|row| row.map(|(_, alias)| alias))
}

/// Writes an alias.
pub fn put_alias(tx: &mut Tx, scope: &Scope, function: &Function, alias: &Alias) -> Result<(), Fault> {
    tx.put(&ALIASES, scope, &(function.incarnation, alias.name.clone()), alias)
}

/// Removes an alias.
pub fn remove_alias(tx: &mut Tx, scope: &Scope, function: &Function, name: &str) -> Result<(), Fault> {
    tx.delete(&ALIASES, scope, &(function.incarnation, name.to_owned()))
}

/// How asynchronous invocations by a qualifier end.
pub fn event_config(
    read: &impl Read,
    scope: &Scope,
    function: &Function,
    qualifier: &str,
) -> Result<Option<EventConfig>, Fault> {
    read.get(&EVENT_CONFIGS, scope, &(function.incarnation, qualifier.to_owned()))
}

/// How asynchronous invocations end, by all qualifiers of a function.
pub fn event_configs(
    read: &impl Read,
    scope: &Scope,
    function: &Function,
) -> Result<Vec<(String, EventConfig)>, Fault> {
    let rows = read.scan(&EVENT_CONFIGS, scope, Span::of(&function.incarnation));
    rows.map(|row| row.map(|((_, qualifier), config)| (qualifier, config))).collect()
}

/// Writes how asynchronous invocations by a qualifier end; `None` for the defaults.
pub fn put_event_config(
    tx: &mut Tx,
    scope: &Scope,
    function: &Function,
    qualifier: &str,
    config: Option<&EventConfig>,
) -> Result<(), Fault> {
    let key = (function.incarnation, qualifier.to_owned());
    match config {
        Some(config) => tx.put(&EVENT_CONFIGS, scope, &key, config),
        None => tx.delete(&EVENT_CONFIGS, scope, &key),
    }
}

/// A package by its digest.
pub fn package(read: &impl Read, sha256: &[u8; 32]) -> Result<Option<Package>, Fault> {
    read.get(&PACKAGES, &Scope::Partition, sha256)
}

/// Says that one more has a package; its bytes are given where it may be new. Says whether the package is
/// there now.
pub fn share_package(tx: &mut Tx, code: &Code, archive: Option<&BlobRef>) -> Result<bool, Fault> {
    let package = match (package(tx, &code.sha256)?, archive) {
        (Some(package), _) => Package { uses: package.uses + 1, ..package },
        (None, Some(archive)) => {
            tx.keep_blob(archive)?;
            Package { archive: archive.clone(), uses: 1 }
        }
        (None, None) => return Ok(false),
    };
    tx.put(&PACKAGES, &Scope::Partition, &code.sha256, &package)?;
    Ok(true)
}

/// Says that one of those that had a package has it no longer.
pub fn unshare_package(tx: &mut Tx, code: &Code) -> Result<(), Fault> {
    let Some(package) = package(tx, &code.sha256)? else { return Ok(()) };
    if package.uses > 1 {
        let fewer = Package { uses: package.uses - 1, ..package };
        return tx.put(&PACKAGES, &Scope::Partition, &code.sha256, &fewer);
    }
    tx.delete(&PACKAGES, &Scope::Partition, &code.sha256)?;
    tx.discard_blob(&package.archive)
}

/// As [`share_package`], counted among the code of an account.
pub fn hold_package(
    tx: &mut Tx,
    scope: &Scope,
    code: &Code,
    archive: Option<&BlobRef>,
) -> Result<bool, Fault> {
    if !share_package(tx, code, archive)? {
        return Ok(false);
    }
    change_totals(tx, scope, |totals| totals.code_bytes += code.size)?;
    Ok(true)
}

/// As [`unshare_package`], counted no longer.
pub fn release_package(tx: &mut Tx, scope: &Scope, code: &Code) -> Result<(), Fault> {
    change_totals(tx, scope, |totals| totals.code_bytes = totals.code_bytes.saturating_sub(code.size))?;
    unshare_package(tx, code)
}

/// Says that one more configuration has its package, whose bytes are given where it may be new. Says
/// whether it is there now.
pub fn hold_code(
    tx: &mut Tx,
    scope: &Scope,
    configuration: &Configuration,
    archive: Option<&BlobRef>,
) -> Result<bool, Fault> {
    match configuration.origin {
        Origin::Package => hold_package(tx, scope, &configuration.code, archive),
        Origin::Folder(_) | Origin::Image(_) => Ok(true),
    }
}

/// Says that one more configuration has its layers; the one that is not there, where one is not.
pub fn hold_layers(tx: &mut Tx, layers: &[LayerUse]) -> Result<Option<Arn>, Fault> {
    for layer in layers {
        if !share_package(tx, &layer.code, None)? {
            return Ok(Some(layer.arn.clone()));
        }
    }
    Ok(None)
}

/// Says that a configuration has its package and its layers no longer.
pub fn release_code(tx: &mut Tx, scope: &Scope, configuration: &Configuration) -> Result<(), Fault> {
    configuration.settings.layers.iter().try_for_each(|layer| unshare_package(tx, &layer.code))?;
    match configuration.origin {
        Origin::Package => release_package(tx, scope, &configuration.code),
        Origin::Folder(_) | Origin::Image(_) => Ok(()),
    }
}

/// What an account has in a region.
pub fn totals(read: &impl Read, scope: &Scope) -> Result<Totals, Fault> {
    Ok(read.get(&TOTALS, scope, &())?.unwrap_or_default())
}

/// Changes what an account has in a region.
pub fn change_totals(tx: &mut Tx, scope: &Scope, change: impl FnOnce(&mut Totals)) -> Result<(), Fault> {
    let mut totals = totals(tx, scope)?;
    change(&mut totals);
    tx.put(&TOTALS, scope, &(), &totals)
}
