//! What a subscriber gets of a message, and the text that its signature covers (SNS developer guide,
//! "Parsing Amazon SNS message formats" and "Verifying message signatures").

use crate::state::{Message, Subscription};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use service::{AttributeContent, TypedAttribute};
use std::collections::BTreeMap;

/// A signature, and with what it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// `1` or `2`.
    pub version: &'static str,
    /// In base64.
    pub signature: String,
    /// Where the certificate is.
    pub certificate_url: String,
}

/// Twenty digits, as SNS writes places in a FIFO topic.
pub fn sequence(number: u64) -> String {
    format!("{:020}", 10_000_000_000_000_000_000_u128 + u128::from(number))
}

/// Where a subscriber ends its subscription.
pub fn unsubscribe_url(origin: &str, subscription: &str) -> String {
    format!("{origin}/?Action=Unsubscribe&SubscriptionArn={subscription}")
}

/// Attributes as they stand in an envelope.
pub fn attributes(attributes: &BTreeMap<String, TypedAttribute>) -> Value {
    let shown = attributes.iter().map(|(name, attribute)| {
        let value = match &attribute.content {
            AttributeContent::Text(text) => text.clone(),
            AttributeContent::Binary(bytes) => STANDARD.encode(bytes),
        };
        (name.clone(), json!({"Type": attribute.data_type, "Value": value}))
    });
    Value::Object(shown.collect())
}

/// What the signature of a notification covers.
pub fn signed_text(message: &Message, text: &str) -> String {
    let at = message.at.iso8601_millis();
    let subject =
        message.subject.as_deref().map(|subject| format!("Subject\n{subject}\n")).unwrap_or_default();
    format!(
        "Message\n{text}\nMessageId\n{}\n{subject}Timestamp\n{at}\nTopicArn\n{}\nType\nNotification\n",
        message.id, message.topic
    )
}

/// The envelope for queues, mailboxes and HTTP.
pub fn notification(message: &Message, text: &str, subscription: &str, signed: Option<&Signed>) -> String {
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| drop(out.insert(name.to_owned(), value));
    put("Type", "Notification".into());
    put("MessageId", message.id.as_str().into());
    if let Some(place) = message.sequence {
        put("SequenceNumber", sequence(place).into());
    }
    put("TopicArn", message.topic.as_str().into());
    if let Some(subject) = &message.subject {
        put("Subject", subject.as_str().into());
    }
    put("Message", text.into());
    put("Timestamp", message.at.iso8601_millis().into());
    if let Some(signed) = signed {
        put("SignatureVersion", signed.version.into());
        put("Signature", signed.signature.as_str().into());
        put("SigningCertURL", signed.certificate_url.as_str().into());
    }
    put("UnsubscribeURL", unsubscribe_url(&message.origin, subscription).into());
    if !message.attributes.is_empty() {
        put("MessageAttributes", attributes(&message.attributes));
    }
    Value::Object(out).to_string()
}

/// The event that a function gets.
pub fn event(message: &Message, text: &str, subscription: &str, signed: Option<&Signed>) -> String {
    let signed_part = |part: fn(&Signed) -> &str| signed.map_or(Value::Null, |signed| part(signed).into());
    json!({"Records": [{
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription,
        "Sns": {
            "Type": "Notification",
            "MessageId": message.id,
            "TopicArn": message.topic.as_str(),
            "Subject": message.subject,
            "Message": text,
            "Timestamp": message.at.iso8601_millis(),
            "SignatureVersion": signed_part(|signed| signed.version),
            "Signature": signed_part(|signed| &signed.signature),
            "SigningCertUrl": signed_part(|signed| &signed.certificate_url),
            "UnsubscribeUrl": unsubscribe_url(&message.origin, subscription),
            "MessageAttributes": attributes(&message.attributes),
        },
    }]})
    .to_string()
}

/// A request for confirmation of a subscription.
pub struct Confirmation<'a> {
    /// The message's id.
    pub id: &'a str,
    /// The topic's ARN.
    pub topic: &'a str,
    /// The subscription's token.
    pub token: &'a str,
    /// The URL of the region.
    pub origin: &'a str,
    /// When, as ISO 8601.
    pub at: &'a str,
}

