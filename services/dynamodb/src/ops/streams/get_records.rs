//! GetRecords: the changes of a shard from an iterator on, up to a thousand or a megabyte.

use super::{head, shard};
use crate::errors::DynamoError;
use crate::iterators::{self, ShardIterator, StreamAddress, sequence};
use crate::rules::change::{Change, Kind, Old, Origin, StreamView};
use crate::rules::codec;
use crate::rules::value::{Item, Value};
use crate::state;
use crate::state::streams::{self, StreamRecord};
use crate::streams::KEPT_MS;
use bytes::Bytes;
use md5::{Digest, Md5};
use model::{
    AttributeValue, GetRecordsInput, GetRecordsOutput, OperationType, Record, StreamRecord as Shown,
};
use model_dynamodbstreams as model;
use names::{Scope, Timestamp};
use service::Ctx;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Incarnation, Read, Snapshot};

/// The most records of an answer, and those that are given unasked.
const MAX_RECORDS: i32 = 1000;
/// The most bytes of an answer's records; one record is always given.
const MAX_BYTES: usize = 1024 * 1024;

/// GetRecords.
pub async fn get_records(ctx: Ctx, input: Arc<GetRecordsInput>) -> Result<GetRecordsOutput, DynamoError> {
    let (now, read) = (ctx.now(), ctx.read());
    let limit = input.limit.unwrap_or(MAX_RECORDS);
    if limit > MAX_RECORDS {
        return Err(DynamoError::invalid(format!(
            "1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: Member must \
             have value less than or equal to {MAX_RECORDS}"
        )));
    }
    let (arn, iterator) = ShardIterator::open(&ctx.host().seal, &input.shard_iterator, now)?;
    let address = StreamAddress::of(arn, ctx.region())?;
    let stream = address.find(&read, arn)?;
    let place = shard(&stream, |shard| shard.incarnation == iterator.shard, now)?;
    let (_, behind) = iterators::bounds(place, head(&read, &address.scope, &stream)?);
    let is_closed = place.end.is_some();
    let scope = address.scope;
    let Some(first) = first_kept(&read, &scope, &iterator, behind, now)? else {
        let next = ShardIterator { made: now, ..iterator };
        let next = (!is_closed).then(|| next.seal(&ctx.host().seal, arn)).transpose()?;
        return Ok(GetRecordsOutput { records: Some(Vec::new()), next_shard_iterator: next });
    };
    let limit = usize::try_from(limit.max(1)).unwrap_or(1);
    let page = Page { read, scope, stream, shard: iterator.shard, first, limit };
    let told = ctx.compute(move || page.records()).await;
    let (records, next) = told.map_err(|_| DynamoError::Corrupt("records cannot be read"))??;
    let next = match next {
        Next::End if is_closed => None,
        Next::End => Some(records.last().map_or(iterator.next, |(number, _)| number + 1)),
        Next::At(number) => Some(number),
    };
    let next = next.map(|next| ShardIterator { next, exact: true, made: now, ..iterator });
    Ok(GetRecordsOutput {
        records: Some(records.into_iter().map(|(_, record)| record).collect()),
        next_shard_iterator: next.map(|next| next.seal(&ctx.host().seal, arn)).transpose()?,
    })
}

/// The first change from the iterator on whose day is not over.
fn first_kept(
    read: &impl Read,
    scope: &Scope,
    iterator: &ShardIterator,
    behind: u64,
    now: Timestamp,
) -> Result<Option<u64>, DynamoError> {
    let at = |from: u64| -> Result<Option<(u64, bool)>, DynamoError> {
        let change = streams::changes(read, scope, iterator.shard, from).next().transpose()?;
        Ok(change.map(|(number, change)| (number, change.at.plus_millis(KEPT_MS) > now)))
    };
    match at(iterator.next)? {
        None => return Ok(None),
        Some((number, true)) => return Ok(Some(number)),
        Some(_) if iterator.exact => return Err(DynamoError::Trimmed),
        Some(_) => {}
    }
    // Moments never go back, so the first that is kept is found by halving.
    let (mut low, mut high) = (iterator.next, behind);
    while low < high {
        let middle = low + (high - low) / 2;
        match at(middle)? {
            Some((number, false)) => low = number + 1,
            Some((_, true)) | None => high = middle,
        }
    }
    Ok(at(low)?.map(|(number, _)| number))
}

