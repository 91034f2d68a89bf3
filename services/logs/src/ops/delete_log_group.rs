//! DeleteLogGroup: the name is free at once; streams and events are swept afterwards.

use crate::errors::LogsError;
use crate::state::{self, filters};
use crate::timers;
use model_logs::DeleteLogGroupInput;
use schema::Unit;
use service::{Ctx, Heads};
use std::sync::Arc;

/// DeleteLogGroup.
pub async fn delete_log_group(ctx: Ctx, input: Arc<DeleteLogGroupInput>) -> Result<Unit, LogsError> {
    let (scope, now) = (ctx.scope(), ctx.now());
    ctx.commit(move |tx| {
        let group = state::group(tx, &scope, &input.log_group_name)?.ok_or(LogsError::GroupNotFound)?;
        if let Some(sweep) = &group.sweep {
            tx.cancel(sweep)?;
        }
        filters::remove_all(tx, &scope, &group.name)?;
        state::remove_group(tx, &scope, &group)?;
        tx.remove_head(&state::arn(&scope, &group.name))?;
        timers::schedule_erasure(tx, &scope, group.incarnation, now)?;
        Ok(Unit)
    })
    .await
}
