//! How code of users is run, whatever runs it: a runner launches a template into a sandbox, at a level
//! of isolation that is said honestly. What was asked for and cannot be given fails with the reason.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::PathBuf;
use tokio::io::AsyncRead;
use tokio::net::{TcpListener, TcpStream};

/// A future of an object-safe trait.
pub type Pending<'a, T> = crate::BoxFuture<'a, T>;

/// What a sandbox writes to one of its output streams; ends when everything that held it has ended.
pub type Output = Box<dyn AsyncRead + Send + Unpin>;

/// Starts sandboxes of one level.
pub trait Runner: Send + Sync {
    /// The isolation that sandboxes get here; the reason where what was asked for cannot be given.
    fn level(&self) -> Pending<'_, Result<Level, RunnerError>>;

    /// Starts a sandbox; fails with the reason when the level that the template asks for cannot be given.
    fn launch(&self, template: Template) -> Pending<'_, Result<Box<dyn Sandbox>, RunnerError>>;

    /// Whether the host can hold another sandbox besides so many.
    fn has_room(&self, others: usize) -> bool;

    /// What this host can do.
    fn probe(&self) -> Pending<'_, Result<Probe, RunnerError>>;
}

/// One running environment. Dropping it ends everything in it.
pub trait Sandbox: Send + Sync {
    /// Resolves once its main program has ended; at once, and alike, when asked again.
    fn exited(&self) -> Pending<'_, Exit>;

    /// Ends everything in it at once. Ending what has ended is no error.
    fn kill(&self) -> Pending<'_, Result<(), RunnerError>>;

    /// Stops everything in it until thawed.
    fn freeze(&self) -> Pending<'_, Result<(), RunnerError>>;

    /// Lets everything in it go on.
    fn thaw(&self) -> Pending<'_, Result<(), RunnerError>>;

    /// Starts another program in this very sandbox: of the template's directories only those of this
    /// sandbox are seen.
    fn beside(&self, template: Template) -> Pending<'_, Result<Box<dyn Sandbox>, RunnerError>>;

    /// Makes a program that waits what it is to be; once. Where the runner cannot, it fails, and the sandbox
    /// is of no use.
    fn enter(&self, entry: Entry) -> Pending<'_, Result<(), RunnerError>>;

    /// Starts a sandbox like the template's whose program is a copy of this one's, with all that it has loaded;
    /// for what was launched to be copied.
    fn copied(&self, _template: Template) -> Pending<'_, Result<Box<dyn Sandbox>, RunnerError>> {
        Box::pin(async { Err(RunnerError::Invalid("it was not launched to be copied".to_owned())) })
    }

    /// Connects to a port on which something in it listens on loopback.
    fn connect(&self, port: u16) -> Pending<'_, io::Result<TcpStream>>;

    /// The sockets of the template's ports, in their order, once; none where it shares the network of the
    /// host.
    fn take_listeners(&self) -> Vec<TcpListener>;

    /// Its standard output, once.
    fn take_stdout(&self) -> Option<Output>;

    /// Its standard error, once.
    fn take_stderr(&self) -> Option<Output>;

    /// What it has used so far, or in all when it has ended.
    fn usage(&self) -> Usage;
}

/// Strength of isolation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// A process of the daemon's user: no boundary, limits only.
    Process,
    /// A container: own namespaces and file system, the host's kernel.
    Sandbox,
    /// A virtual machine.
    Vm,
}

/// What to run.
#[derive(Clone, Debug)]
pub struct Template {
    /// Names the environment in logs and in `doctor`.
    pub label: String,
    /// The isolation that is asked for.
    pub level: Level,
    /// Absolute path of the program, then its arguments; nothing, where that is still to be told.
    pub argv: Vec<OsString>,
    /// The whole environment; nothing is inherited.
    pub env: Vec<(OsString, OsString)>,
    /// Where the program starts; absolute.
    pub working_dir: PathBuf,
    /// The directories it is given.
    pub roots: Roots,
    /// What it may use.
    pub limits: Limits,
    /// Ports of its own loopback on which whoever starts it listens, where it has a loopback of its own.
    pub ports: Vec<u16>,
    /// It waits to be told what it is to be: see [`Sandbox::enter`]. Without a program, even which program.
    pub waits: bool,
    /// It is there to be copied: see [`Sandbox::copied`]. It says `waits` on its output once it can be.
    pub seeds: bool,
}

/// What a program is to be that waits in a sandbox.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What it sees besides.
    pub shown: Vec<Shown>,
    /// What it may use.
    pub limits: Limits,
    /// What it is told.
    pub told: Told,
}

/// What a program that waits is told.
#[derive(Clone, Debug)]
pub enum Told {
    /// What it reads from its standard input, which then ends.
    Words(Vec<u8>),
    /// Where there was no program: which.
    Program {
        /// Absolute path of the program, then its arguments.
        argv: Vec<OsString>,
        /// The whole environment.
        env: Vec<(OsString, OsString)>,
        /// Where it starts; absolute.
        working_dir: PathBuf,
    },
}

