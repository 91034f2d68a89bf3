//! What happened, for whoever listens. Request facts are in memory, bounded, counted when dropped, and
//! cost nothing without a subscriber. Domain facts are outbox rows and travel with the relay.

use names::{AccountId, Region, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::broadcast;

/// Facts held for a slow subscriber before the oldest are dropped.
const BUFFERED: usize = 4096;

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// With an answer of success.
    Success,
    /// With an error: its AWS code.
    Error(String),
}

/// One request through the pipeline, from outside or between rooms. Schema version 1.
#[derive(Debug, Clone)]
pub struct RequestFact {
    /// The request's id.
    pub request_id: String,
    /// The id of the request that caused it, where one did.
    pub cause: Option<String>,
    /// The service's model name.
    pub service: &'static str,
    /// The operation.
    pub operation: &'static str,
    /// Who asked: an ARN, a service principal or `anonymous`.
    pub caller: String,
    /// In which account.
    pub account: AccountId,
    /// In which region.
    pub region: Region,
    /// When it came, in virtual time.
    pub at: Timestamp,
    /// How long it took, in microseconds of host time.
    pub micros: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// In mode `warn`: why `enforce` would have refused it.
    pub would_refuse: Option<String>,
}

/// The stream of facts.
pub struct Facts {
    requests: broadcast::Sender<Arc<RequestFact>>,
    dropped: AtomicU64,
}

impl Default for Facts {
    fn default() -> Self {
        Facts { requests: broadcast::channel(BUFFERED).0, dropped: AtomicU64::new(0) }
    }
}

impl Facts {
    /// Whether anybody listens; a fact need not be made otherwise.
    pub fn wanted(&self) -> bool {
        self.requests.receiver_count() > 0
    }

    /// Tells all subscribers.
    pub fn request(&self, fact: RequestFact) {
        if self.requests.send(Arc::new(fact)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Listens from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<RequestFact>> {
        self.requests.subscribe()
    }

    /// Facts that found no subscriber any more.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}
