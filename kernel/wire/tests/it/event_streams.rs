//! Outputs that are streams of events.

use crate::exchange::{Answer, call, json};
use bytes::Bytes;
use futures_core::Stream;
use model_fixture_s3_select as select;
use schema::{EventStream, Obj};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use wire::{Frame, HeaderValue, ReplyBody};

/// Events that are all there at once.
struct Ready(std::vec::IntoIter<Box<dyn Obj>>);

impl Stream for Ready {
    type Item = Box<dyn Obj>;

    fn poll_next(mut self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.next())
    }
}

fn stream(events: Vec<Box<dyn Obj>>) -> EventStream {
    EventStream::new(Ready(events.into_iter()))
}

fn frames(answer: Answer) -> Vec<Frame> {
    let ReplyBody::Stream(body) = answer.reply.body else { panic!("no stream") };
    let mut chunks = pin!(body.take().unwrap());
    let mut context = Context::from_waker(Waker::noop());
    let mut frames = Vec::new();
    while let Poll::Ready(Some(chunk)) = chunks.as_mut().poll_next(&mut context) {
        let chunk = chunk.unwrap();
        let (frame, used) = Frame::decode(&chunk).unwrap().unwrap();
        assert_eq!(used, chunk.len());
        frames.push(frame);
    }
    frames
}

fn text(frame: &Frame, name: &str) -> String {
    match frame.header(name) {
        Some(HeaderValue::Text(text)) => text.clone(),
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn events_bound_to_payload_and_body() {
    let events: Vec<Box<dyn Obj>> = vec![
        Box::new(select::SelectObjectContentEventStream::Records(select::RecordsEvent {
            payload: Some(Bytes::from_static(b"a,b\n")),
        })),
        Box::new(select::SelectObjectContentEventStream::Stats(select::StatsEvent {
            details: Some(select::Stats { bytes_returned: Some(4), ..Default::default() }),
        })),
        Box::new(select::SelectObjectContentEventStream::End(select::EndEvent::default())),
    ];
    let output = select::SelectObjectContentOutput { payload: Some(stream(events)) };
    let answer = call("POST", "localhost/b/k?select&select-type=2").answer(&select::SERVICE, &output);
    assert_eq!(answer.header("content-type"), "application/vnd.amazon.eventstream");
    let frames = frames(answer);
    let types: Vec<String> = frames.iter().map(|frame| text(frame, ":event-type")).collect();
    assert_eq!(types, ["Records", "Stats", "End"]);
    assert_eq!(frames[0].payload, "a,b\n");
    assert_eq!(text(&frames[0], ":content-type"), "application/octet-stream");
    let stats = std::str::from_utf8(&frames[1].payload).unwrap();
    assert!(stats.ends_with("<BytesReturned>4</BytesReturned></Stats>"), "{stats}");
    assert_eq!(frames[2].payload, "");
}

#[test]
fn a_protocol_without_bindings_begins_with_the_response() {
    use model_fixture_kinesis as kinesis;
    let event =
        kinesis::SubscribeToShardEvent { continuation_sequence_number: "7".to_owned(), ..Default::default() };
    let gone = kinesis::ResourceNotFoundException { message: Some("gone".to_owned()) };
    let events: Vec<Box<dyn Obj>> = vec![
        Box::new(kinesis::SubscribeToShardEventStream::SubscribeToShardEvent(event)),
        Box::new(kinesis::SubscribeToShardEventStream::ResourceNotFoundException(gone)),
    ];
    let output = kinesis::SubscribeToShardOutput { event_stream: stream(events) };
    let answer = json("Kinesis_20131202.SubscribeToShard", "{}").answer(&kinesis::SERVICE, &output);
    let frames = frames(answer);
    assert_eq!(text(&frames[0], ":event-type"), "initial-response");
    assert_eq!(frames[0].payload, "{}");
    assert_eq!(text(&frames[1], ":event-type"), "SubscribeToShardEvent");
    let body = std::str::from_utf8(&frames[1].payload).unwrap();
    assert!(body.contains(r#""ContinuationSequenceNumber":"7""#), "{body}");
    assert_eq!(text(&frames[2], ":message-type"), "exception");
    assert_eq!(text(&frames[2], ":exception-type"), "ResourceNotFoundException");
}
