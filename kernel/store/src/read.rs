//! Reading: the same for a snapshot and for a transaction, which sees its own writes and remembers what
//! it read.

use crate::engine::EngineSnapshot;
use crate::hot::Deferral;
use crate::key::{Key, KeyReader, KeyWriter};
use crate::span::Span;
use crate::state::{Published, State};
use crate::table::{Shape, Table};
use crate::value::Value;
use crate::writes::{self, CHUNKED, MAX_ROW_VALUE, ReadSet, WHOLE, WriteSet};
use crate::{Class, Corrupt, Fault};
use bytes::{Bytes, BytesMut};
use names::Scope;
use std::cell::RefCell;
use std::cmp::Ordering;
use std::iter::Peekable;
use std::marker::PhantomData;
use std::sync::Arc;

/// The longest key, without its table and scope.
pub(crate) const MAX_KEY: usize = 2048;
/// The most keys and ranges that one transaction may read.
const MAX_READS: usize = 100_000;

/// What rows can be read from: a `Snapshot` or a `Tx`.
pub trait Read {
    /// The states that are read, the upper over the lower.
    #[doc(hidden)]
    fn layers(&self) -> Layers<'_>;

    /// The value of a key.
    fn get<K: Key, V: Value>(&self, table: &Table<K, V>, scope: &Scope, key: &K) -> Result<Option<V>, Fault> {
        let layers = self.layers();
        let Some(key) = possible_key(layers.state, table, scope, key)? else { return Ok(None) };
        layers.stop_at_hot(&key)?;
        let found = layers.find(&table.shape, &key)?;
        layers.note(key, found.as_ref().map_or(0, |value| table.shape.chunks_of(value.len())))?;
        found.map(V::decode).transpose().map_err(|why| corrupt(&table.shape, why))
    }

    /// Whether there is a row under a key.
    fn has<K: Key, V: Value>(&self, table: &Table<K, V>, scope: &Scope, key: &K) -> Result<bool, Fault> {
        let layers = self.layers();
        let Some(key) = possible_key(layers.state, table, scope, key)? else { return Ok(false) };
        layers.stop_at_hot(&key)?;
        let found = layers.find_row(&table.shape, &key)?;
        let chunks = found.as_ref().map_or(Ok(0), |found| found.chunks(&table.shape))?;
        layers.note(key, chunks)?;
        Ok(found.is_some())
    }

    /// The rows of a span, read as the iterator goes: a transaction depends on those it took only.
    fn scan<K: Key, V: Value>(&self, table: &Table<K, V>, scope: &Scope, span: Span<K>) -> Scan<'_, K, V> {
        Scan::begin(self.layers(), table, scope, span)
    }
}

/// A state of the store that does not change any more.
#[derive(Clone)]
pub struct Snapshot {
    pub(crate) state: Arc<State>,
    pub(crate) published: Arc<Published>,
}

impl Snapshot {
    /// The sequence of the last commit in it.
    pub fn sequence(&self) -> u64 {
        self.published.sequence
    }
}

impl Read for Snapshot {
    fn layers(&self) -> Layers<'_> {
        Layers {
            state: &self.state,
            engine: self.published.engine.as_ref(),
            under: None,
            own: None,
            reads: None,
            deferral: None,
        }
    }
}

/// What is read: the engine's state, over it the writes of a batch, over them a transaction's own.
#[derive(Clone, Copy)]
pub struct Layers<'r> {
    pub(crate) state: &'r State,
    pub(crate) engine: &'r dyn EngineSnapshot,
    pub(crate) under: Option<&'r WriteSet>,
    pub(crate) own: Option<&'r WriteSet>,
    pub(crate) reads: Option<&'r RefCell<ReadSet>>,
    pub(crate) deferral: Option<&'r Deferral>,
}

/// A row's value where it was found: in memory whole, or in the engine as stored.
enum Found {
    Written(Bytes),
    Stored(Bytes),
}

impl Found {
    /// How many chunks the value has beside its row.
    fn chunks(&self, shape: &Shape) -> Result<usize, Fault> {
        Ok(match self {
            Found::Written(value) => shape.chunks_of(value.len()),
            Found::Stored(row) => match row.as_ref() {
                [CHUNKED, length @ ..] if shape.large => shape.chunks_of(chunked_length(shape, length)?),
                _ => 0,
            },
        })
    }
}

