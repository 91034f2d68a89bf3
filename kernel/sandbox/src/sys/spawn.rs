//! Starting a program from the single-threaded launcher.
//!
//! The child shares the launcher's memory until it executes (as `posix_spawn` does), so starting
//! costs the same however large the launcher is, and the child reports the step that failed by
//! writing it where the launcher reads it. Between clone and exec only system calls are made.

use super::{check, confine};
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering};

/// Everything the child needs, prepared before the clone.
pub(crate) struct Plan<'a> {
    pub(crate) executable: &'a CStr,
    pub(crate) argv: &'a [CString],
    pub(crate) env: &'a [CString],
    pub(crate) working_dir: &'a CStr,
    /// User, group.
    pub(crate) identity: Option<(u32, u32)>,
    pub(crate) limits: &'a [(Resource, u64)],
    /// Become descriptors 0, 1, 2, … of the child, in this order; it has no others.
    pub(crate) fds: &'a [OwnedFd],
}

/// A resource with a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    AddressSpace,
    Data,
    OpenFiles,
    Processes,
    FileSize,
    CoreSize,
}

/// The step at which starting failed, with the system's reason.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) step: &'static str,
    pub(crate) cause: io::Error,
}

const STEPS: [&str; 8] = [
    "start a process",
    "make a session",
    "place its descriptors",
    "limit its resources",
    "change its user",
    "enter the working directory",
    "tie it to the launcher",
    "execute the program",
];
const CLONE: i32 = 0;
const SESSION: i32 = 1;
const DESCRIPTORS: i32 = 2;
const LIMITS: i32 = 3;
const IDENTITY: i32 = 4;
const WORKING_DIR: i32 = 5;
const LIFE_LINE: i32 = 6;
const EXECUTE: i32 = 7;

/// Descriptors are moved above this before they are placed, so that none is overwritten.
const ABOVE_PLACES: RawFd = 64;
const STACK_BYTES: usize = 64 * 1024;

/// What the child reads and writes of the launcher's memory.
struct Shared<'a> {
    plan: &'a Plan<'a>,
    argv: Vec<*const libc::c_char>,
    env: Vec<*const libc::c_char>,
    launcher: libc::pid_t,
    failed_step: AtomicI32,
    errno: AtomicI32,
}

/// Starts the program and returns its process number once it executes.
pub(crate) fn spawn(plan: &Plan<'_>) -> Result<i32, Failure> {
    let shared = Shared {
        plan,
        argv: pointers(plan.argv),
        env: pointers(plan.env),
        launcher: std::process::id() as libc::pid_t,
        failed_step: AtomicI32::new(CLONE),
        errno: AtomicI32::new(0),
    };
    let mut stack = Vec::<u128>::with_capacity(STACK_BYTES / size_of::<u128>());
    let without_huge_pages = confine::goes_without_huge_pages();
    let pid = with_signals_blocked(|| {
        let argument = (&raw const shared).cast_mut().cast();
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
        // SAFETY: the stack is aligned, grows down from its end and is larger than the child needs;
        // CLONE_VFORK keeps this thread, hence stack and `shared`, waiting until the child has
        // executed or exited; the child makes only system calls and writes only atomics.
        check(unsafe {
            let top = stack.as_mut_ptr().add(stack.capacity());
            libc::clone(child, top.cast(), flags, argument)
        })
    });
    if without_huge_pages {
        // A property of the memory, which the child shared: what it changed there is changed here too.
        confine::go_without_huge_pages(true);
    }
    let pid = pid.map_err(|cause| Failure { step: STEPS[0], cause })?;
    let errno = shared.errno.load(Ordering::Relaxed);
    if errno == 0 {
        return Ok(pid);
    }
    // The child has exited or is about to; what wait answers adds nothing to its own report.
    let _reaped = super::process::reap_exactly(pid);
    let step = shared.failed_step.load(Ordering::Relaxed);
    Err(Failure {
        step: STEPS.get(step as usize).copied().unwrap_or(STEPS[0]),
        cause: io::Error::from_raw_os_error(errno),
    })
}

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings.iter().map(|s| s.as_ptr()).chain([std::ptr::null()]).collect()
}

/// A signal arriving in the child before it executes would run in the launcher's memory.
fn with_signals_blocked<T>(work: impl FnOnce() -> T) -> T {
    // SAFETY: all-zero is a valid place for both calls to write to; blocking cannot fail.
    let (mut all, mut before): (libc::sigset_t, libc::sigset_t) = unsafe { std::mem::zeroed() };
    // SAFETY: locals.
    unsafe {
        libc::sigfillset(&mut all);
        libc::sigprocmask(libc::SIG_SETMASK, &all, &mut before);
    }
    let done = work();
    // SAFETY: restores what was there.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, &before, std::ptr::null_mut()) };
    done
}

