//! Subscribe: makes a subscription, or finds it again with the same attributes. A subscriber that must say
//! itself that it wants messages is asked in the same commit.

use crate::errors::SnsError;
use crate::ops::attributes::check_dead_letter;
use crate::ops::questions::Question;
use crate::ops::subscriptions::{Why, token};
use crate::ops::{endpoints, found, topic_place};
use crate::rules::attributes::{Setting, check_subscription};
use crate::rules::endpoints::{check as check_endpoint, needs_confirmation};
use crate::state::{self, FanOut, Protocol, Subscription, Topic, platform};
use model_sns::{SubscribeInput, SubscribeOutput};
use names::{Arn, Scope, Timestamp};
use service::Ctx;
use std::sync::Arc;
use store::{Incarnation, Read, Tx};

/// Subscriptions of a topic (SNS quotas: 12.5 million; here as many as a view holds well).
const MAX_SUBSCRIPTIONS: usize = 100_000;

/// Subscribe.
pub async fn subscribe(ctx: Ctx, input: Arc<SubscribeInput>) -> Result<SubscribeOutput, SnsError> {
    let place = topic_place(&ctx, "TopicArn", &input.topic_arn)?;
    let protocol = Protocol::parse(&input.protocol)?;
    let endpoint = input.endpoint.clone().unwrap_or_default();
    let topic = found(&ctx.read(), &place)?;
    check_endpoint(protocol, &endpoint, topic.fifo)?;
    if protocol == Protocol::Application {
        check_device(&ctx, &endpoint)?;
    }
    let attributes = input.attributes.clone().unwrap_or_default();
    check_subscription(&attributes, protocol, (topic.fifo, Setting::Subscribe))?;
    check_dead_letter(&topic, &endpoint, &attributes)?;
    let pending = needs_confirmation(protocol, &endpoint, ctx.account());
    let id = ctx.uuid();
    let subscription = Subscription {
        token: pending.then(|| token(&ctx.host().seal, Why::Begin, topic.incarnation, &id)),
        id,
        topic: topic.name.clone(),
        protocol,
        endpoint,
        owner: ctx.account(),
        created: ctx.now(),
        authenticated: !pending,
        authenticate_on_unsubscribe: false,
        attributes,
        principal: ctx.caller().principal().map(|principal| principal.arn.to_string()),
    };
    let question = match &subscription.token {
        Some(_) => Some(Question::whether(&ctx, &place.0, &topic, &subscription).await?),
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

/// Whether a subscription has a value of an attribute, given or usual.
fn holds(known: &Subscription, name: &str, text: &str) -> bool {
    let usual = match name {
        "RawMessageDelivery" => "false",
        "FilterPolicyScope" => "MessageAttributes",
        _ => "",
    };
    known.attributes.get(name).map_or(usual, String::as_str).eq_ignore_ascii_case(text)
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
            let equal = wanted.attributes.iter().all(|(name, text)| holds(&known, name, text));
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
