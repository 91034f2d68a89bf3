//! Single items: put, read, changed, removed, with conditions and every form of answer.

use crate::world::*;
use model_dynamodb::operations::*;
use model_dynamodb::*;
use testkit::Region;

fn key(r: i64) -> Item {
    item(&[("p", s("a")), ("r", n(r))])
}

fn update(text: &str, values: &[(&str, AttributeValue)]) -> UpdateItemInput {
    UpdateItemInput {
        table_name: "things".into(),
        key: key(1),
        update_expression: Some(text.into()),
        expression_attribute_values: (!values.is_empty()).then(|| item(values)),
        ..Default::default()
    }
}

#[tokio::test]
async fn items_are_put_read_and_removed() {
    let region = with_things().await;
    let whole =
        item(&[("p", s("a")), ("r", n("1.0")), ("set", AttributeValue::SS(vec!["y".into(), "x".into()]))]);
    put(&region, "things", whole).await;
    let stored =
        item(&[("p", s("a")), ("r", n(1)), ("set", AttributeValue::SS(vec!["x".into(), "y".into()]))]);
    assert_eq!(get(&region, "things", key(1)).await, Some(stored.clone()));
    let replaced = PutItemInput {
        table_name: "things".into(),
        item: item(&[("p", s("a")), ("r", n(1)), ("v", n(2))]),
        return_values: Some(ReturnValue::AllOld),
        ..Default::default()
    };
    assert_eq!(region.call::<PutItem>(replaced).await.unwrap().attributes, Some(stored));
    let part = GetItemInput {
        table_name: "things".into(),
        key: key(1),
        projection_expression: Some("v, nothing".into()),
        ..Default::default()
    };
    assert_eq!(region.call::<GetItem>(part).await.unwrap().item, Some(item(&[("v", n(2))])));
    let gone = DeleteItemInput { table_name: "things".into(), key: key(1), ..Default::default() };
    region.call::<DeleteItem>(gone.clone()).await.unwrap();
    region.call::<DeleteItem>(gone).await.unwrap();
    assert_eq!(get(&region, "things", key(1)).await, None);
}

#[tokio::test]
async fn a_condition_decides_and_shows_the_item_where_asked() {
    let region = with_things().await;
    let once = PutItemInput {
        table_name: "things".into(),
        item: item(&[("p", s("a")), ("r", n(1)), ("v", n(1))]),
        condition_expression: Some("attribute_not_exists(p)".into()),
        return_values_on_condition_check_failure: Some(ReturnValuesOnConditionCheckFailure::AllOld),
        ..Default::default()
    };
    region.call::<PutItem>(once.clone()).await.unwrap();
    let refused = region.refused::<PutItem>(once).await;
    assert_eq!(refused.code, "ConditionalCheckFailedException");
    assert_eq!(refused.message, "The conditional request failed");
    let detail = refused.detail.unwrap().into_any().downcast::<ConditionalCheckFailedException>().unwrap();
    assert_eq!(detail.item.unwrap()["v"], n(1));
}

#[tokio::test]
async fn updates_answer_what_is_asked_of_them() {
    let region = with_things().await;
    let answer = async |text: &str, values: &[(&str, AttributeValue)], asked: ReturnValue| {
        let input = UpdateItemInput { return_values: Some(asked), ..update(text, values) };
        region.call::<UpdateItem>(input).await.unwrap().attributes
    };
    assert_eq!(answer("SET a = :a", &[(":a", n(1))], ReturnValue::AllOld).await, None);
    assert_eq!(
        answer("SET b = :b", &[(":b", n("2.50"))], ReturnValue::UpdatedNew).await,
        Some(item(&[("b", n("2.5"))]))
    );
    assert_eq!(
        answer("SET a = a + :a", &[(":a", n(4))], ReturnValue::UpdatedOld).await,
        Some(item(&[("a", n(1))]))
    );
    let whole = item(&[("p", s("a")), ("r", n(1)), ("a", n(5)), ("b", n("2.5"))]);
    assert_eq!(answer("REMOVE c", &[], ReturnValue::AllNew).await, Some(whole));
    assert_eq!(answer("REMOVE b", &[], ReturnValue::UpdatedNew).await, None);
    assert_eq!(answer("REMOVE a", &[], ReturnValue::None).await, None);
    assert_eq!(get(&region, "things", key(1)).await, Some(key(1)));
}

