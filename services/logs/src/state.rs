//! The tables of the room: groups by name, streams by their group's incarnation, events by their stream's
//! incarnation in the order of their times.
//!
//! An event's row is written without being read, so that writers of one group never wait for each other.
//! A message too long for such a row lies beside it in a table of long values.

pub mod filters;

use bytes::Bytes;
use names::{AccountId, Arn, Region, Scope, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Class, Fault, Incarnation, Raw, Read, Span, Start, Table, TimerId, Tx, record};

/// What a group is for, which decides how long its events stay where nothing else is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum GroupClass {
    /// `STANDARD`
    Standard,
    /// `INFREQUENT_ACCESS`
    InfrequentAccess,
    /// `DELIVERY`
    Delivery,
}

/// A log group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// The number its streams are keyed by.
    pub incarnation: Incarnation,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// What it is for.
    pub class: GroupClass,
    /// How many days its events stay; for ever where nothing is said.
    pub retention_days: Option<u32>,
    /// The key that is named for its content.
    pub kms_key_id: Option<String>,
    /// The next look for events that are too old, while it has a retention.
    pub sweep: Option<TimerId>,
}
record!(Group, 1);

impl Group {
    /// Events before this moment have expired.
    pub fn expired_before(&self, now: Timestamp) -> Option<Timestamp> {
        self.retention_days.map(|days| now.plus_millis(-i64::from(days) * crate::rules::DAY_MS))
    }
}

/// A log stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// The number its events are keyed by.
    pub incarnation: Incarnation,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// The time of its earliest event.
    pub first_event: Option<Timestamp>,
    /// The time of its latest event.
    pub last_event: Option<Timestamp>,
    /// When the last event was written.
    pub last_ingestion: Option<Timestamp>,
    /// Its events' bytes.
    pub bytes: u64,
}
record!(Stream, 1);

/// The place of an event in its stream, unique among all events: the order of time, then of writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Its time.
    pub at: Timestamp,
    /// The number of the write that brought it.
    pub batch: u64,
    /// Its place in that write.
    pub index: u32,
}

impl Position {
    /// Before every event of a moment.
    pub fn start_of(at: Timestamp) -> Self {
        Position { at, batch: 0, index: 0 }
    }

    fn key(self, stream: Incarnation) -> EventKey {
        (stream, self.at, self.batch, self.index)
    }

    /// As bytes, for page tokens.
    pub fn to_bytes(self) -> [u8; 20] {
        let mut bytes = [0; 20];
        bytes[..8].copy_from_slice(&self.at.millis().to_be_bytes());
        bytes[8..16].copy_from_slice(&self.batch.to_be_bytes());
        bytes[16..].copy_from_slice(&self.index.to_be_bytes());
        bytes
    }

    /// From the bytes of a page token.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (at, rest) = bytes.split_first_chunk()?;
        let (batch, rest) = rest.split_first_chunk()?;
        Some(Position {
            at: Timestamp(i64::from_be_bytes(*at)),
            batch: u64::from_be_bytes(*batch),
            index: u32::from_be_bytes(rest.try_into().ok()?),
        })
    }
}

/// Where a message is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Kept {
    Here(String),
    Apart,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct EventRow {
    ingested: Timestamp,
    message: Kept,
}
record!(EventRow, 1);

/// An event as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its place.
    pub position: Position,
    /// When it was written.
    pub ingested: Timestamp,
    /// What it says.
    pub message: String,
}

type EventKey = (Incarnation, Timestamp, u64, u32);

static GROUPS: Table<String, Group> = Table::new("logs/groups", Class::Records);
static STREAMS: Table<(Incarnation, String), Stream> = Table::of_incarnation("logs/streams", Class::Records);
/// The streams of a group by the time of their latest event; those without one first.
static BY_TIME: Table<(Incarnation, Timestamp, String), ()> =
    Table::of_incarnation("logs/streams-by-time", Class::Records);
