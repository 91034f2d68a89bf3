//! The sandboxes of a launcher: making one for a program, starting more programs in it, connecting to it,
//! and what is left to do when it has ended.

use super::children::Started;
use super::groups::{Group, Groups};
use super::inside::{self, Inside, Place};
use super::seeds::{self, Copy, Seed};
use crate::protocol::{Boundary, Enter, MAX_MESSAGE, Origin, ResourceLimits, Spawn, Status, Walls};
use crate::run_id::RunId;
use crate::sys::signals::Interest;
use crate::sys::spawn::Resource;
use crate::sys::{self, namespace};
use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{SocketAddrV4, TcpListener, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

/// Users of sandboxes, where the launcher is root: none that a system gives to anybody.
const FIRST_USER: u32 = 1_879_048_192;
const USERS: u64 = 1 << 20;
/// What tells of a fault is cut here.
const MAX_TOLD: usize = 4096;
const ROUND: Duration = Duration::from_millis(50);
/// Rounds within which a program must have been started, five seconds: whoever is in its sandbox already can
/// stop it, and meanwhile the launcher serves nobody else.
const ROUNDS_TO_START: usize = 100;
const TRIALS: [&str; 2] = ["/bin/true", "/usr/bin/true"];

/// Whether this user is one of those that only sandboxes have.
pub(crate) fn is_of_sandbox(user: u32) -> bool {
    user.checked_sub(FIRST_USER).is_some_and(|number| u64::from(number) < USERS)
}

/// A sandbox, or a program in that of another.
struct Member {
    /// Says how the program ended, once it has.
    end: OwnedFd,
    identity: (u32, u32),
    namespaces: libc::c_int,
    /// Its calls that name an address are handed over.
    egress: bool,
    /// Of a sandbox's first program.
    group: Option<Group>,
    /// Of another program: whose sandbox it runs in.
    of: Option<u64>,
    /// While no program runs in it.
    blank: Option<Blank>,
    /// By which a seed is told to copy itself.
    seed: Option<OwnedFd>,
}

/// Where a program is to run, what is noted of it, and how it gets into its groups.
type Made<'a> = (Place<'a>, Member, Vec<File>);

fn failed(error: io::Error) -> String {
    format!("cannot start a sandbox: {error}")
}

/// What stands in a blank sandbox until it is told what to be.
struct Blank {
    /// By which it is told.
    orders: File,
    /// By which it says that it could not.
    fault: File,
}

/// The sandboxes of one launcher.
pub(super) struct Sandboxes {
    run: RunId,
    root: bool,
    /// Before the groups below, in which theirs are: they are let go in this order.
    members: BTreeMap<u64, Member>,
    /// Made with the first sandbox.
    groups: Option<Groups>,
}

impl Sandboxes {
    pub(super) fn new(run: RunId) -> Self {
        let root = sys::process::user() == 0;
        Self { run, root, members: BTreeMap::new(), groups: None }
    }

