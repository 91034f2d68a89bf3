//! Requests of the JSON, query, EC2 and CBOR protocols.

use crate::exchange::{call, form, json};

#[test]
fn json_members_of_every_kind() {
    let body = r#" { "TableName": "t", "Unknown": [{"a": null}], "ReturnValues": null,
        "Item": {"s": {"S": "\u00e9\n"}, "n": {"N": "1.50"}, "b": {"B": "AAE="}, "set": {"SS": ["x", "y"]},
                 "m": {"M": {"k": {"L": [{"BOOL": false}, {"NULL": true}]}}}},
        "ReturnConsumedCapacity": "SOMETHING" } "#;
    let expect = r#"{"TableName":"t","Item":{"b":{"B":"AAE="},"m":{"M":{"k":{"L":[{"BOOL":false},{"NULL":true}]}}},"n":{"N":"1.50"},"s":{"S":"é\n"},"set":{"SS":["x","y"]}},"ReturnConsumedCapacity":"SOMETHING"}"#;
    assert_eq!(json("DynamoDB_20120810.PutItem", body).dump(&model_dynamodb::SERVICE), expect);
}

#[test]
fn json_numbers_and_moments() {
    let kinesis =
        |body: &str| json("Kinesis_20131202.GetShardIterator", body).dump(&model_fixture_kinesis::SERVICE);
    let expect = r#"{"StreamName":"s","ShardId":"0","ShardIteratorType":"LATEST","Timestamp":1459799926480}"#;
    for moment in ["1459799926.480", "1.45979992648e9", "\"2016-04-04T19:58:46.480Z\""] {
        let body = format!(
            r#"{{"StreamName":"s","ShardId":"0","ShardIteratorType":"LATEST","Timestamp":{moment}}}"#
        );
        assert_eq!(kinesis(&body), expect, "{moment}");
    }
}

#[test]
fn an_empty_json_body_is_an_empty_structure() {
    assert_eq!(json("DynamoDB_20120810.ListTables", "").dump(&model_dynamodb::SERVICE), "{}");
    assert_eq!(json("DynamoDB_20120810.ListTables", " {} ").dump(&model_dynamodb::SERVICE), "{}");
}

