//! Sandboxes that wait: made ahead, the interpreter of a managed runtime begun in them where there is one; what
//! they become is told when a function wants an environment. They have run no code of anybody.
//!
//! How many of a kind wait follows demand: one once a function is made that may want it, one more each time that
//! none was there, fewer again when they were not missed, fewer where the machine has little memory, none when no
//! function of that kind has started for long.

use super::api::RuntimeApi;
use super::launch;
use super::machine::Machine;
use super::seeds::Seed;
use crate::errors::LambdaError;
use crate::state::Settings;
use names::AccountId;
use ports::runner::Sandbox;
use sandbox::runtimes::ManagedRuntime;
use service::{Ctx, Log};
use std::collections::{HashMap, VecDeque};
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Most of one kind: as a rule, and after a burst.
const MAX_USUAL: usize = 4;
const MAX_WAITING: usize = 16;
/// What one takes of the machine's memory, a JVM, and the part of what is free that all of a kind may take.
const EACH_BYTES: u64 = 48 << 20;
const EACH_JVM_BYTES: u64 = 64 << 20;
const SHARE: u64 = 8;
/// How long the sandboxes of a kind wait for a function.
const IDLE: Duration = Duration::from_secs(7 * 60);

/// Variables that decide how an interpreter begins; who sets them gets one that begins with them.
const DECISIVE: [&str; 13] = [
    "PYTHON",
    "NODE_",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "_JAVA_OPTIONS",
    "LD_",
    "LC_",
    "LANG",
    "MALLOC_",
    "GLIBC_",
    "OPENSSL_",
    "SSL_",
    "AWS_LAMBDA_EXEC_WRAPPER",
];

/// Variables of its own that a function may have whose JVM waits: as many as there is room for beside the others.
pub(super) const MAX_VARIABLES: usize = 128;

/// Files of a function that are looked into for the SDK, and how far.
const LOOKED_AT: usize = 16;
const LOOKED_FAR: u64 = 64 * 1024;

/// What waits in a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Nothing yet: any program can be started in it.
    Blank,
    /// The interpreter of a runtime, with the SDK loaded or not.
    Begun {
        /// The runtime.
        runtime: String,
        /// It has loaded the SDK.
        loaded: bool,
        /// Of a JVM, whose bound is set when it begins: for functions of how much memory.
        memory_mb: Option<u32>,
        /// For whose functions.
        account: AccountId,
    },
}

/// A sandbox that waits, with the Runtime API that what is in it will speak.
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
    /// How often none was there since the last look.
    missed: usize,
    last: Instant,
    /// Those that one of those is for that are starting.
    awaiting: VecDeque<oneshot::Sender<Waiting>>,
    /// Of which those that wait are copies, where they can be.
    seed: Arc<Seed>,
}

impl Line {
    fn new(now: Instant) -> Self {
        let (ready, awaiting, seed) = (VecDeque::new(), VecDeque::new(), Arc::default());
        Line { ready, wanted: 0, starting: 0, missed: 0, last: now, awaiting, seed }
    }
}

/// What there is for somebody who wants a sandbox.
pub enum Found {
    /// One that waits.
    Waiting(Waiting),
    /// One that is starting; its sender goes if nothing comes of that.
    Coming(oneshot::Receiver<Waiting>),
    /// None.
    Nothing,
}

/// The sandboxes that wait, by what waits in them.
#[derive(Default)]
pub struct Lines(Mutex<HashMap<Kind, Line>>);

/// What a version is to find waiting: an interpreter where it can be told to one that has begun.
pub fn kind(settings: &Settings, account: AccountId, code: &Path) -> Kind {
    let Settings { runtime, handler, environment, .. } = settings;
    let mut given = environment.iter().flat_map(|given| given.keys());
    let decides = given.any(|name| DECISIVE.iter().any(|decisive| name.starts_with(decisive)));
    let managed = ManagedRuntime::parse(runtime).ok().filter(|managed| managed.can_wait());
    let many = environment.as_ref().is_some_and(|given| given.len() > MAX_VARIABLES);
    let (loaded, memory_mb) = match managed {
        _ if decides => return Kind::Blank,
        Some(ManagedRuntime::Python { .. }) => (mentions_sdk(code, handler), None),
        Some(ManagedRuntime::Java { .. }) if !many => (false, Some(settings.memory_mb)),
        Some(ManagedRuntime::Node { .. }) => (false, None),
        _ => return Kind::Blank,
    };
    Kind::Begun { runtime: runtime.clone(), loaded, memory_mb, account }
}

