//! Streams: what their records hold, how their shards roll by the clock, and how long they can be read.

use crate::world::*;
use model_dynamodb::operations::*;
use model_dynamodb::{self as api, *};
use model_dynamodbstreams::operations::{DescribeStream, GetRecords, GetShardIterator, ListStreams};
use model_dynamodbstreams::{
    AttributeValue as Shown, DescribeStreamInput, GetRecordsInput, GetRecordsOutput, GetShardIteratorInput,
    ListStreamsInput, Record, Shard, ShardIteratorType, StreamDescription,
};
use std::time::Duration;
use testkit::Region;

const HOUR: Duration = Duration::from_secs(3600);

fn specification(view: &str) -> Option<StreamSpecification> {
    Some(StreamSpecification { stream_enabled: true, stream_view_type: Some(view.into()) })
}

async fn with_stream(view: &str) -> (Region, String) {
    let region = region().await;
    let wish =
        CreateTableInput { stream_specification: specification(view), ..table("things", &["p:S", "r:N"], 2) };
    let made = region.call::<CreateTable>(wish).await.unwrap().table_description.unwrap();
    (region, made.latest_stream_arn.unwrap())
}

pub async fn described(region: &Region, arn: &str) -> StreamDescription {
    let input = DescribeStreamInput { stream_arn: arn.into(), ..Default::default() };
    region.call::<DescribeStream>(input).await.unwrap().stream_description.unwrap()
}

fn ask(arn: &str, shard: &Shard, kind: ShardIteratorType, number: Option<&str>) -> GetShardIteratorInput {
    GetShardIteratorInput {
        stream_arn: arn.into(),
        shard_id: shard.shard_id.clone().unwrap(),
        shard_iterator_type: kind,
        sequence_number: number.map(str::to_owned),
    }
}

async fn iterator(region: &Region, arn: &str, shard: &Shard, kind: ShardIteratorType) -> String {
    let input = ask(arn, shard, kind, None);
    region.call::<GetShardIterator>(input).await.unwrap().shard_iterator.unwrap()
}

async fn read(region: &Region, iterator: &str, limit: Option<i32>) -> GetRecordsOutput {
    let input = GetRecordsInput { shard_iterator: iterator.into(), limit };
    region.call::<GetRecords>(input).await.unwrap()
}

/// All that can be read of a stream, shard by shard.
pub async fn all(region: &Region, arn: &str) -> Vec<Record> {
    let mut records = Vec::new();
    for shard in described(region, arn).await.shards.unwrap() {
        let first = iterator(region, arn, &shard, ShardIteratorType::TrimHorizon).await;
        let mut next = Some(first);
        while let Some(at) = next {
            let page = read(region, &at, None).await;
            let some = page.records.unwrap();
            next = page.next_shard_iterator.filter(|_| !some.is_empty());
            records.extend(some);
        }
    }
    records
}

/// What a record says: the event, `r` of the keys, `v` of the old image and of the new.
fn told(record: &Record) -> String {
    let shown = record.dynamodb.as_ref().unwrap();
    let text = |image: Option<&std::collections::BTreeMap<String, Shown>>, name: &str| match image {
        None => "-".to_owned(),
        Some(image) => match image.get(name) {
            Some(Shown::S(text) | Shown::N(text)) => text.clone(),
            _ => "?".to_owned(),
        },
    };
    format!(
        "{} {} {} {}",
        record.event_name.as_ref().unwrap(),
        text(shown.keys.as_ref(), "r"),
        text(shown.old_image.as_ref(), "v"),
        text(shown.new_image.as_ref(), "v")
    )
}

async fn delete(region: &Region, r: i64) {
    let key = item(&[("p", s("a")), ("r", n(r))]);
    let input = DeleteItemInput { table_name: "things".into(), key, ..Default::default() };
    region.call::<DeleteItem>(input).await.unwrap();
}

