//! The room's own page: the messages of a queue, all of them, without receiving them; in the form that
//! LocalStack's users know.
//!
//! `GET /_aws/sqs/messages?QueueUrl=…` or `/_aws/sqs/messages/{region}/{account}/{queue}`, with
//! `ShowInvisible=true` and `ShowDelayed=true` for what cannot be received now. XML, or JSON for who accepts it.

use crate::errors::SqsError;
use crate::ops::{Place, found, place};
use crate::rules::contents;
use crate::state::{self, Content, Message, Queue, Standing};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use names::{AccountId, Arn, Region, Scope};
use ports::Caller;
use schema::ApiError;
use serde_json::{Value, json};
use service::{BoxFuture, Ctx, Front, FrontReply, FrontRequest};
use std::collections::BTreeMap;

/// Longest body: a form with a queue's URL.
const MAX_BODY_BYTES: usize = 16 * 1024;
/// Messages that are shown at most.
const SHOWN: usize = 10_000;

/// The page.
pub struct Pages;

impl Front for Pages {
    fn name(&self) -> &'static str {
        "sqs"
    }

    fn has_hosts(&self) -> bool {
        false
    }

    fn max_body(&self) -> usize {
        MAX_BODY_BYTES
    }

    fn serve(&self, ctx: Ctx, request: FrontRequest) -> BoxFuture<'_, FrontReply> {
        Box::pin(async move {
            let accepts_json = header(&request, "accept").contains("json");
            match answer(&ctx, &request) {
                Ok(messages) => reply(200, accepts_json, &ctx, &messages),
                Err(error) => refusal(&ApiError::from(error), accepts_json),
            }
        })
    }
}

fn header<'a>(request: &'a FrontRequest, name: &str) -> &'a str {
    let found = request.headers.iter().find(|(known, _)| known == name);
    found.map_or("", |(_, value)| value.as_str())
}

fn answer(ctx: &Ctx, request: &FrontRequest) -> Result<Vec<Value>, SqsError> {
    // What is in queues is for whoever may see it: where permissions are enforced, not for strangers.
    if ctx.host().settings.enforces && matches!(ctx.caller(), Caller::Anonymous) {
        return Err(SqsError::Forbidden);
    }
    if request.label != "messages" {
        return Err(SqsError::QueueDoesNotExist);
    }
    let mut given = parameters(&request.query);
    given.extend(parameters(&String::from_utf8_lossy(&request.body)));
    let is = |name: &str| given.get(name).is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let place = match by_path(&request.path) {
        Some(place) => place,
        None => {
            let url =
                given.get("QueueUrl").ok_or_else(|| SqsError::MissingParameter("QueueUrl".to_owned()))?;
            place(ctx, url)
        }
    };
    let read = ctx.read();
    let queue = found(&read, &place)?;
    let (now, mut messages) = (ctx.now(), Vec::new());
    for row in state::standings(&read, &place.0, queue.incarnation) {
        let (number, standing) = row?;
        let hidden = standing.visible_at > now;
        let wanted = match (hidden, standing.receives > 0) {
            (false, _) => true,
            (true, true) => is("ShowInvisible"),
            (true, false) => is("ShowDelayed"),
        };
        if let Some(message) =
            state::message(&read, &place.0, (queue.incarnation, number))?.filter(|_| wanted)
        {
            messages.push(shown(&queue, number, message, &standing));
        }
        if messages.len() == SHOWN {
            break;
        }
    }
    Ok(messages)
}

/// `/{region}/{account}/{queue}`
fn by_path(path: &str) -> Option<Place> {
    let mut parts = path.trim_matches('/').split('/');
    let (region, account, name) = (parts.next()?, parts.next()?, parts.next()?);
    let scope = Scope::Regional(account.parse::<AccountId>().ok()?, region.parse::<Region>().ok()?);
    parts.next().is_none().then(|| (scope, decoded(name)))
}

fn parameters(query: &str) -> BTreeMap<String, String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

fn decoded(text: &str) -> String {
    let plain = text.replace('+', "%20");
    percent_encoding::percent_decode_str(&plain).decode_utf8_lossy().into_owned()
}

/// A message as ReceiveMessage would show it, with a handle that is none.
fn shown(queue: &Queue, number: u64, message: Message, standing: &Standing) -> Value {
    let fifo = queue.attributes.fifo;
    let system = [
        ("SenderId", Some(message.sender)),
        ("SentTimestamp", Some(message.sent.millis().to_string())),
        ("ApproximateReceiveCount", Some(standing.receives.to_string())),
        ("ApproximateFirstReceiveTimestamp", standing.first_received.map(|at| at.millis().to_string())),
        ("MessageGroupId", message.group),
        ("MessageDeduplicationId", message.deduplication_id.filter(|_| fifo)),
        ("SequenceNumber", fifo.then(|| crate::ops::send_message::sequence(number))),
        ("AWSTraceHeader", message.trace_header),
        ("DeadLetterQueueSourceArn", message.dead_letter_source.as_ref().map(Arn::to_string)),
    ];
    let system = system.into_iter().filter_map(|(name, value)| Some(json!({"Name": name, "Value": value?})));
    let attributes = message.attributes.iter().map(|(name, value)| {
        let (member, text) = match &value.content {
            Content::Text(text) => ("StringValue", text.clone()),
            Content::Binary(bytes) => ("BinaryValue", STANDARD.encode(bytes)),
        };
        json!({"Name": name, "Value": {"DataType": value.data_type, member: text}})
    });
    json!({
        "MessageId": message.id,
        "ReceiptHandle": "SQS/BACKDOOR/ACCESS",
        "MD5OfBody": contents::md5(&message.body),
        "Body": message.body,
        "Attribute": system.collect::<Vec<_>>(),
        "MessageAttribute": attributes.collect::<Vec<_>>(),
    })
}

fn reply(status: u16, json: bool, ctx: &Ctx, messages: &[Value]) -> FrontReply {
    let answer = json!({"ReceiveMessageResponse": {
        "ReceiveMessageResult": {"Message": messages},
        "ResponseMetadata": {"RequestId": ctx.request_id()},
    }});
    if json {
        return page(status, "application/json", answer.to_string());
    }
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    write_xml(&mut xml, "", &answer);
    page(status, "text/xml", xml)
}

fn refusal(error: &ApiError, json: bool) -> FrontReply {
    let body = json!({"ErrorResponse": {"Error": {"Code": error.code, "Message": error.message}}});
    if json {
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
