//! What is measured: the list of cases, the set-up each group of them needs, and the bars they are held to.

use crate::admin::{Admin, json_headers};
use crate::floor::ANSWER_BYTES;
use crate::load::Step;
use crate::template::{Template, json_string, xml_text};
use crate::zip;

/// Which floor a case stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Floor {
    /// Nothing is made durable.
    Echo,
    /// The request's effect is durable when it is answered.
    Log,
}

/// What a case must reach.
#[derive(Debug, Clone, Copy)]
pub enum Bar {
    /// CPU per request at most this many times the floor's.
    CpuTimes(f64),
    /// CPU per iteration of a durable case at most this many times that of one echo.
    CpuOfEcho(f64),
    /// Requests per second at least this share of the floor's.
    RateShare(f64),
    /// Requests per second at least.
    Rate(f64),
    /// Median latency in microseconds.
    Median(f64),
    /// Median latency in microseconds, or this many syncs of the disk where that is more.
    MedianOrSyncs(f64, f64),
}

/// One thing to measure at one number of connections.
pub struct Case {
    pub name: &'static str,
    pub connections: u32,
    pub floor: Floor,
    pub bars: &'static [Bar],
    group: Group,
    steps: fn(&Made) -> Vec<Step>,
}

/// What several cases share a set-up of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    Sts,
    Tables,
    Queues,
    Topics,
    FanOut,
    Objects,
    Listing,
    Functions,
    Notifications,
}

/// Each group that needs a set-up, in the order it is made.
const GROUPS: [Group; 8] = [
    Group::Tables,
    Group::Queues,
    Group::Topics,
    Group::FanOut,
    Group::Objects,
    Group::Listing,
    Group::Notifications,
    Group::Functions,
];

const SNS_VERSION: &str = "2010-03-31";
const LISTING: &str = "list-type=2&max-keys=1000";
/// Objects in the bucket that is listed.
const LISTED: usize = 10_000;
/// Queues that one message goes to.
const FANNED: usize = 100;

/// What the set-up made: addresses, or why there are none.
#[derive(Default)]
pub struct Made {
    queue: String,
    topic: String,
    wide_topic: String,
    last_of_many: String,
    events: String,
    /// How long the answer of the listing is.
    page_bytes: usize,
    failed: Vec<(Group, String)>,
}

/// Every case, in the order of the table.
pub const CASES: &[Case] = &[
    case("sts-identity", 32, Floor::Echo, Group::Sts, |_| vec![identity()], &[]),
    case("get-item", 32, Floor::Echo, Group::Tables, |_| vec![get_item()], &[Bar::CpuTimes(2.5)]),
    case("query", 32, Floor::Echo, Group::Tables, |_| vec![query()], &[Bar::CpuTimes(5.0)]),
    case("put-item", 32, Floor::Log, Group::Tables, |_| vec![put_item()], PUT_ITEM),
    case("put-item-256", 256, Floor::Log, Group::Tables, |_| vec![put_item()], &[Bar::RateShare(0.6)]),
    case("hot-counter", 32, Floor::Log, Group::Tables, |_| vec![update_item()], UPDATE_ITEM),
    case("hot-counter-256", 256, Floor::Log, Group::Tables, |_| vec![update_item()], &[Bar::RateShare(0.5)]),
    case("transact-write", 32, Floor::Log, Group::Tables, |_| vec![transact_write()], TRANSACT_WRITE),
    case("send-message", 32, Floor::Log, Group::Queues, |made| vec![send(&made.queue)], SEND_MESSAGE),
    case(
        "send-message-256",
        256,
        Floor::Log,
        Group::Queues,
        |made| vec![send(&made.queue)],
        &[Bar::RateShare(0.6)],
    ),
    case(
        "send-batch-10",
        32,
        Floor::Log,
        Group::Queues,
        |made| vec![send_batch(&made.queue)],
        &[Bar::CpuOfEcho(9.0)],
    ),
    case("send-receive-delete", 32, Floor::Log, Group::Queues, |made| cycle(&made.queue), CYCLE),
    case(
        "send-receive-delete-256",
        256,
        Floor::Log,
        Group::Queues,
        |made| cycle(&made.queue),
        &[Bar::RateShare(0.2)],
    ),
    case(
        "publish",
        32,
        Floor::Log,
        Group::Topics,
        |made| vec![publish(&made.topic, &filler())],
        &[Bar::CpuOfEcho(4.0)],
    ),
    case("fan-out-100", 1, Floor::Log, Group::FanOut, fanned_out, &[Bar::MedianOrSyncs(5000.0, 3.0)]),
    case(
        "s3-get",
        32,
        Floor::Echo,
        Group::Objects,
        |_| vec![s3("GET", "/bench/object", "")],
        &[Bar::CpuTimes(2.5)],
    ),
    case(
        "s3-put",
        32,
        Floor::Log,
        Group::Objects,
        |_| vec![s3("PUT", "/bench/<<seq>>", &filler())],
        PUT_OBJECT,
    ),
    case(
        "s3-list-1000",
        8,
        Floor::Echo,
        Group::Listing,
        |made| vec![list(made.page_bytes)],
        &[Bar::CpuTimes(10.0)],
    ),
    case("s3-to-sqs", 1, Floor::Log, Group::Notifications, notified, &[Bar::MedianOrSyncs(5000.0, 3.0)]),
    case("invoke", 1, Floor::Echo, Group::Functions, |_| vec![invoke()], &[Bar::Median(250.0)]),
    case("invoke-16", 16, Floor::Echo, Group::Functions, |_| vec![invoke()], &[Bar::Rate(6000.0)]),
];