/// Whether a Python function seems to use the SDK, and does not bring it. Either answer is right: it decides
/// only whether that is loaded ahead.
fn mentions_sdk(code: &Path, handler: &str) -> bool {
    if code.join("boto3").exists() || code.join("botocore").exists() {
        return false;
    }
    let module = handler.rsplit_once('.').map_or(handler, |(module, _)| module).replace('.', "/");
    let own = code.join(format!("{module}.py"));
    let entries = std::fs::read_dir(code).into_iter().flatten().flatten().map(|entry| entry.path());
    let beside = entries.filter(|path| path.extension().is_some_and(|extension| extension == "py"));
    [own].into_iter().chain(beside).take(LOOKED_AT).any(|path| {
        let mut text = Vec::new();
        // What cannot be read mentions nothing.
        let _ = std::fs::File::open(path).and_then(|file| file.take(LOOKED_FAR).read_to_end(&mut text));
        text.windows(4).any(|part| part == b"boto")
    })
}

/// How many of a kind may wait where so much memory is free.
fn affordable(kind: &Kind, available_bytes: u64) -> usize {
    let jvm = matches!(kind, Kind::Begun { memory_mb: Some(_), .. });
    let each = if jvm { EACH_JVM_BYTES } else { EACH_BYTES };
    usize::try_from(available_bytes / SHARE / each).unwrap_or(usize::MAX).min(MAX_WAITING)
}

impl Lines {
    fn lines(&self) -> MutexGuard<'_, HashMap<Kind, Line>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody may want one of this kind soon.
    pub fn expect(&self, kind: &Kind, now: Instant) {
        let mut lines = self.lines();
        let line = lines.entry(kind.clone()).or_insert_with(|| Line::new(now));
        (line.last, line.wanted) = (now, line.wanted.max(1));
    }

    /// One of this kind. Those that have ended are dropped.
    pub fn take(&self, kind: &Kind, now: Instant) -> Found {
        let mut lines = self.lines();
        let line = lines.entry(kind.clone()).or_insert_with(|| Line::new(now));
        line.last = now;
        while let Some(waiting) = line.ready.pop_front() {
            if waiting.api.is_alive() {
                return Found::Waiting(waiting);
            }
        }
        line.missed += 1;
        let most = if line.missed > MAX_USUAL { MAX_WAITING } else { MAX_USUAL };
        line.wanted = (line.wanted + 1).min(most.max(line.wanted));
        if line.starting <= line.awaiting.len() {
            return Found::Nothing;
        }
        let (give, coming) = oneshot::channel();
        line.awaiting.push_back(give);
        Found::Coming(coming)
    }

    /// Whether one more is to be started; who is told so says afterwards what came of it.
    fn begin(&self, kind: &Kind, affordable: usize) -> bool {
        let mut lines = self.lines();
        let Some(line) = lines.get_mut(kind) else { return false };
        let begins = line.ready.len() + line.starting < line.wanted.min(affordable);
        line.starting += usize::from(begins);
        begins
    }

    /// That of which those of a kind are copies.
    pub fn seed(&self, kind: &Kind) -> Option<Arc<Seed>> {
        self.lines().get(kind).map(|line| line.seed.clone())
    }

    /// A seed that makes no copies any more is forgotten, so that another is begun.
    pub fn uproot(&self, kind: &Kind, seed: &Arc<Seed>) {
        let mut lines = self.lines();
        if let Some(line) = lines.get_mut(kind).filter(|line| Arc::ptr_eq(&line.seed, seed)) {
            line.seed = Arc::default();
        }
    }

    fn begun(&self, kind: &Kind, waiting: Option<Waiting>) {
        let mut lines = self.lines();
        let Some(line) = lines.get_mut(kind) else { return };
        line.starting = line.starting.saturating_sub(1);
        let Some(mut waiting) = waiting else {
            drop(line.awaiting.pop_front());
            return;
        };
        while let Some(awaiting) = line.awaiting.pop_front() {
            match awaiting.send(waiting) {
                Ok(()) => return,
                // Whoever wanted it is gone.
                Err(back) => waiting = back,
            }
        }
        line.ready.push_back(waiting);
    }

    /// Starts what is missing of a kind, one after the other, where it can be used.
    pub async fn fill(&self, ctx: &Ctx, machine: &Machine, kind: &Kind) {
        while self.begin(kind, affordable(kind, sandbox::available_memory())) {
            let started = launch::waiting(ctx, machine, kind).await;
            let waiting = started.unwrap_or_else(|error| {
                tell(kind, error);
                None
            });
            let none = waiting.is_none();
            self.begun(kind, waiting);
            if none {
                return;
            }
        }
    }

