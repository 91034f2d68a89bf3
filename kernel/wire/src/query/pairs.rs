//! The pairs of a form as a tree: sorted once, then sliced by prefix, so nothing is copied or built.

use crate::uri::Pair;
use crate::{Malformed, uri};
use std::cmp::Ordering;
use std::ops::Range;

/// How many pairs a request may have.
const PAIRS: usize = 50_000;

/// The pairs of a form, sorted so that all of one prefix stand together.
#[derive(Default)]
pub(crate) struct Pairs<'a> {
    pairs: Vec<Pair<'a>>,
}

impl<'a> Pairs<'a> {
    /// Reads the URL's query and the body's form.
    pub(crate) fn read(query: &'a str, form: &'a [u8]) -> Result<Self, Malformed> {
        let form = std::str::from_utf8(form).map_err(|_| Malformed::syntax("The form is not valid UTF-8"))?;
        if Pairs::are_too_many(query, form) {
            return Err(Malformed::too_large());
        }
        let mut pairs = uri::pairs(form)?;
        pairs.extend(uri::pairs(query)?);
        // Stable: of a repeated key the first stays first.
        pairs.sort_by(|one, other| compare(one.0.as_bytes(), other.0.as_bytes()));
        Ok(Pairs { pairs })
    }

    /// Whether there are more than a request may have.
    pub(crate) fn are_too_many(query: &str, form: &str) -> bool {
        let count = |text: &str| text.bytes().filter(|byte| *byte == b'&').count();
        PAIRS < count(query) + count(form)
    }

    /// The whole form.
    pub(crate) fn root(&self) -> Node<'_> {
        Node { pairs: &self.pairs, at: 0 }
    }

    /// The value of a key.
    pub(crate) fn value(&self, key: &str) -> Option<&str> {
        self.root().child(key).and_then(|node| node.value())
    }
}

/// Compares keys segment by segment: a dot sorts before everything, so `a`, `a.b`, `a-b`.
fn compare(one: &[u8], other: &[u8]) -> Ordering {
    let rank = |byte: &u8| if *byte == b'.' { 0 } else { u16::from(*byte) + 1 };
    one.iter().map(rank).cmp(other.iter().map(rank))
}

/// All pairs whose keys begin with the same segments.
#[derive(Clone, Copy)]
pub(crate) struct Node<'p> {
    pairs: &'p [Pair<'p>],
    /// How many bytes of each key are behind us.
    at: usize,
}

impl<'p> Node<'p> {
    /// The value under exactly this key.
    pub(crate) fn value(&self) -> Option<&'p str> {
        self.pairs.first().filter(|(key, _)| key.len() == self.at).map(|(_, value)| value.as_ref())
    }

    /// The pairs one segment, or several with dots between, further down.
    pub(crate) fn child(&self, name: &str) -> Option<Node<'p>> {
        let mut node = *self;
        for segment in name.split('.') {
            node = node.step(segment)?;
        }
        Some(node)
    }

    fn step(&self, segment: &str) -> Option<Node<'p>> {
        let at = self.behind_dot();
        let order = |(key, _): &Pair<'_>| match key.as_bytes().get(at..) {
            Some(rest) => {
                let end = rest.iter().position(|byte| *byte == b'.').unwrap_or(rest.len());
                compare(&rest[..end], segment.as_bytes())
            }
            None => Ordering::Less,
        };
        let from = self.pairs.partition_point(|pair| order(pair) == Ordering::Less);
        let count = self.pairs[from..].partition_point(|pair| order(pair) == Ordering::Equal);
        let pairs = &self.pairs[from..from + count];
        (!pairs.is_empty()).then_some(Node { pairs, at: at + segment.len() })
    }

    /// Where the next segment begins: behind the dot, but for the root.
    fn behind_dot(&self) -> usize {
        if self.at == 0 { 0 } else { self.at + 1 }
    }

    /// The children whose segments are numbers, in the numbers' order.
    pub(crate) fn numbered(&self) -> Vec<Node<'p>> {
        let at = self.behind_dot();
        let segment = |index: usize| {
            let rest = self.pairs[index].0.get(at..)?;
            rest.split('.').next()
        };
        let mut found: Vec<(u32, Range<usize>)> = Vec::new();
        for index in 0..self.pairs.len() {
            let Some(number) = segment(index).and_then(|text| text.parse::<u32>().ok()) else { continue };
            match found.last_mut() {
                Some((last, range)) if *last == number && range.end == index => range.end += 1,
                _ => found.push((number, index..index + 1)),
            }
        }
        found.sort_by_key(|(number, _)| *number);
        let length = |range: &Range<usize>| segment(range.start).map_or(0, str::len);
        let nodes = found.into_iter().map(|(_, range)| {
            let at = at + length(&range);
            Node { pairs: &self.pairs[range], at }
        });
        nodes.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices() {
        let form =
            b"List.member.10=j&List.member.2=b&List-x=no&A=1&List.member.1.Name=n&List.member.1.Value=v&A=2";
        let pairs = Pairs::read("Version=3", form).unwrap();
        assert_eq!(pairs.value("A"), Some("1"));
        assert_eq!(pairs.value("Version"), Some("3"));
        assert_eq!(pairs.value("List"), None);
        let list = pairs.root().child("List.member").unwrap().numbered();
        assert_eq!(list.len(), 3);
        assert_eq!(list[0].child("Value").and_then(|node| node.value()), Some("v"));
        assert_eq!(list[1].value(), Some("b"));
        assert_eq!(list[2].value(), Some("j"));
        assert!(list[0].child("Val").is_none());
    }

    #[test]
    fn keys_of_a_million_segments() {
        let form = "a.".repeat(1_000_000);
        let pairs = Pairs::read("", form.as_bytes()).unwrap();
        assert!(pairs.root().child("a").is_some());
        let many = "a=1&".repeat(PAIRS + 1);
        assert!(Pairs::read("", many.as_bytes()).is_err());
    }
}
