//! Delivery status: what became of a message at a subscriber, written to the log group of its topic where
//! that wants it (SNS developer guide, "Amazon SNS message delivery status").

use crate::errors::SnsError;
use crate::state::statuses::{self, Line};
use crate::state::{self, Message, Protocol, Topic};
use crate::views::WaitingStatuses;
use bytes::Bytes;
use md5::{Digest, Md5};
use names::{AccountId, Arn, Scope, Timestamp};
use ports::LogTarget;
use schema::ApiError;
use serde_json::json;
use service::{Ctx, Ended, Log, hex, uuid_of};
use std::collections::BTreeMap;
use store::{Fault, Tx};

/// What became of a message at one subscriber.
pub struct Status<'a> {
    /// With what the topic's attributes for its kind of subscriber begin: `HTTP`, `SQS`.
    pub kind: &'static str,
    /// The message's id.
    pub message: &'a str,
    /// The MD5 of its text.
    pub digest: &'a str,
    /// When it was published.
    pub posted: Timestamp,
    /// Where it went.
    pub destination: &'a str,
    /// What was answered there.
    pub response: String,
    /// The status of the answer, where there was one.
    pub code: Option<u16>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// How often it was tried.
    pub attempts: u32,
    /// What caused it, for our own log.
    pub cause: &'a str,
}

impl Status<'_> {
    fn is_success(&self) -> bool {
        matches!(self.code, Some(200..=299))
    }
}

/// With what a topic's attributes for a kind of subscriber begin; `None` for those whose deliveries are told by no
/// topic.
pub fn kind(protocol: Protocol) -> Option<&'static str> {
    match protocol {
        Protocol::Http | Protocol::Https => Some("HTTP"),
        Protocol::Sqs => Some("SQS"),
        Protocol::Lambda => Some("Lambda"),
        Protocol::Firehose => Some("Firehose"),
        Protocol::Application => Some("Application"),
        Protocol::Email | Protocol::EmailJson | Protocol::Sms => None,
    }
}

/// Whether a topic wants to know anything of deliveries to a kind of subscriber.
pub fn is_watched(topic: &Topic, kind: &str) -> bool {
    is_wanted(topic, kind, false, 0) || is_wanted(topic, kind, true, 0)
}

/// Whether a topic wants to know of a delivery, of which so many in a hundred are told.
fn is_wanted(topic: &Topic, kind: &str, success: bool, drawn: u8) -> bool {
    let attribute = |name: &str| topic.attributes.get(&format!("{kind}{name}"));
    let set = |name: &str| attribute(name).is_some_and(|role| !role.is_empty());
    if !success {
        return set("FailureFeedbackRoleArn");
    }
    let rate = attribute("SuccessFeedbackSampleRate").and_then(|rate| rate.parse::<u8>().ok());
    set("SuccessFeedbackRoleArn") && drawn < rate.unwrap_or(100)
}

/// Leaves what became of a message at a subscriber to be logged, in the commit that ends its delivery.
pub fn note(
    tx: &mut Tx,
    scope: &Scope,
    topic: &Topic,
    status: &Status<'_>,
    now: Timestamp,
) -> Result<(), Fault> {
    let number = tx.fresh_incarnation()?.0;
    // Made of a number that no other has: the closure may run again.
    let id = uuid_of(&format!("sns status {number}"));
    let drawn = u8::from_str_radix(&id[..2], 16).unwrap_or_default();
    let drawn = (u16::from(drawn) * 100 / 256) as u8;
    let success = status.is_success();
    if !is_wanted(topic, status.kind, success, drawn) {
        return Ok(());
    }
    let text = line(&state::arn(scope, &topic.name), status, &id).to_string();
    let cause = status.cause.to_owned();
    statuses::add(tx, scope, number, &Line { topic: topic.name.clone(), success, at: now, text, cause })
}

/// Lines that one round reads at once.
const LINES: usize = 200;

/// Logs what waits to be; woken by each line that comes.
pub async fn round(ctx: Ctx) -> Result<(), SnsError> {
    let mut after = 0;
    loop {
        let places: Vec<(u64, Scope)> = ctx.view::<WaitingStatuses>().with(&(), |places| {
            let left = places.range(after..).take(LINES);
            left.map(|(number, scope)| (*number, scope.clone())).collect()
        })?;
        let Some((last, _)) = places.last() else { return Ok(()) };
        // What the log does not take now is passed by, and waits for the next round.
        after = last + 1;
        log(&ctx, places).await?;
    }
}

/// The lines of one log group, with their numbers.
type Group = (Vec<u64>, Vec<(Timestamp, Bytes)>, String);

async fn log(ctx: &Ctx, places: Vec<(u64, Scope)>) -> Result<(), SnsError> {
    let read = ctx.read();
    let mut groups: BTreeMap<(Scope, String, bool), Group> = BTreeMap::new();
    for (number, scope) in places {
        let Some(line) = statuses::line(&read, &scope, number)? else { continue };
        let group = groups.entry((scope, line.topic, line.success)).or_default();
        group.0.push(number);
        group.1.push((line.at, Bytes::from(line.text)));
        group.2 = line.cause;
    }
    drop(read);
    for ((scope, topic, success), (numbers, lines, cause)) in groups {
        if written(ctx, &scope, &topic, success, lines, &cause).await {
            let gone = ctx.commit(move |tx| {
                numbers.iter().try_for_each(|number| statuses::remove(tx, &scope, *number))
            });
            gone.await.map_err(SnsError::Store)?;
        }
    }
    Ok(())
}

