//! What a backup is called and how it is described.

use crate::describe;
use crate::errors::DynamoError;
use crate::rules::keys::KeySchema;
use crate::state::backups::{self, BackupRecord};
use crate::state::{IndexRecord, IndexScope, TableRecord};
use model::{
    BackupDescription, BackupDetails, BackupStatus, BackupSummary, BackupType, BillingMode,
    GlobalSecondaryIndexInfo, LocalSecondaryIndexInfo, OnDemandThroughput, ProvisionedThroughput,
    SourceTableDetails, SourceTableFeatureDetails,
};
use model_dynamodb as model;
use names::{Arn, Region, Scope, Timestamp};
use store::{Fault, Read};

/// A new id at a moment, with digits that are drawn.
pub fn new_id(now: Timestamp, digits: &str) -> String {
    format!("{:014}-{digits}", now.millis().max(0))
}

/// Where something that belongs to a table is: its scope, the table's name and its own id.
pub struct Part {
    /// The account and region.
    pub scope: Scope,
    /// The table's name.
    pub table: String,
    /// Its id.
    pub id: String,
}

impl Part {
    /// The part of a kind that an ARN names in a region: `table/orders/backup/1`.
    pub fn of(text: &str, region: &Region, kind: &str) -> Option<Self> {
        let arn: Arn = text.parse().ok()?;
        let account = arn.account().filter(|_| arn.service() == "dynamodb")?;
        let mut parts = arn.resource().split('/');
        let found = (parts.next(), parts.next(), parts.next(), parts.next(), parts.next());
        match found {
            (Some("table"), Some(table), Some(of), Some(id), None)
                if of == kind && arn.region_text() == region.as_str() =>
            {
                let scope = Scope::Regional(account, region.clone());
                Some(Part { scope, table: table.to_owned(), id: id.to_owned() })
            }
            _ => None,
        }
    }
}

/// The same, where what is no such ARN at all is refused.
///
/// # Errors
/// AWS's message: "Invalid Export ARN".
pub fn part(text: &str, region: &Region, kind: &str) -> Result<Option<Part>, DynamoError> {
    let is_such = |text: &str| text.starts_with("arn:") && text.contains(&format!("/{kind}/"));
    if !is_such(text) {
        let (first, rest) = kind.split_at(1);
        return Err(DynamoError::invalid(format!("Invalid {}{rest} ARN", first.to_uppercase())));
    }
    Ok(Part::of(text, region, kind))
}

/// The ARN of something that belongs to a table.
pub fn part_arn(scope: &Scope, table: &str, kind: &str, id: &str) -> String {
    describe::table_arn(scope, table).map_or_else(String::new, |arn| format!("{arn}/{kind}/{id}"))
}

/// The backup of an ARN.
///
/// # Errors
/// Where there is none.
pub fn found(read: &impl Read, region: &Region, arn: &str) -> Result<(Scope, BackupRecord), DynamoError> {
    let absent = || DynamoError::BackupNotFound(arn.to_owned());
    let part = part(arn, region, "backup")?.ok_or_else(absent)?;
    let backup = backups::backup(read, &part.scope, &part.table, &part.id)?;
    Ok((part.scope, backup.ok_or_else(absent)?))
}

fn kind(backup: &BackupRecord) -> BackupType {
    if backup.expires.is_some() { BackupType::System } else { BackupType::User }
}

fn status(backup: &BackupRecord) -> BackupStatus {
    if backup.count.is_some() { BackupStatus::Available } else { BackupStatus::Creating }
}

/// The details of a backup.
pub fn details(scope: &Scope, backup: &BackupRecord) -> BackupDetails {
    BackupDetails {
        backup_arn: part_arn(scope, &backup.table, "backup", &backup.id),
        backup_name: backup.name.clone(),
        backup_size_bytes: Some(backup.count.unwrap_or_default().bytes),
        backup_status: status(backup),
        backup_type: kind(backup),
        backup_creation_date_time: backup.created,
        backup_expiry_date_time: backup.expires,
    }
}

