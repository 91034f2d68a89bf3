//! Tables: made, described, changed, listed, tagged, removed.

use crate::world::*;
use model_dynamodb::operations::*;
use model_dynamodb::*;
use testkit::Region;

async fn described(region: &Region, name: &str) -> TableDescription {
    let input = DescribeTableInput { table_name: name.into() };
    region.call::<DescribeTable>(input).await.unwrap().table.unwrap()
}

#[tokio::test]
async fn a_table_is_made_described_and_removed() {
    let region = region().await;
    let made = region.call::<CreateTable>(table("things", &["p:S", "r:N"], 2)).await.unwrap();
    let made = made.table_description.unwrap();
    assert_eq!(made.table_status, Some(TableStatus::Creating));
    assert_eq!(made.table_arn.as_deref(), Some("arn:aws:dynamodb:us-east-1:000000000000:table/things"));

    let found = described(&region, "things").await;
    assert_eq!(found.table_status, Some(TableStatus::Active));
    assert_eq!((found.item_count, found.table_size_bytes), (Some(0), Some(0)));
    put(&region, "things", item(&[("p", s("a")), ("r", n(1))])).await;
    let by_arn = described(&region, found.table_arn.as_deref().unwrap()).await;
    assert_eq!((by_arn.item_count, by_arn.table_size_bytes), (Some(1), Some(5)));

    let again = region.refused::<CreateTable>(table("things", &["p:S"], 1)).await;
    assert_eq!(
        (again.code.as_ref(), again.message.as_str()),
        ("ResourceInUseException", "Table already exists: things")
    );

    let gone = DeleteTableInput { table_name: "things".into() };
    let gone = region.call::<DeleteTable>(gone).await.unwrap().table_description.unwrap();
    assert_eq!(gone.table_status, Some(TableStatus::Deleting));
    let lost = region.refused::<DescribeTable>(DescribeTableInput { table_name: "things".into() }).await;
    assert_eq!(lost.code, "ResourceNotFoundException");
    assert_eq!(lost.message, "Requested resource not found: Table: things not found");

    region.call::<CreateTable>(table("things", &["p:S", "r:N"], 2)).await.unwrap();
    assert_eq!(get(&region, "things", item(&[("p", s("a")), ("r", n(1))])).await, None);
}

#[tokio::test]
async fn a_table_that_takes_its_time_is_not_usable_before() {
    let setup =
        testkit::Setup { fidelity: service::Fidelity::Aws, ..testkit::Setup::of(vec![dynamodb::service()]) };
    let region = setup.start().await;
    region.call::<CreateTable>(table("things", &["p:S"], 1)).await.unwrap();
    assert_eq!(described(&region, "things").await.table_status, Some(TableStatus::Creating));
    let early =
        GetItemInput { table_name: "things".into(), key: item(&[("p", s("a"))]), ..Default::default() };
    assert_eq!(region.refused::<GetItem>(early).await.message, "Requested resource not found");
    let gone = region.refused::<DeleteTable>(DeleteTableInput { table_name: "things".into() }).await;
    assert_eq!(gone.code, "ResourceInUseException");
    region.advance(std::time::Duration::from_secs(10)).await;
    assert_eq!(described(&region, "things").await.table_status, Some(TableStatus::Active));
    assert_eq!(get(&region, "things", item(&[("p", s("a"))])).await, None);
}

/// Texts as dynalite recorded them on DynamoDB (test/createTable.js).
#[tokio::test]
async fn definitions_that_do_not_fit_are_refused() {
    let region = region().await;
    let all = || projection(ProjectionType::All, &[]);
    let provisioned = |wish: CreateTableInput| CreateTableInput { billing_mode: None, ..wish };
    let throughput = Some(ProvisionedThroughput { read_capacity_units: 1, write_capacity_units: 1 });
    let with_local =
        |wish: CreateTableInput, locals| CreateTableInput { local_secondary_indexes: Some(locals), ..wish };
    let with_global =
        |wish: CreateTableInput, all| CreateTableInput { global_secondary_indexes: Some(all), ..wish };
    let range = || table("abc", &["p:S", "r:N"], 2);
    let cases = [
        (
            provisioned(table("abc", &["p:S"], 1)),
            "One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED",
        ),
        (
            CreateTableInput { provisioned_throughput: throughput, ..range() },
            "One or more parameter values were invalid: Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
        ),
        (
            table("abc", &["p:S", "x:S"], 1),
            "One or more parameter values were invalid: Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions",
        ),
        (
            table("abc", &["p:S", "p:S"], 2),
            "Both the Hash Key and the Range Key element in the KeySchema have the same name",
        ),
        (
            with_local(table("abc", &["p:S"], 1), vec![local("one", &["p", "p"], all())]),
            "One or more parameter values were invalid: Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex",
        ),
        (
            with_local(range(), vec![local("one", &["r", "p"], all())]),
            "One or more parameter values were invalid: Index KeySchema does not have the same leading hash key as table KeySchema for index: one. index hash key: r, table hash key: p",
        ),
        (
            with_local(range(), vec![local("one", &["p", "q"], all())]),
            "One or more parameter values were invalid: Some index key attributes are not defined in AttributeDefinitions. Keys: [p, q], AttributeDefinitions: [p, r]",
        ),
        (
            with_global(range(), vec![]),
            "One or more parameter values were invalid: List of GlobalSecondaryIndexes is empty",
        ),
        (
            with_global(range(), vec![global("one", &["r"], all()), global("one", &["p"], all())]),
            "One or more parameter values were invalid: Duplicate index name: one",
        ),
        (
            with_global(range(), vec![global("one", &["r"], projection(ProjectionType::All, &["x"]))]),
            "One or more parameter values were invalid: ProjectionType is ALL, but NonKeyAttributes is specified",
        ),
    ];
    for (wish, message) in cases {
        let refused = region.refused::<CreateTable>(wish).await;
        assert_eq!((refused.code.as_ref(), refused.message.as_str()), ("ValidationException", message));
    }
}

