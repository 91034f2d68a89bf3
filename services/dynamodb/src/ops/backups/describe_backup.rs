//! DescribeBackup.

use crate::backup;
use crate::errors::DynamoError;
use model_dynamodb::{DescribeBackupInput, DescribeBackupOutput};
use service::Ctx;
use std::sync::Arc;

/// DescribeBackup.
pub async fn describe_backup(
    ctx: Ctx,
    input: Arc<DescribeBackupInput>,
) -> Result<DescribeBackupOutput, DynamoError> {
    let (scope, backup) = backup::found(&ctx.read(), ctx.region(), &input.backup_arn)?;
    Ok(DescribeBackupOutput { backup_description: Some(backup::description(&scope, &backup)?) })
}
