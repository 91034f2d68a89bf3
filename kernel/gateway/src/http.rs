//! The HTTP edge: sockets, TLS by its first byte, HTTP/1.1 and HTTP/2 with and without TLS, limits, and
//! the drain at the end. What a request means is the pipeline's.

use crate::arriving::{self, Lingering};
use crate::door::Door;
use crate::message::{Incoming, Outgoing};
use bytes::Bytes;
use futures_util::StreamExt;
use hyper::body::Frame;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use schema::{Body, BodyError};
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use wire::ReplyBody;

/// Connections held at once; more wait in the listener's backlog.
const MAX_CONNECTIONS: usize = 20_000;
/// Bytes of one request's head.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// A request's head must have come within this time of its first byte.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// The first byte of a TLS handshake record.
const TLS_HANDSHAKE: u8 = 0x16;
/// How HTTP/2 without TLS begins.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0";

/// Serves connections until told to stop, then drains.
pub struct Server {
    door: Arc<Door>,
    tls: TlsAcceptor,
    stop: watch::Receiver<bool>,
    slots: Arc<Semaphore>,
}

impl Server {
    /// A server of what is behind a door. `stop` becomes true when no more connections are to be taken.
    pub fn new(door: Arc<Door>, tls: Arc<rustls::ServerConfig>, stop: watch::Receiver<bool>) -> Self {
        let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        Server { door, tls: TlsAcceptor::from(tls), stop, slots }
    }

    /// Accepts until told to stop; returns when the last connection has ended or `drain` is over.
    pub async fn run(self, listener: TcpListener, drain: Duration) {
        let server = Arc::new(self);
        let mut stop = server.stop.clone();
        loop {
            let Ok(slot) = server.slots.clone().acquire_owned().await else { return };
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = told(&mut stop) => break,
            };
            let Ok((stream, peer)) = accepted else {
                // Out of file descriptors: those that serve must get on before the next is taken.
                pause(Duration::from_millis(20)).await;
                continue;
            };
            let server = server.clone();
            tokio::spawn(async move {
                server.connection(stream, peer).await;
                drop(slot);
            });
        }
        drop(listener);
        let all = u32::try_from(MAX_CONNECTIONS).unwrap_or(u32::MAX);
        tokio::select! {
            _ = server.slots.acquire_many(all) => {}
            () = pause(drain) => {}
        }
    }

    async fn connection(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        let _ = stream.set_nodelay(true);
        let mut stop = self.stop.clone();
        let Some(start) = (tokio::select! {
            start = opening(&stream) => start,
            () = told(&mut stop) => None,
        }) else {
            return;
        };
        match start {
            Opening::Tls => {
                if let Ok(stream) = self.tls.accept(stream).await {
                    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                    self.serve(stream, peer.ip(), true, http2).await;
                }
            }
            Opening::Http2 => self.serve(stream, peer.ip(), false, true).await,
            Opening::Http1 => self.serve(stream, peer.ip(), false, false).await,
        }
    }

    async fn serve<S>(self: &Arc<Self>, stream: S, peer: IpAddr, secure: bool, http2: bool)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (gone_sender, gone) = watch::channel(false);
        let door = self.door.clone();
        let handler = service_fn(move |request| {
            let (door, gone) = (door.clone(), gone.clone());
            async move {
                let (head, body) = request.into_parts();
                let (body, rest) = arriving::body(body);
                let request = incoming(head, body, (peer, secure), gone);
                let waits = request.header(http::header::EXPECT).is_some();
                let answer = door.serve(request).await;
                // Under HTTP/2 a stream ends alone.
                let rest = if http2 { None } else { rest.before_answer(waits).await };
                Ok::<_, Infallible>(outgoing(answer, rest))
            }
        });
        let mut stop = self.stop.clone();
        // The connection's own errors are the client's doing: it left, or sent what is no HTTP.
        if http2 {
            let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            builder
                .timer(TokioTimer::new())
                .max_header_list_size(MAX_HEAD_BYTES as u32)
                .max_concurrent_streams(256);
            let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), handler));
            tokio::select! {
                _ = connection.as_mut() => {}
                () = told(&mut stop) => {
                    connection.as_mut().graceful_shutdown();
                    let _ = connection.await;
                }
            }
        } else {
            let mut builder = hyper::server::conn::http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(MAX_HEAD_BYTES);
            let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), handler));
            tokio::select! {
                _ = connection.as_mut() => {}
                () = told(&mut stop) => {
                    connection.as_mut().graceful_shutdown();
                    let _ = connection.await;
                }
            }
        }
        // Nobody waits any more when every handler of the connection has ended.
        let _ = gone_sender.send(true);
    }
}

