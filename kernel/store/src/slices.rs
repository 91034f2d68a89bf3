//! The slices of a view: found by key, worked on by one at a time, thrown away when too many.
//!
//! A cell's two locks are never held by a thread that wants the other in the opposite order: whoever
//! holds the slice may take the gate, nobody waits for the slice with the gate in hand.

use crate::feed::Change;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use tokio::sync::watch;

/// The place of one slice.
pub(crate) struct Cell<S> {
    slot: Mutex<Slot<S>>,
    gate: Mutex<Gate>,
    changes: watch::Sender<u64>,
    used: AtomicU64,
}

struct Slot<S> {
    slice: Option<S>,
    loaded_at: u64,
    generation: u64,
    gone: bool,
}

/// Changes that come while the slice is being loaded.
#[derive(Default)]
struct Gate {
    loading: bool,
    deferred: Vec<(u64, Change)>,
}

impl<S> Cell<S> {
    fn new() -> Arc<Self> {
        Arc::new(Cell {
            slot: Mutex::new(Slot { slice: None, loaded_at: 0, generation: 0, gone: false }),
            gate: Mutex::default(),
            changes: watch::Sender::new(0),
            used: AtomicU64::new(0),
        })
    }

    /// Waits until nobody else works on the slice.
    pub(crate) fn hold(&self) -> Held<'_, S> {
        let slot = self.slot.lock().unwrap_or_else(|poisoned| {
            // Whoever panicked with the slice in hand may have left it half changed.
            self.slot.clear_poison();
            let mut slot = poisoned.into_inner();
            slot.slice = None;
            slot
        });
        Held { slot }
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From here on changes wait.
    pub(crate) fn begin_load(&self) {
        let mut gate = self.gate();
        gate.loading = true;
        gate.deferred.clear();
    }

    /// Applies the changes that waited; from here on they go to the slice.
    pub(crate) fn finish_load(&self, mut apply: impl FnMut(u64, &Change)) {
        let mut gate = self.gate();
        let deferred = std::mem::take(&mut gate.deferred);
        deferred.iter().for_each(|(sequence, change)| apply(*sequence, change));
        gate.loading = false;
    }

    pub(crate) fn abandon_load(&self) {
        let mut gate = self.gate();
        gate.loading = false;
        gate.deferred.clear();
    }

    /// Lets a change wait if the slice is being loaded; says whether it does.
    pub(crate) fn defer(&self, sequence: u64, change: &Change) -> bool {
        let mut gate = self.gate();
        if gate.loading {
            gate.deferred.push((sequence, change.clone()));
        }
        gate.loading
    }

    pub(crate) fn wake(&self) {
        self.changes.send_modify(|count| *count += 1);
    }
}

/// A slice in hand.
pub(crate) struct Held<'c, S> {
    slot: MutexGuard<'c, Slot<S>>,
}

impl<S> Held<'_, S> {
    /// The cell was thrown away; look for the slice anew.
    pub(crate) fn is_gone(&self) -> bool {
        self.slot.gone
    }

    pub(crate) fn is_loaded(&self) -> bool {
        self.slot.slice.is_some()
    }

    pub(crate) fn slice(&mut self) -> Option<&mut S> {
        self.slot.slice.as_mut()
    }

    /// Which loading of the slice this is.
    pub(crate) fn generation(&self) -> u64 {
        self.slot.generation
    }

    pub(crate) fn loaded_at(&self) -> u64 {
        self.slot.loaded_at
    }

    pub(crate) fn set(&mut self, slice: S, loaded_at: u64) {
        self.slot.slice = Some(slice);
        self.slot.loaded_at = loaded_at;
        self.slot.generation += 1;
    }

    pub(crate) fn unload(&mut self) {
        self.slot.slice = None;
    }
}

/// All slices of a view.
pub(crate) struct Slices<K, S> {
    cells: RwLock<HashMap<K, Arc<Cell<S>>>>,
    capacity: usize,
    uses: AtomicU64,
}

impl<K: Clone + Eq + Hash, S> Slices<K, S> {
    pub(crate) fn new(capacity: usize) -> Self {
        Slices { cells: RwLock::default(), capacity: capacity.max(1), uses: AtomicU64::new(0) }
    }

    pub(crate) fn existing(&self, key: &K) -> Option<Arc<Cell<S>>> {
        self.cells.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// The cell of a slice, loaded or not.
    pub(crate) fn cell(&self, key: &K) -> Arc<Cell<S>> {
        let cell = self.existing(key).unwrap_or_else(|| {
            let mut cells = self.cells.write().unwrap_or_else(PoisonError::into_inner);
            cells.entry(key.clone()).or_insert_with(Cell::new).clone()
        });
        cell.used.store(self.uses.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        cell
    }

    /// Notices the changes of a slice from now on; a watched cell is not thrown away.
    pub(crate) fn watch(&self, key: &K) -> watch::Receiver<u64> {
        loop {
            let cell = self.cell(key);
            let changes = cell.changes.subscribe();
            let stayed = self.existing(key).is_some_and(|now| Arc::ptr_eq(&now, &cell));
            if stayed {
                return changes;
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.cells.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Throws one slice away; the cell stays for those who watch it.
    pub(crate) fn forget(&self, key: &K) {
        if let Some(cell) = self.existing(key) {
            cell.hold().unload();
        }
    }

    pub(crate) fn forget_all(&self) {
        let cells: Vec<_> =
            self.cells.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        cells.iter().for_each(|cell| cell.hold().unload());
    }

    /// Throws the longest unused slices away once there are too many: an eighth at a time, those in use,
    /// watched or not `ready` to go excepted.
    pub(crate) fn evict(&self, ready: impl Fn(&S) -> bool) {
        if self.len() <= self.capacity {
            return;
        }
        let mut cells = self.cells.write().unwrap_or_else(PoisonError::into_inner);
        let mut by_use: Vec<(u64, K)> =
            cells.iter().map(|(key, cell)| (cell.used.load(Ordering::Relaxed), key.clone())).collect();
        by_use.sort_unstable_by_key(|(used, _)| *used);
        let excess = cells.len() - self.capacity + self.capacity / 8;
        let mut evicted = 0;
        for (_, key) in by_use {
            if evicted == excess {
                break;
            }
            let Some(cell) = cells.get(&key) else { continue };
            let Ok(mut slot) = cell.slot.try_lock() else { continue };
            let may_go = cell.changes.receiver_count() == 0 && slot.slice.as_ref().is_none_or(&ready);
            if may_go {
                slot.gone = true;
                slot.slice = None;
                drop(slot);
                cells.remove(&key);
                evicted += 1;
            }
        }
    }
}
