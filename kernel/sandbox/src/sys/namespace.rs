//! Namespaces, mounts and the network of a sandbox: what a process does to get a world of its own.
//!
//! All of it is for a process that the single-threaded launcher forked, and changes that process alone.

use super::{check, check_long};
use std::ffi::{CStr, CString};
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The namespaces of a sandbox, besides that of users.
pub(crate) const OWN: libc::c_int =
    libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS | libc::CLONE_NEWNET;
/// The namespace of users, which gives somebody who is not root the others.
pub(crate) const USERS: libc::c_int = libc::CLONE_NEWUSER;
/// The namespace of mounts.
pub(crate) const MOUNTS: libc::c_int = libc::CLONE_NEWNS;
/// The namespace of the network.
pub(crate) const NETWORK: libc::c_int = libc::CLONE_NEWNET;

/// Forks into new namespaces: the number of the child, or `None` in it. Only sound with one thread.
pub(crate) fn fork_into(flags: libc::c_int) -> io::Result<Option<i32>> {
    let flags = libc::c_long::from(flags | libc::SIGCHLD);
    // SAFETY: without a stack of its own the child goes on with a copy of everything, as after `fork`;
    // the caller has one thread, so the copy is a whole process.
    let pid = check_long(unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) })?;
    Ok((pid != 0).then_some(pid as i32))
}

/// Enters namespaces of a living process.
pub(crate) fn join(process: &OwnedFd, flags: libc::c_int) -> io::Result<()> {
    // SAFETY: plain values.
    check(unsafe { libc::setns(process.as_raw_fd(), flags) }).map(drop)
}

/// Shows a file or folder, with what is mounted below it, at another place too.
pub(crate) fn bind(source: &Path, target: &Path) -> io::Result<()> {
    let (source, target) = (text(source)?, text(target)?);
    let flags = libc::MS_BIND | libc::MS_REC;
    // SAFETY: C strings that live through the call; kind and data may be null for this request.
    check(unsafe { libc::mount(source.as_ptr(), target.as_ptr(), std::ptr::null(), flags, std::ptr::null()) })
        .map(drop)
}

/// A file or folder, with what is mounted below it, as a mount that is nowhere yet, less some abilities.
pub(crate) fn tree(source: &Path, without: Without) -> io::Result<OwnedFd> {
    use std::os::fd::FromRawFd;
    const CLONE: libc::c_int = 1;
    let source = text(source)?;
    let flags = CLONE | libc::O_CLOEXEC | libc::AT_RECURSIVE;
    // SAFETY: a C string that lives through the call; the descriptor returned is new and ours.
    let tree = unsafe {
        let made = libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, source.as_ptr(), flags);
        OwnedFd::from_raw_fd(check_long(made)? as RawFd)
    };
    set_attributes((tree.as_raw_fd(), c""), without, libc::AT_RECURSIVE | libc::AT_EMPTY_PATH)?;
    Ok(tree)
}

/// Mounts what [`tree`] made, within the namespace of this process.
pub(crate) fn attach(tree: &OwnedFd, target: &Path) -> io::Result<()> {
    const EMPTY_PATH: libc::c_int = 4;
    let target = text(target)?;
    // SAFETY: C strings that live through the call.
    check_long(unsafe {
        let (from, at) = (tree.as_raw_fd(), libc::AT_FDCWD);
        libc::syscall(libc::SYS_move_mount, from, c"".as_ptr(), at, target.as_ptr(), EMPTY_PATH)
    })
    .map(drop)
}

/// Gives a mounted file system in memory another size.
pub(crate) fn resize(target: &Path, options: &str) -> io::Result<()> {
    let (target, options) = (text(target)?, CString::new(options)?);
    let flags = libc::MS_REMOUNT | libc::MS_NOSUID | libc::MS_NODEV;
    let none = std::ptr::null();
    // SAFETY: C strings that live through the call; source and kind may be null for this request.
    check(unsafe { libc::mount(none, target.as_ptr(), none, flags, options.as_ptr().cast()) }).map(drop)
}

/// What is taken away from a mount.
#[derive(Clone, Copy)]
pub(crate) enum Without {
    /// Writing, devices and changes of user.
    Writing,
    /// Running and changes of user: for devices.
    Running,
}

/// Takes abilities away from a mount and all below it.
pub(crate) fn restrict(target: &Path, without: Without) -> io::Result<()> {
    set_attributes((libc::AT_FDCWD, &text(target)?), without, libc::AT_RECURSIVE)
}

/// Takes abilities away from a mount, not from what is mounted below it.
pub(crate) fn restrict_one(target: &Path, without: Without) -> io::Result<()> {
    set_attributes((libc::AT_FDCWD, &text(target)?), without, 0)
}

fn set_attributes((at, target): (RawFd, &CStr), without: Without, flags: libc::c_int) -> io::Result<()> {
    let nosuid = libc::MOUNT_ATTR_NOSUID;
    let set = nosuid
        | match without {
            Without::Writing => libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NODEV,
            Without::Running => libc::MOUNT_ATTR_NOEXEC,
        };
    let attributes = libc::mount_attr { attr_set: set, attr_clr: 0, propagation: 0, userns_fd: 0 };
    let size = size_of::<libc::mount_attr>();
    // SAFETY: a C string and a structure of the size that is told, both alive during the call.
    check_long(unsafe {
        libc::syscall(libc::SYS_mount_setattr, at, target.as_ptr(), flags, &raw const attributes, size)
    })
    .map(drop)
}