/// Texts as dynalite recorded them on DynamoDB (test/updateItem.js, test/putItem.js).
#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let region = with_things().await;
    let message = async |input: UpdateItemInput| region.refused::<UpdateItem>(input).await.message;
    assert_eq!(
        message(update("SET p = :v", &[(":v", s("x"))])).await,
        "One or more parameter values were invalid: Cannot update attribute p. This attribute is part of the key"
    );
    assert_eq!(
        message(update("SET p.x = :v", &[(":v", s("x"))])).await,
        "One or more parameter values were invalid: Cannot update attribute p. This attribute is part of the key"
    );
    assert_eq!(
        message(update("SET a.b = :v", &[(":v", s("x"))])).await,
        "The document path provided in the update expression is invalid for update"
    );
    let extra =
        UpdateItemInput { expression_attribute_names: names(&[("#x", "x")]), ..update("REMOVE a", &[]) };
    assert_eq!(
        message(extra).await,
        "Value provided in ExpressionAttributeNames unused in expressions: keys: {#x}"
    );
    let big = AttributeValue::S("x".repeat(400 * 1024));
    assert_eq!(
        message(update("SET a = :v", &[(":v", big.clone())])).await,
        "Item size to update has exceeded the maximum allowed size"
    );
    let put = |item: Item| PutItemInput { table_name: "things".into(), item, ..Default::default() };
    let refused = async |item: Item| region.refused::<PutItem>(put(item)).await.message;
    assert_eq!(
        refused(item(&[("p", s("a")), ("r", n(1)), ("v", big)])).await,
        "Item size has exceeded the maximum allowed size"
    );
    assert_eq!(
        refused(item(&[("p", s("a"))])).await,
        "One or more parameter values were invalid: Missing the key r in the item"
    );
    assert_eq!(
        refused(item(&[("p", s("")), ("r", n(1))])).await,
        "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: p"
    );
    let nowhere = PutItemInput { table_name: "nowhere".into(), ..put(key(1)) };
    let nowhere = region.refused::<PutItem>(nowhere).await;
    assert_eq!(
        (nowhere.code.as_ref(), nowhere.message.as_str()),
        ("ResourceNotFoundException", "Requested resource not found")
    );
}

#[tokio::test]
async fn the_largest_item_is_stored() {
    let region = with_things().await;
    let fixed = "p".len() + 1 + "r".len() + 2 + "v".len();
    let whole = item(&[("p", s("a")), ("r", n(1)), ("v", AttributeValue::S("x".repeat(400 * 1024 - fixed)))]);
    put(&region, "things", whole.clone()).await;
    assert_eq!(get(&region, "things", key(1)).await, Some(whole));
}

#[tokio::test]
async fn parameters_from_before_expressions_still_work() {
    let region = with_things().await;
    let change = |action: &str, value: Option<AttributeValue>| AttributeValueUpdate {
        value,
        action: Some(action.into()),
    };
    let updates = [
        ("a".to_owned(), change("PUT", Some(n(1)))),
        ("b".to_owned(), change("ADD", Some(n(2)))),
        ("c".to_owned(), change("DELETE", None)),
    ];
    let legacy = UpdateItemInput {
        table_name: "things".into(),
        key: key(1),
        attribute_updates: Some(updates.into()),
        expected: Some(
            [("a".to_owned(), ExpectedAttributeValue { exists: Some(false), ..Default::default() })].into(),
        ),
        return_values: Some(ReturnValue::UpdatedNew),
        ..Default::default()
    };
    let answer = region.call::<UpdateItem>(legacy.clone()).await.unwrap().attributes.unwrap();
    assert_eq!(answer, item(&[("a", n(1)), ("b", n(2))]));
    assert_eq!(region.refused::<UpdateItem>(legacy).await.code, "ConditionalCheckFailedException");
}

async fn capacity(region: &Region, bytes: usize, asked: ReturnConsumedCapacity) -> (f64, f64) {
    let put = PutItemInput {
        table_name: "things".into(),
        item: item(&[("p", s("a")), ("r", n(1)), ("v", AttributeValue::S("x".repeat(bytes)))]),
        return_consumed_capacity: Some(asked.clone()),
        ..Default::default()
    };
    let written = region.call::<PutItem>(put).await.unwrap().consumed_capacity.unwrap();
    let get = GetItemInput {
        table_name: "things".into(),
        key: key(1),
        consistent_read: Some(true),
        return_consumed_capacity: Some(asked),
        ..Default::default()
    };
    let read = region.call::<GetItem>(get).await.unwrap().consumed_capacity.unwrap();
    (written.capacity_units.unwrap(), read.capacity_units.unwrap())
}

