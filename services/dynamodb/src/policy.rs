//! What each operation needs permission for, with DynamoDB's condition keys.

mod items;
mod named;
mod statements;

pub use items::*;
pub use statements::*;

use crate::errors::DynamoError;
use crate::find;
use crate::rules::value::{Item, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model_dynamodb as model;
use model_dynamodbstreams as stream_model;
use names::Arn;
use service::{Demand, Peek};
use std::sync::Arc;

type Demands = Result<Vec<Demand>, DynamoError>;

/// The ARN of the table that a request names, or would name.
fn table_arn(peek: &Peek, text: &str) -> Arn {
    match text.parse::<Arn>() {
        Ok(arn) if arn.service() == "dynamodb" => arn,
        _ => peek.arn("dynamodb", &format!("table/{text}")),
    }
}

fn on_table(peek: &Peek, action: &'static str, text: &str) -> Demand {
    Demand::new(action, &table_arn(peek, text))
}

/// A partition key value as policies compare it.
fn leading(value: &Value) -> Option<String> {
    match value {
        Value::S(text) | Value::N(text) => Some(text.clone()),
        Value::B(bytes) => Some(STANDARD.encode(bytes)),
        _ => None,
    }
}

/// With the partition keys that the request touches, where the table exists.
fn leading_keys<'k>(
    peek: &Peek,
    demand: Demand,
    table: &str,
    keys: impl IntoIterator<Item = &'k Item>,
) -> Demand {
    let Some(record) = find::peeked(peek, table) else { return demand };
    let partition = record.key.leading();
    let values = keys.into_iter().filter_map(|key| leading(key.get(partition)?));
    demand.when("dynamodb:LeadingKeys", values)
}

fn on_index(peek: &Peek, action: &'static str, table: &str, index: Option<&String>) -> Demand {
    let arn = table_arn(peek, table);
    let Some(index) = index else { return Demand::new(action, &arn) };
    match format!("{arn}/index/{index}").parse::<Arn>() {
        Ok(index) => Demand::new(action, &index).headed_by(&arn),
        Err(_) => Demand::new(action, &arn),
    }
}

/// With which attributes are read: what was asked for, or what it is where nothing was.
fn selected(demand: Demand, asked: Option<&str>, names_some: bool, of_index: bool) -> Demand {
    let select = asked.unwrap_or(match (names_some, of_index) {
        (true, _) => "SPECIFIC_ATTRIBUTES",
        (false, true) => "ALL_PROJECTED_ATTRIBUTES",
        (false, false) => "ALL_ATTRIBUTES",
    });
    demand.when("dynamodb:Select", [select.to_owned()])
}

/// DescribeStream.
pub async fn describe_stream(peek: Peek, input: Arc<stream_model::DescribeStreamInput>) -> Demands {
    Ok(vec![on_table(&peek, "dynamodb:DescribeStream", &input.stream_arn)])
}

/// GetShardIterator.
pub async fn get_shard_iterator(peek: Peek, input: Arc<stream_model::GetShardIteratorInput>) -> Demands {
    Ok(vec![on_table(&peek, "dynamodb:GetShardIterator", &input.stream_arn)])
}

/// GetRecords: on the stream that the iterator is of.
pub async fn get_records(peek: Peek, input: Arc<stream_model::GetRecordsInput>) -> Demands {
    let stream = input.shard_iterator.split('|').next().unwrap_or_default();
    Ok(vec![on_table(&peek, "dynamodb:GetRecords", stream)])
}

/// RestoreTableFromBackup: the backup, and writing into the table that is made.
pub async fn restore_table_from_backup(
    peek: Peek,
    input: Arc<model::RestoreTableFromBackupInput>,
) -> Demands {
    let mut demands = vec![on_table(&peek, "dynamodb:RestoreTableFromBackup", &input.backup_arn)];
    demands.extend(restoring(&peek, "dynamodb:RestoreTableFromBackup", &input.target_table_name));
    Ok(demands)
}

/// RestoreTableToPointInTime: the table, and writing into the one that is made.
pub async fn restore_table_to_point_in_time(
    peek: Peek,
    input: Arc<model::RestoreTableToPointInTimeInput>,
) -> Demands {
    let source = input.source_table_arn.as_ref().or(input.source_table_name.as_ref());
    let mut demands = vec![on_table(&peek, "dynamodb:RestoreTableToPointInTime", named(source))];
    demands.extend(restoring(&peek, "dynamodb:RestoreTableToPointInTime", &input.target_table_name));
    Ok(demands)
}

/// What a restore does to the table it makes (developer guide, "Using IAM with backups").
fn restoring(peek: &Peek, action: &'static str, target: &str) -> impl Iterator<Item = Demand> {
    let actions = [
        action,
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
        "dynamodb:GetItem",
        "dynamodb:Query",
        "dynamodb:Scan",
        "dynamodb:BatchWriteItem",
    ];
    actions.into_iter().map(move |action| on_table(peek, action, target))
}

/// ImportTable: the table that is made.
pub async fn import_table(peek: Peek, input: Arc<model::ImportTableInput>) -> Demands {
    Ok(vec![on_table(&peek, "dynamodb:ImportTable", &input.table_creation_parameters.table_name)])
}

/// Operations on what has an ARN of its own, by their own names.
macro_rules! part_demands {
    ($($name:ident: $input:ident.$member:ident => $action:literal),* $(,)?) => {$(
        #[doc = concat!("`", $action, "` on what the ARN names.")]
        pub async fn $name(peek: Peek, input: Arc<model::$input>) -> Demands {
            Ok(vec![on_table(&peek, $action, &input.$member)])
        }
    )*};
}

