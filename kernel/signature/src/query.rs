//! The pairs of a raw query string.

/// Keys and values between `&` and `=`, still encoded; empty pairs are skipped.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// The encoded value of the first pair with a key.
pub(crate) fn value<'a>(query: &'a str, key: &str) -> Option<&'a str> {
    pairs(query).find(|(name, _)| *name == key).map(|(_, value)| value)
}
