//! Environments that wait for work: of each version of a function the last used first, so that few stay
//! warm; given up when they were idle long, when their function changes, or when another needs their place.
//!
//! A version starts few environments at a time: in a burst of short invocations those that are there are
//! free again before more of them had begun.

use super::environment::Environment;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::Incarnation;
use tokio::sync::Notify;

/// What an environment runs: a function's version.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version {
    /// The function.
    pub function: Incarnation,
    /// `$LATEST` or a number.
    pub version: String,
}

struct Pool {
    generation: u64,
    idle: Vec<Environment>,
    starting: usize,
    freed: Arc<Notify>,
}

/// The environments that wait for work.
#[derive(Default)]
pub struct Pools(HashMap<Version, Pool>);

impl Pools {
    fn pool(&mut self, version: &Version, generation: u64) -> &mut Pool {
        let fresh = || Pool { generation, idle: Vec::new(), starting: 0, freed: Arc::default() };
        self.0.entry(version.clone()).or_insert_with(fresh)
    }

    /// An environment of this generation that lives. Outdated ones and dead ones are handed over to be
    /// dropped.
    pub fn take(&mut self, version: &Version, generation: u64) -> (Option<Environment>, Vec<Environment>) {
        let pool = self.pool(version, generation);
        if pool.generation != generation {
            pool.generation = generation;
            return (None, std::mem::take(&mut pool.idle));
        }
        let mut dead = Vec::new();
        while let Some(environment) = pool.idle.pop() {
            if environment.is_usable() {
                return (Some(environment), dead);
            }
            dead.push(environment);
        }
        (None, dead)
    }

    /// What tells of environments and starts of a version that are over.
    pub fn freed(&mut self, version: &Version, generation: u64) -> Arc<Notify> {
        self.pool(version, generation).freed.clone()
    }

    /// Whether a version may start another environment.
    pub fn may_start(&self, version: &Version, limit: usize) -> bool {
        self.0.get(version).is_none_or(|pool| pool.starting < limit)
    }

    /// A version starts an environment.
    pub fn start(&mut self, version: &Version) {
        if let Some(pool) = self.0.get_mut(version) {
            pool.starting += 1;
        }
    }

    /// A version has started an environment, or failed to.
    pub fn started(&mut self, version: &Version) {
        if let Some(pool) = self.0.get_mut(version) {
            // A pool that was made anew does not know of starts before it.
            pool.starting = pool.starting.saturating_sub(1);
            pool.freed.notify_one();
        }
    }

    /// Takes an environment back; gives it back to be dropped if it is outdated.
    pub fn put_back(&mut self, environment: Environment) -> Option<Environment> {
        match self.0.get_mut(environment.version()) {
            Some(pool) if pool.generation == environment.generation() => {
                pool.idle.push(environment);
                pool.freed.notify_one();
                None
            }
            _ => Some(environment),
        }
    }

    /// All environments of a function, or of one of its versions.
    pub fn retire(&mut self, function: Incarnation, version: Option<&str>) -> Vec<Environment> {
        let mut retired = Vec::new();
        self.0.retain(|key, pool| {
            let stays = key.function != function || version.is_some_and(|version| version != key.version);
            if !stays {
                retired.append(&mut pool.idle);
                // Whoever waits finds the pool that comes after this one.
                pool.freed.notify_waiters();
            }
            stays
        });
        retired
    }

    /// The environment that was idle longest.
    pub fn evict(&mut self) -> Option<Environment> {
        let pools = self.0.values_mut().filter(|pool| !pool.idle.is_empty());
        // The first of a pool is the one that was used least recently.
        let oldest = pools.min_by_key(|pool| pool.idle.first().map(Environment::idle_since))?;
        Some(oldest.idle.remove(0))
    }

    /// The environments that were idle longer than this, or have ended.
    pub fn idle_longer(&mut self, now: Instant, limit: Duration) -> Vec<Environment> {
        let mut gone = Vec::new();
        self.0.retain(|_, pool| {
            let old = |environment: &mut Environment| {
                !environment.is_usable() || now.duration_since(environment.idle_since()) >= limit
            };
            gone.extend(pool.idle.extract_if(.., old));
            // Nobody else holds what tells of it, so nobody waits.
            !pool.idle.is_empty() || pool.starting > 0 || Arc::strong_count(&pool.freed) > 1
        });
        gone
    }

    /// Whether an environment that waits runs code of this folder.
    pub fn uses(&self, folder: &Path) -> bool {
        self.0.values().flat_map(|pool| &pool.idle).any(|environment| environment.code() == folder)
    }
}
