//! Who runs where: an invocation is let in by the limits of its account and function, gets an environment
//! that waits, or a new one where the machine has room, or waits for either.

use super::admission::{Admission, Wanting};
use super::code;
use super::environment::{Environment, Started};
use super::freezing::{self, Frost};
use super::machine::Machine;
use super::places::{Place, Places};
use super::pools::{Pools, Version};
use super::stream::Sink;
use super::template::Initialization;
use super::waiting::{self, Kind};
use crate::errors::LambdaError;
use crate::state::{Code, Configuration, Origin, Settings};
use bytes::Bytes;
use names::{Arn, Scope};
use ports::runner::{Runner, Sandbox};
use service::Ctx;
use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use store::Incarnation;
use tokio::sync::Notify;

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
    /// Which part of them versions have that are kept ready.
    pub provisioned: Vec<(String, u32)>,
    /// Those that all functions of the scope keep.
    pub kept: u32,
    /// The ARN by which it was called.
    pub invoked: Arn,
    /// The invocation's id.
    pub request_id: String,
    /// What the function gets.
    pub payload: Bytes,
    /// Its tracing header.
    pub trace: String,
    /// What the caller says of itself: JSON in one line.
    pub client_context: Option<String>,
    /// The caller wants the tail of the log.
    pub tail: bool,
    /// Where a streamed answer goes, if the caller takes one.
    pub sink: Option<Sink>,
    /// Why an environment is started for it.
    pub kind: Initialization,
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
    places: Arc<Places>,
    /// A place is free, or an environment waits that may be given up for one.
    freed: Notify,
    admission: Admission,
    machine: Machine,
    /// Environments that one version starts at a time.
    starts: usize,
    /// Somebody looks for environments that are to be stopped.
    watches_frost: AtomicBool,
    /// The region stops: no environment waits for work any more.
    ended: AtomicBool,
}

impl Default for Dispatcher {
    fn default() -> Self {
        Dispatcher {
            pools: Mutex::default(),
            places: Arc::default(),
            freed: Notify::new(),
            admission: Admission::default(),
            machine: Machine::default(),
            starts: 2 * std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            watches_frost: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        }
    }
}

/// What an invocation got.
enum Got<'d> {
    Environment(Box<Environment>),
    Room(Place, Starting<'d>),
}

/// Why an invocation has to wait.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// Its version starts as many environments as it may.
    Starts,
    /// The machine runs as many as it may, and all of them work.
    Place,
}

/// A version starts an environment, until this is dropped.
struct Starting<'d> {
    dispatcher: &'d Dispatcher,
    version: &'d Version,
}

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        self.dispatcher.pools().started(self.version);
    }
}

/// Lets sandboxes wait for the next function that wants one of a kind, once one has begun.
fn fill(ctx: &Ctx, kind: Kind) {
    let ctx = ctx.clone();
    tokio::spawn(async move {
        let dispatcher = ctx.part::<Dispatcher>();
        if !dispatcher.ended.load(Ordering::Acquire) {
            dispatcher.machine.lines().fill(&ctx, &dispatcher.machine, &kind).await;
        }
    });
}

