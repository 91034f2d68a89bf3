//! What a transaction wrote and what it read, by stored key.

use crate::Class;
use crate::span;
use crate::state::CHUNKS;
use crate::table::TableId;
use bytes::{Bytes, BytesMut};
use std::collections::BTreeMap;
use std::ops::Bound;

/// The longest value of one stored row.
pub(crate) const MAX_ROW_VALUE: usize = 64 * 1024;
/// The longest value of a row in a large table.
pub(crate) const MAX_LARGE_VALUE: usize = 1024 * 1024 + 64 * 1024;

/// Values of large tables begin with one of these.
pub(crate) const WHOLE: u8 = 0;
pub(crate) const CHUNKED: u8 = 1;

/// One row's new value, or its deletion.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    /// The table, for views; nothing for rows the sweeper removes by their stored key.
    pub(crate) table: Option<TableId>,
    pub(crate) class: Class,
    pub(crate) large: bool,
    pub(crate) value: Option<Bytes>,
    /// How many chunks the value before may have left in the engine.
    pub(crate) old_chunks: usize,
}

/// Rows written and not yet in the engine.
#[derive(Debug, Default, Clone)]
pub(crate) struct WriteSet {
    rows: BTreeMap<Bytes, Write>,
}

impl WriteSet {
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<&Write> {
        self.rows.get(key)
    }

    /// Puts a write over what was there; returns the bytes of value that the former write had.
    pub(crate) fn put(&mut self, key: Bytes, mut write: Write) -> Option<usize> {
        match self.rows.get_mut(&key) {
            Some(former) => {
                write.old_chunks = write.old_chunks.max(former.old_chunks);
                let freed = former.value.as_ref().map_or(0, Bytes::len);
                *former = write;
                Some(freed)
            }
            None => {
                self.rows.insert(key, write);
                None
            }
        }
    }

    /// Puts all of another's writes over these.
    pub(crate) fn absorb(&mut self, other: WriteSet) {
        if self.rows.is_empty() {
            self.rows = other.rows;
            return;
        }
        for (key, write) in other.rows {
            self.put(key, write);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Bytes, &Write)> {
        self.rows.iter()
    }

    /// The writes from `low` inclusive to `high` exclusive. `low < high`.
    pub(crate) fn range<'w>(
        &'w self,
        low: &[u8],
        high: &[u8],
        reversed: bool,
    ) -> Box<dyn Iterator<Item = (&'w Bytes, &'w Write)> + 'w> {
        let range = self.rows.range::<[u8], _>((Bound::Included(low), Bound::Excluded(high)));
        if reversed { Box::new(range.rev()) } else { Box::new(range) }
    }

    fn touches_range(&self, low: &[u8], high: &[u8]) -> bool {
        low < high
            && self.rows.range::<[u8], _>((Bound::Included(low), Bound::Excluded(high))).next().is_some()
    }

    /// Whether something that was read is written here.
    pub(crate) fn touches(&self, reads: &ReadSet) -> bool {
        if self.rows.is_empty() {
            return false;
        }
        reads.keys.iter().any(|key| self.rows.contains_key(key))
            || reads.ranges.iter().any(|range| self.touches_range(&range.low, &range.high))
    }
}

/// How many chunks a value of a large table takes.
pub(crate) fn chunks_of(length: usize) -> usize {
    if length < MAX_ROW_VALUE { 0 } else { length.div_ceil(MAX_ROW_VALUE) }
}

/// The key of a chunk: that of its row, in the chunk range of the table, with the chunk's place.
pub(crate) fn chunk_key(key: &[u8], place: usize) -> Bytes {
    let mut chunk = BytesMut::with_capacity(key.len() + 2);
    let number = u16::from_be_bytes([key[0], key[1]]) | CHUNKS;
    chunk.extend_from_slice(&number.to_be_bytes());
    chunk.extend_from_slice(&key[2..]);
    chunk.extend_from_slice(&(place as u16).to_be_bytes());
    chunk.freeze()
}

