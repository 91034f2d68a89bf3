//! A stand-in for the daemon: the launcher without the region around it. The tests start it to be
//! killed and counted; by hand, `launcher-probe probe` prints what this host can do and
//! `launcher-probe churn 1000` what starting a program costs.

use sandbox::{
    Boundary, Child, Launcher, LauncherConfig, LauncherError, ResourceLimits, RunId, SpawnRequest, Stdin,
    Walls,
};
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::io::AsyncReadExt;

fn main() -> ExitCode {
    if let Some(code) = sandbox::launcher::take_over_if_asked(std::env::args_os()) {
        return code;
    }
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    let outcome = match args.split_first() {
        Some((verb, [])) if verb == "probe" => in_runtime(probe()),
        Some((verb, [count])) if verb == "churn" => in_runtime(churn(count)),
        Some((verb, [run, script])) if verb == "hold" => in_runtime(hold(run, script, None)),
        Some((verb, [run, script, stage])) if verb == "wall" => in_runtime(hold(run, script, Some(stage))),
        _ => {
            eprintln!(
                "usage: launcher-probe probe | churn <count> | hold <run id> <shell script> | \
                 wall <run id> <shell script> <empty folder>"
            );
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

fn in_runtime(work: impl Future<Output = Result<(), LauncherError>>) -> Result<(), LauncherError> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

async fn start(run: RunId) -> Result<Launcher, LauncherError> {
    Launcher::start(LauncherConfig { executable: "/proc/self/exe".into(), run }).await
}

async fn probe() -> Result<(), LauncherError> {
    let run = RunId::new("probe", "once").ok_or_else(|| LauncherError::Refused("no run id".into()))?;
    let probe = start(run).await?.probe().await?;
    writeln!(std::io::stdout(), "{probe:#?}")?;
    Ok(())
}

/// Starts the script, prints the numbers of the launcher and of the script, passes its output on and
/// waits to be killed. With a stage, it runs within walls.
async fn hold(run: &OsString, script: &OsString, stage: Option<&OsString>) -> Result<(), LauncherError> {
    let run =
        run.to_str().and_then(RunId::parse).ok_or_else(|| LauncherError::Refused("no run id".into()))?;
    let launcher = start(run).await?;
    let argv = vec!["sh".into(), "-c".into(), script.clone()];
    let walls = |stage: &OsString| Walls {
        stage: stage.into(),
        memory_bytes: 64 << 20,
        tmp_bytes: 1 << 20,
        processes: 64,
        ..Walls::default()
    };
    let boundary = stage.map(|stage| Boundary::Own(Box::new(walls(stage))));
    let mut child = launcher.spawn(SpawnRequest { boundary, ..program("/bin/sh", argv) }).await?;
    writeln!(std::io::stdout(), "{} {}", launcher.pid(), child.pid())?;
    if let Some(mut stdout) = child.stdout.take() {
        let mut buffer = [0; 4096];
        loop {
            match stdout.read(&mut buffer).await? {
                0 => break,
                len => std::io::stdout().write_all(buffer.get(..len).unwrap_or_default())?,
            }
        }
    }
    std::future::pending().await
}

/// Starts a program so many times, one after the other and each to its end, and prints how many
/// descriptors this process and the launcher had open before and after, and the time of each in µs.
async fn churn(count: &OsString) -> Result<(), LauncherError> {
    let count: u32 = count.to_str().and_then(|n| n.parse().ok()).unwrap_or(1);
    let run = RunId::new("churn", "once").ok_or_else(|| LauncherError::Refused("no run id".into()))?;
    let launcher = start(run).await?;
    spawn_true(&launcher).await?.wait().await;
    let open = || -> std::io::Result<_> {
        let count = |pid: u32| Ok::<_, std::io::Error>(std::fs::read_dir(format!("/proc/{pid}/fd"))?.count());
        Ok((count(std::process::id())?, count(launcher.pid())?))
    };
    let before = open()?;
    let begin = tokio::time::Instant::now();
    for _ in 0..count {
        spawn_true(&launcher).await?.wait().await;
    }
    let whole = begin.elapsed().as_micros() / u128::from(count);
    let mut spawning = std::time::Duration::ZERO;
    for _ in 0..count {
        let begin = tokio::time::Instant::now();
        let child = spawn_true(&launcher).await?;
        spawning += begin.elapsed();
        child.wait().await;
    }
    let spawning = spawning.as_micros() / u128::from(count);
    let after = open()?;
    let out = &mut std::io::stdout();
    writeln!(out, "{} {} {} {}", before.0, before.1, after.0, after.1)?;
    writeln!(out, "{spawning} us to start, {whole} us to start and end")?;
    Ok(())
}

async fn spawn_true(launcher: &Launcher) -> Result<Child, LauncherError> {
    launcher.spawn(program("/bin/true", vec!["true".into()])).await
}

fn program(path: &str, argv: Vec<OsString>) -> SpawnRequest {
    SpawnRequest {
        executable: path.into(),
        argv,
        env: vec![("PATH".into(), "/usr/bin:/bin".into())],
        working_dir: "/".into(),
        identity: None,
        limits: ResourceLimits::default(),
        stdin: Stdin::Empty,
        extra_fds: Arc::default(),
        boundary: None,
    }
}
