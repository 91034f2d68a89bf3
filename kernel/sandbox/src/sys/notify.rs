//! Calls that the kernel hands over for judgement (seccomp's user notification): which they are, what lies
//! in the caller's memory, and the answer. The caller waits in the kernel meanwhile.

use super::{check, check_long};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// A call that waits for its answer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Call {
    pub(crate) id: u64,
    /// The thread that calls, by its number out here.
    pub(crate) thread: i32,
    pub(crate) number: libc::c_long,
    pub(crate) arguments: [u64; 6],
}

/// As the kernel writes it.
#[repr(C)]
#[derive(Default)]
struct Notification {
    id: u64,
    thread: u32,
    flags: u32,
    number: i32,
    architecture: u32,
    instruction: u64,
    arguments: [u64; 6],
}

/// As the kernel reads it.
#[repr(C)]
struct Response {
    id: u64,
    value: i64,
    error: i32,
    flags: u32,
}

const RECEIVE: libc::c_ulong = 0xC050_2100;
const SEND: libc::c_ulong = 0xC018_2101;
const IS_VALID: libc::c_ulong = 0x4008_2102;
const CONTINUE: u32 = 1;

/// The next call; `None` when none waits, `BrokenPipe` when nobody is left who could call.
pub(crate) fn receive(calls: BorrowedFd<'_>) -> io::Result<Option<Call>> {
    // Asking for one where none waits would block.
    let mut polled = libc::pollfd { fd: calls.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one local.
    check(unsafe { libc::poll(&raw mut polled, 1, 0) })?;
    if polled.revents & libc::POLLIN == 0 {
        let over = polled.revents & (libc::POLLHUP | libc::POLLERR | libc::POLLNVAL) != 0;
        return if over { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(None) };
    }
    let mut notification = Notification::default();
    // SAFETY: a zeroed structure of the size that is part of the request's number.
    let received = check(unsafe { libc::ioctl(calls.as_raw_fd(), RECEIVE as _, &raw mut notification) });
    match received {
        Ok(_) => Ok(Some(Call {
            id: notification.id,
            thread: notification.thread as i32,
            number: libc::c_long::from(notification.number),
            arguments: notification.arguments,
        })),
        // It was killed, or a signal took it out of its call.
        Err(e) if matches!(e.raw_os_error(), Some(libc::ENOENT | libc::EINTR)) => Ok(None),
        Err(e) => Err(e),
    }
}

/// Lets the kernel make the call as if nobody had looked.
pub(crate) fn go_on(calls: BorrowedFd<'_>, call: &Call) -> io::Result<()> {
    respond(calls, &Response { id: call.id, value: 0, error: 0, flags: CONTINUE })
}

/// Answers the call with an error, unmade.
pub(crate) fn refuse(calls: BorrowedFd<'_>, call: &Call, error: i32) -> io::Result<()> {
    respond(calls, &Response { id: call.id, value: 0, error: -error, flags: 0 })
}

fn respond(calls: BorrowedFd<'_>, response: &Response) -> io::Result<()> {
    // SAFETY: a structure of the size that is part of the request's number.
    check(unsafe { libc::ioctl(calls.as_raw_fd(), SEND as _, &raw const *response) }).map(drop)
}

/// Whether the caller still waits: only then was what was read of its thread really its own.
pub(crate) fn waits(calls: BorrowedFd<'_>, call: &Call) -> bool {
    // SAFETY: the number lives through the call.
    unsafe { libc::ioctl(calls.as_raw_fd(), IS_VALID as _, &raw const call.id) == 0 }
}

/// Reads the memory of a thread's process; how many bytes could be.
pub(crate) fn read_memory(thread: i32, address: u64, into: &mut [u8]) -> io::Result<usize> {
    let ours = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    let its = libc::iovec { iov_base: address as *mut libc::c_void, iov_len: into.len() };
    // SAFETY: ours is a slice that lives through the call; its address is only looked up over there.
    let read = unsafe { libc::process_vm_readv(thread, &raw const ours, 1, &raw const its, 1, 0) };
    usize::try_from(read).map_err(|_| io::Error::last_os_error())
}

/// A descriptor of another process, as one of our own.
pub(crate) fn descriptor_of(process: BorrowedFd<'_>, number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: plain values; the descriptor returned is new and ours.
    unsafe {
        let fd = check_long(libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), number, 0))?;
        Ok(OwnedFd::from_raw_fd(fd as RawFd))
    }
}

/// Whether a socket carries a stream.
pub(crate) fn is_stream(socket: BorrowedFd<'_>) -> io::Result<bool> {
    let mut kind: libc::c_int = 0;
    let mut size = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: both pointers are to locals of the right size.
    check(unsafe {
        let (socket, kind) = (socket.as_raw_fd(), (&raw mut kind).cast());
        libc::getsockopt(socket, libc::SOL_SOCKET, libc::SO_TYPE, kind, &raw mut size)
    })?;
    Ok(kind == libc::SOCK_STREAM)
}

/// Whether calls on a descriptor return rather than wait.
pub(crate) fn returns_at_once(descriptor: BorrowedFd<'_>) -> io::Result<bool> {
    // SAFETY: plain values.
    let flags = check(unsafe { libc::fcntl(descriptor.as_raw_fd(), libc::F_GETFL) })?;
    Ok(flags & libc::O_NONBLOCK != 0)
}
