//! The first process of a sandbox: a copy of the launcher that builds the walls, gives everything up,
//! starts the program, and looks after what the program leaves behind until it has ended.
//!
//! It tells the launcher by one pipe why it could not, and by another how the program ended: as the first
//! process of its namespace it cannot end by a signal itself.

use super::calls;
use super::root::{self, Fault, at};
use crate::protocol::{CALLS, MAX_MESSAGE, Origin, PORTS, Program, Spawn, Status, Walls};
use crate::sys::process::{Outcome, Reaped};
use crate::sys::spawn::Resource;
use crate::sys::{self, confine, namespace};
use std::collections::HashSet;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

const HOST_NAME: &str = "sandbox";
/// Where a program may write.
pub(super) const WRITABLE: [&str; 1] = ["/tmp"];
/// What is said once a blank sandbox can be told what runs in it, once walls stand that a copy may enter, and
/// once it has.
pub(super) const WAITS: &[u8] = b"waits";
/// Rounds of putting processes into groups that fork meanwhile.
const MAX_ROUNDS: usize = 64;

/// Where the program runs.
pub(super) enum Place<'a> {
    /// In a sandbox that is still to be made.
    New(&'a Walls),
    /// In that of another process: which, and its namespaces.
    Joined(OwnedFd, libc::c_int),
}

/// All that the first process needs to know.
pub(super) struct Inside<'a> {
    pub(super) spawn: &'a Spawn,
    pub(super) place: Place<'a>,
    pub(super) env: &'a [CString],
    pub(super) limits: &'a [(Resource, u64)],
    /// User and group of the program.
    pub(super) identity: (u32, u32),
    /// The launcher is root: it needs no namespace of users.
    pub(super) root: bool,
    /// Become descriptors of the program.
    pub(super) fds: &'a [OwnedFd],
    /// By which the sockets of ports, and what hands over calls, go to the daemon.
    pub(super) channel: &'a OwnedFd,
    /// Calls that name an address are handed over.
    pub(super) egress: bool,
    /// By which a sandbox that is blank is told what runs in it; its end tells that a copy has come.
    pub(super) orders: Option<&'a OwnedFd>,
    pub(super) tell_fault: &'a OwnedFd,
    pub(super) tell_end: &'a OwnedFd,
    /// By which processes are put into control groups.
    pub(super) doors: &'a [File],
}

/// Never returns: this process is a copy that must not go on as the launcher.
pub(super) fn run(inside: &Inside<'_>) -> ! {
    // A panic must not unwind into the launcher's own loop.
    let lived = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| live(inside)));
    sys::process::leave(i32::from(!matches!(lived, Ok(Ok(())))))
}

