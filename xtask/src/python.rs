//! A Python that holds exactly the packages of tests/requirements.txt.
//!
//! The machine's own `python3` serves where it has them all at those versions; else an environment is
//! made once under target/venv and kept until the list changes.

use crate::failure::Failure;
use crate::{step, workspace};
use std::path::PathBuf;
use std::process::Command;

const REQUIREMENTS: &str = "tests/requirements.txt";

/// Exits with 0 if the running Python has every `name==version` line of the file given to it.
const PROBE: &str = "import sys, importlib.metadata as m
pins = [l.split('==') for l in open(sys.argv[1]).read().split() if '==' in l]
sys.exit(any(m.version(name) != version for name, version in pins))";

/// The interpreter to run the Python suites and the generator with.
pub fn ready() -> Result<PathBuf, Failure> {
    let venv = workspace::target().join("venv");
    let own = venv.join("bin/python");
    for candidate in [own.clone(), PathBuf::from("python3")] {
        if holds_requirements(&candidate) {
            return Ok(candidate);
        }
    }
    let requirements = workspace::root().join(REQUIREMENTS);
    let advice =
        "python3 3.11 or newer with the module venv, and a package index that pip can reach, are needed";
    let explain = |failure: Failure| Failure::new(format!("{failure}\n  {advice}"));
    let mut make = Command::new("python3");
    step::run("a Python environment in target/venv", make.args(["-m", "venv", "--clear"]).arg(&venv))
        .map_err(explain)?;
    let mut install = Command::new(&own);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]).arg(&requirements);
    step::run("its packages", &mut install).map_err(explain)?;
    if holds_requirements(&own) {
        return Ok(own);
    }
    Err(Failure::new(format!("{REQUIREMENTS} was installed, and yet its versions are not there")))
}

fn holds_requirements(python: &PathBuf) -> bool {
    let requirements = workspace::root().join(REQUIREMENTS);
    Command::new(python)
        .args(["-c", PROBE])
        .arg(requirements)
        .output()
        .is_ok_and(|output| output.status.success())
}
