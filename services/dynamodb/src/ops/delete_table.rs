//! DeleteTable: the table and all it holds go in one small commit; its rows are swept afterwards.

use crate::copy;
use crate::describe::{self, Counts};
use crate::errors::DynamoError;
use crate::find::{self, Address};
use crate::ops::backups;
use crate::state;
use crate::statistics::{Count, Statistics};
use crate::streams;
use model_dynamodb::{DeleteTableInput, DeleteTableOutput, TableStatus};
use service::{Ctx, Heads};
use std::sync::Arc;

/// DeleteTable.
pub async fn delete_table(ctx: Ctx, input: Arc<DeleteTableInput>) -> Result<DeleteTableOutput, DynamoError> {
    let address = find::address(ctx.account(), ctx.region(), &input.table_name)?;
    let arn = describe::table_arn(&address.scope, &address.name);
    let arn = arn.ok_or(DynamoError::Corrupt("a table is in no region"))?;
    let count = held(&ctx, &address).await?;
    let (now, digits) = (ctx.now(), ctx.host().entropy.hex(8));
    let (scope, name) = (address.scope.clone(), address.name);
    let record = ctx
        .commit(move |tx| {
            let record = state::table(tx, &scope, &name)?;
            let mut record = record.ok_or_else(|| DynamoError::NoSuchTable(name.clone()))?;
            match describe::status(&record, now) {
                TableStatus::Active => {}
                TableStatus::Creating => {
                    return Err(DynamoError::InUse(format!(
                        "Attempt to change a resource which is still in use: Table is being created: {name}"
                    )));
                }
                _ => {
                    return Err(DynamoError::InUse(format!(
                        "Attempt to change a resource which is still in use: Table is being updated: {name}"
                    )));
                }
            }
            if record.protected {
                return Err(DynamoError::invalid(
                    "Resource cannot be deleted as it is currently protected against deletion. Disable \
                     deletion protection first.",
                ));
            }
            streams::close(tx, &scope, &mut record, now)?;
            if record.history.is_some() {
                backups::keep_deleted(tx, &scope, &record, (&digits, count, now))?;
                state::remove_but_rows(tx, &scope, &record)?;
            } else {
                state::remove_table(tx, &scope, &record)?;
            }
            tx.remove_head(&arn)?;
            Ok(record)
        })
        .await?;
    let incarnations = record.indexes.iter().map(|index| index.incarnation).chain([record.incarnation]);
    incarnations.for_each(|incarnation| ctx.part::<Statistics>().forget(incarnation));
    let mut description = describe::table(&address.scope, &record, TableStatus::Deleting, &Counts::default());
    description.global_secondary_indexes = None;
    description.local_secondary_indexes = None;
    description.attribute_definitions = None;
    description.key_schema = None;
    description.creation_date_time = None;
    Ok(DeleteTableOutput { table_description: Some(description) })
}

/// What a table holds whose rows are to be kept as a backup.
async fn held(ctx: &Ctx, address: &Address) -> Result<Count, DynamoError> {
    match state::table(&ctx.read(), &address.scope, &address.name)?.filter(|table| table.history.is_some()) {
        Some(table) => copy::count(ctx, &ctx.read(), &address.scope, table.incarnation).await,
        None => Ok(Count::default()),
    }
}
