//! The two ways of signing: that of S3 and its relatives, and that of every other service.
//!
//! S3 signs paths as they are, because an object's key may hold `//` and `..`; the others normalise
//! the path and encode it a second time. S3 also demands the payload's hash in a header.

/// How a service's requests are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Path normalised and encoded twice; the body's hash is computed by the receiver.
    General,
    /// Path encoded once and never normalised; the payload's hash is declared in a header.
    Objects,
}

/// Signing names whose requests follow the object store's rules.
const OBJECT_SERVICES: [&str; 4] = ["s3", "s3-object-lambda", "s3-outposts", "s3express"];

impl Dialect {
    /// The dialect of a credential scope's service.
    pub fn of(service: &str) -> Self {
        if OBJECT_SERVICES.contains(&service) { Dialect::Objects } else { Dialect::General }
    }
}
