//! The IAM policy language: parse, evaluate, explain; pure

/// A policy.
#[derive(Debug)]
pub struct Policy;

/// Why a text is no policy.
#[derive(Debug)]
pub struct MalformedPolicy;

impl Policy {
    /// Reads a policy.
    pub fn parse(_text: &str) -> Result<Self, MalformedPolicy> {
        Err(MalformedPolicy)
    }
}
