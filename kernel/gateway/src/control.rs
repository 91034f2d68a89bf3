//! The region's own pages: health, info, reset, metrics, rooms, limits, recent requests. They are no AWS API;
//! what changes something, or tells who did what, is answered to callers on this machine only.

mod limits;
mod requests;

use crate::message::{Incoming, Outgoing, read_whole};
use crate::metrics;
use crate::pipeline::Pipeline;
use crate::rooms::{Room, RoomState};
use crate::state;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Longest body of a control request, in bytes.
const MAX_BODY: usize = 64 * 1024;

fn answer(status: u16, value: &Value) -> Outgoing {
    Outgoing::text(status, "application/json", value.to_string())
}

/// Whether a path is one of the region's own pages.
pub fn is_page(path: &str) -> bool {
    path.starts_with("/_localstack/") || path.starts_with("/_elysium/")
}

/// Answers a control path; `None` where the path is none.
pub async fn serve(pipeline: &Arc<Pipeline>, incoming: &Incoming) -> Option<Outgoing> {
    let path = incoming.path.as_str();
    if !is_page(path) {
        return None;
    }
    // Whoever can change the region here needs no credentials, so it must be on this machine.
    let tells = path.starts_with("/_elysium/requests") || path.starts_with("/_elysium/explain/");
    if (incoming.method != http::Method::GET || tells) && !incoming.source.to_canonical().is_loopback() {
        return Some(answer(403, &json!({"message": "the region is controlled from its own machine only"})));
    }
    Some(match (incoming.method.as_str(), path) {
        ("GET" | "HEAD", "/_localstack/health" | "/_elysium/health") => health(pipeline),
        ("POST", "/_localstack/health") => answer(200, &json!({"status": "running"})),
        ("GET", "/_localstack/info" | "/_elysium/info") => info(pipeline),
        ("GET", "/_localstack/init") => answer(200, &pipeline.config.init.report()),
        ("GET", stage) if stage.starts_with("/_localstack/init/") => {
            match pipeline.config.init.stage(stage.trim_start_matches("/_localstack/init/")) {
                Some(report) => answer(200, &report),
                None => not_found(path),
            }
        }
        ("POST", "/_localstack/state/reset" | "/_elysium/state/reset") => reset(pipeline, incoming).await,
        ("POST", "/_elysium/state/save") => state::save(pipeline),
        ("POST", "/_elysium/state/load") => state::load(pipeline, incoming).await,
        ("GET", "/_elysium/metrics") => {
            Outgoing::text(200, "text/plain; version=0.0.4", metrics::text(pipeline))
        }
        ("GET", "/_elysium/rooms") => rooms(pipeline),
        ("POST", "/_elysium/rooms") => change_room(pipeline, incoming).await,
        ("GET" | "PUT" | "DELETE", "/_elysium/limits") => limits::serve(pipeline, incoming).await,
        ("GET", "/_elysium/requests") => requests::list(pipeline, incoming),
        ("GET", path) if path.starts_with("/_elysium/explain/") => requests::explained(pipeline, path),
        ("POST", "/_elysium/clock") => clock(pipeline, incoming).await,
        ("GET", "/_elysium/clock") => clock_state(pipeline),
        _ => not_found(path),
    })
}

fn not_found(path: &str) -> Outgoing {
    answer(404, &json!({"message": format!("{path} is not a page of this region")}))
}

fn state_of(room: &Room) -> &'static str {
    match room.state() {
        RoomState::Running => "running",
        RoomState::Refused => "disabled",
        RoomState::Unhealthy => "error",
    }
}

fn health(pipeline: &Pipeline) -> Outgoing {
    let services: Map<String, Value> =
        pipeline.rooms.all().map(|room| (room.name.to_owned(), Value::from(state_of(room)))).collect();
    answer(200, &json!({"services": services, "edition": "elysium", "version": pipeline.config.version}))
}

