//! What watches groups: metric filters, subscriptions of functions, and the policies of the region's groups.

use super::{put, region as bare, stream};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model_logs::operations as of;
use model_logs::*;
use names::Timestamp;
use schema::ApiError;
use serde_json::Value;
use service::{Ctx, Delivery, Operation, Reception, Service, Target};
use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Arc, Mutex};
use store::Tx;
use testkit::Region;

const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:listener";

/// A function that remembers what it got.
#[derive(Clone, Default)]
struct Listener(Arc<Mutex<Vec<Delivery>>>);

impl Target for Listener {
    fn service(&self) -> &'static str {
        "lambda"
    }

    fn action(&self) -> &'static str {
        "lambda:InvokeFunction"
    }

    fn reception(&self) -> Reception {
        Reception::Stores
    }

    fn accept(&self, _: &mut Tx, deliveries: &[Delivery], _: Timestamp) -> Result<(), ApiError> {
        let mut got = self.0.lock().unwrap();
        for delivery in deliveries {
            if !got.iter().any(|known| known.id == delivery.id) {
                got.push(delivery.clone());
            }
        }
        Ok(())
    }
}

impl Listener {
    fn got(&self) -> Vec<Value> {
        self.0.lock().unwrap().drain(..).map(|delivery| opened(&delivery.payload)).collect()
    }
}

