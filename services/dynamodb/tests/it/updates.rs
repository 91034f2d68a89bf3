//! UpdateTable: what AWS does in one request and what it does not, figures that only grow, bounds that end. The words
//! are those that Amazon's controllers for Kubernetes recorded of AWS in October 2026 (aws-controllers-k8s/
//! dynamodb-controller, docs/api-quirks).

use crate::world::*;
use model_dynamodb::operations::*;
use model_dynamodb::*;
use testkit::Region;

fn update(change: UpdateTableInput) -> UpdateTableInput {
    UpdateTableInput { table_name: "things".into(), ..change }
}

async fn changed(region: &Region, change: UpdateTableInput) -> TableDescription {
    region.call::<UpdateTable>(update(change)).await.unwrap().table_description.unwrap()
}

async fn refused(region: &Region, change: UpdateTableInput) -> String {
    let refused = region.refused::<UpdateTable>(update(change)).await;
    assert_eq!(refused.code, "ValidationException");
    refused.message.strip_prefix("One or more parameter values were invalid: ").unwrap().to_owned()
}

async fn described(region: &Region) -> TableDescription {
    let input = DescribeTableInput { table_name: "things".into() };
    region.call::<DescribeTable>(input).await.unwrap().table.unwrap()
}

fn units(read: i64, write: i64) -> Option<ProvisionedThroughput> {
    Some(ProvisionedThroughput { read_capacity_units: read, write_capacity_units: write })
}

fn stream(enabled: bool, view: Option<StreamViewType>) -> Option<StreamSpecification> {
    Some(StreamSpecification { stream_enabled: enabled, stream_view_type: view })
}

fn making(name: &str) -> GlobalSecondaryIndexUpdate {
    let create = CreateGlobalSecondaryIndexAction {
        index_name: name.into(),
        key_schema: vec![KeySchemaElement { attribute_name: "g".into(), key_type: KeyType::Hash }],
        projection: projection(ProjectionType::All, &[]),
        ..Default::default()
    };
    GlobalSecondaryIndexUpdate { create: Some(create), ..Default::default() }
}

fn warm(read: i64, write: i64) -> Option<WarmThroughput> {
    Some(WarmThroughput { read_units_per_second: Some(read), write_units_per_second: Some(write) })
}

fn bounds(read: Option<i64>, write: Option<i64>) -> Option<OnDemandThroughput> {
    Some(OnDemandThroughput { max_read_request_units: read, max_write_request_units: write })
}

#[tokio::test]
async fn some_changes_stand_alone() {
    let region = with_things().await;
    let encrypted = SSESpecification { enabled: Some(true), ..Default::default() };
    let all = UpdateTableInput {
        sse_specification: Some(encrypted),
        table_class: Some(TableClass::StandardInfrequentAccess),
        deletion_protection_enabled: Some(true),
        ..Default::default()
    };
    let both = UpdateTableInput { sse_specification: None, ..all.clone() };
    let protected = UpdateTableInput {
        table_class: None,
        billing_mode: Some(BillingMode::PayPerRequest),
        ..both.clone()
    };
    let making = Some(vec![making("by-group")]);
    for (change, message) in [
        (all, "Server-Side Encryption modification must be the only operation in the request"),
        (both, "TableClass modification must be the only operation in the request"),
        (protected, "DeletionProtection modification must be the only operation in the request"),
        (
            UpdateTableInput {
                warm_throughput: warm(13_000, 5_000),
                provisioned_throughput: units(1, 1),
                ..Default::default()
            },
            "WarmThroughput must be the only operation in the request",
        ),
        (
            UpdateTableInput {
                warm_throughput: warm(13_000, 5_000),
                global_secondary_index_updates: making,
                ..Default::default()
            },
            "Create global secondary index cannot be specified when updating WarmThroughput",
        ),
    ] {
        assert_eq!(refused(&region, change).await, message);
    }
}

