//! The suites that drive the built binary from outside: boto3, Node, torture, fuzz.

use crate::failure::Failure;
use crate::report::Report;
use crate::step;
use crate::tally::Tally;
use crate::workspace::{self, Profile};
use std::path::Path;
use std::process::Command;

/// tests/blackbox: boto3, the AWS CLI and Terraform, in two processes with a region each. The files of tests are
/// dealt out whole, since what a file sets up is for its own tests.
pub fn blackbox(report: &mut Report, python: &Path, filter: Option<&str>) {
    let pytest = |how: &[&str]| {
        let mut pytest = Command::new(python);
        pytest.current_dir(workspace::root());
        pytest.env("ELYSIUM_BIN", workspace::binary("elysium", Profile::Debug));
        pytest.args([
            "-m",
            "pytest",
            "-q",
            "-ra",
            "-o",
            "cache_dir=target/pytest",
            "--tb=short",
            "tests/blackbox",
        ]);
        pytest.args(how);
        if let Some(words) = filter {
            pytest.args(["-k", words]);
        }
        pytest
    };
    let all = &mut pytest(&["-n", "2", "--dist", "loadfile"]);
    let failed_only = &mut pytest(&["--last-failed", "--last-failed-no-failures", "none"]);
    report.suite_twice("black-box tests", all, failed_only, Tally::of_pytest);
}

/// tests/differential: botocore's serialisers and parsers against the codecs, over every generated operation.
pub fn differential(report: &mut Report, python: &Path) {
    let mut differ = Command::new(python);
    differ.current_dir(workspace::root()).arg("tests/differential/differ.py");
    differ.arg("--binary").arg(workspace::binary("wire-dump", Profile::Debug));
    report.suite("differential test", &mut differ, Tally::of_plain);
}

/// tests/node: the AWS SDK for JavaScript.
pub fn node(report: &mut Report) {
    let title = "node suite";
    if !workspace::installed("node", "--version") || !workspace::installed("npm", "--version") {
        return report.skip(title, "node and npm are not installed");
    }
    if let Err(failure) = node_packages() {
        report.record(Err(failure));
        return;
    }
    let mut node = Command::new("node");
    node.current_dir(workspace::root()).env("ELYSIUM_BIN", workspace::binary("elysium", Profile::Debug));
    // Files by name: what a folder means here differs between versions of Node.
    node.args(["--test", "--test-reporter=tap"]).args(node_tests());
    report.suite(title, &mut node, Tally::of_tap);
}

fn node_tests() -> Vec<String> {
    let files = workspace::files().unwrap_or_default();
    files.into_iter().filter(|path| path.starts_with("tests/node/") && path.ends_with(".test.js")).collect()
}

/// `npm ci`, unless what is installed is already what the lock file says.
fn node_packages() -> Result<(), Failure> {
    let folder = workspace::root().join("tests/node");
    let lock = std::fs::read(folder.join("package-lock.json"))?;
    let stamp = folder.join("node_modules/.installed-lock.json");
    if std::fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    let mut npm = Command::new("npm");
    npm.current_dir(&folder).args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
    step::run("npm ci in tests/node", &mut npm)?;
    Ok(std::fs::write(stamp, lock)?)
}

/// tests/torture against a built binary.
pub fn torture(profile: Profile, args: &[&str]) -> Command {
    harness("tests/torture/torture.py", profile, args)
}

/// tests/fuzz against a built binary.
pub fn fuzz(profile: Profile, args: &[&str]) -> Command {
    harness("tests/fuzz/fuzz.py", profile, args)
}

/// Both harnesses need nothing but Python's standard library.
fn harness(script: &str, profile: Profile, args: &[&str]) -> Command {
    let mut command = Command::new("python3");
    command.current_dir(workspace::root()).arg(script);
    command.arg("--bin").arg(workspace::binary("elysium", profile)).args(args);
    command
}
