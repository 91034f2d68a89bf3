//! RestoreTableFromBackup, RestoreTableToPointInTime: a new table of what another one held.

use crate::copy::Source;
use crate::definitions;
use crate::describe::{self, Counts};
use crate::encryption;
use crate::errors::DynamoError;
use crate::find;
use crate::jobs::{self, NOT_YET};
use crate::ops::create_table;
use crate::state::backups::{self, Job, RestoreFrom};
use crate::state::{self, Global, IndexRecord, IndexScope, Restored, Settings, TableRecord, Throughput};
use crate::units;
use crate::{backup, history};
use model::{
    BillingMode, GlobalSecondaryIndex, KeySchemaElement, LocalSecondaryIndex, OnDemandThroughput, Projection,
    ProvisionedThroughput, RestoreTableFromBackupInput, RestoreTableFromBackupOutput,
    RestoreTableToPointInTimeInput, RestoreTableToPointInTimeOutput, SSESpecification, TableDescription,
};
use model_dynamodb as model;
use names::{Tags, Timestamp};
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
    let named = match (&input.source_table_arn, &input.source_table_name) {
        (Some(named), None) | (None, Some(named)) => named,
        _ => {
            return Err(DynamoError::invalid("Must provide exactly one of: sourceTableArn, sourceTableName"));
        }
    };
    let address = find::address(ctx.account(), ctx.region(), named)?;
    find::check_name("TargetTableName", &input.target_table_name)?;
    let asked = moment(&input)?;
    let source = state::table(&ctx.read(), &address.scope, &address.name)?;
    let source = source.filter(|_| address.scope == ctx.scope());
    let source = source.ok_or_else(|| DynamoError::TableNotFound(address.name.clone()))?;
    let kept = source.history.clone();
    let kept = kept.ok_or_else(|| DynamoError::RecoveryUnavailable(address.name.clone()))?;
    let now = ctx.now();
    let moment = asked.unwrap_or(now);
    let earliest = history::earliest(&kept, now);
    // A client may have no finer moments than seconds.
    if moment.plus_millis(999) < earliest || moment > now {
        return Err(DynamoError::InvalidRestoreTime(format!(
            "RestoreDateTime '{}' must be within EarliestRestorableDateTime '{}' and LatestRestorableDateTime '{}'",
            moment.iso8601(),
            earliest.iso8601(),
            now.iso8601()
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

/// The moment that is asked for; nothing for the latest.
fn moment(input: &RestoreTableToPointInTimeInput) -> Result<Option<Timestamp>, DynamoError> {
    match (input.use_latest_restorable_time, input.restore_date_time) {
        (Some(true), Some(_)) => Err(DynamoError::invalid(
            "Invalid Request: Both RestoreDateTime and UseLatestRestorableTime cannot be set for point-in-time \
             restore request.",
        )),
        (_, Some(moment)) => Ok(Some(moment)),
        (Some(true), None) => Ok(None),
        (_, None) => Err(DynamoError::invalid(
            "Invalid Request: Either one of RestoreDateTime or UseLatestRestorableTime must be specified, but \
             not both",
        )),
    }
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
    let refused = |message: &str| Err(DynamoError::invalid(format!("Invalid Request: {message}")));
    encryption::check(overrides.encryption)?;
    let throughput = match (overrides.throughput, on_demand) {
        (Some(_), true) => {
            return refused("Cannot override ProvisionedThroughput unless BillingMode is PROVISIONED");
        }
        (Some(asked), false) => definitions::throughput(asked)?,
        (None, true) => Throughput::default(),
        (None, false) if source.on_demand.is_some() => {
            return refused(
                "Must override ProvisionedThroughput if BillingMode is overridden to PROVISIONED",
            );
        }
        (None, false) => Throughput {
            read: source.throughput.read,
            write: source.throughput.write,
            ..Throughput::default()
        },
    };
    let bounded = overrides.on_demand;
    let bounded = bounded.map(|asked| units::bounds(asked, None, on_demand, "table")).transpose()?;
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
        on_demand_limits: bounded.unwrap_or(source.on_demand_limits).filter(|_| on_demand),
        warm: None,
        class: None,
        protected: false,
        encryption_key: encryption::key(ctx, overrides.encryption).or(source.encryption_key),
        expiry: None,
        policy_revision: 0,
        is_deleting: false,
        stream: None,
        latest_stream: None,
        history: None,
        replicas: Vec::new(),
        is_old_global: false,
        global: Global::default(),
        expiry_changed: None,
        was_on_demand: None,
        warming: None,
        restored: None,
        settings: Settings::default(),
        ..source
    };
    create_table::keep_used_attributes(&mut target);
    Ok(target)
}

/// The indexes that are made again: all, or those that the request describes, under the names that it gives
/// them: an index is known by its key and its projection.
fn kept_indexes(
    indexes: Vec<IndexRecord>,
    overrides: &Overrides<'_>,
) -> Result<Vec<IndexRecord>, DynamoError> {
    let global = overrides.global.map(|all| {
        let wish = |index: &GlobalSecondaryIndex| Described {
            name: index.index_name.clone(),
            key: index.key_schema.clone(),
            projection: index.projection.clone(),
            throughput: index.provisioned_throughput.clone(),
        };
        all.iter().map(wish).collect::<Vec<_>>()
    });
    let local = overrides.local.map(|all| {
        let wish = |index: &LocalSecondaryIndex| Described {
            name: index.index_name.clone(),
            key: index.key_schema.clone(),
            projection: index.projection.clone(),
            throughput: None,
        };
        all.iter().map(wish).collect::<Vec<_>>()
    });
    let mut kept = Vec::new();
    for (scope, wishes) in [(IndexScope::Global, global), (IndexScope::Local, local)] {
        let mut there: Vec<IndexRecord> =
            indexes.iter().filter(|index| index.scope == scope).cloned().collect();
        let Some(wishes) = wishes else {
            kept.append(&mut there);
            continue;
        };
        for wish in wishes {
            let Some(place) = there.iter().position(|index| wish.is(index)) else {
                return Err(DynamoError::invalid(format!(
                    "Invalid Request: Index {} does not match a secondary index that existed in the source \
                     table and cannot be created during the restore operation",
                    wish.name
                )));
            };
            let mut index = there.swap_remove(place);
            if let Some(asked) = &wish.throughput {
                index.throughput = definitions::throughput(asked)?;
            }
            index.name = wish.name;
            kept.push(index);
        }
    }
    Ok(kept.into_iter().map(|index| IndexRecord { is_filling: false, ..index }).collect())
}

/// An index as a restore describes it.
struct Described {
    name: String,
    key: Vec<KeySchemaElement>,
    projection: Projection,
    throughput: Option<ProvisionedThroughput>,
}

impl Described {
    fn is(&self, index: &IndexRecord) -> bool {
        let there = describe::projection(&index.projected);
        let names = |projection: &Projection| {
            let mut names = projection.non_key_attributes.clone().unwrap_or_default();
            names.sort_unstable();
            names
        };
        describe::key_schema(&index.key) == self.key
            && there.projection_type == self.projection.projection_type
            && names(&there) == names(&self.projection)
    }
}
