//! `check`: format, lints, house rules and unit tests. What to run before each commit.

use crate::failure::Failure;
use crate::report::Report;
use crate::tally::Tally;
use crate::{tidy, workspace};

/// Runs the lints, then the unit tests of libraries and binaries.
pub fn run(_args: &[String]) -> Result<(), Failure> {
    let mut report = Report::default();
    lints(&mut report);
    rust_tests(&mut report, &["--workspace", "--lib", "--bins"], None);
    report.close()
}

/// The steps that run no test: format, clippy, tidy.
pub fn lints(report: &mut Report) {
    report.step("format", &mut workspace::cargo(&["fmt", "--all", "--check"]));
    report.step(
        "clippy",
        &mut workspace::cargo(&["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    );
    report.record(tidy::run(&[]));
}

/// Runs Rust tests: by nextest where that cargo plugin is installed, else by `cargo test`.
pub fn rust_tests(report: &mut Report, selection: &[&str], filter: Option<&str>) -> bool {
    if workspace::installed("cargo-nextest", "--version") {
        let mut nextest =
            workspace::cargo(&["nextest", "run", "--no-fail-fast", "--no-tests=pass", "--retries=1"]);
        nextest.args(["--status-level", "fail", "--final-status-level", "slow", "--hide-progress-bar"]);
        nextest.args(selection).args(filter);
        return report.suite("rust tests", &mut nextest, Tally::of_nextest);
    }
    let mut test = workspace::cargo(&["test", "--quiet", "--no-fail-fast"]);
    test.args(selection).args(filter);
    report.suite("rust tests", &mut test, Tally::of_cargo_test)
}