/// Waits until it is said to stop, or nobody is left to say it.
async fn told(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn pause(duration: Duration) {
    #[expect(clippy::disallowed_methods, reason = "the edge waits in host time")]
    tokio::time::sleep(duration).await;
}

enum Opening {
    Tls,
    Http1,
    Http2,
}

/// Looks at how a connection begins, without taking the bytes; an idle one waits here, at no cost.
async fn opening(stream: &TcpStream) -> Option<Opening> {
    let mut start = [0; HTTP2_PREFACE.len()];
    loop {
        let seen = stream.peek(&mut start).await.ok()?;
        match &start[..seen] {
            [] => return None,
            [TLS_HANDSHAKE, ..] => return Some(Opening::Tls),
            seen if seen == HTTP2_PREFACE => return Some(Opening::Http2),
            seen if HTTP2_PREFACE.starts_with(seen) => pause(Duration::from_millis(1)).await,
            _ => return Some(Opening::Http1),
        }
    }
}

fn incoming(
    mut head: http::request::Parts,
    body: Body,
    (source, secure): (IpAddr, bool),
    gone: watch::Receiver<bool>,
) -> Incoming {
    if !head.headers.contains_key(http::header::HOST)
        && let Some(authority) = head.uri.authority()
        && let Ok(value) = http::HeaderValue::from_str(authority.as_str())
    {
        head.headers.insert(http::header::HOST, value);
    }
    Incoming {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body,
        source,
        secure,
        gone: Some(gone),
    }
}

/// The body of an answer as hyper takes it, and what is read away when it has been written.
struct Answer {
    content: Content,
    _rest: Option<Lingering>,
}

enum Content {
    Whole(Option<Bytes>),
    Stream {
        chunks: Pin<Box<dyn futures_core::Stream<Item = Result<Bytes, BodyError>> + Send>>,
        left: Option<u64>,
    },
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.content {
            Content::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Content::Stream { chunks, left } => chunks.poll_next_unpin(cx).map(|chunk| {
                let chunk = chunk?;
                if let (Some(left), Ok(chunk)) = (left.as_mut(), &chunk) {
                    *left = left.saturating_sub(chunk.len() as u64);
                }
                Some(chunk.map(Frame::data))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Whole(bytes) => bytes.is_none(),
            Content::Stream { left, .. } => *left == Some(0),
        }
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        match &self.content {
            Content::Whole(bytes) => {
                hyper::body::SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Content::Stream { left: Some(left), .. } => hyper::body::SizeHint::with_exact(*left),
            Content::Stream { left: None, .. } => hyper::body::SizeHint::default(),
        }
    }
}

fn outgoing(answer: Outgoing, rest: Option<Lingering>) -> hyper::Response<Answer> {
    let closes = rest.is_some();
    let content = match answer.body {
        ReplyBody::Bytes(bytes) => Content::Whole(Some(bytes).filter(|bytes| !bytes.is_empty())),
        ReplyBody::Stream(body) => match (body.take_whole(), body.take()) {
            (Some(bytes), _) => Content::Whole(Some(bytes).filter(|bytes| !bytes.is_empty())),
            (None, Some(chunks)) => Content::Stream { chunks, left: body.length },
            (None, None) => Content::Whole(None),
        },
    };
    let mut response = hyper::Response::new(Answer { content, _rest: rest });
    *response.status_mut() =
        http::StatusCode::from_u16(answer.status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = answer.headers;
    if closes {
        let close = http::HeaderValue::from_static("close");
        response.headers_mut().insert(http::header::CONNECTION, close);
    }
    response
}
