//! Random values of every shape, written and read again; and random bytes, which may be refused but not
//! do harm.

use crate::exchange::{Call, call, form, json};
use proptest::prelude::*;
use schema::{Obj, Protocol, ServiceShape, Shape};
use wire::{Limits, ReplyBody, Routed};

fn services() -> Vec<&'static ServiceShape> {
    vec![
        &model_sqs::SERVICE,
        &model_sts::SERVICE,
        &model_iam::SERVICE,
        &model_dynamodb::SERVICE,
        &model_s3::SERVICE,
        &model_lambda::SERVICE,
        &model_logs::SERVICE,
        &model_apigatewayv2::SERVICE,
        &model_fixture_ec2::SERVICE,
        &model_fixture_cloudwatch::SERVICE,
        &model_fixture_kinesis::SERVICE,
    ]
}

/// Writes a value as if it were an output, reads it as if it were an input.
fn there_and_back(
    service: &'static ServiceShape,
    operation: Routed,
    protocol: Protocol,
    value: &dyn Obj,
) -> Box<dyn Obj> {
    let route = wire::Route { service, operation, protocol, labels: Vec::new(), head: false, json: false };
    let reply = wire::encode_output(&route, value, "req-1");
    let ReplyBody::Bytes(body) = reply.body else { panic!("a stream") };
    let mut back = (value.shape().make)();
    let call = call("POST", "localhost/");
    wire::decode(&route, &call.head(), &body, back.as_mut(), Limits::STANDARD).unwrap();
    back
}

fn has_events(shape: &'static Shape) -> bool {
    shape.members.iter().any(|member| matches!(member.ty, schema::Ty::Events(_)))
}

#[test]
fn json_and_cbor_hold_everything() {
    let mut count = 0;
    for service in services() {
        for operation in service.operations {
            for shape in [operation.input, operation.output] {
                if has_events(shape) {
                    continue;
                }
                for seed in 0..4 {
                    let mut value = (shape.make)();
                    wire::random_fill(value.as_mut(), seed, 6);
                    for protocol in [Protocol::AwsJson10, Protocol::RpcV2Cbor] {
                        let routed = Routed::Served(operation);
                        let back = there_and_back(service, routed, protocol, value.as_ref());
                        let name = format!("{} {} {protocol:?}", service.name, shape.name);
                        assert_eq!(wire::dump(back.as_ref()), wire::dump(value.as_ref()), "{name}");
                    }
                    count += 1;
                }
            }
        }
    }
    assert!(count > 1500, "{count}");
}

/// Payloads of S3 are written and read by the same tables.
#[test]
fn xml_payloads_hold_everything() {
    let mut count = 0;
    // The payload is written as an answer, and a status of 204 has none.
    for operation in model_s3::SERVICE.operations.iter().filter(|operation| operation.http.status != 204) {
        let Some((index, member)) = operation.input.payload() else { continue };
        let schema::Ty::Struct(shape) = member.ty else { continue };
        for seed in 0..8 {
            let mut value = (operation.input.make)();
            if let Some(schema::Slot::Struct(payload)) = value.slot(index) {
                wire::random_fill(payload, seed, 6);
            }
            let routed = Routed::Served(operation);
            let back = there_and_back(&model_s3::SERVICE, routed, Protocol::RestXml, value.as_ref());
            let (Some(schema::Val::Struct(sent)), Some(schema::Val::Struct(read))) =
                (value.get(index), back.get(index))
            else {
                panic!("{}", operation.name)
            };
            // An empty flattened list leaves no trace in XML; all else must be the same.
            let (sent, read) = (without_empty(sent), without_empty(read));
            assert_eq!(read, sent, "{} {}", operation.name, shape.name);
            count += 1;
        }
    }
    assert!(count > 60, "{count}");
}

fn without_empty(obj: &dyn Obj) -> serde_json::Value {
    fn strip(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(members) => {
                members.values_mut().for_each(strip);
                members.retain(|_, value| !value.as_array().is_some_and(Vec::is_empty));
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut value = serde_json::from_str(&wire::dump(obj)).unwrap();
    strip(&mut value);
    value
}

/// A filled value breaks few constraints: only texts of patterns that cannot be made.
#[test]
fn what_is_filled_is_mostly_valid() {
    let (mut valid, mut all) = (0, 0);
    for service in services() {
        for operation in service.operations {
            let mut value = (operation.input.make)();
            wire::random_fill(value.as_mut(), 7, 4);
            let mut violations = wire::Violations::new();
            wire::validate(value.as_ref(), &mut violations);
            all += 1;
            valid += usize::from(violations.is_empty());
        }
    }
    assert!(valid * 10 > all * 8, "{valid} of {all}");
}

fn survives(call: &Call, service: &'static ServiceShape) {
    if call.route(&[service]).is_err() {
        return;
    }
    if let Ok((input, mut violations)) = call.decode(service) {
        wire::validate(input.as_ref(), &mut violations);
        let _ = (violations.message(), wire::dump(input.as_ref()), format!("{input:?}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let rpc = call("POST", "localhost/service/GraniteServiceVersion20100801/operation/PutMetricData")
            .header("smithy-protocol", "rpc-v2-cbor");
        survives(&rpc.body(&body), &model_fixture_cloudwatch::SERVICE);
        let text = String::from_utf8_lossy(&body);
        survives(&json("DynamoDB_20120810.PutItem", &text), &model_dynamodb::SERVICE);
        survives(&form("localhost/", &format!("Action=SendMessage&{text}")), &model_sqs::SERVICE);
        survives(&call("POST", "localhost/b?delete").body(&body), &model_s3::SERVICE);
    }

    #[test]
    fn broken_json_is_read_or_refused(at in 0usize..200, byte in any::<u8>()) {
        let text = br#"{"TableName":"abc","Item":{"a":{"S":"x\u00e9"},"b":{"L":[{"N":"1"},{"BOOL":true},null]},"c":{"B":"AAE="}},"Expected":{"k":{"Exists":false}}}"#;
        let mut body = text.to_vec();
        body[at % text.len()] = byte;
        let mut call = json("DynamoDB_20120810.PutItem", "");
        call.body = body.into();
        survives(&call, &model_dynamodb::SERVICE);
    }

    #[test]
    fn broken_xml_is_read_or_refused(at in 0usize..200, byte in any::<u8>()) {
        let text = b"<Delete xmlns='u'><Object><Key>a&amp;&#x41;</Key></Object><!-- c --><Quiet>true</Quiet><![CDATA[ ]]></Delete>";
        let mut body = text.to_vec();
        body[at % text.len()] = byte;
        survives(&call("POST", "localhost/b?delete").body(body), &model_s3::SERVICE);
    }

    #[test]
    fn any_path_and_host_is_routed_or_refused(host in "[a-z0-9.:\\[\\]-]{0,40}", path in "/[ -~]{0,60}", query in "[ -~]{0,40}") {
        let mut call = call("GET", "");
        (call.host, call.path, call.query) = (host, path, query);
        let router = wire::Router::new(&services(), crate::exchange::rules());
        let _ = router.route(&call.head());
        let _ = router.route_form(&call.head(), call.query.as_bytes());
    }
}
