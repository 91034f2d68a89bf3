//! One message handed to one subscriber, in the commit that gives it: to a queue or a function by a delivery, over
//! HTTP by a row of this room, to phones, mailboxes and devices by keeping what they would get.

use crate::rules::delivery_policy::effective_of;
use crate::rules::envelope::{self, Envelope, Signed};
use crate::state::captured::{self, Captured, Kind};
use crate::state::sending::{self, Sending};
use crate::state::{Message, Protocol, Topic, platform, sms};
use crate::status::{self, Status};
use crate::views::Subscriber;
use bytes::Bytes;
use names::{AccountId, Arn, Scope, Timestamp};
use service::{Delivery, DeliveryContext};
use store::{Fault, Read, Tx};

/// The service that delivers.
pub const PRINCIPAL: &str = "sns.amazonaws.com";

/// One message on its way to one subscriber.
pub struct Handed<'a> {
    /// The topic's scope.
    pub scope: &'a Scope,
    /// The topic.
    pub topic: &'a Topic,
    /// The message.
    pub message: &'a Message,
    /// Who gets it.
    pub subscriber: &'a Subscriber,
    /// The text it gets.
    pub text: &'a str,
    /// Its signature, where the envelope has one.
    pub signed: Option<&'a Signed>,
    /// When, in virtual time.
    pub now: Timestamp,
}

/// The envelopes of one message: made once for each text, whoever gets it.
#[derive(Default)]
pub struct Bodies<'a>(Vec<(&'a str, Envelope)>);

impl<'a> Bodies<'a> {
    fn of(&mut self, handed: &Handed<'a>) -> String {
        let known = self.0.iter().position(|(text, _)| std::ptr::eq(*text, handed.text));
        let at = known.unwrap_or_else(|| {
            self.0.push((handed.text, Envelope::of(handed.message, handed.text, handed.signed)));
            self.0.len() - 1
        });
        self.0[at].1.for_subscription(&handed.message.origin, &handed.arn())
    }
}

impl<'a> Handed<'a> {
    fn arn(&self) -> String {
        format!("{}:{}", self.message.topic, self.subscriber.subscription.id)
    }

    /// Gives it to the subscriber; to a queue or a function by what this returns.
    pub fn give(&self, tx: &mut Tx, bodies: &mut Bodies<'a>) -> Result<Option<Delivery>, Fault> {
        let kept = match self.subscriber.subscription.protocol {
            Protocol::Sqs | Protocol::Lambda => return Ok(self.delivery(bodies)),
            Protocol::Http | Protocol::Https => return self.send(tx, bodies).map(|()| None),
            Protocol::Sms => {
                let number = &self.subscriber.subscription.endpoint;
                if sms::is_opted_out(tx, self.scope, number)? {
                    return Ok(None);
                }
                Kind::Sms
            }
            Protocol::Email | Protocol::EmailJson => Kind::Email,
            Protocol::Firehose => Kind::Stream,
            Protocol::Application => {
                let reachable = is_reachable(tx, &self.subscriber.subscription.endpoint)?;
                self.note(tx, reachable)?;
                if !reachable {
                    return Ok(self.buried(bodies));
                }
                Kind::Device
            }
        };
        if kept == Kind::Stream {
            self.note(tx, true)?;
        }
        self.capture(tx, kept, bodies)?;
        Ok(None)
    }

    /// Notes what became of it at a subscriber for whom nothing leaves the machine, where the topic wants to know.
    fn note(&self, tx: &mut Tx, reached: bool) -> Result<(), Fault> {
        let subscription = &self.subscriber.subscription;
        let Some(kind) =
            status::kind(subscription.protocol).filter(|kind| status::is_watched(self.topic, kind))
        else {
            return Ok(());
        };
        let (code, response) =
            if reached { (200, "{}") } else { (400, r#"{"ErrorCode":"EndpointDisabled"}"#) };
        let status = Status {
            kind,
            message: &self.message.id,
            digest: &status::digest(&self.message.text),
            posted: self.message.at,
            destination: &subscription.endpoint,
            response: response.to_owned(),
            code: Some(code),
            took_ms: (self.now.millis() - self.message.at.millis()).max(0).unsigned_abs(),
            attempts: 1,
            cause: &self.message.cause,
        };
        status::note(tx, self.scope, self.topic, &status, self.now)
    }

    fn context(&self) -> DeliveryContext {
        let account = self.scope.account().unwrap_or(AccountId::DEFAULT);
        let mut context = DeliveryContext::of(PRINCIPAL, account);
        context.dead_letter.clone_from(&self.subscriber.dead_letter);
        context.message.refusal_is_final = true;
        context.trace.clone_from(&self.message.trace);
        context.message.deduplication_id.clone_from(&self.message.deduplication_id);
        context
    }

    /// To a queue or a function; what is no ARN was never let in.
    fn delivery(&self, bodies: &mut Bodies<'a>) -> Option<Delivery> {
        let subscription = &self.subscriber.subscription;
        let target = self.subscriber.target.clone()?;
        let mut context = self.context();
        context.told_back = status::told_back(self.topic, subscription.protocol, self.message);
        let body = match (subscription.protocol, subscription.is_raw()) {
            (Protocol::Lambda, _) => envelope::event(self.message, self.text, &self.arn(), self.signed),
            (_, true) => {
                context.message.attributes.clone_from(&self.message.attributes);
                self.text.to_owned()
            }
            (_, false) => bodies.of(self),
        };
        Some(self.posted(target, body, context))
    }

    fn posted(&self, target: Arn, body: String, mut context: DeliveryContext) -> Delivery {
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
        delivery
    }

    /// Over HTTP.
    fn send(&self, tx: &mut Tx, bodies: &mut Bodies<'a>) -> Result<(), Fault> {
        let subscription = &self.subscriber.subscription;
        let raw = subscription.is_raw();
        let policy = effective_of(Some(self.topic), Some(subscription));
        let content_type = policy["requestPolicy"]["headerContentType"].as_str();
        let content_type = content_type.unwrap_or("text/plain; charset=UTF-8");
        let arn = self.arn();
        let about = (self.message.id.as_str(), self.message.topic.as_str(), Some(arn.as_str()));
        let mut headers = envelope::headers("Notification", about, content_type, raw);
        headers.extend(self.message.trace.clone().map(|trace| ("x-amzn-trace-id".to_owned(), trace)));
        let sending = Sending {
            topic: self.message.topic.clone(),
            url: subscription.endpoint.clone(),
            headers,
            body: if raw { self.text.to_owned() } else { bodies.of(self) },
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
    fn buried(&self, bodies: &mut Bodies<'a>) -> Option<Delivery> {
        let target = self.subscriber.dead_letter.clone()?;
        let context = DeliveryContext { dead_letter: None, ..self.context() };
        Some(self.posted(target, bodies.of(self), context))
    }

    /// To be looked at.
    fn capture(&self, tx: &mut Tx, kind: Kind, bodies: &mut Bodies<'a>) -> Result<(), Fault> {
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
            text: if enveloped { bodies.of(self) } else { self.text.to_owned() },
            attributes: envelope::attributes(&self.message.attributes).to_string(),
            structure: (!self.message.texts.is_empty()).then(|| "json".to_owned()),
            at: self.message.at,
        };
        captured::add(tx, self.scope, &captured)
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
