//! Percent-encoding and form-encoding, as they are read.

use crate::Malformed;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// A part of a path: `%2F` is decoded, `+` stays.
pub(crate) fn decode(text: &str) -> Result<Cow<'_, str>, Malformed> {
    percent_decode_str(text).decode_utf8().map_err(|_| Malformed::syntax("Couldn't parse the specified URI."))
}

/// A key or value of a query or form: `+` is a space.
pub(crate) fn decode_form(text: &str) -> Result<Cow<'_, str>, Malformed> {
    // Looking at all bytes without a way out is faster than leaving at the first.
    if !text.bytes().fold(false, |found, byte| found | matches!(byte, b'+' | b'%')) {
        return Ok(Cow::Borrowed(text));
    }
    let spaced = text.replace('+', " ");
    Ok(Cow::Owned(decode(&spaced)?.into_owned()))
}

/// A key and a value.
pub(crate) type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The pairs of a query or form in their order; a key without `=` has an empty value.
pub(crate) fn pairs(text: &str) -> Result<Vec<Pair<'_>>, Malformed> {
    let parts = text.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            Ok((decode_form(key)?, decode_form(value)?))
        })
        .collect()
}

/// The value of one key, without decoding the rest.
pub(crate) fn value_of<'a>(text: &'a str, key: &str) -> Option<Cow<'a, str>> {
    let mut parts = text.split('&').map(|part| part.split_once('=').unwrap_or((part, "")));
    parts.find(|(name, _)| *name == key).and_then(|(_, value)| decode_form(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let read = pairs("a=1&b&c=x+y%2Bz&&d=%C3%A9").unwrap();
        let expect = [("a", "1"), ("b", ""), ("c", "x y+z"), ("d", "é")];
        assert_eq!(read, expect.map(|(key, value)| (key.into(), value.into())));
        assert!(pairs("a=%ff").is_err());
        assert_eq!(decode("a+b%2Fc").unwrap(), "a+b/c");
        assert_eq!(value_of("a=1&Action=Send%20it", "Action").unwrap(), "Send it");
    }
}
