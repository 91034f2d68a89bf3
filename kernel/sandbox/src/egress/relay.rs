//! Datagrams to one address of the outside: those that arrive at that address in a sandbox are sent on from
//! the host, from a socket for each that sends, and answers go back to it.

use super::supervisor::target;
use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, timeout_at};

/// Senders of one address at once; the one beyond gives up all that are idle, else the datagram.
const MAX_FLOWS: usize = 64;
/// How long an answer may take.
const IDLE: Duration = Duration::from_secs(30);
const LARGEST: usize = 65_536;

struct Flow {
    outside: Arc<UdpSocket>,
    answers: AbortHandle,
}

/// Passes datagrams on until dropped.
pub(super) async fn relay(inside: UdpSocket, named: SocketAddrV4) {
    let inside = Arc::new(inside);
    let mut flows: HashMap<SocketAddr, Flow> = HashMap::new();
    // Dropped with this task, it ends all of them.
    let mut answers = JoinSet::new();
    let mut datagram = vec![0; LARGEST];
    loop {
        // An error tells of an earlier datagram that nobody took.
        let Ok((length, from)) = inside.recv_from(&mut datagram).await else { continue };
        while answers.try_join_next().is_some() {}
        flows.retain(|_, flow| !flow.answers.is_finished());
        if !flows.contains_key(&from) {
            if flows.len() >= MAX_FLOWS {
                continue;
            }
            let Ok(outside) = outside(named).await else { continue };
            let outside = Arc::new(outside);
            let answering = answer(outside.clone(), (inside.clone(), from));
            flows.insert(from, Flow { outside, answers: answers.spawn(answering) });
        }
        if let Some(flow) = flows.get(&from) {
            // Datagrams may be lost.
            let _sent = flow.outside.send(datagram.get(..length).unwrap_or_default()).await;
        }
    }
}

async fn outside(named: SocketAddrV4) -> io::Result<UdpSocket> {
    let target = target(named).ok_or(io::ErrorKind::ConnectionRefused)?;
    let any = if target.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).await?;
    socket.connect(target).await?;
    Ok(socket)
}

async fn answer(outside: Arc<UdpSocket>, (inside, to): (Arc<UdpSocket>, SocketAddr)) {
    let mut datagram = vec![0; LARGEST];
    while let Ok(received) = timeout_at(Instant::now() + IDLE, outside.recv(&mut datagram)).await {
        if let Ok(length) = received {
            // The sender may have gone.
            let _sent = inside.send_to(datagram.get(..length).unwrap_or_default(), to).await;
        }
    }
}
