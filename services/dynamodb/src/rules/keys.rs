//! Keys: what a table or index is keyed by, what a request must give, and the bytes that order rows.
//!
//! A row's key is the hash of its partition, the partition, and the sort key in a form whose bytes
//! compare as the values do; a row of an index ends in the key of its item. Partitions come in the order
//! of their hash, as in a scan of DynamoDB, which also cuts a table into segments. Partition and sort key
//! of a global index may consist of several attributes.

use super::expression::condition::{Ask, Comparison};
use super::expression::key_condition::KeyTest;
use super::value::{Item, Kind, Value, kind, kind_name, number};
use md5::Md5;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::ops::Bound;

/// The largest partition key value, in bytes.
const MAX_PARTITION: usize = 2048;
/// The largest sort key value, in bytes.
const MAX_SORT: usize = 1024;
/// A partition up to this size is in the key as it is, a larger one as its digest.
const MAX_PLAIN_PARTITION: usize = 200;
/// An item's key up to this size is in an index's key as it is, a larger one as its digest.
const MAX_PLAIN_ITEM_KEY: usize = 255;
/// The bytes of the hash that precede a partition.
const HASH_BYTES: usize = 3;
/// DynamoDB hashes partitions with this before them: scans come in this order there too (dynalite,
/// db/index.js).
const HASH_SALT: &str = "Outliers";
/// Segments are cut at multiples of this part of the space of hashes.
const SEGMENT_SLOTS: u64 = 4096;
/// How many hashes of three bytes are in a slot.
const HASHES_OF_SLOT: u64 = 4096;

/// The type of a key attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyKind {
    /// Text.
    S,
    /// A number.
    N,
    /// Bytes.
    B,
}

impl KeyKind {
    /// As a type of values.
    pub fn kind(self) -> Kind {
        match self {
            KeyKind::S => Kind::S,
            KeyKind::N => Kind::N,
            KeyKind::B => Kind::B,
        }
    }

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        self.kind().name()
    }
}

/// A key attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPart {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: KeyKind,
}

/// What a table or an index is keyed by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySchema {
    /// The partition key: one attribute, or up to four of a global index.
    pub partition: Vec<KeyPart>,
    /// The sort key: none or one attribute, or up to four of a global index.
    pub sort: Vec<KeyPart>,
}

/// Whose rows a key orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// A table's: the sort key ends the key.
    Table,
    /// An index's: the item's key follows the sort key.
    Index,
}

impl KeySchema {
    /// The key attributes, the partition key first.
    pub fn parts(&self) -> impl Iterator<Item = &KeyPart> {
        self.partition.iter().chain(&self.sort)
    }

    /// The first attribute of the partition key, which is the whole of a table's.
    pub fn leading(&self) -> &str {
        self.partition.first().map_or("", |part| part.name.as_str())
    }

    /// Whether an attribute is part of the partition key.
    pub fn partitions_by(&self, name: &str) -> bool {
        self.partition.iter().any(|part| part.name == name)
    }

