//! GetLogEvents: the events of one stream, a page at a time, forwards or backwards. Both tokens are always
//! answered; at either end the same token comes back, and finds what is written later.

use crate::errors::LogsError;
use crate::policy::OfGroup;
use crate::rules::{EVENT_OVERHEAD_BYTES, EVENTS_PAGE, PAGE_BYTES};
use crate::state::{self, Event, Group, Position, Stream, Stretch};
use model_logs::{GetLogEventsInput, GetLogEventsOutput, OutputLogEvent};
use names::{Scope, Timestamp};
use schema::ApiError;
use service::Ctx;
use std::sync::Arc;
use store::{Fault, Snapshot};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Forward,
    Backward,
}

impl Direction {
    fn mark(self) -> &'static str {
        match self {
            Direction::Forward => "f/",
            Direction::Backward => "b/",
        }
    }
}

/// GetLogEvents.
pub async fn get_log_events(ctx: Ctx, input: Arc<GetLogEventsInput>) -> Result<GetLogEventsOutput, ApiError> {
    let (scope, read, now) = (ctx.scope(), ctx.read(), ctx.now());
    let (group, stream) = found(&read, &scope, &input)?;
    let filter = stream.incarnation.0.to_string();
    let token = match &input.next_token {
        Some(token) => Some(opened(&ctx, &filter, token)?),
        None => None,
    };
    let direction = match token {
        Some((direction, _)) => direction,
        None if input.start_from_head == Some(true) => Direction::Forward,
        None => Direction::Backward,
    };
    let start = input.start_time.map(Timestamp).max(group.expired_before(now));
    let position = token.map(|(_, position)| position);
    let stretch = Stretch {
        from: start,
        to: input.end_time.map(Timestamp),
        after: position.filter(|_| direction == Direction::Forward),
        before: position.filter(|_| direction == Direction::Backward),
        reversed: direction == Direction::Backward,
    };
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(EVENTS_PAGE);
    let events = ctx
        .compute(move || page(&read, &scope, stream.incarnation, stretch, limit))
        .await?
        .map_err(LogsError::from)?;

    // Nothing found: the place stays where it was, or where the range begins.
    let stay = position.unwrap_or_else(|| Position::start_of(start.unwrap_or_default()));
    let sealed = |direction: Direction, event: Option<&Event>| {
        let position = event.map_or(stay, |event| event.position);
        Some(format!("{}{}", direction.mark(), ctx.page_token(&filter, &position.to_bytes())))
    };
    Ok(GetLogEventsOutput {
        next_forward_token: sealed(Direction::Forward, events.last()),
        next_backward_token: sealed(Direction::Backward, events.first()),
        events: Some(events.into_iter().map(answered).collect()),
    })
}

fn found(read: &Snapshot, scope: &Scope, input: &GetLogEventsInput) -> Result<(Group, Stream), LogsError> {
    let group = state::group(read, scope, input.group()?)?.ok_or(LogsError::GroupNotFound)?;
    let stream = state::stream(read, scope, group.incarnation, &input.log_stream_name)?;
    Ok((group, stream.ok_or(LogsError::StreamNotFound)?))
}

fn opened(ctx: &Ctx, filter: &str, token: &str) -> Result<(Direction, Position), LogsError> {
    let marks = [Direction::Forward, Direction::Backward].into_iter();
    let place = marks.filter_map(|direction| Some((direction, token.strip_prefix(direction.mark())?))).next();
    place
        .and_then(|(direction, sealed)| {
            let position = ctx.page_position(filter, sealed)?;
            Some((direction, Position::from_bytes(&position)?))
        })
        .ok_or_else(|| LogsError::invalid("The specified nextToken is invalid."))
}

/// The events of a page, the earliest first.
fn page(
    read: &Snapshot,
    scope: &Scope,
    stream: store::Incarnation,
    stretch: Stretch,
    limit: usize,
) -> Result<Vec<Event>, Fault> {
    let mut events = Vec::new();
    let mut bytes = 0;
    for event in state::events(read, scope, stream, stretch).take(limit) {
        let event = event?;
        bytes += event.message.len() + EVENT_OVERHEAD_BYTES;
        if bytes > PAGE_BYTES && !events.is_empty() {
            break;
        }
        events.push(event);
    }
    if stretch.reversed {
        events.reverse();
    }
    Ok(events)
}

fn answered(event: Event) -> OutputLogEvent {
    OutputLogEvent {
        timestamp: Some(event.position.at.millis()),
        message: Some(event.message),
        ingestion_time: Some(event.ingested.millis()),
    }
}
