//! Reading a range of a value: block by block, each checked, one ahead of the one that is taken, or two where they
//! are taken faster than they are read.

use super::{BLOCK, Begun, BlobSource, done, fault};
use crate::Fault;
use bytes::Bytes;
use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use tokio::task::{JoinHandle, spawn_blocking};

/// What is made of bytes that begin at a place of the value.
type Through = Arc<dyn Fn(u64, Bytes) -> Bytes + Send + Sync>;

/// A range of a value being read.
pub struct BlobReader {
    source: Arc<dyn BlobSource>,
    at: u64,
    end: u64,
    through: Option<Through>,
    /// The pieces that follow and are being read already.
    ahead: VecDeque<Begun<Bytes>>,
    /// Where the next piece begins that nobody reads yet.
    unread: u64,
}

impl BlobReader {
    pub(super) fn new(source: Arc<dyn BlobSource>, range: Range<u64>) -> Self {
        let Range { start, end } = range;
        BlobReader { source, at: start, end, through: None, ahead: VecDeque::new(), unread: start }
    }

    /// Gives what `through` makes of the bytes (as many as it is given) in their place; it is done where they are
    /// read, away from the runtime's threads.
    #[must_use]
    pub fn through(mut self, through: impl Fn(u64, Bytes) -> Bytes + Send + Sync + 'static) -> Self {
        self.through = Some(Arc::new(through));
        self
    }

    /// The next bytes, at most a block; nothing at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        if self.at >= self.end {
            return Ok(None);
        }
        if self.source.is_instant() {
            let bytes = self.piece().read().map_err(|error| fault(&error))?;
            self.at += bytes.len() as u64;
            return Ok(Some(bytes));
        }
        self.read_ahead(1);
        // Who takes slowly holds no more memory than it must.
        let is_read = self.ahead.front().is_none_or(JoinHandle::is_finished);
        self.read_ahead(if is_read { 2 } else { 3 });
        let Some(begun) = self.ahead.front_mut() else { return Ok(None) };
        let bytes = done(begun).await?;
        // It stays in its place until it is there, should whoever waits give up and ask again.
        self.ahead.pop_front();
        self.at += bytes.len() as u64;
        Ok(Some(bytes))
    }

    /// How many bytes are left to read.
    pub fn remaining(&self) -> u64 {
        self.end - self.at
    }

    /// Has so many pieces read, the one that is waited for included.
    fn read_ahead(&mut self, wanted: usize) {
        while self.ahead.len() < wanted && self.unread < self.end {
            let piece = self.piece();
            self.ahead.push_back(spawn_blocking(move || piece.read()));
        }
    }

    /// The next piece that nobody reads yet: no more than the rest of a block.
    fn piece(&mut self) -> Piece {
        let (place, begin) = (self.unread / BLOCK as u64, self.unread);
        self.unread = self.end.min((place + 1) * BLOCK as u64);
        let range = begin..self.unread;
        Piece { source: self.source.clone(), through: self.through.clone(), place, range }
    }
}

/// A piece of one block.
struct Piece {
    source: Arc<dyn BlobSource>,
    through: Option<Through>,
    place: u64,
    /// Where in the value.
    range: Range<u64>,
}

impl Piece {
    fn read(self) -> io::Result<Bytes> {
        let block = self.source.block(self.place)?;
        let begin = self.place * BLOCK as u64;
        let (from, to) = ((self.range.start - begin) as usize, (self.range.end - begin) as usize);
        if from >= to || to > block.len() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        // The block itself is let go where all of it is wanted, so that what is made of it needs no copy.
        let bytes = if (from, to) == (0, block.len()) { block } else { block.slice(from..to) };
        Ok(match self.through {
            Some(through) => through(self.range.start, bytes),
            None => bytes,
        })
    }
}
