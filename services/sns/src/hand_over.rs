//! Handing a message to its subscribers, in the commit that publishes it: to queues and functions by the
//! outbox, over HTTP by a row of this room, to phones, mailboxes and devices by keeping what they would get.
//! Where there are many subscribers, the commit leaves the message to be fanned out, chunk by chunk.

use crate::errors::SnsError;
use crate::rules::delivery_policy::effective_of;
use crate::rules::envelope::{self, Signed};
use crate::rules::filter::Seen;
use crate::signing::Signer;
use crate::state::captured::{self, Captured, Kind};
use crate::state::sending::{self, Sending};
use crate::state::{self, FanOut, Message, Protocol, Subscription, Topic, platform, sms};
use crate::status::{self, Status};
use crate::views::{Subscriber, Subscribers};
use bytes::Bytes;
use names::{AccountId, Arn, Scope};
use service::{Ctx, Deliver, Delivery, DeliveryContext};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Fault, Read, Tx};

/// The service that delivers.
pub const PRINCIPAL: &str = "sns.amazonaws.com";
/// Subscribers that get a message in the commit that publishes it.
const AT_ONCE: usize = 25;
/// Subscribers of a FIFO topic, all of which do (SNS quotas).
const AT_ONCE_FIFO: usize = 100;
/// Subscribers of one chunk of a fan-out: about what a commit gives in the millisecond within which it may be run again,
/// and the relay carries the first of many while the others are given.
pub const CHUNK: usize = 50;
/// Bytes that subscribers get in one commit.
const CHUNK_BYTES: usize = 768 * 1024;
/// What an envelope adds to a message, about.
const ENVELOPE_BYTES: usize = 1500;

/// The subscribers that get a message, and what they need to get it.
pub struct Receivers {
    list: Vec<Arc<Subscriber>>,
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
    Ok(Receivers { list, signed: Signatures::default() })
}

/// The signatures of one message, by the text that each covers.
pub type Signatures = Arc<BTreeMap<String, Signed>>;

