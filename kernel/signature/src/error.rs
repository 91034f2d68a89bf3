//! Why a request's credentials are refused: one variant for each cause that AWS tells apart.

use names::Timestamp;
use std::fmt;

/// Where the signature stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the `Authorization` header.
    Header,
    /// In the query of a presigned URL.
    Query,
}

/// What is wrong with `X-Amz-Expires`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpiresFault {
    /// Not a whole number.
    NotANumber,
    /// Below zero.
    Negative,
    /// Above 604800.
    TooLong,
}

/// The texts that were compared when a signature does not match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The access key the client named.
    pub access_key: String,
    /// The canonical request as the receiver sees it.
    pub canonical_request: String,
    /// The string to sign as the receiver sees it.
    pub string_to_sign: String,
    /// The client's signature, in hexadecimal; empty if it had another form.
    pub signature: String,
}

/// The causes. [`AuthError::describe`] words them for a protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthError {
    /// No credentials where some are needed.
    MissingAuthenticationToken,
    /// Parts of the `Authorization` header are absent. The header's text is kept only as a digest.
    MissingParts {
        /// `Credential`, `Signature`, `SignedHeaders`.
        missing: Vec<&'static str>,
        /// SHA-256 of the header's value, in Base64.
        digest: String,
        /// How many parts there are.
        count: usize,
    },
    /// A part of the `Authorization` header has no `=`.
    NotKeyValue {
        /// The part.
        part: String,
        /// Its SHA-256 in Base64.
        digest: String,
        /// How many parts there are.
        count: usize,
    },
    /// An `Authorization` header of another scheme: its value.
    OtherScheme(String),
    /// Neither `X-Amz-Date` nor `Date`.
    MissingDate,
    /// A date that is not one.
    MalformedDate(Place, String),
    /// A credential without its five parts.
    MalformedCredential(Place, String),
    /// A scope's date that is none.
    ScopeDateForm(Place, String),
    /// The scope's date is not that of the request.
    ScopeDate {
        /// Where the credential stood.
        place: Place,
        /// The scope's date.
        scope: String,
        /// The request's moment.
        stamp: String,
    },
    /// The scope does not end in `aws4_request`.
    ScopeTerminator(Place, String),
    /// The scope's region is not the endpoint's.
    ScopeRegion {
        /// Where the credential stood.
        place: Place,
        /// The scope's region.
        given: String,
        /// The endpoint's.
        expected: String,
    },
    /// The scope's service is not the endpoint's.
    ScopeService {
        /// Where the credential stood.
        place: Place,
        /// The scope's service.
        given: String,
        /// The endpoint's.
        expected: String,
    },
    /// `host` is not among the signed headers.
    HostNotSigned,
    /// `x-amz-` headers outside the signature, joined by commas.
    HeadersNotSigned(String),
    /// Signature Version 2, which is no longer served.
    OldVersion,
    /// A presigned URL of Signature Version 2 past its end.
    OldVersionExpired {
        /// When it ended.
        expires: Timestamp,
        /// The receiver's moment.
        now: Timestamp,
    },
    /// An algorithm other than AWS4-HMAC-SHA256, and the header's value where it stands in one.
    UnsupportedAlgorithm(Place, String, String),
    /// A signature in the header and another in the query.
    TwoMechanisms,
    /// A presigned URL without all its parameters.
    QueryIncomplete(Vec<&'static str>),
    /// A presigned URL whose lifetime is refused.
    QueryExpires(ExpiresFault),
    /// The access key is not known, or not active.
    InvalidClientTokenId(String),
    /// The session token does not belong to the access key.
    InvalidToken,
    /// The session has ended.
    ExpiredToken,
    /// The signatures differ.
    SignatureDoesNotMatch(Box<Mismatch>),
    /// Signed too long ago.
    Expired {
        /// When it was signed.
        signed: Timestamp,
        /// The receiver's moment.
        now: Timestamp,
    },
    /// Signed too far in the future.
    NotYetCurrent {
        /// When it was signed.
        signed: Timestamp,
        /// The receiver's moment.
        now: Timestamp,
    },
    /// A presigned URL past its lifetime.
    PresignExpired {
        /// When it was signed.
        signed: Timestamp,
        /// Its lifetime.
        expires_seconds: u32,
        /// The receiver's moment.
        now: Timestamp,
    },
    /// A presigned URL whose time has not come.
    PresignNotYet {
        /// When it was signed.
        signed: Timestamp,
        /// The receiver's moment.
        now: Timestamp,
    },
    /// No `x-amz-content-sha256` where the dialect needs one.
    PayloadHashMissing,
    /// `x-amz-content-sha256` is none of the allowed values.
    PayloadHashInvalid(String),
    /// The body is not the one that was declared.
    PayloadMismatch {
        /// The declared digest in hexadecimal.
        declared: String,
        /// The body's digest in hexadecimal.
        computed: String,
    },
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let description = self.describe(crate::Wording::Query);
        write!(f, "{}: {}", description.code, description.message)
    }
}

impl std::error::Error for AuthError {}
