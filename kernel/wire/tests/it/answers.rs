//! Outputs in every protocol's form.

use crate::exchange::{call, form, json};
use bytes::Bytes;
use names::Timestamp;
use std::collections::BTreeMap;

#[test]
fn json_answers() {
    use model_dynamodb::{AttributeValue, GetItemOutput, SERVICE, TableDescription};
    let values = [
        ("b", AttributeValue::B(Bytes::from_static(b"\x00\x01"))),
        ("l", AttributeValue::L(vec![AttributeValue::NULL(true), AttributeValue::BOOL(false)])),
        ("m", AttributeValue::M(BTreeMap::new())),
        ("s", AttributeValue::S("\"é\\\n\u{1}".to_owned())),
    ];
    let item: BTreeMap<String, AttributeValue> =
        values.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let output = GetItemOutput { item: Some(item), ..Default::default() };
    let answer = json("DynamoDB_20120810.GetItem", "{}").answer(&SERVICE, &output);
    assert_eq!(
        answer.text(),
        r#"{"Item":{"b":{"B":"AAE="},"l":{"L":[{"NULL":true},{"BOOL":false}]},"m":{"M":{}},"s":{"S":"\"é\\\n\u0001"}}}"#
    );
    assert_eq!((answer.status(), answer.header("x-amzn-requestid")), (200, "req-1"));
    assert_eq!(answer.header("content-type"), "application/x-amz-json-1.0");

    let table = TableDescription {
        creation_date_time: Some(Timestamp(1_459_799_926_480)),
        item_count: Some(-1),
        ..Default::default()
    };
    let output = model_dynamodb::DescribeTableOutput { table: Some(table) };
    let answer = json("DynamoDB_20120810.DescribeTable", "{}").answer(&SERVICE, &output);
    assert_eq!(answer.text(), r#"{"Table":{"CreationDateTime":1459799926.48,"ItemCount":-1}}"#);
}

#[test]
fn query_answers() {
    let output = model_sqs::SendMessageOutput {
        message_id: Some("m&1".to_owned()),
        md5_of_message_body: Some("d".to_owned()),
        ..Default::default()
    };
    let call = form("localhost/", "Action=SendMessage&Version=2012-11-05");
    let answer = call.answer(&model_sqs::SERVICE, &output);
    assert_eq!(
        answer.text(),
        "<SendMessageResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\"><SendMessageResult>\
         <MD5OfMessageBody>d</MD5OfMessageBody><MessageId>m&amp;1</MessageId></SendMessageResult>\
         <ResponseMetadata><RequestId>req-1</RequestId></ResponseMetadata></SendMessageResponse>"
    );
    assert_eq!(answer.header("content-type"), "text/xml");

    // As SQS answers API Gateway: aws-samples' serverless-patterns, apigw-sqs-lambda and apigw-sqs-receive.
    let call = call.header("accept", "application/json");
    let answer = call.answer(&model_sqs::SERVICE, &output);
    assert_eq!(
        answer.text(),
        r#"{"SendMessageResponse":{"ResponseMetadata":{"RequestId":"req-1"},"SendMessageResult":{"MD5OfMessageAttributes":null,"MD5OfMessageBody":"d","MD5OfMessageSystemAttributes":null,"MessageId":"m&1","SequenceNumber":null}}}"#
    );
    assert_eq!(answer.header("content-type"), "application/json");
    let attributes = BTreeMap::from([("DelaySeconds".into(), "0".to_owned())]);
    let output = model_sqs::GetQueueAttributesOutput { attributes: Some(attributes) };
    let asked = form("localhost/", "Action=GetQueueAttributes&Version=2012-11-05");
    let answer = asked.header("accept", "application/json").answer(&model_sqs::SERVICE, &output);
    assert_eq!(
        answer.text(),
        r#"{"GetQueueAttributesResponse":{"GetQueueAttributesResult":{"Attributes":[{"Name":"DelaySeconds","Value":"0"}]},"ResponseMetadata":{"RequestId":"req-1"}}}"#
    );
    let empty = model_sqs::ReceiveMessageOutput::default();
    let asked = form("localhost/", "Action=ReceiveMessage&Version=2012-11-05");
    let answer = asked.header("accept", "application/json, */*").answer(&model_sqs::SERVICE, &empty);
    assert_eq!(
        answer.text(),
        r#"{"ReceiveMessageResponse":{"ReceiveMessageResult":{"messages":null},"ResponseMetadata":{"RequestId":"req-1"}}}"#
    );

    let message = model_sqs::Message {
        body: Some("b".to_owned()),
        attributes: Some(BTreeMap::from([("SenderId".into(), "s".to_owned())])),
        ..Default::default()
    };
    let output = model_sqs::ReceiveMessageOutput { messages: Some(vec![message]) };
    let answer = form("localhost/", "Action=ReceiveMessage").answer(&model_sqs::SERVICE, &output);
    let expect = "<ReceiveMessageResult><Message><Body>b</Body><Attribute><Name>SenderId</Name>\
        <Value>s</Value></Attribute></Message></ReceiveMessageResult>";
    assert!(answer.text().contains(expect), "{}", answer.text());

    let answer = form("localhost/", "Action=DeleteQueue").answer(&model_sqs::SERVICE, &schema::Unit);
    assert_eq!(
        answer.text(),
        "<DeleteQueueResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\"><ResponseMetadata>\
         <RequestId>req-1</RequestId></ResponseMetadata></DeleteQueueResponse>"
    );
}

#[test]
fn query_lists_have_member_elements() {
    let output = model_fixture_cloudwatch::ListMetricsOutput {
        metrics: Some(vec![model_fixture_cloudwatch::Metric {
            namespace: Some("n".to_owned()),
            ..Default::default()
        }]),
        ..Default::default()
    };
    let call = form("localhost/", "Action=ListMetrics");
    let answer = call.answer(&model_fixture_cloudwatch::SERVICE, &output);
    let expect =
        "<ListMetricsResult><Metrics><member><Namespace>n</Namespace></member></Metrics></ListMetricsResult>";
    assert!(answer.text().contains(expect), "{}", answer.text());
}

#[test]
fn ec2_answers() {
    let output = model_fixture_ec2::DescribeVpcsOutput {
        vpcs: Some(vec![model_fixture_ec2::Vpc {
            vpc_id: Some("vpc-1".to_owned()),
            is_default: Some(true),
            ..Default::default()
        }]),
        ..Default::default()
    };
    let answer = form("localhost/", "Action=DescribeVpcs").answer(&model_fixture_ec2::SERVICE, &output);
    assert_eq!(
        answer.text(),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <DescribeVpcsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15\">\
         <requestId>req-1</requestId><vpcSet><item><isDefault>true</isDefault><vpcId>vpc-1</vpcId></item>\
         </vpcSet></DescribeVpcsResponse>"
            .replace("2016-11-15\"", answer_namespace_end(answer.text()))
            .as_str()
    );
}

/// botocore's model ends EC2's namespace without a slash; EC2 itself with one. Either is the table's.
fn answer_namespace_end(text: &str) -> &'static str {
    if text.contains("2016-11-15/\"") { "2016-11-15/\"" } else { "2016-11-15\"" }
}

