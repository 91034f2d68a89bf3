//! Pure work that may pass five milliseconds — expressions, unzip, large decodes — leaves the network
//! threads: a bounded pool of blocking threads, with a share per room.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// Shares of the pool. Cheap to clone.
#[derive(Clone)]
pub struct Compute {
    share: usize,
    rooms: Arc<Mutex<HashMap<&'static str, Arc<Semaphore>>>>,
}

impl Compute {
    /// A pool in which each room may use `share` threads at once.
    pub fn new(share: usize) -> Self {
        Compute { share: share.max(1), rooms: Arc::default() }
    }

    fn of(&self, room: &'static str) -> Arc<Semaphore> {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        rooms.entry(room).or_insert_with(|| Arc::new(Semaphore::new(self.share))).clone()
    }

    /// Runs work on the pool when the room's share allows it. `None` if it panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        room: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let permit = self.of(room).acquire_owned().await.ok()?;
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(permit);
            result
        });
        done.await.ok()
    }

    /// Begins work on the pool, which goes on while the caller does something else.
    pub fn begin<T: Send + 'static>(
        &self,
        room: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Begun<T> {
        let pool = self.clone();
        Begun(tokio::spawn(async move { pool.run(room, work).await }))
    }
}

/// Work that goes on.
pub struct Begun<T>(JoinHandle<Option<T>>);

impl<T> Begun<T> {
    /// What came of it. `None` if it panicked.
    pub async fn done(self) -> Option<T> {
        self.0.await.ok().flatten()
    }
}
