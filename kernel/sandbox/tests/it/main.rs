//! The launcher and the process runner, against real processes.

mod dotnet;
mod egress;
mod ending;
mod escapes;
mod limits;
mod node;
mod python;
mod ruby;
mod runner;
mod runtime_api;
mod runtimes;
mod seeds;
mod spawning;
mod sweeping;
mod waiting;
mod walls;

use sandbox::{Child, Launcher, LauncherConfig, ResourceLimits, RunId, SpawnRequest, Stdin};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::unix::pipe;

/// A failing test fails by then; a passing one never waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// The binary that can become a launcher.
const EXECUTABLE: &str = env!("CARGO_BIN_EXE_launcher-probe");

/// Prints the number of a process that left its parent, group and session, then stays.
const STRAYING: &str = "(setsid sh -c 'echo $$; exec sleep 600' &); exec sleep 600";

/// A run id no other test, nor another run of the tests, uses.
fn fresh_run() -> RunId {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    RunId::new(&format!("test-{}-{number}", std::process::id()), "1").unwrap()
}

async fn start() -> Launcher {
    start_as(fresh_run()).await
}

async fn start_as(run: RunId) -> Launcher {
    Launcher::start(LauncherConfig { executable: EXECUTABLE.into(), run }).await.unwrap()
}

fn program(path: &str, arguments: &[&str]) -> SpawnRequest {
    let name = Path::new(path).file_name().unwrap().to_owned();
    SpawnRequest {
        executable: path.into(),
        argv: std::iter::once(name).chain(arguments.iter().map(Into::into)).collect(),
        env: vec![("PATH".into(), "/usr/bin:/bin".into())],
        working_dir: "/".into(),
        identity: None,
        limits: ResourceLimits::default(),
        stdin: Stdin::Empty,
        extra_fds: Arc::default(),
        boundary: None,
    }
}

fn shell(script: &str) -> SpawnRequest {
    program("/bin/sh", &["-c", script])
}

async fn all(stream: &mut Option<pipe::Receiver>) -> String {
    let mut text = String::new();
    stream.take().unwrap().read_to_string(&mut text).await.unwrap();
    text
}

/// The first line of a child's output, as a number; what follows stays unread.
async fn first_number(child: &mut Child) -> u32 {
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).await.unwrap();
    child.stdout = Some(stdout.into_inner());
    line.trim().parse().unwrap_or_else(|_| panic!("not a number: {line:?}"))
}

/// The letter of a process's state; `None` when it has ended.
fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let state = stat.get(stat.rfind(')')? + 2..)?.chars().next()?;
    (state != 'Z' && state != 'X').then_some(state)
}

/// Looks until it holds; so often that only what never happens fails.
fn eventually(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..2_000_000 {
        if holds() {
            return;
        }
        std::thread::yield_now();
    }
    panic!("never: {what}");
}
