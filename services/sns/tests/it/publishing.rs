//! Publishing: what is refused, what a batch answers, places and duplicates in FIFO topics, many subscribers.

use crate::{map, message, page, publish, region, subscribe, subscriber, texts, topic};
use model_sns::operations::{
    CreatePlatformApplication, CreatePlatformEndpoint, CreateSMSSandboxPhoneNumber, Publish, PublishBatch,
    SetEndpointAttributes, VerifySMSSandboxPhoneNumber,
};
use model_sns::{
    CreatePlatformApplicationInput, CreatePlatformEndpointInput, CreateSMSSandboxPhoneNumberInput,
    PublishBatchInput, PublishBatchRequestEntry, PublishInput, SetEndpointAttributesInput,
    VerifySMSSandboxPhoneNumberInput,
};
use std::time::Duration;
use testkit::Region;

const PHONE: &str = "+15551234567";

fn entry(id: &str, text: &str) -> PublishBatchRequestEntry {
    PublishBatchRequestEntry { id: id.to_owned(), message: text.to_owned(), ..Default::default() }
}

#[tokio::test]
async fn what_is_refused() {
    let region = region().await;
    let plain = topic(&region, "t", &[]).await;
    let fifo = topic(&region, "t.fifo", &[("FifoTopic", "true")]).await;
    let to = |topic: &str| message(topic, "m");
    let id = Some("i".to_owned());
    let table = [
        (PublishInput { message: String::new(), ..to(&plain) }, "Invalid parameter: Empty message"),
        (PublishInput { message: "m".repeat(262_145), ..to(&plain) }, "Invalid parameter: Message too long"),
        (PublishInput { subject: Some(String::new()), ..to(&plain) }, "Invalid parameter: Subject"),
        (
            PublishInput { message_deduplication_id: id.clone(), ..to(&plain) },
            "not valid for this topic type",
        ),
        (to(&fifo), "The MessageGroupId parameter is required for FIFO topics"),
        (PublishInput { message_group_id: id.clone(), ..to(&fifo) }, "ContentBasedDeduplication"),
        (
            PublishInput { topic_arn: None, ..to(&plain) },
            "TopicArn or TargetArn Reason: no value for required",
        ),
        (
            PublishInput { topic_arn: None, phone_number: Some("1".to_owned()), ..to(&plain) },
            "1 is not valid to publish to",
        ),
    ];
    for (input, words) in table {
        let refused = region.refused::<Publish>(input).await;
        assert!(refused.message.contains(words), "{} is not {words}", refused.message);
        assert_eq!((refused.code.as_ref(), refused.status), ("InvalidParameterException", 400));
    }
}

#[tokio::test]
async fn an_entry_that_is_none_fails_its_batch() {
    let region = region().await;
    let topic = topic(&region, "t", &[]).await;
    subscribe(&region, subscriber(&topic, "sms", PHONE, &[])).await;
    let batch = |entries: Vec<PublishBatchRequestEntry>| PublishBatchInput {
        topic_arn: topic.clone(),
        publish_batch_request_entries: entries,
    };
    let wrong = PublishBatchRequestEntry { message_structure: Some("json".to_owned()), ..entry("b", "{}") };
    let refused = region.refused::<PublishBatch>(batch(vec![entry("a", "one"), wrong])).await;
    // As SNS answered LocalStack's test_publish_batch_exceptions.
    assert_eq!(
        refused.message,
        "Invalid parameter: Message Structure - No default entry in JSON message body"
    );
    assert_eq!(texts(&region, PHONE).await, [""; 0]);
    let answer =
        region.call::<PublishBatch>(batch(vec![entry("a", "one"), entry("c", "two")])).await.unwrap();
    let successful: Vec<_> = answer.successful.unwrap().into_iter().filter_map(|one| one.id).collect();
    assert_eq!(successful, ["a", "c"]);
    let mut sent = texts(&region, PHONE).await;
    sent.sort();
    assert_eq!(sent, ["one", "two"]);
    let large = "m".repeat(140_000);
    let table = [
        (Vec::new(), "EmptyBatchRequestException"),
        (vec![entry("a", "1"), entry("a", "2")], "BatchEntryIdsNotDistinctException"),
        (vec![entry("a b", "1")], "InvalidBatchEntryIdException"),
        ((0..11).map(|id| entry(&id.to_string(), "m")).collect(), "TooManyEntriesInBatchRequestException"),
        (vec![entry("a", &large), entry("b", &large)], "BatchRequestTooLongException"),
    ];
    for (entries, code) in table {
        assert_eq!(region.refused::<PublishBatch>(batch(entries)).await.code, code);
    }
}