const PUT_ITEM: &[Bar] = &[Bar::RateShare(0.6), Bar::CpuOfEcho(4.0)];
const UPDATE_ITEM: &[Bar] = &[Bar::RateShare(0.5), Bar::CpuOfEcho(4.0)];
const TRANSACT_WRITE: &[Bar] = &[Bar::RateShare(0.5), Bar::CpuOfEcho(6.0)];
const SEND_MESSAGE: &[Bar] = &[Bar::RateShare(0.6), Bar::CpuOfEcho(3.0)];
/// Three requests, each at most 3.5 times an echo.
const CYCLE: &[Bar] = &[Bar::RateShare(0.2), Bar::CpuOfEcho(10.5)];
const PUT_OBJECT: &[Bar] = &[Bar::RateShare(0.5), Bar::CpuOfEcho(5.0)];

const fn case(
    name: &'static str,
    connections: u32,
    floor: Floor,
    group: Group,
    steps: fn(&Made) -> Vec<Step>,
    bars: &'static [Bar],
) -> Case {
    Case { name, connections, floor, bars, group, steps }
}

impl Case {
    /// Whether a durable case is held to what an echo costs.
    pub fn wants_echo(&self) -> bool {
        self.bars.iter().any(|bar| matches!(bar, Bar::CpuOfEcho(_)))
    }

    /// The steps of one iteration, or why this case cannot run.
    pub fn steps(&self, made: &Made) -> Result<Vec<Step>, String> {
        match made.failed.iter().find(|(group, _)| *group == self.group) {
            Some((_, why)) => Err(why.clone()),
            None => Ok((self.steps)(made)),
        }
    }
}

/// Makes what the wanted cases need. A group that cannot be made takes only its own cases away.
pub async fn set_up(admin: &mut Admin, wanted: &[&Case]) -> Made {
    let mut made = Made::default();
    for group in GROUPS {
        if !wanted.iter().any(|case| case.group == group) {
            continue;
        }
        let result = match group {
            Group::Sts => Ok(()),
            Group::Tables => tables(admin).await,
            Group::Queues => new_queue(admin, "bench").await.map(|url| made.queue = url),
            Group::Topics => topic(admin, "bench", 1).await.map(|(arn, _)| made.topic = arn),
            Group::FanOut => topic(admin, "bench-wide", FANNED)
                .await
                .map(|(arn, url)| (made.wide_topic, made.last_of_many) = (arn, url)),
            Group::Objects => objects(admin).await,
            Group::Listing => listing(admin).await.map(|bytes| made.page_bytes = bytes),
            Group::Notifications => notifications(admin).await.map(|url| made.events = url),
            Group::Functions => functions(admin).await,
        };
        if let Err(why) = result {
            made.failed.push((group, why));
        }
    }
    made
}

