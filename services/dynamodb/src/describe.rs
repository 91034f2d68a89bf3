//! How a table is described.

use crate::counting;
use crate::errors::DynamoError;
use crate::rules::keys::{KeyKind, KeySchema};
use crate::state::{self, IndexRecord, IndexScope, Projected, Replica, TableRecord, Throughput};
use crate::statistics::Count;
use crate::units::{self, Units};
use model::{
    BillingMode, BillingModeSummary, GlobalSecondaryIndexDescription, IndexStatus, KeySchemaElement, KeyType,
    LocalSecondaryIndexDescription, ProvisionedThroughputDescription, SSEDescription, ScalarAttributeType,
    TableClassSummary, TableDescription, TableStatus,
};
use model_dynamodb as model;
use names::{Arn, Scope, Timestamp};
use service::Ctx;
use std::collections::HashMap;
use store::Incarnation;

/// The ARN of a table.
pub fn table_arn(scope: &Scope, name: &str) -> Option<Arn> {
    match scope {
        Scope::Regional(account, region) => {
            Some(Arn::regional("dynamodb", region, *account, &format!("table/{name}")))
        }
        Scope::Account(_) | Scope::Partition => None,
    }
}

/// The ARN of a stream.
pub fn stream_arn(scope: &Scope, table: &str, label: &str) -> Option<Arn> {
    table_arn(scope, &format!("{table}/stream/{label}"))
}

/// The counts of a table and its indexes, and when they were read.
#[derive(Default)]
pub struct Counts(HashMap<Incarnation, Count>, Option<Timestamp>);

impl Counts {
    fn of(&self, incarnation: Incarnation) -> Count {
        self.0.get(&incarnation).copied().unwrap_or_default()
    }

    /// The counts of a table; while a large one is counted for the first time, of a part of it.
    ///
    /// # Errors
    /// The store's.
    pub async fn known(ctx: &Ctx, scope: &Scope, table: &TableRecord) -> Result<Self, DynamoError> {
        let indexes = table.indexes.iter().filter(|index| !index.is_filling);
        let all = indexes.map(|index| index.incarnation).chain([table.incarnation]);
        let mut counts = HashMap::new();
        for incarnation in all {
            let count = counting::count(ctx, scope, incarnation).await?;
            let drift = state::drift(&ctx.read(), scope, incarnation)?;
            counts.insert(incarnation, count.plus(drift));
        }
        Ok(Counts(counts, Some(ctx.now())))
    }
}

/// A key as it is described.
pub fn key_schema(key: &KeySchema) -> Vec<KeySchemaElement> {
    let element = |name: &str, key_type| KeySchemaElement { attribute_name: name.to_owned(), key_type };
    let partition = key.partition.iter().map(|part| element(&part.name, KeyType::Hash));
    partition.chain(key.sort.iter().map(|part| element(&part.name, KeyType::Range))).collect()
}

fn throughput(throughput: &Throughput, now: Option<Timestamp>) -> ProvisionedThroughputDescription {
    ProvisionedThroughputDescription {
        last_increase_date_time: throughput.raised,
        last_decrease_date_time: throughput.lowered,
        number_of_decreases_today: Some(now.map_or(throughput.decreases, |now| throughput.decreases_on(now))),
        read_capacity_units: Some(throughput.read),
        write_capacity_units: Some(throughput.write),
    }
}

/// A projection as it is described.
pub fn projection(projected: &Projected) -> model::Projection {
    let (kind, names) = match projected {
        Projected::All => (model::ProjectionType::All, None),
        Projected::Keys => (model::ProjectionType::KeysOnly, None),
        Projected::Include(names) => (model::ProjectionType::Include, Some(names.clone())),
    };
    model::Projection { projection_type: Some(kind), non_key_attributes: names }
}

/// The state of a table at a moment.
pub fn status(table: &TableRecord, now: Timestamp) -> TableStatus {
    if table.is_deleting {
        TableStatus::Deleting
    } else if table.creating_until > now {
        TableStatus::Creating
    } else if table.updating_until > now {
        TableStatus::Updating
    } else {
        TableStatus::Active
    }
}

/// What is told that would change a table which is in a state other than active.
pub fn in_use(name: &str, status: &TableStatus) -> DynamoError {
    let what = match status {
        TableStatus::Creating => "created",
        TableStatus::Deleting => "deleted",
        _ => "updated",
    };
    DynamoError::InUse(format!(
        "Attempt to change a resource which is still in use: Table is being {what}: {name}"
    ))
}

