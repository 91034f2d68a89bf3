//! Percent-encoded text.

use percent_encoding::percent_decode_str;

/// A part of a path, decoded; what is not UTF-8 then is replaced.
pub fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// A part of a query, in which `+` is a blank too.
pub fn decoded_form(text: &str) -> String {
    if text.contains('+') { decoded(&text.replace('+', " ")) } else { decoded(text) }
}