fn live(inside: &Inside<'_>) -> io::Result<()> {
    let Inside { fds, orders, tell_fault, tell_end, doors, .. } = inside;
    if let Err(fault) = confine_all(inside) {
        return File::from(tell_fault.try_clone()?).write_all(fault.as_bytes());
    }
    let own = [tell_fault.as_raw_fd(), tell_end.as_raw_fd()];
    let own = own.into_iter().chain(orders.map(AsRawFd::as_raw_fd));
    let all: Vec<RawFd> = fds.iter().map(AsRawFd::as_raw_fd).chain(own).collect();
    let all: Vec<RawFd> = all.into_iter().chain(doors.iter().map(AsRawFd::as_raw_fd)).collect();
    sys::spawn::replace_descriptors(&all, fds.len())?;
    let mut held = Vec::with_capacity(all.len());
    for number in fds.len()..all.len() {
        held.push(File::from(sys::socket::adopt(number as RawFd)?));
    }
    let mut held = held.into_iter();
    let (Some(mut tell_fault), Some(mut tell_end)) = (held.next(), held.next()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let orders = orders.and_then(|_| held.next());
    let doors: Vec<File> = held.collect();
    let is_first = matches!(inside.place, Place::New(_));
    if is_first {
        // Before there are others. What is executed handles nothing.
        sys::signals::hold_others_when_told()?;
    }
    if let (true, Some(mut orders)) = (inside.is_for_copy(), orders.as_ref()) {
        tell_fault.write_all(WAITS)?;
        drop(tell_fault);
        orders.read_to_end(&mut Vec::new())?;
        let program = super::bounded::only_child(std::process::id() as i32).ok_or(io::ErrorKind::NotFound)?;
        return look_after(program, &doors, is_first, &mut tell_end);
    }
    match namespace::fork_into(inside.shares()?) {
        Ok(None) => {
            let fault = match orders {
                Some(orders) => become_what_is_told(inside, orders, &mut tell_fault),
                None => become_program(inside),
            };
            // The launcher reads it, or is gone.
            let _ = tell_fault.write_all(fault.as_bytes());
            sys::process::leave(127)
        }
        Ok(Some(program)) => {
            drop((tell_fault, orders));
            // The other ends see the end of the program's output only when nobody holds them.
            for number in 0..fds.len() {
                drop(sys::socket::adopt(number as RawFd));
            }
            look_after(program, &doors, is_first, &mut tell_end)
        }
        Err(error) => tell_fault.write_all(format!("cannot start a process: {error}").as_bytes()),
    }
}

impl Inside<'_> {
    /// A copy of another program comes into this sandbox, in place of one that it starts.
    fn is_for_copy(&self) -> bool {
        matches!(self.place, Place::New(Walls { origin: Origin::Copy(_), .. }))
    }

    /// What the program has in common with this process: where it waits, its working directory, into which this
    /// process then goes once more when something is mounted there. Not every program could by itself.
    fn shares(&self) -> io::Result<libc::c_int> {
        let Place::New(Walls { waits: true, .. }) = self.place else { return Ok(0) };
        if self.spawn.is_blank() {
            return Ok(0);
        }
        sys::signals::go_back_when_told(&self.spawn.working_dir);
        Ok(libc::CLONE_FS)
    }
}

/// Reaps what ends in the sandbox until the program has, and tells how it did.
fn look_after(program: i32, doors: &[File], whole: bool, tell_end: &mut File) -> io::Result<()> {
    put_into_groups(program, doors, whole);
    let status = wait_for(program)?;
    tell_end.write_all(&postcard::to_extend(&status, Vec::new()).unwrap_or_default())
}

/// Builds the walls, or goes within those of another, and gives everything up.
fn confine_all(inside: &Inside<'_>) -> Result<(), Fault> {
    confine::as_usual();
    confine::unblock_signals();
    at("cannot tie it to the launcher", confine::end_with_parent())?;
    let (user, group) = inside.identity;
    match &inside.place {
        Place::New(walls) => {
            if !inside.root {
                at("cannot name its user", name_user((user, group)))?;
            }
            at("cannot bring up its network", namespace::raise_loopback())?;
            if walls.egress {
                let routed = namespace::route_everything_here(crate::egress::OWN_ADDRESS);
                at("cannot make every address its own", routed)?;
            }
            at("cannot listen in its network", listen(walls, inside.channel))?;
            at("cannot name the machine", namespace::set_host_name(HOST_NAME))?;
            root::enter(walls, inside.identity)?;
        }
        Place::Joined(process, namespaces) => {
            at("cannot enter the sandbox", namespace::join(process, *namespaces))?;
        }
    }
    at("cannot bound its capabilities", confine::bound_capabilities())?;
    at("cannot change its user", confine::become_user(user, group, inside.root))?;
    at("cannot drop its capabilities", confine::drop_capabilities())?;
    at("cannot keep to itself", confine::keep_to_itself())?;
    if !inside.is_for_copy() {
        // Landlock would keep this process from stopping a program that is not its own.
        at("cannot restrict its files", confine::restrict_files(&WRITABLE))?;
    }
    let calls = at("cannot restrict its calls", calls::restrict(inside.egress))?;
    match calls {
        Some(calls) => at("cannot hand over its calls", hand_over(inside.channel, calls)),
        None => Ok(()),
    }
}

/// Sends what hands over calls to the daemon, by the one way of sending that is not itself handed over.
fn hand_over(channel: &OwnedFd, calls: OwnedFd) -> io::Result<()> {
    sys::socket::send(channel.as_fd(), CALLS, &[calls])
}

