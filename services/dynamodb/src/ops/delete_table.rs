//! DeleteTable: the table and all it holds go in one small commit; its rows are swept afterwards.

use crate::describe::{self, Counts};
use crate::errors::DynamoError;
use crate::find;
use crate::state;
use crate::statistics::Statistics;
use crate::streams;
use model_dynamodb::{DeleteTableInput, DeleteTableOutput, TableStatus};
use service::{Ctx, Heads};
use std::sync::Arc;

/// DeleteTable.
pub async fn delete_table(ctx: Ctx, input: Arc<DeleteTableInput>) -> Result<DeleteTableOutput, DynamoError> {
    let address = find::address(ctx.account(), ctx.region(), &input.table_name)?;
    let arn = describe::table_arn(&address.scope, &address.name);
    let arn = arn.ok_or(DynamoError::Corrupt("a table is in no region"))?;
    let (now, scope, name) = (ctx.now(), address.scope.clone(), address.name);
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
            state::remove_table(tx, &scope, &record)?;
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