#[tokio::test]
async fn capacity_is_counted_in_blocks() {
    let region = with_things().await;
    assert_eq!(capacity(&region, 10, ReturnConsumedCapacity::Total).await, (1.0, 1.0));
    assert_eq!(capacity(&region, 5000, ReturnConsumedCapacity::Indexes).await, (5.0, 2.0));
    assert_eq!(capacity(&region, 10, ReturnConsumedCapacity::Total).await, (5.0, 1.0));
}

#[tokio::test]
async fn one_counter_counts_every_update() {
    let region = std::sync::Arc::new(with_things().await);
    let mut tasks = Vec::new();
    for _ in 0..16 {
        let region = region.clone();
        tasks.push(tokio::spawn(async move {
            for _ in 0..10 {
                region.call::<UpdateItem>(update("ADD hits :one", &[(":one", n(1))])).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(get(&region, "things", key(1)).await.unwrap()["hits"], n(160));
}

/// Alternator, test_item.py::test_update_item_non_existent and test_returnvalues.py, pass on AWS.
#[tokio::test]
async fn an_update_that_only_takes_away_makes_no_item() {
    let region = with_things().await;
    for text in ["REMOVE a", "REMOVE a.b", "DELETE a :v"] {
        let values = [(":v", AttributeValue::SS(vec!["x".into()]))];
        let values = if text.contains(':') { &values[..] } else { &[] };
        let input = UpdateItemInput { return_values: Some(ReturnValue::AllNew), ..update(text, values) };
        assert_eq!(region.call::<UpdateItem>(input).await.unwrap().attributes, None, "{text}");
        assert_eq!(get(&region, "things", key(1)).await, None, "{text}");
    }
    let nothing = UpdateItemInput { update_expression: None, ..update("", &[]) };
    region.call::<UpdateItem>(nothing).await.unwrap();
    assert_eq!(get(&region, "things", key(1)).await, Some(key(1)));
}

/// The bytes that an update writes count, with nineteen for its clause and three for itself, and not the key
/// (conformance suite of paritysuite, tests/tier3/limits/itemSizeBySurface.test.ts, run on AWS).
#[tokio::test]
async fn an_update_is_measured_by_what_it_writes() {
    let region = with_things().await;
    let text = |length: usize| s(&"x".repeat(length));
    let largest = 409_600 - 3 - 19 - 1;
    region.call::<UpdateItem>(update("SET b = :v", &[(":v", text(largest - 4))])).await.unwrap();
    // An item that is small stays so, and is refused for what its update says.
    let refused = update("SET b = if_not_exists(b, :v)", &[(":v", text(largest))]);
    let refused = UpdateItemInput { condition_expression: Some("attribute_exists(c)".into()), ..refused };
    let refused = region.refused::<UpdateItem>(refused).await;
    assert_eq!(refused.message, "Item size to update has exceeded the maximum allowed size");
    region.call::<UpdateItem>(update("SET b = :v", &[(":v", text(largest))])).await.unwrap();
    let over = region.refused::<UpdateItem>(update("SET b = :v", &[(":v", text(largest + 1))])).await;
    assert_eq!(over.message, "Item size to update has exceeded the maximum allowed size");
}

/// Alternator, test_expected.py::test_update_expected_1_not_contains, passes on AWS.
#[tokio::test]
async fn what_is_not_there_contains_nothing_and_does_not_lack_it_either() {
    let region = with_things().await;
    let one = |operator: ComparisonOperator| ExpectedAttributeValue {
        comparison_operator: Some(operator),
        attribute_value_list: Some(vec![n(1)]),
        ..Default::default()
    };
    for (operator, holds) in [
        (ComparisonOperator::NotContains, false),
        (ComparisonOperator::Contains, false),
        (ComparisonOperator::Ne, true),
    ] {
        let input = PutItemInput {
            table_name: "things".into(),
            item: key(1),
            expected: Some([("none".to_owned(), one(operator.clone()))].into()),
            ..Default::default()
        };
        let result = if holds {
            region.call::<PutItem>(input).await.is_ok()
        } else {
            region.refused::<PutItem>(input).await.code == "ConditionalCheckFailedException"
        };
        assert!(result, "{operator}");
    }
}
