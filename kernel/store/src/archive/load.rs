//! Loading: into an engine and a place for blobs that are empty, a segment at a time. They are a state when
//! this has returned well, and of no use otherwise.

use super::frame::{Fields, FrameReader, Kind};
use super::{ArchiveError, Archived};
use crate::blobs::{BLOCK, BlobBackend, BlobId, BlobSink};
use crate::engine::{Batch, Engine};
use crate::key::{Key, KeyReader};
use crate::read::MAX_KEY;
use crate::state::{self, Stored};
use crate::store::Options;
use crate::writes::{self, MAX_LARGE_VALUE, MAX_ROW_VALUE, Write};
use crate::{Class, DataDirectory};
use bytes::Bytes;
use names::Scope;
use std::collections::HashSet;
use std::io::Read;

/// How many bytes of rows one batch writes.
const BATCH: usize = 1024 * 1024;
/// How often the free disk is looked at, in segments.
const LOOK_EVERY: u32 = 16;
/// The longest name of a table.
const MAX_NAME: usize = 256;

fn damaged(what: &'static str) -> ArchiveError {
    ArchiveError::Damaged(what)
}

/// Reads a saved state into an engine that is empty, and blobs into the place of the options; then a store
/// can be opened over both. Blocks.
///
/// # Errors
/// If the file is damaged, cut, or newer than this version, or there is no room for it.
pub fn load(input: &mut dyn Read, engine: &dyn Engine, options: &Options) -> Result<Archived, ArchiveError> {
    let mut frames = FrameReader::begin(input)?;
    let (kind, head) = frames.next()?;
    if kind != Kind::Head {
        return Err(damaged("it does not begin with its head"));
    }
    let mut head = Fields(&head);
    let (sequence, numbers) = (head.number()?, head.number()?);
    let version = head.text()?;
    head.finish()?;
    let mut loading = Loading {
        engine,
        blobs: options.blobs.as_ref(),
        numbers,
        table: None,
        blob: None,
        batch: Batch::default(),
        bytes: 0,
        names: HashSet::new(),
        archived: Archived { version, ..Archived::default() },
    };
    let mut segments = 0u32;
    loop {
        let (kind, bytes) = frames.next()?;
        if kind == Kind::End {
            loading.end(&bytes, sequence)?;
            return Ok(loading.archived);
        }
        loading.segment(kind, Bytes::from(bytes))?;
        segments = segments.wrapping_add(1);
        if segments.is_multiple_of(LOOK_EVERY) && is_full(options) {
            return Err(ArchiveError::DiskFull);
        }
    }
}

/// Reads a saved state to its end, and says what it holds. Its checksums are checked, what is in its rows
/// is not.
///
/// # Errors
/// If it is damaged, cut, or newer than this version.
pub fn check(input: &mut dyn Read) -> Result<Archived, ArchiveError> {
    let mut frames = FrameReader::begin(input)?;
    let (mut version, mut blobs) = (String::new(), 0);
    loop {
        let (kind, bytes) = frames.next()?;
        let mut fields = Fields(&bytes);
        match kind {
            Kind::Head => {
                fields.number()?;
                fields.number()?;
                version = fields.text()?;
            }
            Kind::Blob => blobs += 1,
            Kind::End => return Ok(Archived { version, rows: fields.number()?, blobs }),
            Kind::Table | Kind::Rows | Kind::Block => {}
        }
    }
}

fn is_full(options: &Options) -> bool {
    let free = options.directory.as_ref().map(DataDirectory::free_bytes);
    free.is_some_and(|free| free < options.minimum_free)
}

/// What was read so far.
struct Loading<'l> {
    engine: &'l dyn Engine,
    blobs: &'l dyn BlobBackend,
    /// All numbers that are in use are below this one.
    numbers: u64,
    table: Option<Filling>,
    blob: Option<Writing>,
    batch: Batch,
    bytes: usize,
    names: HashSet<String>,
    archived: Archived,
}

/// A table whose rows come.
struct Filling {
    stored: Stored,
    last: Vec<u8>,
}

/// A blob whose blocks come.
struct Writing {
    sink: Box<dyn BlobSink>,
    left: u64,
}

