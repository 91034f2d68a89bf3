//! Bytes as hexadecimal digits: digests as clients see them, and ids that are made of a name.

use sha2::{Digest, Sha256};

/// Bytes in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    bytes.iter().for_each(|byte| push_hex(&mut text, *byte));
    text
}

pub(crate) fn push_hex(text: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    text.push(DIGITS[usize::from(byte >> 4)].into());
    text.push(DIGITS[usize::from(byte & 15)].into());
}

/// A UUID made of a name, the same each time: for a closure that may run again.
pub fn uuid_of(name: &str) -> String {
    let digits = hex(&Sha256::digest(name)[..16]);
    format!("{}-{}-4{}-8{}-{}", &digits[..8], &digits[8..12], &digits[13..16], &digits[17..20], &digits[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_and_ids() {
        assert_eq!(hex(&[0, 0x0f, 0xa0, 0xff]), "000fa0ff");
        // SHA-256 of "abc" begins ba7816bf 8f01 cfea 4141 40de5dae2223 (FIPS 180-2, appendix B.1).
        assert_eq!(uuid_of("abc"), "ba7816bf-8f01-4fea-8141-40de5dae2223");
    }
}
