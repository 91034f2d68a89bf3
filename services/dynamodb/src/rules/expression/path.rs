//! Document paths with their names filled in: finding what they lead to, and what two of them share.

use super::super::value::{Item, Value};
use std::fmt;

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// An attribute, or a member of a map.
    Name(String),
    /// An element of a list.
    Index(usize),
}

/// A document path: the attribute it begins at, and the steps below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// The attribute.
    pub head: String,
    /// The steps below.
    pub steps: Vec<Step>,
}

impl Path {
    /// The path of an attribute itself.
    pub fn attribute(name: impl Into<String>) -> Self {
        Path { head: name.into(), steps: Vec::new() }
    }

    /// What the path leads to.
    pub fn find<'i>(&self, item: &'i Item) -> Option<&'i Value> {
        let mut value = item.get(&self.head)?;
        for step in &self.steps {
            value = match (step, value) {
                (Step::Name(name), Value::M(map)) => map.get(name)?,
                (Step::Index(index), Value::L(list)) => list.get(*index)?,
                _ => return None,
            };
        }
        Some(value)
    }
}

/// As AWS's messages print it: `[a, [1], b]`.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}", self.head)?;
        for step in &self.steps {
            match step {
                Step::Name(name) => write!(f, ", {name}")?,
                Step::Index(index) => write!(f, ", [{index}]")?,
            }
        }
        f.write_str("]")
    }
}

/// What is between two paths that cannot be used together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clash {
    Overlap,
    Conflict,
}

fn clash(one: &Path, two: &Path) -> Option<Clash> {
    if one.head != two.head {
        return None;
    }
    for (a, b) in one.steps.iter().zip(&two.steps) {
        match (a, b) {
            (Step::Name(_), Step::Index(_)) | (Step::Index(_), Step::Name(_)) => {
                return Some(Clash::Conflict);
            }
            (a, b) if a != b => return None,
            _ => {}
        }
    }
    Some(Clash::Overlap)
}

/// Refuses paths of which one leads into another, or takes a list for a map.
///
/// # Errors
/// The message; an overlap goes before a conflict.
pub fn disjoint<'p>(paths: impl Iterator<Item = &'p Path> + Clone) -> Result<(), String> {
    let mut conflict = None;
    for (count, two) in paths.clone().enumerate() {
        for one in paths.clone().take(count) {
            let (how, done) = match clash(one, two) {
                None => continue,
                Some(Clash::Overlap) => ("overlap", true),
                Some(Clash::Conflict) => ("conflict", false),
            };
            let message = format!(
                "Two document paths {how} with each other; must remove or rewrite one of these paths; \
                 path one: {one}, path two: {two}"
            );
            if done {
                return Err(message);
            }
            conflict.get_or_insert(message);
        }
    }
    conflict.map_or(Ok(()), Err)
}