impl Dispatcher {
    fn pools(&self) -> MutexGuard<'_, Pools> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs an invocation.
    ///
    /// # Errors
    /// Where a limit is reached, or the function cannot run here. Errors of the function are outcomes.
    pub async fn invoke(self: &Arc<Self>, ctx: &Ctx, work: &Work) -> Result<Outcome, LambdaError> {
        let wanting = Wanting {
            function: work.function,
            version: &work.configuration.version,
            own: work.reserved,
            provisioned: &work.provisioned,
        };
        let admitted = self.admission.admit(&work.scope, &wanting, work.kept)?;
        let version = Version { function: work.function, version: work.configuration.version.clone() };
        let (runner, generation) = (ctx.ports().runner.as_ref(), work.configuration.generation);
        let (environment, invoked) = loop {
            let (mut environment, is_first) = match self.get(runner, &version, generation).await {
                Got::Environment(environment) => {
                    environment.frost.lift(&environment.sandbox).await;
                    (environment, false)
                }
                Got::Room(place, _starting) => match self.start(ctx, work, &version, place).await? {
                    Started::Ready(environment) => (environment, true),
                    Started::Failed(outcome) => return Ok(outcome),
                },
            };
            match environment.invoke(ctx, work, is_first).await {
                Some(invoked) => break (environment, invoked),
                None => self.give_back(*environment, false),
            }
        };
        if !invoked.reusable || !environment.has_extensions() {
            self.give_back(*environment, invoked.reusable);
            return Ok(invoked.outcome);
        }
        let mut environment = environment;
        // Extensions may go on after the answer; until they are done nothing else comes to them.
        let (dispatcher, timeout) = (self.clone(), work.configuration.settings.timeout_s);
        tokio::spawn(async move {
            let settled = environment.settled(Duration::from_secs(timeout.into())).await;
            dispatcher.give_back(*environment, settled);
            drop(admitted);
        });
        Ok(invoked.outcome)
    }

    async fn start(
        &self,
        ctx: &Ctx,
        work: &Work,
        version: &Version,
        place: Place,
    ) -> Result<Started, LambdaError> {
        let mut started = Environment::start(ctx, &self.machine, work, place).await;
        match &mut started {
            Ok(Started::Ready(environment)) => {
                if let Some(kind) = environment.kind.take() {
                    fill(ctx, kind);
                }
                environment.count(self.pools().counted(version, work.configuration.generation));
            }
            Ok(Started::Failed(_)) | Err(_) => self.freed.notify_one(),
        }
        started
    }

    /// A function was made: what it is to find waiting begins, so that already its first invocation finds it.
    pub fn expect(&self, ctx: &Ctx, settings: &Settings, (origin, code): (&Origin, &Code)) {
        let folder = match origin {
            Origin::Package => code::folder(ctx, code),
            Origin::Folder(folder) => folder.into(),
            Origin::Image(_) => return,
        };
        if ctx.ports().runner.is_some() {
            let kind = waiting::kind(settings, ctx.account(), &folder);
            self.machine.lines().expect(&kind, ctx.host().clock.instant());
            fill(ctx, kind);
        }
    }

    /// How many environments a version has.
    pub fn environments(&self, function: Incarnation, configuration: &Configuration) -> usize {
        let version = Version { function, version: configuration.version.clone() };
        self.pools().count(&version, configuration.generation)
    }

    /// Says how many environments versions keep, however long they are idle.
    pub fn keep(&self, kept: HashMap<Version, usize>) {
        self.pools().keep(kept);
    }

    /// Starts environments of a version until it has so many.
    ///
    /// # Errors
    /// Where no more can be started: why.
    pub async fn warm(self: &Arc<Self>, ctx: &Ctx, work: &Work, wanted: usize) -> Result<(), String> {
        let version = Version { function: work.function, version: work.configuration.version.clone() };
        while self.environments(work.function, &work.configuration) < wanted {
            let place = self.places.take(ctx.ports().runner.as_ref());
            let place = place.ok_or("This machine has no memory for more environments.")?;
            self.pools().counted(&version, work.configuration.generation);
            match self.start(ctx, work, &version, place).await {
                Ok(Started::Ready(environment)) => self.give_back(*environment, true),
                Ok(Started::Failed(_)) => return Err("FUNCTION_ERROR_INIT_FAILURE".to_owned()),
                Err(error) => return Err(schema::ApiError::from(error).message),
            }
        }
        Ok(())
    }

    fn give_back(self: &Arc<Self>, environment: Environment, reusable: bool) {
        let clock = environment.clock.clone();
        let gone = {
            let mut pools = self.pools();
            let stays = reusable && !self.ended.load(Ordering::Acquire);
            if stays {
                environment.frost.settle();
                pools.put_back(environment)
            } else {
                Some(environment)
            }
        };
        let ended = gone.is_some();
        drop(gone);
        if !ended && !self.watches_frost.swap(true, Ordering::AcqRel) {
            tokio::spawn(freezing::watch(self.clone(), clock));
        }
        if ended || self.places.are_short() {
            self.freed.notify_one();
        }
    }

