//! Topics: making, finding, describing, tagging, permitting, deleting.

use crate::{map, message, region, topic};
use model_sns::operations::{
    AddPermission, CreateTopic, DeleteTopic, GetDataProtectionPolicy, GetTopicAttributes,
    ListTagsForResource, ListTopics, Publish, PutDataProtectionPolicy, RemovePermission,
    SetPlatformApplicationAttributes, SetTopicAttributes, TagResource, UntagResource,
};
use model_sns::{
    AddPermissionInput, CreateTopicInput, DeleteTopicInput, GetDataProtectionPolicyInput,
    GetTopicAttributesInput, ListTagsForResourceInput, ListTopicsInput, PutDataProtectionPolicyInput,
    RemovePermissionInput, SetPlatformApplicationAttributesInput, SetTopicAttributesInput, Tag,
    TagResourceInput, UntagResourceInput,
};
use std::collections::BTreeMap;
use testkit::Region;

const ARN: &str = "arn:aws:sns:us-east-1:000000000000:t";

async fn attributes(region: &Region, arn: &str) -> BTreeMap<String, String> {
    let input = GetTopicAttributesInput { topic_arn: arn.to_owned() };
    region.call::<GetTopicAttributes>(input).await.unwrap().attributes.unwrap()
}

fn tag(key: &str, value: &str) -> Tag {
    Tag { key: key.to_owned(), value: value.to_owned() }
}

#[tokio::test]
async fn the_same_topic_is_found_again_and_another_refused() {
    let region = region().await;
    assert_eq!(topic(&region, "t", &[("DisplayName", "one")]).await, ARN);
    assert_eq!(topic(&region, "t", &[("DisplayName", "one")]).await, ARN);
    assert_eq!(topic(&region, "t", &[]).await, ARN);
    // Words: tests of LocalStack that AWS answered (tests/aws/services/sns).
    let other = |attributes: &[(&str, &str)], tags: Option<Vec<Tag>>| CreateTopicInput {
        name: "t".to_owned(),
        attributes: Some(map(attributes)),
        tags,
        ..Default::default()
    };
    let refused = region.refused::<CreateTopic>(other(&[("DisplayName", "two")], None)).await;
    assert_eq!(
        refused.message,
        "Invalid parameter: Attributes Reason: Topic already exists with different attributes"
    );
    let refused = region.refused::<CreateTopic>(other(&[], Some(vec![tag("a", "b")]))).await;
    assert_eq!(refused.message, "Invalid parameter: Tags Reason: Topic already exists with different tags");
    for name in ["", "a b", "t.fifo"] {
        let input = CreateTopicInput { name: name.to_owned(), ..Default::default() };
        assert_eq!(region.refused::<CreateTopic>(input).await.message, "Invalid parameter: Topic Name");
    }
}

#[tokio::test]
async fn attributes_are_set_and_described() {
    let region = region().await;
    topic(&region, "t", &[]).await;
    let set = |name: &str, text: &str| SetTopicAttributesInput {
        topic_arn: ARN.to_owned(),
        attribute_name: name.to_owned(),
        attribute_value: Some(text.to_owned()),
    };
    let default = attributes(&region, ARN).await;
    assert_eq!((default["Owner"].as_str(), default["DisplayName"].as_str()), ("000000000000", ""));
    assert!(default["Policy"].contains("__default_statement_ID"));
    assert!(default["EffectiveDeliveryPolicy"].contains("\"numRetries\":3"));
    region.call::<SetTopicAttributes>(set("DisplayName", "Bards")).await.unwrap();
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":"*","Action":"sns:Publish","Resource":"{ARN}"}}]}}"#
    );
    region.call::<SetTopicAttributes>(set("Policy", &policy)).await.unwrap();
    let described = attributes(&region, ARN).await;
    assert_eq!((described["DisplayName"].as_str(), described["Policy"].as_str()), ("Bards", policy.as_str()));
    // The policy that every topic has may be set again, and is then the topic's own no longer.
    region.call::<SetTopicAttributes>(set("Policy", &default["Policy"])).await.unwrap();
    assert_eq!(attributes(&region, ARN).await["Policy"], default["Policy"]);
    for (name, text) in
        [("Colour", "red"), ("FifoTopic", "true"), ("SignatureVersion", "7"), ("Policy", "no")]
    {
        assert_eq!(region.refused::<SetTopicAttributes>(set(name, text)).await.status, 400, "{name}");
    }
}

