//! Which keys of a table a scan goes over, and in which direction.

use crate::key::{self, Key, KeyWriter, PrefixOf};
use std::marker::PhantomData;
use std::ops::{Bound, RangeBounds};

/// A range of a table's keys within one scope.
///
/// Made by one of `all`, `range`, `of`, `starting`, `tail`, then narrowed; each narrowing keeps what all
/// of them allow.
///
/// ```ignore
/// Span::of(&queue.incarnation).after(&last_seen).reversed()
/// ```
#[derive(Debug, Clone)]
pub struct Span<K> {
    low: Vec<u8>,
    high: Option<Vec<u8>>,
    reversed: bool,
    keys: PhantomData<fn(&K)>,
}

/// The beginning of the part that follows a prefix.
#[derive(Debug, Clone, Copy)]
pub enum Start<'a> {
    /// Texts that begin with this text, in a part that is a `String`.
    Text(&'a str),
    /// Bytes that begin with these bytes, in a part that is a `Vec<u8>` or `Bytes`.
    Bytes(&'a [u8]),
    /// Bytes that begin with these bytes, in a part that is a `Tail`.
    Tail(&'a [u8]),
}

impl<K: Key> Span<K> {
    /// All keys.
    pub fn all() -> Self {
        Self::between(Vec::new(), None)
    }

    /// The keys of a range.
    pub fn range(range: impl RangeBounds<K>) -> Self {
        let low = match range.start_bound() {
            Bound::Unbounded => Vec::new(),
            Bound::Included(key) => key::encoded(key),
            Bound::Excluded(key) => next(key::encoded(key)),
        };
        let high = match range.end_bound() {
            Bound::Unbounded => None,
            Bound::Included(key) => Some(next(key::encoded(key))),
            Bound::Excluded(key) => Some(key::encoded(key)),
        };
        Self::between(low, high)
    }

    /// The keys whose first parts are these.
    pub fn of<P: PrefixOf<K>>(prefix: &P) -> Self {
        let low = key::encoded(prefix);
        let high = key::after_prefix(low.clone());
        Self::between(low, high)
    }

    /// The keys whose first parts are these and whose next part begins so.
    pub fn starting<P: PrefixOf<K>>(prefix: &P, start: Start<'_>) -> Self {
        let low = started(prefix, start);
        let high = key::after_prefix(low.clone());
        Self::between(low, high)
    }

    /// The keys whose first parts are these and whose `Tail` is in a range of raw bytes.
    pub fn tail<P: PrefixOf<K>>(prefix: &P, range: (Bound<&[u8]>, Bound<&[u8]>)) -> Self {
        let whole = Self::of(prefix);
        let at = |bytes: &[u8]| [whole.low.as_slice(), bytes].concat();
        let low = match range.0 {
            Bound::Unbounded => whole.low.clone(),
            Bound::Included(bytes) => at(bytes),
            Bound::Excluded(bytes) => next(at(bytes)),
        };
        let high = match range.1 {
            Bound::Unbounded => whole.high.clone(),
            Bound::Included(bytes) => Some(next(at(bytes))),
            Bound::Excluded(bytes) => Some(at(bytes)),
        };
        Self::between(low, high)
    }

    /// Only keys from this one on.
    pub fn from(self, key: &K) -> Self {
        self.raise(key::encoded(key))
    }

    /// Only keys greater than this one: how a page follows the last.
    pub fn after(self, key: &K) -> Self {
        self.raise(next(key::encoded(key)))
    }

    /// Only keys below this one.
    pub fn before(self, key: &K) -> Self {
        self.lower(key::encoded(key))
    }

    /// Only keys up to and including this one.
    pub fn through(self, key: &K) -> Self {
        self.lower(next(key::encoded(key)))
    }

    /// Only keys beyond all that `starting` would give: how a listing jumps over a common prefix.
    pub fn past<P: PrefixOf<K>>(mut self, prefix: &P, start: Start<'_>) -> Self {
        match key::after_prefix(started(prefix, start)) {
            Some(low) => self.raise(low),
            None => {
                self.high = Some(Vec::new());
                self
            }
        }
    }

    /// From the greatest key to the least.
    pub fn reversed(mut self) -> Self {
        self.reversed = true;
        self
    }

    pub(crate) fn is_reversed(&self) -> bool {
        self.reversed
    }

    /// The range as bytes below a table's prefix: from the first inclusive to the second exclusive.
    pub(crate) fn bounds(&self, prefix: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let low = [prefix, self.low.as_slice()].concat();
        let high = match &self.high {
            Some(high) => [prefix, high.as_slice()].concat(),
            // A prefix begins with a table number, which is never all ones.
            None => key::after_prefix(prefix.to_vec()).unwrap_or_default(),
        };
        (low, high)
    }

    fn between(low: Vec<u8>, high: Option<Vec<u8>>) -> Self {
        Span { low, high, reversed: false, keys: PhantomData }
    }

    fn raise(mut self, low: Vec<u8>) -> Self {
        self.low = self.low.max(low);
        self
    }

    fn lower(mut self, high: Vec<u8>) -> Self {
        self.high = Some(match self.high {
            Some(now) => now.min(high),
            None => high,
        });
        self
    }
}

fn started<P: Key>(prefix: &P, start: Start<'_>) -> Vec<u8> {
    let mut out = KeyWriter::default();
    prefix.encode(&mut out);
    match start {
        Start::Text(text) => out.open(text.as_bytes()),
        Start::Bytes(bytes) => out.open(bytes),
        Start::Tail(bytes) => out.raw(bytes),
    }
    out.into_vec()
}

/// The least bytes above these.
pub(crate) fn next(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.push(0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Tail;
    use bytes::Bytes;

    fn holds<K: Key>(span: &Span<K>, key: &K) -> bool {
        let (low, high) = span.bounds(&[7]);
        let bytes = [vec![7], key::encoded(key)].concat();
        low <= bytes && bytes < high
    }

    #[test]
    fn prefixes_and_starts() {
        let key = |folder: &str, name: &str| (folder.to_owned(), name.to_owned());
        let inside: Span<(String, String)> = Span::of(&"a".to_owned());
        assert!(holds(&inside, &key("a", "x")) && holds(&inside, &key("a", "")));
        assert!(!holds(&inside, &key("ab", "x")) && !holds(&inside, &key("", "a")));

        let started = Span::starting(&"a".to_owned(), Start::Text("xy"));
        assert!(holds(&started, &key("a", "xy")) && holds(&started, &key("a", "xyz")));
        assert!(!holds(&started, &key("a", "x")) && !holds(&started, &key("a", "xz")));

        let past = Span::of(&"a".to_owned()).past(&"a".to_owned(), Start::Text("xy"));
        assert!(!holds(&past, &key("a", "xyz")) && holds(&past, &key("a", "xz")));
        assert!(!holds(&past, &key("b", "")));
    }

    #[test]
    fn narrowing() {
        let span: Span<u64> = Span::range(2..=8).after(&3).before(&7);
        let held: Vec<u64> = (0..10).filter(|key| holds(&span, key)).collect();
        assert_eq!(held, [4, 5, 6]);
    }

    #[test]
    fn tails_are_raw_bytes() {
        let key = |tail: &'static [u8]| (1u64, Tail(Bytes::from_static(tail)));
        let span = Span::tail(&1, (Bound::Excluded(b"b".as_slice()), Bound::Included(b"d".as_slice())));
        for (tail, held) in
            [(b"b".as_slice(), false), (b"b\0", true), (b"c", true), (b"d", true), (b"d\0", false)]
        {
            assert_eq!(holds(&span, &key(tail)), held, "{tail:?}");
        }
        assert!(holds(&Span::starting(&1, Start::Tail(b"ab")), &key(b"ab\xFF\xFF")));
    }
}
