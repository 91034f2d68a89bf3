//! An engine that fails on demand, for tests of what happens then.

use crate::engine::{Batch, Engine, EngineError, EngineSnapshot};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a failing call does before it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Nothing: the batch is not there.
    Before,
    /// Its work: the batch is there, and the caller does not know.
    After,
}

/// Lets an engine fail its n-th call of `apply` or `sync`, and all later ones. It is never instant, so
/// commits go through the committer's thread.
pub struct FaultyEngine<E> {
    engine: E,
    calls_left: AtomicU64,
    failure: Failure,
}

impl<E: Engine> FaultyEngine<E> {
    /// Lets `calls` calls through.
    pub fn failing_after(engine: E, calls: u64, failure: Failure) -> Self {
        FaultyEngine { engine, calls_left: AtomicU64::new(calls), failure }
    }

    fn through(&self, work: impl FnOnce() -> Result<(), EngineError>) -> Result<(), EngineError> {
        let left =
            self.calls_left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1));
        if left.is_ok() {
            return work();
        }
        if self.failure == Failure::After {
            work()?;
        }
        Err(EngineError::new("this call fails on demand"))
    }
}

impl<E: Engine> Engine for FaultyEngine<E> {
    fn snapshot(&self) -> Result<Arc<dyn EngineSnapshot>, EngineError> {
        self.engine.snapshot()
    }

    fn apply(&self, batch: Batch) -> Result<(), EngineError> {
        self.through(|| self.engine.apply(batch))
    }

    fn sync(&self) -> Result<(), EngineError> {
        self.through(|| self.engine.sync())
    }

    fn close(&self) -> Result<(), EngineError> {
        self.engine.close()
    }
}