#[tokio::test]
async fn some_changes_do_not_go_together() {
    let region = with_things().await;
    let on = || stream(true, Some(StreamViewType::KeysOnly));
    let making = || Some(vec![making("by-group")]);
    for (change, message) in [
        (
            UpdateTableInput {
                on_demand_throughput: bounds(Some(10), None),
                stream_specification: on(),
                ..Default::default()
            },
            "OnDemandThroughput can only be combined with BillingMode in an UpdateTable request",
        ),
        (
            UpdateTableInput {
                provisioned_throughput: units(1, 1),
                stream_specification: on(),
                ..Default::default()
            },
            "You cannot modify stream status while updating table IOPS",
        ),
        (
            UpdateTableInput {
                provisioned_throughput: units(1, 1),
                global_secondary_index_updates: making(),
                ..Default::default()
            },
            "You cannot create or delete index while updating table IOPS",
        ),
        (
            UpdateTableInput {
                stream_specification: on(),
                global_secondary_index_updates: making(),
                ..Default::default()
            },
            "You cannot create or delete index while changing stream status",
        ),
        (
            UpdateTableInput { stream_specification: stream(true, None), ..Default::default() },
            "If stream is being enabled then UpdateViewType is required",
        ),
    ] {
        assert_eq!(refused(&region, change).await, message);
    }
    assert_eq!(described(&region).await.stream_specification, None);
}

#[tokio::test]
async fn warm_throughput_only_grows() {
    let region = with_things().await;
    let warmed = |read, write| UpdateTableInput { warm_throughput: warm(read, write), ..Default::default() };
    assert_eq!(
        refused(&region, warmed(11_999, 4_000)).await,
        "Requested ReadUnitsPerSecond for WarmThroughput for table is lower than current WarmThroughput, decreasing WarmThroughput is not supported"
    );
    changed(&region, warmed(13_000, 5_000)).await;
    let provisioned = UpdateTableInput {
        billing_mode: Some(BillingMode::Provisioned),
        provisioned_throughput: units(5, 6_000),
        ..Default::default()
    };
    changed(&region, provisioned).await;
    let told = described(&region).await.warm_throughput.unwrap();
    assert_eq!((told.read_units_per_second, told.write_units_per_second), (Some(13_000), Some(6_000)));
    changed(&region, UpdateTableInput { provisioned_throughput: units(5, 5), ..Default::default() }).await;
    let told = described(&region).await.warm_throughput.unwrap();
    assert_eq!((told.read_units_per_second, told.write_units_per_second), (Some(13_000), Some(6_000)));
}

#[tokio::test]
async fn bounds_of_request_units_end() {
    let region = with_things().await;
    let bounded =
        |read, write| UpdateTableInput { on_demand_throughput: bounds(read, write), ..Default::default() };
    changed(&region, bounded(Some(1000), Some(500))).await;
    let told = changed(&region, bounded(Some(-1), None)).await;
    assert_eq!(told.on_demand_throughput, bounds(Some(-1), Some(500)));
    assert_eq!(described(&region).await.on_demand_throughput, bounds(None, Some(500)));
    let provisioned = UpdateTableInput {
        billing_mode: Some(BillingMode::Provisioned),
        provisioned_throughput: units(5, 5),
        ..Default::default()
    };
    changed(&region, provisioned).await;
    assert_eq!(described(&region).await.on_demand_throughput, None);
    assert_eq!(
        refused(&region, bounded(None, Some(5))).await,
        "MaxWriteRequestUnits for OnDemandThroughput cannot be specified when the table BillingMode is PROVISIONED"
    );
}

#[tokio::test]
async fn encryption_and_class_change_or_are_refused() {
    let region = with_things().await;
    let encrypted = |enabled, key: Option<&str>| {
        let kms = key.map(|_| SSEType::Kms);
        let asked = SSESpecification {
            enabled: Some(enabled),
            sse_type: kms,
            kms_master_key_id: key.map(str::to_owned),
        };
        UpdateTableInput { sse_specification: Some(asked), ..Default::default() }
    };
    assert_eq!(refused(&region, encrypted(false, None)).await, "Table is already encrypted by default");
    let key = "arn:aws:kms:us-east-1:000000000000:key/one";
    changed(&region, encrypted(true, Some(key))).await;
    assert!(
        refused(&region, encrypted(true, Some(key)))
            .await
            .starts_with("Table is already encrypted with given")
    );
    changed(&region, encrypted(false, None)).await;
    assert_eq!(described(&region).await.sse_description, None);
    let class = |class| UpdateTableInput { table_class: Some(class), ..Default::default() };
    changed(&region, class(TableClass::Standard)).await;
    assert_eq!(described(&region).await.table_class_summary, None);
    changed(&region, class(TableClass::StandardInfrequentAccess)).await;
    let told = described(&region).await.table_class_summary.unwrap();
    assert_eq!(told.table_class, Some(TableClass::StandardInfrequentAccess));
}

