//! PutRetentionPolicy and DeleteRetentionPolicy. What has expired is not answered any more at once; its
//! rows go within a day of virtual time.

use crate::errors::LogsError;
use crate::rules;
use crate::state::{self, GroupClass};
use crate::timers;
use model_logs::{DeleteRetentionPolicyInput, PutRetentionPolicyInput};
use schema::Unit;
use service::Ctx;
use std::sync::Arc;

/// PutRetentionPolicy.
pub async fn put(ctx: Ctx, input: Arc<PutRetentionPolicyInput>) -> Result<Unit, LogsError> {
    let (scope, now) = (ctx.scope(), ctx.now());
    let days = rules::retention_days(input.retention_in_days)?;
    ctx.commit(move |tx| {
        let mut group = state::group(tx, &scope, &input.log_group_name)?.ok_or(LogsError::GroupNotFound)?;
        fixed(group.class)?;
        group.retention_days = Some(days);
        if group.sweep.is_none() {
            let due = now.plus_millis(rules::DAY_MS);
            group.sweep = Some(timers::schedule_retention(tx, &scope, &group, "", due)?);
        }
        state::put_group(tx, &scope, &group)?;
        Ok(Unit)
    })
    .await
}

/// DeleteRetentionPolicy.
pub async fn delete(ctx: Ctx, input: Arc<DeleteRetentionPolicyInput>) -> Result<Unit, LogsError> {
    let scope = ctx.scope();
    ctx.commit(move |tx| {
        let mut group = state::group(tx, &scope, &input.log_group_name)?.ok_or(LogsError::GroupNotFound)?;
        fixed(group.class)?;
        group.retention_days = None;
        if let Some(sweep) = group.sweep.take() {
            tx.cancel(&sweep)?;
        }
        state::put_group(tx, &scope, &group)?;
        Ok(Unit)
    })
    .await
}

/// The retention of the delivery class is the class's own.
fn fixed(class: GroupClass) -> Result<(), LogsError> {
    match class {
        GroupClass::Delivery => {
            Err(LogsError::invalid("The retention of log groups in the DELIVERY class cannot be changed."))
        }
        GroupClass::Standard | GroupClass::InfrequentAccess => Ok(()),
    }
}
