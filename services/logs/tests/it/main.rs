//! The room through the whole pipeline, on a virtual clock.

mod events;
mod filters;
mod groups;
mod retention;
mod search;
mod sink;

use model_logs::operations as of;
use model_logs::{
    CreateLogGroupInput, CreateLogStreamInput, FilterLogEventsInput, InputLogEvent, PutLogEventsInput,
    PutLogEventsOutput,
};
use testkit::{Region, START};

/// A region with a group `g` and a stream `s` in it.
async fn region() -> Region {
    let region = Region::of(vec![logs::service()]).await;
    let group = CreateLogGroupInput { log_group_name: "g".into(), ..Default::default() };
    region.call::<of::CreateLogGroup>(group).await.unwrap();
    stream(&region, "s").await;
    region
}

async fn stream(region: &Region, name: &str) {
    let input = CreateLogStreamInput { log_group_name: "g".into(), log_stream_name: name.into() };
    region.call::<of::CreateLogStream>(input).await.unwrap();
}

/// Events of a stream: milliseconds after the start, and messages.
fn batch(stream: &str, events: &[(i64, &str)]) -> PutLogEventsInput {
    let events = events.iter().map(|(after, message)| InputLogEvent {
        timestamp: START.millis() + after,
        message: (*message).to_owned(),
    });
    PutLogEventsInput {
        log_group_name: "g".into(),
        log_stream_name: stream.into(),
        log_events: events.collect(),
        ..Default::default()
    }
}

async fn put(region: &Region, stream: &str, events: &[(i64, &str)]) -> PutLogEventsOutput {
    region.call::<of::PutLogEvents>(batch(stream, events)).await.unwrap()
}

/// A search over the group.
fn search() -> FilterLogEventsInput {
    FilterLogEventsInput { log_group_name: Some("g".into()), ..Default::default() }
}

async fn found(region: &Region, input: FilterLogEventsInput) -> Vec<String> {
    let output = region.call::<of::FilterLogEvents>(input).await.unwrap();
    output.events.unwrap().into_iter().filter_map(|event| event.message).collect()
}
