//! What a region gives to all of its rooms.

use crate::{Budgets, Clock, Compute, Ctx, Demand, Entropy, Receivers, Seal, Watchdog};
use ports::runner::Runner;
use ports::{Calls, Credentials, Facts, LogSink, Targets};
use schema::ApiError;
use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use store::{Fault, Store, View, ViewHandle};

/// How closely delays follow AWS's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fidelity {
    /// Transitions end at once.
    Fast,
    /// Transitions take about as long as on AWS.
    Aws,
}

/// A transition that takes its time on AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How long it takes on AWS, in milliseconds.
    pub aws_ms: i64,
}

/// What the region was started with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How closely delays follow AWS's.
    pub fidelity: Fidelity,
    /// The URL at which functions and tools reach this region: `http://127.0.0.1:4566`.
    pub endpoint: String,
    /// The folder of this region's files that are no state: bootstraps, scratch space of functions.
    pub data_dir: std::path::PathBuf,
    /// Threads that one room may use at once for long pure work.
    pub compute_share: usize,
    /// Permissions are enforced: nothing is done on behalf of credentials that nobody granted.
    pub enforces: bool,
}

/// Judges what a request needs permission for beyond the demands of its operation.
pub trait Permits: Send + Sync {
    /// Refuses what is not allowed, where that is enforced; where it is not, the refusal is recorded.
    ///
    /// # Errors
    /// `AccessDenied`, or if policies cannot be read.
    fn permit(&self, ctx: &Ctx, demand: &Demand) -> Result<(), ApiError>;
}

/// The ports of the region, given to rooms through their context.
#[derive(Clone)]
pub struct Ports {
    /// Asking a resource by its ARN.
    pub targets: Arc<dyn Targets>,
    /// Who takes deliveries.
    pub receivers: Arc<dyn Receivers>,
    /// Calling any operation.
    pub calls: Arc<dyn Calls>,
    /// Judging what operations ask for while they run.
    pub permits: Arc<dyn Permits>,
    /// Identities.
    pub credentials: Arc<dyn Credentials>,
    /// Log lines; `None` in a region without the room that keeps them.
    pub logs: Option<Arc<dyn LogSink>>,
    /// What starts processes of users' code; `None` where the host cannot.
    pub runner: Option<Arc<dyn Runner>>,
}

type Shared = Box<dyn Any + Send + Sync>;

/// What a region gives to all of its rooms. One per region, behind an `Arc`.
pub struct Host {
    /// The store.
    pub store: Store,
    /// The clocks.
    pub clock: Clock,
    /// Randomness and ids.
    pub entropy: Entropy,
    /// The pool for long pure work.
    pub compute: Compute,
    /// What each room may hold in memory.
    pub budgets: Budgets,
    /// Names who holds a network thread.
    pub watchdog: Watchdog,
    /// Seals of opaque texts.
    pub seal: Seal,
    /// The stream of facts.
    pub facts: Facts,
    /// What the region was started with.
    pub settings: Settings,
    ports: OnceLock<Ports>,
    views: HashMap<TypeId, Shared>,
    parts: HashMap<TypeId, Shared>,
}

impl Host {
    /// A host without ports, views and parts.
    pub fn new(store: Store, clock: Clock, entropy: Entropy, seal: Seal, settings: Settings) -> Self {
        Host {
            store,
            watchdog: Watchdog::start(clock.clone()),
            clock,
            entropy,
            budgets: Budgets::default(),
            compute: Compute::new(settings.compute_share),
            seal,
            facts: Facts::default(),
            settings,
            ports: OnceLock::new(),
            views: HashMap::new(),
            parts: HashMap::new(),
        }
    }

    /// Adds a view; rooms reach it by its type. Before the region starts.
    ///
    /// # Errors
    /// If the store takes no more views.
    pub fn add_view<V: View>(&mut self, view: V) -> Result<(), Fault> {
        let handle = self.store.view(view)?;
        self.views.insert(TypeId::of::<V>(), Box::new(handle));
        Ok(())
    }

    /// Adds a part of a room that is not derived from rows: a dispatcher, a pool. Before the region starts.
    pub fn add_part<T: Any + Send + Sync>(&mut self, part: T) {
        self.parts.insert(TypeId::of::<T>(), Box::new(Arc::new(part)));
    }

    /// Hands over the ports, once.
    pub fn connect(&self, ports: Ports) {
        let _ = self.ports.set(ports);
    }

    /// The ports.
    ///
    /// # Panics
    /// Before the region has connected them: an error of composition, which no request can cause.
    #[expect(clippy::expect_used, reason = "an error of composition, found by the first test of a region")]
    pub fn ports(&self) -> &Ports {
        self.ports.get().expect("ports are connected before the region serves")
    }

    /// A view by its type.
    ///
    /// # Panics
    /// If no room added it: an error of composition.
    #[expect(clippy::expect_used, reason = "an error of composition, found by the first test of a room")]
    pub fn view<V: View>(&self) -> &ViewHandle<V> {
        let shared = self.views.get(&TypeId::of::<V>());
        shared.and_then(|view| view.downcast_ref()).expect("the room adds its views")
    }

    /// A part by its type.
    ///
    /// # Panics
    /// If no room added it: an error of composition.
    #[expect(clippy::expect_used, reason = "an error of composition, found by the first test of a room")]
    pub fn part<T: Any + Send + Sync>(&self) -> &Arc<T> {
        let shared = self.parts.get(&TypeId::of::<T>());
        shared.and_then(|part| part.downcast_ref()).expect("the room adds its parts")
    }

    /// How long a transition takes here.
    pub fn pace(&self, pace: Pace) -> Duration {
        match self.settings.fidelity {
            Fidelity::Fast => Duration::ZERO,
            Fidelity::Aws => Duration::from_millis(pace.aws_ms.unsigned_abs()),
        }
    }
}
