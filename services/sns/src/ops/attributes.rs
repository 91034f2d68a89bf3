//! Attributes of topics and subscriptions: what is described, and what can be set.

use crate::errors::SnsError;
use crate::ops::permissions::check_policy;
use crate::ops::subscribe::replay;
use crate::ops::subscriptions::not_yours;
use crate::ops::{SubscriptionPlace, found, place_of, topic_place};
use crate::rules::attributes::{
    Refused, Setting, check_subscription, check_topic, dead_letter, default_policy, is_default_policy,
};
use crate::rules::delivery_policy::{self, effective_of};
use crate::state::{self, Protocol, Subscription, Topic};
use model_sns::{
    GetSubscriptionAttributesInput, GetSubscriptionAttributesOutput, GetTopicAttributesInput,
    GetTopicAttributesOutput, SetSubscriptionAttributesInput, SetTopicAttributesInput,
};
use names::{AccountId, Scope};
use schema::Unit;
use serde_json::json;
use service::{Ctx, Heads};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::Read;

/// GetTopicAttributes.
pub async fn get_of_topic(
    ctx: Ctx,
    input: Arc<GetTopicAttributesInput>,
) -> Result<GetTopicAttributesOutput, SnsError> {
    let place = topic_place(&ctx, "TopicArn", &input.topic_arn)?;
    let read = ctx.read();
    let topic = found(&read, &place)?;
    let (mut confirmed, mut pending) = (0_u64, 0_u64);
    for subscription in state::subscriptions(&read, &place.0, topic.incarnation, None) {
        *(if subscription?.token.is_some() { &mut pending } else { &mut confirmed }) += 1;
    }
    let arn = state::arn(&place.0, &topic.name);
    let owner = place.0.account().unwrap_or(AccountId::DEFAULT);
    let policy = ctx.head(&arn)?.and_then(|head| head.head.policy.clone());
    let mut attributes = topic.attributes.clone();
    let mut put = |name: &str, value: String| attributes.insert(name.to_owned(), value);
    put("TopicArn", arn.to_string());
    put("Owner", owner.to_string());
    put("Policy", policy.unwrap_or_else(|| default_policy(&arn, owner)));
    put("SubscriptionsConfirmed", confirmed.to_string());
    put("SubscriptionsPending", pending.to_string());
    put("SubscriptionsDeleted", topic.deleted.to_string());
    put("EffectiveDeliveryPolicy", effective_of_topic(&topic));
    if let Some(own) = topic.attributes.get("DeliveryPolicy") {
        put("DeliveryPolicy", delivery_policy::of_topic(own));
    }
    attributes.entry("DisplayName".to_owned()).or_default();
    if topic.fifo {
        describe_fifo(&read, &place.0, &topic, &mut attributes)?;
    }
    Ok(GetTopicAttributesOutput { attributes: Some(attributes) })
}

fn describe_fifo(
    read: &impl Read,
    scope: &Scope,
    topic: &Topic,
    attributes: &mut BTreeMap<String, String>,
) -> Result<(), SnsError> {
    attributes.insert("FifoTopic".to_owned(), "true".to_owned());
    attributes.entry("ContentBasedDeduplication".to_owned()).or_insert_with(|| "false".to_owned());
    if topic.attributes.contains_key("ArchivePolicy")
        && let Some(oldest) = state::archived(read, scope, topic.incarnation).next()
    {
        attributes.insert("BeginningArchiveTime".to_owned(), oldest?.at.iso8601_millis());
    }
    Ok(())
}

fn effective_of_topic(topic: &Topic) -> String {
    let own = topic.attributes.get("DeliveryPolicy").map(String::as_str);
    let effective = effective_of(Some(topic), None);
    let http = own
        .and_then(|own| serde_json::from_str::<serde_json::Value>(own).ok())
        .and_then(|own| own.get("http")?.get("disableSubscriptionOverrides")?.as_bool());
    let mut http = json!({
        "defaultHealthyRetryPolicy": effective["healthyRetryPolicy"],
        "disableSubscriptionOverrides": http.unwrap_or(false),
        "defaultRequestPolicy": effective["requestPolicy"],
    });
    // A topic without a throttle says nothing of one (LocalStack's test_topic_delivery_policy_crud, recorded on AWS).
    if !effective["throttlePolicy"].is_null() {
        http["defaultThrottlePolicy"] = effective["throttlePolicy"].clone();
    }
    json!({"http": http}).to_string()
}

/// SetTopicAttributes.
pub async fn set_of_topic(ctx: Ctx, input: Arc<SetTopicAttributesInput>) -> Result<Unit, SnsError> {
    let place = topic_place(&ctx, "TopicArn", &input.topic_arn)?;
    let value = input.attribute_value.clone().unwrap_or_default();
    ctx.commit(move |tx| {
        let mut topic = found(tx, &place)?;
        if input.attribute_name == "Policy" {
            let arn = state::arn(&place.0, &topic.name);
            let mut head = tx.head(&arn)?.ok_or(SnsError::NotFound("Topic"))?;
            head.policy = if value.is_empty() || is_default_policy(&value, &arn, head.owner) {
                None
            } else {
                check_policy(&value).map_err(Refused::of_setting)?;
                Some(value.clone())
            };
            tx.put_head(&arn, &head)?;
            return Ok(Unit);
        }
        check_topic(&input.attribute_name, &value, topic.fifo).map_err(Refused::of_setting)?;
        if value.is_empty() || input.attribute_name == "ArchivePolicy" && value == "{}" {
            topic.attributes.remove(&input.attribute_name);
        } else {
            topic.attributes.insert(input.attribute_name.clone(), value.clone());
        }
        state::put_topic(tx, &place.0, &topic)?;
        Ok(Unit)
    })
    .await
}