/// Where the next read begins.
enum Next {
    /// Behind the last record of the shard.
    End,
    /// At a change.
    At(u64),
}

/// What one answer reads.
struct Page {
    read: Snapshot,
    scope: Scope,
    stream: StreamRecord,
    shard: Incarnation,
    first: u64,
    limit: usize,
}

impl Page {
    fn records(&self) -> Result<(Vec<(u64, Record)>, Next), DynamoError> {
        let (mut records, mut bytes) = (Vec::new(), 0);
        for change in streams::changes(&self.read, &self.scope, self.shard, self.first) {
            let (number, change) = change?;
            let size = size(&change);
            if records.len() == self.limit || (bytes + size > MAX_BYTES && !records.is_empty()) {
                return Ok((records, Next::At(number)));
            }
            bytes += size;
            records.push((number, self.record(number, &change, size)?));
        }
        Ok((records, Next::End))
    }

    fn record(&self, number: u64, change: &Change, size: usize) -> Result<Record, DynamoError> {
        let old = match &change.old {
            Old::Here(old) => Some(old),
            Old::None | Old::Apart => None,
        };
        let image = |row: Option<&Bytes>| row.map(|row| state::item(row).map(shown)).transpose();
        let view: StreamView = self.stream.view;
        Ok(Record {
            event_id: Some(event_id(self.shard, number)),
            event_name: Some(match change.kind {
                Kind::Insert => OperationType::Insert,
                Kind::Modify => OperationType::Modify,
                Kind::Remove => OperationType::Remove,
            }),
            event_version: Some("1.1".to_owned()),
            event_source: Some("aws:dynamodb".to_owned()),
            aws_region: self.scope.region().map(|region| region.as_str().to_owned()),
            dynamodb: Some(Shown {
                // AWS tells whole seconds.
                approximate_creation_date_time: Some(Timestamp::from_seconds(change.at.seconds())),
                keys: image(Some(&change.keys))?,
                new_image: image(change.new.as_ref())?,
                old_image: image(old)?,
                sequence_number: Some(sequence(number)),
                size_bytes: i64::try_from(size).ok(),
                stream_view_type: Some(view.name().into()),
            }),
            user_identity: (change.origin == Origin::Expiry).then(|| model::Identity {
                principal_id: Some("dynamodb.amazonaws.com".to_owned()),
                type_: Some("Service".to_owned()),
            }),
        })
    }
}

/// The size of a record: that of the keys and images it holds, as items are counted.
fn size(change: &Change) -> usize {
    let of = |row: Option<&Bytes>| row.map_or(0, |row| codec::stored_size(row));
    let old = match &change.old {
        Old::Here(old) => Some(old),
        Old::None | Old::Apart => None,
    };
    of(Some(&change.keys)) + of(change.new.as_ref()) + of(old)
}

/// The id of a change, the same each time it is read.
fn event_id(shard: Incarnation, number: u64) -> String {
    let digest = Md5::new().chain_update(shard.0.to_be_bytes()).chain_update(number.to_be_bytes()).finalize();
    service::hex(&digest)
}

/// An item in the types of this API.
fn shown(item: Item) -> BTreeMap<String, AttributeValue> {
    item.into_iter().map(|(name, value)| (name, shown_value(value))).collect()
}

fn shown_value(value: Value) -> AttributeValue {
    match value {
        Value::S(text) => AttributeValue::S(text),
        Value::N(text) => AttributeValue::N(text),
        Value::B(bytes) => AttributeValue::B(bytes),
        Value::SS(set) => AttributeValue::SS(set),
        Value::NS(set) => AttributeValue::NS(set),
        Value::BS(set) => AttributeValue::BS(set),
        Value::M(map) => AttributeValue::M(shown(map)),
        Value::L(list) => AttributeValue::L(list.into_iter().map(shown_value).collect()),
        Value::NULL(null) => AttributeValue::NULL(null),
        Value::BOOL(truth) => AttributeValue::BOOL(truth),
        // A stored value is set, and once.
        Value::Unset | Value::Many(_) => AttributeValue::Unset,
    }
}
