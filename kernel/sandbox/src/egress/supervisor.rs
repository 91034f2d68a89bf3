//! Judges the calls of a sandbox's programs that name an address, and opens what they lead to.

use super::call;
use super::door::{Door, PATIENCE, dial};
use super::policy::{self, Destination, Network, RESOLVER};
use super::relay::relay;
use crate::client::Launcher;
use crate::sys::notify::{self, Call};
use crate::sys::socket;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::{AbortHandle, JoinSet};

/// Calls of one program's processes that are judged at once; more wait in the kernel.
const MAX_JUDGED: usize = 64;
/// Addresses of each kind that are open in one sandbox.
const MAX_OPEN: usize = 256;
/// Connections, doors and relays of one sandbox.
const MAX_TASKS: usize = 2048;
/// A caller that wants its call to return at once waits no longer for a host that says nothing.
const BRIEF: Duration = Duration::from_secs(3);

/// The host that has an address of a sandbox.
pub(super) fn target(named: SocketAddrV4) -> Option<SocketAddr> {
    if named == RESOLVER { policy::resolver() } else { Some(named.into()) }
}

/// What passes bytes on for one sandbox. Dropping it ends all of it.
#[derive(Default)]
pub(super) struct Tasks(Mutex<JoinSet<()>>);

impl Tasks {
    /// Runs a task, unless there are too many: then what it holds is closed.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> Option<AbortHandle> {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        (tasks.len() < MAX_TASKS).then(|| tasks.spawn(task))
    }
}

/// The way out of one sandbox.
pub(crate) struct Way {
    launcher: Launcher,
    /// The first program of the sandbox.
    child: u64,
    allowed: Arc<[Network]>,
    doors: Mutex<HashMap<SocketAddrV4, Door>>,
    /// In the order in which they were opened.
    relays: Mutex<VecDeque<(SocketAddrV4, AbortHandle)>>,
    /// Held while an address is being opened: it can be but once.
    opening: tokio::sync::Mutex<()>,
    tasks: Arc<Tasks>,
}

/// A program whose calls are judged until this is dropped.
pub(crate) struct Supervised(AbortHandle);

impl Drop for Supervised {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    GoesOn,
    Fails(i32),
}

