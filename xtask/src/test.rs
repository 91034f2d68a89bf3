//! `test`: everything CI runs, with its seconds, ending in the plain line `N passed, N failed, N skipped`.
//!
//! With a filter only the tests it selects run: a crate's name selects that crate and the black-box
//! tests that carry the name; anything else is matched against the names of tests.

use crate::failure::Failure;
use crate::report::Report;
use crate::tally::Tally;
use crate::workspace::{self, Profile};
use crate::{check, python, step, suites, tidy};
use std::path::PathBuf;
use std::process::Command;
use std::time::SystemTime;

const BUILD: &str = "build";
const REGION: &str = "the region alone";
const RELINK: &str = "relink after an edited handler";

/// Runs it all; fails if anything failed.
pub fn run(args: &[String]) -> Result<(), Failure> {
    let filter = match args {
        [] => None,
        [filter] if !filter.starts_with('-') => Some(filter.as_str()),
        _ => return Err("cargo xtask test [filter]: at most one word".into()),
    };
    let mut report = Report::default();
    if filter.is_none() {
        check::lints(&mut report);
    }
    let built = match filter {
        None => build_everything(&mut report),
        Some(_) => report.step(BUILD, &mut workspace::build_for_tests()),
    };
    rust_tests(&mut report, filter);
    if built {
        suites_outside(&mut report, filter);
    } else {
        report.skip("black-box suites", "the region does not build");
    }
    compare_with_budgets(&report);
    report.close()
}

/// What drives the built region from outside. Without a Python of their own, torture, fuzz and Node still run.
fn suites_outside(report: &mut Report, filter: Option<&str>) {
    let python = python::ready().map_err(|failure| report.record(Err(failure))).ok();
    let blackbox = |report: &mut Report| {
        if let Some(python) = &python {
            suites::blackbox(report, python, filter);
        }
    };
    if filter.is_some() {
        return blackbox(report);
    }
    let others = |report: &mut Report| {
        let torture = &mut suites::torture(Profile::Debug, &["--rounds", "10"]);
        report.suite("torture", torture, Tally::of_plain);
        report.suite("fuzz", &mut suites::fuzz(Profile::Debug, &["--seconds", "5"]), Tally::of_plain);
        suites::node(report);
        if let Some(python) = &python {
            suites::differential(report, python);
        }
    };
    report.beside(blackbox, others);
}

/// Builds everything the tests need, then measures what one edited handler costs.
fn build_everything(report: &mut Report) -> bool {
    let everything = &mut workspace::cargo(&["build", "--workspace", "--all-targets"]);
    if !report.step(BUILD, everything) {
        return false;
    }
    // What else changes between all targets and one is no part of a relink.
    if !report.step(REGION, &mut workspace::build_for_tests()) {
        return false;
    }
    let Some(handler) = some_handler() else { return true };
    let touched = std::fs::File::options()
        .append(true)
        .open(&handler)
        .and_then(|file| file.set_modified(SystemTime::now()));
    match touched {
        Ok(()) => report.step(RELINK, &mut workspace::build_for_tests()),
        Err(error) => report.record(Err(error.into())),
    }
}

/// One operation's file, to be touched as an editor would.
fn some_handler() -> Option<PathBuf> {
    workspace::folders("services").iter().find_map(|room| {
        let ops = workspace::root().join("services").join(room).join("src/ops");
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(ops).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
        files.sort();
        files.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "rs"))
    })
}

fn rust_tests(report: &mut Report, filter: Option<&str>) {
    match filter {
        None => {
            check::rust_tests(report, &["--workspace"], None);
            // nextest leaves the examples in documentation out; only `names` has any.
            let mut examples = workspace::cargo(&["test", "--quiet", "--package", "names", "--doc"]);
            report.suite("examples in documentation", &mut examples, Tally::of_cargo_test);
        }
        Some(name) if is_package(name) => {
            check::rust_tests(report, &["--package", name], None);
        }
        Some(words) => {
            check::rust_tests(report, &["--workspace"], Some(words));
        }
    }
}

fn is_package(name: &str) -> bool {
    let mut pkgid: Command = workspace::cargo(&["pkgid", "--quiet", "--package", name]);
    pkgid.output().is_ok_and(|output| output.status.success())
}

/// Says where a step took longer than xtask/ratchets.txt grants. Seconds depend on the machine, so
/// this warns and fails nothing; the figures themselves may only shrink.
fn compare_with_budgets(report: &Report) {
    for (title, key) in [(BUILD, "build"), (RELINK, "relink"), ("rust tests", "rust-tests")] {
        let (Some(took), Some(budget)) = (report.took(title), tidy::seconds_budget(key)) else { continue };
        if took.as_secs_f64() > budget {
            step::heading("slow");
            println!("{title} took {:.1} s; its budget on two cores is {budget} s", took.as_secs_f64());
        }
    }
}
