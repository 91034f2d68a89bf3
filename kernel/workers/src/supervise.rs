//! A reconciler's rounds.

use crate::Rooms;
use schema::ApiError;
use service::{Host, Log, Worker};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Rest after the first failure; doubled for each further one up to `MAX_REST`.
const FIRST_REST: Duration = Duration::from_millis(100);
const MAX_REST: Duration = Duration::from_secs(30);
/// Failures in a row that make a room unhealthy.
const UNHEALTHY: u32 = 5;
/// Between two looks whether a refused room is open again.
const CLOSED_REST: Duration = Duration::from_millis(500);

/// Runs a reconciler until told to stop.
pub async fn run(
    host: Arc<Host>,
    rooms: Arc<dyn Rooms>,
    room: &'static str,
    worker: Worker,
    mut stop: watch::Receiver<bool>,
) {
    let mut failures = 0;
    loop {
        let rest = if rooms.is_open(room) || failures >= UNHEALTHY {
            failures = after(round(&rooms, room, &worker).await, failures, room, &worker);
            rooms.set_healthy(room, failures < UNHEALTHY);
            (failures > 0).then(|| FIRST_REST.saturating_mul(1 << failures.min(16)).min(MAX_REST))
        } else {
            Some(CLOSED_REST)
        };
        let next = host.clock.now().plus_millis(worker.period_ms);
        tokio::select! {
            () = pause(&host, rest) => {}
            () = host.clock.until(next), if rest.is_none() => {}
            () = worker.wake.notified(), if rest.is_none() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

async fn pause(host: &Host, rest: Option<Duration>) {
    match rest {
        Some(rest) => host.clock.rest(rest).await,
        None => std::future::pending().await,
    }
}

async fn round(rooms: &Arc<dyn Rooms>, room: &'static str, worker: &Worker) -> Result<(), ApiError> {
    let ctx = rooms.context(room, worker.name);
    match tokio::spawn((worker.work)(ctx)).await {
        Ok(result) => result,
        Err(_) => Err(ApiError::new("InternalFailure", 500, "it panicked")),
    }
}

fn after(result: Result<(), ApiError>, failures: u32, room: &str, worker: &Worker) -> u32 {
    match result {
        Ok(()) => 0,
        Err(error) => {
            Log::error(room, &format!("{} failed: {error}", worker.name));
            failures.saturating_add(1)
        }
    }
}