fn opened(payload: &[u8]) -> Value {
    let outer: Value = serde_json::from_slice(payload).unwrap();
    let zipped = STANDARD.decode(outer["awslogs"]["data"].as_str().unwrap()).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(&zipped[..]).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Invocations on trial find the function `listener` only.
async fn invoke(
    _ctx: Ctx,
    input: Arc<model_lambda::InvokeInput>,
) -> Result<model_lambda::InvokeOutput, ApiError> {
    assert_eq!(input.invocation_type, Some(model_lambda::InvocationType::DryRun));
    if input.function_name == FUNCTION {
        Ok(model_lambda::InvokeOutput::default())
    } else {
        Err(ApiError::new("ResourceNotFoundException", 404, "Function not found"))
    }
}

async fn region() -> (Region, Listener) {
    let listener = Listener::default();
    let invoke = Operation::new::<model_lambda::operations::Invoke, _, _, _>(invoke).acts_on_everything();
    let lambda = Service::new("lambda", vec![invoke]).target(listener.clone());
    let region = Region::of(vec![logs::service(), lambda]).await;
    let group = CreateLogGroupInput { log_group_name: "g".into(), ..Default::default() };
    region.call::<of::CreateLogGroup>(group).await.unwrap();
    stream(&region, "s").await;
    (region, listener)
}

fn filter(name: &str, pattern: &str, value: &str) -> PutMetricFilterInput {
    PutMetricFilterInput {
        log_group_name: "g".into(),
        filter_name: name.into(),
        filter_pattern: pattern.into(),
        metric_transformations: vec![MetricTransformation {
            metric_name: format!("{name}-metric"),
            metric_namespace: "bards".into(),
            metric_value: value.into(),
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// What was counted: the metric with its dimensions, the events, their sum.
fn counted(region: &Region) -> Vec<(String, f64, f64)> {
    let told = logs::service().measures.unwrap()(region.host());
    let named = |measure: &service::Measure| {
        let label = |name: &str| measure.labels.iter().find(|(label, _)| *label == name).unwrap().1.clone();
        format!("{} {}", label("metric"), label("dimensions"))
    };
    told.chunks(2).map(|pair| (named(&pair[0]), pair[0].value, pair[1].value)).collect()
}

#[tokio::test]
async fn metric_filters_count_what_matches() {
    let region = bare().await;
    region.call::<of::PutMetricFilter>(filter("errors", "ERROR", "1")).await.unwrap();
    let mut sizes = filter("sizes", "[method, bytes > 10]", "$bytes");
    sizes.metric_transformations[0].dimensions = Some(BTreeMap::from([("M".into(), "$method".into())]));
    region.call::<of::PutMetricFilter>(sizes).await.unwrap();
    put(&region, "s", &[(0, "ERROR one"), (1, "GET 20"), (2, "fine"), (3, "ERROR two")]).await;
    put(&region, "s", &[(4, "GET 30"), (5, "PUT 7"), (6, "PUT 40")]).await;
    let expected = [
        ("errors-metric ".to_owned(), 2.0, 2.0),
        ("sizes-metric M=GET".to_owned(), 2.0, 50.0),
        ("sizes-metric M=PUT".to_owned(), 1.0, 40.0),
    ];
    let mut found = counted(&region);
    found.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(found, expected);

    let delete = DeleteMetricFilterInput { log_group_name: "g".into(), filter_name: "sizes".into() };
    region.call::<of::DeleteMetricFilter>(delete.clone()).await.unwrap();
    put(&region, "s", &[(7, "GET 99"), (8, "ERROR three")]).await;
    assert!(counted(&region).contains(&("errors-metric ".to_owned(), 3.0, 3.0)));
    let gone = region.refused::<of::DeleteMetricFilter>(delete).await;
    assert_eq!(gone.message, "The specified metric filter does not exist.");
}

/// The descriptions are those recorded from AWS on 2026-02-05 (LocalStack, test_logs_metric_filters).
#[tokio::test]
async fn metric_filters_are_described() {
    let region = bare().await;
    for name in ["a1", "a2", "b"] {
        region.call::<of::PutMetricFilter>(filter(name, " ", "1")).await.unwrap();
    }
    let described = |prefix: Option<&str>, metric: Option<&str>| DescribeMetricFiltersInput {
        filter_name_prefix: prefix.map(str::to_owned),
        metric_name: metric.map(str::to_owned),
        metric_namespace: metric.map(|_| "bards".to_owned()),
        ..Default::default()
    };
    let names = async |input: DescribeMetricFiltersInput| -> Vec<String> {
        let output = region.call::<of::DescribeMetricFilters>(input).await.unwrap();
        output.metric_filters.unwrap().into_iter().filter_map(|filter| filter.filter_name).collect()
    };
    assert_eq!(names(described(None, None)).await, ["a1", "a2", "b"]);
    assert_eq!(names(described(Some("a"), None)).await, ["a1", "a2"]);
    assert_eq!(names(described(None, Some("b-metric"))).await, ["b"]);
    let page = DescribeMetricFiltersInput { limit: Some(2), ..described(None, None) };
    let first = region.call::<of::DescribeMetricFilters>(page.clone()).await.unwrap();
    let one = &first.metric_filters.as_ref().unwrap()[0];
    assert_eq!((one.filter_pattern.as_deref(), one.apply_on_transformed_logs), (Some(" "), Some(false)));
    assert_eq!(names(DescribeMetricFiltersInput { next_token: first.next_token, ..page }).await, ["b"]);
    let half = DescribeMetricFiltersInput { metric_name: Some("x".into()), ..Default::default() };
    assert_eq!(region.refused::<of::DescribeMetricFilters>(half).await.code, "InvalidParameterException");
    for bad in [filter("x", "{ $.a = ", "1"), filter("x", "[a]", "$b"), filter("x", "a", "many")] {
        assert_eq!(region.refused::<of::PutMetricFilter>(bad).await.code, "InvalidParameterException");
    }
    let groups = region.call::<of::DescribeLogGroups>(DescribeLogGroupsInput::default()).await.unwrap();
    assert_eq!(groups.log_groups.unwrap()[0].metric_filter_count, Some(3));
}

#[tokio::test]
async fn patterns_are_tried() {
    let region = bare().await;
    let input = TestMetricFilterInput {
        filter_pattern: "{ $.code >= 500 }".into(),
        log_event_messages: vec![r#"{"code": 200}"#.into(), r#"{"code": 503}"#.into()],
    };
    let matches = region.call::<of::TestMetricFilter>(input).await.unwrap().matches.unwrap();
    let values = BTreeMap::from([("$.code".to_owned(), "503".to_owned())]);
    assert_eq!((matches.len(), matches[0].event_number), (1, Some(2)));
    assert_eq!(matches[0].extracted_values, Some(values));
}

fn subscription(name: &str, pattern: &str, function: &str) -> PutSubscriptionFilterInput {
    PutSubscriptionFilterInput {
        log_group_name: "g".into(),
        filter_name: name.into(),
        filter_pattern: pattern.into(),
        destination_arn: function.into(),
        ..Default::default()
    }
}

#[tokio::test]
async fn functions_get_what_matches() {
    let (region, listener) = region().await;
    region
        .call::<of::PutSubscriptionFilter>(subscription("f", "[level = E*, code]", FUNCTION))
        .await
        .unwrap();
    put(&region, "s", &[(0, "ERROR 5"), (1, "INFO 6"), (2, "ERROR 7")]).await;
    put(&region, "s", &[(3, "INFO 8")]).await;
    region.settle().await;
    let got = listener.got();
    assert_eq!(got.len(), 1);
    let (events, told) = (&got[0]["logEvents"], &got[0]);
    assert_eq!((&told["messageType"], &told["owner"]), (&"DATA_MESSAGE".into(), &"000000000000".into()));
    assert_eq!((&told["logGroup"], &told["logStream"]), (&"g".into(), &"s".into()));
    assert_eq!(told["subscriptionFilters"], serde_json::json!(["f"]));
    assert_eq!((events.as_array().unwrap().len(), &events[1]["message"]), (2, &"ERROR 7".into()));
    assert_eq!(events[0]["extractedFields"], serde_json::json!({"level": "ERROR", "code": "5"}));
    // The ids are those by which a search knows the events.
    let found = region.call::<of::FilterLogEvents>(super::search()).await.unwrap().events.unwrap();
    assert_eq!(events[0]["id"], found[0].event_id.clone().unwrap());

    let delete = DeleteSubscriptionFilterInput { log_group_name: "g".into(), filter_name: "f".into() };
    region.call::<of::DeleteSubscriptionFilter>(delete.clone()).await.unwrap();
    put(&region, "s", &[(4, "ERROR 9")]).await;
    region.settle().await;
    assert!(listener.got().is_empty());
    let gone = region.refused::<of::DeleteSubscriptionFilter>(delete).await;
    assert_eq!(gone.message, "The specified subscription filter does not exist.");
}

/// Texts and codes as recorded from AWS on 2026-02-06 (LocalStack, test_logs_subscription_filters).
#[tokio::test]
async fn subscriptions_that_cannot_be() {
    let (region, _) = region().await;
    let refused = async |input| {
        let error = region.refused::<of::PutSubscriptionFilter>(input).await;
        (error.code.to_string(), error.message)
    };
    let (code, message) =
        refused(subscription("f", "", "arn:aws:lambda:us-east-1:111111111111:function:x")).await;
    assert_eq!(code, "AccessDeniedException");
    assert!(message.starts_with("Cross-account lambda invocation passing is not allowed."), "{message}");
    let stream = "arn:aws:kinesis:us-east-1:000000000000:stream/x";
    let (code, message) = refused(subscription("f", "", stream)).await;
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("InvalidParameterException", "destinationArn for vendor kinesis cannot be used without roleArn")
    );
    let (_, message) = refused(subscription("f", "", &FUNCTION.replace("listener", "absent"))).await;
    assert!(message.starts_with("Could not execute the lambda function."), "{message}");
    assert_eq!(refused(subscription("f", "{ $.a", FUNCTION)).await.0, "InvalidParameterException");

    for name in ["one", "two"] {
        region.call::<of::PutSubscriptionFilter>(subscription(name, "", FUNCTION)).await.unwrap();
    }
    let (code, message) = refused(subscription("three", "", FUNCTION)).await;
    assert_eq!((code.as_str(), message.as_str()), ("LimitExceededException", "Resource limit exceeded."));
    region.call::<of::PutSubscriptionFilter>(subscription("one", "[]x", FUNCTION)).await.unwrap_err();
    region.call::<of::PutSubscriptionFilter>(subscription("one", "a", FUNCTION)).await.unwrap();
    let describe = DescribeSubscriptionFiltersInput { log_group_name: "g".into(), ..Default::default() };
    let described = region.call::<of::DescribeSubscriptionFilters>(describe).await.unwrap();
    let described = described.subscription_filters.unwrap();
    assert_eq!((described.len(), described[0].filter_pattern.as_deref()), (2, Some("a")));
    assert_eq!(described[0].distribution, Some(Distribution::ByLogStream));
}

/// Texts as recorded from AWS on 2026-02-06 (LocalStack, test_logs_resource_policies).
#[tokio::test]
async fn policies_of_the_regions_groups() {
    let region = bare().await;
    let document = |effect: &str| {
        format!(
            r#"{{"Version": "2012-10-17", "Statement": [{{"Sid": "one", "Effect": "{effect}",
            "Principal": {{"Service": "route53.amazonaws.com"}}, "Action": "logs:PutLogEvents", "Resource": "*"}}]}}"#
        )
    };
    let policy = |name: &str, document: String| PutResourcePolicyInput {
        policy_name: Some(name.into()),
        policy_document: Some(document),
        ..Default::default()
    };
    let put = region.call::<of::PutResourcePolicy>(policy("a", document("Allow"))).await.unwrap();
    assert_eq!(put.resource_policy.unwrap().policy_scope, Some(PolicyScope::Account));
    for name in 0..9 {
        region.call::<of::PutResourcePolicy>(policy(&format!("b{name}"), document("Deny"))).await.unwrap();
    }
    let full = region.refused::<of::PutResourcePolicy>(policy("z", document("Allow"))).await;
    assert_eq!((&*full.code, full.message.as_str()), ("LimitExceededException", "Resource limit exceeded."));
    let none = region.refused::<of::PutResourcePolicy>(policy("a", "{}".into())).await;
    assert_eq!(none.code, "InvalidParameterException");
    let absent = DeleteResourcePolicyInput { policy_name: Some("non-existent".into()), ..Default::default() };
    let absent = region.refused::<of::DeleteResourcePolicy>(absent).await;
    assert_eq!(absent.message, "Policy with name [non-existent] does not exist.");
    let list = DescribeResourcePoliciesInput { limit: Some(8), ..Default::default() };
    let page = region.call::<of::DescribeResourcePolicies>(list.clone()).await.unwrap();
    assert_eq!(page.resource_policies.unwrap().len(), 8);
    let rest = DescribeResourcePoliciesInput { next_token: page.next_token, ..list };
    let rest = region.call::<of::DescribeResourcePolicies>(rest).await.unwrap();
    assert_eq!((rest.resource_policies.unwrap().len(), rest.next_token), (2, None));
}
