//! A hold on one process by descriptor: waiting for its end and signalling it can never hit another
//! process that was given the same number later.

use crate::sys::{self, signals::Interest};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

/// A process that need not be a child of this one.
#[derive(Debug)]
pub struct Handle {
    descriptor: OwnedFd,
}

impl Handle {
    /// `NotFound` when no process has this number.
    pub fn open(pid: u32) -> io::Result<Self> {
        let pid = i32::try_from(pid).map_err(|_| io::ErrorKind::NotFound)?;
        match sys::process::open(pid) {
            Ok(descriptor) => Ok(Self { descriptor }),
            Err(e) if e.raw_os_error() == Some(libc::ESRCH) => Err(io::ErrorKind::NotFound.into()),
            Err(e) => Err(e),
        }
    }

    /// Sends a signal; an ended process is no error.
    pub fn signal(&self, signal: i32) -> io::Result<()> {
        match sys::process::signal_exactly(self.descriptor.as_fd(), signal) {
            Err(e) if e.raw_os_error() == Some(libc::ESRCH) => Ok(()),
            other => other,
        }
    }

    /// Ends the process at once, whatever it is doing.
    pub fn kill(&self) -> io::Result<()> {
        self.signal(libc::SIGKILL)
    }

    /// Blocks until the process has ended, at most `timeout`; says whether it has.
    pub fn ended_within(&self, timeout: Duration) -> io::Result<bool> {
        let interest = Interest { fd: self.descriptor.as_fd(), read: true, write: false };
        Ok(sys::signals::wait([interest], Some(timeout))?[0].read)
    }
}
