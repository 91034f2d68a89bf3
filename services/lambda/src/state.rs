//! The tables of the room. A function has one row under its name; its versions, aliases and settings of
//! asynchronous invocations are keyed by its incarnation. Code is kept once for all that have the same.

use names::{AccountId, Arn, Region, Scope, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::{BlobRef, Class, Fault, Incarnation, Raw, Read, Snapshot, Span, Store, Table, Tx, record};

/// The version that is not published.
pub const LATEST: &str = "$LATEST";

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
}
record!(Function, 1);

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
    /// All that its owner chooses.
    pub settings: Settings,
}

/// A package of code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    /// The digest of the package, which names it.
    pub sha256: [u8; 32],
    /// The package's bytes.
    pub size: u64,
}

/// What the owner of a function chooses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// `python3.11`
    pub runtime: String,
    /// The execution role.
    pub role: Arn,
    /// What is called.
    pub handler: String,
    /// For people.
    pub description: String,
    /// Longest invocation, in seconds.
    pub timeout_s: u32,
    /// Its memory, in MB.
    pub memory_mb: u32,
    /// Room in `/tmp`, in MB.
    pub storage_mb: u32,
    /// Environment variables.
    pub environment: Option<BTreeMap<String, String>>,
    /// The key that they are encrypted with.
    pub kms_key: Option<String>,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// `Active` or `PassThrough`.
    pub tracing: String,
    /// `PublishedVersions` or `None`.
    pub snap_start: String,
    /// Where events go that could not be processed.
    pub dead_letter: Option<Arn>,
    /// The log group, where it is not `/aws/lambda/{name}`.
    pub log_group: Option<String>,
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
record!(Configuration, 1);

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
    tx.delete(&FUNCTIONS, scope, &function.latest.name)?;
    tx.discard(scope, function.incarnation)
}

/// A published version.
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

/// Says that one more configuration has a package; its bytes are given where it may be new. Says whether
/// the package is there now.
pub fn hold_package(
    tx: &mut Tx,
    scope: &Scope,
    code: &Code,
    archive: Option<&BlobRef>,
) -> Result<bool, Fault> {
    let package = match (package(tx, &code.sha256)?, archive) {
        (Some(package), _) => Package { uses: package.uses + 1, ..package },
        (None, Some(archive)) => {
            tx.keep_blob(archive)?;
            Package { archive: archive.clone(), uses: 1 }
        }
        (None, None) => return Ok(false),
    };
    tx.put(&PACKAGES, &Scope::Partition, &code.sha256, &package)?;
    change_totals(tx, scope, |totals| totals.code_bytes += code.size)?;
    Ok(true)
}

/// Says that a configuration has a package no longer.
pub fn release_package(tx: &mut Tx, scope: &Scope, code: &Code) -> Result<(), Fault> {
    change_totals(tx, scope, |totals| totals.code_bytes = totals.code_bytes.saturating_sub(code.size))?;
    let Some(package) = package(tx, &code.sha256)? else { return Ok(()) };
    if package.uses > 1 {
        let fewer = Package { uses: package.uses - 1, ..package };
        return tx.put(&PACKAGES, &Scope::Partition, &code.sha256, &fewer);
    }
    tx.delete(&PACKAGES, &Scope::Partition, &code.sha256)?;
    tx.discard_blob(&package.archive)
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

/// An asynchronous invocation that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Where its function is.
    pub scope: Scope,
    /// The function's name.
    pub function: String,
    /// The version or alias that was named.
    pub qualifier: Option<String>,
    /// The invocation's request id.
    pub request_id: String,
    /// When it was accepted.
    pub accepted: Timestamp,
    /// How often the function was run with it.
    pub attempts: u32,
    /// How often it was put off because the function could not be run.
    pub deferrals: u32,
    /// It waits for a timer before it is tried again.
    pub waits: bool,
    /// How many deliveries led to it.
    pub hops: u8,
}
record!(Event, 1);

/// By a number of its own; the view of what is to be run is made of these.
pub static EVENTS: Table<u64, Event> = Table::new("lambda/events", Class::Queue);
static PAYLOADS: Table<u64, Raw> = Table::new("lambda/event-payloads", Class::Queue).large();

