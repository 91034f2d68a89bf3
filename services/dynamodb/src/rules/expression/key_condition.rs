//! Key conditions: the tests of a condition expression that select a range of keys, one for each key.

use super::bind::{Bound, Operand};
use super::condition::{Ask, Comparison, Condition};
use super::evaluate;
use crate::rules::value::{self, Value};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// What is asked of one key attribute.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyTest {
    /// The operator: a comparison, BETWEEN or begins_with for keys; others where a request misuses them.
    pub ask: Ask,
    /// Its values.
    pub values: Vec<Value>,
}

/// The tests by attribute.
pub type KeyTests = BTreeMap<String, KeyTest>;

impl KeyTest {
    /// Whether a key value passes.
    pub fn holds(&self, key: &Value) -> bool {
        match (self.ask, self.values.as_slice()) {
            (Ask::Compare(comparison), [bound]) => evaluate::compare(comparison, key, bound),
            (Ask::Between, [low, high]) => {
                value::compare(key, low).is_some_and(Ordering::is_ge)
                    && value::compare(key, high).is_some_and(Ordering::is_le)
            }
            (Ask::BeginsWith, [start]) => value::begins_with(key, start),
            _ => false,
        }
    }
}

/// The tests of a bound `KeyConditionExpression`.
///
/// # Errors
/// AWS's whole message.
pub fn tests(condition: Bound) -> Result<KeyTests, String> {
    let mut tests = KeyTests::new();
    collect(condition, &mut tests)?;
    Ok(tests)
}

fn collect(condition: Bound, tests: &mut KeyTests) -> Result<(), String> {
    let misused = |name: &str| Err(format!("Invalid operator used in KeyConditionExpression: {name}"));
    match condition {
        Condition::All(all) => all.into_iter().try_for_each(|condition| collect(condition, tests)),
        Condition::Any(_) => misused("OR"),
        Condition::Not(_) => misused("NOT"),
        Condition::Test(ask, operands) => match ask {
            Ask::In => misused("IN"),
            Ask::Compare(Comparison::NotEqual) => misused("<>"),
            Ask::Exists | Ask::NotExists | Ask::Type | Ask::Contains | Ask::Size => misused(ask.name()),
            Ask::Compare(_) | Ask::Between | Ask::BeginsWith => one(ask, operands, tests),
        },
    }
}

fn one(ask: Ask, operands: Vec<Operand>, tests: &mut KeyTests) -> Result<(), String> {
    let key_first = matches!(operands.first(), Some(Operand::Path(_)));
    if !key_first && matches!(ask, Ask::Between | Ask::BeginsWith) {
        return Err(format!(
            "Invalid condition in KeyConditionExpression: {} operator must have the key attribute as its \
             first operand",
            ask.name()
        ));
    }
    let (mut attribute, mut values) = (None, Vec::new());
    for operand in operands {
        match operand {
            Operand::Path(_) if attribute.is_some() => {
                return Err("Invalid condition in KeyConditionExpression: Multiple attribute names used in \
                            one condition"
                    .to_owned());
            }
            Operand::Path(path) if !path.steps.is_empty() => {
                return Err("KeyConditionExpressions cannot have conditions on nested attributes".to_owned());
            }
            Operand::Path(path) => attribute = Some(path.head),
            Operand::Value(value) => values.push(value),
            Operand::Size(_) => {
                return Err("KeyConditionExpressions cannot contain nested operations".to_owned());
            }
        }
    }
    let Some(attribute) = attribute else {
        return Err("Invalid condition in KeyConditionExpression: No key attribute specified".to_owned());
    };
    let ask = if key_first { ask } else { turned(ask) };
    if tests.insert(attribute, KeyTest { ask, values }).is_some() {
        return Err("KeyConditionExpressions must only contain one condition per key".to_owned());
    }
    Ok(())
}

/// The comparison with its sides exchanged.
fn turned(ask: Ask) -> Ask {
    match ask {
        Ask::Compare(Comparison::Less) => Ask::Compare(Comparison::Greater),
        Ask::Compare(Comparison::LessOrEqual) => Ask::Compare(Comparison::GreaterOrEqual),
        Ask::Compare(Comparison::Greater) => Ask::Compare(Comparison::Less),
        Ask::Compare(Comparison::GreaterOrEqual) => Ask::Compare(Comparison::LessOrEqual),
        other => other,
    }
}
