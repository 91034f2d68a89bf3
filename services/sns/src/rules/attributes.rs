//! Attributes of topics and subscriptions: which there are, and what they may hold (SetTopicAttributes and
//! SetSubscriptionAttributes, API reference).

use crate::errors::SnsError;
use crate::rules::filter::{Filter, Refusal, Subject};
use crate::rules::{delivery_policy, json as given};
use crate::state::Protocol;
use names::{AccountId, Arn};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Protocols whose deliveries can be logged, as they begin the names of attributes.
pub const LOGGED: [&str; 5] = ["Application", "Firehose", "HTTP", "Lambda", "SQS"];

/// What is told of a rate that is none (createTopicWithInvalidAttributesTest and others of
/// ballerina-platform/module-ballerinax-aws.sns, run on AWS).
pub const NO_RATE: &str = "value provided is not an integer between 0-100";

/// What is told of an action that no topic's policy can have.
const OUT_OF_SCOPE: &str = "Policy statement action out of service scope!";
/// What is told of a text that is no policy (createTopicWithInvalidPolicy of the same).
const NO_POLICY: &str = "Policy Error: null";

/// Most days that a topic keeps messages.
const MAX_ARCHIVE_DAYS: i64 = 365;

fn is_true_or_false(text: &str) -> bool {
    text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false")
}

/// Why a topic does not take an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// Its topics have none of this name.
    Unknown,
    /// It cannot have this value, which CreateTopic does not tell from a name that there is not.
    Value(String),
    /// It cannot have this value, which is told of a new topic as of one that is there.
    ValueToo(String),
    /// It is a policy of actions that topics do not have.
    OutOfScope,
    /// It is no policy.
    NoPolicy,
}

impl Refused {
    /// As SetTopicAttributes tells it.
    pub fn of_setting(self) -> SnsError {
        SnsError::invalid(match self {
            Refused::Unknown => "AttributeName",
            Refused::Value(ref why) | Refused::ValueToo(ref why) => why,
            Refused::OutOfScope => OUT_OF_SCOPE,
            Refused::NoPolicy => NO_POLICY,
        })
    }

    /// As CreateTopic tells it of the attribute of this name.
    pub fn of_creation(self, name: &str) -> SnsError {
        SnsError::invalid(match self {
            Refused::Unknown | Refused::Value(_) => {
                format!("Attributes Reason: Unknown or invalid attribute {name}")
            }
            Refused::ValueToo(why) => format!("Attributes Reason: {why}"),
            Refused::OutOfScope => format!("Attributes Reason: {OUT_OF_SCOPE}"),
            Refused::NoPolicy => NO_POLICY.to_owned(),
        })
    }
}

/// Whether an attribute tells of deliveries of a protocol.
fn is_feedback(name: &str) -> bool {
    LOGGED.iter().filter_map(|protocol| name.strip_prefix(protocol)).any(|rest| {
        matches!(rest, "SuccessFeedbackRoleArn" | "FailureFeedbackRoleArn" | "SuccessFeedbackSampleRate")
    })
}

/// Checks an attribute of a topic; the policy is checked by whoever keeps it.
pub fn check_topic(name: &str, text: &str, fifo: bool) -> Result<(), Refused> {
    let refuse = |fine: bool, why: &str| {
        if fine { Ok(()) } else { Err(Refused::Value(format!("{name} Reason: {why}"))) }
    };
    match name {
        "DisplayName" => refuse(text.chars().count() <= 100, "must be at most 100 characters long"),
        "DeliveryPolicy" if text.is_empty() => Ok(()),
        "DeliveryPolicy" => delivery_policy::check(text, true)
            .map_err(|why| Refused::ValueToo(format!("DeliveryPolicy: {why}"))),
        "KmsMasterKeyId" => Ok(()),
        "SignatureVersion" => refuse(matches!(text, "1" | "2"), "Invalid value. Must be 1 or 2"),
        "TracingConfig" => refuse(
            matches!(text, "PassThrough" | "Active"),
            "Invalid value. Please use either Active or PassThrough",
        ),
        "ContentBasedDeduplication" if fifo => refuse(is_true_or_false(text), "must be true or false"),
        "FifoThroughputScope" if fifo => {
            refuse(matches!(text, "Topic" | "MessageGroup"), "must be Topic or MessageGroup")
        }
        "ArchivePolicy" if fifo => check_archive(text),
        name if is_feedback(name) => check_feedback(name, text),
        _ => Err(Refused::Unknown),
    }
}