    /// The partition key values of an item that has them all.
    pub fn partition_of<'i>(&self, item: &'i Item) -> Option<Vec<&'i Value>> {
        self.partition.iter().map(|part| item.get(&part.name)).collect()
    }

    /// Whether an attribute is part of the key.
    pub fn has(&self, name: &str) -> bool {
        self.parts().any(|part| part.name == name)
    }

    /// Checks the key of a request.
    ///
    /// # Errors
    /// AWS's message.
    pub fn check_key(&self, key: &Item) -> Result<(), String> {
        if key.len() != self.parts().count() {
            return Err(mismatch());
        }
        self.parts().try_for_each(|part| self.check_piece(part, key.get(&part.name).ok_or_else(mismatch)?))
    }

    /// Checks one attribute of the key of a request.
    ///
    /// # Errors
    /// AWS's message.
    pub fn check_piece(&self, part: &KeyPart, value: &Value) -> Result<(), String> {
        if kind(value) != Some(part.kind.kind()) {
            return Err(mismatch());
        }
        if is_empty(value) {
            return Err(empty(part));
        }
        self.check_size(part, value)
    }

    /// Refuses an empty key value, which a transaction is not even begun for.
    ///
    /// # Errors
    /// AWS's message.
    pub fn check_empty(&self, key: &Item) -> Result<(), String> {
        let parts = self.parts().filter(|part| key.get(&part.name).is_some_and(is_empty));
        parts.map(|part| Err(empty(part))).next().unwrap_or(Ok(()))
    }

    /// Checks the key attributes of an item that is put.
    ///
    /// # Errors
    /// AWS's message.
    pub fn check_item(&self, item: &Item) -> Result<(), String> {
        for part in self.parts() {
            let Some(value) = item.get(&part.name) else {
                return Err(format!(
                    "One or more parameter values were invalid: Missing the key {} in the item",
                    part.name
                ));
            };
            if kind(value) != Some(part.kind.kind()) {
                return Err(format!(
                    "One or more parameter values were invalid: Type mismatch for key {} expected: {} actual: {}",
                    part.name,
                    part.kind.name(),
                    kind_name(value)
                ));
            }
            if is_empty(value) {
                return Err(empty(part));
            }
            self.check_size(part, value)?;
        }
        Ok(())
    }

    /// Checks that a key value is not too long.
    ///
    /// # Errors
    /// AWS's message.
    pub fn check_size(&self, part: &KeyPart, value: &Value) -> Result<(), String> {
        let length = key_length(value);
        let is_partition = self.partitions_by(&part.name);
        if is_partition && length > MAX_PARTITION {
            Err(partition_too_long())
        } else if !is_partition && length > MAX_SORT {
            Err(sort_too_long())
        } else {
            Ok(())
        }
    }

    /// Checks that the values of a key are together not too long, where an item has them.
    ///
    /// # Errors
    /// AWS's message.
    pub fn check_sizes(&self, item: &Item) -> Result<(), String> {
        let total = |parts: &[KeyPart]| -> usize {
            parts.iter().filter_map(|part| item.get(&part.name)).map(key_length).sum()
        };
        if total(&self.partition) > MAX_PARTITION {
            Err(partition_too_long())
        } else if total(&self.sort) > MAX_SORT {
            Err(sort_too_long())
        } else {
            Ok(())
        }
    }

    /// The key attributes of an item that has them.
    pub fn key_of(&self, item: &Item) -> Item {
        let parts = self.parts().filter_map(|part| Some((part.name.clone(), item.get(&part.name)?.clone())));
        parts.collect()
    }

    /// The bytes of a table's row; `None` where the item lacks a key attribute.
    pub fn row(&self, item: &Item) -> Option<Vec<u8>> {
        let mut row = partition_bytes(&self.partition_of(item)?)?;
        for sort in &self.sort {
            row.extend_from_slice(&sort_bytes(item.get(&sort.name)?, Rows::Table)?);
        }
        Some(row)
    }

    /// The bytes of an index's row for the item of a table's row; `None` where the item lacks an index
    /// key attribute, has it with another type or too long: the index then does not hold it.
    ///
    /// Entries with equal keys come in the order of the hash of their items' keys, as on AWS.
    pub fn index_row(&self, item: &Item, table: &KeySchema, item_row: &[u8]) -> Option<Vec<u8>> {
        for part in self.parts() {
            let value = item.get(&part.name)?;
            if kind(value) != Some(part.kind.kind()) || is_empty(value) {
                return None;
            }
        }
        self.check_sizes(item).ok()?;
        let mut row = partition_bytes(&self.partition_of(item)?)?;
        for sort in &self.sort {
            row.extend_from_slice(&sort_bytes(item.get(&sort.name)?, Rows::Index)?);
        }
        let mut hash = Md5::new().chain_update(HASH_SALT);
        for part in table.parts() {
            hash.update(plain(item.get(&part.name)?)?);
        }
        row.extend_from_slice(&hash.finalize()[..HASH_BYTES]);
        if item_row.len() <= MAX_PLAIN_ITEM_KEY {
            row.push(0);
            row.extend_from_slice(item_row);
        } else {
            row.push(1);
            row.extend_from_slice(&Sha256::digest(item_row));
        }
        Some(row)
    }
}

