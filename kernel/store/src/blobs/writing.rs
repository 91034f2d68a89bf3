//! Writing a blob: bytes come in pieces of any size and go to the device in blocks, one of which is on its way while
//! the next is gathered. Now and then what was written is synced beside that, so that little is left to sync at
//! the end.

use super::{BLOCK, Begun, BlobId, BlobRef, BlobSink, Blobs, SyncAhead, done, fault};
use crate::{Fault, Reason};
use bytes::{Bytes, BytesMut};
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// After how many blocks a sync begins.
const SYNCED_BLOCKS: u32 = 8;

/// What the blocks go to.
enum Device {
    Idle(Box<dyn BlobSink>),
    /// A block is on its way.
    Busy(Begun<Box<dyn BlobSink>>),
    /// A block was not written.
    Lost,
}

/// A blob being written, in pieces of any size.
pub struct BlobWriter {
    blobs: Blobs,
    id: BlobId,
    device: Device,
    block: BytesMut,
    length: u64,
    /// Blocks since a sync began.
    unsynced: u32,
    syncing: Option<Begun<()>>,
}

impl BlobWriter {
    pub(super) fn new(blobs: Blobs, id: BlobId, sink: Box<dyn BlobSink>) -> Self {
        let device = Device::Idle(sink);
        BlobWriter { blobs, id, device, block: BytesMut::new(), length: 0, unsynced: 0, syncing: None }
    }

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
        let sink = self.idle().await?;
        if let Some(syncing) = self.syncing.take() {
            // A device tells a failure once: who syncs again at the end may not hear of it.
            done(syncing).await?;
        }
        if self.blobs.is_instant() {
            sink.finish().map_err(|error| fault(&error))?;
        } else {
            done(spawn_blocking(move || sink.finish())).await?;
        }
        Ok(BlobRef::File { id: self.id, length: self.length })
    }

    /// The sink, when the block before is written.
    async fn idle(&mut self) -> Result<Box<dyn BlobSink>, Fault> {
        match std::mem::replace(&mut self.device, Device::Lost) {
            Device::Idle(sink) => Ok(sink),
            Device::Busy(begun) => done(begun).await,
            Device::Lost => {
                Err(Fault::Unavailable(Reason::EngineFailed(Arc::from("a block was not written"))))
            }
        }
    }

    async fn add(&mut self, block: Bytes) -> Result<(), Fault> {
        self.blobs.check_disk()?;
        let mut sink = self.idle().await?;
        if self.blobs.is_instant() {
            sink.add(block).map_err(|error| fault(&error))?;
            self.device = Device::Idle(sink);
            return Ok(());
        }
        if self.is_sync_due() {
            let sync = sink.sync().map_err(|error| fault(&error))?;
            self.begin_sync(sync).await?;
        }
        self.device = Device::Busy(spawn_blocking(move || sink.add(block).map(|()| sink)));
        Ok(())
    }

    /// Whether enough was written since the last sync, and that has ended.
    fn is_sync_due(&mut self) -> bool {
        self.unsynced += 1;
        self.unsynced >= SYNCED_BLOCKS && self.syncing.as_ref().is_none_or(|begun| begun.is_finished())
    }

    async fn begin_sync(&mut self, sync: Option<SyncAhead>) -> Result<(), Fault> {
        if let Some(ended) = self.syncing.take() {
            done(ended).await?;
        }
        self.syncing = sync.map(spawn_blocking);
        self.unsynced = 0;
        Ok(())
    }
}
