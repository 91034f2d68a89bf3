//! Why a request could not be decoded at all, and the error that each protocol answers then.

use schema::{ApiError, Protocol};
use std::fmt;

/// What is wrong with a request that ended its decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MalformedKind {
    /// The text is not of its format.
    Syntax,
    /// A value is not of its type.
    Type,
    /// Deeper than [`crate::Limits::depth`].
    TooDeep,
    /// Larger than [`crate::Limits::memory`].
    TooLarge,
}

/// A request that could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// What is wrong.
    pub kind: MalformedKind,
    /// The message for the client.
    pub message: String,
    /// The parameter of the query that is not of its type, and its text, where that is told.
    pub argument: Option<(String, String)>,
}

impl Malformed {
    pub(crate) fn syntax(message: impl Into<String>) -> Self {
        Malformed { kind: MalformedKind::Syntax, message: message.into(), argument: None }
    }

    pub(crate) fn mistyped(message: impl Into<String>) -> Self {
        Malformed { kind: MalformedKind::Type, message: message.into(), argument: None }
    }

    pub(crate) fn too_deep() -> Self {
        let message = "The request is nested too deeply".to_owned();
        Malformed { kind: MalformedKind::TooDeep, message, argument: None }
    }

    pub(crate) fn too_large() -> Self {
        let message = "The request has too many elements".to_owned();
        Malformed { kind: MalformedKind::TooLarge, message, argument: None }
    }

    /// A number of the query that is none, in the words of the protocol.
    pub(crate) fn of_query(self, protocol: Protocol, name: &str, text: &str, number: bool) -> Self {
        if protocol != Protocol::RestXml || self.kind != MalformedKind::Type || !number {
            return self;
        }
        let message = format!("Provided {name} not an integer or within integer range");
        Malformed { message, argument: Some((name.to_owned(), text.to_owned())), ..self }
    }

    /// The error that a client of this protocol is answered.
    pub fn into_error(self, protocol: Protocol) -> ApiError {
        let code = match (protocol, self.kind) {
            (Protocol::RestXml, MalformedKind::Type) => "InvalidArgument",
            (Protocol::RestXml, _) => {
                let message = "The XML you provided was not well-formed or did not validate against our \
                               published schema";
                return ApiError::new("MalformedXML", 400, message);
            }
            (Protocol::AwsQuery, MalformedKind::Type) => "MalformedInput",
            (Protocol::Ec2Query, MalformedKind::Type) => "InvalidParameterValue",
            (Protocol::AwsQuery | Protocol::Ec2Query, _) => "MalformedQueryString",
            _ => "SerializationException",
        };
        let error = ApiError::new(code, 400, self.message);
        match self.argument {
            Some((name, text)) => error.field("ArgumentName", name).field("ArgumentValue", text),
            None => error,
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Malformed {}
