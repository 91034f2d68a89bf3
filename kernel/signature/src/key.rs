//! Signing keys: derived from a secret for one date, region and service, and kept for the next request.

use crate::digest::whole;
use ring::hmac::{HMAC_SHA256, Key, sign, verify};
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Mutex, PoisonError};

/// A derived key with its padding blocks already hashed.
#[derive(Clone)]
pub struct SigningKey(Key);

impl SigningKey {
    /// Derives the key of a secret for a scope: four rounds of HMAC.
    pub fn derive(secret: &str, date: &str, region: &str, service: &str) -> Self {
        let of_secret = SigningKey::of(format!("AWS4{secret}").as_bytes());
        [date, region, service, "aws4_request"]
            .into_iter()
            .fold(of_secret, |key, part| SigningKey::of(&key.sign(part.as_bytes())))
    }

    fn of(bytes: &[u8]) -> Self {
        SigningKey(Key::new(HMAC_SHA256, bytes))
    }

    /// The signature of a text.
    pub fn sign(&self, text: &[u8]) -> [u8; 32] {
        whole(sign(&self.0, text).as_ref())
    }

    /// Whether a signature is that of a text, in time that does not depend on where they differ.
    pub fn verifies(&self, text: &[u8], signature: &[u8; 32]) -> bool {
        verify(&self.0, text, signature).is_ok()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

const SHARDS: usize = 16;
const KEYS_PER_SHARD: usize = 64;

/// Derived keys of the last callers: at most 1024, found by a keyed fingerprint of secret and scope,
/// so that the cache holds no secret. The oldest of a shard makes room.
pub struct KeyCache {
    shards: [Mutex<Shard>; SHARDS],
    hashers: [RandomState; 2],
}

#[derive(Default)]
struct Shard {
    fingerprints: Vec<u128>,
    keys: Vec<SigningKey>,
    oldest: usize,
}

impl KeyCache {
    /// An empty cache.
    pub fn new() -> Self {
        KeyCache { shards: Default::default(), hashers: [RandomState::new(), RandomState::new()] }
    }

    /// The key of a secret for a scope, derived if it is not held.
    pub fn key(&self, secret: &str, date: &str, region: &str, service: &str) -> SigningKey {
        let fingerprint = self.fingerprint([secret, date, region, service]);
        let shard = &self.shards[fingerprint as usize % SHARDS];
        let held = shard.lock().unwrap_or_else(PoisonError::into_inner).find(fingerprint);
        held.unwrap_or_else(|| {
            let key = SigningKey::derive(secret, date, region, service);
            shard.lock().unwrap_or_else(PoisonError::into_inner).keep(fingerprint, key.clone());
            key
        })
    }

    fn fingerprint(&self, parts: [&str; 4]) -> u128 {
        let half = |hasher: &RandomState| {
            let mut state = hasher.build_hasher();
            for part in parts {
                state.write(part.as_bytes());
                // 0xff is in no UTF-8 text, so the parts cannot run into each other.
                state.write_u8(0xff);
            }
            u128::from(state.finish())
        };
        half(&self.hashers[0]) << 64 | half(&self.hashers[1])
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap().keys.len()).sum()
    }
}

impl Shard {
    fn find(&self, fingerprint: u128) -> Option<SigningKey> {
        let at = self.fingerprints.iter().position(|held| *held == fingerprint)?;
        Some(self.keys[at].clone())
    }

    fn keep(&mut self, fingerprint: u128, key: SigningKey) {
        if self.fingerprints.contains(&fingerprint) {
            return;
        }
        if self.keys.len() < KEYS_PER_SHARD {
            self.fingerprints.push(fingerprint);
            self.keys.push(key);
        } else {
            self.fingerprints[self.oldest] = fingerprint;
            self.keys[self.oldest] = key;
            self.oldest = (self.oldest + 1) % KEYS_PER_SHARD;
        }
    }
}

impl Default for KeyCache {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for KeyCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyCache(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_key() {
        // "Derive a signing key", IAM User Guide: the key's bytes sign nothing, so sign the empty text.
        let key =
            SigningKey::derive("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20120215", "us-east-1", "iam");
        let expected = "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d";
        let bytes = crate::encoding::unhex(expected.as_bytes()).unwrap();
        assert_eq!(key.sign(b"x"), SigningKey::of(&bytes).sign(b"x"));
    }

    #[test]
    fn a_key_is_found_again_and_the_cache_stays_bounded() {
        let cache = KeyCache::new();
        let first = cache.key("secret", "20150830", "us-east-1", "sqs").sign(b"text");
        assert_eq!(cache.key("secret", "20150830", "us-east-1", "sqs").sign(b"text"), first);
        assert_eq!(cache.len(), 1);
        for (date, region, service) in [
            ("20150831", "us-east-1", "sqs"),
            ("20150830", "us-east-1s", "qs"),
            ("20150830", "eu-west-1", "sqs"),
        ] {
            assert_ne!(cache.key("secret", date, region, service).sign(b"text"), first);
        }
        for number in 0..3000 {
            cache.key(&number.to_string(), "20150830", "us-east-1", "sqs");
        }
        assert!(cache.len() <= SHARDS * KEYS_PER_SHARD);
        assert_eq!(cache.key("secret", "20150830", "us-east-1", "sqs").sign(b"text"), first);
    }
}
