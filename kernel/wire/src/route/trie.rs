//! The paths of a service as a tree of segments: literals before labels before greedy labels.

use super::template::{Leaf, Segment};
use std::collections::HashMap;

/// A node: what may follow, and the operations whose path ends here.
#[derive(Debug, Default)]
pub(super) struct Trie {
    literals: HashMap<&'static str, Trie>,
    label: Option<Box<Trie>>,
    greedy: Option<Box<Trie>>,
    leaves: Vec<Leaf>,
}

/// The operations of one matching path, with the raw values of its labels.
pub(super) struct Match<'t, 'p> {
    pub(super) leaves: &'t [Leaf],
    /// The values in the order of the labels, still percent-encoded.
    pub(super) values: Vec<&'p str>,
    /// How many segments were literals: the more, the more specific.
    pub(super) literals: usize,
}

impl Trie {
    pub(super) fn insert(&mut self, segments: &[Segment], leaf: Leaf) {
        let Some((first, rest)) = segments.split_first() else {
            self.leaves.push(leaf);
            return;
        };
        let next = match first {
            Segment::Literal(text) => self.literals.entry(text).or_default(),
            Segment::Label(_) => self.label.get_or_insert_default(),
            Segment::Greedy(_) => self.greedy.get_or_insert_default(),
        };
        next.insert(rest, leaf);
    }

    /// Visits the paths that match, the most specific first, until the visitor says `true`.
    pub(super) fn visit<'t, 'p>(
        &'t self,
        path: &Segments<'p>,
        visitor: &mut dyn FnMut(Match<'t, 'p>) -> bool,
    ) -> bool {
        self.descend(path, 0, 0, &mut Vec::new(), visitor)
    }

    fn descend<'t, 'p>(
        &'t self,
        path: &Segments<'p>,
        at: usize,
        literals: usize,
        values: &mut Vec<&'p str>,
        visitor: &mut dyn FnMut(Match<'t, 'p>) -> bool,
    ) -> bool {
        if at == path.len() {
            return !self.leaves.is_empty()
                && visitor(Match { leaves: &self.leaves, values: values.clone(), literals });
        }
        if let Some(next) = self.literals.get(path.segment(at))
            && next.descend(path, at + 1, literals + 1, values, visitor)
        {
            return true;
        }
        if let Some(next) = &self.label
            && !path.segment(at).is_empty()
        {
            values.push(path.segment(at));
            let done = next.descend(path, at + 1, literals, values, visitor);
            values.pop();
            if done {
                return true;
            }
        }
        if let Some(next) = &self.greedy {
            // The longest first: nothing in any model follows two greedy labels.
            for end in (at + 1..=path.len()).rev() {
                if end < path.len() && next.is_last() {
                    break;
                }
                values.push(path.between(at, end));
                let done = next.descend(path, end, literals, values, visitor);
                values.pop();
                if done {
                    return true;
                }
            }
        }
        false
    }

    fn is_last(&self) -> bool {
        self.literals.is_empty() && self.label.is_none() && self.greedy.is_none()
    }
}

/// A request's raw path and where its segments begin.
pub(super) struct Segments<'p> {
    path: &'p str,
    starts: Vec<usize>,
}

impl<'p> Segments<'p> {
    pub(super) fn new(path: &'p str) -> Self {
        let inner = path.strip_prefix('/').unwrap_or(path);
        let mut starts = Vec::new();
        if !inner.is_empty() {
            starts.push(0);
            starts.extend(memchr::memchr_iter(b'/', inner.as_bytes()).map(|at| at + 1));
        }
        // A last slash ends the path; it begins no segment of its own.
        if starts.len() > 1 && starts.last() == Some(&inner.len()) {
            starts.pop();
        }
        Segments { path: inner, starts }
    }

    fn len(&self) -> usize {
        self.starts.len()
    }

    fn segment(&self, index: usize) -> &'p str {
        let rest = &self.path[self.starts[index]..];
        &rest[..memchr::memchr(b'/', rest.as_bytes()).unwrap_or(rest.len())]
    }

    /// The text of segments `from..to` with the slashes between; with a last slash where it is the path's.
    fn between(&self, from: usize, to: usize) -> &'p str {
        let end = self.starts.get(to).map_or(self.path.len(), |start| start - 1);
        &self.path[self.starts[from]..end]
    }
}
