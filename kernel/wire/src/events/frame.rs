//! One message: a prelude with both lengths and its check, headers, a payload, a check over it all.

use bytes::Bytes;
use names::Timestamp;

/// The value of a header, in each of the ten wire types (truth values have two).
#[derive(Debug, Clone, PartialEq)]
pub enum HeaderValue {
    /// True or false, without a value of its own.
    Bool(bool),
    /// One byte.
    Byte(i8),
    /// Two bytes.
    Short(i16),
    /// Four bytes.
    Int(i32),
    /// Eight bytes.
    Long(i64),
    /// Bytes of a length.
    Blob(Bytes),
    /// Text of a length.
    Text(String),
    /// Milliseconds since the epoch.
    Time(Timestamp),
    /// Sixteen bytes.
    Uuid([u8; 16]),
}

/// A message.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Frame {
    /// The headers in their order.
    pub headers: Vec<(String, HeaderValue)>,
    /// The payload.
    pub payload: Bytes,
}

/// Why bytes are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameError {
    /// A length is beyond its bound, or does not fit the other.
    Length,
    /// A check differs.
    Checksum,
    /// A header is none.
    Header,
}

/// Lengths of the prelude with its check, and of the message's check.
const PRELUDE: usize = 12;
const CHECK: usize = 4;
/// Bounds that AWS states: 24 MiB a message, 128 KiB of headers.
const LONGEST: usize = 24 << 20;
const LONGEST_HEADERS: usize = 128 << 10;

impl Frame {
    /// A message of a payload without headers.
    pub fn new(payload: impl Into<Bytes>) -> Self {
        Frame { headers: Vec::new(), payload: payload.into() }
    }

    /// With a text header.
    pub fn text(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), HeaderValue::Text(value.to_owned())));
        self
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&HeaderValue> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The bytes on the wire. Texts and blobs in headers are cut at 32 KiB, where the format ends.
    pub fn encode(&self) -> Vec<u8> {
        let mut headers = Vec::new();
        for (name, value) in &self.headers {
            let name = &name.as_bytes()[..name.len().min(255)];
            headers.push(name.len() as u8);
            headers.extend_from_slice(name);
            write_value(&mut headers, value);
        }
        let length = PRELUDE + headers.len() + self.payload.len() + CHECK;
        let mut out = Vec::with_capacity(length);
        out.extend_from_slice(&(length as u32).to_be_bytes());
        out.extend_from_slice(&(headers.len() as u32).to_be_bytes());
        out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
        out.extend_from_slice(&headers);
        out.extend_from_slice(&self.payload);
        out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
        out
    }

    /// Takes a message off the front of a buffer, with the bytes that it used; `None` if it is not all
    /// there yet.
    pub fn decode(buffer: &[u8]) -> Result<Option<(Frame, usize)>, FrameError> {
        let Some(prelude) = buffer.first_chunk::<PRELUDE>() else { return Ok(None) };
        let word =
            |at: usize| u32::from_be_bytes([prelude[at], prelude[at + 1], prelude[at + 2], prelude[at + 3]]);
        let (length, headers_length) = (word(0) as usize, word(4) as usize);
        if crc32fast::hash(&prelude[..8]) != word(8) {
            return Err(FrameError::Checksum);
        }
        let fits = headers_length <= LONGEST_HEADERS
            && length <= LONGEST
            && length >= PRELUDE + headers_length + CHECK;
        if !fits {
            return Err(FrameError::Length);
        }
        let Some(message) = buffer.get(..length) else { return Ok(None) };
        let (content, check) = message.split_at(length - CHECK);
        if crc32fast::hash(content).to_be_bytes() != check {
            return Err(FrameError::Checksum);
        }
        let (headers, payload) = content[PRELUDE..].split_at(headers_length);
        let headers = read_headers(headers).ok_or(FrameError::Header)?;
        Ok(Some((Frame { headers, payload: Bytes::copy_from_slice(payload) }, length)))
    }
}

