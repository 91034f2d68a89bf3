//! CreateLogStream.

use crate::errors::LogsError;
use crate::state::{self, Group, Stream};
use model_logs::CreateLogStreamInput;
use names::{Scope, Timestamp};
use schema::Unit;
use service::Ctx;
use std::sync::Arc;
use store::{Fault, Tx};

/// CreateLogStream.
pub async fn create_log_stream(ctx: Ctx, input: Arc<CreateLogStreamInput>) -> Result<Unit, LogsError> {
    let (scope, now) = (ctx.scope(), ctx.now());
    ctx.commit(move |tx| {
        let group = state::group(tx, &scope, &input.log_group_name)?.ok_or(LogsError::GroupNotFound)?;
        if state::stream(tx, &scope, group.incarnation, &input.log_stream_name)?.is_some() {
            return Err(LogsError::StreamExists);
        }
        create(tx, &scope, &group, &input.log_stream_name, now)?;
        Ok(Unit)
    })
    .await
}

/// Makes a stream.
pub fn create(
    tx: &mut Tx,
    scope: &Scope,
    group: &Group,
    name: &str,
    now: Timestamp,
) -> Result<Stream, Fault> {
    let stream = Stream {
        incarnation: tx.fresh_incarnation()?,
        name: name.to_owned(),
        created: now,
        first_event: None,
        last_event: None,
        last_ingestion: None,
        bytes: 0,
    };
    state::add_stream(tx, scope, group.incarnation, &stream)?;
    Ok(stream)
}
