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
}

impl Malformed {
    pub(crate) fn syntax(message: impl Into<String>) -> Self {
        Malformed { kind: MalformedKind::Syntax, message: message.into() }
    }

    pub(crate) fn mistyped(message: impl Into<String>) -> Self {
        Malformed { kind: MalformedKind::Type, message: message.into() }
    }

    pub(crate) fn too_deep() -> Self {
        Malformed { kind: MalformedKind::TooDeep, message: "The request is nested too deeply".to_owned() }
    }

    pub(crate) fn too_large() -> Self {
        Malformed { kind: MalformedKind::TooLarge, message: "The request has too many elements".to_owned() }
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
        ApiError::new(code, 400, self.message)
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Malformed {}
