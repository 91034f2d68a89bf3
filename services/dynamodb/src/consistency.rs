//! Global tables with strong consistency: three regions from the first moment, of which one may hold no table but
//! be a witness. A write is done in all of them in one commit, so each region reads what any has written.
//!
//! The rules and texts are those measured on AWS (aws-controllers-k8s/dynamodb-controller, docs/api-quirks,
//! table-global-tables, 2026-10). A witness is a name here: one process cannot lose a part of itself.

use crate::errors::DynamoError;
use crate::replicas::{self, elsewhere, region_of};
use crate::rules::rows::RowRange;
use crate::state::{self, Global, IndexScope, TableRecord};
use crate::write::ItemWrite;
use bytes::Bytes;
use model::{MultiRegionConsistency, UpdateTableInput};
use model_dynamodb as model;
use names::{Region, Scope, Timestamp};
use store::Tx;

/// How many regions stand beside the table's own.
const OTHERS: usize = 2;
/// The regions that can be part of one (developer guide, "Multi-Region strong consistency").
const REGIONS: [&str; 10] = [
    "us-east-1",
    "us-east-2",
    "us-west-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eu-central-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
];
const ONLY_ONE: &str = "Deletion of only one table replica is not supported for global tables with \
                        MultiRegionConsistency set to STRONG.";

/// What a request does to the regions of a table.
struct Actions<'i> {
    made: Vec<&'i str>,
    removed: Vec<&'i str>,
    changed: usize,
    witnesses_made: Vec<&'i str>,
    witnesses_removed: Vec<&'i str>,
}

impl<'i> Actions<'i> {
    fn of(input: &'i UpdateTableInput) -> Self {
        let updates = || input.replica_updates.iter().flatten();
        let witnesses = || input.global_table_witness_updates.iter().flatten();
        let mut made: Vec<&str> = updates()
            .filter_map(|update| update.create.as_ref().map(|create| create.region_name.as_str()))
            .collect();
        // The same replica wished for twice is one.
        made.dedup();
        Actions {
            made,
            removed: updates()
                .filter_map(|update| update.delete.as_ref().map(|delete| delete.region_name.as_str()))
                .collect(),
            changed: updates().filter(|update| update.update.is_some()).count(),
            witnesses_made: witnesses()
                .filter_map(|update| update.create.as_ref().map(|create| create.region_name.as_str()))
                .collect(),
            witnesses_removed: witnesses()
                .filter_map(|update| update.delete.as_ref().map(|delete| delete.region_name.as_str()))
                .collect(),
        }
    }
}

/// Whether a request asks for strong consistency.
pub fn is_wished(input: &UpdateTableInput) -> bool {
    input.multi_region_consistency == Some(MultiRegionConsistency::Strong)
}

fn refused<T>(message: impl Into<String>) -> Result<T, DynamoError> {
    Err(DynamoError::invalid(message))
}

/// Checks what a request says of regions, before its table is looked at.
///
/// # Errors
/// AWS's message.
pub fn check(input: &UpdateTableInput) -> Result<(), DynamoError> {
    let actions = Actions::of(input);
    if !actions.witnesses_made.is_empty() && !is_wished(input) {
        return refused(
            "MultiRegionConsistency must be set as STRONG when GlobalTableWitnessUpdates parameter is present.",
        );
    }
    if input.multi_region_consistency.is_some() && !(actions.removed.is_empty() && actions.changed == 0) {
        return refused(
            "Only Replica Create actions are supported when MultiRegionConsistency parameter is provided.",
        );
    }
    if !is_wished(input) {
        return Ok(());
    }
    if actions.made.len() + actions.witnesses_made.len() != OTHERS || actions.made.is_empty() {
        return refused(
            "Unsupported replica count for global tables with MultiRegionConsistency set to STRONG.",
        );
    }
    let mut wrong: Vec<&str> = actions.made.iter().chain(&actions.witnesses_made).copied().collect();
    wrong.retain(|region| !REGIONS.contains(region));
    wrong.dedup();
    if !wrong.is_empty() {
        return refused(format!(
            "Unsupported Region(s) specified for global tables with MultiRegionConsistency set to STRONG: [{}].",
            wrong.join(", ")
        ));
    }
    if actions.witnesses_made.iter().any(|witness| actions.made.contains(witness)) {
        return refused("Cannot target multiple regions with the same action");
    }
    Ok(())
}

