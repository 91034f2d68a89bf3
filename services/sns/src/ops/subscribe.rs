//! Subscribe: makes a subscription, or finds it again with the same attributes. A subscriber that must say
//! itself that it wants messages is asked in the same commit.

use crate::errors::SnsError;
use crate::hand_over::PRINCIPAL;
use crate::ops::{endpoints, found, topic_place};
use crate::rules::attributes::{Setting, check_subscription};
use crate::rules::endpoints::{check as check_endpoint, needs_confirmation};
use crate::rules::envelope::{self, Confirmation};
use crate::signing::Signer;
use crate::state::captured::{self, Captured, Kind};
use crate::state::sending::{self, Sending};
use crate::state::{self, FanOut, Protocol, Subscription, Topic, platform};
use bytes::Bytes;
use model_sns::{SubscribeInput, SubscribeOutput};
use names::{AccountId, Arn, Scope, Timestamp};
use service::{Ctx, Deliver, Delivery, DeliveryContext};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Fault, Incarnation, Read, Tx};

/// Digits of a token.
const TOKEN_DIGITS: usize = 64;
/// Subscriptions of a topic (SNS quotas: 12.5 million; here as many as a view holds well).
const MAX_SUBSCRIPTIONS: usize = 100_000;

/// Subscribe.
pub async fn subscribe(ctx: Ctx, input: Arc<SubscribeInput>) -> Result<SubscribeOutput, SnsError> {
    let place = topic_place("TopicArn", &input.topic_arn)?;
    let protocol = Protocol::parse(&input.protocol)?;
    let endpoint = input.endpoint.clone().unwrap_or_default();
    let topic = found(&ctx.read(), &place)?;
    check_endpoint(protocol, &endpoint, topic.fifo)?;
    if protocol == Protocol::Application {
        check_device(&ctx, &endpoint)?;
    }
    let attributes = input.attributes.clone().unwrap_or_default();
    check_subscription(&attributes, protocol, (topic.fifo, Setting::Subscribe))?;
    let pending = needs_confirmation(protocol, &endpoint, ctx.account());
    let subscription = Subscription {
        id: ctx.uuid(),
        topic: topic.name.clone(),
        protocol,
        endpoint,
        owner: ctx.account(),
        created: ctx.now(),
        token: pending.then(|| ctx.host().entropy.hex(TOKEN_DIGITS)),
        authenticated: !pending,
        authenticate_on_unsubscribe: false,
        attributes,
    };
    let question = match &subscription.token {
        Some(token) => Some(Question::of(&ctx, &topic, &input.topic_arn, token).await?),
        None => None,
    };
    let subscription = made(&ctx, place, subscription, question).await?;
    let arn = format!("{}:{}", input.topic_arn, subscription.id);
    let told = subscription.token.is_none() || input.return_subscription_arn == Some(true);
    Ok(SubscribeOutput { subscription_arn: Some(if told { arn } else { "pending confirmation".to_owned() }) })
}

/// Refuses an endpoint of a device that is not there.
fn check_device(ctx: &Ctx, endpoint: &str) -> Result<(), SnsError> {
    let place = endpoint.parse::<Arn>().ok().as_ref().and_then(platform::endpoint_place);
    let is_there = match &place {
        Some(place) => endpoints::found(&ctx.read(), place).map(drop),
        None => Err(SnsError::NotFound("Endpoint")),
    };
    is_there.map_err(|error| match error {
        SnsError::NotFound(_) => {
            SnsError::invalid(format!("Endpoint Reason: Endpoint does not exist for endpoint arn{endpoint}"))
        }
        error => error,
    })
}

async fn made(
    ctx: &Ctx,
    place: (Scope, String),
    subscription: Subscription,
    question: Option<Question>,
) -> Result<Subscription, SnsError> {
    let now = ctx.now();
    ctx.commit(move |tx| {
        let topic = found(tx, &place)?;
        if let Some(known) = same(tx, &place.0, topic.incarnation, &subscription)? {
            return Ok(known);
        }
        state::put_subscription(tx, &place.0, topic.incarnation, &subscription)?;
        if let Some(question) = &question {
            question.ask(tx, &place.0, &subscription, now)?;
        }
        replay(tx, (&place.0, &topic), &subscription)?;
        Ok(subscription.clone())
    })
    .await
}

