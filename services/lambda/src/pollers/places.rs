//! How many batches of one queue are processed at once: few at first, more while all of them are in use, few
//! again when nothing comes (Lambda developer guide, "Scaling and processing" of Amazon SQS).

use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Batches at once when a mapping begins.
const FIRST: usize = 5;
/// More of them at a time: 300 in a minute.
const STEP: usize = 5;
/// How long all places are in use before there are more.
pub const GROWTH: Duration = Duration::from_secs(1);
/// Most where the owner gives no bound: what this machine runs at once.
const MOST: usize = 64;

/// The places of one mapping.
pub struct Places {
    free: Arc<Semaphore>,
    given: usize,
    least: usize,
    most: usize,
}

impl Places {
    /// Those of a mapping with its owner's bound.
    pub fn new(bound: Option<u32>) -> Self {
        let most = bound.map_or(MOST, |bound| bound as usize).max(1);
        let least = FIRST.min(most);
        Places { free: Arc::new(Semaphore::new(least)), given: least, least, most }
    }

    /// A place, as soon as one is free.
    pub async fn free(&self) -> Option<OwnedSemaphorePermit> {
        self.free.clone().acquire_owned().await.ok()
    }

    /// All are in use: there are more from now on. Says whether there may be.
    pub fn grow(&mut self) -> bool {
        let more = STEP.min(self.most - self.given);
        self.free.add_permits(more);
        self.given += more;
        more > 0
    }

    /// Nothing came: there are as few as in the beginning once they are free.
    pub fn shrink(&mut self) {
        self.given -= self.free.forget_permits(self.given - self.least);
    }

    /// Whether there may be more.
    pub fn may_grow(&self) -> bool {
        self.given < self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_follow_what_comes() {
        let mut places = Places::new(None);
        assert_eq!((places.given, places.free.available_permits()), (5, 5));
        while places.grow() {}
        assert_eq!((places.given, places.may_grow()), (64, false));
        let held: Vec<_> = (0..62).map(|_| places.free.clone().try_acquire_owned().unwrap()).collect();
        places.shrink();
        assert_eq!((places.given, places.free.available_permits()), (62, 0));
        drop(held);
        places.shrink();
        assert_eq!((places.given, places.free.available_permits()), (5, 5));
    }

    #[test]
    fn the_owners_bound_holds() {
        let mut two = Places::new(Some(2));
        assert_eq!((two.given, two.grow()), (2, false));
        let mut twelve = Places::new(Some(12));
        assert!(twelve.grow() && twelve.grow() && !twelve.grow());
        assert_eq!(twelve.free.available_permits(), 12);
    }
}
