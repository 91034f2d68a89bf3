//! Sandboxes that wait: the interpreter of a managed runtime has begun in them, and what it becomes is told
//! when a function wants an environment. They have run no code of anybody.
//!
//! How many of a runtime wait follows demand: none before its first function, one more each time that none
//! was there, fewer when the machine has little memory, none when no function of it has started for long.

use super::api::RuntimeApi;
use super::launch;
use super::machine::Machine;
use crate::errors::LambdaError;
use crate::state::Configuration;
use ports::runner::Sandbox;
use service::{Ctx, Log};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Most of one runtime.
const MAX_WAITING: usize = 4;
/// What one takes of the machine's memory, and the part of what is free that all may take.
const EACH_BYTES: u64 = 48 << 20;
const SHARE: u64 = 8;
/// How long the sandboxes of a runtime wait for a function.
const IDLE: Duration = Duration::from_secs(7 * 60);

/// Variables that decide how an interpreter begins; who sets them gets one that begins with them.
const DECISIVE: [&str; 10] = [
    "PYTHON",
    "NODE_",
    "LD_",
    "LC_",
    "LANG",
    "MALLOC_",
    "GLIBC_",
    "OPENSSL_",
    "SSL_",
    "AWS_LAMBDA_EXEC_WRAPPER",
];

/// A sandbox whose interpreter waits, with the Runtime API that it has connected to.
pub struct Waiting {
    /// Where it waits.
    pub sandbox: Arc<dyn Sandbox>,
    /// What it will speak.
    pub api: Arc<RuntimeApi>,
}

struct Line {
    ready: VecDeque<Waiting>,
    wanted: usize,
    starting: usize,
    last: Instant,
}

/// The sandboxes that wait, by their runtime.
#[derive(Default)]
pub struct Lines(Mutex<HashMap<String, Line>>);

/// Whether a version can be told to an interpreter that has begun.
pub fn suits(configuration: &Configuration) -> bool {
    let runtime = configuration.settings.runtime.as_str();
    let begun = runtime.starts_with("python") || runtime.starts_with("nodejs");
    let mut given = configuration.settings.environment.iter().flat_map(|given| given.keys());
    begun && !given.any(|name| DECISIVE.iter().any(|decisive| name.starts_with(decisive)))
}

/// How many may wait where so much memory is free.
fn affordable(available_bytes: u64) -> usize {
    usize::try_from(available_bytes / SHARE / EACH_BYTES).unwrap_or(usize::MAX).min(MAX_WAITING)
}

/// The memory of this machine that programs can have.
fn available_bytes() -> u64 {
    let told = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = told.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kilobytes = line.and_then(|line| line.split_ascii_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0).saturating_mul(1024)
}

impl Lines {
    fn lines(&self) -> MutexGuard<'_, HashMap<String, Line>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that waits for a function of this runtime. Those that have ended are dropped.
    pub fn take(&self, runtime: &str, now: Instant) -> Option<Waiting> {
        let mut lines = self.lines();
        let fresh = || Line { ready: VecDeque::new(), wanted: 0, starting: 0, last: now };
        let line = lines.entry(runtime.to_owned()).or_insert_with(fresh);
        line.last = now;
        while let Some(waiting) = line.ready.pop_front() {
            if waiting.api.is_alive() {
                return Some(waiting);
            }
        }
        line.wanted = (line.wanted + 1).min(MAX_WAITING);
        None
    }

    /// Whether one more is to be started; who is told so says afterwards what came of it.
    fn begin(&self, runtime: &str, affordable: usize) -> bool {
        let mut lines = self.lines();
        let Some(line) = lines.get_mut(runtime) else { return false };
        let begins = line.ready.len() + line.starting < line.wanted.min(affordable);
        line.starting += usize::from(begins);
        begins
    }

    fn begun(&self, runtime: &str, waiting: Option<Waiting>) {
        if let Some(line) = self.lines().get_mut(runtime) {
            line.starting = line.starting.saturating_sub(1);
            line.ready.extend(waiting);
        }
    }

    /// Starts what is missing of a runtime, one after the other, where it can be used.
    pub async fn fill(&self, ctx: &Ctx, machine: &Machine, runtime: &str) {
        while self.begin(runtime, affordable(available_bytes())) {
            let started = launch::waiting(ctx, machine, runtime).await;
            let waiting = started.unwrap_or_else(|error| {
                tell(runtime, error);
                None
            });
            let none = waiting.is_none();
            self.begun(runtime, waiting);
            if none {
                return;
            }
        }
    }

    /// Gives up those that wait for what does not come; all, at a time that is over.
    pub fn reap(&self, now: Instant, limit: Duration) {
        let mut gone = Vec::new();
        self.lines().retain(|_, line| {
            let stays = now.duration_since(line.last) < limit || line.starting > 0;
            if !stays {
                gone.extend(line.ready.drain(..));
            }
            stays
        });
        drop(gone);
    }

    /// As [`Lines::reap`], by the time that sandboxes wait.
    pub fn reap_idle(&self, now: Instant) {
        self.reap(now, IDLE);
    }
}

fn tell(runtime: &str, error: LambdaError) {
    let why = schema::ApiError::from(error).message;
    Log::warn("lambda", &format!("no sandbox can wait for functions of {runtime}: {why}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_wait_as_memory_allows() {
        let megabytes = |count: u64| affordable(count << 20);
        assert_eq!((megabytes(0), megabytes(383), megabytes(384)), (0, 0, 1));
        assert_eq!((megabytes(800), megabytes(1 << 20)), (2, MAX_WAITING));
        assert!(available_bytes() > 0);
    }

    #[test]
    fn demand_makes_lines_longer_up_to_a_bound() {
        let (lines, now) = (Lines::default(), Instant::from(tokio::time::Instant::now()));
        assert!(!lines.begin("python3.11", 9), "nobody asked");
        for _ in 0..9 {
            assert!(lines.take("python3.11", now).is_none());
        }
        let begun = (0..9).filter(|_| lines.begin("python3.11", 9)).count();
        assert_eq!(begun, MAX_WAITING);
        lines.begun("python3.11", None);
        assert!(!lines.begin("python3.11", 3) && lines.begin("python3.11", 4));
        lines.reap(now, Duration::ZERO);
        assert_eq!(lines.lines().len(), 1, "some are starting");
        (0..MAX_WAITING).for_each(|_| lines.begun("python3.11", None));
        lines.reap(now, Duration::ZERO);
        assert!(lines.lines().is_empty());
    }
}
