//! Scalars as texts: what headers, queries, labels and XML hold.

use crate::Malformed;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use names::Timestamp;
use schema::{Slot, TimeFormat, Ty, Val};
use std::borrow::Cow;

/// The timestamp format that applies: the member's, else the type's, else the protocol's at this place.
pub(crate) fn time_format(member: TimeFormat, ty: &Ty, default: TimeFormat) -> TimeFormat {
    let of_type = match ty {
        Ty::Time(format) => *format,
        _ => TimeFormat::ProtocolDefault,
    };
    let stated = [member, of_type].into_iter().find(|format| *format != TimeFormat::ProtocolDefault);
    stated.unwrap_or(default)
}

/// Reads a scalar's text. Structures, lists and the like are refused.
pub(crate) fn read(text: &str, slot: Slot<'_>) -> Result<(), Malformed> {
    let trimmed = text.trim();
    match slot {
        Slot::Bool(into) => {
            *into = match trimmed {
                "true" | "True" | "TRUE" | "1" => true,
                "false" | "False" | "FALSE" | "0" => false,
                _ => return Err(unreadable(text, "boolean")),
            }
        }
        Slot::Int(into) => *into = trimmed.parse().map_err(|_| unreadable(text, "integer"))?,
        Slot::Long(into) => *into = trimmed.parse().map_err(|_| unreadable(text, "long"))?,
        Slot::Float(into) => *into = float(trimmed).ok_or_else(|| unreadable(text, "float"))? as f32,
        Slot::Double(into) => *into = float(trimmed).ok_or_else(|| unreadable(text, "double"))?,
        Slot::Text(into) => text.clone_into(into),
        Slot::Enum(into) => into.set(text),
        Slot::Blob(into) => *into = blob(trimmed)?,
        Slot::Time(into) => *into = time(trimmed).ok_or_else(|| unreadable(text, "timestamp"))?,
        Slot::Document(_)
        | Slot::Stream(_)
        | Slot::List(_)
        | Slot::Map(_)
        | Slot::Struct(_)
        | Slot::Events(_) => {
            return Err(unreadable(text, "structure"));
        }
    }
    Ok(())
}

fn unreadable(text: &str, what: &str) -> Malformed {
    let shown: String = text.chars().take(100).collect();
    Malformed::mistyped(format!("The value '{shown}' is not a valid {what}"))
}

/// A number, or the three names of what is none.
pub(crate) fn float(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        // Rust would also read "inf" and "nan".
        _ if text.bytes().any(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    }
}

/// A moment in whichever of the forms it is written.
pub(crate) fn time(text: &str) -> Option<Timestamp> {
    let numeric =
        text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'e' | b'E' | b'+'));
    let dashed = text.bytes().skip(1).any(|byte| byte == b'-') && !text.contains(['e', 'E']);
    if numeric && !dashed {
        return seconds(float(text)?);
    }
    let iso = text.as_bytes().first().is_some_and(u8::is_ascii_digit);
    if iso { Timestamp::parse_iso8601(text).ok() } else { Timestamp::parse_http_date(text).ok() }
}

/// A moment from seconds since the epoch, to the millisecond.
pub(crate) fn seconds(seconds: f64) -> Option<Timestamp> {
    let millis = (seconds * 1000.0).round();
    // The years 0001 to 9999, with room.
    (millis.abs() < 1e15).then_some(Timestamp(millis as i64))
}

fn blob(text: &str) -> Result<Bytes, Malformed> {
    // XML and headers may break lines within base64.
    let compact: Cow<'_, str> = if text.contains(|c: char| c.is_ascii_whitespace()) {
        Cow::Owned(text.chars().filter(|c| !c.is_ascii_whitespace()).collect())
    } else {
        Cow::Borrowed(text)
    };
    STANDARD.decode(compact.as_bytes()).map(Bytes::from).map_err(|_| unreadable(text, "base64 blob"))
}