/// The words are those that dynalite recorded from DynamoDB (test/helpers.js, `assertType`).
#[test]
fn json_of_the_wrong_type() {
    let table = [
        (r#"{"TableName":1}"#, "NUMBER_VALUE cannot be converted to String"),
        (r#"{"TableName":1.5}"#, "DECIMAL_VALUE cannot be converted to String"),
        (r#"{"TableName":true}"#, "TRUE_VALUE cannot be converted to String"),
        (r#"{"TableName":[]}"#, "Unrecognized collection type class java.lang.String"),
        (r#"{"TableName":{}}"#, "Start of structure or map found where not expected"),
        (r#"{"Limit":"1"}"#, "STRING_VALUE cannot be converted to Integer"),
        (r#"{"ConsistentRead":"x"}"#, "Unexpected token received from parser"),
        (r#"{"AttributesToGet":"x"}"#, "Unexpected field type"),
        (
            r#"{"ExclusiveStartKey":[]}"#,
            "Unrecognized collection type java.util.Map<java.lang.String, com.amazonaws.dynamodb.v20120810.AttributeValue>",
        ),
        (r#"{"ExclusiveStartKey":{"a":1}}"#, "Unexpected value type in payload"),
        (
            r#"{"ExclusiveStartKey":{"a":{"B":"abc"}}}"#,
            "Base64 encoded length is expected a multiple of 4 bytes but found: 3",
        ),
        (r#"{"ExclusiveStartKey":{"a":{"B":1}}}"#, "only base-64-encoded strings are convertible to bytes"),
    ];
    for (body, expect) in table {
        assert_eq!(
            json("DynamoDB_20120810.Query", body).malformed(&model_dynamodb::SERVICE),
            expect,
            "{body}"
        );
    }
    for body in ["[]", "{", "{}x", "\"x\"", "{\"TableName\":\"a}", "{\"a\" 1}", "{,}", "\u{feff}{}"] {
        json("DynamoDB_20120810.Query", body).malformed(&model_dynamodb::SERVICE);
    }
    let mut call = json("DynamoDB_20120810.Query", "");
    call.body = bytes::Bytes::from_static(b"{\"TableName\":\"\xff\"}");
    assert!(call.malformed(&model_dynamodb::SERVICE).contains("UTF-8"));
}

#[test]
fn whole_numbers_are_cut_and_bounded() {
    let limit = |number: &str| {
        let body = format!(r#"{{"TableName":"t","Limit":{number}}}"#);
        json("DynamoDB_20120810.Scan", &body)
            .input::<model_dynamodb::ScanInput>(&model_dynamodb::SERVICE)
            .limit
    };
    assert_eq!(limit("1.9"), Some(1));
    assert_eq!(limit("99999999999"), Some(i32::MAX));
    assert_eq!(limit("-1e400"), Some(i32::MIN));
}

#[test]
fn query_of_the_old_sqs_clients() {
    // As boto3 1.28 wrote it, the last that spoke query to SQS.
    let body = "Action=SendMessage&Version=2012-11-05&MessageBody=a+b%26&DelaySeconds=5\
        &MessageAttribute.1.Name=one&MessageAttribute.1.Value.DataType=String\
        &MessageAttribute.1.Value.StringValue=x&MessageAttribute.2.Name=two\
        &MessageAttribute.2.Value.DataType=Binary&MessageAttribute.2.Value.BinaryValue=AAE%3D";
    let expect = r#"{"QueueUrl":"http://localhost:4566/000000000000/q","MessageBody":"a b&","DelaySeconds":5,"MessageAttributes":{"one":{"StringValue":"x","DataType":"String"},"two":{"BinaryValue":"AAE=","DataType":"Binary"}}}"#;
    let url = "localhost:4566/000000000000/q";
    assert_eq!(form(url, body).dump(&model_sqs::SERVICE), expect);
    let own = format!("{body}&QueueUrl=http%3A%2F%2Fother%2F0%2Fq");
    assert!(form(url, &own).dump(&model_sqs::SERVICE).contains("http://other/0/q"));

    let create = "Action=CreateQueue&QueueName=q&Attribute.1.Name=DelaySeconds&Attribute.1.Value=5&Tag.1.Key=k&Tag.1.Value=v";
    let expect = r#"{"QueueName":"q","Attributes":{"DelaySeconds":"5"},"tags":{"k":"v"}}"#;
    assert_eq!(form("localhost/", create).dump(&model_sqs::SERVICE), expect);

    let batch = "Action=DeleteMessageBatch&QueueUrl=u&DeleteMessageBatchRequestEntry.2.Id=b\
        &DeleteMessageBatchRequestEntry.2.ReceiptHandle=s&DeleteMessageBatchRequestEntry.1.Id=a\
        &DeleteMessageBatchRequestEntry.1.ReceiptHandle=r&DeleteMessageBatchRequestEntry.10.Id=c\
        &DeleteMessageBatchRequestEntry.10.ReceiptHandle=t";
    let expect = r#"{"QueueUrl":"u","Entries":[{"Id":"a","ReceiptHandle":"r"},{"Id":"b","ReceiptHandle":"s"},{"Id":"c","ReceiptHandle":"t"}]}"#;
    assert_eq!(form("localhost/", batch).dump(&model_sqs::SERVICE), expect);
}

#[test]
fn query_lists_maps_and_scalars() {
    let body = "Action=PutMetricData&Version=2010-08-01&Namespace=n&MetricData.member.1.MetricName=m\
        &MetricData.member.1.Dimensions.member.1.Name=d&MetricData.member.1.Dimensions.member.1.Value=v\
        &MetricData.member.1.Timestamp=2016-04-04T19%3A58%3A46Z&MetricData.member.1.Value=1.5\
        &MetricData.member.1.Values.member.1=NaN&MetricData.member.1.Counts=";
    let expect = r#"{"Namespace":"n","MetricData":[{"MetricName":"m","Dimensions":[{"Name":"d","Value":"v"}],"Timestamp":1459799926000,"Value":1.5,"Values":["NaN"],"Counts":[]}]}"#;
    assert_eq!(form("localhost/", body).dump(&model_fixture_cloudwatch::SERVICE), expect);
    let wrong = "Action=PutMetricData&Namespace=n&MetricData.member.1.Value=x";
    let message = form("localhost/", wrong).malformed(&model_fixture_cloudwatch::SERVICE);
    assert_eq!(message, "The value 'x' is not a valid double");
}

#[test]
fn ec2s_dialect() {
    let body = "Action=RunInstances&Version=2016-11-15&ImageId=ami-1&MinCount=1&MaxCount=2\
        &SecurityGroupId.1=sg-1&SecurityGroupId.2=sg-2&BlockDeviceMapping.1.DeviceName=%2Fdev%2Fsda1\
        &BlockDeviceMapping.1.Ebs.VolumeSize=8&TagSpecification.1.ResourceType=instance\
        &TagSpecification.1.Tag.1.Key=k&TagSpecification.1.Tag.1.Value=v&DryRun=false";
    let dump = form("localhost/", body).dump(&model_fixture_ec2::SERVICE);
    for part in [
        r#""SecurityGroupIds":["sg-1","sg-2"]"#,
        r#""TagSpecifications":[{"ResourceType":"instance","Tags":[{"Key":"k","Value":"v"}]}]"#,
        r#""BlockDeviceMappings":[{"#,
        r#""DryRun":false"#,
        r#""MinCount":1"#,
    ] {
        assert!(dump.contains(part), "{part} in {dump}");
    }
}

#[test]
fn cbor_with_and_without_lengths() {
    let rpc = |body: &[u8]| {
        call("POST", "localhost/service/GraniteServiceVersion20100801/operation/GetMetricStatistics")
            .header("smithy-protocol", "rpc-v2-cbor")
            .header("content-type", "application/cbor")
            .body(body)
    };
    // {_ "Period": 60, "StartTime": 1(1459799926.25), "Namespace": (_ "n" "s"), "Unknown": [_ ],
    //    "Statistics": [_ "Sum"], "Unit": null}
    let mut body = vec![0xbf, 0x66];
    body.extend_from_slice(b"Period\x18\x3c\x69StartTime\xc1\xfb");
    body.extend_from_slice(&1_459_799_926.25_f64.to_be_bytes());
    body.extend_from_slice(b"\x69Namespace\x7f\x61n\x61s\xff\x67Unknown\x9f\xff");
    body.extend_from_slice(b"\x6aStatistics\x9f\x63Sum\xff\x64Unit\xf6\xff");
    let (input, violations) = rpc(&body).decode(&model_fixture_cloudwatch::SERVICE).unwrap();
    let expect = r#"{"Namespace":"ns","StartTime":1459799926250,"Period":60,"Statistics":["Sum"]}"#;
    let mut dump: serde_json::Value = serde_json::from_str(&wire::dump(input.as_ref())).unwrap();
    // Required members are in the struct even where they never came.
    for absent in ["MetricName", "EndTime"] {
        dump.as_object_mut().unwrap().remove(absent);
    }
    assert_eq!(dump, serde_json::from_str::<serde_json::Value>(expect).unwrap());
    assert_eq!(violations.message().matches("must not be null").count(), 2);
    for broken in [&b"\x01"[..], b"\xbf", b"\xa1\x66Period\x61x", b"\xa1\x69StartTime\x01", b"\xa0\xa0"] {
        rpc(broken).malformed(&model_fixture_cloudwatch::SERVICE);
    }
}
