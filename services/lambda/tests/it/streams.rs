//! InvokeWithResponseStream: chunks as they come, and how it ended.

use crate::{Lambda, function};
use futures_util::StreamExt;
use model_lambda::InvokeWithResponseStreamResponseEvent as Event;
use model_lambda::operations::InvokeWithResponseStream;
use model_lambda::{InvokeWithResponseStreamCompleteEvent, InvokeWithResponseStreamInput};
use serde_json::{Value, json};

/// The type of the content, the chunks, the end.
async fn streamed(
    lambda: &Lambda,
    payload: &Value,
) -> (String, Vec<String>, InvokeWithResponseStreamCompleteEvent) {
    let input = InvokeWithResponseStreamInput {
        function_name: "f".to_owned(),
        payload: Some(payload.to_string().into()),
        ..Default::default()
    };
    let output = lambda.region.call::<InvokeWithResponseStream>(input).await.unwrap();
    assert_eq!((output.status_code, output.executed_version.as_deref()), (Some(200), Some("$LATEST")));
    let (mut chunks, mut end) = (Vec::new(), None);
    let mut events = output.event_stream.unwrap().take().unwrap();
    while let Some(event) = events.next().await {
        match *event.into_any().downcast::<Event>().unwrap() {
            Event::PayloadChunk(chunk) => {
                chunks.push(String::from_utf8(chunk.payload.unwrap().to_vec()).unwrap());
            }
            Event::InvokeComplete(complete) => end = Some(complete),
            Event::Unset => panic!("an event of nothing"),
        }
    }
    (output.response_stream_content_type.unwrap(), chunks, end.unwrap())
}

#[tokio::test]
async fn chunks_arrive_and_then_the_end() {
    let lambda = Lambda::new().await;
    lambda.create(function("f")).await;
    let (kind, chunks, end) = streamed(&lambda, &json!({"do": "stream", "chunks": ["one", "two"]})).await;
    assert_eq!((kind.as_str(), chunks.concat().as_str()), ("text/plain", "onetwo"));
    assert_eq!(end.error_code, None);
    // The environment takes the next one.
    let (_, chunks, _) = streamed(&lambda, &json!({"do": "echo"})).await;
    assert_eq!((chunks, lambda.runner.launched()), (vec![r#"{"do":"echo"}"#.to_owned()], 1));
}

#[tokio::test]
async fn errors_are_told_at_the_end() {
    let lambda = Lambda::new().await;
    lambda.create(function("f")).await;
    // {"errorType":"Late"}
    let late = json!({"do": "stream", "chunks": ["one"], "error": "eyJlcnJvclR5cGUiOiJMYXRlIn0="});
    let (_, chunks, end) = streamed(&lambda, &late).await;
    assert_eq!((chunks.concat().as_str(), end.error_code.as_deref()), ("one", Some("Unhandled")));
    assert_eq!(end.error_details.as_deref(), Some(r#"{"errorType":"Late"}"#));
    let (_, chunks, end) = streamed(&lambda, &json!({"do": "fail"})).await;
    assert!(chunks.is_empty() && end.error_details.unwrap().contains("as told"));
}
