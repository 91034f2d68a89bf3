//! `up`: builds the region and runs it in the foreground. Arguments go on to `elysium start`.

use crate::failure::Failure;
use crate::step;
use crate::workspace::{self, Profile};
use std::process::Command;

/// Builds (release unless `--debug`) and starts.
pub fn run(args: &[String]) -> Result<(), Failure> {
    let mut args = args.to_vec();
    let profile = Profile::take(&mut args, Profile::Release);
    step::run("build", &mut workspace::build("elysium", profile))?;
    let mut start = Command::new(workspace::binary("elysium", profile));
    start.arg("start").args(&args);
    step::heading(&step::line(&start));
    replace_self(start)
}

/// The region takes the place of this process, so that signals and the exit code are its own.
#[cfg(unix)]
fn replace_self(mut start: Command) -> Result<(), Failure> {
    use std::os::unix::process::CommandExt;
    Err(start.exec().into())
}

#[cfg(not(unix))]
fn replace_self(mut start: Command) -> Result<(), Failure> {
    let status = start.status()?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("elysium start: {status}"))) }
}
