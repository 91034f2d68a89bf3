//! Counts of a large table after a restart: told at once of a part, soon of all, and carried on meanwhile.

use crate::world::{item, n, s, table};
use model_dynamodb::operations::{BatchWriteItem, CreateTable, DescribeTable, PutItem};
use model_dynamodb::{BatchWriteItemInput, DescribeTableInput, PutItemInput, PutRequest, WriteRequest};
use std::collections::BTreeMap;
use std::time::Duration;
use store::{MemoryEngine, Options, Store};
use testkit::{Region, Setup};

const BATCHES: i64 = 840;

async fn over(store: &Store) -> Region {
    Setup { store: Some(store.clone()), ..Setup::of(vec![dynamodb::service()]) }.start().await
}

async fn counted(region: &Region) -> i64 {
    let input = DescribeTableInput { table_name: "large".into() };
    let table = region.call::<DescribeTable>(input).await.unwrap().table.unwrap();
    table.item_count.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_table_is_counted_behind_its_callers_back() {
    let store = Store::open(Box::new(MemoryEngine::new()), Options::in_memory()).unwrap();
    let region = over(&store).await;
    region.call::<CreateTable>(table("large", &["p:S", "r:N"], 2)).await.unwrap();
    for batch in 0..BATCHES {
        let put = |number: i64| WriteRequest {
            put_request: Some(PutRequest { item: item(&[("p", s(&format!("{batch}"))), ("r", n(number))]) }),
            ..Default::default()
        };
        let request_items = BTreeMap::from([("large".to_owned(), (0..25).map(put).collect())]);
        let input = BatchWriteItemInput { request_items, ..Default::default() };
        region.call::<BatchWriteItem>(input).await.unwrap();
    }
    assert_eq!(counted(&region).await, BATCHES * 25);
    region.stop().await;

    let region = over(&store).await;
    let first = counted(&region).await;
    assert!((20_000..=BATCHES * 25).contains(&first), "{first}");
    let new = item(&[("p", s("new")), ("r", n(1))]);
    let put = PutItemInput { table_name: "large".into(), item: new, ..Default::default() };
    region.call::<PutItem>(put).await.unwrap();
    let clock = &region.host().clock;
    for _ in 0..1000 {
        if counted(&region).await == BATCHES * 25 + 1 {
            return;
        }
        clock.rest(Duration::from_millis(5)).await;
    }
    panic!("{} of {} items are counted", counted(&region).await, BATCHES * 25 + 1);
}
