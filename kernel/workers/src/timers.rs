//! Timers: each fires in one commit that deletes it and does its work.

use crate::Rooms;
use names::Timestamp;
use schema::ApiError;
use service::{Host, Log, TimerHandler};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::{Claim, DueTimer, DueTimers, Fault, ViewHandle};
use tokio::sync::watch;

/// Timers that fire at once.
const AT_ONCE: usize = 64;
/// Rest before a timer whose work failed is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// The timers of a region.
pub struct Timers {
    host: Arc<Host>,
    rooms: Arc<dyn Rooms>,
    due: ViewHandle<DueTimers>,
    handlers: HashMap<&'static str, (&'static str, TimerHandler)>,
    firing: AtomicUsize,
    fired: Mutex<BTreeMap<&'static str, u64>>,
}

enum Unfired {
    Fault(Fault),
    Failed(ApiError),
}

impl From<Fault> for Unfired {
    fn from(fault: Fault) -> Self {
        Unfired::Fault(fault)
    }
}

impl Timers {
    pub(crate) fn new(
        host: Arc<Host>,
        rooms: Arc<dyn Rooms>,
        handlers: Vec<(&'static str, TimerHandler)>,
    ) -> Result<Self, Fault> {
        let due = host.store.view(DueTimers::default())?;
        let handlers = handlers.into_iter().map(|(room, handler)| (handler.kind, (room, handler))).collect();
        Ok(Timers { host, rooms, due, handlers, firing: AtomicUsize::new(0), fired: Mutex::default() })
    }

    /// When the next timer is due.
    ///
    /// # Errors
    /// The store's.
    pub fn next_due(&self) -> Result<Option<Timestamp>, Fault> {
        self.due.next_due()
    }

    /// How often timers of each kind have fired.
    pub fn fired(&self) -> BTreeMap<&'static str, u64> {
        self.fired.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether none is due at a moment and none is firing.
    ///
    /// # Errors
    /// The store's.
    pub fn is_quiet(&self, now: Timestamp) -> Result<bool, Fault> {
        let firing = self.firing.load(Ordering::Acquire) > 0;
        Ok(!firing && self.next_due()?.is_none_or(|due| due > now))
    }

    pub(crate) async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut changed = self.due.watch_all();
        loop {
            let next = match self.fire_due() {
                Ok(next) => next,
                Err(fault) => {
                    Log::error("timers", &fault.to_string());
                    Some(self.host.clock.now().plus_millis(RETRY.as_millis() as i64))
                }
            };
            tokio::select! {
                () = changed.changed() => {}
                () = self.until(next) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    async fn until(&self, moment: Option<Timestamp>) {
        match moment {
            Some(moment) => self.host.clock.until(moment).await,
            None => std::future::pending().await,
        }
    }

    /// Starts every timer that is due; says when the next will be.
    fn fire_due(self: &Arc<Self>) -> Result<Option<Timestamp>, Fault> {
        let now = self.host.clock.now();
        while self.firing.load(Ordering::Acquire) < AT_ONCE {
            let Some(claim) = self.due.claim_due(now)? else { break };
            self.firing.fetch_add(1, Ordering::AcqRel);
            let timers = self.clone();
            tokio::spawn(async move {
                let firing = Firing(timers);
                firing.0.fire(claim).await;
            });
        }
        Ok(self.due.next_due()?.filter(|due| *due > now))
    }

    async fn fire(&self, claim: Claim<DueTimer>) {
        let Some((room, handler)) = self.handlers.get(claim.kind.as_str()) else {
            // A timer of a room that this version does not have waits for one that has it.
            Log::warn("timers", &format!("nobody handles {}", claim.kind));
            claim.settle();
            return;
        };
        let fire = handler.fire;
        let fired = if self.rooms.is_open(room) {
            self.host.store.fire(claim.id, move |tx, timer| fire(tx, timer).map_err(Unfired::Failed)).await
        } else {
            Err(Unfired::Failed(ApiError::new("ServiceUnavailable", 503, "the room does not serve")))
        };
        *self.fired.lock().unwrap_or_else(PoisonError::into_inner).entry(handler.kind).or_default() += 1;
        let why = match fired {
            Ok(_) => {
                claim.settle();
                return;
            }
            Err(Unfired::Fault(fault)) => fault.to_string(),
            Err(Unfired::Failed(error)) => error.to_string(),
        };
        Log::error(room, &format!("timer {} failed: {why}", claim.kind));
        self.host.clock.rest(RETRY).await;
    }
}

/// A timer that fires; counted until this is dropped, also by a panic.
struct Firing(Arc<Timers>);

impl Drop for Firing {
    fn drop(&mut self) {
        self.0.firing.fetch_sub(1, Ordering::AcqRel);
        self.0.due.wake(&());
    }
}
