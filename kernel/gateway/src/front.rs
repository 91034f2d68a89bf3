//! Requests to hosts that a room serves itself, found by their host name or by a path for clients that
//! cannot resolve such names: `/_aws/{front}/{label}/…`.

use crate::between::permit;
use crate::body;
use crate::load::Load;
use crate::message::{Incoming, Outgoing};
use crate::pipeline::{Pipeline, region_of};
use crate::record::Trace;
use crate::rooms::{Room, RoomState};
use http::{HeaderMap, HeaderName, HeaderValue};
use schema::ApiError;
use service::{Ctx, Front, FrontBody, FrontReply, FrontRequest, Request};
use std::sync::Arc;
use wire::{HostRoute, ReplyBody};

/// A front, the label of its host, and where the user's own path begins.
pub struct Found {
    name: String,
    label: String,
    path_at: usize,
}

/// By the request's host.
pub fn by_host(host: HostRoute) -> Found {
    Found { name: host.mark.to_owned(), label: host.id, path_at: 0 }
}

/// By host or path.
pub fn find(pipeline: &Pipeline, incoming: &Incoming) -> Option<Found> {
    by_path(pipeline, incoming).or_else(|| pipeline.router.users_host(incoming.authority()).map(by_host))
}

/// By the request's path.
fn by_path(pipeline: &Pipeline, incoming: &Incoming) -> Option<Found> {
    let rest = incoming.path.strip_prefix("/_aws/")?;
    let (name, rest) = rest.split_once('/')?;
    pipeline.rooms.front(name)?;
    let label = rest.split('/').next().filter(|label| !label.is_empty())?;
    let path_at = "/_aws/".len() + name.len() + 1 + label.len();
    Some(Found { name: name.to_owned(), label: label.to_owned(), path_at })
}

fn plain(status: u16, message: &str) -> Outgoing {
    Outgoing::text(status, "application/json", serde_json::json!({"message": message}).to_string())
}

/// Has the room answer.
pub async fn serve(pipeline: &Arc<Pipeline>, incoming: &Incoming, found: Found, id: String) -> Outgoing {
    let Some((room, front)) = pipeline.rooms.front(&found.name).cloned() else {
        return plain(404, "Not Found");
    };
    if room.state() != RoomState::Running {
        return plain(503, "Service Unavailable");
    }
    let mut trace = Trace::of(pipeline, front.name(), incoming.summary().into(), &id);
    let answer = answer(pipeline, incoming, (&room, front, found), &mut trace).await;
    let fault = answer.as_ref().err().filter(|error| error.status >= 500);
    room.count(fault.is_some());
    let (answer, error) = match answer {
        Ok(answer) => (answer, None),
        Err(error) => (plain(error.status, &error.message), Some(error)),
    };
    trace.end(pipeline, answer.status, error.as_ref());
    answer
}

async fn answer(
    pipeline: &Arc<Pipeline>,
    incoming: &Incoming,
    (room, front, found): (&Arc<Room>, Arc<dyn Front>, Found),
    trace: &mut Trace,
) -> Result<Outgoing, ApiError> {
    let place = room.enter()?;
    let (body, held) = body::whole(&incoming.body, front.max_body(), &room.budget).await?;
    let identity = pipeline
        .identify_any(incoming, Some(&body))
        .map_err(|_| ApiError::new("Forbidden", 403, "Forbidden"))?;
    let region = region_of(incoming);
    trace.identified(&identity, &region);
    let request = Request {
        id: trace.id.clone(),
        account: identity.caller.account(),
        caller: identity.caller,
        region,
        room: room.name,
        operation: front.name(),
        origin: incoming.origin(),
        source: Some(incoming.source),
        deadline: None,
        depth: 0,
        hints: incoming.hints(),
        gone: incoming.gone.clone(),
    };
    let mut ctx = Ctx::new(pipeline.host.clone(), request);
    let asked = asked(incoming, &found, body);
    if let Some(needs) = front.needs(&ctx, &asked)? {
        let caller = needs.caller;
        ctx = Ctx::new(pipeline.host.clone(), Request { caller, ..ctx.request().clone() });
        if needs.demands.iter().try_for_each(|demand| permit(pipeline, &ctx, demand)).is_err() {
            return Ok(outgoing(front.refuse()));
        }
    }
    let (watchdog, name) = (pipeline.host.watchdog.clone(), room.name);
    let answered = tokio::spawn(async move {
        let _load = Load::new(place, Some(held), None);
        watchdog.watch(name, front.name(), front.serve(ctx, asked)).await
    });
    let failed = |_| ApiError::new("InternalFailure", 500, "Internal Server Error");
    answered.await.map(outgoing).map_err(failed)
}

fn asked(incoming: &Incoming, found: &Found, body: bytes::Bytes) -> FrontRequest {
    let path = &incoming.path[found.path_at..];
    let headers = incoming.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    FrontRequest {
        label: found.label.clone(),
        host: crate::guard::without_port(incoming.authority()).to_owned(),
        method: incoming.method.as_str().to_owned(),
        path: if path.is_empty() { "/".to_owned() } else { path.to_owned() },
        query: incoming.query.clone(),
        headers: headers.collect(),
        body,
        source: incoming.source,
    }
}

fn outgoing(reply: FrontReply) -> Outgoing {
    let mut headers = HeaderMap::new();
    for (name, value) in reply.headers {
        // What is no header is left out: the rest of the answer is still right.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_bytes(value.as_bytes()))
        {
            headers.append(name, value);
        }
    }
    let body = match reply.body {
        FrontBody::Bytes(bytes) => ReplyBody::Bytes(bytes),
        FrontBody::Stream(body) => ReplyBody::Stream(body),
    };
    Outgoing { status: reply.status, headers, body }
}
