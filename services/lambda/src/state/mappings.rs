//! Event source mappings, and how far those of streams have come.

use names::{Arn, Scope, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Class, Corrupt, Fault, Read, Record, Span, Table, Tx, record};

/// A queue or stream whose records invoke a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// Its id.
    pub uuid: String,
    /// Where it is.
    pub scope: Scope,
    /// Another one with each change.
    pub generation: u64,
    /// The queue or stream.
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
    /// How it reads a stream; none for queues.
    pub stream: Option<StreamChoices>,
    /// Who is told of records that are given up.
    pub on_failure: Option<String>,
}

/// How a mapping reads a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamChoices {
    /// `TRIM_HORIZON`, `LATEST` or `AT_TIMESTAMP`.
    pub position: String,
    /// The time of `AT_TIMESTAMP`.
    pub position_at: Option<Timestamp>,
    /// Batches of one shard at once.
    pub parallel: u32,
    /// A batch that failed is tried again in halves.
    pub bisects: bool,
    /// Attempts after the first; without an end where there is none.
    pub retries: Option<u32>,
    /// Oldest record that is still tried, in seconds; without an end where there is none.
    pub max_age_s: Option<u32>,
    /// Length of the windows over which a function gathers state, in seconds; 0 for none.
    pub window_s: u32,
}

#[derive(Serialize, Deserialize)]
struct MappingV1 {
    uuid: String,
    scope: Scope,
    generation: u64,
    source: Arn,
    function: String,
    qualifier: Option<String>,
    enabled: bool,
    batch_size: u32,
    window_s: u32,
    filters: Vec<String>,
    reports_failures: bool,
    max_concurrency: Option<u32>,
    modified: Timestamp,
}

impl Record for Mapping {
    const VERSION: u8 = 2;

    fn upgrade(_from: u8, bytes: &[u8]) -> Result<Self, Corrupt> {
        let old: MappingV1 = super::first(bytes)?;
        Ok(Mapping {
            uuid: old.uuid,
            scope: old.scope,
            generation: old.generation,
            source: old.source,
            function: old.function,
            qualifier: old.qualifier,
            enabled: old.enabled,
            batch_size: old.batch_size,
            window_s: old.window_s,
            filters: old.filters,
            reports_failures: old.reports_failures,
            max_concurrency: old.max_concurrency,
            modified: old.modified,
            stream: None,
            on_failure: None,
        })
    }
}

/// How far a mapping has come in a shard.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The last record that is done with; none before the first.
    pub after: Option<String>,
    /// The shard is closed, and read to its end.
    pub finished: bool,
    /// The window that is open.
    pub window: Option<OpenWindow>,
}
record!(Checkpoint, 1);

/// A window that is open: what the function has gathered in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenWindow {
    /// When it began.
    pub begins: Timestamp,
    /// The function's state: JSON.
    pub state: String,
}

/// All of the partition in one place, since whoever runs them needs them all.
static MAPPINGS: Table<String, Mapping> = Table::new("lambda/mappings", Class::Records);

/// By the mapping and the shard.
static CHECKPOINTS: Table<(String, String), Checkpoint> =
    Table::new("lambda/checkpoints", Class::Records).large();

/// How far a mapping has come in its shards.
pub fn checkpoints(read: &impl Read, uuid: &str) -> Result<Vec<(String, Checkpoint)>, Fault> {
    let rows = read.scan(&CHECKPOINTS, &Scope::Partition, Span::of(&uuid.to_owned()));
    rows.map(|row| row.map(|((_, shard), checkpoint)| (shard, checkpoint))).collect()
}

/// Writes how far a mapping has come in a shard, while there is such a mapping.
pub fn put_checkpoint(tx: &mut Tx, uuid: &str, shard: &str, checkpoint: &Checkpoint) -> Result<(), Fault> {
    if tx.get(&MAPPINGS, &Scope::Partition, &uuid.to_owned())?.is_none() {
        return Ok(());
    }
    tx.put(&CHECKPOINTS, &Scope::Partition, &(uuid.to_owned(), shard.to_owned()), checkpoint)
}

/// Forgets a shard.
pub fn remove_checkpoint(tx: &mut Tx, uuid: &str, shard: &str) -> Result<(), Fault> {
    tx.delete(&CHECKPOINTS, &Scope::Partition, &(uuid.to_owned(), shard.to_owned()))
}

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

/// Removes a mapping, and how far it had come.
pub fn remove_mapping(tx: &mut Tx, uuid: &str) -> Result<(), Fault> {
    for (shard, _) in checkpoints(tx, uuid)? {
        remove_checkpoint(tx, uuid, &shard)?;
    }
    tx.delete(&MAPPINGS, &Scope::Partition, &uuid.to_owned())
}
