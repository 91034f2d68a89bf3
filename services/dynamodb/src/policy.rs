//! What each operation needs permission for, with DynamoDB's condition keys.

use crate::errors::DynamoError;
use crate::find;
use crate::rules::partiql::syntax::Verb;
use crate::rules::value::{Item, Value};
use crate::statements::Prepared;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::ReturnValue;
use model_dynamodb as model;
use model_dynamodbstreams as stream_model;
use names::Arn;
use service::{Demand, Peek};
use std::collections::BTreeSet;
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

fn attributes<'n>(demand: Demand, names: impl Iterator<Item = &'n String>) -> Demand {
    let names: BTreeSet<&String> = names.collect();
    match names.is_empty() {
        true => demand,
        false => demand.when("dynamodb:Attributes", names.into_iter().cloned()),
    }
}

fn return_values(demand: Demand, asked: Option<&ReturnValue>) -> Demand {
    demand.when("dynamodb:ReturnValues", [asked.map_or("NONE", ReturnValue::as_str).to_owned()])
}

/// GetItem.
pub async fn get_item(peek: Peek, input: Arc<model::GetItemInput>) -> Demands {
    let demand = on_table(&peek, "dynamodb:GetItem", &input.table_name);
    Ok(vec![demand.when_read(move |demand| {
        let demand = leading_keys(&peek, demand, &input.table_name, [&input.key]);
        let named = input.attributes_to_get.iter().flatten();
        let named = named.chain(input.expression_attribute_names.iter().flat_map(|names| names.values()));
        attributes(demand, input.key.keys().chain(named))
    })])
}

/// PutItem.
pub async fn put_item(peek: Peek, input: Arc<model::PutItemInput>) -> Demands {
    let demand = on_table(&peek, "dynamodb:PutItem", &input.table_name);
    Ok(vec![demand.when_read(move |demand| {
        let demand = leading_keys(&peek, demand, &input.table_name, [&input.item]);
        let demand = return_values(demand, input.return_values.as_ref());
        attributes(demand, input.item.keys())
    })])
}

/// UpdateItem.
pub async fn update_item(peek: Peek, input: Arc<model::UpdateItemInput>) -> Demands {
    let demand = on_table(&peek, "dynamodb:UpdateItem", &input.table_name);
    Ok(vec![demand.when_read(move |demand| {
        let demand = leading_keys(&peek, demand, &input.table_name, [&input.key]);
        let demand = return_values(demand, input.return_values.as_ref());
        let updated = input.attribute_updates.iter().flat_map(|updates| updates.keys());
        let named = input.expression_attribute_names.iter().flat_map(|names| names.values());
        attributes(demand, input.key.keys().chain(updated).chain(named))
    })])
}

/// DeleteItem.
pub async fn delete_item(peek: Peek, input: Arc<model::DeleteItemInput>) -> Demands {
    let demand = on_table(&peek, "dynamodb:DeleteItem", &input.table_name);
    Ok(vec![demand.when_read(move |demand| {
        let demand = leading_keys(&peek, demand, &input.table_name, [&input.key]);
        let demand = return_values(demand, input.return_values.as_ref());
        attributes(demand, input.key.keys())
    })])
}

fn on_index(peek: &Peek, action: &'static str, table: &str, index: Option<&String>) -> Demand {
    let arn = table_arn(peek, table);
    let Some(index) = index else { return Demand::new(action, &arn) };
    match format!("{arn}/index/{index}").parse::<Arn>() {
        Ok(index) => Demand::new(action, &index).headed_by(&arn),
        Err(_) => Demand::new(action, &arn),
    }
}

fn select(demand: Demand, asked: Option<&model::Select>) -> Demand {
    match asked {
        Some(asked) => demand.when("dynamodb:Select", [asked.as_str().to_owned()]),
        None => demand,
    }
}

/// Query.
pub async fn query(peek: Peek, input: Arc<model::QueryInput>) -> Demands {
    let demand = on_index(&peek, "dynamodb:Query", &input.table_name, input.index_name.as_ref());
    Ok(vec![demand.when_read(move |demand| {
        let demand = select(demand, input.select.as_ref());
        match queried_partition(&peek, &input) {
            Some(value) => demand.when("dynamodb:LeadingKeys", [value]),
            None => demand,
        }
    })])
}

/// The partition that a query reads, as its key condition says it.
fn queried_partition(peek: &Peek, input: &model::QueryInput) -> Option<String> {
    let record = find::peeked(peek, &input.table_name)?;
    let index = input.index_name.as_ref().and_then(|name| record.index(name));
    let partition = index.map_or(&record.key, |index| &index.key).leading();
    if let Some(condition) = input.key_conditions.as_ref().and_then(|all| all.get(partition)) {
        return leading(condition.attribute_value_list.as_ref()?.first()?);
    }
    let text = input.key_condition_expression.as_ref()?;
    let (names, values) =
        (input.expression_attribute_names.as_ref(), input.expression_attribute_values.as_ref());
    let mut binder = crate::request::Binder::new(peek.part(), names, values).ok()?;
    let condition = binder.condition("KeyConditionExpression", Some(text)).ok()??;
    let tests = crate::rules::expression::key_condition::tests(condition).ok()?;
    leading(tests.get(partition)?.values.first()?)
}