/// How many of a hundred deliveries are told.
pub fn is_rate(text: &str) -> bool {
    text.parse::<u8>().is_ok_and(|rate| rate <= 100)
}

fn check_feedback(name: &str, text: &str) -> Result<(), Refused> {
    if name.ends_with("SampleRate") {
        let why = || Refused::ValueToo(format!("{name}: {text} {NO_RATE}"));
        return if is_rate(text) { Ok(()) } else { Err(why()) };
    }
    let fine = text.is_empty() || text.parse::<Arn>().is_ok_and(|arn| arn.service() == "iam");
    if fine { Ok(()) } else { Err(Refused::Value(name.to_owned())) }
}

fn check_archive(text: &str) -> Result<(), Refused> {
    if text.is_empty() || archive_days(text).is_some() {
        return Ok(());
    }
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(policy)) if policy.is_empty() => Ok(()),
        _ => Err(Refused::ValueToo(
            "ArchivePolicy: MessageRetentionPeriod must be an integer between 1 and 365".to_owned(),
        )),
    }
}

/// How many days an archive policy keeps messages; `None` where it keeps none.
pub fn archive_days(text: &str) -> Option<i64> {
    let policy: Value = serde_json::from_str(text).ok()?;
    let days = policy.get("MessageRetentionPeriod")?;
    let days = days.as_i64().or_else(|| days.as_str()?.parse().ok());
    days.filter(|days| (1..=MAX_ARCHIVE_DAYS).contains(days))
}

/// The policy of a topic that was given none: its account may do everything.
pub fn default_policy(arn: &Arn, owner: AccountId) -> String {
    json!({
        "Version": "2008-10-17",
        "Id": "__default_policy_ID",
        "Statement": [{
            "Effect": "Allow",
            "Sid": "__default_statement_ID",
            "Principal": {"AWS": "*"},
            "Action": [
                "SNS:GetTopicAttributes", "SNS:SetTopicAttributes", "SNS:AddPermission", "SNS:RemovePermission",
                "SNS:DeleteTopic", "SNS:Subscribe", "SNS:ListSubscriptionsByTopic", "SNS:Publish",
            ],
            "Resource": arn.as_str(),
            "Condition": {"StringEquals": {"AWS:SourceOwner": owner.to_string()}},
        }],
    })
    .to_string()
}

/// Whether a policy is the one of topics that were given none: it grants what the account may do anyway.
pub fn is_default_policy(text: &str, arn: &Arn, owner: AccountId) -> bool {
    let default = serde_json::from_str::<Value>(&default_policy(arn, owner));
    serde_json::from_str::<Value>(text).ok() == default.ok()
}

/// Where attributes of a subscription are set: Subscribe words its refusals another way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// When it is made.
    Subscribe,
    /// Later.
    Set,
}

/// Checks the attributes of a subscription together.
pub fn check_subscription(
    attributes: &BTreeMap<String, String>,
    protocol: Protocol,
    (fifo, setting): (bool, Setting),
) -> Result<(), SnsError> {
    for (name, text) in attributes {
        check_one(name, text, protocol, (fifo, setting))?;
    }
    filter(attributes, setting).map(drop)
}

