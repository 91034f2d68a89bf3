//! Signals read from a descriptor, and waiting for descriptors: the launcher's event sources.

use super::check;
use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::Duration;

/// Blocks `wanted` for this process and returns a non-blocking descriptor on which they arrive.
pub(crate) fn receive_as_fd(wanted: &[libc::c_int]) -> io::Result<OwnedFd> {
    // SAFETY: all-zero is a valid place for `sigemptyset` to write to.
    let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: `set` is a local; the numbers are checked by the calls.
    unsafe {
        libc::sigemptyset(&mut set);
        for signal in wanted {
            check(libc::sigaddset(&mut set, *signal))?;
        }
        check(libc::sigprocmask(libc::SIG_BLOCK, &set, std::ptr::null_mut()))?;
        let fd = check(libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK))?;
        Ok(OwnedFd::from_raw_fd(fd))
    }
}

/// The signal by which the first process of a sandbox is told to stop all others in it, to let them go on, or to go
/// into its working directory once more. One that is queued in its order, and that the C library leaves alone.
const HOLD: libc::c_int = 40;
const GO_ON: usize = 0;
const STOP: usize = 1;
const GO_BACK: usize = 2;

/// The working directory of a first process that shares it with a program that waits; null where none does.
static WORKING_DIR: AtomicPtr<libc::c_char> = AtomicPtr::new(std::ptr::null_mut());

/// Where to go when [`go_back`] says so.
pub(crate) fn go_back_when_told(folder: &CStr) {
    // Never given back: a signal may come as long as this process lives.
    WORKING_DIR.store(folder.to_owned().into_raw(), Ordering::Release);
}

/// Stops all processes of this namespace but this first one, or lets them go on, whenever [`hold`] says so.
/// Until then it is ignored, as a first process ignores what it does not handle.
pub(crate) fn hold_others_when_told() -> io::Result<()> {
    // SAFETY: all-zero is a valid action; the handler makes one system call and keeps the error number. The folder that
    // it may go to is never given back.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_hold as *const () as libc::sighandler_t;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
        check(libc::sigaction(HOLD, &action, std::ptr::null_mut())).map(drop)
    }
}

extern "C" fn on_hold(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel passes the signal's own description, and the error number of this thread is always there.
    unsafe {
        let told = if info.is_null() { GO_ON } else { (*info).si_value().sival_ptr.addr() };
        let error = *libc::__errno_location();
        // To all that are seen here, of this user, but not to the first and not to itself.
        match told {
            STOP => drop(libc::kill(-1, libc::SIGSTOP)),
            GO_BACK => {
                let folder = WORKING_DIR.load(Ordering::Acquire);
                if !folder.is_null() {
                    libc::chdir(folder);
                }
            }
            _ => drop(libc::kill(-1, libc::SIGCONT)),
        }
        *libc::__errno_location() = error;
    }
}

/// Tells the first process of a sandbox to stop all others in it, or to let them go on.
pub(crate) fn hold(first: libc::pid_t, stops: bool) -> io::Result<()> {
    tell(first, if stops { STOP } else { GO_ON })
}

/// Tells the first process of a sandbox to go into its working directory once more.
pub(crate) fn go_back(first: libc::pid_t) -> io::Result<()> {
    tell(first, GO_BACK)
}

fn tell(first: libc::pid_t, what: usize) -> io::Result<()> {
    let value = libc::sigval { sival_ptr: std::ptr::without_provenance_mut(what) };
    // SAFETY: plain values.
    check(unsafe { libc::sigqueue(first, HOLD, value) }).map(drop)
}

/// The next signal waiting on a descriptor made by [`receive_as_fd`].
pub(crate) fn next(signals: BorrowedFd<'_>) -> Option<libc::c_int> {
    // SAFETY: all-zero is a valid signalfd_siginfo.
    let mut info: libc::signalfd_siginfo = unsafe { std::mem::zeroed() };
    let size = size_of::<libc::signalfd_siginfo>();
    // SAFETY: `info` has exactly the size that is read.
    let got = unsafe { libc::read(signals.as_raw_fd(), (&raw mut info).cast(), size) };
    (got == size as isize).then_some(info.ssi_signo as libc::c_int)
}

/// What to wait for on one descriptor, and what was found.
#[derive(Clone, Copy)]
pub(crate) struct Interest<'a> {
    pub(crate) fd: BorrowedFd<'a>,
    pub(crate) read: bool,
    pub(crate) write: bool,
}

/// What a descriptor is ready for.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Ready {
    pub(crate) read: bool,
    /// The other side is gone; what it sent before may still be readable.
    pub(crate) hang_up: bool,
}

/// Waits until one descriptor is ready, or the timeout (none: for ever) has passed. An interruption
/// counts as nothing being ready.
pub(crate) fn wait<const N: usize>(
    interests: [Interest<'_>; N],
    timeout: Option<Duration>,
) -> io::Result<[Ready; N]> {
    let mut polled = interests.map(|interest| libc::pollfd {
        fd: interest.fd.as_raw_fd(),
        events: if interest.read { libc::POLLIN } else { 0 } | if interest.write { libc::POLLOUT } else { 0 },
        revents: 0,
    });
    let millis = timeout.map_or(-1, |t| t.as_millis().min(i32::MAX as u128) as libc::c_int);
    // SAFETY: the array and its length belong together.
    match check(unsafe { libc::poll(polled.as_mut_ptr(), N as libc::nfds_t, millis) }) {
        Ok(_) => {}
        Err(e) if e.kind() == io::ErrorKind::Interrupted => return Ok([Ready::default(); N]),
        Err(e) => return Err(e),
    }
    Ok(polled.map(|p| Ready {
        read: p.revents & libc::POLLIN != 0,
        hang_up: p.revents & (libc::POLLHUP | libc::POLLERR) != 0,
    }))
}