#[tokio::test]
async fn records_hold_what_their_view_says() {
    let cases = [
        ("KEYS_ONLY", ["INSERT 1 - -", "MODIFY 1 - -", "REMOVE 1 - -"]),
        ("NEW_IMAGE", ["INSERT 1 - x", "MODIFY 1 - y", "REMOVE 1 - -"]),
        ("OLD_IMAGE", ["INSERT 1 - -", "MODIFY 1 x -", "REMOVE 1 y -"]),
        ("NEW_AND_OLD_IMAGES", ["INSERT 1 - x", "MODIFY 1 x y", "REMOVE 1 y -"]),
    ];
    for (view, expected) in cases {
        let (region, arn) = with_stream(view).await;
        put(&region, "things", thing(1, "x")).await;
        // A write that changes nothing leaves no record (developer guide, "Change data capture").
        put(&region, "things", thing(1, "x")).await;
        put(&region, "things", thing(1, "y")).await;
        delete(&region, 1).await;
        delete(&region, 1).await;
        let records = all(&region, &arn).await;
        assert_eq!(records.iter().map(told).collect::<Vec<_>>(), expected, "{view}");
        let first = &records[0];
        assert_eq!(first.event_source.as_deref(), Some("aws:dynamodb"));
        assert_eq!(first.aws_region.as_deref(), Some("us-east-1"));
        let shown = first.dynamodb.as_ref().unwrap();
        assert_eq!(shown.approximate_creation_date_time, Some(testkit::START));
        assert_eq!(shown.stream_view_type.as_ref().map(|view| view.as_str()), Some(view));
        // p, a, r and the two bytes of a number; v and x where they are shown.
        assert_eq!(shown.size_bytes, Some(if view.starts_with("NEW") { 12 } else { 5 }));
        let ids: std::collections::BTreeSet<_> = records.iter().map(|record| &record.event_id).collect();
        assert_eq!(ids.len(), 3);
    }
}

#[tokio::test]
async fn every_kind_of_write_leaves_records_in_order() {
    let (region, arn) = with_stream("NEW_AND_OLD_IMAGES").await;
    let write = |put: Option<Item>, delete: Option<i64>| WriteRequest {
        put_request: put.map(|item| PutRequest { item }),
        delete_request: delete.map(|r| DeleteRequest { key: item(&[("p", s("a")), ("r", n(r))]) }),
    };
    let batch = vec![write(Some(thing(1, "b")), None), write(Some(thing(2, "b")), None)];
    let input =
        BatchWriteItemInput { request_items: [("things".to_owned(), batch)].into(), ..Default::default() };
    region.call::<BatchWriteItem>(input).await.unwrap();
    let put = Put { table_name: "things".into(), item: thing(3, "t"), ..Default::default() };
    let gone = Delete {
        table_name: "things".into(),
        key: item(&[("p", s("a")), ("r", n(2))]),
        ..Default::default()
    };
    let input = TransactWriteItemsInput {
        transact_items: vec![
            TransactWriteItem { put: Some(put), ..Default::default() },
            TransactWriteItem { delete: Some(gone), ..Default::default() },
        ],
        ..Default::default()
    };
    region.call::<TransactWriteItems>(input).await.unwrap();
    let statement = "UPDATE things SET v = 'q' WHERE p = 'a' AND r = 3".to_owned();
    region.call::<ExecuteStatement>(ExecuteStatementInput { statement, ..Default::default() }).await.unwrap();
    let records: Vec<String> = all(&region, &arn).await.iter().map(told).collect();
    assert_eq!(records, ["INSERT 1 - b", "INSERT 2 - b", "INSERT 3 - t", "REMOVE 2 b -", "MODIFY 3 t q"]);
}

