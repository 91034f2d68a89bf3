//! Blobs: values too large for rows, immutable, written before the commit that refers to them.
//!
//! Order of life: bytes first, durable under a fresh id; then one commit whose rows hold the `BlobRef`
//! and which says `tx.keep_blob`; at the end a commit that says `tx.discard_blob`, after which the
//! sweeper removes the bytes. Bytes that no commit kept are removed after the next start.

mod file;
mod memory;

pub use file::FileBlobs;
pub use memory::MemoryBlobs;

use crate::guards::FreeDisk;
use crate::state::State;
use crate::{Corrupt, Fault, Reason};
use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use std::io;
use std::ops::Range;
use std::sync::Arc;

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

/// A blob being written.
pub trait BlobSink: Send {
    /// Adds a block: `BLOCK` bytes, or fewer if it is the last.
    fn add(&mut self, block: Bytes) -> io::Result<()>;
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
        Ok(BlobWriter { blobs: self.clone(), id, sink: Some(sink), block: BytesMut::new(), length: 0 })
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
        Ok(BlobReader { source, at, end })
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

async fn off_thread<R: Send + 'static>(
    work: impl FnOnce() -> io::Result<R> + Send + 'static,
) -> Result<R, Fault> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| fault(&error)),
        Err(_) => Err(Fault::Panicked),
    }
}

/// A blob being written, in pieces of any size.
pub struct BlobWriter {
    blobs: Blobs,
    id: BlobId,
    /// Away while a block is being written; lost if that failed.
    sink: Option<Box<dyn BlobSink>>,
    block: BytesMut,
    length: u64,
}

impl BlobWriter {
    /// Adds bytes.
    pub async fn write(&mut self, mut bytes: Bytes) -> Result<(), Fault> {
        self.length += bytes.len() as u64;
        while self.block.len() + bytes.len() >= BLOCK {
            let piece = bytes.split_to(BLOCK - self.block.len());
            let block = if self.block.is_empty() {
                piece
            } else {
                self.block.extend_from_slice(&piece);
                self.block.split().freeze()
            };
            self.add(block).await?;
        }
        self.block.extend_from_slice(&bytes);
        Ok(())
    }

    /// How many bytes were added.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Makes the blob durable. The reference still has to be committed with `tx.keep_blob`.
    pub async fn finish(mut self) -> Result<BlobRef, Fault> {
        if !self.block.is_empty() {
            let block = self.block.split().freeze();
            self.add(block).await?;
        }
        let sink = self.take_sink()?;
        if self.blobs.is_instant() {
            sink.finish().map_err(|error| fault(&error))?;
        } else {
            off_thread(move || sink.finish()).await?;
        }
        Ok(BlobRef::File { id: self.id, length: self.length })
    }

    fn take_sink(&mut self) -> Result<Box<dyn BlobSink>, Fault> {
        self.sink.take().ok_or(Fault::Unavailable(Reason::EngineFailed(Arc::from("a block was not written"))))
    }

    async fn add(&mut self, block: Bytes) -> Result<(), Fault> {
        self.blobs.check_disk()?;
        let mut sink = self.take_sink()?;
        let sink = if self.blobs.is_instant() {
            sink.add(block).map_err(|error| fault(&error))?;
            sink
        } else {
            off_thread(move || sink.add(block).map(|()| sink)).await?
        };
        self.sink = Some(sink);
        Ok(())
    }
}

/// A range of a value being read.
pub struct BlobReader {
    source: Arc<dyn BlobSource>,
    at: u64,
    end: u64,
}

impl BlobReader {
    /// The next bytes, at most a block; nothing at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        if self.at >= self.end {
            return Ok(None);
        }
        let place = self.at / BLOCK as u64;
        let block = if self.source.is_instant() {
            self.source.block(place).map_err(|error| fault(&error))?
        } else {
            let source = self.source.clone();
            off_thread(move || source.block(place)).await?
        };
        let begin = place * BLOCK as u64;
        let (from, to) = ((self.at - begin) as usize, (self.end - begin).min(block.len() as u64) as usize);
        if from >= to {
            return Err(fault(&io::ErrorKind::InvalidData.into()));
        }
        self.at = begin + to as u64;
        Ok(Some(block.slice(from..to)))
    }

    /// How many bytes are left to read.
    pub fn remaining(&self) -> u64 {
        self.end - self.at
    }
}
