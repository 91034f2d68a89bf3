//! ListTopics, ListSubscriptions, ListSubscriptionsByTopic: pages of a hundred.

use crate::errors::SnsError;
use crate::ops::{found, topic_place};
use crate::rules::PAGE;
use crate::state::{self, Subscription};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model_sns::{
    ListSubscriptionsByTopicInput, ListSubscriptionsByTopicOutput, ListSubscriptionsInput,
    ListSubscriptionsOutput, ListTopicsInput, ListTopicsOutput,
};
use names::Scope;
use service::Ctx;
use std::sync::Arc;
use store::Incarnation;

/// What stands for the ARN of a subscription that nobody confirmed.
const PENDING: &str = "PendingConfirmation";

/// The position that a token stands for.
pub fn position(ctx: &Ctx, filter: &str, token: Option<&String>) -> Result<Option<String>, SnsError> {
    let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(None) };
    let sealed = STANDARD.decode(token).ok().and_then(|sealed| String::from_utf8(sealed).ok());
    let bytes = sealed.and_then(|sealed| ctx.page_position(filter, &sealed));
    let bytes = bytes.ok_or_else(|| SnsError::invalid("NextToken"))?;
    String::from_utf8(bytes).map(Some).map_err(|_| SnsError::invalid("NextToken"))
}

/// The token of the page behind, where there is one; leaves a page of items.
pub fn cut<T>(
    ctx: &Ctx,
    filter: &str,
    items: &mut Vec<T>,
    limit: usize,
    key: impl Fn(&T) -> String,
) -> Option<String> {
    let more = items.len() > limit;
    items.truncate(limit);
    // Base64, as those of SNS are (LocalStack's test_list_subscriptions_by_topic_pagination, run against AWS).
    items.last().filter(|_| more).map(|last| STANDARD.encode(ctx.page_token(filter, key(last).as_bytes())))
}

/// ListTopics.
pub async fn topics(ctx: Ctx, input: Arc<ListTopicsInput>) -> Result<ListTopicsOutput, SnsError> {
    let (scope, read) = (ctx.scope(), ctx.read());
    let after = position(&ctx, "", input.next_token.as_ref())?;
    let names = state::topics(&read, &scope, after.as_deref()).map(|topic| topic.map(|topic| topic.name));
    let mut names: Vec<String> = names.take(PAGE + 1).collect::<Result<_, _>>()?;
    let next_token = cut(&ctx, "", &mut names, PAGE, String::clone);
    let shown = |name: &String| model_sns::Topic { topic_arn: Some(state::arn(&scope, name).to_string()) };
    Ok(ListTopicsOutput { topics: Some(names.iter().map(shown).collect()), next_token })
}

fn shown(scope: &Scope, subscription: &Subscription) -> model_sns::Subscription {
    let topic = state::arn(scope, &subscription.topic);
    let arn = match &subscription.token {
        Some(_) => PENDING.to_owned(),
        None => format!("{topic}:{}", subscription.id),
    };
    model_sns::Subscription {
        subscription_arn: Some(arn),
        owner: Some(subscription.owner.to_string()),
        protocol: Some(subscription.protocol.name().to_owned()),
        endpoint: Some(subscription.endpoint.clone()),
        topic_arn: Some(topic.to_string()),
    }
}

/// ListSubscriptionsByTopic.
pub async fn subscriptions_by_topic(
    ctx: Ctx,
    input: Arc<ListSubscriptionsByTopicInput>,
) -> Result<ListSubscriptionsByTopicOutput, SnsError> {
    let place = topic_place(&ctx, "TopicArn", &input.topic_arn)?;
    let read = ctx.read();
    let topic = found(&read, &place)?;
    let after = position(&ctx, &input.topic_arn, input.next_token.as_ref())?;
    let found = state::subscriptions(&read, &place.0, topic.incarnation, after.as_deref());
    let mut found: Vec<Subscription> = found.take(PAGE + 1).collect::<Result<_, _>>()?;
    let next_token = cut(&ctx, &input.topic_arn, &mut found, PAGE, |one| one.id.clone());
    let subscriptions = found.iter().map(|one| shown(&place.0, one)).collect();
    Ok(ListSubscriptionsByTopicOutput { subscriptions: Some(subscriptions), next_token })
}

/// ListSubscriptions: those of the account's topics.
pub async fn subscriptions(
    ctx: Ctx,
    input: Arc<ListSubscriptionsInput>,
) -> Result<ListSubscriptionsOutput, SnsError> {
    let (scope, read) = (ctx.scope(), ctx.read());
    let after = position(&ctx, "", input.next_token.as_ref())?;
    let after = after.as_deref().and_then(|text| {
        let (number, id) = text.split_once(' ')?;
        Some((Incarnation(number.parse().ok()?), id.to_owned()))
    });
    let mut page: Vec<(Incarnation, Subscription)> = Vec::new();
    let mut there = None;
    for row in state::subscriptions_of_scope(&read, &scope, after) {
        let (incarnation, subscription) = row?;
        // What belonged to a topic that is gone may not be swept yet.
        if there.is_none_or(|(known, _)| known != incarnation) {
            let topic = state::topic(&read, &scope, &subscription.topic)?;
            there = Some((incarnation, topic.is_some_and(|topic| topic.incarnation == incarnation)));
        }
        if there.is_some_and(|(_, is_there)| is_there) {
            page.push((incarnation, subscription));
        }
        if page.len() > PAGE {
            break;
        }
    }
    let key = |(incarnation, one): &(Incarnation, Subscription)| format!("{} {}", incarnation.0, one.id);
    let next_token = cut(&ctx, "", &mut page, PAGE, key);
    let subscriptions = page.iter().map(|(_, one)| shown(&scope, one)).collect();
    Ok(ListSubscriptionsOutput { subscriptions: Some(subscriptions), next_token })
}