/// A subscription with its topic.
fn of_place(read: &impl Read, place: &SubscriptionPlace) -> Result<(Topic, Subscription), SnsError> {
    let absent = SnsError::NotFound("Subscription");
    let Some(topic) = state::topic(read, &place.scope, &place.topic)? else { return Err(absent) };
    match state::subscription(read, &place.scope, topic.incarnation, &place.id)? {
        Some(subscription) => Ok((topic, subscription)),
        None => Err(absent),
    }
}

fn check_owner(
    place: &SubscriptionPlace,
    of: &Subscription,
    caller: AccountId,
    what: &str,
) -> Result<(), SnsError> {
    let owns = of.owner == caller || place.scope.account() == Some(caller);
    if owns { Ok(()) } else { Err(not_yours(what)) }
}

/// GetSubscriptionAttributes.
pub async fn get_of_subscription(
    ctx: Ctx,
    input: Arc<GetSubscriptionAttributesInput>,
) -> Result<GetSubscriptionAttributesOutput, SnsError> {
    let place = place_of(&input.subscription_arn)?;
    let (topic, subscription) = of_place(&ctx.read(), &place)?;
    check_owner(&place, &subscription, ctx.account(), "GetSubscriptionAttributes")?;
    let mut attributes = subscription.attributes.clone();
    attributes.retain(|_, text| !text.is_empty());
    attributes
        .entry("RawMessageDelivery".to_owned())
        .or_insert_with(|| "false".to_owned())
        .make_ascii_lowercase();
    if attributes.contains_key("FilterPolicy") {
        attributes.entry("FilterPolicyScope".to_owned()).or_insert_with(|| "MessageAttributes".to_owned());
    } else {
        attributes.remove("FilterPolicyScope");
    }
    let mut put = |name: &str, value: String| attributes.insert(name.to_owned(), value);
    put("SubscriptionArn", input.subscription_arn.clone());
    put("TopicArn", state::arn(&place.scope, &topic.name).to_string());
    put("Owner", subscription.owner.to_string());
    put("Protocol", subscription.protocol.name().to_owned());
    put("Endpoint", subscription.endpoint.clone());
    put("PendingConfirmation", subscription.token.is_some().to_string());
    put("ConfirmationWasAuthenticated", subscription.authenticated.to_string());
    let root = || format!("arn:aws:iam::{}:root", subscription.owner);
    put("SubscriptionPrincipal", subscription.principal.clone().unwrap_or_else(root));
    if matches!(subscription.protocol, Protocol::Http | Protocol::Https) {
        put("EffectiveDeliveryPolicy", effective_of(Some(&topic), Some(&subscription)).to_string());
        if let Some(own) = subscription.attributes.get("DeliveryPolicy") {
            put("DeliveryPolicy", delivery_policy::of_subscription(own));
        }
    }
    Ok(GetSubscriptionAttributesOutput { attributes: Some(attributes) })
}

/// SetSubscriptionAttributes.
pub async fn set_of_subscription(
    ctx: Ctx,
    input: Arc<SetSubscriptionAttributesInput>,
) -> Result<Unit, SnsError> {
    let place = place_of(&input.subscription_arn)?;
    let caller = ctx.account();
    ctx.commit(move |tx| {
        let (topic, mut subscription) = of_place(tx, &place)?;
        check_owner(&place, &subscription, caller, "SetSubscriptionAttributes")?;
        let value = input.attribute_value.clone().unwrap_or_default();
        let mut wanted = subscription.attributes.clone();
        wanted.insert(input.attribute_name.clone(), value.clone());
        check_subscription(
            &only(&wanted, &input.attribute_name),
            subscription.protocol,
            (topic.fifo, Setting::Set),
        )?;
        if input.attribute_name == "RedrivePolicy" {
            check_dead_letter(&topic, &subscription.endpoint, &wanted)?;
        }
        if value.is_empty() || input.attribute_name == "FilterPolicy" && value == "{}" {
            wanted.remove(&input.attribute_name);
        }
        subscription.attributes = wanted;
        state::put_subscription(tx, &place.scope, topic.incarnation, &subscription)?;
        if input.attribute_name == "ReplayPolicy" {
            replay(tx, (&place.scope, &topic), &subscription)?;
        }
        Ok(Unit)
    })
    .await
}

/// What a FIFO topic has for a FIFO queue can only go to another one.
pub fn check_dead_letter(
    topic: &Topic,
    endpoint: &str,
    attributes: &BTreeMap<String, String>,
) -> Result<(), SnsError> {
    let ordered = topic.fifo && endpoint.ends_with(".fifo");
    if ordered && dead_letter(attributes).is_some_and(|queue| !queue.resource().ends_with(".fifo")) {
        return Err(SnsError::invalid(
            "RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.",
        ));
    }
    Ok(())
}

/// The attribute that is set, with those that it is checked together with.
fn only(attributes: &BTreeMap<String, String>, name: &str) -> BTreeMap<String, String> {
    let together = |other: &str| other == name || name == "FilterPolicy" && other == "FilterPolicyScope";
    attributes.iter().filter(|(other, _)| together(other)).map(|(a, b)| (a.clone(), b.clone())).collect()
}
