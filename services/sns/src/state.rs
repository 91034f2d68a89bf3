//! The tables of the room: topics by name, what belongs to a topic by its incarnation, what waits to be
//! fanned out or sent over HTTP, and what went to phones, mailboxes and devices.

pub mod captured;
pub mod ended;
pub mod platform;
pub mod sending;
pub mod sms;
pub mod statuses;

use names::{AccountId, Arn, Region, Scope, Timestamp};
use serde::{Deserialize, Serialize};
use service::TypedAttribute;
use std::collections::BTreeMap;
use store::{Class, Corrupt, Fault, Incarnation, Read, Record, Span, Table, Tx, record};

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topic {
    /// The number that its subscriptions are keyed by.
    pub incarnation: Incarnation,
    /// Its name, with `.fifo` where it is one.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// It keeps the order of its groups.
    pub fifo: bool,
    /// Attributes that were set, as texts. The policy is the head's.
    pub attributes: BTreeMap<String, String>,
    /// Its data protection policy.
    pub data_protection: Option<String>,
    /// How many subscriptions were deleted.
    pub deleted: u64,
}
record!(Topic, 1);

impl Topic {
    /// Whether an attribute is set to `true`.
    pub fn is(&self, attribute: &str) -> bool {
        self.attributes.get(attribute).is_some_and(|value| value == "true")
    }
}

/// How a subscriber is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Protocol {
    /// A URL over HTTP.
    Http,
    /// A URL over TLS.
    Https,
    /// A mailbox, in plain text.
    Email,
    /// A mailbox, as JSON.
    EmailJson,
    /// A phone.
    Sms,
    /// A queue.
    Sqs,
    /// A mobile application's endpoint.
    Application,
    /// A function.
    Lambda,
    /// A delivery stream.
    Firehose,
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// The last part of its ARN.
    pub id: String,
    /// The name of its topic.
    pub topic: String,
    /// How the subscriber is reached.
    pub protocol: Protocol,
    /// Where.
    pub endpoint: String,
    /// The account that made it.
    pub owner: AccountId,
    /// When it was made.
    pub created: Timestamp,
    /// With what it is confirmed; nothing once it is.
    pub token: Option<String>,
    /// It was confirmed by a signed request.
    pub authenticated: bool,
    /// Only its owner and the topic's may end it.
    pub authenticate_on_unsubscribe: bool,
    /// Attributes that were set, as texts.
    pub attributes: BTreeMap<String, String>,
    /// Who made it: an ARN.
    pub principal: Option<String>,
}

impl Record for Subscription {
    const VERSION: u8 = 2;

    fn upgrade(_from: u8, bytes: &[u8]) -> Result<Self, Corrupt> {
        // The first version ended before the principal: nothing, which postcard writes as a zero.
        let bytes = [bytes, &[0]].concat();
        postcard::from_bytes(&bytes)
            .map_err(|_| Corrupt("a subscription of the first version cannot be read"))
    }
}

impl Subscription {
    /// Whether it gets messages without an envelope.
    pub fn is_raw(&self) -> bool {
        self.attributes.get("RawMessageDelivery").is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }
}

/// A message that was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its id.
    pub id: String,
    /// The topic's ARN.
    pub topic: Arn,
    /// Its subject.
    pub subject: Option<String>,
    /// Its text, where it has none for a protocol.
    pub text: String,
    /// Texts of protocols.
    pub texts: BTreeMap<String, String>,
    /// Its attributes.
    pub attributes: BTreeMap<String, TypedAttribute>,
    /// Its group.
    pub group: Option<String>,
    /// Its deduplication id.
    pub deduplication_id: Option<String>,
    /// Its place in a FIFO topic.
    pub sequence: Option<u64>,
    /// When it was published.
    pub at: Timestamp,
    /// The URL of the region in what it says of itself.
    pub origin: String,
    /// The request that published it.
    pub cause: String,
    /// How many deliveries led to it.
    pub hops: u8,
    /// The trace that it belongs to.
    pub trace: Option<String>,
}
impl Record for Message {
    const VERSION: u8 = 2;

    fn upgrade(_from: u8, bytes: &[u8]) -> Result<Self, Corrupt> {
        // The first version ended before the trace: nothing, which postcard writes as a zero.
        let bytes = [bytes, &[0]].concat();
        postcard::from_bytes(&bytes).map_err(|_| Corrupt("a message of the first version cannot be read"))
    }
}

impl Message {
    /// Its text for a protocol.
    pub fn text_for(&self, protocol: &str) -> &str {
        self.texts.get(protocol).unwrap_or(&self.text)
    }
}

