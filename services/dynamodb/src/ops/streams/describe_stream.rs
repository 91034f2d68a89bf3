//! DescribeStream: a stream with its shards, a page of them at a time.

use crate::errors::DynamoError;
use crate::iterators::{StreamAddress, sequence};
use crate::ops::update_table::CHANGE;
use crate::rules::keys::KeySchema;
use crate::state::streams::{Shard, StreamRecord};
use crate::streams::is_past;
use model::{
    DescribeStreamInput, DescribeStreamOutput, KeySchemaElement, KeyType, SequenceNumberRange,
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
    let (now, limit) = (ctx.now(), input.limit.unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE));
    let address = StreamAddress::of(&input.stream_arn, ctx.region())?;
    let stream = address.find(&ctx.read(), &input.stream_arn)?;
    let parent = input
        .shard_filter
        .as_ref()
        .filter(|filter| filter.type_.is_none() || filter.type_ == Some(ShardFilterType::ChildShards));
    let parent = parent.and_then(|filter| filter.shard_id.as_ref());
    let after = input.exclusive_start_shard_id.as_ref();
    let mut shards: Vec<model::Shard> = stream
        .shards
        .iter()
        .filter(|shard| !is_past(shard, now))
        .filter(|shard| after.is_none_or(|after| shard.id > *after))
        .filter(|shard| parent.is_none_or(|parent| shard.parent.as_ref() == Some(parent)))
        .map(described)
        .collect();
    let limit = usize::try_from(limit).unwrap_or(1);
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
