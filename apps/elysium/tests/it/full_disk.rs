//! Below the bound of free disk every room answers writes with its service's unavailability and goes on
//! reading.

use elysium::rooms;
use store::{DataDirectory, MemoryEngine, Options, Store};
use testkit::{Region, ReplyBody, Setup};

/// A request: service, method, path, target, body.
type Ask = (&'static str, &'static str, &'static str, &'static str, &'static str);

const MADE: [Ask; 6] = [
    ("sqs", "POST", "/", "AmazonSQS.CreateQueue", r#"{"QueueName":"q"}"#),
    (
        "dynamodb",
        "POST",
        "/",
        "DynamoDB_20120810.CreateTable",
        r#"{"TableName":"table","BillingMode":"PAY_PER_REQUEST","AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"}],"KeySchema":[{"AttributeName":"id","KeyType":"HASH"}]}"#,
    ),
    (
        "dynamodb",
        "POST",
        "/",
        "DynamoDB_20120810.PutItem",
        r#"{"TableName":"table","Item":{"id":{"S":"old"}}}"#,
    ),
    ("s3", "PUT", "/bucket", "", ""),
    ("s3", "PUT", "/bucket/old", "", "old"),
    ("logs", "POST", "/", "Logs_20140328.CreateLogGroup", r#"{"logGroupName":"group"}"#),
];

const READS: [Ask; 4] = [
    (
        "sqs",
        "POST",
        "/",
        "AmazonSQS.GetQueueAttributes",
        r#"{"QueueUrl":"http://localhost:4566/000000000000/q"}"#,
    ),
    (
        "dynamodb",
        "POST",
        "/",
        "DynamoDB_20120810.GetItem",
        r#"{"TableName":"table","Key":{"id":{"S":"old"}}}"#,
    ),
    ("s3", "GET", "/bucket/old", "", ""),
    ("logs", "POST", "/", "Logs_20140328.DescribeLogGroups", "{}"),
];

const WRITES: [Ask; 7] = [
    (
        "sqs",
        "POST",
        "/",
        "AmazonSQS.SendMessage",
        r#"{"QueueUrl":"http://localhost:4566/000000000000/q","MessageBody":"m"}"#,
    ),
    (
        "dynamodb",
        "POST",
        "/",
        "DynamoDB_20120810.PutItem",
        r#"{"TableName":"table","Item":{"id":{"S":"new"}}}"#,
    ),
    ("s3", "PUT", "/bucket/new", "", "new"),
    ("logs", "POST", "/", "Logs_20140328.CreateLogGroup", r#"{"logGroupName":"other"}"#),
    ("iam", "POST", "/", "", "Action=CreateUser&Version=2010-05-08&UserName=u"),
    ("apigateway", "POST", "/v2/apis", "", r#"{"name":"api","protocolType":"HTTP"}"#),
    ("s3", "PUT", "/bucket/large", "", "large"),
];

async fn ask(region: &Region, (service, method, path, target, body): Ask) -> (u16, String) {
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    );
    let content_type = match service {
        "iam" => "application/x-www-form-urlencoded",
        _ => "application/x-amz-json-1.0",
    };
    let mut headers = vec![("authorization", scope.as_str()), ("content-type", content_type)];
    if !target.is_empty() {
        headers.push(("x-amz-target", target));
    }
    // Large enough for a blob of its own.
    let body = if body == "large" { "x".repeat(100_000) } else { body.to_owned() };
    let answer = region.http(method, path, &headers, body.into()).await;
    let text = match answer.body {
        ReplyBody::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        ReplyBody::Stream(_) => String::new(),
    };
    (answer.status, text)
}

async fn region(engine: &MemoryEngine, folder: &tempfile::TempDir, minimum_free: u64) -> (Region, Store) {
    let directory = DataDirectory::open(folder.path()).unwrap();
    let options = Options { minimum_free, ..Options::in_directory(directory).unwrap() };
    let store = Store::open(Box::new(engine.clone()), options).unwrap();
    let setup = Setup { store: Some(store.clone()), ..Setup::of(rooms::all()) };
    (setup.start().await, store)
}

async fn stop(region: Region, store: Store) {
    let clock = region.host().clock.clone();
    let host = std::sync::Arc::downgrade(region.host());
    region.stop().await;
    drop(store);
    while host.strong_count() > 0 {
        clock.rest(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_wait_for_room_and_reads_go_on() {
    let (engine, folder) = (MemoryEngine::new(), tempfile::tempdir().unwrap());
    let (roomy, store) = region(&engine, &folder, 0).await;
    for request in MADE {
        let answer = ask(&roomy, request).await;
        assert!(answer.0 < 300, "{request:?}: {answer:?}");
    }
    roomy.settle().await;
    stop(roomy, store).await;

    let (full, store) = region(&engine, &folder, u64::MAX).await;
    for request in READS {
        let answer = ask(&full, request).await;
        assert_eq!(answer.0, 200, "{request:?}: {answer:?}");
    }
    for request in WRITES {
        let answer = ask(&full, request).await;
        // CloudWatch Logs API reference, ServiceUnavailableException: HTTP status code 500.
        let expected = if request.0 == "logs" { 500 } else { 503 };
        assert_eq!(answer.0, expected, "{request:?}: {answer:?}");
    }
    stop(full, store).await;
    let blobs = std::fs::read_dir(folder.path().join("blobs")).unwrap().count();
    assert_eq!(blobs, 0, "no bytes were written either");

    let (roomy, _store) = region(&engine, &folder, 0).await;
    for request in WRITES {
        let answer = ask(&roomy, request).await;
        assert!(answer.0 < 300, "{request:?}: {answer:?}");
    }
}
