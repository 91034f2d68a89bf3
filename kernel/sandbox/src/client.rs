//! The daemon's side of the launcher: starts it, asks it, restarts it when it is lost.
//!
//! One task owns the connection; callers hold a cheap handle. When the last handle is dropped the
//! socket closes and the launcher ends every program.

mod connection;
mod driver;

use crate::protocol::{
    Boundary, CALLS, Ended, Enter, Identity, Notice, PORTS, Program, ResourceLimits, Scope, Spawn, Status,
    Verb,
};
use crate::run_id::RunId;
use crate::runner::Probe;
use crate::sys::socket::{self, MAX_FDS};
use std::collections::HashMap;
use std::ffi::{CString, OsString};
use std::fmt;
use std::io;
use std::net::{SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::net::unix::pipe;
use tokio::sync::{mpsc, oneshot, watch};

/// Requests waiting for the connection; more wait in their callers.
const MAX_WAITING: usize = 256;

/// How to start a launcher.
#[derive(Clone, Debug)]
pub struct LauncherConfig {
    /// The program to execute again, whose `main` begins with `launcher::take_over_if_asked`.
    pub executable: PathBuf,
    /// What its children bear.
    pub run: RunId,
}

/// A running launcher.
#[derive(Clone, Debug)]
pub struct Launcher {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    requests: mpsc::Sender<Request>,
    /// Children to end because nobody holds them any more; bounded by the number of children.
    dropped: mpsc::UnboundedSender<u64>,
    next_child: AtomicU64,
    /// The process number of the launcher, and how often it has been started.
    life: watch::Receiver<Life>,
}

/// Which launcher process is serving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Life {
    pid: u32,
    starts: u64,
}

/// One request on its way to the launcher.
#[derive(Debug)]
struct Request {
    verb: Verb,
    fds: Vec<OwnedFd>,
    /// Of a spawn: where the end of the child is told.
    exit: Option<watch::Sender<Option<Ended>>>,
    answer: oneshot::Sender<Result<Notice, LauncherError>>,
}

/// A program to start.
#[derive(Clone, Debug)]
pub struct SpawnRequest {
    /// Absolute path.
    pub executable: PathBuf,
    /// Arguments, the program's name first.
    pub argv: Vec<OsString>,
    /// The whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// Absolute path.
    pub working_dir: PathBuf,
    /// Another user to run as; only root can ask for it.
    pub identity: Option<Identity>,
    /// Bounds kept by the kernel.
    pub limits: ResourceLimits,
    /// Where it reads from.
    pub stdin: Stdin,
    /// Further descriptors, which become 3, 4, … of the program.
    pub extra_fds: Arc<Vec<OwnedFd>>,
    /// What it is kept within.
    pub boundary: Option<Boundary>,
}

/// What a program reads from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stdin {
    /// The end of file, at once.
    Empty,
    /// A pipe, handed out with the child.
    Piped,
}

/// A started program. Dropping it ends its whole tree.
#[derive(Debug)]
pub struct Child {
    id: u64,
    pid: u32,
    root: u32,
    launcher: Launcher,
    exit: watch::Receiver<Option<Ended>>,
    /// The write end of its standard input, when piped.
    pub stdin: Option<pipe::Sender>,
    /// The read end of its standard output.
    pub stdout: Option<pipe::Receiver>,
    /// The read end of its standard error.
    pub stderr: Option<pipe::Receiver>,
    /// The sockets that listen in its sandbox on the ports asked for, in their order.
    pub listeners: Vec<TcpListener>,
    /// Where calls are handed over that name an address, if they are.
    pub(crate) calls: Option<OwnedFd>,
}

/// Why the launcher did not do what was asked.
#[derive(Debug)]
pub enum LauncherError {
    /// It could not be started, or a pipe could not be made.
    System(io::Error),
    /// It was lost before it answered; it is being restarted.
    Lost,
    /// The request is larger than a packet.
    TooLarge,
    /// It refused, for this reason.
    Refused(String),
    /// A string of the request holds a NUL.
    HasNul,
}

impl Launcher {
    /// Starts the launcher and waits until it answers. Must be called within a tokio runtime.
    pub async fn start(config: LauncherConfig) -> Result<Self, LauncherError> {
        let (requests, waiting) = mpsc::channel(MAX_WAITING);
        let (dropped, abandoned) = mpsc::unbounded_channel();
        let (tell_life, life) = watch::channel(Life { pid: 0, starts: 0 });
        let connection = connection::Connection::open(&config)?;
        let driver = driver::Driver::new(config, waiting, abandoned, tell_life);
        tokio::spawn(driver.run(connection));
        let shared = Shared { requests, dropped, next_child: AtomicU64::new(1), life };
        let launcher = Self { shared: Arc::new(shared) };
        launcher.done(Verb::Hello).await?;
        Ok(launcher)
    }

    /// The process number of the launcher serving now.
    pub fn pid(&self) -> u32 {
        self.shared.life.borrow().pid
    }

    /// How often the launcher has been started: more than once when it was lost.
    pub fn starts(&self) -> u64 {
        self.shared.life.borrow().starts
    }

