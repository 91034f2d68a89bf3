//! The life of a stream: opened and closed with its table's setting, cut into shards by the clock, gone a day
//! after it was closed.

use crate::describe;
use crate::errors::DynamoError;
use crate::rules::change::StreamView;
use crate::state::streams::{self, Shard, StreamRecord};
use crate::state::{self, OpenStream, TableRecord};
use bytes::Bytes;
use names::{Scope, Tags, Timestamp};
use schema::ApiError;
use service::{Head, Heads, TimerHandler};
use store::{Fault, Timer, Tx};

/// How long a shard is open.
const SHARD_MS: i64 = 4 * 3_600_000;
/// How long a change can be read.
pub const KEPT_MS: i64 = 24 * 3_600_000;

const ROLL: &str = "dynamodb/shards";

/// The timer that cuts streams into shards, and lets go of what is past its time.
pub fn handler() -> TimerHandler {
    TimerHandler { kind: ROLL, fire: roll }
}

fn schedule(tx: &mut Tx, scope: &Scope, stream: &StreamRecord, due: Timestamp) -> Result<(), Fault> {
    let timer = Timer {
        kind: ROLL.to_owned(),
        due,
        scope: scope.clone(),
        key: Bytes::copy_from_slice(stream.table.as_bytes()),
        payload: Bytes::copy_from_slice(stream.label.as_bytes()),
    };
    tx.schedule(&timer).map(drop)
}

/// The label of a stream that is opened at a moment, behind the label of the one before.
fn label(now: Timestamp, before: Option<&str>) -> (Timestamp, String) {
    let text = |at: Timestamp| at.iso8601_millis().trim_end_matches('Z').to_owned();
    let mut at = now;
    while before.is_some_and(|before| text(at).as_str() <= before) {
        at = at.plus_millis(1);
    }
    (at, text(at))
}

fn open_shard(
    tx: &mut Tx,
    scope: &Scope,
    table: &TableRecord,
    parent: Option<String>,
    now: Timestamp,
) -> Result<Shard, Fault> {
    let incarnation = tx.fresh_incarnation()?;
    let head = streams::advance(tx, scope, table.incarnation, now)?;
    Ok(Shard {
        id: format!("shardId-{:020}-{:08x}", now.millis().max(0), incarnation.0 as u32),
        parent,
        incarnation,
        opened: now,
        first: head.number,
        end: None,
    })
}

/// Opens a stream of a table that has none.
///
/// # Errors
/// The store's.
pub fn open(
    tx: &mut Tx,
    scope: &Scope,
    table: &mut TableRecord,
    view: StreamView,
    now: Timestamp,
) -> Result<(), Fault> {
    // A table of the same name may have had streams before, which can still be read.
    let earlier = streams::streams(tx, scope, Some(&table.name), None, usize::MAX)?;
    let (created, label) = label(now, earlier.last().map(|stream| stream.label.as_str()));
    let shard = open_shard(tx, scope, table, None, now)?;
    table.stream = Some(OpenStream { label: label.clone(), view, shard: shard.incarnation });
    table.latest_stream = Some(label.clone());
    let stream = StreamRecord {
        table: table.name.clone(),
        label,
        created,
        view,
        key: table.key.clone(),
        policy_revision: 0,
        closed: None,
        shards: vec![shard],
    };
    streams::put_stream(tx, scope, &stream)?;
    put_head(tx, scope, table, &stream)?;
    schedule(tx, scope, &stream, now.plus_millis(SHARD_MS))
}

/// The head of a stream, where authorisation finds its owner and its policy.
fn put_head(tx: &mut Tx, scope: &Scope, table: &TableRecord, stream: &StreamRecord) -> Result<(), Fault> {
    let (Some(arn), Some(owner)) =
        (describe::stream_arn(scope, &stream.table, &stream.label), scope.account())
    else {
        return Ok(());
    };
    let head = Head {
        incarnation: table.incarnation,
        owner,
        kind: "AWS::DynamoDB::Stream".to_owned(),
        created: stream.created,
        tags: Tags::new(),
        policy: None,
    };
    tx.put_head(&arn, &head)
}