#[tokio::test]
async fn an_expiry_is_told_as_such() {
    let (region, arn) = with_stream("OLD_IMAGE").await;
    let specification = TimeToLiveSpecification { enabled: true, attribute_name: "ends".into() };
    let input =
        UpdateTimeToLiveInput { table_name: "things".into(), time_to_live_specification: specification };
    region.call::<UpdateTimeToLive>(input).await.unwrap();
    let mut dying = thing(1, "x");
    dying.insert("ends".into(), n(testkit::START.seconds() + 60));
    put(&region, "things", dying).await;
    region.advance(Duration::from_secs(600)).await;
    let records = all(&region, &arn).await;
    assert_eq!(told(&records[1]), "REMOVE 1 x -");
    let identity = records[1].user_identity.clone().unwrap();
    assert_eq!(identity.principal_id.as_deref(), Some("dynamodb.amazonaws.com"));
    assert_eq!(identity.type_.as_deref(), Some("Service"));
    assert_eq!(records[0].user_identity, None);
}

#[tokio::test]
async fn shards_roll_and_their_changes_are_trimmed_after_a_day() {
    let (region, arn) = with_stream("NEW_IMAGE").await;
    put(&region, "things", thing(1, "x")).await;
    let open = described(&region, &arn).await.shards.unwrap().remove(0);
    let first = iterator(&region, &arn, &open, ShardIteratorType::TrimHorizon).await;
    let number =
        read(&region, &first, None).await.records.unwrap()[0].dynamodb.clone().unwrap().sequence_number;
    region.advance(4 * HOUR + Duration::from_secs(1)).await;
    put(&region, "things", thing(2, "y")).await;
    let shards = described(&region, &arn).await.shards.unwrap();
    assert_eq!(shards.len(), 2);
    assert_eq!(shards[1].parent_shard_id, shards[0].shard_id);
    let ends = |shard: &Shard| {
        let range = shard.sequence_number_range.clone().unwrap();
        range.ending_sequence_number.is_some_and(|end| end > range.starting_sequence_number.unwrap())
    };
    assert!(ends(&shards[0]) && !ends(&shards[1]));
    // The closed shard is read to its end, where no iterator follows.
    let first = iterator(&region, &arn, &shards[0], ShardIteratorType::TrimHorizon).await;
    let page = read(&region, &first, None).await;
    assert_eq!((page.records.unwrap().len(), page.next_shard_iterator), (1, None));
    assert_eq!(all(&region, &arn).await.len(), 2);
    // A day after its change the first shard is there for four hours, empty.
    region.advance(20 * HOUR).await;
    let first = iterator(&region, &arn, &shards[0], ShardIteratorType::TrimHorizon).await;
    assert!(read(&region, &first, None).await.records.unwrap().is_empty());
    let named = ask(&arn, &shards[0], ShardIteratorType::AtSequenceNumber, number.as_deref());
    assert_eq!(region.refused::<GetShardIterator>(named).await.code, "TrimmedDataAccessException");
    assert_eq!(all(&region, &arn).await.len(), 1);
    region.advance(8 * HOUR).await;
    let gone = ask(&arn, &shards[0], ShardIteratorType::TrimHorizon, None);
    let refused = region.refused::<GetShardIterator>(gone).await;
    assert_eq!(refused.message, "Requested resource not found: Shard does not exist");
    assert_eq!(described(&region, &arn).await.shards.unwrap().len(), 7);
}

