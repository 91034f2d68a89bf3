//! An operation's output as an answer, by the protocol of its route.

use crate::json::{self, Members};
use crate::message::Reply;
use crate::rest::{self, Body};
use crate::xml::{self, Naming};
use crate::{AnswerForm, Route, cbor, events, query};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderName;
use schema::{Obj, OperationShape, Protocol};

static AMZ_REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");
static AMZ_ID_2: HeaderName = HeaderName::from_static("x-amz-id-2");
static AMZN_REQUESTID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// Writes an output in the protocol's form.
pub fn encode_output(route: &Route, output: &dyn Obj, request_id: &str) -> Reply {
    let form = route.form();
    let mut reply = match form.operation {
        Some(operation) => success(&form, operation, output, request_id),
        // An operation that is not served has no output; whatever is given here says nothing.
        None => Reply::new(200),
    };
    if let Some(stream) = events::events(output) {
        reply = events::reply(reply, &form, &stream);
    }
    identify(&mut reply, &form, request_id);
    if form.head {
        drop_body(&mut reply);
    }
    reply
}

fn success(form: &AnswerForm, operation: &OperationShape, output: &dyn Obj, request_id: &str) -> Reply {
    match form.protocol {
        // An old front says nothing at all where there is nothing to say (dynalite, tagResource; ScyllaDB's
        // test_tags_return_empty_body).
        Protocol::AwsJson10 | Protocol::AwsJson11
            if output.shape().members.is_empty()
                && form.service.is_some_and(|service| service.dialect.sums_bodies) =>
        {
            let mut reply = Reply::new(200);
            reply.body(content_type(form.protocol), Vec::new());
            reply
        }
        Protocol::AwsJson10 | Protocol::AwsJson11 => {
            let mut encoder = json::Encoder::new();
            encoder.structure(output, Members::All);
            let mut reply = Reply::new(200);
            reply.body(content_type(form.protocol), encoder.out);
            reply
        }
        Protocol::RpcV2Cbor => {
            let mut reply = Reply::new(200);
            reply.header("smithy-protocol", "rpc-v2-cbor");
            reply.body(content_type(form.protocol), cbor::encode(output));
            reply
        }
        Protocol::AwsQuery | Protocol::Ec2Query => wrapped(form, operation, output, request_id),
        Protocol::RestJson1 => rest::encode(Body::Json, form, operation, output),
        Protocol::RestXml => rest::encode(Body::Xml, form, operation, output),
    }
}

/// The content type of a protocol's bodies.
pub(crate) fn content_type(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::AwsJson10 => "application/x-amz-json-1.0",
        Protocol::AwsJson11 => "application/x-amz-json-1.1",
        Protocol::AwsQuery => "text/xml",
        Protocol::Ec2Query => "text/xml;charset=UTF-8",
        Protocol::RestJson1 => "application/json",
        Protocol::RestXml => "application/xml",
        Protocol::RpcV2Cbor => "application/cbor",
    }
}

/// The answer of the query protocols: `SendMessageResponse` around it all.
fn wrapped(form: &AnswerForm, operation: &OperationShape, output: &dyn Obj, request_id: &str) -> Reply {
    let root = format!("{}Response", operation.name);
    if form.json {
        let mut reply = Reply::new(200);
        let names = form.service.map_or(&[][..], |service| service.dialect.json_names);
        reply.body("application/json", query::json::answer(operation, names, output, request_id));
        return reply;
    }
    let mut writer = match form.protocol {
        Protocol::Ec2Query => xml::Writer::document(),
        _ => xml::Writer::fragment(),
    };
    writer.open(&root);
    writer.namespace(form.service.and_then(|service| service.xml_namespace));
    writer.inside();
    if form.protocol == Protocol::Ec2Query {
        writer.leaf("requestId", request_id);
        xml::members(&mut writer, Naming::Ec2, output);
    } else {
        if !output.shape().members.is_empty() || operation.result_wrapper.is_some() {
            // A model that is written for JSON names no wrapper: all of AWS's are named by this rule.
            let rule = format!("{}Result", operation.name);
            let wrapper = operation.result_wrapper.unwrap_or(&rule);
            writer.open(wrapper);
            writer.inside();
            xml::members(&mut writer, Naming::Query, output);
            writer.close_or_empty(wrapper);
        }
        writer.open("ResponseMetadata");
        writer.inside();
        writer.leaf("RequestId", request_id);
        writer.close("ResponseMetadata");
    }
    writer.close(&root);
    let mut reply = Reply::new(200);
    reply.body(content_type(form.protocol), writer.into_bytes());
    reply
}

/// The request's id, in the headers where this service's clients look for it.
pub(crate) fn identify(reply: &mut Reply, form: &AnswerForm, request_id: &str) {
    if form.bare_errors() {
        reply.known_header(&AMZ_REQUEST_ID, request_id);
        reply.known_header(&AMZ_ID_2, &host_id(request_id));
    } else {
        reply.known_header(&AMZN_REQUESTID, request_id);
    }
}

/// The second id of an answer: opaque to clients, so made of the first.
pub(crate) fn host_id(request_id: &str) -> String {
    STANDARD.encode([request_id, "/", request_id].concat())
}

/// For HEAD: the headers stay as they are, the body goes.
pub(crate) fn drop_body(reply: &mut Reply) {
    reply.body = crate::ReplyBody::Bytes(bytes::Bytes::new());
}
