//! Query and Scan: order, ranges, limits, pages, filters, segments; and batches.

use crate::world::*;
use model_dynamodb::operations::*;
use model_dynamodb::*;
use std::collections::BTreeSet;
use testkit::Region;

fn query(condition: &str, values: &[(&str, AttributeValue)]) -> QueryInput {
    QueryInput {
        table_name: "things".into(),
        key_condition_expression: Some(condition.into()),
        expression_attribute_values: Some(item(values)),
        ..Default::default()
    }
}

async fn with_numbers() -> Region {
    let region = with_things().await;
    for r in ["-10", "-1.5", "0", "2", "10", "100"] {
        put(&region, "things", item(&[("p", s("a")), ("r", n(r)), ("v", s(r))])).await;
    }
    put(&region, "things", item(&[("p", s("b")), ("r", n(5))])).await;
    region
}

fn sorts(items: &[Item]) -> Vec<String> {
    items
        .iter()
        .map(|item| match &item["r"] {
            AttributeValue::N(text) => text.clone(),
            other => panic!("{other:?}"),
        })
        .collect()
}

#[tokio::test]
async fn a_query_reads_a_range_in_order() {
    let region = with_numbers().await;
    let of = async |condition: &str, values: &[(&str, AttributeValue)]| {
        let values = [&[(":p", s("a"))], values].concat();
        sorts(&region.call::<Query>(query(condition, &values)).await.unwrap().items.unwrap())
    };
    assert_eq!(of("p = :p", &[]).await, ["-10", "-1.5", "0", "2", "10", "100"]);
    assert_eq!(of("p = :p and r > :r", &[(":r", n(0))]).await, ["2", "10", "100"]);
    assert_eq!(of("p = :p and r <= :r", &[(":r", n("-1.50"))]).await, ["-10", "-1.5"]);
    assert_eq!(
        of("p = :p and r between :l and :h", &[(":l", n(-2)), (":h", n(10))]).await,
        ["-1.5", "0", "2", "10"]
    );
    assert_eq!(of(":p = p and :r = r", &[(":r", n("2.0"))]).await, ["2"]);
    let back =
        QueryInput { scan_index_forward: Some(false), limit: Some(2), ..query("p = :p", &[(":p", s("a"))]) };
    assert_eq!(sorts(&region.call::<Query>(back).await.unwrap().items.unwrap()), ["100", "10"]);
}

