//! A request's body as it comes in, and what becomes of the rest of one that is answered before its end.
//!
//! A connection whose request was not read to its end cannot carry another. A short rest is read before the
//! answer is given; a longer one is read away behind an answer that says `connection: close`, so that a
//! client which is still sending gets to see it.

use bytes::Bytes;
use http_body_util::BodyExt;
use schema::{Body, BodyError};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

/// The next piece of a body must come within this time.
const PIECE_TIMEOUT: Duration = Duration::from_secs(60);
/// A rest of at most this many bytes is read before the answer, for at most this long.
const SHORT_BYTES: u64 = 64 * 1024;
const SHORT_TIMEOUT: Duration = Duration::from_millis(500);
/// How much of a rest is read away behind the answer, and for how long.
const LONG_BYTES: u64 = 256 * 1024 * 1024;
const LONG_TIMEOUT: Duration = Duration::from_secs(10);

async fn pause(duration: Duration) {
    #[expect(clippy::disallowed_methods, reason = "the edge waits in host time")]
    tokio::time::sleep(duration).await;
}

/// What the connection still holds of a body.
struct Source {
    body: hyper::body::Incoming,
    announced: Option<u64>,
    received: u64,
}

impl Source {
    fn is_whole(&self) -> bool {
        self.announced == Some(self.received)
    }

    /// Reads at most so many bytes and forgets them; whether that was the end.
    async fn read_away(&mut self, bound: u64) -> bool {
        let until = self.received.saturating_add(bound);
        while self.received < until {
            match self.body.frame().await {
                None => return true,
                Some(Err(_)) => return false,
                Some(Ok(frame)) => self.received += frame.data_ref().map_or(0, |data| data.len() as u64),
            }
            if self.is_whole() {
                return true;
            }
        }
        false
    }
}

/// How far a body has been read.
enum Reading {
    /// Somebody may still read it.
    Open,
    /// Whoever read it has let go of the rest.
    Left(Source),
    /// It was read to its end.
    Ended,
    /// There was none.
    Empty,
}

/// What is left of a request's body when its answer is ready.
#[derive(Clone)]
pub struct Rest(Arc<Mutex<Reading>>);

/// A rest that is read away once this is dropped: when the answer has been written.
pub struct Lingering(Option<Source>);

impl Rest {
    fn set(&self, reading: Reading) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = reading;
    }

    fn take(&self) -> Reading {
        let mut reading = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *reading, Reading::Open)
    }

    /// Looks at the rest before the answer is given. `None` where the connection can carry another request.
    /// A client that waits for `100 Continue` sends no rest once it is answered otherwise.
    pub async fn before_answer(&self, waits_for_continue: bool) -> Option<Lingering> {
        let mut source = match self.take() {
            Reading::Ended => return None,
            // It was never told to continue, since there was nothing to wait for. Some clients (botocore) read
            // the next answer on such a connection wrongly: then it ends here.
            Reading::Empty if waits_for_continue => return Some(Lingering(None)),
            Reading::Empty => return None,
            Reading::Open => return Some(Lingering(None)),
            Reading::Left(source) => source,
        };
        let untouched = waits_for_continue && source.received == 0;
        let left =
            source.announced.map_or(SHORT_BYTES, |announced| announced.saturating_sub(source.received));
        if !untouched && left <= SHORT_BYTES {
            let ended = tokio::select! {
                ended = source.read_away(SHORT_BYTES) => ended,
                () = pause(SHORT_TIMEOUT) => false,
            };
            if ended {
                return None;
            }
        }
        Some(Lingering(Some(source)))
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        if let Some(mut source) = self.0.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move {
                tokio::select! {
                    _ = source.read_away(LONG_BYTES) => {}
                    () = pause(LONG_TIMEOUT) => {}
                }
            });
        }
    }
}

/// The body of a request, and the view on its rest.
pub fn body(incoming: hyper::body::Incoming) -> (Body, Rest) {
    let announced = hyper::body::Body::size_hint(&incoming).exact();
    let rest = Rest(Arc::new(Mutex::new(Reading::Open)));
    if announced == Some(0) {
        rest.set(Reading::Empty);
        return (Body::from(Bytes::new()), rest);
    }
    let source = Source { body: incoming, announced, received: 0 };
    let pieces = Pieces { source: Some(source), rest: rest.clone(), timer: None };
    (Body::stream(announced, pieces), rest)
}

type Timer = Pin<Box<tokio::time::Sleep>>;

fn is_late(timer: &mut Option<Timer>, cx: &mut Context<'_>) -> bool {
    #[expect(clippy::disallowed_methods, reason = "the edge waits in host time")]
    let timer = timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(PIECE_TIMEOUT)));
    timer.as_mut().poll(cx).is_ready()
}

/// The data of a body; a client that stops sending is given up after a while.
struct Pieces {
    source: Option<Source>,
    rest: Rest,
    timer: Option<Timer>,
}

impl Pieces {
    /// Nothing more can be read: to its end, or because it broke.
    fn finish(&mut self, reading: Reading) {
        self.source = None;
        self.rest.set(reading);
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        if let Some(source) = self.source.take() {
            self.rest.set(Reading::Left(source));
        }
    }
}

impl futures_core::Stream for Pieces {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let pieces = &mut *self;
        loop {
            let Some(source) = &mut pieces.source else { return Poll::Ready(None) };
            match Pin::new(&mut source.body.frame()).poll(cx) {
                Poll::Pending if is_late(&mut pieces.timer, cx) => {
                    let late = BodyError::Io("the client stopped sending".to_owned());
                    return Poll::Ready(Some(Err(late)));
                }
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None)
                    if source.announced.is_none_or(|announced| announced <= source.received) =>
                {
                    pieces.finish(Reading::Ended);
                    return Poll::Ready(None);
                }
                Poll::Ready(None | Some(Err(_))) => {
                    pieces.finish(Reading::Open);
                    return Poll::Ready(Some(Err(BodyError::Incomplete)));
                }
                Poll::Ready(Some(Ok(frame))) => {
                    let Ok(data) = frame.into_data() else { continue };
                    source.received += data.len() as u64;
                    if source.is_whole() {
                        pieces.finish(Reading::Ended);
                    }
                    pieces.timer = None;
                    return Poll::Ready(Some(Ok(data)));
                }
            }
        }
    }
}
