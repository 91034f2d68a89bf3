//! The relay: carries deliveries from the outbox to their targets.
//!
//! For a target that stores, up to 64 deliveries are taken out of the outbox and accepted in one commit:
//! exactly once, two syncs from source to queue. Targets of one service that store share their commits, so that
//! one message to a hundred queues is not a hundred commits. For a target that acts outside, each is handed over
//! alone and taken out afterwards: at least once. A delivery that is refused is tried alone, later and
//! later, and in the end goes to its dead letter; it always ends in a result that someone handles. What a target takes
//! in the commit that causes it never comes here (`service::hand_over`).

mod carry;
mod row;

use names::Timestamp;
use service::{Host, Log, Receivers, Reception};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use store::{Fault, OutboxLanes, ViewHandle};
use tokio::sync::watch;

/// Turns that are under way at once.
const TURNS_AT_ONCE: usize = 64;
/// Targets of one turn, where they store: so few that accepting something for each stays far below the
/// millisecond after which the committer runs no closure again itself.
const TARGETS_OF_A_TURN: usize = 16;
/// Targets that are named to those who ask what is going on.
const NAMED: usize = 64;
/// How long the relay rests, in milliseconds, when the store gives no answer.
const FAULT_PAUSE_MS: u64 = 500;

/// What is being worked on.
#[derive(Default)]
struct Busy {
    targets: HashSet<Arc<str>>,
    turns: usize,
}

/// Carries deliveries.
pub struct Relay {
    host: Arc<Host>,
    receivers: Arc<dyn Receivers>,
    lanes: ViewHandle<OutboxLanes>,
    busy: Mutex<Busy>,
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
        let busy = self.busy().turns > 0;
        Ok(!busy && self.lanes.ready(now, 1)?.is_empty())
    }

    /// Where it carries to at this moment of virtual time, or is about to.
    ///
    /// # Errors
    /// The store's.
    pub fn working_on(&self, now: Timestamp) -> Result<Vec<String>, Fault> {
        let mut targets: Vec<String> = self.busy().targets.iter().map(ToString::to_string).collect();
        targets.extend(self.lanes.ready(now, NAMED)?.iter().map(ToString::to_string));
        targets.sort();
        targets.dedup();
        Ok(targets)
    }

    fn busy(&self) -> std::sync::MutexGuard<'_, Busy> {
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
        let (known, room) = {
            let busy = self.busy();
            (busy.targets.len(), TURNS_AT_ONCE - busy.turns)
        };
        // Targets that are worked on may be ready too; of the others no more are looked at than can be begun.
        let ready = match room {
            0 => Vec::new(),
            room => self.lanes.ready(now, known + room * TARGETS_OF_A_TURN)?,
        };
        for targets in self.turns_of(ready) {
            let mut busy = self.busy();
            if busy.turns == TURNS_AT_ONCE {
                break;
            }
            busy.turns += 1;
            busy.targets.extend(targets.iter().cloned());
            drop(busy);
            let relay = self.clone();
            tokio::spawn(async move { relay.work_on(targets).await });
        }
        let next = self.lanes.next_ready()?;
        // What is ready and not started is being worked on: its end wakes this loop.
        Ok(next.filter(|next| *next > now))
    }

    /// The targets that nobody works on, as turns: those that act have one each, those that store share some.
    fn turns_of(&self, ready: Vec<Arc<str>>) -> Vec<Vec<Arc<str>>> {
        let free: Vec<Arc<str>> = {
            let busy = self.busy();
            ready.into_iter().filter(|target| !busy.targets.contains(target)).collect()
        };
        let (mut turns, mut open): (Vec<Vec<Arc<str>>>, HashMap<&str, usize>) = (Vec::new(), HashMap::new());
        for target in &free {
            let service = target.split(':').nth(2).unwrap_or_default();
            match open.get(service) {
                Some(turn) if turns[*turn].len() < TARGETS_OF_A_TURN => turns[*turn].push(target.clone()),
                _ => {
                    let receiver = self.receivers.target(service);
                    if receiver.is_ok_and(|receiver| receiver.reception() == Reception::Stores) {
                        open.insert(service, turns.len());
                    }
                    turns.push(vec![target.clone()]);
                }
            }
        }
        turns
    }

    async fn work_on(self: Arc<Self>, targets: Vec<Arc<str>>) {
        let turn = Turn { relay: self.clone(), targets };
        if self.carry_all(&turn.targets).await {
            return;
        }
        let mut carried = false;
        if turn.targets.len() > 1 {
            // What cannot be carried to one of several is no reason to keep it from the others.
            carried = true;
            for target in &turn.targets {
                carried &= self.carry_all(std::slice::from_ref(target)).await;
            }
        }
        if !carried {
            self.host.clock.rest(std::time::Duration::from_millis(FAULT_PAUSE_MS)).await;
        }
    }

    /// Carries to some targets until nothing is left; says whether the store gave all of it.
    async fn carry_all(self: &Arc<Self>, targets: &[Arc<str>]) -> bool {
        loop {
            match carry::batch(self, targets).await {
                Ok(true) => {}
                Ok(false) => return true,
                Err(fault) => {
                    Log::error("relay", &format!("deliveries to {}: {fault}", targets.join(", ")));
                    return false;
                }
            }
        }
    }
}

/// Targets being worked on; free again when this is dropped, also by a panic.
struct Turn {
    relay: Arc<Relay>,
    targets: Vec<Arc<str>>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut busy = self.relay.busy();
        busy.turns -= 1;
        for target in &self.targets {
            busy.targets.remove(target);
        }
        drop(busy);
        self.relay.lanes.wake(&());
    }
}
