//! The project's tasks: `cargo xtask <verb>`.
//!
//! One file per verb, all of them in the list below. A verb streams its progress, and a step that
//! fails says which command repeats it alone.

mod bench;
mod check;
mod codegen;
mod coverage;
mod failure;
mod fuzz;
mod new_service;
mod python;
mod report;
mod step;
mod suites;
mod tally;
mod test;
mod tidy;
mod torture;
mod train;
mod up;
mod workspace;

use failure::Failure;
use std::process::ExitCode;

/// Name, what it does, and the function that does it.
type Verb = (&'static str, &'static str, fn(&[String]) -> Result<(), Failure>);

const VERBS: &[Verb] = &[
    (
        "up",
        "build the region and run it in the foreground  [--debug] [arguments of `elysium start`]",
        up::run,
    ),
    ("test", "everything CI runs, or what matches a crate or test name  [filter]", test::run),
    ("check", "format, lints, tidy and unit tests: before each commit", check::run),
    ("tidy", "the house rules  [--tighten]", tidy::run),
    ("codegen", "write the models from operations.toml  [--check]", codegen::run),
    (
        "bench",
        "the region against its two floors  [--quick] [--cases a,b] [--json FILE] [--peers]",
        bench::run,
    ),
    (
        "torture",
        "kill -9 under 32 writers, then look for what was acknowledged  [--rounds N] [--debug]",
        torture::run,
    ),
    ("train", "count what release builds run often, for the next ones  [--cases a,b]", train::run),
    ("fuzz", "hostile input while others are served  [--seconds N] [--debug]", fuzz::run),
    ("coverage", "which operations of each service are served  [--json] [--write]", coverage::run),
    ("new-service", "lay out a room with all its furniture  NAME OPERATION", new_service::run),
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, rest)) = args.split_first() else {
        usage();
        return ExitCode::from(2);
    };
    let Some((_, _, verb)) = VERBS.iter().find(|(verb, _, _)| verb == name) else {
        usage();
        return ExitCode::from(if matches!(name.as_str(), "help" | "--help" | "-h") { 0 } else { 2 });
    };
    match verb(rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nxtask {name}: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn usage() {
    eprintln!("cargo xtask <verb>\n");
    for (name, about, _) in VERBS {
        eprintln!("  {name:12} {about}");
    }
}
