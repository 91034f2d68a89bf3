//! Backups and recovery: what is restored is what was there, with its indexes, to the second.

use crate::world::*;
use model_dynamodb::operations::*;
use model_dynamodb::*;
use names::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;
use testkit::Region;

const DAY: Duration = Duration::from_secs(86_400);

async fn grouped() -> Region {
    let region = region().await;
    let wish = CreateTableInput {
        global_secondary_indexes: Some(vec![global(
            "by-group",
            &["g"],
            projection(ProjectionType::All, &[]),
        )]),
        ..table("things", &["p:S", "r:N", "g:N"], 2)
    };
    region.call::<CreateTable>(wish).await.unwrap();
    region
}

fn thing(r: i64, v: i64) -> Item {
    item(&[("p", s("a")), ("r", n(r)), ("v", n(v)), ("g", n(v % 2))])
}

async fn remove(region: &Region, r: i64) {
    let key = item(&[("p", s("a")), ("r", n(r))]);
    let input = DeleteItemInput { table_name: "things".into(), key, ..Default::default() };
    region.call::<DeleteItem>(input).await.unwrap();
}

async fn scanned(region: &Region, table: &str, index: Option<&str>) -> Vec<Item> {
    let mut items = Vec::new();
    let mut after = None;
    loop {
        let input = ScanInput {
            table_name: table.into(),
            index_name: index.map(str::to_owned),
            exclusive_start_key: after,
            ..Default::default()
        };
        let page = region.call::<Scan>(input).await.unwrap();
        items.extend(page.items.unwrap());
        after = page.last_evaluated_key;
        if after.is_none() {
            break;
        }
    }
    items.sort_by_key(|item| format!("{item:?}"));
    items
}

async fn back_up(region: &Region, name: &str) -> BackupDetails {
    let input = CreateBackupInput { table_name: "things".into(), backup_name: name.into() };
    region.call::<CreateBackup>(input).await.unwrap().backup_details.unwrap()
}

