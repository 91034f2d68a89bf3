//! The Runtime API of one environment: what its runtime asks for and answers, and who waits for that.
//!
//! An invocation is written to the connection that waits for it by whoever invokes, without another task in
//! between; its answer wakes the invoker from the task that read it. Requests are read in `connection.rs`.

use super::accept::accept_all;
use super::connection;
use super::extensions::Extensions;
use super::forward;
use super::stream::Sink;
use bytes::{Bytes, BytesMut};
use ports::runner::Exit;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::AbortHandle;

/// Connections of one environment at once.
const MAX_CONNECTIONS: usize = 64;

/// How an invocation was answered.
#[derive(Debug)]
pub enum Answer {
    /// With a result.
    Result(Bytes),
    /// With an error of the function.
    Error(Bytes),
    /// With more than it may.
    TooLarge,
    /// In parts that were passed on; with the error that ended them, where one did.
    Streamed(Option<Bytes>),
    /// Not at all: its environment ended.
    Ended(Exit),
    /// Not at all: its environment had ended before it asked for it.
    Untaken(Exit),
}

/// How an environment began.
#[derive(Debug)]
pub enum Begun {
    /// It asks for invocations.
    Ready,
    /// It could not: the error it told, and its type.
    Failed(Bytes, String),
    /// It ended.
    Ended(Exit),
}

/// A connection that waits for an invocation.
pub struct Parked {
    /// Which one.
    pub connection: u64,
    /// Where the invocation is written.
    pub stream: Arc<TcpStream>,
    /// Answers to earlier requests of the connection that are written with it.
    pub held: BytesMut,
}

struct Current {
    id: String,
    reply: oneshot::Sender<Answer>,
    /// Where a streamed answer goes.
    sink: Option<Sink>,
}

#[derive(Default)]
struct State {
    parked: Option<Parked>,
    /// An invocation that came before anybody asked for it.
    queued: Option<(Bytes, Bytes)>,
    current: Option<Current>,
    ready: bool,
    beginning: Option<oneshot::Sender<Begun>>,
    ended: Option<Exit>,
}

/// What the connections of an environment and its invoker share.
#[derive(Default)]
pub struct Shared {
    state: Mutex<State>,
    /// What runs beside the function.
    pub extensions: Extensions,
    /// The runtime has made a connection.
    connected: Notify,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The runtime asks for the next invocation: it is given, or the connection is parked.
    pub fn next(&self, parked: Parked) -> Option<(Parked, Bytes, Bytes)> {
        let mut state = self.state();
        state.ready = true;
        if let Some(beginning) = state.beginning.take() {
            // Whoever waited for the beginning may have given up.
            let _ = beginning.send(Begun::Ready);
        }
        match state.queued.take() {
            Some((head, payload)) => Some((parked, head, payload)),
            None => {
                state.parked = Some(parked);
                None
            }
        }
    }

    /// A connection closes, or breaks the order of requests: it waits no longer.
    pub fn unpark(&self, connection: u64) -> bool {
        let mut state = self.state();
        let waits = state.parked.as_ref().is_some_and(|parked| parked.connection == connection);
        if waits {
            state.parked = None;
        }
        waits
    }

    /// Where the streamed answer of an invocation goes, if it is the one that runs and may be streamed.
    pub fn sink(&self, id: &str) -> Option<Sink> {
        self.state().current.as_ref().filter(|current| current.id == id)?.sink.clone()
    }

    /// The runtime answers an invocation; `false` if it is not the one that runs.
    pub fn answer(&self, id: &str, answer: Answer) -> bool {
        let mut state = self.state();
        match state.current.take_if(|current| current.id == id) {
            Some(current) => {
                drop(state);
                // The invoker may have stopped waiting: its time was over.
                let _ = current.reply.send(answer);
                true
            }
            None => false,
        }
    }

    /// The runtime could not begin; `false` if it had already.
    pub fn fail(&self, error: Bytes, kind: String) -> bool {
        let beginning = self.state().beginning.take();
        match beginning {
            Some(beginning) => beginning.send(Begun::Failed(error, kind)).is_ok(),
            None => false,
        }
    }