#[tokio::test]
async fn duplicates_and_places_in_a_fifo_topic() {
    let region = region().await;
    let by_group = [
        ("FifoTopic", "true"),
        ("ContentBasedDeduplication", "true"),
        ("FifoThroughputScope", "MessageGroup"),
    ];
    let arn = topic(&region, "t.fifo", &by_group).await;
    let send = async |region: &Region, group: &str| {
        let input = PublishInput { message_group_id: Some(group.to_owned()), ..message(&arn, "same") };
        region.call::<Publish>(input).await.unwrap()
    };
    let first = send(&region, "a").await;
    assert_eq!(first.sequence_number.as_deref(), Some("10000000000000000001"));
    assert_eq!(send(&region, "a").await, first);
    assert_ne!(send(&region, "b").await.message_id, first.message_id, "another group has ids of its own");
    region.advance(Duration::from_secs(301)).await;
    let later = send(&region, "a").await;
    assert!(later.sequence_number > first.sequence_number);
}

#[tokio::test]
async fn many_subscribers_each_get_it_once() {
    let region = region().await;
    let topic = topic(&region, "t", &[]).await;
    let numbers: Vec<String> = (0..450).map(|number| format!("+1555{number:07}")).collect();
    for number in &numbers {
        subscribe(&region, subscriber(&topic, "sms", number, &[])).await;
    }
    publish(&region, &topic, "to all").await;
    for _ in 0..5000 {
        let (_, listed) = page(&region, "GET", "/_aws/sns/sms-messages").await;
        let messages = listed["sms_messages"].as_object().unwrap();
        if messages.len() == numbers.len() {
            assert!(messages.values().all(|one| one.as_array().unwrap().len() == 1));
            return;
        }
        region.host().clock.rest(Duration::from_millis(1)).await;
    }
    panic!("not everybody got it");
}

#[tokio::test]
async fn a_device_that_is_disabled_gets_nothing() {
    let region = region().await;
    let input = CreatePlatformApplicationInput {
        name: "a".to_owned(),
        platform: "GCM".to_owned(),
        attributes: map(&[("PlatformCredential", "secret")]),
    };
    let application =
        region.call::<CreatePlatformApplication>(input).await.unwrap().platform_application_arn.unwrap();
    let input = CreatePlatformEndpointInput {
        platform_application_arn: application,
        token: "t".to_owned(),
        ..Default::default()
    };
    let endpoint = region.call::<CreatePlatformEndpoint>(input.clone()).await.unwrap().endpoint_arn.unwrap();
    assert_eq!(
        region.call::<CreatePlatformEndpoint>(input.clone()).await.unwrap().endpoint_arn.as_ref(),
        Some(&endpoint)
    );
    let other = CreatePlatformEndpointInput { custom_user_data: Some("other".to_owned()), ..input };
    // Words: tests/test_sns/test_application.py of moto, answered by AWS.
    assert_eq!(
        region.refused::<CreatePlatformEndpoint>(other).await.message,
        format!(
            "Invalid parameter: Token Reason: Endpoint {endpoint} already exists with the same Token, but different \
             attributes."
        )
    );
    let direct = PublishInput { target_arn: Some(endpoint.clone()), topic_arn: None, ..message("", "m") };
    region.call::<Publish>(direct.clone()).await.unwrap();
    let input = SetEndpointAttributesInput {
        endpoint_arn: endpoint.clone(),
        attributes: map(&[("Enabled", "false")]),
    };
    region.call::<SetEndpointAttributes>(input).await.unwrap();
    assert_eq!(region.refused::<Publish>(direct).await.code, "EndpointDisabledException");
    let path = "/_aws/sns/platform-endpoint-messages";
    let (_, listed) = page(&region, "GET", path).await;
    assert_eq!(listed["platform_endpoint_messages"][&endpoint].as_array().unwrap().len(), 1);
    assert_eq!(page(&region, "DELETE", path).await.0, 204);
    assert_eq!(page(&region, "GET", path).await.1["platform_endpoint_messages"], serde_json::json!({}));
}

#[tokio::test]
async fn a_number_of_the_sandbox_is_verified_by_what_it_was_sent() {
    let region = region().await;
    let phone_number = PHONE.to_owned();
    let input = CreateSMSSandboxPhoneNumberInput { phone_number: phone_number.clone(), language_code: None };
    region.call::<CreateSMSSandboxPhoneNumber>(input.clone()).await.unwrap();
    let sent = texts(&region, PHONE).await;
    let password: String = sent[0].chars().filter(char::is_ascii_digit).collect();
    let verify = |password: &str| VerifySMSSandboxPhoneNumberInput {
        phone_number: phone_number.clone(),
        one_time_password: password.to_owned(),
    };
    assert_eq!(
        region.refused::<VerifySMSSandboxPhoneNumber>(verify("00000")).await.code,
        "VerificationException"
    );
    region.call::<VerifySMSSandboxPhoneNumber>(verify(&password)).await.unwrap();
    assert_eq!(region.refused::<CreateSMSSandboxPhoneNumber>(input).await.code, "UserErrorException");
}
