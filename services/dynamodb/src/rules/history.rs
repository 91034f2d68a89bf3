//! What is kept of a change so that a table can be restored to a moment before it: when it was, of which row,
//! and what the row was before. Undone from the last to the first, changes lead back to any moment.

use bytes::{Buf, BufMut, Bytes};
use names::Timestamp;

/// The form that is written.
const VERSION: u8 = 1;

/// A change that can be undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undo {
    /// When it was.
    pub at: Timestamp,
    /// The row of the item.
    pub row: Bytes,
    /// The item before; `None` where there was none.
    pub before: Option<Bytes>,
}

impl Undo {
    /// As it is stored.
    pub fn encode(at: Timestamp, row: &[u8], before: Option<&Bytes>) -> Bytes {
        let mut out = Vec::with_capacity(16 + row.len() + before.map_or(0, Bytes::len));
        out.extend_from_slice(&[VERSION, u8::from(before.is_some())]);
        out.put_i64(at.millis());
        out.put_u32(row.len() as u32);
        out.extend_from_slice(row);
        out.extend_from_slice(before.map(|before| &before[..]).unwrap_or_default());
        Bytes::from(out)
    }

    /// What is stored; `None` where it is none.
    pub fn decode(mut stored: Bytes) -> Option<Self> {
        if stored.try_get_u8().ok()? != VERSION {
            return None;
        }
        let was_there = stored.try_get_u8().ok()? == 1;
        let at = Timestamp(stored.try_get_i64().ok()?);
        let length = stored.try_get_u32().ok()? as usize;
        if length > stored.len() {
            return None;
        }
        let row = stored.split_to(length);
        Some(Undo { at, row, before: was_there.then_some(stored) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_read_as_they_were_written() {
        for before in [None, Some(Bytes::new()), Some(Bytes::from_static(b"item"))] {
            let stored = Undo::encode(Timestamp(-5), b"row", before.as_ref());
            let expected = Undo { at: Timestamp(-5), row: Bytes::from_static(b"row"), before };
            assert_eq!(Undo::decode(stored.clone()), Some(expected));
            assert_eq!(Undo::decode(stored.slice(..12)), None);
        }
    }
}
