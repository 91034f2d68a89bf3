//! Subscriptions: making, confirming, changing, ending; and whom they belong to.

use crate::{page, publish, region, subscribe, subscriber, texts, topic};
use model_sns::operations::{
    ConfirmSubscription, GetSubscriptionAttributes, GetTopicAttributes, ListSubscriptions,
    SetSubscriptionAttributes, Subscribe, Unsubscribe,
};
use model_sns::{
    ConfirmSubscriptionInput, GetSubscriptionAttributesInput, GetTopicAttributesInput,
    ListSubscriptionsInput, SetSubscriptionAttributesInput, UnsubscribeInput,
};
use names::AccountId;
use ports::{Caller, Principal};
use std::collections::BTreeMap;
use std::time::Duration;
use testkit::Region;

const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:q";
const PHONE: &str = "+15551234567";

async fn attributes(region: &Region, arn: &str) -> BTreeMap<String, String> {
    let input = GetSubscriptionAttributesInput { subscription_arn: arn.to_owned() };
    region.call::<GetSubscriptionAttributes>(input).await.unwrap().attributes.unwrap()
}

fn set(arn: &str, name: &str, text: &str) -> SetSubscriptionAttributesInput {
    SetSubscriptionAttributesInput {
        subscription_arn: arn.to_owned(),
        attribute_name: name.to_owned(),
        attribute_value: Some(text.to_owned()),
    }
}

#[tokio::test]
async fn the_same_subscription_is_found_again() {
    let region = region().await;
    let topic = topic(&region, "t", &[]).await;
    let raw = [("RawMessageDelivery", "true")];
    let arn = subscribe(&region, subscriber(&topic, "sqs", QUEUE, &raw)).await;
    assert_eq!(subscribe(&region, subscriber(&topic, "sqs", QUEUE, &raw)).await, arn);
    let refused = region
        .refused::<Subscribe>(subscriber(&topic, "sqs", QUEUE, &[("RawMessageDelivery", "false")]))
        .await;
    assert_eq!(
        refused.message,
        "Invalid parameter: Attributes Reason: Subscription already exists with different attributes"
    );
    let described = attributes(&region, &arn).await;
    let shown = |name: &str| described[name].as_str();
    assert_eq!((shown("Endpoint"), shown("Protocol"), shown("RawMessageDelivery")), (QUEUE, "sqs", "true"));
    assert_eq!((shown("PendingConfirmation"), shown("ConfirmationWasAuthenticated")), ("false", "true"));
}

#[tokio::test]
async fn a_mailbox_confirms_by_its_token() {
    let region = region().await;
    let topic = topic(&region, "t", &[]).await;
    let arn = subscribe(&region, subscriber(&topic, "email", "bard@example.com", &[])).await;
    assert_eq!(attributes(&region, &arn).await["PendingConfirmation"], "true");
    publish(&region, &topic, "too early").await;
    let (_, answer) = page(&region, "GET", &format!("/_aws/sns/subscription-tokens/{arn}")).await;
    let confirm = |token: &str| ConfirmSubscriptionInput {
        topic_arn: topic.clone(),
        token: token.to_owned(),
        authenticate_on_unsubscribe: None,
    };
    // As SNS answered LocalStack's test_sns_confirm_subscription_wrong_token.
    for (token, message) in [("none", "Invalid token"), ("abc123", "Invalid parameter: Token")] {
        assert_eq!(region.refused::<ConfirmSubscription>(confirm(token)).await.message, message);
    }
    let token = answer["subscription_token"].as_str().unwrap();
    for _ in 0..2 {
        region.call::<ConfirmSubscription>(confirm(token)).await.unwrap();
    }
    publish(&region, &topic, "in time").await;
    let (_, listed) = page(&region, "GET", "/_aws/sns/email-messages").await;
    let mails = listed["email_messages"]["bard@example.com"].as_array().unwrap();
    assert_eq!(mails.len(), 2, "the question and one message");
    assert_eq!(mails[1]["Message"], "in time");
}

