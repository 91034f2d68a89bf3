//! PutLogEvents: appends a batch; what is too old or too new is left out and told.

use crate::append::{NewEvent, append};
use crate::errors::LogsError;
use crate::rules::{self, batch};
use crate::state;
use crate::watch::{self, Written};
use model_logs::{PutLogEventsInput, PutLogEventsOutput, RejectedLogEventsInfo};
use names::Timestamp;
use service::Ctx;
use std::sync::Arc;

/// PutLogEvents. Sequence tokens are neither needed nor looked at.
pub async fn put_log_events(
    ctx: Ctx,
    input: Arc<PutLogEventsInput>,
) -> Result<PutLogEventsOutput, LogsError> {
    let (scope, now) = (ctx.scope(), ctx.now());
    let times: Vec<Timestamp> = input.log_events.iter().map(|event| Timestamp(event.timestamp)).collect();
    batch::check(input.log_events.iter().map(|event| (Timestamp(event.timestamp), event.message.len())))?;
    let events: Arc<Vec<NewEvent>> = Arc::new(
        input
            .log_events
            .iter()
            .map(|event| NewEvent { at: Timestamp(event.timestamp), message: event.message.clone() })
            .collect(),
    );
    let seen = watch::look(ctx.host(), &scope, &input.log_group_name, &events).await?;

    let (stream, taken) = ctx
        .commit(move |tx| {
            let group = state::group(tx, &scope, &input.log_group_name)?.ok_or(LogsError::GroupNotFound)?;
            let stream = state::stream(tx, &scope, group.incarnation, &input.log_stream_name)?;
            let stream = stream.ok_or(LogsError::StreamNotFound)?;
            let taken = batch::taken(&times, now, group.expired_before(now))?;
            if !taken.range.is_empty() {
                let range = taken.range.clone();
                let batch = append(tx, &scope, (&group, &stream), events[range.clone()].iter(), now)?;
                let (scope, group, stream, events) = (&scope, &group.name, &stream, &events[..]);
                seen.keep(tx, &Written { scope, group, stream, events, range, batch, now })?;
            }
            Ok::<_, LogsError>((stream.incarnation, taken))
        })
        .await?;
    let index = |at: Option<usize>| at.and_then(|at| i32::try_from(at).ok());
    Ok(PutLogEventsOutput {
        next_sequence_token: Some(rules::sequence_token(stream.0)),
        rejected_log_events_info: taken.rejected_any().then(|| RejectedLogEventsInfo {
            too_new_log_event_start_index: index(taken.too_new_from),
            too_old_log_event_end_index: index(taken.too_old_to),
            expired_log_event_end_index: index(taken.expired_to),
        }),
        rejected_entity_info: None,
    })
}
