//! Blobs in memory, for `--memory` and tests.

use super::{BLOCK, BlobBackend, BlobId, BlobSink, BlobSource};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// Keeps blobs until the process ends.
#[derive(Default)]
pub struct MemoryBlobs {
    finished: Arc<Mutex<BTreeMap<BlobId, Arc<Blocks>>>>,
}

type Blocks = Vec<Bytes>;

struct MemorySink {
    id: BlobId,
    blocks: Blocks,
    finished: Arc<Mutex<BTreeMap<BlobId, Arc<Blocks>>>>,
}

impl BlobSink for MemorySink {
    fn add(&mut self, block: Bytes) -> io::Result<()> {
        self.blocks.push(block);
        Ok(())
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        let mut finished = self.finished.lock().unwrap_or_else(PoisonError::into_inner);
        finished.insert(self.id, Arc::new(self.blocks));
        Ok(())
    }
}

struct MemorySource(Arc<Blocks>);

impl BlobSource for MemorySource {
    fn length(&self) -> u64 {
        self.0.iter().map(|block| block.len() as u64).sum()
    }

    fn block(&self, place: u64) -> io::Result<Bytes> {
        let block = usize::try_from(place).ok().and_then(|place| self.0.get(place));
        block.cloned().ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    fn is_instant(&self) -> bool {
        true
    }
}

impl BlobBackend for MemoryBlobs {
    fn create(&self, id: BlobId) -> io::Result<Box<dyn BlobSink>> {
        Ok(Box::new(MemorySink { id, blocks: Vec::new(), finished: self.finished.clone() }))
    }

    fn open(&self, id: BlobId) -> io::Result<Arc<dyn BlobSource>> {
        let finished = self.finished.lock().unwrap_or_else(PoisonError::into_inner);
        let blocks = finished.get(&id).cloned().ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(MemorySource(blocks)))
    }

    fn remove(&self, id: BlobId) -> io::Result<()> {
        self.finished.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        Ok(())
    }

    fn list(&self, shelf: u8) -> io::Result<Vec<BlobId>> {
        let finished = self.finished.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(finished.keys().copied().filter(|id| id.0 as u8 == shelf).collect())
    }

    fn is_instant(&self) -> bool {
        true
    }
}

/// Bytes that are in their reference, read like a blob.
pub(super) struct InlineSource(pub(super) Bytes);

impl BlobSource for InlineSource {
    fn length(&self) -> u64 {
        self.0.len() as u64
    }

    fn block(&self, place: u64) -> io::Result<Bytes> {
        let begin = usize::try_from(place).unwrap_or(usize::MAX).saturating_mul(BLOCK).min(self.0.len());
        Ok(self.0.slice(begin..self.0.len().min(begin.saturating_add(BLOCK))))
    }

    fn is_instant(&self) -> bool {
        true
    }
}