/// The directories of a sandbox.
#[derive(Clone, Debug)]
pub struct Roots {
    /// Are only read: code, layers. At level `process` this is not enforced.
    pub read_only: Vec<Shown>,
    /// The whole root file system, in place of the host's programs and libraries.
    pub image: Option<PathBuf>,
    /// Made for this sandbox and removed with it; must not exist yet. At level `process` passed as `TMPDIR`;
    /// else `/tmp` is a file system of its own.
    pub tmp: PathBuf,
}

/// A file or folder of the host in a sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Where it is; must exist.
    pub from: PathBuf,
    /// Where it is seen. At level `process` it is seen where it is.
    pub at: PathBuf,
}

/// What a sandbox may use.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Memory of all its processes together; beyond it the sandbox is ended.
    pub memory_bytes: u64,
    /// Room in `/tmp`. At level `process` this is not enforced.
    pub tmp_bytes: u64,
    /// Open descriptors of each process.
    pub open_files: u64,
    /// Processes and threads. At level `process` the kernel counts all of the daemon's user.
    pub processes: Option<u64>,
}

/// How a sandbox ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Why.
    pub end: End,
    /// What it used in all.
    pub usage: Usage,
}

/// Why a sandbox ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its program exited with this code.
    Code(i32),
    /// A signal ended its program.
    Signal(i32),
    /// It used more memory than it may.
    OutOfMemory,
    /// What ran it was lost, and it with that.
    Lost,
}

/// What has been used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Processor time in user and system mode.
    pub cpu_micros: u64,
    /// Largest resident memory of its largest process.
    pub max_rss_bytes: u64,
}

/// Why a runner did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunnerError {
    /// The level asked for cannot be given here.
    LevelUnavailable {
        /// What was asked for.
        asked: Level,
        /// Why it cannot be given.
        reason: String,
    },
    /// The template cannot be run by any runner of this kind.
    Invalid(String),
    /// The system refused: the reason as it gave it.
    Refused(String),
    /// What runs sandboxes was lost; it is being restarted.
    Lost,
}

/// What a host can do, each tried rather than assumed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// The kernel's release.
    pub kernel: String,
    /// Whether the daemon runs as root.
    pub root: bool,
    /// Levels of isolation.
    pub levels: BTreeMap<Level, Found>,
    /// Each kind of namespace by itself.
    pub namespaces: BTreeMap<String, Found>,
    /// Becoming root of a namespace of one's own.
    pub user_namespaces: Found,
    /// Mounting in a namespace of one's own.
    pub mount_namespaces: Found,
    /// Which control groups there are.
    pub cgroups: CgroupKind,
    /// Whether groups can be made in them.
    pub cgroups_writable: Found,
    /// Landlock, with its interface version.
    pub landlock: Found,
    /// Filters on system calls that end a process.
    pub seccomp: Found,
    /// Overlay mounts in a namespace of one's own.
    pub overlay: Found,
    /// Virtual machines.
    pub kvm: Found,
    /// A way out of sandboxes to other hosts.
    pub egress: Found,
}

/// Whether something is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// It is, in this form.
    Present(String),
    /// It is not, for this reason.
    Absent(String),
}

/// Kinds of control groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CgroupKind {
    /// One hierarchy of version 2.
    V2,
    /// Controllers in version 1, a version 2 hierarchy without them beside it.
    Hybrid,
    /// Version 1 only.
    V1,
    /// None mounted.
    None,
}

impl Level {
    /// The name used in configuration and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Sandbox => "sandbox",
            Self::Vm => "vm",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Found {
    /// Whether it is there.
    pub fn is_present(&self) -> bool {
        matches!(self, Self::Present(_))
    }
}

impl Probe {
    /// `Ok` when the level can be given here, else the reason why not.
    pub fn allows(&self, level: Level) -> Result<(), RunnerError> {
        let reason = match self.levels.get(&level) {
            Some(Found::Present(_)) => return Ok(()),
            Some(Found::Absent(reason)) => reason.clone(),
            None => format!("level {level} was not probed"),
        };
        Err(RunnerError::LevelUnavailable { asked: level, reason })
    }
}

impl fmt::Display for RunnerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LevelUnavailable { asked, reason } => write!(f, "level {asked} is not available: {reason}"),
            Self::Invalid(reason) => write!(f, "cannot be run: {reason}"),
            Self::Refused(reason) => write!(f, "could not be started: {reason}"),
            Self::Lost => f.write_str("the launcher was lost and is being restarted"),
        }
    }
}

impl std::error::Error for RunnerError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traits_are_object_safe() {
        fn _takes(_: &dyn Runner, _: &dyn Sandbox) {}
    }

    #[test]
    fn levels_are_ordered_by_strength_and_named_alike_everywhere() {
        assert!(Level::Process < Level::Sandbox && Level::Sandbox < Level::Vm);
        for level in [Level::Process, Level::Sandbox, Level::Vm] {
            assert_eq!(serde_json::to_string(&level).unwrap(), format!("\"{level}\""));
        }
    }
}