    /// Resolves when a launcher serves that was started after the `starts`-th.
    pub async fn restarted_after(&self, starts: u64) {
        let mut life = self.shared.life.clone();
        // The error means that the driver has ended, after which there is nothing to wait for.
        let _life = life.wait_for(|life| life.starts > starts).await;
    }

    /// What this host can do, tried now.
    pub async fn probe(&self) -> Result<Probe, LauncherError> {
        match self.ask(Verb::Probe, Vec::new(), None).await? {
            Notice::Probed(probe) => Ok(*probe),
            other => Err(unexpected(&other)),
        }
    }

    /// Starts a program.
    pub async fn spawn(&self, request: SpawnRequest) -> Result<Child, LauncherError> {
        let id = self.shared.next_child.fetch_add(1, Ordering::Relaxed);
        let (child_stdin, stdin) = match request.stdin {
            Stdin::Empty => (OwnedFd::from(std::fs::File::open("/dev/null")?), None),
            Stdin::Piped => {
                let (read, write) = io::pipe()?;
                (read.into(), Some(pipe::Sender::from_owned_fd(write.into())?))
            }
        };
        let (stdout, child_stdout) = io::pipe()?;
        let (stderr, child_stderr) = io::pipe()?;
        let mut fds = vec![child_stdin, child_stdout.into(), child_stderr.into()];
        for fd in request.extra_fds.iter() {
            fds.push(fd.try_clone()?);
        }
        let ports = match &request.boundary {
            Some(Boundary::Own(walls)) => walls.ports.len(),
            _ => 0,
        };
        let channel = if request.boundary.is_some() {
            let (ours, theirs) = socket::pair(MAX_FDS)?;
            fds.push(theirs);
            Some(ours)
        } else {
            None
        };
        let (tell_exit, exit) = watch::channel(None);
        let mut child = Child {
            id,
            pid: 0,
            root: 0,
            launcher: self.clone(),
            exit,
            stdin,
            stdout: Some(pipe::Receiver::from_owned_fd(stdout.into())?),
            stderr: Some(pipe::Receiver::from_owned_fd(stderr.into())?),
            listeners: Vec::new(),
            calls: None,
        };
        let spawn = Verb::Spawn(request.into_spawn(id)?);
        match self.ask(spawn, fds, Some(tell_exit)).await? {
            Notice::Spawned { pid, root } => (child.pid, child.root) = (pid, root),
            other => return Err(unexpected(&other)),
        }
        if let Some(channel) = channel {
            // They were sent before the program was started.
            let mut sent = sent_through(&channel)?;
            child.calls = sent.remove(CALLS).and_then(|mut fds| fds.pop());
            let listeners = sent.remove(PORTS).unwrap_or_default();
            child.listeners = listeners.into_iter().map(TcpListener::from).collect();
            if child.listeners.len() != ports {
                return Err(LauncherError::Refused("the sandbox sent too few sockets".to_owned()));
            }
        }
        Ok(child)
    }

    /// Binds a socket to an address within a child's sandbox, for datagrams or to listen.
    pub(crate) async fn bind(
        &self,
        child: u64,
        address: SocketAddrV4,
        datagrams: bool,
    ) -> Result<OwnedFd, LauncherError> {
        let (ours, theirs) = socket::pair(MAX_FDS)?;
        match self.ask(Verb::Bind { child, address, datagrams }, vec![theirs], None).await? {
            Notice::Done => {}
            other => return Err(unexpected(&other)),
        }
        let socket = received(&ours)?.pop();
        socket.ok_or_else(|| LauncherError::Refused("no socket came".to_owned()))
    }

    /// Ends every program and the launcher; resolves when all are gone.
    pub async fn stop(&self) -> Result<(), LauncherError> {
        self.done(Verb::Stop).await
    }