/// Adds an asynchronous invocation.
pub fn add_event(tx: &mut Tx, event: &Event, payload: &bytes::Bytes) -> Result<(), Fault> {
    let number = tx.fresh_incarnation()?.0;
    tx.put(&PAYLOADS, &Scope::Partition, &number, &Raw(payload.clone()))?;
    tx.put(&EVENTS, &Scope::Partition, &number, event)
}

/// All asynchronous invocations that have not ended.
pub fn events(read: &impl Read) -> impl Iterator<Item = Result<(u64, Event), Fault>> {
    read.scan(&EVENTS, &Scope::Partition, Span::all())
}

/// An asynchronous invocation, if it has not ended.
pub fn event(read: &impl Read, number: u64) -> Result<Option<Event>, Fault> {
    read.get(&EVENTS, &Scope::Partition, &number)
}

/// What an asynchronous invocation is for.
pub fn event_payload(read: &impl Read, number: u64) -> Result<bytes::Bytes, Fault> {
    Ok(read.get(&PAYLOADS, &Scope::Partition, &number)?.map_or_else(bytes::Bytes::new, |Raw(bytes)| bytes))
}

/// Changes an asynchronous invocation.
pub fn put_event(tx: &mut Tx, number: u64, event: &Event) -> Result<(), Fault> {
    tx.put(&EVENTS, &Scope::Partition, &number, event)
}

/// Removes an asynchronous invocation.
pub fn end_event(tx: &mut Tx, number: u64) -> Result<(), Fault> {
    tx.delete(&PAYLOADS, &Scope::Partition, &number)?;
    tx.delete(&EVENTS, &Scope::Partition, &number)
}

/// A queue whose messages invoke a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// Its id.
    pub uuid: String,
    /// Where it is.
    pub scope: Scope,
    /// Another one with each change.
    pub generation: u64,
    /// The queue.
    pub source: Arn,
    /// The function's name.
    pub function: String,
    /// The version or alias that was named.
    pub qualifier: Option<String>,
    /// Whether it reads.
    pub enabled: bool,
    /// Most messages of one invocation.
    pub batch_size: u32,
    /// Longest time to gather them, in seconds.
    pub window_s: u32,
    /// Patterns of which a message must match one, as their owner wrote them.
    pub filters: Vec<String>,
    /// The function says which messages failed.
    pub reports_failures: bool,
    /// Most concurrent invocations.
    pub max_concurrency: Option<u32>,
    /// When it was last changed.
    pub modified: Timestamp,
}
record!(Mapping, 1);

/// All of the partition in one place, since whoever runs them needs them all.
static MAPPINGS: Table<String, Mapping> = Table::new("lambda/mappings", Class::Records);

/// A mapping by its id.
pub fn mapping(read: &impl Read, scope: &Scope, uuid: &str) -> Result<Option<Mapping>, Fault> {
    let found = read.get(&MAPPINGS, &Scope::Partition, &uuid.to_owned())?;
    Ok(found.filter(|mapping| mapping.scope == *scope))
}

/// All mappings, in the order of their ids, after one of them.
pub fn mappings(read: &impl Read, after: Option<&str>) -> impl Iterator<Item = Result<Mapping, Fault>> {
    let span = after.map_or_else(Span::all, |after| Span::all().after(&after.to_owned()));
    read.scan(&MAPPINGS, &Scope::Partition, span).map(|row| row.map(|(_, mapping)| mapping))
}

/// Writes a mapping.
pub fn put_mapping(tx: &mut Tx, mapping: &Mapping) -> Result<(), Fault> {
    tx.put(&MAPPINGS, &Scope::Partition, &mapping.uuid, mapping)
}

/// Removes all mappings of an account.
pub async fn forget_mappings(store: &Store, account: AccountId) -> Result<usize, Fault> {
    store.remove_where(&MAPPINGS, move |_, _, mapping| mapping.scope.account() == Some(account)).await
}

/// Removes a mapping.
pub fn remove_mapping(tx: &mut Tx, uuid: &str) -> Result<(), Fault> {
    tx.delete(&MAPPINGS, &Scope::Partition, &uuid.to_owned())
}
