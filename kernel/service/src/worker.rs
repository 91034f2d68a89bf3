//! Background work of a room. A reconciler is an idempotent function of stored state without input; it
//! runs at its period of virtual time and whenever it is woken, under supervision.

use crate::{BoxFuture, Ctx};
use schema::ApiError;
use std::future::Future;
use std::sync::Arc;
use store::{Timer, Tx};
use tokio::sync::Notify;

/// What a reconciler does in one round.
pub type Work = Arc<dyn Fn(Ctx) -> BoxFuture<'static, Result<(), ApiError>> + Send + Sync>;

/// A reconciler.
#[derive(Clone)]
pub struct Worker {
    /// What it does, for logs and metrics: `sqs/retention`.
    pub name: &'static str,
    /// Longest virtual time between two rounds, in milliseconds.
    pub period_ms: i64,
    /// Wakes it before its period is over.
    pub wake: Arc<Notify>,
    /// One round.
    pub work: Work,
}

impl Worker {
    /// A reconciler that runs at a period, in milliseconds of virtual time.
    pub fn every<F, R, E>(name: &'static str, period_ms: i64, work: F) -> Self
    where
        F: Fn(Ctx) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<ApiError>,
    {
        let work: Work = Arc::new(move |ctx| {
            let round = work(ctx);
            Box::pin(async move { round.await.map_err(Into::into) })
        });
        Worker { name, period_ms, wake: Arc::new(Notify::new()), work }
    }

    /// Also runs whenever this is notified.
    pub fn woken_by(mut self, wake: Arc<Notify>) -> Self {
        self.wake = wake;
        self
    }
}

/// What a due timer of a kind does: effects in the same commit that deletes the timer.
#[derive(Clone)]
pub struct TimerHandler {
    /// The kind, beginning with the room's name: `lambda/retry`.
    pub kind: &'static str,
    /// The effect. It may be run again.
    pub fire: fn(&mut Tx, &Timer) -> Result<(), ApiError>,
}
