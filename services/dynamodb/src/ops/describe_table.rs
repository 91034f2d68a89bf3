//! DescribeTable.

use crate::describe::{self, Counts};
use crate::errors::DynamoError;
use crate::find;
use model_dynamodb::{DescribeTableInput, DescribeTableOutput};
use service::Ctx;
use std::sync::Arc;

/// DescribeTable.
pub async fn describe_table(
    ctx: Ctx,
    input: Arc<DescribeTableInput>,
) -> Result<DescribeTableOutput, DynamoError> {
    let (address, record) = find::known(&ctx, &input.table_name)?;
    let record = record.ok_or_else(|| DynamoError::NoSuchTable(address.name.clone()))?;
    let counts = Counts::known(&ctx, &address.scope, &record).await?;
    let status = describe::status(&record, ctx.now());
    Ok(DescribeTableOutput { table: Some(describe::table(&address.scope, &record, status, &counts)) })
}
