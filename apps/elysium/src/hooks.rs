//! Init scripts, as LocalStack runs them: `.sh` and `.py` in `boot.d`, `start.d`, `ready.d`, `shutdown.d`,
//! in the order of their names. A script that fails does not stop the rest.

use gateway::{InitReport, ScriptState, Stage};
use sandbox::{Launcher, ResourceLimits, SpawnRequest, Status, Stdin};
use service::Log;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// Longest run of one script.
const SCRIPT_TIMEOUT: Duration = Duration::from_secs(300);

/// The scripts of a stage.
fn scripts(folder: &Path, stage: Stage) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.join(stage.folder())).into_iter().flatten().flatten();
    let mut scripts: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sh" || extension == "py"))
        .collect();
    scripts.sort();
    scripts
}

/// Runs all scripts of a stage, one after the other.
pub async fn run(launcher: &Launcher, folder: &Path, stage: Stage, endpoint: &str, report: &InitReport) {
    for script in scripts(folder, stage) {
        let name = script.file_name().unwrap_or_default().to_string_lossy().into_owned();
        report.script(stage, &name, ScriptState::Running);
        let result = run_script(launcher, &script, stage, endpoint).await;
        if let Err(why) = &result {
            Log::error("init", &format!("{}/{name}: {why}", stage.folder()));
        }
        report.script(
            stage,
            &name,
            if result.is_ok() { ScriptState::Successful } else { ScriptState::Error },
        );
    }
    report.complete(stage);
}

fn interpreter(script: &Path) -> &'static str {
    if script.extension().is_some_and(|extension| extension == "py") { "python3" } else { "sh" }
}

fn environment(endpoint: &str) -> Vec<(OsString, OsString)> {
    let inherited = std::env::vars_os().filter(|(name, _)| !name.to_string_lossy().starts_with("ELYSIUM_"));
    let ours = [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ];
    inherited.chain(ours.map(|(name, value)| (OsString::from(name), OsString::from(value)))).collect()
}

async fn run_script(launcher: &Launcher, script: &Path, stage: Stage, endpoint: &str) -> Result<(), String> {
    let request = SpawnRequest {
        executable: "/usr/bin/env".into(),
        argv: vec!["env".into(), interpreter(script).into(), script.as_os_str().to_owned()],
        env: environment(endpoint),
        working_dir: script.parent().unwrap_or(Path::new("/")).to_owned(),
        identity: None,
        limits: ResourceLimits::default(),
        stdin: Stdin::Empty,
        extra_fds: Arc::default(),
        boundary: None,
    };
    let mut child = launcher.spawn(request).await.map_err(|error| format!("{error:?}"))?;
    let id = stage.folder();
    if let Some(output) = child.stdout.take() {
        tokio::spawn(log_lines(id, output));
    }
    if let Some(output) = child.stderr.take() {
        tokio::spawn(log_lines(id, output));
    }
    #[expect(clippy::disallowed_methods, reason = "a script's time is host time")]
    let ended = tokio::time::timeout(SCRIPT_TIMEOUT, child.wait()).await;
    match ended {
        Ok(ended) if ended.status == Status::Code(0) => Ok(()),
        Ok(ended) => Err(format!("ended with {:?}", ended.status)),
        Err(_) => Err(format!("ran longer than {} seconds", SCRIPT_TIMEOUT.as_secs())),
    }
}

async fn log_lines(id: &'static str, output: impl AsyncRead + Unpin) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        Log::info(id, &line);
    }
}
