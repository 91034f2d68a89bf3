//! Global and local indexes: kept with the table, projected, made and removed on a live table.

use crate::world::*;
use model_dynamodb::operations::*;
use model_dynamodb::*;
use testkit::Region;

async fn with_orders() -> Region {
    let region = region().await;
    let wish = CreateTableInput {
        global_secondary_indexes: Some(vec![
            global("by-state", &["state", "moment"], projection(ProjectionType::Include, &["note"])),
            global("by-price", &["price"], projection(ProjectionType::KeysOnly, &[])),
        ]),
        local_secondary_indexes: Some(vec![local(
            "by-time",
            &["who", "moment"],
            projection(ProjectionType::KeysOnly, &[]),
        )]),
        ..table("orders", &["who:S", "id:S", "state:S", "moment:N", "price:N"], 2)
    };
    region.call::<CreateTable>(wish).await.unwrap();
    for (id, state, moment, price) in [("1", "open", 30, 7), ("2", "open", 10, 7), ("3", "shut", 20, 9)] {
        let order = [
            ("who", s("ann")),
            ("id", s(id)),
            ("state", s(state)),
            ("moment", n(moment)),
            ("price", n(price)),
        ];
        let rest = [("note", s("n")), ("more", s("m"))];
        put(&region, "orders", item(&[&order[..], &rest[..]].concat())).await;
    }
    region
}

fn query(index: &str, condition: &str, values: &[(&str, AttributeValue)]) -> QueryInput {
    QueryInput {
        table_name: "orders".into(),
        index_name: Some(index.into()),
        key_condition_expression: Some(condition.into()),
        expression_attribute_names: condition.contains("#s").then(|| names(&[("#s", "state")])).flatten(),
        expression_attribute_values: Some(item(values)),
        ..Default::default()
    }
}

async fn ids(region: &Region, input: QueryInput) -> Vec<String> {
    let items = region.call::<Query>(input).await.unwrap().items.unwrap();
    let id = |item: &Item| match &item["id"] {
        AttributeValue::S(text) => text.clone(),
        other => panic!("{other:?}"),
    };
    items.iter().map(id).collect()
}

#[tokio::test]
async fn indexes_hold_what_they_project_in_their_order() {
    let region = with_orders().await;
    let open = query("by-state", "#s = :s", &[(":s", s("open"))]);
    assert_eq!(ids(&region, open.clone()).await, ["2", "1"]);
    let first = region.call::<Query>(open).await.unwrap().items.unwrap().remove(0);
    assert_eq!(first.keys().collect::<Vec<_>>(), ["id", "moment", "note", "state", "who"]);
    assert_eq!(
        ids(&region, query("by-time", "who = :w and moment > :t", &[(":w", s("ann")), (":t", n(10))])).await,
        ["3", "1"]
    );
    assert_eq!(ids(&region, query("by-price", "price = :s", &[(":s", n(7))])).await.len(), 2);

    let whole = QueryInput {
        select: Some(Select::AllAttributes),
        ..query("by-time", "who = :w", &[(":w", s("ann"))])
    };
    let fetched = region.call::<Query>(whole).await.unwrap().items.unwrap();
    assert!(fetched.iter().all(|item| item.contains_key("more")));
}

#[tokio::test]
async fn indexes_follow_changes_of_their_items() {
    let region = with_orders().await;
    let change = |text: &str, value: Option<AttributeValue>| UpdateItemInput {
        table_name: "orders".into(),
        key: item(&[("who", s("ann")), ("id", s("1"))]),
        update_expression: Some(text.into()),
        expression_attribute_names: names(&[("#s", "state")]),
        expression_attribute_values: value.map(|value| item(&[(":v", value)])),
        ..Default::default()
    };
    region.call::<UpdateItem>(change("SET #s = :v", Some(s("shut")))).await.unwrap();
    assert_eq!(ids(&region, query("by-state", "#s = :s", &[(":s", s("open"))])).await, ["2"]);
    assert_eq!(ids(&region, query("by-state", "#s = :s", &[(":s", s("shut"))])).await, ["3", "1"]);
    region.call::<UpdateItem>(change("REMOVE #s", None)).await.unwrap();
    assert_eq!(ids(&region, query("by-state", "#s = :s", &[(":s", s("shut"))])).await, ["3"]);
    let gone = DeleteItemInput {
        table_name: "orders".into(),
        key: item(&[("who", s("ann")), ("id", s("3"))]),
        ..Default::default()
    };
    region.call::<DeleteItem>(gone).await.unwrap();
    assert!(ids(&region, query("by-state", "#s = :s", &[(":s", s("shut"))])).await.is_empty());
    let described = DescribeTableInput { table_name: "orders".into() };
    let table = region.call::<DescribeTable>(described).await.unwrap().table.unwrap();
    let counts: Vec<_> =
        table.global_secondary_indexes.unwrap().iter().map(|index| index.item_count).collect();
    assert_eq!((table.item_count, counts), (Some(2), vec![Some(1), Some(2)]));
}

