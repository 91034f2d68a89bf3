//! Broken constraints in AWS's words.

use crate::exchange::{call, form, json};
use model_dynamodb::SERVICE as DYNAMODB;

fn dynamodb(operation: &str, body: &str) -> String {
    json(&format!("DynamoDB_20120810.{operation}"), body).violations(&DYNAMODB)
}

#[test]
fn missing_members_stand_in_the_models_order() {
    assert_eq!(
        dynamodb("PutItem", "{}"),
        "2 validation errors detected: Value null at 'tableName' failed to satisfy constraint: Member must \
         not be null; Value null at 'item' failed to satisfy constraint: Member must not be null"
    );
    assert_eq!(dynamodb("PutItem", r#"{"TableName":"abc","Item":{}}"#), "");
}

/// The paths are those of DynamoDB's answers: `requestItems.Auth.member.keys` in aws/aws-sdk-js issue 1150.
#[test]
fn paths_into_lists_and_maps() {
    let body = r#"{"RequestItems":{"Auth":{"Keys":[]}}}"#;
    assert_eq!(
        dynamodb("BatchGetItem", body),
        "1 validation error detected: Value '[]' at 'requestItems.Auth.member.keys' failed to satisfy \
         constraint: Member must have length greater than or equal to 1"
    );
    let body = r#"{"RequestItems":{"abc":[{"PutRequest":{}}]}}"#;
    assert_eq!(
        dynamodb("BatchWriteItem", body),
        "1 validation error detected: Value null at 'requestItems.abc.member.1.member.putRequest.item' \
         failed to satisfy constraint: Member must not be null"
    );
    let body =
        r#"{"TableName":"abc","AttributeDefinitions":[],"KeySchema":[{"AttributeName":"a","KeyType":"X"}]}"#;
    assert_eq!(
        dynamodb("CreateTable", body),
        "1 validation error detected: Value 'X' at 'keySchema.1.member.keyType' failed to satisfy \
         constraint: Member must satisfy enum value set: [HASH, RANGE]"
    );
}

/// As quoted in flow-lab/flow issue 5: the bounds of a map's values are reported at the map.
#[test]
fn rules_of_elements_are_reported_at_the_collection() {
    let body = r#"{"RequestItems":{"abc":[]}}"#;
    assert_eq!(
        dynamodb("BatchWriteItem", body),
        "1 validation error detected: Value '{abc=[]}' at 'requestItems' failed to satisfy constraint: Map \
         value must satisfy constraint: [Member must have length less than or equal to 25, Member must have \
         length greater than or equal to 1]"
    );
}

/// As Lambda answered (recorded answers of public test suites).
#[test]
fn elements_that_are_not_null_are_told_so() {
    let lambda = |body: &str| call("POST", "localhost/2018-10-31/layers/l/versions").body(body);
    let body = r#"{"Content":{},"CompatibleArchitectures":["invalidarch","x86_64"]}"#;
    assert_eq!(
        lambda(body).violations(&model_lambda::SERVICE),
        "1 validation error detected: Value '[invalidarch, x86_64]' at 'compatibleArchitectures' failed to satisfy \
         constraint: Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must \
         not be null]"
    );
    let function = r#"{"FunctionName":"f","Role":"arn:aws:iam::000000000000:role/r","Code":{}"#;
    let function = |more: &str| {
        let body = format!("{function},{more}}}");
        call("POST", "localhost/2015-03-31/functions").body(body).violations(&model_lambda::SERVICE)
    };
    let layers = function(r#""Layers":["l"]"#);
    assert!(layers.ends_with("awslayer:[a-zA-Z0-9-_]+), Member must not be null]"), "{layers}");
    let body = r#"{"Name":"a","FunctionVersion":"1","RoutingConfig":{"AdditionalVersionWeights":{"2":2}}}"#;
    let alias = call("POST", "localhost/2015-03-31/functions/f/aliases").body(body);
    assert_eq!(
        alias.violations(&model_lambda::SERVICE),
        "1 validation error detected: Value '{2=2.0}' at 'routingConfig.additionalVersionWeights' failed to satisfy \
         constraint: Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must \
         have value greater than or equal to 0.0, Member must not be null]"
    );
}

#[test]
fn numbers_and_lengths() {
    assert_eq!(
        dynamodb("Scan", r#"{"TableName":"abc","Limit":0}"#),
        "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: Member must have \
         value greater than or equal to 1"
    );
    let logs = |body: &str| json("Logs_20140328.CreateLogGroup", body).violations(&model_logs::SERVICE);
    assert_eq!(
        logs(r#"{"logGroupName":"a b"}"#),
        "1 validation error detected: Value 'a b' at 'logGroupName' failed to satisfy constraint: Member \
         must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+"
    );
    let two = logs(r#"{"logGroupName":""}"#);
    assert!(two.starts_with("2 validation errors detected: Value '' at 'logGroupName'"), "{two}");
    assert!(
        two.contains("; Value '' at 'logGroupName' failed to satisfy constraint: Member must have length")
    );
}

/// DynamoDB judges its attribute values itself: nothing of them is a broken constraint here, and what has
/// several members keeps them.
#[test]
fn lenient_unions_keep_what_is_wrong_with_them() {
    let put = |value: &str| {
        let body = format!(r#"{{"TableName":"abc","Item":{{"a":{value}}}}}"#);
        assert_eq!(dynamodb("PutItem", &body), "", "{value}");
        let call = json("DynamoDB_20120810.PutItem", &body);
        call.input::<model_dynamodb::PutItemInput>(&DYNAMODB).item["a"].clone()
    };
    use model_dynamodb::AttributeValue;
    let text = || AttributeValue::S("a".into());
    assert_eq!(put("{}"), AttributeValue::Unset);
    assert_eq!(put(r#"{"S":"a","N":null}"#), text());
    let all = vec![text(), AttributeValue::N("1".into()), AttributeValue::L(vec![text()])];
    assert_eq!(put(r#"{"S":"a","N":"1","L":[{"S":"a"}]}"#), AttributeValue::Many(all));
}

/// As dynalite recorded DynamoDB's (test/createTable.js, test/getItem.js).
#[test]
fn names_of_tables() {
    let required = "The parameter 'TableName' is required but was not present in the request";
    assert_eq!(dynamodb("CreateTable", "{}"), required);
    let short = "TableName must be at least 3 characters long and at most 255 characters long";
    assert_eq!(dynamodb("DescribeTable", r#"{"TableName":"a;"}"#), short);
    let arn = "arn:aws:dynamodb:us-east-1:000000000000:table/things";
    assert_eq!(dynamodb("DescribeTable", &format!(r#"{{"TableName":"{arn}"}}"#)), "");
    assert_eq!(dynamodb("GetItem", &format!(r#"{{"TableName":"{arn}","Key":{{}}}}"#)), "");
    let item = dynamodb("GetItem", r#"{"TableName":"a;","Key":{}}"#);
    assert!(item.starts_with("2 validation errors detected: Value 'a;' at 'tableName'"), "{item}");
}

#[test]
fn codes_by_protocol() {
    let violations = |call: &crate::exchange::Call, service| {
        let route = call.route(&[service]).unwrap();
        let (input, mut violations) = call.decode(service).unwrap();
        wire::validate(input.as_ref(), &mut violations);
        violations.into_error(&route.form()).code
    };
    assert_eq!(violations(&json("DynamoDB_20120810.PutItem", "{}"), &DYNAMODB), "ValidationException");
    let query = form("localhost/", "Action=CreateUser&Version=2010-05-08");
    assert_eq!(violations(&query, &model_iam::SERVICE), "ValidationError");
    let ec2 = form("localhost/", "Action=CreateSubnet&Version=2016-11-15");
    assert_eq!(violations(&ec2, &model_fixture_ec2::SERVICE), "MissingParameter");
    let logs = json("Logs_20140328.CreateLogGroup", "{}");
    assert_eq!(violations(&logs, &model_logs::SERVICE), "InvalidParameterException");
    let lambda = call("POST", "localhost/2015-03-31/functions").body("{}");
    assert_eq!(violations(&lambda, &model_lambda::SERVICE), "ValidationException");
}

#[test]
fn what_is_sensitive_is_not_shown() {
    let body = format!(
        r#"{{"FunctionName":"f","Role":"arn:aws:iam::000000000000:role/r","Code":{{}},"Description":"{}"}}"#,
        "d".repeat(300)
    );
    let shown = call("POST", "localhost/2015-03-31/functions").body(body).violations(&model_lambda::SERVICE);
    assert!(shown.contains("Value 'ddd"), "{shown}");
    let body =
        format!("Action=CreateLoginProfile&Version=2010-05-08&UserName=u&Password={}", "s".repeat(200));
    let call = form("localhost/", &body);
    if call.route(&[&model_iam::SERVICE]).is_ok_and(|route| route.operation.served().is_some()) {
        let hidden = call.violations(&model_iam::SERVICE);
        assert!(hidden.contains("Value at 'password' failed"), "{hidden}");
    }
}

#[test]
fn every_pattern_of_the_models_compiles() {
    let services = [
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
    ];
    let failures: Vec<String> = services.iter().flat_map(|service| wire::broken_patterns(service)).collect();
    assert_eq!(failures, Vec::<String>::new());
}
