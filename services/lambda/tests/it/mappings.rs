//! Mappings of streams: batches in order, tried again, halved, given up; windows; where they begin.

use crate::{Lambda, function};
use model_dynamodbstreams::operations::{DescribeStream, GetRecords, GetShardIterator};
use model_dynamodbstreams::*;
use model_lambda::operations::{CreateEventSourceMapping, GetEventSourceMapping, UpdateEventSourceMapping};
use model_lambda::{
    CreateEventSourceMappingInput, DestinationConfig, Environment, EventSourcePosition, FunctionResponseType,
    GetEventSourceMappingInput, OnFailure, UpdateEventSourceMappingInput,
};
use names::Timestamp;
use schema::ApiError;
use serde_json::Value;
use service::{Ctx, Operation, Service};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const STREAM: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/2026-01-01T00:00:00.000";

/// The records of two shards: their numbers and seconds.
type Shards = [Vec<(u32, i64)>; 2];

/// A stream of two shards, of which the first is closed.
#[derive(Clone, Default)]
struct Stream(Arc<Mutex<Shards>>);

impl Stream {
    fn put(&self, shard: usize, number: u32, second: i64) {
        self.0.lock().unwrap()[shard].push((number, second));
    }

    fn service(&self) -> Service {
        let (describe, iterate, read) = (self.clone(), self.clone(), self.clone());
        let operations = vec![
            Operation::new::<DescribeStream, _, _, _>(move |_: Ctx, _| {
                let told = describe.described();
                async move { Ok::<_, ApiError>(told) }
            })
            .anyone(),
            Operation::new::<GetShardIterator, _, _, _>(move |_: Ctx, input| {
                let at = iterate.position(&input);
                async move { Ok::<_, ApiError>(GetShardIteratorOutput { shard_iterator: Some(at) }) }
            })
            .anyone(),
            Operation::new::<GetRecords, _, _, _>(move |_: Ctx, input| {
                let told = read.read(&input);
                async move { Ok::<_, ApiError>(told) }
            })
            .anyone(),
        ];
        Service::new("dynamodbstreams", operations)
    }

    fn described(&self) -> DescribeStreamOutput {
        let shard = |id: &str, parent: Option<&str>| Shard {
            shard_id: Some(id.to_owned()),
            parent_shard_id: parent.map(str::to_owned),
            ..Default::default()
        };
        let shards = Some(vec![shard("shard-0", None), shard("shard-1", Some("shard-0"))]);
        DescribeStreamOutput { stream_description: Some(StreamDescription { shards, ..Default::default() }) }
    }

    fn position(&self, input: &GetShardIteratorInput) -> String {
        let shard = usize::from(input.shard_id == "shard-1");
        let after = input.sequence_number.as_deref().map_or(0, |text| text.parse::<u32>().unwrap());
        let records = self.0.lock().unwrap();
        let place = records[shard].iter().position(|(number, _)| *number > after);
        format!("{shard}:{}", place.unwrap_or(records[shard].len()))
    }

    fn read(&self, input: &GetRecordsInput) -> GetRecordsOutput {
        let (shard, place) = input.shard_iterator.split_once(':').unwrap();
        let (shard, place): (usize, usize) = (shard.parse().unwrap(), place.parse().unwrap());
        let records = self.0.lock().unwrap();
        let most = input.limit.unwrap() as usize;
        let some: Vec<Record> = records[shard].iter().skip(place).take(most).map(record).collect();
        let next = place + some.len();
        let over = shard == 0 && next == records[0].len();
        GetRecordsOutput {
            records: Some(some),
            next_shard_iterator: (!over).then(|| format!("{shard}:{next}")),
        }
    }
}

