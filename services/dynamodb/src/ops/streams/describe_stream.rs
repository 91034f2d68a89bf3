//! DescribeStream: a stream with its shards, a page of them at a time.

use crate::errors::DynamoError;
use crate::iterators::{StreamAddress, sequence};
use crate::ops::update_table::CHANGE;
use crate::rules::keys::KeySchema;
use crate::state::streams::{Shard, StreamRecord};
use crate::streams::is_past;
use model::{
    DescribeStreamInput, DescribeStreamOutput, KeySchemaElement, KeyType, SequenceNumberRange, ShardFilter,
    ShardFilterType, StreamDescription, StreamStatus,
};
use model_dynamodbstreams as model;
use names::Timestamp;
use service::Ctx;
use std::sync::Arc;

/// The most shards of a page, and those that are given unasked.
const MAX_PAGE: i32 = 100;

/// DescribeStream.
pub async fn describe_stream(
    ctx: Ctx,
    input: Arc<DescribeStreamInput>,
) -> Result<DescribeStreamOutput, DynamoError> {
    let (now, limit) = (ctx.now(), super::page(input.limit, MAX_PAGE)?);
    let address = StreamAddress::of(&input.stream_arn, ctx.region())?;
    let stream = address.find(&ctx.read(), &input.stream_arn)?;
    let parent = input.shard_filter.as_ref().map(parent).transpose()?.flatten();
    let after = input.exclusive_start_shard_id.as_ref();
    let mut shards: Vec<model::Shard> = stream
        .shards
        .iter()
        .filter(|shard| !is_past(shard, now))
        .filter(|shard| after.is_none_or(|after| shard.id > *after))
        .filter(|shard| parent.is_none_or(|parent| shard.parent.as_ref() == Some(parent)))
        .map(described)
        .collect();
    let more = shards.len() > limit;
    shards.truncate(limit);
    let last = shards.last().filter(|_| more).and_then(|shard| shard.shard_id.clone());
    Ok(DescribeStreamOutput {
        stream_description: Some(StreamDescription {
            stream_arn: Some(input.stream_arn.clone()),
            stream_label: Some(stream.label.clone()),
            stream_status: Some(status(&ctx, &stream, now)),
            stream_view_type: Some(stream.view.name().into()),
            creation_request_date_time: Some(stream.created),
            table_name: Some(stream.table.clone()),
            key_schema: Some(key_schema(&stream.key)),
            shards: Some(shards),
            last_evaluated_shard_id: last,
        }),
    })
}

/// The shard whose children are asked for.
fn parent(filter: &ShardFilter) -> Result<Option<&String>, DynamoError> {
    let missing = |member: &str| {
        DynamoError::invalid(format!(
            "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must \
             not be null"
        ))
    };
    match (&filter.type_, &filter.shard_id) {
        (None, _) => Err(missing("shardFilter.type")),
        (Some(ShardFilterType::ChildShards), None) => Err(missing("shardFilter.shardId")),
        (Some(ShardFilterType::ChildShards), Some(parent)) => Ok(Some(parent)),
        (Some(ShardFilterType::Other(_)), _) => Ok(None),
    }
}

fn status(ctx: &Ctx, stream: &StreamRecord, now: Timestamp) -> StreamStatus {
    let pace = i64::try_from(ctx.pace(CHANGE).as_millis()).unwrap_or(i64::MAX);
    match stream.closed {
        Some(closed) if closed.plus_millis(pace) > now => StreamStatus::Disabling,
        Some(_) => StreamStatus::Disabled,
        None if stream.created.plus_millis(pace) > now => StreamStatus::Enabling,
        None => StreamStatus::Enabled,
    }
}

fn key_schema(key: &KeySchema) -> Vec<KeySchemaElement> {
    let element = |name: &str, key_type| KeySchemaElement { attribute_name: name.to_owned(), key_type };
    let partition = key.partition.iter().map(|part| element(&part.name, KeyType::Hash));
    partition.chain(key.sort.iter().map(|part| element(&part.name, KeyType::Range))).collect()
}

fn described(shard: &Shard) -> model::Shard {
    model::Shard {
        shard_id: Some(shard.id.clone()),
        parent_shard_id: shard.parent.clone(),
        sequence_number_range: Some(SequenceNumberRange {
            starting_sequence_number: Some(sequence(shard.first)),
            ending_sequence_number: shard.end.map(|(last, _)| sequence(last)),
        }),
    }
}