impl Layers<'_> {
    fn find_row(&self, shape: &Shape, key: &[u8]) -> Result<Option<Found>, Fault> {
        for writes in [self.own, self.under].into_iter().flatten() {
            if let Some(write) = writes.get(key) {
                return Ok(write.value.clone().map(Found::Written));
            }
        }
        Ok(self.engine.get(shape.class, key)?.map(Found::Stored))
    }

    /// Ends a first run that would be for nothing.
    fn stop_at_hot(&self, key: &[u8]) -> Result<(), Fault> {
        match self.deferral {
            Some(deferral) if deferral.stops_at(&self.state.hot, key) => Err(Fault::Missing),
            _ => Ok(()),
        }
    }

    fn find(&self, shape: &Shape, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        match self.find_row(shape, key)? {
            None => Ok(None),
            Some(Found::Written(value)) => Ok(Some(value)),
            Some(Found::Stored(row)) => whole(self.engine, shape, key, row).map(Some),
        }
    }

    /// How many chunks of a large table's row a write has to reckon with: read now, unless it was read.
    pub(crate) fn chunks_before(&self, shape: &Shape, key: &[u8]) -> Result<usize, Fault> {
        if let Some(chunks) = self.reads.and_then(|reads| reads.borrow().chunks_of(key)) {
            return Ok(chunks);
        }
        let chunks = self.find_row(shape, key)?.map_or(Ok(0), |found| found.chunks(shape))?;
        self.note(key.to_vec(), chunks)?;
        Ok(chunks)
    }

    /// Remembers that a key was read, and how many chunks its value had.
    fn note(&self, key: Vec<u8>, chunks: usize) -> Result<(), Fault> {
        let Some(reads) = self.reads else { return Ok(()) };
        let mut reads = reads.borrow_mut();
        bound_reads(&reads)?;
        reads.add_key(Bytes::from(key), chunks);
        Ok(())
    }
}

fn bound_reads(reads: &ReadSet) -> Result<(), Fault> {
    if reads.len() < MAX_READS { Ok(()) } else { Err(Fault::too_large("read set", reads.len(), MAX_READS)) }
}

fn corrupt(shape: &Shape, why: Corrupt) -> Fault {
    Fault::Corrupt { table: shape.name, why }
}

/// The key under which a row is stored.
pub(crate) fn stored_key<K: Key, V>(
    state: &State,
    table: &Table<K, V>,
    scope: &Scope,
    key: &K,
) -> Result<Vec<u8>, Fault> {
    let bytes = encoded_key(state, table, scope, key)?;
    if is_too_long(&bytes) { Err(Fault::too_large("key", bytes.len(), MAX_KEY)) } else { Ok(bytes) }
}

/// The key to look under; nothing where it is longer than that of any row, so that whatever name a client
/// makes up is absent and no fault.
fn possible_key<K: Key, V>(
    state: &State,
    table: &Table<K, V>,
    scope: &Scope,
    key: &K,
) -> Result<Option<Vec<u8>>, Fault> {
    encoded_key(state, table, scope, key).map(|bytes| Some(bytes).filter(|bytes| !is_too_long(bytes)))
}

fn encoded_key<K: Key, V>(
    state: &State,
    table: &Table<K, V>,
    scope: &Scope,
    key: &K,
) -> Result<Vec<u8>, Fault> {
    let mut out = state.catalog.prefix(table, scope)?;
    key.encode(&mut out);
    Ok(out.into_vec())
}

/// The prefix is at most forty-five bytes, which the bound leaves room for.
fn is_too_long(key: &[u8]) -> bool {
    key.len() > MAX_KEY + 64
}

fn chunked_length(shape: &Shape, bytes: &[u8]) -> Result<usize, Fault> {
    let length = bytes.try_into().map(u32::from_be_bytes);
    length.map(|length| length as usize).map_err(|_| corrupt(shape, Corrupt("a long value's length is cut")))
}

/// A value out of its stored row, with its chunks where it has some.
pub(crate) fn whole(
    engine: &dyn EngineSnapshot,
    shape: &Shape,
    key: &[u8],
    row: Bytes,
) -> Result<Bytes, Fault> {
    if !shape.large {
        return Ok(row);
    }
    match row.first().copied() {
        Some(WHOLE) => Ok(row.slice(1..)),
        Some(CHUNKED) => {
            let length = chunked_length(shape, &row[1..])?.min(writes::MAX_LARGE_VALUE);
            let mut value = BytesMut::with_capacity(length);
            for place in 0..length.div_ceil(MAX_ROW_VALUE) {
                let chunk = engine.get(shape.class, &writes::chunk_key(key, place))?;
                value.extend_from_slice(&chunk.ok_or_else(|| corrupt(shape, Corrupt("a chunk is missing")))?);
            }
            if value.len() != length {
                return Err(corrupt(shape, Corrupt("a long value has a wrong length")));
            }
            Ok(value.freeze())
        }
        _ => Err(corrupt(shape, Corrupt("the value has an unknown form"))),
    }
}

type Row = Result<(Bytes, Bytes), Fault>;
type Rows<'r> = Box<dyn Iterator<Item = Row> + 'r>;

/// The rows of a span, in its direction.
pub struct Scan<'r, K, V> {
    rows: Rows<'r>,
    shape: Shape,
    prefix: usize,
    track: Option<Track<'r>>,
    types: PhantomData<fn() -> (K, V)>,
}

