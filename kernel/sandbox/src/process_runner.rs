//! Level `process`: programs of the daemon's own user, kept within limits but behind no boundary.
//!
//! Descriptors and sudden growth are bounded by the kernel; the memory of the whole tree by a watchdog
//! that samples it. Files are not confined: read-only directories are only said to be so.

mod watchdog;

use crate::client::{Child, Launcher, LauncherError, SpawnRequest, Stdin};
use crate::procfs;
use crate::protocol::{ResourceLimits, Status};
use crate::runner::{
    End, Exit, Level, Limits, Output, Pending, Probe, Runner, RunnerError, Sandbox, Template, Usage,
};
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::unix::pipe;
use watchdog::Watchdog;

/// Private memory beyond which allocation itself fails, for what grows faster than it is sampled:
/// interpreters reserve more than they use, so it lies well above the limit.
const SLACK_FACTOR: u64 = 2;
const SLACK_BYTES: u64 = 1 << 30;

/// Runs templates as plain processes through a launcher.
pub struct ProcessRunner {
    launcher: Launcher,
    probe: Probe,
    watchdog: Watchdog,
}

impl ProcessRunner {
    /// Probes the host once. Must be called within a tokio runtime.
    pub async fn new(launcher: Launcher) -> Result<Self, RunnerError> {
        let probe = launcher.probe().await.map_err(refused)?;
        Ok(Self { launcher, probe, watchdog: Watchdog::start() })
    }

    async fn start(&self, template: Template) -> Result<Box<dyn Sandbox>, RunnerError> {
        if template.level != Level::Process {
            self.probe.allows(template.level)?;
            let reason = "this runner gives level process".to_owned();
            return Err(RunnerError::LevelUnavailable { asked: template.level, reason });
        }
        check(&template)?;
        let tmp = Tmp::make(&template.roots.tmp)?;
        let memory_bytes = template.limits.memory_bytes;
        let mut child = self.launcher.spawn(request(template)).await.map_err(refused)?;
        let output = Outputs { stdout: child.stdout.take(), stderr: child.stderr.take() };
        let running = Arc::new(Running {
            child,
            memory_bytes,
            over_memory: AtomicBool::new(false),
            frozen: AtomicBool::new(false),
        });
        self.watchdog.watch(&running);
        Ok(Box::new(ProcessSandbox { running, output: Mutex::new(output), tmp: Some(tmp) }))
    }
}

impl Runner for ProcessRunner {
    fn level(&self) -> Level {
        Level::Process
    }

    fn launch(&self, template: Template) -> Pending<'_, Result<Box<dyn Sandbox>, RunnerError>> {
        Box::pin(self.start(template))
    }

    fn probe(&self) -> Probe {
        self.probe.clone()
    }
}

fn check(template: &Template) -> Result<(), RunnerError> {
    let invalid = |reason: String| Err(RunnerError::Invalid(reason));
    let Some(program) = template.argv.first() else {
        return invalid("the template names no program".to_owned());
    };
    for path in [Path::new(program), &template.working_dir, &template.roots.tmp] {
        if !path.is_absolute() {
            return invalid(format!("the path {} is not absolute", path.display()));
        }
    }
    for root in &template.roots.read_only {
        if !root.is_dir() {
            return invalid(format!("{} is not a directory", root.display()));
        }
    }
    Ok(())
}

fn request(template: Template) -> SpawnRequest {
    let Template { argv, mut env, working_dir, roots, limits, .. } = template;
    env.retain(|(name, _)| name != "TMPDIR");
    env.push(("TMPDIR".into(), roots.tmp.into()));
    SpawnRequest {
        executable: argv.first().map(PathBuf::from).unwrap_or_default(),
        argv,
        env,
        working_dir,
        identity: None,
        limits: kernel_limits(limits),
        stdin: Stdin::Empty,
        extra_fds: Arc::default(),
    }
}

fn kernel_limits(limits: Limits) -> ResourceLimits {
    ResourceLimits {
        data: Some(limits.memory_bytes.saturating_mul(SLACK_FACTOR).saturating_add(SLACK_BYTES)),
        open_files: Some(limits.open_files),
        processes: limits.processes,
        ..Default::default()
    }
}

