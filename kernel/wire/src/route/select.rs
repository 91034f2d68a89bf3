//! Which of the operations at one path a request means: by method, fixed query keys and required inputs.
//!
//! This is the one place where ties are decided: more fixed keys win, then an operation whose required
//! headers and keys are all there (the more of them, the better), then one that is served, then the
//! model's order.

use super::template::Leaf;
use crate::message::Head;
use crate::uri::Pair;
use schema::Location;
use std::cmp::Reverse;

/// What selection looks at in a request.
pub(super) struct Asked<'a> {
    pub(super) head: &'a Head<'a>,
    pub(super) query: Vec<Pair<'a>>,
}

impl Asked<'_> {
    fn has_key(&self, name: &str, value: Option<&str>) -> bool {
        self.query.iter().any(|(key, text)| key == name && value.is_none_or(|value| text == value))
    }

    fn has(&self, location: &Location) -> bool {
        match location {
            Location::Header(name) => self.head.headers.contains_key(*name),
            Location::Query(name) => self.has_key(name, None),
            _ => true,
        }
    }
}

/// The operation that is meant; `None` if none has the method and the fixed keys.
pub(super) fn select<'t>(leaves: &'t [Leaf], asked: &Asked<'_>) -> Option<&'t Leaf> {
    let fits = |leaf: &&Leaf| {
        leaf.method == asked.head.method && leaf.fixed.iter().all(|(key, value)| asked.has_key(key, *value))
    };
    let rank = |leaf: &&Leaf| {
        let complete = leaf.required.iter().all(|location| asked.has(location));
        let required = if complete { leaf.required.len() } else { 0 };
        let served = leaf.operation.served().is_some();
        Reverse((leaf.fixed.len(), complete, required, served))
    };
    // The first of equals, hence the least of what is reversed.
    leaves.iter().filter(fits).min_by_key(rank)
}
