//! What a request says of its body: the hash that enters the signature, and the check of the body.

use crate::digest::{Sha256, sha256};
use crate::encoding::{hex, hex_text, unhex};
use crate::{AMZ_CONTENT_SHA256, AuthError, Dialect, Form, Presented, RequestHead, query};

/// The last line of the canonical request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadHash {
    /// The SHA-256 of the whole body.
    Digest([u8; 32]),
    /// The body is not signed.
    Unsigned,
    /// The body comes in signed chunks.
    Chunks,
    /// The body comes in signed chunks and ends in signed trailers.
    ChunksTrailer,
    /// The body comes in unsigned chunks and ends in trailers.
    UnsignedTrailer,
}

const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
const CHUNKS: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
const CHUNKS_TRAILER: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
const UNSIGNED_TRAILER: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

impl PayloadHash {
    /// The hash of a body that is at hand.
    pub fn of_body(body: &[u8]) -> Self {
        PayloadHash::Digest(sha256(body))
    }

    /// What the request declares. `None`: nothing, so the receiver hashes the body by
    /// [`PayloadHash::of_body`] before it verifies. The object dialect always has an answer or an error.
    pub fn declared(head: &RequestHead<'_>, presented: &Presented) -> Result<Option<Self>, AuthError> {
        let dialect = presented.dialect();
        let declared =
            head.header(&AMZ_CONTENT_SHA256).or_else(|| query::value(head.query, "X-Amz-Content-Sha256"));
        match (declared, dialect, presented.form) {
            (Some(text), ..) => match (Self::parse(text), dialect) {
                (Some(hash), _) => Ok(Some(hash)),
                (None, Dialect::Objects) => Err(AuthError::PayloadHashInvalid(text.to_owned())),
                (None, Dialect::General) => Ok(None),
            },
            (None, Dialect::Objects, Form::Presigned { .. }) => Ok(Some(PayloadHash::Unsigned)),
            (None, Dialect::Objects, Form::Header) => Err(AuthError::PayloadHashMissing),
            (None, Dialect::General, _) => Ok(None),
        }
    }

    /// Reads a value of `x-amz-content-sha256`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            UNSIGNED => Some(PayloadHash::Unsigned),
            CHUNKS => Some(PayloadHash::Chunks),
            CHUNKS_TRAILER => Some(PayloadHash::ChunksTrailer),
            UNSIGNED_TRAILER => Some(PayloadHash::UnsignedTrailer),
            _ => unhex(text.as_bytes()).map(PayloadHash::Digest),
        }
    }

    /// Whether the body is in the `aws-chunked` framing.
    pub fn is_chunked(&self) -> bool {
        matches!(self, PayloadHash::Chunks | PayloadHash::ChunksTrailer | PayloadHash::UnsignedTrailer)
    }

    /// The value of `x-amz-content-sha256`.
    pub fn header_value(&self) -> String {
        let mut text = Vec::with_capacity(64);
        self.push(&mut text);
        text.iter().map(|b| char::from(*b)).collect()
    }

    pub(crate) fn push(&self, out: &mut Vec<u8>) {
        match self {
            PayloadHash::Digest(digest) => out.extend_from_slice(&hex(digest)),
            PayloadHash::Unsigned => out.extend_from_slice(UNSIGNED.as_bytes()),
            PayloadHash::Chunks => out.extend_from_slice(CHUNKS.as_bytes()),
            PayloadHash::ChunksTrailer => out.extend_from_slice(CHUNKS_TRAILER.as_bytes()),
            PayloadHash::UnsignedTrailer => out.extend_from_slice(UNSIGNED_TRAILER.as_bytes()),
        }
    }
}

/// Hashes a streamed body and compares it with the declared digest at its end.
#[derive(Debug, Clone)]
pub struct PayloadCheck {
    declared: [u8; 32],
    hasher: Sha256,
}

impl PayloadCheck {
    /// A check, where the request declares a digest of its body.
    pub fn of(hash: &PayloadHash) -> Option<Self> {
        match hash {
            PayloadHash::Digest(declared) => {
                Some(PayloadCheck { declared: *declared, hasher: Sha256::new() })
            }
            _ => None,
        }
    }

    /// The next bytes of the body.
    pub fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
    }

    /// Whether the body was the declared one.
    pub fn finish(self) -> Result<(), AuthError> {
        let computed = self.hasher.finish();
        if computed == self.declared {
            return Ok(());
        }
        Err(AuthError::PayloadMismatch { declared: hex_text(&self.declared), computed: hex_text(&computed) })
    }
}