/// What a deduplication id stood for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duplicate {
    /// The message's id.
    pub id: String,
    /// Its place in the topic.
    pub sequence: u64,
    /// Until when the id is remembered.
    pub until: Timestamp,
}
record!(Duplicate, 1);

/// A message that is still to be handed to some of its topic's subscribers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FanOut {
    /// The topic's name.
    pub topic: String,
    /// The message.
    pub message: Message,
    /// The last subscription that has it.
    pub after: Option<String>,
    /// The only subscription it goes to: what a replay sends again.
    pub only: Option<String>,
}
impl Record for FanOut {
    const VERSION: u8 = 2;

    fn upgrade(_from: u8, bytes: &[u8]) -> Result<Self, Corrupt> {
        let corrupt = || Corrupt("a fan-out of the first version cannot be read");
        // What stands behind its message is where the message ends, to which the second version added a trace.
        let behind = |bytes: &[u8]| {
            postcard::take_from_bytes::<(String, FirstMessage)>(bytes).map(|(_, rest)| rest.len())
        };
        let rest = behind(bytes).map_err(|_| corrupt())?;
        let (before, after) = bytes.split_at(bytes.len() - rest);
        postcard::from_bytes(&[before, &[0], after].concat()).map_err(|_| corrupt())
    }
}

/// A message of the first version, to be passed over.
#[derive(Deserialize)]
#[expect(dead_code, reason = "only where it ends is asked for")]
struct FirstMessage {
    id: String,
    topic: Arn,
    subject: Option<String>,
    text: String,
    texts: BTreeMap<String, String>,
    attributes: BTreeMap<String, TypedAttribute>,
    group: Option<String>,
    deduplication_id: Option<String>,
    sequence: Option<u64>,
    at: Timestamp,
    origin: String,
    cause: String,
    hops: u8,
}

static TOPICS: Table<String, Topic> = Table::new("sns/topics", Class::Records);
/// By the topic's incarnation and their ids; the view of subscribers is made of these.
pub static SUBSCRIPTIONS: Table<(Incarnation, String), Subscription> =
    Table::of_incarnation("sns/subscriptions", Class::Records);
static SEQUENCES: Table<Incarnation, u64> = Table::new("sns/sequences", Class::Queue);
static DUPLICATES: Table<(Incarnation, String), Duplicate> =
    Table::of_incarnation("sns/duplicates", Class::Queue);
static ARCHIVE: Table<(Incarnation, u64), Message> =
    Table::of_incarnation("sns/archive", Class::Items).large();
/// By the topic's incarnation and a number in the order of commits.
pub static FAN_OUTS: Table<(Incarnation, u64), FanOut> =
    Table::of_incarnation("sns/fan-outs", Class::Queue).large();

/// The ARN of a topic.
pub fn arn(scope: &Scope, name: &str) -> Arn {
    let account = scope.account().unwrap_or(AccountId::DEFAULT);
    Arn::regional("sns", scope.region().unwrap_or(&Region::default()), account, name)
}

/// Where the topic of an ARN lives, and its name; `None` where it is no topic's.
pub fn place(arn: &Arn) -> Option<(Scope, String)> {
    let name = arn.resource();
    if arn.service() != "sns" || name.is_empty() || name.contains([':', '/']) {
        return None;
    }
    Some((Scope::Regional(arn.account()?, arn.region()?), name.to_owned()))
}

/// A topic by its name.
pub fn topic(read: &impl Read, scope: &Scope, name: &str) -> Result<Option<Topic>, Fault> {
    read.get(&TOPICS, scope, &name.to_owned())
}

/// The topics of a scope, in order of their names, after one of them.
pub fn topics(
    read: &impl Read,
    scope: &Scope,
    after: Option<&str>,
) -> impl Iterator<Item = Result<Topic, Fault>> {
    let span = match after {
        Some(after) => Span::all().after(&after.to_owned()),
        None => Span::all(),
    };
    read.scan(&TOPICS, scope, span).map(|row| row.map(|(_, topic)| topic))
}

/// Every topic, with its scope.
pub fn topics_everywhere(read: &store::Snapshot) -> impl Iterator<Item = Result<(Scope, Topic), Fault>> {
    read.everywhere(&TOPICS).map(|row| row.map(|(scope, _, topic)| (scope, topic)))
}

/// Writes a topic.
pub fn put_topic(tx: &mut Tx, scope: &Scope, topic: &Topic) -> Result<(), Fault> {
    tx.put(&TOPICS, scope, &topic.name, topic)
}

