//! The relay: carries deliveries from the outbox to their targets.
//!
//! For a target that stores, up to 64 deliveries are taken out of the outbox and accepted in one commit:
//! exactly once, two syncs from source to queue. For a target that acts outside, each is handed over
//! alone and taken out afterwards: at least once. A delivery that is refused is tried alone, later and
//! later, and in the end goes to its dead letter; it always ends in a result that someone handles.

mod carry;
mod row;

use names::Timestamp;
use schema::ApiError;
use service::{Ctx, Delivery, Host, Log, Target};
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use store::{Fault, OutboxLanes, ViewHandle};
use tokio::sync::watch;

/// Targets that are worked on at once.
const TARGETS_AT_ONCE: usize = 64;
/// How long the relay rests, in milliseconds, when the store gives no answer.
const FAULT_PAUSE_MS: u64 = 500;

/// What the relay asks of the region.
pub trait Receivers: Send + Sync {
    /// Who takes deliveries to the ARNs of a service.
    ///
    /// # Errors
    /// Where nobody does, or the room does not serve now: then it is asked again later.
    fn target(&self, service: &str) -> Result<Arc<dyn Target>, ApiError>;

    /// Whether the delivery's source may do the target's action on it.
    ///
    /// # Errors
    /// `AccessDenied` where it may not.
    fn permit(&self, delivery: &Delivery, target: &dyn Target) -> Result<(), ApiError>;

    /// The context in which a target acts on a delivery.
    fn context(&self, delivery: &Delivery, target: &dyn Target) -> Ctx;
}

/// Carries deliveries.
pub struct Relay {
    host: Arc<Host>,
    receivers: Arc<dyn Receivers>,
    lanes: ViewHandle<OutboxLanes>,
    busy: Mutex<HashSet<Arc<str>>>,
    carried: AtomicU64,
    refused: AtomicU64,
}

impl Relay {
    /// A relay over a host's outbox.
    ///
    /// # Errors
    /// If the store takes no more views.
    pub fn new(host: Arc<Host>, receivers: Arc<dyn Receivers>) -> Result<Arc<Self>, Fault> {
        let lanes = host.store.view(OutboxLanes)?;
        Ok(Arc::new(Relay {
            host,
            receivers,
            lanes,
            busy: Mutex::default(),
            carried: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }))
    }

    /// Deliveries that were accepted, and that were given up.
    pub fn counts(&self) -> (u64, u64) {
        (self.carried.load(Ordering::Relaxed), self.refused.load(Ordering::Relaxed))
    }

    /// Whether nothing can be carried at this moment of virtual time, and nothing is being carried.
    ///
    /// # Errors
    /// The store's.
    pub fn is_quiet(&self, now: Timestamp) -> Result<bool, Fault> {
        let busy = !self.busy().is_empty();
        Ok(!busy && self.lanes.ready(now, 1)?.is_empty())
    }

    /// Where it carries to at this moment of virtual time, or is about to.
    ///
    /// # Errors
    /// The store's.
    pub fn working_on(&self, now: Timestamp) -> Result<Vec<String>, Fault> {
        let mut targets: Vec<String> = self.busy().iter().map(ToString::to_string).collect();
        targets.extend(self.lanes.ready(now, TARGETS_AT_ONCE)?.iter().map(ToString::to_string));
        targets.sort();
        targets.dedup();
        Ok(targets)
    }

    fn busy(&self) -> std::sync::MutexGuard<'_, HashSet<Arc<str>>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries until told to stop.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut changed = self.lanes.watch_all();
        loop {
            let wait = match self.start_ready() {
                Ok(next) => next,
                Err(fault) => {
                    Log::error("relay", &fault.to_string());
                    Some(self.host.clock.now().plus_millis(FAULT_PAUSE_MS as i64))
                }
            };
            tokio::select! {
                () = changed.changed() => {}
                () = self.until(wait) => {}
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

    /// Starts work on every target that something may go to; says when to look again.
    fn start_ready(self: &Arc<Self>) -> Result<Option<Timestamp>, Fault> {
        let now = self.host.clock.now();
        for target in self.lanes.ready(now, TARGETS_AT_ONCE)? {
            let mut busy = self.busy();
            if busy.len() >= TARGETS_AT_ONCE || !busy.insert(target.clone()) {
                continue;
            }
            drop(busy);
            let relay = self.clone();
            tokio::spawn(async move { relay.work_on(target).await });
        }
        let next = self.lanes.next_ready()?;
        // What is ready and not started is being worked on: its end wakes this loop.
        Ok(next.filter(|next| *next > now))
    }

    async fn work_on(self: Arc<Self>, target: Arc<str>) {
        let turn = Turn { relay: self.clone(), target };
        loop {
            match carry::batch(&self, &turn.target).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(fault) => {
                    Log::error("relay", &format!("deliveries to {}: {fault}", turn.target));
                    self.host.clock.rest(std::time::Duration::from_millis(FAULT_PAUSE_MS)).await;
                    return;
                }
            }
        }
    }
}

/// A target being worked on; free again when this is dropped, also by a panic.
struct Turn {
    relay: Arc<Relay>,
    target: Arc<str>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.relay.busy().remove(&self.target);
        self.relay.lanes.wake(&());
    }
}
