//! Order-preserving keys: the bytes of two keys compare as the keys do.
//!
//! Numbers are big-endian, signed ones with the sign bit turned; texts and bytes are escaped (`00` is
//! written `00 FF`) and end in `00 01`, so that no key is in the way of a longer one.

use crate::Corrupt;
use bytes::Bytes;
use names::{AccountId, Region, Scope, Timestamp};
use serde::{Deserialize, Serialize};

/// A type that keys of a table are made of.
pub trait Key: Sized {
    /// Writes this part of a key.
    fn encode(&self, out: &mut KeyWriter);
    /// Reads this part of a key.
    fn decode(reader: &mut KeyReader<'_>) -> Result<Self, Corrupt>;
}

/// Leading parts of the tuple key `K`: `A` and `(A, B)` are prefixes of `(A, B, C)`.
pub trait PrefixOf<K>: Key {}

/// Keys that begin with the incarnation of the resource they belong to.
pub trait OfIncarnation: Key {}

/// The number of one life of a resource. Everything a resource contains is keyed by it, so that a name
/// is free at once when its resource goes and nothing stale is ever found under the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Incarnation(pub u64);

/// Bytes up to the end of the key, kept as they are; only as the last part of a tuple.
///
/// For parts whose order is made elsewhere, such as DynamoDB's sort keys; ranges over them are given as
/// raw bytes (`Span::tail`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tail(pub Bytes);

/// Collects the bytes of a key.
#[derive(Debug, Default)]
pub struct KeyWriter {
    bytes: Vec<u8>,
}

impl KeyWriter {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        KeyWriter { bytes: Vec::with_capacity(capacity) }
    }

    /// Writes bytes as they are: of fixed length, or last.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Writes bytes of any length, escaped and ended.
    pub fn escaped(&mut self, bytes: &[u8]) {
        self.open(bytes);
        self.bytes.extend_from_slice(&[0, 1]);
    }

    /// Writes escaped bytes without their end: the beginning of all texts that begin with them.
    pub(crate) fn open(&mut self, bytes: &[u8]) {
        if !bytes.contains(&0) {
            self.bytes.extend_from_slice(bytes);
            return;
        }
        for byte in bytes {
            self.bytes.push(*byte);
            if *byte == 0 {
                self.bytes.push(0xFF);
            }
        }
    }

    pub(crate) fn into_vec(self) -> Vec<u8> {
        self.bytes
    }
}

/// Reads the bytes of a key.
#[derive(Debug)]
pub struct KeyReader<'k> {
    rest: &'k [u8],
}

impl<'k> KeyReader<'k> {
    pub(crate) fn new(bytes: &'k [u8]) -> Self {
        KeyReader { rest: bytes }
    }

    /// Takes a number of bytes.
    pub fn raw(&mut self, length: usize) -> Result<&'k [u8], Corrupt> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Corrupt("the key is too short"))?;
        self.rest = rest;
        Ok(taken)
    }

    /// Takes bytes of any length, escaped and ended.
    pub fn escaped(&mut self) -> Result<Vec<u8>, Corrupt> {
        let mut out = Vec::new();
        loop {
            let zero = self.rest.iter().position(|b| *b == 0).ok_or(Corrupt("a key part has no end"))?;
            let part = &self.rest[..zero];
            let mark = self.rest.get(zero + 1).copied();
            self.rest = self.rest.get(zero + 2..).ok_or(Corrupt("a key part has no end"))?;
            // Most parts hold nothing that is escaped, and are copied once.
            if out.is_empty() && mark == Some(1) {
                return Ok(part.to_vec());
            }
            out.extend_from_slice(part);
            match mark {
                Some(1) => return Ok(out),
                Some(0xFF) => out.push(0),
                _ => return Err(Corrupt("a key part has a wrong escape")),
            }
        }
    }

    /// Takes everything that is left.
    pub fn remaining(&mut self) -> &'k [u8] {
        std::mem::take(&mut self.rest)
    }

    pub(crate) fn finish<T>(self, value: T) -> Result<T, Corrupt> {
        if self.rest.is_empty() { Ok(value) } else { Err(Corrupt("the key is too long")) }
    }
}

/// The bytes of a whole key or of leading parts of one.
pub(crate) fn encoded<K: Key>(key: &K) -> Vec<u8> {
    let mut out = KeyWriter::default();
    key.encode(&mut out);
    out.into_vec()
}

/// The first bytes after all that begin with `prefix`; nothing where there are none.
pub(crate) fn after_prefix(mut prefix: Vec<u8>) -> Option<Vec<u8>> {
    while let Some(last) = prefix.pop() {
        if last < 0xFF {
            prefix.push(last + 1);
            return Some(prefix);
        }
    }
    None
}

