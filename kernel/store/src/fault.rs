//! What can keep the store from doing what it was asked, and which of it is worth asking again.

use std::fmt;
use std::sync::Arc;

/// Bytes that are not what their table says they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Corrupt(pub &'static str);

impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Corrupt {}

/// Why nothing can be written, or read, at present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Less free disk than the bound; reads go on.
    DiskFull,
    /// More waits to be committed than is let wait.
    Overloaded,
    /// The engine failed a write or a sync, so no write can be promised any more; reads go on.
    EngineFailed(Arc<str>),
    /// The store was closed.
    Closed,
}

/// Why a transaction, a read or a view gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A row is not at hand yet: an engine over a network fetches it, or many write it just now. The closure
    /// runs again; it only passes this on.
    Missing,
    /// Others wrote what a long transaction had read, eight times in a row.
    Contended,
    /// A key, a value or a transaction is above its bound.
    TooLarge {
        /// `"key"`, `"value"`, `"transaction"`, `"read set"`.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The size it may have.
        limit: usize,
    },
    /// The store cannot do this now.
    Unavailable(Reason),
    /// A stored row cannot be read.
    Corrupt {
        /// The table, or what else was read.
        table: &'static str,
        /// What is wrong with it.
        why: Corrupt,
    },
    /// The closure, or a view's code, panicked away from the caller's thread.
    Panicked,
}

impl Fault {
    /// Whether the same request may succeed when it is sent again.
    pub fn is_retriable(&self) -> bool {
        match self {
            Fault::Missing | Fault::Contended => true,
            Fault::Unavailable(Reason::DiskFull | Reason::Overloaded) => true,
            Fault::Unavailable(Reason::EngineFailed(_) | Reason::Closed) => false,
            Fault::TooLarge { .. } | Fault::Corrupt { .. } | Fault::Panicked => false,
        }
    }

    pub(crate) fn closed() -> Self {
        Fault::Unavailable(Reason::Closed)
    }

    pub(crate) fn too_large(what: &'static str, bytes: usize, limit: usize) -> Self {
        Fault::TooLarge { what, bytes, limit }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Missing => f.write_str("a row is not at hand yet"),
            Fault::Contended => f.write_str("others kept writing what this transaction read"),
            Fault::TooLarge { what, bytes, limit } => {
                write!(f, "the {what} has {bytes} bytes, more than {limit}")
            }
            Fault::Unavailable(Reason::DiskFull) => f.write_str("too little free disk to accept writes"),
            Fault::Unavailable(Reason::Overloaded) => f.write_str("too many commits are waiting"),
            Fault::Unavailable(Reason::EngineFailed(why)) => write!(f, "the storage engine failed: {why}"),
            Fault::Unavailable(Reason::Closed) => f.write_str("the store is closed"),
            Fault::Corrupt { table, why } => write!(f, "a row of {table} cannot be read: {why}"),
            Fault::Panicked => f.write_str("the transaction panicked"),
        }
    }
}

impl std::error::Error for Fault {}
