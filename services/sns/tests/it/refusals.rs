//! What is refused, in the words of SNS: its answers to the tests of ballerina-platform/module-ballerinax-aws.sns
//! (ballerina/tests), a client's that run on AWS.

use crate::{map, region, subscriber, topic};
use model_sns::operations::{
    AddPermission, CheckIfPhoneNumberIsOptedOut, CreatePlatformApplication, CreatePlatformEndpoint,
    CreateTopic, GetEndpointAttributes, SetPlatformApplicationAttributes, SetSMSAttributes,
    SetTopicAttributes, Subscribe,
};
use model_sns::{
    AddPermissionInput, CheckIfPhoneNumberIsOptedOutInput, CreatePlatformApplicationInput,
    CreatePlatformEndpointInput, CreateTopicInput, GetEndpointAttributesInput,
    SetPlatformApplicationAttributesInput, SetSMSAttributesInput, SetTopicAttributesInput,
};

const POLICY: &str = r#"{"Version":"2008-10-17","Statement":[{"Sid":"s","Effect":"Allow","Principal":{"AWS":"*"},
    "Action":["SNS:Publishx","SNS:Subscribe"],"Resource":"*"}]}"#;
const DELIVERY: &str = r#"{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":10,"numRetries":300}}}"#;
const NUM_RETRIES: &str =
    "DeliveryPolicy: http.defaultHealthyRetryPolicy.numRetries must be less than or equal to 100";

#[tokio::test]
async fn attributes_of_topics() {
    let region = region().await;
    let arn = topic(&region, "t", &[]).await;
    let table = [
        ("DeliveryPolicy", DELIVERY, NUM_RETRIES),
        (
            "SQSSuccessFeedbackSampleRate",
            "500",
            "SQSSuccessFeedbackSampleRate: 500 value provided is not an integer between 0-100",
        ),
        ("Policy", POLICY, "Policy statement action out of service scope!"),
    ];
    for (name, text, why) in table {
        let input = CreateTopicInput {
            name: "new".to_owned(),
            attributes: Some(map(&[(name, text)])),
            ..Default::default()
        };
        let refused = region.refused::<CreateTopic>(input).await;
        assert_eq!(refused.message, format!("Invalid parameter: Attributes Reason: {why}"));
        let input = SetTopicAttributesInput {
            topic_arn: arn.clone(),
            attribute_name: name.to_owned(),
            attribute_value: Some(text.to_owned()),
        };
        let refused = region.refused::<SetTopicAttributes>(input).await;
        assert_eq!(refused.message, format!("Invalid parameter: {why}"));
    }
    for (name, action) in [("a", "sns:*"), ("b", "SNS:Receive"), ("c", "sns:publish"), ("d", "*")] {
        let policy = POLICY.replace("SNS:Publishx", action);
        topic(&region, name, &[("Policy", &policy)]).await;
    }
}

#[tokio::test]
async fn permissions_and_subscriptions() {
    let region = region().await;
    let arn = topic(&region, "t", &[]).await;
    let input = AddPermissionInput {
        topic_arn: arn.clone(),
        label: "l".to_owned(),
        aws_account_id: vec!["InvalidAccountId".to_owned()],
        action_name: vec!["Publish".to_owned()],
    };
    let refused = region.refused::<AddPermission>(input).await;
    assert_eq!(refused.message, "Invalid parameter: A provided account ID is not valid");
    let raw = subscriber(&arn, "email", "a@example.com", &[("RawMessageDelivery", "true")]);
    assert_eq!(
        region.refused::<Subscribe>(raw).await.message,
        "Invalid parameter: Attributes Reason: Delivery protocol [email] does not support raw message delivery."
    );
}

#[tokio::test]
async fn applications_and_endpoints() {
    let region = region().await;
    let application = |attributes: &[(&str, &str)]| CreatePlatformApplicationInput {
        name: "a".to_owned(),
        platform: "GCM".to_owned(),
        attributes: map(attributes),
    };
    let rate = "Attributes Reason: Invalid value for attribute: SuccessFeedbackSampleRate: 101 value provided is not an \
                integer between 0-100";
    let wrong = [("PlatformCredential", "c"), ("SuccessFeedbackSampleRate", "101")];
    let refused = region.refused::<CreatePlatformApplication>(application(&wrong)).await;
    assert_eq!(refused.message, format!("Invalid parameter: {rate}"));
    let made = region.call::<CreatePlatformApplication>(application(&[("PlatformCredential", "c")])).await;
    let arn = made.unwrap().platform_application_arn.unwrap();
    let input = SetPlatformApplicationAttributesInput {
        platform_application_arn: arn.clone(),
        attributes: Some(map(&[("SuccessFeedbackSampleRate", "101")])),
    };
    let refused = region.refused::<SetPlatformApplicationAttributes>(input).await;
    assert_eq!(refused.message, format!("Invalid parameter: {rate}"));
    let other = application(&[("PlatformCredential", "d")]);
    assert_eq!(
        region.refused::<CreatePlatformApplication>(other).await.message,
        "Invalid parameter: Name Reason: An application with the same name but different properties already exists"
    );
    let endpoint = |token: &str, attributes: &[(&str, &str)]| CreatePlatformEndpointInput {
        platform_application_arn: arn.clone(),
        token: token.to_owned(),
        attributes: Some(map(attributes)),
        ..Default::default()
    };
    let table = [
        (endpoint("", &[]), "Token Reason: cannot be empty"),
        (
            endpoint("t", &[("Token", "")]),
            "Attributes Reason: Invalid value for attribute: Token: cannot be empty",
        ),
    ];
    for (input, why) in table {
        let refused = region.refused::<CreatePlatformEndpoint>(input).await;
        assert_eq!(refused.message, format!("Invalid parameter: {why}"));
    }
    let made = region.call::<CreatePlatformEndpoint>(endpoint("t", &[])).await.unwrap();
    let input = GetEndpointAttributesInput { endpoint_arn: made.endpoint_arn.unwrap() + "invalid" };
    assert_eq!(
        region.refused::<GetEndpointAttributes>(input).await.message,
        "Invalid parameter: EndpointArn Reason: ARN specifies an invalid endpointId: UUID must be encoded in exactly 36 \
         characters."
    );
}

#[tokio::test]
async fn text_messages() {
    let region = region().await;
    let table = [
        ("DefaultSenderID", "testSenderIDx", "DefaultSenderID is invalid"),
        (
            "DeliveryStatusSuccessSamplingRate",
            "101",
            "DeliveryStatusSuccessSamplingRate is not an integer between 0-100",
        ),
    ];
    for (name, text, why) in table {
        let input = SetSMSAttributesInput { attributes: map(&[(name, text)]) };
        assert_eq!(region.refused::<SetSMSAttributes>(input).await.message, why);
    }
    let input = CheckIfPhoneNumberIsOptedOutInput { phone_number: "+15551234567x".to_owned() };
    assert_eq!(
        region.refused::<CheckIfPhoneNumberIsOptedOut>(input).await.message,
        "Invalid parameter: PhoneNumber Reason: input incorrectly formatted"
    );
}
