//! RestoreTableFromBackup, RestoreTableToPointInTime: a new table of what another one held.

use crate::copy::Source;
use crate::definitions;
use crate::describe::{self, Counts};
use crate::errors::DynamoError;
use crate::find;
use crate::jobs::{self, NOT_YET};
use crate::ops::create_table::{self, encryption_key};
use crate::state::backups::{self, Job, RestoreFrom};
use crate::state::{self, IndexRecord, IndexScope, Restored, Settings, TableRecord, Throughput};
use crate::{backup, history};
use model::{
    BillingMode, GlobalSecondaryIndex, LocalSecondaryIndex, OnDemandThroughput, ProvisionedThroughput,
    RestoreTableFromBackupInput, RestoreTableFromBackupOutput, RestoreTableToPointInTimeInput,
    RestoreTableToPointInTimeOutput, SSESpecification, TableDescription,
};
use model_dynamodb as model;
use names::Tags;
use service::Ctx;
use std::sync::Arc;
use store::{Incarnation, Tx};

/// What a request wants otherwise than it was.
struct Overrides<'i> {
    billing: Option<&'i BillingMode>,
    global: Option<&'i Vec<GlobalSecondaryIndex>>,
    local: Option<&'i Vec<LocalSecondaryIndex>>,
    throughput: Option<&'i ProvisionedThroughput>,
    on_demand: Option<&'i OnDemandThroughput>,
    encryption: Option<&'i SSESpecification>,
}

macro_rules! overrides {
    ($input:expr) => {
        Overrides {
            billing: $input.billing_mode_override.as_ref(),
            global: $input.global_secondary_index_override.as_ref(),
            local: $input.local_secondary_index_override.as_ref(),
            throughput: $input.provisioned_throughput_override.as_ref(),
            on_demand: $input.on_demand_throughput_override.as_ref(),
            encryption: $input.sse_specification_override.as_ref(),
        }
    };
}

/// RestoreTableFromBackup.
pub async fn restore_table_from_backup(
    ctx: Ctx,
    input: Arc<RestoreTableFromBackupInput>,
) -> Result<RestoreTableFromBackupOutput, DynamoError> {
    let (scope, backup) = backup::found(&ctx.read(), ctx.region(), &input.backup_arn)?;
    if scope != ctx.scope() {
        return Err(DynamoError::BackupNotFound(input.backup_arn.clone()));
    }
    if backup.count.is_none() {
        return Err(DynamoError::BackupInUse(input.backup_arn.clone()));
    }
    let restored = Restored {
        backup: Some(input.backup_arn.clone()),
        table: describe::table_arn(&scope, &backup.table).map(|arn| arn.to_string()),
        moment: backup.created,
        in_progress: true,
    };
    let source = (backup.record.record()?, RestoreFrom::Backup(backup.rows));
    let told = restore(&ctx, &input.target_table_name, source, restored, &overrides!(input)).await?;
    Ok(RestoreTableFromBackupOutput { table_description: Some(told) })
}

/// RestoreTableToPointInTime.
pub async fn restore_table_to_point_in_time(
    ctx: Ctx,
    input: Arc<RestoreTableToPointInTimeInput>,
) -> Result<RestoreTableToPointInTimeOutput, DynamoError> {
    let named = input.source_table_arn.as_ref().or(input.source_table_name.as_ref());
    let named = named.ok_or_else(|| {
        DynamoError::invalid("One of SourceTableName or SourceTableArn must be provided as input")
    })?;
    let address = find::address(ctx.account(), ctx.region(), named)?;
    let source = state::table(&ctx.read(), &address.scope, &address.name)?;
    let source = source.filter(|_| address.scope == ctx.scope());
    let source = source.ok_or_else(|| DynamoError::SourceNotFound(address.name.clone()))?;
    refuse_existing(&ctx, &input.target_table_name)?;
    let kept = source.history.clone();
    let kept = kept.ok_or_else(|| DynamoError::RecoveryUnavailable(address.name.clone()))?;
    let now = ctx.now();
    let moment = match (input.use_latest_restorable_time, input.restore_date_time) {
        (Some(true), Some(_)) => {
            return Err(DynamoError::invalid(
                "Both UseLatestRestorableTime and RestoreDateTime cannot be specified",
            ));
        }
        (_, Some(moment)) => moment,
        (Some(true), None) => now,
        (_, None) => {
            return Err(DynamoError::invalid(
                "One of UseLatestRestorableTime or RestoreDateTime must be specified",
            ));
        }
    };
    let earliest = history::earliest(&kept, now);
    // A client may have no finer moments than seconds.
    if moment.plus_millis(999) < earliest || moment > now {
        return Err(DynamoError::InvalidRestoreTime(format!(
            "Restore time must be between {} and {}",
            earliest.iso8601_millis(),
            now.iso8601_millis()
        )));
    }
    let restored = Restored {
        backup: None,
        table: describe::table_arn(&address.scope, &address.name).map(|arn| arn.to_string()),
        moment,
        in_progress: true,
    };
    let from = RestoreFrom::Moment(source.incarnation, kept.incarnation, moment);
    let told = restore(&ctx, &input.target_table_name, (source, from), restored, &overrides!(input)).await?;
    Ok(RestoreTableToPointInTimeOutput { table_description: Some(told) })
}

