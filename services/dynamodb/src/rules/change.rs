//! A change of an item as it is stored: for the table's stream, and for its replicas.
//!
//! A version byte, what happened and through whom, the moment, then the keys and the images as items are
//! stored. An old image that would make the row too long is in a row of its own.

use bytes::{Buf, BufMut, Bytes};
use names::Timestamp;
use serde::{Deserialize, Serialize};

/// The form that is written.
const VERSION: u8 = 1;
/// Above this the old image has a row of its own; a row may have a mebibyte.
const MAX_TOGETHER: usize = 900 * 1024;

/// What the records of a stream hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StreamView {
    /// The keys.
    Keys,
    /// The item after the change.
    New,
    /// The item before the change.
    Old,
    /// Both.
    Both,
}

impl StreamView {
    /// The view of a name.
    pub fn named(name: &str) -> Option<Self> {
        [StreamView::Keys, StreamView::New, StreamView::Old, StreamView::Both]
            .into_iter()
            .find(|view| view.name() == name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            StreamView::Keys => "KEYS_ONLY",
            StreamView::New => "NEW_IMAGE",
            StreamView::Old => "OLD_IMAGE",
            StreamView::Both => "NEW_AND_OLD_IMAGES",
        }
    }

    /// Whether it holds the item after the change.
    pub fn has_new(self) -> bool {
        matches!(self, StreamView::New | StreamView::Both)
    }

    /// Whether it holds the item before the change.
    pub fn has_old(self) -> bool {
        matches!(self, StreamView::Old | StreamView::Both)
    }
}

/// What happened to the item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It was made.
    Insert,
    /// It was changed.
    Modify,
    /// It went.
    Remove,
}

impl Kind {
    /// What happened to an item that was there before, is there after.
    pub fn of(before: bool, after: bool) -> Self {
        match (before, after) {
            (false, _) => Kind::Insert,
            (true, true) => Kind::Modify,
            (true, false) => Kind::Remove,
        }
    }
}

/// Through whom it happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A request.
    Request,
    /// The item's time to live.
    Expiry,
    /// The replica of the table in another region.
    Replica,
}

/// The old image of a stored change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Old {
    /// There was none, or the view does not hold it.
    None,
    /// Here it is.
    Here(Bytes),
    /// It has a row of its own.
    Apart,
}

/// A change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub kind: Kind,
    /// Through whom.
    pub origin: Origin,
    /// The key of the item, stored as an item is.
    pub keys: Bytes,
    /// The item after the change.
    pub new: Option<Bytes>,
    /// The item before the change.
    pub old: Old,
}

const NEW: u8 = 1;
const OLD: u8 = 2;
const APART: u8 = 4;

fn put(out: &mut Vec<u8>, part: &[u8]) {
    out.put_u32(part.len() as u32);
    out.extend_from_slice(part);
}

impl Change {
    /// Its row, and that of an old image which does not fit in beside it.
    pub fn encode(&self) -> (Bytes, Option<Bytes>) {
        let new = self.new.as_deref().unwrap_or_default();
        let old = match &self.old {
            Old::Here(old) => old.clone(),
            Old::None | Old::Apart => Bytes::new(),
        };
        let together = self.keys.len() + new.len() + old.len();
        let apart = together > MAX_TOGETHER && !old.is_empty();
        let mut out = Vec::with_capacity(together + 32);
        out.extend_from_slice(&[VERSION, self.kind as u8, self.origin as u8]);
        let mut parts = if self.new.is_some() { NEW } else { 0 };
        if !old.is_empty() {
            parts |= if apart { APART } else { OLD };
        }
        out.push(parts);
        out.put_i64(self.at.millis());
        put(&mut out, &self.keys);
        if self.new.is_some() {
            put(&mut out, new);
        }
        if parts & OLD != 0 {
            put(&mut out, &old);
        }
        (Bytes::from(out), apart.then_some(old))
    }

    /// The change of a row; `None` where it is none.
    pub fn decode(mut row: Bytes) -> Option<Self> {
        if row.try_get_u8().ok()? != VERSION {
            return None;
        }
        let kind = match row.try_get_u8().ok()? {
            0 => Kind::Insert,
            1 => Kind::Modify,
            2 => Kind::Remove,
            _ => return None,
        };
        let origin = match row.try_get_u8().ok()? {
            0 => Origin::Request,
            1 => Origin::Expiry,
            2 => Origin::Replica,
            _ => return None,
        };
        let parts = row.try_get_u8().ok()?;
        let at = Timestamp(row.try_get_i64().ok()?);
        let mut part = || {
            let length = row.try_get_u32().ok()? as usize;
            (length <= row.len()).then(|| row.split_to(length))
        };
        let keys = part()?;
        let new = if parts & NEW != 0 { Some(part()?) } else { None };
        let old = match (parts & OLD != 0, parts & APART != 0) {
            (true, _) => Old::Here(part()?),
            (false, true) => Old::Apart,
            (false, false) => Old::None,
        };
        Some(Change { at, kind, origin, keys, new, old })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(new: usize, old: usize) -> Change {
        let image = |size: usize| (size > 0).then(|| Bytes::from(vec![7; size]));
        Change {
            at: Timestamp(1_234),
            kind: Kind::of(old > 0, new > 0),
            origin: Origin::Expiry,
            keys: Bytes::from_static(b"key"),
            new: image(new),
            old: image(old).map_or(Old::None, Old::Here),
        }
    }

    #[test]
    fn changes_are_read_as_they_were_written() {
        for (new, old) in [(3, 0), (3, 4), (0, 4), (500_000, 300_000)] {
            let change = change(new, old);
            let (row, apart) = change.encode();
            assert_eq!((Change::decode(row.clone()), apart), (Some(change), None));
            for cut in [0, 3, 11, row.len() - 1] {
                assert_eq!(Change::decode(row.slice(..cut)), None, "{cut}");
            }
        }
    }

    #[test]
    fn a_large_old_image_has_its_own_row() {
        let change = change(600_000, 600_000);
        let (row, apart) = change.encode();
        assert_eq!(apart.map(|old| old.len()), Some(600_000));
        assert_eq!(Change::decode(row), Some(Change { old: Old::Apart, ..change }));
    }
}