/// Scan.
pub async fn scan(peek: Peek, input: Arc<model::ScanInput>) -> Demands {
    let demand = on_index(&peek, "dynamodb:Scan", &input.table_name, input.index_name.as_ref());
    Ok(vec![select(demand, input.select.as_ref())])
}

/// BatchGetItem.
pub async fn batch_get_item(peek: Peek, input: Arc<model::BatchGetItemInput>) -> Demands {
    let demands = input.request_items.iter().map(|(name, request)| {
        let demand = on_table(&peek, "dynamodb:BatchGetItem", name);
        leading_keys(&peek, demand, name, &request.keys)
    });
    Ok(demands.collect())
}

/// BatchWriteItem.
pub async fn batch_write_item(peek: Peek, input: Arc<model::BatchWriteItemInput>) -> Demands {
    let demands = input.request_items.iter().map(|(name, requests)| {
        let demand = on_table(&peek, "dynamodb:BatchWriteItem", name);
        let keys = requests.iter().filter_map(|request| {
            let put = request.put_request.as_ref().map(|put| &put.item);
            put.or(request.delete_request.as_ref().map(|delete| &delete.key))
        });
        leading_keys(&peek, demand, name, keys)
    });
    Ok(demands.collect())
}

fn enclosed(peek: &Peek, operation: &str, action: &'static str, table: &str, key: &Item) -> Demand {
    let demand = on_table(peek, action, table);
    leading_keys(peek, demand, table, [key]).when("dynamodb:EnclosingOperation", [operation.to_owned()])
}

/// TransactGetItems: reading each of the items.
pub async fn transact_get_items(peek: Peek, input: Arc<model::TransactGetItemsInput>) -> Demands {
    let demands = input.transact_items.iter().map(|item| {
        enclosed(&peek, "TransactGetItems", "dynamodb:GetItem", &item.get.table_name, &item.get.key)
    });
    Ok(demands.collect())
}

/// TransactWriteItems: each of its writes, and a permission of its own for looking only.
pub async fn transact_write_items(peek: Peek, input: Arc<model::TransactWriteItemsInput>) -> Demands {
    let mut demands = Vec::new();
    let mut demand = |action, table: &str, key: &Item| {
        demands.push(enclosed(&peek, "TransactWriteItems", action, table, key));
    };
    for item in &input.transact_items {
        if let Some(check) = &item.condition_check {
            demand("dynamodb:ConditionCheckItem", &check.table_name, &check.key);
        }
        if let Some(put) = &item.put {
            demand("dynamodb:PutItem", &put.table_name, &put.item);
        }
        if let Some(delete) = &item.delete {
            demand("dynamodb:DeleteItem", &delete.table_name, &delete.key);
        }
        if let Some(update) = &item.update {
            demand("dynamodb:UpdateItem", &update.table_name, &update.key);
        }
    }
    Ok(demands)
}

/// What one statement of PartiQL needs; one that cannot be read needs to read everything.
fn statement(peek: &Peek, text: &str, parameters: Option<&Vec<Value>>) -> Demand {
    let Ok(prepared) = Prepared::new(peek.part(), text, parameters) else {
        return on_table(peek, "dynamodb:PartiQLSelect", "*");
    };
    let action = match &prepared.statement.verb {
        Verb::Select(..) => "dynamodb:PartiQLSelect",
        Verb::Exists => "dynamodb:ConditionCheckItem",
        Verb::Insert(_) => "dynamodb:PartiQLInsert",
        Verb::Update(..) => "dynamodb:PartiQLUpdate",
        Verb::Delete(_) => "dynamodb:PartiQLDelete",
    };
    let index = prepared.statement.source.index.as_ref();
    let demand = on_index(peek, action, prepared.table(), index);
    let Some(record) = find::peeked(peek, prepared.table()) else { return demand };
    let schema = index.and_then(|name| record.index(name)).map_or(&record.key, |index| &index.key);
    let leads = prepared.leading_values(schema);
    let demand = match prepared.statement.verb.reads() {
        true => demand.when("dynamodb:FullTableScan", [leads.is_empty().to_string()]),
        false => demand,
    };
    match leads.is_empty() {
        true => demand,
        false => demand.when("dynamodb:LeadingKeys", leads.iter().filter_map(leading)),
    }
}

/// ExecuteStatement.
pub async fn execute_statement(peek: Peek, input: Arc<model::ExecuteStatementInput>) -> Demands {
    Ok(vec![statement(&peek, &input.statement, input.parameters.as_ref())])
}

/// BatchExecuteStatement: what each of its statements needs.
pub async fn batch_execute_statement(peek: Peek, input: Arc<model::BatchExecuteStatementInput>) -> Demands {
    let all = input.statements.iter();
    Ok(all.map(|one| statement(&peek, &one.statement, one.parameters.as_ref())).collect())
}

/// ExecuteTransaction: what each of its statements needs.
pub async fn execute_transaction(peek: Peek, input: Arc<model::ExecuteTransactionInput>) -> Demands {
    let all = input.transact_statements.iter();
    Ok(all.map(|one| statement(&peek, &one.statement, one.parameters.as_ref())).collect())
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
