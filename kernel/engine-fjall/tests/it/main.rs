//! fjall under the contract of all engines, and what is its own: journals, locks, sudden ends.

mod own;

use engine_fjall::FjallEngine;
use store::contract::Place;
use store::{DataDirectory, Engine, Options};

/// A data directory that goes with the test.
pub struct Folder(tempfile::TempDir);

impl Place for Folder {
    fn engine(&self) -> Box<dyn Engine> {
        Box::new(FjallEngine::open(&self.0.path().join("engine")).expect("the engine opens"))
    }

    fn options(&self) -> Options {
        let directory = DataDirectory::open(self.0.path()).expect("the directory is free");
        Options::in_directory(directory).expect("the directory can be used")
    }
}

/// A place with no data.
pub fn fresh() -> Folder {
    Folder(tempfile::tempdir().expect("a temporary directory"))
}

mod fjall {
    use super::fresh;
    store::contract_tests!(fresh);
}