/// The rows that a write becomes in the engine.
pub(crate) fn stored_rows(key: &Bytes, write: &Write, out: &mut Vec<(Class, Bytes, Option<Bytes>)>) {
    let class = write.class;
    if !write.large {
        out.push((class, key.clone(), write.value.clone()));
        return;
    }
    let length = write.value.as_ref().map_or(0, Bytes::len);
    let chunks = chunks_of(length);
    let row = write.value.as_ref().map(|value| {
        let mut row = BytesMut::with_capacity(if chunks == 0 { 1 + length } else { 5 });
        if chunks == 0 {
            row.extend_from_slice(&[WHOLE]);
            row.extend_from_slice(value);
        } else {
            row.extend_from_slice(&[CHUNKED]);
            row.extend_from_slice(&(length as u32).to_be_bytes());
        }
        row.freeze()
    });
    out.push((class, key.clone(), row));
    if let Some(value) = &write.value {
        for place in 0..chunks {
            let end = ((place + 1) * MAX_ROW_VALUE).min(length);
            out.push((class, chunk_key(key, place), Some(value.slice(place * MAX_ROW_VALUE..end))));
        }
    }
    out.extend((chunks..write.old_chunks).map(|place| (class, chunk_key(key, place), None)));
}

/// The keys and ranges whose change would change what a transaction did.
#[derive(Debug, Default)]
pub(crate) struct ReadSet {
    pub(crate) keys: Vec<Bytes>,
    pub(crate) ranges: Vec<ReadRange>,
    /// Of keys, by their places: how many chunks the value had, where it had any.
    pub(crate) chunked: Vec<(usize, usize)>,
}

/// Among how many of the last keys a write looks for its own: what is written was mostly read just before.
const LOOKED_THROUGH: usize = 8;

/// A range that was read, from `low` inclusive to `high` exclusive.
#[derive(Debug)]
pub(crate) struct ReadRange {
    pub(crate) low: Vec<u8>,
    pub(crate) high: Vec<u8>,
}

impl ReadSet {
    pub(crate) fn len(&self) -> usize {
        self.keys.len() + self.ranges.len()
    }

    /// A key was read, whose value had so many chunks.
    pub(crate) fn add_key(&mut self, key: Bytes, chunks: usize) {
        if chunks > 0 {
            self.chunked.push((self.keys.len(), chunks));
        }
        self.keys.push(key);
    }

    /// How many chunks the value of a key had, if it was among the last that were read.
    pub(crate) fn chunks_of(&self, key: &[u8]) -> Option<usize> {
        let back = self.keys.iter().rev().take(LOOKED_THROUGH).position(|known| known == key)?;
        let at = self.keys.len() - 1 - back;
        let chunks = self.chunked.iter().find(|(place, _)| *place == at).map(|(_, chunks)| *chunks);
        Some(chunks.unwrap_or(0))
    }

    /// Begins a range of which nothing is read yet.
    pub(crate) fn begin_range(&mut self, low: &[u8], high: &[u8], reversed: bool) -> usize {
        let edge = if reversed { high } else { low };
        self.ranges.push(ReadRange { low: edge.to_vec(), high: edge.to_vec() });
        self.ranges.len() - 1
    }

    /// The range was read up to this key.
    pub(crate) fn reach(&mut self, range: usize, key: &[u8], reversed: bool) {
        let Some(range) = self.ranges.get_mut(range) else { return };
        if reversed {
            range.low = key.to_vec();
        } else {
            range.high = span::next(key.to_vec());
        }
    }

    /// The range was read to its end.
    pub(crate) fn finish(&mut self, range: usize, low: &[u8], high: &[u8]) {
        let Some(range) = self.ranges.get_mut(range) else { return };
        range.low = low.to_vec();
        range.high = high.to_vec();
    }
}