/// The description of a table in a state.
pub fn table(scope: &Scope, record: &TableRecord, status: TableStatus, counts: &Counts) -> TableDescription {
    let arn = table_arn(scope, &record.name).map(|arn| arn.to_string());
    let count = counts.of(record.incarnation);
    let latest = record.latest_stream.as_ref();
    let index_arn = |index: &IndexRecord| arn.as_ref().map(|arn| format!("{arn}/index/{}", index.name));
    let of_scope = |scope| record.indexes.iter().filter(move |index| index.scope == scope);
    let global: Vec<_> = of_scope(IndexScope::Global)
        .map(|index| {
            global_index(index, index_arn(index), &status, record, (counts.of(index.incarnation), counts.1))
        })
        .collect();
    let local: Vec<_> = of_scope(IndexScope::Local)
        .map(|index| local_index(index, index_arn(index), counts.of(index.incarnation)))
        .collect();
    TableDescription {
        attribute_definitions: Some(record.attributes.iter().map(definition).collect()),
        table_name: Some(record.name.clone()),
        key_schema: Some(key_schema(&record.key)),
        creation_date_time: Some(record.created),
        provisioned_throughput: Some(throughput(&record.throughput, counts.1)),
        table_size_bytes: Some(count.bytes),
        item_count: Some(count.items),
        table_arn: arn.clone(),
        table_id: Some(record.id.clone()),
        billing_mode_summary: billing(record, &status),
        global_secondary_indexes: (!global.is_empty()).then_some(global),
        local_secondary_indexes: (!local.is_empty()).then_some(local),
        sse_description: encryption(record),
        table_class_summary: class(record),
        deletion_protection_enabled: Some(record.protected),
        on_demand_throughput: record.on_demand_limits.map(on_demand),
        warm_throughput: warm(record, &status, counts.1),
        stream_specification: record.stream.as_ref().map(|stream| model::StreamSpecification {
            stream_enabled: true,
            stream_view_type: Some(stream.view.name().into()),
        }),
        latest_stream_arn: latest
            .and_then(|label| stream_arn(scope, &record.name, label))
            .map(|arn| arn.to_string()),
        latest_stream_label: latest.cloned(),
        restore_summary: record.restored.as_ref().map(|restored| model::RestoreSummary {
            source_backup_arn: restored.backup.clone(),
            source_table_arn: restored.table.clone(),
            restore_date_time: restored.moment,
            restore_in_progress: restored.in_progress,
        }),
        global_table_version: version(record).map(str::to_owned),
        global_table_settings_replication_mode: settings_mode(record),
        multi_region_consistency: record.global.strong.then_some(model::MultiRegionConsistency::Strong),
        global_table_witnesses: witnesses(record),
        replicas: (!record.replicas.is_empty() && !record.is_old_global)
            .then(|| record.replicas.iter().map(|one| replica(record, one, &status)).collect()),
        table_status: Some(status),
        ..TableDescription::default()
    }
}

/// How settings are shared: with replicas always in one way.
fn settings_mode(record: &TableRecord) -> Option<model::GlobalTableSettingsReplicationMode> {
    match version(record) {
        Some("2019.11.21") => Some(model::GlobalTableSettingsReplicationMode::EnabledWithOverrides),
        _ => record.global.settings_mode.as_deref().map(Into::into),
    }
}

fn witnesses(record: &TableRecord) -> Option<Vec<model::GlobalTableWitnessDescription>> {
    let witnesses = record.global.witnesses.iter().map(|region| model::GlobalTableWitnessDescription {
        region_name: Some(region.as_str().to_owned()),
        witness_status: Some(model::WitnessStatus::Active),
    });
    (!record.global.witnesses.is_empty()).then(|| witnesses.collect())
}

/// The version of the global table that a table is part of.
fn version(record: &TableRecord) -> Option<&'static str> {
    match (record.is_old_global, record.replicas.is_empty()) {
        (true, _) => Some("2017.11.29"),
        (false, false) => Some("2019.11.21"),
        (false, true) => None,
    }
}

/// A key attribute as it is described.
pub fn definition(part: &crate::rules::keys::KeyPart) -> model::AttributeDefinition {
    let kind = match part.kind {
        KeyKind::S => ScalarAttributeType::S,
        KeyKind::N => ScalarAttributeType::N,
        KeyKind::B => ScalarAttributeType::B,
    };
    model::AttributeDefinition { attribute_name: part.name.clone(), attribute_type: kind }
}

/// The class of a table, where one was stated.
pub fn class(record: &TableRecord) -> Option<TableClassSummary> {
    let (class, changed) = record.class.as_ref()?;
    Some(TableClassSummary { table_class: Some(class.as_str().into()), last_update_date_time: *changed })
}

/// How a table is paid.
pub fn billing(record: &TableRecord, status: &TableStatus) -> Option<BillingModeSummary> {
    match record.on_demand {
        Some(since) => Some(BillingModeSummary {
            billing_mode: Some(BillingMode::PayPerRequest),
            // Told once the table is made (dynalite, test/createTable.js).
            last_update_to_pay_per_request_date_time: (*status != TableStatus::Creating).then_some(since),
        }),
        None => record.billing_stated.then_some(BillingModeSummary {
            billing_mode: Some(BillingMode::Provisioned),
            last_update_to_pay_per_request_date_time: record.was_on_demand,
        }),
    }
}

