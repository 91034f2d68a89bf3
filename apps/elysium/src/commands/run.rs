//! `run`: any tool, led here.

use super::{Failure, env};
use crate::client::Client;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

/// `run [--port P] -- COMMAND…`
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    let at = arguments.iter().position(|argument| argument == "--");
    let (before, command) = at.map_or((&[][..], arguments), |at| (&arguments[..at], &arguments[at + 1..]));
    let (client, _) = Client::of(before)?;
    let Some((program, rest)) = command.split_first() else {
        return Err(Failure::Usage("expected: run [--port P] -- COMMAND…".to_owned()));
    };
    let status = Command::new(program)
        .args(rest)
        .envs(env::variables(&client)?)
        .status()
        .map_err(|error| Failure::Failed(format!("{program} cannot be run: {error}")))?;
    // A signal's number above 128, as shells say it.
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    match u8::try_from(code) {
        Ok(0) => Ok(()),
        Ok(code) => Err(Failure::Status(code)),
        Err(_) => Err(Failure::Status(1)),
    }
}