/// A scalar's text; `None` for structures, lists and the like.
pub(crate) fn write<'a>(val: &Val<'a>, format: TimeFormat) -> Option<Cow<'a, str>> {
    Some(match val {
        Val::Bool(true) => Cow::Borrowed("true"),
        Val::Bool(false) => Cow::Borrowed("false"),
        Val::Int(number) => Cow::Owned(number.to_string()),
        Val::Long(number) => Cow::Owned(number.to_string()),
        Val::Float(number) => Cow::Owned(write_float(f64::from(*number), || number.to_string())),
        Val::Double(number) => Cow::Owned(write_float(*number, || number.to_string())),
        Val::Text(text) => Cow::Borrowed(text),
        Val::Blob(bytes) => Cow::Owned(STANDARD.encode(bytes)),
        Val::Time(moment) => Cow::Owned(write_time(*moment, format)),
        Val::Stream(_) | Val::List(_) | Val::Map(_) | Val::Struct(_) | Val::Document(_) | Val::Events(_) => {
            return None;
        }
    })
}

fn write_float(number: f64, finite: impl Fn() -> String) -> String {
    not_finite(number).map_or_else(finite, str::to_owned)
}

/// How the protocols write what is no number.
pub(crate) fn not_finite(number: f64) -> Option<&'static str> {
    if number.is_nan() {
        Some("NaN")
    } else if number.is_infinite() {
        Some(if number > 0.0 { "Infinity" } else { "-Infinity" })
    } else {
        None
    }
}

/// A moment in a format; the protocol's default must have been decided before.
pub(crate) fn write_time(moment: Timestamp, format: TimeFormat) -> String {
    match format {
        TimeFormat::HttpDate => moment.http_date(),
        TimeFormat::EpochSeconds => epoch_seconds(moment),
        TimeFormat::Iso8601 | TimeFormat::ProtocolDefault => moment.iso8601(),
    }
}

/// Seconds since the epoch with the fraction that there is: `1700000000`, `1700000000.25`.
pub(crate) fn epoch_seconds(moment: Timestamp) -> String {
    let millis = moment.millis();
    let (sign, size) = (if millis < 0 { "-" } else { "" }, millis.unsigned_abs());
    if size % 1000 == 0 {
        return format!("{sign}{}", size / 1000);
    }
    let text = format!("{sign}{}.{:03}", size / 1000, size % 1000);
    text.trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_in_every_form() {
        let moment = Timestamp(1_422_172_800_250);
        for text in ["2015-01-25T08:00:00.250Z", "1422172800.25", "1.42217280025E9"] {
            assert_eq!(time(text), Some(moment), "{text}");
        }
        assert_eq!(time("Sun, 25 Jan 2015 08:00:00 GMT"), Some(Timestamp(1_422_172_800_000)));
        assert_eq!(time("-1.5"), Some(Timestamp(-1500)));
        for text in ["", "x", "1e300", "--", "2015-13-01", "."] {
            assert_eq!(time(text), None, "{text}");
        }
        assert_eq!(epoch_seconds(moment), "1422172800.25");
        assert_eq!(epoch_seconds(Timestamp(-1500)), "-1.5");
        assert_eq!(epoch_seconds(Timestamp(2000)), "2");
    }

    #[test]
    fn numbers_and_blobs() {
        let mut number = 0.0;
        read("-Infinity", Slot::Double(&mut number)).unwrap();
        assert_eq!(write(&Val::Double(number), TimeFormat::Iso8601).unwrap(), "-Infinity");
        assert!(read("inf", Slot::Double(&mut number)).is_err());
        let mut bytes = Bytes::new();
        read(" aGVs\nbG8= ", Slot::Blob(&mut bytes)).unwrap();
        assert_eq!(bytes, "hello");
        let mut small = 0;
        assert!(read("2147483648", Slot::Int(&mut small)).is_err());
    }
}
