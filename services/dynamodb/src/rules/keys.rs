//! Keys: what a table or index is keyed by, what a request must give, and the bytes that order rows.
//!
//! A row of an index ends in the key of its item. Partition and sort key of a global index may consist of
//! several attributes.

use super::rows::{self, Rows, partition_bytes, sort_bytes};
use super::value::{Item, Kind, Value, kind, kind_name, number};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The largest partition key value, in bytes.
pub const MAX_PARTITION: usize = 2048;
/// The largest sort key value, in bytes.
const MAX_SORT: usize = 1024;
/// An item's key up to this size is in an index's key as it is, a larger one as its digest.
const MAX_PLAIN_ITEM_KEY: usize = 255;
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
        let key = table.parts().map(|part| item.get(&part.name)).collect::<Option<Vec<_>>>()?;
        row.extend_from_slice(&rows::hash(&key)?);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::expression::condition::{Ask, Comparison};
    use crate::rules::expression::key_condition::KeyTest;
    use crate::rules::rows::RowRange;

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
        let over = KeyTest { ask: Ask::Compare(Comparison::Greater), values: vec![Value::N("9".into())] };
        let range = RowRange::of(Rows::Index, &[&p, &q], &[&first], Some(&over)).unwrap();
        let held: Vec<bool> = rows.iter().flatten().map(|row| range.holds(row)).collect();
        assert_eq!(held, [false, true, false, false]);
        let all = RowRange::of(Rows::Index, &[&p, &q], &[], None).unwrap();
        assert!(rows.iter().flatten().all(|row| all.holds(row)));
        assert!(!all.holds(&of("o", "a", 9).unwrap()));
        assert_eq!(of("p", &"x".repeat(1024), 1), None);
    }
}