#[tokio::test]
async fn indexes_change_by_their_names() {
    let region = with_things().await;
    let g = AttributeDefinition { attribute_name: "g".into(), attribute_type: ScalarAttributeType::S };
    let made = UpdateTableInput {
        attribute_definitions: Some(vec![g]),
        global_secondary_index_updates: Some(vec![making("by-group")]),
        ..Default::default()
    };
    changed(&region, made).await;
    region.advance(std::time::Duration::from_secs(60)).await;
    let updated = |change: UpdateGlobalSecondaryIndexAction| UpdateTableInput {
        global_secondary_index_updates: Some(vec![GlobalSecondaryIndexUpdate {
            update: Some(change),
            ..Default::default()
        }]),
        ..Default::default()
    };
    let index =
        |name: &str| UpdateGlobalSecondaryIndexAction { index_name: name.into(), ..Default::default() };
    let absent = region.refused::<UpdateTable>(update(updated(index("other")))).await;
    assert_eq!(
        (absent.code.as_ref(), absent.message.as_str()),
        ("ResourceNotFoundException", "Requested resource not found: Index other for table things")
    );
    assert_eq!(
        refused(&region, updated(index("by-group"))).await,
        "The only Updates for index: by-group when TableThroughputMode is PAY_PER_REQUEST can be to OnDemandThroughput, WarmThroughput"
    );
    let nothing = UpdateGlobalSecondaryIndexAction {
        warm_throughput: Some(WarmThroughput::default()),
        ..index("by-group")
    };
    assert_eq!(
        refused(&region, updated(nothing)).await,
        "WarmThroughput must have at least one of ReadUnitsPerSecond or WriteUnitsPerSecond specified for index: by-group"
    );
    let raised =
        UpdateGlobalSecondaryIndexAction { warm_throughput: warm(12_500, 4_500), ..index("by-group") };
    changed(&region, updated(raised)).await;
    let told = described(&region).await.global_secondary_indexes.unwrap().remove(0).warm_throughput.unwrap();
    assert_eq!((told.read_units_per_second, told.write_units_per_second), (Some(12_500), Some(4_500)));
}

#[tokio::test]
async fn what_does_not_fit_is_refused_of_a_new_table() {
    let region = region().await;
    let wish = || table("things", &["p:S"], 1);
    for (wish, message) in [
        (
            CreateTableInput { stream_specification: stream(true, None), ..wish() },
            "Table is being created with a stream enabled, UpdateViewType is required",
        ),
        (
            CreateTableInput {
                sse_specification: Some(SSESpecification {
                    kms_master_key_id: Some("key".into()),
                    ..Default::default()
                }),
                ..wish()
            },
            "SSEType KMS is required if KMSMasterKeyId is specified",
        ),
        (
            CreateTableInput { on_demand_throughput: bounds(Some(0), None), ..wish() },
            "Requested MaxReadRequestUnits for OnDemandThroughput for table is outside of valid range",
        ),
    ] {
        let refused = region.refused::<CreateTable>(wish).await;
        assert_eq!(refused.message, format!("One or more parameter values were invalid: {message}"));
    }
}

/// DDB-TABLE-184 and 326: four times on a day of UTC, then once an hour; and what is billed by units again tells when
/// it was paid by request (058).
#[tokio::test]
async fn throughput_is_lowered_some_times_a_day() {
    let region = with_things().await;
    let lowered = |read| UpdateTableInput { provisioned_throughput: units(read, 20), ..Default::default() };
    let billed = UpdateTableInput { billing_mode: Some(BillingMode::Provisioned), ..lowered(20) };
    changed(&region, billed).await;
    let billing = described(&region).await.billing_mode_summary.unwrap();
    assert_eq!(billing.billing_mode, Some(BillingMode::Provisioned));
    assert!(billing.last_update_to_pay_per_request_date_time.is_some());
    for read in [19, 18, 17, 16] {
        changed(&region, lowered(read)).await;
    }
    let refused = region.refused::<UpdateTable>(update(lowered(15))).await;
    assert_eq!(refused.code, "LimitExceededException");
    let start = "Subscriber limit exceeded: Provisioned throughput decreases are limited within a given UTC day. \
                 After the first 4 decreases, each subsequent decrease in the same UTC day can be performed at most \
                 once every 3600 seconds. Number of decreases today: 4. Last decrease at ";
    assert!(refused.message.starts_with(start), "{}", refused.message);
    assert!(refused.message.ends_with(" Coordinated Universal Time"), "{}", refused.message);
    changed(&region, UpdateTableInput { provisioned_throughput: units(16, 21), ..Default::default() }).await;
    let told = described(&region).await.provisioned_throughput.unwrap();
    assert_eq!((told.read_capacity_units, told.number_of_decreases_today), (Some(16), Some(4)));
    region.advance(std::time::Duration::from_secs(86_400)).await;
    assert_eq!(described(&region).await.provisioned_throughput.unwrap().number_of_decreases_today, Some(0));
    changed(&region, lowered(15)).await;
}

