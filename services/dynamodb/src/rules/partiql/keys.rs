//! What a condition says of the keys of a table or index: the one item it means, or the rows to read.

use crate::rules::expression::bind::{Bound, Operand};
use crate::rules::expression::condition::{Ask, Comparison, Condition};
use crate::rules::expression::key_condition::KeyTest;
use crate::rules::expression::path::Path;
use crate::rules::keys::KeySchema;
use crate::rules::rows::{RowRange, Rows};
use crate::rules::value::{self, Item, Value};
use std::cmp::Ordering;

/// A key and what else a condition asks.
pub struct Keyed {
    /// The key, where all its attributes are given.
    pub key: Option<Item>,
    /// The rest of the condition.
    pub rest: Vec<Bound>,
}

/// The conditions that must all hold.
fn conjuncts(condition: Bound) -> Vec<Bound> {
    match condition {
        Condition::All(all) => all.into_iter().flat_map(conjuncts).collect(),
        other => vec![other],
    }
}

/// The attribute and value of `attribute = value`, in either order.
fn equality(condition: &Bound) -> Option<(&str, &Value)> {
    match condition {
        Condition::Test(Ask::Compare(Comparison::Equal), operands) => match operands.as_slice() {
            [Operand::Path(path), Operand::Value(value)] | [Operand::Value(value), Operand::Path(path)] => {
                path.steps.is_empty().then_some((path.head.as_str(), value))
            }
            _ => None,
        },
        _ => None,
    }
}

/// The key that a condition gives by equality, and the rest of it.
pub fn keyed(condition: Option<Bound>, schema: &KeySchema) -> Keyed {
    let (mut key, mut rest) = (Item::new(), Vec::new());
    for one in condition.into_iter().flat_map(conjuncts) {
        match equality(&one) {
            Some((name, value)) if schema.has(name) && !key.contains_key(name) => {
                key.insert(name.to_owned(), value.clone());
            }
            _ => rest.push(one),
        }
    }
    let is_whole = schema.parts().all(|part| key.contains_key(&part.name));
    Keyed { key: is_whole.then_some(key), rest }
}

/// The rows that a SELECT reads, range by range, and whether they are of named partitions.
pub struct Ranges {
    /// The ranges.
    pub ranges: Vec<RowRange>,
    /// Partitions are named.
    pub partitioned: bool,
}

fn subject(operands: &[Operand]) -> Option<(&Path, Vec<&Value>)> {
    let (first, rest) = operands.split_first()?;
    let Operand::Path(path) = first else { return None };
    let values = rest.iter().map(|operand| match operand {
        Operand::Value(value) => Some(value),
        Operand::Path(_) | Operand::Size(_) => None,
    });
    Some((path, values.collect::<Option<Vec<_>>>()?)).filter(|(path, _)| path.steps.is_empty())
}

/// The partition key values that a condition names; `None` where it may mean any: an OR names some only
/// where each of its sides does (ql-reference.select of the developer guide).
fn named(condition: &Bound, name: &str) -> Option<Vec<Value>> {
    if let Some((attribute, value)) = equality(condition) {
        return (attribute == name).then(|| vec![value.clone()]);
    }
    match condition {
        Condition::All(all) => partitions(all, name),
        Condition::Any(any) => {
            let sides = any.iter().map(|side| named(side, name)).collect::<Option<Vec<_>>>()?;
            Some(sides.into_iter().flatten().collect())
        }
        Condition::Test(Ask::In, operands) => {
            let (path, values) = subject(operands)?;
            (path.head == name).then(|| values.into_iter().cloned().collect())
        }
        Condition::Test(..) | Condition::Not(_) => None,
    }
}

fn partitions(conditions: &[Bound], name: &str) -> Option<Vec<Value>> {
    conditions.iter().find_map(|condition| named(condition, name))
}

/// The partition key values that a condition names; none where it may mean any.
pub fn partitions_of(condition: Option<&Bound>, schema: &KeySchema) -> Vec<Value> {
    let conditions = condition.cloned().map(conjuncts).unwrap_or_default();
    partitions(&conditions, schema.leading()).unwrap_or_default()
}

fn sort_test(conditions: &[Bound], name: &str) -> Option<KeyTest> {
    conditions.iter().find_map(|condition| {
        if let Some((attribute, value)) = equality(condition) {
            let ask = Ask::Compare(Comparison::Equal);
            return (attribute == name).then(|| KeyTest { ask, values: vec![value.clone()] });
        }
        let Condition::Test(ask, operands) = condition else { return None };
        let narrows = matches!(ask, Ask::Between | Ask::BeginsWith)
            || matches!(ask, Ask::Compare(comparison) if *comparison != Comparison::NotEqual);
        let (_, values) = subject(operands).filter(|(path, _)| narrows && path.head == name)?;
        Some(KeyTest { ask: *ask, values: values.into_iter().cloned().collect() })
    })
}

/// How the partitions that a condition names follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartitionOrder {
    /// As they are named.
    Named,
    /// From the least key up.
    Ascending,
    /// From the greatest key down.
    Descending,
}

/// The rows that a condition leaves of a table or index with a key of one attribute on each side.
///
/// # Errors
/// Where a key is compared with a value of another type.
pub fn ranges(
    condition: Option<&Bound>,
    schema: &KeySchema,
    rows: Rows,
    order: PartitionOrder,
) -> Result<Ranges, String> {
    let conditions = condition.cloned().map(conjuncts).unwrap_or_default();
    let Some(mut partitions) = partitions(&conditions, schema.leading()) else {
        return Ok(Ranges { ranges: vec![RowRange::all()], partitioned: false });
    };
    let rising = |one: &Value, two: &Value| value::compare(one, two).unwrap_or(Ordering::Equal);
    match order {
        PartitionOrder::Named => {}
        PartitionOrder::Ascending => partitions.sort_by(rising),
        PartitionOrder::Descending => partitions.sort_by(|one, two| rising(two, one)),
    }
    let mismatch = || {
        "One or more parameter values were invalid: Condition parameter type does not match schema type"
            .to_owned()
    };
    let test = schema.sort.first().and_then(|part| Some((part, sort_test(&conditions, &part.name)?)));
    if let Some((part, test)) = &test
        && test.values.iter().any(|value| value::kind(value) != Some(part.kind.kind()))
    {
        return Err(mismatch());
    }
    let test = test.map(|(_, test)| test);
    let mut ranges = Vec::with_capacity(partitions.len());
    for (place, partition) in partitions.iter().enumerate() {
        if schema.partition.first().is_some_and(|part| value::kind(partition) != Some(part.kind.kind())) {
            return Err(mismatch());
        }
        if partitions[..place].iter().any(|other| value::equal(other, partition)) {
            continue;
        }
        ranges.push(RowRange::of(rows, &[partition], &[], test.as_ref()).ok_or_else(mismatch)?);
    }
    Ok(Ranges { ranges, partitioned: true })
}
