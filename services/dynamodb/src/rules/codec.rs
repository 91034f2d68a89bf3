//! How an item is stored: a version byte, its size as DynamoDB counts it, then its attributes in order of
//! name, each value as a type byte and its content. Equal items are equal bytes.

use super::number::{Number, NumberBytes};
use super::value::{self, Item, Value};
use bytes::{Buf, Bytes};

/// The form that is written.
const VERSION: u8 = 1;
/// Deeper values are refused: an item has at most 32 levels.
const MAX_DEPTH: u32 = 64;

const S: u8 = 1;
const N: u8 = 2;
const B: u8 = 3;
const SS: u8 = 4;
const NS: u8 = 5;
const BS: u8 = 6;
const M: u8 = 7;
const L: u8 = 8;
const NULL: u8 = 9;
const FALSE: u8 = 10;
const TRUE: u8 = 11;

/// Why bytes are no item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadItem(pub &'static str);

/// The version byte and the three bytes of the size.
const HEADER: usize = 4;

/// An item as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its bytes.
    pub bytes: Bytes,
    /// Its size, as DynamoDB counts it.
    pub size: usize,
}

/// The stored form of an item whose values were checked; the attributes come in order of their names.
pub fn encode<'v>(attributes: impl IntoIterator<Item = (&'v String, &'v Value)>) -> Stored {
    let mut out = Vec::with_capacity(256);
    out.extend_from_slice(&[VERSION, 0, 0, 0]);
    let mut size = 0;
    for (name, value) in attributes {
        put_bytes(&mut out, name.as_bytes());
        size += name.len() + put_value(&mut out, value);
    }
    // Above any item's limit the exact size does not matter.
    let counted = u32::try_from(size).unwrap_or(u32::MAX).min(0x00FF_FFFF);
    out[1..HEADER].copy_from_slice(&counted.to_be_bytes()[1..]);
    Stored { bytes: Bytes::from(out), size }
}

/// The size of a stored item, as DynamoDB counts it.
pub fn stored_size(row: &[u8]) -> usize {
    match row {
        [_, a, b, c, ..] => u32::from_be_bytes([0, *a, *b, *c]) as usize,
        _ => 0,
    }
}

