//! Programs on this machine, at one of two levels.
//!
//! Level `process`: of the daemon's own user, kept within limits but behind no boundary; files are not
//! confined, read-only directories are only said to be so. Level `sandbox`: within walls that the launcher
//! makes. At both, descriptors and sudden growth are bounded by the kernel, the memory of the whole tree by
//! a watchdog that samples it.

mod watchdog;

use crate::client::{Child, Launcher, LauncherError, SpawnRequest, Stdin, program};
use crate::egress::{Egress, Network, Supervised, Way};
use crate::procfs;
use crate::protocol::{Boundary, Enter, Origin, ResourceLimits, Status, Walls};
use crate::runner::{
    End, Entry, Exit, Level, Limits, Output, Pending, Probe, Runner, RunnerError, Sandbox, Shown, Template,
    Told, Usage,
};
use std::fs::DirBuilder;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OnceCell;
use watchdog::Watchdog;

/// Private memory beyond which allocation itself fails, for what grows faster than it is sampled:
/// interpreters reserve more than they use, so it lies well above the limit.
const SLACK_FACTOR: u64 = 2;
const SLACK_BYTES: u64 = 1 << 30;

/// Processes and threads of a sandbox that says nothing of them (Lambda quotas: 1,024).
const PROCESSES: u64 = 1024;

/// Sandboxes for which there is room however little memory the machine has left, and most of them: the launcher
/// bounds its children, of which a sandbox may have several.
const ALWAYS: usize = 16;
const MOST: usize = 4000;
/// Descriptors that a sandbox takes of this process, which are six where it is idle, with some connections; and those
/// for all else.
const FILES_OF_EACH: u64 = 9;
const OTHER_FILES: u64 = 1024;
/// What new sandboxes leave of the machine's memory: a part, within bounds.
const SPARED_PART: u64 = 16;
const SPARED_BYTES: std::ops::RangeInclusive<u64> = 256 << 20..=2 << 30;

fn spared(all: u64) -> u64 {
    (all / SPARED_PART).clamp(*SPARED_BYTES.start(), *SPARED_BYTES.end())
}

/// Which level of isolation is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// The strongest that this host can give.
    Best,
    /// This one; where the host cannot give it, nothing runs.
    Only(Level),
}

/// Runs templates on this machine through a launcher.
pub struct LocalRunner {
    launcher: Launcher,
    isolation: Isolation,
    egress: Egress,
    /// Made when it is first needed: it takes some milliseconds.
    probe: OnceCell<Probe>,
    watchdog: Watchdog,
    /// Most sandboxes for which this process has descriptors.
    most: usize,
}

impl LocalRunner {
    /// Must be called within a tokio runtime.
    pub fn new(launcher: Launcher, isolation: Isolation, egress: Egress) -> Self {
        let files = crate::sys::process::widen_open_files().saturating_sub(OTHER_FILES) / FILES_OF_EACH;
        let most = usize::try_from(files).unwrap_or(usize::MAX).clamp(ALWAYS, MOST);
        Self { launcher, isolation, egress, probe: OnceCell::new(), watchdog: Watchdog::start(), most }
    }

    async fn probed(&self) -> Result<&Probe, RunnerError> {
        self.probe.get_or_try_init(|| async { self.launcher.probe().await.map_err(refused) }).await
    }

    async fn choose(&self) -> Result<Level, RunnerError> {
        match self.isolation {
            Isolation::Only(Level::Process) => Ok(Level::Process),
            Isolation::Only(level) => self.probed().await?.allows(level).map(|()| level),
            Isolation::Best => {
                let sandbox = self.probed().await?.allows(Level::Sandbox);
                Ok(if sandbox.is_ok() { Level::Sandbox } else { Level::Process })
            }
        }
    }

    async fn start(&self, template: Template) -> Result<LocalSandbox, RunnerError> {
        check(&template)?;
        if template.level != Level::Process {
            self.probed().await?.allows(template.level)?;
        }
        let runner = (self.launcher.clone(), self.watchdog.clone());
        if template.level != Level::Sandbox {
            let tmp = Tmp::make(&template.roots.tmp)?;
            return run(runner, template, (None, Some(tmp)), |_, _| None).await;
        }
        let allowed = self.allowed().await?;
        if !template.seeds {
            return walled(runner, template, (Origin::Executed, allowed)).await;
        }
        // What only makes copies calls nobody.
        let mut seed = walled(runner, template, (Origin::Seed, None)).await?;
        seed.copies = Some(Copies { allowed });
        Ok(seed)
    }

    /// What sandboxes reach of this machine besides the outside; nothing where they have no way out.
    async fn allowed(&self) -> Result<Option<Arc<[Network]>>, RunnerError> {
        match &self.egress {
            Egress::Internet(allowed) if self.probed().await?.egress.is_present() => {
                Ok(Some(allowed.as_slice().into()))
            }
            _ => Ok(None),
        }
    }
}

