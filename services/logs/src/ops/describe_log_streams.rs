//! DescribeLogStreams: in the order of names or of latest events.

use crate::errors::LogsError;
use crate::policy::OfGroup;
use crate::rules::{self, DESCRIBE_PAGE};
use crate::state::{self, Group, Stream};
use model_logs::{DescribeLogStreamsInput, DescribeLogStreamsOutput, LogStream, OrderBy};
use names::{Scope, Timestamp};
use service::Ctx;
use std::sync::Arc;
use store::{Fault, Snapshot};

/// DescribeLogStreams.
pub async fn describe_log_streams(
    ctx: Ctx,
    input: Arc<DescribeLogStreamsInput>,
) -> Result<DescribeLogStreamsOutput, LogsError> {
    let (scope, read) = (ctx.scope(), ctx.read());
    let by_time = input.order_by == Some(OrderBy::LastEventTime);
    if by_time && input.log_stream_name_prefix.is_some() {
        return Err(LogsError::invalid("Cannot order by LastEventTime with a logStreamNamePrefix."));
    }
    let name = input.group()?;
    let group = state::group(&read, &scope, name)?.ok_or(LogsError::GroupNotFound)?;
    let prefix = input.log_stream_name_prefix.as_deref().unwrap_or_default();
    let descending = input.descending == Some(true);
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(DESCRIBE_PAGE);

    let filter = format!("{} {prefix:?} {by_time} {descending}", group.incarnation.0);
    let beyond = match &input.next_token {
        Some(token) => {
            let position = ctx.page_position(&filter, token).and_then(|bytes| place(&bytes));
            Some(position.ok_or_else(|| LogsError::invalid("The specified nextToken is invalid."))?)
        }
        None => None,
    };
    let mut streams = if by_time {
        by_latest_event(&read, &scope, &group, beyond, (descending, limit + 1))?
    } else {
        let beyond = beyond.map(|(_, name)| name);
        state::streams(&read, &scope, group.incarnation, (prefix, beyond), descending)
            .take(limit + 1)
            .collect::<Result<Vec<_>, _>>()?
    };
    let more = streams.len() > limit;
    streams.truncate(limit);
    let next_token = streams.last().filter(|_| more).map(|last| ctx.page_token(&filter, &place_bytes(last)));
    let arn = state::arn(&scope, &group.name).to_string();
    let streams = streams.into_iter().map(|stream| described(&arn, stream)).collect();
    Ok(DescribeLogStreamsOutput { log_streams: Some(streams), next_token })
}

fn by_latest_event(
    read: &Snapshot,
    scope: &Scope,
    group: &Group,
    beyond: Option<(Timestamp, String)>,
    (descending, limit): (bool, usize),
) -> Result<Vec<Stream>, Fault> {
    let mut streams = Vec::new();
    for row in state::streams_by_time(read, scope, group.incarnation, beyond, descending).take(limit) {
        let (_, name) = row?;
        streams.extend(state::stream(read, scope, group.incarnation, &name)?);
    }
    Ok(streams)
}

fn place_bytes(stream: &Stream) -> Vec<u8> {
    let at = stream.last_event.unwrap_or_default().millis().to_be_bytes();
    [&at[..], stream.name.as_bytes()].concat()
}

fn place(bytes: &[u8]) -> Option<(Timestamp, String)> {
    let (at, name) = bytes.split_first_chunk()?;
    Some((Timestamp(i64::from_be_bytes(*at)), String::from_utf8(name.to_vec()).ok()?))
}

fn described(group_arn: &str, stream: Stream) -> LogStream {
    LogStream {
        creation_time: Some(stream.created.millis()),
        first_event_timestamp: stream.first_event.map(Timestamp::millis),
        last_event_timestamp: stream.last_event.map(Timestamp::millis),
        last_ingestion_time: stream.last_ingestion.map(Timestamp::millis),
        upload_sequence_token: Some(rules::sequence_token(stream.incarnation.0)),
        arn: Some(format!("{group_arn}:log-stream:{}", stream.name)),
        // AWS has answered zero for streams since 2019; a group's sum is real.
        stored_bytes: Some(0),
        log_stream_name: Some(stream.name),
    }
}