fn put_length(out: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_length(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn put_set<'v>(out: &mut Vec<u8>, tag: u8, elements: impl Iterator<Item = &'v [u8]>) -> usize {
    let mut elements: Vec<&[u8]> = elements.collect();
    elements.sort_unstable();
    out.push(tag);
    put_length(out, elements.len());
    elements.iter().for_each(|element| put_bytes(out, element));
    elements.iter().map(|element| element.len()).sum()
}

/// Writes a value and gives its size: as `size::value` does, in the same walk.
fn put_value(out: &mut Vec<u8>, value: &Value) -> usize {
    let mut tagged = |tag: u8, bytes: &[u8]| {
        out.push(tag);
        put_bytes(out, bytes);
        bytes.len()
    };
    match value {
        Value::S(text) => tagged(S, text.as_bytes()),
        Value::N(text) => tagged(N, &value::number(text).to_bytes()),
        Value::B(bytes) => tagged(B, bytes),
        Value::SS(set) => put_set(out, SS, set.iter().map(|text| text.as_bytes())),
        Value::BS(set) => put_set(out, BS, set.iter().map(|bytes| bytes.as_ref())),
        Value::NS(set) => {
            let numbers: Vec<NumberBytes> = set.iter().map(|text| value::number(text).to_bytes()).collect();
            put_set(out, NS, numbers.iter().map(|number| &**number))
        }
        Value::M(map) => {
            out.push(M);
            put_length(out, map.len());
            let mut size = 3 + map.len();
            for (name, value) in map {
                put_bytes(out, name.as_bytes());
                size += name.len() + put_value(out, value);
            }
            size
        }
        Value::L(list) => {
            out.push(L);
            put_length(out, list.len());
            3 + list.iter().map(|value| 1 + put_value(out, value)).sum::<usize>()
        }
        Value::BOOL(truth) => {
            out.push(if *truth { TRUE } else { FALSE });
            1
        }
        // A value that was never set does not pass the checks.
        Value::NULL(_) | Value::Unset | Value::Many(_) => {
            out.push(NULL);
            1
        }
    }
}

/// The item of stored bytes.
///
/// # Errors
/// Where they are none.
pub fn decode(row: &Bytes) -> Result<Item, BadItem> {
    let mut reader = Reader { rest: row.clone() };
    if reader.byte()? != VERSION {
        return Err(BadItem("the item was written by a newer version"));
    }
    reader.skip_size()?;
    let mut attributes = Vec::new();
    while reader.rest.has_remaining() {
        let name = reader.text()?;
        attributes.push((name, reader.value(MAX_DEPTH)?));
    }
    Ok(attributes.into_iter().collect())
}

struct Reader {
    rest: Bytes,
}

impl Reader {
    fn byte(&mut self) -> Result<u8, BadItem> {
        self.rest.try_get_u8().map_err(|_| BadItem("the item is cut"))
    }

    fn skip_size(&mut self) -> Result<(), BadItem> {
        (1..HEADER).try_for_each(|_| self.byte().map(drop))
    }

    fn length(&mut self) -> Result<usize, BadItem> {
        let mut length = 0usize;
        for shift in [0, 7, 14, 21] {
            let byte = self.byte()?;
            length |= usize::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                // Whatever is counted takes at least one byte each: no more is ever allocated.
                let enough = length <= self.rest.remaining();
                return if enough { Ok(length) } else { Err(BadItem("the item is cut")) };
            }
        }
        Err(BadItem("a length of the item is too long"))
    }

    fn bytes(&mut self) -> Result<Bytes, BadItem> {
        let length = self.length()?;
        Ok(self.rest.split_to(length))
    }

    fn text(&mut self) -> Result<String, BadItem> {
        let length = self.length()?;
        let text = std::str::from_utf8(&self.rest[..length]).map_err(|_| BadItem("a text is not UTF-8"))?;
        let text = text.to_owned();
        self.rest.advance(length);
        Ok(text)
    }

    fn number(&mut self) -> Result<String, BadItem> {
        let length = self.length()?;
        let number = Number::from_bytes(&self.rest[..length]).ok_or(BadItem("a number is none"))?;
        self.rest.advance(length);
        Ok(number.to_string())
    }

    fn many<T>(&mut self, read: impl Fn(&mut Self) -> Result<T, BadItem>) -> Result<Vec<T>, BadItem> {
        let count = self.length()?;
        let mut all = Vec::with_capacity(count);
        for _ in 0..count {
            all.push(read(self)?);
        }
        Ok(all)
    }

    fn value(&mut self, depth: u32) -> Result<Value, BadItem> {
        let depth = depth.checked_sub(1).ok_or(BadItem("the item is too deep"))?;
        Ok(match self.byte()? {
            S => Value::S(self.text()?),
            N => Value::N(self.number()?),
            // A copy, so that a small part never keeps a whole row in memory.
            B => Value::B(Bytes::copy_from_slice(&self.bytes()?)),
            SS => Value::SS(self.many(Reader::text)?),
            NS => Value::NS(self.many(Reader::number)?),
            BS => Value::BS(self.many(|reader| reader.bytes().map(|b| Bytes::copy_from_slice(&b)))?),
            M => {
                let pairs = self.many(|reader| Ok((reader.text()?, reader.value(depth)?)))?;
                Value::M(pairs.into_iter().collect())
            }
            L => Value::L(self.many(|reader| reader.value(depth))?),
            NULL => Value::NULL(true),
            FALSE => Value::BOOL(false),
            TRUE => Value::BOOL(true),
            _ => return Err(BadItem("a value has an unknown type")),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::value::canonical;
    use super::*;
    use proptest::prelude::*;

    /// Any value an item may hold, some levels deep.
    pub fn any_value() -> impl Strategy<Value = Value> {
        let set = |element: BoxedStrategy<String>| {
            proptest::collection::btree_set(element, 1..4).prop_map(|set| set.into_iter().collect::<Vec<_>>())
        };
        let number = (-1000i64..1000, -3i32..3).prop_map(|(n, e)| format!("{n}e{e}")).boxed();
        let whole = (-1000i64..1000).prop_map(|n| n.to_string()).boxed();
        let leaf = prop_oneof![
            ".{0,8}".prop_map(Value::S),
            number.prop_map(Value::N),
            proptest::collection::vec(any::<u8>(), 0..8).prop_map(|bytes| Value::B(bytes.into())),
            set(".{1,3}".boxed()).prop_map(Value::SS),
            set(whole).prop_map(Value::NS),
            proptest::collection::btree_set(proptest::collection::vec(any::<u8>(), 1..4), 1..3)
                .prop_map(|set| Value::BS(set.into_iter().map(Bytes::from).collect())),
            any::<bool>().prop_map(Value::BOOL),
            Just(Value::NULL(true)),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::L),
                proptest::collection::btree_map(".{0,4}", inner, 0..4).prop_map(Value::M),
            ]
        })
    }

    proptest! {
        #[test]
        fn items_are_read_as_they_are_stored(
            item in proptest::collection::btree_map(".{1,6}", any_value(), 0..6),
        ) {
            let stored = encode(&item);
            let read = decode(&stored.bytes).unwrap();
            let expected: Item = item.iter().map(|(name, value)| (name.clone(), canonical(value))).collect();
            prop_assert_eq!(&read, &expected);
            prop_assert_eq!(stored.size, super::super::size::item(&item));
            prop_assert_eq!(stored_size(&stored.bytes), stored.size);
            prop_assert_eq!(encode(&read), stored);
        }

        #[test]
        fn any_bytes_are_refused_or_read(bytes: Vec<u8>) {
            let _ = decode(&Bytes::from([&[VERSION, 0, 0, 0], bytes.as_slice()].concat()));
        }
    }

    #[test]
    fn the_bytes_of_an_item_do_not_change() {
        let item: Item = [
            ("b".to_owned(), Value::N("-12.5".into())),
            ("a".to_owned(), Value::SS(vec!["y".into(), "x".into()])),
        ]
        .into();
        let stored: &[u8] = &[1, 0, 0, 8, 1, b'a', 4, 2, 1, b'x', 1, b'y', 1, b'b', 2, 4, 62, 89, 51, 102];
        assert_eq!(encode(&item).bytes.as_ref(), stored);
    }

    #[test]
    fn what_is_cut_newer_or_deep_is_refused() {
        assert!(decode(&Bytes::new()).is_err());
        assert!(decode(&Bytes::from_static(&[2])).is_err());
        assert!(decode(&Bytes::from_static(&[1, 0, 0, 0, 1, b'a', S, 0xFF, 0xFF, 0xFF, 0x7F])).is_err());
        let deep = [&[1, 0, 0, 0, 1, b'a'][..], &[L, 1].repeat(1_000_000)].concat();
        assert_eq!(decode(&Bytes::from(deep)), Err(BadItem("the item is too deep")));
    }
}
