//! A pair of sequenced-packet sockets that keep message boundaries and carry descriptors.

use super::check;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Most descriptors one message can carry.
pub(crate) const MAX_FDS: usize = 16;

const FD_BYTES: u32 = (MAX_FDS * size_of::<RawFd>()) as u32;
// SAFETY: CMSG_SPACE is arithmetic on its argument.
const CONTROL_BYTES: usize = unsafe { libc::CMSG_SPACE(FD_BYTES) } as usize;

/// Room for the ancillary data of one message, aligned as the kernel demands.
#[repr(C, align(8))]
struct Control([u8; CONTROL_BYTES]);

/// One received message: its bytes are in the caller's buffer.
pub(crate) struct Received {
    pub(crate) len: usize,
    pub(crate) fds: Vec<OwnedFd>,
    /// The message, or its descriptors, did not fit and were cut by the kernel.
    pub(crate) truncated: bool,
}

/// Both ends are non-blocking and close on exec. Each buffers at least two messages of `message` bytes.
pub(crate) fn pair(message: usize) -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [-1; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: `ends` has room for the two descriptors.
    check(unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) })?;
    // SAFETY: both were just made and belong to nobody else.
    let (left, right) = unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) };
    for end in [&left, &right] {
        grow_send_buffer(end, message * 2)?;
    }
    Ok((left, right))
}

fn grow_send_buffer(socket: &OwnedFd, bytes: usize) -> io::Result<()> {
    let value = bytes as libc::c_int;
    // SAFETY: the option's value is one int, alive during the call.
    check(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_SNDBUF,
            (&raw const value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    })
    .map(drop)
}

/// Lets tokio say when the socket is ready. Must be called within a tokio runtime.
pub(crate) fn watch(socket: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    let interest = Interest::READABLE | Interest::WRITABLE;
    // SAFETY: the descriptor is open and owned by the result, which nobody here borrows mutably, so
    // it stays the same one until it is closed by the result's end.
    Ok(unsafe { AsyncFd::register_with_interest(socket, interest) }?)
}

/// Whether `fd` is such a socket: guards the launcher's entry against being called by hand.
pub(crate) fn is_packet_socket(fd: RawFd) -> bool {
    let mut kind: libc::c_int = 0;
    let mut len = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: both pointers are to locals of the right size; a bad `fd` is an error, not undefined.
    let got =
        unsafe { libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_TYPE, (&raw mut kind).cast(), &mut len) };
    got == 0 && kind == libc::SOCK_SEQPACKET
}

/// Takes ownership of a descriptor inherited by number and makes it close on exec.
pub(crate) fn adopt(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: `fcntl` on a bad descriptor is an error, not undefined.
    check(unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) })?;
    // SAFETY: open, as the call above showed, and inherited for this purpose only.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The flags by which [`send`] sends: nobody else has this combination, of which the last means nothing here.
/// By it, filters of calls know what this crate sends itself.
pub(crate) const SENDING: libc::c_int = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL | libc::MSG_CONFIRM;

/// Sends one message without blocking; `WouldBlock` when the other side does not keep up.
pub(crate) fn send(socket: BorrowedFd<'_>, bytes: &[u8], fds: &[OwnedFd]) -> io::Result<()> {
    if fds.len() > MAX_FDS {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let mut control = Control([0; CONTROL_BYTES]);
    // SAFETY: all-zero is a valid msghdr.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &mut part;
    header.msg_iovlen = 1;
    if !fds.is_empty() {
        let raw: Vec<RawFd> = fds.iter().map(AsRawFd::as_raw_fd).collect();
        let size = size_of_val(raw.as_slice()) as u32;
        header.msg_control = control.0.as_mut_ptr().cast();
        // SAFETY: arithmetic on the argument.
        header.msg_controllen = unsafe { libc::CMSG_SPACE(size) } as _;
        // SAFETY: the control buffer is aligned and large enough for one header with MAX_FDS descriptors.
        unsafe {
            let first = libc::CMSG_FIRSTHDR(&header);
            (*first).cmsg_level = libc::SOL_SOCKET;
            (*first).cmsg_type = libc::SCM_RIGHTS;
            (*first).cmsg_len = libc::CMSG_LEN(size) as _;
            std::ptr::copy_nonoverlapping(raw.as_ptr().cast(), libc::CMSG_DATA(first), size as usize);
        }
    }
    // SAFETY: `header` points at locals and at slices that live through the call.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &header, SENDING) };
    check_long_size(sent).map(drop)
}

/// Receives one message without blocking. `len` 0 means end of file, or an empty message.
pub(crate) fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Received> {
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let mut control = Control([0; CONTROL_BYTES]);
    // SAFETY: all-zero is a valid msghdr.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = CONTROL_BYTES as _;
    let flags = libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;
    // SAFETY: `header` points at locals and at the caller's buffer, with their true sizes.
    let got = unsafe { libc::recvmsg(socket.as_raw_fd(), &mut header, flags) };
    let len = check_long_size(got)?;
    Ok(Received {
        len,
        fds: received_fds(&header),
        truncated: header.msg_flags & (libc::MSG_TRUNC | libc::MSG_CTRUNC) != 0,
    })
}

fn received_fds(header: &libc::msghdr) -> Vec<OwnedFd> {
    let mut fds = Vec::new();
    // SAFETY: the kernel filled the control buffer; the macros stay within `msg_controllen`, and
    // every descriptor in an SCM_RIGHTS message was installed for us and belongs to nobody else.
    unsafe {
        let mut at = libc::CMSG_FIRSTHDR(header);
        while !at.is_null() {
            if (*at).cmsg_level == libc::SOL_SOCKET && (*at).cmsg_type == libc::SCM_RIGHTS {
                let bytes = (*at).cmsg_len as usize - libc::CMSG_LEN(0) as usize;
                let data = libc::CMSG_DATA(at).cast::<RawFd>();
                for i in 0..bytes / size_of::<RawFd>() {
                    fds.push(OwnedFd::from_raw_fd(data.add(i).read_unaligned()));
                }
            }
            at = libc::CMSG_NXTHDR(header, at);
        }
    }
    fds
}

fn check_long_size(returned: isize) -> io::Result<usize> {
    usize::try_from(returned).map_err(|_| io::Error::last_os_error())
}
