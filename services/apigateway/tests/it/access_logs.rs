//! Access logs: one line for each request, in the owner's form.

use super::*;
use names::Timestamp;
use ports::{BoxFuture, LogSink, LogTarget};
use schema::ApiError;
use service::{Host, Service};
use std::sync::{Arc, Mutex};

/// The lines that were written.
#[derive(Default)]
struct Lines(Mutex<Vec<(LogTarget, String)>>);

struct Sink(Arc<Lines>);

impl LogSink for Sink {
    fn write(
        &self,
        target: LogTarget,
        events: Vec<(Timestamp, Bytes)>,
    ) -> BoxFuture<'_, Result<(), ApiError>> {
        let mut lines = self.0.0.lock().unwrap();
        for (_, line) in events {
            lines.push((target.clone(), String::from_utf8(line.to_vec()).unwrap()));
        }
        Box::pin(async { Ok(()) })
    }
}

fn provide(host: &Arc<Host>) -> Arc<dyn LogSink> {
    Arc::new(Sink(host.part::<Lines>().clone()))
}

#[tokio::test]
async fn every_request_is_a_line() {
    let function = Function::default();
    let sink = Service::new("lines", Vec::new()).part(Lines::default()).logs(provide);
    let region = Region::of(vec![apigateway::service(), function.room(), sink]).await;
    let api = bare(&region).await;
    let to = integration(&region, &api, "2.0").await;
    region.call::<of::CreateRoute>(route(&api, "GET /a", &to)).await.unwrap();
    let settings = AccessLogSettings {
        destination_arn: Some("arn:aws:logs:us-east-1:000000000000:log-group:/api".into()),
        format: Some(
            "$context.requestId \"$context.httpMethod $context.path\" $context.routeKey \
                      $context.status $context.responseLength $context.authorizer.x $context."
                .into(),
        ),
    };
    let with = CreateStageInput { access_log_settings: Some(settings), ..stage(&api, "$default") };
    region.call::<of::CreateStage>(with).await.unwrap();
    function.answers(r#"{"statusCode": 418, "body": "tea"}"#);
    let first = get(&region, &api, "/a").await;
    get(&region, &api, "/b").await;

    let lines = region.host().part::<Lines>().0.lock().unwrap().clone();
    let id = first.header("apigw-requestid").unwrap();
    assert_eq!(lines[0].1, format!("{id} \"GET /a\" GET /a 418 3 - -"));
    assert!(lines[1].1.contains("\"GET /b\" $default 404"), "{}", lines[1].1);
    assert_eq!((lines[0].0.group.as_str(), &lines[0].0.stream), ("/api", &format!("{api}-default")));
}
