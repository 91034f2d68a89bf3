//! Opaque texts that come back from clients: page tokens, receipt handles. Authenticated and bound to what
//! they were made for, so that a forged or foreign one is refused and never read.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;

const VERSION: u8 = 1;
const MAC_BYTES: usize = 12;

/// The key of this region's seals. It is made at first start and kept in the store.
#[derive(Clone)]
pub struct Seal(hmac::Key);

impl Seal {
    /// A seal of a key.
    pub fn new(key: &[u8; 32]) -> Self {
        Seal(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    fn mac(&self, purpose: &[&str], content: &[u8]) -> [u8; MAC_BYTES] {
        let full = self.digest(purpose, content);
        std::array::from_fn(|at| full[at])
    }

    fn digest(&self, purpose: &[&str], content: &[u8]) -> [u8; 32] {
        let mut mac = hmac::Context::with_key(&self.0);
        for part in purpose {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part.as_bytes());
        }
        mac.update(content);
        let tag = mac.sign();
        std::array::from_fn(|at| tag.as_ref()[at])
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

    /// What is encrypted at rest is read with the same keys by each release: HMAC-SHA256 of the purposes with their
    /// lengths, and of the content (computed with Python's hmac).
    #[test]
    fn keys_stay_what_they_were() {
        let key = Seal::new(&[7; 32]).key(&["s3", "at rest"], &[1; 16]);
        assert_eq!(crate::hex(&key), "239b6dd933464b09bdf45eb2180f6270924f5b33543acc7d9ba2da3866b754a5");
    }

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
