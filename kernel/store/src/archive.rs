//! A whole state in one file: a consistent snapshot and the blobs it refers to, the same for all engines.
//!
//! A file is a mark, the version of its format, then segments (`frame.rs`), each with its place in the
//! file and a checksum: first one that says what is in it, then tables with their rows, blobs with their
//! blocks, and a last one with the digest of all before. Rows are kept by the name of their table, keys
//! without what an engine puts before them, values whole. Nothing of a file that is not read to its end
//! and found whole ever becomes a state: it is read into an engine of its own, which takes the place of
//! the present one only then.

mod frame;
mod load;
mod meta;
mod save;

pub use load::{check, load};
pub(crate) use meta::keep_meta;
pub use save::Saving;

use crate::engine::EngineError;
use crate::{Corrupt, Fault};
use std::fmt;
use std::io;

/// The version of the format that is written. Older ones are read as long as this list says so.
pub(crate) const FORMAT: u32 = 1;

/// What a file holds, or what was read of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Archived {
    /// The version of the program that wrote it.
    pub version: String,
    /// Rows.
    pub rows: u64,
    /// Blobs.
    pub blobs: u64,
}

/// Why a state was not saved or not loaded.
#[derive(Debug)]
pub enum ArchiveError {
    /// It begins like no state.
    Foreign,
    /// It was written in a format that this version does not know.
    Newer {
        /// Its format.
        format: u32,
    },
    /// Its bytes are not those that were written: what is wrong.
    Damaged(&'static str),
    /// It ended too early, or could not be read or written.
    Io(io::Error),
    /// There is too little free disk for it.
    DiskFull,
    /// The store or its engine failed.
    Fault(Fault),
}

impl fmt::Display for ArchiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ArchiveError::Foreign => f.write_str("this is not a saved state"),
            ArchiveError::Newer { format } => write!(
                f,
                "the saved state has format {format}, this version knows up to {FORMAT}: \
                 load it with a newer version"
            ),
            ArchiveError::Damaged(what) => write!(f, "the saved state is damaged: {what}"),
            ArchiveError::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                f.write_str("the saved state is damaged: it ends too early")
            }
            ArchiveError::Io(error) => error.fmt(f),
            ArchiveError::DiskFull => f.write_str("there is too little free disk to load the saved state"),
            ArchiveError::Fault(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for ArchiveError {}

impl From<io::Error> for ArchiveError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ArchiveError::DiskFull,
            _ => ArchiveError::Io(error),
        }
    }
}

impl From<Fault> for ArchiveError {
    fn from(fault: Fault) -> Self {
        ArchiveError::Fault(fault)
    }
}

impl From<EngineError> for ArchiveError {
    fn from(error: EngineError) -> Self {
        ArchiveError::Fault(error.into())
    }
}

impl From<Corrupt> for ArchiveError {
    fn from(why: Corrupt) -> Self {
        ArchiveError::Damaged(why.0)
    }
}
