//! Global tables: what is written in one region comes to the others, and the last writer wins.

use crate::world::*;
use model_dynamodb::operations::*;
use model_dynamodb::*;
use std::time::Duration;
use testkit::Region;

fn updating(update: ReplicationGroupUpdate) -> UpdateTableInput {
    UpdateTableInput {
        table_name: "things".into(),
        replica_updates: Some(vec![update]),
        ..Default::default()
    }
}

fn create(name: &str) -> UpdateTableInput {
    let create = CreateReplicationGroupMemberAction { region_name: name.into(), ..Default::default() };
    updating(ReplicationGroupUpdate { create: Some(create), ..Default::default() })
}

fn delete(name: &str) -> UpdateTableInput {
    let delete = DeleteReplicationGroupMemberAction { region_name: name.into() };
    updating(ReplicationGroupUpdate { delete: Some(delete), ..Default::default() })
}

async fn delete_in(region: &Region, name: &str, r: i64) {
    let key = item(&[("p", s("a")), ("r", n(r))]);
    let input = DeleteItemInput { table_name: "things".into(), key, ..Default::default() };
    called::<DeleteItem>(region, name, input).await.unwrap();
}

async fn global() -> Region {
    let region = with_things().await;
    for r in 0..3 {
        put(&region, "things", thing(r, "before")).await;
    }
    region.call::<UpdateTable>(create(AWAY)).await.unwrap();
    region.settle().await;
    region
}

#[tokio::test]
async fn a_replica_begins_with_what_is_there_and_follows() {
    let region = global().await;
    assert_eq!(all_in(&region, AWAY).await, all_in(&region, HOME).await);
    let away = table_in(&region, AWAY).await;
    assert_eq!(away.table_status, Some(TableStatus::Active));
    assert_eq!(away.global_table_version.as_deref(), Some("2019.11.21"));
    let names = |table: &TableDescription| {
        let replicas = table.replicas.clone().unwrap_or_default();
        replicas.into_iter().filter_map(|replica| replica.region_name).collect::<Vec<_>>()
    };
    assert_eq!((names(&away), names(&table_in(&region, HOME).await)), (vec![HOME.into()], vec![AWAY.into()]));
    put_in(&region, HOME, thing(3, "home")).await;
    put_in(&region, AWAY, thing(4, "away")).await;
    delete_in(&region, AWAY, 0).await;
    region.settle().await;
    let here = all_in(&region, HOME).await;
    assert_eq!((here.len(), all_in(&region, AWAY).await), (4, here));
    assert_eq!(table_in(&region, AWAY).await.item_count, Some(4));
    // Each region's stream tells of all changes, also those that came from elsewhere.
    let arn = table_in(&region, HOME).await.latest_stream_arn.unwrap();
    let told = crate::streams::all(&region, &arn).await;
    assert_eq!(told.len(), 3);
}

#[tokio::test]
async fn the_last_writer_wins_in_all_regions() {
    let region = global().await;
    for round in 0..20i64 {
        let (first, second) = if round % 2 == 0 { (HOME, AWAY) } else { (AWAY, HOME) };
        put_in(&region, first, thing(round % 4, &format!("{round}-first"))).await;
        if round % 3 == 0 {
            region.advance(Duration::from_millis(1)).await;
        }
        match round % 5 {
            0 => delete_in(&region, second, round % 4).await,
            _ => put_in(&region, second, thing(round % 4, &format!("{round}-second"))).await,
        }
        region.advance(Duration::from_millis(1)).await;
        let here = all_in(&region, HOME).await;
        assert_eq!(here, all_in(&region, AWAY).await, "round {round}");
    }
}

/// What a region writes over what came from another stays, also within one millisecond.
#[tokio::test]
async fn a_write_follows_the_one_that_it_finds() {
    let region = global().await;
    for (at, first, second) in [(0, HOME, AWAY), (1, AWAY, HOME)] {
        put_in(&region, first, thing(at, "first")).await;
        region.settle().await;
        put_in(&region, second, thing(at, "second")).await;
        region.advance(Duration::from_millis(1)).await;
        for place in [HOME, AWAY] {
            assert!(all_in(&region, place).await.contains(&thing(at, "second")), "{place} after {second}");
        }
    }
}