extern "C" fn child(argument: *mut libc::c_void) -> libc::c_int {
    // SAFETY: `spawn` passes a pointer to `Shared` that outlives the child's use of this memory.
    let shared = unsafe { &*argument.cast_const().cast::<Shared<'_>>() };
    // SAFETY: as below; nothing here allocates, locks or unwinds.
    let Err((step, errno)) = unsafe { become_program(shared) };
    shared.failed_step.store(step, Ordering::Relaxed);
    shared.errno.store(errno, Ordering::Relaxed);
    127
}

/// # Safety
/// Only in the child: changes signals, descriptors, limits and identity of the calling process.
unsafe fn become_program(shared: &Shared<'_>) -> Result<std::convert::Infallible, (i32, i32)> {
    let plan = shared.plan;
    confine::as_usual();
    // SAFETY: no arguments.
    step(SESSION, unsafe { libc::setsid() })?;
    // SAFETY: the descriptors are open in the plan; replacing those of the child is the purpose.
    unsafe { place_descriptors(plan.fds)? };
    for (resource, bound) in plan.limits {
        // SAFETY: see there.
        unsafe { lower_limit(*resource, *bound)? };
    }
    if let Some((user, group)) = plan.identity {
        let changed = confine::become_user(user, group, true);
        changed.map_err(|error| (IDENTITY, error.raw_os_error().unwrap_or(libc::EPERM)))?;
    }
    // SAFETY: a C string that the plan owns.
    step(WORKING_DIR, unsafe { libc::chdir(plan.working_dir.as_ptr()) })?;
    // After the change of user, which would clear it. The launcher may already be gone by then.
    // SAFETY: plain values.
    unsafe {
        step(LIFE_LINE, libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0))?;
        step(LIFE_LINE, libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
        if libc::getppid() != shared.launcher {
            return Err((LIFE_LINE, libc::ESRCH));
        }
    }
    confine::unblock_signals();
    // SAFETY: null-terminated arrays of C strings that the plan owns.
    let returned =
        unsafe { libc::execve(plan.executable.as_ptr(), shared.argv.as_ptr(), shared.env.as_ptr()) };
    step(EXECUTE, returned)?;
    Err((EXECUTE, libc::EINVAL))
}

/// In a forked child: these become descriptors 0, 1, 2, …, those from `kept` on closed when it
/// executes; all others are closed now, whoever holds them.
pub(crate) fn replace_descriptors(fds: &[RawFd], kept: usize) -> io::Result<()> {
    let mut moved = Vec::with_capacity(fds.len());
    for fd in fds {
        // SAFETY: duplicates an open descriptor.
        moved.push(check(unsafe { libc::fcntl(*fd, libc::F_DUPFD_CLOEXEC, ABOVE_PLACES) })?);
    }
    for (place, fd) in moved.iter().enumerate() {
        let flags = if place < kept { 0 } else { libc::O_CLOEXEC };
        // SAFETY: both numbers are descriptors of the child alone.
        check(unsafe { libc::dup3(*fd, place as RawFd, flags) })?;
    }
    close_from(fds.len());
    Ok(())
}

/// Closes all descriptors from this number on, whoever holds them.
pub(crate) fn close_from(first: usize) {
    // SAFETY: only for a child that has its own table of descriptors and ends without dropping.
    unsafe { libc::syscall(libc::SYS_close_range, first as libc::c_uint, libc::c_uint::MAX, 0) };
}

/// Lowers a limit of this process.
pub(crate) fn lower(resource: Resource, bound: u64) -> io::Result<()> {
    // SAFETY: changes this process alone; the caller is a forked child.
    unsafe { lower_limit(resource, bound) }.map_err(|(_, errno)| io::Error::from_raw_os_error(errno))
}

/// Lowers a limit of another process of this user.
pub(crate) fn lower_other(pid: i32, resource: Resource, bound: u64) -> io::Result<()> {
    let number = number(resource);
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: pointers to a local, or to nothing.
    unsafe {
        check(libc::prlimit(pid, number, std::ptr::null(), &raw mut limit))?;
        let lowered = bound.min(limit.rlim_max);
        limit = libc::rlimit { rlim_cur: lowered, rlim_max: lowered };
        check(libc::prlimit(pid, number, &raw const limit, std::ptr::null_mut())).map(drop)
    }
}

/// Becomes another program; returns only with the reason why not.
pub(crate) fn execute(executable: &CStr, argv: &[CString], env: &[CString]) -> io::Error {
    let (argv, env) = (pointers(argv), pointers(env));
    // SAFETY: null-terminated arrays of C strings that live through the call.
    unsafe { libc::execve(executable.as_ptr(), argv.as_ptr(), env.as_ptr()) };
    io::Error::last_os_error()
}

/// # Safety
/// Only in the child: replaces its low descriptors and closes all others.
unsafe fn place_descriptors(fds: &[OwnedFd]) -> Result<(), (i32, i32)> {
    let mut moved = [-1; super::socket::MAX_FDS];
    for (place, fd) in moved.iter_mut().zip(fds) {
        // SAFETY: duplicates an open descriptor.
        *place =
            step(DESCRIPTORS, unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, ABOVE_PLACES) })?;
    }
    let count = fds.len().min(moved.len());
    for (place, fd) in moved.iter().take(count).enumerate() {
        // SAFETY: both numbers are descriptors of the child alone.
        step(DESCRIPTORS, unsafe { libc::dup2(*fd, place as RawFd) })?;
    }
    // A kernel without this call still closes them at exec: every one of the launcher's is so marked.
    close_from(count);
    Ok(())
}