async fn tables(admin: &mut Admin) -> Result<(), String> {
    let key = r#"{"AttributeName":"id","AttributeType":"S"}"#;
    let range = r#"{"AttributeName":"at","AttributeType":"N"}"#;
    let hash = r#"{"AttributeName":"id","KeyType":"HASH"}"#;
    let shapes = [
        ("bench", key.to_owned(), hash.to_owned()),
        (
            "bench-range",
            format!("{key},{range}"),
            format!(r#"{hash},{{"AttributeName":"at","KeyType":"RANGE"}}"#),
        ),
    ];
    for (name, attributes, schema) in shapes {
        let body = format!(
            r#"{{"TableName":"{name}","BillingMode":"PAY_PER_REQUEST","AttributeDefinitions":[{attributes}],"KeySchema":[{schema}]}}"#
        );
        admin.json("dynamodb", "DynamoDB_20120810.CreateTable", &body).await?;
        let body = format!(r#"{{"TableName":"{name}"}}"#);
        admin.json_until("dynamodb", "DynamoDB_20120810.DescribeTable", &body, "ACTIVE").await?;
    }
    let item =
        format!(r#"{{"TableName":"bench","Item":{{"id":{{"S":"read"}},"data":{{"S":"{}"}}}}}}"#, filler());
    admin.json("dynamodb", "DynamoDB_20120810.PutItem", &item).await?;
    for at in 0..10 {
        let item = format!(
            r#"{{"TableName":"bench-range","Item":{{"id":{{"S":"read"}},"at":{{"N":"{at}"}},"data":{{"S":"{}"}}}}}}"#,
            &filler()[..100]
        );
        admin.json("dynamodb", "DynamoDB_20120810.PutItem", &item).await?;
    }
    Ok(())
}

async fn new_queue(admin: &mut Admin, name: &str) -> Result<String, String> {
    let body = format!(r#"{{"QueueName":"{name}"}}"#);
    let answer = admin.json("sqs", "AmazonSQS.CreateQueue", &body).await?;
    json_string(&answer, "QueueUrl").ok_or_else(|| "CreateQueue answered no URL".into())
}

/// How many subscribers are handed a publication in one commit.
const CHUNK: usize = 50;

/// A topic with queues; its ARN, and the URL of the queue that is the last to be handed anything: of the last chunk
/// of subscriptions in the order of their ids, the greatest by name.
async fn topic(admin: &mut Admin, name: &str, queues: usize) -> Result<(String, String), String> {
    let made = admin.query("sns", SNS_VERSION, "CreateTopic", &[("Name", name)]).await?;
    let topic = xml_text(&made, "TopicArn").ok_or("CreateTopic answered no ARN")?.to_owned();
    let mut subscribed = Vec::with_capacity(queues);
    for number in 0..queues {
        let name = format!("{name}-{number:03}");
        let url = new_queue(admin, &name).await?;
        let queue = format!("arn:aws:sqs:us-east-1:000000000000:{name}");
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"sns.amazonaws.com"}},"Action":"sqs:SendMessage","Resource":"{queue}"}}]}}"#
        );
        let attributes = serde_json::json!({"QueueUrl": url, "Attributes": {"Policy": policy}}).to_string();
        admin.json("sqs", "AmazonSQS.SetQueueAttributes", &attributes).await?;
        let subscription = [("TopicArn", topic.as_str()), ("Protocol", "sqs"), ("Endpoint", queue.as_str())];
        let answer = admin.query("sns", SNS_VERSION, "Subscribe", &subscription).await?;
        let id = xml_text(&answer, "SubscriptionArn").ok_or("Subscribe answered no ARN")?.to_owned();
        subscribed.push((id, url));
    }
    subscribed.sort();
    let last = subscribed.chunks(CHUNK).next_back().unwrap_or_default().iter().map(|(_, url)| url).max();
    Ok((topic, last.cloned().unwrap_or_default()))
}

async fn objects(admin: &mut Admin) -> Result<(), String> {
    admin.rest("s3", "PUT", "/bench", "", b"").await?;
    admin.rest("s3", "PUT", "/bench/object", "", filler().as_bytes()).await.map(drop)
}

/// A bucket to be listed; the length of the answer that is measured.
async fn listing(admin: &mut Admin) -> Result<usize, String> {
    admin.rest("s3", "PUT", "/bench-listing", "", b"").await?;
    for number in 0..LISTED {
        admin.rest("s3", "PUT", &format!("/bench-listing/object-{number:06}"), "", b"x").await?;
    }
    admin.rest("s3", "GET", "/bench-listing", LISTING, b"").await.map(|page| page.len())
}