#[tokio::test]
async fn iterators_begin_where_they_are_told_and_expire() {
    let (region, arn) = with_stream("KEYS_ONLY").await;
    for r in 1..=5 {
        put(&region, "things", thing(r, "x")).await;
    }
    let shard = described(&region, &arn).await.shards.unwrap().remove(0);
    let latest = iterator(&region, &arn, &shard, ShardIteratorType::Latest).await;
    let oldest = iterator(&region, &arn, &shard, ShardIteratorType::TrimHorizon).await;
    let page = read(&region, &oldest, Some(2)).await;
    let numbers: Vec<String> = page
        .records
        .unwrap()
        .iter()
        .map(|record| record.dynamodb.clone().unwrap().sequence_number.unwrap())
        .collect();
    assert_eq!(numbers.len(), 2);
    let rest = read(&region, &page.next_shard_iterator.unwrap(), None).await;
    let rs = |page: &GetRecordsOutput| page.records.as_ref().unwrap().iter().map(told).collect::<String>();
    assert_eq!(rs(&rest), "INSERT 3 - -INSERT 4 - -INSERT 5 - -");
    for (kind, expected) in [
        (ShardIteratorType::AtSequenceNumber, "INSERT 2 - -"),
        (ShardIteratorType::AfterSequenceNumber, "INSERT 3 - -"),
    ] {
        let input = ask(&arn, &shard, kind, Some(&numbers[1]));
        let at = region.call::<GetShardIterator>(input).await.unwrap().shard_iterator.unwrap();
        assert_eq!(rs(&read(&region, &at, Some(1)).await), expected);
    }
    put(&region, "things", thing(6, "x")).await;
    assert_eq!(rs(&read(&region, &latest, None).await), "INSERT 6 - -");
    let over = GetRecordsInput { shard_iterator: latest.clone(), limit: Some(1001) };
    assert_eq!(region.refused::<GetRecords>(over).await.code, "ValidationException");
    let unnamed = ask(&arn, &shard, ShardIteratorType::AtSequenceNumber, None);
    assert_eq!(region.refused::<GetShardIterator>(unnamed).await.code, "ValidationException");
    region.advance(Duration::from_secs(901)).await;
    let old = GetRecordsInput { shard_iterator: latest, limit: None };
    assert_eq!(region.refused::<GetRecords>(old).await.code, "ExpiredIteratorException");
}

fn setting(stream_specification: StreamSpecification) -> UpdateTableInput {
    UpdateTableInput {
        table_name: "things".into(),
        stream_specification: Some(stream_specification),
        ..Default::default()
    }
}

#[tokio::test]
async fn streams_are_opened_and_closed_with_their_table() {
    let (region, arn) = with_stream("NEW_IMAGE").await;
    put(&region, "things", thing(1, "x")).await;
    let again = setting(specification("KEYS_ONLY").unwrap());
    // The text: scylladb issue 6939, as AWS answered.
    assert_eq!(
        region.refused::<UpdateTable>(again.clone()).await.message,
        "Table already has an enabled stream: TableName: things"
    );
    let off = setting(StreamSpecification { stream_enabled: false, stream_view_type: None });
    let told = region.call::<UpdateTable>(off.clone()).await.unwrap().table_description.unwrap();
    assert_eq!((told.stream_specification, told.latest_stream_arn), (None, Some(arn.clone())));
    assert_eq!(region.refused::<UpdateTable>(off).await.code, "ValidationException");
    put(&region, "things", thing(2, "x")).await;
    assert_eq!(all(&region, &arn).await.len(), 1);
    let told = region.call::<UpdateTable>(again).await.unwrap().table_description.unwrap();
    let second = told.latest_stream_arn.unwrap();
    assert_ne!(second, arn);
    put(&region, "things", thing(3, "x")).await;
    let deleted = DeleteTableInput { table_name: "things".into() };
    region.call::<DeleteTable>(deleted).await.unwrap();
    assert_eq!((all(&region, &arn).await.len(), all(&region, &second).await.len()), (1, 1));
    let input = ListStreamsInput { limit: Some(1), ..Default::default() };
    let page = region.call::<ListStreams>(input).await.unwrap();
    assert_eq!(page.streams.unwrap()[0].stream_arn.as_ref(), Some(&arn));
    let input = ListStreamsInput {
        table_name: Some("things".into()),
        exclusive_start_stream_arn: page.last_evaluated_stream_arn,
        ..Default::default()
    };
    let page = region.call::<ListStreams>(input).await.unwrap();
    assert_eq!(page.streams.unwrap()[0].stream_arn.as_ref(), Some(&second));
    assert_eq!(page.last_evaluated_stream_arn, None);
    let status = described(&region, &second).await.stream_status;
    assert_eq!(status.as_ref().map(|status| status.as_str()), Some("DISABLED"));
    region.advance(25 * HOUR).await;
    assert!(
        region.call::<ListStreams>(ListStreamsInput::default()).await.unwrap().streams.unwrap().is_empty()
    );
    let gone = DescribeStreamInput { stream_arn: arn, ..Default::default() };
    assert_eq!(region.refused::<DescribeStream>(gone).await.code, "ResourceNotFoundException");
}