/// # Safety
/// Only in the child. Never raises a limit: the bound is capped by the hard limit in force.
unsafe fn lower_limit(resource: Resource, bound: u64) -> Result<(), (i32, i32)> {
    let number = number(resource);
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: pointers to a local.
    unsafe {
        step(LIMITS, libc::getrlimit(number, &mut limit))?;
        let lowered = bound.min(limit.rlim_max);
        limit = libc::rlimit { rlim_cur: lowered, rlim_max: lowered };
        step(LIMITS, libc::setrlimit(number, &limit))?;
    }
    Ok(())
}

/// How a resource is told to the kernel, and a bound on it as far as the one in force here allows: soft, then hard.
pub(crate) fn bound(resource: Resource, bound: u64) -> io::Result<(u64, [u64; 2])> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: pointers to a local.
    check(unsafe { libc::getrlimit(number(resource), &raw mut limit) })?;
    Ok((u64::from(number(resource)), [bound.min(limit.rlim_max); 2]))
}

fn number(resource: Resource) -> libc::__rlimit_resource_t {
    match resource {
        Resource::AddressSpace => libc::RLIMIT_AS,
        Resource::Data => libc::RLIMIT_DATA,
        Resource::OpenFiles => libc::RLIMIT_NOFILE,
        Resource::Processes => libc::RLIMIT_NPROC,
        Resource::FileSize => libc::RLIMIT_FSIZE,
        Resource::CoreSize => libc::RLIMIT_CORE,
    }
}

fn step(step: i32, returned: libc::c_int) -> Result<libc::c_int, (i32, i32)> {
    if returned == -1 { Err((step, errno())) } else { Ok(returned) }
}

fn errno() -> i32 {
    // SAFETY: the address of this thread's errno is always valid.
    unsafe { *libc::__errno_location() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn status_of_memory(of: &str) -> Option<String> {
        of.lines().find_map(|line| line.strip_prefix("THP_enabled:")).map(|value| value.trim().to_owned())
    }

    #[test]
    fn what_is_started_has_huge_pages_though_the_launcher_has_none() {
        confine::go_without_huge_pages(true);
        let own = std::fs::read_to_string("/proc/self/status").unwrap();
        let Some("0") = status_of_memory(&own).as_deref() else {
            eprintln!("not tested here: this kernel has no huge pages to be without");
            return;
        };
        let (mut output, theirs) = io::pipe().unwrap();
        let null = || OwnedFd::from(std::fs::File::open("/dev/null").unwrap());
        let fds = [null(), theirs.into(), null()];
        let argv = [c"cat".to_owned(), c"/proc/self/status".to_owned()];
        let plan = Plan {
            executable: c"/bin/cat",
            argv: &argv,
            env: &[],
            working_dir: c"/",
            identity: None,
            limits: &[],
            fds: &fds,
        };
        let pid = spawn(&plan).unwrap();
        drop(fds);
        let mut told = String::new();
        output.read_to_string(&mut told).unwrap();
        crate::sys::process::reap_exactly(pid).unwrap();
        assert_eq!(status_of_memory(&told).as_deref(), Some("1"), "{told}");
        assert!(confine::goes_without_huge_pages(), "the launcher's own memory is as it was");
    }
}
