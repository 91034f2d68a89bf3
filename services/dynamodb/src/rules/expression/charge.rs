//! What an update expression counts towards the largest item, whatever the item holds: what its clauses write,
//! and a fixed cost for each of them. Keys and attributes that are left alone do not count, and what is read
//! counts by its path, not by its value.
//!
//! The figures are those that the conformance suite of paritysuite measured on AWS to the byte
//! (tests/tier3/limits/itemSizeBySurface.test.ts); parameters from before expressions do not have them.

use super::path::{Path, Step};
use super::update::{Action, Source};
use crate::rules::size;

/// Of the update itself.
const UPDATE: usize = 3;
/// Of a clause that writes.
const WRITE: usize = 19;
/// Of a clause that takes away.
const TAKE_AWAY: usize = 1;
const IF_NOT_EXISTS: usize = 39;
const PLUS: usize = 34;
const MINUS: usize = 37;
const LIST_APPEND: usize = 37;

/// The bytes that an update counts.
pub fn of(actions: &[Action]) -> usize {
    UPDATE + actions.iter().map(clause).sum::<usize>()
}

fn clause(action: &Action) -> usize {
    match action {
        Action::Set(path, source) => WRITE + target(path) + operand(source),
        Action::Add(path, value) => WRITE + target(path) + size::value(value),
        Action::Remove(path) | Action::Delete(path, _) => TAKE_AWAY + target(path),
    }
}

fn operand(source: &Source) -> usize {
    match source {
        Source::Value(value) => size::value(value),
        Source::Path(path) => read(path),
        Source::IfNotExists(path, other) => IF_NOT_EXISTS + read(path) + operand(other),
        Source::Append(one, two) => LIST_APPEND + operand(one) + operand(two),
        Source::Plus(one, two) => PLUS + operand(one) + operand(two),
        Source::Minus(one, two) => MINUS + operand(one) + operand(two),
    }
}

/// A path that is written to.
fn target(path: &Path) -> usize {
    path.head.len() + path.steps.iter().map(|step| 4 + element(step)).sum::<usize>()
}

/// A path that is read.
fn read(path: &Path) -> usize {
    15 + path.head.len() + path.steps.iter().map(|step| 14 + element(step)).sum::<usize>()
}

fn element(step: &Step) -> usize {
    match step {
        Step::Name(name) => name.len(),
        Step::Index(index) => index.checked_ilog10().unwrap_or(0) as usize + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::super::placeholders::Placeholders;
    use super::super::update;
    use super::*;
    use crate::rules::value::Value;

    /// Each as the suite measured it on AWS, beside `SET b = :pad`.
    #[test]
    fn clauses() {
        let s = |length: usize| Value::S("y".repeat(length));
        let n = || Value::N("1".into());
        let cases = [
            ("SET c = :v", s(1), 19 + 1 + 1),
            ("SET d.leaf = :v", s(5), 19 + 1 + 4 + 4 + 5),
            ("SET d[0] = :v", s(5), 19 + 1 + 4 + 1 + 5),
            ("SET c = abcdefghij, e = :v", s(0), 19 + 1 + 25 + 20),
            ("SET c = m.a.z, e = :v", s(0), 19 + 1 + 15 + 1 + 15 + 15 + 20),
            ("SET c = l[10], e = :v", s(0), 19 + 1 + 16 + 16 + 20),
            ("SET n = n + :v", n(), 19 + 1 + 34 + 16 + 2),
            ("SET n = n - :v", n(), 19 + 1 + 37 + 16 + 2),
            ("SET c = if_not_exists(c, :v)", s(10), 19 + 1 + 39 + 16 + 10),
            ("SET l = list_append(l, :v)", Value::L(vec![s(10)]), 19 + 1 + 37 + 16 + 14),
            ("ADD abcdefghij :v", n(), 19 + 10 + 2),
            ("ADD ss :v", Value::SS(vec!["y".repeat(500)]), 19 + 2 + 500),
            ("SET e = :v REMOVE abcdefghij", s(0), 11 + 20),
            ("SET e = :v REMOVE m.yyyyyyyyyy", s(0), 16 + 20),
            ("SET e = :v REMOVE l[10]", s(0), 8 + 20),
            ("DELETE ss :v", Value::SS(vec!["q".repeat(20)]), 3),
        ];
        for (text, value, charged) in cases {
            let values = [(":v".to_owned(), value)].into();
            let mut placeholders = Placeholders::new(None, Some(&values)).unwrap();
            let actions = update::parse(text).unwrap().bind(&mut placeholders).unwrap();
            assert_eq!(of(&actions), 3 + charged, "{text}");
        }
    }
}
