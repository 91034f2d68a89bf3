//! Asynchronous invocations: retried on the virtual clock, told to whoever wants to know.

use crate::{Lambda, function};
use bytes::Bytes;
use model_lambda::operations::*;
use model_lambda::*;
use names::Timestamp;
use schema::ApiError;
use service::{Delivery, Reception, Service, Target};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::Tx;

/// Queues that only remember what they were given.
#[derive(Clone, Default)]
pub struct Queues(Arc<Mutex<Vec<(String, serde_json::Value)>>>);

impl Queues {
    /// The room.
    pub fn service(&self) -> Service {
        Service::new("sqs", Vec::new()).target(self.clone())
    }

    /// The first deliveries, in the order of their queues. Functions run in host time, what waits between
    /// runs in virtual time.
    pub async fn first<const N: usize>(&self, lambda: &Lambda) -> [(String, serde_json::Value); N] {
        for _ in 0..5_000 {
            let mut all = self.0.lock().unwrap().clone();
            all.sort_by(|one, other| one.0.cmp(&other.0));
            if let Ok(all) = all.try_into() {
                return all;
            }
            lambda.region.host().clock.rest(Duration::from_millis(1)).await;
            lambda.region.advance(Duration::from_secs(1)).await;
        }
        panic!("not delivered: {N}");
    }
}

impl Target for Queues {
    fn service(&self) -> &'static str {
        "sqs"
    }

    fn action(&self) -> &'static str {
        "sqs:SendMessage"
    }

    fn reception(&self) -> Reception {
        Reception::Stores
    }

    fn accept(&self, _: &mut Tx, deliveries: &[Delivery], _: Timestamp) -> Result<(), ApiError> {
        let all = deliveries.iter().map(|delivery| {
            (delivery.target.resource().to_owned(), serde_json::from_slice(&delivery.payload).unwrap())
        });
        self.0.lock().unwrap().extend(all);
        Ok(())
    }
}

fn queue(name: &str) -> Option<String> {
    Some(format!("arn:aws:sqs:us-east-1:000000000000:{name}"))
}

async fn send(lambda: &Lambda, payload: &str) {
    let input = InvokeInput {
        function_name: "f".to_owned(),
        invocation_type: Some(InvocationType::Event),
        payload: Some(Bytes::copy_from_slice(payload.as_bytes())),
        ..Default::default()
    };
    let accepted = lambda.region.call::<Invoke>(input).await.unwrap();
    assert_eq!(accepted.status_code, Some(202));
}

fn destinations() -> PutFunctionEventInvokeConfigInput {
    PutFunctionEventInvokeConfigInput {
        function_name: "f".to_owned(),
        destination_config: Some(DestinationConfig {
            on_success: Some(OnSuccess { destination: queue("fine") }),
            on_failure: Some(OnFailure { destination: queue("failed") }),
        }),
        ..Default::default()
    }
}

