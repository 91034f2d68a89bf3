//! The words in which AWS refuses a JSON value of the wrong type.

use crate::Malformed;

/// The error for a value that begins with `found` where a scalar of a Java type is expected.
pub(super) fn scalar(found: u8, expected: &str) -> Malformed {
    let token = match found {
        b'"' => "STRING_VALUE",
        b't' => "TRUE_VALUE",
        b'f' => "FALSE_VALUE",
        b'[' => {
            return Malformed::mistyped(format!("Unrecognized collection type class java.lang.{expected}"));
        }
        b'{' => return Malformed::mistyped("Start of structure or map found where not expected."),
        _ => "NUMBER_VALUE",
    };
    let article = if expected == "Integer" { "an" } else { "a" };
    Malformed::mistyped(format!("{token} can not be converted to {article} {expected}"))
}

/// The error for a number with a fraction where a text is expected.
pub(super) fn decimal_as_text() -> Malformed {
    Malformed::mistyped("DECIMAL_VALUE can not be converted to a String")
}

/// The error for a value that begins with `found` where a blob is expected.
pub(super) fn blob(found: u8) -> Malformed {
    match found {
        b'[' => Malformed::mistyped("Unrecognized collection type class java.nio.ByteBuffer"),
        b'{' => Malformed::mistyped("Start of structure or map found where not expected."),
        _ => Malformed::mistyped("only base-64-encoded strings are convertible to bytes"),
    }
}

/// The error for a text that is no base64.
pub(super) fn base64(text: &str) -> Malformed {
    let shown: String = text.chars().take(200).collect();
    let reason = match text.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '/' | '=')) {
        _ if !text.len().is_multiple_of(4) => {
            format!("Base64 encoded length is expected a multiple of 4 bytes but found: {}", text.len())
        }
        Some(character) => format!("Invalid Base64 character: '{character}'"),
        None => "Invalid last non-pad Base64 character dectected".to_owned(),
    };
    Malformed::mistyped(format!("'{shown}' can not be converted to a Blob: {reason}"))
}

/// The error for a value that begins with `found` where a list is expected.
pub(super) fn list(found: u8) -> Malformed {
    match found {
        b'{' => Malformed::mistyped("Start of structure or map found where not expected."),
        _ => Malformed::mistyped("Unexpected field type"),
    }
}

/// The error for a value that begins with `found` where a map is expected.
pub(super) fn map(found: u8) -> Malformed {
    match found {
        b'[' => Malformed::mistyped("Unrecognized collection type class java.util.Map"),
        _ => Malformed::mistyped("Unexpected field type"),
    }
}

/// The error for a value that begins with `found` where a structure is expected.
pub(super) fn structure(found: u8, name: &str) -> Malformed {
    match found {
        b'[' => Malformed::mistyped(format!("Unrecognized collection type class {name}")),
        _ => Malformed::mistyped("Unexpected value type in payload"),
    }
}
