//! How often and when a message is sent again over HTTP (SNS developer guide, "Amazon SNS message delivery
//! retries" and "Creating an HTTP/S delivery policy").

use crate::state::{Subscription, Topic};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Attempts after which nothing is tried any more, whatever a policy says.
const MAX_RETRIES: i64 = 100;
/// Longest wait between two attempts, in seconds, and of all of them together.
const MAX_DELAY_S: i64 = 3600;

/// How attempts follow one another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retries {
    total: i64,
    without_delay: i64,
    at_least_delay: i64,
    at_most_delay: i64,
    least_s: i64,
    most_s: i64,
    backoff: Backoff,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Backoff {
    Linear,
    Arithmetic,
    Geometric,
    Exponential,
}

impl Default for Retries {
    fn default() -> Self {
        Retries {
            total: 3,
            without_delay: 0,
            at_least_delay: 0,
            at_most_delay: 0,
            least_s: 20,
            most_s: 20,
            backoff: Backoff::Linear,
        }
    }
}

/// Why a policy is refused: what stands behind `DeliveryPolicy: `.
pub type Refusal = String;

impl Retries {
    /// The retries of a healthy retry policy.
    ///
    /// # Errors
    /// Where a number is out of its bounds.
    pub fn parse(policy: &Value) -> Result<Self, Refusal> {
        let usual = Retries::default();
        let number = |name: &str, usual: i64| match policy.get(name) {
            None | Some(Value::Null) => Ok(usual),
            Some(value) => value.as_i64().filter(|number| *number >= 0).ok_or(format!("{name} is invalid")),
        };
        let backoff = match policy.get("backoffFunction").and_then(Value::as_str) {
            None | Some("linear") => Backoff::Linear,
            Some("arithmetic") => Backoff::Arithmetic,
            Some("geometric") => Backoff::Geometric,
            Some("exponential") => Backoff::Exponential,
            Some(other) => return Err(format!("backoffFunction has an invalid value: {other}")),
        };
        let retries = Retries {
            total: number("numRetries", usual.total)?,
            without_delay: number("numNoDelayRetries", 0)?,
            at_least_delay: number("numMinDelayRetries", 0)?,
            at_most_delay: number("numMaxDelayRetries", 0)?,
            least_s: number("minDelayTarget", usual.least_s)?,
            most_s: number("maxDelayTarget", usual.most_s)?,
            backoff,
        };
        retries.check().map(|()| retries)
    }

