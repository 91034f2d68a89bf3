//! Environments that wait for work: of each version of a function the last used first, so that few stay
//! warm; given up when they were idle long, when their function changes, or when another needs their place.
//!
//! A version starts few environments at a time: in a burst of short invocations those that are there are
//! free again before more of them had begun.

use super::environment::Environment;
use super::freezing::Frost;
use ports::runner::Sandbox;
use std::collections::HashMap;
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
    /// Held by each environment of this generation.
    counted: Arc<()>,
}

/// The environments that wait for work.
#[derive(Default)]
pub struct Pools {
    pools: HashMap<Version, Pool>,
    /// How many each version keeps however long they are idle.
    kept: HashMap<Version, usize>,
}

impl Pools {
    fn pool(&mut self, version: &Version, generation: u64) -> &mut Pool {
        let fresh = || Pool {
            generation,
            idle: Vec::new(),
            starting: 0,
            freed: Arc::default(),
            counted: Arc::default(),
        };
        self.pools.entry(version.clone()).or_insert_with(fresh)
    }

    /// An environment of this generation that lives. Outdated ones and dead ones are handed over to be
    /// dropped.
    pub fn take(&mut self, version: &Version, generation: u64) -> (Option<Environment>, Vec<Environment>) {
        let pool = self.pool(version, generation);
        if pool.generation != generation {
            pool.generation = generation;
            pool.counted = Arc::default();
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

    /// What counts an environment among those of a version.
    pub fn counted(&mut self, version: &Version, generation: u64) -> Arc<()> {
        let pool = self.pool(version, generation);
        if pool.generation == generation { pool.counted.clone() } else { Arc::default() }
    }

    /// How many environments a version has, idle or at work.
    pub fn count(&self, version: &Version, generation: u64) -> usize {
        let pool = self.pools.get(version).filter(|pool| pool.generation == generation);
        pool.map_or(0, |pool| Arc::strong_count(&pool.counted) - 1)
    }

    /// Says how many each version keeps.
    pub fn keep(&mut self, kept: HashMap<Version, usize>) {
        self.kept = kept;
    }

    /// Whether a version may start another environment.
    pub fn may_start(&self, version: &Version, limit: usize) -> bool {
        self.pools.get(version).is_none_or(|pool| pool.starting < limit)
    }

    /// A version starts an environment.
    pub fn start(&mut self, version: &Version) {
        if let Some(pool) = self.pools.get_mut(version) {
            pool.starting += 1;
        }
    }

    /// A version has started an environment, or failed to.
    pub fn started(&mut self, version: &Version) {
        if let Some(pool) = self.pools.get_mut(version) {
            // A pool that was made anew does not know of starts before it.
            pool.starting = pool.starting.saturating_sub(1);
            pool.freed.notify_one();
        }
    }

    /// Takes an environment back; gives it back to be dropped if it is outdated.
    pub fn put_back(&mut self, environment: Environment) -> Option<Environment> {
        match self.pools.get_mut(environment.version()) {
            Some(pool) if pool.generation == environment.generation() => {
                pool.idle.push(environment);
                pool.freed.notify_one();
                None
            }
            _ => Some(environment),
        }
    }

    /// What waits so long that it is to be stopped.
    pub fn resting(&self, now: Instant, limit: Duration) -> Vec<(Arc<dyn Sandbox>, Arc<Frost>)> {
        let due = |environment: &&Environment| {
            environment.frost.is_due() && now.duration_since(environment.idle_since()) >= limit
        };
        let due = self.pools.values().flat_map(|pool| pool.idle.iter().filter(due));
        due.map(|environment| (environment.sandbox.clone(), environment.frost.clone())).collect()
    }

    /// Whether something waits that is still to be stopped.
    pub fn has_due(&self) -> bool {
        let mut idle = self.pools.values().flat_map(|pool| &pool.idle);
        idle.any(|environment| environment.frost.is_due())
    }

    /// All environments of a function, or of one of its versions.
    pub fn retire(&mut self, function: Incarnation, version: Option<&str>) -> Vec<Environment> {
        let mut retired = Vec::new();
        self.pools.retain(|key, pool| {
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
        let kept = &self.kept;
        let spare =
            |version: &Version, pool: &Pool| pool.idle.len() > kept.get(version).copied().unwrap_or(0);
        let pools = self.pools.iter_mut().filter(|(version, pool)| spare(version, pool));
        let pools = pools.map(|(_, pool)| pool);
        // The first of a pool is the one that was used least recently.
        let oldest = pools.min_by_key(|pool| pool.idle.first().map(Environment::idle_since))?;
        Some(oldest.idle.remove(0))
    }

    /// The environments that were idle longer than this, or have ended.
    pub fn idle_longer(&mut self, now: Instant, limit: Duration) -> Vec<Environment> {
        let mut gone = Vec::new();
        let kept = if limit.is_zero() { HashMap::new() } else { self.kept.clone() };
        self.pools.retain(|version, pool| {
            let mut spare = pool.idle.len().saturating_sub(kept.get(version).copied().unwrap_or(0));
            let old = |environment: &mut Environment| {
                let old = now.duration_since(environment.idle_since()) >= limit && spare > 0;
                spare -= usize::from(old);
                old || !environment.is_usable()
            };
            gone.extend(pool.idle.extract_if(.., old));
            // Those that work come back to it. Nobody else holds what tells of it, so nobody waits.
            let works = Arc::strong_count(&pool.counted) > 1;
            works || !pool.idle.is_empty() || pool.starting > 0 || Arc::strong_count(&pool.freed) > 1
        });
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_works_while_idle_ones_are_given_up_can_come_back() {
        let (mut pools, now) = (Pools::default(), Instant::from(tokio::time::Instant::now()));
        let version = Version { function: Incarnation(1), version: "$LATEST".to_owned() };
        let at_work = pools.counted(&version, 7);
        assert!(pools.idle_longer(now, Duration::from_secs(1)).is_empty());
        assert_eq!(pools.count(&version, 7), 1, "it has a pool to come back to");
        drop(at_work);
        assert!(pools.idle_longer(now, Duration::from_secs(1)).is_empty());
        assert!(pools.pools.is_empty(), "nobody needs it");
    }
}
