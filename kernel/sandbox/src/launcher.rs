//! The launcher process: this binary executed again with one socket as its standard input.
//!
//! It has one thread and one loop, reads fixed verbs, and starts, signals and reaps programs. Whatever
//! it is sent, it goes on; when its socket closes (the daemon ended, however) it ends every descendant,
//! also those that left their parent, session and group, and then itself.

mod bounded;
mod calls;
mod children;
mod entering;
pub(crate) mod groups;
mod inside;
mod root;
mod seeds;
mod serve;

pub(crate) use bounded::is_of_sandbox;

use crate::run_id::RunId;
use crate::sys;
use std::ffi::OsString;
use std::io;
use std::os::fd::RawFd;
use std::process::ExitCode;

/// First argument of a launcher process; the second is the run id its children bear.
pub(crate) const VERB: &str = "__launcher";

/// Where the daemon puts the launcher's end of the socket.
const SOCKET: RawFd = 0;

/// Must be the very first act of `main`, before any thread: when this process was started to be a
/// launcher, it is one until it ends, and `Some` is what `main` must return.
pub fn take_over_if_asked(args: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let mut args = args.into_iter().skip(1);
    if args.next()? != VERB {
        return None;
    }
    let run = args.next().and_then(|run| RunId::parse(run.to_str()?));
    let Some(run) = run else {
        eprintln!("{VERB} is started by the daemon, with the id of its run");
        return Some(ExitCode::from(2));
    };
    Some(main(SOCKET, &run))
}

/// Serves the socket until it closes or `Stop` is asked for, then ends all descendants.
pub fn main(socket: RawFd, run: &RunId) -> ExitCode {
    if !sys::socket::is_packet_socket(socket) {
        eprintln!("{VERB} is started by the daemon, with a socket as its standard input");
        return ExitCode::from(2);
    }
    match serve_until_closed(socket, run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("launcher: {e}");
            ExitCode::FAILURE
        }
    }
}

fn serve_until_closed(socket: RawFd, run: &RunId) -> io::Result<()> {
    let socket = sys::socket::adopt(socket)?;
    // Already a leader when started from a shell by hand; then there is nothing to leave.
    if let Err(e) = sys::process::leave_session()
        && e.kind() != io::ErrorKind::PermissionDenied
    {
        return Err(e);
    }
    sys::process::become_subreaper()?;
    let mut server = serve::Server::new(socket, run.clone())?;
    let served = server.serve();
    server.end();
    served
}