macro_rules! number_keys {
    ($($number:ty),+) => {$(
        impl Key for $number {
            fn encode(&self, out: &mut KeyWriter) {
                out.raw(&self.to_be_bytes());
            }

            fn decode(reader: &mut KeyReader<'_>) -> Result<Self, Corrupt> {
                let bytes = reader.raw(size_of::<$number>())?;
                bytes.try_into().map(<$number>::from_be_bytes).map_err(|_| Corrupt("a number is cut"))
            }
        }
    )+};
}
number_keys!(u8, u16, u32, u64, u128);

impl Key for i64 {
    fn encode(&self, out: &mut KeyWriter) {
        ((*self as u64) ^ (1 << 63)).encode(out);
    }

    fn decode(reader: &mut KeyReader<'_>) -> Result<Self, Corrupt> {
        Ok((u64::decode(reader)? ^ (1 << 63)) as i64)
    }
}

impl Key for bool {
    fn encode(&self, out: &mut KeyWriter) {
        out.raw(&[u8::from(*self)]);
    }

    fn decode(reader: &mut KeyReader<'_>) -> Result<Self, Corrupt> {
        match u8::decode(reader)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Corrupt("a truth value is neither")),
        }
    }
}

impl Key for () {
    fn encode(&self, _out: &mut KeyWriter) {}

    fn decode(_reader: &mut KeyReader<'_>) -> Result<Self, Corrupt> {
        Ok(())
    }
}

impl Key for String {
    fn encode(&self, out: &mut KeyWriter) {
        out.escaped(self.as_bytes());
    }

    fn decode(reader: &mut KeyReader<'_>) -> Result<Self, Corrupt> {
        String::from_utf8(reader.escaped()?).map_err(|_| Corrupt("a text of a key is not UTF-8"))
    }
}

impl Key for Vec<u8> {
    fn encode(&self, out: &mut KeyWriter) {
        out.escaped(self);
    }

    fn decode(reader: &mut KeyReader<'_>) -> Result<Self, Corrupt> {
        reader.escaped()
    }
}

impl Key for Bytes {
    fn encode(&self, out: &mut KeyWriter) {
        out.escaped(self);
    }

    fn decode(reader: &mut KeyReader<'_>) -> Result<Self, Corrupt> {
        reader.escaped().map(Bytes::from)
    }
}

impl<const N: usize> Key for [u8; N] {
    fn encode(&self, out: &mut KeyWriter) {
        out.raw(self);
    }

    fn decode(reader: &mut KeyReader<'_>) -> Result<Self, Corrupt> {
        reader.raw(N)?.try_into().map_err(|_| Corrupt("the key is too short"))
    }
}

impl Key for Tail {
    fn encode(&self, out: &mut KeyWriter) {
        out.raw(&self.0);
    }

    fn decode(reader: &mut KeyReader<'_>) -> Result<Self, Corrupt> {
        Ok(Tail(Bytes::copy_from_slice(reader.remaining())))
    }
}

impl<K: Key> Key for Option<K> {
    fn encode(&self, out: &mut KeyWriter) {
        self.is_some().encode(out);
        if let Some(key) = self {
            key.encode(out);
        }
    }

    fn decode(reader: &mut KeyReader<'_>) -> Result<Self, Corrupt> {
        if bool::decode(reader)? { K::decode(reader).map(Some) } else { Ok(None) }
    }
}

impl Key for AccountId {
    fn encode(&self, out: &mut KeyWriter) {
        // An account id is below 10^12, which fits forty bits.
        out.raw(&self.number().to_be_bytes()[3..]);
    }

    fn decode(reader: &mut KeyReader<'_>) -> Result<Self, Corrupt> {
        let number = reader.raw(5)?.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte));
        AccountId::from_number(number).ok_or(Corrupt("an account id is out of range"))
    }
}

impl Key for Timestamp {
    fn encode(&self, out: &mut KeyWriter) {
        self.0.encode(out);
    }

    fn decode(reader: &mut KeyReader<'_>) -> Result<Self, Corrupt> {
        i64::decode(reader).map(Timestamp)
    }
}

impl Key for Incarnation {
    fn encode(&self, out: &mut KeyWriter) {
        self.0.encode(out);
    }

    fn decode(reader: &mut KeyReader<'_>) -> Result<Self, Corrupt> {
        u64::decode(reader).map(Incarnation)
    }
}

impl Key for Region {
    fn encode(&self, out: &mut KeyWriter) {
        out.escaped(self.as_str().as_bytes());
    }

    fn decode(reader: &mut KeyReader<'_>) -> Result<Self, Corrupt> {
        String::decode(reader)?.parse().map_err(|_| Corrupt("not the name of a region"))
    }
}

/// The first byte of scopes that are an account.
pub(crate) const OF_ACCOUNT: u8 = 1;
/// The first byte of scopes that are a region of an account.
pub(crate) const REGIONAL: u8 = 2;

