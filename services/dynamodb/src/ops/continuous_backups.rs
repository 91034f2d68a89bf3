//! UpdateContinuousBackups, DescribeContinuousBackups: whether a table can be restored to any moment.

use crate::errors::DynamoError;
use crate::state::{self, TableRecord};
use crate::{find, history};
use model::{
    ContinuousBackupsDescription, ContinuousBackupsStatus, DescribeContinuousBackupsInput,
    DescribeContinuousBackupsOutput, PointInTimeRecoveryDescription, PointInTimeRecoveryStatus,
    UpdateContinuousBackupsInput, UpdateContinuousBackupsOutput,
};
use model_dynamodb as model;
use names::Timestamp;
use service::Ctx;
use std::sync::Arc;

/// UpdateContinuousBackups.
pub async fn update_continuous_backups(
    ctx: Ctx,
    input: Arc<UpdateContinuousBackupsInput>,
) -> Result<UpdateContinuousBackupsOutput, DynamoError> {
    let address = find::address(ctx.account(), ctx.region(), &input.table_name)?;
    let (now, asked) = (ctx.now(), input.point_in_time_recovery_specification.clone());
    if !asked.point_in_time_recovery_enabled && asked.recovery_period_in_days.is_some() {
        return Err(DynamoError::invalid(
            "RecoveryPeriodInDays can only be specified when PointInTimeRecoveryEnabled is true",
        ));
    }
    let table = ctx
        .commit(move |tx| {
            let table = state::table(tx, &address.scope, &address.name)?;
            let mut table = table.ok_or_else(|| DynamoError::TableNotFound(address.name.clone()))?;
            if asked.point_in_time_recovery_enabled {
                let days = asked.recovery_period_in_days.and_then(|days| u32::try_from(days).ok());
                history::begin(tx, &address.scope, &mut table, days, now)?;
            } else {
                history::end(tx, &address.scope, &mut table)?;
            }
            state::put_table(tx, &address.scope, &mut table)?;
            Ok::<_, DynamoError>(table)
        })
        .await?;
    Ok(UpdateContinuousBackupsOutput { continuous_backups_description: Some(described(&table, now)) })
}

/// DescribeContinuousBackups.
pub async fn describe_continuous_backups(
    ctx: Ctx,
    input: Arc<DescribeContinuousBackupsInput>,
) -> Result<DescribeContinuousBackupsOutput, DynamoError> {
    let (address, record) = find::known(&ctx, &input.table_name)?;
    let record = record.ok_or(DynamoError::TableNotFound(address.name))?;
    let description = described(&record, ctx.now());
    Ok(DescribeContinuousBackupsOutput { continuous_backups_description: Some(description) })
}

fn described(table: &TableRecord, now: Timestamp) -> ContinuousBackupsDescription {
    let recovery = match &table.history {
        None => PointInTimeRecoveryDescription {
            point_in_time_recovery_status: Some(PointInTimeRecoveryStatus::Disabled),
            ..PointInTimeRecoveryDescription::default()
        },
        Some(history) => PointInTimeRecoveryDescription {
            point_in_time_recovery_status: Some(PointInTimeRecoveryStatus::Enabled),
            recovery_period_in_days: i32::try_from(history.days).ok(),
            earliest_restorable_date_time: Some(history::earliest(history, now)),
            latest_restorable_date_time: Some(now),
        },
    };
    ContinuousBackupsDescription {
        continuous_backups_status: ContinuousBackupsStatus::Enabled,
        point_in_time_recovery_description: Some(recovery),
    }
}
