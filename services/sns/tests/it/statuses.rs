//! Delivery statuses: noted in the commit that ends a delivery, logged when the log takes them, once.

use crate::{publish, subscribe, subscriber, topic};
use bytes::Bytes;
use names::Timestamp;
use ports::{BoxFuture, LogSink, LogTarget};
use schema::ApiError;
use serde_json::Value;
use service::{Host, Service};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use testkit::Region;

const ROLE: &str = "arn:aws:iam::000000000000:role/feedback";
const STREAM: &str = "arn:aws:firehose:us-east-1:000000000000:deliverystream/s";

/// A log that serves only from its second request on.
struct Paper;

static REQUESTS: Mutex<Vec<(LogTarget, Vec<Bytes>)>> = Mutex::new(Vec::new());

impl LogSink for Paper {
    fn write(
        &self,
        target: LogTarget,
        events: Vec<(Timestamp, Bytes)>,
    ) -> BoxFuture<'_, Result<(), ApiError>> {
        let mut requests = REQUESTS.lock().unwrap();
        requests.push((target, events.into_iter().map(|(_, line)| line).collect()));
        let first = requests.len() == 1;
        Box::pin(async move {
            if first { Err(ApiError::new("ServiceUnavailable", 503, "Not now.")) } else { Ok(()) }
        })
    }
}

fn paper(_: &Arc<Host>) -> Arc<dyn LogSink> {
    Arc::new(Paper)
}

async fn requests(region: &Region, count: usize) -> Vec<(LogTarget, Vec<Bytes>)> {
    for _ in 0..5000 {
        let requests = REQUESTS.lock().unwrap().clone();
        if requests.len() >= count {
            return requests;
        }
        region.host().clock.rest(Duration::from_millis(1)).await;
    }
    panic!("the log was not written");
}

#[tokio::test]
async fn a_status_waits_for_its_log() {
    let region = Region::of(vec![sns::service(), Service::new("paper", Vec::new()).logs(paper)]).await;
    let watched = [("FirehoseSuccessFeedbackRoleArn", ROLE), ("FirehoseFailureFeedbackRoleArn", ROLE)];
    let arn = topic(&region, "t", &watched).await;
    subscribe(&region, subscriber(&arn, "firehose", STREAM, &[("SubscriptionRoleArn", ROLE)])).await;
    let id = publish(&region, &arn, "told").await.message_id.unwrap();
    requests(&region, 1).await;
    region.advance(Duration::from_secs(61)).await;
    let written = requests(&region, 2).await;
    assert_eq!(written[0], written[1], "what the log did not take is not lost");
    let (target, lines) = &written[1];
    assert_eq!((target.group.as_str(), lines.len()), ("sns/us-east-1/000000000000/t", 1));
    let line: Value = serde_json::from_slice(&lines[0]).unwrap();
    assert_eq!((&line["notification"]["messageId"], &line["status"]), (&id.into(), &"SUCCESS".into()));
    // The next round has nothing left to write.
    region.advance(Duration::from_secs(61)).await;
    publish(&region, &arn, "another").await;
    assert_eq!(requests(&region, 3).await[2].1.len(), 1);
}