    /// Gives up those that wait for what does not come, and some of those that nobody missed.
    pub fn reap_idle(&self, now: Instant) {
        self.reap(now, IDLE);
        let mut gone = Vec::new();
        for line in self.lines().values_mut() {
            if std::mem::take(&mut line.missed) == 0 {
                line.wanted = line.wanted.div_ceil(2).max(1);
                let spare = line.ready.len().saturating_sub(line.wanted);
                gone.extend(line.ready.drain(..spare));
            }
        }
        drop(gone);
    }

    /// Gives up those of which none was wanted for so long.
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
}

fn tell(kind: &Kind, error: LambdaError) {
    let why = schema::ApiError::from(error).message;
    Log::warn("lambda", &format!("no sandbox can wait ({kind:?}): {why}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_wait_as_memory_allows() {
        let megabytes = |count: u64| affordable(&Kind::Blank, count << 20);
        assert_eq!((megabytes(0), megabytes(383), megabytes(384)), (0, 0, 1));
        assert_eq!((megabytes(800), megabytes(1 << 20)), (2, MAX_WAITING));
        let (runtime, account) = ("java17".to_owned(), AccountId::DEFAULT);
        let jvm = Kind::Begun { runtime, loaded: false, memory_mb: Some(512), account };
        assert_eq!(affordable(&jvm, 800 << 20), 1);
        assert!(sandbox::available_memory() > 0);
    }

    #[test]
    fn demand_makes_lines_longer_up_to_a_bound_and_rest_shorter() {
        let (lines, now) = (Lines::default(), Instant::from(tokio::time::Instant::now()));
        let account = AccountId::DEFAULT;
        let kind = Kind::Begun { runtime: "python3.11".to_owned(), loaded: false, memory_mb: None, account };
        let wanted = || lines.lines()[&kind].wanted;
        assert!(!lines.begin(&kind, 99), "nobody asked");
        for missed in 1..=4 * MAX_WAITING {
            assert!(matches!(lines.take(&kind, now), Found::Nothing));
            assert_eq!(wanted(), missed.min(MAX_WAITING));
        }
        assert_eq!((0..99).filter(|_| lines.begin(&kind, 99)).count(), MAX_WAITING);
        lines.begun(&kind, None);
        assert!(!lines.begin(&kind, MAX_WAITING - 1) && lines.begin(&kind, MAX_WAITING));
        lines.reap(now, Duration::ZERO);
        assert_eq!(lines.lines().len(), 1, "some are starting");
        lines.reap_idle(now);
        assert_eq!(wanted(), MAX_WAITING, "they were missed");
        for half in [8, 4, 2, 1, 1] {
            lines.reap_idle(now);
            assert_eq!(wanted(), half);
        }
        (0..MAX_WAITING).for_each(|_| lines.begun(&kind, None));
        lines.reap(now, Duration::ZERO);
        assert!(lines.lines().is_empty());
    }

    #[test]
    fn one_that_is_starting_is_for_one_that_awaits_it() {
        let (lines, now) = (Lines::default(), Instant::from(tokio::time::Instant::now()));
        let kind = Kind::Blank;
        lines.expect(&kind, now);
        assert!(lines.begin(&kind, 99) && !lines.begin(&kind, 99), "one is enough");
        let Found::Coming(mut coming) = lines.take(&kind, now) else { panic!("one is starting") };
        assert!(matches!(lines.take(&kind, now), Found::Nothing), "that is another's");
        assert_eq!(coming.try_recv().err(), Some(oneshot::error::TryRecvError::Empty));
        lines.begun(&kind, None);
        assert_eq!(coming.try_recv().err(), Some(oneshot::error::TryRecvError::Closed), "nothing came of it");
    }

    #[test]
    fn what_mentions_the_sdk_is_seen_unless_it_brings_it() {
        let folder = std::env::temp_dir().join(format!("lambda-mentions-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("deep")).unwrap();
        std::fs::write(folder.join("app.py"), "import helper").unwrap();
        assert!(!mentions_sdk(&folder, "app.handler"));
        std::fs::write(folder.join("deep/app.py"), "from botocore import x").unwrap();
        assert!(!mentions_sdk(&folder, "app.handler") && mentions_sdk(&folder, "deep.app.handler"));
        assert!(mentions_sdk(&folder, "deep/app.handler"));
        std::fs::write(folder.join("helper.py"), "import boto3").unwrap();
        assert!(mentions_sdk(&folder, "app.handler"));
        std::fs::create_dir(folder.join("boto3")).unwrap();
        assert!(!mentions_sdk(&folder, "app.handler"));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