#[tokio::test]
async fn pages_of_an_index_go_past_equal_keys() {
    let region = with_orders().await;
    let (mut seen, mut start) = (Vec::new(), None);
    loop {
        let page = QueryInput {
            limit: Some(1),
            exclusive_start_key: start,
            ..query("by-price", "price = :s", &[(":s", n(7))])
        };
        let page = region.call::<Query>(page).await.unwrap();
        seen.extend(page.items.unwrap());
        match page.last_evaluated_key {
            Some(last) => {
                assert_eq!(last.keys().collect::<Vec<_>>(), ["id", "price", "who"]);
                start = Some(last);
            }
            None => break,
        }
    }
    assert_eq!(seen.len(), 2);
}

/// Texts as dynalite recorded them on DynamoDB (test/query.js, test/putItem.js), the empty key as moto
/// has it from there.
#[tokio::test]
async fn what_an_index_cannot_do_is_refused() {
    let region = with_orders().await;
    let open = || query("by-state", "#s = :s", &[(":s", s("open"))]);
    let cases = [
        (
            QueryInput { consistent_read: Some(true), ..open() },
            "Consistent reads are not supported on global secondary indexes",
        ),
        (
            QueryInput { select: Some(Select::AllAttributes), ..open() },
            "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global secondary index by-state because its projection type is not ALL",
        ),
        (
            QueryInput { projection_expression: Some("more".into()), ..open() },
            "One or more parameter values were invalid: Global secondary index by-state does not project [more]",
        ),
    ];
    for (input, message) in cases {
        assert_eq!(region.refused::<Query>(input).await.message, message);
    }
    let put = |value: AttributeValue| PutItemInput {
        table_name: "orders".into(),
        item: item(&[("who", s("a")), ("id", s("9")), ("state", value)]),
        ..Default::default()
    };
    assert_eq!(
        region.refused::<PutItem>(put(n(1))).await.message,
        "One or more parameter values were invalid: Type mismatch for Index Key state Expected: S Actual: N IndexName: by-state"
    );
    assert_eq!(
        region.refused::<PutItem>(put(s(""))).await.message,
        "One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty string value. IndexName: by-state, IndexKey: state"
    );
}

#[tokio::test]
async fn an_index_is_filled_on_a_live_table_and_removed() {
    let region = with_orders().await;
    for number in 0..120 {
        let order = [
            ("who", s("bob")),
            ("id", s(&number.to_string())),
            ("kind", s(if number % 2 == 0 { "x" } else { "y" })),
        ];
        put(&region, "orders", item(&order)).await;
    }
    let create = CreateGlobalSecondaryIndexAction {
        index_name: "by-kind".into(),
        key_schema: vec![KeySchemaElement { attribute_name: "kind".into(), key_type: KeyType::Hash }],
        projection: projection(ProjectionType::All, &[]),
        ..Default::default()
    };
    let update = |change: GlobalSecondaryIndexUpdate| UpdateTableInput {
        table_name: "orders".into(),
        attribute_definitions: Some(vec![AttributeDefinition {
            attribute_name: "kind".into(),
            attribute_type: ScalarAttributeType::S,
        }]),
        global_secondary_index_updates: Some(vec![change]),
        ..Default::default()
    };
    let made = update(GlobalSecondaryIndexUpdate { create: Some(create), ..Default::default() });
    let made = region.call::<UpdateTable>(made).await.unwrap().table_description.unwrap();
    let status = made.global_secondary_indexes.unwrap().pop().unwrap().index_status;
    assert_eq!(status, Some(IndexStatus::Creating));
    put(&region, "orders", item(&[("who", s("bob")), ("id", s("late")), ("kind", s("x"))])).await;
    region.advance(std::time::Duration::from_secs(120)).await;

    let count =
        QueryInput { select: Some(Select::Count), ..query("by-kind", "kind = :k", &[(":k", s("x"))]) };
    assert_eq!(region.call::<Query>(count).await.unwrap().count, Some(61));
    let described = DescribeTableInput { table_name: "orders".into() };
    let table = region.call::<DescribeTable>(described).await.unwrap().table.unwrap();
    let index = table.global_secondary_indexes.unwrap().pop().unwrap();
    assert_eq!((index.index_status, index.item_count), (Some(IndexStatus::Active), Some(121)));

    let delete = DeleteGlobalSecondaryIndexAction { index_name: "by-kind".into() };
    let gone = update(GlobalSecondaryIndexUpdate { delete: Some(delete), ..Default::default() });
    region.call::<UpdateTable>(gone).await.unwrap();
    let lost = region.refused::<Query>(query("by-kind", "kind = :k", &[(":k", s("x"))])).await;
    assert_eq!(lost.message, "The table does not have the specified index: by-kind");
}

