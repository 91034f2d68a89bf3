//! The sweeper: removes what deleted resources contained and answers that are kept no longer, in bounded
//! commits, when there is something; and once, after an end that was not clean, bytes that no commit kept.

use service::{AnswerSweep, Host, Log};
use std::sync::Arc;
use std::time::Duration;
use store::Fault;
use tokio::sync::watch;

/// Rows removed in one step.
const STEP: usize = 500;
/// Between two looks for garbage.
const IDLE: Duration = Duration::from_secs(2);
/// Between two steps, so that users' commits come first.
const BUSY: Duration = Duration::from_millis(5);

/// What is swept besides garbage, and how far that has come.
struct Sweeper {
    host: Arc<Host>,
    answers: AnswerSweep,
    /// The next shelf to look for orphaned blobs on; nothing when all are done.
    shelf: Option<u8>,
}

/// Sweeps until told to stop.
pub async fn run(host: Arc<Host>, mut stop: watch::Receiver<bool>) {
    let shelf = (!host.store.was_clean()).then_some(0);
    let mut sweeper = Sweeper { host: host.clone(), answers: AnswerSweep::default(), shelf };
    loop {
        let rest = match sweeper.step().await {
            Ok(true) => BUSY,
            Ok(false) => IDLE,
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

impl Sweeper {
    /// Sweeps a little of everything; says whether there is more to be swept at once.
    async fn step(&mut self) -> Result<bool, Fault> {
        let store = &self.host.store;
        let garbage = store.sweep(STEP).await?.more;
        let answers = self.answers.step(store, self.host.clock.now()).await?;
        let orphans = match self.shelf {
            None => false,
            Some(shelf) => {
                let looked = store.sweep_orphans(shelf).await?.is_some();
                if looked {
                    self.shelf = shelf.checked_add(1);
                }
                looked && self.shelf.is_some()
            }
        };
        Ok(garbage || answers || orphans)
    }
}
