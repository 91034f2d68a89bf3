//! The tables of the room: queues by name, messages and their standings by the queue's incarnation.

pub mod move_tasks;
pub mod recent;

use crate::rules::attributes::Attributes;
use names::{AccountId, Arn, Region, Scope, Timestamp};
use serde::{Deserialize, Serialize};
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
    /// The group that its place binds it to, in FIFO queues.
    pub group: Option<String>,
    /// When it was received last.
    pub last_received: Option<Timestamp>,
}

impl Record for Standing {
    const VERSION: u8 = 2;

    fn upgrade(_from: u8, bytes: &[u8]) -> Result<Self, Corrupt> {
        // The first version ended before the last receive: nothing, which postcard writes as a zero.
        let bytes = [bytes, &[0]].concat();
        postcard::from_bytes(&bytes).map_err(|_| Corrupt("a standing of the first version cannot be read"))
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
static MESSAGES: Table<(Incarnation, u64), Message> =
    Table::of_incarnation("sqs/messages", Class::Queue).large();
/// By the same key as `MESSAGES`; the view of what can be received is made of these.
pub static STANDINGS: Table<(Incarnation, u64), Standing> =
    Table::of_incarnation("sqs/standings", Class::Queue);
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

/// Adds a message.
pub fn add(
    tx: &mut Tx,
    scope: &Scope,
    place: (Incarnation, u64),
    message: &Message,
    standing: &Standing,
) -> Result<(), Fault> {
    tx.put_new(&MESSAGES, scope, &place, message)?;
    tx.put(&STANDINGS, scope, &place, standing)
}

/// A message, if it is still there.
pub fn message(read: &impl Read, scope: &Scope, place: (Incarnation, u64)) -> Result<Option<Message>, Fault> {
    read.get(&MESSAGES, scope, &place)
}

/// Where a message stands, if it is still there.
pub fn standing(
    read: &impl Read,
    scope: &Scope,
    place: (Incarnation, u64),
) -> Result<Option<Standing>, Fault> {
    read.get(&STANDINGS, scope, &place)
}

/// Changes where a message stands.
pub fn put_standing(
    tx: &mut Tx,
    scope: &Scope,
    place: (Incarnation, u64),
    standing: &Standing,
) -> Result<(), Fault> {
    tx.put(&STANDINGS, scope, &place, standing)
}

/// Removes a message.
pub fn remove(tx: &mut Tx, scope: &Scope, place: (Incarnation, u64)) -> Result<(), Fault> {
    tx.delete(&MESSAGES, scope, &place)?;
    tx.delete(&STANDINGS, scope, &place)
}

/// The oldest messages of a queue, where they stand.
pub fn standings(
    read: &impl Read,
    scope: &Scope,
    incarnation: Incarnation,
) -> impl Iterator<Item = Result<(u64, Standing), Fault>> {
    let rows = read.scan(&STANDINGS, scope, Span::of(&incarnation));
    rows.map(|row| row.map(|((_, number), standing)| (number, standing)))
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
            group: Some("g".to_owned()),
            last_received: None,
        };
        let written = postcard::to_stdvec(&standing).unwrap();
        assert_eq!(Standing::upgrade(1, &written[..written.len() - 1]).unwrap(), standing);
    }
}
