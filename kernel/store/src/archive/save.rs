//! Saving: goes over a snapshot table by table, then over its blobs, holding a segment at a time.

use super::frame::{FrameWriter, Kind, put_bytes};
use super::{ArchiveError, Archived};
use crate::blobs::{BLOCK, BlobId};
use crate::engine::Rows;
use crate::garbage::blobs_in_use;
use crate::read::{self, Snapshot};
use crate::state::{BEFORE_SCOPE, CHUNKS, Stored};
use crate::sweeping::SweepingHeld;
use crate::table::Shape;
use crate::{Class, Fault, Store};
use std::io::Write;

/// How many bytes of rows are written as one segment.
const PORTION: usize = 1024 * 1024;

/// A state about to be saved: it stays as it was when this was made, whatever is written meanwhile, and
/// its blobs are not swept until this is dropped.
pub struct Saving {
    store: Store,
    snapshot: Snapshot,
    numbers: u64,
    _held: SweepingHeld,
}

impl Store {
    /// Holds the state of now, to be saved. Waits for a sweep to end.
    pub fn saving(&self) -> Saving {
        let held = self.shared.sweeping.hold();
        let snapshot = self.read();
        Saving { store: self.clone(), numbers: snapshot.state.numbers.next(), snapshot, _held: held }
    }
}

impl Saving {
    /// Writes the state; blocks.
    ///
    /// # Errors
    /// If it cannot be read or written. What was written until then is refused by `load`.
    pub fn write(&self, out: &mut dyn Write) -> Result<Archived, ArchiveError> {
        let mut frames = FrameWriter::begin(out)?;
        let mut archived = Archived { version: self.store.version().to_owned(), ..Archived::default() };
        let mut head = Vec::new();
        head.extend_from_slice(&self.snapshot.sequence().to_be_bytes());
        head.extend_from_slice(&self.numbers.to_be_bytes());
        put_bytes(&mut head, archived.version.as_bytes());
        frames.segment(Kind::Head, &head)?;
        for (name, stored) in self.snapshot.state.catalog.all() {
            archived.rows += self.write_table(&mut frames, &name, stored)?;
        }
        let snapshot = &self.snapshot;
        for id in blobs_in_use(snapshot) {
            self.write_blob(&mut frames, id?)?;
            archived.blobs += 1;
        }
        frames.end(&[archived.rows.to_be_bytes(), archived.blobs.to_be_bytes()].concat())?;
        Ok(archived)
    }

    fn rows(&self, class: Class, number: u16) -> Rows {
        let low = number.to_be_bytes();
        let high = crate::key::after_prefix(low.to_vec()).unwrap_or_default();
        self.snapshot.published.engine.range(class, &low, &high, false)
    }

    fn write_table(&self, frames: &mut FrameWriter, name: &str, table: Stored) -> Result<u64, ArchiveError> {
        debug_assert!(table.number & CHUNKS == 0, "chunks belong to the rows of their table");
        let Stored { class, of_incarnation, large, .. } = table;
        let shape = Shape { name: "a saved table", class, of_incarnation, large };
        let engine = self.snapshot.published.engine.as_ref();
        let (mut count, mut portion) = (0, Vec::new());
        for row in self.rows(class, table.number) {
            let (key, value) = row?;
            let value = read::whole(engine, &shape, &key, value)?;
            if count == 0 {
                let mut head = vec![class as u8, u8::from(of_incarnation), u8::from(large)];
                put_bytes(&mut head, name.as_bytes());
                frames.segment(Kind::Table, &head)?;
            }
            put_bytes(&mut portion, &key[BEFORE_SCOPE..]);
            put_bytes(&mut portion, &value);
            count += 1;
            if portion.len() >= PORTION {
                frames.segment(Kind::Rows, &portion)?;
                portion.clear();
            }
        }
        if !portion.is_empty() {
            frames.segment(Kind::Rows, &portion)?;
        }
        Ok(count)
    }

    fn write_blob(&self, frames: &mut FrameWriter, id: BlobId) -> Result<(), ArchiveError> {
        let source = self.store.blobs().backend().open(id).map_err(|error| blob_fault(&error))?;
        let length = source.length();
        frames.segment(Kind::Blob, &[id.0.to_be_bytes(), length.to_be_bytes()].concat())?;
        for place in 0..length.div_ceil(BLOCK as u64) {
            let block = source.block(place).map_err(|error| blob_fault(&error))?;
            frames.segment(Kind::Block, &block)?;
        }
        Ok(())
    }
}

fn blob_fault(error: &std::io::Error) -> Fault {
    crate::blobs::fault(error)
}
