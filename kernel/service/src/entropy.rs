//! Randomness and ids in AWS's formats. Tests seed it, so that a run repeats.

use crate::digits::push_hex;
use std::sync::{Arc, Mutex, PoisonError};

/// Where random bytes come from. Cheap to clone.
#[derive(Clone)]
pub struct Entropy(Source);

#[derive(Clone)]
enum Source {
    System(Arc<Mutex<Pool>>),
    Seeded(Arc<Mutex<u64>>),
}

/// Bytes drawn from the operating system ahead of use: one call serves many ids.
struct Pool {
    bytes: [u8; Pool::SIZE],
    used: usize,
}

impl Pool {
    const SIZE: usize = 4096;
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const SECRET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

impl Entropy {
    /// The operating system's.
    pub fn system() -> Self {
        Entropy(Source::System(Arc::new(Mutex::new(Pool { bytes: [0; Pool::SIZE], used: Pool::SIZE }))))
    }

    /// A sequence that a seed determines. For tests: its values are no secrets.
    pub fn seeded(seed: u64) -> Self {
        Entropy(Source::Seeded(Arc::new(Mutex::new(seed))))
    }

    /// Fills a slice.
    pub fn fill(&self, out: &mut [u8]) {
        match &self.0 {
            Source::System(pool) => {
                let mut pool = pool.lock().unwrap_or_else(PoisonError::into_inner);
                for byte in out {
                    if pool.used == Pool::SIZE {
                        refill(&mut pool.bytes);
                        pool.used = 0;
                    }
                    let at = pool.used;
                    *byte = std::mem::take(&mut pool.bytes[at]);
                    pool.used += 1;
                }
            }
            Source::Seeded(state) => {
                let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
                for chunk in out.chunks_mut(8) {
                    chunk.copy_from_slice(&split_mix(&mut state).to_le_bytes()[..chunk.len()]);
                }
            }
        }
    }

    /// Random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// A version 4 UUID in lower case: request ids, message ids, tokens.
    pub fn uuid(&self) -> String {
        let mut bytes = self.bytes::<16>();
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let mut text = String::with_capacity(36);
        for (at, byte) in bytes.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            push_hex(&mut text, *byte);
        }
        text
    }

    /// Lower-case hexadecimal digits.
    pub fn hex(&self, digits: usize) -> String {
        let mut bytes = vec![0; digits.div_ceil(2)];
        self.fill(&mut bytes);
        let mut text = String::with_capacity(digits + 1);
        bytes.iter().for_each(|byte| push_hex(&mut text, *byte));
        text.truncate(digits);
        text
    }

    /// Upper-case letters and the digits 2 to 7 behind a prefix: `AIDA…`, `AKIA…`.
    pub fn base32(&self, prefix: &str, length: usize) -> String {
        self.drawn(prefix, length, BASE32)
    }

    /// Lower-case letters and digits: API ids, host labels.
    pub fn label(&self, length: usize) -> String {
        self.drawn("", length, b"abcdefghijklmnopqrstuvwxyz234567")
    }

    /// A secret access key: forty characters of base64's alphabet.
    pub fn secret_key(&self) -> String {
        self.drawn("", 40, SECRET)
    }

    /// Characters from an alphabet whose size divides 256, so that each is equally likely.
    fn drawn(&self, prefix: &str, length: usize, alphabet: &[u8]) -> String {
        let mut bytes = vec![0; length];
        self.fill(&mut bytes);
        let drawn = bytes.iter().map(|byte| char::from(alphabet[*byte as usize % alphabet.len()]));
        prefix.chars().chain(drawn).collect()
    }
}

#[expect(clippy::expect_used, reason = "without the system's randomness no secret may be made")]
fn refill(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system gives random bytes");
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats() {
        let entropy = Entropy::seeded(1);
        let uuid = entropy.uuid();
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "4"));
        assert!(entropy.base32("AKIA", 16).starts_with("AKIA"));
        assert_eq!(entropy.hex(7).len(), 7);
        assert_eq!(entropy.secret_key().len(), 40);
    }

    #[test]
    fn a_seed_repeats_and_the_system_does_not() {
        assert_eq!(Entropy::seeded(7).uuid(), Entropy::seeded(7).uuid());
        let system = Entropy::system();
        let drawn: std::collections::BTreeSet<_> = (0..2000).map(|_| system.uuid()).collect();
        assert_eq!(drawn.len(), 2000);
    }
}
