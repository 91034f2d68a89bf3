//! What readers, transactions and the committer share: the published snapshot, the numbers of tables,
//! and the source of fresh numbers.

use crate::engine::{EngineError, EngineSnapshot};
use crate::hot::Hot;
use crate::key::{Key, KeyWriter};
use crate::table::{MAX_TABLES, Shape, Table, TableId};
use crate::{Class, Corrupt, Fault, Reason};
use bytes::Bytes;
use names::Scope;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// A state of the store that readers see, with the sequence of the last commit in it.
pub(crate) struct Published {
    pub(crate) sequence: u64,
    pub(crate) engine: Arc<dyn EngineSnapshot>,
}

/// The part of a store that outlives none of its users and knows none of them.
pub(crate) struct State {
    pub(crate) catalog: Catalog,
    pub(crate) numbers: Numbers,
    pub(crate) hot: Hot,
    published: RwLock<Arc<Published>>,
}

impl State {
    pub(crate) fn new(catalog: Catalog, numbers: Numbers, published: Published) -> Self {
        State { catalog, numbers, hot: Hot::new(), published: RwLock::new(Arc::new(published)) }
    }

    pub(crate) fn published(&self) -> Arc<Published> {
        self.published.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn publish(&self, next: Published) {
        let next = Arc::new(next);
        let last = {
            let mut published = self.published.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *published, next)
        };
        // Closing a snapshot may take the engine's locks: not under ours.
        drop(last);
    }
}

/// The number of the store's own rows, which no table has.
const SYSTEM: u16 = 0;
/// Set in the number of a large table where the chunks of its long values live.
pub(crate) const CHUNKS: u16 = 0x8000;
/// The shard of each key: all are on this node.
const SHARD: u8 = 0;

/// The key of one of the store's own rows.
pub(crate) fn system_key(name: &str) -> Bytes {
    let mut key = SYSTEM.to_be_bytes().to_vec();
    key.push(SHARD);
    key.extend_from_slice(name.as_bytes());
    Bytes::from(key)
}

/// A row in the store's own part of `meta`.
pub(crate) type SystemRow = (Bytes, Bytes);

/// Which number each table has, given at first use and never again to another.
pub(crate) struct Catalog {
    numbers: Box<[AtomicU16]>,
    named: Mutex<Named>,
}

struct Named {
    tables: HashMap<String, Stored>,
    next: u16,
    unsaved: Vec<SystemRow>,
}

/// What `meta` knows of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) number: u16,
    pub(crate) class: Class,
    pub(crate) of_incarnation: bool,
    pub(crate) large: bool,
}

const TABLE_ROWS: &str = "table/";

impl Stored {
    pub(crate) fn row(self, name: &str) -> SystemRow {
        let [high, low] = self.number.to_be_bytes();
        let flags = u8::from(self.of_incarnation) | (u8::from(self.large) << 1);
        let value = Bytes::from(vec![high, low, self.class as u8, flags]);
        (system_key(&format!("{TABLE_ROWS}{name}")), value)
    }

    fn read(value: &[u8]) -> Option<Self> {
        let [high, low, class, flags] = value else { return None };
        let class = Class::from_number(*class)?;
        let number = u16::from_be_bytes([*high, *low]);
        Some(Stored { number, class, of_incarnation: flags & 1 != 0, large: flags & 2 != 0 })
    }
}

impl Catalog {
    /// Reads the numbers that were given so far.
    pub(crate) fn load(engine: &dyn EngineSnapshot) -> Result<Self, Fault> {
        let corrupt = || Fault::Corrupt { table: "meta", why: Corrupt("a table's number cannot be read") };
        let low = system_key(TABLE_ROWS);
        let high = system_key("table0");
        let mut tables = HashMap::new();
        let mut next = SYSTEM + 1;
        for row in engine.range(Class::Meta, &low, &high, false) {
            let (key, value) = row?;
            let name = String::from_utf8(key[low.len()..].to_vec()).map_err(|_| corrupt())?;
            let stored = Stored::read(&value).ok_or_else(corrupt)?;
            next = next.max(stored.number + 1);
            tables.insert(name, stored);
        }
        let numbers = (0..MAX_TABLES).map(|_| AtomicU16::new(SYSTEM)).collect();
        Ok(Catalog { numbers, named: Mutex::new(Named { tables, next, unsaved: Vec::new() }) })
    }

    /// The number of a table, given now if it has none.
    fn number(&self, id: TableId, shape: &Shape) -> Result<u16, Fault> {
        let slot = &self.numbers[usize::from(id.0)];
        match slot.load(Ordering::Acquire) {
            SYSTEM => self.give_number(id, shape),
            number => Ok(number),
        }
    }

