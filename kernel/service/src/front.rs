//! Hosts that a room serves itself: not operations of an AWS API but users' own HTTP, such as
//! `{api}.execute-api.{region}.…`.

use crate::{BoxFuture, Ctx, Demand};
use bytes::Bytes;
use ports::Caller;
use schema::{ApiError, Body};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// An HTTP request to a host of a room.
#[derive(Debug, Clone)]
pub struct FrontRequest {
    /// The label before the front's name in the host, or the first segment behind its path prefix.
    pub label: String,
    /// The host name as the client sent it, without the port.
    pub host: String,
    /// The method.
    pub method: String,
    /// The path behind the front's prefix, raw, beginning with `/`.
    pub path: String,
    /// The query, raw, without the `?`.
    pub query: String,
    /// The headers, names in lower case, in the order they came.
    pub headers: Vec<(String, String)>,
    /// The body, at most the bound of the front.
    pub body: Bytes,
    /// Where it came from.
    pub source: IpAddr,
}

impl FrontRequest {
    /// The first header of a name, which is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The parameters of a query or of a form.
pub fn parameters(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

/// A part of a URL or of a form as it was meant: a plus stands for a blank.
pub fn decoded(text: &str) -> String {
    let plain = text.replace('+', "%20");
    percent_encoding::percent_decode_str(&plain).decode_utf8_lossy().into_owned()
}

/// An HTTP answer.
#[derive(Debug, Clone)]
pub struct FrontReply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: FrontBody,
}

/// The body of an answer.
#[derive(Debug, Clone)]
pub enum FrontBody {
    /// Held in memory.
    Bytes(Bytes),
    /// Sent as it is made.
    Stream(Body),
}

impl FrontBody {
    /// What is held in memory; nothing of a stream.
    pub fn held(&self) -> &[u8] {
        match self {
            FrontBody::Bytes(bytes) => bytes,
            FrontBody::Stream(_) => &[],
        }
    }
}

impl From<Bytes> for FrontBody {
    fn from(bytes: Bytes) -> Self {
        FrontBody::Bytes(bytes)
    }
}

/// What a request to a front needs permission for.
#[derive(Debug, Clone)]
pub struct Needs {
    /// As whom it is judged and served, which need not be who signed it.
    pub caller: Caller,
    /// All of them must be allowed.
    pub demands: Vec<Demand>,
}

/// A room's own hosts.
pub trait Front: Send + Sync {
    /// The second label of its hosts: `execute-api` in `{label}.execute-api.{region}.{base}`.
    fn name(&self) -> &'static str;

    /// Whether it has hosts; one that has none is reached by its path alone.
    fn has_hosts(&self) -> bool {
        true
    }

    /// The longest body it takes, in bytes.
    fn max_body(&self) -> usize;

    /// What a request needs permission for before it is served, where this front is judged by IAM.
    ///
    /// # Errors
    /// If what is asked for cannot be read.
    fn needs(&self, ctx: &Ctx, request: &FrontRequest) -> Result<Option<Needs>, ApiError> {
        let _ = (ctx, request);
        Ok(None)
    }

    /// The answer to a request that is not allowed.
    fn refuse(&self) -> FrontReply {
        let body = Bytes::from_static(br#"{"Message":"Forbidden"}"#);
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        FrontReply { status: 403, headers, body: body.into() }
    }

    /// Answers a request. The context's caller is the signed caller, or anonymous; or the one that its needs
    /// name.
    fn serve(&self, ctx: Ctx, request: FrontRequest) -> BoxFuture<'_, FrontReply>;
}