    /// What waits so long that it is to be stopped.
    pub(super) fn resting(&self, now: Instant, limit: Duration) -> Vec<(Arc<dyn Sandbox>, Arc<Frost>)> {
        self.pools().resting(now, limit)
    }

    /// Whether there is still something to be stopped; else nobody looks for it from now on.
    pub(super) fn watches_frost(&self) -> bool {
        // Those who give something back look at this before or after, in which case they see it here.
        self.watches_frost.store(false, Ordering::SeqCst);
        let due = self.pools().has_due();
        due && !self.watches_frost.swap(true, Ordering::AcqRel)
    }

    async fn get<'d>(
        &'d self,
        runner: Option<&Arc<dyn Runner>>,
        version: &'d Version,
        generation: u64,
    ) -> Got<'d> {
        if let Ok(got) = self.try_get(runner, version, generation) {
            return got;
        }
        let mut woken_for_place = false;
        loop {
            let own = self.pools().freed(version, generation);
            let mut own = pin!(own.notified());
            // From here on nothing that is freed goes unnoticed.
            own.as_mut().enable();
            {
                let mut any = pin!(self.freed.notified());
                any.as_mut().enable();
                match self.try_get(runner, version, generation) {
                    Ok(got) => return got,
                    Err(Wait::Starts) => {}
                    Err(Wait::Place) => {
                        tokio::select! {
                            () = own => woken_for_place = false,
                            () = any => woken_for_place = true,
                        }
                        continue;
                    }
                }
            }
            if std::mem::take(&mut woken_for_place) {
                // The place is for somebody else then.
                self.freed.notify_one();
            }
            own.await;
        }
    }

    fn try_get<'d>(
        &'d self,
        runner: Option<&Arc<dyn Runner>>,
        version: &'d Version,
        generation: u64,
    ) -> Result<Got<'d>, Wait> {
        loop {
            let mut pools = self.pools();
            let (found, gone) = pools.take(version, generation);
            if let Some(environment) = found {
                return Ok(Got::Environment(Box::new(environment)));
            }
            if !pools.may_start(version, self.starts) {
                return Err(Wait::Starts);
            }
            if let Some(place) = self.places.take(runner) {
                pools.start(version);
                return Ok(Got::Room(place, Starting { dispatcher: self, version }));
            }
            let evicted = pools.evict();
            drop(pools);
            // Their places are free once they are dropped.
            if gone.is_empty() && evicted.is_none() {
                return Err(Wait::Place);
            }
        }
    }

    /// Gives up the environments of a function that changed, or of one of its versions. Those that work are
    /// given up when they are done.
    pub fn retire(&self, function: Incarnation, version: Option<&str>) {
        let retired = self.pools().retire(function, version);
        let count = retired.len();
        drop(retired);
        (0..count).for_each(|_| self.freed.notify_one());
    }

    /// Gives up the environments that waited long.
    pub fn reap(&self, ctx: &Ctx) {
        let now = ctx.host().clock.instant();
        self.machine.lines().reap_idle(now);
        let gone = self.pools().idle_longer(now, IDLE);
        // There may be memory again that was not there.
        let count = gone.len().max(usize::from(self.places.are_short()));
        drop(gone);
        (0..count).for_each(|_| self.freed.notify_one());
    }

    /// Ends the environments that wait, and those that work when they are done.
    pub fn end(&self, now: Instant) {
        let gone = {
            let mut pools = self.pools();
            self.ended.store(true, Ordering::Release);
            self.machine.lines().reap(now, Duration::ZERO);
            pools.idle_longer(now, Duration::ZERO)
        };
        drop(gone);
    }

    /// Removes files that nothing needs any more.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn sweep(&self, ctx: &Ctx) -> Result<(), LambdaError> {
        code::sweep(ctx, self.machine.scratch(ctx), self.machine.leases()).await
    }
}
