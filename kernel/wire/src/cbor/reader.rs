//! The heads and texts of CBOR data items. Skipping keeps its own bounded stack.

use crate::Malformed;
use std::borrow::Cow;

/// The head of a data item.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Item {
    /// A whole number.
    Integer(i128),
    /// Bytes of a length, or in chunks.
    Bytes(Option<usize>),
    /// Text of a length, or in chunks.
    Text(Option<usize>),
    /// An array of a length, or up to a break.
    Array(Option<usize>),
    /// A map of a number of pairs, or up to a break.
    Map(Option<usize>),
    /// A tag before another item.
    Tag(u64),
    /// A truth value.
    Bool(bool),
    /// Null or undefined.
    Null,
    /// A floating-point number.
    Float(f64),
    /// The end of what has no length.
    Break,
}

/// A place in CBOR data.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8], depth: usize) -> Self {
        Reader { bytes, at: 0, depth }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// Takes the next head, but not what it announces.
    pub(super) fn item(&mut self) -> Result<Item, Malformed> {
        let first = self.take(1)?[0];
        let (major, info) = (first >> 5, first & 0x1f);
        if major == 7 {
            return self.simple(info);
        }
        let argument = match info {
            0..=23 => Some(u64::from(info)),
            24 => Some(u64::from(self.take(1)?[0])),
            25..=27 => Some(self.unsigned(1 << (info - 24))?),
            31 if (2..=5).contains(&major) => None,
            _ => return Err(malformed()),
        };
        let length = || match argument {
            // A length beyond the input is refused where it is used; here it must only fit.
            Some(length) => usize::try_from(length).map(Some).map_err(|_| malformed()),
            None => Ok(None),
        };
        Ok(match (major, argument) {
            (0, Some(number)) => Item::Integer(i128::from(number)),
            (1, Some(number)) => Item::Integer(-1 - i128::from(number)),
            (2, _) => Item::Bytes(length()?),
            (3, _) => Item::Text(length()?),
            (4, _) => Item::Array(length()?),
            (5, _) => Item::Map(length()?),
            (6, Some(tag)) => Item::Tag(tag),
            _ => return Err(malformed()),
        })
    }

    fn simple(&mut self, info: u8) -> Result<Item, Malformed> {
        Ok(match info {
            20 | 21 => Item::Bool(info == 21),
            22 | 23 => Item::Null,
            25 => Item::Float(half(self.unsigned(2)? as u16)),
            26 => Item::Float(f64::from(f32::from_bits(self.unsigned(4)? as u32))),
            27 => Item::Float(f64::from_bits(self.unsigned(8)?)),
            31 => Item::Break,
            _ => return Err(malformed()),
        })
    }

    fn unsigned(&mut self, size: usize) -> Result<u64, Malformed> {
        Ok(self.take(size)?.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)))
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let end = self.at.checked_add(count).ok_or_else(malformed)?;
        let bytes = self.bytes.get(self.at..end).ok_or_else(malformed)?;
        self.at = end;
        Ok(bytes)
    }

    /// The bytes behind a head of bytes (`text` false) or text.
    pub(super) fn chunks(&mut self, length: Option<usize>, text: bool) -> Result<Cow<'a, [u8]>, Malformed> {
        if let Some(length) = length {
            return self.take(length).map(Cow::Borrowed);
        }
        let mut all = Vec::new();
        loop {
            match self.item()? {
                Item::Bytes(Some(length)) if !text => all.extend_from_slice(self.take(length)?),
                Item::Text(Some(length)) if text => all.extend_from_slice(self.take(length)?),
                Item::Break => return Ok(Cow::Owned(all)),
                _ => return Err(malformed()),
            }
        }
    }

    /// The text behind a head of text.
    pub(super) fn text(&mut self, length: Option<usize>) -> Result<Cow<'a, str>, Malformed> {
        match self.chunks(length, true)? {
            Cow::Borrowed(bytes) => std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| malformed()),
            Cow::Owned(bytes) => String::from_utf8(bytes).map(Cow::Owned).map_err(|_| malformed()),
        }
    }

    /// Whether another element follows in an array or map; `left` counts down where its length is known.
    pub(super) fn more(&mut self, left: &mut Option<usize>) -> Result<bool, Malformed> {
        match left {
            Some(0) => Ok(false),
            Some(count) => {
                *count -= 1;
                Ok(true)
            }
            None if self.bytes.get(self.at) == Some(&0xff) => {
                self.at += 1;
                Ok(false)
            }
            None => Ok(true),
        }
    }

    /// Skips what a head announced.
    pub(super) fn skip(&mut self, head: Item) -> Result<(), Malformed> {
        // What is open: how many items are left in each, or up to a break.
        let mut open: Vec<Option<usize>> = Vec::new();
        let mut head = head;
        loop {
            match head {
                Item::Bytes(length) => drop(self.chunks(length, false)?),
                Item::Text(length) => drop(self.chunks(length, true)?),
                Item::Array(length) => open.push(length),
                Item::Map(length) => open.push(length.map(|pairs| pairs.saturating_mul(2))),
                Item::Tag(_) => {
                    head = self.item()?;
                    continue;
                }
                Item::Break => return Err(malformed()),
                Item::Integer(_) | Item::Bool(_) | Item::Null | Item::Float(_) => {}
            }
            if open.len() > self.depth {
                return Err(Malformed::too_deep());
            }
            while let Some(left) = open.last_mut() {
                if self.more(left)? {
                    break;
                }
                open.pop();
            }
            if open.is_empty() {
                return Ok(());
            }
            head = self.item()?;
        }
    }
}

