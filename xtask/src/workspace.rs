//! Where things are: the root of the workspace, its files, and what cargo built.

use crate::failure::Failure;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which of cargo's two profiles a verb builds and runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Quick to build; what the tests run.
    Debug,
    /// What users run, and what is measured.
    Release,
}

impl Profile {
    /// Takes `--debug` or `--release` out of `args`; `default` where neither is given.
    pub fn take(args: &mut Vec<String>, default: Profile) -> Profile {
        let mut profile = default;
        args.retain(|arg| match arg.as_str() {
            "--debug" => {
                profile = Profile::Debug;
                false
            }
            "--release" => {
                profile = Profile::Release;
                false
            }
            _ => true,
        });
        profile
    }

    fn folder(self) -> &'static str {
        match self {
            Profile::Debug => "debug",
            Profile::Release => "release",
        }
    }
}

/// The root of the workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or_else(|| Path::new("."))
}

/// Cargo's target folder.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A binary that cargo built.
pub fn binary(name: &str, profile: Profile) -> PathBuf {
    target().join(profile.folder()).join(name)
}

/// A `cargo` command in the root, by the same cargo that runs this program.
pub fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args(args);
    command
}

/// `cargo build -p PACKAGE` in a profile.
pub fn build(package: &str, profile: Profile) -> Command {
    let mut command = cargo(&["build", "-p", package]);
    if profile == Profile::Release {
        command.arg("--release");
        use_counts(&mut command);
    }
    command
}

/// What release builds know of what is often run: see `train`.
pub fn release_profile() -> PathBuf {
    root().join("apps/elysium/release.profdata")
}

/// How release builds that count, or know what was counted, are linked: each crate by itself and what it calls brought
/// in, since to lay out the whole program at once by its counts takes half an hour of a processor. The names of functions
/// depend on it, so both do it the same way.
pub fn link_by_parts(command: &mut Command) {
    command.args(["--config", "profile.release.lto='thin'"]);
}

/// The names of functions tell the machine that they were compiled for, so for others the counts are nothing.
fn use_counts(command: &mut Command) {
    let (counted, own) = (release_profile(), std::env::var_os("RUSTFLAGS"));
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) || own.is_some() || !counted.is_file() {
        return;
    }
    link_by_parts(command);
    // The place of a clone may have blanks, so that the flags are parted by another sign.
    let counted = format!("-Cprofile-use={}", counted.display());
    let flags = [
        counted.as_str(),
        // What was changed since does not fit, which is no fault.
        "-Cllvm-args=-no-pgo-warn-mismatch",
        // What is seldom run is inlined where that makes it smaller; what is often run is as before.
        "-Cllvm-args=-inline-threshold=75",
        "-Clink-arg=-Wl,--icf=all",
    ];
    command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
}

/// The region as the tests drive it: of the same libraries as the tests of all crates, which would be compiled
/// again with other features.
pub fn build_for_tests() -> Command {
    cargo(&["build", "-p", "elysium", "--features", "testing"])
}

/// Whether a program can be started at all.
pub fn installed(program: &str, probe: &str) -> bool {
    Command::new(program).arg(probe).output().is_ok_and(|output| output.status.success())
}

/// Names of the folders directly under `folder`, sorted.
pub fn folders(folder: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(root().join(folder)) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

/// Every file git knows or would add, as a path from the root with `/`.
pub fn files() -> Result<Vec<String>, Failure> {
    let output = Command::new("git")
        .current_dir(root())
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .output()
        .map_err(|error| Failure::new(format!("git cannot be run: {error}")))?;
    if !output.status.success() {
        return Err(Failure::new("git ls-files failed: is this a clone of the repository?"));
    }
    let listing = String::from_utf8_lossy(&output.stdout);
    let mut paths: Vec<String> =
        listing.split('\0').filter(|path| !path.is_empty()).map(String::from).collect();
    paths.sort();
    paths.dedup();
    Ok(paths)
}

/// The text of a file at the last commit, if it was there.
pub fn committed(path: &str) -> Option<String> {
    let output =
        Command::new("git").current_dir(root()).args(["show", &format!("HEAD:{path}")]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
