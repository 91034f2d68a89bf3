//! `bench`: the region beside its two floors, on the same signed requests in one interleaved run.
//!
//! Builds the release binary and the load generator (xtask/bench) and runs the latter; with `--debug` debug
//! binaries, to try what is measured, not to measure.
//! `--peers` calls an external harness, named by ELYSIUM_PEER_BENCH, which measures other servers too.

use crate::failure::Failure;
use crate::step;
use crate::workspace::{self, Profile};
use std::process::Command;

const PEER_HARNESS: &str = "ELYSIUM_PEER_BENCH";

/// Builds what is measured and what measures, and runs it with the remaining arguments.
pub fn run(args: &[String]) -> Result<(), Failure> {
    let mut args = args.to_vec();
    let profile = Profile::take(&mut args, Profile::Release);
    step::run("build the region", &mut workspace::build("elysium", profile))?;
    if let Some(at) = args.iter().position(|arg| arg == "--peers") {
        args.remove(at);
        return peers(profile, &args);
    }
    step::run("build the load generator", &mut workspace::build("bench-load", profile))?;
    let mut load = Command::new(workspace::binary("bench-load", profile));
    load.current_dir(workspace::root()).arg("run").arg("--bin").arg(workspace::binary("elysium", profile));
    step::run("bench", load.args(args)).map(drop)
}

/// Hands the region to an external harness as one of its targets: `NAME=cmd:COMMAND` with the
/// placeholders `{port}` and `{dir}`, which that harness fills in.
fn peers(profile: Profile, args: &[String]) -> Result<(), Failure> {
    let script = std::env::var_os(PEER_HARNESS)
        .ok_or_else(|| Failure::new(format!("{PEER_HARNESS} must name the harness that measures peers")))?;
    let region = workspace::binary("elysium", profile);
    let target = format!("elysium=cmd:{} start --port {{port}} --data-dir {{dir}}", region.display());
    let mut harness = Command::new("python3");
    // The region, which inherits it, would take the variable for a setting of its own.
    harness.env_remove(PEER_HARNESS).arg(script).args(["--target", &target]).args(args);
    step::run("peers", &mut harness).map(drop)
}
