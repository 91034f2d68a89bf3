//! The operations of the API of streams, one file each.

mod describe_stream;
mod get_records;
mod get_shard_iterator;
mod list_streams;

pub use describe_stream::describe_stream;
pub use get_records::get_records;
pub use get_shard_iterator::get_shard_iterator;
pub use list_streams::list_streams;

use crate::errors::DynamoError;
use crate::state::streams::{Shard, StreamRecord};
use crate::state::{self, streams};
use crate::streams::is_past;
use names::{Scope, Timestamp};
use store::Read;

/// How much a page holds at most.
fn page(asked: Option<i32>, most: i32) -> Result<usize, DynamoError> {
    let limit = asked.unwrap_or(most);
    if limit > most {
        return Err(DynamoError::invalid(format!(
            "1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: Member must \
             have value less than or equal to {most}"
        )));
    }
    Ok(usize::try_from(limit).unwrap_or(1).max(1))
}

/// A shard of a stream that can still be read.
fn shard(
    stream: &StreamRecord,
    is_wanted: impl Fn(&Shard) -> bool,
    now: Timestamp,
) -> Result<&Shard, DynamoError> {
    let mut kept = stream.shards.iter().filter(|shard| !is_past(shard, now));
    kept.find(|shard| is_wanted(shard)).ok_or_else(|| {
        DynamoError::NoResource("Requested resource not found: Shard does not exist".to_owned())
    })
}

/// The number of the last change of the table that a stream is of.
fn head(read: &impl Read, scope: &Scope, stream: &StreamRecord) -> Result<u64, DynamoError> {
    let Some(table) = state::table(read, scope, &stream.table)? else { return Ok(0) };
    Ok(streams::head(read, scope, table.incarnation)?.number)
}