fn info(pipeline: &Pipeline) -> Outgoing {
    let uptime_s = pipeline.started.elapsed().as_secs();
    answer(
        200,
        &json!({
            "version": pipeline.config.version,
            "edition": "elysium",
            "is_license_activated": false,
            "session_id": pipeline.session,
            "machine_id": "local",
            "system": std::env::consts::OS,
            "is_docker": false,
            "server_time_utc": pipeline.host.clock.host().iso8601(),
            "uptime": uptime_s,
        }),
    )
}

/// The JSON object of a control request's body; an empty body is an empty object.
async fn body_of(incoming: &Incoming) -> Result<Value, Outgoing> {
    let refused = |message: String| answer(400, &json!({"message": message}));
    let body = read_whole(&incoming.body, MAX_BODY).await.map_err(|error| refused(error.to_string()))?;
    if body.is_empty() {
        return Ok(json!({}));
    }
    serde_json::from_slice(&body).map_err(|error| refused(format!("the body is not JSON: {error}")))
}

async fn reset(pipeline: &Pipeline, incoming: &Incoming) -> Outgoing {
    match body_of(incoming).await {
        Ok(body) => state::reset(pipeline, &body).await,
        Err(refused) => refused,
    }
}

/// Each room: whether it serves, what it has served, what it holds.
fn rooms(pipeline: &Pipeline) -> Outgoing {
    let shown = |room: &Arc<Room>| {
        let (requests, faults) = room.counts();
        let value = json!({
            "state": state_of(room),
            "requests": requests,
            "faults": faults,
            "under_way": room.under_way(),
            "bytes": room.budget.held(),
            "budget_bytes": room.budget.limit(),
            "budget_refusals": room.budget.refused(),
        });
        (room.name.to_owned(), value)
    };
    answer(200, &Value::Object(pipeline.rooms.all().map(shown).collect()))
}

/// Refuses a room or allows it again, or changes what it may hold: `{"room": "sqs", "refused": true}`,
/// `{"room": "sqs", "budget_bytes": 1000000}`.
async fn change_room(pipeline: &Pipeline, incoming: &Incoming) -> Outgoing {
    let body = match body_of(incoming).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let name = body.get("room").and_then(Value::as_str).unwrap_or_default();
    let refused = body.get("refused").and_then(Value::as_bool);
    let budget = body.get("budget_bytes").and_then(Value::as_u64);
    let Some(room) = pipeline.rooms.room(name).filter(|_| refused.is_some() || budget.is_some()) else {
        let message =
            "expected {\"room\": a room's name, \"refused\": true or false, \"budget_bytes\": a number}";
        return answer(400, &json!({"message": message}));
    };
    if let Some(refused) = refused {
        room.refuse(refused);
    }
    if let Some(bytes) = budget {
        room.budget.set_limit(bytes);
    }
    health(pipeline)
}

fn clock_state(pipeline: &Pipeline) -> Outgoing {
    let clock = &pipeline.host.clock;
    answer(200, &json!({"now": clock.now().iso8601_millis(), "frozen": clock.is_frozen()}))
}

/// `{"freeze": true|false}` and `{"advance_seconds": n}`. An advance is answered when everything that fell due
/// on the way has been done.
async fn clock(pipeline: &Pipeline, incoming: &Incoming) -> Outgoing {
    let body = match body_of(incoming).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let clock = &pipeline.host.clock;
    match body.get("freeze").and_then(Value::as_bool) {
        Some(true) => clock.freeze(),
        Some(false) => clock.run(),
        None => {}
    }
    if let Some(seconds) =
        body.get("advance_seconds").and_then(Value::as_f64).filter(|s| (0.0..=1e10).contains(s))
    {
        let moved = match pipeline.settler.get() {
            Some(settler) => settler.advance(Duration::from_secs_f64(seconds)).await,
            None => Err("the region is not started yet".to_owned()),
        };
        if let Err(busy) = moved {
            let now = clock.now().iso8601_millis();
            return answer(409, &json!({"message": format!("time stands at {now}: {busy}")}));
        }
    }
    clock_state(pipeline)
}