/// Removes a topic with all that belongs to it.
pub fn remove_topic(tx: &mut Tx, scope: &Scope, topic: &Topic) -> Result<(), Fault> {
    tx.delete(&TOPICS, scope, &topic.name)?;
    tx.delete(&SEQUENCES, scope, &topic.incarnation)?;
    tx.discard(scope, topic.incarnation)
}

/// A subscription of a topic.
pub fn subscription(
    read: &impl Read,
    scope: &Scope,
    topic: Incarnation,
    id: &str,
) -> Result<Option<Subscription>, Fault> {
    read.get(&SUBSCRIPTIONS, scope, &(topic, id.to_owned()))
}

/// Whether a subscription is there.
pub fn has_subscription(
    read: &impl Read,
    scope: &Scope,
    topic: Incarnation,
    id: &str,
) -> Result<bool, Fault> {
    read.has(&SUBSCRIPTIONS, scope, &(topic, id.to_owned()))
}

/// The subscriptions of all topics of a scope, after one of them, with the incarnation of each one's topic.
pub fn subscriptions_of_scope(
    read: &impl Read,
    scope: &Scope,
    after: Option<(Incarnation, String)>,
) -> impl Iterator<Item = Result<(Incarnation, Subscription), Fault>> {
    let span = after.map_or_else(Span::all, |after| Span::all().after(&after));
    read.scan(&SUBSCRIPTIONS, scope, span).map(|row| row.map(|((topic, _), found)| (topic, found)))
}

/// The subscriptions of a topic, in order of their ids, after one of them.
pub fn subscriptions(
    read: &impl Read,
    scope: &Scope,
    topic: Incarnation,
    after: Option<&str>,
) -> impl Iterator<Item = Result<Subscription, Fault>> {
    let span = Span::of(&topic);
    let span = match after {
        Some(after) => span.after(&(topic, after.to_owned())),
        None => span,
    };
    read.scan(&SUBSCRIPTIONS, scope, span).map(|row| row.map(|(_, subscription)| subscription))
}

/// Writes a subscription.
pub fn put_subscription(
    tx: &mut Tx,
    scope: &Scope,
    topic: Incarnation,
    subscription: &Subscription,
) -> Result<(), Fault> {
    tx.put(&SUBSCRIPTIONS, scope, &(topic, subscription.id.clone()), subscription)
}

/// Removes a subscription.
pub fn remove_subscription(tx: &mut Tx, scope: &Scope, topic: Incarnation, id: &str) -> Result<(), Fault> {
    tx.delete(&SUBSCRIPTIONS, scope, &(topic, id.to_owned()))
}

/// The next place in a topic.
pub fn sequence(tx: &mut Tx, scope: &Scope, topic: Incarnation) -> Result<u64, Fault> {
    tx.counter(&SEQUENCES, scope, &topic)
}

/// What a deduplication id stood for, while it is remembered.
pub fn duplicate(
    read: &impl Read,
    scope: &Scope,
    topic: Incarnation,
    id: &str,
    now: Timestamp,
) -> Result<Option<Duplicate>, Fault> {
    let found = read.get(&DUPLICATES, scope, &(topic, id.to_owned()))?;
    Ok(found.filter(|duplicate| duplicate.until > now))
}

/// Remembers a deduplication id.
pub fn remember(
    tx: &mut Tx,
    scope: &Scope,
    topic: Incarnation,
    id: &str,
    duplicate: &Duplicate,
) -> Result<(), Fault> {
    tx.put(&DUPLICATES, scope, &(topic, id.to_owned()), duplicate)
}

