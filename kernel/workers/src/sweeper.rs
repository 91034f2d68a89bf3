//! The sweeper: removes what deleted resources contained, in bounded commits, when there is something.

use service::{Host, Log};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Rows removed in one step.
const STEP: usize = 500;
/// Between two looks for garbage.
const IDLE: Duration = Duration::from_secs(2);
/// Between two steps, so that users' commits come first.
const BUSY: Duration = Duration::from_millis(5);

/// Sweeps until told to stop.
pub async fn run(host: Arc<Host>, mut stop: watch::Receiver<bool>) {
    loop {
        let rest = match host.store.sweep(STEP).await {
            Ok(swept) if swept.more => BUSY,
            Ok(_) => IDLE,
            Err(fault) => {
                Log::error("sweeper", &fault.to_string());
                IDLE
            }
        };
        tokio::select! {
            () = host.clock.rest(rest) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}