fn remove(tx: &mut Tx, scope: &Scope, stream: &StreamRecord) -> Result<(), Fault> {
    if let Some(arn) = describe::stream_arn(scope, &stream.table, &stream.label) {
        tx.remove_head(&arn)?;
    }
    streams::remove_stream(tx, scope, stream)
}

/// Closes the stream of a table, if it has one; it can be read for a day from then on.
///
/// # Errors
/// The store's.
pub fn close(tx: &mut Tx, scope: &Scope, table: &mut TableRecord, now: Timestamp) -> Result<(), Fault> {
    let Some(open) = table.stream.take() else { return Ok(()) };
    let Some(mut stream) = streams::stream(tx, scope, &table.name, &open.label)? else { return Ok(()) };
    close_shard(tx, scope, table, &mut stream, now)?;
    stream.closed = Some(now);
    streams::put_stream(tx, scope, &stream)?;
    schedule(tx, scope, &stream, now.plus_millis(KEPT_MS))
}

fn close_shard(
    tx: &mut Tx,
    scope: &Scope,
    table: &TableRecord,
    stream: &mut StreamRecord,
    now: Timestamp,
) -> Result<(), Fault> {
    let Some(shard) = stream.shards.last_mut() else { return Ok(()) };
    let head = streams::advance(tx, scope, table.incarnation, now)?;
    shard.end = Some((head.number, now));
    Ok(())
}

fn roll(tx: &mut Tx, timer: &Timer) -> Result<(), ApiError> {
    let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
    Ok(roll_stream(tx, timer, (&text(&timer.key), &text(&timer.payload)))?)
}

fn roll_stream(tx: &mut Tx, timer: &Timer, (table, label): (&String, &str)) -> Result<(), DynamoError> {
    let (scope, now) = (&timer.scope, timer.due);
    let Some(mut stream) = streams::stream(tx, scope, table, label)? else { return Ok(()) };
    if let Some(closed) = stream.closed {
        // The timer of the last shard comes before that of the closing.
        return match closed.plus_millis(KEPT_MS) <= now {
            true => Ok(remove(tx, scope, &stream)?),
            false => Ok(()),
        };
    }
    let Some(mut record) = state::table(tx, scope, table)? else { return Ok(()) };
    let Some(mut open) = record.stream.clone().filter(|open| open.label == label) else { return Ok(()) };
    close_shard(tx, scope, &record, &mut stream, now)?;
    let parent = stream.shards.last().map(|shard| shard.id.clone());
    let shard = open_shard(tx, scope, &record, parent, now)?;
    open.shard = shard.incarnation;
    stream.shards.push(shard);
    let is_kept = |shard: &Shard| !is_past(shard, now);
    let (kept, gone): (Vec<Shard>, Vec<Shard>) = stream.shards.into_iter().partition(is_kept);
    gone.iter().try_for_each(|shard| tx.discard(scope, shard.incarnation))?;
    stream.shards = kept;
    record.stream = Some(open);
    state::put_table(tx, scope, &mut record)?;
    streams::put_stream(tx, scope, &stream)?;
    Ok(schedule(tx, scope, &stream, now.plus_millis(SHARD_MS))?)
}

/// Whether nothing of a shard can be read any more.
pub fn is_past(shard: &Shard, now: Timestamp) -> bool {
    shard.end.is_some_and(|(_, closed)| closed.plus_millis(KEPT_MS) <= now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_moments_and_grow() {
        let at = Timestamp(1_500);
        assert_eq!(label(at, None).1, "1970-01-01T00:00:01.500");
        assert_eq!(label(at, Some("1970-01-01T00:00:01.500")).1, "1970-01-01T00:00:01.501");
        assert_eq!(label(at, Some("1970-01-01T00:00:01.400")).1, "1970-01-01T00:00:01.500");
    }
}
