//! The form that an answer must have, as far as it is known when the answer is made.

use schema::{OperationShape, Protocol, ServiceShape};
use std::fmt;

/// The form of an answer: an error can arise before the operation, even before the service is known.
#[derive(Clone, Copy)]
pub struct AnswerForm {
    /// The protocol the client speaks.
    pub protocol: Protocol,
    /// The service, where it is known.
    pub service: Option<&'static ServiceShape>,
    /// The operation, where it is known and served.
    pub operation: Option<&'static OperationShape>,
    /// The request's method is HEAD: the answer has no body.
    pub head: bool,
    /// The client speaks query and wants JSON.
    pub json: bool,
}

impl AnswerForm {
    /// For a request of which nothing but the protocol is known.
    pub fn bare(protocol: Protocol) -> Self {
        AnswerForm { protocol, service: None, operation: None, head: false, json: false }
    }

    /// Whether XML errors are a bare `<Error>`, and ids travel in `x-amz-request-id`.
    pub(crate) fn bare_errors(&self) -> bool {
        self.service.is_some_and(|service| service.dialect.bare_errors)
    }
}

impl fmt::Debug for AnswerForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The tables behind the names are thousands of lines.
        let service = self.service.map_or("-", |service| service.name);
        let operation = self.operation.map_or("-", |operation| operation.name);
        write!(f, "{:?} {service} {operation}", self.protocol)
    }
}
