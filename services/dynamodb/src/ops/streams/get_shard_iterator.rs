//! GetShardIterator: a place in a shard from which it is read.

use super::{head, shard};
use crate::errors::DynamoError;
use crate::iterators::{self, ShardIterator, StreamAddress};
use crate::state::streams;
use crate::streams::KEPT_MS;
use model_dynamodbstreams::{GetShardIteratorInput, GetShardIteratorOutput, ShardIteratorType};
use service::Ctx;
use std::sync::Arc;

/// GetShardIterator.
pub async fn get_shard_iterator(
    ctx: Ctx,
    input: Arc<GetShardIteratorInput>,
) -> Result<GetShardIteratorOutput, DynamoError> {
    let (now, read) = (ctx.now(), ctx.read());
    let address = StreamAddress::of(&input.stream_arn, ctx.region())?;
    let named = named(&input)?;
    let stream = address.find(&read, &input.stream_arn)?;
    let shard = shard(&stream, |shard| shard.id == input.shard_id, now)?;
    let (first, behind) = iterators::bounds(shard, head(&read, &address.scope, &stream)?);
    let next = match (named, &input.shard_iterator_type) {
        (Some(number), _) if number < first || number >= behind => {
            return Err(DynamoError::invalid(format!(
                "Invalid SequenceNumber: {} is not in the range of the shard {}",
                iterators::sequence(number),
                shard.id
            )));
        }
        (Some(number), ShardIteratorType::AfterSequenceNumber) => number + 1,
        (Some(number), _) => number,
        (None, ShardIteratorType::Latest) => behind,
        (None, _) => first,
    };
    if named.is_some() {
        let oldest = streams::changes(&read, &address.scope, shard.incarnation, next).next().transpose()?;
        if oldest.is_some_and(|(_, change)| change.at.plus_millis(KEPT_MS) <= now) {
            return Err(DynamoError::Trimmed);
        }
    }
    let iterator = ShardIterator { shard: shard.incarnation, next, exact: named.is_some(), made: now };
    Ok(GetShardIteratorOutput { shard_iterator: Some(iterator.seal(&ctx.host().seal, &input.stream_arn)?) })
}

/// The number of the change that the request names.
fn named(input: &GetShardIteratorInput) -> Result<Option<u64>, DynamoError> {
    let names = matches!(
        input.shard_iterator_type,
        ShardIteratorType::AtSequenceNumber | ShardIteratorType::AfterSequenceNumber
    );
    match (&input.sequence_number, names) {
        (None, false) => Ok(None),
        (Some(_), false) => Err(DynamoError::invalid(format!(
            "SequenceNumber may not be specified for ShardIteratorType {}",
            input.shard_iterator_type
        ))),
        (None, true) => Err(DynamoError::invalid(format!(
            "SequenceNumber is required for ShardIteratorType {}",
            input.shard_iterator_type
        ))),
        (Some(text), true) => {
            let number = iterators::number(text);
            let invalid = || DynamoError::invalid(format!("Invalid SequenceNumber: {text}"));
            Ok(Some(number.ok_or_else(invalid)?))
        }
    }
}
