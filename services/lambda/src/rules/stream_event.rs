//! Records of DynamoDB streams as functions see them, and what is told of those that are given up (Lambda
//! developer guide, "Using AWS Lambda with Amazon DynamoDB").

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model_dynamodbstreams::{AttributeValue, Record};
use names::{Arn, Timestamp};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

fn attribute(value: &AttributeValue) -> Value {
    let binary = |bytes: &bytes::Bytes| Value::from(STANDARD.encode(bytes));
    match value {
        AttributeValue::Unset => json!({}),
        AttributeValue::S(text) => json!({"S": text}),
        AttributeValue::N(text) => json!({"N": text}),
        AttributeValue::B(bytes) => json!({"B": binary(bytes)}),
        AttributeValue::SS(texts) => json!({"SS": texts}),
        AttributeValue::NS(texts) => json!({"NS": texts}),
        AttributeValue::BS(all) => json!({"BS": all.iter().map(binary).collect::<Vec<_>>()}),
        AttributeValue::M(fields) => json!({"M": item(fields)}),
        AttributeValue::L(values) => json!({"L": values.iter().map(attribute).collect::<Vec<_>>()}),
        AttributeValue::NULL(is_null) => json!({"NULL": is_null}),
        AttributeValue::BOOL(truth) => json!({"BOOL": truth}),
    }
}

fn item(fields: &BTreeMap<String, AttributeValue>) -> Value {
    let fields = fields.iter().map(|(name, value)| (name.clone(), attribute(value)));
    Value::Object(fields.collect::<Map<_, _>>())
}

/// A record on its way to a function.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Its place in the shard.
    pub sequence: String,
    /// When it was written.
    pub written: Timestamp,
    /// What decides which of several batches it goes to.
    pub key: u64,
    /// As the function sees it.
    pub value: Value,
    /// Bytes of that.
    pub bytes: usize,
}

/// A record of a stream.
pub fn seen(record: &Record, source: &Arn) -> Seen {
    let own = record.dynamodb.clone().unwrap_or_default();
    let written = own.approximate_creation_date_time.unwrap_or(Timestamp(0));
    let mut dynamodb = Map::new();
    // Seconds, always with a fraction (LocalStack's test_dynamodb_event_filter, recorded on AWS).
    let seconds = Value::from(written.millis() as f64 / 1000.0);
    dynamodb.insert("ApproximateCreationDateTime".to_owned(), seconds);
    for (name, fields) in [("Keys", &own.keys), ("NewImage", &own.new_image), ("OldImage", &own.old_image)] {
        if let Some(fields) = fields {
            dynamodb.insert(name.to_owned(), item(fields));
        }
    }
    let sequence = own.sequence_number.clone().unwrap_or_default();
    dynamodb.insert("SequenceNumber".to_owned(), sequence.clone().into());
    dynamodb.insert("SizeBytes".to_owned(), own.size_bytes.unwrap_or(0).into());
    if let Some(view) = &own.stream_view_type {
        dynamodb.insert("StreamViewType".to_owned(), view.as_str().into());
    }
    let keys = own.keys.as_ref().map(|keys| item(keys).to_string()).unwrap_or_default();
    let mut value = json!({
        "eventID": record.event_id,
        "eventName": record.event_name.as_ref().map(|name| name.as_str()),
        "eventVersion": record.event_version,
        "eventSource": record.event_source,
        "awsRegion": record.aws_region,
        "dynamodb": dynamodb,
        "eventSourceARN": source.as_str(),
    });
    if let Some(identity) = &record.user_identity {
        value["userIdentity"] = json!({"principalId": identity.principal_id, "type": identity.type_});
    }
    let bytes = value.to_string().len();
    Seen { sequence, written, key: hashed(&keys), value, bytes }
}

fn hashed(text: &str) -> u64 {
    Sha256::digest(text).iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// What a function that gathers state over a window is told besides its records.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// When it begins.
    pub begins: Timestamp,
    /// When it ends.
    pub ends: Timestamp,
    /// What the function has gathered.
    pub state: Value,
    /// Nothing more comes in it.
    pub last: bool,
}

/// The event of a batch.
pub fn event(records: &[Seen], window: Option<(&Window, &str, &Arn)>) -> Vec<u8> {
    let records: Vec<&Value> = records.iter().map(|record| &record.value).collect();
    let mut event = json!({"Records": records});
    if let Some((window, shard, source)) = window {
        event["window"] = json!({"start": window.begins.iso8601(), "end": window.ends.iso8601()});
        event["state"] = window.state.clone();
        event["shardId"] = shard.into();
        event["eventSourceARN"] = source.as_str().into();
        event["isFinalInvokeForWindow"] = window.last.into();
        event["isWindowTerminatedEarly"] = false.into();
    }
    event.to_string().into_bytes()
}

