//! What follows an asynchronous invocation: nothing, another attempt, or a record for whoever is told.

use crate::state::{Event, EventConfig};
use names::{Arn, Timestamp};
use serde_json::{Value, json};

const DEFAULT_RETRIES: u32 = 2;
const DEFAULT_MAX_AGE_S: u32 = 21_600;
/// Before the second and the third attempt (Lambda developer guide, "How Lambda handles errors and retries
/// with asynchronous invocation").
const RETRY_WAITS_MS: [i64; 2] = [60_000, 120_000];
const FIRST_DEFERRAL_MS: i64 = 1000;
const MAX_DEFERRAL_MS: i64 = 300_000;

/// Characters of an error's message that a dead letter tells (Lambda developer guide, "Dead-letter queues").
const TOLD: usize = 1024;

/// What a dead letter tells of an error: its message, or the whole answer where that has none.
pub fn error_message(answer: &[u8]) -> String {
    let document: Option<Value> = serde_json::from_slice(answer).ok();
    let message = document.as_ref().and_then(|document| document["errorMessage"].as_str());
    let text = String::from_utf8_lossy(answer);
    message.unwrap_or(&text).chars().take(TOLD).collect()
}

/// Why an event is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It was processed.
    Success,
    /// The function failed as often as it may.
    RetriesExhausted,
    /// It is too old.
    EventAgeExceeded,
    /// Its function is kept from running.
    ZeroReservedConcurrency,
}

impl Condition {
    fn text(self) -> &'static str {
        match self {
            Condition::Success => "Success",
            Condition::RetriesExhausted => "RetriesExhausted",
            Condition::EventAgeExceeded => "EventAgeExceeded",
            Condition::ZeroReservedConcurrency => "ZeroReservedConcurrency",
        }
    }
}

/// What follows an attempt that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Another attempt at a time.
    Later(Timestamp),
    /// It is given up.
    Never(Condition),
}

/// What follows a failure of the function; `hastens` divides the waits where delays need not be AWS's.
pub fn after_failure(event: &Event, config: &EventConfig, now: Timestamp, hastens: i64) -> Next {
    let attempts = event.attempts;
    if attempts > config.retries.unwrap_or(DEFAULT_RETRIES) {
        return Next::Never(Condition::RetriesExhausted);
    }
    let place = (attempts as usize).saturating_sub(1).min(RETRY_WAITS_MS.len() - 1);
    within_age(event, config, now, now.plus_millis(RETRY_WAITS_MS[place] / hastens))
}

/// What follows when the function could not be run.
pub fn after_deferral(event: &Event, config: &EventConfig, now: Timestamp) -> Next {
    let wait = FIRST_DEFERRAL_MS.saturating_mul(1 << event.deferrals.min(16)).min(MAX_DEFERRAL_MS);
    within_age(event, config, now, now.plus_millis(wait))
}

fn within_age(event: &Event, config: &EventConfig, now: Timestamp, later: Timestamp) -> Next {
    let limit = i64::from(config.max_age_s.unwrap_or(DEFAULT_MAX_AGE_S)) * 1000;
    let age = now.millis() - event.accepted.millis();
    if age > limit { Next::Never(Condition::EventAgeExceeded) } else { Next::Later(later) }
}

/// What a destination is told.
pub struct Told<'a> {
    /// When.
    pub now: Timestamp,
    /// The invocation.
    pub event: &'a Event,
    /// The function, with the version or alias that was named.
    pub function: &'a Arn,
    /// Why it is told.
    pub condition: Condition,
    /// The version that ran last, where one did.
    pub version: Option<&'a str>,
    /// What the function was given.
    pub request: &'a [u8],
    /// What it answered, where it did.
    pub response: Option<&'a [u8]>,
}

fn payload(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|_| Value::from(String::from_utf8_lossy(bytes).into_owned()))
}

/// The record for a destination (Lambda developer guide, "Example destination record").
pub fn record(told: &Told<'_>) -> Vec<u8> {
    let mut record = json!({
        "version": "1.0",
        "timestamp": told.now.iso8601_millis(),
        "requestContext": {
            "requestId": told.event.request_id,
            "functionArn": told.function.as_str(),
            "condition": told.condition.text(),
            "approximateInvokeCount": told.event.attempts,
        },
        "requestPayload": payload(told.request),
    });
    if let (Some(version), Some(response)) = (told.version, told.response) {
        record["responseContext"] = json!({"statusCode": 200, "executedVersion": version});
        if told.condition != Condition::Success {
            record["responseContext"]["functionError"] = "Unhandled".into();
        }
        record["responsePayload"] = payload(response);
    }
    record.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use names::Scope;

    /// As recorded in LocalStack's `test_sqs_queue_as_lambda_dead_letter_queue`.
    #[test]
    fn a_dead_letter_tells_the_message_of_the_error() {
        let answer = br#"{"errorMessage": "on purpose", "errorType": "Exception"}"#;
        assert_eq!(error_message(answer), "on purpose");
        assert_eq!((error_message(b"[1]"), error_message(b"no")), ("[1]".to_owned(), "no".to_owned()));
        assert_eq!(error_message(&[b'x'; 2 * TOLD]).len(), TOLD);
    }

    fn event(attempts: u32) -> Event {
        Event {
            scope: Scope::Partition,
            function: "f".to_owned(),
            qualifier: None,
            request_id: "id".to_owned(),
            accepted: Timestamp(0),
            attempts,
            deferrals: 0,
            waits: false,
            hops: 0,
            trace: None,
        }
    }

    #[test]
    fn two_retries_a_minute_and_two_minutes_later() {
        let config = EventConfig::default();
        let next = |attempts| after_failure(&event(attempts), &config, Timestamp(5), 1);
        assert_eq!(next(1), Next::Later(Timestamp(60_005)));
        assert_eq!(next(2), Next::Later(Timestamp(120_005)));
        assert_eq!(next(3), Next::Never(Condition::RetriesExhausted));
        let none = EventConfig { retries: Some(0), ..EventConfig::default() };
        assert_eq!(
            after_failure(&event(1), &none, Timestamp(5), 1),
            Next::Never(Condition::RetriesExhausted)
        );
    }

    #[test]
    fn deferrals_grow_to_five_minutes_and_end_with_the_age() {
        let config = EventConfig { max_age_s: Some(60), ..EventConfig::default() };
        let deferred =
            |deferrals, now| after_deferral(&Event { deferrals, ..event(0) }, &config, Timestamp(now));
        assert_eq!(deferred(0, 0), Next::Later(Timestamp(1000)));
        assert_eq!(deferred(3, 0), Next::Later(Timestamp(8000)));
        assert_eq!(deferred(200, 0), Next::Later(Timestamp(300_000)));
        assert_eq!(deferred(0, 60_001), Next::Never(Condition::EventAgeExceeded));
    }

    #[test]
    fn records() {
        let function: Arn = "arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST".parse().unwrap();
        let failed = Told {
            now: Timestamp(0),
            event: &event(3),
            function: &function,
            condition: Condition::RetriesExhausted,
            version: Some("$LATEST"),
            request: b"{\"a\":1}",
            response: Some(b"{\"errorType\":\"E\"}"),
        };
        let record: Value = serde_json::from_slice(&record(&failed)).unwrap();
        assert_eq!(record["requestContext"]["condition"], "RetriesExhausted");
        assert_eq!(record["requestContext"]["approximateInvokeCount"], 3);
        assert_eq!(record["requestPayload"]["a"], 1);
        assert_eq!(record["responseContext"]["functionError"], "Unhandled");
        assert_eq!(record["responsePayload"]["errorType"], "E");
    }
}
