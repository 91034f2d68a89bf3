//! A queue's attributes: their defaults, bounds and texts (SetQueueAttributes, API reference).

use crate::errors::SqsError;
use crate::rules::{MAX_DELAY_S, MAX_MESSAGE_BYTES, MAX_VISIBILITY_S, MAX_WAIT_S};
use names::Arn;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What can be set of a queue. Times in seconds, sizes in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes {
    /// How long a received message is hidden.
    pub visibility_timeout: i64,
    /// Largest message.
    pub maximum_message_size: i64,
    /// How long a message is kept.
    pub retention: i64,
    /// How long a new message is hidden.
    pub delay: i64,
    /// How long a receive waits.
    pub wait: i64,
    /// Where messages go that were received too often.
    pub redrive: Option<Redrive>,
    /// `RedriveAllowPolicy`, as it was given.
    pub redrive_allow: Option<String>,
    /// A FIFO queue.
    pub fifo: bool,
    /// Its messages are deduplicated by their content.
    pub content_deduplication: bool,
    /// Attributes that are kept and described: encryption, FIFO throughput.
    pub described: BTreeMap<String, String>,
}

/// `RedrivePolicy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redrive {
    /// The dead-letter queue.
    pub target: Arn,
    /// Receives after which a message goes there.
    pub max_receives: u32,
    /// The policy, its count a number however it was given.
    pub text: String,
}

impl Default for Attributes {
    fn default() -> Self {
        Attributes {
            visibility_timeout: 30,
            maximum_message_size: MAX_MESSAGE_BYTES as i64,
            retention: 345_600,
            delay: 0,
            wait: 0,
            redrive: None,
            redrive_allow: None,
            fifo: false,
            content_deduplication: false,
            described: BTreeMap::new(),
        }
    }
}

/// What can be asked of a queue (GetQueueAttributes, API reference).
pub const NAMES: [&str; 22] = [
    "All",
    "Policy",
    "VisibilityTimeout",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
    "ApproximateNumberOfMessagesDelayed",
    "DelaySeconds",
    "ReceiveMessageWaitTimeSeconds",
    "RedrivePolicy",
    "FifoQueue",
    "ContentBasedDeduplication",
    "KmsMasterKeyId",
    "KmsDataKeyReusePeriodSeconds",
    "DeduplicationScope",
    "FifoThroughputLimit",
    "RedriveAllowPolicy",
    "SqsManagedSseEnabled",
];

/// Sources that a dead-letter queue can name (SetQueueAttributes, API reference).
const MAX_SOURCES: usize = 10;
/// Encryption by a key of SQS's own.
const MANAGED: &str = "SqsManagedSseEnabled";
/// For how long a key of KMS is used again.
const REUSE: &str = "KmsDataKeyReusePeriodSeconds";

/// Attributes that only describe.
const DESCRIBED: [(&str, Option<&[&str]>); 5] = [
    ("KmsMasterKeyId", None),
    (REUSE, None),
    (MANAGED, Some(&["true", "false"])),
    ("DeduplicationScope", Some(&["messageGroup", "queue"])),
    ("FifoThroughputLimit", Some(&["perQueue", "perMessageGroupId"])),
];

fn invalid(name: &str, why: &str) -> SqsError {
    SqsError::InvalidAttributeValue(name.to_owned(), why.to_owned())
}

fn number(name: &str, text: &str, least: i64, greatest: i64) -> Result<i64, SqsError> {
    let number = text.parse().ok().filter(|number| (least..=greatest).contains(number));
    number.ok_or_else(|| invalid(name, ""))
}

fn truth(name: &str, text: &str) -> Result<bool, SqsError> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(invalid(name, "")),
    }
}

