//! The programs a launcher started, and everything that descends from them.
//!
//! An orphan is adopted by the launcher and belongs to the child whose number it carries in its
//! environment. One whose child has ended, or that hides its number, has no business left and is ended.
//! What is to be ended is first stopped, round after round until nothing new appears, so that what
//! forks faster than it is looked for is caught too.

use super::bounded::Sandboxes;
use crate::process::Handle;
use crate::procfs::{self, Carried, Seen};
use crate::protocol::{Ended, Enter, Program, ResourceLimits, Scope, Spawn, Status};
use crate::run_id::{CHILD_VARIABLE, RUN_ID_VARIABLE, RunId};
use crate::runner::Usage;
use crate::sys::process::{Outcome, Reaped};
use crate::sys::signals::Interest;
use crate::sys::spawn::{Plan, Resource};
use crate::sys::{self};
use std::collections::{BTreeMap, HashSet};
use std::ffi::CString;
use std::io;
use std::net::SocketAddrV4;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

/// Most programs alive at once.
const MAX_CHILDREN: usize = 8192;
const MAX_ROUNDS: usize = 64;
/// Rounds of waiting for killed processes to end, before a process stuck in the kernel is given up.
const MAX_ENDINGS: usize = 200;
const BETWEEN_ENDINGS: Duration = Duration::from_millis(50);
/// How often an environment that is just being replaced by an execution is read again.
const MAX_READS: usize = 5;
const BETWEEN_READS: Duration = Duration::from_millis(1);

/// The table of children.
pub(super) struct Children {
    run: RunId,
    pid_of: BTreeMap<u64, i32>,
    child_of: BTreeMap<i32, u64>,
    sandboxes: Sandboxes,
    /// What was stopped of the children that are frozen one process after the other.
    frozen: BTreeMap<u64, Vec<Seen>>,
}

/// Where a child that was started is.
pub(super) struct Started {
    /// The program.
    pub(super) pid: i32,
    /// The direct child of the launcher: the program, or the first process of its sandbox.
    pub(super) root: i32,
}

impl Children {
    pub(super) fn new(run: RunId) -> Self {
        let sandboxes = Sandboxes::new(run.clone());
        let frozen = BTreeMap::new();
        Self { run, pid_of: BTreeMap::new(), child_of: BTreeMap::new(), sandboxes, frozen }
    }

    /// Starts a program; the error says which step failed.
    pub(super) fn spawn(&mut self, spawn: &Spawn, fds: &[OwnedFd]) -> Result<Started, String> {
        if self.pid_of.contains_key(&spawn.child) {
            return Err(format!("child {} exists already", spawn.child));
        }
        if self.pid_of.len() >= MAX_CHILDREN {
            return Err(format!("more than {MAX_CHILDREN} programs at once"));
        }
        let started = match &spawn.boundary {
            Some(boundary) => {
                let env = without_marks(&spawn.env);
                let limits = limits(&spawn.limits);
                let root_of = |child| self.pid_of.get(&child).copied();
                let made = self.sandboxes.spawn(spawn, boundary, (&env, &limits), fds, root_of);
                made.map_err(|fault| format!("{fault}, for {}", spawn.executable.to_string_lossy()))?
            }
            None => self.spawn_bare(spawn, fds)?,
        };
        self.pid_of.insert(spawn.child, started.root);
        self.child_of.insert(started.root, spawn.child);
        Ok(started)
    }

    fn spawn_bare(&self, spawn: &Spawn, fds: &[OwnedFd]) -> Result<Started, String> {
        let plan = Plan {
            executable: &spawn.executable,
            argv: &spawn.argv,
            env: &self.environment(spawn.child, &spawn.env),
            working_dir: &spawn.working_dir,
            identity: spawn.identity.map(|identity| (identity.user, identity.group)),
            limits: &limits(&spawn.limits),
            fds,
        };
        let pid = sys::spawn::spawn(&plan).map_err(|failure| {
            let program = spawn.executable.to_string_lossy();
            format!("cannot {} for {program}: {}", failure.step, failure.cause)
        })?;
        Ok(Started { pid, root: pid })
    }

    /// Sends a connection to a port of a child's sandbox through `channel`.
    pub(super) fn connect(&self, child: u64, port: u16, channel: &[OwnedFd]) -> io::Result<()> {
        let channel = channel.first().ok_or(io::ErrorKind::InvalidInput)?;
        self.sandboxes.connect((child, self.pid(child)?), port, channel)
    }

    /// Makes the sandbox of a child that waits what it is to be.
    pub(super) fn enter(&mut self, mut enter: Enter) -> io::Result<()> {
        let root = self.pid(enter.child)?;
        if let Some(Program { env, .. }) = &mut enter.program {
            *env = without_marks(env);
        }
        self.sandboxes.enter(root, &enter, &limits(&enter.limits))
    }

