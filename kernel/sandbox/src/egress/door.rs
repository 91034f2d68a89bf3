//! A door: a socket that listens in a sandbox at an address of the outside. Who comes through is connected
//! with the host that really has the address.
//!
//! The first connection to an address is made out here before the caller's goes on, so that it fails as it
//! would have. While the door is open, the host has been there a moment ago: further ones go on at once.

use super::supervisor::{Tasks, target};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddrV4;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout_at};

/// How long a door stays open for nobody. It keeps a server within the sandbox from listening on its port
/// for all addresses, so it is short.
const IDLE: Duration = Duration::from_secs(5);
/// As long as Linux itself tries.
pub(super) const PATIENCE: Duration = Duration::from_secs(130);

/// A door that may have closed meanwhile.
#[derive(Clone)]
pub(super) struct Door(Arc<Shared>);

struct Shared {
    named: SocketAddrV4,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    closed: bool,
    /// The host was there when it was last looked for.
    proven: bool,
    /// Callers that went on and have not arrived.
    expected: usize,
    /// Connections made for them.
    ready: VecDeque<TcpStream>,
}

impl Door {
    /// Opens it: `listener` is bound to the address within the sandbox.
    pub(super) fn open(listener: TcpListener, named: SocketAddrV4, tasks: &Arc<Tasks>) -> Self {
        let door = Self(Arc::new(Shared { named, state: Mutex::default() }));
        tasks.spawn(accept(listener, door.clone(), Arc::downgrade(tasks)));
        door
    }

    /// Expects one more, for whom a connection may be there already. Gives it back where the door has
    /// closed; without one, the host must have been there.
    pub(super) fn expect(&self, outside: Option<TcpStream>) -> Result<(), Option<TcpStream>> {
        let mut state = self.state();
        state.proven |= outside.is_some();
        if state.closed || !state.proven {
            return Err(outside);
        }
        state.expected += 1;
        state.ready.extend(outside);
        Ok(())
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state().closed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn arrived(&self) -> Option<TcpStream> {
        let mut state = self.state();
        state.expected = state.expected.saturating_sub(1);
        state.ready.pop_front()
    }

    /// Closes it unless somebody is expected; who is expected twice does not come.
    fn close_if_idle(&self, listener: TcpListener) -> Option<TcpListener> {
        let mut state = self.state();
        state.ready.clear();
        if std::mem::take(&mut state.expected) > 0 {
            return Some(listener);
        }
        state.closed = true;
        // Before anybody can learn that the address is free.
        drop(listener);
        None
    }

    /// The host was not there: the next caller is to hear of it before it goes on.
    fn distrust(&self) {
        self.state().proven = false;
    }
}

async fn accept(listener: TcpListener, door: Door, tasks: Weak<Tasks>) {
    let mut open = Some(listener);
    while let Some(listener) = open.take() {
        match timeout_at(Instant::now() + IDLE, listener.accept()).await {
            Ok(Ok((inside, _))) => {
                let outside = door.arrived();
                let Some(tasks) = tasks.upgrade() else { return };
                tasks.spawn(pass(inside, outside, door.clone()));
                open = Some(listener);
            }
            Ok(Err(_)) | Err(_) => open = door.close_if_idle(listener),
        }
    }
}

async fn pass(mut inside: TcpStream, outside: Option<TcpStream>, door: Door) {
    let outside = match outside {
        Some(outside) => Ok(outside),
        None => dial(door.0.named, PATIENCE).await,
    };
    let Ok(mut outside) = outside else {
        door.distrust();
        reset(&inside);
        return;
    };
    // What cannot be hurried is slower, and right.
    let _hurried = (inside.set_nodelay(true), outside.set_nodelay(true));
    if copy_bidirectional(&mut inside, &mut outside).await.is_err() {
        reset(&inside);
        reset(&outside);
    }
}

/// Lets the other side see a connection that broke, rather than one that ended.
fn reset(stream: &TcpStream) {
    // It may be gone already.
    let _set = stream.set_zero_linger();
}

/// Connects to the host that has the address.
pub(super) async fn dial(named: SocketAddrV4, patience: Duration) -> io::Result<TcpStream> {
    let target = target(named).ok_or(io::ErrorKind::ConnectionRefused)?;
    let dialled = timeout_at(Instant::now() + patience, TcpStream::connect(target)).await;
    dialled.unwrap_or_else(|_| Err(io::Error::from_raw_os_error(libc::ETIMEDOUT)))
}
