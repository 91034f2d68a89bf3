//! The tables of the room: queues by name, messages and their standings by the queue's incarnation.

pub mod move_tasks;
pub mod recent;

use crate::rules::attributes::Attributes;
use crate::rules::contents;
use names::{AccountId, Arn, Region, Scope, Timestamp};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use store::{Class, Corrupt, Fault, Incarnation, Read, Record, Span, Start, Store, Table, Tx, record};

/// A queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Queue {
    /// The number its messages are keyed by; another one after a purge.
    pub incarnation: Incarnation,
    /// Its name, with `.fifo` where it is one.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// When its attributes last changed.
    pub modified: Timestamp,
    /// Its attributes.
    pub attributes: Attributes,
}
record!(Queue, 1);

/// The value of a message attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributeValue {
    /// `String`, `Number`, `Binary`, each with an optional `.custom` part.
    pub data_type: String,
    /// The text, or the bytes of a binary one.
    pub content: Content,
}

/// The content of a message attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// Of a string or number.
    Text(String),
    /// Of a binary.
    Binary(Vec<u8>),
}

/// What a message is: never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its id, a UUID.
    pub id: String,
    /// Its body.
    pub body: String,
    /// Its attributes.
    pub attributes: BTreeMap<String, AttributeValue>,
    /// `AWSTraceHeader`.
    pub trace_header: Option<String>,
    /// Who sent it: `SenderId`.
    pub sender: String,
    /// When it was sent.
    pub sent: Timestamp,
    /// Its group, in FIFO queues and for fair queues.
    pub group: Option<String>,
    /// Its deduplication id, in FIFO queues.
    pub deduplication_id: Option<String>,
    /// The queue from which it came here as a dead letter.
    pub dead_letter_source: Option<Arn>,
    /// How often it was received there.
    pub received_before: u32,
}

impl Message {
    /// How often it was received, here and before it came here.
    pub fn received(&self, standing: &Standing) -> u32 {
        self.received_before.saturating_add(standing.receives)
    }
}

impl Record for Message {
    const VERSION: u8 = 2;

    fn upgrade(_from: u8, bytes: &[u8]) -> Result<Self, Corrupt> {
        // The first version ended before the count: none, which postcard writes as a zero.
        let bytes = [bytes, &[0]].concat();
        postcard::from_bytes(&bytes).map_err(|_| Corrupt("a message of the first version cannot be read"))
    }
}

/// Whose turn it is when a message is received. Its first two forms are written as an absent and a present text, which
/// is what rows held before there were tenants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Turn {
    /// Its own.
    Own,
    /// Its group's, which its place binds it to, in FIFO queues.
    OfGroup(String),
    /// Its tenant's: messages of a standard queue with a group are shared out fairly.
    OfTenant(String),
}

impl Turn {
    /// In a queue, of a message of a group.
    pub fn of(queue: &Queue, group: Option<&str>) -> Self {
        match group {
            None => Turn::Own,
            Some(group) if queue.attributes.fifo => Turn::OfGroup(group.to_owned()),
            Some(group) => Turn::OfTenant(group.to_owned()),
        }
    }

    /// The group that it waits with.
    pub fn group(&self) -> Option<&String> {
        match self {
            Turn::OfGroup(group) => Some(group),
            Turn::Own | Turn::OfTenant(_) => None,
        }
    }
}

/// Where a message stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// From when on it can be received.
    pub visible_at: Timestamp,
    /// How often it was received.
    pub receives: u32,
    /// When it was received first.
    pub first_received: Option<Timestamp>,
    /// When it was sent: the order within its queue is that of its number.
    pub sent: Timestamp,
    /// Whose turn it is when it is received.
    pub turn: Turn,
    /// When it was received last.
    pub last_received: Option<Timestamp>,
}

/// The row of a message: where it stands, and the message itself where it is short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Where it stands.
    pub standing: Standing,
    /// The message; one that is long has a row of its own, so that it is not written again by each receive. It has
    /// no version of its own here: another form of it is another version of this row.
    pub short: Option<Message>,
}

impl Record for Row {
    const VERSION: u8 = 3;

    fn upgrade(from: u8, bytes: &[u8]) -> Result<Self, Corrupt> {
        // The second version ended before the message, the first before the last receive: nothing, which postcard
        // writes as a zero.
        let missing: &[u8] = if from == 1 { &[0, 0] } else { &[0] };
        postcard::from_bytes(&[bytes, missing].concat())
            .map_err(|_| Corrupt("a standing of an older version cannot be read"))
    }
}

/// How a message's row begins in all its versions: what the view is made of, read without the message behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// From when on it can be received.
    pub visible_at: Timestamp,
    /// How often it was received.
    pub receives: u32,
    /// When it was received first.
    pub first_received: Option<Timestamp>,
    /// When it was sent.
    pub sent: Timestamp,
    /// Whose turn it is when it is received.
    pub turn: Turn,
}