    /// Sends a socket that is bound within a child's sandbox through `channel`.
    pub(super) fn bind(
        &self,
        child: u64,
        wanted: (SocketAddrV4, bool),
        channel: &[OwnedFd],
    ) -> io::Result<()> {
        let channel = channel.first().ok_or(io::ErrorKind::InvalidInput)?;
        self.sandboxes.bind((child, self.pid(child)?), wanted, channel)
    }

    /// Whether a sandbox can be made here, with a way out or without: by making one.
    pub(super) fn try_sandbox(&mut self, egress: bool) -> Result<String, String> {
        self.sandboxes.try_one(egress)
    }

    /// What was asked for, and the two variables by which the program is found again.
    fn environment(&self, child: u64, given: &[CString]) -> Vec<CString> {
        let marks = [format!("{RUN_ID_VARIABLE}={}", self.run), format!("{CHILD_VARIABLE}={child}")];
        let marks = marks.into_iter().filter_map(|mark| CString::new(mark).ok());
        without_marks(given).into_iter().chain(marks).collect()
    }

    pub(super) fn signal(&self, child: u64, signal: i32, scope: Scope) -> io::Result<()> {
        let pid = self.pid(child)?;
        match scope {
            Scope::Process => sys::process::signal_child(pid, signal),
            Scope::Group => sys::process::signal_group(pid, signal),
            // With the first process of a sandbox the kernel ends all others in it.
            Scope::Tree if signal == libc::SIGKILL && self.sandboxes.beside(child).is_some() => {
                sys::process::signal_child(pid, signal)
            }
            Scope::Tree if signal == libc::SIGKILL => self.end(|seen| self.belongs(seen, child)),
            Scope::Tree => self.signal_all(signal, |seen| self.belongs(seen, child)),
        }
    }

    /// Stops a child's tree, including what it starts while it is being stopped: of a sandbox all that is in it.
    pub(super) fn freeze(&mut self, child: u64) -> io::Result<()> {
        let root = self.pid(child)?;
        let mut all = match self.sandboxes.beside(child) {
            Some(beside) if beside.is_empty() => return sys::signals::hold(root, true),
            // Landlock keeps the first process from those that entered its sandbox later.
            beside => beside.unwrap_or_default(),
        };
        all.push(child);
        // Those that look after a program go on, so that what is ended meanwhile can go.
        let looks_after =
            |seen: &Seen| self.child_of.get(&seen.pid).is_some_and(|one| self.sandboxes.has(*one));
        let is_root = |seen: &Seen| all.iter().any(|one| self.belongs(seen, *one));
        let stopped = self.stop_until_still(is_root, looks_after)?;
        self.frozen.insert(child, stopped);
        Ok(())
    }

    /// Lets a child's tree go on. What was stopped has started nothing since.
    pub(super) fn thaw(&mut self, child: u64) -> io::Result<()> {
        let root = self.pid(child)?;
        match self.frozen.remove(&child) {
            Some(stopped) => stopped.iter().try_for_each(|seen| signal_exactly(seen, libc::SIGCONT)),
            None if self.sandboxes.beside(child).is_some() => sys::signals::hold(root, false),
            None => self.signal_all(libc::SIGCONT, |seen| self.belongs(seen, child)),
        }
    }

    fn pid(&self, child: u64) -> io::Result<i32> {
        let gone = || io::Error::new(io::ErrorKind::NotFound, "no such child, or it has ended");
        self.pid_of.get(&child).copied().ok_or_else(gone)
    }

    /// Takes note of children that ended, and ends what they left behind.
    pub(super) fn reap(&mut self) -> Vec<(u64, Ended)> {
        let mut ended = Vec::new();
        let mut orphans = false;
        while let Ok(Some(reaped)) = sys::process::reap_any() {
            let Some(child) = self.child_of.remove(&reaped.pid) else {
                orphans = true;
                continue;
            };
            self.pid_of.remove(&child);
            self.frozen.remove(&child);
            let mut as_told = as_ended(&reaped);
            match self.sandboxes.ended(child) {
                // Of a sandbox nothing is left behind: that would be in it.
                Some(told) => as_told.status = told.unwrap_or(as_told.status),
                None => orphans = true,
            }
            ended.push((child, as_told));
        }
        if orphans && let Err(e) = self.end(|seen| self.is_unowned(seen)) {
            eprintln!("launcher: cannot look for what ended programs left behind: {e}");
        }
        ended
    }

    /// Ends all descendants of this process and reaps them; returns when there are none.
    pub(super) fn end_everything(&mut self, signals: BorrowedFd<'_>) {
        for _ in 0..MAX_ENDINGS {
            if let Err(e) = self.end(is_adopted) {
                eprintln!("launcher: cannot look for descendants: {e}");
            }
            loop {
                match sys::process::reap_any() {
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(_) => return,
                }
            }
            let interest = Interest { fd: signals, read: true, write: false };
            if sys::signals::wait([interest], Some(BETWEEN_ENDINGS)).is_err() {
                return;
            }
            while sys::signals::next(signals).is_some() {}
        }
    }

