//! Transactions: all or nothing, reasons in order, once for each token.

use crate::world::*;
use model_dynamodb::operations::*;
use model_dynamodb::*;
use std::time::Duration;

fn key(r: i64) -> Item {
    item(&[("p", s("a")), ("r", n(r))])
}

fn put(r: i64, condition: Option<&str>) -> TransactWriteItem {
    TransactWriteItem {
        put: Some(Put {
            table_name: "things".into(),
            item: key(r),
            condition_expression: condition.map(str::to_owned),
            return_values_on_condition_check_failure: Some(ReturnValuesOnConditionCheckFailure::AllOld),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn add(r: i64, by: i64) -> TransactWriteItem {
    TransactWriteItem {
        update: Some(Update {
            table_name: "things".into(),
            key: key(r),
            update_expression: "ADD v :v".into(),
            expression_attribute_values: Some(item(&[(":v", n(by))])),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn write(items: Vec<TransactWriteItem>, token: Option<&str>) -> TransactWriteItemsInput {
    TransactWriteItemsInput {
        transact_items: items,
        client_request_token: token.map(str::to_owned),
        ..Default::default()
    }
}

#[tokio::test]
async fn all_or_nothing_with_reasons_in_order() {
    let region = with_things().await;
    region.call::<TransactWriteItems>(write(vec![put(1, None), add(2, 5)], None)).await.unwrap();
    let items = vec![add(2, 1), put(1, Some("attribute_not_exists(p)")), put(3, None)];
    let refused = region.refused::<TransactWriteItems>(write(items, None)).await;
    assert_eq!(refused.code, "TransactionCanceledException");
    assert_eq!(
        refused.message,
        "Transaction cancelled, please refer cancellation reasons for specific reasons [None, ConditionalCheckFailed, None]"
    );
    let detail = refused.detail.unwrap().into_any().downcast::<TransactionCanceledException>().unwrap();
    let reasons = detail.cancellation_reasons.unwrap();
    assert_eq!(reasons[1].item, Some(key(1)));
    assert_eq!((reasons[0].code.as_deref(), &reasons[0].message), (Some("None"), &None));
    assert_eq!(get(&region, "things", key(2)).await.unwrap()["v"], n(5));
    assert_eq!(get(&region, "things", key(3)).await, None);
}

#[tokio::test]
async fn a_token_is_good_for_one_transaction() {
    let region = with_things().await;
    for _ in 0..3 {
        region.call::<TransactWriteItems>(write(vec![add(1, 5)], Some("token"))).await.unwrap();
    }
    assert_eq!(get(&region, "things", key(1)).await.unwrap()["v"], n(5));
    let other = region.refused::<TransactWriteItems>(write(vec![add(1, 6)], Some("token"))).await;
    assert_eq!(other.code, "IdempotentParameterMismatchException");
    region.advance(Duration::from_secs(601)).await;
    region.call::<TransactWriteItems>(write(vec![add(1, 6)], Some("token"))).await.unwrap();
    assert_eq!(get(&region, "things", key(1)).await.unwrap()["v"], n(11));
}

#[tokio::test]
async fn transactions_that_make_no_sense_are_refused() {
    let region = with_things().await;
    let twice = region.refused::<TransactWriteItems>(write(vec![put(1, None), add(1, 1)], None)).await;
    assert_eq!(twice.message, "Transaction request cannot include multiple operations on one item");
    let both = TransactWriteItem { put: put(1, None).put, ..add(1, 1) };
    let both = region.refused::<TransactWriteItems>(write(vec![both], None)).await;
    assert_eq!(both.message, "TransactItems can only contain one of Check, Put, Update or Delete");
    let get = |key| TransactGetItem { get: Get { table_name: "things".into(), key, ..Default::default() } };
    let wrong = TransactGetItemsInput {
        transact_items: vec![get(key(1)), get(item(&[("p", s("a"))]))],
        ..Default::default()
    };
    let wrong = region.refused::<TransactGetItems>(wrong).await;
    assert_eq!(
        wrong.message,
        "Transaction cancelled, please refer cancellation reasons for specific reasons [None, ValidationError]"
    );
}

/// Alternator, test_transact.py, passes on AWS: what comes behind the first write that does not fit its table is
/// not looked at.
#[tokio::test]
async fn the_first_wrong_write_is_told_alone() {
    let region = with_things().await;
    let wrong = |r: &str| TransactWriteItem {
        put: Some(Put {
            table_name: "things".into(),
            item: item(&[("p", s("a")), ("r", s(r))]),
            ..Default::default()
        }),
        ..Default::default()
    };
    let items = vec![put(1, None), wrong("x"), wrong("y"), put(2, Some("attribute_exists(p)"))];
    let refused = region.refused::<TransactWriteItems>(write(items, None)).await;
    assert_eq!(
        refused.message,
        "Transaction cancelled, please refer cancellation reasons for specific reasons [None, ValidationError, \
         None, None]"
    );
    let large = (0..11).map(|r| TransactWriteItem {
        put: Some(Put {
            table_name: "things".into(),
            item: item(&[("p", s("a")), ("r", n(r)), ("v", s(&"x".repeat(400_000)))]),
            ..Default::default()
        }),
        ..Default::default()
    });
    let large = region.refused::<TransactWriteItems>(write(large.collect(), None)).await;
    assert!(large.message.starts_with("Transaction payload size cannot exceed 4MB."), "{}", large.message);
}

#[tokio::test]
async fn reading_several_items_at_one_moment() {
    let region = with_things().await;
    region.call::<TransactWriteItems>(write(vec![add(1, 1), add(2, 2)], None)).await.unwrap();
    let get =
        |r| TransactGetItem { get: Get { table_name: "things".into(), key: key(r), ..Default::default() } };
    let input = TransactGetItemsInput {
        transact_items: vec![get(2), get(9), get(1)],
        return_consumed_capacity: Some(ReturnConsumedCapacity::Total),
    };
    let output = region.call::<TransactGetItems>(input).await.unwrap();
    let values: Vec<_> =
        output.responses.unwrap().into_iter().map(|one| one.item.map(|item| item["v"].clone())).collect();
    assert_eq!(values, [Some(n(2)), None, Some(n(1))]);
    let consumed = output.consumed_capacity.unwrap();
    assert_eq!((consumed[0].capacity_units, consumed[0].read_capacity_units), (Some(6.0), Some(6.0)));
}

#[tokio::test]
async fn four_megabytes_fit_where_all_images_are_kept() {
    let region = region().await;
    let wish = CreateTableInput {
        stream_specification: Some(StreamSpecification {
            stream_enabled: true,
            stream_view_type: Some(StreamViewType::NewAndOldImages),
        }),
        ..table("things", &["p:S", "r:N"], 2)
    };
    let made = region.call::<CreateTable>(wish).await.unwrap().table_description.unwrap();
    let recovery = UpdateContinuousBackupsInput {
        table_name: "things".into(),
        point_in_time_recovery_specification: PointInTimeRecoverySpecification {
            point_in_time_recovery_enabled: true,
            ..Default::default()
        },
    };
    region.call::<UpdateContinuousBackups>(recovery).await.unwrap();
    let all = |text: &str| {
        let put = |r: i64| TransactWriteItem {
            put: Some(Put {
                table_name: "things".into(),
                item: item(&[("p", s("a")), ("r", n(r)), ("v", s(&text.repeat(409_000)))]),
                ..Default::default()
            }),
            ..Default::default()
        };
        write((0..10).map(put).collect(), None)
    };
    region.call::<TransactWriteItems>(all("x")).await.unwrap();
    // Each item is now written, and told before and after to the stream, and before to the history.
    region.call::<TransactWriteItems>(all("y")).await.unwrap();
    assert_eq!(crate::streams::all(&region, &made.latest_stream_arn.unwrap()).await.len(), 20);
}
