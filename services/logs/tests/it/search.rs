//! FilterLogEvents, and following a group as `aws logs tail --follow` does.

use super::{found, put, region, search, stream};
use model_logs::FilterLogEventsInput;
use model_logs::operations as of;
use std::collections::BTreeSet;
use testkit::{Region, START};

#[tokio::test]
async fn streams_are_interleaved_by_time() {
    let region = region().await;
    stream(&region, "t").await;
    put(&region, "s", &[(0, "a"), (20, "c"), (40, "e")]).await;
    put(&region, "t", &[(10, "b"), (30, "d")]).await;
    assert_eq!(found(&region, search()).await, ["a", "b", "c", "d", "e"]);

    let one = FilterLogEventsInput { log_stream_names: Some(vec!["t".into()]), ..search() };
    assert_eq!(found(&region, one).await, ["b", "d"]);
    let prefix = FilterLogEventsInput { log_stream_name_prefix: Some("s".into()), ..search() };
    assert_eq!(found(&region, prefix.clone()).await, ["a", "c", "e"]);
    let times = FilterLogEventsInput {
        start_time: Some(START.millis() + 10),
        end_time: Some(START.millis() + 30),
        ..search()
    };
    assert_eq!(found(&region, times).await, ["b", "c", "d"]);

    let both = FilterLogEventsInput { log_stream_names: Some(vec!["t".into()]), ..prefix };
    assert_eq!(region.refused::<of::FilterLogEvents>(both).await.code, "InvalidParameterException");
    let absent = FilterLogEventsInput { log_stream_names: Some(vec!["x".into()]), ..search() };
    assert_eq!(region.refused::<of::FilterLogEvents>(absent).await.code, "ResourceNotFoundException");
}

#[tokio::test]
async fn pages_hold_every_event_once() {
    let region = region().await;
    stream(&region, "t").await;
    for at in 0..7 {
        put(&region, if at % 2 == 0 { "s" } else { "t" }, &[(at / 3, &at.to_string())]).await;
    }
    let mut input = FilterLogEventsInput { limit: Some(3), ..search() };
    let (mut messages, mut ids, mut pages) = (Vec::new(), BTreeSet::new(), 0);
    loop {
        let output = region.call::<of::FilterLogEvents>(input.clone()).await.unwrap();
        for event in output.events.unwrap() {
            messages.extend(event.message);
            ids.extend(event.event_id);
        }
        pages += 1;
        input.next_token = output.next_token;
        if input.next_token.is_none() {
            break;
        }
    }
    assert_eq!(messages, ["0", "1", "2", "3", "4", "5", "6"]);
    assert_eq!((ids.len(), pages), (7, 3));
}

#[tokio::test]
async fn patterns_choose_events() {
    let region = region().await;
    put(&region, "s", &[(0, "ERROR a"), (1, "INFO b"), (2, r#"{"level": "ERROR", "n": 4}"#)]).await;
    for (pattern, expected) in [
        ("ERROR -level", &["ERROR a"][..]),
        ("?INFO ?a", &["ERROR a", "INFO b"]),
        ("{ $.n > 3 }", &[r#"{"level": "ERROR", "n": 4}"#]),
        ("[level = INFO, rest]", &["INFO b"]),
    ] {
        let input = FilterLogEventsInput { filter_pattern: Some(pattern.into()), ..search() };
        assert_eq!(found(&region, input).await, expected, "{pattern}");
    }
    let input = FilterLogEventsInput { filter_pattern: Some("{ $.n".into()), ..search() };
    let refused = region.refused::<of::FilterLogEvents>(input).await;
    assert_eq!((&*refused.code, &*refused.message), ("InvalidParameterException", "Invalid filter pattern"));
}

/// The loop of the AWS CLI's `logs tail --follow`: search again from the time of the newest event, and
/// print what has an id that was not seen.
#[tokio::test]
async fn following_prints_each_event_once() {
    let region = region().await;
    let (mut seen, mut from, mut printed) = (BTreeSet::new(), START.millis(), Vec::new());
    for round in 0..3_i64 {
        put(&region, "s", &[(round / 2, &format!("line {round}"))]).await;
        follow(&region, &mut from, &mut seen, &mut printed).await;
    }
    assert_eq!(printed, ["line 0", "line 1", "line 2"]);
}

async fn follow(region: &Region, from: &mut i64, seen: &mut BTreeSet<String>, printed: &mut Vec<String>) {
    let input =
        FilterLogEventsInput { start_time: Some(*from), interleaved: Some(true), limit: Some(1), ..search() };
    let mut token = None;
    loop {
        let page = FilterLogEventsInput { next_token: token, ..input.clone() };
        let output = region.call::<of::FilterLogEvents>(page).await.unwrap();
        for event in output.events.unwrap() {
            if seen.insert(event.event_id.unwrap()) {
                printed.extend(event.message);
            }
            *from = event.timestamp.unwrap().max(*from);
        }
        token = output.next_token;
        if token.is_none() {
            return;
        }
    }
}