    /// Whether `seen`, a direct child of the launcher, is `child` or was orphaned by it.
    fn belongs(&self, seen: &Seen, child: u64) -> bool {
        match self.child_of.get(&seen.pid) {
            Some(known) => *known == child,
            None => is_adopted(seen) && mark(seen.pid) == Some(child),
        }
    }

    /// Whether `seen` is an orphan that no living child answers for.
    fn is_unowned(&self, seen: &Seen) -> bool {
        is_adopted(seen)
            && !seen.ended
            && !self.child_of.contains_key(&seen.pid)
            && mark(seen.pid).is_none_or(|child| !self.pid_of.contains_key(&child))
    }

    fn end(&self, is_root: impl Fn(&Seen) -> bool) -> io::Result<()> {
        for seen in self.stop_until_still(is_root, |_| false)? {
            signal_exactly(&seen, libc::SIGKILL)?;
        }
        Ok(())
    }

    fn signal_all(&self, signal: i32, is_root: impl Fn(&Seen) -> bool) -> io::Result<()> {
        for seen in members(is_root)? {
            signal_exactly(&seen, signal)?;
        }
        Ok(())
    }

    /// Stops the trees of the direct children chosen, less those that are spared, until a look at all processes
    /// shows nothing new.
    fn stop_until_still(
        &self,
        is_root: impl Fn(&Seen) -> bool,
        is_spared: impl Fn(&Seen) -> bool,
    ) -> io::Result<Vec<Seen>> {
        let mut stopped = Vec::new();
        let mut known = HashSet::new();
        for _ in 0..MAX_ROUNDS {
            let before = known.len();
            for seen in members(&is_root)?.into_iter().filter(|seen| !seen.ended && !is_spared(seen)) {
                if known.insert((seen.pid, seen.started)) {
                    signal_exactly(&seen, libc::SIGSTOP)?;
                    stopped.push(seen);
                }
            }
            if known.len() == before {
                break;
            }
        }
        Ok(stopped)
    }
}

/// What was asked for, less the variables that nobody else may set. What runs in a sandbox needs none of them: it ends
/// with the first process there, which ends with the launcher and, as a copy of it, bears the run's id itself.
fn without_marks(given: &[CString]) -> Vec<CString> {
    let is_mark = |entry: &&CString| {
        [RUN_ID_VARIABLE, CHILD_VARIABLE].iter().any(|name| {
            entry.as_bytes().strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b"="))
        })
    };
    given.iter().filter(|entry| !is_mark(entry)).cloned().collect()
}

/// The trees of those direct children of the launcher that are chosen.
fn members(is_root: impl Fn(&Seen) -> bool) -> io::Result<Vec<Seen>> {
    let everyone = procfs::everyone()?;
    let mine = everyone.iter().filter(|seen| is_adopted(seen));
    let roots: Vec<i32> = mine.filter(|seen| is_root(seen)).map(|seen| seen.pid).collect();
    Ok(procfs::descendants(&everyone, &roots))
}

/// Signals the process that was seen, or nobody when its number has been given to another since.
fn signal_exactly(seen: &Seen, signal: i32) -> io::Result<()> {
    match Handle::open(seen.pid.unsigned_abs()) {
        Ok(process) if procfs::one(seen.pid).is_some_and(|now| now.started == seen.started) => {
            process.signal(signal)
        }
        Ok(_) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e),
    }
}

fn is_adopted(seen: &Seen) -> bool {
    seen.parent == std::process::id() as i32
}

/// The number of the child whose environment `pid` inherited.
fn mark(pid: i32) -> Option<u64> {
    for _ in 0..MAX_READS {
        match procfs::carried(pid, CHILD_VARIABLE) {
            Carried::Value(number) => return number.parse().ok(),
            Carried::Nothing => return None,
            Carried::Unreadable => std::thread::sleep(BETWEEN_READS),
        }
    }
    None
}

fn as_ended(reaped: &Reaped) -> Ended {
    Ended {
        status: match reaped.outcome {
            Outcome::Code(code) => Status::Code(code),
            Outcome::Signal(signal) => Status::Signal(signal),
        },
        usage: Usage { cpu_micros: reaped.cpu_micros, max_rss_bytes: reaped.max_rss_bytes },
    }
}

/// The bounds that are asked for, and none on what a program leaves behind when it crashes.
pub(super) fn limits(asked: &ResourceLimits) -> Vec<(Resource, u64)> {
    let bounds = [
        (Resource::AddressSpace, asked.address_space),
        (Resource::Data, asked.data),
        (Resource::OpenFiles, asked.open_files),
        (Resource::Processes, asked.processes),
        (Resource::FileSize, asked.file_size),
        (Resource::CoreSize, Some(0)),
    ];
    bounds.into_iter().filter_map(|(resource, bound)| Some((resource, bound?))).collect()
}