fn refuse_existing(ctx: &Ctx, name: &str) -> Result<(), DynamoError> {
    find::check_name("TargetTableName", name)?;
    match state::table(&ctx.read(), &ctx.scope(), &name.to_owned())? {
        Some(_) => Err(DynamoError::TargetExists(name.to_owned())),
        None => Ok(()),
    }
}

async fn restore(
    ctx: &Ctx,
    name: &str,
    (source, from): (TableRecord, RestoreFrom),
    restored: Restored,
    overrides: &Overrides<'_>,
) -> Result<TableDescription, DynamoError> {
    refuse_existing(ctx, name)?;
    let mut target = target(ctx, name, source, overrides)?;
    target.restored = Some(restored);
    let scope = ctx.scope();
    let (rows, back) = match from {
        RestoreFrom::Backup(rows) => (rows, None),
        RestoreFrom::Moment(rows, history, moment) => (rows, Some((history, moment))),
    };
    let source = Source { read: ctx.read(), scope: scope.clone(), rows, back };
    let is_small = source.is_small()?;
    drop(source);
    let job = Job::Restore(name.to_owned(), from);
    let starting = jobs::starting(ctx).await;
    let (number, made) = made(ctx, target, job.clone()).await?;
    create_table::begin_counts(ctx, &made);
    jobs::start(ctx, starting, vec![(number, scope.clone(), job)], is_small).await?;
    let record = state::table(&ctx.read(), &scope, &made.name)?.unwrap_or(made);
    let counts = Counts::known(ctx, &scope, &record).await?;
    Ok(describe::table(&scope, &record, model::TableStatus::Creating, &counts))
}

async fn made(ctx: &Ctx, target: TableRecord, job: Job) -> Result<(u64, TableRecord), DynamoError> {
    let (scope, owner) = (ctx.scope(), ctx.account());
    ctx.commit(move |tx: &mut Tx| {
        let mut target = target.clone();
        if state::table(tx, &scope, &target.name)?.is_some() {
            return Err(DynamoError::TargetExists(target.name));
        }
        create_table::check_count(tx, &scope)?;
        target.incarnation = tx.fresh_incarnation()?;
        for index in &mut target.indexes {
            index.incarnation = tx.fresh_incarnation()?;
        }
        state::put_table(tx, &scope, &mut target)?;
        create_table::put_head(tx, &scope, &target, owner, (Tags::new(), None))?;
        Ok((backups::put_job(tx, &scope, &job)?, target))
    })
    .await
}

/// The table that is made: keys and indexes of the source, and none of its settings.
fn target(
    ctx: &Ctx,
    name: &str,
    source: TableRecord,
    overrides: &Overrides<'_>,
) -> Result<TableRecord, DynamoError> {
    let now = ctx.now();
    let indexes = kept_indexes(source.indexes, overrides)?;
    let on_demand = match overrides.billing {
        Some(mode) => *mode == BillingMode::PayPerRequest,
        None => source.on_demand.is_some(),
    };
    let throughput = match (overrides.throughput, on_demand) {
        (Some(_), true) => return Err(definitions::units_on_demand()),
        (Some(asked), false) => definitions::throughput(asked)?,
        (None, true) => Throughput::default(),
        (None, false) if source.on_demand.is_some() => return Err(definitions::no_units()),
        (None, false) => Throughput {
            read: source.throughput.read,
            write: source.throughput.write,
            ..Throughput::default()
        },
    };
    let mut target = TableRecord {
        name: name.to_owned(),
        id: ctx.uuid(),
        incarnation: Incarnation(0),
        epoch: 0,
        created: now,
        creating_until: NOT_YET,
        updating_until: now,
        indexes,
        on_demand: on_demand.then_some(now),
        billing_stated: source.billing_stated || overrides.billing.is_some(),
        throughput,
        on_demand_limits: overrides.on_demand.map(definitions::on_demand).or(source.on_demand_limits),
        warm: None,
        protected: false,
        encryption_key: encryption_key(ctx, overrides.encryption).or(source.encryption_key),
        expiry: None,
        policy_revision: 0,
        is_deleting: false,
        stream: None,
        latest_stream: None,
        history: None,
        replicas: Vec::new(),
        is_old_global: false,
        restored: None,
        settings: Settings::default(),
        ..source
    };
    create_table::keep_used_attributes(&mut target);
    Ok(target)
}

/// The indexes that are made again: all, or those that the request names.
fn kept_indexes(
    indexes: Vec<IndexRecord>,
    overrides: &Overrides<'_>,
) -> Result<Vec<IndexRecord>, DynamoError> {
    let named = |scope: IndexScope| -> Option<Vec<&String>> {
        match scope {
            IndexScope::Global => Some(overrides.global?.iter().map(|index| &index.index_name).collect()),
            IndexScope::Local => Some(overrides.local?.iter().map(|index| &index.index_name).collect()),
        }
    };
    for scope in [IndexScope::Global, IndexScope::Local] {
        for name in named(scope).unwrap_or_default() {
            if !indexes.iter().any(|index| index.scope == scope && index.name == *name) {
                return Err(DynamoError::invalid_value(format!(
                    "The index to restore does not exist in the source table: {name}"
                )));
            }
        }
    }
    let is_kept = |index: &IndexRecord| named(index.scope).is_none_or(|names| names.contains(&&index.name));
    Ok(indexes.into_iter().filter(is_kept).map(|index| IndexRecord { is_filling: false, ..index }).collect())
}