impl Receivers {
    /// Signs each text that goes out in an envelope, once; those that are signed already stay as they are.
    pub async fn sign(
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
    pub fn are_few(&self, topic: &Topic, message: &Message) -> bool {
        let most = if topic.fifo { AT_ONCE_FIFO } else { AT_ONCE };
        self.list.len() <= most && self.list.len() * size(message) <= CHUNK_BYTES.max(size(message))
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
    ) -> Result<(), Fault> {
        tx.allow_large();
        for subscriber in &self.list {
            // It may have gone since it was listed.
            let id = &subscriber.subscription.id;
            if state::has_subscription(tx, scope, topic.incarnation, id)? {
                let text = text_for(message, &subscriber.subscription);
                let handed =
                    Handed { scope, topic, message, subscriber, text, signed: self.signed.get(text) };
                handed.give(tx)?;
            }
        }
        Ok(())
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

impl Receivers {
    /// Logs what became of the message at those that nothing leaves the machine for, where the topic wants that:
    /// they got it in the commit that gave it.
    pub async fn tell_kept(&self, ctx: &Ctx, (scope, topic): (&Scope, &Topic), message: &Message) {
        for subscriber in &self.list {
            let subscription = &subscriber.subscription;
            let kept = matches!(subscription.protocol, Protocol::Firehose | Protocol::Application);
            let kind =
                status::kind(subscription.protocol).filter(|kind| kept && status::is_watched(topic, kind));
            let Some(kind) = kind else { continue };
            let reached = subscription.protocol == Protocol::Firehose
                || is_reachable(&ctx.read(), &subscription.endpoint).unwrap_or_default();
            let (code, response) =
                if reached { (200, "{}") } else { (400, r#"{"ErrorCode":"EndpointDisabled"}"#) };
            let status = Status {
                kind,
                message: &message.id,
                digest: &status::digest(&message.text),
                posted: message.at,
                destination: &subscription.endpoint,
                response: response.to_owned(),
                code: Some(code),
                took_ms: (ctx.now().millis() - message.at.millis()).max(0).unsigned_abs(),
                attempts: 1,
                cause: &message.cause,
            };
            status::tell(ctx, scope, topic, &status).await;
        }
    }
}

/// Whether the endpoint of a device takes messages.
fn is_reachable(read: &impl Read, endpoint: &str) -> Result<bool, Fault> {
    let arn = endpoint.parse::<Arn>().ok();
    let Some((scope, application, id)) = arn.as_ref().and_then(platform::endpoint_place) else {
        return Ok(false);
    };
    let held = platform::application(read, &scope, &application)?;
    let found = platform::endpoint(read, &scope, &application, &id)?.filter(|_| held.is_some());
    Ok(found.is_some_and(|endpoint| endpoint.is_enabled()))
}

/// Gives a message to a topic's subscribers, or leaves it to be fanned out; says whether they have it.
pub fn publish(
    tx: &mut Tx,
    (scope, topic): (&Scope, &Topic),
    message: &Message,
    receivers: &Receivers,
) -> Result<bool, Fault> {
    if message.sequence.is_some() && topic.attributes.contains_key("ArchivePolicy") {
        state::archive(tx, scope, topic.incarnation, message)?;
    }
    // What is behind a message that is still being fanned out must not overtake it.
    let behind = topic.fifo && state::is_fanning_out(tx, scope, topic.incarnation)?;
    if receivers.are_few(topic, message) && !behind {
        return receivers.give(tx, (scope, topic), message).map(|()| true);
    }
    tx.allow_large();
    let fan_out = FanOut { topic: topic.name.clone(), message: message.clone(), after: None, only: None };
    state::add_fan_out(tx, scope, topic.incarnation, &fan_out).map(|()| false)
}

/// One message on its way to one subscriber.
struct Handed<'a> {
    scope: &'a Scope,
    topic: &'a Topic,
    message: &'a Message,
    subscriber: &'a Subscriber,
    text: &'a str,
    signed: Option<&'a Signed>,
}

impl Handed<'_> {
    fn arn(&self) -> String {
        format!("{}:{}", self.message.topic, self.subscriber.subscription.id)
    }

    fn give(&self, tx: &mut Tx) -> Result<(), Fault> {
        match self.subscriber.subscription.protocol {
            Protocol::Sqs | Protocol::Lambda => self.deliver(tx),
            Protocol::Http | Protocol::Https => self.send(tx),
            Protocol::Sms => {
                let number = &self.subscriber.subscription.endpoint;
                if sms::is_opted_out(tx, self.scope, number)? { Ok(()) } else { self.capture(tx, Kind::Sms) }
            }
            Protocol::Email | Protocol::EmailJson => self.capture(tx, Kind::Email),
            Protocol::Firehose => self.capture(tx, Kind::Stream),
            Protocol::Application => {
                if is_reachable(tx, &self.subscriber.subscription.endpoint)? {
                    self.capture(tx, Kind::Device)
                } else {
                    self.bury(tx)
                }
            }
        }
    }

    fn notification(&self) -> String {
        envelope::notification(self.message, self.text, &self.arn(), self.signed)
    }

    fn context(&self) -> DeliveryContext {
        let account = self.scope.account().unwrap_or(AccountId::DEFAULT);
        let mut context = DeliveryContext::of(PRINCIPAL, account);
        context.dead_letter.clone_from(&self.subscriber.dead_letter);
        context.message.refusal_is_final = true;
        context.message.deduplication_id.clone_from(&self.message.deduplication_id);
        context
    }

    /// To a queue or a function.
    fn deliver(&self, tx: &mut Tx) -> Result<(), Fault> {
        let subscription = &self.subscriber.subscription;
        // What is no ARN was never let in.
        let Ok(target) = subscription.endpoint.parse::<Arn>() else { return Ok(()) };
        let mut context = self.context();
        context.told_back = status::told_back(self.topic, subscription.protocol, self.message);
        let body = match (subscription.protocol, subscription.is_raw()) {
            (Protocol::Lambda, _) => envelope::event(self.message, self.text, &self.arn(), self.signed),
            (_, true) => {
                context.message.attributes.clone_from(&self.message.attributes);
                self.text.to_owned()
            }
            (_, false) => self.notification(),
        };
        self.post(tx, target, body, context)
    }

    fn post(&self, tx: &mut Tx, target: Arn, body: String, context: DeliveryContext) -> Result<(), Fault> {
        let mut context = context;
        let source = self.message.topic.clone();
        if !self.topic.fifo {
            context.message.group.clone_from(&self.message.group);
        }
        let mut delivery = Delivery::new(source, target, Bytes::from(body), context, self.message.at);
        if self.topic.fifo {
            delivery.group.clone_from(&self.message.group);
        }
        delivery.cause.clone_from(&self.message.cause);
        delivery.hops = self.message.hops.saturating_add(1);
        tx.deliver(delivery)
    }

    /// Over HTTP.
    fn send(&self, tx: &mut Tx) -> Result<(), Fault> {
        let subscription = &self.subscriber.subscription;
        let raw = subscription.is_raw();
        let policy = effective_of(Some(self.topic), Some(subscription));
        let content_type = policy["requestPolicy"]["headerContentType"].as_str();
        let content_type = content_type.unwrap_or("text/plain; charset=UTF-8");
        let arn = self.arn();
        let about = (self.message.id.as_str(), self.message.topic.as_str(), Some(arn.as_str()));
        let sending = Sending {
            topic: self.message.topic.clone(),
            url: subscription.endpoint.clone(),
            headers: envelope::headers("Notification", about, content_type, raw),
            body: if raw { self.text.to_owned() } else { self.notification() },
            subscription: arn,
            message: self.message.id.clone(),
            asks: false,
            attempts: 0,
            waits: false,
            posted: self.message.at,
            cause: self.message.cause.clone(),
            hops: self.message.hops,
        };
        sending::add(tx, self.scope, &sending)
    }

    /// To the dead letter, where there is one.
    fn bury(&self, tx: &mut Tx) -> Result<(), Fault> {
        match self.subscriber.dead_letter.clone() {
            Some(target) => {
                let context = DeliveryContext { dead_letter: None, ..self.context() };
                self.post(tx, target, self.notification(), context)
            }
            None => Ok(()),
        }
    }

    /// To be looked at.
    fn capture(&self, tx: &mut Tx, kind: Kind) -> Result<(), Fault> {
        let subscription = &self.subscriber.subscription;
        let enveloped = match subscription.protocol {
            Protocol::EmailJson => true,
            Protocol::Firehose => !subscription.is_raw(),
            _ => false,
        };
        let captured = Captured {
            kind,
            receiver: subscription.endpoint.clone(),
            topic: Some(self.message.topic.to_string()),
            subscription: Some(self.arn()),
            id: self.message.id.clone(),
            subject: self.message.subject.clone(),
            text: if enveloped { self.notification() } else { self.text.to_owned() },
            attributes: envelope::attributes(&self.message.attributes).to_string(),
            structure: (!self.message.texts.is_empty()).then(|| "json".to_owned()),
            at: self.message.at,
        };
        captured::add(tx, self.scope, &captured)
    }
}
