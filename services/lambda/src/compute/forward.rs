//! The way from an environment with a network of its own to its region: connections to a port of its
//! loopback, accepted out here and passed on byte by byte.

use super::accept::accept_all;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

/// Connections of one environment to its region at once; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 256;

/// The address in the region's URL, as this machine reaches it.
pub fn region(endpoint: &str) -> Option<SocketAddr> {
    let mut address: SocketAddr = endpoint.strip_prefix("http://")?.trim_end_matches('/').parse().ok()?;
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    Some(address)
}

/// Passes connections on until dropped, and they with it.
pub async fn pass_on(listener: TcpListener, region: SocketAddr) {
    accept_all(listener, MAX_CONNECTIONS, |stream, _| pass(stream, region)).await;
}

async fn pass(mut inside: TcpStream, region: SocketAddr) -> std::io::Result<()> {
    let mut outside = TcpStream::connect(region).await?;
    inside.set_nodelay(true)?;
    outside.set_nodelay(true)?;
    copy_bidirectional(&mut inside, &mut outside).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[test]
    fn regions() {
        let address = |endpoint| region(endpoint).map(|address| address.to_string());
        assert_eq!(address("http://127.0.0.1:4566").as_deref(), Some("127.0.0.1:4566"));
        assert_eq!(address("http://0.0.0.0:80/").as_deref(), Some("127.0.0.1:80"));
        assert_eq!(address("http://[::]:80").as_deref(), Some("127.0.0.1:80"));
        assert_eq!(address("https://example.com"), None);
    }

    #[tokio::test]
    async fn bytes_go_both_ways() {
        let (inside, outside) = (
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap(),
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap(),
        );
        let (door, region) = (inside.local_addr().unwrap(), outside.local_addr().unwrap());
        let passing = tokio::spawn(pass_on(inside, region));
        let mut client = TcpStream::connect(door).await.unwrap();
        let (mut server, _) = outside.accept().await.unwrap();
        client.write_all(b"ask").await.unwrap();
        let mut got = [0; 3];
        server.read_exact(&mut got).await.unwrap();
        server.write_all(&got).await.unwrap();
        drop(server);
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer, b"ask");
        passing.abort();
    }
}
