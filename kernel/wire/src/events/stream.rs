//! An output's event stream as a body of messages: each event is a member of the stream's union.

use super::frame::{Frame, HeaderValue};
use crate::json::{self, Members};
use crate::message::{Reply, ReplyBody};
use crate::xml::{self, Naming};
use crate::{AnswerForm, cbor};
use bytes::Bytes;
use futures_core::Stream;
use schema::{Body, BodyError, EventStream, Location, Member, Obj, Protocol, Val};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The member of an output that is a stream of events.
pub(crate) fn events(output: &dyn Obj) -> Option<EventStream> {
    let indexes = 0..output.shape().members.len();
    indexes.filter_map(|index| output.get(index)).find_map(|val| match val {
        Val::Events(events) => Some(events.clone()),
        _ => None,
    })
}

/// Turns an answer into a stream: in the protocols without bindings its body becomes the first message,
/// `initial-response`.
pub(crate) fn reply(mut reply: Reply, form: &AnswerForm, events: &EventStream) -> Reply {
    let protocol = form.protocol;
    let first = match std::mem::replace(&mut reply.body, ReplyBody::Bytes(Bytes::new())) {
        ReplyBody::Bytes(body) if !matches!(protocol, Protocol::RestXml | Protocol::RestJson1) => {
            let frame = Frame::new(body).text(":message-type", "event");
            let frame = frame.text(":event-type", "initial-response");
            Some(frame.text(":content-type", content_type(protocol)))
        }
        _ => None,
    };
    reply.headers.remove("content-type");
    reply.header("content-type", "application/vnd.amazon.eventstream");
    let frames = Frames { first, events: events.take(), protocol };
    reply.body = ReplyBody::Stream(Body::stream(None, frames));
    reply
}

/// The content type of an event's structure.
fn content_type(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::RestXml | Protocol::AwsQuery | Protocol::Ec2Query => "text/xml",
        Protocol::AwsJson10 => "application/x-amz-json-1.0",
        Protocol::AwsJson11 => "application/x-amz-json-1.1",
        Protocol::RestJson1 => "application/json",
        Protocol::RpcV2Cbor => "application/cbor",
    }
}

type Events = Pin<Box<dyn Stream<Item = Box<dyn Obj>> + Send>>;

struct Frames {
    first: Option<Frame>,
    events: Option<Events>,
    protocol: Protocol,
}

impl Stream for Frames {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(frame) = self.first.take() {
            return Poll::Ready(Some(Ok(frame.encode().into())));
        }
        let protocol = self.protocol;
        let Some(events) = &mut self.events else { return Poll::Ready(None) };
        loop {
            match events.as_mut().poll_next(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(event)) => {
                    // A union without a variant is no event.
                    if let Some(frame) = frame_of(event.as_ref(), protocol) {
                        return Poll::Ready(Some(Ok(frame.encode().into())));
                    }
                }
            }
        }
    }
}

/// The message of an event: the union's member names it, its structure is bound to headers and payload.
fn frame_of(event: &dyn Obj, protocol: Protocol) -> Option<Frame> {
    let members = event.shape().members.iter().enumerate();
    let (member, content) = members
        .filter_map(|(index, member)| match event.get(index) {
            Some(Val::Struct(content)) => Some((member, content)),
            _ => None,
        })
        .next()?;
    let name = member.wire_name.unwrap_or(member.name);
    let kind =
        if content.shape().error { ("exception", ":exception-type") } else { ("event", ":event-type") };
    let mut frame = Frame::default().text(":message-type", kind.0).text(kind.1, name);
    let mut bound = false;
    for (index, member) in content.shape().members.iter().enumerate() {
        let Some(val) = content.get(index) else { continue };
        match member.location {
            Location::EventHeader => frame.headers.extend(header(member, &val)),
            Location::EventPayload => {
                bound = true;
                payload(&mut frame, member, &val, protocol);
            }
            _ => {}
        }
    }
    let in_body = content.shape().members.iter().any(|member| member.location == Location::Body);
    if in_body && !bound {
        frame.payload = structure(content, protocol).into();
        frame = frame.text(":content-type", content_type(protocol));
    }
    Some(frame)
}

fn header(member: &Member, val: &Val<'_>) -> Option<(String, HeaderValue)> {
    let value = match val {
        Val::Bool(truth) => HeaderValue::Bool(*truth),
        Val::Int(number) => HeaderValue::Int(*number),
        Val::Long(number) => HeaderValue::Long(*number),
        Val::Text(text) => HeaderValue::Text((*text).to_owned()),
        Val::Blob(bytes) => HeaderValue::Blob(Bytes::copy_from_slice(bytes)),
        Val::Time(moment) => HeaderValue::Time(*moment),
        _ => return None,
    };
    Some((member.wire_name.unwrap_or(member.name).to_owned(), value))
}

fn payload(frame: &mut Frame, member: &Member, val: &Val<'_>, protocol: Protocol) {
    let (kind, bytes) = match val {
        Val::Blob(bytes) => ("application/octet-stream", Bytes::copy_from_slice(bytes)),
        Val::Text(text) => ("text/plain", Bytes::copy_from_slice(text.as_bytes())),
        Val::Struct(obj) => (content_type(protocol), structure(*obj, protocol).into()),
        val => {
            let mut encoder = json::Encoder::new();
            encoder.member(val, member);
            (content_type(protocol), encoder.out.into())
        }
    };
    frame.payload = bytes;
    frame.headers.push((":content-type".to_owned(), HeaderValue::Text(kind.to_owned())));
}

fn structure(obj: &dyn Obj, protocol: Protocol) -> Vec<u8> {
    match protocol {
        Protocol::RestXml | Protocol::AwsQuery | Protocol::Ec2Query => {
            let mut writer = xml::Writer::document();
            let shape = obj.shape();
            let root = shape.xml_root.unwrap_or(shape.name);
            writer.open(root);
            writer.namespace(shape.xml_namespace);
            writer.inside();
            xml::members(&mut writer, Naming::Rest, obj);
            writer.close(root);
            writer.into_bytes()
        }
        Protocol::RpcV2Cbor => cbor::encode(obj),
        _ => {
            let mut encoder = json::Encoder::new();
            encoder.structure(obj, Members::Body);
            encoder.out
        }
    }
}