/// A key of one partition attribute and two sort attributes; the words are those that the conformance suite of
/// paritysuite (tests/tier1/query/multiAttributeGsiKey.test.ts) found on AWS.
#[tokio::test]
async fn keys_of_an_index_have_several_attributes() {
    let region = region().await;
    let element = |name: &str, key_type| KeySchemaElement { attribute_name: name.into(), key_type };
    let index = GlobalSecondaryIndex {
        key_schema: vec![
            element("h", KeyType::Hash),
            element("a", KeyType::Range),
            element("b", KeyType::Range),
        ],
        ..global("gsi", &["h"], projection(ProjectionType::All, &[]))
    };
    let wish = CreateTableInput {
        global_secondary_indexes: Some(vec![index]),
        ..table("songs", &["p:S", "h:S", "a:S", "b:N"], 1)
    };
    region.call::<CreateTable>(wish).await.unwrap();
    for (p, a, b) in [("1", "x", 10), ("2", "x", 9), ("3", "y", 1), ("4", "w", 5)] {
        put(&region, "songs", item(&[("p", s(p)), ("h", s("h")), ("a", s(a)), ("b", n(b))])).await;
    }
    put(&region, "songs", item(&[("p", s("5")), ("h", s("h")), ("a", s("x"))])).await;
    let query = |condition: &str, values: &[(&str, AttributeValue)]| QueryInput {
        table_name: "songs".into(),
        index_name: Some("gsi".into()),
        key_condition_expression: Some(condition.into()),
        expression_attribute_values: Some(item(values)),
        ..Default::default()
    };
    let h = (":h", s("h"));
    for (condition, values, expect) in [
        ("h = :h", vec![h.clone()], vec!["4", "2", "1", "3"]),
        ("h = :h AND a > :a", vec![h.clone(), (":a", s("w"))], vec!["2", "1", "3"]),
        ("b > :b AND h = :h AND a = :a", vec![h.clone(), (":a", s("x")), (":b", n(9))], vec!["1"]),
    ] {
        let found = region.call::<Query>(query(condition, &values)).await.unwrap().items.unwrap();
        let found: Vec<_> = found.iter().map(|item| item["p"].clone()).collect();
        assert_eq!(found, expect.into_iter().map(s).collect::<Vec<_>>(), "{condition}");
    }
    let gap = query("h = :h AND b = :b", &[h.clone(), (":b", n(1))]);
    assert_eq!(
        region.refused::<Query>(gap).await.message,
        "RANGE key attributes a must have equality conditions specified in the query because a condition is present on key attribute b"
    );
    let three = [h.clone(), (":a", s("x")), (":b", n(1))];
    let on_table = QueryInput { index_name: None, ..query("h = :h AND a = :a AND b = :b", &three) };
    let refused = region.refused::<Query>(on_table).await;
    assert_eq!(
        refused.message,
        "The number of query conditions (3) exceeds the number of key attributes defined in the schema (1)"
    );
    let page = QueryInput { limit: Some(2), ..query("h = :h", std::slice::from_ref(&h)) };
    let page = region.call::<Query>(page).await.unwrap();
    let last = page.last_evaluated_key.unwrap();
    assert_eq!(last.keys().collect::<Vec<_>>(), ["a", "b", "h", "p"]);
    let next = QueryInput { exclusive_start_key: Some(last), ..query("h = :h", &[h]) };
    assert_eq!(region.call::<Query>(next).await.unwrap().count, Some(2));
}

/// ScyllaDB's tests, which run on AWS, know that these messages name HASH and equality (test_gsi_composite_keys.py,
/// test_gsi_composite_query_missing_one_hk and those behind it).
#[tokio::test]
async fn a_partition_key_of_several_attributes_is_given_whole() {
    let region = region().await;
    let element = |name: &str| KeySchemaElement { attribute_name: name.into(), key_type: KeyType::Hash };
    let index = GlobalSecondaryIndex {
        key_schema: vec![element("h"), element("i")],
        ..global("gsi", &["h"], projection(ProjectionType::All, &[]))
    };
    let wish = CreateTableInput {
        global_secondary_indexes: Some(vec![index]),
        ..table("songs", &["p:S", "h:S", "i:S"], 1)
    };
    region.call::<CreateTable>(wish).await.unwrap();
    let values = |names: &[&str]| names.iter().map(|name| (format!(":{name}"), s(name))).collect();
    for (condition, names) in [
        ("h = :h", &["h"][..]),
        ("h = :h AND i > :i", &["h", "i"]),
        ("h = :h AND i BETWEEN :i AND :j", &["h", "i", "j"]),
        ("h = :h AND begins_with(i, :i)", &["h", "i"]),
    ] {
        let query = QueryInput {
            table_name: "songs".into(),
            index_name: Some("gsi".into()),
            key_condition_expression: Some(condition.into()),
            expression_attribute_values: Some(values(names)),
            ..Default::default()
        };
        assert_eq!(
            region.refused::<Query>(query).await.message,
            "HASH key attributes i must have equality conditions specified in the query",
            "{condition}"
        );
    }
}
