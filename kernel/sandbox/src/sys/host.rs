//! What this kernel answers when asked for a feature. Each question is a trial, not a version check.

use super::{check, check_long};
use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Runs `trial` in a forked child and returns what it returned. Only sound in a process with one
/// thread, which is why the launcher probes and the daemon does not.
pub(crate) fn in_child(trial: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    // SAFETY: the launcher has one thread, so the copy is a whole process in which anything may run.
    let pid = check(unsafe { libc::fork() })?;
    if pid == 0 {
        let code = match trial() {
            Ok(()) => 0,
            Err(e) => e.raw_os_error().unwrap_or(libc::EIO),
        };
        // SAFETY: ends the child without running what the parent registered for its own exit.
        unsafe { libc::_exit(code) };
    }
    match super::process::reap_exactly(pid)?.map(|reaped| reaped.outcome) {
        Some(super::process::Outcome::Code(0)) => Ok(()),
        Some(super::process::Outcome::Code(errno)) => Err(io::Error::from_raw_os_error(errno)),
        _ => Err(io::Error::other("the trial was ended by a signal")),
    }
}

/// Enters new namespaces of these kinds; in a new one of users the caller becomes its root.
pub(crate) fn unshare(kinds: libc::c_int) -> io::Result<()> {
    // SAFETY: plain value.
    check(unsafe { libc::unshare(kinds) }).map(drop)
}

/// Makes mounts of this namespace invisible to the one it was copied from.
pub(crate) fn keep_mounts_private() -> io::Result<()> {
    let flags = libc::MS_REC | libc::MS_PRIVATE;
    // SAFETY: source, type and data may be null for this request.
    check(unsafe { libc::mount(std::ptr::null(), c"/".as_ptr(), std::ptr::null(), flags, std::ptr::null()) })
        .map(drop)
}

/// The version of Landlock's interface.
pub(crate) fn landlock_version() -> io::Result<i64> {
    const VERSION: u32 = 1;
    let none: *const libc::c_void = std::ptr::null();
    // SAFETY: with this flag the kernel demands a null pointer and a size of 0.
    check_long(unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, none, 0_usize, VERSION) })
}

/// Whether seccomp can end a whole process at a forbidden call.
pub(crate) fn seccomp_kills_processes() -> io::Result<()> {
    const ACTION_AVAILABLE: libc::c_uint = 2;
    const KILL_PROCESS: u32 = 0x8000_0000;
    let action = KILL_PROCESS;
    // SAFETY: the action is one u32, alive during the call.
    check_long(unsafe { libc::syscall(libc::SYS_seccomp, ACTION_AVAILABLE, 0, &raw const action) }).map(drop)
}

/// The version of KVM's interface behind an open `/dev/kvm`.
pub(crate) fn kvm_version(device: BorrowedFd<'_>) -> io::Result<i32> {
    const GET_API_VERSION: libc::c_ulong = 0xAE00;
    // SAFETY: this request takes no argument.
    check(unsafe { libc::ioctl(device.as_raw_fd(), GET_API_VERSION as _, 0) })
}

/// Asks KVM for an empty machine, which shows more than the device being there.
pub(crate) fn kvm_makes_machine(device: BorrowedFd<'_>) -> io::Result<()> {
    const CREATE_VM: libc::c_ulong = 0xAE01;
    // SAFETY: takes the machine type, 0; the descriptor returned is closed at once.
    unsafe {
        let machine = check(libc::ioctl(device.as_raw_fd(), CREATE_VM as _, 0))?;
        libc::close(machine);
    }
    Ok(())
}

/// The magic number of the file system at `path`.
pub(crate) fn file_system(path: &Path) -> io::Result<i64> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: all-zero is a valid statfs; the pointers are to locals.
    unsafe {
        let mut found: libc::statfs = std::mem::zeroed();
        check(libc::statfs(path.as_ptr(), &mut found))?;
        Ok(found.f_type)
    }
}

/// The magic number of a pure cgroup v2 hierarchy.
pub(crate) const CGROUP2_MAGIC: i64 = libc::CGROUP2_SUPER_MAGIC;

/// The kernel's release, as `uname -r` prints it.
pub(crate) fn kernel_release() -> String {
    std::fs::read_to_string("/proc/sys/kernel/osrelease").map(|s| s.trim().to_owned()).unwrap_or_default()
}