#[tokio::test]
async fn billing_and_protection_change() {
    let region = with_things().await;
    let update = |change: UpdateTableInput| UpdateTableInput { table_name: "things".into(), ..change };
    let units =
        |read, write| ProvisionedThroughput { read_capacity_units: read, write_capacity_units: write };
    let nothing = region.refused::<UpdateTable>(update(Default::default())).await;
    assert!(nothing.message.starts_with("At least one of ProvisionedThroughput, BillingMode"));

    let provisioned = update(UpdateTableInput {
        billing_mode: Some(BillingMode::Provisioned),
        provisioned_throughput: Some(units(5, 6)),
        ..Default::default()
    });
    region.call::<UpdateTable>(provisioned).await.unwrap();
    // AWS refuses it beside another change (see `updates.rs`).
    let protected =
        update(UpdateTableInput { deletion_protection_enabled: Some(true), ..Default::default() });
    region.call::<UpdateTable>(protected).await.unwrap();
    let same = update(UpdateTableInput { provisioned_throughput: Some(units(5, 6)), ..Default::default() });
    let same = region.refused::<UpdateTable>(same).await;
    assert!(same.message.starts_with("The provisioned throughput for the table will not change."));
    let found = described(&region, "things").await;
    let throughput = found.provisioned_throughput.unwrap();
    assert_eq!((throughput.read_capacity_units, throughput.write_capacity_units), (Some(5), Some(6)));

    let kept = region.refused::<DeleteTable>(DeleteTableInput { table_name: "things".into() }).await;
    assert_eq!(
        kept.message,
        "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first."
    );
    let released =
        update(UpdateTableInput { deletion_protection_enabled: Some(false), ..Default::default() });
    region.call::<UpdateTable>(released).await.unwrap();
    region.call::<DeleteTable>(DeleteTableInput { table_name: "things".into() }).await.unwrap();
}

#[tokio::test]
async fn tables_are_listed_by_pages() {
    let region = region().await;
    for name in ["ccc", "aaa", "bbb"] {
        region.call::<CreateTable>(table(name, &["p:S"], 1)).await.unwrap();
    }
    let page = |after: Option<&str>| ListTablesInput {
        exclusive_start_table_name: after.map(str::to_owned),
        limit: Some(2),
    };
    let first = region.call::<ListTables>(page(None)).await.unwrap();
    assert_eq!(first.table_names.unwrap(), ["aaa", "bbb"]);
    assert_eq!(first.last_evaluated_table_name.as_deref(), Some("bbb"));
    let second = region.call::<ListTables>(page(Some("bbb"))).await.unwrap();
    assert_eq!(
        (second.table_names.unwrap(), second.last_evaluated_table_name),
        (vec!["ccc".to_owned()], None)
    );
}

#[tokio::test]
async fn tags_are_kept_with_the_table() {
    let region = with_things().await;
    let arn = "arn:aws:dynamodb:us-east-1:000000000000:table/things".to_owned();
    let tag = |key: &str, value: &str| Tag { key: key.into(), value: value.into() };
    let tags =
        TagResourceInput { resource_arn: Some(arn.clone()), tags: Some(vec![tag("a", "1"), tag("b", "2")]) };
    region.call::<TagResource>(tags).await.unwrap();
    let without = UntagResourceInput { resource_arn: Some(arn.clone()), tag_keys: Some(vec!["a".into()]) };
    region.call::<UntagResource>(without).await.unwrap();
    let list = ListTagsOfResourceInput { resource_arn: Some(arn.clone()), next_token: None };
    assert_eq!(region.call::<ListTagsOfResource>(list).await.unwrap().tags.unwrap(), [tag("b", "2")]);
    let none = ListTagsOfResourceInput {
        resource_arn: Some("arn:aws:dynamodb:us-east-1:000000000000:table/others".into()),
        next_token: None,
    };
    assert_eq!(region.refused::<ListTagsOfResource>(none).await.code, "ResourceNotFoundException");

    let many = (0..12).map(|number| tag(&format!("k{number:02}"), "v")).collect();
    let tags = TagResourceInput { resource_arn: Some(arn.clone()), tags: Some(many) };
    region.call::<TagResource>(tags).await.unwrap();
    let list = ListTagsOfResourceInput { resource_arn: Some(arn.clone()), next_token: None };
    let all = region.call::<ListTagsOfResource>(list).await.unwrap();
    assert_eq!((all.tags.unwrap().len(), all.next_token), (13, None));
    for (wrong, message) in [
        (tag("hi!", "v"), "The Tag Key provided is invalid, Key: hi!"),
        (tag("k", "d%g"), "The Tag Value provided is invalid, Value: d%g"),
        (tag("aws:x", "v"), "Tag Key cannot be prefixed with aws:, Key: aws:x"),
    ] {
        let tags = TagResourceInput { resource_arn: Some(arn.clone()), tags: Some(vec![wrong]) };
        assert_eq!(region.refused::<TagResource>(tags).await.message, message);
    }
}

