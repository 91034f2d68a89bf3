//! Taking the connections that an environment makes, so many at once as it may have; more wait in the kernel's
//! queue.

use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Before another attempt, where none can be taken.
const PAUSE: Duration = Duration::from_millis(20);

/// Serves all connections, which are numbered from 1, until dropped; then they end too.
pub async fn accept_all<F>(
    listener: TcpListener,
    most: usize,
    mut serve: impl FnMut(TcpStream, u64) -> F,
) -> std::convert::Infallible
where
    F: Future<Output: Send> + Send + 'static,
{
    let (mut connections, mut number) = (JoinSet::new(), 0);
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < most => match accepted {
                Ok((stream, _)) => {
                    number += 1;
                    connections.spawn(serve(stream, number));
                }
                // Out of file descriptors: those that serve must get on before the next is taken.
                Err(_) => pause().await,
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

async fn pause() {
    #[expect(clippy::disallowed_methods, reason = "the edge waits in host time")]
    tokio::time::sleep(PAUSE).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn no_more_are_served_at_once_than_may_be() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(accept_all(listener, 1, |mut stream, number| async move {
            stream.write_u64(number).await.unwrap();
            // Until the other side is gone.
            let _ = stream.read_u8().await;
        }));
        let mut first = TcpStream::connect(address).await.unwrap();
        let mut second = TcpStream::connect(address).await.unwrap();
        assert_eq!(first.read_u64().await.unwrap(), 1);
        let mut none = [0];
        assert_eq!(second.try_read(&mut none).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
        drop(first);
        assert_eq!(second.read_u64().await.unwrap(), 2);
        serving.abort();
        assert!(serving.await.unwrap_err().is_cancelled());
        assert!(second.read_u8().await.is_err());
    }
}