/// Refuses a request that asks for both ways of encryption.
pub fn check_encryption(given: &BTreeMap<String, String>) -> Result<(), SqsError> {
    let has_key = given.get("KmsMasterKeyId").is_some_and(|key| !key.is_empty());
    if has_key && given.get(MANAGED).is_some_and(|text| text == "true") {
        return Err(SqsError::InvalidAttributeName(
            "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS \
             SSE."
                .to_owned(),
        ));
    }
    Ok(())
}

impl Attributes {
    /// Sets an attribute from its text. The policy is not one of these: it is the head's.
    pub fn set(&mut self, name: &str, text: &str) -> Result<(), SqsError> {
        match name {
            "VisibilityTimeout" => self.visibility_timeout = number(name, text, 0, MAX_VISIBILITY_S)?,
            "MaximumMessageSize" => {
                self.maximum_message_size = number(name, text, 1024, MAX_MESSAGE_BYTES as i64)?;
            }
            "MessageRetentionPeriod" => self.retention = number(name, text, 60, 1_209_600)?,
            "DelaySeconds" => self.delay = number(name, text, 0, MAX_DELAY_S)?,
            "ReceiveMessageWaitTimeSeconds" => self.wait = number(name, text, 0, MAX_WAIT_S)?,
            "RedrivePolicy" => self.redrive = redrive(text)?,
            "RedriveAllowPolicy" => self.redrive_allow = redrive_allow(text)?,
            "FifoQueue" => self.fifo = truth(name, text)?,
            "ContentBasedDeduplication" => {
                self.content_deduplication = truth(name, text)?;
                if !self.fifo {
                    return Err(SqsError::UnknownAttribute(name.to_owned()));
                }
            }
            _ => self.describe(name, text)?,
        }
        Ok(())
    }

    fn describe(&mut self, name: &str, text: &str) -> Result<(), SqsError> {
        let (_, allowed) = DESCRIBED
            .iter()
            .find(|(known, _)| *known == name)
            .ok_or_else(|| SqsError::UnknownAttribute(name.to_owned()))?;
        if allowed.is_some_and(|allowed| !allowed.contains(&text)) {
            return Err(invalid(name, ""));
        }
        if matches!(name, "DeduplicationScope" | "FifoThroughputLimit") && !self.fifo {
            return Err(SqsError::InvalidAttributeName(format!(
                "You can specify the {name} only when FifoQueue is set to true."
            )));
        }
        if name == REUSE {
            number(name, text, 60, 86_400)?;
        }
        if text.is_empty() {
            self.described.remove(name);
            return Ok(());
        }
        self.described.insert(name.to_owned(), text.to_owned());
        // A queue is encrypted in one way only.
        match (name, text) {
            ("KmsMasterKeyId", _) => {
                self.described.insert(MANAGED.to_owned(), "false".to_owned());
            }
            (MANAGED, "true") => {
                self.described.remove("KmsMasterKeyId");
            }
            _ => {}
        }
        Ok(())
    }

    /// Refuses attributes that cannot stand together (SQS developer guide, "High throughput for FIFO queues").
    pub fn check_together(&self) -> Result<(), SqsError> {
        let is = |name: &str, value: &str| self.described.get(name).is_some_and(|text| text == value);
        if is("FifoThroughputLimit", "perMessageGroupId") && !is("DeduplicationScope", "messageGroup") {
            return Err(invalid(
                "FifoThroughputLimit",
                "The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup.",
            ));
        }
        Ok(())
    }

    /// Whether deduplication ids are those of a group, and not of the whole queue.
    pub fn deduplicates_by_group(&self) -> bool {
        self.described.get("DeduplicationScope").is_some_and(|scope| scope == "messageGroup")
    }