fn key_length(value: &Value) -> usize {
    match value {
        Value::S(text) => text.len(),
        Value::B(bytes) => bytes.len(),
        Value::N(text) => number(text).to_bytes().len(),
        _ => 0,
    }
}

fn partition_too_long() -> String {
    "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit \
     of2048 bytes"
        .to_owned()
}

fn sort_too_long() -> String {
    "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size \
     limit of 1024 bytes"
        .to_owned()
}

fn mismatch() -> String {
    "The provided key element does not match the schema".to_owned()
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::S(text) => text.is_empty(),
        Value::B(bytes) => bytes.is_empty(),
        _ => false,
    }
}

fn empty(part: &KeyPart) -> String {
    let what = if part.kind == KeyKind::B { "binary" } else { "string" };
    format!(
        "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an \
         empty {what} value. Key: {}",
        part.name
    )
}

fn plain(value: &Value) -> Option<std::borrow::Cow<'_, [u8]>> {
    Some(match value {
        Value::S(text) => text.as_bytes().into(),
        Value::B(bytes) => bytes.as_ref().into(),
        Value::N(text) => number(text).to_bytes().to_vec().into(),
        _ => return None,
    })
}

/// The beginning of all rows of a partition: its hash, then itself, delimited.
pub fn partition_bytes(values: &[&Value]) -> Option<Vec<u8>> {
    let plain = match values {
        [one] => plain(one)?,
        several => {
            let mut joined = Vec::new();
            for value in several {
                joined.extend_from_slice(&delimited(&plain(value)?));
            }
            joined.into()
        }
    };
    let hash = Md5::new().chain_update(HASH_SALT).chain_update(&plain).finalize();
    let mut bytes = Vec::with_capacity(HASH_BYTES + 1 + plain.len().min(MAX_PLAIN_PARTITION) + 64);
    bytes.extend_from_slice(&hash[..HASH_BYTES]);
    if plain.len() <= MAX_PLAIN_PARTITION {
        bytes.push(plain.len() as u8);
        bytes.extend_from_slice(&plain);
    } else {
        bytes.push(0xFF);
        bytes.extend_from_slice(&Sha256::digest(&plain));
    }
    Some(bytes)
}

/// The bytes of a sort key value, which compare as the values do.
fn sort_bytes(value: &Value, rows: Rows) -> Option<Vec<u8>> {
    let plain = plain(value)?;
    Some(match (rows, value) {
        (Rows::Table, _) => plain.into_owned(),
        // No base-100 digit is zero.
        (Rows::Index, Value::N(_)) => {
            let mut bytes = plain.into_owned();
            bytes.push(0);
            bytes
        }
        (Rows::Index, _) => delimited(&plain),
    })
}

/// Bytes with an end, in order: groups of eight, each followed by how many of them count, nine where
/// more follow. They grow by an eighth, whatever they are.
fn delimited(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() / 8 * 9 + 9);
    let mut rest = bytes;
    while rest.len() > 8 {
        let (group, after) = rest.split_at(8);
        out.extend_from_slice(group);
        out.push(9);
        rest = after;
    }
    out.extend_from_slice(rest);
    out.resize(out.len() + 8 - rest.len(), 0);
    out.push(rest.len() as u8);
    out
}

/// The first bytes behind all that begin with these.
fn behind(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    while let Some(last) = bytes.pop() {
        if last < 0xFF {
            bytes.push(last + 1);
            return Some(bytes);
        }
    }
    None
}

