//! Why a document is no policy, or not one of the kind that is asked for.

use std::fmt;

/// The kind of fault, for services that word it their own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No JSON, or nested too deeply, or too large.
    Json,
    /// JSON, but not the grammar of policies.
    Syntax,
    /// A version that this kind of policy may not have.
    Version,
    /// Statement ids that are malformed or not unique.
    Sid,
    /// Actions that are absent or malformed.
    Action,
    /// Resources that are absent, malformed, or not allowed here.
    Resource,
    /// Principals that are absent, malformed, or not allowed here.
    Principal,
    /// A value that cannot be read: an effect in the wrong case, a date that is none.
    Value,
}

/// A refused document. The message is that of IAM's MalformedPolicyDocument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MalformedPolicy {
    /// The kind of fault.
    pub fault: Fault,
    /// The text for a reader.
    pub message: String,
}

impl MalformedPolicy {
    pub(crate) fn new(fault: Fault, message: impl Into<String>) -> Self {
        MalformedPolicy { fault, message: message.into() }
    }

    pub(crate) fn syntax() -> Self {
        Self::new(Fault::Syntax, "Syntax errors in policy.")
    }

    pub(crate) fn legacy() -> Self {
        Self::new(Fault::Value, "The policy failed legacy parsing")
    }
}

impl fmt::Display for MalformedPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for MalformedPolicy {}
