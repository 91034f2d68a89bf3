//! Policy documents: how IAM answers them and how it measures them.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// RFC 3986's unreserved characters stay as they are.
const ENCODED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A document as answers hold it: percent-encoded.
pub fn encoded(document: &str) -> String {
    utf8_percent_encode(document, &ENCODED).to_string()
}

/// The size that quotas count: characters that are no white space.
pub fn size(document: &str) -> usize {
    document.chars().filter(|character| !character.is_whitespace()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_and_size() {
        // RFC 3986 section 2.3, which the API reference names for documents in answers.
        assert_eq!(encoded("{\"a\": \"*-._~\"}"), "%7B%22a%22%3A%20%22%2A-._~%22%7D");
        assert_eq!(encoded("é"), "%C3%A9");
        assert_eq!(size("{ \"a\":\n\t\"b c\" }"), 10);
    }
}
