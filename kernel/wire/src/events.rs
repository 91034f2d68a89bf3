//! Event streams: messages framed in `application/vnd.amazon.eventstream`.

mod frame;
mod stream;

pub use frame::{Frame, FrameError, HeaderValue};
pub(crate) use stream::{events, reply};