fn check_one(
    name: &str,
    text: &str,
    protocol: Protocol,
    (fifo, setting): (bool, Setting),
) -> Result<(), SnsError> {
    let prefix = if setting == Setting::Subscribe { "Attributes Reason: " } else { "" };
    let invalid = |why: String| Err(SnsError::invalid(format!("{prefix}{why}")));
    match name {
        "RawMessageDelivery" if !is_true_or_false(text) => {
            invalid(format!("RawMessageDelivery: Invalid value [{text}]. Must be true or false."))
        }
        "RawMessageDelivery" if text.eq_ignore_ascii_case("true") && !protocol.takes_raw() => {
            // Without the attribute's name (subscribeWithInvalidAttributeTest of
            // ballerina-platform/module-ballerinax-aws.sns, run on AWS).
            invalid(format!("Delivery protocol [{}] does not support raw message delivery.", protocol.name()))
        }
        "FilterPolicyScope" if !matches!(text, "MessageAttributes" | "MessageBody") => invalid(format!(
            "FilterPolicyScope: Invalid value [{text}]. Please use either MessageBody or MessageAttributes"
        )),
        "DeliveryPolicy" if !text.is_empty() => match delivery_policy::check(text, false) {
            Ok(()) => Ok(()),
            Err(why) => invalid(format!("DeliveryPolicy: {why}")),
        },
        "RedrivePolicy" if !text.is_empty() => check_redrive(text, prefix),
        "ReplayPolicy" if !fifo => invalid("ReplayPolicy: only supported for FIFO topics".to_owned()),
        "ReplayPolicy" if !text.is_empty() => replay(text).map(drop).or_else(invalid),
        "SubscriptionRoleArn"
        | "RawMessageDelivery"
        | "FilterPolicyScope"
        | "DeliveryPolicy"
        | "RedrivePolicy"
        | "ReplayPolicy"
        | "FilterPolicy" => Ok(()),
        _ => Err(SnsError::invalid(match setting {
            Setting::Subscribe => "Attributes Reason: Unknown attribute".to_owned() + &format!(": {name}"),
            Setting::Set => "AttributeName".to_owned(),
        })),
    }
}

fn check_redrive(text: &str, prefix: &str) -> Result<(), SnsError> {
    let invalid = |why: &str| Err(SnsError::invalid(format!("{prefix}RedrivePolicy: {why}")));
    let policy = match given::read(text) {
        Ok(policy) => policy,
        Err(why) => return invalid(&why),
    };
    match policy.get("deadLetterTargetArn") {
        None => invalid("deadLetterTargetArn is required."),
        Some(target) if dead_letter_of(target).is_none() => invalid("deadLetterTargetArn is an invalid arn"),
        Some(_) => Ok(()),
    }
}

fn dead_letter_of(target: &Value) -> Option<Arn> {
    target.as_str()?.parse().ok().filter(|arn: &Arn| arn.service() == "sqs")
}

/// Where messages go that a subscriber cannot be given.
pub fn dead_letter(attributes: &BTreeMap<String, String>) -> Option<Arn> {
    let policy: Value = serde_json::from_str(attributes.get("RedrivePolicy")?).ok()?;
    dead_letter_of(policy.get("deadLetterTargetArn")?)
}

/// From which moment to which a subscriber wants the archive again, as texts of ISO 8601.
pub fn replay(text: &str) -> Result<(String, Option<String>), String> {
    let wrong = |why: &str| format!("ReplayPolicy: {why}");
    let policy: Value = serde_json::from_str(text).map_err(|_| wrong("failed to parse JSON."))?;
    let moment = |name: &str| policy.get(name).and_then(Value::as_str).map(str::to_owned);
    if policy.get("PointType").and_then(Value::as_str) != Some("Timestamp") {
        return Err(wrong("PointType must be Timestamp"));
    }
    let start = moment("StartingPoint").ok_or_else(|| wrong("StartingPoint is required"))?;
    Ok((start, moment("EndingPoint")))
}

