//! Statements of PartiQL against tables. What is expected of them is what the conformance suite of paritysuite
//! (tests/tier2/partiql) found on AWS.

use crate::world::*;
use model_dynamodb::operations::*;
use model_dynamodb::*;
use testkit::Region;

fn statement(text: &str, parameters: &[AttributeValue]) -> ExecuteStatementInput {
    ExecuteStatementInput {
        statement: text.into(),
        parameters: (!parameters.is_empty()).then(|| parameters.to_vec()),
        ..Default::default()
    }
}

async fn run(region: &Region, text: &str) -> Vec<Item> {
    region.call::<ExecuteStatement>(statement(text, &[])).await.unwrap().items.unwrap()
}

async fn refusal(region: &Region, text: &str) -> (String, String) {
    let refused = region.refused::<ExecuteStatement>(statement(text, &[])).await;
    (refused.code.to_string(), refused.message)
}

fn numbers(items: &[Item]) -> Vec<AttributeValue> {
    items.iter().map(|item| item["r"].clone()).collect()
}

#[tokio::test]
async fn items_are_inserted_selected_updated_and_deleted() {
    let region = with_things().await;
    let none: Vec<Item> = Vec::new();
    for r in 1..=3 {
        let text = format!("INSERT INTO \"things\" VALUE {{'p': 'a', 'r': {r}, 'l': [{r}, {{'c': 'd'}}]}}");
        assert_eq!(run(&region, &text).await, none);
    }
    let again = refusal(&region, "INSERT INTO things VALUE {'p': 'a', 'r': 1}").await;
    assert_eq!(
        again,
        ("DuplicateItemException".to_owned(), "Duplicate primary key exists in table".to_owned())
    );

    let down = run(&region, "SELECT r FROM things WHERE p = 'a' AND r > 1 ORDER BY r DESC").await;
    assert_eq!(down, [item(&[("r", n(3))]), item(&[("r", n(2))])]);
    let nested = run(&region, "SELECT l[1].c, l[0] FROM things WHERE p = 'a' AND r = 2").await;
    assert_eq!(nested, [item(&[("c", s("d")), ("l[0]", n(2))])]);
    assert_eq!(run(&region, "SELECT * FROM things WHERE l[0] IN [1, 3]").await.len(), 2);
    let given = statement("SELECT * FROM things WHERE p = ? AND r = ?", &[s("a"), n(1)]);
    assert_eq!(region.call::<ExecuteStatement>(given).await.unwrap().items.unwrap().len(), 1);

    let changed = run(
        &region,
        "UPDATE things SET r2 = 5 SET l[0] = 7 WHERE p = 'a' AND r = 1 RETURNING MODIFIED NEW *",
    );
    assert_eq!(changed.await, [item(&[("r2", n(5)), ("l", AttributeValue::L(vec![n(7)]))])]);
    let old =
        run(&region, "FROM things WHERE p = 'a' AND r = 1 AND r2 = 5 REMOVE r2 RETURNING ALL OLD *").await;
    assert_eq!(old[0]["r2"], n(5));
    for text in [
        "UPDATE things SET x = 1 WHERE p = 'a' AND r = 9",
        "UPDATE things SET x = 1 WHERE p = 'a' AND r = 1 AND r2 = 5",
        "DELETE FROM things WHERE p = 'a' AND r = 1 AND attribute_exists(nope)",
    ] {
        assert_eq!(refusal(&region, text).await.0, "ConditionalCheckFailedException", "{text}");
    }
    let vague = refusal(&region, "DELETE FROM things WHERE p = 'a'").await;
    assert_eq!(vague.1, "Where clause does not contain a mandatory equality on all key attributes");
    assert_eq!(run(&region, "DELETE FROM things WHERE p = 'a' AND r = 9").await, none);
    let gone = run(&region, "DELETE FROM things WHERE r = 3 AND p = 'a' RETURNING ALL OLD *").await;
    assert_eq!(numbers(&gone), [n(3)]);
    assert_eq!(run(&region, "SELECT * FROM things").await.len(), 2);
}

