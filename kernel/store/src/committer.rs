//! The committer: takes what waits, resolves it against what was written since, applies and syncs it as
//! one batch, publishes the new state, feeds the views, answers.
//!
//! One thread at a time is the committer. Only it writes to the engine, so a commit is never lost to
//! another, and a conflict costs one more run of the closure instead of a retry by its caller.

use crate::engine::{Batch, Engine, EngineError};
use crate::feed::{Acknowledgement, Change, Feed, Views};
use crate::guards::{DataDirectory, FreeDisk};
use crate::host_time::host_now;
use crate::state::{self, Numbers, Published, State};
use crate::sweeping::Sweeping;
use crate::tx::{Traces, Tx};
use crate::window::Window;
use crate::writes::{self, WriteSet};
use crate::{Blobs, Class, Fault, Reason};
use bytes::Bytes;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// A closure that waits to be committed.
pub(crate) struct Entry {
    /// The sequence of the state it ran on.
    pub(crate) base: u64,
    pub(crate) traces: Traces,
    pub(crate) run: Run,
    pub(crate) job: Box<dyn Job>,
}

/// How the first run of a closure went.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Run {
    /// It was short enough to be repeated here.
    Short,
    /// It was not.
    Long,
    /// It stopped at a hot key, and is to be done here.
    Deferred,
}

/// The closure of an entry with its caller, their types forgotten.
pub(crate) trait Job: Send {
    /// Runs the closure again; says whether it ended well.
    fn rerun(&mut self, tx: &mut Tx) -> bool;
    /// Tells the caller how it ended.
    fn answer(self: Box<Self>, end: End);
}

/// How an entry ended.
pub(crate) enum End {
    /// With the result of its last run.
    Done,
    /// What it read was written since, and it is too long to run again here.
    Conflict,
    /// Not committed.
    Fault(Fault),
}

/// A run shorter than this may be done by the committer.
pub(crate) const SHORT_RUN: Duration = Duration::from_millis(1);
/// How much may wait to be committed.
const MAX_WAITING_BYTES: usize = 64 * 1024 * 1024;
const MAX_WAITING: usize = 64 * 1024;
/// How often the committer lets others run before a sync, as long as each time some come to commit.
const MAX_YIELDS: usize = 16;
/// With more than this a batch is large enough.
const MAX_GATHERED: usize = 512;
/// How long a relaxed commit stays unsynced.
const RELAXED_SYNC: Duration = Duration::from_millis(100);

/// What a store's handles, its committer and its sweeper share.
pub(crate) struct Shared {
    pub(crate) engine: Box<dyn Engine>,
    pub(crate) state: Arc<State>,
    pub(crate) blobs: Blobs,
    pub(crate) directory: Option<Arc<DataDirectory>>,
    disk: FreeDisk,
    pub(crate) sweeping: Sweeping,
    /// Numbers from here on were given after the store was opened.
    pub(crate) opened_at: u64,
    queue: Mutex<Queue>,
    arrived: Condvar,
    core: Mutex<Core>,
    /// Set once: why no write is taken any more.
    failure: OnceLock<Fault>,
    instant: bool,
}

#[derive(Default)]
struct Queue {
    entries: Vec<Entry>,
    bytes: usize,
    closing: bool,
    /// The committer's thread waits to be woken.
    asleep: bool,
}

/// What only the committer touches.
struct Core {
    sequence: u64,
    window: Window,
    views: Views,
    unsynced_since: Option<Instant>,
}

/// A batch on its way into the engine.
#[derive(Default)]
struct Resolved {
    writes: Arc<WriteSet>,
    sync: bool,
    answers: Vec<(Box<dyn Job>, End, u128)>,
}