/// Words of AWS: alternator, test_table.py and test_gsi_updatetable.py.
#[tokio::test]
async fn attributes_are_defined_once_and_with_each_index() {
    let region = with_things().await;
    let twice = region.refused::<CreateTable>(table("twice", &["p:S", "p:N"], 1)).await;
    assert_eq!(twice.message, "Attribute Name is duplicated: p");
    let index = |definitions: &[(&str, &str)], also_gone: bool| UpdateTableInput {
        table_name: "things".into(),
        attribute_definitions: Some(
            definitions
                .iter()
                .map(|(name, kind)| AttributeDefinition {
                    attribute_name: (*name).into(),
                    attribute_type: (*kind).into(),
                })
                .collect(),
        ),
        global_secondary_index_updates: Some(vec![GlobalSecondaryIndexUpdate {
            create: Some(CreateGlobalSecondaryIndexAction {
                index_name: "by-r".into(),
                key_schema: vec![KeySchemaElement { attribute_name: "r".into(), key_type: KeyType::Hash }],
                projection: projection(ProjectionType::All, &[]),
                ..Default::default()
            }),
            delete: also_gone.then(|| DeleteGlobalSecondaryIndexAction { index_name: "gone".into() }),
            ..Default::default()
        }]),
        ..Default::default()
    };
    for (wish, message) in [
        (
            index(&[], false),
            "One or more parameter values were invalid: AttributeDefinitions is not specified for index: by-r",
        ),
        (
            index(&[("r", "S")], false),
            "One or more parameter values were invalid: Attributes cannot be redefined. Please check that your \
             attribute has the same type as previously defined. Existing schema: Schema:[SchemaElement: \
             key{r:N:HASH}] New schema: Schema:[SchemaElement: key{r:S:HASH}]",
        ),
        (
            index(&[("r", "N")], true),
            "One or more parameter values were invalid: Only one global secondary index action is allowed per \
             GlobalSecondaryIndexUpdate object",
        ),
    ] {
        assert_eq!(region.refused::<UpdateTable>(wish).await.message, message);
    }
    region.call::<UpdateTable>(index(&[("r", "N")], false)).await.unwrap();
}

/// Words of AWS (moto, test_dynamodb_resource_policy.py, verified there).
#[tokio::test]
async fn a_tables_policy_has_revisions() {
    let region = with_things().await;
    let arn = "arn:aws:dynamodb:us-east-1:000000000000:table/things".to_owned();
    let policy = |action: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":"*","Action":"{action}","Resource":"*"}}]}}"#
        )
    };
    let put = |action: &str, expected: Option<&str>| PutResourcePolicyInput {
        resource_arn: arn.clone(),
        policy: policy(action),
        expected_revision_id: expected.map(str::to_owned),
        confirm_remove_self_resource_access: None,
    };
    let get = || GetResourcePolicyInput { resource_arn: arn.clone() };
    assert_eq!(region.refused::<GetResourcePolicy>(get()).await.code, "PolicyNotFoundException");
    let first = put("dynamodb:GetItem", Some("NO_POLICY"));
    let first = region.call::<PutResourcePolicy>(first).await.unwrap().revision_id.unwrap();
    let same = put("dynamodb:GetItem", None);
    assert_eq!(region.call::<PutResourcePolicy>(same).await.unwrap().revision_id, Some(first.clone()));
    let second = put("dynamodb:PutItem", Some(&first));
    let second = region.call::<PutResourcePolicy>(second).await.unwrap().revision_id.unwrap();
    let late = region.refused::<PutResourcePolicy>(put("dynamodb:Scan", Some(&first))).await;
    assert_eq!(
        late.message,
        format!(
            "Resource-based policy not found for the provided ResourceArn: Requested update for policy with \
             revision id {first}, but the policy associated to target table things has revision id {second}."
        )
    );
    let kept = region.call::<GetResourcePolicy>(get()).await.unwrap();
    assert_eq!((kept.policy, kept.revision_id), (Some(policy("dynamodb:PutItem")), Some(second.clone())));
    let gone = DeleteResourcePolicyInput { resource_arn: arn.clone(), expected_revision_id: Some(second) };
    region.call::<DeleteResourcePolicy>(gone).await.unwrap();
    assert_eq!(region.refused::<GetResourcePolicy>(get()).await.code, "PolicyNotFoundException");
}
