//! What comes in a form or a query, where it is text of UTF-8, as a header carries it: user metadata in a word of RFC 2047
//! wherever it would be read otherwise, all else in letters of ISO-8859-1, with a blank for each other one (recorded of AWS
//! by LocalStack's test_post_object_with_unicode_metadata and test_put_unicode_metadata_with_sig_s3).

use service::mail_words;
use std::borrow::Cow;

/// How the headers of user metadata begin.
const PREFIX: &str = "x-amz-meta-";

/// A value of a form or a query as the header of that name has it.
pub fn carried<'v>(name: &str, value: &'v [u8]) -> Cow<'v, [u8]> {
    let plain = value.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t'));
    let looks_like_a_word = value.windows(2).any(|pair| pair == b"=?");
    let is_metadata = name.starts_with(PREFIX);
    if plain && !(is_metadata && looks_like_a_word) {
        return Cow::Borrowed(value);
    }
    let text = String::from_utf8_lossy(value);
    Cow::Owned(match is_metadata {
        true => mail_words::quoted(&text).into_bytes(),
        false => text.chars().map(|letter| u8::try_from(letter).unwrap_or(b' ')).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_would_be_read_otherwise_becomes_a_word() {
        for (name, value, expected) in [
            ("x-amz-meta-a", "b c", "b c"),
            ("x-amz-meta-a", "é b", "=?UTF-8?Q?=C3=A9_b?="),
            ("x-amz-meta-a", "=?", "=?UTF-8?Q?=3D=3F?="),
            ("x-amz-meta-a", "\u{1}", "=?UTF-8?Q?=01?="),
            ("cache-control", "=?", "=?"),
        ] {
            assert_eq!(carried(name, value.as_bytes()), expected.as_bytes(), "{name}: {value}");
        }
        assert_eq!(*carried("cache-control", "a_—_é_".as_bytes()), *b"a_ _\xe9_");
    }
}
