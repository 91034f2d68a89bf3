//! `fuzz`: feeds the region hostile input while a watcher makes sure that others are served.
//!
//! The harness is tests/fuzz/fuzz.py; this builds the binary and passes the arguments on.

use crate::failure::Failure;
use crate::workspace::{self, Profile};
use crate::{step, suites};

/// Builds (release unless `--debug`) and runs the harness.
pub fn run(args: &[String]) -> Result<(), Failure> {
    let mut args = args.to_vec();
    let profile = Profile::take(&mut args, Profile::Release);
    step::run("build", &mut workspace::build("elysium", profile))?;
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    step::run("fuzz", &mut suites::fuzz(profile, &args)).map(drop)
}
