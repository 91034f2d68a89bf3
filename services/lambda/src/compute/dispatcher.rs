//! Who runs where: an invocation is let in by the limits of its account and function, gets an environment
//! that waits, or a new one where the machine has room, or waits for either.

use super::admission::Admission;
use super::environment::{Environment, Started};
use super::machine::Machine;
use super::pools::{Pools, Version};
use crate::errors::LambdaError;
use crate::state::Configuration;
use bytes::Bytes;
use names::{Arn, Scope};
use service::Ctx;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::Incarnation;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Environments that this machine runs at once.
const MACHINE_LIMIT: usize = 64;
/// How long an environment waits for work before it is given up.
const IDLE: Duration = Duration::from_secs(7 * 60);

/// An invocation.
pub struct Work {
    /// Where the function is.
    pub scope: Scope,
    /// The function.
    pub function: Incarnation,
    /// Its version.
    pub configuration: Configuration,
    /// Concurrent invocations that the function keeps for itself.
    pub reserved: Option<u32>,
    /// Those that all functions of the scope keep.
    pub kept: u32,
    /// The ARN by which it was called.
    pub invoked: Arn,
    /// The invocation's id.
    pub request_id: String,
    /// What the function gets.
    pub payload: Bytes,
    /// What the caller says of itself: JSON in one line.
    pub client_context: Option<String>,
    /// The caller wants the tail of the log.
    pub tail: bool,
}

/// What became of an invocation.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What the function answered, or its error.
    pub payload: Bytes,
    /// It is an error.
    pub failed: bool,
    /// The tail of its log, where it was wanted.
    pub tail: Option<Bytes>,
    /// The version that ran.
    pub version: String,
}

/// The environments of this machine.
pub struct Dispatcher {
    pools: Mutex<Pools>,
    places: Arc<Semaphore>,
    /// An environment waits for work, or has ended.
    freed: Notify,
    admission: Admission,
    machine: Machine,
}

impl Default for Dispatcher {
    fn default() -> Self {
        Dispatcher {
            pools: Mutex::default(),
            places: Arc::new(Semaphore::new(MACHINE_LIMIT)),
            freed: Notify::new(),
            admission: Admission::default(),
            machine: Machine::default(),
        }
    }
}

/// What an invocation got.
enum Got {
    Environment(Box<Environment>),
    Room(OwnedSemaphorePermit),
}

impl Dispatcher {
    fn pools(&self) -> MutexGuard<'_, Pools> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs an invocation.
    ///
    /// # Errors
    /// Where a limit is reached, or the function cannot run here. Errors of the function are outcomes.
    pub async fn invoke(&self, ctx: &Ctx, work: &Work) -> Result<Outcome, LambdaError> {
        let _admitted = self.admission.admit(&work.scope, work.function, work.reserved, work.kept)?;
        let version = Version { function: work.function, version: work.configuration.version.clone() };
        let mut environment = match self.get(&version, work.configuration.generation).await {
            Got::Environment(environment) => environment,
            Got::Room(place) => match Environment::start(ctx, &self.machine, work, place).await {
                Ok(Started::Ready(environment)) => environment,
                Ok(Started::Failed(outcome)) => {
                    self.freed.notify_one();
                    return Ok(outcome);
                }
                Err(error) => {
                    self.freed.notify_one();
                    return Err(error);
                }
            },
        };
        let invoked = environment.invoke(ctx, work).await;
        if invoked.reusable {
            let outdated = self.pools().put_back(*environment);
            drop(outdated);
        } else {
            drop(environment);
        }
        self.freed.notify_one();
        Ok(invoked.outcome)
    }

    async fn get(&self, version: &Version, generation: u64) -> Got {
        if let Some(got) = self.try_get(version, generation) {
            return got;
        }
        loop {
            let mut freed = pin!(self.freed.notified());
            // From here on nothing that is freed goes unnoticed.
            freed.as_mut().enable();
            if let Some(got) = self.try_get(version, generation) {
                return got;
            }
            freed.await;
        }
    }

    fn try_get(&self, version: &Version, generation: u64) -> Option<Got> {
        let (found, gone) = self.pools().take(version, generation);
        drop(gone);
        if let Some(environment) = found {
            return Some(Got::Environment(Box::new(environment)));
        }
        loop {
            if let Ok(place) = self.places.clone().try_acquire_owned() {
                return Some(Got::Room(place));
            }
            let evicted = self.pools().evict();
            // Its place is free once it is dropped.
            drop(evicted?);
        }
    }

    /// Gives up the environments of a function that changed, or of one of its versions. Those that work are
    /// given up when they are done.
    pub fn retire(&self, function: Incarnation, version: Option<&str>) {
        let retired = self.pools().retire(function, version);
        drop(retired);
        self.freed.notify_one();
    }

    /// Gives up the environments that waited long.
    pub fn reap(&self, ctx: &Ctx) {
        let now = ctx.host().clock.instant();
        let gone = self.pools().idle_longer(now, IDLE);
        let count = gone.len();
        drop(gone);
        (0..count).for_each(|_| self.freed.notify_one());
    }

    /// Whether an environment that waits runs code of this folder.
    pub fn uses(&self, folder: &Path) -> bool {
        self.pools().uses(folder)
    }
}
