//! The endpoint of a service whose answers are summed up: what it says to requests that mean none of its
//! operations, and what all of its answers bear. Such services stand behind a front of their own, older than
//! the libraries of the protocols, which reads the method, the content type and the body before the target.

use crate::body;
use crate::cors::EXPOSED;
use crate::message::{Incoming, Outgoing};
use crate::pipeline::{Pipeline, head_of};
use http::Method;
use schema::{ApiError, Body, Protocol, ServiceShape};
use serde::de::IgnoredAny;
use wire::{AnswerForm, Malformed, MalformedKind, Reply, ReplyBody, Route};

/// Longest body that such a front reads, in bytes, also inflated.
pub const MAX_BODY: usize = 16 * 1024 * 1024;
/// Longest line of a request that such a front reads, and the most bytes of its headers.
const MAX_HEAD: usize = 16 * 1024;
/// What all request ids of such a front end with.
const ID_END: &str = "VV4KQNSO5AEMVJF66Q9ASUAAJG";
/// Larger answers are compressed where they hold no network thread.
const COMPRESSED_AT_ONCE: usize = 256 * 1024;
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

/// Makes the last touch to an answer: the content type that the client spoke, the coding that it accepts, and
/// what [`wire::seal`] adds.
pub async fn finish(pipeline: &Pipeline, reply: &mut Reply, service: &ServiceShape, incoming: &Incoming) {
    if !service.dialect.sums_bodies {
        return;
    }
    if reply.status == 413 {
        let Outgoing { headers, body, .. } = too_large();
        (reply.headers, reply.body) = (headers, body);
    }
    let is_json = |value: &http::HeaderValue| value.as_bytes().starts_with(b"application/x-amz-json");
    let is_plain = head_of(incoming).content_type().is_none_or(|said| said == "application/json");
    if is_plain && reply.headers.get(http::header::CONTENT_TYPE).is_some_and(is_json) {
        let plain = http::HeaderValue::from_static("application/json");
        reply.headers.insert(http::header::CONTENT_TYPE, plain);
    }
    let compressed = match wire::to_compress(reply, &service.dialect, incoming.header("accept-encoding")) {
        None => None,
        Some((coding, body)) if body.len() <= COMPRESSED_AT_ONCE => coding.pack(&body).zip(Some(coding)),
        Some((coding, body)) => {
            let packing = pipeline.host.compute.run(service.name, move || coding.pack(&body));
            packing.await.flatten().zip(Some(coding))
        }
    };
    wire::seal(reply, &service.dialect, compressed.map(|(body, coding)| (coding, body)));
}

/// Whether a body that should hold an object is nothing.
pub fn says_nothing(service: &ServiceShape, body: &[u8]) -> bool {
    service.dialect.sums_bodies && matches!(body.trim_ascii(), b"" | b"null")
}

/// The refusal of what cannot be read at all, which has no message.
pub fn unreadable() -> ApiError {
    ApiError::new("SerializationException", 400, "")
}

/// The error of a body that is not what the operation takes.
pub fn malformed(route: &Route, malformed: Malformed) -> ApiError {
    if route.service.dialect.sums_bodies && malformed.kind == MalformedKind::Syntax {
        return unreadable();
    }
    malformed.into_error(route.protocol)
}

/// The answer to a body beyond what the front reads.
fn too_large() -> Outgoing {
    let body = ReplyBody::Stream(Body::stream(None, futures_util::stream::empty()));
    Outgoing { body, ..Outgoing::empty(413) }
}

/// Whether a request's line or its headers are longer than such a front reads.
pub fn has_long_head(incoming: &Incoming) -> bool {
    let line = incoming.path.len() + incoming.query.len();
    // A line of a header has a colon, a blank and its end.
    let headers = incoming.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    line > MAX_HEAD || headers.sum::<usize>() > MAX_HEAD
}

/// The answer to a request whose head is too long: nobody has looked at what it means, nor at who asks.
pub fn bad_request(id: &str) -> Outgoing {
    Outgoing::empty(400).header("x-amzn-requestid", id)
}

/// The answer to a preflight of a page that the region lets in: `*`, whichever page it is.
pub fn preflight(service: &ServiceShape, incoming: &Incoming, id: &str) -> Outgoing {
    let answer = Outgoing::empty(200)
        .header("access-control-allow-origin", "*")
        .header("access-control-expose-headers", EXPOSED)
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
    if incoming.method == Method::GET && incoming.path == "/" {
        // The blank at its end is AWS's.
        return Ok(Outgoing::text(200, "text/plain", format!("healthy: {} ", incoming.authority())));
    }
    let budget = pipeline.host.budgets.of("gateway");
    let (body, _held) = match body::whole(&incoming.body, MAX_BODY, &budget).await {
        Ok(whole) => whole,
        Err(error) if error.status == 413 => return Ok(too_large()),
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