/// Whether the first deduplication ids of a topic hold one whose time is over.
pub fn has_old_duplicates(
    read: &impl Read,
    scope: &Scope,
    topic: Incarnation,
    now: Timestamp,
) -> Result<bool, Fault> {
    for row in read.scan(&DUPLICATES, scope, Span::of(&topic)) {
        if row?.1.until <= now {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Forgets the deduplication ids of a topic whose time is over, up to a bound; says how many went.
pub fn forget_duplicates(
    tx: &mut Tx,
    scope: &Scope,
    topic: Incarnation,
    now: Timestamp,
    limit: usize,
) -> Result<usize, Fault> {
    let mut old = Vec::new();
    for row in tx.scan(&DUPLICATES, scope, Span::of(&topic)) {
        let (key, duplicate) = row?;
        if duplicate.until <= now {
            old.push(key);
        }
        if old.len() == limit {
            break;
        }
    }
    for key in &old {
        tx.delete(&DUPLICATES, scope, key)?;
    }
    Ok(old.len())
}

/// Keeps a message in a topic's archive.
pub fn archive(tx: &mut Tx, scope: &Scope, topic: Incarnation, message: &Message) -> Result<(), Fault> {
    let sequence = message.sequence.unwrap_or_default();
    tx.put(&ARCHIVE, scope, &(topic, sequence), message)
}

/// The archived messages of a topic, the oldest first.
pub fn archived(
    read: &impl Read,
    scope: &Scope,
    topic: Incarnation,
) -> impl Iterator<Item = Result<Message, Fault>> {
    read.scan(&ARCHIVE, scope, Span::of(&topic)).map(|row| row.map(|(_, message)| message))
}

/// Removes archived messages that are older than a moment, up to a bound.
pub fn forget_archived(
    tx: &mut Tx,
    scope: &Scope,
    topic: Incarnation,
    before: Timestamp,
    limit: usize,
) -> Result<usize, Fault> {
    let mut old = Vec::new();
    for message in archived(tx, scope, topic).take(limit) {
        let message = message?;
        if message.at > before {
            break;
        }
        old.push(message.sequence.unwrap_or_default());
    }
    for sequence in &old {
        tx.delete(&ARCHIVE, scope, &(topic, *sequence))?;
    }
    Ok(old.len())
}

/// Leaves a message to be fanned out.
pub fn add_fan_out(tx: &mut Tx, scope: &Scope, topic: Incarnation, fan_out: &FanOut) -> Result<(), Fault> {
    let number = tx.fresh_incarnation()?.0;
    tx.put(&FAN_OUTS, scope, &(topic, number), fan_out)
}

/// Whether messages of a topic are still being fanned out.
pub fn is_fanning_out(read: &impl Read, scope: &Scope, topic: Incarnation) -> Result<bool, Fault> {
    Ok(read.scan(&FAN_OUTS, scope, Span::of(&topic)).next().transpose()?.is_some())
}

/// What is still to be fanned out of a topic's message.
pub fn fan_out(read: &impl Read, scope: &Scope, key: (Incarnation, u64)) -> Result<Option<FanOut>, Fault> {
    read.get(&FAN_OUTS, scope, &key)
}

/// Whether a message is still to be fanned out.
pub fn is_to_fan_out(read: &impl Read, scope: &Scope, key: (Incarnation, u64)) -> Result<bool, Fault> {
    read.has(&FAN_OUTS, scope, &key)
}

/// Says how far a message has been fanned out; nothing remains of one that every subscriber has.
pub fn put_fan_out(
    tx: &mut Tx,
    scope: &Scope,
    key: (Incarnation, u64),
    rest: Option<&FanOut>,
) -> Result<(), Fault> {
    match rest {
        Some(rest) => tx.put(&FAN_OUTS, scope, &key, rest),
        None => tx.delete(&FAN_OUTS, scope, &key),
    }
}

/// Everything that is to be fanned out, in all scopes.
pub fn fan_outs(read: &store::Snapshot) -> impl Iterator<Item = Result<(Scope, (Incarnation, u64)), Fault>> {
    read.everywhere(&FAN_OUTS).map(|row| row.map(|(scope, key, _)| (scope, key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_the_first_version_are_read() {
        let message = crate::rules::envelope::tests::message("m");
        let written = postcard::to_stdvec(&message).unwrap();
        // What the second version added is its last byte.
        let first = &written[..written.len() - 1];
        assert_eq!(Message::upgrade(1, first).unwrap(), message);
        let after = Some("last".to_owned());
        let fan_out = FanOut { topic: "t".to_owned(), message, after, only: None };
        let behind = postcard::to_stdvec(&(&fan_out.after, &fan_out.only)).unwrap();
        let first = [&postcard::to_stdvec("t").unwrap(), first, &behind].concat();
        assert_eq!(FanOut::upgrade(1, &first).unwrap(), fan_out);
    }

    #[test]
    fn a_subscription_of_the_first_version_is_read() {
        let subscription = Subscription {
            id: "i".to_owned(),
            topic: "t".to_owned(),
            protocol: Protocol::Sms,
            endpoint: "+15551234567".to_owned(),
            owner: AccountId::DEFAULT,
            created: Timestamp(0),
            token: None,
            authenticated: true,
            authenticate_on_unsubscribe: false,
            attributes: BTreeMap::new(),
            principal: None,
        };
        let written = postcard::to_stdvec(&subscription).unwrap();
        // What the second version added is its last byte.
        let first = &written[..written.len() - 1];
        assert_eq!(Subscription::upgrade(1, first).unwrap(), subscription);
    }
}
