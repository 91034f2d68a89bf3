//! Web pages: which of them may call at all, what their preflights are answered, and by which headers they
//! get to see an answer. A resource that names its pages decides by itself; elsewhere the guard does.

use crate::message::{Incoming, Outgoing};
use crate::pipeline::Pipeline;
use crate::rooms::RoomState;
use crate::{between, control, endpoint, form, guard};
use http::header::ORIGIN;
use http::{HeaderName, HeaderValue, Method};
use schema::ApiError;
use service::{PageHeaders, PageRequest, Peek};
use std::sync::Arc;
use wire::{AnswerForm, Route, Routing};

const METHODS: &str = "HEAD,GET,PUT,POST,DELETE,OPTIONS,PATCH";
/// The headers of answers that pages may read.
pub const EXPOSED: &str = "etag,x-amz-version-id,x-amzn-requestid,x-amz-request-id,x-amzn-errortype,x-amz-checksum-crc32,\
                       x-amz-checksum-sha256,x-amz-function-error,x-amz-log-result,content-range,location";
const MAX_AGE_S: &str = "600";

/// What holds for the page that a request comes from.
pub enum Page {
    /// No page sent it.
    None,
    /// The region's own rule lets it in.
    Region,
    /// The region's own rule lets it in, and the endpoint answers all pages with `*`.
    Any,
    /// The resource lets it in, by these headers.
    Resource(PageHeaders),
    /// The resource does not; the request itself goes on, and the page does not get to see its answer.
    Unseen,
}

/// Decides about the page of a request.
///
/// # Errors
/// The answer, where the request ends here: a preflight, or a page that may not call.
pub fn admit(pipeline: &Arc<Pipeline>, incoming: &Incoming, id: &str) -> Result<Page, Box<Outgoing>> {
    let preflight = incoming.method == Method::OPTIONS;
    if !preflight && incoming.header(ORIGIN).is_none() {
        return Ok(Page::None);
    }
    match decided(pipeline, incoming) {
        Some((form, Ok(headers))) if preflight => Err(Box::new(with(allowed(&form, id), &headers))),
        Some((_, Ok(headers))) => Ok(Page::Resource(headers)),
        Some((form, Err(error))) if preflight => Err(Box::new(wire::encode_error(&form, &error, id).into())),
        decided => {
            if decided.is_some() && is_harmless(incoming) {
                return Ok(Page::Unseen);
            }
            if let Some(why) = guard::refused_origin(&incoming.headers, &pipeline.config) {
                return Err(Box::new(Outgoing::text(403, "text/plain", why)));
            }
            if let Some(service) = endpoint::addressed(pipeline, incoming) {
                let answer = || Box::new(endpoint::preflight(service, incoming, id));
                return if is_asked(incoming) { Err(answer()) } else { Ok(Page::Any) };
            }
            match preflight.then(|| region_preflight(incoming)).flatten() {
                Some(answer) => Err(Box::new(answer)),
                None if decided.is_some() => Ok(Page::Unseen),
                None => Ok(Page::Region),
            }
        }
    }
}

/// Whether a page that a resource does not let in may send a request all the same, whose answer it does not get to see:
/// one that changes nothing, which a page could as well send without naming itself. A signature makes no other request
/// harmless: the keys of a region for development are known to all pages.
fn is_harmless(incoming: &Incoming) -> bool {
    matches!(incoming.method, Method::GET | Method::HEAD)
}

/// The answer to a preflight that a resource lets in: without a body, so without its type, and with the request's
/// id where the service bears it in this header (recorded of AWS by LocalStack's test_cors_match_origins).
fn allowed(form: &AnswerForm, id: &str) -> Outgoing {
    let mut answer = Outgoing::text(200, "text/plain", "");
    answer.headers.remove("content-type");
    match form.service {
        Some(service) if service.dialect.bare_errors => answer.header("x-amz-request-id", id),
        _ => answer,
    }
}

/// Whether a page asks before it sends.
fn is_asked(incoming: &Incoming) -> bool {
    incoming.method == Method::OPTIONS && incoming.header(ORIGIN).is_some()
}

/// What the resource of a request says of the page, where it is one that decides.
fn decided(
    pipeline: &Arc<Pipeline>,
    incoming: &Incoming,
) -> Option<(AnswerForm, Result<PageHeaders, ApiError>)> {
    if control::is_page(&incoming.path) {
        return None;
    }
    let asked = match incoming.method {
        Method::OPTIONS => incoming.header("access-control-request-method"),
        _ => None,
    };
    // Of an OPTIONS that asks for no method only the place counts.
    let place = if incoming.method == Method::OPTIONS { "GET" } else { incoming.method.as_str() };
    let route: Route = match (form::place(pipeline, incoming), asked.unwrap_or(place)) {
        (Some(place), _) => place,
        // A method that there is not is asked for at the same place.
        (None, method) => match pipeline.route(incoming, method).or_else(|_| pipeline.route(incoming, place))
        {
            Ok(Routing::Operation(route)) => route,
            Ok(Routing::Host(_) | Routing::NeedsBody) | Err(_) => return None,
        },
    };
    let (room, decides) = pipeline.rooms.cross_origin(route.service.name)?;
    if room.state() != RoomState::Running {
        return None;
    }
    let headers = incoming.header("access-control-request-headers").unwrap_or_default();
    let request = PageRequest {
        origin: incoming.header(ORIGIN),
        // A request that says what it asks for is taken by that word, preflight or not (recorded of AWS by
        // LocalStack's test_cors_match_methods).
        method: incoming.header("access-control-request-method").unwrap_or(incoming.method.as_str()),
        headers: headers.split(',').map(str::trim).filter(|name| !name.is_empty()).collect(),
        labels: &route.labels,
    };
    let region = crate::pipeline::region_of(incoming);
    let peek = Peek::new(between::background(pipeline, room.name, "cross-origin", region));
    let decision = decides.decide(&peek, &request)?;
    Some((route.form(), decision))
}

/// The region's own answer to a preflight; `None` for an OPTIONS that is none.
fn region_preflight(incoming: &Incoming) -> Option<Outgoing> {
    incoming.header(ORIGIN)?;
    incoming.header("access-control-request-method")?;
    let asked = incoming.header("access-control-request-headers").unwrap_or("*");
    let answer = Outgoing::text(204, "text/plain", "")
        .header("access-control-allow-methods", METHODS)
        .header("access-control-allow-headers", asked)
        .header("access-control-max-age", MAX_AGE_S);
    Some(Page::Region.show(incoming, answer))
}

fn with(mut answer: Outgoing, headers: &PageHeaders) -> Outgoing {
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            answer.headers.insert(HeaderName::from_static(name), value);
        }
    }
    answer
}

impl Page {
    /// Lets the page see the answer, where it may.
    pub fn show(&self, incoming: &Incoming, answer: Outgoing) -> Outgoing {
        match (self, incoming.header(ORIGIN)) {
            (Page::Resource(headers), _) => with(answer, headers),
            (Page::Any, Some(_)) => answer
                .header("access-control-allow-origin", "*")
                .header("access-control-expose-headers", EXPOSED),
            (Page::Region, Some(origin)) => answer
                .header("access-control-allow-origin", origin)
                .header("access-control-expose-headers", EXPOSED)
                .header("vary", "Origin"),
            _ => answer,
        }
    }
}
