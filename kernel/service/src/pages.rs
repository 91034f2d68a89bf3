//! Opaque texts that come back from clients: page tokens, receipt handles. Authenticated and bound to what
//! they were made for, so that a forged or foreign one is refused and never read.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

const VERSION: u8 = 1;
const MAC_BYTES: usize = 12;

/// The key of this region's seals. It is made at first start and kept in the store.
#[derive(Clone)]
pub struct Seal(Hmac<Sha256>);

impl Seal {
    /// A seal of a key.
    pub fn new(key: &[u8; 32]) -> Self {
        let mut padded = hmac::digest::Key::<Hmac<Sha256>>::default();
        padded[..key.len()].copy_from_slice(key);
        Seal(<Hmac<Sha256> as hmac::digest::KeyInit>::new(&padded))
    }

    fn mac(&self, purpose: &[&str], content: &[u8]) -> [u8; MAC_BYTES] {
        let full = self.digest(purpose, content);
        std::array::from_fn(|at| full[at])
    }

    fn digest(&self, purpose: &[&str], content: &[u8]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in purpose {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part.as_bytes());
        }
        mac.update(content);
        mac.finalize().into_bytes().into()
    }

    /// A key for a purpose that only this region can make again: for what a room encrypts at rest.
    pub fn key(&self, purpose: &[&str], content: &[u8]) -> [u8; 32] {
        // Seals show a part of their digest: no purpose of theirs begins so.
        let purpose: Vec<&str> = ["\0key"].into_iter().chain(purpose.iter().copied()).collect();
        self.digest(&purpose, content)
    }

    /// Seals content for a purpose: the operation, the scope, the filter. The content can be read by
    /// whoever has the text; it cannot be changed or used for another purpose.
    pub fn seal(&self, purpose: &[&str], content: &[u8]) -> String {
        let mut bytes = Vec::with_capacity(1 + content.len() + MAC_BYTES);
        bytes.push(VERSION);
        bytes.extend_from_slice(content);
        bytes.extend_from_slice(&self.mac(purpose, content));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The content of a text that was sealed for this purpose; `None` for any other text.
    pub fn open(&self, purpose: &[&str], text: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (version, rest) = bytes.split_first()?;
        if *version != VERSION || rest.len() < MAC_BYTES {
            return None;
        }
        let (content, mac) = rest.split_at(rest.len() - MAC_BYTES);
        let expected = self.mac(purpose, content);
        let differences = expected.iter().zip(mac).fold(0, |sum, (a, b)| sum | (a ^ b));
        (differences == 0).then(|| content.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_purpose_and_the_key_open_it() {
        let seal = Seal::new(&[7; 32]);
        let text = seal.seal(&["ListQueues", "us-east-1"], b"position");
        assert_eq!(seal.open(&["ListQueues", "us-east-1"], &text).as_deref(), Some(&b"position"[..]));
        assert_eq!(seal.open(&["ListQueuesus", "-east-1"], &text), None);
        assert_eq!(Seal::new(&[8; 32]).open(&["ListQueues", "us-east-1"], &text), None);
        for bad in ["", "AA", "!!", &text[1..], &format!("{text}A")] {
            assert_eq!(seal.open(&["ListQueues", "us-east-1"], bad), None, "{bad}");
        }
    }
}
