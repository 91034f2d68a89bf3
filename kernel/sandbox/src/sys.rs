//! The system calls of this crate, each behind a safe function. Nothing here decides anything.

#![expect(unsafe_code, reason = "the one place where system calls without a safe wrapper are made")]

pub(crate) mod confine;
pub(crate) mod host;
pub(crate) mod namespace;
pub(crate) mod notify;
pub(crate) mod process;
pub(crate) mod signals;
pub(crate) mod socket;
pub(crate) mod spawn;

use std::io;

/// Turns the `-1` convention of system calls into a result.
fn check(returned: libc::c_int) -> io::Result<libc::c_int> {
    if returned == -1 { Err(io::Error::last_os_error()) } else { Ok(returned) }
}

/// As [`check`], for raw system calls.
fn check_long(returned: libc::c_long) -> io::Result<libc::c_long> {
    if returned == -1 { Err(io::Error::last_os_error()) } else { Ok(returned) }
}
