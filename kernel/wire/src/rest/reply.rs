//! An output into status, headers and body.

use super::header;
use crate::json::{self, Members};
use crate::message::{Reply, ReplyBody};
use crate::xml::{self, Naming};
use crate::{AnswerForm, scalar};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use schema::{Location, Member, Obj, OperationShape, Shape, TimeFormat, Val, XmlNamespace};

/// How bodies are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// JSON objects.
    Json,
    /// XML elements.
    Xml,
}

impl Body {
    fn content_type(self) -> &'static str {
        match self {
            Body::Json => "application/json",
            Body::Xml => "application/xml",
        }
    }
}

/// Writes an output. A stream of events is left to the caller.
pub(crate) fn encode(kind: Body, form: &AnswerForm, operation: &OperationShape, output: &dyn Obj) -> Reply {
    let shape = output.shape();
    let mut reply = Reply::new(status(operation, output));
    header::write_members(&mut reply, output);
    let bodiless = matches!(reply.status, 204 | 304);
    match shape.payload() {
        _ if bodiless => {}
        Some((index, member)) => {
            if let Some(val) = output.get(index) {
                payload(&mut reply, kind, form, member, &val);
            }
        }
        None if shape.members.iter().any(|member| member.location == Location::Body) => {
            let bytes = match kind {
                Body::Json => json(output),
                Body::Xml => document(form, operation, output),
            };
            reply.body(kind.content_type(), bytes);
        }
        None => {}
    }
    reply
}

/// The operation's status, or the member that says another. A body that is said to be a range of the whole
/// is partial content (RFC 9110, section 15.3.7).
fn status(operation: &OperationShape, output: &dyn Obj) -> u16 {
    let members = output.shape().members.iter().enumerate();
    let mut said = members.filter_map(|(index, member)| match member.location {
        Location::StatusCode => match output.get(index) {
            Some(Val::Int(status)) => u16::try_from(status).ok(),
            _ => None,
        },
        Location::Header("content-range") => output.get(index).map(|_| 206),
        _ => None,
    });
    said.next().unwrap_or(operation.http.status)
}

fn json(obj: &dyn Obj) -> Vec<u8> {
    let mut encoder = json::Encoder::new();
    encoder.structure(obj, Members::Body);
    encoder.out
}

fn document(form: &AnswerForm, operation: &OperationShape, output: &dyn Obj) -> Vec<u8> {
    let shape = output.shape();
    let mut writer = xml::Writer::document();
    let root = shape.xml_root.unwrap_or(shape.name);
    if operation.bare_output {
        bare(&mut writer, form, shape, output);
    } else {
        writer.open(root);
        writer.namespace(namespace(form, shape));
        writer.inside();
        xml::members(&mut writer, Naming::Rest, output);
        writer.close(root);
    }
    writer.into_bytes()
}

/// The only member's element as the root, present even where the member is not.
fn bare(writer: &mut xml::Writer, form: &AnswerForm, shape: &'static Shape, output: &dyn Obj) {
    let Some(member) = shape.members.first() else { return };
    let name = shape.xml_root.or(member.wire_name).unwrap_or(member.name);
    writer.open(name);
    writer.namespace(namespace(form, shape));
    writer.inside();
    if let Some(text) = output.get(0).and_then(|val| scalar::write(&val, TimeFormat::Iso8601)) {
        writer.text(&text);
    }
    writer.close(name);
}

fn namespace(form: &AnswerForm, shape: &Shape) -> Option<XmlNamespace> {
    shape.xml_namespace.or_else(|| form.service.and_then(|service| service.xml_namespace))
}

fn payload(reply: &mut Reply, kind: Body, form: &AnswerForm, member: &'static Member, val: &Val<'_>) {
    match val {
        Val::Blob(bytes) => reply.body("application/octet-stream", Bytes::copy_from_slice(bytes)),
        Val::Text(text) => reply.body("text/plain", text.as_bytes().to_vec()),
        Val::Stream(body) => {
            if !reply.headers.contains_key(CONTENT_TYPE) {
                reply.known_header(&CONTENT_TYPE, "application/octet-stream");
            }
            reply.body = ReplyBody::Stream((*body).clone());
        }
        Val::Events(_) => {}
        Val::Struct(obj) if kind == Body::Xml => {
            let mut writer = xml::Writer::document();
            let shape = obj.shape();
            let name = shape.xml_root.or(member.wire_name).unwrap_or(shape.name);
            let namespace = member.xml_namespace.or_else(|| namespace(form, shape));
            xml::element(&mut writer, Naming::Rest, name, namespace, val, member.ty, member.time_format);
            reply.body(kind.content_type(), writer.into_bytes());
        }
        val => {
            let mut encoder = json::Encoder::new();
            encoder.member(val, member);
            reply.body(kind.content_type(), encoder.out);
        }
    }
}
