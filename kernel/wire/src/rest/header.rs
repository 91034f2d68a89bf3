//! Header values: one scalar, or a list in one line.

use crate::message::Reply;
use crate::{Malformed, scalar};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use schema::{List, Location, Map, Member, Obj, Slot, TimeFormat, Ty, Val};
use std::borrow::Cow;

/// The lengths of names of headers: most members ask for a header that no request brings, and a look at
/// its length spares them the search.
#[derive(Clone, Copy)]
pub(super) struct Lengths(u64);

impl Lengths {
    /// Those of a request's headers.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        Lengths(headers.keys().fold(0, |lengths, name| lengths | Self::bit(name.as_str())))
    }

    /// Whether a header of this name may be among them.
    pub(super) fn may_hold(self, name: &str) -> bool {
        self.0 & Self::bit(name) != 0
    }

    fn bit(name: &str) -> u64 {
        1 << (name.len() % 64)
    }
}

/// All values of a header as one text; `None` where it is absent. Bytes that are no UTF-8 are Latin-1.
pub(super) fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<Cow<'h, str>> {
    let mut values = headers.get_all(name).iter().map(|value| decode(value.as_bytes()));
    let first = values.next()?;
    Some(values.fold(first, |all, next| Cow::Owned(format!("{all},{next}"))))
}

/// All values of a header as one text, each byte a letter of ISO-8859-1: what users name themselves, S3 reads so
/// (minio's pull request 21282, who asked AWS).
pub(super) fn letters(headers: &HeaderMap, name: &str) -> String {
    let values = headers.get_all(name).iter().map(http::HeaderValue::as_bytes);
    let bytes = values.collect::<Vec<_>>().join(&b","[..]);
    bytes.into_iter().map(char::from).collect()
}

fn decode(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text.trim()),
        Err(_) => Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect()),
    }
}

/// Reads a header into a member.
pub(super) fn read(text: &str, member: &Member, slot: Slot<'_>) -> Result<(), Malformed> {
    match (slot, member.ty) {
        (Slot::List(list), Ty::List(ty)) => {
            let dates = matches!(ty.element, Ty::Time(TimeFormat::ProtocolDefault | TimeFormat::HttpDate));
            for part in split(text, dates) {
                scalar::read(&part, list.push())?;
            }
            Ok(())
        }
        (Slot::Text(into), Ty::Text(ty)) if ty.json_value => {
            let json = STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            *into = json.ok_or_else(|| Malformed::mistyped(format!("{} is not base64", member.name)))?;
            Ok(())
        }
        (slot, _) => scalar::read(text, slot),
    }
}

/// The elements of a list: split at commas that stand outside of quotes, at every second one for dates.
fn split(text: &str, dates: bool) -> Vec<String> {
    let (mut parts, mut part, mut quoted, mut escaped, mut commas) =
        (Vec::new(), String::new(), false, false, 0);
    for letter in text.chars() {
        match letter {
            _ if escaped => {
                part.push(letter);
                escaped = false;
            }
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => {
                commas += 1;
                if dates && commas % 2 == 1 {
                    part.push(letter);
                } else {
                    parts.push(std::mem::take(&mut part));
                }
            }
            _ => part.push(letter),
        }
    }
    parts.push(part);
    let trimmed = parts.iter().map(|part| part.trim().to_owned());
    trimmed.filter(|part| !part.is_empty()).collect()
}

/// Writes the members of an output or error that travel in headers.
pub(crate) fn write_members(reply: &mut Reply, obj: &dyn Obj) {
    for (index, member) in obj.shape().members.iter().enumerate() {
        let Some(val) = obj.get(index) else { continue };
        match (member.location, val) {
            (Location::Header(name), val) => {
                if let Some(text) = write(&val, member) {
                    reply.header(name, &text);
                }
            }
            (Location::Headers(prefix), Val::Map(map)) => write_map(reply, prefix, map),
            _ => {}
        }
    }
}

fn write_map(reply: &mut Reply, prefix: &str, map: &dyn Map) {
    map.each(&mut |key, val| {
        if let Some(text) = val.and_then(|val| scalar::write(&val, TimeFormat::HttpDate)) {
            reply.header(&format!("{prefix}{key}").to_ascii_lowercase(), &text);
        }
    });
}

fn write<'a>(val: &Val<'a>, member: &Member) -> Option<Cow<'a, str>> {
    match (val, member.ty) {
        (Val::List(list), _) => (!list.is_empty()).then(|| Cow::Owned(join(*list, member))),
        (Val::Text(text), Ty::Text(ty)) if ty.json_value => Some(Cow::Owned(STANDARD.encode(text))),
        (val, ty) => {
            let format = scalar::time_format(member.time_format, ty, TimeFormat::HttpDate);
            scalar::write(val, format)
        }
    }
}

fn join(list: &dyn List, member: &Member) -> String {
    let element = if let Ty::List(ty) = member.ty { ty.element } else { member.ty };
    let format = scalar::time_format(member.time_format, element, TimeFormat::HttpDate);
    let mut parts = Vec::new();
    for val in (0..list.len()).filter_map(|index| list.at(index)) {
        let Some(text) = scalar::write(&val, format) else { continue };
        let quoted = matches!(val, Val::Text(_)) && text.contains([',', '"']);
        parts.push(match quoted {
            true => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
            false => text.into_owned(),
        });
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::{Lengths, split};
    use http::{HeaderMap, HeaderValue};

    #[test]
    fn a_header_that_is_there_is_looked_for() {
        let mut headers = HeaderMap::new();
        headers.insert("range", HeaderValue::from_static("bytes=0-1"));
        let lengths = Lengths::of(&headers);
        assert!(lengths.may_hold("range") && lengths.may_hold("Range"));
        assert!(!lengths.may_hold("if-match"));
    }

    #[test]
    fn lists() {
        assert_eq!(split("a, b,,\"c, \\\"d\\\"\"", false), ["a", "b", "c, \"d\""]);
        let dates = "Mon, 16 Dec 2019 23:48:18 GMT, Tue, 17 Dec 2019 23:48:18 GMT";
        let expect = ["Mon, 16 Dec 2019 23:48:18 GMT", "Tue, 17 Dec 2019 23:48:18 GMT"];
        assert_eq!(split(dates, true), expect);
    }
}