/// A range of rows, as bytes of their keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowRange {
    /// Where it begins.
    pub low: Bound<Vec<u8>>,
    /// Where it ends.
    pub high: Bound<Vec<u8>>,
}

fn from(bytes: Vec<u8>) -> Bound<Vec<u8>> {
    Bound::Included(bytes)
}

fn until(bytes: Option<Vec<u8>>) -> Bound<Vec<u8>> {
    bytes.map_or(Bound::Unbounded, Bound::Excluded)
}

impl RowRange {
    /// All rows.
    pub fn all() -> Self {
        RowRange { low: Bound::Unbounded, high: Bound::Unbounded }
    }

    /// The rows of a segment of a scan.
    pub fn segment(segment: u32, total: u32) -> Self {
        let hash_of = |place: u64| {
            let slot = (SEGMENT_SLOTS * place).div_ceil(u64::from(total.max(1)));
            let hash = slot * HASHES_OF_SLOT;
            (slot < SEGMENT_SLOTS).then(|| hash.to_be_bytes()[8 - HASH_BYTES..].to_vec())
        };
        let low = hash_of(u64::from(segment));
        // A segment that begins behind the last slot has no rows.
        let low = low.unwrap_or_else(|| vec![0xFF; HASH_BYTES + 1 + MAX_PARTITION]);
        RowRange { low: from(low), high: until(hash_of(u64::from(segment) + 1)) }
    }

    /// The rows of a partition whose sort key begins with some values, the next passing a test.
    pub fn of(rows: Rows, partition: &[&Value], sort: &[&Value], test: Option<&KeyTest>) -> Option<Self> {
        let mut prefix = partition_bytes(partition)?;
        for value in sort {
            prefix.extend_from_slice(&sort_bytes(value, rows)?);
        }
        let all = RowRange { low: from(prefix.clone()), high: until(behind(prefix.clone())) };
        let Some(test) = test else { return Some(all) };
        let at = |value: &Value| Some([prefix.as_slice(), &sort_bytes(value, rows)?].concat());
        // The first key behind all rows with a sort key value.
        let past = |value: &Value| {
            let mut bytes = at(value)?;
            match rows {
                Rows::Table => {
                    bytes.push(0);
                    Some(bytes)
                }
                Rows::Index => behind(bytes),
            }
        };
        let first = test.values.first()?;
        Some(match (test.ask, test.values.as_slice()) {
            (Ask::Compare(Comparison::Equal), _) => {
                RowRange { low: from(at(first)?), high: until(past(first)) }
            }
            (Ask::Compare(Comparison::Less), _) => RowRange { high: until(at(first)), ..all },
            (Ask::Compare(Comparison::LessOrEqual), _) => RowRange { high: until(past(first)), ..all },
            (Ask::Compare(Comparison::Greater), _) => RowRange { low: from(past(first)?), ..all },
            (Ask::Compare(Comparison::GreaterOrEqual), _) => RowRange { low: from(at(first)?), ..all },
            (Ask::Between, [low, high]) => RowRange { low: from(at(low)?), high: until(past(high)) },
            (Ask::BeginsWith, _) => {
                let end = behind(plain(first)?.into_owned()).and_then(|end| {
                    at(&match first {
                        // Cut inside of a character it is no text any more, but compares as one.
                        Value::S(_) | Value::B(_) => Value::B(end.into()),
                        other => other.clone(),
                    })
                });
                let high = end.map_or(all.high, Bound::Excluded);
                RowRange { low: from(at(first)?), high }
            }
            _ => return None,
        })
    }

    /// What is left behind a row, in the direction that is read.
    pub fn after(self, row: Vec<u8>, forward: bool) -> Self {
        if forward {
            RowRange { low: Bound::Excluded(row), ..self }
        } else {
            RowRange { high: Bound::Excluded(row), ..self }
        }
    }

