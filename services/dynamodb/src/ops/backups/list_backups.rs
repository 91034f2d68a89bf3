//! ListBackups: backups of all tables or of one, of a kind, made in a time, a page at a time.

use crate::backup::{self, Part};
use crate::errors::DynamoError;
use crate::find;
use crate::state::backups::{self, BackupRecord};
use model_dynamodb::{BackupTypeFilter, ListBackupsInput, ListBackupsOutput};
use service::Ctx;
use std::sync::Arc;

/// The longest page, and the one that is given unasked.
const MAX_PAGE: i32 = 100;

/// ListBackups.
pub async fn list_backups(ctx: Ctx, input: Arc<ListBackupsInput>) -> Result<ListBackupsOutput, DynamoError> {
    let bounds = (input.time_range_lower_bound, input.time_range_upper_bound);
    if bounds.0.zip(bounds.1).is_some_and(|(low, high)| low > high) {
        return Err(DynamoError::invalid("Time range lower bound must be less than or equal to upper bound"));
    }
    let limit = usize::try_from(input.limit.unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE)).unwrap_or(1);
    let table = input.table_name.as_deref().map(|name| find::address(ctx.account(), ctx.region(), name));
    let table = table.transpose()?.map(|address| address.name);
    let after = input.exclusive_start_backup_arn.as_deref().map(|arn| {
        let invalid = || DynamoError::invalid(format!("Invalid ExclusiveStartBackupArn: {arn}"));
        Part::of(arn, ctx.region(), "backup").ok_or_else(invalid)
    });
    let after = after.transpose()?.map(|part| (part.table, part.id));
    let (scope, read) = (ctx.scope(), ctx.read());
    let (mut summaries, mut last) = (Vec::new(), None);
    for backup in backups::backups(&read, &scope, table.as_ref(), after.as_ref()) {
        let backup = backup?;
        if !is_wanted(&input, &backup) {
            continue;
        }
        if summaries.len() == limit {
            last = summaries
                .last()
                .and_then(|summary: &model_dynamodb::BackupSummary| summary.backup_arn.clone());
            break;
        }
        summaries.push(backup::summary(&scope, &backup)?);
    }
    Ok(ListBackupsOutput { backup_summaries: Some(summaries), last_evaluated_backup_arn: last })
}

fn is_wanted(input: &ListBackupsInput, backup: &BackupRecord) -> bool {
    let is_system = backup.expires.is_some();
    let of_kind = match &input.backup_type {
        Some(BackupTypeFilter::All) => true,
        None | Some(BackupTypeFilter::User) => !is_system,
        Some(BackupTypeFilter::System) => is_system,
        Some(BackupTypeFilter::AwsBackup | BackupTypeFilter::Other(_)) => false,
    };
    of_kind
        && input.time_range_lower_bound.is_none_or(|low| backup.created >= low)
        && input.time_range_upper_bound.is_none_or(|high| backup.created < high)
}