    /// All attributes as texts, those of FIFO queues only for these.
    pub fn texts(&self) -> BTreeMap<String, String> {
        let mut texts: BTreeMap<String, String> = [
            ("VisibilityTimeout", self.visibility_timeout),
            ("MaximumMessageSize", self.maximum_message_size),
            ("MessageRetentionPeriod", self.retention),
            ("DelaySeconds", self.delay),
            ("ReceiveMessageWaitTimeSeconds", self.wait),
        ]
        .into_iter()
        .map(|(name, number)| (name.to_owned(), number.to_string()))
        .collect();
        let mut text = |name: &str, value: String| texts.insert(name.to_owned(), value);
        if let Some(redrive) = &self.redrive {
            text("RedrivePolicy", redrive.text.clone());
        }
        if let Some(policy) = &self.redrive_allow {
            text("RedriveAllowPolicy", policy.clone());
        }
        let has_key = self.described.contains_key("KmsMasterKeyId");
        if !has_key {
            text(MANAGED, "true".to_owned());
        } else {
            text(REUSE, "300".to_owned());
        }
        if self.fifo {
            text("FifoQueue", "true".to_owned());
            text("ContentBasedDeduplication", self.content_deduplication.to_string());
            text("DeduplicationScope", "queue".to_owned());
            text("FifoThroughputLimit", "perQueue".to_owned());
        }
        texts.extend(self.described.clone());
        if !has_key {
            texts.remove(REUSE);
        }
        texts
    }
}