/// Who left over HTTP is told, and comes back by the token: LocalStack's test_subscribe_external_http_endpoint recorded
/// the message.
#[tokio::test]
async fn who_left_comes_back_by_a_token() {
    let region = region().await;
    let topic = topic(&region, "t", &[]).await;
    let arn = subscribe(&region, subscriber(&topic, "http", "http://127.0.0.1:1/", &[])).await;
    let (_, answer) = page(&region, "GET", &format!("/_aws/sns/subscription-tokens/{arn}")).await;
    let confirm = ConfirmSubscriptionInput {
        topic_arn: topic.clone(),
        token: answer["subscription_token"].as_str().unwrap().to_owned(),
        authenticate_on_unsubscribe: None,
    };
    region.call::<ConfirmSubscription>(confirm.clone()).await.unwrap();
    let leave = UnsubscribeInput { subscription_arn: Some(arn.clone()) };
    region.call::<Unsubscribe>(leave.clone()).await.unwrap();
    let there = GetSubscriptionAttributesInput { subscription_arn: arn.clone() };
    assert!(region.call::<GetSubscriptionAttributes>(there).await.is_err());
    let back = region.call::<ConfirmSubscription>(confirm.clone()).await.unwrap();
    assert_eq!(back.subscription_arn, Some(arn.clone()));
    assert_eq!(attributes(&region, &arn).await["PendingConfirmation"], "false");
    region.call::<Unsubscribe>(leave).await.unwrap();
    region.advance(Duration::from_secs(4 * 24 * 3600)).await;
    assert_eq!(
        region.refused::<ConfirmSubscription>(confirm).await.message,
        "Invalid parameter: Topic",
        "it was too long ago"
    );
}

#[tokio::test]
async fn nobody_waits_for_ever_to_be_confirmed() {
    let region = region().await;
    let topic = topic(&region, "t", &[]).await;
    subscribe(&region, subscriber(&topic, "email", "bard@example.com", &[])).await;
    let pending = async |region: &Region| {
        let input = GetTopicAttributesInput { topic_arn: topic.clone() };
        region.call::<GetTopicAttributes>(input).await.unwrap().attributes.unwrap()["SubscriptionsPending"]
            .clone()
    };
    assert_eq!(pending(&region).await, "1");
    region.advance(Duration::from_secs(3 * 24 * 3600)).await;
    // A worker does it when it is woken by the clock.
    for _ in 0..2000 {
        if pending(&region).await == "0" {
            return;
        }
        region.host().clock.rest(Duration::from_millis(1)).await;
    }
    panic!("it still waits");
}

#[tokio::test]
async fn attributes_are_checked_one_by_one() {
    let region = region().await;
    let topic = topic(&region, "t", &[]).await;
    let arn = subscribe(&region, subscriber(&topic, "sms", PHONE, &[])).await;
    region.call::<SetSubscriptionAttributes>(set(&arn, "FilterPolicy", r#"{"kind":["a"]}"#)).await.unwrap();
    publish(&region, &topic, "unwanted").await;
    assert_eq!(attributes(&region, &arn).await["FilterPolicyScope"], "MessageAttributes");
    region.call::<SetSubscriptionAttributes>(set(&arn, "FilterPolicy", "")).await.unwrap();
    publish(&region, &topic, "wanted").await;
    assert_eq!(texts(&region, PHONE).await, ["wanted"]);
    for (name, text) in [
        ("FilterPolicy", "no"),
        ("RawMessageDelivery", "true"),
        ("RedrivePolicy", "{}"),
        ("Colour", "red"),
        ("FilterPolicyScope", "Nothing"),
    ] {
        assert_eq!(
            region.refused::<SetSubscriptionAttributes>(set(&arn, name, text)).await.status,
            400,
            "{name}"
        );
    }
}

#[tokio::test]
async fn who_may_end_a_subscription() {
    let region = region().await;
    let topic = topic(&region, "t", &[]).await;
    let arn = subscribe(&region, subscriber(&topic, "sms", PHONE, &[])).await;
    let other = AccountId::from_number(111_122_223_333).unwrap();
    let stranger = Caller::Principal(std::sync::Arc::new(Principal::root(other)));
    let input = UnsubscribeInput { subscription_arn: Some(arn.clone()) };
    let refused = region.call_as::<Unsubscribe>(stranger.clone(), input.clone()).await.unwrap_err();
    assert_eq!(refused.code, "AuthorizationErrorException");
    let described = GetSubscriptionAttributesInput { subscription_arn: arn.clone() };
    assert!(region.call_as::<GetSubscriptionAttributes>(stranger, described).await.is_err());
    for _ in 0..2 {
        region.call::<Unsubscribe>(input.clone()).await.unwrap();
    }
    let listed = region.call::<ListSubscriptions>(ListSubscriptionsInput::default()).await.unwrap();
    assert_eq!(listed.subscriptions, Some(Vec::new()));
}

#[tokio::test]
async fn a_strangers_queue_must_confirm() {
    let region = region().await;
    let topic = topic(&region, "t", &[]).await;
    let theirs = "arn:aws:sqs:us-east-1:111122223333:q";
    let arn = subscribe(&region, subscriber(&topic, "sqs", theirs, &[])).await;
    assert_eq!(attributes(&region, &arn).await["PendingConfirmation"], "true");
    let mut input = subscriber(&topic, "sqs", "arn:aws:sqs:us-east-1:111122223333:other", &[]);
    input.return_subscription_arn = None;
    assert_eq!(subscribe(&region, input).await, "pending confirmation");
}
