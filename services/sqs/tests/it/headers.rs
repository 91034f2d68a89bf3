//! What headers say beside the input: the trace of a request, and LocalStack's overrides; and what query is told.

use crate::{queue, receive, region, send};
use bytes::Bytes;
use serde_json::{Value, json};
use testkit::{Region, ReplyBody};

async fn answer(region: &Region, headers: &[(&str, &str)], body: String) -> String {
    let answer = region.http("POST", "/", headers, Bytes::from(body)).await;
    match answer.body {
        ReplyBody::Bytes(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        ReplyBody::Stream(_) => String::new(),
    }
}

async fn call(region: &Region, operation: &str, header: (&str, &str), input: Value) -> Value {
    let target = format!("AmazonSQS.{operation}");
    let headers = [("content-type", "application/x-amz-json-1.0"), ("x-amz-target", target.as_str()), header];
    serde_json::from_str(&answer(region, &headers, input.to_string()).await).unwrap()
}

#[tokio::test]
async fn a_trace_stands_for_an_absent_trace_header() {
    let region = region().await;
    let url = queue(&region, "q", &[]).await;
    let trace = "Root=1-3152b799-8954dae64eda91bc9a23a7e8;Parent=7fa8c0f79203be72;Sampled=1";
    let header = ("x-amzn-trace-id", trace);
    let own = json!({"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=own"}});
    let sent = call(&region, "SendMessage", header, json!({"QueueUrl": url, "MessageBody": "a"})).await;
    assert_eq!(sent.get("MD5OfMessageSystemAttributes"), None, "nobody sent an attribute");
    let input = json!({"QueueUrl": url, "MessageBody": "b", "MessageSystemAttributes": own});
    call(&region, "SendMessage", header, input).await;
    send(&region, &url, "c").await;
    let received = receive(&region, &url).await;
    let traces: Vec<Option<String>> = received
        .iter()
        .map(|message| message.attributes.as_ref().unwrap().get("AWSTraceHeader").cloned())
        .collect();
    // LocalStack's test_aws_trace_header_propagation, recorded on AWS.
    assert_eq!(traces, [Some(trace.to_owned()), Some("Root=own".to_owned()), None]);
}

#[tokio::test]
async fn more_messages_than_the_api_lets_one_ask_for() {
    let region = region().await;
    let url = queue(&region, "q", &[("VisibilityTimeout", "0")]).await;
    for number in 0..12 {
        send(&region, &url, &number.to_string()).await;
    }
    let count = "x-localstack-sqs-override-message-count";
    for (text, expect) in [("12", 12), ("0", 1), ("many", 1)] {
        let answer = call(&region, "ReceiveMessage", (count, text), json!({"QueueUrl": url})).await;
        assert_eq!(answer["Messages"].as_array().unwrap().len(), expect, "{text}");
    }
}

#[tokio::test]
async fn query_is_told_in_its_own_words() {
    let region = region().await;
    let url = queue(&region, "q", &[]).await;
    let scope = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0";
    let form = [("content-type", "application/x-www-form-urlencoded"), ("authorization", scope)];
    // Recorded on AWS by LocalStack's test_non_existent_queue, test_invalid_action_raises_exception,
    // test_get_send_and_receive_messages and test_send_message_batch_with_empty_list.
    let table = [
        (
            "Action=GetQueueUrl&QueueName=none",
            "The specified queue does not exist for this wsdl version.</Message>",
        ),
        ("Action=FooBar", "<Message>The action FooBar is not valid for this endpoint.</Message>"),
        ("Action=ReceiveMessage&QueueUrl=URL", "<ReceiveMessageResult/>"),
        (
            "Action=SendMessageBatch&QueueUrl=URL&Entries=",
            "<Code>AWS.SimpleQueueService.EmptyBatchRequest</Code>",
        ),
    ];
    for (request, expect) in table {
        let request = format!("{}&Version=2012-11-05", request.replace("URL", &url));
        let told = answer(&region, &form, request).await;
        assert!(told.contains(expect), "{told}");
    }
    let told = call(&region, "GetQueueUrl", ("accept", "*/*"), json!({"QueueName": "none"})).await;
    assert_eq!(told["message"], "The specified queue does not exist.");
}