static EVENTS: Table<EventKey, EventRow> = Table::of_incarnation("logs/events", Class::Series);
static LONG_MESSAGES: Table<EventKey, Raw> =
    Table::of_incarnation("logs/long-messages", Class::Series).large();

/// Longer messages are kept apart from their event's row.
const LONGEST_HERE: usize = 48 * 1024;

/// The ARN of a group, without the `:*` that policies and DescribeLogGroups add.
pub fn arn(scope: &Scope, group: &str) -> Arn {
    let account = scope.account().unwrap_or(AccountId::DEFAULT);
    Arn::regional(
        "logs",
        scope.region().unwrap_or(&Region::default()),
        account,
        &format!("log-group:{group}"),
    )
}

/// A group by its name.
pub fn group(read: &impl Read, scope: &Scope, name: &str) -> Result<Option<Group>, Fault> {
    read.get(&GROUPS, scope, &name.to_owned())
}

/// The groups whose names begin so, in the order of their names, after one of them.
pub fn groups(
    read: &impl Read,
    scope: &Scope,
    prefix: &str,
    after: Option<String>,
) -> impl Iterator<Item = Result<Group, Fault>> {
    let span = Span::starting(&(), Start::Text(prefix));
    let span = match after {
        Some(after) => span.after(&after),
        None => span,
    };
    read.scan(&GROUPS, scope, span).map(|row| row.map(|(_, group)| group))
}

/// Writes a group.
pub fn put_group(tx: &mut Tx, scope: &Scope, group: &Group) -> Result<(), Fault> {
    tx.put(&GROUPS, scope, &group.name, group)
}

/// Removes a group; its streams are left to be erased.
pub fn remove_group(tx: &mut Tx, scope: &Scope, group: &Group) -> Result<(), Fault> {
    tx.delete(&GROUPS, scope, &group.name)
}

/// A stream of a group by its name.
pub fn stream(
    read: &impl Read,
    scope: &Scope,
    group: Incarnation,
    name: &str,
) -> Result<Option<Stream>, Fault> {
    read.get(&STREAMS, scope, &(group, name.to_owned()))
}

/// The streams of a group whose names begin so, in the order of their names, beyond one of them.
pub fn streams(
    read: &impl Read,
    scope: &Scope,
    group: Incarnation,
    (prefix, beyond): (&str, Option<String>),
    descending: bool,
) -> impl Iterator<Item = Result<Stream, Fault>> {
    let span = Span::starting(&group, Start::Text(prefix));
    let span = match (beyond, descending) {
        (Some(name), false) => span.after(&(group, name)),
        (Some(name), true) => span.before(&(group, name)).reversed(),
        (None, false) => span,
        (None, true) => span.reversed(),
    };
    read.scan(&STREAMS, scope, span).map(|row| row.map(|(_, stream)| stream))
}

/// The names of a group's streams by the time of their latest event, beyond one of them.
pub fn streams_by_time(
    read: &impl Read,
    scope: &Scope,
    group: Incarnation,
    beyond: Option<(Timestamp, String)>,
    descending: bool,
) -> impl Iterator<Item = Result<(Timestamp, String), Fault>> {
    let span = Span::of(&group);
    let beyond = beyond.map(|(at, name)| (group, at, name));
    let span = match (beyond, descending) {
        (Some(key), false) => span.after(&key),
        (Some(key), true) => span.before(&key).reversed(),
        (None, false) => span,
        (None, true) => span.reversed(),
    };
    read.scan(&BY_TIME, scope, span).map(|row| row.map(|((_, at, name), ())| (at, name)))
}

fn by_time(group: Incarnation, stream: &Stream) -> (Incarnation, Timestamp, String) {
    (group, stream.last_event.unwrap_or_default(), stream.name.clone())
}

/// Adds a stream to a group.
pub fn add_stream(tx: &mut Tx, scope: &Scope, group: Incarnation, stream: &Stream) -> Result<(), Fault> {
    tx.put(&STREAMS, scope, &(group, stream.name.clone()), stream)?;
    tx.put(&BY_TIME, scope, &by_time(group, stream), &())
}

