//! Global tables of the version 2017: made of tables that were there before, changed, described and left.

use crate::world::*;
use model_dynamodb::operations::*;
use model_dynamodb::*;
use schema::ApiError;
use testkit::Region;

const SOUTH: &str = "ap-south-1";

fn with_stream(view: StreamViewType) -> CreateTableInput {
    CreateTableInput {
        stream_specification: Some(StreamSpecification {
            stream_enabled: true,
            stream_view_type: Some(view),
        }),
        ..table("things", &["p:S", "r:N"], 2)
    }
}

fn group(regions: &[&str]) -> CreateGlobalTableInput {
    let replica = |name: &&str| Replica { region_name: Some((*name).to_owned()) };
    CreateGlobalTableInput {
        global_table_name: "things".into(),
        replication_group: regions.iter().map(replica).collect(),
    }
}

fn update(create: Option<&str>, delete: Option<&str>) -> UpdateGlobalTableInput {
    UpdateGlobalTableInput {
        global_table_name: "things".into(),
        replica_updates: vec![ReplicaUpdate {
            create: create.map(|name| CreateReplicaAction { region_name: name.into() }),
            delete: delete.map(|name| DeleteReplicaAction { region_name: name.into() }),
        }],
    }
}

async fn regions(region: &Region) -> Vec<String> {
    let input = DescribeGlobalTableInput { global_table_name: "things".into() };
    let described = region.call::<DescribeGlobalTable>(input).await.unwrap().global_table_description;
    let described = described.unwrap();
    assert_eq!(described.global_table_status, Some(GlobalTableStatus::Active));
    assert!(described.global_table_arn.unwrap().ends_with(":global-table/things"));
    described.replication_group.unwrap().into_iter().filter_map(|replica| replica.region_name).collect()
}

async fn put_row(region: &Region, name: &str, r: i64) {
    put_in(region, name, item(&[("p", s("a")), ("r", n(r)), ("v", s(name))])).await;
}

async fn count_in(region: &Region, name: &str) -> Option<i32> {
    region.settle().await;
    let input = ScanInput { table_name: "things".into(), ..Default::default() };
    called::<Scan>(region, name, input).await.unwrap().count
}

async fn made() -> Region {
    let region = region().await;
    for name in [HOME, AWAY, SOUTH] {
        called::<CreateTable>(&region, name, with_stream(StreamViewType::NewAndOldImages)).await.unwrap();
    }
    region.call::<CreateGlobalTable>(group(&[HOME, AWAY])).await.unwrap();
    region
}

#[tokio::test]
async fn tables_of_one_name_become_one() {
    let region = made().await;
    assert_eq!(regions(&region).await, [AWAY, HOME]);
    put_row(&region, HOME, 1).await;
    put_row(&region, AWAY, 2).await;
    assert_eq!((count_in(&region, HOME).await, count_in(&region, AWAY).await), (Some(2), Some(2)));
    assert_eq!(count_in(&region, SOUTH).await, Some(0));
    region.call::<UpdateGlobalTable>(update(Some(SOUTH), None)).await.unwrap();
    put_row(&region, SOUTH, 3).await;
    put_row(&region, HOME, 4).await;
    assert_eq!((count_in(&region, HOME).await, count_in(&region, AWAY).await), (Some(4), Some(4)));
    assert_eq!(count_in(&region, SOUTH).await, Some(2));
    region.call::<UpdateGlobalTable>(update(None, Some(AWAY))).await.unwrap();
    put_row(&region, AWAY, 5).await;
    put_row(&region, HOME, 6).await;
    assert_eq!((count_in(&region, HOME).await, count_in(&region, AWAY).await), (Some(5), Some(5)));
    assert_eq!(regions(&region).await, [SOUTH, HOME]);
    let described = DescribeTableInput { table_name: "things".into() };
    let here = region.call::<DescribeTable>(described).await.unwrap().table.unwrap();
    assert_eq!((here.global_table_version.as_deref(), here.replicas), (Some("2017.11.29"), None));
    region.call::<DeleteTable>(DeleteTableInput { table_name: "things".into() }).await.unwrap();
    assert_eq!(regions(&region).await, [SOUTH]);
}