impl Record for Head {
    const VERSION: u8 = Row::VERSION;

    fn upgrade(_from: u8, bytes: &[u8]) -> Result<Self, Corrupt> {
        postcard::from_bytes(bytes).map_err(|_| Corrupt("the head of a standing cannot be read"))
    }
}

/// What a deduplication id stood for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duplicate {
    /// The message's id.
    pub id: String,
    /// Its number.
    pub number: u64,
    /// Until when the id is remembered.
    pub until: Timestamp,
}
record!(Duplicate, 1);

static QUEUES: Table<String, Queue> = Table::new("sqs/queues", Class::Records);
/// The name of the rows of messages, which are written whole and read in part.
const ROWS_NAME: &str = "sqs/standings";
static ROWS: Table<(Incarnation, u64), Row> = Table::of_incarnation(ROWS_NAME, Class::Queue);
/// The same rows; the view of what can be received is made of these.
pub static HEADS: Table<(Incarnation, u64), Head> = Table::of_incarnation(ROWS_NAME, Class::Queue);
/// Messages that are long, by the same key.
static MESSAGES: Table<(Incarnation, u64), Message> =
    Table::of_incarnation("sqs/messages", Class::Queue).large();
static DUPLICATES: Table<(Incarnation, String), Duplicate> =
    Table::of_incarnation("sqs/duplicates", Class::Queue);
static NUMBERS: Table<Incarnation, u64> = Table::new("sqs/numbers", Class::Queue);

/// The ARN of a queue.
pub fn arn(scope: &Scope, name: &str) -> Arn {
    let account = scope.account().unwrap_or(AccountId::DEFAULT);
    Arn::regional("sqs", scope.region().unwrap_or(&Region::default()), account, name)
}

/// A queue by its name.
pub fn queue(read: &impl Read, scope: &Scope, name: &str) -> Result<Option<Queue>, Fault> {
    read.get(&QUEUES, scope, &name.to_owned())
}

/// The queues whose names begin so, in order of their names, after one of them.
pub fn queues(
    read: &impl Read,
    scope: &Scope,
    prefix: &str,
    after: Option<&str>,
) -> impl Iterator<Item = Result<Queue, Fault>> {
    let span = Span::starting(&(), Start::Text(prefix));
    let span = match after {
        Some(after) => span.after(&after.to_owned()),
        None => span,
    };
    read.scan(&QUEUES, scope, span).map(|row| row.map(|(_, queue)| queue))
}

/// Writes a queue.
pub fn put_queue(tx: &mut Tx, scope: &Scope, queue: &Queue) -> Result<(), Fault> {
    tx.put(&QUEUES, scope, &queue.name, queue)
}

/// Removes a queue with all its messages.
pub fn remove_queue(tx: &mut Tx, scope: &Scope, queue: &Queue) -> Result<(), Fault> {
    tx.delete(&QUEUES, scope, &queue.name)?;
    forget_messages(tx, scope, queue.incarnation)
}

/// Gives up all messages of an incarnation.
pub fn forget_messages(tx: &mut Tx, scope: &Scope, incarnation: Incarnation) -> Result<(), Fault> {
    tx.delete(&NUMBERS, scope, &incarnation)?;
    tx.discard(scope, incarnation)
}

/// The number of a new message: in the order of commits in FIFO queues, unique in all.
pub fn number(tx: &mut Tx, scope: &Scope, queue: &Queue) -> Result<u64, Fault> {
    if queue.attributes.fifo {
        tx.counter(&NUMBERS, scope, &queue.incarnation)
    } else {
        tx.fresh_incarnation().map(|fresh| fresh.0)
    }
}

/// Bytes of a message that stands in its row: writing it once more costs less than a second row does.
const SHORT: usize = 4096;

/// Adds a message.
pub fn add(
    tx: &mut Tx,
    scope: &Scope,
    place: (Incarnation, u64),
    message: Message,
    standing: Standing,
) -> Result<(), Fault> {
    let short = contents::size(&message.body, &message.attributes) <= SHORT;
    if !short {
        tx.put_new(&MESSAGES, scope, &place, &message)?;
    }
    tx.put(&ROWS, scope, &place, &Row { standing, short: short.then_some(message) })
}

/// A message's row, if it is still there.
pub fn row(read: &impl Read, scope: &Scope, place: (Incarnation, u64)) -> Result<Option<Row>, Fault> {
    read.get(&ROWS, scope, &place)
}

/// The message of a row, if it is still there.
pub fn message<'a>(
    read: &impl Read,
    scope: &Scope,
    place: (Incarnation, u64),
    row: &'a Row,
) -> Result<Option<Cow<'a, Message>>, Fault> {
    match &row.short {
        Some(message) => Ok(Some(Cow::Borrowed(message))),
        None => Ok(read.get(&MESSAGES, scope, &place)?.map(Cow::Owned)),
    }
}

