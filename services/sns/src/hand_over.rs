//! Who gets a message, and what they need to get it in the commit that publishes it: their doors and its
//! signatures. Where there are many subscribers, the commit leaves the message to be fanned out, chunk by chunk.

use crate::errors::SnsError;
use crate::handed::{Bodies, Handed, PRINCIPAL};
use crate::rules::envelope::{self, Signed};
use crate::rules::filter::Seen;
use crate::signing::Signer;
use crate::state::{self, FanOut, Message, Protocol, Subscription, Topic};
use crate::views::{Subscriber, Subscribers};
use bytes::Bytes;
use names::{AccountId, Scope, Timestamp};
use service::{Ctx, Delivery, DeliveryContext, Door};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Fault, Tx};

/// Subscribers that get a message in the commit that publishes it: all that a FIFO topic may have (SNS quotas).
const AT_ONCE: usize = 100;
/// Subscribers of one chunk of a fan-out: each chunk waits for a sync, so few large ones are over sooner than many small
/// ones. It may take longer than a commit that is run again inside; what it reads is hardly ever written meanwhile.
pub const CHUNK: usize = 100;
/// Bytes that subscribers get in one commit.
const CHUNK_BYTES: usize = 768 * 1024;
/// What an envelope adds to a message, about.
const ENVELOPE_BYTES: usize = 1500;

/// The subscribers that get a message, and what they need to get it.
pub struct Receivers {
    list: Vec<Arc<Subscriber>>,
    /// Where each of them takes it in the commit that gives it; those that do not are not listed, or have none.
    doors: Vec<Option<Door>>,
    signed: Signatures,
}

/// Those of a topic's subscribers that want a message, after one of them.
pub fn receivers(
    ctx: &Ctx,
    (scope, topic): (&Scope, &Topic),
    message: &Message,
    after: Option<&str>,
    only: Option<&str>,
    limit: usize,
) -> Result<Receivers, SnsError> {
    let listed = match only {
        // The view may not know yet who has just subscribed, and is to get the archive.
        Some(id) => {
            let found = state::subscription(&ctx.read(), scope, topic.incarnation, id)?;
            let confirmed = found.filter(|subscription| subscription.token.is_none());
            confirmed.into_iter().map(|subscription| Arc::new(Subscriber::of(subscription))).collect()
        }
        None => ctx.view::<Subscribers>().with(&(scope.clone(), topic.incarnation), |of| of.listed())?,
    };
    let mut seen = Seen::default();
    let begin = after.map_or(0, |after| listed.partition_point(|one| one.subscription.id.as_str() <= after));
    let wants =
        |one: &&Arc<Subscriber>| one.filter.as_ref().is_none_or(|filter| filter.wants(message, &mut seen));
    let list: Vec<Arc<Subscriber>> = listed[begin..].iter().filter(wants).take(limit).cloned().collect();
    Ok(Receivers { list, doors: Vec::new(), signed: Signatures::default() })
}

/// The signatures of one message, by the text that each covers.
pub type Signatures = Arc<BTreeMap<String, Signed>>;

impl Receivers {
    /// Readies what giving the message needs: the doors of the subscribers, and the signatures.
    pub async fn ready(
        &mut self,
        ctx: &Ctx,
        (scope, topic): (&Scope, &Topic),
        message: &Message,
        already: &Signatures,
    ) -> Result<(), SnsError> {
        self.knock(ctx, scope, message);
        self.sign(ctx, topic, message, already).await
    }

    /// Finds the doors of those that take deliveries.
    fn knock(&mut self, ctx: &Ctx, scope: &Scope, message: &Message) {
        let mut visitor: Option<Delivery> = None;
        self.doors.clear();
        for subscriber in &self.list {
            let door = subscriber.target.as_ref().and_then(|target| {
                let visitor = visitor.get_or_insert_with(|| {
                    let account = scope.account().unwrap_or(AccountId::DEFAULT);
                    let context = DeliveryContext::of(PRINCIPAL, account);
                    let topic = message.topic.clone();
                    let mut visitor = Delivery::new(topic, target.clone(), Bytes::new(), context, message.at);
                    visitor.hops = message.hops.saturating_add(1);
                    visitor
                });
                visitor.target.clone_from(target);
                ctx.door(visitor)
            });
            self.doors.push(door);
        }
    }