impl Confirmation<'_> {
    /// What is asked.
    pub fn text(&self) -> String {
        format!(
            "You have chosen to subscribe to the topic {}.\nTo confirm the subscription, visit the \
             SubscribeURL included in this message.",
            self.topic
        )
    }

    /// Where the subscriber confirms.
    pub fn url(&self) -> String {
        format!("{}/?Action=ConfirmSubscription&TopicArn={}&Token={}", self.origin, self.topic, self.token)
    }

    /// What its signature covers.
    pub fn signed_text(&self) -> String {
        format!(
            "Message\n{}\nMessageId\n{}\nSubscribeURL\n{}\nTimestamp\n{}\nToken\n{}\nTopicArn\n{}\nType\n\
             SubscriptionConfirmation\n",
            self.text(),
            self.id,
            self.url(),
            self.at,
            self.token,
            self.topic
        )
    }

    /// The envelope.
    pub fn body(&self, signed: &Signed) -> String {
        json!({
            "Type": "SubscriptionConfirmation",
            "MessageId": self.id,
            "Token": self.token,
            "TopicArn": self.topic,
            "Message": self.text(),
            "SubscribeURL": self.url(),
            "Timestamp": self.at,
            "SignatureVersion": signed.version,
            "Signature": signed.signature,
            "SigningCertURL": signed.certificate_url,
        })
        .to_string()
    }
}

/// The headers of a request to a subscriber.
pub fn headers(
    kind: &str,
    (message, topic, subscription): (&str, &str, Option<&str>),
    content_type: &str,
    raw: bool,
) -> BTreeMap<String, String> {
    let mut headers: BTreeMap<String, String> = [
        ("x-amz-sns-message-type", kind),
        ("x-amz-sns-message-id", message),
        ("x-amz-sns-topic-arn", topic),
        ("content-type", content_type),
        ("user-agent", "Amazon Simple Notification Service Agent"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect();
    headers.extend(subscription.map(|arn| ("x-amz-sns-subscription-arn".to_owned(), arn.to_owned())));
    if raw {
        headers.insert("x-amz-sns-rawdelivery".to_owned(), "true".to_owned());
    }
    headers
}

/// Whether what a subscriber gets has an envelope with a signature.
pub fn is_signed(subscription: &Subscription) -> bool {
    use crate::state::Protocol::{EmailJson, Http, Https, Lambda, Sqs};
    match subscription.protocol {
        Lambda | EmailJson => true,
        Http | Https | Sqs => !subscription.is_raw(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use names::Timestamp;

    fn message() -> Message {
        Message {
            id: "i".to_owned(),
            topic: "arn:aws:sns:us-east-1:000000000000:t".parse().unwrap(),
            subject: Some("s".to_owned()),
            text: "m".to_owned(),
            texts: BTreeMap::new(),
            attributes: BTreeMap::new(),
            group: None,
            deduplication_id: None,
            sequence: None,
            at: Timestamp(1_767_225_600_123),
            origin: "http://localhost:4566".to_owned(),
            cause: String::new(),
            hops: 0,
        }
    }

    #[test]
    fn what_is_signed() {
        // Keys in byte order, each key and each value on its line (SNS developer guide, "Verifying message
        // signatures").
        let expect = "Message\nm\nMessageId\ni\nSubject\ns\nTimestamp\n2026-01-01T00:00:00.123Z\nTopicArn\n\
                      arn:aws:sns:us-east-1:000000000000:t\nType\nNotification\n";
        assert_eq!(signed_text(&message(), "m"), expect);
    }

    #[test]
    fn envelopes() {
        let plain: Value = serde_json::from_str(&notification(&message(), "m", "sub", None)).unwrap();
        assert_eq!(plain["Type"], "Notification");
        assert_eq!(plain["Timestamp"], "2026-01-01T00:00:00.123Z");
        assert_eq!(plain.get("SequenceNumber"), None);
        assert_eq!(plain.get("MessageAttributes"), None);
        let ordered = Message { sequence: Some(7), ..message() };
        let ordered: Value = serde_json::from_str(&notification(&ordered, "m", "sub", None)).unwrap();
        assert_eq!(ordered["SequenceNumber"], "10000000000000000007");
        let event: Value = serde_json::from_str(&event(&message(), "m", "sub", None)).unwrap();
        assert_eq!(event["Records"][0]["Sns"]["Subject"], "s");
    }
}