/// Where a message stands, if it is still there.
pub fn standing(read: &impl Read, scope: &Scope, place: (Incarnation, u64)) -> Result<Option<Head>, Fault> {
    read.get(&HEADS, scope, &place)
}

/// Changes where a message stands.
pub fn put_row(tx: &mut Tx, scope: &Scope, place: (Incarnation, u64), row: &Row) -> Result<(), Fault> {
    tx.put(&ROWS, scope, &place, row)
}

/// Removes a message; `apart` says whether it may have a row of its own.
pub fn remove(tx: &mut Tx, scope: &Scope, place: (Incarnation, u64), apart: bool) -> Result<(), Fault> {
    if apart {
        tx.delete(&MESSAGES, scope, &place)?;
    }
    tx.delete(&ROWS, scope, &place)
}

/// The oldest messages of a queue, with where they stand.
pub fn rows(
    read: &impl Read,
    scope: &Scope,
    incarnation: Incarnation,
) -> impl Iterator<Item = Result<(u64, Row), Fault>> {
    let rows = read.scan(&ROWS, scope, Span::of(&incarnation));
    rows.map(|row| row.map(|((_, number), row)| (number, row)))
}

/// Where the oldest messages of a queue stand.
pub fn standings(
    read: &impl Read,
    scope: &Scope,
    incarnation: Incarnation,
) -> impl Iterator<Item = Result<(u64, Head), Fault>> {
    let rows = read.scan(&HEADS, scope, Span::of(&incarnation));
    rows.map(|row| row.map(|((_, number), head)| (number, head)))
}

/// What a deduplication id stood for, while it is remembered.
pub fn duplicate(
    tx: &Tx,
    scope: &Scope,
    queue: &Queue,
    id: &str,
    now: Timestamp,
) -> Result<Option<Duplicate>, Fault> {
    let found = tx.get(&DUPLICATES, scope, &(queue.incarnation, id.to_owned()))?;
    Ok(found.filter(|duplicate| duplicate.until > now))
}

/// Remembers a deduplication id.
pub fn remember(
    tx: &mut Tx,
    scope: &Scope,
    queue: &Queue,
    id: &str,
    duplicate: &Duplicate,
) -> Result<(), Fault> {
    tx.put(&DUPLICATES, scope, &(queue.incarnation, id.to_owned()), duplicate)
}

/// Removes the deduplication ids of all queues that are remembered no longer.
pub async fn forget_duplicates(store: &Store, now: Timestamp) -> Result<(), Fault> {
    let mut after = None;
    loop {
        let looked = store.remove_some(&DUPLICATES, after, 500, move |_, _, one| one.until <= now).await?;
        after = looked.last;
        if after.is_none() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::Value;

    #[test]
    fn a_message_of_the_first_version_is_read() {
        let message = Message {
            id: "i".to_owned(),
            body: "b".to_owned(),
            attributes: BTreeMap::new(),
            trace_header: None,
            sender: "s".to_owned(),
            sent: Timestamp(0),
            group: None,
            deduplication_id: None,
            dead_letter_source: None,
            received_before: 0,
        };
        let written = postcard::to_stdvec(&message).unwrap();
        // What the second version added is its last byte.
        let first = &written[..written.len() - 1];
        assert_eq!(Message::upgrade(1, first).unwrap(), message);
        let standing = Standing {
            visible_at: Timestamp(5),
            receives: 1,
            first_received: Some(Timestamp(3)),
            sent: Timestamp(2),
            turn: Turn::OfGroup("g".to_owned()),
            last_received: None,
        };
        let head = Head {
            visible_at: standing.visible_at,
            receives: standing.receives,
            first_received: standing.first_received,
            sent: standing.sent,
            turn: standing.turn.clone(),
        };
        let row = Row { standing, short: None };
        // The third version added the message, the second what stands before it.
        let written = postcard::to_stdvec(&row).unwrap();
        for (version, less) in [(1, 2), (2, 1)] {
            let older = &written[..written.len() - less];
            assert_eq!(Row::upgrade(version, older).unwrap(), row);
            assert_eq!(Head::upgrade(version, older).unwrap(), head);
        }
        // Where the first versions had no group, or one.
        assert_eq!(postcard::from_bytes(&postcard::to_stdvec(&None::<String>).unwrap()), Ok(Turn::Own));
        assert_eq!(
            postcard::from_bytes(&postcard::to_stdvec(&Some("g")).unwrap()),
            Ok(row.standing.turn.clone())
        );
        let (mut newest, row) = (Vec::new(), Row { short: Some(message), ..row });
        row.encode(&mut newest).unwrap();
        assert_eq!(Row::decode(newest.clone().into()).unwrap(), row);
        assert_eq!(Head::decode(newest.into()).unwrap(), head);
    }
}