#[tokio::test]
async fn named_partitions_are_read_in_the_order_asked_for() {
    let region = with_things().await;
    for (p, r) in [("b", 1), ("a", 1), ("c", 1), ("a", 2)] {
        run(&region, &format!("INSERT INTO things VALUE {{'p': '{p}', 'r': {r}}}")).await;
    }
    let select = async |rest: &str| {
        let items = run(&region, &format!("SELECT p, r FROM things WHERE {rest}")).await;
        items.iter().map(|item| (item["p"].clone(), item["r"].clone())).collect::<Vec<_>>()
    };
    let (a1, a2, b1, c1) = ((s("a"), n(1)), (s("a"), n(2)), (s("b"), n(1)), (s("c"), n(1)));
    assert_eq!(
        select("p IN ['c', 'a', 'b'] ORDER BY p").await,
        [a1.clone(), a2.clone(), b1.clone(), c1.clone()]
    );
    assert_eq!(
        select("p = 'a' OR p = 'b' ORDER BY p DESC, r DESC").await,
        [b1.clone(), a2.clone(), a1.clone()]
    );
    assert_eq!(select("p = 'c' OR p = 'a' AND r = 2 OR p = 'c'").await, [c1, a2]);
}

#[tokio::test]
async fn selects_go_on_behind_their_tokens() {
    let region = with_things().await;
    for (p, r) in [("a", 1), ("a", 2), ("b", 1), ("b", 2), ("c", 1)] {
        put(&region, "things", item(&[("p", s(p)), ("r", n(r))])).await;
    }
    let text = "SELECT * FROM things WHERE p IN ['a', 'b'] AND r >= 1";
    let (mut token, mut seen, mut pages) = (None, Vec::new(), 0);
    loop {
        let page = ExecuteStatementInput { limit: Some(3), next_token: token, ..statement(text, &[]) };
        let page = region.call::<ExecuteStatement>(page).await.unwrap();
        seen.extend(page.items.unwrap());
        pages += 1;
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!((numbers(&seen), pages), (vec![n(1), n(2), n(1), n(2)], 2));
    let first = ExecuteStatementInput { limit: Some(1), ..statement(text, &[]) };
    let token = region.call::<ExecuteStatement>(first).await.unwrap().next_token;
    let other = ExecuteStatementInput { next_token: token, ..statement("SELECT * FROM things", &[]) };
    assert_eq!(region.refused::<ExecuteStatement>(other).await.message, "Given NextToken is invalid");
}

#[tokio::test]
async fn indexes_are_read_by_their_names() {
    let region = region().await;
    let all = || projection(ProjectionType::All, &[]);
    let wish = CreateTableInput {
        global_secondary_indexes: Some(vec![
            global("by-kind", &["kind"], all()),
            GlobalSecondaryIndex {
                key_schema: ["kind", "id"]
                    .iter()
                    .map(|name| KeySchemaElement { attribute_name: (*name).into(), key_type: KeyType::Hash })
                    .collect(),
                ..global("by-both", &["kind"], all())
            },
        ]),
        ..table("songs", &["id:S", "kind:S"], 1)
    };
    region.call::<CreateTable>(wish).await.unwrap();
    put(&region, "songs", item(&[("id", s("1")), ("kind", s("lay"))])).await;
    put(&region, "songs", item(&[("id", s("2"))])).await;
    assert_eq!(run(&region, "SELECT * FROM \"songs\".\"by-kind\"").await.len(), 1);
    assert_eq!(run(&region, "SELECT id FROM songs.\"by-kind\" WHERE kind = 'lay'").await.len(), 1);
    let many = refusal(&region, "SELECT * FROM \"songs\".\"by-both\" WHERE kind = 'lay'").await.1;
    assert!(many.starts_with("PartiQL statements cannot be executed on tables with multi-attribute"));
    let absent = refusal(&region, "SELECT * FROM songs.nope").await.1;
    assert_eq!(absent, "The table does not have the specified index");
    let order = refusal(&region, "SELECT * FROM songs WHERE kind = 'lay' ORDER BY id").await.1;
    assert!(order.starts_with("Must have at least one non-optional hash key condition"));
}

#[tokio::test]
async fn statements_of_a_batch_fail_alone() {
    let region = with_things().await;
    put(&region, "things", item(&[("p", s("a")), ("r", n(1))])).await;
    let batch = |texts: &[&str]| BatchExecuteStatementInput {
        statements: texts
            .iter()
            .map(|text| BatchStatementRequest { statement: (*text).into(), ..Default::default() })
            .collect(),
        ..Default::default()
    };
    let reads = batch(&[
        "SELECT * FROM things WHERE p = 'a' AND r = 1",
        "SELECT * FROM things WHERE p = 'a'",
        "SELECT * FROM nothing WHERE p = 'a' AND r = 1",
        "SELECT * FROM things WHERE p = 'a' AND r = 2",
    ]);
    let answers = region.call::<BatchExecuteStatement>(reads).await.unwrap().responses.unwrap();
    let codes: Vec<_> = answers.iter().map(|one| one.error.as_ref().and_then(|e| e.code.clone())).collect();
    use BatchStatementErrorCodeEnum::{DuplicateItem, ResourceNotFound, ValidationError};
    assert_eq!(codes, [None, Some(ValidationError), Some(ResourceNotFound), None]);
    assert_eq!(answers[0].item, Some(item(&[("p", s("a")), ("r", n(1))])));
    assert_eq!((&answers[3].item, answers[3].table_name.as_deref()), (&None, Some("things")));

    let writes = batch(&[
        "INSERT INTO things VALUE {'p': 'a', 'r': 1}",
        "UPDATE things SET x = 1 WHERE p = 'a' AND r = 1",
    ]);
    let answers = region.call::<BatchExecuteStatement>(writes).await.unwrap().responses.unwrap();
    assert_eq!(answers[0].error.as_ref().unwrap().code, Some(DuplicateItem));
    assert_eq!(get(&region, "things", item(&[("p", s("a")), ("r", n(1))])).await.unwrap()["x"], n(1));
}

#[tokio::test]
async fn transactions_of_statements() {
    let region = with_things().await;
    let transaction = |texts: &[&str], token: Option<&str>| ExecuteTransactionInput {
        transact_statements: texts
            .iter()
            .map(|text| ParameterizedStatement { statement: (*text).into(), ..Default::default() })
            .collect(),
        client_request_token: token.map(str::to_owned),
        ..Default::default()
    };
    let insert = "INSERT INTO things VALUE {'p': 'a', 'r': 1}";
    for _ in 0..2 {
        let once = transaction(&[insert, "INSERT INTO things VALUE {'p': 'a', 'r': 2}"], Some("token"));
        let done = region.call::<ExecuteTransaction>(once).await.unwrap();
        assert_eq!(done.responses, Some(Vec::new()));
    }
    let cancelled = transaction(&["UPDATE things SET x = 1 WHERE p = 'a' AND r = 2", insert], None);
    let cancelled = region.refused::<ExecuteTransaction>(cancelled).await;
    assert!(cancelled.message.ends_with("[None, DuplicateItem]"), "{}", cancelled.message);

    let exists = "EXISTS(SELECT * FROM things WHERE p = 'a' AND r = 1 AND attribute_not_exists(x))";
    let delete = "DELETE FROM things WHERE p = 'a' AND r = 2";
    region.call::<ExecuteTransaction>(transaction(&[exists, delete], None)).await.unwrap();
    let bare = "EXISTS(SELECT * FROM things WHERE p = 'a' AND r = 1)";
    let bare = region.refused::<ExecuteTransaction>(transaction(&[bare, delete], None)).await;
    assert_eq!(
        bare.message,
        "Validation failed in TransactStatements[0]: EXISTS() must contain a single item read with additional condition"
    );
    let read = "SELECT r FROM things WHERE p = 'a' AND r = 1";
    let reads = region.call::<ExecuteTransaction>(transaction(
        &[read, "SELECT * FROM things WHERE p = 'a' AND r = 2"],
        None,
    ));
    let reads = reads.await.unwrap().responses.unwrap();
    assert_eq!((reads[0].item.clone(), reads[1].item.clone()), (Some(item(&[("r", n(1))])), None));
    let vague = region.refused::<ExecuteTransaction>(transaction(&["SELECT * FROM things"], None)).await;
    assert_eq!(
        vague.message,
        "Validation failed in TransactStatements[0]: Select statements within ExecuteTransaction must specify the primary key in the where clause."
    );
}
