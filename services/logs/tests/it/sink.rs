//! The port that functions and services write their lines through.

use bytes::Bytes;
use model_logs::operations as of;
use model_logs::*;
use names::{AccountId, Timestamp};
use ports::LogTarget;
use testkit::{Region, START};

#[tokio::test]
async fn groups_and_streams_are_made_when_written_to() {
    let region = Region::of(vec![logs::service()]).await;
    let sink = region.host().ports().logs.clone().unwrap();
    let target = LogTarget {
        account: AccountId::DEFAULT,
        region: names::Region::default(),
        group: "/aws/lambda/f".into(),
        stream: "2026/01/01/[$LATEST]0a".into(),
    };
    let line =
        |after: i64, text: &'static [u8]| (Timestamp(START.millis() + after), Bytes::from_static(text));
    sink.write(target.clone(), vec![line(0, b"START"), line(1, b""), line(1, b"\xff!")]).await.unwrap();
    // Neither old nor unordered lines are lost.
    sink.write(target, vec![line(-99 * 86_400_000, b"old"), line(-1, b"early")]).await.unwrap();

    let input = GetLogEventsInput {
        log_group_name: Some("/aws/lambda/f".into()),
        log_stream_name: "2026/01/01/[$LATEST]0a".into(),
        ..Default::default()
    };
    let events = region.call::<of::GetLogEvents>(input).await.unwrap().events.unwrap();
    let messages: Vec<String> = events.into_iter().filter_map(|event| event.message).collect();
    assert_eq!(messages, ["old", "early", "START", "\u{fffd}!"]);
    let list = ListTagsLogGroupInput { log_group_name: "/aws/lambda/f".into() };
    assert!(region.call::<of::ListTagsLogGroup>(list).await.is_ok());
}
