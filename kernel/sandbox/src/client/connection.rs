//! One launcher process and the socket to it.

use super::{LauncherConfig, LauncherError};
use crate::launcher::VERB;
use crate::process::Handle;
use crate::protocol::MAX_MESSAGE;
use crate::run_id::RUN_ID_VARIABLE;
use crate::sys::socket;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::io::unix::AsyncFd;

/// A launcher that was let go and has not ended by then hangs: it gives up earlier than this itself.
const PATIENCE: Duration = Duration::from_secs(15);

/// Dropping it closes the socket, upon which the launcher ends its descendants and itself.
pub(super) struct Connection {
    socket: AsyncFd<OwnedFd>,
    process: Child,
}

impl Connection {
    /// Starts a launcher. It inherits its socket as standard input, the daemon's standard error, and
    /// nothing else: no environment but the id of its run, by which its copies are found, and no other descriptor.
    pub(super) fn open(config: &LauncherConfig) -> Result<Self, LauncherError> {
        let (ours, theirs) = socket::pair(MAX_MESSAGE)?;
        let process = Command::new(&config.executable)
            .arg0("elysium-launcher")
            .args([VERB, &config.run.to_string()])
            .env_clear()
            .env(RUN_ID_VARIABLE, config.run.to_string())
            .current_dir("/")
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .spawn()?;
        let socket = socket::watch(ours)?;
        Ok(Self { socket, process })
    }

    pub(super) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The next packet; `None` at the end of the stream. Can be cancelled without losing one.
    pub(super) async fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            let mut ready = self.socket.readable().await?;
            match ready.try_io(|socket| socket::receive(socket.as_fd(), buffer)) {
                Ok(Ok(received)) => return Ok((received.len > 0).then_some(received.len)),
                Ok(Err(e)) if e.kind() == io::ErrorKind::Interrupted => {}
                Ok(Err(e)) => return Err(e),
                Err(_would_block) => {}
            }
        }
    }

    /// Sends one packet, waiting for room. Can be cancelled: it is sent whole or not at all.
    pub(super) async fn send(&self, packet: &[u8], fds: &[OwnedFd]) -> io::Result<()> {
        loop {
            let mut ready = self.socket.writable().await?;
            match ready.try_io(|socket| socket::send(socket.as_fd(), packet, fds)) {
                Ok(Err(e)) if e.kind() == io::ErrorKind::Interrupted => {}
                Ok(result) => return result,
                Err(_would_block) => {}
            }
        }
    }

    /// Ends the launcher process if it has not ended, and reaps it. Its children end with it. Blocks.
    pub(super) fn end(mut self) -> io::Result<()> {
        drop(self.socket);
        self.process.kill()?;
        self.process.wait().map(drop)
    }

    /// Closes the socket and lets the launcher end its descendants and itself; then reaps it. Blocks.
    pub(super) fn let_end(self) -> io::Result<()> {
        let Self { socket, mut process } = self;
        drop(socket);
        if !Handle::open(process.id())?.ended_within(PATIENCE)? {
            process.kill()?;
        }
        process.wait().map(drop)
    }
}
