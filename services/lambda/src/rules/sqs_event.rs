//! The event that a function gets for messages of a queue.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model_sqs::{Message, MessageAttributeValue};
use names::Arn;
use serde_json::{Map, Value, json};

/// One message as a record (Lambda developer guide, "Example Amazon SQS message event").
pub fn record(message: &Message, source: &Arn) -> Value {
    let attributes = message.message_attributes.iter().flatten();
    let attributes: Map<String, Value> =
        attributes.map(|(name, value)| (name.clone(), attribute(value))).collect();
    let mut record = json!({
        "messageId": message.message_id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": message.attributes.clone().unwrap_or_default(),
        "messageAttributes": attributes,
        "md5OfBody": message.md5_of_body,
        "eventSource": "aws:sqs",
        "eventSourceARN": source.as_str(),
        "awsRegion": source.region_text(),
    });
    if let Some(digest) = &message.md5_of_message_attributes {
        record["md5OfMessageAttributes"] = digest.as_str().into();
    }
    record
}

fn attribute(value: &MessageAttributeValue) -> Value {
    let mut attribute = json!({
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": value.data_type,
    });
    if let Some(text) = &value.string_value {
        attribute["stringValue"] = text.as_str().into();
    }
    if let Some(bytes) = &value.binary_value {
        attribute["binaryValue"] = STANDARD.encode(bytes).into();
    }
    attribute
}

/// A record as filters see it: with its body's fields, where the body is JSON.
pub fn for_filters(record: &Value) -> Value {
    let mut seen = record.clone();
    let body = record["body"].as_str().and_then(|body| serde_json::from_str::<Value>(body).ok());
    if let Some(body) = body.filter(Value::is_object) {
        seen["body"] = body;
    }
    seen
}

/// The event of records.
pub fn event(records: &[Value]) -> Vec<u8> {
    json!({ "Records": records }).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn records() {
        let attributes = [
            (
                "a".to_owned(),
                MessageAttributeValue {
                    string_value: Some("x".to_owned()),
                    data_type: "String".to_owned(),
                    ..Default::default()
                },
            ),
            (
                "b".to_owned(),
                MessageAttributeValue {
                    binary_value: Some(Bytes::from_static(b"\x01")),
                    data_type: "Binary".to_owned(),
                    ..Default::default()
                },
            ),
        ];
        let message = Message {
            message_id: Some("id".to_owned()),
            receipt_handle: Some("handle".to_owned()),
            body: Some("{\"k\": 1}".to_owned()),
            md5_of_body: Some("digest".to_owned()),
            attributes: Some([("SenderId".to_owned(), "me".to_owned())].into()),
            message_attributes: Some(attributes.into()),
            md5_of_message_attributes: Some("other".to_owned()),
        };
        let source: Arn = "arn:aws:sqs:us-east-2:123456789012:my-queue".parse().unwrap();
        let record = record(&message, &source);
        assert_eq!(
            record,
            json!({
                "messageId": "id", "receiptHandle": "handle", "body": "{\"k\": 1}",
                "attributes": {"SenderId": "me"},
                "messageAttributes": {
                    "a": {"stringValue": "x", "stringListValues": [], "binaryListValues": [], "dataType": "String"},
                    "b": {"binaryValue": "AQ==", "stringListValues": [], "binaryListValues": [], "dataType": "Binary"},
                },
                "md5OfBody": "digest", "md5OfMessageAttributes": "other", "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-2:123456789012:my-queue", "awsRegion": "us-east-2",
            })
        );
        assert_eq!(for_filters(&record)["body"]["k"], 1);
    }

    #[test]
    fn a_body_that_is_too_deep_is_text_for_filters() {
        let record = json!({"body": "[".repeat(1_000_000)});
        assert!(for_filters(&record)["body"].is_string());
    }
}
