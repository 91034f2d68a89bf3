//! What a subscriber is asked: whether it wants messages, and, when it has left, whether it wants to come back.

use crate::errors::SnsError;
use crate::handed::PRINCIPAL;
use crate::ops::subscriptions::{Why, token};
use crate::rules::envelope::{self, Confirmation};
use crate::signing::Signer;
use crate::state::captured::{self, Captured, Kind};
use crate::state::sending::{self, Sending};
use crate::state::{self, Protocol, Subscription, Topic};
use bytes::Bytes;
use names::{AccountId, Arn, Scope, Timestamp};
use service::{Ctx, Deliver, Delivery, DeliveryContext};
use std::collections::BTreeMap;
use store::{Fault, Tx};

/// One question, signed.
pub struct Question {
    kind: &'static str,
    topic: Arn,
    id: String,
    url: String,
    text: String,
    body: String,
    cause: String,
}

impl Question {
    /// Whether it wants messages.
    pub async fn whether(
        ctx: &Ctx,
        scope: &Scope,
        topic: &Topic,
        of: &Subscription,
    ) -> Result<Self, SnsError> {
        let text = format!(
            "You have chosen to subscribe to the topic {}.\nTo confirm the subscription, visit the SubscribeURL \
             included in this message.",
            state::arn(scope, &topic.name)
        );
        Question::of(ctx, (scope, topic, of), (Why::Begin, "SubscriptionConfirmation", text)).await
    }

    /// Whether it wants to come back; nobody but who is reached over HTTP is asked.
    pub async fn whether_back(
        ctx: &Ctx,
        scope: &Scope,
        topic: &Topic,
        of: &Subscription,
    ) -> Result<Option<Self>, SnsError> {
        if !matches!(of.protocol, Protocol::Http | Protocol::Https) {
            return Ok(None);
        }
        let text = format!(
            "You have chosen to deactivate subscription {}:{}.\nTo cancel this operation and restore the subscription, \
             visit the SubscribeURL included in this message.",
            state::arn(scope, &topic.name),
            of.id
        );
        Question::of(ctx, (scope, topic, of), (Why::Return, "UnsubscribeConfirmation", text)).await.map(Some)
    }

    async fn of(
        ctx: &Ctx,
        (scope, topic, of): (&Scope, &Topic, &Subscription),
        (why, kind, text): (Why, &'static str, String),
    ) -> Result<Self, SnsError> {
        let (id, at) = (ctx.uuid(), ctx.now().iso8601_millis());
        let (arn, origin) = (state::arn(scope, &topic.name), ctx.request().origin.as_str());
        let token = token(&ctx.host().seal, why, topic.incarnation, &of.id);
        let asked =
            Confirmation { kind, text: &text, id: &id, topic: arn.as_str(), token: &token, origin, at: &at };
        let version = topic.attributes.get("SignatureVersion").map_or("1", String::as_str);
        let signed = ctx.part::<Signer>().sign(ctx, version, origin, &asked.signed_text()).await?;
        let (url, body) = (asked.url(), asked.body(&signed));
        Ok(Question { kind, topic: arn, id, url, text, body, cause: ctx.request_id().to_owned() })
    }

    /// Asks it, in the commit that makes or ends the subscription.
    pub fn ask(&self, tx: &mut Tx, scope: &Scope, of: &Subscription, now: Timestamp) -> Result<(), Fault> {
        let arn = format!("{}:{}", self.topic, of.id);
        match of.protocol {
            Protocol::Http | Protocol::Https => {
                // Who is not subscribed yet is not told as what.
                let told = of.token.is_none().then_some(arn.as_str());
                let about = (self.id.as_str(), self.topic.as_str(), told);
                let sending = Sending {
                    topic: self.topic.clone(),
                    url: of.endpoint.clone(),
                    headers: envelope::headers(self.kind, about, "text/plain; charset=UTF-8", false),
                    body: self.body.clone(),
                    subscription: arn,
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
