//! When items expire: the moment an attribute states, and rows that are ordered by it.

use super::rows::RowRange;
use super::value::{self, Item, Value};
use std::ops::Bound;

/// An item whose time is further back than this is not removed: five years, as on AWS.
const OLDEST_SECONDS: i64 = 5 * 365 * 86_400;
/// The last moment that an attribute can state: the end of the year 9999.
const LAST_SECONDS: i64 = 253_402_300_799;

/// The moment an item states, in seconds of the epoch; `None` where it states none.
pub fn seconds(item: &Item, attribute: &str) -> Option<i64> {
    let Value::N(text) = item.get(attribute)? else { return None };
    let printed = value::number(text).to_string();
    let whole = printed.split('.').next().unwrap_or_default();
    whole.parse().ok().filter(|seconds| (0..=LAST_SECONDS).contains(seconds))
}

fn moment(seconds: i64) -> Vec<u8> {
    seconds.clamp(0, LAST_SECONDS).to_be_bytes().to_vec()
}

/// Whether a moment is so far back that its item is not removed any more.
pub fn is_forgotten(seconds: i64, now: i64) -> bool {
    seconds < now.saturating_sub(OLDEST_SECONDS)
}

/// The row of an item that is due at a moment.
pub fn row(seconds: i64, item_row: &[u8]) -> Vec<u8> {
    [moment(seconds).as_slice(), item_row].concat()
}

/// The moment of a row, and the row of its item.
pub fn read(row: &[u8]) -> Option<(i64, &[u8])> {
    let (moment, item_row) = row.split_first_chunk::<8>()?;
    Some((i64::from_be_bytes(*moment), item_row))
}

/// The rows that are due at a moment.
pub fn due(now: i64) -> RowRange {
    let low = moment(now.saturating_sub(OLDEST_SECONDS));
    RowRange { low: Bound::Included(low), high: Bound::Excluded(moment(now.saturating_add(1))) }
}

/// The rows that are due at a moment or will be.
pub fn not_before(now: i64) -> RowRange {
    let low = moment(now.saturating_sub(OLDEST_SECONDS));
    RowRange { low: Bound::Included(low), high: Bound::Unbounded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        let cases = [
            ("1700000000", Some(1_700_000_000)),
            ("1700000000.9", Some(1_700_000_000)),
            ("0", Some(0)),
            ("-5", None),
            ("1e30", None),
            ("253402300800", None),
        ];
        for (text, seconds) in cases {
            let item = [("ends".to_owned(), Value::N(text.into()))].into();
            assert_eq!(super::seconds(&item, "ends"), seconds, "{text}");
        }
        assert_eq!(seconds(&[("ends".to_owned(), Value::S("1".into()))].into(), "ends"), None);
    }

    #[test]
    fn rows_are_due_in_their_time() {
        let now = 1_700_000_000;
        for (seconds, is_due) in
            [(now, true), (now + 1, false), (now - OLDEST_SECONDS - 1, false), (now - 9, true)]
        {
            let row = row(seconds, b"item");
            assert_eq!(due(now).holds(&row), is_due);
            assert_eq!(read(&row), Some((seconds, &b"item"[..])));
        }
    }
}