async fn notifications(admin: &mut Admin) -> Result<String, String> {
    let url = new_queue(admin, "bench-events").await?;
    let arn = "arn:aws:sqs:us-east-1:000000000000:bench-events";
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"s3.amazonaws.com"}},"Action":"sqs:SendMessage","Resource":"{arn}"}}]}}"#
    );
    let attributes = serde_json::json!({"QueueUrl": url, "Attributes": {"Policy": policy}}).to_string();
    admin.json("sqs", "AmazonSQS.SetQueueAttributes", &attributes).await?;
    admin.rest("s3", "PUT", "/bench-events", "", b"").await?;
    let configuration = format!(
        "<NotificationConfiguration><QueueConfiguration><Queue>{arn}</Queue><Event>s3:ObjectCreated:*</Event></QueueConfiguration></NotificationConfiguration>"
    );
    admin.rest("s3", "PUT", "/bench-events", "notification=", configuration.as_bytes()).await?;
    // S3 announces itself with a test event: out of the way before anything is measured.
    let body = format!(r#"{{"QueueUrl":"{url}","WaitTimeSeconds":2}}"#);
    let first = admin.json("sqs", "AmazonSQS.ReceiveMessage", &body).await?;
    if let Some(handle) = json_string(&first, "ReceiptHandle") {
        let body = serde_json::json!({"QueueUrl": url, "ReceiptHandle": handle}).to_string();
        admin.json("sqs", "AmazonSQS.DeleteMessage", &body).await?;
    }
    Ok(url)
}

async fn functions(admin: &mut Admin) -> Result<(), String> {
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    let role = [("RoleName", "bench-function"), ("AssumeRolePolicyDocument", trust)];
    admin.query("iam", "2010-05-08", "CreateRole", &role).await?;
    let code = zip::stored("app.py", b"def handler(event, context):\n    return {'n': event['n'] + 1}\n");
    let body = serde_json::json!({
        "FunctionName": "bench", "Runtime": "python3.12", "Handler": "app.handler",
        "Role": "arn:aws:iam::000000000000:role/bench-function", "Code": {"ZipFile": base64(&code)},
    });
    admin.rest("lambda", "POST", "/2015-03-31/functions", "", body.to_string().as_bytes()).await?;
    for _ in 0..3000 {
        let answer =
            admin.rest("lambda", "GET", "/2015-03-31/functions/bench/configuration", "", b"").await?;
        match json_string(&answer, "State").as_deref() {
            Some("Active") => return Ok(()),
            Some("Failed") => return Err("the function's state is Failed".into()),
            _ => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
        }
    }
    Err("the function was not active within 30 s".into())
}

fn step(
    service: &'static str,
    method: &'static str,
    path: &str,
    headers: &[(String, String)],
    body: &str,
) -> Step {
    Step {
        service,
        method,
        path: Template::new(path),
        query: "",
        headers: headers.iter().map(|(name, value)| (name.clone(), Template::new(value))).collect(),
        body: Template::new(body),
        expect: None,
        until: None,
        extract: Vec::new(),
        untimed: false,
    }
}

fn dynamodb(operation: &str, body: &str) -> Step {
    step("dynamodb", "POST", "/", &json_headers(&format!("DynamoDB_20120810.{operation}")), body)
}

fn sqs(operation: &str, body: &str) -> Step {
    step("sqs", "POST", "/", &json_headers(&format!("AmazonSQS.{operation}")), body)
}

fn s3(method: &'static str, path: &str, body: &str) -> Step {
    step("s3", method, path, &[], body)
}