/// Writes lines to the log of a topic; whether they need not be written again.
async fn written(
    ctx: &Ctx,
    scope: &Scope,
    topic: &str,
    success: bool,
    lines: Vec<(Timestamp, Bytes)>,
    cause: &str,
) -> bool {
    // A region without logs keeps none.
    let Some(logs) = ctx.ports().logs.clone() else { return true };
    let (account, region) =
        (scope.account().unwrap_or(AccountId::DEFAULT), scope.region().cloned().unwrap_or_default());
    let failure = if success { "" } else { "/Failure" };
    let group = format!("sns/{region}/{account}/{topic}{failure}");
    let target = LogTarget { account, region, group, stream: topic.to_owned() };
    match logs.write(target, lines).await {
        Ok(()) => true,
        Err(error) => {
            Log::warn(cause, &format!("the status of a delivery cannot be logged: {error}"));
            error.is_sender()
        }
    }
}

/// The line of a log: its members are those of SNS's (SNS developer guide, "Amazon SNS message delivery status"; that of
/// a function, which has no attempts, as LocalStack's test_delivery_lambda recorded it).
fn line(topic: &Arn, status: &Status<'_>, id: &str) -> serde_json::Value {
    let success = status.is_success();
    let mut line = json!({
        "notification": {
            "messageMD5Sum": status.digest,
            "messageId": status.message,
            "topicArn": topic.as_str(),
            "timestamp": status.posted.iso8601_millis().replace('T', " ").trim_end_matches('Z'),
        },
        "delivery": {
            "deliveryId": id,
            "destination": status.destination,
            "providerResponse": status.response,
            "dwellTimeMs": status.took_ms,
            "statusCode": status.code,
        },
        "status": if success { "SUCCESS" } else { "FAILURE" },
    });
    if !(success && status.kind == "Lambda") {
        line["delivery"]["attempts"] = status.attempts.into();
    }
    line
}

/// The MD5 of a message's text, as a log has it.
pub fn digest(text: &str) -> String {
    hex(&Md5::digest(text))
}

/// What the relay tells back of a delivery to a queue or a function, where the topic wants to know of it.
pub fn told_back(topic: &Topic, protocol: Protocol, message: &Message) -> Option<String> {
    let kind = kind(protocol).filter(|kind| is_watched(topic, kind))?;
    Some(format!("{kind} {} {}", message.id, digest(&message.text)))
}

/// Notes how a delivery to a queue or a function ended.
pub fn note_ended(tx: &mut Tx, ended: &Ended<'_>) -> Result<(), Fault> {
    let delivery = ended.delivery;
    let mut told = delivery.context.told_back.as_deref().unwrap_or_default().split(' ');
    let (Some(kind), Some(message), Some(digest)) = (told.next(), told.next(), told.next()) else {
        return Ok(());
    };
    let Some((scope, name)) = state::place(&delivery.source) else { return Ok(()) };
    let Some(topic) = state::topic(tx, &scope, &name)? else { return Ok(()) };
    // What each answers with when it takes a message: a queue 200, a function that is invoked as an event 202.
    let (kind, service, taken) = if kind == "SQS" { ("SQS", "sqs", 200) } else { ("Lambda", "lambda", 202) };
    let (code, response) = match ended.refusal {
        None => (taken, json!({format!("{service}RequestId"): uuid_of(&delivery.id)})),
        Some(error) => (error.status, refusal(service, error)),
    };
    let status = Status {
        kind,
        message,
        digest,
        posted: delivery.posted,
        destination: delivery.target.as_str(),
        response: response.to_string(),
        code: Some(code),
        took_ms: (ended.at.millis() - delivery.posted.millis()).max(0).unsigned_abs(),
        attempts: ended.attempts,
        cause: &delivery.cause,
    };
    note(tx, &scope, &topic, &status, ended.at)
}

fn refusal(service: &str, error: &ApiError) -> serde_json::Value {
    json!({
        "ErrorCode": error.code,
        "ErrorMessage": error.message,
        format!("{service}RequestId"): "Unrecoverable",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::Incarnation;

    fn topic(attributes: &[(&str, &str)]) -> Topic {
        let attributes = attributes.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        Topic {
            incarnation: Incarnation(1),
            name: "t".to_owned(),
            created: Timestamp(0),
            fifo: false,
            attributes: attributes.collect(),
            data_protection: None,
            deleted: 0,
        }
    }

    #[test]
    fn who_wants_to_know() {
        let role = "arn:aws:iam::000000000000:role/r";
        let both = topic(&[("SQSSuccessFeedbackRoleArn", role), ("SQSSuccessFeedbackSampleRate", "30")]);
        assert!(is_wanted(&both, "SQS", true, 29) && !is_wanted(&both, "SQS", true, 30));
        assert!(!is_wanted(&both, "SQS", false, 0), "nobody asked for failures");
        assert!(!is_wanted(&both, "Lambda", true, 0));
        let text = "Should be received";
        let message = crate::rules::envelope::tests::message(text);
        // The digest: LocalStack's test_delivery_lambda recorded it.
        let told = "SQS i c1c7ff780647014d463e6801bf83c59d";
        assert_eq!(told_back(&both, Protocol::Sqs, &message).as_deref(), Some(told));
        assert_eq!(told_back(&both, Protocol::Lambda, &message), None);
        let failures = topic(&[("LambdaFailureFeedbackRoleArn", role)]);
        assert!(is_watched(&failures, "Lambda") && !is_wanted(&failures, "Lambda", true, 0));
    }
}
