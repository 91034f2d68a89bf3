//! Whether an item meets a condition.

use super::bind::{Bound, Operand};
use super::condition::{Ask, Comparison, Condition};
use super::path::Path;
use crate::rules::value::{self, Item, Kind, Value};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeSet;

impl Bound {
    /// Whether an item meets it. An item that is absent has no attributes.
    pub fn holds(&self, item: &Item) -> bool {
        match self {
            Condition::All(all) => all.iter().all(|condition| condition.holds(item)),
            Condition::Any(any) => any.iter().any(|condition| condition.holds(item)),
            Condition::Not(inner) => !inner.holds(item),
            Condition::Test(ask, operands) => test(*ask, operands, item),
        }
    }

    /// Visits the paths in it.
    pub fn each_path<'c>(&'c self, visit: &mut impl FnMut(&'c Path)) {
        match self {
            Condition::All(inner) | Condition::Any(inner) => {
                inner.iter().for_each(|condition| condition.each_path(visit));
            }
            Condition::Not(inner) => inner.each_path(visit),
            Condition::Test(_, operands) => operands.iter().for_each(|operand| operand.each_path(visit)),
        }
    }

    /// The attributes it looks at.
    pub fn attributes(&self) -> BTreeSet<&str> {
        let mut attributes = BTreeSet::new();
        self.each_path(&mut |path| {
            attributes.insert(path.head.as_str());
        });
        attributes
    }
}

impl Operand {
    fn each_path<'c>(&'c self, visit: &mut impl FnMut(&'c Path)) {
        match self {
            Operand::Path(path) => visit(path),
            Operand::Value(_) => {}
            Operand::Size(inner) => inner.iter().for_each(|operand| operand.each_path(visit)),
        }
    }

    fn of<'v>(&'v self, item: &'v Item) -> Option<Cow<'v, Value>> {
        match self {
            Operand::Path(path) => path.find(item).map(Cow::Borrowed),
            Operand::Value(value) => Some(Cow::Borrowed(value)),
            Operand::Size(inner) => {
                let inner = inner.first()?.of(item)?;
                value::size_of(&inner).map(|size| Cow::Owned(Value::N(size.to_string())))
            }
        }
    }
}

fn test(ask: Ask, operands: &[Operand], item: &Item) -> bool {
    let Some((first, rest)) = operands.split_first() else { return false };
    let Some(first) = first.of(item) else {
        // What is absent is different from everything, and nothing else.
        return matches!(ask, Ask::NotExists | Ask::Compare(Comparison::NotEqual));
    };
    match (ask, rest) {
        (Ask::Exists, _) => true,
        (Ask::NotExists | Ask::Size, _) => false,
        (Ask::In, options) => {
            options.iter().any(|option| option.of(item).is_some_and(|option| value::equal(&first, &option)))
        }
        (Ask::Between, [low, high]) => {
            let compared = |bound: &Operand| bound.of(item).and_then(|bound| value::compare(&first, &bound));
            compared(low).is_some_and(Ordering::is_ge) && compared(high).is_some_and(Ordering::is_le)
        }
        (Ask::Compare(comparison), [second]) => match second.of(item) {
            Some(second) => compare(comparison, &first, &second),
            None => comparison == Comparison::NotEqual,
        },
        (Ask::Type, [Operand::Value(Value::S(name))]) => Kind::of_name(name) == value::kind(&first),
        (Ask::BeginsWith, [start]) => start.of(item).is_some_and(|start| value::begins_with(&first, &start)),
        (Ask::Contains, [part]) => part.of(item).is_some_and(|part| value::contains(&first, &part)),
        (Ask::Type | Ask::Between | Ask::Compare(_) | Ask::BeginsWith | Ask::Contains, _) => false,
    }
}

/// Whether a comparison is true of two values.
pub fn compare(comparison: Comparison, one: &Value, two: &Value) -> bool {
    match comparison {
        Comparison::Equal => value::equal(one, two),
        Comparison::NotEqual => !value::equal(one, two),
        Comparison::Less => value::compare(one, two).is_some_and(Ordering::is_lt),
        Comparison::LessOrEqual => value::compare(one, two).is_some_and(Ordering::is_le),
        Comparison::Greater => value::compare(one, two).is_some_and(Ordering::is_gt),
        Comparison::GreaterOrEqual => value::compare(one, two).is_some_and(Ordering::is_ge),
    }
}
