//! Environments that wait for work: of each version of a function the last used first, so that few stay
//! warm; given up when they were idle long, when their function changes, or when another needs their place.

use super::environment::Environment;
use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};
use store::Incarnation;

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
}

/// The environments that wait for work.
#[derive(Default)]
pub struct Pools(HashMap<Version, Pool>);

impl Pools {
    /// An environment of this generation that lives. Others of the version are outdated: they are handed
    /// over to be dropped.
    pub fn take(&mut self, version: &Version, generation: u64) -> (Option<Environment>, Vec<Environment>) {
        let Some(pool) = self.0.get_mut(version) else {
            self.0.insert(version.clone(), Pool { generation, idle: Vec::new() });
            return (None, Vec::new());
        };
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

    /// Takes an environment back; gives it back to be dropped if it is outdated.
    pub fn put_back(&mut self, environment: Environment) -> Option<Environment> {
        match self.0.get_mut(environment.version()) {
            Some(pool) if pool.generation == environment.generation() => {
                pool.idle.push(environment);
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
        for pool in self.0.values_mut() {
            let old = |environment: &mut Environment| {
                !environment.is_usable() || now.duration_since(environment.idle_since()) >= limit
            };
            gone.extend(pool.idle.extract_if(.., old));
        }
        gone
    }

    /// Whether an environment that waits runs code of this folder.
    pub fn uses(&self, folder: &Path) -> bool {
        self.0.values().flat_map(|pool| &pool.idle).any(|environment| environment.code() == folder)
    }
}
