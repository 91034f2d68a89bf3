//! What a process gives up for good before it runs code of somebody else: its user, its capabilities, most
//! places it could write to, and the system calls by which kernels are attacked.

use super::{check, check_long};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Becomes another user in one group. Raw calls: there is one thread, and the C library's wrappers would touch
/// others where memory is shared.
pub(crate) fn become_user(user: u32, group: u32, foreign: bool) -> io::Result<()> {
    // SAFETY: an empty list of groups, then plain values.
    unsafe {
        if foreign {
            let nothing: *const libc::gid_t = std::ptr::null();
            check_long(libc::syscall(libc::SYS_setgroups, 0, nothing))?;
        }
        check_long(libc::syscall(libc::SYS_setresgid, group, group, group))?;
        check_long(libc::syscall(libc::SYS_setresuid, user, user, user))?;
    }
    Ok(())
}

/// The capabilities that this kernel knows.
pub(crate) fn capabilities() -> impl Iterator<Item = libc::c_int> {
    // SAFETY: plain values.
    (0..64).take_while(|capability| unsafe { libc::prctl(libc::PR_CAPBSET_READ, *capability, 0, 0, 0) } != -1)
}

/// Takes every capability out of reach, also of what is executed later. Before the change of user.
pub(crate) fn bound_capabilities() -> io::Result<()> {
    for capability in capabilities() {
        // SAFETY: plain values.
        check(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) })?;
    }
    // SAFETY: plain values.
    check(unsafe { libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) }).map(drop)
}

/// What `capset` is told so that none is held: the header, of version 3 and this process, and the sets.
pub(crate) const NO_CAPABILITIES: ([u32; 2], [u32; 6]) = ([0x2008_0522, 0], [0; 6]);

/// Drops the capabilities that are held.
pub(crate) fn drop_capabilities() -> io::Result<()> {
    let (header, none) = NO_CAPABILITIES;
    // SAFETY: header and sets have the sizes of version 3.
    check_long(unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), none.as_ptr()) }).map(drop)
}

/// Cannot be looked into by others of its user, gains nothing by executing, and ends with its parent.
pub(crate) fn keep_to_itself() -> io::Result<()> {
    // SAFETY: plain values.
    unsafe {
        check(libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0))?;
        check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
    }
    end_with_parent()
}

/// Is ended when its parent ends. After each change of user, which clears it.
pub(crate) fn end_with_parent() -> io::Result<()> {
    // SAFETY: plain values.
    check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) }).map(drop)
}

/// What the daemon and its launcher chose for themselves ends here: signals have their usual meaning, files are
/// made as usual, and memory has huge pages. Makes system calls alone, as a child that shares memory must.
pub(crate) fn as_usual() {
    // SAFETY: all-zero is `SIG_DFL` with no flags; numbers 1 to 64 are the signals.
    unsafe {
        let default: libc::sigaction = std::mem::zeroed();
        for signal in 1..=64 {
            libc::sigaction(signal, &default, std::ptr::null_mut());
        }
        libc::umask(0o022);
    }
    go_without_huge_pages(false);
}

/// No signal is blocked any more.
pub(crate) fn unblock_signals() {
    // SAFETY: all-zero is an empty mask.
    unsafe {
        let none: libc::sigset_t = std::mem::zeroed();
        libc::sigprocmask(libc::SIG_SETMASK, &none, std::ptr::null_mut());
    }
}

/// Whether the memory of this process, and of what it starts, has no huge pages.
pub(crate) fn goes_without_huge_pages() -> bool {
    // SAFETY: plain values.
    unsafe { libc::prctl(libc::PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1 }
}

/// Whether it is to have none. A kernel that knows no such wish is as it is.
pub(crate) fn go_without_huge_pages(without: bool) {
    // SAFETY: plain values.
    unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, libc::c_ulong::from(without), 0, 0, 0) };
}

// Rights of Landlock's first interface, and those that later ones added.
const EXECUTE: u64 = 1;
const WRITE_FILE: u64 = 1 << 1;
const READ_FILE: u64 = 1 << 2;
const READ_DIR: u64 = 1 << 3;
const FIRST_ALL: u64 = (1 << 13) - 1;
const REFER: u64 = 1 << 13;
const TRUNCATE: u64 = 1 << 14;

