//! The operations of the room, one line each.

mod account;
pub mod auto_scaling;
pub mod backups;
mod batch_execute_statement;
mod batch_get_item;
mod batch_write_item;
mod continuous_backups;
mod contributor_insights;
pub mod create_table;
pub mod delete_item;
pub mod delete_table;
mod describe_table;
mod execute_statement;
mod execute_transaction;
pub mod exports;
mod get_item;
mod global_tables;
pub mod imports;
mod kinesis_destinations;
mod list_tables;
pub mod put_item;
mod query;
mod resource_policy;
mod restore;
mod scan;
mod streams;
mod tags;
mod time_to_live;
mod transact_get_items;
mod transact_write_items;
mod update_item;
pub mod update_table;

use crate::policy;
use model_dynamodb::operations as model;
use model_dynamodbstreams::operations as stream_model;
use service::Operation;

/// All operations.
#[rustfmt::skip]
pub fn all() -> Vec<Operation> {
    vec![
        Operation::new::<model::BatchExecuteStatement, _, _, _>(batch_execute_statement::batch_execute_statement).acts_on(policy::batch_execute_statement),
        Operation::new::<model::BatchGetItem, _, _, _>(batch_get_item::batch_get_item).acts_on(policy::batch_get_item),
        Operation::new::<model::BatchWriteItem, _, _, _>(batch_write_item::batch_write_item).acts_on(policy::batch_write_item),
        Operation::new::<model::CreateBackup, _, _, _>(backups::create_backup).acts_on(policy::create_backup),
        Operation::new::<model::CreateGlobalTable, _, _, _>(global_tables::create_global_table).acts_on(policy::create_global_table),
        Operation::new::<model::CreateTable, _, _, _>(create_table::create_table).acts_on(policy::create_table),
        Operation::new::<model::DeleteBackup, _, _, _>(backups::delete_backup).acts_on(policy::delete_backup),
        Operation::new::<model::DeleteItem, _, _, _>(delete_item::delete_item).acts_on(policy::delete_item),
        Operation::new::<model::DeleteResourcePolicy, _, _, _>(resource_policy::delete_resource_policy).acts_on(policy::delete_resource_policy),
        Operation::new::<model::DeleteTable, _, _, _>(delete_table::delete_table).acts_on(policy::delete_table),
        Operation::new::<model::DescribeBackup, _, _, _>(backups::describe_backup).acts_on(policy::describe_backup),
        Operation::new::<model::DescribeContinuousBackups, _, _, _>(continuous_backups::describe_continuous_backups).acts_on(policy::describe_continuous_backups),
        Operation::new::<model::DescribeContributorInsights, _, _, _>(contributor_insights::describe_contributor_insights).acts_on(policy::describe_contributor_insights),
        Operation::new::<model::DescribeEndpoints, _, _, _>(account::describe_endpoints).acts_on_everything(),
        Operation::new::<model::DescribeExport, _, _, _>(exports::describe_export).acts_on(policy::describe_export),
        Operation::new::<model::DescribeGlobalTable, _, _, _>(global_tables::describe_global_table).acts_on(policy::describe_global_table),
        Operation::new::<model::DescribeGlobalTableSettings, _, _, _>(global_tables::settings::describe_global_table_settings).acts_on(policy::describe_global_table_settings),
        Operation::new::<model::DescribeImport, _, _, _>(imports::describe_import).acts_on(policy::describe_import),
        Operation::new::<model::DescribeKinesisStreamingDestination, _, _, _>(kinesis_destinations::describe_kinesis_streaming_destination).acts_on(policy::describe_kinesis_streaming_destination),
        Operation::new::<model::DescribeLimits, _, _, _>(account::describe_limits).acts_on_everything(),
        Operation::new::<stream_model::DescribeStream, _, _, _>(streams::describe_stream).acts_on(policy::describe_stream),
        Operation::new::<model::DescribeTable, _, _, _>(describe_table::describe_table).acts_on(policy::describe_table),
        Operation::new::<model::DescribeTableReplicaAutoScaling, _, _, _>(auto_scaling::describe_table_replica_auto_scaling).acts_on(policy::describe_table_replica_auto_scaling),
        Operation::new::<model::DescribeTimeToLive, _, _, _>(time_to_live::describe_time_to_live).acts_on(policy::describe_time_to_live),
        Operation::new::<model::DisableKinesisStreamingDestination, _, _, _>(kinesis_destinations::disable_kinesis_streaming_destination).acts_on(policy::disable_kinesis_streaming_destination),
        Operation::new::<model::EnableKinesisStreamingDestination, _, _, _>(kinesis_destinations::enable_kinesis_streaming_destination).acts_on(policy::enable_kinesis_streaming_destination),
        Operation::new::<model::ExecuteStatement, _, _, _>(execute_statement::execute_statement).acts_on(policy::execute_statement),
        Operation::new::<model::ExecuteTransaction, _, _, _>(execute_transaction::execute_transaction).acts_on(policy::execute_transaction),
        Operation::new::<model::ExportTableToPointInTime, _, _, _>(exports::export_table_to_point_in_time).acts_on(policy::export_table_to_point_in_time),
        Operation::new::<model::GetItem, _, _, _>(get_item::get_item).acts_on(policy::get_item),
        Operation::new::<stream_model::GetRecords, _, _, _>(streams::get_records).acts_on(policy::get_records),
        Operation::new::<model::GetResourcePolicy, _, _, _>(resource_policy::get_resource_policy).acts_on(policy::get_resource_policy),
        Operation::new::<stream_model::GetShardIterator, _, _, _>(streams::get_shard_iterator).acts_on(policy::get_shard_iterator),
        Operation::new::<model::ImportTable, _, _, _>(imports::import_table).acts_on(policy::import_table),
        Operation::new::<model::ListBackups, _, _, _>(backups::list_backups).acts_on_everything(),
        Operation::new::<model::ListContributorInsights, _, _, _>(contributor_insights::list_contributor_insights).acts_on_everything(),
        Operation::new::<model::ListExports, _, _, _>(exports::list_exports).acts_on_everything(),
        Operation::new::<model::ListGlobalTables, _, _, _>(global_tables::list_global_tables).acts_on_everything(),
        Operation::new::<model::ListImports, _, _, _>(imports::list_imports).acts_on_everything(),
        Operation::new::<stream_model::ListStreams, _, _, _>(streams::list_streams).acts_on_everything(),
        Operation::new::<model::ListTables, _, _, _>(list_tables::list_tables).acts_on_everything(),
        Operation::new::<model::ListTagsOfResource, _, _, _>(tags::list_tags_of_resource).acts_on(policy::list_tags_of_resource),
        Operation::new::<model::PutItem, _, _, _>(put_item::put_item).acts_on(policy::put_item),
        Operation::new::<model::PutResourcePolicy, _, _, _>(resource_policy::put_resource_policy).acts_on(policy::put_resource_policy),
        Operation::new::<model::Query, _, _, _>(query::query).acts_on(policy::query),
        Operation::new::<model::RestoreTableFromBackup, _, _, _>(restore::restore_table_from_backup).acts_on(policy::restore_table_from_backup),
        Operation::new::<model::RestoreTableToPointInTime, _, _, _>(restore::restore_table_to_point_in_time).acts_on(policy::restore_table_to_point_in_time),
        Operation::new::<model::Scan, _, _, _>(scan::scan).acts_on(policy::scan),
        Operation::new::<model::TagResource, _, _, _>(tags::tag_resource).acts_on(policy::tag_resource),
        Operation::new::<model::TransactGetItems, _, _, _>(transact_get_items::transact_get_items).acts_on(policy::transact_get_items),
        Operation::new::<model::TransactWriteItems, _, _, _>(transact_write_items::transact_write_items).acts_on(policy::transact_write_items),
        Operation::new::<model::UntagResource, _, _, _>(tags::untag_resource).acts_on(policy::untag_resource),
        Operation::new::<model::UpdateContinuousBackups, _, _, _>(continuous_backups::update_continuous_backups).acts_on(policy::update_continuous_backups),
        Operation::new::<model::UpdateContributorInsights, _, _, _>(contributor_insights::update_contributor_insights).acts_on(policy::update_contributor_insights),
        Operation::new::<model::UpdateGlobalTable, _, _, _>(global_tables::update_global_table).acts_on(policy::update_global_table),
        Operation::new::<model::UpdateGlobalTableSettings, _, _, _>(global_tables::settings::update_global_table_settings).acts_on(policy::update_global_table_settings),
        Operation::new::<model::UpdateItem, _, _, _>(update_item::update_item).acts_on(policy::update_item),
        Operation::new::<model::UpdateKinesisStreamingDestination, _, _, _>(kinesis_destinations::update_kinesis_streaming_destination).acts_on(policy::update_kinesis_streaming_destination),
        Operation::new::<model::UpdateTable, _, _, _>(update_table::update_table).acts_on(policy::update_table),
        Operation::new::<model::UpdateTableReplicaAutoScaling, _, _, _>(auto_scaling::update_table_replica_auto_scaling).acts_on(policy::update_table_replica_auto_scaling),
        Operation::new::<model::UpdateTimeToLive, _, _, _>(time_to_live::update_time_to_live).acts_on(policy::update_time_to_live),
    ]
}
