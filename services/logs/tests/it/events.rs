//! PutLogEvents and GetLogEvents.

use super::{batch, put, region};
use model_logs::operations as of;
use model_logs::*;
use testkit::Region;

const DAY_MS: i64 = 86_400_000;

fn get() -> GetLogEventsInput {
    GetLogEventsInput { log_group_name: Some("g".into()), log_stream_name: "s".into(), ..Default::default() }
}

struct Page {
    messages: Vec<String>,
    forward: Option<String>,
    backward: Option<String>,
}

async fn page(region: &Region, input: GetLogEventsInput) -> Page {
    let output = region.call::<of::GetLogEvents>(input).await.unwrap();
    Page {
        messages: output.events.unwrap().into_iter().filter_map(|event| event.message).collect(),
        forward: output.next_forward_token,
        backward: output.next_backward_token,
    }
}

#[tokio::test]
async fn events_are_read_in_the_order_of_their_times() {
    let region = region().await;
    put(&region, "s", &[(10, "c"), (20, "e")]).await;
    put(&region, "s", &[(0, "a"), (5, "b"), (10, "d")]).await;
    let output = region.call::<of::GetLogEvents>(get()).await.unwrap();
    let events = output.events.unwrap();
    let messages: Vec<_> = events.iter().filter_map(|event| event.message.as_deref()).collect();
    assert_eq!(messages, ["a", "b", "c", "d", "e"]);
    assert_eq!(events[0].timestamp, Some(testkit::START.millis()));
    assert_eq!(events[0].ingestion_time, Some(testkit::START.millis()));
}

#[tokio::test]
async fn pages_go_forwards_and_find_what_comes_later() {
    let region = region().await;
    put(&region, "s", &[(0, "a"), (1, "b"), (2, "c")]).await;
    let from_head = GetLogEventsInput { limit: Some(2), start_from_head: Some(true), ..get() };
    let first = page(&region, from_head.clone()).await;
    assert_eq!(first.messages, ["a", "b"]);
    assert!(first.forward.as_deref().unwrap().starts_with("f/"));
    assert!(first.backward.as_deref().unwrap().starts_with("b/"));

    let next = |token: &Option<String>| GetLogEventsInput { next_token: token.clone(), ..from_head.clone() };
    let second = page(&region, next(&first.forward)).await;
    assert_eq!(second.messages, ["c"]);
    // "If you have reached the end of the stream, it returns the same token you passed in."
    let end = page(&region, next(&second.forward)).await;
    assert_eq!((end.messages.len(), &end.forward), (0, &second.forward));
    put(&region, "s", &[(3, "d")]).await;
    assert_eq!(page(&region, next(&end.forward)).await.messages, ["d"]);
}

#[tokio::test]
async fn pages_go_backwards_from_the_latest() {
    let region = region().await;
    put(&region, "s", &[(0, "a"), (1, "b"), (2, "c")]).await;
    let latest = GetLogEventsInput { limit: Some(2), ..get() };
    let first = page(&region, latest.clone()).await;
    assert_eq!(first.messages, ["b", "c"]);
    let next = |token: &Option<String>| GetLogEventsInput { next_token: token.clone(), ..latest.clone() };
    let second = page(&region, next(&first.backward)).await;
    assert_eq!(second.messages, ["a"]);
    let end = page(&region, next(&second.backward)).await;
    assert_eq!((end.messages.len(), &end.backward), (0, &second.backward));
    assert_eq!(page(&region, next(&second.forward)).await.messages, ["b", "c"]);

    for token in ["", "x", "f/", "f/AAAA", "b/zz"] {
        let refused = region.refused::<of::GetLogEvents>(next(&Some(token.to_owned()))).await;
        assert_eq!(refused.code, "InvalidParameterException", "{token}");
    }
}

#[tokio::test]
async fn an_empty_stream_answers_tokens_too() {
    let region = region().await;
    let empty = page(&region, get()).await;
    assert!(empty.messages.is_empty() && empty.forward.is_some() && empty.backward.is_some());
    put(&region, "s", &[(0, "a")]).await;
    let next = GetLogEventsInput { next_token: empty.forward, ..get() };
    assert_eq!(page(&region, next).await.messages, ["a"]);
}

#[tokio::test]
async fn times_include_the_start_and_not_the_end() {
    let region = region().await;
    put(&region, "s", &[(0, "a"), (1, "b"), (2, "c")]).await;
    let start = testkit::START.millis();
    let range = GetLogEventsInput { start_time: Some(start + 1), end_time: Some(start + 2), ..get() };
    assert_eq!(page(&region, range).await.messages, ["b"]);
}

#[tokio::test]
async fn what_is_too_old_or_too_new_is_told() {
    let region = region().await;
    let events = [(-15 * DAY_MS, "old"), (-1, "now"), (3 * 3_600_000, "new")];
    let output = put(&region, "s", &events).await;
    assert!(output.next_sequence_token.is_some());
    let rejected = output.rejected_log_events_info.unwrap();
    assert_eq!(rejected.too_old_log_event_end_index, Some(1));
    assert_eq!(rejected.too_new_log_event_start_index, Some(2));
    assert_eq!(rejected.expired_log_event_end_index, None);
    assert_eq!(page(&region, get()).await.messages, ["now"]);
    assert!(put(&region, "s", &[(0, "x")]).await.rejected_log_events_info.is_none());
}

#[tokio::test]
async fn batches_against_the_rules_are_refused_whole() {
    let region = region().await;
    let unordered = region.refused::<of::PutLogEvents>(batch("s", &[(2, "b"), (1, "a")])).await;
    assert_eq!(
        unordered.message,
        "Log events in a single PutLogEvents request must be in chronological order."
    );
    let long = region.refused::<of::PutLogEvents>(batch("s", &[(-DAY_MS - 1, "a"), (0, "b")])).await;
    assert!(long.message.ends_with("cannot span more than 24 hours."), "{}", long.message);
    let half = "x".repeat(600_000);
    let large = region.refused::<of::PutLogEvents>(batch("s", &[(0, &half), (0, &half)])).await;
    assert_eq!(large.message, "Upload too large: 1200052 bytes exceeds limit of 1048576");
    assert!(page(&region, get()).await.messages.is_empty());
}

#[tokio::test]
async fn the_largest_batches_fit() {
    let region = region().await;
    let whole = "x".repeat(1_048_550);
    put(&region, "s", &[(0, &whole)]).await;
    assert_eq!(page(&region, get()).await.messages, [whole]);

    super::stream(&region, "many").await;
    let many: Vec<(i64, &str)> = (0..10_000).map(|at| (at, "line")).collect();
    put(&region, "many", &many).await;
    let input = GetLogEventsInput { log_stream_name: "many".into(), ..get() };
    assert_eq!(page(&region, input).await.messages.len(), 10_000);
}

#[tokio::test]
async fn writers_of_one_stream_do_not_lose_events() {
    let region = std::sync::Arc::new(region().await);
    let writers = (0..8).map(|writer| {
        let region = region.clone();
        tokio::spawn(async move {
            for at in 0..20 {
                put(&region, "s", &[(at, &format!("{writer}-{at}"))]).await;
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let mut messages = page(&region, get()).await.messages;
    messages.sort();
    messages.dedup();
    assert_eq!(messages.len(), 160);
}
