//! `train`: has the compiler count what a release build does under the benchmark, and keeps that for the next ones.
//!
//! What is counted decides how release builds are laid out: what is often run is inlined and stands together, what is
//! seldom run stands aside. It lies in `release.profdata` beside the binary's source. What it does not know, because it
//! was changed or is new, is compiled as without it. See docs/adr/0016-release-builds-know-what-is-often-run.md.

use crate::failure::Failure;
use crate::step;
use crate::workspace::{self, Profile};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Each case runs for so long, once, and an object of so many megabytes goes both ways.
const LOAD: [&str; 6] = ["--rounds", "1", "--seconds", "2", "--large-mb", "64"];

/// Builds what counts, drives it with the benchmark's cases (or those that arguments choose), keeps the counts.
pub fn run(args: &[String]) -> Result<(), Failure> {
    let merger = merger()?;
    let counts = workspace::target().join("training");
    let mut counting = workspace::cargo(&["build", "-p", "elysium", "--release"]);
    workspace::link_by_parts(&mut counting);
    step::run("build what counts", counting.env("RUSTFLAGS", flag("-Cprofile-generate=", &counts)?))?;
    // The next build takes its place.
    let region = workspace::target().join("elysium-that-counts");
    std::fs::copy(workspace::binary("elysium", Profile::Release), &region)?;
    step::run("build the load generator", &mut workspace::build("bench-load", Profile::Release))?;
    // What compiled the region has counted, too, and whoever trained before.
    if counts.exists() {
        std::fs::remove_dir_all(&counts)?;
    }
    let mut load = Command::new(workspace::binary("bench-load", Profile::Release));
    load.current_dir(workspace::root()).arg("run").arg("--bin").arg(&region).args(LOAD).args(args);
    step::run("count", &mut load)?;
    let mut merge = Command::new(merger);
    merge.args(["merge", "--sparse", "--output"]).arg(workspace::release_profile()).arg(&counts);
    step::run("merge", &mut merge).map(drop)
}

fn flag(name: &str, place: &Path) -> Result<String, Failure> {
    let place = place.to_str().filter(|place| !place.contains(char::is_whitespace));
    let place =
        place.ok_or_else(|| Failure::new("the target folder's path has blanks, which RUSTFLAGS part"))?;
    Ok(format!("{name}{place}"))
}

/// The program that merges counts: of the compiler's own version, since their form changes with it.
fn merger() -> Result<PathBuf, Failure> {
    let said =
        Command::new("rustc").current_dir(workspace::root()).args(["--print", "target-libdir"]).output()?;
    let libraries = PathBuf::from(String::from_utf8_lossy(&said.stdout).trim());
    let place = libraries.with_file_name("bin").join("llvm-profdata");
    if place.is_file() {
        return Ok(place);
    }
    Err(Failure::new("llvm-profdata is missing: `rustup component add llvm-tools` brings it"))
}