/// The encryption of a table.
pub fn encryption(record: &TableRecord) -> Option<SSEDescription> {
    Some(SSEDescription {
        status: Some(model::SSEStatus::Enabled),
        sse_type: Some(model::SSEType::Kms),
        kms_master_key_arn: Some(record.encryption_key.clone()?),
        inaccessible_encryption_date_time: None,
    })
}

/// The bounds of request units as they are described.
pub fn on_demand((read, write): Units) -> model::OnDemandThroughput {
    model::OnDemandThroughput { max_read_request_units: read, max_write_request_units: write }
}

/// Whether the answer to a creation or a deletion has none to tell: AWS's says only what was asked for
/// (LocalStack's snapshots of AWS, test_table_crud and test_table_warm_throughput, 2025-10-08).
fn tells_no_warmth(asked: Option<Units>, status: &TableStatus) -> bool {
    asked.is_none() && matches!(status, TableStatus::Creating | TableStatus::Deleting)
}

/// The warm throughput of a table, which has a state of its own: what does not touch it leaves it as it was
/// (test_event_source_mapping_lifecycle of LocalStack, recorded on AWS on 25 November 2025: a table is UPDATING
/// for its stream, its warm throughput ACTIVE).
fn warm(
    record: &TableRecord,
    status: &TableStatus,
    now: Option<Timestamp>,
) -> Option<model::TableWarmThroughputDescription> {
    if tells_no_warmth(record.warm, status) {
        return None;
    }
    let before = record.warming.filter(|(until, _)| now.is_some_and(|now| *until > now));
    if let Some((_, before)) = before {
        return Some(warmth(before, TableStatus::Updating));
    }
    let status = match status {
        TableStatus::Creating => TableStatus::Updating,
        TableStatus::Updating => TableStatus::Active,
        _ => status.clone(),
    };
    Some(warmth(units::warm_of(record), status))
}

/// A warm throughput in a state.
pub fn warmth((read, write): (i64, i64), status: TableStatus) -> model::TableWarmThroughputDescription {
    model::TableWarmThroughputDescription {
        read_units_per_second: Some(read),
        write_units_per_second: Some(write),
        status: Some(status),
    }
}

fn global_index(
    index: &IndexRecord,
    arn: Option<String>,
    table: &TableStatus,
    record: &TableRecord,
    (count, now): (Count, Option<Timestamp>),
) -> GlobalSecondaryIndexDescription {
    let status = match (index.is_filling, table) {
        (true, _) | (false, TableStatus::Creating) => IndexStatus::Creating,
        (false, TableStatus::Deleting) => IndexStatus::Deleting,
        (false, _) => IndexStatus::Active,
    };
    let (read, write) = units::warm(index.warm, &index.throughput, record.on_demand.is_some());
    GlobalSecondaryIndexDescription {
        index_name: Some(index.name.clone()),
        key_schema: Some(key_schema(&index.key)),
        projection: Some(projection(&index.projected)),
        backfilling: index.is_filling.then_some(true),
        provisioned_throughput: Some(throughput(&index.throughput, now)),
        index_size_bytes: Some(count.bytes),
        item_count: Some(count.items),
        index_arn: arn,
        on_demand_throughput: index.on_demand_limits.map(on_demand),
        warm_throughput: (!tells_no_warmth(index.warm, table)).then(|| {
            model::GlobalSecondaryIndexWarmThroughputDescription {
                read_units_per_second: Some(read),
                write_units_per_second: Some(write),
                status: Some(status.clone()),
            }
        }),
        index_status: Some(status),
    }
}

fn replica(record: &TableRecord, one: &Replica, status: &TableStatus) -> model::ReplicaDescription {
    let global = record.indexes.iter().filter(|index| index.scope == IndexScope::Global);
    let global: Vec<_> = global
        .map(|index| model::ReplicaGlobalSecondaryIndexDescription {
            index_name: Some(index.name.clone()),
            ..model::ReplicaGlobalSecondaryIndexDescription::default()
        })
        .collect();
    model::ReplicaDescription {
        region_name: Some(one.region.as_str().to_owned()),
        replica_status: Some(model::ReplicaStatus::Active),
        kms_master_key_id: one.encryption_key.clone(),
        warm_throughput: warm(record, status, None),
        global_table_settings_replication_mode: settings_mode(record),
        global_secondary_indexes: (!global.is_empty()).then_some(global),
        ..model::ReplicaDescription::default()
    }
}

fn local_index(index: &IndexRecord, arn: Option<String>, count: Count) -> LocalSecondaryIndexDescription {
    LocalSecondaryIndexDescription {
        index_name: Some(index.name.clone()),
        key_schema: Some(key_schema(&index.key)),
        projection: Some(projection(&index.projected)),
        index_size_bytes: Some(count.bytes),
        item_count: Some(count.items),
        index_arn: arn,
    }
}