impl Verdict {
    /// The caller may have ended meanwhile, which nobody has to hear of.
    fn tell(self, calls: &AsyncFd<OwnedFd>, call: &Call) {
        let calls = calls.get_ref().as_fd();
        let _told = match self {
            Verdict::GoesOn => notify::go_on(calls, call),
            Verdict::Fails(error) => notify::refuse(calls, call, error),
        };
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Way {
    pub(crate) fn new(launcher: Launcher, child: u64, allowed: Arc<[Network]>) -> Arc<Self> {
        Arc::new(Self {
            launcher,
            child,
            allowed,
            doors: Mutex::default(),
            relays: Mutex::default(),
            opening: tokio::sync::Mutex::default(),
            tasks: Arc::default(),
        })
    }

    /// Judges the calls that arrive here. Within a tokio runtime.
    pub(crate) fn supervise(self: &Arc<Self>, calls: OwnedFd) -> io::Result<Supervised> {
        let calls = Arc::new(socket::watch(calls)?);
        Ok(Supervised(tokio::spawn(supervise(calls, self.clone())).abort_handle()))
    }

    /// The destinations that a call names outside of its sandbox, or the verdict where it needs no looking
    /// further.
    fn look(&self, call: &Call) -> Result<Vec<SocketAddrV4>, Verdict> {
        // What cannot be read here the kernel cannot read either.
        let addresses = call::addresses(call).map_err(|_| Verdict::GoesOn)?;
        let mut outside = Vec::new();
        for address in addresses {
            match policy::judge(address, &self.allowed, policy::is_own) {
                Destination::Within => {}
                Destination::Refused(error) => return Err(Verdict::Fails(error)),
                Destination::Resolver(named) | Destination::Outside(named) => outside.push(named),
            }
        }
        if outside.is_empty() { Err(Verdict::GoesOn) } else { Ok(outside) }
    }

    async fn judge(&self, calls: &AsyncFd<OwnedFd>, call: &Call, outside: Vec<SocketAddrV4>) -> Verdict {
        let mut patience = None;
        if call.number == libc::SYS_connect {
            // Without leave to look at the socket there is no way out.
            let Ok(socket) = call::socket(call) else { return Verdict::GoesOn };
            if notify::is_stream(socket.as_fd()).unwrap_or(false) {
                let brief = notify::returns_at_once(socket.as_fd()).unwrap_or(false);
                patience = Some(if brief { BRIEF } else { PATIENCE });
            }
        }
        for named in outside {
            let done = match patience {
                Some(patience) => self.connect(calls, call, (named, patience)).await,
                None => self.open_relay(named).await,
            };
            if let Err(error) = done {
                return Verdict::Fails(error.raw_os_error().unwrap_or(libc::EADDRNOTAVAIL));
            }
        }
        Verdict::GoesOn
    }

    /// Makes a connection for a caller, or trusts that it can be made.
    async fn connect(
        &self,
        calls: &AsyncFd<OwnedFd>,
        call: &Call,
        (named, patience): (SocketAddrV4, Duration),
    ) -> io::Result<()> {
        if self.door(named).is_some_and(|door| door.expect(None).is_ok()) {
            return Ok(());
        }
        let mut outside = Some(dial(named, patience).await?);
        let _opening = self.opening.lock().await;
        if !notify::waits(calls.get_ref().as_fd(), call) {
            return Err(io::Error::from_raw_os_error(libc::EINTR));
        }
        if let Some(door) = self.door(named) {
            match door.expect(outside) {
                Ok(()) => return Ok(()),
                Err(back) => outside = back,
            }
        }
        let door = self.open_door(named).await?;
        // It was opened just now, and by nobody else.
        door.expect(outside).map_err(|_| io::ErrorKind::AddrNotAvailable.into())
    }

    fn door(&self, named: SocketAddrV4) -> Option<Door> {
        locked(&self.doors).get(&named).filter(|door| !door.is_closed()).cloned()
    }

    async fn open_door(&self, named: SocketAddrV4) -> io::Result<Door> {
        {
            let mut doors = locked(&self.doors);
            doors.retain(|_, door| !door.is_closed());
            if doors.len() >= MAX_OPEN {
                return Err(io::Error::from_raw_os_error(libc::EADDRNOTAVAIL));
            }
        }
        let listener = std::net::TcpListener::from(self.bind(named, false).await?);
        listener.set_nonblocking(true)?;
        let door = Door::open(TcpListener::from_std(listener)?, named, &self.tasks);
        locked(&self.doors).insert(named, door.clone());
        Ok(door)
    }

    async fn open_relay(&self, named: SocketAddrV4) -> io::Result<()> {
        let is_open = || locked(&self.relays).iter().any(|(open, _)| *open == named);
        if is_open() {
            return Ok(());
        }
        let _opening = self.opening.lock().await;
        if is_open() {
            return Ok(());
        }
        let socket = std::net::UdpSocket::from(self.bind(named, true).await?);
        socket.set_nonblocking(true)?;
        let task = self.tasks.spawn(relay(UdpSocket::from_std(socket)?, named));
        let task = task.ok_or_else(|| io::Error::from_raw_os_error(libc::ENOBUFS))?;
        let mut relays = locked(&self.relays);
        if relays.len() >= MAX_OPEN
            && let Some((_, oldest)) = relays.pop_front()
        {
            oldest.abort();
        }
        relays.push_back((named, task));
        Ok(())
    }

    async fn bind(&self, named: SocketAddrV4, datagrams: bool) -> io::Result<OwnedFd> {
        self.launcher.bind(self.child, named, datagrams).await.map_err(io::Error::other)
    }
}

async fn supervise(calls: Arc<AsyncFd<OwnedFd>>, way: Arc<Way>) {
    // Dropped with this task, it ends all of them.
    let mut judging = JoinSet::new();
    loop {
        tokio::select! {
            ready = calls.readable(), if judging.len() < MAX_JUDGED => {
                let Ok(mut ready) = ready else { return };
                match notify::receive(calls.get_ref().as_fd()) {
                    Ok(Some(call)) => match way.look(&call) {
                        Err(verdict) => verdict.tell(&calls, &call),
                        Ok(outside) => {
                            let (way, calls) = (way.clone(), calls.clone());
                            judging.spawn(async move {
                                way.judge(&calls, &call, outside).await.tell(&calls, &call);
                            });
                        }
                    },
                    Ok(None) => ready.clear_ready(),
                    // Nobody is left who could call.
                    Err(_) => return,
                }
            }
            Some(_) = judging.join_next(), if !judging.is_empty() => {}
        }
    }
}
