//! How many environments there are, and whether the machine holds another.

use ports::runner::Runner;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The environments that live or are being started.
#[derive(Default)]
pub struct Places {
    taken: AtomicUsize,
    /// The last that was wanted could not be had.
    short: AtomicBool,
}

/// The place of one environment, free again when this is dropped.
pub struct Place(Arc<Places>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Places {
    /// A place, where the machine has one.
    pub fn take(self: &Arc<Self>, runner: Option<&Arc<dyn Runner>>) -> Option<Place> {
        let others = self.taken.fetch_add(1, Ordering::AcqRel);
        let place = Place(self.clone());
        let has_room = runner.is_none_or(|runner| runner.has_room(others));
        self.short.store(!has_room, Ordering::Release);
        has_room.then_some(place)
    }

    /// Whether somebody may wait for a place.
    pub fn are_short(&self) -> bool {
        self.short.load(Ordering::Acquire)
    }
}
