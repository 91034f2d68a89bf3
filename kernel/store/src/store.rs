//! The store: opening, committing, reading, closing.

use crate::archive::{self, ArchiveError};
use crate::blobs::{BlobBackend, Blobs, FileBlobs, MemoryBlobs};
use crate::committer::{CLEAN_ROW, End, Entry, Job, Run, SEQUENCE_ROW, SHORT_RUN, Shared};
use crate::engine::{Batch, Engine, EngineError, EngineSnapshot};
use crate::guards::{DataDirectory, FreeDisk};
use crate::host_time::host_now;
use crate::read::Snapshot;
use crate::state::{self, Catalog, Numbers, Published, State, SystemRow};
use crate::tx::Tx;
use crate::{Class, Fault};
use bytes::Bytes;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// The version of the store's own layout.
const FORMAT: u64 = 1;
const FORMAT_ROW: &str = "format";
/// The row with the version of the program that opened the data last.
const VERSION_ROW: &str = "version";
/// The version of this program, as all of its crates have it.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// How often a longer one is tried again by its caller.
const RETRIES: u32 = 8;

/// Where a store keeps what is not in its engine.
pub struct Options {
    /// The data directory, if there is one.
    pub directory: Option<DataDirectory>,
    /// Where large values are kept.
    pub blobs: Box<dyn BlobBackend>,
    /// Writes are refused while the disk has less free bytes.
    pub minimum_free: u64,
    /// The version of this program, which the data will bear.
    pub version: &'static str,
}

impl Options {
    /// Nothing outlives the process.
    pub fn in_memory() -> Self {
        Options {
            directory: None,
            blobs: Box::new(MemoryBlobs::default()),
            minimum_free: 0,
            version: VERSION,
        }
    }

    /// Blobs and guards in a data directory; 256 MiB of its disk stay free.
    pub fn in_directory(directory: DataDirectory) -> Result<Self, OpenError> {
        let blobs = FileBlobs::open(&directory.blobs_path()).map_err(OpenError::Directory)?;
        Ok(Options {
            directory: Some(directory),
            blobs: Box::new(blobs),
            minimum_free: 256 * 1024 * 1024,
            version: VERSION,
        })
    }
}