#[tokio::test]
async fn what_cannot_be_one_is_refused() {
    let region = made().await;
    let code = |error: ApiError| error.code.into_owned();
    let refused = region.refused::<CreateGlobalTable>(group(&[SOUTH])).await;
    assert_eq!(code(refused), "GlobalTableAlreadyExistsException");
    assert_eq!(
        code(region.refused::<UpdateGlobalTable>(update(Some(AWAY), None)).await),
        "ReplicaAlreadyExistsException"
    );
    assert_eq!(
        code(region.refused::<UpdateGlobalTable>(update(None, Some(SOUTH))).await),
        "ReplicaNotFoundException"
    );
    assert_eq!(
        code(region.refused::<UpdateGlobalTable>(update(Some("eu-central-1"), None)).await),
        "TableNotFoundException"
    );
    put_row(&region, SOUTH, 1).await;
    assert_eq!(
        code(region.refused::<UpdateGlobalTable>(update(Some(SOUTH), None)).await),
        "ValidationException"
    );
    let keys_only = with_stream(StreamViewType::KeysOnly);
    called::<CreateTable>(&region, "eu-north-1", keys_only).await.unwrap();
    let refused = region.refused::<UpdateGlobalTable>(update(Some("eu-north-1"), None)).await;
    assert!(refused.message.contains("NEW_AND_OLD_IMAGES"), "{}", refused.message);
    let absent = DescribeGlobalTableInput { global_table_name: "nothing".into() };
    let refused = region.refused::<DescribeGlobalTable>(absent).await;
    assert_eq!(code(refused), "GlobalTableNotFoundException");
    assert_eq!(regions(&region).await, [AWAY, HOME]);
}

/// By its stream a table is carried to the regions that join it later.
#[tokio::test]
async fn the_stream_of_the_only_one_stays_open() {
    let region = made().await;
    region.call::<UpdateGlobalTable>(update(None, Some(AWAY))).await.unwrap();
    let close = UpdateTableInput {
        table_name: "things".into(),
        stream_specification: Some(StreamSpecification { stream_enabled: false, stream_view_type: None }),
        ..Default::default()
    };
    let refused = region.refused::<UpdateTable>(close.clone()).await;
    // As AWS words it of a replica (aws-controllers-k8s/dynamodb-controller, docs/api-quirks, DDB-TABLE-442).
    assert!(refused.message.contains("Disabling Stream is not allowed"), "{}", refused.message);
    // A table that has left may do without.
    called::<UpdateTable>(&region, AWAY, close).await.unwrap();
}

#[tokio::test]
async fn they_are_listed_by_region() {
    let region = made().await;
    let listed = async |name: Option<&str>| {
        let input = ListGlobalTablesInput { region_name: name.map(str::to_owned), ..Default::default() };
        region.call::<ListGlobalTables>(input).await.unwrap().global_tables.unwrap().len()
    };
    assert_eq!((listed(None).await, listed(Some(AWAY)).await, listed(Some(SOUTH)).await), (1, 1, 0));
}

/// Settings by the units that are asked for: of writes, and of reads in some regions.
fn provisioned(writes: i64, reads: &[(&str, i64)]) -> UpdateGlobalTableSettingsInput {
    let one = |(name, units): &(&str, i64)| ReplicaSettingsUpdate {
        region_name: (*name).to_owned(),
        replica_provisioned_read_capacity_units: Some(*units),
        ..Default::default()
    };
    UpdateGlobalTableSettingsInput {
        global_table_name: "things".into(),
        global_table_billing_mode: Some(BillingMode::Provisioned),
        global_table_provisioned_write_capacity_units: Some(writes),
        replica_settings_update: Some(reads.iter().map(one).collect()),
        ..Default::default()
    }
}

#[tokio::test]
async fn settings_are_of_all_regions_or_of_one() {
    let region = made().await;
    let input = provisioned(7, &[(AWAY, 9), (HOME, 5)]);
    let changed = region.call::<UpdateGlobalTableSettings>(input).await.unwrap().replica_settings.unwrap();
    let units: Vec<_> = changed
        .iter()
        .map(|replica| {
            (
                replica.region_name.as_str(),
                replica.replica_provisioned_read_capacity_units,
                replica.replica_provisioned_write_capacity_units,
            )
        })
        .collect();
    assert_eq!(units, [(AWAY, Some(9), Some(7)), (HOME, Some(5), Some(7))]);
    let asked = DescribeGlobalTableSettingsInput { global_table_name: "things".into() };
    let told = region.call::<DescribeGlobalTableSettings>(asked).await.unwrap().replica_settings.unwrap();
    assert!(told == changed);
    let unknown = UpdateGlobalTableSettingsInput {
        global_table_name: "things".into(),
        global_table_global_secondary_index_settings_update: Some(vec![
            GlobalTableGlobalSecondaryIndexSettingsUpdate { index_name: "none".into(), ..Default::default() },
        ]),
        ..Default::default()
    };
    assert_eq!(region.refused::<UpdateGlobalTableSettings>(unknown).await.code, "IndexNotFoundException");
}