part_demands! {
    describe_backup: DescribeBackupInput.backup_arn => "dynamodb:DescribeBackup",
    delete_backup: DeleteBackupInput.backup_arn => "dynamodb:DeleteBackup",
    describe_export: DescribeExportInput.export_arn => "dynamodb:DescribeExport",
    describe_import: DescribeImportInput.import_arn => "dynamodb:DescribeImport",
    export_table_to_point_in_time: ExportTableToPointInTimeInput.table_arn => "dynamodb:ExportTableToPointInTime",
}

fn on_global(peek: &Peek, action: &'static str, name: &str) -> Demand {
    Demand::new(action, &Arn::global("dynamodb", peek.account(), &format!("global-table/{name}")))
}

/// Operations on a global table of the version 2017, and on its table here where they change that.
macro_rules! global_demands {
    ($($name:ident: $input:ident => $action:literal, $changes:literal);* $(;)?) => {$(
        #[doc = concat!("`", $action, "` on the global table.")]
        pub async fn $name(peek: Peek, input: Arc<model::$input>) -> Demands {
            let mut demands = vec![on_global(&peek, $action, &input.global_table_name)];
            demands.extend($changes.then(|| on_table(&peek, $action, &input.global_table_name)));
            Ok(demands)
        }
    )*};
}

global_demands! {
    create_global_table: CreateGlobalTableInput => "dynamodb:CreateGlobalTable", true;
    update_global_table: UpdateGlobalTableInput => "dynamodb:UpdateGlobalTable", true;
    describe_global_table: DescribeGlobalTableInput => "dynamodb:DescribeGlobalTable", false;
    describe_global_table_settings: DescribeGlobalTableSettingsInput => "dynamodb:DescribeGlobalTableSettings", false;
    update_global_table_settings: UpdateGlobalTableSettingsInput => "dynamodb:UpdateGlobalTableSettings", true;
}

/// Operations on one table, by their own names.
macro_rules! table_demands {
    ($($name:ident: $input:ident => $action:literal),* $(,)?) => {$(
        #[doc = concat!("`", $action, "` on the table.")]
        pub async fn $name(peek: Peek, input: Arc<model::$input>) -> Demands {
            Ok(vec![on_table(&peek, $action, &input.table_name)])
        }
    )*};
}

table_demands! {
    create_table: CreateTableInput => "dynamodb:CreateTable",
    delete_table: DeleteTableInput => "dynamodb:DeleteTable",
    describe_table: DescribeTableInput => "dynamodb:DescribeTable",
    update_table: UpdateTableInput => "dynamodb:UpdateTable",
    update_time_to_live: UpdateTimeToLiveInput => "dynamodb:UpdateTimeToLive",
    describe_time_to_live: DescribeTimeToLiveInput => "dynamodb:DescribeTimeToLive",
    describe_continuous_backups: DescribeContinuousBackupsInput => "dynamodb:DescribeContinuousBackups",
    update_continuous_backups: UpdateContinuousBackupsInput => "dynamodb:UpdateContinuousBackups",
    create_backup: CreateBackupInput => "dynamodb:CreateBackup",
    update_contributor_insights: UpdateContributorInsightsInput => "dynamodb:UpdateContributorInsights",
    describe_contributor_insights: DescribeContributorInsightsInput => "dynamodb:DescribeContributorInsights",
    enable_kinesis_streaming_destination: EnableKinesisStreamingDestinationInput => "dynamodb:EnableKinesisStreamingDestination",
    disable_kinesis_streaming_destination: DisableKinesisStreamingDestinationInput => "dynamodb:DisableKinesisStreamingDestination",
    update_kinesis_streaming_destination: UpdateKinesisStreamingDestinationInput => "dynamodb:UpdateKinesisStreamingDestination",
    describe_kinesis_streaming_destination: DescribeKinesisStreamingDestinationInput => "dynamodb:DescribeKinesisStreamingDestination",
    update_table_replica_auto_scaling: UpdateTableReplicaAutoScalingInput => "dynamodb:UpdateTableReplicaAutoScaling",
    describe_table_replica_auto_scaling: DescribeTableReplicaAutoScalingInput => "dynamodb:DescribeTableReplicaAutoScaling",
}

/// Operations on the resource of an ARN, by their own names.
macro_rules! resource_demands {
    ($($name:ident: $input:ident => $action:literal),* $(,)?) => {$(
        #[doc = concat!("`", $action, "` on the resource.")]
        pub async fn $name(peek: Peek, input: Arc<model::$input>) -> Demands {
            Ok(vec![on_table(&peek, $action, named(&input.resource_arn))])
        }
    )*};
}

/// An ARN that may be missing, which the operation itself refuses.
fn named<'n>(arn: impl Into<Option<&'n String>>) -> &'n str {
    arn.into().map_or("", String::as_str)
}

resource_demands! {
    put_resource_policy: PutResourcePolicyInput => "dynamodb:PutResourcePolicy",
    get_resource_policy: GetResourcePolicyInput => "dynamodb:GetResourcePolicy",
    delete_resource_policy: DeleteResourcePolicyInput => "dynamodb:DeleteResourcePolicy",
    tag_resource: TagResourceInput => "dynamodb:TagResource",
    untag_resource: UntagResourceInput => "dynamodb:UntagResource",
    list_tags_of_resource: ListTagsOfResourceInput => "dynamodb:ListTagsOfResource",
}