fn refused(error: LauncherError) -> RunnerError {
    match error {
        LauncherError::Lost => RunnerError::Lost,
        LauncherError::TooLarge | LauncherError::HasNul => RunnerError::Invalid(error.to_string()),
        LauncherError::System(_) | LauncherError::Refused(_) => RunnerError::Refused(error.to_string()),
    }
}

/// What the sandbox and the watchdog both look at.
struct Running {
    child: Child,
    memory_bytes: u64,
    over_memory: AtomicBool,
    frozen: AtomicBool,
}

struct Outputs {
    stdout: Option<pipe::Receiver>,
    stderr: Option<pipe::Receiver>,
}

struct ProcessSandbox {
    running: Arc<Running>,
    output: Mutex<Outputs>,
    /// There until the sandbox is dropped.
    tmp: Option<Tmp>,
}

impl Drop for ProcessSandbox {
    /// The program may write to its directory until it has ended, so it is removed only then.
    fn drop(&mut self) {
        let (running, tmp) = (self.running.clone(), self.tmp.take());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(e) = running.child.kill().await {
                    eprintln!("cannot end process {}: {e}", running.child.pid());
                }
                running.child.wait().await;
                drop(tmp);
            });
        }
    }
}

impl ProcessSandbox {
    fn take(&self, which: fn(&mut Outputs) -> &mut Option<pipe::Receiver>) -> Option<Output> {
        let mut output = self.output.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        which(&mut output).take().map(|pipe| Box::new(pipe) as Output)
    }

    async fn exit(&self) -> Exit {
        let ended = self.running.child.wait().await;
        let end = match ended.status {
            Status::Signal(_) if self.running.over_memory.load(Ordering::Acquire) => End::OutOfMemory,
            Status::Signal(signal) => End::Signal(signal),
            Status::Code(code) => End::Code(code),
            Status::Lost => End::Lost,
        };
        Exit { end, usage: ended.usage }
    }

    async fn set_frozen(&self, frozen: bool) -> Result<(), RunnerError> {
        let child = &self.running.child;
        let done = if frozen { child.freeze().await } else { child.thaw().await };
        self.running.frozen.store(frozen, Ordering::Release);
        done.map_err(refused)
    }
}

impl Sandbox for ProcessSandbox {
    fn exited(&self) -> Pending<'_, Exit> {
        Box::pin(self.exit())
    }

    fn kill(&self) -> Pending<'_, Result<(), RunnerError>> {
        Box::pin(async { self.running.child.kill().await.map_err(refused) })
    }

    fn freeze(&self) -> Pending<'_, Result<(), RunnerError>> {
        Box::pin(self.set_frozen(true))
    }

    fn thaw(&self) -> Pending<'_, Result<(), RunnerError>> {
        Box::pin(self.set_frozen(false))
    }

    fn take_stdout(&self) -> Option<Output> {
        self.take(|output| &mut output.stdout)
    }

    fn take_stderr(&self) -> Option<Output> {
        self.take(|output| &mut output.stderr)
    }

    fn usage(&self) -> Usage {
        match self.running.child.ended() {
            Some(ended) => ended.usage,
            None => procfs::usage(self.running.child.pid() as i32).unwrap_or_default(),
        }
    }
}

/// The directory of one sandbox for its temporary files.
struct Tmp(Option<Directory>);

impl Tmp {
    fn make(path: &Path) -> Result<Self, RunnerError> {
        let made = DirBuilder::new().mode(0o700).create(path);
        made.map_err(|e| RunnerError::Refused(format!("cannot make {}: {e}", path.display())))?;
        Ok(Self(Some(Directory(path.to_owned()))))
    }
}

impl Drop for Tmp {
    /// Away from the network threads, when there are any: it may hold gigabytes.
    fn drop(&mut self) {
        let directory = self.0.take();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn_blocking(move || drop(directory));
        }
    }
}

/// Removed with all it holds when dropped, also when the runtime ends before the removal could begin.
struct Directory(PathBuf);

impl Drop for Directory {
    fn drop(&mut self) {
        match std::fs::remove_dir_all(&self.0) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => eprintln!("cannot remove {}: {e}", self.0.display()),
        }
    }
}
