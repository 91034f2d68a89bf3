//! The room through an in-process region on a virtual clock.

mod publishing;
mod refusals;
mod statuses;
mod subscribing;
mod topics;

use model_sns::operations::{CreateTopic, Publish, Subscribe};
use model_sns::{CreateTopicInput, PublishInput, PublishOutput, SubscribeInput};
use serde_json::Value;
use testkit::{Region, ReplyBody};

/// A region with this room alone.
async fn region() -> Region {
    Region::of(vec![sns::service()]).await
}

/// Attributes of a request.
fn map(attributes: &[(&str, &str)]) -> std::collections::BTreeMap<String, String> {
    attributes.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

/// Makes a topic with attributes and gives its ARN.
async fn topic(region: &Region, name: &str, attributes: &[(&str, &str)]) -> String {
    let input =
        CreateTopicInput { name: name.to_owned(), attributes: Some(map(attributes)), ..Default::default() };
    region.call::<CreateTopic>(input).await.unwrap().topic_arn.unwrap()
}

/// What subscribes to a topic.
fn subscriber(topic: &str, protocol: &str, endpoint: &str, attributes: &[(&str, &str)]) -> SubscribeInput {
    SubscribeInput {
        topic_arn: topic.to_owned(),
        protocol: protocol.to_owned(),
        endpoint: Some(endpoint.to_owned()),
        attributes: Some(map(attributes)),
        return_subscription_arn: Some(true),
    }
}

/// Subscribes to a topic and gives the subscription's ARN.
async fn subscribe(region: &Region, input: SubscribeInput) -> String {
    region.call::<Subscribe>(input).await.unwrap().subscription_arn.unwrap()
}

/// Publishes a text.
async fn publish(region: &Region, topic: &str, text: &str) -> PublishOutput {
    region.call::<Publish>(message(topic, text)).await.unwrap()
}

/// A text for a topic.
fn message(topic: &str, text: &str) -> PublishInput {
    PublishInput { topic_arn: Some(topic.to_owned()), message: text.to_owned(), ..Default::default() }
}

/// A page of the room.
async fn page(region: &Region, method: &str, path: &str) -> (u16, Value) {
    let answer = region.http(method, path, &[], bytes::Bytes::new()).await;
    let body = match answer.body {
        ReplyBody::Bytes(bytes) => bytes,
        ReplyBody::Stream(_) => bytes::Bytes::new(),
    };
    (answer.status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// The texts that went to a phone.
async fn texts(region: &Region, number: &str) -> Vec<String> {
    let (_, listed) = page(region, "GET", "/_aws/sns/sms-messages").await;
    let messages = listed["sms_messages"][number].as_array().cloned().unwrap_or_default();
    messages.iter().map(|message| message["Message"].as_str().unwrap().to_owned()).collect()
}