    async fn done(&self, verb: Verb) -> Result<(), LauncherError> {
        match self.ask(verb, Vec::new(), None).await? {
            Notice::Done => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    async fn ask(
        &self,
        verb: Verb,
        fds: Vec<OwnedFd>,
        exit: Option<watch::Sender<Option<Ended>>>,
    ) -> Result<Notice, LauncherError> {
        let (answer, answered) = oneshot::channel();
        let request = Request { verb, fds, exit, answer };
        self.shared.requests.send(request).await.map_err(|_| LauncherError::Lost)?;
        match answered.await.map_err(|_| LauncherError::Lost)?? {
            Notice::Refused(reason) => Err(LauncherError::Refused(reason)),
            notice => Ok(notice),
        }
    }
}

/// The descriptors of all packets that are there already, by what the packets say.
fn sent_through(channel: &OwnedFd) -> io::Result<HashMap<Vec<u8>, Vec<OwnedFd>>> {
    let mut all = HashMap::new();
    loop {
        let mut buffer = [0; 16];
        match socket::receive(channel.as_fd(), &mut buffer) {
            Ok(received) if received.len == 0 => return Ok(all),
            Ok(received) => {
                let said = buffer.get(..received.len).unwrap_or_default().to_vec();
                all.entry(said).or_insert_with(Vec::new).extend(received.fds);
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(all),
            Err(e) => return Err(e),
        }
    }
}

/// The descriptors of a packet that is there already.
fn received(channel: &OwnedFd) -> io::Result<Vec<OwnedFd>> {
    let mut buffer = [0; 16];
    Ok(socket::receive(channel.as_fd(), &mut buffer)?.fds)
}

fn unexpected(notice: &Notice) -> LauncherError {
    LauncherError::Refused(format!("the launcher answered something else: {notice:?}"))
}

/// A program as the launcher is told of it.
pub(crate) fn program(
    argv: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    (working_dir, limits): (PathBuf, ResourceLimits),
) -> Result<Program, LauncherError> {
    let entry = |(name, value): (OsString, OsString)| {
        let mut entry = name;
        entry.push("=");
        entry.push(value);
        text(entry)
    };
    Ok(Program {
        argv: argv.into_iter().map(text).collect::<Result<_, _>>()?,
        env: env.into_iter().map(entry).collect::<Result<_, _>>()?,
        working_dir: text(working_dir.into_os_string())?,
        limits,
    })
}

impl SpawnRequest {
    fn into_spawn(self, child: u64) -> Result<Spawn, LauncherError> {
        let place = (self.working_dir, self.limits);
        let Program { argv, env, working_dir, limits } = program(self.argv, self.env, place)?;
        Ok(Spawn {
            child,
            executable: text(self.executable.into_os_string())?,
            argv,
            env,
            working_dir,
            identity: self.identity,
            limits,
            boundary: self.boundary,
        })
    }
}

fn text(string: OsString) -> Result<CString, LauncherError> {
    CString::new(string.into_vec()).map_err(|_| LauncherError::HasNul)
}

impl Child {
    /// Its process number. May be reused by the system once the child has ended.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// What all of it descends from: itself, or the first process of its sandbox.
    pub fn root(&self) -> u32 {
        self.root
    }

    /// What the launcher calls it.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Connects to a port of its sandbox's loopback.
    pub async fn connect(&self, port: u16) -> Result<TcpStream, LauncherError> {
        let (ours, theirs) = socket::pair(MAX_FDS)?;
        let verb = Verb::Connect { child: self.id, port };
        match self.launcher.ask(verb, vec![theirs], None).await? {
            Notice::Done => {}
            other => return Err(unexpected(&other)),
        }
        let socket = received(&ours)?.pop();
        socket.map(TcpStream::from).ok_or_else(|| LauncherError::Refused("no connection came".to_owned()))
    }

    /// Makes its sandbox what it is to be, where it waits for that.
    pub(crate) async fn enter(&self, enter: Enter) -> Result<(), LauncherError> {
        self.launcher.done(Verb::Enter(Enter { child: self.id, ..enter })).await
    }

    /// Resolves when it has ended; at once, and alike, when asked again.
    pub async fn wait(&self) -> Ended {
        let mut exit = self.exit.clone();
        let ended = exit.wait_for(Option::is_some).await.ok().and_then(|ended| *ended);
        ended.unwrap_or(LOST)
    }

    /// How it ended, if it has.
    pub fn ended(&self) -> Option<Ended> {
        *self.exit.borrow()
    }

    /// Sends a signal.
    pub async fn signal(&self, signal: i32, scope: Scope) -> Result<(), LauncherError> {
        self.launcher.done(Verb::Signal { child: self.id, signal, scope }).await
    }

    /// Ends its whole tree at once; ending what has ended is no error.
    pub async fn kill(&self) -> Result<(), LauncherError> {
        match self.signal(libc::SIGKILL, Scope::Tree).await {
            // Refused because it is unknown; its end was reported before this answer.
            Err(LauncherError::Refused(_)) if self.ended().is_some() => Ok(()),
            other => other,
        }
    }

    /// Stops its whole tree.
    pub async fn freeze(&self) -> Result<(), LauncherError> {
        self.launcher.done(Verb::Freeze { child: self.id }).await
    }

    /// Lets its whole tree go on.
    pub async fn thaw(&self) -> Result<(), LauncherError> {
        self.launcher.done(Verb::Thaw { child: self.id }).await
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.ended().is_none() {
            // The error means that the driver has ended, and every child with the launcher.
            let _sent = self.launcher.shared.dropped.send(self.id);
        }
    }
}

/// How a child ended whose launcher was lost.
const LOST: Ended =
    Ended { status: Status::Lost, usage: crate::runner::Usage { cpu_micros: 0, max_rss_bytes: 0 } };

impl From<io::Error> for LauncherError {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl fmt::Display for LauncherError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(error) => write!(f, "launcher: {error}"),
            Self::Lost => f.write_str("the launcher was lost and is being restarted"),
            Self::TooLarge => f.write_str("arguments and environment are larger than 128 KiB"),
            Self::Refused(reason) => f.write_str(reason),
            Self::HasNul => f.write_str("an argument or environment entry holds a NUL"),
        }
    }
}

impl std::error::Error for LauncherError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::System(error) => Some(error),
            _ => None,
        }
    }
}