/// Says who somebody is who is not root, in a namespace of users of their own.
fn name_user((user, group): (u32, u32)) -> io::Result<()> {
    std::fs::write("/proc/self/setgroups", "deny")?;
    std::fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    std::fs::write("/proc/self/gid_map", format!("{group} {group} 1"))
}

/// Sockets that belong to the sandbox's network, and are the daemon's to accept from.
fn listen(walls: &Walls, channel: &OwnedFd) -> io::Result<()> {
    if walls.ports.is_empty() {
        return Ok(());
    }
    let bind = |port: &u16| Ok(OwnedFd::from(TcpListener::bind((Ipv4Addr::LOCALHOST, *port))?));
    let sockets = walls.ports.iter().map(bind).collect::<io::Result<Vec<OwnedFd>>>()?;
    sys::socket::send(channel.as_fd(), PORTS, &sockets)
}

/// Returns only with the reason why not.
fn become_program(inside: &Inside<'_>) -> Fault {
    let Spawn { executable, argv, working_dir, .. } = inside.spawn;
    match stand_alone().and_then(|()| settle(inside.limits, working_dir)) {
        Ok(()) => execute(executable, argv, inside.env),
        Err(fault) => fault,
    }
}

/// Waits for the program that it is to become. Returns only with the reason why not.
fn become_what_is_told(inside: &Inside<'_>, orders: File, tell: &mut File) -> Fault {
    let told = || -> Result<Program, Fault> {
        stand_alone()?;
        settle(inside.limits, c"/")?;
        at("cannot say that it waits", tell.write_all(WAITS))?;
        let mut told = Vec::new();
        at("cannot hear what it is", orders.take(MAX_MESSAGE as u64).read_to_end(&mut told))?;
        postcard::from_bytes(&told).map_err(|_| "it was not told what it is".to_owned())
    };
    let settled = told().and_then(|program| {
        settle(&super::children::limits(&program.limits), &program.working_dir)?;
        Ok(program)
    });
    match settled {
        Ok(Program { argv, env, .. }) => execute(argv.first().map_or(c"", |name| name), &argv, &env),
        Err(fault) => fault,
    }
}

/// Makes the process one of its own, that ends with its sandbox.
fn stand_alone() -> Result<(), Fault> {
    // Leads a session already only if it was not forked.
    at("cannot make a session", sys::process::leave_session())?;
    at("cannot tie it to its sandbox", confine::end_with_parent())
}

fn settle(limits: &[(Resource, u64)], working_dir: &CStr) -> Result<(), Fault> {
    for (resource, bound) in limits {
        at("cannot limit its resources", sys::spawn::lower(*resource, *bound))?;
    }
    let folder = Path::new(std::ffi::OsStr::from_bytes(working_dir.to_bytes()));
    at("cannot enter the working directory", std::env::set_current_dir(folder))
}

fn execute(executable: &CStr, argv: &[CString], env: &[CString]) -> Fault {
    let error = sys::spawn::execute(executable, argv, env);
    format!("cannot execute the program: {error}")
}

/// Puts the program, and all it has started by then, into the sandbox's groups. The first such move after
/// a while takes the kernel some milliseconds, for which the program does not wait.
fn put_into_groups(program: i32, doors: &[File], whole: bool) {
    let mut known = HashSet::new();
    for _ in 0..MAX_ROUNDS {
        let mut found = vec![program];
        if whole && !doors.is_empty() {
            // This process, the first of its namespace, stays outside: it ends the others.
            found.extend(crate::procfs::pids().into_iter().flatten().filter(|pid| *pid != 1));
        }
        let before = known.len();
        for pid in found.into_iter().filter(|pid| known.insert(*pid)).collect::<Vec<_>>() {
            for mut door in doors {
                // It may have ended.
                let _ = door.write_all(pid.to_string().as_bytes());
            }
        }
        if known.len() == before {
            return;
        }
    }
}

/// Reaps whatever ends here until the program has.
fn wait_for(program: i32) -> io::Result<Status> {
    loop {
        match sys::process::reap_next() {
            Ok(Some(Reaped { pid, outcome, .. })) if pid == program => {
                return Ok(match outcome {
                    Outcome::Code(code) => Status::Code(code),
                    Outcome::Signal(signal) => Status::Signal(signal),
                });
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