    /// The environment's program ended.
    pub fn ended(&self, exit: Exit) {
        let mut state = self.state();
        state.ended = Some(exit);
        state.parked = None;
        let (beginning, current) = (state.beginning.take(), state.current.take());
        let untaken = state.queued.take().is_some();
        drop(state);
        // Both may have stopped waiting.
        if let Some(beginning) = beginning {
            let _ = beginning.send(Begun::Ended(exit));
        }
        if let Some(current) = current {
            let _ = current.reply.send(if untaken { Answer::Untaken(exit) } else { Answer::Ended(exit) });
        }
    }

    fn requeue(&self, head: Bytes, payload: Bytes) {
        let mut state = self.state();
        if state.current.is_some() {
            state.queued = Some((head, payload));
        }
    }
}

/// The Runtime API of one environment. Dropping it closes its connections.
pub struct RuntimeApi {
    shared: Arc<Shared>,
    /// What listens for the environment.
    serving: Mutex<Vec<AbortHandle>>,
    begun: Mutex<Option<oneshot::Receiver<Begun>>>,
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        let serving = self.serving.get_mut().unwrap_or_else(PoisonError::into_inner);
        serving.iter().for_each(AbortHandle::abort);
    }
}

impl RuntimeApi {
    /// One that is served nowhere yet.
    pub fn new() -> Self {
        let shared = Arc::new(Shared::default());
        let (sender, begun) = oneshot::channel();
        shared.state().beginning = Some(sender);
        RuntimeApi { shared, serving: Mutex::default(), begun: Mutex::new(Some(begun)) }
    }

    /// Serves it on a port of loopback that the kernel chooses: which.
    ///
    /// # Errors
    /// If there is none.
    pub async fn listen(&self) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        self.serve(listener);
        Ok(address)
    }

    /// Serves it to whoever connects.
    pub fn serve(&self, listener: TcpListener) {
        let shared = self.shared.clone();
        let serve = move |stream, number| {
            shared.connected.notify_one();
            connection::serve(shared.clone(), stream, number)
        };
        self.keep(tokio::spawn(accept_all(listener, MAX_CONNECTIONS, serve)).abort_handle());
    }

    /// Passes on to the region what its environment sends there.
    pub fn forward(&self, listener: TcpListener, region: SocketAddr) {
        self.keep(tokio::spawn(forward::pass_on(listener, region)).abort_handle());
    }

    fn keep(&self, serving: AbortHandle) {
        self.serving.lock().unwrap_or_else(PoisonError::into_inner).push(serving);
    }

    /// Waits for the first connection.
    pub async fn connected(&self) {
        self.shared.connected.notified().await;
    }

    /// What tells it that the environment's program ended.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// How the environment begins; once.
    pub fn begun(&self) -> Option<oneshot::Receiver<Begun>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether the environment's program runs.
    pub fn is_alive(&self) -> bool {
        self.shared.state().ended.is_none()
    }

    /// Hands an invocation to the runtime: its id and where a streamed answer goes, its head as HTTP, its
    /// payload. The answer follows.
    pub async fn invoke(
        &self,
        (id, sink): (&str, Option<Sink>),
        head: Bytes,
        payload: Bytes,
    ) -> oneshot::Receiver<Answer> {
        let (reply, answer) = oneshot::channel();
        let parked = {
            let mut state = self.shared.state();
            if let Some(exit) = state.ended {
                // The receiver is still in hand.
                let _ = reply.send(Answer::Untaken(exit));
                return answer;
            }
            state.current = Some(Current { id: id.to_owned(), reply, sink });
            let parked = state.parked.take();
            if parked.is_none() {
                state.queued = Some((head.clone(), payload.clone()));
            }
            parked
        };
        if let Some(parked) = parked
            && connection::write_all(&parked.stream, [&parked.held, &head, &payload]).await.is_err()
        {
            // The connection is gone; a runtime that lives on asks again by another one.
            self.shared.requeue(head, payload);
        }
        answer
    }

    /// Waits no longer for an answer.
    pub fn forget(&self) {
        let mut state = self.shared.state();
        state.current = None;
        state.queued = None;
    }
}