fn identity() -> Step {
    let headers = [("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
    let mut step = step("sts", "POST", "/", &headers, "Action=GetCallerIdentity&Version=2011-06-15");
    step.expect = Some("assumed-role/bench");
    step
}

fn get_item() -> Step {
    let mut step = dynamodb("GetItem", r#"{"TableName":"bench","Key":{"id":{"S":"read"}}}"#);
    step.expect = Some(r#""id""#);
    step
}

fn put_item() -> Step {
    let item = format!(
        r#"{{"TableName":"bench","Item":{{"id":{{"S":"w-<<seq>>"}},"data":{{"S":"{}"}}}}}}"#,
        filler()
    );
    dynamodb("PutItem", &item)
}

fn update_item() -> Step {
    dynamodb(
        "UpdateItem",
        r#"{"TableName":"bench","Key":{"id":{"S":"hot"}},"UpdateExpression":"ADD hits :one","ExpressionAttributeValues":{":one":{"N":"1"}}}"#,
    )
}

fn transact_write() -> Step {
    let put = |table: &str, key: &str| {
        format!(
            r#"{{"Put":{{"TableName":"{table}","Item":{{{key},"data":{{"S":"{}"}}}}}}}}"#,
            &filler()[..100]
        )
    };
    let puts = [
        put("bench", r#""id":{"S":"t-<<seq>>"}"#),
        put("bench-range", r#""id":{"S":"t-<<seq>>"},"at":{"N":"1"}"#),
    ];
    dynamodb("TransactWriteItems", &format!(r#"{{"TransactItems":[{}]}}"#, puts.join(",")))
}

fn query() -> Step {
    let mut step = dynamodb(
        "Query",
        r#"{"TableName":"bench-range","KeyConditionExpression":"id = :id","ExpressionAttributeValues":{":id":{"S":"read"}}}"#,
    );
    step.expect = Some(r#""Count":10"#);
    step
}

fn send(queue: &str) -> Step {
    let mut step = sqs("SendMessage", &format!(r#"{{"QueueUrl":"{queue}","MessageBody":"{}"}}"#, filler()));
    step.expect = Some("MessageId");
    step
}

fn send_batch(queue: &str) -> Step {
    let entries: Vec<String> =
        (0..10).map(|id| format!(r#"{{"Id":"{id}","MessageBody":"{}"}}"#, &filler()[..100])).collect();
    let body = format!(r#"{{"QueueUrl":"{queue}","Entries":[{}]}}"#, entries.join(","));
    let mut step = sqs("SendMessageBatch", &body);
    step.expect = Some("Successful");
    step
}

/// The floor answers with as many bytes as the region.
fn list(page_bytes: usize) -> Step {
    let headers = [(ANSWER_BYTES.to_owned(), page_bytes.to_string())];
    let mut step = step("s3", "GET", "/bench-listing", &headers, "");
    step.query = LISTING;
    step.expect = Some("<KeyCount>1000</KeyCount>");
    step
}

fn publish(topic: &str, message: &str) -> Step {
    let headers = [("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
    let topic = topic.replace(':', "%3A");
    let body = format!("Action=Publish&Version={SNS_VERSION}&TopicArn={topic}&Message={message}");
    let mut step = step("sns", "POST", "/", &headers, &body);
    step.expect = Some("<MessageId>");
    step
}

/// From the publication's first byte to the answer that carries the message out of the last queue.
fn fanned_out(made: &Made) -> Vec<Step> {
    let mut delete = delete(&made.last_of_many);
    delete.untimed = true;
    let published = publish(&made.wide_topic, "m-<<seq>>.");
    vec![published, receive(&made.last_of_many, "m-<<seq>>."), delete]
}

fn cycle(queue: &str) -> Vec<Step> {
    vec![send(queue), receive(queue, "ReceiptHandle"), delete(queue)]
}

fn receive(queue: &str, until: &str) -> Step {
    let mut step = sqs("ReceiveMessage", &format!(r#"{{"QueueUrl":"{queue}","WaitTimeSeconds":1}}"#));
    step.until = Some(Template::new(until));
    step.extract = vec![("handle", "ReceiptHandle")];
    step
}

fn delete(queue: &str) -> Step {
    sqs("DeleteMessage", &format!(r#"{{"QueueUrl":"{queue}","ReceiptHandle":"<<handle>>"}}"#))
}

/// From the upload's first byte to the answer that carries its event. The event is text inside a JSON
/// string, so the key stands there with escaped quotes.
fn notified(made: &Made) -> Vec<Step> {
    let mut delete = delete(&made.events);
    delete.untimed = true;
    vec![s3("PUT", "/bench-events/e-<<seq>>", &filler()), receive(&made.events, r#"e-<<seq>>\""#), delete]
}

fn invoke() -> Step {
    let mut step = step("lambda", "POST", "/2015-03-31/functions/bench/invocations", &[], r#"{"n":41}"#);
    step.expect = Some("42");
    step
}

/// 1000 characters that no compression shortens to nothing.
fn filler() -> String {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"[(state % 64) as usize])
    };
    (0..1000).map(next).collect()
}

/// RFC 4648's, padded.
pub fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().enumerate().fold(0u32, |word, (at, byte)| word | u32::from(*byte) << (16 - 8 * at));
        for at in 0..4 {
            let digit = ALPHABET[(word >> (18 - 6 * at)) as usize & 63];
            text.push(if at <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_the_rfcs_examples() {
        // RFC 4648, section 10.
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
        {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn names_are_unique_and_a_failed_group_takes_its_cases_away() {
        let mut names: Vec<_> = CASES.iter().map(|case| case.name).collect();
        names.dedup();
        assert_eq!(names.len(), CASES.len());
        let made = Made { failed: vec![(Group::Tables, "why".into())], ..Made::default() };
        assert!(CASES[1].steps(&made).is_err_and(|why| why == "why"));
        assert!(CASES[0].steps(&made).is_ok());
    }
}
