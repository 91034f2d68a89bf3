//! The endpoint of a service whose answers are summed up: what it says to requests that mean none of its
//! operations, and what all of its answers bear. Such services stand behind a front of their own, older than
//! the libraries of the protocols, which reads the method, the content type and the body before the target.

use crate::body;
use crate::guard;
use crate::message::{Incoming, Outgoing};
use crate::pipeline::{Pipeline, head_of};
use bytes::Bytes;
use http::Method;
use schema::{ApiError, Body, Protocol, ServiceShape};
use serde::de::IgnoredAny;
use wire::{AnswerForm, Reply, ReplyBody};

/// Longest body that such a front reads, in bytes.
const MAX_BODY: usize = 16 * 1024 * 1024;
/// What all request ids of such a front end with.
const ID_END: &str = "VV4KQNSO5AEMVJF66Q9ASUAAJG";
/// How long a page may keep what a preflight said, in seconds.
const MAX_AGE_S: &str = "172800";

/// The service that a request is evidently for, where it stands behind such a front.
pub fn addressed(pipeline: &Pipeline, incoming: &Incoming) -> Option<&'static ServiceShape> {
    pipeline.router.addressed(&head_of(incoming)).filter(|service| service.dialect.sums_bodies)
}

/// The id of a request as the service shows it: 52 digits and capital letters behind such a front.
pub fn request_id(service: &ServiceShape, id: String) -> String {
    if !service.dialect.sums_bodies {
        return id;
    }
    let digits = id.bytes().filter_map(|byte| char::from(byte).to_digit(16));
    let number = digits.fold(0u128, |number, digit| number << 4 | u128::from(digit));
    let mut shown = String::with_capacity(ID_END.len() * 2);
    for place in (0..ID_END.len()).rev() {
        let digit = (number >> (place * 5)) as u32 & 31;
        shown.extend(char::from_digit(digit, 32).map(|digit| digit.to_ascii_uppercase()));
    }
    shown + ID_END
}

/// Makes the last touch to an answer: the content type that the client spoke, and what [`wire::seal`] adds.
pub fn finish(reply: &mut Reply, service: &ServiceShape, incoming: &Incoming) {
    if !service.dialect.sums_bodies {
        return;
    }
    let is_json = |value: &http::HeaderValue| value.as_bytes().starts_with(b"application/x-amz-json");
    let is_plain = head_of(incoming).content_type().is_none_or(|said| said == "application/json");
    if is_plain && reply.headers.get(http::header::CONTENT_TYPE).is_some_and(is_json) {
        let plain = http::HeaderValue::from_static("application/json");
        reply.headers.insert(http::header::CONTENT_TYPE, plain);
    }
    wire::seal(reply, &service.dialect, incoming.header("accept-encoding"));
}

/// The answer to a preflight of a page that the region lets in: `*`, whichever page it is.
pub fn preflight(service: &ServiceShape, incoming: &Incoming, id: &str) -> Outgoing {
    let answer = empty(200, ReplyBody::Bytes(Bytes::new()))
        .header("access-control-allow-origin", "*")
        .header("access-control-max-age", MAX_AGE_S)
        .header("x-amzn-requestid", &request_id(service, id.to_owned()));
    let shown = [
        ("access-control-request-headers", "access-control-allow-headers"),
        ("access-control-request-method", "access-control-allow-methods"),
    ];
    shown.into_iter().fold(answer, |answer, (asked, allowed)| match incoming.header(asked) {
        Some(value) => answer.header(allowed, value),
        None => answer,
    })
}

/// The answer to a request that means no operation of the service that it is for.
pub async fn unrouted(
    pipeline: &Pipeline,
    service: &'static ServiceShape,
    incoming: &Incoming,
    id: &str,
) -> Outgoing {
    let answer = match said(pipeline, incoming).await {
        Ok(answer) => answer,
        Err(error) => failed(service, &error, id),
    };
    let mut reply = Reply { status: answer.status, headers: answer.headers, body: answer.body };
    wire::seal(&mut reply, &service.dialect, None);
    Outgoing::from(reply).header("x-amzn-requestid", id)
}

/// What the region itself fails at is no fault of the request.
fn failed(service: &'static ServiceShape, error: &ApiError, id: &str) -> Outgoing {
    let spoken = service.protocols.first().copied().unwrap_or(Protocol::AwsJson10);
    let form = AnswerForm { service: Some(service), ..AnswerForm::bare(spoken) };
    wire::encode_error(&form, error, id).into()
}

async fn said(pipeline: &Pipeline, incoming: &Incoming) -> Result<Outgoing, ApiError> {
    if incoming.method == Method::GET {
        // The blank at its end is AWS's.
        let host = guard::without_port(incoming.authority());
        return Ok(Outgoing::text(200, "text/plain", format!("healthy: {host} ")));
    }
    let budget = pipeline.host.budgets.of("gateway");
    let (body, _held) = match body::whole(&incoming.body, MAX_BODY, &budget).await {
        Ok(whole) => whole,
        Err(error) if error.status == 413 => {
            return Ok(empty(413, ReplyBody::Stream(Body::stream(None, futures_util::stream::empty()))));
        }
        Err(error) if error.status >= 500 => return Err(error),
        Err(_) => return Ok(refused(incoming, "SerializationException")),
    };
    let spoken = head_of(incoming).content_type().unwrap_or_default();
    let is_known = matches!(spoken, "application/json" | "application/x-amz-json-1.0");
    if incoming.method != Method::POST || !(body.is_empty() || is_known) {
        return Ok(Outgoing::text(404, "text/html", "<UnknownOperationException/>\n"));
    }
    let is_json = body.is_empty() || serde_json::from_slice::<IgnoredAny>(&body).is_ok();
    Ok(refused(incoming, if is_json { "UnknownOperationException" } else { "SerializationException" }))
}

/// A refusal of the front itself, which has no message.
fn refused(incoming: &Incoming, code: &str) -> Outgoing {
    let body = format!("{{\"__type\":\"com.amazon.coral.service#{code}\"}}");
    let spoken = head_of(incoming).content_type().filter(|said| *said == "application/x-amz-json-1.0");
    Outgoing::text(400, spoken.unwrap_or("application/json"), body)
}

fn empty(status: u16, body: ReplyBody) -> Outgoing {
    Outgoing { status, headers: http::HeaderMap::new(), body }
}