#[tokio::test]
async fn images_of_the_largest_items_are_whole() {
    let (region, arn) = with_stream("NEW_AND_OLD_IMAGES").await;
    // Many short attributes take more bytes stored than they are counted.
    let large = |v: &str| {
        let mut item: Item =
            (0..58_000).map(|at| (format!("{at:05}"), api::AttributeValue::NULL(true))).collect();
        item.extend(thing(1, v));
        item
    };
    put(&region, "things", large("x")).await;
    put(&region, "things", large("y")).await;
    let records = all(&region, &arn).await;
    assert_eq!(records.iter().map(told).collect::<Vec<_>>(), ["INSERT 1 - x", "MODIFY 1 x y"]);
    let shown = records[1].dynamodb.as_ref().unwrap();
    assert_eq!(shown.old_image.as_ref().map(|image| image.len()), Some(58_003));
    assert_eq!(shown.new_image.as_ref().map(|image| image.len()), Some(58_003));
}

#[tokio::test]
async fn settings_that_do_not_fit_are_refused() {
    let region = with_things().await;
    for (stream_enabled, stream_view_type) in [(true, None), (false, Some(StreamViewType::KeysOnly))] {
        let asked = setting(StreamSpecification { stream_enabled, stream_view_type });
        assert_eq!(region.refused::<UpdateTable>(asked).await.code, "ValidationException");
    }
    // The text: hashicorp/terraform-provider-aws issue 35673.
    let asked = UpdateTableInput {
        provisioned_throughput: Some(ProvisionedThroughput {
            read_capacity_units: 1,
            write_capacity_units: 1,
        }),
        ..setting(specification("KEYS_ONLY").unwrap())
    };
    assert_eq!(
        region.refused::<UpdateTable>(asked).await.message,
        "One or more parameter values were invalid: You cannot modify stream status while updating table IOPS"
    );
}

#[tokio::test]
async fn a_stream_has_a_policy_of_its_own() {
    let (region, arn) = with_stream("KEYS_ONLY").await;
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"dynamodb:GetRecords","Resource":"*"}]}"#;
    let put =
        PutResourcePolicyInput { resource_arn: arn.clone(), policy: policy.to_owned(), ..Default::default() };
    let revision = region.call::<PutResourcePolicy>(put).await.unwrap().revision_id;
    let get = GetResourcePolicyInput { resource_arn: arn.clone() };
    let told = region.call::<GetResourcePolicy>(get.clone()).await.unwrap();
    assert_eq!((told.policy.as_deref(), told.revision_id), (Some(policy), revision));
    let of_table = GetResourcePolicyInput { resource_arn: arn.split("/stream/").next().unwrap().to_owned() };
    assert_eq!(region.refused::<GetResourcePolicy>(of_table).await.code, "PolicyNotFoundException");
    let delete = DeleteResourcePolicyInput { resource_arn: arn.clone(), ..Default::default() };
    region.call::<DeleteResourcePolicy>(delete).await.unwrap();
    assert_eq!(region.refused::<GetResourcePolicy>(get).await.code, "PolicyNotFoundException");
    let absent = GetResourcePolicyInput { resource_arn: format!("{arn}1") };
    assert_eq!(region.refused::<GetResourcePolicy>(absent).await.code, "ResourceNotFoundException");
}
