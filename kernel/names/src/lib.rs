//! Checked names of AWS things: accounts, regions, ARNs, scopes, tags and timestamps.
//!
//! Newtypes without I/O. A value of one of these types has been checked once, at the edge; what is
//! inside the region never checks it again.

mod account;
mod arn;
mod region;
mod scope;
mod tags;
mod timestamp;

pub use account::AccountId;
pub use arn::Arn;
pub use region::Region;
pub use scope::Scope;
pub use tags::Tags;
pub use timestamp::Timestamp;

/// Why a text is not the name it was taken for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// What was expected: `"account id"`, `"ARN"`.
    pub what: &'static str,
    /// The text that was given, cut to 200 characters.
    pub text: String,
}

impl Malformed {
    fn new(what: &'static str, text: &str) -> Self {
        Malformed { what, text: text.chars().take(200).collect() }
    }
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "not a valid {}: {}", self.what, self.text)
    }
}

impl std::error::Error for Malformed {}
