//! DeleteTable: the table and all it holds go in one small commit, at once or after its pace; its rows are swept
//! afterwards.

use crate::consistency;
use crate::copy;
use crate::describe::{self, Counts};
use crate::errors::DynamoError;
use crate::find::{self, Address};
use crate::ops::backups;
use crate::replicas;
use crate::state::{self, TableRecord};
use crate::statistics::{Count, Statistics};
use crate::streams;
use bytes::Bytes;
use model_dynamodb::{DeleteTableInput, DeleteTableOutput, TableStatus};
use names::{Scope, Timestamp};
use schema::ApiError;
use serde::{Deserialize, Serialize};
use service::{Ctx, Heads, Pace, TimerHandler};
use std::sync::Arc;
use store::{Fault, Timer, Tx};

/// How long AWS takes to delete a table.
const DELETION: Pace = Pace { aws_ms: 5_000 };

/// DeleteTable.
pub async fn delete_table(ctx: Ctx, input: Arc<DeleteTableInput>) -> Result<DeleteTableOutput, DynamoError> {
    let address = find::address(ctx.account(), ctx.region(), &input.table_name)?;
    let pace = i64::try_from(ctx.pace(DELETION).as_millis()).unwrap_or(i64::MAX);
    let last = Last { digits: ctx.host().entropy.hex(8), count: held(&ctx, &address).await? };
    let (now, scope, name) = (ctx.now(), address.scope.clone(), address.name);
    let record = ctx
        .commit(move |tx| {
            let record = state::table(tx, &scope, &name)?;
            let mut record = record.ok_or_else(|| DynamoError::NoSuchTable(name.clone()))?;
            let status = describe::status(&record, now);
            if status != TableStatus::Active {
                return Err(describe::in_use(&name, &status));
            }
            consistency::check_deletion(&record)?;
            if record.protected {
                return Err(DynamoError::invalid(
                    "Resource cannot be deleted as it is currently protected against deletion. Disable \
                     deletion protection first.",
                ));
            }
            if pace == 0 {
                remove(tx, &scope, &mut record.clone(), &last, now)?;
            } else {
                record.is_deleting = true;
                state::put_table(tx, &scope, &mut record)?;
                schedule(tx, &scope, &name, &last, now.plus_millis(pace))?;
            }
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

/// What is kept of a table that goes: the digits of its backup's id, and what it holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Last {
    digits: String,
    count: Count,
}

fn remove(
    tx: &mut Tx,
    scope: &Scope,
    record: &mut TableRecord,
    last: &Last,
    now: Timestamp,
) -> Result<(), Fault> {
    streams::close(tx, scope, record, now)?;
    replicas::leave_all(tx, scope, record)?;
    if record.history.is_some() {
        backups::keep_deleted(tx, scope, record, (&last.digits, last.count, now))?;
        state::remove_but_rows(tx, scope, record)?;
    } else {
        state::remove_table(tx, scope, record)?;
    }
    describe::table_arn(scope, &record.name).map_or(Ok(()), |arn| tx.remove_head(&arn))
}

const REMOVE: &str = "dynamodb/delete";

/// The timer that removes tables which are being deleted.
pub fn handler() -> TimerHandler {
    TimerHandler { kind: REMOVE, fire }
}

fn schedule(tx: &mut Tx, scope: &Scope, table: &str, last: &Last, due: Timestamp) -> Result<(), DynamoError> {
    let last = postcard::to_stdvec(last);
    let last = last.map_err(|_| DynamoError::Corrupt("a deletion cannot be written"))?;
    let timer = Timer {
        kind: REMOVE.to_owned(),
        due,
        scope: scope.clone(),
        key: Bytes::copy_from_slice(table.as_bytes()),
        payload: Bytes::from(last),
    };
    Ok(tx.schedule(&timer).map(drop)?)
}

fn fire(tx: &mut Tx, timer: &Timer) -> Result<(), ApiError> {
    let name = String::from_utf8_lossy(&timer.key).into_owned();
    let last = postcard::from_bytes(&timer.payload);
    let last: Last = last.map_err(|_| DynamoError::Corrupt("a deletion cannot be read"))?;
    let record = state::table(tx, &timer.scope, &name).map_err(DynamoError::from)?;
    let Some(mut record) = record.filter(|record| record.is_deleting) else { return Ok(()) };
    Ok(remove(tx, &timer.scope, &mut record, &last, timer.due).map_err(DynamoError::from)?)
}

/// What a table holds whose rows are to be kept as a backup.
async fn held(ctx: &Ctx, address: &Address) -> Result<Count, DynamoError> {
    match state::table(&ctx.read(), &address.scope, &address.name)?.filter(|table| table.history.is_some()) {
        Some(table) => copy::count(ctx, &ctx.read(), &address.scope, table.incarnation).await,
        None => Ok(Count::default()),
    }
}
