//! What an item weighs, and what reading and writing it consumes, by the published rules.

use super::value::{self, Item, Value};

/// The largest item, in bytes.
pub const MAX_ITEM: usize = 400 * 1024;
/// A page of a query or scan ends when this many bytes were read.
pub const MAX_PAGE: usize = 1024 * 1024;

const READ_UNIT: usize = 4096;
const WRITE_UNIT: usize = 1024;

/// The size of an item: names and values.
pub fn item(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + self::value(value)).sum()
}

/// The size of a value without its name.
pub fn value(value: &Value) -> usize {
    match value {
        Value::S(text) => text.len(),
        Value::N(text) => number(text),
        Value::B(bytes) => bytes.len(),
        Value::SS(set) => set.iter().map(String::len).sum(),
        Value::NS(set) => set.iter().map(|text| number(text)).sum(),
        Value::BS(set) => set.iter().map(|bytes| bytes.len()).sum(),
        Value::L(list) => 3 + list.iter().map(|element| 1 + self::value(element)).sum::<usize>(),
        Value::M(map) => 3 + map.len() + item(map),
        Value::NULL(_) | Value::BOOL(_) => 1,
        Value::Unset | Value::Many(_) => 0,
    }
}

/// What an item counts towards the megabyte of a page: its stored form there, with lengths and, for each
/// three kilobytes begun, an overhead that repeats the sort key (as dynalite measured it on DynamoDB,
/// db/index.js).
pub fn in_page(item: &Item, sort_key: Option<&str>) -> usize {
    let (mut rest, mut key) = (0, 0);
    for (name, value) in item {
        match Some(name.as_str()) == sort_key {
            true => key = self::value(value),
            false => rest += 1 + paged(value),
        }
    }
    2 + rest + (1 + (1 + rest) / 3072) * (18 + key)
}

fn paged(value: &Value) -> usize {
    let size = self::value(value);
    match value {
        Value::S(_) if size < 128 => size + 1,
        Value::S(_) if size < 16_384 => size + 2,
        Value::S(_) => size + 3,
        Value::N(_) | Value::B(_) => size + 1,
        Value::SS(set) | Value::NS(set) => size + set.len() + 1,
        Value::BS(set) => size + set.len() + 1,
        Value::NULL(_) => 0,
        Value::BOOL(_) | Value::Unset | Value::Many(_) => 1,
        Value::L(list) => 3 + list.iter().map(|element| 1 + paged(element)).sum::<usize>(),
        Value::M(map) => 3 + map.len() + map.values().map(|value| 1 + paged(value)).sum::<usize>(),
    }
}

fn number(text: &str) -> usize {
    value::number(text).to_bytes().len()
}

/// How a read is consistent, which decides what it costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consistency {
    /// Half the price.
    Eventual,
    /// The price.
    Strong,
    /// Twice the price.
    Transactional,
}

/// The units of reading so many bytes at once: at least one block.
pub fn read_units(bytes: usize, consistency: Consistency) -> f64 {
    let blocks = bytes.div_ceil(READ_UNIT).max(1) as f64;
    match consistency {
        Consistency::Eventual => blocks * 0.5,
        Consistency::Strong => blocks,
        Consistency::Transactional => blocks * 2.0,
    }
}

/// The units of replacing an item of one size by one of another: the larger counts, at least one block.
pub fn write_units(before: usize, after: usize) -> f64 {
    before.max(after).div_ceil(WRITE_UNIT).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let s = |text: &str| Value::S(text.into());
        let cases = [
            (s("é"), 2),
            (Value::N("0".into()), 1),
            (Value::N("27".into()), 2),
            (Value::N("-27".into()), 3),
            (Value::N("123".into()), 3),
            (Value::N("1234567890123456789012345678901234567".into()), 20),
            (Value::NULL(true), 1),
            (Value::BOOL(false), 1),
            (Value::SS(vec!["ab".into(), "c".into()]), 3),
            (Value::L(vec![]), 3),
            (Value::L(vec![s("ab"), Value::NULL(true)]), 3 + 3 + 2),
            (Value::M([("ab".into(), s("c"))].into()), 3 + 1 + 3),
        ];
        for (value, size) in cases {
            assert_eq!(super::value(&value), size, "{value:?}");
        }
        assert_eq!(item(&[("name".into(), s("lute")), ("n".into(), Value::N("1".into()))].into()), 8 + 3);
    }

    #[test]
    fn sizes_in_a_page() {
        let item =
            [("a".to_owned(), Value::S("id".into())), ("b".to_owned(), Value::S("00001".into()))].into();
        assert_eq!(in_page(&item, Some("b")), 2 + (1 + 3) + (18 + 5));
        assert_eq!(in_page(&item, None), 2 + (1 + 3) + (1 + 6) + 18);
    }

    #[test]
    fn units() {
        assert_eq!(read_units(0, Consistency::Eventual), 0.5);
        assert_eq!(read_units(4096, Consistency::Strong), 1.0);
        assert_eq!(read_units(4097, Consistency::Strong), 2.0);
        assert_eq!(read_units(1, Consistency::Transactional), 2.0);
        assert_eq!(write_units(0, 1), 1.0);
        assert_eq!(write_units(1025, 10), 2.0);
    }
}