/// Why records are given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenUp {
    /// They failed as often as they may.
    Exhausted,
    /// They are too old.
    TooOld,
}

/// What a destination is told of records that are given up.
pub struct Told<'a> {
    /// When.
    pub now: Timestamp,
    /// The mapping's invocation that failed last.
    pub request_id: &'a str,
    /// The function, as the mapping names it.
    pub function: &'a Arn,
    /// The version that ran last, where one did.
    pub version: Option<&'a str>,
    /// That run was a failure, not an answer that says which records failed.
    pub failed: bool,
    /// How often the function was run with them.
    pub attempts: u32,
    /// Why.
    pub why: GivenUp,
    /// The stream and the shard.
    pub place: (&'a Arn, &'a str),
    /// The records.
    pub records: &'a [Seen],
}

/// The record for a destination.
pub fn told(told: &Told<'_>) -> Value {
    let (first, last) = (told.records.first(), told.records.last());
    let moment = |record: Option<&Seen>| record.map(|record| record.written.iso8601());
    let mut record = json!({
        "requestContext": {
            "requestId": told.request_id,
            "functionArn": told.function.as_str(),
            "condition": match told.why {
                GivenUp::Exhausted => "RetryAttemptsExhausted",
                GivenUp::TooOld => "RecordAgeExceeded",
            },
            "approximateInvokeCount": told.attempts,
        },
        "version": "1.0",
        "timestamp": told.now.iso8601_millis(),
        "DDBStreamBatchInfo": {
            "shardId": told.place.1,
            "startSequenceNumber": first.map(|record| record.sequence.as_str()),
            "endSequenceNumber": last.map(|record| record.sequence.as_str()),
            "approximateArrivalOfFirstRecord": moment(first),
            "approximateArrivalOfLastRecord": moment(last),
            "batchSize": told.records.len(),
            "streamArn": told.place.0.as_str(),
        },
    });
    if let Some(version) = told.version {
        // LocalStack's test_dynamodb_report_batch_item_failure_scenarios, recorded on AWS.
        let error = told.failed.then_some("Unhandled");
        record["responseContext"] =
            json!({"statusCode": 200, "executedVersion": version, "functionError": error});
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;
    use model_dynamodbstreams::{OperationType, StreamRecord};

    fn stream() -> Arn {
        "arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/2026-01-01T00:00:00.000".parse().unwrap()
    }

    fn record() -> Record {
        let key = [("id".to_owned(), AttributeValue::N("7".to_owned()))];
        Record {
            event_id: Some("e".to_owned()),
            event_name: Some(OperationType::Insert),
            dynamodb: Some(StreamRecord {
                approximate_creation_date_time: Some(Timestamp(1_500_000_000_000)),
                keys: Some(key.clone().into()),
                new_image: Some(
                    [("b".to_owned(), AttributeValue::B(bytes::Bytes::from_static(b"hi")))].into(),
                ),
                sequence_number: Some("111".to_owned()),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    /// The example event of "Using AWS Lambda with Amazon DynamoDB".
    #[test]
    fn records() {
        let seen = seen(&record(), &stream());
        assert_eq!((seen.sequence.as_str(), seen.value["eventName"].as_str()), ("111", Some("INSERT")));
        assert_eq!(seen.value["dynamodb"]["ApproximateCreationDateTime"].to_string(), "1500000000.0");
        assert_eq!(seen.value["dynamodb"]["NewImage"]["b"]["B"], "aGk=");
        assert_eq!(seen.value["eventSourceARN"], stream().as_str());
    }

    #[test]
    fn what_is_told_of_those_given_up() {
        let (seen, stream) = (seen(&record(), &stream()), stream());
        let record = told(&Told {
            now: Timestamp(0),
            request_id: "id",
            function: &stream,
            version: Some("1"),
            failed: false,
            attempts: 2,
            why: GivenUp::Exhausted,
            place: (&stream, "shard"),
            records: &[seen],
        });
        assert_eq!(record["requestContext"]["condition"], "RetryAttemptsExhausted");
        assert_eq!(record["DDBStreamBatchInfo"]["startSequenceNumber"], "111");
        assert_eq!(record["DDBStreamBatchInfo"]["approximateArrivalOfFirstRecord"], "2017-07-14T02:40:00Z");
        let context = serde_json::json!({"statusCode": 200, "executedVersion": "1", "functionError": null});
        assert_eq!(record["responseContext"], context);
    }
}