    fn give_number(&self, id: TableId, shape: &Shape) -> Result<u16, Fault> {
        let refused = |why| Fault::Corrupt { table: shape.name, why: Corrupt(why) };
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        let stored = match named.tables.get(shape.name) {
            Some(stored) => *stored,
            None => {
                let number = named.next;
                if number >= CHUNKS {
                    return Err(refused("no table number is left"));
                }
                let Shape { class, of_incarnation, large, .. } = *shape;
                let stored = Stored { number, class, of_incarnation, large };
                named.next += 1;
                named.tables.insert(shape.name.to_owned(), stored);
                named.unsaved.push(stored.row(shape.name));
                stored
            }
        };
        let same = stored.class == shape.class
            && stored.of_incarnation == shape.of_incarnation
            && stored.large == shape.large;
        if !same {
            return Err(refused("the table is declared otherwise than it was stored"));
        }
        self.numbers[usize::from(id.0)].store(stored.number, Ordering::Release);
        Ok(stored.number)
    }

    /// The rows of numbers given since the last call; they belong into the next batch.
    pub(crate) fn take_unsaved(&self) -> Vec<SystemRow> {
        std::mem::take(&mut self.named.lock().unwrap_or_else(PoisonError::into_inner).unsaved)
    }

    /// The tables whose rows belong to incarnations, also those no code declares any more.
    pub(crate) fn of_incarnation(&self) -> Vec<Stored> {
        let named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tables: Vec<_> =
            named.tables.values().copied().filter(|table| table.of_incarnation).collect();
        tables.sort_by_key(|table| table.number);
        tables
    }

    /// All tables there ever were, by name.
    pub(crate) fn all(&self) -> Vec<(String, Stored)> {
        let named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tables: Vec<_> = named.tables.iter().map(|(name, table)| (name.clone(), *table)).collect();
        tables.sort_by(|one, other| one.0.cmp(&other.0));
        tables
    }

    /// The first bytes of all keys of a table in a scope.
    pub(crate) fn prefix<K, V>(&self, table: &Table<K, V>, scope: &Scope) -> Result<KeyWriter, Fault> {
        Ok(prefix_of(self.number(table.id(), &table.shape)?, scope))
    }
}

/// The first bytes of all keys of a numbered table in a scope.
pub(crate) fn prefix_of(number: u16, scope: &Scope) -> KeyWriter {
    let mut key = KeyWriter::with_capacity(64);
    key.raw(&number.to_be_bytes());
    key.raw(&[SHARD]);
    scope.encode(&mut key);
    key
}

/// How many bytes of a stored key come before its scope.
pub(crate) const BEFORE_SCOPE: usize = 3;

/// A stored key of a numbered table: its scope and what follows are given as bytes.
pub(crate) fn numbered_key(number: u16, rest: &[u8]) -> Bytes {
    let [high, low] = number.to_be_bytes();
    Bytes::from([&[high, low, SHARD], rest].concat())
}

/// Numbers that are never given twice, also across crashes: a bound below which all numbers may be in
/// use is stored ahead of them.
pub(crate) struct Numbers {
    next: AtomicU64,
    ceiling: AtomicU64,
}

/// How many numbers are reserved ahead.
const RESERVE: u64 = 1 << 20;

impl Numbers {
    const ROW: &str = "numbers";

    /// Starts after the bound that was stored last.
    pub(crate) fn load(engine: &dyn EngineSnapshot) -> Result<Self, EngineError> {
        let stored = engine.get(Class::Meta, &system_key(Self::ROW))?;
        let start = stored.and_then(|row| row.as_ref().try_into().ok()).map_or(1, u64::from_be_bytes);
        Ok(Numbers { next: AtomicU64::new(start), ceiling: AtomicU64::new(start) })
    }

    pub(crate) fn fresh(&self) -> Result<u64, Fault> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if number < self.ceiling.load(Ordering::Acquire) {
            Ok(number)
        } else {
            // Only a million numbers without one commit between them lead here.
            Err(Fault::Unavailable(Reason::Overloaded))
        }
    }

    /// The least number that has not been given.
    pub(crate) fn next(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// A new bound to store, if the present one is near.
    pub(crate) fn extension(&self) -> Option<u64> {
        let next = self.next();
        (next + RESERVE / 2 > self.ceiling.load(Ordering::Relaxed)).then_some(next + RESERVE)
    }

    pub(crate) fn extension_row(ceiling: u64) -> SystemRow {
        (system_key(Self::ROW), Bytes::copy_from_slice(&ceiling.to_be_bytes()))
    }

    /// The bound has been stored and synced.
    pub(crate) fn extended(&self, ceiling: u64) {
        self.ceiling.fetch_max(ceiling, Ordering::Release);
    }
}