/// A backup in a list.
///
/// # Errors
/// The store's.
pub fn summary(scope: &Scope, backup: &BackupRecord) -> Result<BackupSummary, Fault> {
    let details = details(scope, backup);
    Ok(BackupSummary {
        table_name: Some(backup.table.clone()),
        table_id: Some(backup.record.record()?.id),
        table_arn: describe::table_arn(scope, &backup.table).map(|arn| arn.to_string()),
        backup_arn: Some(details.backup_arn),
        backup_name: Some(details.backup_name),
        backup_creation_date_time: Some(details.backup_creation_date_time),
        backup_expiry_date_time: details.backup_expiry_date_time,
        backup_status: Some(details.backup_status),
        backup_type: Some(details.backup_type),
        backup_size_bytes: details.backup_size_bytes,
    })
}

/// The whole description of a backup.
///
/// # Errors
/// The store's.
pub fn description(scope: &Scope, backup: &BackupRecord) -> Result<BackupDescription, Fault> {
    let table = backup.record.record()?;
    let count = backup.count.unwrap_or_default();
    let on_demand = |limits: (Option<i64>, Option<i64>)| OnDemandThroughput {
        max_read_request_units: limits.0,
        max_write_request_units: limits.1,
    };
    Ok(BackupDescription {
        backup_details: Some(details(scope, backup)),
        source_table_details: Some(SourceTableDetails {
            table_name: table.name.clone(),
            table_id: table.id.clone(),
            table_arn: describe::table_arn(scope, &table.name).map(|arn| arn.to_string()),
            table_size_bytes: Some(count.bytes),
            key_schema: describe::key_schema(&table.key),
            table_creation_date_time: table.created,
            provisioned_throughput: ProvisionedThroughput {
                read_capacity_units: table.throughput.read,
                write_capacity_units: table.throughput.write,
            },
            on_demand_throughput: table.on_demand_limits.map(on_demand),
            item_count: Some(count.items),
            billing_mode: Some(match table.on_demand {
                Some(_) => BillingMode::PayPerRequest,
                None => BillingMode::Provisioned,
            }),
        }),
        source_table_feature_details: Some(features(&table)),
    })
}

fn features(table: &TableRecord) -> SourceTableFeatureDetails {
    let of = |scope| table.indexes.iter().filter(move |index: &&IndexRecord| index.scope == scope);
    let schema = |key: &KeySchema| Some(describe::key_schema(key));
    let local: Vec<_> = of(IndexScope::Local)
        .map(|index| LocalSecondaryIndexInfo {
            index_name: Some(index.name.clone()),
            key_schema: schema(&index.key),
            projection: Some(describe::projection(&index.projected)),
        })
        .collect();
    let global: Vec<_> = of(IndexScope::Global)
        .map(|index| GlobalSecondaryIndexInfo {
            index_name: Some(index.name.clone()),
            key_schema: schema(&index.key),
            projection: Some(describe::projection(&index.projected)),
            provisioned_throughput: Some(ProvisionedThroughput {
                read_capacity_units: index.throughput.read,
                write_capacity_units: index.throughput.write,
            }),
            on_demand_throughput: None,
        })
        .collect();
    SourceTableFeatureDetails {
        local_secondary_indexes: (!local.is_empty()).then_some(local),
        global_secondary_indexes: (!global.is_empty()).then_some(global),
        stream_description: table.stream.as_ref().map(|stream| model::StreamSpecification {
            stream_enabled: true,
            stream_view_type: Some(stream.view.name().into()),
        }),
        time_to_live_description: table.expiry.as_ref().map(|expiry| model::TimeToLiveDescription {
            time_to_live_status: Some(model::TimeToLiveStatus::Enabled),
            attribute_name: Some(expiry.attribute.clone()),
        }),
        sse_description: describe::encryption(table),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_tables_have_arns() {
        let region = Region::default();
        let arn = "arn:aws:dynamodb:us-east-1:111122223333:table/orders/backup/00000000000007-ab";
        let part = Part::of(arn, &region, "backup").unwrap();
        assert_eq!((part.table.as_str(), part.id.as_str()), ("orders", new_id(Timestamp(7), "ab").as_str()));
        assert_eq!(part_arn(&part.scope, &part.table, "backup", &part.id), arn);
        assert!(Part::of(arn, &region, "export").is_none());
        assert!(Part::of(&arn.replace("us-", "eu-"), &region, "backup").is_none());
    }
}
