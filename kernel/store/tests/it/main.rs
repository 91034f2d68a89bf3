//! The memory engine under the contract of all engines, and what happens when an engine fails.

mod faults;
mod guards;
mod transfers;

use store::contract::Place;
use store::{Engine, MemoryEngine, Options};

/// A memory engine that can be opened again.
pub struct Memory(MemoryEngine);

impl Place for Memory {
    fn engine(&self) -> Box<dyn Engine> {
        Box::new(self.0.clone())
    }

    fn options(&self) -> Options {
        Options::in_memory()
    }
}

/// A place with no data.
pub fn fresh() -> Memory {
    Memory(MemoryEngine::new())
}

/// Commits on their caller's thread.
mod memory {
    use super::fresh;
    store::contract_tests!(fresh);
}

/// The same engine behind the committer's thread, as an engine over a device is.
mod memory_behind_a_committer {
    use store::contract::Place;
    use store::{Engine, Failure, FaultyEngine, MemoryEngine, Options};

    pub struct Behind(MemoryEngine);

    impl Place for Behind {
        fn engine(&self) -> Box<dyn Engine> {
            Box::new(FaultyEngine::failing_after(self.0.clone(), u64::MAX, Failure::Before))
        }

        fn options(&self) -> Options {
            Options::in_memory()
        }
    }

    pub fn fresh() -> Behind {
        Behind(MemoryEngine::new())
    }

    store::contract_tests!(fresh);
}
