//! Seeds: programs that are begun once and copied for each environment, so that what they have loaded lies in
//! memory once.
//!
//! A seed is an interpreter that has run code of nobody. It keeps the launcher's rights, by which its copies enter
//! the sandboxes made for them, and sees no more than they will: the same root, only to be read, and no network.
//! How a copy goes behind the walls and gives everything up is what [`super::inside`] does for programs that are
//! executed; a copy is told it as system calls, since it has this program's code no more.

use super::calls;
use super::inside::WRITABLE;
use super::root::{self, Fault, at};
use crate::protocol::{Spawn, Walls};
use crate::sys::spawn::Resource;
use crate::sys::{self, confine, namespace, socket};
use serde_json::{Value, json};
use std::ffi::CString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

/// Descriptors of a copy: the first process of its sandbox, given to it, and what it makes on the way.
const PROCESS: RawFd = 10;
const RULES: RawFd = 20;
const FOLDER: RawFd = 21;
const HANDED: RawFd = 22;

/// What a seed is started with.
pub(super) struct Seed<'a> {
    pub(super) spawn: &'a Spawn,
    pub(super) walls: &'a Walls,
    pub(super) env: &'a [CString],
    /// Become its input, by which it is told what to do, and its outputs.
    pub(super) fds: [&'a OwnedFd; 3],
    pub(super) tell_fault: &'a OwnedFd,
}

/// Namespaces of a seed: not that of processes, within which it could not enter another.
pub(super) const NAMESPACES: libc::c_int = namespace::OWN & !libc::CLONE_NEWPID;

/// Becomes the seed. Never returns, as [`super::inside::run`].
pub(super) fn run(seed: &Seed<'_>) -> ! {
    let lived = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let fault = become_it(seed).err().unwrap_or_default();
        // The launcher reads it, or is gone.
        let _ = File::from(seed.tell_fault.try_clone()?).write_all(fault.as_bytes());
        io::Result::Ok(())
    }));
    drop(lived);
    sys::process::leave(127)
}

fn become_it(seed: &Seed<'_>) -> Result<std::convert::Infallible, Fault> {
    confine::as_usual();
    // Of a huge page, one byte that a copy writes would cost it all.
    confine::go_without_huge_pages(true);
    confine::unblock_signals();
    root::enter(seed.walls, (0, 0))?;
    at("cannot make a session", sys::process::leave_session())?;
    let [input, output, errors] = seed.fds;
    let all = [input, output, errors, seed.tell_fault].map(AsRawFd::as_raw_fd);
    at("cannot place its descriptors", sys::spawn::replace_descriptors(&all, 3))?;
    let tell = at("cannot place its descriptors", sys::socket::adopt(3))?;
    at("cannot tie it to the launcher", confine::end_with_parent())?;
    let error = sys::spawn::execute(&seed.spawn.executable, &seed.spawn.argv, seed.env);
    let fault = format!("cannot execute the program: {error}");
    // As above; the other descriptor of it is closed by now.
    let _ = File::from(tell).write_all(fault.as_bytes());
    Err(fault)
}

/// What a copy is given and told.
pub(super) struct Copy<'a> {
    /// The first process of its sandbox.
    pub(super) process: OwnedFd,
    /// Its input and outputs.
    pub(super) fds: &'a [OwnedFd],
    pub(super) channel: &'a OwnedFd,
    pub(super) tell_fault: OwnedFd,
    pub(super) namespaces: libc::c_int,
    pub(super) identity: (u32, u32),
    pub(super) egress: bool,
    pub(super) limits: &'a [(Resource, u64)],
}