#[tokio::test]
async fn pages_follow_each_other_in_both_directions() {
    let region = with_numbers().await;
    for forward in [true, false] {
        let (mut seen, mut start) = (Vec::new(), None);
        loop {
            let page = QueryInput {
                limit: Some(2),
                scan_index_forward: Some(forward),
                exclusive_start_key: start,
                ..query("p = :p", &[(":p", s("a"))])
            };
            let page = region.call::<Query>(page).await.unwrap();
            seen.extend(sorts(&page.items.unwrap()));
            start = page.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        let mut expected = ["-10", "-1.5", "0", "2", "10", "100"];
        if !forward {
            expected.reverse();
        }
        assert_eq!(seen, expected);
    }
}

#[tokio::test]
async fn the_limit_counts_before_the_filter() {
    let region = with_numbers().await;
    let page = QueryInput {
        limit: Some(3),
        filter_expression: Some("v = :v".into()),
        ..query("p = :p", &[(":p", s("a")), (":v", s("0"))])
    };
    let page = region.call::<Query>(page).await.unwrap();
    assert_eq!((page.count, page.scanned_count), (Some(1), Some(3)));
    assert_eq!(page.last_evaluated_key, Some(item(&[("p", s("a")), ("r", n(0))])));
    let count = QueryInput { select: Some(Select::Count), ..query("p = :p", &[(":p", s("a"))]) };
    let count = region.call::<Query>(count).await.unwrap();
    assert_eq!((count.count, count.items), (Some(6), None));
}

#[tokio::test]
async fn a_page_ends_at_a_megabyte() {
    let region = with_things().await;
    for r in 0..15 {
        let v = AttributeValue::S("x".repeat(100_000));
        put(&region, "things", item(&[("p", s("a")), ("r", n(r)), ("v", v)])).await;
    }
    let first = region.call::<Query>(query("p = :p", &[(":p", s("a"))])).await.unwrap();
    assert_eq!(first.count, Some(11));
    let rest =
        QueryInput { exclusive_start_key: first.last_evaluated_key, ..query("p = :p", &[(":p", s("a"))]) };
    let rest = region.call::<Query>(rest).await.unwrap();
    assert_eq!((rest.count, rest.last_evaluated_key), (Some(4), None));
}

/// Texts as dynalite recorded them on DynamoDB (test/query.js).
#[tokio::test]
async fn queries_that_do_not_fit_the_keys_are_refused() {
    let region = with_numbers().await;
    let a = (":p", s("a"));
    let cases = [
        (query("r = :r", &[(":r", n(1))]), "Query condition missed key schema element: p"),
        (
            query("p = :p and v = :p", std::slice::from_ref(&a)),
            "Query condition missed key schema element: r",
        ),
        (query("p > :p", std::slice::from_ref(&a)), "Query key condition not supported"),
        (
            query("p = :r", &[(":r", n(1))]),
            "One or more parameter values were invalid: Condition parameter type does not match schema type",
        ),
        (
            QueryInput {
                filter_expression: Some("r = :p".into()),
                ..query("p = :p", std::slice::from_ref(&a))
            },
            "Filter Expression can only contain non-primary key attributes: Primary key attribute: r",
        ),
        (
            QueryInput { index_name: Some("none".into()), ..query("p = :p", std::slice::from_ref(&a)) },
            "The table does not have the specified index: none",
        ),
        (
            QueryInput {
                exclusive_start_key: Some(item(&[("p", s("a"))])),
                ..query("p = :p", std::slice::from_ref(&a))
            },
            "The provided starting key is invalid",
        ),
        (
            QueryInput {
                exclusive_start_key: Some(item(&[("p", s("b")), ("r", n(1))])),
                ..query("p = :p", std::slice::from_ref(&a))
            },
            "The provided starting key is outside query boundaries based on provided conditions",
        ),
        (
            QueryInput {
                key_condition_expression: None,
                expression_attribute_values: None,
                ..query("", &[])
            },
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.",
        ),
    ];
    for (input, message) in cases {
        assert_eq!(region.refused::<Query>(input).await.message, message);
    }
}

#[tokio::test]
async fn segments_share_a_scan() {
    let region = with_things().await;
    for r in 0..60 {
        put(&region, "things", item(&[("p", s(&format!("p{r}"))), ("r", n(r))])).await;
    }
    let scan = |segment: Option<(i32, i32)>| ScanInput {
        table_name: "things".into(),
        segment: segment.map(|(one, _)| one),
        total_segments: segment.map(|(_, all)| all),
        ..Default::default()
    };
    let whole = region.call::<Scan>(scan(None)).await.unwrap();
    assert_eq!(whole.count, Some(60));
    let (mut seen, mut parts) = (BTreeSet::new(), Vec::new());
    for segment in 0..4 {
        let part = region.call::<Scan>(scan(Some((segment, 4)))).await.unwrap().items.unwrap();
        parts.push(part.len());
        seen.extend(sorts(&part));
    }
    assert_eq!((seen.len(), parts.iter().sum::<usize>()), (60, 60));
    assert!(parts.iter().all(|part| *part > 0), "{parts:?}");
    let wrong = region.refused::<Scan>(scan(Some((4, 4)))).await;
    assert_eq!(
        wrong.message,
        "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: 4 is not less than TotalSegments: 4"
    );
}

#[tokio::test]
async fn batches_write_and_read_many() {
    let region = with_things().await;
    let put = |r: i64| WriteRequest {
        put_request: Some(PutRequest { item: item(&[("p", s("a")), ("r", n(r))]) }),
        delete_request: None,
    };
    let delete = |r: i64| WriteRequest {
        put_request: None,
        delete_request: Some(DeleteRequest { key: item(&[("p", s("a")), ("r", n(r))]) }),
    };
    let write = |requests: Vec<WriteRequest>| BatchWriteItemInput {
        request_items: [("things".to_owned(), requests)].into(),
        ..Default::default()
    };
    let written = region.call::<BatchWriteItem>(write((0..25).map(put).collect())).await.unwrap();
    assert_eq!(written.unprocessed_items, Some(Default::default()));
    region.call::<BatchWriteItem>(write(vec![delete(1), put(100)])).await.unwrap();
    let twice = region.refused::<BatchWriteItem>(write(vec![put(1), delete(1)])).await;
    assert_eq!(twice.message, "Provided list of item keys contains duplicates");

    let keys = KeysAndAttributes {
        keys: [0, 1, 100].map(|r| item(&[("p", s("a")), ("r", n(r))])).to_vec(),
        projection_expression: Some("r".into()),
        ..Default::default()
    };
    let read =
        BatchGetItemInput { request_items: [("things".to_owned(), keys)].into(), ..Default::default() };
    let read = region.call::<BatchGetItem>(read).await.unwrap();
    assert_eq!(sorts(&read.responses.unwrap()["things"]), ["0", "100"]);
}
