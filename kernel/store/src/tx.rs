//! A transaction: reads that are remembered, writes that are kept until they are committed together.

use crate::hot::Deferral;
use crate::key::{Incarnation, Key};
use crate::read::{self, Layers, Read};
use crate::state::{Published, State};
use crate::table::{Shape, Table, TableId};
use crate::value::Value;
use crate::writes::{MAX_LARGE_VALUE, MAX_ROW_VALUE, ReadSet, Write, WriteSet};
use crate::{Class, Corrupt, Fault};
use bytes::Bytes;
use names::Scope;
use std::cell::RefCell;
use std::sync::Arc;

/// How many bytes of keys and values a transaction may write.
const MAX_WRITTEN: usize = 1024 * 1024;
/// The same where `allow_large` was called.
const MAX_WRITTEN_LARGE: usize = 8 * 1024 * 1024;
/// The same where `allow_largest` was called: half of what may wait for the committer.
const MAX_WRITTEN_LARGEST: usize = 32 * 1024 * 1024;

/// Bytes that an encoded value is given room for before its length is known.
const ENCODED: usize = 128;

/// What a commit's closure works on.
///
/// The closure may run more than once, and has no effect but through this.
pub struct Tx {
    state: Arc<State>,
    base: Arc<Published>,
    under: Option<Arc<WriteSet>>,
    own: WriteSet,
    reads: RefCell<ReadSet>,
    written: usize,
    limit: usize,
    relaxed: bool,
    reclaims: bool,
    deferral: Option<Deferral>,
}

/// What a transaction leaves for the committer.
#[derive(Default)]
pub(crate) struct Traces {
    pub(crate) reads: ReadSet,
    pub(crate) writes: WriteSet,
    pub(crate) written: usize,
    pub(crate) relaxed: bool,
    pub(crate) reclaims: bool,
}

impl Tx {
    pub(crate) fn begin(state: Arc<State>, base: Arc<Published>, under: Option<Arc<WriteSet>>) -> Self {
        Tx {
            state,
            base,
            under,
            own: WriteSet::default(),
            reads: RefCell::default(),
            written: 0,
            limit: MAX_WRITTEN,
            relaxed: false,
            reclaims: false,
            deferral: None,
        }
    }

    /// The first run of a closure, on the published state: it stops where it reads a hot key.
    pub(crate) fn first(state: Arc<State>, base: Arc<Published>) -> Self {
        let deferral = Some(Deferral::at(base.sequence));
        Tx { deferral, ..Tx::begin(state, base, None) }
    }

    /// What it leaves where it stopped at a hot key: how much it is expected to write.
    pub(crate) fn deferred(&self) -> Option<Traces> {
        let written = self.deferral.as_ref()?.written()?;
        Some(Traces { written, ..Traces::default() })
    }

    pub(crate) fn into_traces(self) -> Traces {
        Traces {
            reads: self.reads.into_inner(),
            writes: self.own,
            written: self.written,
            relaxed: self.relaxed,
            reclaims: self.reclaims,
        }
    }

    pub(crate) fn wrote(&self) -> bool {
        !self.own.is_empty()
    }

    /// Writes a row, whether or not there is one.
    pub fn put<K: Key, V: Value>(
        &mut self,
        table: &Table<K, V>,
        scope: &Scope,
        key: &K,
        value: &V,
    ) -> Result<(), Fault> {
        let value = encoded(table, value)?;
        self.write(table, scope, key, Some(value))
    }

    /// Writes a row under a key that never had one, because a number in it was just given. Large tables
    /// need not be read for it.
    pub fn put_new<K: Key, V: Value>(
        &mut self,
        table: &Table<K, V>,
        scope: &Scope,
        key: &K,
        value: &V,
    ) -> Result<(), Fault> {
        let value = encoded(table, value)?;
        let key = read::stored_key(&self.state, table, scope, key)?;
        self.put_stored(&table.shape, table.id(), key, (Some(value), 0))
    }

    /// Writes a row where there is none; says whether there was none.
    pub fn insert_absent<K: Key, V: Value>(
        &mut self,
        table: &Table<K, V>,
        scope: &Scope,
        key: &K,
        value: &V,
    ) -> Result<bool, Fault> {
        if self.has(table, scope, key)? {
            return Ok(false);
        }
        self.put(table, scope, key, value)?;
        Ok(true)
    }

    /// Removes a row, if there is one.
    pub fn delete<K: Key, V: Value>(
        &mut self,
        table: &Table<K, V>,
        scope: &Scope,
        key: &K,
    ) -> Result<(), Fault> {
        self.write(table, scope, key, None)
    }

    /// Does something that may be refused: then nothing of what it wrote remains, and the rest of the transaction
    /// goes on.
    ///
    /// # Errors
    /// The work's own.
    pub fn attempt<T, E>(&mut self, work: impl FnOnce(&mut Tx) -> Result<T, E>) -> Result<T, E> {
        let (own, written) = (self.own.clone(), self.written);
        let result = work(self);
        if result.is_err() {
            self.own = own;
            self.written = written;
        }
        result
    }

