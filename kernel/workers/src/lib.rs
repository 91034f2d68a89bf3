//! Background work under supervision: due timers, periodic and woken reconcilers, the sweeper of garbage.
//!
//! A reconciler that fails is tried again with growing rests; one that keeps failing makes its room
//! unhealthy until it succeeds. A panic is a failure like any other.

mod supervise;
mod sweeper;
mod timers;

use service::{Ctx, Host, TimerHandler, Worker};
use std::sync::Arc;
use store::Fault;
use tokio::sync::watch;

pub use timers::Timers;

/// What the workers ask of the region.
pub trait Rooms: Send + Sync {
    /// Whether a room is open; the work of one that is refused rests.
    fn is_open(&self, room: &'static str) -> bool;

    /// Says that a room's background work succeeds, or keeps failing.
    fn set_healthy(&self, room: &'static str, healthy: bool);

    /// The context of a room's own work.
    fn context(&self, room: &'static str, work: &'static str) -> Ctx;
}

/// All background work of a region.
pub struct Workers {
    host: Arc<Host>,
    rooms: Arc<dyn Rooms>,
    timers: Arc<Timers>,
    workers: Vec<(&'static str, Worker)>,
}

impl Workers {
    /// The work of rooms, each with its room's name.
    ///
    /// # Errors
    /// If the store takes no more views.
    pub fn new(
        host: Arc<Host>,
        rooms: Arc<dyn Rooms>,
        workers: Vec<(&'static str, Worker)>,
        handlers: Vec<(&'static str, TimerHandler)>,
    ) -> Result<Self, Fault> {
        let timers = Arc::new(Timers::new(host.clone(), rooms.clone(), handlers)?);
        Ok(Workers { host, rooms, timers, workers })
    }

    /// The timers, to ask whether they are quiet.
    pub fn timers(&self) -> &Arc<Timers> {
        &self.timers
    }

    /// Starts everything; it ends when told to stop.
    pub fn start(self, stop: &watch::Receiver<bool>) -> Vec<tokio::task::JoinHandle<()>> {
        let mut tasks = vec![
            tokio::spawn(self.timers.clone().run(stop.clone())),
            tokio::spawn(sweeper::run(self.host.clone(), stop.clone())),
        ];
        for (room, worker) in self.workers {
            let work = supervise::run(self.host.clone(), self.rooms.clone(), room, worker, stop.clone());
            tasks.push(tokio::spawn(work));
        }
        tasks
    }
}
