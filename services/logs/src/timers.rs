//! What happens by itself: events that are older than their group's retention go, once a day of virtual
//! time; the streams of a group that was deleted go. Both in bounded steps, each one commit.

use crate::rules::{DAY_MS, EVENT_OVERHEAD_BYTES};
use crate::state::{self, Group, Stream, Stretch};
use bytes::Bytes;
use names::{Scope, Timestamp};
use schema::ApiError;
use service::TimerHandler;
use store::{Fault, Incarnation, Timer, TimerId, Tx};

/// Removes events that are too old.
pub const RETENTION: TimerHandler = TimerHandler { kind: "logs/retention", fire: retain };
/// Removes the streams of a deleted group.
pub const ERASURE: TimerHandler = TimerHandler { kind: "logs/erasure", fire: erase };

/// Streams looked at, and events removed, in one commit.
const STREAMS_PER_STEP: usize = 200;
const EVENTS_PER_STEP: usize = 1000;
const ERASED_PER_STEP: usize = 500;

/// Schedules the next look at a group's streams, after one of them.
pub fn schedule_retention(
    tx: &mut Tx,
    scope: &Scope,
    group: &Group,
    after: &str,
    due: Timestamp,
) -> Result<TimerId, Fault> {
    let payload = Bytes::from(format!("{}\0{after}", group.name));
    tx.schedule(&timer(RETENTION, scope, group.incarnation, payload, due))
}

/// Schedules the erasure of what a deleted group contained.
pub fn schedule_erasure(tx: &mut Tx, scope: &Scope, group: Incarnation, due: Timestamp) -> Result<(), Fault> {
    tx.schedule(&timer(ERASURE, scope, group, Bytes::new(), due)).map(drop)
}

fn timer(handler: TimerHandler, scope: &Scope, group: Incarnation, payload: Bytes, due: Timestamp) -> Timer {
    let key = Bytes::copy_from_slice(&group.0.to_be_bytes());
    Timer { kind: handler.kind.to_owned(), due, scope: scope.clone(), key, payload }
}

fn group_of(timer: &Timer) -> Incarnation {
    Incarnation(timer.key.as_ref().try_into().map_or(0, u64::from_be_bytes))
}

fn failed(fault: Fault) -> ApiError {
    ApiError::new("InternalFailure", 500, fault.to_string())
}

fn retain(tx: &mut Tx, timer: &Timer) -> Result<(), ApiError> {
    sweep(tx, timer).map_err(failed)
}

fn sweep(tx: &mut Tx, timer: &Timer) -> Result<(), Fault> {
    let payload = String::from_utf8_lossy(&timer.payload).into_owned();
    let (name, after) = payload.split_once('\0').unwrap_or((&payload, ""));
    let Some(mut group) = state::group(tx, &timer.scope, name)? else { return Ok(()) };
    if group.incarnation != group_of(timer) {
        return Ok(());
    }
    group.sweep = None;
    if let Some(cutoff) = group.expired_before(timer.due) {
        let next = match expire(tx, &timer.scope, &group, after, cutoff)? {
            Some(reached) => schedule_retention(tx, &timer.scope, &group, &reached, timer.due)?,
            None => schedule_retention(tx, &timer.scope, &group, "", timer.due.plus_millis(DAY_MS))?,
        };
        group.sweep = Some(next);
    }
    state::put_group(tx, &timer.scope, &group)
}

/// Removes expired events of some streams; says after which stream to go on.
fn expire(
    tx: &mut Tx,
    scope: &Scope,
    group: &Group,
    after: &str,
    cutoff: Timestamp,
) -> Result<Option<String>, Fault> {
    let from = Some(after.to_owned()).filter(|name| !name.is_empty());
    let found: Vec<Stream> = state::streams(tx, scope, group.incarnation, ("", from), false)
        .take(STREAMS_PER_STEP)
        .collect::<Result<_, _>>()?;
    let mut reached = after.to_owned();
    let mut left = EVENTS_PER_STEP;
    for stream in &found {
        if stream.first_event.is_some_and(|first| first < cutoff) {
            left -= expire_stream(tx, scope, group, stream, (cutoff, left))?;
            if left == 0 {
                return Ok(Some(reached));
            }
        }
        reached.clone_from(&stream.name);
    }
    Ok(Some(reached).filter(|_| found.len() == STREAMS_PER_STEP))
}

/// Removes up to a number of expired events of a stream; says how many.
fn expire_stream(
    tx: &mut Tx,
    scope: &Scope,
    group: &Group,
    stream: &Stream,
    (cutoff, most): (Timestamp, usize),
) -> Result<usize, Fault> {
    let old = Stretch { to: Some(cutoff), ..Stretch::default() };
    let gone: Vec<_> = state::events(tx, scope, stream.incarnation, old)
        .take(most)
        .map(|event| event.map(|event| (event.position, event.message.len())))
        .collect::<Result<_, _>>()?;
    let mut left = stream.clone();
    for (position, bytes) in &gone {
        state::remove_event(tx, scope, stream.incarnation, *position, *bytes)?;
        left.bytes = left.bytes.saturating_sub((bytes + EVENT_OVERHEAD_BYTES) as u64);
    }
    let first = state::events(tx, scope, stream.incarnation, Stretch::default()).next().transpose()?;
    left.first_event = first.map(|event| event.position.at);
    state::change_stream(tx, scope, group.incarnation, (stream, &left))?;
    Ok(gone.len())
}

fn erase(tx: &mut Tx, timer: &Timer) -> Result<(), ApiError> {
    erase_streams(tx, timer).map_err(failed)
}

fn erase_streams(tx: &mut Tx, timer: &Timer) -> Result<(), Fault> {
    let group = group_of(timer);
    let found: Vec<Stream> = state::streams(tx, &timer.scope, group, ("", None), false)
        .take(ERASED_PER_STEP)
        .collect::<Result<_, _>>()?;
    for stream in &found {
        state::remove_stream(tx, &timer.scope, group, stream)?;
    }
    if found.len() == ERASED_PER_STEP {
        schedule_erasure(tx, &timer.scope, group, timer.due)?;
    }
    Ok(())
}
