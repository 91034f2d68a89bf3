//! What the page answers: as the XML of the query protocol, that as JSON, or as an SDK reads it that speaks JSON.

use super::Seen;
use crate::ops::send_message::sequence;
use crate::rules::contents;
use crate::state::{Content, Queue};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use names::Arn;
use schema::ApiError;
use serde_json::{Map, Value, json};
use service::{Ctx, FrontReply};

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// XML of the query protocol.
    Xml,
    /// The same, as JSON.
    Json,
    /// As of the protocol awsJson 1.0.
    Sdk,
}

/// The handle that every message has here: it is none.
const HANDLE: &str = "SQS/BACKDOOR/ACCESS";

/// The messages of a queue.
pub(super) fn messages(form: Form, ctx: &Ctx, queue: &Queue, seen: Vec<Seen>) -> FrontReply {
    let shown = seen.into_iter().map(|seen| shown(form, queue, seen));
    let messages: Vec<Value> = shown.collect();
    if form == Form::Sdk {
        return page(200, "application/x-amz-json-1.0", json!({"Messages": messages}).to_string());
    }
    // One element is no list, in XML and so in its JSON.
    let alone = form == Form::Json && messages.len() == 1;
    let messages =
        if alone { messages.into_iter().next().unwrap_or_default() } else { Value::from(messages) };
    let answer = json!({"ReceiveMessageResponse": {
        "ReceiveMessageResult": {"Message": messages},
        "ResponseMetadata": {"RequestId": ctx.request_id()},
    }});
    if form == Form::Json {
        return page(200, "application/json", answer.to_string());
    }
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    write_xml(&mut xml, "", &answer);
    page(200, "text/xml", xml)
}

/// Why there are none.
pub(super) fn refusal(form: Form, error: &ApiError) -> FrontReply {
    if form == Form::Sdk {
        let body = json!({"__type": format!("com.amazonaws.sqs#{}", error.code), "message": error.message});
        return page(error.status, "application/x-amz-json-1.0", body.to_string());
    }
    let code = match error.code.as_ref() {
        "QueueDoesNotExist" => "AWS.SimpleQueueService.NonExistentQueue",
        code => code,
    };
    let body =
        json!({"ErrorResponse": {"Error": {"Code": code, "Message": error.message, "Type": "Sender"}}});
    if form == Form::Json {
        return page(error.status, "application/json", body.to_string());
    }
    let mut xml = String::new();
    write_xml(&mut xml, "", &body);
    page(error.status, "text/xml", xml)
}

fn page(status: u16, kind: &str, body: String) -> FrontReply {
    let headers = vec![("content-type".to_owned(), kind.to_owned())];
    FrontReply { status, headers, body: Bytes::from(body).into() }
}

/// The system attributes of a message.
fn system(queue: &Queue, seen: &Seen) -> Vec<(&'static str, String)> {
    let (message, standing, fifo) = (&seen.message, &seen.standing, queue.attributes.fifo);
    let first = standing.first_received.map_or(0, |at| at.millis());
    let all = [
        ("SenderId", Some(message.sender.clone())),
        ("SentTimestamp", Some(message.sent.millis().to_string())),
        ("ApproximateReceiveCount", Some(message.received(standing).to_string())),
        ("ApproximateFirstReceiveTimestamp", Some(first.to_string())),
        ("MessageGroupId", message.group.clone()),
        ("MessageDeduplicationId", message.deduplication_id.clone().filter(|_| fifo)),
        ("SequenceNumber", fifo.then(|| sequence(seen.number))),
        ("AWSTraceHeader", message.trace_header.clone()),
        ("DeadLetterQueueSourceArn", message.dead_letter_source.as_ref().map(Arn::to_string)),
        ("IsVisible", seen.is_visible.map(|is| is.to_string())),
        ("IsDelayed", seen.is_delayed.map(|is| is.to_string())),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// A message as ReceiveMessage would show it.
fn shown(form: Form, queue: &Queue, seen: Seen) -> Value {
    let system = system(queue, &seen);
    let message = seen.message;
    let digest = contents::md5_of_attributes(&message.attributes);
    let attributes = message.attributes.iter().map(|(name, value)| {
        let (member, text) = match &value.content {
            Content::Text(text) => ("StringValue", text.clone()),
            Content::Binary(bytes) => ("BinaryValue", STANDARD.encode(bytes)),
        };
        (name.clone(), json!({"DataType": value.data_type, member: text}))
    });
    let mut shown = json!({
        "MessageId": message.id,
        "ReceiptHandle": HANDLE,
        "MD5OfBody": contents::md5(&message.body),
        "Body": message.body,
    });
    if form == Form::Sdk {
        shown["Attributes"] = system.into_iter().collect();
        shown["MessageAttributes"] = Value::Object(attributes.collect::<Map<_, _>>());
    } else {
        let named = |(name, value): (String, Value)| json!({"Name": name, "Value": value});
        let listed = system.into_iter().map(|(name, value)| named((name.to_owned(), value.into())));
        shown["Attribute"] = listed.collect();
        shown["MessageAttribute"] = attributes.map(named).collect();
    }
    if let Some(digest) = digest {
        shown["MD5OfMessageAttributes"] = digest.into();
    }
    shown
}

/// Writes a value as elements: a list as its items, each in an element of the list's name.
fn write_xml(out: &mut String, name: &str, value: &Value) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| write_xml(out, name, item)),
        Value::Object(members) => {
            if !name.is_empty() {
                out.push_str(&format!("<{name}>"));
            }
            members.iter().for_each(|(member, value)| write_xml(out, member, value));
            if !name.is_empty() {
                out.push_str(&format!("</{name}>"));
            }
        }
        Value::String(text) => out.push_str(&format!("<{name}>{}</{name}>", escaped(text))),
        other => out.push_str(&format!("<{name}>{other}</{name}>")),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\r', "&#xD;")
}
