//! CreateBackup: the rows of a table as they are now, kept apart from it.

use crate::backup;
use crate::copy::Source;
use crate::errors::DynamoError;
use crate::jobs;
use crate::ops::backups::delete_backup::expire_at;
use crate::state::backups::{self, BackupRecord, Frozen, Job};
use crate::state::{self, TableRecord};
use crate::statistics::Count;
use crate::{describe, find};
use model_dynamodb::{CreateBackupInput, CreateBackupOutput, TableStatus};
use names::{Scope, Timestamp};
use service::Ctx;
use std::sync::Arc;
use store::{Fault, Tx};

/// How long a backup is kept that was made as its table was deleted.
const DELETED_MS: i64 = 35 * 86_400_000;

/// CreateBackup.
pub async fn create_backup(
    ctx: Ctx,
    input: Arc<CreateBackupInput>,
) -> Result<CreateBackupOutput, DynamoError> {
    let address = find::address(ctx.account(), ctx.region(), &input.table_name)?;
    let (now, id) = (ctx.now(), backup::new_id(ctx.now(), &ctx.host().entropy.hex(8)));
    let name = input.backup_name.clone();
    let scope = address.scope.clone();
    let starting = jobs::starting(&ctx).await;
    let (number, backup) = ctx
        .commit(move |tx| {
            let table = state::table(tx, &address.scope, &address.name)?;
            let table = table.ok_or_else(|| DynamoError::TableNotFound(address.name.clone()))?;
            if describe::status(&table, now) == TableStatus::Creating {
                let name = &address.name;
                return Err(DynamoError::InUse(format!("Table is being created: {name}")));
            }
            let backup = BackupRecord {
                table: address.name.clone(),
                id: id.clone(),
                name: name.clone(),
                created: now,
                record: Frozen::of(&table)?,
                rows: tx.fresh_incarnation()?,
                count: None,
                expires: None,
            };
            backups::put_backup(tx, &address.scope, &backup)?;
            let job = Job::Backup(backup.table.clone(), backup.id.clone());
            Ok((backups::put_job(tx, &address.scope, &job)?, backup))
        })
        .await?;
    let rows = backup.record.record()?.incarnation;
    let source = Source { read: ctx.read(), scope: scope.clone(), rows, back: None };
    let job = Job::Backup(backup.table.clone(), backup.id.clone());
    let is_small = source.is_small()?;
    drop(source);
    jobs::start(&ctx, starting, vec![(number, scope.clone(), job)], is_small).await?;
    let made = backups::backup(&ctx.read(), &scope, &backup.table, &backup.id)?.unwrap_or(backup);
    Ok(CreateBackupOutput { backup_details: Some(backup::details(&scope, &made)) })
}

/// Keeps the rows of a table that is deleted as a backup, where it could be restored to any moment.
///
/// # Errors
/// The store's.
pub fn keep_deleted(
    tx: &mut Tx,
    scope: &Scope,
    table: &TableRecord,
    (digits, count, now): (&str, Count, Timestamp),
) -> Result<(), Fault> {
    let expires = now.plus_millis(DELETED_MS);
    let backup = BackupRecord {
        table: table.name.clone(),
        id: backup::new_id(now, digits),
        name: format!("{}$DeletedTableBackup", table.name),
        created: now,
        record: Frozen::of(table)?,
        rows: table.incarnation,
        count: Some(count),
        expires: Some(expires),
    };
    backups::put_backup(tx, scope, &backup)?;
    expire_at(tx, scope, &backup, expires)
}