    /// Starts a program within a boundary; the error says which step failed.
    pub(super) fn spawn(
        &mut self,
        spawn: &Spawn,
        boundary: &Boundary,
        (env, limits): (&[CString], &[(Resource, u64)]),
        fds: &[OwnedFd],
        root_of: impl Fn(u64) -> Option<i32>,
    ) -> Result<Started, String> {
        let (channel, program_fds) = fds.split_last().ok_or("a sandbox was given no descriptors")?;
        let (end, tell_end) = io::pipe().map_err(failed)?;
        let (place, member, doors) = match boundary {
            Boundary::Own(walls) if walls.origin == Origin::Seed => {
                return self.plant(spawn, walls, env, (program_fds, end.into()));
            }
            Boundary::Own(walls) => self.own(spawn.child, walls, end.into())?,
            Boundary::Of(other) => self.joined(*other, &root_of, end.into())?,
        };
        let copied = match boundary {
            Boundary::Own(walls) => match walls.origin {
                Origin::Copy(of) => Some(of),
                Origin::Executed | Origin::Seed => None,
            },
            Boundary::Of(_) => None,
        };
        let (fault, tell_fault) = io::pipe().map_err(failed)?;
        let mut fault = File::from(OwnedFd::from(fault));
        let told = spawn.is_blank() || copied.is_some();
        let orders = if told { Some(io::pipe().map_err(failed)?) } else { None };
        let (orders, give_orders) =
            orders.map(|(read, write)| (OwnedFd::from(read), OwnedFd::from(write))).unzip();
        let (tell_fault, tell_end) = (OwnedFd::from(tell_fault), OwnedFd::from(tell_end));
        let inside = Inside {
            spawn,
            place,
            env,
            limits,
            identity: member.identity,
            root: self.root,
            fds: if copied.is_some() { &[] } else { program_fds },
            channel,
            egress: member.egress && copied.is_none(),
            orders: orders.as_ref(),
            tell_fault: &tell_fault,
            tell_end: &tell_end,
            doors: &doors,
        };
        let flags = if member.of.is_none() { member.namespaces } else { 0 };
        let root = match namespace::fork_into(flags).map_err(failed)? {
            None => inside::run(&inside),
            Some(pid) => pid,
        };
        drop((tell_end, orders));
        let told = match copied {
            None => {
                drop(tell_fault);
                heard(&mut fault, ROUNDS_TO_START)
            }
            Some(of) => {
                let fds = (program_fds, channel, tell_fault);
                let seed = (of, root_of(of));
                self.copy((seed, root), &member, fds, limits, &mut fault)
            }
        };
        let orders = give_orders.map(File::from);
        self.admit((spawn.child, root), member, told, (fault, orders, copied.is_some()))
    }

