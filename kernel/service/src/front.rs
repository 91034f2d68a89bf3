//! Hosts that a room serves itself: not operations of an AWS API but users' own HTTP, such as
//! `{api}.execute-api.{region}.…`.

use crate::{BoxFuture, Ctx};
use bytes::Bytes;
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

/// An HTTP answer.
#[derive(Debug, Clone)]
pub struct FrontReply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
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

    /// Answers a request. The context's caller is the signed caller, or anonymous.
    fn serve(&self, ctx: Ctx, request: FrontRequest) -> BoxFuture<'_, FrontReply>;
}
