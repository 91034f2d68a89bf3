//! Percent-encoding by RFC 3986's unreserved set, and lower-case hexadecimal.

use std::borrow::Cow;

const fn unreserved_table() -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        table[byte] = b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
        byte += 1;
    }
    table
}

static UNRESERVED: [bool; 256] = unreserved_table();
const UPPER: &[u8; 16] = b"0123456789ABCDEF";
const LOWER: &[u8; 16] = b"0123456789abcdef";

fn push_escape(out: &mut Vec<u8>, byte: u8) {
    out.extend_from_slice(&[b'%', UPPER[usize::from(byte >> 4)], UPPER[usize::from(byte & 15)]]);
}

/// Encodes every byte that is not unreserved; `/` stays where `keep_slash` says so.
pub(crate) fn push_encoded(out: &mut Vec<u8>, text: &[u8], keep_slash: bool) {
    for &byte in text {
        if UNRESERVED[usize::from(byte)] || (keep_slash && byte == b'/') {
            out.push(byte);
        } else {
            push_escape(out, byte);
        }
    }
}

/// Brings text that may be encoded, partly or otherwise, to the one canonical encoding: escapes of
/// unreserved bytes are undone, raw reserved bytes are escaped. `space_from_plus` reads `+` as a space.
pub(crate) fn push_reencoded(out: &mut Vec<u8>, text: &[u8], keep_slash: bool, space_from_plus: bool) {
    let mut at = 0;
    while at < text.len() {
        let byte = text[at];
        match escape_at(text, at) {
            Some(decoded) => {
                // An escaped slash belongs to a name and must not become a separator.
                push_encoded(out, &[decoded], false);
                at += 3;
            }
            None => {
                let byte = if byte == b'+' && space_from_plus { b' ' } else { byte };
                push_encoded(out, &[byte], keep_slash);
                at += 1;
            }
        }
    }
}

fn escape_at(text: &[u8], at: usize) -> Option<u8> {
    match text.get(at..at + 3)? {
        [b'%', high, low] => Some(nibble(*high)? << 4 | nibble(*low)?),
        _ => None,
    }
}

const fn nibble_table() -> [u8; 256] {
    let mut table = [NO_NIBBLE; 256];
    let mut value = 0;
    while value < 16 {
        table[LOWER[value] as usize] = value as u8;
        table[UPPER[value] as usize] = value as u8;
        value += 1;
    }
    table
}

static NIBBLES: [u8; 256] = nibble_table();
/// What is no hexadecimal digit.
const NO_NIBBLE: u8 = 0xff;

fn nibble(digit: u8) -> Option<u8> {
    Some(NIBBLES[usize::from(digit)]).filter(|value| *value != NO_NIBBLE)
}

/// Decodes a query's key or value; bytes that are not UTF-8 become replacement characters.
pub(crate) fn decode(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|b| b == b'%' || b == b'+') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if let Some(byte) = escape_at(bytes, at) {
            decoded.push(byte);
            at += 3;
        } else {
            decoded.push(if bytes[at] == b'+' { b' ' } else { bytes[at] });
            at += 1;
        }
    }
    Cow::Owned(String::from_utf8_lossy(&decoded).into_owned())
}

/// A digest as lower-case hexadecimal.
pub(crate) fn hex(digest: &[u8; 32]) -> [u8; 64] {
    let mut text = [0; 64];
    for (at, byte) in digest.iter().enumerate() {
        text[2 * at] = LOWER[usize::from(byte >> 4)];
        text[2 * at + 1] = LOWER[usize::from(byte & 15)];
    }
    text
}

/// A digest as a text of lower-case hexadecimal.
pub(crate) fn hex_text(digest: &[u8; 32]) -> String {
    hex(digest).iter().map(|b| char::from(*b)).collect()
}

/// Bytes as pairs of hexadecimal digits with spaces between, as S3 shows the bytes it signed.
pub(crate) fn spaced_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 3);
    for byte in bytes {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push(char::from(LOWER[usize::from(byte >> 4)]));
        text.push(char::from(LOWER[usize::from(byte & 15)]));
    }
    text
}

/// Reads the 64 hexadecimal digits of a digest.
pub(crate) fn unhex(text: &[u8]) -> Option<[u8; 32]> {
    let text: &[u8; 64] = text.try_into().ok()?;
    let (mut digest, mut seen) = ([0; 32], 0);
    for (byte, pair) in digest.iter_mut().zip(text.as_chunks::<2>().0) {
        let [high, low] = pair.map(|digit| NIBBLES[usize::from(digit)]);
        *byte = high << 4 | low & 15;
        seen |= high | low;
    }
    // Of what is no digit alone the upper bits are set.
    (seen < 16).then_some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reencoded(text: &str, keep_slash: bool, plus: bool) -> String {
        let mut out = Vec::new();
        push_reencoded(&mut out, text.as_bytes(), keep_slash, plus);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn one_encoding_for_all_spellings() {
        let cases = [
            ("a b", "a%20b"),
            ("a+b", "a%20b"),
            ("a%2Bb", "a%2Bb"),
            ("%7e%2d", "~-"),
            ("%zz%4", "%25zz%254"),
            ("é", "%C3%A9"),
            ("a/b%2fc", "a/b%2Fc"),
        ];
        for (text, expected) in cases {
            assert_eq!(reencoded(text, true, true), expected, "{text}");
        }
        assert_eq!(reencoded("a+b", true, false), "a%2Bb");
        assert_eq!(reencoded("a/b", false, true), "a%2Fb");
    }

    #[test]
    fn decoding() {
        assert_eq!(decode("a%2Fb+c%"), "a/b c%");
        assert_eq!(decode("%ff"), "\u{fffd}");
    }

    #[test]
    fn digests() {
        let digest: [u8; 32] = std::array::from_fn(|at| at as u8 * 7);
        assert_eq!(unhex(&hex(&digest)), Some(digest));
        assert_eq!(unhex(&[b'g'; 64]), None);
        assert_eq!(unhex(b"00"), None);
        assert_eq!(spaced_hex(b"GET"), "47 45 54");
    }
}