#[tokio::test]
async fn replicas_share_indexes_and_are_removed() {
    let region = global().await;
    let index = CreateGlobalSecondaryIndexAction {
        index_name: "by-v".into(),
        key_schema: vec![KeySchemaElement { attribute_name: "v".into(), key_type: KeyType::Hash }],
        projection: projection(ProjectionType::All, &[]),
        ..Default::default()
    };
    let input = UpdateTableInput {
        table_name: "things".into(),
        attribute_definitions: Some(vec![AttributeDefinition {
            attribute_name: "v".into(),
            attribute_type: ScalarAttributeType::S,
        }]),
        global_secondary_index_updates: Some(vec![GlobalSecondaryIndexUpdate {
            create: Some(index),
            ..Default::default()
        }]),
        ..Default::default()
    };
    region.call::<UpdateTable>(input).await.unwrap();
    region.settle().await;
    let query = QueryInput {
        table_name: "things".into(),
        index_name: Some("by-v".into()),
        key_condition_expression: Some("v = :v".into()),
        expression_attribute_values: Some(item(&[(":v", s("before"))])),
        ..Default::default()
    };
    assert_eq!(called::<Query>(&region, AWAY, query).await.unwrap().count, Some(3));
    assert_eq!(region.refused::<UpdateTable>(create(AWAY)).await.code, "ValidationException");
    assert_eq!(region.refused::<UpdateTable>(create(HOME)).await.code, "ValidationException");
    assert_eq!(region.refused::<UpdateTable>(delete("ap-south-1")).await.code, "ValidationException");
    region.call::<UpdateTable>(create("ap-south-1")).await.unwrap();
    region.settle().await;
    put_in(&region, "ap-south-1", thing(9, "south")).await;
    region.settle().await;
    let south = all_in(&region, "ap-south-1").await;
    assert_eq!((all_in(&region, HOME).await, all_in(&region, AWAY).await), (south.clone(), south));
    region.call::<UpdateTable>(delete(AWAY)).await.unwrap();
    let gone = DescribeTableInput { table_name: "things".into() };
    let gone = called::<DescribeTable>(&region, AWAY, gone).await.err().unwrap();
    assert_eq!(gone.code, "ResourceNotFoundException");
    assert_eq!(table_in(&region, "ap-south-1").await.replicas.unwrap().len(), 1);
    region.call::<DeleteTable>(DeleteTableInput { table_name: "things".into() }).await.unwrap();
    assert_eq!(table_in(&region, "ap-south-1").await.replicas, None);
}

async fn ttl_of(region: &Region, name: &str) -> Option<String> {
    let input = DescribeTimeToLiveInput { table_name: "things".into() };
    let told = called::<DescribeTimeToLive>(region, name, input).await.unwrap();
    told.time_to_live_description.unwrap().attribute_name
}

/// Settings that all regions share, from whichever they come (aws-controllers-k8s/dynamodb-controller,
/// docs/api-quirks, DDB-TABLE-230 and 297).
#[tokio::test]
async fn expiry_is_set_in_all_regions_and_takes_items_in_all() {
    let region = global().await;
    let wish = |enabled| UpdateTimeToLiveInput {
        table_name: "things".into(),
        time_to_live_specification: TimeToLiveSpecification { enabled, attribute_name: "t".into() },
    };
    called::<UpdateTimeToLive>(&region, AWAY, wish(true)).await.unwrap();
    assert_eq!(
        (ttl_of(&region, HOME).await, ttl_of(&region, AWAY).await),
        (Some("t".into()), Some("t".into()))
    );
    let due = region.host().clock.now().millis() / 1000 + 5;
    put_in(&region, HOME, item(&[("p", s("a")), ("r", n(7)), ("t", n(due))])).await;
    region.settle().await;
    assert_eq!(all_in(&region, AWAY).await.len(), 4);
    region.advance(Duration::from_secs(600)).await;
    assert_eq!((all_in(&region, HOME).await.len(), all_in(&region, AWAY).await.len()), (3, 3));
    region.call::<UpdateTimeToLive>(wish(false)).await.unwrap();
    assert_eq!(ttl_of(&region, AWAY).await, None);
}

/// A replica may be made of a table whose stream tells only keys (the same, DDB-TABLE-305).
#[tokio::test]
async fn any_stream_can_be_carried() {
    let region = region().await;
    let stream =
        StreamSpecification { stream_enabled: true, stream_view_type: Some(StreamViewType::KeysOnly) };
    let wish = CreateTableInput { stream_specification: Some(stream), ..table("things", &["p:S", "r:N"], 2) };
    region.call::<CreateTable>(wish).await.unwrap();
    put_in(&region, HOME, thing(0, "before")).await;
    region.call::<UpdateTable>(create(AWAY)).await.unwrap();
    region.settle().await;
    put_in(&region, HOME, thing(1, "first")).await;
    put_in(&region, HOME, thing(1, "second")).await;
    put_in(&region, AWAY, thing(2, "away")).await;
    delete_in(&region, HOME, 0).await;
    region.settle().await;
    let here = all_in(&region, HOME).await;
    assert_eq!(here, [thing(1, "second"), thing(2, "away")]);
    assert_eq!(all_in(&region, AWAY).await, here);
    let view = table_in(&region, AWAY).await.stream_specification.unwrap().stream_view_type;
    assert_eq!(view, Some(StreamViewType::KeysOnly));
}

/// A replica that is protected stays (the same, DDB-TABLE-297).
#[tokio::test]
async fn a_protected_replica_is_not_removed() {
    let region = global().await;
    let input = UpdateTableInput {
        table_name: "things".into(),
        deletion_protection_enabled: Some(true),
        ..Default::default()
    };
    called::<UpdateTable>(&region, AWAY, input).await.unwrap();
    assert_eq!(
        region.refused::<UpdateTable>(delete(AWAY)).await.message,
        "Cannot delete table things in region eu-west-1 because it has deletion protection enabled. Disable \
         deletion protection first."
    );
    assert_eq!(all_in(&region, AWAY).await.len(), 3);
}
