//! `bench`: the region beside its two floors, on the same signed requests in one interleaved run.
//!
//! Builds the release binary and the load generator (xtask/bench) and runs the latter.
//! `--peers` calls an external harness, named by ELYSIUM_PEER_BENCH, which measures other servers too.

use crate::failure::Failure;
use crate::step;
use crate::workspace::{self, Profile};
use std::process::Command;

const PEER_HARNESS: &str = "ELYSIUM_PEER_BENCH";

/// Builds what is measured and what measures, and runs it with the remaining arguments.
pub fn run(args: &[String]) -> Result<(), Failure> {
    step::run("build the region", &mut workspace::build("elysium", Profile::Release))?;
    if let Some(at) = args.iter().position(|arg| arg == "--peers") {
        let mut rest = args.to_vec();
        rest.remove(at);
        return peers(&rest);
    }
    step::run("build the load generator", &mut workspace::build("bench-load", Profile::Release))?;
    let mut load = Command::new(workspace::binary("bench-load", Profile::Release));
    load.current_dir(workspace::root())
        .arg("run")
        .arg("--bin")
        .arg(workspace::binary("elysium", Profile::Release));
    step::run("bench", load.args(args)).map(drop)
}

/// Hands the region to an external harness as one of its targets: `NAME=cmd:COMMAND` with the
/// placeholders `{port}` and `{dir}`, which that harness fills in.
fn peers(args: &[String]) -> Result<(), Failure> {
    let script = std::env::var_os(PEER_HARNESS)
        .ok_or_else(|| Failure::new(format!("{PEER_HARNESS} must name the harness that measures peers")))?;
    let region = workspace::binary("elysium", Profile::Release);
    let target = format!("elysium=cmd:{} start --port {{port}} --data-dir {{dir}}", region.display());
    let mut harness = Command::new("python3");
    // The region, which inherits it, would take the variable for a setting of its own.
    harness.env_remove(PEER_HARNESS).arg(script).args(["--target", &target]).args(args);
    step::run("peers", &mut harness).map(drop)
}
