//! The bytes of rows: what orders them in the store, and ranges of them.
//!
//! A row's key is the hash of its partition, the partition, and the sort key in a form whose bytes
//! compare as the values do. Partitions come in the order of their hash, as in a scan of DynamoDB, which
//! also cuts a table into segments.

use super::expression::condition::{Ask, Comparison};
use super::expression::key_condition::KeyTest;
use super::keys::MAX_PARTITION;
use super::value::{Value, number};
use md5::Md5;
use sha2::{Digest, Sha256};
use std::ops::Bound;

/// A partition up to this size is in the key as it is, a larger one as its digest.
const MAX_PLAIN_PARTITION: usize = 200;
/// The bytes of the hash that precede a partition.
const HASH_BYTES: usize = 3;
/// DynamoDB hashes partitions with this before them: scans come in this order there too (dynalite,
/// db/index.js).
const HASH_SALT: &str = "Outliers";
/// Segments are cut at multiples of this part of the space of hashes.
const SEGMENT_SLOTS: u64 = 4096;
/// How many hashes of three bytes are in a slot.
const HASHES_OF_SLOT: u64 = 4096;

/// Whose rows a key orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// A table's: the sort key ends the key.
    Table,
    /// An index's: the item's key follows the sort key.
    Index,
}

/// The hash of the values of a key.
pub fn hash(values: &[&Value]) -> Option<[u8; HASH_BYTES]> {
    let mut hash = Md5::new().chain_update(HASH_SALT);
    for value in values {
        hash.update(plain(value)?);
    }
    let hash = hash.finalize();
    hash.first_chunk::<HASH_BYTES>().copied()
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
pub fn sort_bytes(value: &Value, rows: Rows) -> Option<Vec<u8>> {
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
    use super::super::value::{Kind, kind};
    use super::*;
    use proptest::prelude::*;

    fn s(text: &str) -> Value {
        Value::S(text.into())
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