#[test]
fn rest_json_answers() {
    let output = model_lambda::InvokeOutput {
        status_code: Some(202),
        function_error: Some("Unhandled".to_owned()),
        payload: Some(Bytes::from_static(b"{}")),
        ..Default::default()
    };
    let invoke = call("POST", "localhost/2015-03-31/functions/f/invocations");
    let answer = invoke.answer(&model_lambda::SERVICE, &output);
    assert_eq!((answer.status(), answer.text()), (202, "{}"));
    assert_eq!(answer.header("x-amz-function-error"), "Unhandled");
    let delete = call("DELETE", "localhost/2015-03-31/functions/f?Qualifier=1");
    let answer = delete.answer(&model_lambda::SERVICE, &model_lambda::DeleteFunctionOutput::default());
    assert_eq!(answer.bytes(), b"");
    let list = call("GET", "localhost/2015-03-31/functions");
    let answer = list.answer(&model_lambda::SERVICE, &model_lambda::ListFunctionsOutput::default());
    assert_eq!((answer.text(), answer.header("content-type")), ("{}", "application/json"));
}

#[test]
fn rest_xml_answers() {
    let output = model_s3::ListBucketsOutput {
        buckets: Some(vec![model_s3::Bucket {
            name: Some("b".to_owned()),
            creation_date: Some(Timestamp(1_459_799_926_000)),
            ..Default::default()
        }]),
        ..Default::default()
    };
    let answer = call("GET", "localhost/").answer(&model_s3::SERVICE, &output);
    assert_eq!(
        answer.text(),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <ListAllMyBucketsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Buckets><Bucket>\
         <Name>b</Name><CreationDate>2016-04-04T19:58:46.000Z</CreationDate></Bucket></Buckets>\
         </ListAllMyBucketsResult>"
    );
    assert_eq!(answer.header("x-amz-request-id"), "req-1");
    assert!(!answer.header("x-amz-id-2").is_empty());

    let location = model_s3::GetBucketLocationOutput::default();
    let answer = call("GET", "localhost/b?location").answer(&model_s3::SERVICE, &location);
    let expect =
        "<LocationConstraint xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"></LocationConstraint>";
    assert!(answer.text().ends_with(expect), "{}", answer.text());
}