#[tokio::test]
async fn tags_and_data_protection() {
    let region = region().await;
    topic(&region, "t", &[]).await;
    let add = |tags: Vec<Tag>| TagResourceInput { resource_arn: ARN.to_owned(), tags };
    region.call::<TagResource>(add(vec![tag("team", "bards"), tag("old", "")])).await.unwrap();
    let input = UntagResourceInput { resource_arn: ARN.to_owned(), tag_keys: vec!["old".to_owned()] };
    region.call::<UntagResource>(input).await.unwrap();
    let input = ListTagsForResourceInput { resource_arn: ARN.to_owned() };
    assert_eq!(
        region.call::<ListTagsForResource>(input).await.unwrap().tags,
        Some(vec![tag("team", "bards")])
    );
    let twice = region.refused::<TagResource>(add(vec![tag("a", "1"), tag("a", "2")])).await;
    assert_eq!(twice.message, "Invalid parameter: Duplicated keys are not allowed.");
    let many = (0..51).map(|number| tag(&number.to_string(), "")).collect();
    assert_eq!(region.refused::<TagResource>(add(many)).await.code, "TagLimitExceededException");
    let policy = r#"{"Name":"p","Version":"2021-06-01","Statement":[{"DataDirection":"Inbound","Principal":["*"],
        "DataIdentifier":["arn:aws:dataprotection::aws:data-identifier/EmailAddress"],"Operation":{"Deny":{}}}]}"#;
    let put = |policy: &str| PutDataProtectionPolicyInput {
        resource_arn: ARN.to_owned(),
        data_protection_policy: policy.to_owned(),
    };
    region.call::<PutDataProtectionPolicy>(put(policy)).await.unwrap();
    let input = GetDataProtectionPolicyInput { resource_arn: ARN.to_owned() };
    let kept = region.call::<GetDataProtectionPolicy>(input).await.unwrap();
    assert_eq!(kept.data_protection_policy.as_deref(), Some(policy));
    let refused = region.refused::<PutDataProtectionPolicy>(put(&policy.replace("Deny", "Allow"))).await;
    assert_eq!((refused.code.as_ref(), refused.status), ("InvalidParameterException", 400));
    let with = |policy: &str| CreateTopicInput {
        name: "protected".to_owned(),
        data_protection_policy: Some(policy.to_owned()),
        ..Default::default()
    };
    assert_eq!(region.refused::<CreateTopic>(with("no")).await.status, 400);
    region.call::<CreateTopic>(with(policy)).await.unwrap();
}

#[tokio::test]
async fn permissions_are_statements_of_the_policy() {
    let region = region().await;
    topic(&region, "t", &[]).await;
    let add = |label: &str, action: &str| AddPermissionInput {
        topic_arn: ARN.to_owned(),
        label: label.to_owned(),
        aws_account_id: vec!["111122223333".to_owned()],
        action_name: vec![action.to_owned()],
    };
    region.call::<AddPermission>(add("l", "Publish")).await.unwrap();
    let policy = attributes(&region, ARN).await["Policy"].clone();
    assert!(policy.contains("arn:aws:iam::111122223333:root") && policy.contains("SNS:Publish"));
    // Words: tests/test_sns/test_topics.py of moto.
    let again = region.refused::<AddPermission>(add("l", "Publish")).await;
    assert!(again.message.ends_with("Statement already exists"), "{}", again.message);
    let other = region.refused::<AddPermission>(add("m", "Sing")).await;
    assert!(other.message.ends_with("Policy statement action out of service scope!"), "{}", other.message);
    let input = RemovePermissionInput { topic_arn: ARN.to_owned(), label: "l".to_owned() };
    region.call::<RemovePermission>(input).await.unwrap();
    assert!(!attributes(&region, ARN).await["Policy"].contains("111122223333"));
}

#[tokio::test]
async fn pages_of_topics_and_what_is_absent() {
    let region = region().await;
    for number in 0..120 {
        topic(&region, &format!("t{number:03}"), &[]).await;
    }
    let first = region.call::<ListTopics>(ListTopicsInput::default()).await.unwrap();
    assert_eq!(first.topics.unwrap().len(), 100);
    let second = region.call::<ListTopics>(ListTopicsInput { next_token: first.next_token }).await.unwrap();
    assert_eq!((second.topics.unwrap().len(), second.next_token), (20, None));
    let arn = format!("{ARN}000");
    for _ in 0..2 {
        region.call::<DeleteTopic>(DeleteTopicInput { topic_arn: arn.clone() }).await.unwrap();
    }
    let refused = region.refused::<Publish>(message(&arn, "m")).await;
    assert_eq!((refused.code.as_ref(), refused.status), ("NotFoundException", 404));
    assert_eq!(refused.message, "Topic does not exist");
    let refused = region.refused::<Publish>(message("nothing", "m")).await;
    assert_eq!(
        refused.message,
        "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1"
    );
}

#[tokio::test]
async fn an_arn_is_looked_at_before_what_is_missed() {
    let region = region().await;
    let set = async |arn: &str| {
        let platform_application_arn = arn.to_owned();
        let input = SetPlatformApplicationAttributesInput { platform_application_arn, attributes: None };
        let refused = region.refused::<SetPlatformApplicationAttributes>(input).await;
        (refused.code.into_owned(), refused.message)
    };
    // LocalStack's test_set_platform_application_attributes_invalid_arn and _non_existing_app, recorded on AWS.
    let (code, message) = set("invalid-arn").await;
    assert_eq!(code, "InvalidParameterException");
    assert_eq!(
        message,
        "Invalid parameter: PlatformApplicationArn Reason: An ARN must have at least 6 elements, not 1"
    );
    let (code, message) = set("arn:aws:sns:us-east-1:000000000000:app/ADM/none").await;
    assert_eq!(code, "ValidationError");
    assert!(message.contains("Value null at 'attributes' failed to satisfy constraint"), "{message}");
}

#[tokio::test]
async fn a_throttle_is_part_of_what_holds() {
    let region = region().await;
    let policy = r#"{"http": {"defaultThrottlePolicy": {"maxReceivesPerSecond": 7}}}"#;
    let throttled = topic(&region, "throttled", &[("DeliveryPolicy", policy)]).await;
    let plain = topic(&region, "plain", &[]).await;
    let effective = async |arn: &str| {
        let text = attributes(&region, arn).await["EffectiveDeliveryPolicy"].clone();
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["http"].clone()
    };
    let http = effective(&throttled).await;
    assert_eq!(http["defaultThrottlePolicy"]["maxReceivesPerSecond"], 7);
    assert_eq!(http["defaultHealthyRetryPolicy"]["numRetries"], 3);
    assert_eq!(effective(&plain).await.get("defaultThrottlePolicy"), None);
}
