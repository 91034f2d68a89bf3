//! DeleteLogStream.

use crate::errors::LogsError;
use crate::state;
use model_logs::DeleteLogStreamInput;
use schema::Unit;
use service::Ctx;
use std::sync::Arc;

/// DeleteLogStream.
pub async fn delete_log_stream(ctx: Ctx, input: Arc<DeleteLogStreamInput>) -> Result<Unit, LogsError> {
    let scope = ctx.scope();
    ctx.commit(move |tx| {
        let group = state::group(tx, &scope, &input.log_group_name)?.ok_or(LogsError::GroupNotFound)?;
        let stream = state::stream(tx, &scope, group.incarnation, &input.log_stream_name)?;
        let stream = stream.ok_or(LogsError::StreamNotFound)?;
        state::remove_stream(tx, &scope, group.incarnation, &stream)?;
        Ok(Unit)
    })
    .await
}
