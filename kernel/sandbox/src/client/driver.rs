//! The task that owns the connection to the launcher, and supervises the process behind it.
//!
//! A launcher that ends, or does not answer in time, is lost: its children are reported lost, what it
//! could not take with it is swept by run id, and another one is started.

use super::connection::Connection;
use super::{LOST, LauncherConfig, LauncherError, Life, Request};
use crate::protocol::{self, Ended, MAX_MESSAGE, Notice, Scope, Verb};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

/// A launcher that has not answered by then hangs.
const PATIENCE: Duration = Duration::from_secs(20);
/// Unanswered requests; more wait in the channel.
const MAX_PENDING: usize = 256;
/// Pause before the second and later attempts to start a launcher, doubled up to the last value.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

pub(super) struct Driver {
    config: LauncherConfig,
    waiting: mpsc::Receiver<Request>,
    abandoned: mpsc::UnboundedReceiver<u64>,
    life: watch::Sender<Life>,
    sequence: u64,
    /// It was told to stop. What it would be told after that it never reads, and a socket closed over
    /// what was not read loses its last answer.
    stopping: bool,
    /// Before the next start; none once a launcher has answered.
    pause: Duration,
    unsent: VecDeque<(Vec<u8>, Vec<OwnedFd>)>,
    /// By sequence number, hence oldest first.
    pending: BTreeMap<u64, Pending>,
    exits: HashMap<u64, watch::Sender<Option<Ended>>>,
}

struct Pending {
    answer: Option<oneshot::Sender<Result<Notice, LauncherError>>>,
    /// Of a spawn: the child that exists only when the answer says so.
    child: Option<u64>,
    stop: bool,
    deadline: Instant,
}

/// Why serving one connection ended.
enum Over {
    /// Nobody holds the launcher any more.
    Unheld,
    /// It stopped as asked.
    Stopped,
    Lost,
}

/// What the loop woke up for.
enum Event {
    Packet(io::Result<Option<usize>>),
    Sent(io::Result<()>),
    Request(Box<Request>),
    Unheld,
    Abandoned(u64),
    Overdue,
}

impl Driver {
    pub(super) fn new(
        config: LauncherConfig,
        waiting: mpsc::Receiver<Request>,
        abandoned: mpsc::UnboundedReceiver<u64>,
        life: watch::Sender<Life>,
    ) -> Self {
        Self {
            config,
            waiting,
            abandoned,
            life,
            sequence: 0,
            stopping: false,
            pause: Duration::ZERO,
            unsent: VecDeque::new(),
            pending: BTreeMap::new(),
            exits: HashMap::new(),
        }
    }

    /// Serves until the launcher was stopped or nobody holds it.
    pub(super) async fn run(mut self, first: Connection) {
        let mut connection = first;
        loop {
            let pid = connection.pid();
            self.life.send_modify(|life| *life = Life { pid, starts: life.starts + 1 });
            let over = self.serve(&connection).await;
            self.lose_everything();
            match over {
                Over::Unheld | Over::Stopped => {
                    blocking(move || connection.let_end()).await;
                    return;
                }
                Over::Lost => {
                    let run = self.config.run.clone();
                    blocking(move || connection.end()).await;
                    blocking(move || crate::sweep::sweep_boot(&run).map(drop)).await;
                    let Some(next) = self.restart().await else { return };
                    connection = next;
                }
            }
        }
    }

    async fn serve(&mut self, connection: &Connection) -> Over {
        let mut buffer = vec![0; MAX_MESSAGE];
        loop {
            match self.next_event(connection, &mut buffer).await {
                Event::Packet(Ok(Some(len))) => {
                    if let Some(over) = self.take_notice(buffer.get(..len).unwrap_or_default()) {
                        return over;
                    }
                }
                Event::Packet(_) | Event::Sent(Err(_)) | Event::Overdue => return Over::Lost,
                Event::Sent(Ok(())) => drop(self.unsent.pop_front()),
                Event::Request(request) => self.take_request(*request),
                Event::Unheld => return Over::Unheld,
                Event::Abandoned(child) => self.end_abandoned(child),
            }
        }
    }

