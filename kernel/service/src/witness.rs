//! Looking on at answered requests: for records that a service keeps of them by itself, such as access logs.

use crate::Host;
use ports::Caller;
use std::net::IpAddr;
use std::sync::Arc;

/// A request over HTTP that was answered.
pub struct Answered<'a> {
    /// Its id, as the client sees it.
    pub id: &'a str,
    /// On whose behalf.
    pub caller: &'a Caller,
    /// The operation.
    pub operation: &'static str,
    /// The values of its address: (`Bucket`, name).
    pub labels: &'a [(&'static str, String)],
    /// `GET`
    pub method: &'a str,
    /// The path, raw.
    pub path: &'a str,
    /// The query, raw, without the `?`.
    pub query: &'a str,
    /// Where it came from.
    pub source: IpAddr,
    /// The status of its answer.
    pub status: u16,
    /// The code of the error that it was answered with.
    pub error: Option<&'a str>,
    /// Bytes of the answer's body; `None` where that is not known before it is sent.
    pub sent: Option<u64>,
    /// How long it took until the answer, in microseconds.
    pub micros: u64,
    /// Headers of the request by their names, in small letters.
    pub asked: &'a dyn Fn(&str) -> Option<&'a str>,
    /// Headers of the answer.
    pub said: &'a dyn Fn(&str) -> Option<&'a str>,
}

/// Looks on at the requests of a room. It is called on the network's thread: it may not wait.
pub trait Witness: Send + Sync {
    /// A request was answered.
    fn answered(&self, host: &Arc<Host>, request: &Answered<'_>);
}
