//! What a storage engine gives: ordered bytes by class, atomic batches, a sync, consistent snapshots.
//!
//! One committer calls `apply` and `sync`, never two at once; snapshots are read by many threads.

use crate::Class;
use bytes::Bytes;
use std::fmt;
use std::sync::Arc;

/// Ordered maps from bytes to bytes, one for each class.
pub trait Engine: Send + Sync + 'static {
    /// All that was applied until now.
    fn snapshot(&self) -> Result<Arc<dyn EngineSnapshot>, EngineError>;

    /// Writes a batch, whole or not at all, also across a crash. When this returns the batch has been
    /// handed to the operating system: it outlives this process, if not yet a power loss.
    fn apply(&self, batch: Batch) -> Result<(), EngineError>;

    /// Makes everything applied survive a power loss.
    fn sync(&self) -> Result<(), EngineError>;

    /// Gets ready for a quick start, after the last batch. What was synced is safe without it.
    fn close(&self) -> Result<(), EngineError> {
        Ok(())
    }

    /// Whether `apply` and `sync` never wait for a device, so that commits may run on their caller's
    /// thread.
    fn is_instant(&self) -> bool {
        false
    }
}

/// One consistent state of an engine, whatever is applied later.
pub trait EngineSnapshot: Send + Sync {
    /// The value of a key.
    fn get(&self, class: Class, key: &[u8]) -> Result<Option<Bytes>, EngineError>;

    /// The rows from `low` inclusive to `high` exclusive, in order or reversed. `low < high`.
    fn range(&self, class: Class, low: &[u8], high: &[u8], reversed: bool) -> Rows;
}

/// Rows of a range, read as they are asked for.
pub type Rows = Box<dyn Iterator<Item = Result<(Bytes, Bytes), EngineError>> + Send>;

/// Writes that happen together: a value, or nothing to delete the row.
#[derive(Debug, Default)]
pub struct Batch {
    /// The writes; no key is in it twice.
    pub writes: Vec<(Class, Bytes, Option<Bytes>)>,
}

/// Why an engine failed, in words for an operator.
#[derive(Debug, Clone)]
pub struct EngineError(pub Arc<str>);

impl EngineError {
    /// An error with a text.
    pub fn new(text: impl fmt::Display) -> Self {
        EngineError(Arc::from(text.to_string()))
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EngineError {}

impl From<EngineError> for crate::Fault {
    fn from(error: EngineError) -> Self {
        crate::Fault::Unavailable(crate::Reason::EngineFailed(error.0))
    }
}