fn write_value(out: &mut Vec<u8>, value: &HeaderValue) {
    match value {
        HeaderValue::Bool(truth) => out.push(u8::from(!truth)),
        HeaderValue::Byte(number) => out.extend_from_slice(&[2, *number as u8]),
        HeaderValue::Short(number) => {
            out.push(3);
            out.extend_from_slice(&number.to_be_bytes());
        }
        HeaderValue::Int(number) => {
            out.push(4);
            out.extend_from_slice(&number.to_be_bytes());
        }
        HeaderValue::Long(number) => {
            out.push(5);
            out.extend_from_slice(&number.to_be_bytes());
        }
        HeaderValue::Blob(bytes) => write_sized(out, 6, bytes),
        HeaderValue::Text(text) => write_sized(out, 7, text.as_bytes()),
        HeaderValue::Time(moment) => {
            out.push(8);
            out.extend_from_slice(&moment.millis().to_be_bytes());
        }
        HeaderValue::Uuid(bytes) => {
            out.push(9);
            out.extend_from_slice(bytes);
        }
    }
}

fn write_sized(out: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    let bytes = &bytes[..bytes.len().min(usize::from(u16::MAX >> 1))];
    out.push(kind);
    out.extend_from_slice(&(bytes.len() as u16).to_be_bytes());
    out.extend_from_slice(bytes);
}

fn read_headers(mut rest: &[u8]) -> Option<Vec<(String, HeaderValue)>> {
    let mut headers = Vec::new();
    while !rest.is_empty() {
        let length = usize::from(*rest.split_off_first()?);
        let name = std::str::from_utf8(rest.split_off(..length)?).ok()?.to_owned();
        headers.push((name, read_value(&mut rest)?));
    }
    Some(headers)
}

fn read_value(rest: &mut &[u8]) -> Option<HeaderValue> {
    Some(match *rest.split_off_first()? {
        0 => HeaderValue::Bool(true),
        1 => HeaderValue::Bool(false),
        2 => HeaderValue::Byte(*rest.split_off_first()? as i8),
        3 => HeaderValue::Short(i16::from_be_bytes(take(rest)?)),
        4 => HeaderValue::Int(i32::from_be_bytes(take(rest)?)),
        5 => HeaderValue::Long(i64::from_be_bytes(take(rest)?)),
        6 => HeaderValue::Blob(Bytes::copy_from_slice(read_sized(rest)?)),
        7 => HeaderValue::Text(std::str::from_utf8(read_sized(rest)?).ok()?.to_owned()),
        8 => HeaderValue::Time(Timestamp(i64::from_be_bytes(take(rest)?))),
        9 => HeaderValue::Uuid(take(rest)?),
        _ => return None,
    })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    rest.split_off(..N)?.try_into().ok()
}

fn read_sized<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = u16::from_be_bytes(take(rest)?);
    rest.split_off(..usize::from(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The encodings that every AWS SDK is tested with: an empty message, and one of a JSON payload.
    #[test]
    fn published_vectors() {
        let empty = [0, 0, 0, 0x10, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff];
        assert_eq!(Frame::default().encode(), empty);
        let payload = Frame::new("{'foo':'bar'}").encode();
        assert_eq!(payload[..12], [0, 0, 0, 0x1d, 0, 0, 0, 0, 0xfd, 0x52, 0x8c, 0x5a]);
        assert_eq!(payload[25..], [0xc3, 0x65, 0x39, 0x36]);
    }

    #[test]
    fn every_type_of_header() {
        let values = [
            HeaderValue::Bool(true),
            HeaderValue::Bool(false),
            HeaderValue::Byte(-1),
            HeaderValue::Short(-2),
            HeaderValue::Int(3),
            HeaderValue::Long(-4),
            HeaderValue::Blob(Bytes::from_static(b"\x00\xff")),
            HeaderValue::Text("é".to_owned()),
            HeaderValue::Time(Timestamp(1_422_172_800_250)),
            HeaderValue::Uuid([7; 16]),
        ];
        let headers = values.into_iter().enumerate().map(|(index, value)| (format!("h{index}"), value));
        let frame = Frame { headers: headers.collect(), payload: Bytes::from_static(b"payload") };
        let bytes = frame.encode();
        assert_eq!(Frame::decode(&bytes), Ok(Some((frame, bytes.len()))));
    }

    #[test]
    fn refused_or_incomplete() {
        let bytes = Frame::new("x").text(":event-type", "e").encode();
        for length in 0..bytes.len() {
            assert_eq!(Frame::decode(&bytes[..length]), Ok(None));
        }
        for at in 0..bytes.len() {
            let mut broken = bytes.clone();
            broken[at] ^= 1;
            assert!(Frame::decode(&broken).is_err(), "{at}");
        }
    }
}