fn restoring(target: &str, arn: &str) -> RestoreTableFromBackupInput {
    RestoreTableFromBackupInput {
        target_table_name: target.into(),
        backup_arn: arn.into(),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_backup_keeps_what_was_there() {
    let region = grouped().await;
    for r in 0..20 {
        put(&region, "things", thing(r, r)).await;
    }
    let before = scanned(&region, "things", None).await;
    let backup = back_up(&region, "first").await;
    assert_eq!(backup.backup_status, BackupStatus::Available);
    for r in 0..20 {
        put(&region, "things", thing(r, 100)).await;
    }
    remove(&region, 3).await;
    let restored = region.call::<RestoreTableFromBackup>(restoring("again", &backup.backup_arn)).await;
    let restored = restored.unwrap().table_description.unwrap();
    assert_eq!(
        (restored.item_count, restored.restore_summary.unwrap().restore_in_progress),
        (Some(20), false)
    );
    assert_eq!(scanned(&region, "again", None).await, before);
    assert_eq!(scanned(&region, "again", Some("by-group")).await, before);
    // The restored table is one of its own.
    put(&region, "again", thing(50, 1)).await;
    assert_eq!(scanned(&region, "things", None).await.len(), 19);
    let taken = region.refused::<RestoreTableFromBackup>(restoring("again", &backup.backup_arn)).await;
    assert_eq!(taken.code, "TableAlreadyExistsException");
    let without = RestoreTableFromBackupInput {
        global_secondary_index_override: Some(Vec::new()),
        ..restoring("bare", &backup.backup_arn)
    };
    let named = |name: &str, projected| RestoreTableFromBackupInput {
        global_secondary_index_override: Some(vec![global(name, &["g"], projection(projected, &[]))]),
        ..restoring("named", &backup.backup_arn)
    };
    // An index is known by its key and projection, and may have another name.
    let other = named("by-group", ProjectionType::KeysOnly);
    assert_eq!(
        region.refused::<RestoreTableFromBackup>(other).await.message,
        "Invalid Request: Index by-group does not match a secondary index that existed in the source table and cannot be created during the restore operation"
    );
    region.call::<RestoreTableFromBackup>(named("grouped", ProjectionType::All)).await.unwrap();
    assert_eq!(scanned(&region, "named", Some("grouped")).await, before);
    let units = |billing, throughput| RestoreTableFromBackupInput {
        billing_mode_override: billing,
        provisioned_throughput_override: throughput,
        ..restoring("units", &backup.backup_arn)
    };
    let one = ProvisionedThroughput { read_capacity_units: 1, write_capacity_units: 1 };
    for (wish, message) in [
        (units(None, Some(one)), "Cannot override ProvisionedThroughput unless BillingMode is PROVISIONED"),
        (
            units(Some(BillingMode::Provisioned), None),
            "Must override ProvisionedThroughput if BillingMode is overridden to PROVISIONED",
        ),
    ] {
        let refused = region.refused::<RestoreTableFromBackup>(wish).await;
        assert_eq!(refused.message, format!("Invalid Request: {message}"));
    }
    let bare = region.call::<RestoreTableFromBackup>(without).await.unwrap().table_description.unwrap();
    assert_eq!(bare.global_secondary_indexes, None);
    assert_eq!(bare.attribute_definitions.map(|all| all.len()), Some(2));
}

#[tokio::test]
async fn backups_are_described_listed_and_deleted() {
    let region = grouped().await;
    put(&region, "things", thing(1, 1)).await;
    let first = back_up(&region, "first").await;
    region.advance(Duration::from_secs(10)).await;
    let second = back_up(&region, "second").await;
    let described = DescribeBackupInput { backup_arn: first.backup_arn.clone() };
    let described = region.call::<DescribeBackup>(described).await.unwrap().backup_description.unwrap();
    let source = described.source_table_details.unwrap();
    assert_eq!((source.table_name.as_str(), source.item_count), ("things", Some(1)));
    let indexes = described.source_table_feature_details.unwrap().global_secondary_indexes.unwrap();
    assert_eq!(indexes[0].index_name.as_deref(), Some("by-group"));
    let page = ListBackupsInput { limit: Some(1), ..Default::default() };
    let page = region.call::<ListBackups>(page).await.unwrap();
    assert_eq!(page.last_evaluated_backup_arn.as_ref(), Some(&first.backup_arn));
    let rest =
        ListBackupsInput { exclusive_start_backup_arn: page.last_evaluated_backup_arn, ..Default::default() };
    let rest = region.call::<ListBackups>(rest).await.unwrap().backup_summaries.unwrap();
    assert_eq!(rest[0].backup_arn.as_ref(), Some(&second.backup_arn));
    let early = ListBackupsInput {
        time_range_upper_bound: Some(second.backup_creation_date_time),
        ..Default::default()
    };
    assert_eq!(region.call::<ListBackups>(early).await.unwrap().backup_summaries.unwrap().len(), 1);
    let input = DeleteBackupInput { backup_arn: first.backup_arn.clone() };
    region.call::<DeleteBackup>(input.clone()).await.unwrap();
    let absent = region.refused::<DeleteBackup>(input).await;
    // The text: getmoto/moto, tests/test_dynamodb, recorded of AWS.
    assert_eq!(absent.message, format!("Backup not found: {}", first.backup_arn));
}

async fn recovery(region: &Region, enabled: bool) -> PointInTimeRecoveryDescription {
    let input = UpdateContinuousBackupsInput {
        table_name: "things".into(),
        point_in_time_recovery_specification: PointInTimeRecoverySpecification {
            point_in_time_recovery_enabled: enabled,
            recovery_period_in_days: None,
        },
    };
    let told = region.call::<UpdateContinuousBackups>(input).await.unwrap();
    told.continuous_backups_description.unwrap().point_in_time_recovery_description.unwrap()
}

fn to_moment(target: &str, moment: Option<Timestamp>) -> RestoreTableToPointInTimeInput {
    RestoreTableToPointInTimeInput {
        source_table_name: Some("things".into()),
        target_table_name: target.into(),
        use_latest_restorable_time: moment.is_none().then_some(true),
        restore_date_time: moment,
        ..Default::default()
    }
}

/// Each second some items are put, changed and removed; each second can be had again.
#[tokio::test]
async fn a_table_is_restored_to_the_second() {
    let region = grouped().await;
    put(&region, "things", thing(0, 0)).await;
    let status = recovery(&region, true).await.point_in_time_recovery_status;
    assert_eq!(status, Some(PointInTimeRecoveryStatus::Enabled));
    let mut moments = BTreeMap::new();
    for second in 1..=12i64 {
        region.advance(Duration::from_secs(1)).await;
        for r in 0..6 {
            match (second * 7 + r * 5) % 4 {
                0 => remove(&region, r).await,
                1 => {}
                _ => put(&region, "things", thing(r, second * 10 + r)).await,
            }
        }
        moments.insert(region.host().clock.now(), scanned(&region, "things", None).await);
    }
    region.advance(Duration::from_secs(1)).await;
    for (at, (moment, expected)) in moments.iter().enumerate() {
        let target = format!("restored-{at}");
        region.call::<RestoreTableToPointInTime>(to_moment(&target, Some(*moment))).await.unwrap();
        assert_eq!(&scanned(&region, &target, None).await, expected, "{moment:?}");
        assert_eq!(&scanned(&region, &target, Some("by-group")).await, expected, "{moment:?}");
    }
    region.call::<RestoreTableToPointInTime>(to_moment("latest", None)).await.unwrap();
    assert_eq!(scanned(&region, "latest", None).await, scanned(&region, "things", None).await);
}

#[tokio::test]
async fn moments_outside_of_the_history_are_refused() {
    let region = grouped().await;
    let start = region.host().clock.now();
    let off = region.refused::<RestoreTableToPointInTime>(to_moment("other", None)).await;
    assert_eq!(off.code, "PointInTimeRecoveryUnavailableException");
    region.advance(Duration::from_secs(100)).await;
    recovery(&region, true).await;
    for moment in [start, start.plus_millis(200_000)] {
        let refused = region.refused::<RestoreTableToPointInTime>(to_moment("other", Some(moment))).await;
        assert_eq!(refused.code, "InvalidRestoreTimeException");
    }
    let mut absent = to_moment("other", None);
    absent.source_table_name = Some("nothing".into());
    // The operation has no SourceTableNotFoundException (API reference).
    assert_eq!(region.refused::<RestoreTableToPointInTime>(absent).await.message, "Table not found: nothing");
    // Changes are kept for their days, and a table that is deleted leaves a backup for as many.
    put(&region, "things", thing(1, 1)).await;
    region.advance(DAY * 40).await;
    let described = DescribeContinuousBackupsInput { table_name: "things".into() };
    let described = region.call::<DescribeContinuousBackups>(described).await.unwrap();
    let recovery = described.continuous_backups_description.unwrap().point_in_time_recovery_description;
    let earliest = recovery.unwrap().earliest_restorable_date_time.unwrap();
    assert_eq!(earliest, region.host().clock.now().plus_millis(-35 * 86_400_000));
    region.call::<DeleteTable>(DeleteTableInput { table_name: "things".into() }).await.unwrap();
    let unasked = region.call::<ListBackups>(ListBackupsInput::default()).await.unwrap();
    assert_eq!(unasked.backup_summaries.unwrap(), []);
    let system = ListBackupsInput { backup_type: Some(BackupTypeFilter::System), ..Default::default() };
    let kept = region.call::<ListBackups>(system.clone()).await.unwrap().backup_summaries.unwrap();
    assert_eq!(kept[0].backup_name.as_deref(), Some("things$DeletedTableBackup"));
    let arn = kept[0].backup_arn.clone().unwrap();
    let deleting = DeleteBackupInput { backup_arn: arn.clone() };
    assert_eq!(region.refused::<DeleteBackup>(deleting).await.code, "ValidationException");
    region.call::<RestoreTableFromBackup>(restoring("things", &arn)).await.unwrap();
    assert_eq!(scanned(&region, "things", None).await, [thing(1, 1)]);
    region.advance(DAY * 36).await;
    assert!(region.call::<ListBackups>(system).await.unwrap().backup_summaries.unwrap().is_empty());
}

/// A table that is too large to be copied while its caller waits is copied behind the caller's back.
#[tokio::test]
async fn a_large_table_is_restored_behind_the_back() {
    let region = grouped().await;
    for hundred in 0..120i64 {
        let requests: Vec<WriteRequest> = (0..25)
            .map(|at| {
                let item = thing(hundred * 25 + at, at);
                WriteRequest { put_request: Some(PutRequest { item }), delete_request: None }
            })
            .collect();
        let input = BatchWriteItemInput {
            request_items: [("things".to_owned(), requests)].into(),
            ..Default::default()
        };
        region.call::<BatchWriteItem>(input).await.unwrap();
    }
    let arn = back_up(&region, "large").await.backup_arn;
    let is_ready = async || {
        let input = DescribeBackupInput { backup_arn: arn.clone() };
        let told = region.call::<DescribeBackup>(input).await.unwrap().backup_description.unwrap();
        told.backup_details.unwrap().backup_status == BackupStatus::Available
    };
    while !is_ready().await {
        tokio::task::yield_now().await;
    }
    region.call::<RestoreTableFromBackup>(restoring("again", &arn)).await.unwrap();
    let is_active = async || {
        let input = DescribeTableInput { table_name: "again".into() };
        let told = region.call::<DescribeTable>(input).await.unwrap().table.unwrap();
        told.table_status == Some(TableStatus::Active)
    };
    while !is_active().await {
        tokio::task::yield_now().await;
    }
    assert_eq!(scanned(&region, "again", None).await.len(), 3000);
    assert_eq!(scanned(&region, "again", Some("by-group")).await.len(), 3000);
}

/// A token names what was asked: "multiple identical calls have the same effect as one single call" (API
/// reference, ExportTableToPointInTime, ClientToken).
#[tokio::test]
async fn a_repeated_export_is_the_one_that_was_begun() {
    let region = with_things().await;
    recovery(&region, true).await;
    region.advance(Duration::from_secs(7_200)).await;
    let described = DescribeTableInput { table_name: "things".into() };
    let arn = region.call::<DescribeTable>(described).await.unwrap().table.unwrap().table_arn.unwrap();
    let now = region.host().clock.now();
    let asked = |token: &str| ExportTableToPointInTimeInput {
        table_arn: arn.clone(),
        s3_bucket: "files".into(),
        client_token: Some(token.into()),
        ..Default::default()
    };
    let since = |from: Timestamp| ExportTableToPointInTimeInput {
        export_type: Some(ExportType::IncrementalExport),
        incremental_export_specification: Some(IncrementalExportSpecification {
            export_from_time: Some(from),
            ..Default::default()
        }),
        ..asked("period")
    };
    let at =
        |moment: Timestamp| ExportTableToPointInTimeInput { export_time: Some(moment), ..asked("moment") };
    let begun = async |input| {
        let told = region.call::<ExportTableToPointInTime>(input).await.unwrap().export_description;
        told.unwrap().export_arn
    };
    let hour = now.plus_millis(-3_600_000);
    let (first, second) = (begun(since(hour)).await, begun(at(hour)).await);
    assert_ne!(first, second);
    region.advance(Duration::from_secs(60)).await;
    assert_eq!((begun(since(hour)).await, begun(at(hour)).await), (first, second));
    for other in [since(hour.plus_millis(1_000)), at(now), asked("moment")] {
        let refused = region.refused::<ExportTableToPointInTime>(other).await;
        assert_eq!(refused.code, "ExportConflictException");
    }
}
