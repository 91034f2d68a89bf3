//! Blobs: values too large for rows, immutable, written before the commit that refers to them.
//!
//! Order of life: bytes first, durable under a fresh id; then one commit whose rows hold the `BlobRef`
//! and which says `tx.keep_blob`; at the end a commit that says `tx.discard_blob`, after which the
//! sweeper removes the bytes. Bytes that no commit kept are removed after the next start.

mod file;
mod memory;
mod reading;
mod writing;

pub use file::FileBlobs;
pub use memory::MemoryBlobs;
pub use reading::BlobReader;
pub use writing::BlobWriter;

use crate::guards::FreeDisk;
use crate::state::State;
use crate::{Corrupt, Fault, Reason};
use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use std::io;
use std::ops::Range;
use std::sync::Arc;
use tokio::task::{JoinError, JoinHandle, spawn_blocking};

/// Up to this size bytes are better kept in the row itself.
pub const INLINE_LIMIT: usize = 16 * 1024;
/// Blobs are written, checked and read in blocks of this size.
pub const BLOCK: usize = 1024 * 1024;

/// The name of a blob, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BlobId(pub u64);

/// Where a value's bytes are: part of a room's record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BlobRef {
    /// In the record.
    Inline(Bytes),
    /// In a blob.
    File {
        /// Its name.
        id: BlobId,
        /// How many bytes it has.
        length: u64,
    },
}

impl BlobRef {
    /// How many bytes the value has.
    pub fn length(&self) -> u64 {
        match self {
            BlobRef::Inline(bytes) => bytes.len() as u64,
            BlobRef::File { length, .. } => *length,
        }
    }
}

/// Something that keeps blobs. Its methods may block.
pub trait BlobBackend: Send + Sync + 'static {
    /// Begins a blob, which no one sees until it is finished.
    fn create(&self, id: BlobId) -> io::Result<Box<dyn BlobSink>>;
    /// Opens a finished blob; it can be read to its end even if it is removed meanwhile.
    fn open(&self, id: BlobId) -> io::Result<Arc<dyn BlobSource>>;
    /// Removes a blob, finished or not; one that is not there is no error.
    fn remove(&self, id: BlobId) -> io::Result<()>;
    /// Names of blobs, finished or not, of one of 256 shelves.
    fn list(&self, shelf: u8) -> io::Result<Vec<BlobId>>;
    /// Whether nothing here waits for a device.
    fn is_instant(&self) -> bool {
        false
    }
}

/// Work that makes the beginning of a blob durable.
pub type SyncAhead = Box<dyn FnOnce() -> io::Result<()> + Send>;

/// A blob being written.
pub trait BlobSink: Send {
    /// Adds a block: `BLOCK` bytes, or fewer if it is the last.
    fn add(&mut self, block: Bytes) -> io::Result<()>;
    /// Work that makes what was added so far durable, to be done beside further additions; `None` where nothing
    /// waits for a device.
    fn sync(&self) -> io::Result<Option<SyncAhead>> {
        Ok(None)
    }
    /// Makes the blob durable and visible.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// A blob being read.
pub trait BlobSource: Send + Sync {
    /// How many bytes it has.
    fn length(&self) -> u64;
    /// One of its blocks, checked.
    fn block(&self, place: u64) -> io::Result<Bytes>;
    /// Whether nothing here waits for a device.
    fn is_instant(&self) -> bool {
        false
    }
}

/// The blobs of a store.
#[derive(Clone)]
pub struct Blobs {
    backend: Arc<dyn BlobBackend>,
    state: Arc<State>,
    disk: FreeDisk,
}

pub(crate) fn fault(error: &io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Fault::Unavailable(Reason::DiskFull),
        io::ErrorKind::NotFound => Fault::Corrupt { table: "blobs", why: Corrupt("the blob is gone") },
        io::ErrorKind::InvalidData => {
            Fault::Corrupt { table: "blobs", why: Corrupt("the blob's bytes are not those written") }
        }
        _ => Fault::Unavailable(Reason::EngineFailed(Arc::from(format!("blobs: {error}")))),
    }
}

