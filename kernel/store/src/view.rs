//! Views: state in memory that is derived from rows, loaded by need, fed by every commit.
//!
//! A view is cut into slices, one for each resource. A slice is loaded from a snapshot when it is first
//! asked for; from then on each batch that changes its rows is applied to it, in commit order, on the
//! view's own thread, before the batch's callers are answered. A slice whose code panics is thrown away
//! and loaded again; the other slices and views notice nothing.

use crate::claim::Claim;
use crate::feed::{Change, Feed};
use crate::read::Snapshot;
use crate::slices::{Cell, Held, Slices};
use crate::state::State;
use crate::table::TableId;
use crate::{Fault, Reason, Store};
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use tokio::sync::watch;

/// How state in memory is made from rows.
pub trait View: Send + Sync + 'static {
    /// What names a slice: a queue's incarnation, an account; `()` where there is one slice.
    type Key: Clone + Eq + Hash + Send + Sync + 'static;
    /// The state of one slice.
    type Slice: Send + 'static;

    /// The view's name, for its thread and its metrics.
    fn name(&self) -> &'static str;

    /// The tables it is derived from.
    fn tables(&self) -> Vec<TableId>;

    /// The slice that a change belongs to; nothing if it concerns none.
    fn slice_of(&self, change: &Change) -> Option<Self::Key>;

    /// Makes a slice from the rows of a state.
    fn load(&self, key: &Self::Key, read: &Snapshot) -> Result<Self::Slice, Fault>;

    /// Brings a slice from before a change to after it. Sees each change once, and of several writes to
    /// one row in one batch the last.
    fn apply(&self, slice: &mut Self::Slice, change: &Change);

    /// How many slices are kept; beyond them the longest unused goes.
    fn capacity(&self) -> usize {
        4096
    }

    /// Whether a slice may go; not while it knows what no row says.
    fn may_go(&self, slice: &Self::Slice) -> bool {
        let _ = slice;
        true
    }
}

/// A registered view. Clones are the same view.
pub struct ViewHandle<V: View> {
    core: Arc<ViewCore<V>>,
}

impl<V: View> Clone for ViewHandle<V> {
    fn clone(&self) -> Self {
        ViewHandle { core: self.core.clone() }
    }
}

struct ViewCore<V: View> {
    view: V,
    tables: Vec<TableId>,
    state: Arc<State>,
    slices: Slices<V::Key, V::Slice>,
    at: AtomicU64,
    changed: watch::Sender<u64>,
}

impl Store {
    /// Registers a view; it is fed from now on.
    pub fn view<V: View>(&self, view: V) -> Result<ViewHandle<V>, Fault> {
        let (inbox, feeds) = channel();
        let tables = view.tables();
        let core = Arc::new(ViewCore {
            slices: Slices::new(view.capacity()),
            tables: tables.clone(),
            state: self.shared.state.clone(),
            at: AtomicU64::new(0),
            changed: watch::Sender::new(0),
            view,
        });
        let fed = core.clone();
        std::thread::Builder::new()
            .name(format!("view-{}", core.view.name()))
            .spawn(move || fed.follow(&feeds))
            .map_err(|_| Fault::Unavailable(Reason::Overloaded))?;
        let at = self.shared.add_view(&tables, inbox)?;
        core.at.fetch_max(at, Ordering::AcqRel);
        Ok(ViewHandle { core })
    }
}

impl<V: View> ViewHandle<V> {
    /// The view itself.
    pub fn view(&self) -> &V {
        &self.core.view
    }

    /// Works on a slice, loading it if need be. No other works on it meanwhile, nor is it fed: keep it
    /// short.
    pub fn with<R>(&self, key: &V::Key, work: impl FnOnce(&mut V::Slice) -> R) -> Result<R, Fault> {
        self.core.with(key, |_, slice| work(slice))
    }

    /// Takes an item out of a slice for as long as the claim is held. It goes back when the claim is
    /// dropped, unless it was settled, or the slice was loaded anew and has it already.
    pub fn claim<T: Send + 'static>(
        &self,
        key: &V::Key,
        take: impl FnOnce(&mut V::Slice) -> Option<T>,
        give_back: impl FnOnce(&mut V::Slice, T) + Send + 'static,
    ) -> Result<Option<Claim<T>>, Fault> {
        let (generation, item) = self.core.with(key, |generation, slice| (generation, take(slice)))?;
        let Some(item) = item else { return Ok(None) };
        let (core, key) = (self.core.clone(), key.clone());
        Ok(Some(Claim::new(item, move |item| {
            core.give_back(&key, generation, |slice| give_back(slice, item));
        })))
    }

    /// The sequence of the last batch of its tables that the view has applied.
    pub fn at(&self) -> u64 {
        self.core.at.load(Ordering::Acquire)
    }

    /// Notices each change of a slice from now on: made before looking, it misses nothing.
    pub fn watch(&self, key: &V::Key) -> Watch {
        Watch { changes: self.core.slices.watch(key) }
    }

    /// Notices each change of any slice from now on.
    pub fn watch_all(&self) -> Watch {
        Watch { changes: self.core.changed.subscribe() }
    }

    /// Wakes those who watch a slice, after a change that is in no row.
    pub fn wake(&self, key: &V::Key) {
        self.core.wake(&self.core.slices.cell(key));
    }

    /// A slice as it would be if it were loaded now, to compare with the one that was fed.
    pub fn recompute(&self, key: &V::Key) -> Result<V::Slice, Fault> {
        self.core.view.load(key, &self.core.snapshot())
    }

    /// Throws a slice away; it is loaded again when it is asked for.
    pub fn reload(&self, key: &V::Key) {
        self.core.slices.forget(key);
    }

    /// How many slices are in memory.
    pub fn loaded(&self) -> usize {
        self.core.slices.len()
    }
}