pub(super) fn malformed() -> Malformed {
    Malformed::syntax("The request body is not valid CBOR")
}

/// A half-precision number (RFC 8949, appendix D).
fn half(bits: u16) -> f64 {
    let (exponent, mantissa) = (bits >> 10 & 0x1f, f64::from(bits & 0x3ff));
    let size = match exponent {
        0 => mantissa * 2f64.powi(-24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (mantissa + 1024.0) * 2f64.powi(i32::from(exponent) - 25),
    };
    if bits >> 15 == 1 { -size } else { size }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads() {
        // The examples of RFC 8949, appendix A.
        let table: [(&[u8], Item); 9] = [
            (&[0x18, 0x64], Item::Integer(100)),
            (&[0x38, 0x63], Item::Integer(-100)),
            (&[0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], Item::Integer(18446744073709551615)),
            (&[0xf9, 0x3c, 0x00], Item::Float(1.0)),
            (&[0xf9, 0x7b, 0xff], Item::Float(65504.0)),
            (&[0xf9, 0xc4, 0x00], Item::Float(-4.0)),
            (&[0xfa, 0x47, 0xc3, 0x50, 0x00], Item::Float(100000.0)),
            (&[0xc1], Item::Tag(1)),
            (&[0x9f], Item::Array(None)),
        ];
        for (bytes, expect) in table {
            assert_eq!(Reader::new(bytes, 8).item().unwrap(), expect);
        }
        for bytes in [&[][..], &[0x18], &[0x1f], &[0xfc], &[0xdf]] {
            assert!(Reader::new(bytes, 8).item().is_err());
        }
    }

    #[test]
    fn skipping() {
        // [1, {"a": h'00'}, (_ "b"), [_ ]], then 7.
        let bytes = [0x84, 1, 0xa1, 0x61, b'a', 0x41, 0, 0x7f, 0x61, b'b', 0xff, 0x9f, 0xff, 7];
        let mut reader = Reader::new(&bytes, 8);
        let head = reader.item().unwrap();
        reader.skip(head).unwrap();
        assert_eq!(reader.item().unwrap(), Item::Integer(7));
        for byte in [0x81, 0x9f, 0xc1, 0xbf] {
            let deep = vec![byte; 1_000_000];
            let mut reader = Reader::new(&deep, 128);
            let head = reader.item().unwrap();
            assert!(reader.skip(head).is_err(), "{byte:x}");
        }
    }
}
