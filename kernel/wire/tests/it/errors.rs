//! Errors in every protocol's form.

use crate::exchange::{Answer, call, form, json};
use schema::{ApiError, Protocol};
use wire::AnswerForm;

fn not_found() -> ApiError {
    ApiError::new("ResourceNotFoundException", 400, "Requested resource not found")
}

#[test]
fn json_with_the_services_namespace() {
    let refuse =
        |error: &ApiError| json("DynamoDB_20120810.GetItem", "{}").refuse(&model_dynamodb::SERVICE, error);
    let answer = refuse(&not_found());
    assert_eq!(
        answer.text(),
        r#"{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"Requested resource not found"}"#
    );
    assert_eq!((answer.status(), answer.header("x-amzn-requestid")), (400, "req-1"));
    // The framework's own errors, as recorded from DynamoDB by dynalite.
    let table = [
        ("ValidationException", "com.amazon.coral.validate#ValidationException", "message"),
        ("SerializationException", "com.amazon.coral.service#SerializationException", "Message"),
        ("AccessDeniedException", "com.amazon.coral.service#AccessDeniedException", "Message"),
        ("UnrecognizedClientException", "com.amazon.coral.service#UnrecognizedClientException", "message"),
    ];
    for (code, name, key) in table {
        let expect = format!(r#"{{"__type":"{name}","{key}":"m"}}"#);
        assert_eq!(refuse(&ApiError::new(code, 400, "m")).text(), expect);
    }
}

#[test]
fn json_without_a_namespace_and_with_detail() {
    let call = json("Logs_20140328.PutLogEvents", "{}").header("x-amzn-anything", "1");
    let detail = model_logs::InvalidSequenceTokenException { expected_sequence_token: Some("t".to_owned()) };
    let error = ApiError::new("InvalidSequenceTokenException", 400, "m").with(detail);
    let answer = call.refuse(&model_logs::SERVICE, &error);
    assert_eq!(
        answer.text(),
        r#"{"__type":"InvalidSequenceTokenException","message":"m","expectedSequenceToken":"t"}"#
    );
}

#[test]
fn queues_in_both_protocols() {
    let error = ApiError::new("QueueDoesNotExist", 400, "The specified queue does not exist.");
    let answer = json("AmazonSQS.SendMessage", "{}").refuse(&model_sqs::SERVICE, &error);
    assert_eq!(
        answer.text(),
        r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"The specified queue does not exist."}"#
    );
    assert_eq!(answer.header("x-amzn-query-error"), "AWS.SimpleQueueService.NonExistentQueue;Sender");
    // In query it is told in more words (LocalStack's test_non_existent_queue, recorded on AWS).
    let answer = form("localhost/", "Action=SendMessage").refuse(&model_sqs::SERVICE, &error);
    assert_eq!(
        answer.text(),
        "<ErrorResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\"><Error><Type>Sender</Type>\
         <Code>AWS.SimpleQueueService.NonExistentQueue</Code><Message>The specified queue does not exist for this \
         wsdl version.</Message></Error><RequestId>req-1</RequestId></ErrorResponse>"
    );
    assert_eq!(answer.header("x-amzn-query-error"), "");
}

#[test]
fn query_and_ec2() {
    let error = ApiError::new("NoSuchEntity", 404, "The user with name <x> cannot be found.");
    let answer = form("localhost/", "Action=GetUser").refuse(&model_iam::SERVICE, &error);
    assert_eq!(answer.status(), 404);
    let expect = "<Code>NoSuchEntity</Code><Message>The user with name &lt;x&gt; cannot be found.</Message>";
    assert!(answer.text().contains(expect), "{}", answer.text());
    let error = ApiError::new("InvalidVpcID.NotFound", 400, "m");
    let answer = form("localhost/", "Action=DescribeVpcs").refuse(&model_fixture_ec2::SERVICE, &error);
    let expect = "<Response><Errors><Error><Code>InvalidVpcID.NotFound</Code><Message>m</Message></Error>\
        </Errors><RequestID>req-1</RequestID></Response>";
    assert!(answer.text().ends_with(expect), "{}", answer.text());
}

#[test]
fn rest_json() {
    let error = ApiError::new("ResourceNotFoundException", 404, "Function not found: f");
    let answer = call("GET", "localhost/2015-03-31/functions/f").refuse(&model_lambda::SERVICE, &error);
    assert_eq!(answer.text(), r#"{"Message":"Function not found: f"}"#);
    assert_eq!(answer.header("x-amzn-errortype"), "ResourceNotFoundException");
    assert_eq!((answer.status(), answer.header("content-type")), (404, "application/json"));
}

#[test]
fn bare_xml_and_head() {
    let error = ApiError::new("NoSuchKey", 404, "The specified key does not exist.")
        .field("Key", "a<b")
        .header("x-amz-delete-marker", "true");
    let answer = call("GET", "localhost/b/k").refuse(&model_s3::SERVICE, &error);
    let host_id = answer.header("x-amz-id-2");
    assert_eq!(
        answer.text(),
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code><Message>The \
             specified key does not exist.</Message><Key>a&lt;b</Key><RequestId>req-1</RequestId>\
             <HostId>{host_id}</HostId></Error>"
        )
    );
    assert_eq!(answer.header("x-amz-delete-marker"), "true");
    let answer = call("HEAD", "localhost/b/k").refuse(&model_s3::SERVICE, &error);
    assert_eq!((answer.status(), answer.bytes()), (404, &b""[..]));
}

#[test]
fn cbor() {
    let call = call("POST", "localhost/service/GraniteServiceVersion20100801/operation/ListMetrics")
        .header("smithy-protocol", "rpc-v2-cbor");
    let answer = call.refuse(&model_fixture_cloudwatch::SERVICE, &ApiError::new("Throttling", 400, "m"));
    assert_eq!(answer.bytes(), b"\xa2\x66__type\x6aThrottling\x67message\x61m");
    assert_eq!(answer.header("x-amzn-query-error"), "Throttling;Sender");
}

#[test]
fn before_the_service_is_known() {
    let error = ApiError::new("UnknownOperationException", 404, "m");
    for protocol in [Protocol::AwsJson11, Protocol::AwsQuery, Protocol::Ec2Query, Protocol::RestXml] {
        let answer = Answer::of(wire::encode_error(&AnswerForm::bare(protocol), &error, "req-1"));
        assert!(answer.text().contains("UnknownOperationException"), "{protocol:?}");
        let is_json = protocol == Protocol::AwsJson11;
        assert_eq!(answer.text() == "<UnknownOperationException/>\n", is_json, "{protocol:?}");
    }
}
