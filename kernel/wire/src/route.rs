//! From the head of a request to a service, an operation and a protocol, by tables alone.

mod hosts;
mod router;
mod select;
mod template;
mod trie;

pub use hosts::{HostRoute, Rules};
pub use router::{Router, Unroutable};

use crate::AnswerForm;
use schema::{NamedOperation, OperationShape, Protocol, ServiceShape};
use std::fmt;

/// Where a request goes.
#[derive(Debug)]
pub enum Routing {
    /// To an operation.
    Operation(Route),
    /// To whoever serves this host: every path on it is the user's own.
    Host(HostRoute),
    /// The operation's name is in the form-encoded body: read it and ask [`Router::route_form`].
    NeedsBody,
}

/// An operation of a service, and what the request's address says of its input.
pub struct Route {
    /// The service.
    pub service: &'static ServiceShape,
    /// The operation.
    pub operation: Routed,
    /// The protocol.
    pub protocol: Protocol,
    /// The values of the path's labels, decoded; and of members given by the host or the request's URL.
    pub labels: Vec<(&'static str, String)>,
    /// The request's method is HEAD: the answer has no body.
    pub head: bool,
    /// The client speaks query and wants JSON.
    pub json: bool,
}

/// An operation that is known.
#[derive(Clone, Copy)]
pub enum Routed {
    /// It is served.
    Served(&'static OperationShape),
    /// It is not served: the answer is 501 `NotImplemented`.
    Unserved(&'static NamedOperation),
}

impl Routed {
    /// AWS's name of the operation.
    pub fn name(&self) -> &'static str {
        match self {
            Routed::Served(operation) => operation.name,
            Routed::Unserved(operation) => operation.name,
        }
    }

    /// The operation's table, if it is served.
    pub fn served(&self) -> Option<&'static OperationShape> {
        match self {
            Routed::Served(operation) => Some(operation),
            Routed::Unserved(_) => None,
        }
    }
}

impl Route {
    /// The form its answers must have.
    pub fn form(&self) -> AnswerForm {
        AnswerForm {
            protocol: self.protocol,
            service: Some(self.service),
            operation: self.operation.served(),
            head: self.head,
            json: self.json,
        }
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (service, operation) = (self.service.name, self.operation);
        write!(f, "{:?} {service} {operation:?} {:?}", self.protocol, self.labels)
    }
}

impl fmt::Debug for Routed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
