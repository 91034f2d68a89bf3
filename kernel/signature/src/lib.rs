//! Signature Version 4: who signed a request, and whether the signature holds.
//!
//! Pure: the request's head comes as borrowed parts, the moment as an argument, the secret from the
//! caller. The way through: [`Presented::find`] reads the credentials, [`PayloadHash::declared`] what
//! the client says of its body, [`verify`] recomputes the signature, [`ChunkedDecoder`] and
//! [`PayloadCheck`] hold the body to what was signed. [`sign_header`] and [`presign`] are the other side.

mod canonical;
mod chain;
mod chunked;
mod credential;
mod describe;
mod dialect;
mod digest;
mod encoding;
mod error;
mod form_policy;
mod key;
mod payload;
mod presented;
mod query;
mod sign;
mod verify;

pub use chain::ChunkChain;
pub use chunked::{ChunkError, ChunkedDecoder, Trailers, decoded_length};
pub use credential::{Credential, Glimpse};
pub use describe::{Description, Wording};
pub use dialect::{Dialect, brings_lent_token};
pub use error::{AuthError, ExpiresFault, Mismatch, Place};
pub use form_policy::{FormPolicy, FormRefusal, verify_form};
pub use key::{KeyCache, SigningKey};
pub use payload::{PayloadCheck, PayloadHash};
pub use presented::{Form, Presented};
pub use sign::{Signer, presign, sign_header};
pub use verify::verify;

use http::HeaderName;
use http::header::AsHeaderName;

/// Names of headers that each request is asked for: made once, they are found without being read first.
pub(crate) static AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
pub(crate) static AMZ_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
pub(crate) static AMZ_CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");

/// The head of a request as it came over the wire.
#[derive(Debug, Clone, Copy)]
pub struct RequestHead<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// The path as on the request line, before `?`, still percent-encoded.
    pub path: &'a str,
    /// The query as on the request line, behind `?`, still percent-encoded; empty without one.
    pub query: &'a str,
    /// The headers. Under HTTP/2 the caller adds `host` from `:authority`.
    pub headers: &'a http::HeaderMap,
}

impl<'a> RequestHead<'a> {
    /// The first value of a header, where it is text.
    fn header(&self, name: impl AsHeaderName) -> Option<&'a str> {
        self.headers.get(name).and_then(|value| std::str::from_utf8(value.as_bytes()).ok()).map(str::trim)
    }
}
