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

/// An object as SNS writes it: its members in an order of their own, each on a line (SNS developer guide, "HTTP/HTTPS
/// notification JSON format").
struct Written(String);

impl Written {
    fn begin() -> Self {
        Written("{".to_owned())
    }

    fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        write_text(&mut self.0, text);
    }

    fn member(&mut self, name: &str, json: &str) {
        self.name(name);
        self.0.push_str(json);
    }

    fn name(&mut self, name: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.extend(["\n  \"", name, "\" : "]);
    }

    fn signature(&mut self, signed: &Signed) {
        self.text("SignatureVersion", signed.version);
        self.text("Signature", &signed.signature);
        self.text("SigningCertURL", &signed.certificate_url);
    }

    fn end(mut self) -> String {
        self.0.push_str("\n}");
        self.0
    }
}

/// Bytes that are looked at together for one that is to be escaped.
const PIECE: usize = 64;

/// Writes a text as JSON has it: what need not be escaped at once.
fn write_text(out: &mut String, text: &str) {
    let is_escaped = |byte: u8| matches!(byte, 0..b' ' | b'"' | b'\\');
    out.push('"');
    let mut written = 0;
    // Looking at all bytes of a piece without a way out is faster than leaving at the first.
    let pieces = text.as_bytes().chunks(PIECE).enumerate();
    let found = pieces.filter(|(_, piece)| piece.iter().fold(false, |found, byte| found | is_escaped(*byte)));
    let bytes = found.flat_map(|(at, piece)| {
        piece.iter().enumerate().map(move |(in_it, byte)| (at * PIECE + in_it, *byte))
    });
    for (at, byte) in bytes.filter(|(_, byte)| is_escaped(*byte)) {
        out.push_str(&text[written..at]);
        written = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x08 => out.push_str("\\b"),
            0x0c => out.push_str("\\f"),
            _ => out.push_str(&format!("\\u{byte:04x}")),
        }
    }
    out.push_str(&text[written..]);
    out.push('"');
}

/// The envelope of a text for queues, mailboxes and HTTP: what stands before and behind the one member that each
/// subscriber has of its own.
pub struct Envelope {
    before: String,
    after: String,
}

impl Envelope {
    /// The envelope of a text.
    pub fn of(message: &Message, text: &str, signed: Option<&Signed>) -> Self {
        let mut after = Written(String::new());
        if !message.attributes.is_empty() {
            let shown = attributes(&message.attributes);
            after.0.push(',');
            after.member("MessageAttributes", &shown.as_object().map(lines).unwrap_or_default());
        }
        Envelope { before: opening(message, text, signed).0, after: after.end() }
    }

    /// What one subscriber gets.
    pub fn for_subscription(&self, origin: &str, subscription: &str) -> String {
        let url = unsubscribe_url(origin, subscription);
        let length = self.before.len() + url.len() + self.after.len() + 32;
        let mut out = Written(String::with_capacity(length));
        out.0.push_str(&self.before);
        out.text("UnsubscribeURL", &url);
        out.0.push_str(&self.after);
        out.0
    }
}

/// What stands first in an envelope.
fn opening(message: &Message, text: &str, signed: Option<&Signed>) -> Written {
    // A signature and the other members are about as long, and escapes are few.
    let mut out = Written(String::with_capacity(text.len() + text.len() / 8 + 1024));
    out.0.push('{');
    out.text("Type", "Notification");
    out.text("MessageId", &message.id);
    if let Some(place) = message.sequence {
        out.text("SequenceNumber", &sequence(place));
    }
    out.text("TopicArn", message.topic.as_str());
    if let Some(subject) = &message.subject {
        out.text("Subject", subject);
    }
    out.text("Message", text);
    out.text("Timestamp", &message.at.iso8601_millis());
    if let Some(signed) = signed {
        out.signature(signed);
    }
    out
}

/// Members of an object within, each on a line.
fn lines(all: &Map<String, Value>) -> String {
    let line = |(name, value): (&String, &Value)| format!("\n    {} : {value}", Value::from(name.as_str()));
    let lines: Vec<String> = all.iter().map(line).collect();
    format!("{{{}\n  }}", lines.join(","))
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
            // Whatever the version (LocalStack's test_publish_lambda_verify_signature, recorded on AWS).
            "SignatureVersion": signed_part(|_| "1"),
            "Signature": signed_part(|signed| &signed.signature),
            "SigningCertUrl": signed_part(|signed| &signed.certificate_url),
            "UnsubscribeUrl": unsubscribe_url(&message.origin, subscription),
            "MessageAttributes": attributes(&message.attributes),
        },
    }]})
    .to_string()
}

/// The envelope that a queue would have got of what a function's event says.
pub fn of_event(event: &[u8]) -> Option<String> {
    let event: Value = serde_json::from_slice(event).ok()?;
    let sns = event.get("Records")?.get(0)?.get("Sns")?;
    let mut out = Written::begin();
    let members = [
        ("Type", "Type"),
        ("MessageId", "MessageId"),
        ("TopicArn", "TopicArn"),
        ("Subject", "Subject"),
        ("Message", "Message"),
        ("Timestamp", "Timestamp"),
        ("SignatureVersion", "SignatureVersion"),
        ("Signature", "Signature"),
        ("SigningCertUrl", "SigningCertURL"),
        ("UnsubscribeUrl", "UnsubscribeURL"),
    ];
    for (there, here) in members {
        if let Some(text) = sns.get(there).and_then(Value::as_str) {
            out.text(here, text);
        }
    }
    if let Some(attributes) =
        sns.get("MessageAttributes").and_then(Value::as_object).filter(|all| !all.is_empty())
    {
        out.member("MessageAttributes", &lines(attributes));
    }
    Some(out.end())
}

