//! Bodies that are not held in memory, and streams of events.

use crate::Obj;
use bytes::Bytes;
use futures_core::Stream;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Why a body ended before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyError {
    /// The peer went away, or sent less than it announced.
    Incomplete,
    /// More than the bound of the operation, in bytes.
    TooLarge(u64),
    /// The content is not what its signature, digest or checksum says: AWS's code and message.
    Rejected {
        /// The AWS error code, such as `XAmzContentSHA256Mismatch`.
        code: &'static str,
        /// AWS's message.
        message: String,
    },
    /// Reading it failed.
    Io(String),
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BodyError::Incomplete => f.write_str("the body ended before its announced length"),
            BodyError::TooLarge(bound) => write!(f, "the body is larger than {bound} bytes"),
            BodyError::Rejected { code, message } => write!(f, "{code}: {message}"),
            BodyError::Io(cause) => f.write_str(cause),
        }
    }
}

impl std::error::Error for BodyError {}

type Chunks = Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>> + Send>>;
type Events = Pin<Box<dyn Stream<Item = Box<dyn Obj>> + Send>>;

/// A body that is read once, chunk by chunk. Cloning shares it; the first to take it has it.
#[derive(Clone, Default)]
pub struct Body {
    /// Length in bytes, where it is known before reading.
    pub length: Option<u64>,
    content: Arc<Mutex<Option<Content>>>,
}

enum Content {
    Whole(Bytes),
    Chunks(Chunks),
}

impl Body {
    /// A body of chunks that arrive.
    pub fn stream(
        length: Option<u64>,
        chunks: impl Stream<Item = Result<Bytes, BodyError>> + Send + 'static,
    ) -> Self {
        Body { length, content: Arc::new(Mutex::new(Some(Content::Chunks(Box::pin(chunks))))) }
    }

    /// Takes the chunks; `None` if they were taken before, or the body was never given.
    pub fn take(&self) -> Option<Chunks> {
        Some(match self.content().take()? {
            Content::Whole(bytes) => Box::pin(Once(Some(bytes))),
            Content::Chunks(chunks) => chunks,
        })
    }

    /// Takes all of a body that is at hand; `None` for one that arrives, which stays.
    pub fn take_whole(&self) -> Option<Bytes> {
        let mut content = self.content();
        match content.take()? {
            Content::Whole(bytes) => Some(bytes),
            arriving => {
                *content = Some(arriving);
                None
            }
        }
    }

    /// Whether the chunks are still here.
    pub fn is_present(&self) -> bool {
        self.content().is_some()
    }

    fn content(&self) -> MutexGuard<'_, Option<Content>> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        let length = Some(bytes.len() as u64);
        Body { length, content: Arc::new(Mutex::new(Some(Content::Whole(bytes)))) }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({:?})", self.length)
    }
}

struct Once(Option<Bytes>);

impl Stream for Once {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(self.0.take().map(Ok))
    }
}

/// A stream of events, each a union value of the stream's shape. Read once, like [`Body`].
#[derive(Clone, Default)]
pub struct EventStream(Arc<Mutex<Option<Events>>>);

impl EventStream {
    /// A stream of events that arrive.
    pub fn new(events: impl Stream<Item = Box<dyn Obj>> + Send + 'static) -> Self {
        EventStream(Arc::new(Mutex::new(Some(Box::pin(events)))))
    }

    /// Takes the events; `None` if they were taken before.
    pub fn take(&self) -> Option<Events> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventStream")
    }
}
