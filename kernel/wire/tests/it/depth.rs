//! Nesting of a million levels in every format: refused at once, and nothing deep is built or dropped.

use crate::exchange::{Call, call, form, json};
use wire::MalformedKind;

const LEVELS: usize = 1_000_000;

fn kind(call: &Call, service: &'static schema::ServiceShape) -> Option<MalformedKind> {
    call.decode(service).err().map(|malformed| malformed.kind)
}

#[test]
fn json_deeper_than_the_bound() {
    let put = |value: String| {
        let body = format!(r#"{{"TableName":"abc","Item":{{"a":{value}}}}}"#);
        kind(&json("DynamoDB_20120810.PutItem", &body), &model_dynamodb::SERVICE)
    };
    let nested =
        |levels: usize| format!("{}{}{}", r#"{"L":["#.repeat(levels), r#"{"S":"x"}"#, "]}".repeat(levels));
    assert_eq!(put(nested(LEVELS)), Some(MalformedKind::TooDeep));
    assert_eq!(put(nested(60)), None);
    assert_eq!(put(r#"{"M":{"a":"#.repeat(LEVELS)), Some(MalformedKind::TooDeep));
    let unknown = format!(r#"{{"Unknown":{}"#, "[".repeat(LEVELS));
    assert_eq!(
        kind(&json("DynamoDB_20120810.PutItem", &unknown), &model_dynamodb::SERVICE),
        Some(MalformedKind::TooDeep)
    );
}

#[test]
fn xml_deeper_than_the_bound() {
    let put = |body: String| kind(&call("PUT", "localhost/b?tagging").body(body), &model_s3::SERVICE);
    assert_eq!(put("<Tagging>".repeat(LEVELS)), Some(MalformedKind::TooDeep));
    assert_eq!(put("<Tagging><TagSet>".to_owned() + &"<Tag>".repeat(LEVELS)), Some(MalformedKind::TooDeep));
    let bomb = r#"<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><Tagging>&b;</Tagging>"#;
    assert_eq!(put(bomb.to_owned()), Some(MalformedKind::Syntax));
}

#[test]
fn cbor_deeper_than_the_bound() {
    let rpc = |body: Vec<u8>| {
        let call = call("POST", "localhost/service/GraniteServiceVersion20100801/operation/ListMetrics")
            .header("smithy-protocol", "rpc-v2-cbor")
            .body(body);
        kind(&call, &model_fixture_cloudwatch::SERVICE)
    };
    let unknown = [b"\xa1\x61x".to_vec(), vec![0x81; LEVELS]].concat();
    assert_eq!(rpc(unknown), Some(MalformedKind::TooDeep));
    assert!(rpc(vec![0xa1; LEVELS]).is_some());
    // A length that no input can hold allocates nothing.
    let endless = b"\xa1\x6aDimensions\x9b\x7f\xff\xff\xff\xff\xff\xff\xff".to_vec();
    assert_eq!(rpc(endless), Some(MalformedKind::Syntax));
}

#[test]
fn keys_of_a_million_segments() {
    let body = format!("Action=SendMessage&QueueUrl=u&MessageBody=b&{}=1", "a.1.".repeat(LEVELS));
    assert_eq!(kind(&form("localhost/", &body), &model_sqs::SERVICE), None);
    let attributes: String = (0..LEVELS / 10).map(|number| format!("&Attribute.{number}.Name=a")).collect();
    let body = format!("Action=CreateQueue&QueueName=q{attributes}");
    let lost = form("localhost/", &body).route(&[&model_sqs::SERVICE]).unwrap_err();
    assert_eq!(lost.error.code, "MalformedQueryString");
}

#[test]
fn paths_of_a_million_segments() {
    let long = format!("localhost/b{}", "/a".repeat(LEVELS));
    let route = call("GET", &long).route(&[&model_s3::SERVICE, &model_lambda::SERVICE]).unwrap();
    assert_eq!(route.operation.name(), "GetObject");
    assert_eq!(route.labels[1].1.len(), 2 * LEVELS - 1);
}

#[test]
fn many_small_structures_are_too_large() {
    let body = format!(r#"{{"RequestItems":{{"abc":[{}{{}}]}}}}"#, "{},".repeat(4_000_000));
    let call = json("DynamoDB_20120810.BatchWriteItem", &body);
    assert_eq!(kind(&call, &model_dynamodb::SERVICE), Some(MalformedKind::TooLarge));
}