/// Mounts a file system that belongs to nothing on a disk, without changes of user and devices.
pub(crate) fn mount(kind: &str, target: &Path, options: &str, runs: bool) -> io::Result<()> {
    let (kind, target, options) = (CString::new(kind)?, text(target)?, CString::new(options)?);
    let flags = libc::MS_NOSUID | libc::MS_NODEV | if runs { 0 } else { libc::MS_NOEXEC };
    // SAFETY: C strings that live through the call.
    check(unsafe {
        libc::mount(kind.as_ptr(), target.as_ptr(), kind.as_ptr(), flags, options.as_ptr().cast())
    })
    .map(drop)
}

/// Makes a mount the root of this process and lets go of the root that was.
pub(crate) fn pivot_into(root: &Path) -> io::Result<()> {
    std::env::set_current_dir(root)?;
    // SAFETY: C strings; the old root is put over the new one and taken away again.
    unsafe {
        check_long(libc::syscall(libc::SYS_pivot_root, c".".as_ptr(), c".".as_ptr()))?;
        check(libc::umount2(c".".as_ptr(), libc::MNT_DETACH))?;
    }
    std::env::set_current_dir("/")
}

/// The name of this machine in its own namespace.
pub(crate) fn set_host_name(name: &str) -> io::Result<()> {
    // SAFETY: pointer and length belong together.
    check(unsafe { libc::sethostname(name.as_ptr().cast(), name.len()) }).map(drop)
}

/// Brings up the loopback of a new network, which has nothing else.
pub(crate) fn raise_loopback() -> io::Result<()> {
    use std::os::fd::FromRawFd;
    // SAFETY: plain values; the descriptor returned is new and ours.
    let socket = unsafe {
        OwnedFd::from_raw_fd(check(libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0))?)
    };
    // SAFETY: all-zero is a valid request.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[0] = b'l' as libc::c_char;
    request.ifr_name[1] = b'o' as libc::c_char;
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: the request is a local of the right type.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw const request) }).map(drop)
}

/// Makes every IPv4 address one of this network's own loopback, where whoever has a socket bound to it is
/// reached, and `own` the one that connections come from.
pub(crate) fn route_everything_here(own: Ipv4Addr) -> io::Result<()> {
    const NEW_ADDRESS: u16 = 20;
    const NEW_ROUTE: u16 = 24;
    // Attributes of addresses and of routes.
    let (address_attribute, local, output, source) = (1, 2, 4, 7);
    const LOOPBACK: u32 = 1;
    // The scope, the table, who made it, and what kind it is of.
    let (of_host, table, fixed, own_kind) = (254, 255, 4, 2);
    let (family, own, loopback) = (libc::AF_INET as u8, own.octets(), LOOPBACK.to_ne_bytes());
    let mut address = vec![family, 32, 0, of_host];
    address.extend(loopback);
    address.extend(attribute(local, own));
    address.extend(attribute(address_attribute, own));
    let mut route = vec![family, 0, 0, 0, table, fixed, of_host, own_kind, 0, 0, 0, 0];
    route.extend(attribute(output, loopback));
    route.extend(attribute(source, own));
    ask_network(NEW_ADDRESS, &address)?;
    ask_network(NEW_ROUTE, &route)
}

/// An attribute of a request to the network, of four bytes.
fn attribute(kind: u16, value: [u8; 4]) -> [u8; 8] {
    let ([a, b], [c, d], [e, f, g, h]) = (8_u16.to_ne_bytes(), kind.to_ne_bytes(), value);
    [a, b, c, d, e, f, g, h]
}

/// Asks the network of this process to make something, and waits for the answer.
fn ask_network(kind: u16, body: &[u8]) -> io::Result<()> {
    use std::os::fd::FromRawFd;
    const HEAD: usize = 16;
    let flags = (libc::NLM_F_REQUEST | libc::NLM_F_ACK | libc::NLM_F_CREATE | libc::NLM_F_EXCL) as u16;
    let length = (HEAD + body.len()) as u32;
    let mut request = length.to_ne_bytes().to_vec();
    request.extend(kind.to_ne_bytes());
    request.extend(flags.to_ne_bytes());
    request.extend([0; 8]);
    request.extend(body);
    let mut answer = [0_u8; 512];
    // SAFETY: plain values, then buffers with their lengths; the descriptor returned is new and ours.
    let got = unsafe {
        let made = libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, libc::NETLINK_ROUTE);
        let socket = OwnedFd::from_raw_fd(check(made)?);
        check_long(libc::send(socket.as_raw_fd(), request.as_ptr().cast(), request.len(), 0) as _)?;
        check_long(libc::recv(socket.as_raw_fd(), answer.as_mut_ptr().cast(), answer.len(), 0) as _)?
    };
    let error = answer.get(HEAD..HEAD + 4).and_then(|bytes| bytes.first_chunk().copied());
    match error.map(i32::from_ne_bytes) {
        Some(0) if got >= (HEAD + 4) as libc::c_long => Ok(()),
        Some(error) if error < 0 => Err(io::Error::from_raw_os_error(-error)),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// A connection to a port of loopback, which may still be coming about.
pub(crate) fn connect(port: u16) -> io::Result<OwnedFd> {
    use std::os::fd::FromRawFd;
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: plain values; the descriptor returned is new and ours.
    let socket = unsafe { OwnedFd::from_raw_fd(check(libc::socket(libc::AF_INET, kind, 0))?) };
    let address = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: port.to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from(std::net::Ipv4Addr::LOCALHOST).to_be() },
        sin_zero: [0; 8],
    };
    let size = size_of::<libc::sockaddr_in>() as libc::socklen_t;
    // SAFETY: the address is a local of the size that is told.
    let connected = check(unsafe { libc::connect(socket.as_raw_fd(), (&raw const address).cast(), size) });
    match connected {
        Err(e) if e.raw_os_error() != Some(libc::EINPROGRESS) => Err(e),
        _ => Ok(socket),
    }
}

fn text(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}