    /// A sandbox that is to be made.
    fn own<'a>(&mut self, child: u64, walls: &'a Walls, end: OwnedFd) -> Result<Made<'a>, String> {
        let (namespaces, identity) = (self.namespaces(), self.identity(child));
        let run = &self.run;
        let groups = self.groups.get_or_insert_with(|| Groups::find(run));
        let memory = walls.memory_bytes.saturating_add(walls.tmp_bytes);
        let group = groups.make(child, memory, walls.processes).map_err(failed)?;
        let doors = group.doors().map_err(failed)?;
        let (egress, group) = (walls.egress, Some(group));
        let member = Member { end, identity, namespaces, egress, group, of: None, blank: None, seed: None };
        Ok((Place::New(walls), member, doors))
    }

    /// That of another.
    fn joined<'a>(
        &self,
        other: u64,
        root_of: impl Fn(u64) -> Option<i32>,
        end: OwnedFd,
    ) -> Result<Made<'a>, String> {
        let gone = || "the sandbox to run in has ended".to_owned();
        let owner = self.members.get(&other).ok_or_else(gone)?;
        let process = sys::process::open(root_of(other).ok_or_else(gone)?).map_err(failed)?;
        let doors = owner.group.as_ref().map_or(Ok(Vec::new()), Group::doors).map_err(failed)?;
        let Member { identity, namespaces, egress, .. } = *owner;
        let (of, group) = (Some(other), None);
        let member = Member { end, identity, namespaces, egress, group, of, blank: None, seed: None };
        Ok((Place::Joined(process, namespaces), member, doors))
    }

    /// Starts a program that is copied.
    fn plant(
        &mut self,
        spawn: &Spawn,
        walls: &Walls,
        env: &[CString],
        (fds, end): (&[OwnedFd], OwnedFd),
    ) -> Result<Started, String> {
        if !self.root {
            return Err("only root can copy programs into sandboxes".to_owned());
        }
        let (orders, input) = sys::socket::pair(MAX_MESSAGE).map_err(failed)?;
        let (fault, tell_fault) = io::pipe().map_err(failed)?;
        let (fault, tell_fault) = (File::from(OwnedFd::from(fault)), OwnedFd::from(tell_fault));
        let [_, output, errors] = fds else { return Err("a seed has three descriptors".to_owned()) };
        let seed = Seed { spawn, walls, env, fds: [&input, output, errors], tell_fault: &tell_fault };
        let root = match namespace::fork_into(seeds::NAMESPACES).map_err(failed)? {
            None => seeds::run(&seed),
            Some(pid) => pid,
        };
        drop((input, tell_fault));
        let (identity, namespaces, seed) = ((0, 0), seeds::NAMESPACES, Some(orders));
        let (egress, group, of, blank) = (false, None, None, None);
        let member = Member { end, identity, namespaces, egress, group, of, blank, seed };
        let mut fault = fault;
        let told = heard(&mut fault, ROUNDS_TO_START);
        self.admit((spawn.child, root), member, told, (fault, None, false))
    }

    /// Has a seed copy itself into a sandbox whose walls are being made; what is told of that. One that does not answer
    /// is ended, or it would hold up whoever wants anything each time that a copy of it is wanted.
    fn copy(
        &mut self,
        ((of, seed), root): ((u64, Option<i32>), i32),
        member: &Member,
        (fds, channel, tell_fault): (&[OwnedFd], &OwnedFd, OwnedFd),
        limits: &[(Resource, u64)],
        fault: &mut File,
    ) -> Option<Vec<u8>> {
        // The walls must stand before somebody comes into them.
        let told = heard(fault, ROUNDS_TO_START);
        if told.as_deref() != Some(inside::WAITS) {
            return told;
        }
        let orders = self.members.get(&of).and_then(|seed| seed.seed.as_ref());
        let Some(orders) = orders else { return Some(b"what is to be copied has ended".to_vec()) };
        let Member { identity, namespaces, egress, .. } = *member;
        let ordered = sys::process::open(root).and_then(|process| {
            Copy { process, fds, channel, tell_fault, namespaces, identity, egress, limits }.order(orders)
        });
        match ordered {
            Ok(()) => heard(fault, ROUNDS_TO_START).or_else(|| {
                if let (Some(pid), Some(member)) = (seed, self.members.get_mut(&of)) {
                    member.seed = None;
                    // It has ended by itself where that fails.
                    let _ = sys::process::signal_child(pid, libc::SIGKILL);
                }
                None
            }),
            Err(error) => Some(format!("cannot copy a program: {error}").into_bytes()),
        }
    }

    /// Takes note of a sandbox whose program runs; ends one that tells of a fault.
    fn admit(
        &mut self,
        (child, root): (u64, i32),
        mut member: Member,
        told: Option<Vec<u8>>,
        (fault, orders, copied): (File, Option<File>, bool),
    ) -> Result<Started, String> {
        let program = only_child(root);
        let expected = if orders.is_some() { inside::WAITS } else { &[] };
        if told.as_deref() == Some(expected) {
            // The end of the orders is all that whoever looks after a copy waits for.
            member.blank = orders.filter(|_| !copied).map(|orders| Blank { orders, fault });
            self.members.insert(child, member);
            return Ok(Started { pid: program.unwrap_or(root), root });
        }
        // They have ended or are about to; what waiting answers adds nothing to their own report.
        for pid in program.into_iter().chain([root]) {
            let _ = sys::process::signal_child(pid, libc::SIGKILL);
        }
        let _ = sys::process::reap_exactly(root);
        let late = || "it did not start in time".to_owned();
        Err(told.map_or_else(late, |told| String::from_utf8_lossy(&told).into_owned()))
    }

    fn namespaces(&self) -> libc::c_int {
        let users = if self.root { 0 } else { namespace::USERS };
        namespace::OWN | users
    }

    /// The user of a sandbox, of its own where that can be given.
    fn identity(&self, child: u64) -> (u32, u32) {
        if self.root {
            let user = FIRST_USER + (child % USERS) as u32;
            (user, user)
        } else {
            (sys::process::user(), sys::process::group())
        }
    }

    /// Takes note that a child has ended, if it ran in a sandbox: how, if that was told.
    pub(super) fn ended(&mut self, child: u64) -> Option<Option<Status>> {
        let member = self.members.remove(&child)?;
        // A first process that was killed has told nothing.
        let told = heard(&mut File::from(member.end), 1).unwrap_or_default();
        let out = member.group.is_some_and(|group| group.was_out_of_memory());
        Some(match postcard::from_bytes(&told) {
            Ok(Status::Signal(libc::SIGKILL)) | Err(_) if out => Some(Status::OutOfMemory),
            Ok(status) => Some(status),
            Err(_) => None,
        })
    }

    /// Connects to a port of a sandbox's loopback: a process that goes there and comes back as a socket.
    pub(super) fn connect(&self, (child, root): (u64, i32), port: u16, channel: &OwnedFd) -> io::Result<()> {
        let member = self.members.get(&child).ok_or(io::ErrorKind::NotFound)?;
        let process = sys::process::open(root)?;
        let kinds = member.namespaces & (namespace::USERS | namespace::NETWORK);
        sys::host::in_child(|| {
            namespace::join(&process, kinds)?;
            sys::socket::send(channel.as_fd(), b"port", &[namespace::connect(port)?])
        })
    }

    /// Makes a sandbox whose program waits what it is to be.
    pub(super) fn enter(&mut self, root: i32, enter: &Enter, limits: &[(Resource, u64)]) -> io::Result<()> {
        let member = self.members.get_mut(&enter.child).ok_or(io::ErrorKind::NotFound)?;
        if !self.root {
            // Only root can take a folder of the host's mounts into another namespace.
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let blank = member.blank.take();
        if blank.is_some() != enter.program.is_some() {
            return Err(io::Error::other("a program is told where there is none, and only there"));
        }
        let program = only_child(root).ok_or(io::ErrorKind::NotFound)?;
        super::entering::enter((root, program), member.identity, member.group.as_ref(), enter, limits)?;
        let (Some(Blank { mut orders, mut fault }), Some(program)) = (blank, &enter.program) else {
            return Ok(());
        };
        let order = postcard::to_extend(program, Vec::new()).map_err(io::Error::other)?;
        orders.write_all(&order)?;
        drop(orders);
        match heard(&mut fault, ROUNDS_TO_START) {
            Some(told) if told.is_empty() => Ok(()),
            Some(told) => Err(io::Error::other(String::from_utf8_lossy(&told).into_owned())),
            None => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// What else runs in the sandbox of which a child is the first program; `None` where it is not.
    pub(super) fn beside(&self, child: u64) -> Option<Vec<u64>> {
        self.members.get(&child).filter(|member| member.of.is_none())?;
        let others = self.members.iter().filter(|(_, member)| member.of == Some(child));
        Some(others.map(|(other, _)| *other).collect())
    }

    /// Whether a child runs in a sandbox: then it is a first process that looks after a program.
    pub(super) fn has(&self, child: u64) -> bool {
        self.members.contains_key(&child)
    }

    /// Binds a socket within a sandbox, for datagrams or to listen: a process that goes there and sends it.
    pub(super) fn bind(
        &self,
        (child, root): (u64, i32),
        (address, datagrams): (SocketAddrV4, bool),
        channel: &OwnedFd,
    ) -> io::Result<()> {
        let member = self.members.get(&child).ok_or(io::ErrorKind::NotFound)?;
        let process = sys::process::open(root)?;
        let kinds = member.namespaces & (namespace::USERS | namespace::NETWORK);
        sys::host::in_child(|| {
            namespace::join(&process, kinds)?;
            let socket: OwnedFd =
                if datagrams { UdpSocket::bind(address)?.into() } else { TcpListener::bind(address)?.into() };
            sys::socket::send(channel.as_fd(), b"bound", &[socket])
        })
    }

    /// Makes a sandbox that does nothing, to see whether it can be made; says what it consists of.
    pub(super) fn try_one(&mut self, egress: bool) -> Result<String, String> {
        let failed = |error: io::Error| error.to_string();
        let program = TRIALS.into_iter().find(|place| std::path::Path::new(place).exists());
        let program =
            CString::new(program.ok_or("there is no program to try")?).map_err(|e| e.to_string())?;
        // It is there, whoever may write to it, and hidden by the sandbox's root from the sandbox alone.
        let walls =
            Walls { stage: "/tmp".into(), memory_bytes: 64 << 20, processes: 64, egress, ..Walls::default() };
        let spawn = Spawn {
            child: u64::MAX,
            argv: vec![program.clone()],
            executable: program,
            env: Vec::new(),
            working_dir: c"/".into(),
            identity: None,
            limits: ResourceLimits::default(),
            boundary: None,
        };
        let null = File::options().read(true).write(true).open("/dev/null").map_err(failed)?;
        let fds = (0..3).map(|_| Ok(null.try_clone()?.into())).collect::<io::Result<Vec<_>>>();
        let (_kept, channel) = sys::socket::pair(sys::socket::MAX_FDS).map_err(failed)?;
        let mut fds = fds.map_err(failed)?;
        fds.push(channel);
        let boundary = Boundary::Own(Box::new(walls));
        let started = self.spawn(&spawn, &boundary, (&[], &[]), &fds, |_| None)?;
        sys::process::reap_exactly(started.root).map_err(failed)?;
        match self.ended(u64::MAX).flatten() {
            Some(Status::Code(0)) => Ok(self.describe()),
            other => Err(format!("a program in it ended with {other:?}")),
        }
    }

    fn describe(&self) -> String {
        let users = if self.root { "a user of its own" } else { "a namespace of users" };
        let landlock = if sys::host::landlock_version().is_ok() { "landlock" } else { "no landlock" };
        let groups = self.groups.as_ref().map_or("no control groups", Groups::kinds);
        format!("own mounts, processes, network, {users}; a filter of calls; {landlock}; {groups}")
    }
}

/// What comes through a pipe, as far as one read takes it; `None` where nothing comes for that many rounds of
/// waiting, not even its end.
fn heard(pipe: &mut File, rounds: usize) -> Option<Vec<u8>> {
    for _ in 0..rounds {
        let interest = Interest { fd: pipe.as_fd(), read: true, write: false };
        let Ok([ready]) = sys::signals::wait([interest], Some(ROUND)) else { return None };
        if ready.read || ready.hang_up {
            let mut told = vec![0; MAX_TOLD];
            // What cannot be read was not told.
            let length = pipe.read(&mut told).unwrap_or(0);
            told.truncate(length);
            return Some(told);
        }
    }
    None
}

/// The program that the first process of a sandbox has just started, by its number outside.
pub(super) fn only_child(root: i32) -> Option<i32> {
    let children = std::fs::read_to_string(format!("/proc/{root}/task/{root}/children")).ok()?;
    children.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_says_is_not_waited_for_without_end() {
        let pipe = || io::pipe().map(|(ours, theirs)| (File::from(OwnedFd::from(ours)), theirs)).unwrap();
        let (mut silent, _held) = pipe();
        assert_eq!(heard(&mut silent, 1), None);
        let (mut told, mut tell) = pipe();
        tell.write_all(b"why").unwrap();
        // The other end is still held: as by a program that was stopped before it executed.
        assert_eq!(heard(&mut told, 1).as_deref(), Some(b"why".as_slice()));
        let (mut ended, end) = pipe();
        drop(end);
        assert_eq!(heard(&mut ended, 1).as_deref(), Some([].as_slice()));
    }
}