impl Shared {
    pub(crate) fn new(
        engine: Box<dyn Engine>,
        state: Arc<State>,
        blobs: Blobs,
        directory: Option<Arc<DataDirectory>>,
        disk: FreeDisk,
    ) -> Self {
        let sequence = state.published().sequence;
        let core =
            Core { sequence, window: Window::since(sequence), views: Views::default(), unsynced_since: None };
        Shared {
            instant: engine.is_instant(),
            opened_at: state.numbers.next(),
            engine,
            state,
            blobs,
            directory,
            disk,
            sweeping: Sweeping::default(),
            queue: Mutex::default(),
            arrived: Condvar::new(),
            core: Mutex::new(core),
            failure: OnceLock::new(),
        }
    }

    /// Why no write is taken any more, if so.
    pub(crate) fn failure(&self) -> Option<&Fault> {
        self.failure.get()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets entries wait for the committer, all for the same batch.
    pub(crate) fn submit(&self, entries: Vec<Entry>) -> Result<(), Fault> {
        if let Some(fault) = self.failure() {
            return Err(fault.clone());
        }
        let bytes: usize = entries.iter().map(|entry| entry.traces.written).sum();
        {
            let mut queue = self.queue();
            if queue.closing {
                return Err(Fault::closed());
            }
            let full = queue.bytes + bytes > MAX_WAITING_BYTES || queue.entries.len() >= MAX_WAITING;
            if full {
                return Err(Fault::Unavailable(Reason::Overloaded));
            }
            queue.bytes += bytes;
            queue.entries.extend(entries);
        }
        if self.instant
            && let Ok(mut core) = self.core.try_lock()
        {
            let waiting = self.queue().take();
            self.commit(&mut core, waiting);
        } else if std::mem::take(&mut self.queue().asleep) {
            // Waking costs a call of the system, so it is done once for all that come meanwhile.
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// The committer's thread: until the store is closed and nothing waits.
    pub(crate) fn run_committer(&self) {
        let mut patience = None;
        let mut crowd = 0;
        loop {
            let (mut waiting, closing) = self.wait(patience);
            if crowd > 1 {
                self.gather(&mut waiting);
            }
            // One small batch does not mean that the crowd has gone.
            crowd = waiting.len().max(crowd / 2);
            let idle = waiting.is_empty();
            let mut core = self.core();
            self.commit(&mut core, waiting);
            let overdue = core.unsynced_since.map(|since| since.elapsed());
            if overdue.is_some_and(|for_long| for_long >= RELAXED_SYNC || closing) {
                self.sync_relaxed(&mut core);
            }
            patience = core.unsynced_since.map(|since| RELAXED_SYNC.saturating_sub(since.elapsed()));
            if closing && idle {
                break;
            }
        }
    }

    /// Where several commit at once, lets those on their way come along: with one sync for all of them
    /// each waits less than with a sync for the first. Who commits alone never waits.
    fn gather(&self, waiting: &mut Vec<Entry>) {
        for _ in 0..MAX_YIELDS {
            std::thread::yield_now();
            let mut more = self.queue().take();
            if more.is_empty() || waiting.len() > MAX_GATHERED {
                waiting.append(&mut more);
                return;
            }
            waiting.append(&mut more);
        }
    }

    fn wait(&self, patience: Option<Duration>) -> (Vec<Entry>, bool) {
        let mut queue = self.queue();
        while queue.entries.is_empty() && !queue.closing {
            queue.asleep = true;
            match patience {
                None => queue = self.arrived.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some(time) => {
                    let (back, _) =
                        self.arrived.wait_timeout(queue, time).unwrap_or_else(PoisonError::into_inner);
                    queue = back;
                    break;
                }
            }
        }
        queue.asleep = false;
        let closing = queue.closing;
        (queue.take(), closing)
    }

    /// Takes no more entries; the committer ends after those that wait.
    pub(crate) fn begin_close(&self) {
        self.queue().closing = true;
        self.arrived.notify_all();
    }

    /// Ends the views, writes the mark of a clean end. The committer has ended.
    pub(crate) fn finish_close(&self) -> Result<(), Fault> {
        let mut core = self.core();
        core.views.end();
        if let Some(fault) = self.failure() {
            return Err(fault.clone());
        }
        let _ = self.failure.set(Fault::closed());
        let mark = (Class::Meta, state::system_key(CLEAN_ROW), Some(Bytes::from_static(&[1])));
        self.engine.apply(Batch { writes: vec![mark] })?;
        self.engine.sync()?;
        Ok(self.engine.close()?)
    }

    fn sync_relaxed(&self, core: &mut Core) {
        match self.engine.sync() {
            Ok(()) => {
                core.unsynced_since = None;
                self.keep_high_water(core.sequence);
            }
            Err(error) => drop(self.fail(error)),
        }
    }

    fn fail(&self, error: EngineError) -> Fault {
        let fault = Fault::from(error);
        let _ = self.failure.set(fault.clone());
        fault
    }

    fn keep_high_water(&self, sequence: u64) {
        if let Some(directory) = &self.directory {
            directory.keep_high_water(sequence);
        }
    }

    /// Commits what waits as one batch. A panic in here, which no closure can cause, ends all writing.
    fn commit(&self, core: &mut Core, waiting: Vec<Entry>) {
        if waiting.is_empty() {
            return;
        }
        if let Some(fault) = self.failure() {
            refuse(waiting.into_iter().map(|entry| entry.job), fault);
            return;
        }
        let ended = catch_unwind(AssertUnwindSafe(|| {
            let resolved = self.resolve(core, waiting);
            self.carry_out(core, resolved);
        }));
        if ended.is_err() {
            self.fail(EngineError::new("the committer panicked"));
        }
    }

    /// Brings the entries into one order: each sees those before it.
    fn resolve(&self, core: &mut Core, waiting: Vec<Entry>) -> Resolved {
        let mut resolved = Resolved::default();
        let full = self.disk.is_low();
        let base = self.state.published();
        for mut entry in waiting {
            let changed = entry.run == Run::Deferred
                || resolved.writes.touches(&entry.traces.reads)
                || entry.base < core.sequence && core.window.changed(&entry.traces.reads, entry.base);
            if changed && let Err(end) = self.run(core, &base, &resolved.writes, &mut entry) {
                resolved.answers.push((entry.job, end, 0));
                continue;
            }
            if full && !entry.traces.reclaims && !entry.traces.writes.is_empty() {
                let fault = Fault::Unavailable(Reason::DiskFull);
                resolved.answers.push((entry.job, End::Fault(fault), 0));
                continue;
            }
            let views = core.views.of(&entry.traces.writes);
            resolved.sync |= !entry.traces.relaxed && !entry.traces.writes.is_empty();
            Arc::make_mut(&mut resolved.writes).absorb(entry.traces.writes);
            resolved.answers.push((entry.job, End::Done, views));
        }
        resolved
    }

    /// Runs an entry's closure over the batch so far; says how it ended, where it writes nothing.
    fn run(
        &self,
        core: &Core,
        base: &Arc<Published>,
        batch: &Arc<WriteSet>,
        entry: &mut Entry,
    ) -> Result<(), End> {
        if entry.run == Run::Long {
            return Err(End::Conflict);
        }
        let mut tx = Tx::begin(self.state.clone(), base.clone(), Some(batch.clone()));
        let began = host_now();
        match catch_unwind(AssertUnwindSafe(|| entry.job.rerun(&mut tx))) {
            Ok(true) => entry.traces = tx.into_traces(),
            Ok(false) => return Err(End::Done),
            Err(_) => return Err(End::Fault(Fault::Panicked)),
        }
        let short = began.elapsed() < SHORT_RUN;
        let Traces { reads, writes, written, .. } = &entry.traces;
        for key in reads.keys.iter().filter(|key| writes.get(key).is_some()) {
            if !short {
                self.state.hot.cool(key);
            } else if batch.get(key).is_some() || core.window.key_changed(key, entry.base) {
                self.state.hot.heat(key, core.sequence, *written);
            }
        }
        Ok(())
    }

    /// Makes a batch durable, then visible, then known to views and callers.
    fn carry_out(&self, core: &mut Core, resolved: Resolved) {
        let Resolved { writes, sync, answers } = resolved;
        if !writes.is_empty() {
            let sequence = core.sequence + 1;
            let written = self.write(core, &writes, sync, sequence);
            let published = written.and_then(|()| self.engine.snapshot());
            match published {
                Ok(engine) => self.state.publish(Published { sequence, engine }),
                Err(error) => {
                    let fault = self.fail(error);
                    refuse(answers.into_iter().map(|(job, _, _)| job), &fault);
                    return;
                }
            }
            core.sequence = sequence;
            core.window.remember(&writes, sequence);
        }
        let waits_for_views = answers.iter().fold(0, |all, (_, _, views)| all | views);
        if waits_for_views == 0 {
            answers.into_iter().for_each(|(job, end, _)| job.answer(end));
        } else {
            self.feed(core, &writes, answers, waits_for_views);
        }
    }

    fn write(
        &self,
        core: &mut Core,
        writes: &WriteSet,
        sync: bool,
        sequence: u64,
    ) -> Result<(), EngineError> {
        let mut batch = Batch::default();
        for (key, write) in writes.iter() {
            writes::stored_rows(key, write, &mut batch.writes);
        }
        let mut system = self.state.catalog.take_unsaved();
        system.push((state::system_key(SEQUENCE_ROW), Bytes::copy_from_slice(&sequence.to_be_bytes())));
        let extension = self.state.numbers.extension();
        system.extend(extension.map(Numbers::extension_row));
        batch.writes.extend(system.into_iter().map(|(key, value)| (Class::Meta, key, Some(value))));
        self.engine.apply(batch)?;
        if sync || extension.is_some() {
            self.engine.sync()?;
            core.unsynced_since = None;
            self.keep_high_water(sequence);
        } else if core.unsynced_since.is_none() {
            core.unsynced_since = Some(host_now());
        }
        if let Some(ceiling) = extension {
            self.state.numbers.extended(ceiling);
        }
        Ok(())
    }

    /// Hands the batch to its views; the last view that applies it answers those who wait for it.
    fn feed(&self, core: &Core, writes: &WriteSet, answers: Vec<(Box<dyn Job>, End, u128)>, views: u128) {
        let mut groups: Vec<(u128, Vec<Box<dyn Job>>)> = Vec::new();
        for (job, end, awaited) in answers {
            if awaited == 0 {
                job.answer(end);
                continue;
            }
            match groups.iter_mut().find(|(group, _)| *group == awaited) {
                Some((_, jobs)) => jobs.push(job),
                None => groups.push((awaited, vec![job])),
            }
        }
        let changes: Arc<[Change]> =
            writes.iter().filter_map(|(key, write)| core.views.change(key, write)).collect();
        let groups: Vec<(u128, Arc<Acknowledgement>)> = groups
            .into_iter()
            .map(|(awaited, jobs)| (awaited, Acknowledgement::new(awaited.count_ones() as usize, jobs)))
            .collect();
        core.views.feed(views, |view| Feed {
            sequence: core.sequence,
            changes: changes.clone(),
            acknowledgements: groups
                .iter()
                .filter(|(awaited, _)| awaited & (1 << view) != 0)
                .map(|(_, acknowledgement)| acknowledgement.clone())
                .collect(),
        });
    }

    /// Lets a view be fed from the next batch on; gives the sequence before it.
    pub(crate) fn add_view(
        &self,
        tables: &[crate::TableId],
        inbox: std::sync::mpsc::Sender<Feed>,
    ) -> Result<u64, Fault> {
        let mut core = self.core();
        core.views.add(tables, inbox)?;
        Ok(core.sequence)
    }
}

/// The row with the sequence of the last batch.
pub(crate) const SEQUENCE_ROW: &str = "sequence";
/// The row that is there only while a cleanly closed store is not open.
pub(crate) const CLEAN_ROW: &str = "clean";

impl Queue {
    fn take(&mut self) -> Vec<Entry> {
        self.bytes = 0;
        std::mem::take(&mut self.entries)
    }
}

fn refuse(jobs: impl Iterator<Item = Box<dyn Job>>, fault: &Fault) {
    jobs.for_each(|job| job.answer(End::Fault(fault.clone())));
}
