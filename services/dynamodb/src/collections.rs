//! Item collections: the items of a partition with their entries in local indexes. In a table with such
//! indexes they may not hold more than ten gigabytes, so their bytes are kept, by each write's own commit.

use crate::errors::DynamoError;
use crate::rules::rows;
use crate::rules::value::Item;
use crate::state::{self, IndexScope};
use crate::statistics::Deltas;
use crate::write::ItemWrite;
use store::Tx;

/// The most bytes of a collection (developer guide, "Item collections in local secondary indexes").
const MAX_BYTES: u64 = 10 * 1024 * 1024 * 1024;

/// Keeps what a write does to the collection of its item.
///
/// # Errors
/// Where that would grow beyond its bound, and the store's.
pub fn keep(
    tx: &mut Tx,
    write: &ItemWrite,
    before: Option<&Item>,
    deltas: &Deltas,
) -> Result<(), DynamoError> {
    let table = &write.table;
    let is_local = |index: &&state::IndexRecord| index.scope == IndexScope::Local;
    let mut local = table.indexes.iter().filter(is_local).map(|index| index.incarnation).peekable();
    if local.peek().is_none() {
        return Ok(());
    }
    let counted: Vec<_> = local.chain([table.incarnation]).collect();
    let delta: i64 = deltas.iter().filter(|(of, _)| counted.contains(of)).map(|(_, count)| count.bytes).sum();
    if delta == 0 {
        return Ok(());
    }
    // An expiry knows no key, but the item that goes.
    let key = if write.key.is_empty() { before } else { Some(&write.key) };
    let partition = key.and_then(|key| table.key.partition_of(key));
    let partition = partition.and_then(|values| rows::partition_bytes(&values));
    let partition = partition.ok_or(DynamoError::Corrupt("an item has no partition"))?;
    let bytes = state::collection(tx, &write.scope, table.incarnation, &partition)?;
    let bytes = grown(bytes, delta).ok_or(DynamoError::CollectionTooLarge)?;
    Ok(state::put_collection(tx, &write.scope, table.incarnation, &partition, bytes)?)
}

/// The bytes of a collection after a change; nothing where it would grow beyond its bound.
fn grown(bytes: u64, delta: i64) -> Option<u64> {
    let after = bytes.saturating_add_signed(delta);
    (delta <= 0 || after <= MAX_BYTES).then_some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collection_grows_to_ten_gigabytes() {
        assert_eq!(grown(0, 5), Some(5));
        assert_eq!(grown(MAX_BYTES - 5, 5), Some(MAX_BYTES));
        assert_eq!(grown(MAX_BYTES, 1), None);
        // What is too large already may become smaller; what was never counted does not fall below nothing.
        assert_eq!(grown(MAX_BYTES + 9, -4), Some(MAX_BYTES + 5));
        assert_eq!(grown(3, -5), Some(0));
    }
}