    async fn next_event(&mut self, connection: &Connection, buffer: &mut [u8]) -> Event {
        let send = async {
            match self.unsent.front() {
                Some((packet, fds)) => connection.send(packet, fds).await,
                None => std::future::pending().await,
            }
        };
        let overdue = async {
            match self.pending.first_key_value() {
                Some((_, oldest)) => tokio::time::sleep_until(oldest.deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            packet = connection.receive(buffer) => Event::Packet(packet),
            sent = send => Event::Sent(sent),
            request = self.waiting.recv(), if !self.stopping && self.pending.len() < MAX_PENDING => {
                request.map_or(Event::Unheld, |request| Event::Request(Box::new(request)))
            }
            Some(child) = self.abandoned.recv(), if !self.stopping => Event::Abandoned(child),
            () = overdue => Event::Overdue,
        }
    }

    fn take_request(&mut self, request: Request) {
        let Request { verb, fds, exit, answer } = request;
        if answer.is_closed() {
            // Whoever asked has gone; a child started now would be held by nobody.
            return;
        }
        let Some(packet) = protocol::encode(self.sequence + 1, &verb) else {
            // An error means that the caller has gone; so below.
            let _gone = answer.send(Err(LauncherError::TooLarge));
            return;
        };
        let child = match (&verb, exit) {
            (Verb::Spawn(spawn), Some(exit)) => {
                self.exits.insert(spawn.child, exit);
                Some(spawn.child)
            }
            _ => None,
        };
        self.enqueue(packet, fds, Some(answer), child, verb == Verb::Stop);
    }

    fn end_abandoned(&mut self, child: u64) {
        let verb = Verb::Signal { child, signal: libc::SIGKILL, scope: Scope::Tree };
        if self.exits.contains_key(&child)
            && let Some(packet) = protocol::encode(self.sequence + 1, &verb)
        {
            self.enqueue(packet, Vec::new(), None, None, false);
        }
    }

    fn enqueue(
        &mut self,
        packet: Vec<u8>,
        fds: Vec<OwnedFd>,
        answer: Option<oneshot::Sender<Result<Notice, LauncherError>>>,
        child: Option<u64>,
        stop: bool,
    ) {
        self.sequence += 1;
        self.stopping |= stop;
        let deadline = Instant::now() + PATIENCE;
        self.pending.insert(self.sequence, Pending { answer, child, stop, deadline });
        self.unsent.push_back((packet, fds));
    }

    fn take_notice(&mut self, packet: &[u8]) -> Option<Over> {
        let (sequence, notice) = protocol::decode::<Notice>(packet);
        let Some(notice) = notice else { return Some(Over::Lost) };
        self.pause = Duration::ZERO;
        if let Notice::Exited { child, ended } = notice {
            if let Some(exit) = self.exits.remove(&child) {
                exit.send_replace(Some(ended));
            }
            return None;
        }
        let pending = self.pending.remove(&sequence)?;
        if let (Some(child), Notice::Refused(_)) = (pending.child, &notice) {
            self.exits.remove(&child);
        }
        if let Some(answer) = pending.answer {
            let _gone = answer.send(Ok(notice));
        }
        pending.stop.then_some(Over::Stopped)
    }

    /// After the launcher is gone: nothing it was asked or held exists any more.
    fn lose_everything(&mut self) {
        self.unsent.clear();
        self.stopping = false;
        for (_, pending) in std::mem::take(&mut self.pending) {
            if let Some(answer) = pending.answer {
                let _gone = answer.send(Err(LauncherError::Lost));
            }
        }
        for (_, exit) in self.exits.drain() {
            exit.send_replace(Some(LOST));
        }
    }

    /// Tries until a launcher runs; `None` when nobody holds it any more.
    async fn restart(&mut self) -> Option<Connection> {
        while !self.waiting.is_closed() || !self.waiting.is_empty() {
            tokio::time::sleep_until(Instant::now() + self.pause).await;
            self.pause = (self.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
            match Connection::open(&self.config) {
                Ok(connection) => return Some(connection),
                Err(e) => eprintln!("the launcher cannot be restarted: {e}"),
            }
        }
        None
    }
}

/// Runs what blocks away from the network threads, and says what went wrong with it.
async fn blocking(work: impl FnOnce() -> io::Result<()> + Send + 'static) {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(())) => {}
        Ok(Err(e)) => eprintln!("launcher: {e}"),
        // The runtime is shutting down; the closed socket ends the launcher by itself.
        Err(_) => {}
    }
}