/// DDB-TABLE-443: quotas of one table and one index.
#[tokio::test]
async fn units_have_a_maximum() {
    let region = with_things().await;
    let wish = UpdateTableInput {
        billing_mode: Some(BillingMode::Provisioned),
        provisioned_throughput: units(40_001, 1),
        ..Default::default()
    };
    let refused = region.refused::<UpdateTable>(update(wish)).await;
    assert_eq!(refused.code, "LimitExceededException");
    assert_eq!(
        refused.message,
        "The requested ReadCapacityUnits, 40001, is above the per table maximum for the account in us-east-1. Per \
         table maximum: 40000. Refer to the Amazon DynamoDB Developer Guide for current limits and how to request \
         higher limits."
    );
    let wish = CreateTableInput {
        billing_mode: None,
        provisioned_throughput: units(1, 40_001),
        ..table("others", &["p:S"], 1)
    };
    assert_eq!(region.refused::<CreateTable>(wish).await.code, "LimitExceededException");
    let wish = CreateTableInput {
        billing_mode: None,
        provisioned_throughput: units(40_000, 40_000),
        ..table("others", &["p:S"], 1)
    };
    region.call::<CreateTable>(wish).await.unwrap();
}

/// DDB-TABLE-442: a local index stays as it was made.
#[tokio::test]
async fn local_indexes_do_not_change() {
    let region = region().await;
    let wish = CreateTableInput {
        local_secondary_indexes: Some(vec![local("own", &["p", "l"], projection(ProjectionType::All, &[]))]),
        ..table("things", &["p:S", "r:N", "l:S"], 2)
    };
    region.call::<CreateTable>(wish).await.unwrap();
    let asked = |update: GlobalSecondaryIndexUpdate| UpdateTableInput {
        table_name: "things".into(),
        global_secondary_index_updates: Some(vec![update]),
        ..Default::default()
    };
    let delete = GlobalSecondaryIndexUpdate {
        delete: Some(DeleteGlobalSecondaryIndexAction { index_name: "own".into() }),
        ..Default::default()
    };
    let change = GlobalSecondaryIndexUpdate {
        update: Some(UpdateGlobalSecondaryIndexAction { index_name: "own".into(), ..Default::default() }),
        ..Default::default()
    };
    for (what, update) in [("delete", delete), ("update", change)] {
        let refused = region.refused::<UpdateTable>(asked(update)).await;
        assert_eq!(
            (refused.code.as_ref(), refused.message),
            (
                "ValidationException",
                format!("Cannot {what} an index that is not a GlobalSecondaryIndex: own")
            )
        );
    }
}

/// DDB-TABLE-048: how settings are shared is a setting of a table without replicas too.
#[tokio::test]
async fn the_sharing_of_settings_is_kept() {
    let region = with_things().await;
    let wish =
        |mode| UpdateTableInput { global_table_settings_replication_mode: Some(mode), ..Default::default() };
    for mode in [GlobalTableSettingsReplicationMode::Enabled, GlobalTableSettingsReplicationMode::Disabled] {
        changed(&region, wish(mode.clone())).await;
        assert_eq!(described(&region).await.global_table_settings_replication_mode, Some(mode));
    }
    let overrides = wish(GlobalTableSettingsReplicationMode::EnabledWithOverrides);
    let refused = region.refused::<UpdateTable>(update(overrides)).await;
    assert!(refused.message.starts_with("Value 'ENABLED_WITH_OVERRIDES' at 'GlobalTableSettings"));
}