/// Writes a stream that is known as `before`.
pub fn change_stream(
    tx: &mut Tx,
    scope: &Scope,
    group: Incarnation,
    (before, after): (&Stream, &Stream),
) -> Result<(), Fault> {
    if before.last_event != after.last_event {
        tx.delete(&BY_TIME, scope, &by_time(group, before))?;
        tx.put(&BY_TIME, scope, &by_time(group, after), &())?;
    }
    tx.put(&STREAMS, scope, &(group, after.name.clone()), after)
}

/// Removes a stream with all its events.
pub fn remove_stream(tx: &mut Tx, scope: &Scope, group: Incarnation, stream: &Stream) -> Result<(), Fault> {
    tx.delete(&STREAMS, scope, &(group, stream.name.clone()))?;
    tx.delete(&BY_TIME, scope, &by_time(group, stream))?;
    tx.discard(scope, stream.incarnation)
}

/// Writes an event.
pub fn add_event(tx: &mut Tx, scope: &Scope, stream: Incarnation, event: Event) -> Result<(), Fault> {
    let key = event.position.key(stream);
    let message = if event.message.len() <= LONGEST_HERE {
        Kept::Here(event.message)
    } else {
        tx.put(&LONG_MESSAGES, scope, &key, &Raw(Bytes::from(event.message)))?;
        Kept::Apart
    };
    tx.put(&EVENTS, scope, &key, &EventRow { ingested: event.ingested, message })
}

/// Removes an event.
pub fn remove_event(
    tx: &mut Tx,
    scope: &Scope,
    stream: Incarnation,
    position: Position,
    message_bytes: usize,
) -> Result<(), Fault> {
    let key = position.key(stream);
    if message_bytes > LONGEST_HERE {
        tx.delete(&LONG_MESSAGES, scope, &key)?;
    }
    tx.delete(&EVENTS, scope, &key)
}

/// Which events of a stream are read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stretch {
    /// From this moment on.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub to: Option<Timestamp>,
    /// After this event.
    pub after: Option<Position>,
    /// Before this event.
    pub before: Option<Position>,
    /// The latest first.
    pub reversed: bool,
}

/// The events of a stream.
pub fn events<'r, R: Read>(
    read: &'r R,
    scope: &Scope,
    stream: Incarnation,
    stretch: Stretch,
) -> impl Iterator<Item = Result<Event, Fault>> + use<'r, R> {
    let mut span = Span::of(&stream);
    if let Some(from) = stretch.from {
        span = span.from(&Position::start_of(from).key(stream));
    }
    if let Some(to) = stretch.to {
        span = span.before(&Position::start_of(to).key(stream));
    }
    if let Some(after) = stretch.after {
        span = span.after(&after.key(stream));
    }
    if let Some(before) = stretch.before {
        span = span.before(&before.key(stream));
    }
    if stretch.reversed {
        span = span.reversed();
    }
    let place = scope.clone();
    read.scan(&EVENTS, scope, span).map(move |row| {
        let ((_, at, batch, index), row) = row?;
        let position = Position { at, batch, index };
        let message = match row.message {
            Kept::Here(message) => message,
            Kept::Apart => {
                let long = read.get(&LONG_MESSAGES, &place, &position.key(stream))?;
                long.map(|raw| String::from_utf8_lossy(&raw.0).into_owned()).unwrap_or_default()
            }
        };
        Ok(Event { position, ingested: row.ingested, message })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_read_as_written() {
        let position = Position { at: Timestamp(1_767_225_600_123), batch: u64::MAX - 1, index: 9999 };
        assert_eq!(Position::from_bytes(&position.to_bytes()), Some(position));
        assert_eq!(Position::from_bytes(b"short"), None);
        assert_eq!(Position::from_bytes(&[0; 21]), None);
    }
}