/// The filter that attributes of a subscription make, where they make one.
pub fn filter(attributes: &BTreeMap<String, String>, setting: Setting) -> Result<Option<Filter>, SnsError> {
    let text = attributes.get("FilterPolicy").map_or("", String::as_str);
    if text.is_empty() || text == "{}" {
        return Ok(None);
    }
    let subject = match attributes.get("FilterPolicyScope").map(String::as_str) {
        Some("MessageBody") => Subject::Body,
        _ => Subject::Attributes,
    };
    let prefix = if setting == Setting::Subscribe { "Attributes Reason: " } else { "" };
    Filter::parse(text, subject).map(Some).map_err(|refusal| match refusal {
        Refusal::Wrong(why) => SnsError::invalid(format!("{prefix}FilterPolicy: {why}")),
        Refusal::Nested => {
            SnsError::invalid("Filter policy scope MessageAttributes does not support nested filter policy")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_topics() {
        let table = [
            ("DisplayName", "Bards", false, true),
            ("SignatureVersion", "3", false, false),
            ("TracingConfig", "Active", false, true),
            ("ContentBasedDeduplication", "true", false, false),
            ("ContentBasedDeduplication", "true", true, true),
            ("ArchivePolicy", r#"{"MessageRetentionPeriod":"30"}"#, true, true),
            ("ArchivePolicy", r#"{"MessageRetentionPeriod":366}"#, true, false),
            ("HTTPSuccessFeedbackSampleRate", "100", false, true),
            ("HTTPSuccessFeedbackSampleRate", "101", false, false),
            ("SQSFailureFeedbackRoleArn", "arn:aws:iam::000000000000:role/r", false, true),
            ("Colour", "red", false, false),
        ];
        for (name, text, fifo, fine) in table {
            assert_eq!(check_topic(name, text, fifo).is_ok(), fine, "{name} {text}");
        }
    }

    /// As a new topic and one that is there are refused the same attribute (createTopicWithInvalidAttributesTest and
    /// createTopicWithInvalidPolicy of ballerina-platform/module-ballerinax-aws.sns, run on AWS).
    #[test]
    fn in_two_wordings() {
        let unknown = |name: &str| format!("Attributes Reason: Unknown or invalid attribute {name}");
        let rate = "HTTPSuccessFeedbackSampleRate";
        let told = format!("{rate}: x {NO_RATE}");
        for (refused, name, created, set) in [
            (check_topic("Colour", "red", false), "Colour", unknown("Colour"), "AttributeName".to_owned()),
            (
                check_topic("SignatureVersion", "3", false),
                "SignatureVersion",
                unknown("SignatureVersion"),
                "SignatureVersion Reason: Invalid value. Must be 1 or 2".to_owned(),
            ),
            (check_topic(rate, "x", false), rate, format!("Attributes Reason: {told}"), told.clone()),
            (
                Err(Refused::OutOfScope),
                "Policy",
                format!("Attributes Reason: {OUT_OF_SCOPE}"),
                OUT_OF_SCOPE.to_owned(),
            ),
            (Err(Refused::NoPolicy), "Policy", NO_POLICY.to_owned(), NO_POLICY.to_owned()),
        ] {
            let refused = refused.unwrap_err();
            assert_eq!(refused.clone().of_creation(name), SnsError::Invalid(created));
            assert_eq!(refused.of_setting(), SnsError::Invalid(set));
        }
    }

    #[test]
    fn of_subscriptions() {
        let queue = r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:d"}"#;
        let table = [
            ("RawMessageDelivery", "true", Protocol::Sqs, true),
            ("RawMessageDelivery", "yes", Protocol::Sqs, false),
            ("RawMessageDelivery", "true", Protocol::Email, false),
            ("RedrivePolicy", queue, Protocol::Sqs, true),
            ("RedrivePolicy", r#"{"deadLetterTargetArn":"x"}"#, Protocol::Sqs, false),
            ("RedrivePolicy", "{}", Protocol::Sqs, false),
            ("FilterPolicyScope", "Both", Protocol::Sqs, false),
            ("FilterPolicy", r#"{"a":["x"]}"#, Protocol::Sqs, true),
            ("FilterPolicy", "{", Protocol::Sqs, false),
            ("ReplayPolicy", "{}", Protocol::Sqs, false),
            ("Colour", "red", Protocol::Sqs, false),
        ];
        for (name, text, protocol, fine) in table {
            let attributes = [(name.to_owned(), text.to_owned())].into();
            let checked = check_subscription(&attributes, protocol, (false, Setting::Subscribe));
            assert_eq!(checked.is_ok(), fine, "{name} {text}");
        }
    }
}