    /// Signs each text that goes out in an envelope, once; those that are signed already stay as they are.
    async fn sign(
        &mut self,
        ctx: &Ctx,
        topic: &Topic,
        message: &Message,
        already: &Signatures,
    ) -> Result<(), SnsError> {
        self.signed = already.clone();
        // What a FIFO topic sends is not signed.
        let list = if topic.fifo { &[] } else { self.list.as_slice() };
        let version = topic.attributes.get("SignatureVersion").map_or("1", String::as_str);
        for subscriber in list.iter().filter(|one| envelope::is_signed(&one.subscription)) {
            let text = text_for(message, &subscriber.subscription);
            if !self.signed.contains_key(text) {
                let covered = envelope::signed_text(message, text);
                let signature = ctx.part::<Signer>().sign(ctx, version, &message.origin, &covered).await?;
                Arc::make_mut(&mut self.signed).insert(text.to_owned(), signature);
            }
        }
        Ok(())
    }

    /// The signatures that were made.
    pub fn signatures(&self) -> Signatures {
        self.signed.clone()
    }

    /// Whether all of them can be given the message in the commit that publishes it.
    pub fn are_few(&self, message: &Message) -> bool {
        self.list.len() <= AT_ONCE && self.list.len() * size(message) <= CHUNK_BYTES.max(size(message))
    }

    /// Only as many as one commit takes; says whether that leaves some out.
    pub fn cut(&mut self, message: &Message) -> bool {
        let fit = (CHUNK_BYTES / size(message)).max(1);
        let cut = self.list.len() > fit;
        self.list.truncate(fit);
        cut
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// The id of the last one.
    pub fn last(&self) -> Option<&str> {
        self.list.last().map(|one| one.subscription.id.as_str())
    }

    /// Gives the message to all of them.
    pub fn give(
        &self,
        tx: &mut Tx,
        (scope, topic): (&Scope, &Topic),
        message: &Message,
        now: Timestamp,
    ) -> Result<(), Fault> {
        tx.allow_large();
        let (mut deliveries, mut bodies) = (Vec::new(), Bodies::default());
        for (at, subscriber) in self.list.iter().enumerate() {
            // It may have gone since it was listed.
            let id = &subscriber.subscription.id;
            if !state::has_subscription(tx, scope, topic.incarnation, id)? {
                continue;
            }
            let text = text_for(message, &subscriber.subscription);
            let signed = self.signed.get(text);
            let handed = Handed { scope, topic, message, subscriber, text, signed, now };
            if let Some(delivery) = handed.give(tx, &mut bodies)? {
                deliveries.push((delivery, self.doors.get(at).cloned().flatten()));
            }
        }
        service::hand_over(tx, deliveries, now)
    }
}

/// The text that a subscriber gets: a device that of its platform.
fn text_for<'a>(message: &'a Message, subscription: &Subscription) -> &'a str {
    match subscription.protocol {
        // arn:aws:sns:{region}:{account}:endpoint/{platform}/{application}/{id}
        Protocol::Application => {
            message.text_for(subscription.endpoint.split('/').nth(1).unwrap_or_default())
        }
        protocol => message.text_for(protocol.name()),
    }
}

fn size(message: &Message) -> usize {
    let attributes: usize = message.attributes.keys().map(|name| name.len() + 300).sum();
    message.text.len() * 5 / 4 + attributes + ENVELOPE_BYTES
}

/// Gives a message to a topic's subscribers, or leaves it to be fanned out.
pub fn publish(
    tx: &mut Tx,
    (scope, topic): (&Scope, &Topic),
    message: &Message,
    receivers: &Receivers,
    now: Timestamp,
) -> Result<(), Fault> {
    if message.sequence.is_some() && topic.attributes.contains_key("ArchivePolicy") {
        state::archive(tx, scope, topic.incarnation, message)?;
    }
    // What is behind a message that is still being fanned out must not overtake it.
    let behind = topic.fifo && state::is_fanning_out(tx, scope, topic.incarnation)?;
    if receivers.are_few(message) && !behind {
        return receivers.give(tx, (scope, topic), message, now);
    }
    tx.allow_large();
    let fan_out = FanOut { topic: topic.name.clone(), message: message.clone(), after: None, only: None };
    state::add_fan_out(tx, scope, topic.incarnation, &fan_out)
}