/// Why a store was not opened.
#[derive(Debug)]
pub enum OpenError {
    /// Its directory cannot be used, or another process has it.
    Directory(std::io::Error),
    /// The engine could not be opened or read.
    Engine(EngineError),
    /// The engine has forgotten commits that were acknowledged: a backup or a broken disk.
    Behind {
        /// The sequence of the last commit in the engine.
        found: u64,
        /// The sequence that was acknowledged.
        acknowledged: u64,
    },
    /// The data was written by a newer version.
    Newer {
        /// The version of its layout.
        format: u64,
        /// The version of the program that wrote it.
        version: String,
    },
    /// The copy of `meta` that is made before an older version's data is changed could not be made.
    Upgrade(ArchiveError),
    /// The data cannot be understood.
    Fault(Fault),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Directory(error) => write!(f, "the data directory cannot be used: {error}"),
            OpenError::Engine(error) => write!(f, "the storage engine cannot be opened: {error}"),
            OpenError::Behind { found, acknowledged } => write!(
                f,
                "the data ends at commit {found}, but commit {acknowledged} was acknowledged; \
                 if an older copy was put back on purpose, remove the file high-water beside it"
            ),
            OpenError::Newer { format, version } => write!(
                f,
                "the data has layout {format} and was written by version {version}; \
                 version {VERSION} knows layouts up to {FORMAT}: start the newer one"
            ),
            OpenError::Upgrade(error) => {
                write!(f, "no copy of the older version's meta can be kept, so nothing was changed: {error}")
            }
            OpenError::Fault(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for OpenError {}

impl From<Fault> for OpenError {
    fn from(fault: Fault) -> Self {
        OpenError::Fault(fault)
    }
}

impl From<EngineError> for OpenError {
    fn from(error: EngineError) -> Self {
        OpenError::Engine(error)
    }
}

/// Tables, transactions, views and blobs over one engine. Clones are the same store; it closes with the
/// last of them.
#[derive(Clone)]
pub struct Store {
    pub(crate) shared: Arc<Shared>,
    committer: Arc<Committer>,
    was_clean: bool,
    version: &'static str,
}

/// Ends the committer's thread with the last handle of the store.
struct Committer {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Committer {
    fn end(&self) {
        self.shared.begin_close();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // The thread catches the panics of others; one of its own has already failed the store.
            let _ = thread.join();
        }
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.end();
    }
}

fn number_row(row: Option<Bytes>) -> u64 {
    row.and_then(|row| row.as_ref().try_into().ok()).map_or(0, u64::from_be_bytes)
}

fn number(number: u64) -> Bytes {
    Bytes::copy_from_slice(&number.to_be_bytes())
}

/// What `meta` says of a store that was closed after a commit, all of whose numbers are below one.
pub(crate) fn rows_of_a_closed_store(sequence: u64, numbers: u64) -> [SystemRow; 5] {
    [
        (state::system_key(FORMAT_ROW), number(FORMAT)),
        (state::system_key(VERSION_ROW), Bytes::from_static(VERSION.as_bytes())),
        (state::system_key(SEQUENCE_ROW), number(sequence)),
        (state::system_key(CLEAN_ROW), Bytes::from_static(&[1])),
        Numbers::extension_row(numbers),
    ]
}

/// What is to be known of data before anything of it is changed.
struct Found {
    format: u64,
    version: String,
    sequence: u64,
    was_clean: bool,
}

impl Found {
    /// Refuses data that this version cannot go on with; keeps a copy of `meta` that another one wrote.
    fn check(engine: &dyn EngineSnapshot, options: &Options) -> Result<Self, OpenError> {
        let meta = |row| engine.get(Class::Meta, &state::system_key(row));
        let version = meta(VERSION_ROW)?.map(|row| String::from_utf8_lossy(&row).into_owned());
        let format = number_row(meta(FORMAT_ROW)?);
        let found = Found {
            format,
            version: version.unwrap_or_else(|| "unknown".to_owned()),
            sequence: number_row(meta(SEQUENCE_ROW)?),
            was_clean: meta(CLEAN_ROW)?.is_some() || format == 0,
        };
        if format > FORMAT {
            return Err(OpenError::Newer { format, version: found.version });
        }
        let Some(directory) = &options.directory else { return Ok(found) };
        let acknowledged = directory.high_water().map_err(OpenError::Directory)?;
        if found.sequence < acknowledged {
            return Err(OpenError::Behind { found: found.sequence, acknowledged });
        }
        if found.format > 0 && (found.format < FORMAT || found.version != options.version) {
            archive::keep_meta(directory, engine, &found.version).map_err(OpenError::Upgrade)?;
        }
        Ok(found)
    }
}

impl Store {
    /// Opens a store over an engine: checks the guards, reserves numbers, starts the committer.
    pub fn open(engine: Box<dyn Engine>, options: Options) -> Result<Self, OpenError> {
        let found = engine.snapshot()?;
        let Found { sequence, was_clean, .. } = Found::check(found.as_ref(), &options)?;
        let catalog = Catalog::load(found.as_ref())?;
        let numbers = Numbers::load(found.as_ref())?;
        let ceiling = numbers.extension().unwrap_or_default();
        let (key, value) = Numbers::extension_row(ceiling);
        engine.apply(Batch {
            writes: vec![
                (Class::Meta, key, Some(value)),
                (Class::Meta, state::system_key(FORMAT_ROW), Some(number(FORMAT))),
                (
                    Class::Meta,
                    state::system_key(VERSION_ROW),
                    Some(Bytes::from_static(options.version.as_bytes())),
                ),
                (Class::Meta, state::system_key(CLEAN_ROW), None),
            ],
        })?;
        engine.sync()?;
        numbers.extended(ceiling);

        let published = Published { sequence, engine: engine.snapshot()? };
        let state = Arc::new(State::new(catalog, numbers, published));
        let Options { directory, blobs, minimum_free, version } = options;
        let directory = directory.map(Arc::new);
        let disk = FreeDisk::at_least(minimum_free, directory.clone());
        let blobs = Blobs::new(Arc::from(blobs), state.clone(), disk.clone());
        let shared = Arc::new(Shared::new(engine, state, blobs, directory, disk));
        let thread = std::thread::Builder::new().name("committer".into()).spawn({
            let shared = shared.clone();
            move || shared.run_committer()
        });
        let thread = Mutex::new(Some(thread.map_err(OpenError::Directory)?));
        let committer = Arc::new(Committer { shared: shared.clone(), thread });
        Ok(Store { shared, committer, was_clean, version })
    }

    /// Whether the store had been closed before it was opened, rather than killed.
    pub fn was_clean(&self) -> bool {
        self.was_clean
    }

    /// The version of the program that opened it.
    pub fn version(&self) -> &'static str {
        self.version
    }

    /// Where its data is, if it is kept in a directory.
    pub fn directory(&self) -> Option<&DataDirectory> {
        self.shared.directory.as_deref()
    }

    /// Takes no more commits, finishes those that wait, and marks the data as cleanly closed. Blocks.
    pub fn close(&self) -> Result<(), Fault> {
        self.committer.end();
        self.shared.finish_close()
    }

    /// The state as of the last acknowledged commit.
    pub fn read(&self) -> Snapshot {
        Snapshot { state: self.shared.state.clone(), published: self.shared.state.published() }
    }

    /// Where large values are kept.
    pub fn blobs(&self) -> &Blobs {
        &self.shared.blobs
    }

    /// Runs a transaction and makes it durable.
    ///
    /// The closure runs here first, on the published state. Where it wrote nothing, or failed, that is
    /// the answer. Otherwise it is committed with all else that waits, run once more if what it read has
    /// been written meanwhile. It returns after the sync, and after the views of the tables it wrote
    /// have applied it.
    pub async fn commit<F, T, E>(&self, closure: F) -> Result<T, E>
    where
        F: Fn(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
    {
        let mut closure = closure;
        for attempt in 0..=RETRIES {
            let reply = match self.first_run(closure) {
                FirstRun::Answered(result) => return result,
                FirstRun::Waits(entry, reply) => {
                    self.shared.submit(vec![entry])?;
                    reply
                }
            };
            match reply.await {
                Ok(Reply::Ended(result)) => return result,
                Ok(Reply::Again(back)) => closure = back,
                Err(_) => return Err(self.lost().into()),
            }
            self.pause(attempt).await;
        }
        Err(Fault::Contended.into())
    }

    /// Runs independent transactions, which are committed with one sync: each succeeds or fails alone.
    pub async fn commit_each<F, T, E>(&self, closures: Vec<F>) -> Vec<Result<T, E>>
    where
        F: Fn(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
    {
        let (outcomes, refusal) = self.first_runs(closures);
        let mut results = Vec::with_capacity(outcomes.len());
        for outcome in outcomes {
            results.push(match outcome {
                Outcome::Answered(result) => result,
                Outcome::Waits(reply) => match (reply.await, &refusal) {
                    (Ok(Reply::Ended(result)), _) => result,
                    (Ok(Reply::Again(closure)), _) => self.commit(closure).await,
                    (Err(_), Some(fault)) => Err(fault.clone().into()),
                    (Err(_), None) => Err(self.lost().into()),
                },
            });
        }
        results
    }

    fn first_runs<F, T, E>(&self, closures: Vec<F>) -> (Vec<Outcome<F, T, E>>, Option<Fault>)
    where
        F: Fn(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
    {
        let mut waiting = Vec::new();
        let mut outcomes = Vec::with_capacity(closures.len());
        for closure in closures {
            outcomes.push(match self.first_run(closure) {
                FirstRun::Answered(result) => Outcome::Answered(result),
                FirstRun::Waits(entry, reply) => {
                    waiting.push(entry);
                    Outcome::Waits(reply)
                }
            });
        }
        let refusal = if waiting.is_empty() { None } else { self.shared.submit(waiting).err() };
        (outcomes, refusal)
    }

    fn first_run<F, T, E>(&self, closure: F) -> FirstRun<F, T, E>
    where
        F: Fn(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
    {
        let base = self.shared.state.published();
        let sequence = base.sequence;
        let mut tx = Tx::first(self.shared.state.clone(), base);
        let started = host_now();
        let result = closure(&mut tx);
        let deferred = tx.deferred();
        if deferred.is_none() && (result.is_err() || !tx.wrote()) {
            return FirstRun::Answered(result);
        }
        let run = match &deferred {
            Some(_) => Run::Deferred,
            None if started.elapsed() < SHORT_RUN => Run::Short,
            None => Run::Long,
        };
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Waiting { closure, result, reply });
        let traces = deferred.unwrap_or_else(|| tx.into_traces());
        FirstRun::Waits(Entry { base: sequence, traces, run, job }, answer)
    }

    /// Why an entry was dropped without an answer.
    fn lost(&self) -> Fault {
        self.shared.failure().cloned().unwrap_or_else(Fault::closed)
    }

    /// Lets the others go first: longer at each attempt, and not the same for all.
    #[expect(clippy::disallowed_methods, reason = "spreads retries in real time; no state depends on it")]
    async fn pause(&self, attempt: u32) {
        let spread = self.shared.state.numbers.next().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 60;
        let micros = (200 + spread * 50) << attempt.min(6);
        tokio::time::sleep(Duration::from_micros(micros)).await;
    }
}

enum FirstRun<F, T, E> {
    Answered(Result<T, E>),
    Waits(Entry, oneshot::Receiver<Reply<F, T, E>>),
}

enum Outcome<F, T, E> {
    Answered(Result<T, E>),
    Waits(oneshot::Receiver<Reply<F, T, E>>),
}

/// What the committer tells a caller.
enum Reply<F, T, E> {
    Ended(Result<T, E>),
    /// Run it again on the new state.
    Again(F),
}

struct Waiting<F, T, E> {
    closure: F,
    result: Result<T, E>,
    reply: oneshot::Sender<Reply<F, T, E>>,
}

impl<F, T, E> Job for Waiting<F, T, E>
where
    F: Fn(&mut Tx) -> Result<T, E> + Send,
    T: Send,
    E: From<Fault> + Send,
{
    fn rerun(&mut self, tx: &mut Tx) -> bool {
        self.result = (self.closure)(tx);
        self.result.is_ok()
    }

    fn answer(self: Box<Self>, end: End) {
        let reply = match end {
            End::Done => Reply::Ended(self.result),
            End::Conflict => Reply::Again(self.closure),
            End::Fault(fault) => Reply::Ended(Err(fault.into())),
        };
        // A caller that went away does not undo its commit.
        let _ = self.reply.send(reply);
    }
}