    /// Reads a row and removes it.
    pub fn take<K: Key, V: Value>(
        &mut self,
        table: &Table<K, V>,
        scope: &Scope,
        key: &K,
    ) -> Result<Option<V>, Fault> {
        let found = self.get(table, scope, key)?;
        if found.is_some() {
            self.delete(table, scope, key)?;
        }
        Ok(found)
    }

    /// The next number of a counter row: 1, 2, 3, … in the order of commits.
    pub fn counter<K: Key>(&mut self, table: &Table<K, u64>, scope: &Scope, key: &K) -> Result<u64, Fault> {
        let number = self.get(table, scope, key)?.unwrap_or(0) + 1;
        self.put(table, scope, key, &number)?;
        Ok(number)
    }

    /// The number of a new life of a resource; never given twice.
    pub fn fresh_incarnation(&self) -> Result<Incarnation, Fault> {
        self.state.numbers.fresh().map(Incarnation)
    }

    /// A number that was never given before and is above all that were given to earlier commits.
    pub(crate) fn fresh_number(&self) -> Result<u64, Fault> {
        self.state.numbers.fresh()
    }

    /// This commit may be acknowledged before it is synced: it survives the end of the process, and a
    /// power loss only after a tenth of a second.
    pub fn relaxed(&mut self) {
        self.relaxed = true;
    }

    /// Lets this transaction write up to 8 MiB instead of 1 MiB, where the API demands it.
    pub fn allow_large(&mut self) {
        self.limit = self.limit.max(MAX_WRITTEN_LARGE);
    }

    /// Lets this transaction write up to 32 MiB: where what the API allows in one is kept in several forms.
    pub fn allow_largest(&mut self) {
        self.limit = MAX_WRITTEN_LARGEST;
    }

    /// This transaction frees room, so it is let through when the disk is full.
    pub(crate) fn reclaim(&mut self) {
        self.reclaims = true;
    }

    /// Removes a row by its stored key, chunks and all taken care of by the caller.
    pub(crate) fn delete_stored(&mut self, class: Class, key: Bytes) -> Result<(), Fault> {
        self.delete_row(None, class, key)
    }

    /// The same, where the table is known and its views are to see it.
    pub(crate) fn delete_row(
        &mut self,
        table: Option<TableId>,
        class: Class,
        key: Bytes,
    ) -> Result<(), Fault> {
        self.keep(key, Write { table, class, large: false, value: None, old_chunks: 0 })
    }

    fn write<K: Key, V>(
        &mut self,
        table: &Table<K, V>,
        scope: &Scope,
        key: &K,
        value: Option<Bytes>,
    ) -> Result<(), Fault> {
        let shape = &table.shape;
        let key = read::stored_key(&self.state, table, scope, key)?;
        let old_chunks = if shape.large { self.layers().chunks_before(shape, &key)? } else { 0 };
        self.put_stored(shape, table.id(), key, (value, old_chunks))
    }

    fn put_stored(
        &mut self,
        shape: &Shape,
        table: TableId,
        key: Vec<u8>,
        (value, old_chunks): (Option<Bytes>, usize),
    ) -> Result<(), Fault> {
        let write = Write { table: Some(table), class: shape.class, large: shape.large, value, old_chunks };
        self.keep(Bytes::from(key), write)
    }

    fn keep(&mut self, key: Bytes, write: Write) -> Result<(), Fault> {
        let (key_bytes, value_bytes) = (key.len(), write.value.as_ref().map_or(0, Bytes::len));
        let freed = self.own.put(key, write);
        self.written += value_bytes;
        self.written = match freed {
            Some(freed) => self.written.saturating_sub(freed),
            None => self.written + key_bytes,
        };
        if self.written > self.limit {
            return Err(Fault::too_large("transaction", self.written, self.limit));
        }
        Ok(())
    }

    pub(crate) fn corrupt(table: &'static str, why: &'static str) -> Fault {
        Fault::Corrupt { table, why: Corrupt(why) }
    }
}

fn encoded<K: Key, V: Value>(table: &Table<K, V>, value: &V) -> Result<Bytes, Fault> {
    // Records are written field by field: most fit, and the others grow once.
    let mut bytes = Vec::with_capacity(ENCODED);
    value.encode(&mut bytes).map_err(|why| Fault::Corrupt { table: table.name(), why })?;
    let limit = if table.shape.large { MAX_LARGE_VALUE } else { MAX_ROW_VALUE };
    if bytes.len() > limit {
        return Err(Fault::too_large("value", bytes.len(), limit));
    }
    Ok(Bytes::from(bytes))
}

impl Read for Tx {
    fn layers(&self) -> Layers<'_> {
        Layers {
            state: &self.state,
            engine: self.base.engine.as_ref(),
            under: self.under.as_deref(),
            own: Some(&self.own),
            reads: Some(&self.reads),
            deferral: self.deferral.as_ref(),
        }
    }
}
