//! Reads: what the table and its indexes answer is what the reference holds, whatever the pages.

use super::reference::{Key, Reference, Rest, whole};
use super::steps::Read;
use super::{TABLE, key};
use crate::world::*;
use model_dynamodb::operations::*;
use model_dynamodb::*;
use testkit::Region;

/// Reads of all that there is.
pub fn everything() -> Vec<Read> {
    let partitions = (0..3).flat_map(|p| [Read::Range(p, -9, 9, true, 3), Read::Values(p, false)]);
    let groups = (0..2).map(|g| Read::Group(g, true, 2));
    partitions.chain(groups).chain([Read::Scan(i64::MIN, 4, 2), Read::ScanGroups]).collect()
}

/// One read.
pub async fn one(region: &Region, read: &Read, reference: &Reference) {
    match read {
        Read::Batch(keys) => by_keys(region, keys, reference).await,
        Read::Range(p, low, high, forward, limit) => {
            let input = QueryInput {
                key_condition_expression: Some("p = :p and r between :l and :h".into()),
                expression_attribute_values: Some(item(&[
                    (":p", s(&p.to_string())),
                    (":l", n(low)),
                    (":h", n(high)),
                ])),
                ..of(None, *forward, *limit)
            };
            let mut expected = items(reference.items.range((*p, *low)..=(*p, *high)));
            if !forward {
                expected.reverse();
            }
            assert_eq!(queried(region, input).await, expected);
        }
        Read::Group(group, forward, limit) => {
            let input = QueryInput {
                key_condition_expression: Some("g = :g".into()),
                expression_attribute_values: Some(item(&[(":g", n(group))])),
                ..of(Some("by-group"), *forward, *limit)
            };
            let found = queried(region, input).await;
            check_order(&found, *forward);
            let of_group = reference.items.iter().filter(|(_, rest)| rest.group == Some(*group));
            assert_eq!(sorted(found), sorted(items(of_group)));
        }
        Read::Values(p, forward) => {
            let input = QueryInput {
                key_condition_expression: Some("p = :p and v >= :v".into()),
                expression_attribute_values: Some(item(&[(":p", s(&p.to_string())), (":v", n(i64::MIN))])),
                ..of(Some("by-value"), *forward, 2)
            };
            let found = queried(region, input).await;
            check_order(&found, *forward);
            let of_partition = reference.items.iter().filter(|((partition, _), _)| partition == p);
            let of_partition = of_partition.map(|(at, rest)| {
                let mut entry = key(*at);
                entry.insert("v".into(), n(rest.value));
                entry
            });
            assert_eq!(sorted(found), sorted(of_partition.collect()));
        }
        Read::Scan(least, limit, segments) => {
            let mut found = Vec::new();
            for segment in 0..*segments {
                found.extend(scanned(region, (None, *least), *limit, (segment, *segments)).await);
            }
            let expected = reference.items.iter().filter(|(_, rest)| rest.value >= *least);
            assert_eq!(sorted(found), sorted(items(expected)));
        }
        Read::ScanGroups => {
            let found = scanned(region, (Some("by-group"), i64::MIN), 3, (0, 1)).await;
            let expected = reference.items.iter().filter(|(_, rest)| rest.group.is_some());
            assert_eq!(sorted(found), sorted(items(expected)));
        }
    }
}

fn items<'r>(found: impl Iterator<Item = (&'r Key, &'r Rest)>) -> Vec<Item> {
    found.map(|(at, rest)| whole(*at, *rest)).collect()
}

fn sorted(mut found: Vec<Item>) -> Vec<Item> {
    found.sort_by_key(|item| format!("{item:?}"));
    found
}

fn check_order(found: &[Item], forward: bool) {
    let value = |item: &Item| match &item["v"] {
        AttributeValue::N(text) => text.parse::<i64>().unwrap(),
        other => panic!("{other:?}"),
    };
    let mut values: Vec<i64> = found.iter().map(value).collect();
    if !forward {
        values.reverse();
    }
    assert!(values.is_sorted(), "{values:?}");
}

fn of(index: Option<&str>, forward: bool, limit: i32) -> QueryInput {
    QueryInput {
        table_name: TABLE.into(),
        index_name: index.map(str::to_owned),
        scan_index_forward: Some(forward),
        limit: Some(limit),
        ..Default::default()
    }
}

async fn queried(region: &Region, mut input: QueryInput) -> Vec<Item> {
    let mut found = Vec::new();
    loop {
        let page = region.call::<Query>(input.clone()).await.unwrap();
        let some = page.items.unwrap();
        assert_eq!(page.count, Some(some.len() as i32));
        assert!(page.count <= input.limit, "a page of {:?} under {:?}", page.count, input.limit);
        found.extend(some);
        input.exclusive_start_key = page.last_evaluated_key;
        if input.exclusive_start_key.is_none() {
            return found;
        }
    }
}

async fn scanned(
    region: &Region,
    (index, least): (Option<&str>, i64),
    limit: i32,
    (segment, segments): (i32, i32),
) -> Vec<Item> {
    let mut input = ScanInput {
        table_name: TABLE.into(),
        index_name: index.map(str::to_owned),
        filter_expression: Some("v >= :least".into()),
        expression_attribute_values: Some(item(&[(":least", n(least))])),
        limit: Some(limit),
        segment: Some(segment),
        total_segments: Some(segments),
        ..Default::default()
    };
    let mut found = Vec::new();
    loop {
        let page = region.call::<Scan>(input.clone()).await.unwrap();
        assert!(page.scanned_count <= Some(limit) && page.count <= page.scanned_count);
        found.extend(page.items.unwrap());
        input.exclusive_start_key = page.last_evaluated_key;
        if input.exclusive_start_key.is_none() {
            return found;
        }
    }
}

async fn by_keys(region: &Region, keys: &[Key], reference: &Reference) {
    let there = keys.iter().filter_map(|at| reference.items.get_key_value(at));
    let expected = items(there);
    let wanted = KeysAndAttributes { keys: keys.iter().map(|at| key(*at)).collect(), ..Default::default() };
    let input =
        BatchGetItemInput { request_items: [(TABLE.to_owned(), wanted)].into(), ..Default::default() };
    let mut answer = region.call::<BatchGetItem>(input).await.unwrap();
    let found = answer.responses.as_mut().and_then(|tables| tables.remove(TABLE)).unwrap_or_default();
    assert_eq!(sorted(found), sorted(expected.clone()));
    let gets = keys.iter().map(|at| TransactGetItem {
        get: Get { table_name: TABLE.into(), key: key(*at), ..Default::default() },
    });
    let input = TransactGetItemsInput { transact_items: gets.collect(), ..Default::default() };
    let found = region.call::<TransactGetItems>(input).await.unwrap().responses.unwrap();
    let found: Vec<Item> = found.into_iter().filter_map(|response| response.item).collect();
    assert_eq!(found, expected);
}