    fn check(&self) -> Result<(), Refusal> {
        if self.total > MAX_RETRIES {
            return Err(format!("numRetries must be less than or equal to {MAX_RETRIES}"));
        }
        if self.least_s < 1 {
            return Err("minDelayTarget must be greater than or equal to 1".to_owned());
        }
        if self.most_s > MAX_DELAY_S {
            return Err(format!("maxDelayTarget must be less than or equal to {MAX_DELAY_S}"));
        }
        if self.least_s > self.most_s {
            return Err("maxDelayTarget must be greater than or equal to minDelayTarget".to_owned());
        }
        if self.without_delay + self.at_least_delay + self.at_most_delay > self.total {
            return Err(
                "numRetries must be greater than or equal to numMinDelayRetries + numNoDelayRetries + \
                        numMaxDelayRetries"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// How long to wait after so many attempts, in milliseconds; `None` when it was tried often enough, or all waits
    /// together would be longer than they may be.
    pub fn wait_ms(&self, attempts: u32) -> Option<i64> {
        let retry = i64::from(attempts) - 1;
        if retry < 0 || retry >= self.total {
            return None;
        }
        let waited_ms: i64 = (0..=retry).map(|retry| self.wait_before(retry)).sum();
        (waited_ms <= MAX_DELAY_S * 1000).then(|| self.wait_before(retry))
    }

    /// The wait before a retry, in milliseconds.
    fn wait_before(&self, retry: i64) -> i64 {
        let backing_off = self.total - self.without_delay - self.at_least_delay - self.at_most_delay;
        let seconds = match retry - self.without_delay {
            before if before < 0 => 0.0,
            steady if steady < self.at_least_delay => self.least_s as f64,
            step if step - self.at_least_delay < backing_off => {
                self.step(step - self.at_least_delay, backing_off)
            }
            _ => self.most_s as f64,
        };
        (seconds * 1000.0) as i64
    }

    /// The wait of a step between the shortest and the longest.
    fn step(&self, step: i64, steps: i64) -> f64 {
        let (least, most) = (self.least_s as f64, self.most_s as f64);
        let part = if steps > 1 { step as f64 / (steps - 1) as f64 } else { 0.0 };
        match self.backoff {
            Backoff::Linear => least + (most - least) * part,
            Backoff::Arithmetic => least + (most - least) * part * part,
            Backoff::Geometric => least * (most / least).powf(part),
            Backoff::Exponential => least + (most - least) * (part.exp2() - 1.0),
        }
    }
}

/// What holds for a subscriber over HTTP: its own policy over its topic's, over what is usual.
fn effective(topic: Option<&str>, own: Option<&str>) -> Value {
    let read = |text: Option<&str>| text.and_then(|text| serde_json::from_str::<Value>(text).ok());
    let (topic, own) = (read(topic), read(own));
    let http = topic.as_ref().and_then(|policy| policy.get("http"));
    let overrides = !http
        .and_then(|http| http.get("disableSubscriptionOverrides"))
        .and_then(Value::as_bool)
        .unwrap_or_default();
    let own = own.filter(|_| overrides);
    let mut healthy = usual_retries();
    let of_topic = |name: &str| http.and_then(|http| http.get(name)).filter(|value| !value.is_null());
    let of_own = |name: &str| own.as_ref().and_then(|own| own.get(name)).filter(|value| !value.is_null());
    lay_over(&mut healthy, of_topic("defaultHealthyRetryPolicy"));
    lay_over(&mut healthy, of_own("healthyRetryPolicy"));
    let mut request = json!({"headerContentType": "text/plain; charset=UTF-8"});
    lay_over(&mut request, of_topic("defaultRequestPolicy"));
    lay_over(&mut request, of_own("requestPolicy"));
    json!({
        "healthyRetryPolicy": healthy,
        "sicklyRetryPolicy": null,
        "throttlePolicy": of_own("throttlePolicy").or(of_topic("defaultThrottlePolicy")),
        "requestPolicy": request,
        "guaranteed": false,
    })
}

/// What holds for a subscriber over HTTP, as it was set for its topic and for itself.
pub fn effective_of(topic: Option<&Topic>, own: Option<&Subscription>) -> Value {
    fn set(attributes: &BTreeMap<String, String>) -> Option<&str> {
        attributes.get("DeliveryPolicy").map(String::as_str)
    }
    effective(
        topic.and_then(|topic| set(&topic.attributes)),
        own.and_then(|subscription| set(&subscription.attributes)),
    )
}

/// A topic's own policy as it is described: without what is null, and with what it says of overrides.
pub fn of_topic(text: &str) -> String {
    let mut policy: Value = serde_json::from_str(text).unwrap_or_default();
    if let Some(Value::Object(http)) = policy.get_mut("http") {
        http.retain(|_, value| !value.is_null());
        http.entry("disableSubscriptionOverrides").or_insert(Value::Bool(false));
    }
    policy.to_string()
}

/// A subscription's own policy as it is described: with all its members, and all of a retry policy's where it has one.
pub fn of_subscription(text: &str) -> String {
    let own: Value = serde_json::from_str(text).unwrap_or_default();
    let mut healthy = Value::Null;
    if own["healthyRetryPolicy"].is_object() {
        healthy = usual_retries();
        lay_over(&mut healthy, own.get("healthyRetryPolicy"));
    }
    json!({
        "healthyRetryPolicy": healthy,
        "sicklyRetryPolicy": null,
        "throttlePolicy": own["throttlePolicy"],
        "requestPolicy": own["requestPolicy"],
        "guaranteed": false,
    })
    .to_string()
}

fn usual_retries() -> Value {
    json!({
        "minDelayTarget": 20,
        "maxDelayTarget": 20,
        "numRetries": 3,
        "numMaxDelayRetries": 0,
        "numNoDelayRetries": 0,
        "numMinDelayRetries": 0,
        "backoffFunction": "linear",
    })
}

fn lay_over(under: &mut Value, over: Option<&Value>) {
    if let (Value::Object(under), Some(Value::Object(over))) = (under, over) {
        let set = over.iter().filter(|(_, value)| !value.is_null());
        under.extend(set.map(|(name, value)| (name.clone(), value.clone())));
    }
}

/// Refuses a text that is no delivery policy of a topic or a subscription.
///
/// # Errors
/// What is wrong with it.
pub fn check(text: &str, of_topic: bool) -> Result<(), Refusal> {
    let policy: Value = serde_json::from_str(text).map_err(|_| "failed to parse JSON.".to_owned())?;
    let Value::Object(policy) = &policy else { return Err("failed to parse JSON.".to_owned()) };
    if !of_topic {
        let parts = ["healthyRetryPolicy", "throttlePolicy", "requestPolicy"];
        return check_parts(parts.map(|name| (name.to_owned(), policy.get(name))), &RAW_TYPES);
    }
    // A subscription's policy is none of a topic's (SetTopicAttributes, "delivery policy JSON format").
    if let Some(unexpected) = policy.keys().find(|name| *name != "http") {
        return Err(format!("Unexpected JSON member: {unexpected}"));
    }
    let http = policy.get("http");
    let parts = ["defaultHealthyRetryPolicy", "defaultThrottlePolicy", "defaultRequestPolicy"];
    check_parts(parts.map(|name| (format!("http.{name}"), http.and_then(|http| http.get(name)))), &TYPES)
}

/// Checks how often to retry, how fast to send and what to say of the content; each is told by its place. That the
/// place is told is recorded of `numRetries` alone (setTopicAttributesNegativeTest of
/// ballerina-platform/module-ballerinax-aws.sns, run on AWS).
fn check_parts(
    [healthy, throttle, request]: [(String, Option<&Value>); 3],
    types: &[&str],
) -> Result<(), Refusal> {
    if let Some(policy) = healthy.1.filter(|policy| !policy.is_null()) {
        Retries::parse(policy).map_err(|why| format!("{}.{why}", healthy.0))?;
    }
    check_throttle(throttle.1).map_err(|why| format!("{}.{why}", throttle.0))?;
    check_content_type(request.1, types).map_err(|why| format!("{}.{why}", request.0))
}

/// Content types of what has an envelope, and of what has none (SNS developer guide, "Creating an HTTP/S delivery
/// policy": `headerContentType`).
const TYPES: [&str; 2] = ["application/json", "text/plain"];
const RAW_TYPES: [&str; 12] = [
    "text/css",
    "text/csv",
    "text/html",
    "text/plain",
    "text/xml",
    "application/atom+xml",
    "application/json",
    "application/octet-stream",
    "application/soap+xml",
    "application/x-www-form-urlencoded",
    "application/xhtml+xml",
    "application/xml",
];

fn check_content_type(policy: Option<&Value>, types: &[&str]) -> Result<(), Refusal> {
    let given = policy.and_then(|policy| policy.get("headerContentType")).filter(|given| !given.is_null());
    let Some(given) = given else { return Ok(()) };
    let essence = given.as_str().and_then(|text| text.split(';').next()).map(str::trim);
    if essence.is_some_and(|essence| types.contains(&essence)) {
        return Ok(());
    }
    Err(format!("headerContentType must be one of {}", types.join(", ")))
}

/// A throttle lets one message a second through at least (SNS developer guide, "Delivery policies": `throttlePolicy`).
fn check_throttle(policy: Option<&Value>) -> Result<(), Refusal> {
    let rate = policy.and_then(|policy| policy.get("maxReceivesPerSecond")).filter(|rate| !rate.is_null());
    match rate {
        Some(rate) if rate.as_u64().is_none_or(|rate| rate == 0) => {
            Err("maxReceivesPerSecond must be greater than or equal to 1".to_owned())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(policy: &Value) -> Vec<i64> {
        let retries = Retries::parse(policy).unwrap();
        (1..).map_while(|attempts| retries.wait_ms(attempts)).map(|ms| ms / 1000).collect()
    }

    #[test]
    fn phases() {
        assert_eq!(waits(&json!({})), [20, 20, 20]);
        // "The total policy retry time … cannot be greater than 3,600 seconds."
        assert_eq!(
            waits(&json!({"numRetries": 100, "minDelayTarget": 900, "maxDelayTarget": 900})),
            [900; 4]
        );
        // Immediate, before backoff, backoff, after backoff (SNS developer guide, delivery retries).
        let policy = json!({
            "numRetries": 9, "numNoDelayRetries": 2, "numMinDelayRetries": 2, "numMaxDelayRetries": 2,
            "minDelayTarget": 1, "maxDelayTarget": 9, "backoffFunction": "linear",
        });
        assert_eq!(waits(&policy), [0, 0, 1, 1, 1, 5, 9, 9, 9]);
        for backoff in ["arithmetic", "geometric", "exponential"] {
            let policy = json!({
                "numRetries": 5, "minDelayTarget": 1, "maxDelayTarget": 16, "backoffFunction": backoff
            });
            let waits = waits(&policy);
            assert_eq!((waits[0], waits[4]), (1, 16), "{backoff}");
            assert!(waits.is_sorted(), "{backoff}: {waits:?}");
        }
    }

    #[test]
    fn refused() {
        for policy in [
            r#"{"healthyRetryPolicy": {"numRetries": 101}}"#,
            r#"{"healthyRetryPolicy": {"minDelayTarget": 30, "maxDelayTarget": 20}}"#,
            r#"{"healthyRetryPolicy": {"maxDelayTarget": 3601}}"#,
            r#"{"healthyRetryPolicy": {"numRetries": 1, "numNoDelayRetries": 2}}"#,
            r#"{"healthyRetryPolicy": {"backoffFunction": "wild"}}"#,
            r#"{"throttlePolicy": {"maxReceivesPerSecond": 0}}"#,
            "[",
        ] {
            assert!(check(policy, false).is_err(), "{policy}");
        }
        assert!(check(r#"{"throttlePolicy": {"maxReceivesPerSecond": 1}}"#, false).is_ok());
        assert!(check(r#"{"http": {"defaultThrottlePolicy": {"maxReceivesPerSecond": -1}}}"#, true).is_err());
        assert!(check(r#"{"http": {"defaultHealthyRetryPolicy": {"numRetries": 5}}}"#, true).is_ok());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        // The first: ballerina-platform/module-ballerinax-aws.sns, setTopicAttributesNegativeTest, run on AWS.
        let topic = r#"{"http": {"defaultHealthyRetryPolicy": {"numRetries": 300}}}"#;
        assert_eq!(
            check(topic, true).unwrap_err(),
            "http.defaultHealthyRetryPolicy.numRetries must be less than or equal to 100"
        );
        let own = r#"{"throttlePolicy": {"maxReceivesPerSecond": 1}}"#;
        assert_eq!(check(own, true).unwrap_err(), "Unexpected JSON member: throttlePolicy");
        for (kind, of_topic, of_raw) in [
            ("application/json", true, true),
            ("text/plain; charset=UTF-8", true, true),
            ("text/csv", false, true),
            ("image/png", false, false),
        ] {
            let topic = json!({"http": {"defaultRequestPolicy": {"headerContentType": kind}}}).to_string();
            assert_eq!(check(&topic, true).is_ok(), of_topic, "{kind}");
            let own = json!({"requestPolicy": {"headerContentType": kind}}).to_string();
            assert_eq!(check(&own, false).is_ok(), of_raw, "{kind}");
        }
    }

    #[test]
    fn a_subscription_stands_over_its_topic() {
        let topic = r#"{"http": {"defaultHealthyRetryPolicy": {"numRetries": 5, "minDelayTarget": 2}}}"#;
        let own = r#"{"healthyRetryPolicy": {"numRetries": 7}}"#;
        let both = effective(Some(topic), Some(own));
        assert_eq!(both["healthyRetryPolicy"]["numRetries"], 7);
        assert_eq!(both["healthyRetryPolicy"]["minDelayTarget"], 2);
        let barred = r#"{"http": {"disableSubscriptionOverrides": true}}"#;
        assert_eq!(effective(Some(barred), Some(own))["healthyRetryPolicy"]["numRetries"], 3);
    }
}