impl Loading<'_> {
    fn segment(&mut self, kind: Kind, bytes: Bytes) -> Result<(), ArchiveError> {
        if self.blob.is_some() && kind != Kind::Block {
            return Err(damaged("a blob is cut"));
        }
        match kind {
            Kind::Table => self.begin_table(Fields(&bytes)),
            Kind::Rows => self.rows(&bytes),
            Kind::Blob => self.begin_blob(Fields(&bytes)),
            Kind::Block => self.block(bytes),
            Kind::Head | Kind::End => Err(damaged("a segment is in the wrong place")),
        }
    }

    fn begin_table(&mut self, mut fields: Fields<'_>) -> Result<(), ArchiveError> {
        let class = Class::from_number(fields.byte()?).ok_or(damaged("a table has an unknown class"))?;
        let (of_incarnation, large) = (fields.byte()? == 1, fields.byte()? == 1);
        let name = fields.text()?;
        fields.finish()?;
        let new = name.len() <= MAX_NAME && self.names.insert(name.clone());
        let number = u16::try_from(self.names.len()).ok().filter(|number| *number < state::CHUNKS);
        let number =
            number.filter(|_| new).ok_or(damaged("a table is there twice, or there are too many"))?;
        let stored = Stored { number, class, of_incarnation, large };
        let (key, value) = stored.row(&name);
        self.put(Class::Meta, key, value)?;
        self.table = Some(Filling { stored, last: Vec::new() });
        Ok(())
    }

    fn rows(&mut self, bytes: &Bytes) -> Result<(), ArchiveError> {
        let mut fields = Fields(bytes);
        while !fields.is_empty() {
            let (key, value) = (fields.bytes()?, fields.bytes()?);
            self.row(key, bytes.slice_ref(value))?;
        }
        Ok(())
    }

    fn row(&mut self, key: &[u8], value: Bytes) -> Result<(), ArchiveError> {
        let filling = self.table.as_mut().ok_or(damaged("a row is in no table"))?;
        Scope::decode(&mut KeyReader::new(key))?;
        let limit = if filling.stored.large { MAX_LARGE_VALUE } else { MAX_ROW_VALUE };
        if key.len() > MAX_KEY + 64 || value.len() > limit {
            return Err(damaged("a row is too long"));
        }
        if filling.last.as_slice() >= key {
            return Err(damaged("rows are not in their order"));
        }
        filling.last.clear();
        filling.last.extend_from_slice(key);
        let Stored { number, class, large, .. } = filling.stored;
        let key = state::numbered_key(number, key);
        self.bytes += key.len() + value.len();
        let write = Write { table: None, class, large, value: Some(value), old_chunks: 0 };
        writes::stored_rows(&key, &write, &mut self.batch.writes);
        self.archived.rows += 1;
        self.flush(BATCH)
    }

    fn put(&mut self, class: Class, key: Bytes, value: Bytes) -> Result<(), ArchiveError> {
        self.bytes += key.len() + value.len();
        self.batch.writes.push((class, key, Some(value)));
        self.flush(BATCH)
    }

    /// Writes what has gathered, if that is much.
    fn flush(&mut self, much: usize) -> Result<(), ArchiveError> {
        if self.bytes < much {
            return Ok(());
        }
        self.bytes = 0;
        Ok(self.engine.apply(std::mem::take(&mut self.batch))?)
    }

    fn begin_blob(&mut self, mut fields: Fields<'_>) -> Result<(), ArchiveError> {
        let (id, left) = (BlobId(fields.number()?), fields.number()?);
        fields.finish()?;
        if id.0 >= self.numbers {
            return Err(damaged("a blob has a number that was never given"));
        }
        let sink = self.blobs.create(id)?;
        self.blob = Some(Writing { sink, left });
        self.archived.blobs += 1;
        self.finish_blob()
    }

    fn block(&mut self, bytes: Bytes) -> Result<(), ArchiveError> {
        let writing = self.blob.as_mut().ok_or(damaged("a block is in no blob"))?;
        if bytes.len() as u64 != writing.left.min(BLOCK as u64) {
            return Err(damaged("a block has a wrong length"));
        }
        writing.left -= bytes.len() as u64;
        writing.sink.add(bytes)?;
        self.finish_blob()
    }

    fn finish_blob(&mut self) -> Result<(), ArchiveError> {
        match self.blob.take() {
            Some(writing) if writing.left == 0 => Ok(writing.sink.finish()?),
            unfinished => {
                self.blob = unfinished;
                Ok(())
            }
        }
    }

    /// Makes what was read a state.
    fn end(&mut self, said: &[u8], sequence: u64) -> Result<(), ArchiveError> {
        let mut said = Fields(said);
        let counts = (said.number()?, said.number()?);
        said.finish()?;
        if self.blob.is_some() || counts != (self.archived.rows, self.archived.blobs) {
            return Err(damaged("something is missing"));
        }
        for (key, value) in crate::store::rows_of_a_closed_store(sequence, self.numbers) {
            self.put(Class::Meta, key, value)?;
        }
        self.flush(0)?;
        Ok(self.engine.sync()?)
    }
}
