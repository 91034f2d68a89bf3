//! The end of an environment: extensions that want to know hear of it and get a little time, then all of it
//! is ended.

use super::api::RuntimeApi;
use super::freezing::Frost;
use ports::runner::Sandbox;
use service::{Clock, Log};
use std::sync::Arc;
use std::time::Duration;

/// How long extensions have for their last work (Lambda developer guide, "Shutdown phase").
const LAST_WORK: Duration = Duration::from_secs(2);

/// Why an environment ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Nobody needs it.
    Spindown,
    /// Its invocation ran longer than it may.
    Timeout,
    /// It broke.
    Failure,
}

impl Reason {
    fn as_str(self) -> &'static str {
        match self {
            Reason::Spindown => "spindown",
            Reason::Timeout => "timeout",
            Reason::Failure => "failure",
        }
    }
}

/// What is left of an environment that was given up.
pub struct Remains {
    /// Its Runtime API, by which extensions hear of the end.
    pub api: Arc<RuntimeApi>,
    /// The function's program.
    pub sandbox: Arc<dyn Sandbox>,
    /// What runs beside it.
    pub extensions: Vec<Arc<dyn Sandbox>>,
    /// Whether it is stopped.
    pub frost: Arc<Frost>,
    /// The region's clock.
    pub clock: Clock,
    /// Why it ends.
    pub reason: Reason,
}

impl Remains {
    /// Ends all of it.
    pub async fn end(self) {
        let shared = self.api.shared();
        if shared.extensions.want_end() {
            self.frost.lift(&self.sandbox).await;
            let limit = i64::try_from(LAST_WORK.as_millis()).unwrap_or(i64::MAX);
            shared.extensions.end(self.reason.as_str(), self.clock.host().plus_millis(limit).millis());
            let all = async {
                for extension in &self.extensions {
                    extension.exited().await;
                }
            };
            tokio::select! {
                () = all => {}
                () = self.clock.rest(LAST_WORK) => {}
            }
        }
        for sandbox in self.extensions.iter().chain([&self.sandbox]) {
            if let Err(error) = sandbox.kill().await {
                Log::warn("lambda", &format!("an environment cannot be ended: {error}"));
            }
        }
    }
}
