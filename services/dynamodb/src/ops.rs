//! The operations of the room, one line each.

mod account;
mod batch_execute_statement;
mod batch_get_item;
mod batch_write_item;
mod create_table;
pub mod delete_item;
mod delete_table;
mod describe_table;
mod execute_statement;
mod execute_transaction;
mod get_item;
mod list_tables;
pub mod put_item;
mod query;
mod resource_policy;
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
        Operation::new::<model::CreateTable, _, _, _>(create_table::create_table).acts_on(policy::create_table),
        Operation::new::<model::DeleteItem, _, _, _>(delete_item::delete_item).acts_on(policy::delete_item),
        Operation::new::<model::DeleteResourcePolicy, _, _, _>(resource_policy::delete_resource_policy).acts_on(policy::delete_resource_policy),
        Operation::new::<model::DeleteTable, _, _, _>(delete_table::delete_table).acts_on(policy::delete_table),
        Operation::new::<model::DescribeContinuousBackups, _, _, _>(account::describe_continuous_backups).acts_on(policy::describe_continuous_backups),
        Operation::new::<model::DescribeEndpoints, _, _, _>(account::describe_endpoints).acts_on_everything(),
        Operation::new::<model::DescribeLimits, _, _, _>(account::describe_limits).acts_on_everything(),
        Operation::new::<stream_model::DescribeStream, _, _, _>(streams::describe_stream).acts_on(policy::describe_stream),
        Operation::new::<model::DescribeTable, _, _, _>(describe_table::describe_table).acts_on(policy::describe_table),
        Operation::new::<model::DescribeTimeToLive, _, _, _>(time_to_live::describe_time_to_live).acts_on(policy::describe_time_to_live),
        Operation::new::<model::ExecuteStatement, _, _, _>(execute_statement::execute_statement).acts_on(policy::execute_statement),
        Operation::new::<model::ExecuteTransaction, _, _, _>(execute_transaction::execute_transaction).acts_on(policy::execute_transaction),
        Operation::new::<model::GetItem, _, _, _>(get_item::get_item).acts_on(policy::get_item),
        Operation::new::<stream_model::GetRecords, _, _, _>(streams::get_records).acts_on(policy::get_records),
        Operation::new::<model::GetResourcePolicy, _, _, _>(resource_policy::get_resource_policy).acts_on(policy::get_resource_policy),
        Operation::new::<stream_model::GetShardIterator, _, _, _>(streams::get_shard_iterator).acts_on(policy::get_shard_iterator),
        Operation::new::<stream_model::ListStreams, _, _, _>(streams::list_streams).acts_on_everything(),
        Operation::new::<model::ListTables, _, _, _>(list_tables::list_tables).acts_on_everything(),
        Operation::new::<model::ListTagsOfResource, _, _, _>(tags::list_tags_of_resource).acts_on(policy::list_tags_of_resource),
        Operation::new::<model::PutItem, _, _, _>(put_item::put_item).acts_on(policy::put_item),
        Operation::new::<model::PutResourcePolicy, _, _, _>(resource_policy::put_resource_policy).acts_on(policy::put_resource_policy),
        Operation::new::<model::Query, _, _, _>(query::query).acts_on(policy::query),
        Operation::new::<model::Scan, _, _, _>(scan::scan).acts_on(policy::scan),
        Operation::new::<model::TagResource, _, _, _>(tags::tag_resource).acts_on(policy::tag_resource),
        Operation::new::<model::TransactGetItems, _, _, _>(transact_get_items::transact_get_items).acts_on(policy::transact_get_items),
        Operation::new::<model::TransactWriteItems, _, _, _>(transact_write_items::transact_write_items).acts_on(policy::transact_write_items),
        Operation::new::<model::UntagResource, _, _, _>(tags::untag_resource).acts_on(policy::untag_resource),
        Operation::new::<model::UpdateItem, _, _, _>(update_item::update_item).acts_on(policy::update_item),
        Operation::new::<model::UpdateTable, _, _, _>(update_table::update_table).acts_on(policy::update_table),
        Operation::new::<model::UpdateTimeToLive, _, _, _>(time_to_live::update_time_to_live).acts_on(policy::update_time_to_live),
    ]
}