/// A request for confirmation: of a subscription, or of its end.
pub struct Confirmation<'a> {
    /// `SubscriptionConfirmation` or `UnsubscribeConfirmation`.
    pub kind: &'a str,
    /// What is asked.
    pub text: &'a str,
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
    /// Where the subscriber confirms.
    pub fn url(&self) -> String {
        format!("{}/?Action=ConfirmSubscription&TopicArn={}&Token={}", self.origin, self.topic, self.token)
    }

    /// What its signature covers.
    pub fn signed_text(&self) -> String {
        format!(
            "Message\n{}\nMessageId\n{}\nSubscribeURL\n{}\nTimestamp\n{}\nToken\n{}\nTopicArn\n{}\nType\n{}\n",
            self.text,
            self.id,
            self.url(),
            self.at,
            self.token,
            self.topic,
            self.kind
        )
    }

    /// The envelope.
    pub fn body(&self, signed: &Signed) -> String {
        let mut out = Written::begin();
        out.text("Type", self.kind);
        out.text("MessageId", self.id);
        out.text("Token", self.token);
        out.text("TopicArn", self.topic);
        out.text("Message", self.text);
        out.text("SubscribeURL", &self.url());
        out.text("Timestamp", self.at);
        out.signature(signed);
        out.end()
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
        ("accept-encoding", "gzip,deflate"),
        ("connection", "Keep-Alive"),
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
pub mod tests {
    use super::*;
    use names::Timestamp;

    /// A message of a text.
    pub fn message(text: &str) -> Message {
        Message {
            id: "i".to_owned(),
            topic: "arn:aws:sns:us-east-1:000000000000:t".parse().unwrap(),
            subject: Some("s".to_owned()),
            text: text.to_owned(),
            texts: BTreeMap::new(),
            attributes: BTreeMap::new(),
            group: None,
            deduplication_id: None,
            sequence: None,
            at: Timestamp(1_767_225_600_123),
            origin: "http://localhost:4566".to_owned(),
            cause: String::new(),
            hops: 0,
            trace: None,
        }
    }

    #[test]
    fn what_is_signed() {
        // Keys in byte order, each key and each value on its line (SNS developer guide, "Verifying message
        // signatures").
        let expect = "Message\nm\nMessageId\ni\nSubject\ns\nTimestamp\n2026-01-01T00:00:00.123Z\nTopicArn\n\
                      arn:aws:sns:us-east-1:000000000000:t\nType\nNotification\n";
        assert_eq!(signed_text(&message("m"), "m"), expect);
    }

    fn notification(message: &Message, text: &str, subscription: &str, signed: Option<&Signed>) -> String {
        Envelope::of(message, text, signed).for_subscription(&message.origin, subscription)
    }

    #[test]
    fn texts_are_written_as_another_implementation_does() {
        let all: String = (0..0x180_u32).filter_map(char::from_u32).collect();
        for text in ["", "plain", "\"", "\\", "a\"b\\c\n", "\u{7f}\u{2028}\u{1f600}", &all] {
            let mut written = String::new();
            write_text(&mut written, text);
            assert_eq!(written, Value::from(text).to_string());
        }
    }

    #[test]
    fn envelopes() {
        let plain: Value = serde_json::from_str(&notification(&message("m"), "m", "sub", None)).unwrap();
        assert_eq!(plain["Type"], "Notification");
        assert_eq!(plain["Timestamp"], "2026-01-01T00:00:00.123Z");
        assert_eq!(plain.get("SequenceNumber"), None);
        assert_eq!(plain.get("MessageAttributes"), None);
        let ordered = Message { sequence: Some(7), ..message("m") };
        let ordered: Value = serde_json::from_str(&notification(&ordered, "m", "sub", None)).unwrap();
        assert_eq!(ordered["SequenceNumber"], "10000000000000000007");
        let content = AttributeContent::Text("red".to_owned());
        let attribute = TypedAttribute { data_type: "String".to_owned(), content };
        let coloured = Message { attributes: [("colour".to_owned(), attribute)].into(), ..message("m") };
        let written = notification(&coloured, "a \"b\"", "sub", None);
        // SNS developer guide, "HTTP/HTTPS notification JSON format".
        assert!(
            written.starts_with("{\n  \"Type\" : \"Notification\",\n  \"MessageId\" : \"i\",\n"),
            "{written}"
        );
        let parsed: Value = serde_json::from_str(&written).unwrap();
        assert_eq!(
            (&parsed["Message"], &parsed["MessageAttributes"]["colour"]["Value"]),
            (&json!("a \"b\""), &json!("red"))
        );
        let told = event(&coloured, "a", "sub", None);
        let buried: Value = serde_json::from_str(&of_event(told.as_bytes()).unwrap()).unwrap();
        assert_eq!(
            (&buried["Message"], &buried["MessageAttributes"]),
            (&json!("a"), &parsed["MessageAttributes"])
        );
        assert_eq!(of_event(b"no event"), None);
        let event: Value = serde_json::from_str(&event(&message("m"), "m", "sub", None)).unwrap();
        assert_eq!(event["Records"][0]["Sns"]["Subject"], "s");
    }
}