fn redrive(text: &str) -> Result<Option<Redrive>, SqsError> {
    const NAME: &str = "RedrivePolicy";
    if text.is_empty() {
        return Ok(None);
    }
    let policy: Value =
        serde_json::from_str(text).map_err(|_| invalid(NAME, "Redrive policy is not a valid JSON map."))?;
    let target = policy.get("deadLetterTargetArn").and_then(Value::as_str);
    let target = target.ok_or_else(|| {
        invalid(NAME, "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.")
    })?;
    let target: Arn = target.parse().map_err(|_| invalid(NAME, "Invalid value for deadLetterTargetArn."))?;
    // Terraform and older SDKs write the number as a text.
    let count = policy.get("maxReceiveCount").ok_or_else(|| {
        invalid(NAME, "Redrive policy does not contain mandatory attribute: maxReceiveCount.")
    })?;
    let count =
        count.as_u64().or_else(|| count.as_str()?.parse().ok()).filter(|count| (1..=1000).contains(count));
    let max_receives = count
        .and_then(|count| u32::try_from(count).ok())
        .ok_or_else(|| invalid(NAME, "Invalid value for maxReceiveCount: must be between 1 and 1000."))?;
    let text = format!(r#"{{"deadLetterTargetArn":"{target}","maxReceiveCount":{max_receives}}}"#);
    Ok(Some(Redrive { target, max_receives, text }))
}

fn redrive_allow(text: &str) -> Result<Option<String>, SqsError> {
    const NAME: &str = "RedriveAllowPolicy";
    if text.is_empty() {
        return Ok(None);
    }
    let policy: Value =
        serde_json::from_str(text).map_err(|_| invalid(NAME, "It is not a valid JSON map."))?;
    match policy.get("redrivePermission").and_then(Value::as_str) {
        Some("allowAll" | "denyAll") if policy.get("sourceQueueArns").is_none() => Ok(Some(text.to_owned())),
        Some("byQueue") => match policy.get("sourceQueueArns").and_then(Value::as_array) {
            Some(sources) if (1..=MAX_SOURCES).contains(&sources.len()) => Ok(Some(text.to_owned())),
            Some(_) => Err(invalid(NAME, "sourceQueueArns must name between 1 and 10 queues.")),
            None => Err(invalid(NAME, "redrivePermission byQueue needs sourceQueueArns.")),
        },
        _ => Err(invalid(
            NAME,
            "redrivePermission must be allowAll, denyAll, or byQueue with sourceQueueArns.",
        )),
    }
}

/// Whether a dead-letter queue takes messages of a source.
pub fn allows_source(policy: Option<&str>, source: &Arn) -> bool {
    let Some(policy) = policy.and_then(|text| serde_json::from_str::<Value>(text).ok()) else {
        return true;
    };
    match policy.get("redrivePermission").and_then(Value::as_str) {
        Some("denyAll") => false,
        Some("byQueue") => {
            let sources = policy.get("sourceQueueArns").and_then(Value::as_array);
            sources.into_iter().flatten().any(|arn| arn.as_str() == Some(source.as_str()))
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds() {
        // SetQueueAttributes, API reference.
        let cases = [
            ("VisibilityTimeout", "43200", true),
            ("VisibilityTimeout", "43201", false),
            ("VisibilityTimeout", "x", false),
            ("MaximumMessageSize", "1023", false),
            ("MaximumMessageSize", "1048576", true),
            ("MessageRetentionPeriod", "59", false),
            ("DelaySeconds", "901", false),
            ("ReceiveMessageWaitTimeSeconds", "21", false),
            ("SqsManagedSseEnabled", "maybe", false),
            ("Unheard", "1", false),
            ("ContentBasedDeduplication", "true", false),
            ("DeduplicationScope", "queue", false),
            ("RedriveAllowPolicy", r#"{"redrivePermission":"byQueue"}"#, false),
            ("RedriveAllowPolicy", r#"{"redrivePermission":"byQueue","sourceQueueArns":["a"]}"#, true),
            (
                "RedriveAllowPolicy",
                r#"{"redrivePermission":"byQueue","sourceQueueArns":[1,2,3,4,5,6,7,8,9,10,11]}"#,
                false,
            ),
            ("RedrivePolicy", "{}", false),
            (
                "RedrivePolicy",
                r#"{"deadLetterTargetArn":"arn:aws:sqs:r:000000000000:d","maxReceiveCount":"3"}"#,
                true,
            ),
            (
                "RedrivePolicy",
                r#"{"deadLetterTargetArn":"arn:aws:sqs:r:000000000000:d","maxReceiveCount":0}"#,
                false,
            ),
            ("RedriveAllowPolicy", r#"{"redrivePermission":"byQueue"}"#, false),
        ];
        for (name, text, fine) in cases {
            assert_eq!(Attributes::default().set(name, text).is_ok(), fine, "{name} {text}");
        }
    }

    #[test]
    fn defaults_are_described() {
        let texts = Attributes::default().texts();
        assert_eq!(texts["VisibilityTimeout"], "30");
        assert_eq!(texts["MessageRetentionPeriod"], "345600");
        assert_eq!(texts["SqsManagedSseEnabled"], "true");
        assert!(!texts.contains_key("FifoQueue"));
    }

    /// As SQS answered LocalStack's test_set_queue_attributes_default_values.
    #[test]
    fn one_way_of_encryption() {
        let mut attributes = Attributes::default();
        attributes.set("KmsMasterKeyId", "key").unwrap();
        let texts = attributes.texts();
        assert_eq!((texts[MANAGED].as_str(), texts[REUSE].as_str()), ("false", "300"));
        attributes.set("KmsMasterKeyId", "").unwrap();
        attributes.set(REUSE, "300").unwrap();
        let texts = attributes.texts();
        assert_eq!((texts[MANAGED].as_str(), texts.get(REUSE)), ("false", None));
        let both = [("KmsMasterKeyId", "key"), (MANAGED, "true")];
        let both = both.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
        assert!(check_encryption(&both).is_err());
    }

    #[test]
    fn sources() {
        let source: Arn = "arn:aws:sqs:us-east-1:000000000000:s".parse().unwrap();
        let by_queue =
            r#"{"redrivePermission":"byQueue","sourceQueueArns":["arn:aws:sqs:us-east-1:000000000000:s"]}"#;
        let cases =
            [(None, true), (Some(r#"{"redrivePermission":"denyAll"}"#), false), (Some(by_queue), true)];
        for (policy, expect) in cases {
            assert_eq!(allows_source(policy, &source), expect, "{policy:?}");
        }
    }
}
