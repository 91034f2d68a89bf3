//! A service of the region, as its room describes it.

use crate::{BoxFuture, CrossOrigin, Ctx, Front, Host, Operation, Target, TimerHandler, Witness, Worker};
use names::AccountId;
use ports::{Credentials, LogSink};
use std::any::Any;
use std::future::Future;
use std::sync::Arc;
use store::{Fault, View};

type Prepare = Box<dyn FnOnce(&mut Host) -> Result<(), Fault> + Send>;
type Provide<T> = fn(&Arc<Host>) -> Arc<T>;

/// Lets go of what an account has in a room outside of its own scopes: names in the partition, what is held
/// in common with others, bytes of blobs. Says how many rows went.
pub type Forget = Arc<dyn Fn(Ctx, AccountId) -> BoxFuture<'static, Result<usize, Fault>> + Send + Sync>;

/// A number that a room tells beside those of all rooms.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// Its name among the region's metrics.
    pub name: &'static str,
    /// What it is of.
    pub labels: Vec<(&'static str, String)>,
    /// The number.
    pub value: f64,
}

/// The numbers that a room tells when it is asked.
pub type Measures = fn(&Host) -> Vec<Measure>;

/// Ends what a room runs beside its workers.
pub type End = fn(&Host);

/// A service of the region: one body of state and all that works on it.
pub struct Service {
    /// The room's name: `sqs`.
    pub name: &'static str,
    /// What it serves.
    pub operations: Vec<Operation>,
    /// What a delivery to its ARNs means.
    pub targets: Vec<Arc<dyn Target>>,
    /// Its background work.
    pub workers: Vec<Worker>,
    /// What its timers do.
    pub timers: Vec<TimerHandler>,
    /// Its own hosts.
    pub front: Option<Arc<dyn Front>>,
    /// Which web pages may use its resources, where those say so themselves.
    pub cross_origin: Option<Arc<dyn CrossOrigin>>,
    /// What looks on at its requests.
    pub witness: Option<Arc<dyn Witness>>,
    /// The identities of the region, where this room keeps them.
    pub credentials: Option<Provide<dyn Credentials>>,
    /// The log lines of the region, where this room keeps them.
    pub logs: Option<Provide<dyn LogSink>>,
    /// What an account leaves behind when it is emptied.
    pub forget: Option<Forget>,
    /// Numbers of its own for the region's metrics.
    pub measures: Option<Measures>,
    /// Ends what the room runs, when the region stops.
    pub end: Option<End>,
    prepare: Vec<Prepare>,
}

impl Service {
    /// A room with its operations.
    pub fn new(name: &'static str, operations: Vec<Operation>) -> Self {
        Service {
            name,
            operations,
            targets: Vec::new(),
            workers: Vec::new(),
            timers: Vec::new(),
            front: None,
            cross_origin: None,
            witness: None,
            credentials: None,
            logs: None,
            forget: None,
            measures: None,
            end: None,
            prepare: Vec::new(),
        }
    }

    /// Takes deliveries and questions.
    pub fn target(mut self, target: impl Target + 'static) -> Self {
        self.targets.push(Arc::new(target));
        self
    }

    /// Works in the background.
    pub fn worker(mut self, worker: Worker) -> Self {
        self.workers.push(worker);
        self
    }

    /// Acts when a timer is due.
    pub fn timer(mut self, timer: TimerHandler) -> Self {
        self.timers.push(timer);
        self
    }

    /// Holds state derived from rows.
    pub fn view<V: View>(mut self, view: V) -> Self {
        self.prepare.push(Box::new(|host| host.add_view(view)));
        self
    }

    /// Holds a part that is not derived from rows; handlers reach it by its type.
    pub fn part<T: Any + Send + Sync>(mut self, part: T) -> Self {
        self.prepare.push(Box::new(|host| {
            host.add_part(part);
            Ok(())
        }));
        self
    }

    /// Serves hosts of its own.
    pub fn front(mut self, front: impl Front + 'static) -> Self {
        self.front = Some(Arc::new(front));
        self
    }

    /// Decides itself which web pages may use its resources.
    pub fn cross_origin(mut self, decides: impl CrossOrigin + 'static) -> Self {
        self.cross_origin = Some(Arc::new(decides));
        self
    }

    /// Looks on at its requests when they are answered.
    pub fn witness(mut self, witness: impl Witness + 'static) -> Self {
        self.witness = Some(Arc::new(witness));
        self
    }

    /// Keeps the identities of the region.
    pub fn credentials(mut self, provide: Provide<dyn Credentials>) -> Self {
        self.credentials = Some(provide);
        self
    }

    /// Keeps the log lines of the region.
    pub fn logs(mut self, provide: Provide<dyn LogSink>) -> Self {
        self.logs = Some(provide);
        self
    }

    /// Lets go of what an account has outside of its own scopes, when that account is emptied; before its
    /// rows go.
    pub fn forgets<F, R>(mut self, forget: F) -> Self
    where
        F: Fn(Ctx, AccountId) -> R + Send + Sync + 'static,
        R: Future<Output = Result<usize, Fault>> + Send + 'static,
    {
        self.forget = Some(Arc::new(move |ctx, account| Box::pin(forget(ctx, account))));
        self
    }

    /// Tells numbers of its own among the region's metrics.
    pub fn measures(mut self, measures: Measures) -> Self {
        self.measures = Some(measures);
        self
    }

    /// Ends what it runs beside its workers, when the region stops.
    pub fn ends(mut self, end: End) -> Self {
        self.end = Some(end);
        self
    }

    /// Puts its views and parts into the host. Once, before the region starts.
    ///
    /// # Errors
    /// If the store takes no more views.
    pub fn prepare(&mut self, host: &mut Host) -> Result<(), Fault> {
        self.prepare.drain(..).try_for_each(|prepare| prepare(host))
    }
}