/// Starts a checked template in a sandbox of its own.
async fn walled(
    runner: (Launcher, Watchdog),
    template: Template,
    (origin, allowed): (Origin, Option<Arc<[Network]>>),
) -> Result<LocalSandbox, RunnerError> {
    let tmp = Tmp::make(&template.roots.tmp)?;
    let walls = Walls { origin, ..walls(&template, allowed.is_some()) };
    let boundary = Some(Boundary::Own(Box::new(walls)));
    run(runner, template, (boundary, Some(tmp)), |launcher, child| {
        allowed.map(|allowed| Way::new(launcher.clone(), child.id(), allowed))
    })
    .await
}

/// Starts a checked template; its folder is there as long as it.
async fn run(
    (launcher, watchdog): (Launcher, Watchdog),
    template: Template,
    (boundary, tmp): (Option<Boundary>, Option<Tmp>),
    way: impl FnOnce(&Launcher, &Child) -> Option<Arc<Way>>,
) -> Result<LocalSandbox, RunnerError> {
    let (within, memory_bytes) = (boundary.is_some(), template.limits.memory_bytes);
    let mut child = launcher.spawn(request(template, boundary)).await.map_err(refused)?;
    let way = way(&launcher, &child);
    let supervised = supervised(way.as_ref(), child.calls.take())?;
    let listeners = std::mem::take(&mut child.listeners).into_iter().map(|listener| {
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    });
    let listeners = listeners.collect::<io::Result<_>>();
    let listeners = listeners.map_err(|error| RunnerError::Refused(error.to_string()))?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let output = Outputs { stdin, stdout, stderr, listeners };
    let (over_memory, frozen) = (AtomicBool::new(false), AtomicBool::new(false));
    let memory_bytes = AtomicU64::new(memory_bytes);
    let running = Arc::new(Running { child, within, memory_bytes, over_memory, frozen });
    watchdog.watch(&running);
    let runner = (launcher, watchdog);
    let output = Mutex::new(output);
    Ok(LocalSandbox { runner, running, output, tmp, way, copies: None, _supervised: supervised })
}

impl Runner for LocalRunner {
    fn level(&self) -> Pending<'_, Result<Level, RunnerError>> {
        Box::pin(self.choose())
    }

    fn launch(&self, template: Template) -> Pending<'_, Result<Box<dyn Sandbox>, RunnerError>> {
        Box::pin(async { Ok(Box::new(self.start(template).await?) as Box<dyn Sandbox>) })
    }

    fn has_room(&self, others: usize) -> bool {
        others < ALWAYS || others < self.most && procfs::available_memory() > spared(procfs::all_memory())
    }

    fn probe(&self) -> Pending<'_, Result<Probe, RunnerError>> {
        Box::pin(async { self.probed().await.cloned() })
    }
}

fn check(template: &Template) -> Result<(), RunnerError> {
    let invalid = |reason: String| Err(RunnerError::Invalid(reason));
    let blank = template.waits && template.level == Level::Sandbox;
    if template.argv.is_empty() && !blank {
        return invalid("the template names no program".to_owned());
    }
    let program = template.argv.first().map(Path::new);
    for path in program.into_iter().chain([template.working_dir.as_path(), &template.roots.tmp]) {
        if !path.is_absolute() {
            return invalid(format!("the path {} is not absolute", path.display()));
        }
    }
    for Shown { from, .. } in &template.roots.read_only {
        if !from.exists() {
            return invalid(format!("{} does not exist", from.display()));
        }
    }
    if template.roots.image.is_some() && template.level != Level::Sandbox {
        return invalid("an image runs at level sandbox alone".to_owned());
    }
    Ok(())
}

/// Begins to judge what a program calls, where its calls are handed over.
fn supervised(way: Option<&Arc<Way>>, calls: Option<OwnedFd>) -> Result<Option<Supervised>, RunnerError> {
    let (Some(way), Some(calls)) = (way, calls) else { return Ok(None) };
    let supervised = way.supervise(calls);
    supervised.map(Some).map_err(|error| RunnerError::Refused(error.to_string()))
}

fn walls(template: &Template, egress: bool) -> Walls {
    let Template { roots, limits, ports, waits, .. } = template;
    Walls {
        stage: roots.tmp.clone(),
        image: roots.image.clone(),
        shown: roots.read_only.iter().map(|shown| (shown.from.clone(), shown.at.clone())).collect(),
        tmp_bytes: limits.tmp_bytes,
        memory_bytes: limits.memory_bytes,
        processes: limits.processes.unwrap_or(PROCESSES),
        ports: ports.clone(),
        egress,
        waits: *waits,
        origin: Origin::Executed,
    }
}

