//! `torture`: kills the region under 32 writers, round after round, and looks for what it acknowledged.
//!
//! The harness is tests/torture/torture.py; this builds the binary and passes the arguments on.

use crate::failure::Failure;
use crate::workspace::{self, Profile};
use crate::{step, suites};

/// Builds (release unless `--debug`) and runs the harness.
pub fn run(args: &[String]) -> Result<(), Failure> {
    let mut args = args.to_vec();
    let profile = Profile::take(&mut args, Profile::Release);
    step::run("build", &mut workspace::build("elysium", profile))?;
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    step::run("torture", &mut suites::torture(profile, &args)).map(drop)
}