impl Blobs {
    pub(crate) fn new(backend: Arc<dyn BlobBackend>, state: Arc<State>, disk: FreeDisk) -> Self {
        Blobs { backend, state, disk }
    }

    /// Begins a blob. Dropped before `finish`, it leaves nothing that is not swept.
    pub async fn writer(&self) -> Result<BlobWriter, Fault> {
        self.check_disk()?;
        let id = BlobId(self.state.numbers.fresh()?);
        let sink = self.run(move |backend| backend.create(id)).await?;
        Ok(BlobWriter::new(self.clone(), id, sink))
    }

    /// Keeps bytes that are in memory: in the reference itself up to `INLINE_LIMIT`, else in a blob.
    pub async fn keep(&self, bytes: Bytes) -> Result<BlobRef, Fault> {
        if bytes.len() <= INLINE_LIMIT {
            return Ok(BlobRef::Inline(bytes));
        }
        let mut writer = self.writer().await?;
        writer.write(bytes).await?;
        writer.finish().await
    }

    /// Reads a range of a value; what lies beyond its end is left out.
    pub async fn reader(&self, reference: &BlobRef, range: Range<u64>) -> Result<BlobReader, Fault> {
        let end = range.end.min(reference.length());
        let at = range.start.min(end);
        let source: Arc<dyn BlobSource> = match reference {
            BlobRef::Inline(bytes) => Arc::new(memory::InlineSource(bytes.clone())),
            BlobRef::File { id, length } => {
                let id = *id;
                let source = self.run(move |backend| backend.open(id)).await?;
                if source.length() != *length {
                    return Err(fault(&io::ErrorKind::InvalidData.into()));
                }
                source
            }
        };
        Ok(BlobReader::new(source, at..end))
    }

    /// Reads a whole value of at most `limit` bytes.
    pub async fn read(&self, reference: &BlobRef, limit: usize) -> Result<Bytes, Fault> {
        let length = reference.length();
        if length > limit as u64 {
            return Err(Fault::too_large("value", usize::try_from(length).unwrap_or(usize::MAX), limit));
        }
        let mut reader = self.reader(reference, 0..length).await?;
        let mut bytes = BytesMut::with_capacity(length as usize);
        while let Some(part) = reader.next().await? {
            if bytes.is_empty() && part.len() as u64 == length {
                return Ok(part);
            }
            bytes.extend_from_slice(&part);
        }
        Ok(bytes.freeze())
    }

    fn check_disk(&self) -> Result<(), Fault> {
        if self.disk.is_low() { Err(Fault::Unavailable(Reason::DiskFull)) } else { Ok(()) }
    }

    /// Runs blocking work away from the runtime's threads, unless it never blocks.
    pub(crate) async fn run<R: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn BlobBackend) -> io::Result<R> + Send + 'static,
    ) -> Result<R, Fault> {
        if self.backend.is_instant() {
            return work(self.backend.as_ref()).map_err(|error| fault(&error));
        }
        let backend = self.backend.clone();
        off_thread(move || work(backend.as_ref())).await
    }

    fn is_instant(&self) -> bool {
        self.backend.is_instant()
    }

    /// What keeps them; its methods may block.
    pub(crate) fn backend(&self) -> &dyn BlobBackend {
        self.backend.as_ref()
    }
}

/// Blocking work that was begun away from the runtime's threads.
type Begun<R> = JoinHandle<io::Result<R>>;

async fn done<R>(begun: impl Future<Output = Result<io::Result<R>, JoinError>>) -> Result<R, Fault> {
    match begun.await {
        Ok(done) => done.map_err(|error| fault(&error)),
        Err(_) => Err(Fault::Panicked),
    }
}

async fn off_thread<R: Send + 'static>(
    work: impl FnOnce() -> io::Result<R> + Send + 'static,
) -> Result<R, Fault> {
    done(spawn_blocking(work)).await
}