impl Key for Scope {
    fn encode(&self, out: &mut KeyWriter) {
        match self {
            Scope::Partition => out.raw(&[0]),
            Scope::Account(account) => {
                out.raw(&[OF_ACCOUNT]);
                account.encode(out);
            }
            Scope::Regional(account, region) => {
                out.raw(&[REGIONAL]);
                account.encode(out);
                region.encode(out);
            }
        }
    }

    fn decode(reader: &mut KeyReader<'_>) -> Result<Self, Corrupt> {
        match u8::decode(reader)? {
            0 => Ok(Scope::Partition),
            OF_ACCOUNT => AccountId::decode(reader).map(Scope::Account),
            REGIONAL => Ok(Scope::Regional(AccountId::decode(reader)?, Region::decode(reader)?)),
            _ => Err(Corrupt("not a scope")),
        }
    }
}

macro_rules! tuple_key {
    ($($part:ident . $index:tt),+) => {
        impl<$($part: Key),+> Key for ($($part,)+) {
            fn encode(&self, out: &mut KeyWriter) {
                $(self.$index.encode(out);)+
            }

            fn decode(reader: &mut KeyReader<'_>) -> Result<Self, Corrupt> {
                Ok(($($part::decode(reader)?,)+))
            }
        }
    };
}
tuple_key!(A.0, B.1);
tuple_key!(A.0, B.1, C.2);
tuple_key!(A.0, B.1, C.2, D.3);
tuple_key!(A.0, B.1, C.2, D.3, E.4);

/// Every text begins after nothing: `Span::starting` over keys that are texts alone.
impl PrefixOf<String> for () {}
impl<A: Key, B: Key> PrefixOf<(A, B)> for A {}
impl<A: Key, B: Key, C: Key> PrefixOf<(A, B, C)> for A {}
impl<A: Key, B: Key, C: Key> PrefixOf<(A, B, C)> for (A, B) {}
impl<A: Key, B: Key, C: Key, D: Key> PrefixOf<(A, B, C, D)> for A {}
impl<A: Key, B: Key, C: Key, D: Key> PrefixOf<(A, B, C, D)> for (A, B) {}
impl<A: Key, B: Key, C: Key, D: Key> PrefixOf<(A, B, C, D)> for (A, B, C) {}
impl<A: Key, B: Key, C: Key, D: Key, E: Key> PrefixOf<(A, B, C, D, E)> for A {}
impl<A: Key, B: Key, C: Key, D: Key, E: Key> PrefixOf<(A, B, C, D, E)> for (A, B) {}
impl<A: Key, B: Key, C: Key, D: Key, E: Key> PrefixOf<(A, B, C, D, E)> for (A, B, C) {}
impl<A: Key, B: Key, C: Key, D: Key, E: Key> PrefixOf<(A, B, C, D, E)> for (A, B, C, D) {}

impl OfIncarnation for Incarnation {}
impl<B: Key> OfIncarnation for (Incarnation, B) {}
impl<B: Key, C: Key> OfIncarnation for (Incarnation, B, C) {}
impl<B: Key, C: Key, D: Key> OfIncarnation for (Incarnation, B, C, D) {}
impl<B: Key, C: Key, D: Key, E: Key> OfIncarnation for (Incarnation, B, C, D, E) {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn back<K: Key>(key: &K) -> K {
        let bytes = encoded(key);
        let mut reader = KeyReader::new(&bytes);
        let value = K::decode(&mut reader).unwrap();
        reader.finish(value).unwrap()
    }

    proptest! {
        #[test]
        fn bytes_compare_as_keys_do(
            a in (any::<Vec<u8>>(), any::<i64>(), ".*", any::<Option<u8>>()),
            b in (any::<Vec<u8>>(), any::<i64>(), ".*", any::<Option<u8>>()),
        ) {
            prop_assert_eq!(encoded(&a).cmp(&encoded(&b)), a.cmp(&b));
            prop_assert_eq!(back(&a), a);
        }

        #[test]
        fn short_byte_parts_compare_as_keys_do(
            a in (proptest::collection::vec(0u8..3, 0..4), any::<u8>()),
            b in (proptest::collection::vec(0u8..3, 0..4), any::<u8>()),
        ) {
            prop_assert_eq!(encoded(&a).cmp(&encoded(&b)), a.cmp(&b));
        }

        #[test]
        fn any_bytes_are_refused_or_read(bytes: Vec<u8>) {
            let _ = <(Scope, String, Vec<u8>)>::decode(&mut KeyReader::new(&bytes));
        }
    }

    #[test]
    fn scopes_are_read_as_written() {
        let account = AccountId::from_number(999_999_999_999).unwrap();
        for scope in [
            Scope::Partition,
            Scope::Account(account),
            Scope::Regional(account, "eu-west-1".parse().unwrap()),
        ] {
            assert_eq!(back(&scope), scope);
        }
    }

    #[test]
    fn the_end_of_a_prefix() {
        assert_eq!(after_prefix(vec![1, 0xFF]), Some(vec![2]));
        assert_eq!(after_prefix(vec![0xFF, 0xFF]), None);
    }
}
