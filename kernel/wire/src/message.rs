//! What comes in and goes out, as far as the protocols see it: a head to route by, and a reply.

use bytes::Bytes;
use http::header::{AsHeaderName, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use schema::Body;

/// A request before its body.
#[derive(Clone, Copy)]
pub struct Head<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// The `Host` header or `:authority`, with its port.
    pub host: &'a str,
    /// The path as it was sent: still percent-encoded.
    pub path: &'a str,
    /// What stands behind the `?`, still percent-encoded; empty where there is none.
    pub query: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
}

impl<'a> Head<'a> {
    /// A header's text; `None` where it is absent or is no visible ASCII.
    pub fn header(&self, name: impl AsHeaderName) -> Option<&'a str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The content type without its parameters.
    pub fn content_type(&self) -> Option<&'a str> {
        self.header(CONTENT_TYPE).map(|text| text.split(';').next().unwrap_or(text).trim())
    }
}

/// How many headers an answer has room for from the start.
const HEADERS: usize = 12;

/// An answer, ready to be sent.
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The headers; `content-length` and `date` are the server's to add.
    pub headers: HeaderMap,
    /// The body.
    pub body: ReplyBody,
}

/// The body of an answer.
#[derive(Debug)]
pub enum ReplyBody {
    /// Held in memory.
    Bytes(Bytes),
    /// Sent as it is made: an object's content, or the frames of an event stream.
    Stream(Body),
}

impl Reply {
    pub(crate) fn new(status: u16) -> Self {
        // Room for what most answers bear, and for what the server adds.
        let headers = HeaderMap::with_capacity(HEADERS);
        Reply { status, headers, body: ReplyBody::Bytes(Bytes::new()) }
    }

    /// Adds a header. Characters that a header cannot hold are left out of its value; a name that is none
    /// adds nothing.
    pub(crate) fn header(&mut self, name: &str, value: &str) {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else { return };
        self.known_header(&name, value);
    }

    /// Adds a header whose name is at hand.
    pub(crate) fn known_header(&mut self, name: &HeaderName, value: &str) {
        let value = HeaderValue::from_bytes(value.as_bytes()).or_else(|_| {
            let clean: Vec<u8> = value.bytes().filter(|byte| *byte >= 0x20 && *byte != 0x7f).collect();
            HeaderValue::from_bytes(&clean)
        });
        if let Ok(value) = value {
            self.headers.append(name.clone(), value);
        }
    }

    pub(crate) fn body(&mut self, content_type: &str, bytes: impl Into<Bytes>) {
        if !self.headers.contains_key(CONTENT_TYPE) {
            self.known_header(&CONTENT_TYPE, content_type);
        }
        self.body = ReplyBody::Bytes(bytes.into());
    }
}
