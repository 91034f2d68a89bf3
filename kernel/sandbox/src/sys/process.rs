//! Signals to, waiting for, and identity of other processes.

use super::{check, check_long};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// A process that ended and was reaped.
pub(crate) struct Reaped {
    pub(crate) pid: i32,
    /// Exit code, or the signal that ended it.
    pub(crate) outcome: Outcome,
    pub(crate) cpu_micros: u64,
    pub(crate) max_rss_bytes: u64,
}

/// How a process ended.
pub(crate) enum Outcome {
    Code(i32),
    Signal(i32),
}

/// Adopts the orphans among the descendants of this process.
pub(crate) fn become_subreaper() -> io::Result<()> {
    // SAFETY: plain values.
    check(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }).map(drop)
}

/// Leaves the terminal and process group of the parent, so that Ctrl-C there does not reach here.
pub(crate) fn leave_session() -> io::Result<()> {
    // SAFETY: no arguments.
    check(unsafe { libc::setsid() }).map(drop)
}

/// Reaps one ended child; `Ok(None)` when none has ended yet, `NotFound` when there are no children.
pub(crate) fn reap_any() -> io::Result<Option<Reaped>> {
    reap(-1, libc::WNOHANG)
}

/// Waits for any child of this process to end; `NotFound` when there are none.
pub(crate) fn reap_next() -> io::Result<Option<Reaped>> {
    reap(-1, 0)
}

/// Waits for one child of this process to end.
pub(crate) fn reap_exactly(pid: i32) -> io::Result<Option<Reaped>> {
    reap(pid, 0)
}

fn reap(pid: i32, flags: libc::c_int) -> io::Result<Option<Reaped>> {
    let mut status = 0;
    // SAFETY: all-zero is a valid rusage.
    let mut used: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to locals.
    let pid = match check(unsafe { libc::wait4(pid, &mut status, flags, &mut used) }) {
        Ok(0) => return Ok(None),
        Ok(pid) => pid,
        Err(e) if e.raw_os_error() == Some(libc::ECHILD) => return Err(io::ErrorKind::NotFound.into()),
        Err(e) => return Err(e),
    };
    let outcome = if libc::WIFSIGNALED(status) {
        Outcome::Signal(libc::WTERMSIG(status))
    } else {
        Outcome::Code(libc::WEXITSTATUS(status))
    };
    Ok(Some(Reaped {
        pid,
        outcome,
        cpu_micros: micros(used.ru_utime) + micros(used.ru_stime),
        max_rss_bytes: used.ru_maxrss.max(0) as u64 * 1024,
    }))
}

fn micros(time: libc::timeval) -> u64 {
    (time.tv_sec.max(0) as u64) * 1_000_000 + time.tv_usec.max(0) as u64
}

/// Ends this process without running what its parent registered for its own exit.
pub(crate) fn leave(code: i32) -> ! {
    // SAFETY: does not return.
    unsafe { libc::_exit(code) }
}

/// The group of this process.
pub(crate) fn group() -> u32 {
    // SAFETY: no arguments, cannot fail.
    unsafe { libc::getegid() }
}

/// Signals a child of this process, whose number cannot be reused before it is reaped here.
pub(crate) fn signal_child(pid: i32, signal: i32) -> io::Result<()> {
    // SAFETY: plain values.
    check(unsafe { libc::kill(pid, signal) }).map(drop)
}

/// Signals a process group led by a child of this process.
pub(crate) fn signal_group(leader: i32, signal: i32) -> io::Result<()> {
    // SAFETY: plain values.
    check(unsafe { libc::kill(-leader, signal) }).map(drop)
}

/// A descriptor that stays with this very process, however numbers are reused.
pub(crate) fn open(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: plain values; the descriptor returned is new and ours.
    unsafe {
        let fd = check_long(libc::syscall(libc::SYS_pidfd_open, pid, 0))?;
        Ok(OwnedFd::from_raw_fd(fd as RawFd))
    }
}

/// Signals the process behind a descriptor of [`open`].
pub(crate) fn signal_exactly(process: BorrowedFd<'_>, signal: i32) -> io::Result<()> {
    let none: *const libc::siginfo_t = std::ptr::null();
    // SAFETY: a null siginfo asks for the default one.
    check_long(unsafe { libc::syscall(libc::SYS_pidfd_send_signal, process.as_raw_fd(), signal, none, 0) })
        .map(drop)
}

/// The page size by which `/proc` counts memory.
pub(crate) fn page_bytes() -> u64 {
    // SAFETY: plain value.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

/// The tick by which `/proc` counts processor time, per second.
pub(crate) fn ticks_per_second() -> u64 {
    // SAFETY: plain value.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_CLK_TCK) }).unwrap_or(100).max(1)
}

/// Lets this process have as many open files as it may, and says how many.
pub(crate) fn widen_open_files() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: pointers to a local. Where it cannot be widened, it stays.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) != 0 {
            return 0;
        }
        let widest = libc::rlimit { rlim_cur: limit.rlim_max, ..limit };
        if libc::setrlimit(libc::RLIMIT_NOFILE, &widest) == 0 { widest.rlim_cur } else { limit.rlim_cur }
    }
}

/// The effective user of this process.
pub(crate) fn user() -> u32 {
    // SAFETY: no arguments, cannot fail.
    unsafe { libc::geteuid() }
}