/// The subscription of the same endpoint, where there is one.
fn same(
    read: &impl Read,
    scope: &Scope,
    topic: Incarnation,
    wanted: &Subscription,
) -> Result<Option<Subscription>, SnsError> {
    let mut count = 0;
    for known in state::subscriptions(read, scope, topic, None) {
        let known = known?;
        if known.protocol == wanted.protocol && known.endpoint == wanted.endpoint {
            let equal = wanted.attributes.iter().all(|(name, text)| known.attributes.get(name) == Some(text));
            return if equal {
                Ok(Some(known))
            } else {
                Err(SnsError::invalid(
                    "Attributes Reason: Subscription already exists with different attributes",
                ))
            };
        }
        count += 1;
    }
    if count < MAX_SUBSCRIPTIONS {
        return Ok(None);
    }
    Err(SnsError::FilterPolicyLimit(format!("A topic has at most {MAX_SUBSCRIPTIONS} subscriptions.")))
}

/// Has the archive sent again to a subscriber that wants it.
pub fn replay(
    tx: &mut Tx,
    (scope, topic): (&Scope, &Topic),
    subscription: &Subscription,
) -> Result<(), SnsError> {
    let policy = subscription.attributes.get("ReplayPolicy").filter(|policy| !policy.is_empty());
    let Some(policy) = policy else { return Ok(()) };
    let (start, end) = crate::rules::attributes::replay(policy).map_err(SnsError::Invalid)?;
    let moment = |text: &str| {
        Timestamp::parse_iso8601(text)
            .map_err(|_| SnsError::invalid("ReplayPolicy: StartingPoint is invalid"))
    };
    let start = moment(&start)?;
    let end = end.as_deref().map(moment).transpose()?;
    let mut again = Vec::new();
    for message in state::archived(tx, scope, topic.incarnation) {
        let message = message?;
        if message.at >= start && end.is_none_or(|end| message.at <= end) {
            again.push(message);
        }
    }
    tx.allow_large();
    for message in again {
        let only = Some(subscription.id.clone());
        let fan_out = FanOut { topic: topic.name.clone(), message, after: None, only };
        state::add_fan_out(tx, scope, topic.incarnation, &fan_out)?;
    }
    Ok(())
}

/// What a subscriber is asked.
struct Question {
    topic: Arn,
    id: String,
    url: String,
    text: String,
    body: String,
    cause: String,
}

impl Question {
    async fn of(ctx: &Ctx, topic: &Topic, arn: &str, token: &str) -> Result<Self, SnsError> {
        let (id, at) = (ctx.uuid(), ctx.now().iso8601_millis());
        let origin = ctx.request().origin.as_str();
        let asked = Confirmation { id: &id, topic: arn, token, origin, at: &at };
        let version = topic.attributes.get("SignatureVersion").map_or("1", String::as_str);
        let signed = ctx.part::<Signer>().sign(ctx, version, origin, &asked.signed_text()).await?;
        let (url, text, body) = (asked.url(), asked.text(), asked.body(&signed));
        let topic = arn.parse().map_err(|_| SnsError::invalid("TopicArn"))?;
        Ok(Question { topic, id, url, text, body, cause: ctx.request_id().to_owned() })
    }

    fn ask(&self, tx: &mut Tx, scope: &Scope, of: &Subscription, now: Timestamp) -> Result<(), Fault> {
        let arn = format!("{}:{}", self.topic, of.id);
        match of.protocol {
            Protocol::Http | Protocol::Https => {
                let about = (self.id.as_str(), self.topic.as_str(), None);
                let kind = "text/plain; charset=UTF-8";
                let sending = Sending {
                    topic: self.topic.clone(),
                    subscription: arn,
                    url: of.endpoint.clone(),
                    headers: envelope::headers("SubscriptionConfirmation", about, kind, false),
                    body: self.body.clone(),
                    message: self.id.clone(),
                    asks: true,
                    attempts: 0,
                    waits: false,
                    posted: now,
                    cause: self.cause.clone(),
                    hops: 0,
                };
                sending::add(tx, scope, &sending)
            }
            Protocol::Sqs | Protocol::Lambda => {
                let Ok(target) = of.endpoint.parse::<Arn>() else { return Ok(()) };
                let context = DeliveryContext::of(PRINCIPAL, scope.account().unwrap_or(AccountId::DEFAULT));
                let body = Bytes::copy_from_slice(self.body.as_bytes());
                tx.deliver(Delivery::new(self.topic.clone(), target, body, context, now))
            }
            _ => captured::add(tx, scope, &self.mail(of, arn, now)),
        }
    }

    fn mail(&self, of: &Subscription, arn: String, now: Timestamp) -> Captured {
        let text = if of.protocol == Protocol::EmailJson {
            self.body.clone()
        } else {
            format!("{}\n\n{}", self.text, self.url)
        };
        Captured {
            kind: Kind::Email,
            receiver: of.endpoint.clone(),
            topic: Some(self.topic.to_string()),
            subscription: Some(arn),
            id: self.id.clone(),
            subject: Some("AWS Notification - Subscription Confirmation".to_owned()),
            text,
            attributes: envelope::attributes(&BTreeMap::new()).to_string(),
            structure: None,
            at: now,
        }
    }
}
