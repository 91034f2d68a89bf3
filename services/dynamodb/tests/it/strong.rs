//! Global tables with strong consistency: what one region writes is in all at once, and they come and go whole.
//!
//! Texts and states as AWS answered aws-controllers-k8s/dynamodb-controller (docs/api-quirks, table-global-tables,
//! 2026-10).

use crate::world::*;
use model_dynamodb::operations::*;
use model_dynamodb::*;
use testkit::Region;

const OHIO: &str = "us-east-2";
const OREGON: &str = "us-west-2";

fn wish(strong: bool, made: &[&str], witness: Option<&str>) -> UpdateTableInput {
    let create = |name: &&str| ReplicationGroupUpdate {
        create: Some(CreateReplicationGroupMemberAction {
            region_name: (*name).into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    UpdateTableInput {
        table_name: "things".into(),
        multi_region_consistency: strong.then_some(MultiRegionConsistency::Strong),
        replica_updates: (!made.is_empty()).then(|| made.iter().map(create).collect()),
        global_table_witness_updates: witness.map(|name| {
            vec![GlobalTableWitnessGroupUpdate {
                create: Some(CreateGlobalTableWitnessGroupMemberAction { region_name: name.into() }),
                ..Default::default()
            }]
        }),
        ..Default::default()
    }
}

fn leave(removed: &[&str], witness: Option<&str>) -> UpdateTableInput {
    let delete = |name: &&str| ReplicationGroupUpdate {
        delete: Some(DeleteReplicationGroupMemberAction { region_name: (*name).into() }),
        ..Default::default()
    };
    UpdateTableInput {
        table_name: "things".into(),
        replica_updates: Some(removed.iter().map(delete).collect()),
        global_table_witness_updates: witness.map(|name| {
            vec![GlobalTableWitnessGroupUpdate {
                delete: Some(DeleteGlobalTableWitnessGroupMemberAction { region_name: name.into() }),
                ..Default::default()
            }]
        }),
        ..Default::default()
    }
}

async fn strong() -> Region {
    let region = with_things().await;
    let made = region.call::<UpdateTable>(wish(true, &[OHIO, OREGON], None)).await.unwrap();
    let made = made.table_description.unwrap();
    assert_eq!(made.multi_region_consistency, Some(MultiRegionConsistency::Strong));
    assert_eq!(made.global_table_version.as_deref(), Some("2019.11.21"));
    region
}

/// Nothing is waited for: no timer has run between a write and the reads.
#[tokio::test]
async fn every_region_reads_what_any_has_written() {
    let region = strong().await;
    for (at, place) in [HOME, OHIO, OREGON].into_iter().enumerate() {
        put_in(&region, place, thing(at as i64, place)).await;
        let here = all_in(&region, HOME).await;
        assert_eq!(here.len(), at + 1);
        assert_eq!((all_in(&region, OHIO).await, all_in(&region, OREGON).await), (here.clone(), here));
    }
    // A condition sees what another region has written, and fails like any other.
    let guarded = PutItemInput {
        table_name: "things".into(),
        item: thing(0, "again"),
        condition_expression: Some("attribute_not_exists(p)".into()),
        ..Default::default()
    };
    let failed = called::<PutItem>(&region, OREGON, guarded).await.err().unwrap();
    assert_eq!(failed.code, "ConditionalCheckFailedException");
    let key = item(&[("p", s("a")), ("r", n(1))]);
    let input = DeleteItemInput { table_name: "things".into(), key, ..Default::default() };
    called::<DeleteItem>(&region, OHIO, input).await.unwrap();
    assert_eq!(all_in(&region, HOME).await.len(), 2);
    assert_eq!(table_in(&region, OREGON).await.item_count, Some(2));
    assert_eq!(table_in(&region, HOME).await.item_count, Some(2));
}

/// Indexes made later are made everywhere, and written in the same commit.
#[tokio::test]
async fn indexes_follow_in_all_regions() {
    let region = strong().await;
    put_in(&region, HOME, thing(1, "x")).await;
    let input = UpdateTableInput {
        table_name: "things".into(),
        attribute_definitions: Some(vec![AttributeDefinition {
            attribute_name: "v".into(),
            attribute_type: ScalarAttributeType::S,
        }]),
        global_secondary_index_updates: Some(vec![GlobalSecondaryIndexUpdate {
            create: Some(CreateGlobalSecondaryIndexAction {
                index_name: "by-v".into(),
                key_schema: vec![KeySchemaElement { attribute_name: "v".into(), key_type: KeyType::Hash }],
                projection: projection(ProjectionType::All, &[]),
                ..Default::default()
            }),
            ..Default::default()
        }]),
        ..Default::default()
    };
    called::<UpdateTable>(&region, OHIO, input).await.unwrap();
    region.settle().await;
    put_in(&region, OREGON, thing(2, "x")).await;
    for place in [HOME, OHIO, OREGON] {
        let query = QueryInput {
            table_name: "things".into(),
            index_name: Some("by-v".into()),
            key_condition_expression: Some("v = :v".into()),
            expression_attribute_values: Some(item(&[(":v", s("x"))])),
            ..Default::default()
        };
        assert_eq!(called::<Query>(&region, place, query).await.unwrap().count, Some(2), "{place}");
    }
}

#[tokio::test]
async fn a_witness_is_a_region_without_a_table() {
    let region = with_things().await;
    region.call::<UpdateTable>(wish(true, &[OHIO], Some(OREGON))).await.unwrap();
    for place in [HOME, OHIO] {
        let told = table_in(&region, place).await.global_table_witnesses.unwrap();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].region_name.as_deref(), Some(OREGON));
        assert_eq!(told[0].witness_status, Some(WitnessStatus::Active));
    }
    let input = DescribeTableInput { table_name: "things".into() };
    let absent = called::<DescribeTable>(&region, OREGON, input).await.err().unwrap();
    assert_eq!(absent.code, "ResourceNotFoundException");
    // A table of that name may be there, and has nothing to do with it.
    called::<CreateTable>(&region, OREGON, table("things", &["p:S", "r:N"], 2)).await.unwrap();
    put_in(&region, HOME, thing(1, "x")).await;
    assert_eq!((all_in(&region, OHIO).await.len(), all_in(&region, OREGON).await.len()), (1, 0));

    let told = |input| async { region.refused::<UpdateTable>(input).await.message };
    assert_eq!(
        told(leave(&[OHIO], None)).await,
        "Update table delete operation does not include all witnesses."
    );
    let unknown = told(leave(&[OHIO], Some(AWAY))).await;
    assert!(unknown.ends_with("Please retry the request without these witnesses: [eu-west-1]."), "{unknown}");
    region.call::<UpdateTable>(leave(&[OHIO], Some(OREGON))).await.unwrap();
    let alone = table_in(&region, HOME).await;
    assert_eq!((alone.global_table_witnesses, alone.multi_region_consistency), (None, None));
    assert_eq!((alone.replicas, alone.global_table_version), (None, None));
    assert_eq!(all_in(&region, HOME).await.len(), 1);
}

#[tokio::test]
async fn it_is_left_as_a_whole() {
    let region = strong().await;
    let only = "Deletion of only one table replica is not supported for global tables with MultiRegionConsistency \
                set to STRONG.";
    for place in [HOME, OHIO] {
        let input = DeleteTableInput { table_name: "things".into() };
        assert_eq!(called::<DeleteTable>(&region, place, input).await.err().unwrap().message, only);
    }
    let cases = [
        (leave(&[OHIO], None), only),
        (
            wish(false, &[AWAY], None),
            "Cannot add replicas to a global table with strong MultiRegionConsistency",
        ),
        (
            wish(true, &[AWAY, "eu-west-2"], None),
            "MultiRegionConsistency parameter is unsupported on existing global table",
        ),
    ];
    for (input, message) in cases {
        assert_eq!(region.refused::<UpdateTable>(input).await.message, message);
    }
    region.call::<UpdateTable>(leave(&[OHIO, OREGON], None)).await.unwrap();
    put_in(&region, HOME, thing(1, "alone")).await;
    region.call::<DeleteTable>(DeleteTableInput { table_name: "things".into() }).await.unwrap();
}

#[tokio::test]
async fn it_is_born_whole_and_empty() {
    let region = with_things().await;
    let count = "Unsupported replica count for global tables with MultiRegionConsistency set to STRONG.";
    let lone =
        "MultiRegionConsistency must be set as STRONG when GlobalTableWitnessUpdates parameter is present.";
    let nothing = "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, \
                   GlobalSecondaryIndexUpdates, SSESpecification, ReplicaUpdates, MultiAccountReplicaReady, \
                   ReplicaTransitRoleArn, DeletionProtectionEnabled, OnDemandThroughput, WarmThroughput or \
                   TableClass is required";
    let protecting =
        UpdateTableInput { deletion_protection_enabled: Some(true), ..wish(true, &[OHIO, OREGON], None) };
    let cases = [
        (wish(true, &[OHIO], None), count.to_owned()),
        (wish(true, &[], Some(OHIO)), nothing.to_owned()),
        (wish(true, &[], None), nothing.to_owned()),
        (wish(false, &[OHIO], Some(OREGON)), lone.to_owned()),
        (
            wish(true, &[OHIO], Some("us-west-1")),
            "Unsupported Region(s) specified for global tables with MultiRegionConsistency set to STRONG: \
             [us-west-1]."
                .to_owned(),
        ),
        (wish(true, &[OHIO], Some(OHIO)), "Cannot target multiple regions with the same action".to_owned()),
        (
            wish(true, &[OHIO], Some(HOME)),
            "Cannot add a witness in the same region as an existing replica when creating a global table with \
             MultiRegionConsistency set to STRONG."
                .to_owned(),
        ),
        (
            wish(false, &[OHIO, OREGON], None),
            "Update table operation with more than one create or delete replica actions not allowed".to_owned(),
        ),
        (
            protecting,
            "One or more parameter values were invalid: Requests that modify replicas or witnesses must not also \
             modify other fields"
                .to_owned(),
        ),
    ];
    for (input, message) in cases {
        let refused = region.refused::<UpdateTable>(input).await;
        assert_eq!((refused.code.as_ref(), refused.message), ("ValidationException", message));
    }
    put(&region, "things", thing(1, "here")).await;
    let refused = region.refused::<UpdateTable>(wish(true, &[OHIO, OREGON], None)).await;
    assert!(refused.message.starts_with("A table with items is not supported"), "{}", refused.message);
    assert_eq!(table_in(&region, HOME).await.replicas, None);
}

#[tokio::test]
async fn what_it_does_not_do_is_refused() {
    let region = strong().await;
    let ttl = UpdateTimeToLiveInput {
        table_name: "things".into(),
        time_to_live_specification: TimeToLiveSpecification { enabled: true, attribute_name: "t".into() },
    };
    assert_eq!(region.refused::<UpdateTimeToLive>(ttl).await.code, "ValidationException");
    let put = TransactWriteItem {
        put: Some(Put { table_name: "things".into(), item: thing(1, "x"), ..Default::default() }),
        ..Default::default()
    };
    let write = TransactWriteItemsInput { transact_items: vec![put], ..Default::default() };
    assert_eq!(region.refused::<TransactWriteItems>(write).await.code, "ValidationException");
    let key = item(&[("p", s("a")), ("r", n(1))]);
    let get = Get { table_name: "things".into(), key, ..Default::default() };
    let read = TransactGetItemsInput { transact_items: vec![TransactGetItem { get }], ..Default::default() };
    assert_eq!(region.refused::<TransactGetItems>(read).await.code, "ValidationException");
}
