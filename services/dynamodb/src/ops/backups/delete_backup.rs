//! DeleteBackup, and the end of backups that go by themselves.

use crate::backup;
use crate::errors::DynamoError;
use crate::state::backups::{self, BackupRecord};
use bytes::Bytes;
use model_dynamodb::{BackupStatus, DeleteBackupInput, DeleteBackupOutput};
use names::{Scope, Timestamp};
use schema::ApiError;
use service::{Ctx, TimerHandler};
use std::sync::Arc;
use store::{Fault, Timer, Tx};

const EXPIRE: &str = "dynamodb/backup";

/// DeleteBackup.
pub async fn delete_backup(
    ctx: Ctx,
    input: Arc<DeleteBackupInput>,
) -> Result<DeleteBackupOutput, DynamoError> {
    let region = ctx.region().clone();
    let (scope, backup) = ctx
        .commit(move |tx| {
            let (scope, backup) = backup::found(tx, &region, &input.backup_arn)?;
            if backup.expires.is_some() {
                return Err(DynamoError::invalid("System backups cannot be deleted"));
            }
            if backup.count.is_none() {
                return Err(DynamoError::BackupInUse(input.backup_arn.clone()));
            }
            backups::remove_backup(tx, &scope, &backup)?;
            Ok::<_, DynamoError>((scope, backup))
        })
        .await?;
    let mut description = backup::description(&scope, &backup)?;
    description.backup_details.iter_mut().for_each(|details| details.backup_status = BackupStatus::Deleted);
    Ok(DeleteBackupOutput { backup_description: Some(description) })
}

/// The timer that ends backups.
pub fn handler() -> TimerHandler {
    TimerHandler { kind: EXPIRE, fire: expire }
}

/// Sees to it that a backup goes at a moment.
///
/// # Errors
/// The store's.
pub fn expire_at(tx: &mut Tx, scope: &Scope, backup: &BackupRecord, due: Timestamp) -> Result<(), Fault> {
    let timer = Timer {
        kind: EXPIRE.to_owned(),
        due,
        scope: scope.clone(),
        key: Bytes::copy_from_slice(backup.table.as_bytes()),
        payload: Bytes::copy_from_slice(backup.id.as_bytes()),
    };
    tx.schedule(&timer).map(drop)
}

fn expire(tx: &mut Tx, timer: &Timer) -> Result<(), ApiError> {
    let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
    let end = |tx: &mut Tx| -> Result<(), DynamoError> {
        match backups::backup(tx, &timer.scope, &text(&timer.key), &text(&timer.payload))? {
            Some(backup) => Ok(backups::remove_backup(tx, &timer.scope, &backup)?),
            None => Ok(()),
        }
    };
    Ok(end(tx)?)
}