#[test]
fn objects_in_headers() {
    let output = model_s3::HeadObjectOutput {
        content_length: Some(3),
        e_tag: Some("\"d\"".to_owned()),
        last_modified: Some(Timestamp(1_459_799_926_000)),
        metadata: Some(BTreeMap::from([("Colour".to_owned(), "blue\r\nx-evil: 1".to_owned())])),
        ..Default::default()
    };
    let answer = call("HEAD", "localhost/b/k").answer(&model_s3::SERVICE, &output);
    assert_eq!(answer.header("etag"), "\"d\"");
    assert_eq!(answer.header("last-modified"), "Mon, 04 Apr 2016 19:58:46 GMT");
    // What a header cannot hold is left out of it.
    assert_eq!(answer.header("x-amz-meta-colour"), "bluex-evil: 1");
    assert_eq!(answer.bytes(), b"");
}

#[test]
fn an_attribute_and_its_namespace() {
    let grantee = model_s3::Grantee {
        type_: model_s3::Type::CanonicalUser,
        id: Some("i".to_owned()),
        ..Default::default()
    };
    let grant = model_s3::Grant { grantee: Some(grantee), ..Default::default() };
    let output = model_s3::GetBucketAclOutput { grants: Some(vec![grant]), ..Default::default() };
    let answer = call("GET", "localhost/b?acl").answer(&model_s3::SERVICE, &output);
    let expect = "<Grant><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
        xsi:type=\"CanonicalUser\"><ID>i</ID></Grantee></Grant>";
    assert!(answer.text().contains(expect), "{}", answer.text());
}

#[test]
fn cbor_answers() {
    let output = model_fixture_cloudwatch::GetMetricStatisticsOutput {
        label: Some("l".to_owned()),
        datapoints: Some(vec![model_fixture_cloudwatch::Datapoint {
            timestamp: Some(Timestamp(1_000)),
            sum: Some(1.5),
            ..Default::default()
        }]),
    };
    let call = call("POST", "localhost/service/GraniteServiceVersion20100801/operation/GetMetricStatistics")
        .header("smithy-protocol", "rpc-v2-cbor");
    let answer = call.answer(&model_fixture_cloudwatch::SERVICE, &output);
    let mut expect = b"\xa2\x65Label\x61l\x6aDatapoints\x81\xa2\x69Timestamp\xc1\x01\x63Sum\xfb".to_vec();
    expect.extend_from_slice(&1.5_f64.to_be_bytes());
    assert_eq!(answer.bytes(), expect);
    assert_eq!(answer.header("smithy-protocol"), "rpc-v2-cbor");
    assert_eq!(answer.header("content-type"), "application/cbor");
}

/// Long lists are written from an outline of their elements, short ones member by member: the entries are alike.
#[test]
fn entries_of_long_lists_are_those_of_short_ones() {
    use model_s3::{
        ChecksumAlgorithm, ChecksumType, ListObjectsV2Output, Object, Owner, RestoreStatus, SERVICE,
    };
    let object = |number: usize| Object {
        key: Some(format!("<{number}>&")),
        last_modified: number.is_multiple_of(2).then_some(Timestamp(1_767_225_600_250)),
        e_tag: Some("\"e\"".to_owned()),
        checksum_algorithm: match number % 3 {
            0 => None,
            1 => Some(vec![ChecksumAlgorithm::Crc32]),
            _ => Some(vec![ChecksumAlgorithm::Crc32, ChecksumAlgorithm::Other("<new>".to_owned())]),
        },
        checksum_type: (number % 3 == 1).then_some(ChecksumType::FullObject),
        size: Some(-1),
        storage_class: None,
        owner: number.is_multiple_of(5).then(|| Owner { id: Some(String::new()), ..Owner::default() }),
        restore_status: number
            .is_multiple_of(4)
            .then_some(RestoreStatus { is_restore_in_progress: Some(true), restore_expiry_date: None }),
    };
    let entries = |contents: Vec<Object>| {
        let output = ListObjectsV2Output { contents: Some(contents), ..Default::default() };
        let answer = call("GET", "localhost/b?list-type=2").answer(&SERVICE, &output);
        let text = answer.text();
        let begin = text.find("<Contents>").unwrap();
        text[begin..text.rfind("</Contents>").unwrap() + "</Contents>".len()].to_owned()
    };
    let alone: String = (0..60).map(|number| entries(vec![object(number)])).collect();
    assert_eq!(entries((0..60).map(object).collect()), alone);
}