/// Notices changes of a slice.
pub struct Watch {
    changes: watch::Receiver<u64>,
}

impl Watch {
    /// Waits for a change after the last one noticed. Never returns once the view has gone.
    pub async fn changed(&mut self) {
        if self.changes.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl<V: View> ViewCore<V> {
    fn snapshot(&self) -> Snapshot {
        Snapshot { state: self.state.clone(), published: self.state.published() }
    }

    fn with<R>(&self, key: &V::Key, work: impl FnOnce(u64, &mut V::Slice) -> R) -> Result<R, Fault> {
        loop {
            let cell = self.slices.cell(key);
            let mut held = cell.hold();
            if held.is_gone() {
                continue;
            }
            if !held.is_loaded() {
                self.load(key, &cell, &mut held)?;
                self.slices.evict(|slice| self.view.may_go(slice));
            }
            let generation = held.generation();
            if let Some(slice) = held.slice() {
                return Ok(work(generation, slice));
            }
        }
    }

    /// Loads a slice; changes that come meanwhile wait in its cell and are applied before anyone sees it.
    fn load(&self, key: &V::Key, cell: &Cell<V::Slice>, held: &mut Held<'_, V::Slice>) -> Result<(), Fault> {
        cell.begin_load();
        let snapshot = self.snapshot();
        let loaded = catch_unwind(AssertUnwindSafe(|| self.view.load(key, &snapshot)));
        let mut slice = match loaded {
            Ok(Ok(slice)) => slice,
            Ok(Err(fault)) => {
                cell.abandon_load();
                return Err(fault);
            }
            Err(_) => {
                cell.abandon_load();
                return Err(Fault::Panicked);
            }
        };
        let applied = catch_unwind(AssertUnwindSafe(|| {
            cell.finish_load(|sequence, change| {
                if sequence > snapshot.sequence() {
                    self.view.apply(&mut slice, change);
                }
            });
        }));
        if applied.is_err() {
            cell.abandon_load();
            return Err(Fault::Panicked);
        }
        held.set(slice, snapshot.sequence());
        Ok(())
    }

    fn give_back(&self, key: &V::Key, generation: u64, work: impl FnOnce(&mut V::Slice)) {
        let Some(cell) = self.slices.existing(key) else { return };
        {
            let mut held = cell.hold();
            if held.generation() != generation {
                return;
            }
            let Some(slice) = held.slice() else { return };
            work(slice);
        }
        self.wake(&cell);
    }

    fn wake(&self, cell: &Cell<V::Slice>) {
        cell.wake();
        self.changed.send_modify(|count| *count += 1);
    }

    /// The view's thread: applies what it is fed until the store closes.
    fn follow(&self, feeds: &Receiver<Feed>) {
        while let Ok(feed) = feeds.recv() {
            for change in feed.changes.iter().filter(|change| self.tables.contains(&change.table())) {
                self.follow_change(feed.sequence, change);
            }
            self.at.fetch_max(feed.sequence, Ordering::AcqRel);
            self.changed.send_modify(|count| *count += 1);
            feed.acknowledgements.iter().for_each(|acknowledgement| acknowledgement.applied());
        }
    }

    fn follow_change(&self, sequence: u64, change: &Change) {
        let Ok(key) = catch_unwind(AssertUnwindSafe(|| self.view.slice_of(change))) else {
            // Whose change it was is unknown, so no slice can be trusted.
            self.slices.forget_all();
            return;
        };
        let Some(key) = key else { return };
        // A slice that is not here will be loaded from a state that has the change.
        let Some(cell) = self.slices.existing(&key) else { return };
        if !cell.defer(sequence, change) {
            let mut held = cell.hold();
            if held.loaded_at() < sequence
                && let Some(slice) = held.slice()
                && catch_unwind(AssertUnwindSafe(|| self.view.apply(slice, change))).is_err()
            {
                held.unload();
            }
        }
        cell.wake();
    }
}