    /// Whether a row is in it.
    pub fn holds(&self, row: &[u8]) -> bool {
        let above = match &self.low {
            Bound::Unbounded => true,
            Bound::Included(low) => low.as_slice() <= row,
            Bound::Excluded(low) => low.as_slice() < row,
        };
        above
            && match &self.high {
                Bound::Unbounded => true,
                Bound::Included(high) => row <= high.as_slice(),
                Bound::Excluded(high) => row < high.as_slice(),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn s(text: &str) -> Value {
        Value::S(text.into())
    }

    fn schema() -> KeySchema {
        KeySchema {
            partition: vec![KeyPart { name: "a".into(), kind: KeyKind::S }],
            sort: vec![KeyPart { name: "b".into(), kind: KeyKind::S }],
        }
    }

    fn item(pairs: &[(&str, Value)]) -> Item {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    /// Texts as dynalite recorded them on DynamoDB (test/getItem.js, test/putItem.js).
    #[test]
    fn refused_keys() {
        let long = |length| s(&"x".repeat(length));
        let mismatch = "The provided key element does not match the schema";
        let cases = [
            (item(&[]), mismatch),
            (item(&[("a", s("x"))]), mismatch),
            (item(&[("a", s("x")), ("c", s("x"))]), mismatch),
            (item(&[("a", s("x")), ("b", Value::N("1".into()))]), mismatch),
            (
                item(&[("a", s("")), ("b", s("x"))]),
                "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: a",
            ),
            (
                item(&[("a", long(2049)), ("b", s("x"))]),
                "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes",
            ),
            (
                item(&[("a", s("x")), ("b", long(1025))]),
                "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of 1024 bytes",
            ),
        ];
        for (key, message) in cases {
            assert_eq!(schema().check_key(&key), Err(message.to_owned()), "{key:?}");
        }
        assert_eq!(schema().check_key(&item(&[("a", long(2048)), ("b", long(1024))])), Ok(()));
        let item = item(&[("a", Value::N("1".into())), ("b", s("x"))]);
        assert_eq!(
            schema().check_item(&item),
            Err("One or more parameter values were invalid: Type mismatch for key a expected: S actual: N"
                .into())
        );
    }

    #[test]
    fn the_longest_keys_fit_the_store() {
        let pairs = [("a", s(&"\0".repeat(2048))), ("b", s(&"\0".repeat(1024)))];
        let mut longest = item(&pairs);
        let row = schema().row(&longest).unwrap();
        longest.extend((0..8).map(|place| (format!("k{place}"), s(&"\0".repeat(256)))));
        let parts = |places: std::ops::Range<u8>| {
            places.map(|place| KeyPart { name: format!("k{place}"), kind: KeyKind::S }).collect()
        };
        let several = KeySchema { partition: parts(0..4), sort: parts(4..8) };
        for schema in [self::schema(), several] {
            let index = schema.index_row(&longest, &self::schema(), &row).unwrap();
            assert!(row.len() <= 2040 && index.len() <= 2040, "{} {}", row.len(), index.len());
        }
    }

    /// Rows of an index with two attributes on each side come by the first sort attribute, then by the
    /// second; a test of the second reads within the first.
    #[test]
    fn keys_of_several_attributes() {
        let part = |name: &str, kind| KeyPart { name: name.into(), kind };
        let index = KeySchema {
            partition: vec![part("p", KeyKind::S), part("q", KeyKind::N)],
            sort: vec![part("s", KeyKind::S), part("t", KeyKind::N)],
        };
        let of = |p: &str, text: &str, number: i32| {
            let pairs = [("a", s("x")), ("b", s("y")), ("p", s(p)), ("q", Value::N("1".into()))];
            let mut item = item(&pairs);
            item.extend([("s".to_owned(), s(text)), ("t".to_owned(), Value::N(number.to_string()))]);
            let row = schema().row(&item).unwrap();
            index.index_row(&item, &schema(), &row)
        };
        let rows = [of("p", "a", 9), of("p", "a", 10), of("p", "ab", 1), of("p", "b", -1)];
        assert!(rows.is_sorted() && rows.iter().all(Option::is_some));
        let (p, q, first) = (s("p"), Value::N("1.0".into()), s("a"));
        let over = compare(Comparison::Greater, Value::N("9".into()));
        let range = RowRange::of(Rows::Index, &[&p, &q], &[&first], Some(&over)).unwrap();
        let held: Vec<bool> = rows.iter().flatten().map(|row| range.holds(row)).collect();
        assert_eq!(held, [false, true, false, false]);
        let all = RowRange::of(Rows::Index, &[&p, &q], &[], None).unwrap();
        assert!(rows.iter().flatten().all(|row| all.holds(row)));
        assert!(!all.holds(&of("o", "a", 9).unwrap()));
        assert_eq!(of("p", &"x".repeat(1024), 1), None);
    }

    fn test(ask: Ask, values: &[Value]) -> KeyTest {
        KeyTest { ask, values: values.to_vec() }
    }

    fn compare(comparison: Comparison, value: Value) -> KeyTest {
        test(Ask::Compare(comparison), &[value])
    }

    fn any_sort() -> impl Strategy<Value = Value> {
        prop_oneof![
            proptest::collection::vec(prop_oneof![Just(0u8), Just(1), Just(9), Just(0xFF)], 0..20)
                .prop_map(|bytes| Value::B(bytes.into())),
            (-200i64..200, -3i32..3).prop_map(|(n, e)| Value::N(format!("{n}e{e}"))),
        ]
    }

    fn any_test() -> impl Strategy<Value = KeyTest> {
        let bounds = (any_sort(), any_sort());
        (0..8u8, bounds).prop_map(|(which, (one, two))| match which {
            0 => compare(Comparison::Equal, one),
            1 => compare(Comparison::Less, one),
            2 => compare(Comparison::LessOrEqual, one),
            3 => compare(Comparison::Greater, one),
            4 => compare(Comparison::GreaterOrEqual, one),
            5 => test(Ask::BeginsWith, &[one]),
            _ => test(Ask::Between, &[one, two]),
        })
    }

    proptest! {
        /// A range of bytes holds exactly the rows whose values pass the test.
        #[test]
        fn ranges_are_tests(test in any_test(), value in any_sort(), tail in proptest::collection::vec(any::<u8>(), 0..4)) {
            let of_one_kind = test.values.iter().all(|bound| kind(bound) == kind(&value));
            prop_assume!(of_one_kind);
            prop_assume!(test.ask != Ask::BeginsWith || kind(&value) == Some(Kind::B));
            for rows in [Rows::Table, Rows::Index] {
                let partition = s("p");
                let mut row = partition_bytes(&[&partition]).unwrap();
                row.extend(sort_bytes(&value, rows).unwrap());
                if rows == Rows::Index {
                    row.extend(&tail);
                }
                let range = RowRange::of(rows, &[&partition], &[], Some(&test)).unwrap();
                prop_assert_eq!(range.holds(&row), test.holds(&value), "{:?} {:?}", rows, range);
            }
        }
    }

    #[test]
    fn segments_divide_all_rows() {
        for total in [1, 2, 3, 7, 4096, 5000, 1_000_000] {
            for text in ["a", "b", "lute", "harp", "1"] {
                let row = partition_bytes(&[&s(text)]).unwrap();
                let slot = (u64::from(row[0]) << 4) | (u64::from(row[1]) >> 4);
                let guess = (slot * u64::from(total) / 4096) as u32;
                let near = guess.saturating_sub(2)..=(guess + 2).min(total - 1);
                let holding = near.filter(|segment| RowRange::segment(*segment, total).holds(&row)).count();
                assert_eq!(holding, 1, "{text} of {total}");
            }
        }
    }
}
