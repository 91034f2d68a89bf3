//! A request and an answer between the HTTP server and the pipeline, free of the server's own types, so
//! that tests drive the pipeline without a socket.

use bytes::Bytes;
use http::header::{AsHeaderName, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use schema::{Body, BodyError};
use std::net::IpAddr;
use tokio::sync::watch;
use wire::{Reply, ReplyBody};

/// Characters of a path that records show.
const MAX_SUMMARY: usize = 200;
/// Who pays for a request, where the owner of what it is for does not.
const PAYER: &str = "x-amz-request-payer";
/// Hints that are kept of a request, and the longest of them in bytes.
const MAX_HINTS: usize = 8;
const MAX_HINT: usize = 2048;

/// A request as it came over the wire.
pub struct Incoming {
    /// The method.
    pub method: Method,
    /// The path, raw.
    pub path: String,
    /// The query, raw, without the `?`.
    pub query: String,
    /// The headers; under HTTP/2 with `host` from `:authority`.
    pub headers: HeaderMap,
    /// The body, not yet read.
    pub body: Body,
    /// Where it came from.
    pub source: IpAddr,
    /// Over TLS.
    pub secure: bool,
    /// Becomes true when the client has gone away.
    pub gone: Option<watch::Receiver<bool>>,
}

impl Incoming {
    /// The host and port that the client named.
    pub fn authority(&self) -> &str {
        self.header(HOST).unwrap_or_default()
    }

    /// The first value of a header, where it is text.
    pub fn header(&self, name: impl AsHeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The headers that are text, names in small letters.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
    }

    /// What headers say beside the input, of bounded number and length: see `service::Request::hints`.
    pub fn hints(&self) -> Vec<(String, String)> {
        let said = self.headers.iter().filter(|(name, value)| {
            let name = name.as_str();
            let known = name == "x-amzn-trace-id" || name == PAYER || name.starts_with("x-localstack-");
            known && value.len() <= MAX_HINT
        });
        let said = said.filter_map(|(name, value)| {
            let text = value.to_str().ok()?;
            Some((name.as_str().to_owned(), text.to_owned()))
        });
        let in_query = self.query.split('&').filter_map(|pair| pair.split_once('='));
        let in_query = in_query.filter(|(name, value)| *name == PAYER && value.len() <= MAX_HINT);
        let in_query = in_query.map(|(name, value)| (name.to_owned(), value.to_owned()));
        said.chain(in_query).take(MAX_HINTS).collect()
    }

    /// Method and path, for records; of bounded length.
    pub fn summary(&self) -> String {
        let path: String = self.path.chars().filter(|c| !c.is_control()).take(MAX_SUMMARY).collect();
        format!("{} {path}", self.method)
    }

    /// The URL by which the client reached the region.
    pub fn origin(&self) -> String {
        [if self.secure { "https://" } else { "http://" }, self.authority()].concat()
    }
}

/// An answer.
pub struct Outgoing {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: ReplyBody,
}

impl Outgoing {
    /// An answer that says nothing, and of no type.
    pub fn empty(status: u16) -> Self {
        Outgoing { status, headers: HeaderMap::new(), body: ReplyBody::Bytes(Bytes::new()) }
    }

    /// An answer with a text.
    pub fn text(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        let answer = Outgoing { status, headers: HeaderMap::new(), body: ReplyBody::Bytes(body.into()) };
        answer.header("content-type", content_type)
    }

    /// With a header, in place of one of the same name; a value that no header may hold is left out.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }
}

impl From<Reply> for Outgoing {
    fn from(reply: Reply) -> Self {
        Outgoing { status: reply.status, headers: reply.headers, body: reply.body }
    }
}

/// Reads a whole body of at most `bound` bytes.
///
/// # Errors
/// If it is longer, or ends early.
pub async fn read_whole(body: &Body, bound: usize) -> Result<Bytes, BodyError> {
    use futures_util::StreamExt;
    let too_large = || BodyError::TooLarge(bound as u64);
    if body.length.is_some_and(|length| length > bound as u64) {
        return Err(too_large());
    }
    let Some(mut chunks) = body.take() else {
        return Ok(Bytes::new());
    };
    let Some(first) = chunks.next().await.transpose()? else {
        return Ok(Bytes::new());
    };
    // Most bodies are one chunk, which need not be copied.
    let Some(second) = chunks.next().await.transpose()? else {
        return if first.len() > bound { Err(too_large()) } else { Ok(first) };
    };
    let mut whole =
        Vec::with_capacity(body.length.map_or(0, |length| length as usize).max(first.len() + second.len()));
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&second);
    while whole.len() <= bound {
        match chunks.next().await.transpose()? {
            Some(chunk) => whole.extend_from_slice(&chunk),
            None => return Ok(whole.into()),
        }
    }
    Err(too_large())
}