impl Copy<'_> {
    /// Has a seed make it.
    pub(super) fn order(self, orders: &OwnedFd) -> io::Result<()> {
        let order = json!({
            "enter": self.entering(),
            "settle": self.settling()?,
            "calls": self.egress.then_some(HANDED),
            "sending": socket::SENDING,
        });
        let mut given = vec![self.process];
        for fd in self.fds.iter().chain([self.channel]) {
            given.push(fd.try_clone()?);
        }
        given.push(self.tell_fault);
        socket::send(orders.as_fd(), order.to_string().as_bytes(), &given)
    }

    fn entering(&self) -> Vec<Value> {
        let (namespaces, kill) = (i64::from(self.namespaces), i64::from(libc::SIGKILL));
        vec![
            control("tie it to its seed", libc::PR_SET_PDEATHSIG, kill),
            call("enter the sandbox", libc::SYS_setns, [PROCESS.into(), namespaces.into()]),
        ]
    }

    /// In the order of [`super::inside`], less what ends with the sandbox anyway.
    fn settling(&self) -> io::Result<Vec<Value>> {
        let (user, group) = (i64::from(self.identity.0), i64::from(self.identity.1));
        let mut all = vec![call("make a session", libc::SYS_setsid, [])];
        let bounds = confine::capabilities()
            .map(|capability| control("bound its capabilities", libc::PR_CAPBSET_DROP, capability.into()));
        all.extend(bounds);
        let clear = i64::from(libc::PR_CAP_AMBIENT_CLEAR_ALL);
        all.push(control("bound its capabilities", libc::PR_CAP_AMBIENT, clear));
        all.push(call("change its groups", libc::SYS_setgroups, [0.into(), 0.into()]));
        all.push(call("change its group", libc::SYS_setresgid, [group.into(), group.into(), group.into()]));
        all.push(call("change its user", libc::SYS_setresuid, [user.into(), user.into(), user.into()]));
        let (header, none) = confine::NO_CAPABILITIES;
        let (header, none) = (header.map(u32::to_ne_bytes).concat(), none.map(u32::to_ne_bytes).concat());
        all.push(call("drop its capabilities", libc::SYS_capset, [hex(&header), hex(&none)]));
        all.push(control("keep to itself", libc::PR_SET_NO_NEW_PRIVS, 1));
        // As after an execution: its own files in `/proc` are its own.
        all.push(control("keep to itself", libc::PR_SET_DUMPABLE, 1));
        all.extend(self.files());
        for (resource, bound) in self.limits {
            let (number, bounds) = sys::spawn::bound(*resource, *bound)?;
            let bounds = hex(&bounds.map(u64::to_ne_bytes).concat());
            let arguments = [0.into(), number.into(), bounds, 0.into()];
            all.push(call("limit its resources", libc::SYS_prlimit64, arguments));
        }
        all.push(self.filter());
        Ok(all)
    }

    fn files(&self) -> Vec<Value> {
        let Some(rules) = confine::file_rules(&WRITABLE) else { return Vec::new() };
        const WHAT: &str = "restrict its files";
        let length = rules.ruleset.len().into();
        let made = call(WHAT, libc::SYS_landlock_create_ruleset, [hex(&rules.ruleset), length, 0.into()]);
        let mut all = vec![into(made, RULES)];
        for (place, rights) in rules.allowed {
            let place = hex(&[place.as_bytes(), &[0]].concat());
            let flags = libc::O_PATH | libc::O_CLOEXEC;
            let opened = call(WHAT, libc::SYS_openat, [libc::AT_FDCWD.into(), place, flags.into()]);
            all.push(into(opened, FOLDER));
            let rule = hex(&confine::beneath(rights, FOLDER));
            let arguments = [RULES.into(), confine::BENEATH.into(), rule, 0.into()];
            all.push(call(WHAT, libc::SYS_landlock_add_rule, arguments));
        }
        all.push(call(WHAT, libc::SYS_landlock_restrict_self, [RULES.into(), 0.into()]));
        all
    }

    fn filter(&self) -> Value {
        let step = |one: &libc::sock_filter| {
            let [low, high] = one.code.to_ne_bytes();
            let [a, b, c, d] = one.k.to_ne_bytes();
            [low, high, one.jt, one.jf, a, b, c, d]
        };
        let code: Vec<u8> = calls::program(self.egress).iter().flat_map(step).collect();
        let flags = if self.egress { confine::NEW_LISTENER } else { 0 };
        let arguments = [confine::SET_MODE_FILTER.into(), flags.into(), json!([hex(&code)])];
        let filter = call("restrict its calls", libc::SYS_seccomp, arguments);
        if self.egress { into(filter, HANDED) } else { filter }
    }
}

/// A system call: what it is for, its number, its arguments.
fn call<const N: usize>(what: &str, number: libc::c_long, arguments: [Value; N]) -> Value {
    json!([what, number, arguments.as_slice(), null])
}

/// The same, where what it makes goes to a place.
fn into(mut call: Value, place: RawFd) -> Value {
    if let Some(last) = call.get_mut(3) {
        *last = place.into();
    }
    call
}

fn control(what: &str, option: libc::c_int, value: i64) -> Value {
    call(what, libc::SYS_prctl, [option.into(), value.into(), 0.into(), 0.into(), 0.into()])
}

fn hex(bytes: &[u8]) -> Value {
    use std::fmt::Write;
    Value::String(bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _written = write!(text, "{byte:02x}");
        text
    }))
}
