//! The chain of signatures over a body's chunks: each signs the one before it, the first the request's.

use crate::encoding::hex;
use crate::{KeyCache, Presented, SigningKey};

/// SHA-256 of nothing, a fixed line of every chunk's string to sign.
const EMPTY: &[u8] = b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// The state of the chain after the chunks so far.
#[derive(Debug, Clone)]
pub struct ChunkChain {
    key: SigningKey,
    /// The lines of date and scope.
    context: String,
    previous: [u8; 32],
}

impl ChunkChain {
    /// The chain that begins with a request's signature. The request has been verified before.
    pub fn start(presented: &Presented, secret: &str, cache: &KeyCache) -> Self {
        let credential = &presented.credential;
        ChunkChain {
            key: cache.key(secret, credential.date(), credential.region(), credential.service()),
            context: format!("{}\n{}\n", presented.stamp, credential.scope()),
            previous: presented.signature.unwrap_or_default(),
        }
    }

    /// Signs the next chunk by the SHA-256 of its data, and moves on.
    pub fn sign_chunk(&mut self, digest: &[u8; 32]) -> [u8; 32] {
        self.previous = self.key.sign(&self.chunk_text(digest));
        self.previous
    }

    /// Signs the trailers by the SHA-256 of their lines `name:value\n`, and moves on.
    pub fn sign_trailers(&mut self, digest: &[u8; 32]) -> [u8; 32] {
        self.previous = self.key.sign(&self.trailer_text(digest));
        self.previous
    }

    /// Whether a signature is that of the next chunk; moves on to it.
    pub(crate) fn accepts_chunk(&mut self, digest: &[u8; 32], signature: &[u8; 32]) -> bool {
        let fine = self.key.verifies(&self.chunk_text(digest), signature);
        self.previous = *signature;
        fine
    }

    /// Whether a signature is that of the trailers.
    pub(crate) fn accepts_trailers(&self, digest: &[u8; 32], signature: &[u8; 32]) -> bool {
        self.key.verifies(&self.trailer_text(digest), signature)
    }

    fn head(&self, algorithm: &[u8]) -> Vec<u8> {
        let mut text = Vec::with_capacity(320);
        text.extend_from_slice(algorithm);
        text.push(b'\n');
        text.extend_from_slice(self.context.as_bytes());
        text.extend_from_slice(&hex(&self.previous));
        text.push(b'\n');
        text
    }

    fn chunk_text(&self, digest: &[u8; 32]) -> Vec<u8> {
        let mut text = self.head(b"AWS4-HMAC-SHA256-PAYLOAD");
        text.extend_from_slice(EMPTY);
        text.push(b'\n');
        text.extend_from_slice(&hex(digest));
        text
    }

    fn trailer_text(&self, digest: &[u8; 32]) -> Vec<u8> {
        let mut text = self.head(b"AWS4-HMAC-SHA256-TRAILER");
        text.extend_from_slice(&hex(digest));
        text
    }
}