fn request(template: Template, boundary: Option<Boundary>) -> SpawnRequest {
    let Template { argv, mut env, working_dir, roots, mut limits, waits, .. } = template;
    let blank = argv.is_empty();
    if boundary.is_none() {
        env.retain(|(name, _)| name != "TMPDIR");
        env.push(("TMPDIR".into(), roots.tmp.into()));
    } else {
        limits.processes.get_or_insert(PROCESSES);
    }
    SpawnRequest {
        executable: argv.first().map(PathBuf::from).unwrap_or_default(),
        argv,
        env,
        working_dir,
        identity: None,
        limits: kernel_limits(limits),
        stdin: if waits && !blank { Stdin::Piped } else { Stdin::Empty },
        extra_fds: Arc::default(),
        boundary,
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
    /// It runs within walls.
    within: bool,
    memory_bytes: AtomicU64,
    over_memory: AtomicBool,
    frozen: AtomicBool,
}

struct Outputs {
    stdout: Option<pipe::Receiver>,
    stderr: Option<pipe::Receiver>,
    listeners: Vec<TcpListener>,
    /// By which a program that waits is told what it is to be.
    stdin: Option<pipe::Sender>,
}

struct LocalSandbox {
    runner: (Launcher, Watchdog),
    running: Arc<Running>,
    output: Mutex<Outputs>,
    /// There until the sandbox is dropped.
    tmp: Option<Tmp>,
    /// The way out of the sandbox that it runs in.
    way: Option<Arc<Way>>,
    /// It is there to be copied.
    copies: Option<Copies>,
    _supervised: Option<Supervised>,
}

/// What copies of a program get that the program itself has not.
struct Copies {
    /// What they reach of this machine, where they have a way out.
    allowed: Option<Arc<[Network]>>,
}

impl Drop for LocalSandbox {
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

impl LocalSandbox {
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
            Status::OutOfMemory => End::OutOfMemory,
            Status::Lost => End::Lost,
        };
        Exit { end, usage: ended.usage }
    }

    async fn start_beside(&self, template: Template) -> Result<Box<dyn Sandbox>, RunnerError> {
        check(&template)?;
        let (tmp, boundary) = if self.running.within {
            (None, Some(Boundary::Of(self.running.child.id())))
        } else {
            (Some(Tmp::make(&template.roots.tmp)?), None)
        };
        let way = self.way.clone();
        let beside = run(self.runner.clone(), template, (boundary, tmp), |_, _| way).await?;
        Ok(Box::new(beside))
    }

    async fn copy(&self, template: Template) -> Result<Box<dyn Sandbox>, RunnerError> {
        check(&template)?;
        let Some(Copies { allowed }) = &self.copies else {
            return Err(RunnerError::Invalid("it was not launched to be copied".to_owned()));
        };
        let origin = Origin::Copy(self.running.child.id());
        Ok(Box::new(walled(self.runner.clone(), template, (origin, allowed.clone())).await?))
    }

    async fn become_what_it_is(&self, entry: Entry) -> Result<(), RunnerError> {
        let stdin = {
            let mut output = self.output.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            output.stdin.take()
        };
        let Entry { shown, limits, told } = entry;
        let processes = limits.processes.unwrap_or(PROCESSES);
        let of_kernel = kernel_limits(Limits { processes: Some(processes), ..limits });
        let (words, program) = match told {
            Told::Words(words) => (words, None),
            Told::Program { argv, env, working_dir } => {
                (Vec::new(), Some(program(argv, env, (working_dir, of_kernel)).map_err(refused)?))
            }
        };
        if !self.running.within || stdin.is_some() == program.is_some() {
            return Err(RunnerError::Invalid("nothing waits in it for that".to_owned()));
        }
        self.running.memory_bytes.store(limits.memory_bytes, Ordering::Release);
        let enter = Enter {
            child: self.running.child.id(),
            shown: shown.into_iter().map(|shown| (shown.from, shown.at)).collect(),
            tmp_bytes: limits.tmp_bytes,
            memory_bytes: limits.memory_bytes,
            processes,
            limits: of_kernel,
            program,
        };
        self.running.child.enter(enter).await.map_err(refused)?;
        let Some(mut stdin) = stdin else { return Ok(()) };
        stdin.write_all(&words).await.map_err(|error| RunnerError::Refused(error.to_string()))
    }

    async fn reach(&self, port: u16) -> io::Result<TcpStream> {
        if !self.running.within {
            return TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await;
        }
        let stream = self.running.child.connect(port).await.map_err(io::Error::other)?;
        TcpStream::from_std(stream)
    }

    async fn set_frozen(&self, frozen: bool) -> Result<(), RunnerError> {
        let child = &self.running.child;
        let done = if frozen { child.freeze().await } else { child.thaw().await };
        self.running.frozen.store(frozen, Ordering::Release);
        done.map_err(refused)
    }
}

impl Sandbox for LocalSandbox {
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

    fn beside(&self, template: Template) -> Pending<'_, Result<Box<dyn Sandbox>, RunnerError>> {
        Box::pin(self.start_beside(template))
    }

    fn copied(&self, template: Template) -> Pending<'_, Result<Box<dyn Sandbox>, RunnerError>> {
        Box::pin(self.copy(template))
    }

    fn enter(&self, entry: Entry) -> Pending<'_, Result<(), RunnerError>> {
        Box::pin(self.become_what_it_is(entry))
    }

    fn connect(&self, port: u16) -> Pending<'_, io::Result<TcpStream>> {
        Box::pin(self.reach(port))
    }

    fn take_listeners(&self) -> Vec<TcpListener> {
        let mut output = self.output.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        std::mem::take(&mut output.listeners)
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