/// The ways in which units are asked for: of writes in all regions or of reads in one, of the table or of an index.
fn asking(units: i64) -> [UpdateGlobalTableSettingsInput; 4] {
    let named =
        || UpdateGlobalTableSettingsInput { global_table_name: "things".into(), ..Default::default() };
    let of_one = |update: ReplicaSettingsUpdate| {
        let update = ReplicaSettingsUpdate { region_name: AWAY.into(), ..update };
        UpdateGlobalTableSettingsInput { replica_settings_update: Some(vec![update]), ..named() }
    };
    let (writes, reads) = (
        GlobalTableGlobalSecondaryIndexSettingsUpdate {
            index_name: "by-v".into(),
            provisioned_write_capacity_units: Some(units),
            ..Default::default()
        },
        ReplicaGlobalSecondaryIndexSettingsUpdate {
            index_name: "by-v".into(),
            provisioned_read_capacity_units: Some(units),
            ..Default::default()
        },
    );
    [
        UpdateGlobalTableSettingsInput {
            global_table_provisioned_write_capacity_units: Some(units),
            ..named()
        },
        UpdateGlobalTableSettingsInput {
            global_table_global_secondary_index_settings_update: Some(vec![writes]),
            ..named()
        },
        of_one(ReplicaSettingsUpdate {
            replica_provisioned_read_capacity_units: Some(units),
            ..Default::default()
        }),
        of_one(ReplicaSettingsUpdate {
            replica_global_secondary_index_settings_update: Some(vec![reads]),
            ..Default::default()
        }),
    ]
}

#[tokio::test]
async fn a_global_table_is_provisioned_with_units_or_has_none() {
    let region = region().await;
    for name in [HOME, AWAY] {
        let input = CreateTableInput {
            global_secondary_indexes: Some(vec![global(
                "by-v",
                &["v"],
                projection(ProjectionType::All, &[]),
            )]),
            ..with_stream(StreamViewType::NewAndOldImages)
        };
        let input = CreateTableInput {
            attribute_definitions: table("things", &["p:S", "r:N", "v:S"], 2).attribute_definitions,
            ..input
        };
        called::<CreateTable>(&region, name, input).await.unwrap();
    }
    region.call::<CreateGlobalTable>(group(&[HOME, AWAY])).await.unwrap();
    for input in asking(5) {
        let refused = region.refused::<UpdateGlobalTableSettings>(input).await;
        assert!(refused.message.contains("Neither ReadCapacityUnits nor"), "{}", refused.message);
    }
    // The units of reads of one region are missing, then those of the index.
    let without = [
        (provisioned(7, &[(HOME, 5)]), "ReadCapacityUnits and WriteCapacityUnits must both be specified"),
        (provisioned(7, &[(AWAY, 9), (HOME, 5)]), "ProvisionedThroughput must be specified for index: by-v"),
    ];
    for (input, words) in without {
        let refused = region.refused::<UpdateGlobalTableSettings>(input).await;
        assert!(refused.message.contains(words), "{}", refused.message);
    }
    let [_, writes, _, reads] = asking(3);
    let reads =
        reads.replica_settings_update.unwrap().remove(0).replica_global_secondary_index_settings_update;
    let mut whole = provisioned(7, &[(AWAY, 9), (HOME, 5)]);
    whole.global_table_global_secondary_index_settings_update =
        writes.global_table_global_secondary_index_settings_update;
    for update in whole.replica_settings_update.iter_mut().flatten() {
        update.replica_global_secondary_index_settings_update = reads.clone();
    }
    region.call::<UpdateGlobalTableSettings>(whole).await.unwrap();
    for input in asking(1_000_000_000_001) {
        let refused = region.refused::<UpdateGlobalTableSettings>(input).await;
        assert!(refused.message.ends_with("is out of bounds"), "{}", refused.message);
    }
    let described = DescribeTableInput { table_name: "things".into() };
    let away = called::<DescribeTable>(&region, AWAY, described).await.unwrap().table.unwrap();
    let units =
        |units: ProvisionedThroughputDescription| (units.read_capacity_units, units.write_capacity_units);
    assert_eq!(away.provisioned_throughput.map(units), Some((Some(9), Some(7))));
    let index = away.global_secondary_indexes.unwrap().remove(0);
    assert_eq!(index.provisioned_throughput.map(units), Some((Some(3), Some(3))));
}