fn record((number, second): &(u32, i64)) -> Record {
    let key = AttributeValue::N(number.to_string());
    Record {
        event_name: Some(OperationType::Insert),
        dynamodb: Some(StreamRecord {
            approximate_creation_date_time: Some(Timestamp(second * 1000)),
            keys: Some([("id".to_owned(), key)].into()),
            sequence_number: Some(number.to_string()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

struct World {
    lambda: Lambda,
    stream: Stream,
    told: crate::events::Queues,
}

/// A region with a stream of these records, and a function that is to be invoked by it.
async fn world(records: &[(usize, u32)], variables: &[(&str, &str)]) -> World {
    let (stream, told) = (Stream::default(), crate::events::Queues::default());
    for (shard, number) in records {
        stream.put(*shard, *number, testkit::START.seconds());
    }
    let lambda = Lambda::with(vec![stream.service(), told.service()]).await;
    let mut input = function("f");
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    input.environment = Some(Environment { variables: Some(variables.collect()) });
    lambda.create(input).await;
    World { lambda, stream, told }
}

fn mapping() -> CreateEventSourceMappingInput {
    CreateEventSourceMappingInput {
        function_name: "f".to_owned(),
        event_source_arn: Some(STREAM.to_owned()),
        starting_position: Some(EventSourcePosition::TrimHorizon),
        ..Default::default()
    }
}

impl World {
    async fn map(&self, input: CreateEventSourceMappingInput) -> String {
        self.lambda.region.call::<CreateEventSourceMapping>(input).await.unwrap().uuid.unwrap()
    }

    /// Waits until the invocations so far satisfy a condition.
    async fn until(&self, reached: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        for _ in 0..10_000 {
            let seen = self.lambda.runner.seen();
            if reached(&seen) {
                return seen;
            }
            self.lambda.region.host().clock.rest(Duration::from_millis(1)).await;
        }
        panic!("not reached: {:?}", self.lambda.runner.seen());
    }
}

fn numbers(event: &Value) -> Vec<u32> {
    let records = event["Records"].as_array().unwrap().iter();
    records.map(|record| record["dynamodb"]["SequenceNumber"].as_str().unwrap().parse().unwrap()).collect()
}

fn all(events: &[Value]) -> Vec<u32> {
    events.iter().flat_map(numbers).collect()
}

#[tokio::test]
async fn a_shard_is_read_after_its_parent_in_batches() {
    let world = world(&[(0, 1), (0, 2), (0, 3), (1, 4)], &[]).await;
    world.map(CreateEventSourceMappingInput { batch_size: Some(2), ..mapping() }).await;
    let seen = world.until(|seen| all(seen).len() >= 4).await;
    assert_eq!(seen.iter().map(numbers).collect::<Vec<_>>(), [vec![1, 2], vec![3], vec![4]]);
    assert_eq!(seen[0]["Records"][0]["eventSourceARN"], STREAM);
    world.stream.put(1, 5, 0);
    world.until(|seen| all(seen) == [1, 2, 3, 4, 5]).await;
}

#[tokio::test]
async fn what_fails_is_halved_and_told() {
    let world = world(&[(1, 1), (1, 2), (1, 3), (1, 4)], &[("POISON", "\"SequenceNumber\":\"3\"")]).await;
    let on_failure = OnFailure { destination: Some("arn:aws:sqs:us-east-1:000000000000:lost".to_owned()) };
    world
        .map(CreateEventSourceMappingInput {
            bisect_batch_on_function_error: Some(true),
            maximum_retry_attempts: Some(1),
            destination_config: Some(DestinationConfig { on_failure: Some(on_failure), on_success: None }),
            ..mapping()
        })
        .await;
    let [(queue, told)] = world.told.first(&world.lambda).await;
    assert_eq!(
        (queue.as_str(), &told["requestContext"]["condition"]),
        ("lost", &"RetryAttemptsExhausted".into())
    );
    assert_eq!(told["DDBStreamBatchInfo"]["startSequenceNumber"], "3");
    assert_eq!(told["DDBStreamBatchInfo"]["batchSize"], 1);
    let seen = world.until(|seen| seen.last().is_some_and(|last| numbers(last) == [4])).await;
    let batches: Vec<Vec<u32>> = seen.iter().map(numbers).collect();
    assert_eq!(batches, [vec![1, 2, 3, 4], vec![1, 2], vec![3, 4], vec![3], vec![3], vec![4]]);
}

#[tokio::test]
async fn a_batch_goes_on_from_the_record_that_failed() {
    let world = world(&[(1, 1), (1, 2), (1, 3)], &[("FAILS", "2")]).await;
    world
        .map(CreateEventSourceMappingInput {
            function_response_types: Some(vec![FunctionResponseType::ReportBatchItemFailures]),
            maximum_retry_attempts: Some(1),
            ..mapping()
        })
        .await;
    let seen = world.until(|seen| seen.len() >= 2).await;
    assert_eq!(seen.iter().take(2).map(numbers).collect::<Vec<_>>(), [vec![1, 2, 3], vec![2, 3]]);
}

#[tokio::test]
async fn a_window_gathers_state_until_it_ends() {
    let world = world(&[], &[("COUNTS", "1")]).await;
    let start = testkit::START.seconds();
    for (number, second) in [(1, start), (2, start + 1), (3, start + 30)] {
        world.stream.put(1, number, second);
    }
    world
        .map(CreateEventSourceMappingInput {
            tumbling_window_in_seconds: Some(30),
            batch_size: Some(1),
            ..mapping()
        })
        .await;
    let seen = world.until(|seen| all(seen).len() >= 3).await;
    let last = seen.iter().find(|event| event["isFinalInvokeForWindow"] == true).unwrap();
    assert_eq!((numbers(last), &last["state"]["n"]), (vec![], &2.into()));
    assert_eq!(last["window"]["start"], "2026-01-01T00:00:00Z");
    let third = seen.iter().find(|event| numbers(event) == [3]).unwrap();
    assert_eq!(third["state"], serde_json::json!({}));
}

#[tokio::test]
async fn the_latest_is_what_comes_after_it_is_enabled() {
    let world = world(&[(0, 1), (1, 2)], &[]).await;
    let latest = Some(EventSourcePosition::Latest);
    let uuid = world.map(CreateEventSourceMappingInput { starting_position: latest, ..mapping() }).await;
    loop {
        let input = GetEventSourceMappingInput { uuid: uuid.clone() };
        let told = world.lambda.region.call::<GetEventSourceMapping>(input).await.unwrap();
        if told.state.as_deref() == Some("Enabled") {
            break;
        }
        tokio::task::yield_now().await;
    }
    world.stream.put(1, 3, 0);
    world.until(|seen| all(seen) == [3]).await;
}

/// As recorded in LocalStack's `test_fifo_message_group_parallelism` and `test_disabled_dynamodb_event_source_mapping`.
#[tokio::test]
async fn changes_that_are_under_way_are_told() {
    let world = world(&[], &[]).await;
    let off = CreateEventSourceMappingInput { enabled: Some(false), ..mapping() };
    let made = world.lambda.region.call::<CreateEventSourceMapping>(off).await.unwrap();
    assert_eq!(made.state.as_deref(), Some("Disabled"));
    for (enabled, state) in [(Some(true), "Enabling"), (None, "Updating"), (Some(false), "Disabling")] {
        let uuid = made.uuid.clone().unwrap();
        let change = UpdateEventSourceMappingInput { uuid, enabled, ..Default::default() };
        let told = world.lambda.region.call::<UpdateEventSourceMapping>(change).await.unwrap();
        assert_eq!(told.state.as_deref(), Some(state));
    }
}
