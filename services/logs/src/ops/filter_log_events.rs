//! FilterLogEvents: the events of a group's streams in the order of time, by a filter pattern. A page ends
//! at its limit, at 1 MiB, or when enough was looked at; without a token nothing is left.

use crate::errors::LogsError;
use crate::merge::{self, Merge};
use crate::policy::OfGroup;
use crate::rules::pattern::Pattern;
use crate::rules::{EVENT_OVERHEAD_BYTES, EVENTS_PAGE, PAGE_BYTES, event_ids};
use crate::state::{self, Event, Group, Position, Stream, Stretch};
use model_logs::{FilterLogEventsInput, FilterLogEventsOutput, FilteredLogEvent};
use names::{Scope, Timestamp};
use schema::ApiError;
use service::Ctx;
use std::sync::Arc;
use store::{Fault, Snapshot};

/// Events, and bytes of them, looked at for one page where few of them match.
const LOOKED_AT_EVENTS: usize = 50_000;
const LOOKED_AT_BYTES: usize = 16 * 1024 * 1024;

/// FilterLogEvents.
pub async fn filter_log_events(
    ctx: Ctx,
    input: Arc<FilterLogEventsInput>,
) -> Result<FilterLogEventsOutput, ApiError> {
    let (scope, read, now) = (ctx.scope(), ctx.read(), ctx.now());
    if input.log_stream_names.is_some() && input.log_stream_name_prefix.is_some() {
        let message = "logStreamNames and logStreamNamePrefix are mutually exclusive parameters.";
        return Err(LogsError::invalid(message).into());
    }
    let pattern = Pattern::parse(input.filter_pattern.as_deref().unwrap_or_default())
        .map_err(|malformed| LogsError::invalid(malformed.to_string()))?;
    let group = state::group(&read, &scope, input.group()?).map_err(LogsError::from)?;
    let group = group.ok_or(LogsError::GroupNotFound)?;

    let filter = format!(
        "{} {:?} {:?} {:?}",
        group.incarnation.0, input.filter_pattern, input.log_stream_names, input.log_stream_name_prefix
    );
    let after = match &input.next_token {
        Some(token) => {
            let position = ctx.page_position(&filter, token);
            let position = position.and_then(|bytes| Position::from_bytes(&bytes));
            Some(position.ok_or_else(|| LogsError::invalid("The specified nextToken is invalid."))?)
        }
        None => None,
    };
    let stretch = Stretch {
        from: input.start_time.map(Timestamp).max(group.expired_before(now)),
        to: input.end_time.map(|end| merge::after(Timestamp(end))),
        after,
        ..Stretch::default()
    };
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(EVENTS_PAGE);
    let page = ctx
        .compute(move || {
            let streams = searched(&read, &scope, &group, &input)?;
            let merge = Merge::new(&read, scope, &streams, stretch);
            Ok::<_, LogsError>(search(merge, &pattern, limit)?)
        })
        .await??;
    Ok(FilterLogEventsOutput {
        events: Some(page.events),
        searched_log_streams: Some(Vec::new()),
        next_token: page.goes_on_after.map(|last| ctx.page_token(&filter, &last.to_bytes())),
    })
}

/// The streams that are searched.
fn searched(
    read: &Snapshot,
    scope: &Scope,
    group: &Group,
    input: &FilterLogEventsInput,
) -> Result<Vec<Stream>, LogsError> {
    let Some(names) = &input.log_stream_names else {
        let prefix = input.log_stream_name_prefix.as_deref().unwrap_or_default();
        let streams = state::streams(read, scope, group.incarnation, (prefix, None), false);
        return Ok(streams.collect::<Result<_, _>>()?);
    };
    let distinct: std::collections::BTreeSet<&String> = names.iter().collect();
    let mut streams = Vec::with_capacity(distinct.len());
    for name in distinct {
        let stream = state::stream(read, scope, group.incarnation, name)?;
        streams.push(stream.ok_or(LogsError::StreamNotFound)?);
    }
    Ok(streams)
}

#[derive(Default)]
struct Page {
    events: Vec<FilteredLogEvent>,
    goes_on_after: Option<Position>,
}

fn search(mut merge: Merge<'_>, pattern: &Pattern, limit: usize) -> Result<Page, Fault> {
    let mut page = Page::default();
    let (mut looked, mut looked_bytes, mut bytes) = (0, 0, 0);
    while let Some(next) = merge.next().transpose()? {
        let (stream, event) = next;
        let (last, size) = (event.position, event.message.len() + EVENT_OVERHEAD_BYTES);
        looked += 1;
        looked_bytes += size;
        if pattern.matches(&event.message) {
            bytes += size;
            page.events.push(answered(stream, event));
        }
        let full = page.events.len() == limit || bytes >= PAGE_BYTES;
        if full || looked == LOOKED_AT_EVENTS || looked_bytes >= LOOKED_AT_BYTES {
            page.goes_on_after = Some(last).filter(|_| merge.may_go_on());
            break;
        }
    }
    Ok(page)
}

fn answered(stream: &Stream, event: Event) -> FilteredLogEvent {
    FilteredLogEvent {
        log_stream_name: Some(stream.name.clone()),
        timestamp: Some(event.position.at.millis()),
        ingestion_time: Some(event.ingested.millis()),
        event_id: Some(event_ids::of(&event.position)),
        message: Some(event.message),
    }
}