/// How Landlock is told what is allowed.
pub(crate) struct FileRules {
    /// The structure by which a ruleset is made.
    pub(crate) ruleset: Vec<u8>,
    /// Places, and what is allowed below them.
    pub(crate) allowed: Vec<(String, u64)>,
}

/// The rules that let a process write below `writable` alone, and read everywhere; where the kernel can
/// (interface 6), neither signals nor abstract sockets leave it. `None` where there is no Landlock.
pub(crate) fn file_rules(writable: &[&str]) -> Option<FileRules> {
    let version = super::host::landlock_version().ok()?;
    let later = if version >= 2 { REFER } else { 0 } | if version >= 3 { TRUNCATE } else { 0 };
    let handled = FIRST_ALL | later;
    // Files, network, scopes; an older kernel knows a shorter structure.
    let fields = match version {
        ..=3 => 1,
        4..=5 => 2,
        _ => 3,
    };
    let ruleset = [handled, 0, 0b11].into_iter().take(fields).flat_map(u64::to_ne_bytes).collect();
    let mut allowed = vec![("/".to_owned(), EXECUTE | READ_FILE | READ_DIR)];
    allowed.extend(writable.iter().map(|place| ((*place).to_owned(), handled)));
    allowed.push(("/dev".to_owned(), READ_FILE | READ_DIR | WRITE_FILE));
    Some(FileRules { ruleset, allowed })
}

/// The structure that allows something below an open folder.
pub(crate) fn beneath(allowed: u64, folder: RawFd) -> Vec<u8> {
    [allowed.to_ne_bytes().as_slice(), &folder.to_ne_bytes()].concat()
}

/// Allowed below a folder: the one kind of rule that is made here.
pub(crate) const BENEATH: libc::c_int = 1;

/// Keeps this process and all it starts to the rules.
pub(crate) fn restrict_files(writable: &[&str]) -> io::Result<()> {
    let Some(FileRules { ruleset, allowed }) = file_rules(writable) else { return Ok(()) };
    // SAFETY: the structure lives through the call and is as long as told; the descriptor is ours.
    let rules = unsafe {
        let made = libc::syscall(libc::SYS_landlock_create_ruleset, ruleset.as_ptr(), ruleset.len(), 0);
        OwnedFd::from_raw_fd(check_long(made)? as RawFd)
    };
    for (place, rights) in allowed {
        // An image may have no devices.
        if place == "/dev" && !std::path::Path::new(&place).is_dir() {
            continue;
        }
        let folder = std::fs::File::open(place)?;
        let rule = beneath(rights, folder.as_raw_fd());
        // SAFETY: the rule has the size and the fields of its kind, and lives through the call.
        check_long(unsafe {
            libc::syscall(libc::SYS_landlock_add_rule, rules.as_raw_fd(), BENEATH, rule.as_ptr(), 0)
        })?;
    }
    // SAFETY: plain values.
    check_long(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, rules.as_raw_fd(), 0) }).map(drop)
}

/// How `seccomp` is asked to put a filter before calls, and to give what hands them over.
pub(crate) const SET_MODE_FILTER: libc::c_uint = 1;
pub(crate) const NEW_LISTENER: libc::c_ulong = 8;

/// Puts a filter before every system call of this process and all it starts, for good. Where it hands calls
/// over, gives the descriptor by which they are received.
pub(crate) fn filter_calls(program: &[libc::sock_filter], hands_over: bool) -> io::Result<Option<OwnedFd>> {
    let program = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?,
        filter: program.as_ptr().cast_mut(),
    };
    let flags = if hands_over { NEW_LISTENER } else { 0 };
    // SAFETY: the program and its length belong together; the kernel checks what it says. The descriptor
    // returned is new and ours.
    unsafe {
        let made = check_long(libc::syscall(libc::SYS_seccomp, SET_MODE_FILTER, flags, &raw const program))?;
        Ok(hands_over.then(|| OwnedFd::from_raw_fd(made as RawFd)))
    }
}