#[tokio::test]
async fn success_is_told() {
    let queues = Queues::default();
    let lambda = Lambda::with(vec![queues.service()]).await;
    lambda.create(function("f")).await;
    lambda.region.call::<PutFunctionEventInvokeConfig>(destinations()).await.unwrap();
    send(&lambda, r#"{"n": 1}"#).await;
    let [(target, record)] = queues.first(&lambda).await;
    assert_eq!(target, "fine");
    assert_eq!(record["requestContext"]["condition"], "Success");
    assert_eq!((&record["requestPayload"]["n"], &record["responsePayload"]["n"]), (&1.into(), &1.into()));
}

#[tokio::test]
async fn two_retries_then_failure_is_told_and_the_dead_letter_has_the_event() {
    let queues = Queues::default();
    let lambda = Lambda::with(vec![queues.service()]).await;
    let dead = DeadLetterConfig { target_arn: queue("dead") };
    lambda.create(CreateFunctionInput { dead_letter_config: Some(dead), ..function("f") }).await;
    lambda.region.call::<PutFunctionEventInvokeConfig>(destinations()).await.unwrap();
    send(&lambda, r#"{"do": "fail"}"#).await;
    let [dead, (target, record)] = queues.first(&lambda).await;
    assert_eq!(dead, ("dead".to_owned(), serde_json::json!({"do": "fail"})));
    assert_eq!(target, "failed");
    assert_eq!(record["requestContext"]["condition"], "RetriesExhausted");
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 3);
    assert_eq!(record["responsePayload"]["errorType"], "Failed");
}

/// "Adding a dead-letter queue", Lambda developer guide: it is part of a version's own configuration, and stays what it
/// was when that is published.
#[tokio::test]
async fn a_version_keeps_the_dead_letter_that_it_was_published_with() {
    let queues = Queues::default();
    let lambda = Lambda::with(vec![queues.service()]).await;
    let letter = |name| Some(DeadLetterConfig { target_arn: queue(name) });
    let made =
        CreateFunctionInput { dead_letter_config: letter("old"), publish: Some(true), ..function("f") };
    lambda.create(made).await;
    let change = UpdateFunctionConfigurationInput {
        function_name: "f".to_owned(),
        dead_letter_config: letter("new"),
        ..Default::default()
    };
    lambda.region.call::<UpdateFunctionConfiguration>(change).await.unwrap();
    let input = InvokeInput {
        function_name: "f:1".to_owned(),
        invocation_type: Some(InvocationType::Event),
        payload: Some(Bytes::from_static(br#"{"do": "fail"}"#)),
        ..Default::default()
    };
    lambda.region.call::<Invoke>(input).await.unwrap();
    let [(target, _)] = queues.first(&lambda).await;
    assert_eq!(target, "old");
}

#[tokio::test]
async fn the_largest_event_is_accepted() {
    let queues = Queues::default();
    let lambda = Lambda::with(vec![queues.service()]).await;
    lambda.create(function("f")).await;
    lambda.region.call::<PutFunctionEventInvokeConfig>(destinations()).await.unwrap();
    let long = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
    send(&lambda, &long(1024 * 1024)).await;
    send(&lambda, &long(400 * 1024)).await;
    // The record of the longer one, with its answer, is longer than any queue takes.
    let [(target, record)] = queues.first(&lambda).await;
    assert_eq!(target, "fine");
    assert_eq!(record["responsePayload"].as_str().map(str::len), Some(400 * 1024 - 2));
}

#[tokio::test]
async fn a_delivery_is_an_invocation() {
    let queues = Queues::default();
    let lambda = Lambda::with(vec![queues.service()]).await;
    lambda.create(function("f")).await;
    lambda.region.call::<PutFunctionEventInvokeConfig>(destinations()).await.unwrap();
    let host = lambda.region.host().clone();
    let now = host.clock.now();
    let delivered = host.store.commit(move |tx| {
        use service::{Deliver, DeliveryContext};
        let context = DeliveryContext::of("s3.amazonaws.com", names::AccountId::DEFAULT);
        let target = "arn:aws:lambda:us-east-1:000000000000:function:f".parse().unwrap();
        let source = "arn:aws:s3:::b".parse().unwrap();
        tx.deliver(Delivery::new(source, target, Bytes::from_static(b"{\"from\":\"s3\"}"), context, now))
    });
    delivered.await.unwrap();
    let [(_, record)] = queues.first(&lambda).await;
    assert_eq!(record["requestPayload"]["from"], "s3");
}

/// Lambda developer guide, "Recursive loop detection": about 16 invocations that lead to each other are run, and
/// the next one is told as a failure.
#[tokio::test]
async fn a_loop_is_stopped() {
    let queues = Queues::default();
    let lambda = Lambda::with(vec![queues.service()]).await;
    let variables = Some([("COUNTS".to_owned(), "yes".to_owned())].into());
    for name in ["f", "g"] {
        let environment = Some(Environment { variables: variables.clone() });
        lambda.create(CreateFunctionInput { environment, ..function(name) }).await;
    }
    for (name, next) in [("f", "g"), ("g", "f")] {
        let destination = Some(format!("arn:aws:lambda:us-east-1:000000000000:function:{next}"));
        let config = PutFunctionEventInvokeConfigInput {
            function_name: name.to_owned(),
            destination_config: Some(DestinationConfig {
                on_success: Some(OnSuccess { destination }),
                on_failure: Some(OnFailure { destination: queue("failed") }),
            }),
            ..Default::default()
        };
        lambda.region.call::<PutFunctionEventInvokeConfig>(config).await.unwrap();
    }
    send(&lambda, "{}").await;
    let [(_, record)] = queues.first(&lambda).await;
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 0);
    assert_eq!(lambda.runner.seen().len(), 15);
}

/// Recorded of AWS by LocalStack (test_async_invoke_queue_upon_function_update): events that found no place are run as
/// soon as there is one, not after waits that grow. Here no time passes.
#[tokio::test]
async fn events_without_a_place_follow_those_that_end() {
    let queues = Queues::default();
    let lambda = Lambda::with(vec![queues.service()]).await;
    lambda.create(function("f")).await;
    lambda.region.call::<PutFunctionEventInvokeConfig>(destinations()).await.unwrap();
    let one =
        PutFunctionConcurrencyInput { function_name: "f".to_owned(), reserved_concurrent_executions: 1 };
    lambda.region.call::<PutFunctionConcurrency>(one).await.unwrap();
    for number in 0..4 {
        send(&lambda, &format!(r#"{{"do": "linger", "n": {number}}}"#)).await;
    }
    for _ in 0..5_000 {
        if queues.0.lock().unwrap().len() == 4 {
            return;
        }
        lambda.region.host().clock.rest(Duration::from_millis(1)).await;
        lambda.region.settle().await;
    }
    panic!("run: {:?}", queues.0.lock().unwrap());
}

/// The same where the place was held by a run whose answer may be streamed.
#[tokio::test]
async fn events_without_a_place_follow_streamed_runs() {
    let queues = Queues::default();
    let lambda = Lambda::with(vec![queues.service()]).await;
    lambda.create(function("f")).await;
    lambda.region.call::<PutFunctionEventInvokeConfig>(destinations()).await.unwrap();
    let one =
        PutFunctionConcurrencyInput { function_name: "f".to_owned(), reserved_concurrent_executions: 1 };
    lambda.region.call::<PutFunctionConcurrency>(one).await.unwrap();
    let streamed = InvokeWithResponseStreamInput {
        function_name: "f".to_owned(),
        payload: Some(Bytes::from_static(br#"{"do": "linger"}"#)),
        ..Default::default()
    };
    let rest = || lambda.region.host().clock.rest(Duration::from_millis(1));
    let event = async {
        while lambda.runner.seen().is_empty() {
            rest().await;
        }
        send(&lambda, r#"{"n": 1}"#).await;
    };
    let (streamed, ()) = tokio::join!(lambda.region.call::<InvokeWithResponseStream>(streamed), event);
    assert_eq!(streamed.unwrap().status_code, Some(200));
    for _ in 0..5_000 {
        if queues.0.lock().unwrap().len() == 1 {
            return;
        }
        rest().await;
        lambda.region.settle().await;
    }
    panic!("run: {:?}", lambda.runner.seen());
}