/// Keeps the range that was read so far in the transaction's read set.
struct Track<'r> {
    reads: &'r RefCell<ReadSet>,
    range: usize,
    low: Vec<u8>,
    high: Vec<u8>,
    reversed: bool,
}

impl<'r, K: Key, V: Value> Scan<'r, K, V> {
    fn begin(layers: Layers<'r>, table: &Table<K, V>, scope: &Scope, span: Span<K>) -> Self {
        let shape = table.shape;
        let empty = |rows| Scan { rows, shape, prefix: 0, track: None, types: PhantomData };
        let prefix = match layers.state.catalog.prefix(table, scope).map(KeyWriter::into_vec) {
            Ok(prefix) => prefix,
            Err(fault) => return empty(Box::new(std::iter::once(Err(fault)))),
        };
        let (low, high) = span.bounds(&prefix);
        if low >= high {
            return empty(Box::new(std::iter::empty()));
        }
        let reversed = span.is_reversed();
        let rows = layered(layers, shape, &low, &high, reversed);
        let track = match layers.reads {
            None => None,
            Some(reads) => {
                let mut all = reads.borrow_mut();
                if let Err(fault) = bound_reads(&all) {
                    return empty(Box::new(std::iter::once(Err(fault))));
                }
                let range = all.begin_range(&low, &high, reversed);
                Some(Track { reads, range, low, high, reversed })
            }
        };
        Scan { rows, shape, prefix: prefix.len(), track, types: PhantomData }
    }

    fn decode(&self, key: &[u8], value: Bytes) -> Result<(K, V), Fault> {
        let mut reader = KeyReader::new(&key[self.prefix..]);
        let typed = K::decode(&mut reader).and_then(|key| reader.finish(key));
        let value = V::decode(value);
        Ok((typed.map_err(|why| corrupt(&self.shape, why))?, value.map_err(|why| corrupt(&self.shape, why))?))
    }
}

impl<K: Key, V: Value> Iterator for Scan<'_, K, V> {
    type Item = Result<(K, V), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.rows.next() {
            Some(Ok((key, value))) => {
                if let Some(track) = &self.track {
                    track.reads.borrow_mut().reach(track.range, &key, track.reversed);
                }
                Some(self.decode(&key, value))
            }
            Some(Err(fault)) => Some(Err(fault)),
            None => {
                if let Some(track) = self.track.take() {
                    track.reads.borrow_mut().finish(track.range, &track.low, &track.high);
                }
                None
            }
        }
    }
}

/// The rows of the engine with the writes of the upper layers over them.
fn layered<'r>(layers: Layers<'r>, shape: Shape, low: &[u8], high: &[u8], reversed: bool) -> Rows<'r> {
    let engine = layers.engine;
    let mut rows: Rows<'r> = Box::new(engine.range(shape.class, low, high, reversed).map(move |row| {
        let (key, value) = row?;
        let value = whole(engine, &shape, &key, value)?;
        Ok((key, value))
    }));
    for writes in [layers.under, layers.own].into_iter().flatten() {
        let mut over = writes.range(low, high, reversed).peekable();
        if over.peek().is_some() {
            rows = Box::new(Merged { lower: rows.peekable(), upper: over, reversed });
        }
    }
    rows
}

/// Rows with writes over them: a written row replaces the one below, a deleted one hides it.
struct Merged<'r, U: Iterator> {
    lower: Peekable<Rows<'r>>,
    upper: Peekable<U>,
    reversed: bool,
}

impl<'w, U: Iterator<Item = (&'w Bytes, &'w writes::Write)>> Iterator for Merged<'_, U> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        loop {
            let order = match (self.lower.peek(), self.upper.peek()) {
                (Some(Err(_)), _) | (_, None) => return self.lower.next(),
                (None, Some(_)) => Ordering::Greater,
                (Some(Ok((below, _))), Some((above, _))) if self.reversed => (*above).cmp(below),
                (Some(Ok((below, _))), Some((above, _))) => below.cmp(above),
            };
            match order {
                Ordering::Less => return self.lower.next(),
                Ordering::Equal => drop(self.lower.next()),
                Ordering::Greater => {}
            }
            if let Some((key, write)) = self.upper.next()
                && let Some(value) = &write.value
            {
                return Some(Ok((key.clone(), value.clone())));
            }
        }
    }
}

/// Rows as they are stored, for the sweeper, which knows tables by number only.
pub(crate) fn stored_keys(
    engine: &dyn EngineSnapshot,
    class: Class,
    prefix: &[u8],
    limit: usize,
) -> Result<Vec<Bytes>, Fault> {
    let high = crate::key::after_prefix(prefix.to_vec()).unwrap_or_default();
    let rows = engine.range(class, prefix, &high, false).take(limit);
    Ok(rows.map(|row| row.map(|(key, _)| key)).collect::<Result<_, _>>()?)
}
