//! Delivery status: what became of a message at a subscriber, written to the log group of its topic where
//! that wants it (SNS developer guide, "Amazon SNS message delivery status").

use crate::post::Unanswered;
use crate::state::Topic;
use crate::state::sending::Sending;
use bytes::Bytes;
use names::{AccountId, Scope};
use ports::LogTarget;
use serde_json::json;
use service::{Ctx, Log};
use std::fmt;

/// An attempt to give a message to a subscriber.
pub struct Attempted {
    /// The status of the answer, or why there was none.
    pub outcome: Result<u16, Unanswered>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Which attempt it was.
    pub attempts: u32,
}

impl Attempted {
    fn is_success(&self) -> bool {
        matches!(self.outcome, Ok(200..=299))
    }
}

impl fmt::Display for Attempted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Ok(status) => write!(f, "attempt {} was answered with {status}", self.attempts),
            Err(Unanswered(why)) => write!(f, "attempt {} failed: {why}", self.attempts),
        }
    }
}

/// Whether a topic wants to know of a delivery, of which so many in a hundred are told.
fn is_wanted(topic: &Topic, protocol: &str, success: bool, drawn: u8) -> bool {
    let attribute = |name: &str| topic.attributes.get(&format!("{protocol}{name}"));
    let set = |name: &str| attribute(name).is_some_and(|role| !role.is_empty());
    if !success {
        return set("FailureFeedbackRoleArn");
    }
    let rate = attribute("SuccessFeedbackSampleRate").and_then(|rate| rate.parse::<u8>().ok());
    set("SuccessFeedbackRoleArn") && drawn < rate.unwrap_or(100)
}

/// Logs what became of a request to a subscriber over HTTP.
pub async fn tell(ctx: &Ctx, scope: &Scope, topic: &Topic, sending: &Sending, attempted: &Attempted) {
    let success = attempted.is_success();
    let [drawn] = ctx.host().entropy.bytes();
    let drawn = (u16::from(drawn) * 100 / 256) as u8;
    if !is_wanted(topic, "HTTP", success, drawn) {
        return;
    }
    let Some(logs) = ctx.ports().logs.clone() else { return };
    let (account, region) =
        (scope.account().unwrap_or(AccountId::DEFAULT), scope.region().cloned().unwrap_or_default());
    let failure = if success { "" } else { "/Failure" };
    let group = format!("sns/{region}/{account}/{}{failure}", topic.name);
    let now = ctx.now();
    let line = json!({
        "notification": {
            "messageId": sending.message,
            "topicArn": sending.topic.as_str(),
            "timestamp": sending.posted.iso8601_millis(),
        },
        "delivery": {
            "deliveryId": ctx.uuid(),
            "destination": sending.url,
            "providerResponse": attempted.to_string(),
            "dwellTimeMs": attempted.took_ms,
            "attempts": attempted.attempts,
            "statusCode": attempted.outcome.as_ref().ok(),
        },
        "status": if success { "SUCCESS" } else { "FAILURE" },
    });
    let target = LogTarget { account, region, group, stream: topic.name.clone() };
    let written = logs.write(target, vec![(now, Bytes::from(line.to_string()))]).await;
    if let Err(error) = written {
        Log::warn(&sending.cause, &format!("the status of a delivery cannot be logged: {error}"));
    }
}
