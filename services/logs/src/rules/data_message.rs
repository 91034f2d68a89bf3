//! What a subscribed function gets: events of one stream as JSON, compressed and in base64
//! (`{"awslogs": {"data": …}}`), in portions that an asynchronous invocation takes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;

/// Messages of one portion, in bytes: what cannot be compressed still fits an event of 256 KB.
const PORTION_BYTES: usize = 128 * 1024;

/// Whose events they are.
pub struct About<'a> {
    /// The account.
    pub owner: String,
    /// The group.
    pub group: &'a str,
    /// The stream.
    pub stream: &'a str,
    /// The subscription.
    pub filter: &'a str,
}

/// An event as it is passed on.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Passed<'a> {
    /// Its id.
    pub id: String,
    /// Its time.
    pub timestamp: i64,
    /// What it says.
    pub message: &'a str,
    /// The columns that the pattern names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub extracted_fields: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DataMessage<'a> {
    message_type: &'static str,
    owner: &'a str,
    log_group: &'a str,
    log_stream: &'a str,
    subscription_filters: [&'a str; 1],
    log_events: &'a [Passed<'a>],
}

/// The payloads of events, in their order.
pub fn payloads<'a>(about: &About<'a>, events: impl Iterator<Item = Passed<'a>>) -> Vec<Vec<u8>> {
    let (mut payloads, mut portion, mut bytes) = (Vec::new(), Vec::new(), 0);
    for event in events {
        if !portion.is_empty() && bytes + event.message.len() > PORTION_BYTES {
            payloads.extend(payload(about, &portion));
            portion.clear();
            bytes = 0;
        }
        bytes += event.message.len();
        portion.push(event);
    }
    if !portion.is_empty() {
        payloads.extend(payload(about, &portion));
    }
    payloads
}

/// Writing into memory and texts as JSON does not fail.
fn payload(about: &About<'_>, log_events: &[Passed<'_>]) -> Option<Vec<u8>> {
    let message = DataMessage {
        message_type: "DATA_MESSAGE",
        owner: &about.owner,
        log_group: about.group,
        log_stream: about.stream,
        subscription_filters: [about.filter],
        log_events,
    };
    let mut zipped = GzEncoder::new(Vec::new(), Compression::fast());
    zipped.write_all(&serde_json::to_vec(&message).ok()?).ok()?;
    let data = STANDARD.encode(zipped.finish().ok()?);
    Some(format!("{{\"awslogs\":{{\"data\":\"{data}\"}}}}").into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::io::Read;

    fn opened(payload: &[u8]) -> Value {
        let outer: Value = serde_json::from_slice(payload).unwrap();
        let zipped = STANDARD.decode(outer["awslogs"]["data"].as_str().unwrap()).unwrap();
        let mut text = String::new();
        flate2::read::GzDecoder::new(&zipped[..]).read_to_string(&mut text).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// The members are those of "Example 2: Subscription filters with AWS Lambda" in the CloudWatch Logs
    /// user guide.
    #[test]
    fn a_data_message() {
        let about = About { owner: "123456789012".into(), group: "g", stream: "s", filter: "f" };
        let (none, some) = (BTreeMap::new(), BTreeMap::from([("w1".to_owned(), "a".to_owned())]));
        let event = |id: &str, fields| Passed {
            id: id.to_owned(),
            timestamp: 7,
            message: "a b",
            extracted_fields: fields,
        };
        let made = payloads(&about, [event("1", &none), event("2", &some)].into_iter());
        assert_eq!(made.len(), 1);
        let expected = json!({
            "messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": "g", "logStream": "s",
            "subscriptionFilters": ["f"],
            "logEvents": [
                {"id": "1", "timestamp": 7, "message": "a b"},
                {"id": "2", "timestamp": 7, "message": "a b", "extractedFields": {"w1": "a"}}
            ]
        });
        assert_eq!(opened(&made[0]), expected);
    }

    #[test]
    fn portions_are_small() {
        let (none, long) = (BTreeMap::new(), "x".repeat(100 * 1024));
        let about = About { owner: String::new(), group: "g", stream: "s", filter: "f" };
        let event = || Passed { id: String::new(), timestamp: 0, message: &long, extracted_fields: &none };
        let made = payloads(&about, (0..3).map(|_| event()));
        assert_eq!(made.len(), 3);
        assert_eq!(payloads(&about, std::iter::empty()).len(), 0);
    }
}