/// Judges what a request does to the regions of a table as it is, and makes it a strong one where that is wished.
///
/// # Errors
/// AWS's message.
pub fn decide(
    tx: &mut Tx,
    scope: &Scope,
    table: &mut TableRecord,
    input: &UpdateTableInput,
) -> Result<(), DynamoError> {
    let actions = Actions::of(input);
    if input.multi_region_consistency.is_some() && !table.replicas.is_empty() {
        return refused("MultiRegionConsistency parameter is unsupported on existing global table");
    }
    if table.global.strong {
        return leaving(table, &actions);
    }
    if is_wished(input) {
        return begin(tx, scope, table, &actions);
    }
    let kinds = [!actions.made.is_empty(), !actions.removed.is_empty(), actions.changed > 0];
    if kinds.into_iter().filter(|is_asked| *is_asked).count() > 1 {
        return refused("Update table operation with more than one type of replica actions not allowed.");
    }
    if actions.made.len() + actions.removed.len() > 1 {
        return refused(
            "Update table operation with more than one create or delete replica actions not allowed",
        );
    }
    without_witnesses(&actions.witnesses_removed, &[])
}

/// A strong one is left as a whole or not at all.
fn leaving(table: &TableRecord, actions: &Actions<'_>) -> Result<(), DynamoError> {
    if !actions.made.is_empty() {
        return refused("Cannot add replicas to a global table with strong MultiRegionConsistency");
    }
    if actions.removed.is_empty() {
        return Ok(());
    }
    let witnesses: Vec<&str> = table.global.witnesses.iter().map(Region::as_str).collect();
    without_witnesses(&actions.witnesses_removed, &witnesses)?;
    if !witnesses.iter().all(|witness| actions.witnesses_removed.contains(witness)) {
        return refused("Update table delete operation does not include all witnesses.");
    }
    let stays = |region: &Region| !actions.removed.contains(&region.as_str());
    match table.replicas.iter().any(|replica| stays(&replica.region)) {
        true => refused(ONLY_ONE),
        false => Ok(()),
    }
}

fn without_witnesses(removed: &[&str], known: &[&str]) -> Result<(), DynamoError> {
    let unknown: Vec<&str> = removed.iter().filter(|region| !known.contains(region)).copied().collect();
    match unknown.is_empty() {
        true => Ok(()),
        false => refused(format!(
            "Update global table operation failed because one or more witnesses were not part of the global \
             table. Please retry the request without these witnesses: [{}].",
            unknown.join(", ")
        )),
    }
}

fn begin(tx: &Tx, scope: &Scope, table: &mut TableRecord, actions: &Actions<'_>) -> Result<(), DynamoError> {
    let own = region_of(scope);
    if actions.witnesses_made.contains(&own.as_str()) {
        return refused(
            "Cannot add a witness in the same region as an existing replica when creating a global table with \
             MultiRegionConsistency set to STRONG.",
        );
    }
    if !REGIONS.contains(&own.as_str()) {
        return refused(format!(
            "Unsupported Region(s) specified for global tables with MultiRegionConsistency set to STRONG: [{own}]."
        ));
    }
    // The developer guide names what such a table may not have; the texts are not known.
    let barred = if table.indexes.iter().any(|index| index.scope == IndexScope::Local) {
        Some("Local secondary indexes are")
    } else if table.expiry.is_some() {
        Some("Time to live is")
    } else if state::rows(tx, scope, table.incarnation, &RowRange::all(), true).next().is_some() {
        Some("A table with items is")
    } else {
        None
    };
    barred.map_or(Ok(()), unsupported)?;
    let witnesses = actions.witnesses_made.iter().map(|region| replicas::region(region));
    table.global =
        Global { strong: true, witnesses: witnesses.collect::<Result<_, _>>()?, ..table.global.clone() };
    Ok(())
}

/// A table whose last replica has gone is a table of one region again.
pub fn settle(table: &mut TableRecord) {
    if table.global.strong && table.replicas.is_empty() {
        table.global = Global::default();
    }
}

/// Refuses what alone would take one region out of a strong table.
///
/// # Errors
/// AWS's message.
pub fn check_deletion(table: &TableRecord) -> Result<(), DynamoError> {
    if table.global.strong { refused(ONLY_ONE) } else { Ok(()) }
}

/// Refuses what no strong table does (developer guide, "Multi-Region strong consistency"; the texts are not known).
///
/// # Errors
/// A message.
pub fn check_support(table: &TableRecord, what: &str) -> Result<(), DynamoError> {
    if table.global.strong { unsupported(what) } else { Ok(()) }
}

fn unsupported<T>(what: &str) -> Result<T, DynamoError> {
    refused(format!("{what} not supported for global tables with MultiRegionConsistency set to STRONG."))
}

/// Does a write of a strong table in its other regions, in the same commit.
///
/// # Errors
/// The store's.
pub fn mirror(
    tx: &mut Tx,
    write: &ItemWrite,
    at: Timestamp,
    after: Option<&Bytes>,
) -> Result<(), DynamoError> {
    for replica in &write.table.replicas {
        let there = elsewhere(&write.scope, &replica.region);
        if let Some(sibling) = state::table(tx, &there, &write.table.name)? {
            replicas::put(tx, (&there, &sibling.into()), (at, &write.row, after))?;
        }
    }
    Ok(())
}
