//! The two ways of signing: that of S3 and its relatives, and that of every other service.
//!
//! S3 signs paths as they are, because an object's key may hold `//` and `..`; the others normalise
//! the path and encode it a second time. S3 also demands the payload's hash in a header.

use crate::{RequestHead, query};
use http::HeaderName;

/// The signing name of requests to directory buckets, whose tokens travel under a name of their own.
const DIRECTORY_BUCKETS: &str = "s3express";

/// How a service's requests are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Path normalised and encoded twice; the body's hash is computed by the receiver.
    General,
    /// Path encoded once and never normalised; the payload's hash is declared in a header.
    Objects,
}

/// Signing names whose requests follow the object store's rules.
const OBJECT_SERVICES: [&str; 4] = ["s3", "s3-object-lambda", "s3-outposts", DIRECTORY_BUCKETS];

/// The header of the token of a session of a directory bucket; in queries in other letters.
pub(crate) static LENT_TOKEN: HeaderName = HeaderName::from_static("x-amz-s3session-token");
pub(crate) const LENT_TOKEN_QUERY: &str = "X-Amz-S3session-Token";

/// Whether requests signed for a service may bring the token of such a session.
pub(crate) fn takes_lent_tokens(service: &str) -> bool {
    service == DIRECTORY_BUCKETS
}

/// Whether a request brings the token of such a session, whatever it is signed for.
pub fn brings_lent_token(head: &RequestHead<'_>) -> bool {
    head.headers.contains_key(&LENT_TOKEN) || query::value(head.query, LENT_TOKEN_QUERY).is_some()
}

impl Dialect {
    /// The dialect of a credential scope's service.
    pub fn of(service: &str) -> Self {
        if OBJECT_SERVICES.contains(&service) { Dialect::Objects } else { Dialect::General }
    }
}
