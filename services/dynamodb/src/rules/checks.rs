//! What every attribute value of a request is checked for before anything else, with AWS's texts.

use super::number::Number;
use super::value::Value;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use std::collections::{BTreeMap, HashSet};

/// How deep values may be nested, an attribute's own being at the first level (conformance suite of paritysuite,
/// tests/tier3/limits/nestingDepth.test.ts, run on AWS).
const MAX_LEVELS: u32 = 32;

const INVALID: &str = "One or more parameter values were invalid: ";

/// Why a value is refused: AWS's message.
///
/// # Errors
/// The message.
pub fn value(value: &Value) -> Result<(), String> {
    at_level(value, 1)
}

/// Refuses a value that is nested too deep, as an update may leave it.
///
/// # Errors
/// AWS's message.
pub fn nesting(value: &Value) -> Result<(), String> {
    levels(value, 1)
}

fn levels(value: &Value, level: u32) -> Result<(), String> {
    check_level(level)?;
    match value {
        Value::L(list) => list.iter().try_for_each(|element| levels(element, level + 1)),
        Value::M(map) => map.values().try_for_each(|element| levels(element, level + 1)),
        _ => Ok(()),
    }
}

/// Checks all names and values of an item or a key.
///
/// # Errors
/// The first refusal.
pub fn values(values: &BTreeMap<String, Value>) -> Result<(), String> {
    if values.contains_key("") {
        return Err(EMPTY_NAME.to_owned());
    }
    values.values().try_for_each(value)
}

/// Refuses the name of no attribute.
///
/// # Errors
/// AWS's message.
pub fn name(name: &str) -> Result<(), String> {
    if name.is_empty() { Err(EMPTY_NAME.to_owned()) } else { Ok(()) }
}

/// What an attribute without a name is told.
const EMPTY_NAME: &str = "Empty attribute name";

fn at_level(value: &Value, level: u32) -> Result<(), String> {
    check_level(level)?;
    match value {
        Value::Unset => Err("Supplied AttributeValue is empty, must contain exactly one of the supported \
                             datatypes"
            .to_owned()),
        Value::N(text) => Number::parse(text).map(drop).map_err(|refusal| refusal.to_string()),
        Value::NULL(false) => Err(format!("{INVALID}Null attribute value types must have the value of true")),
        Value::SS(set) => string_set(set),
        Value::NS(set) => number_set(set),
        Value::BS(set) => binary_set(set),
        Value::L(list) => list.iter().try_for_each(|element| at_level(element, level + 1)),
        Value::M(map) => {
            map.values().try_for_each(|element| at_level(element, level + 1))?;
            if map.contains_key("") { Err(EMPTY_NAME.to_owned()) } else { Ok(()) }
        }
        // Each of the values is refused for itself first.
        Value::Many(all) => {
            all.iter().try_for_each(|one| at_level(one, level))?;
            Err("Supplied AttributeValue has more than one datatypes set, must contain exactly one of the \
                 supported datatypes"
                .to_owned())
        }
        Value::S(_) | Value::B(_) | Value::BOOL(_) | Value::NULL(true) => Ok(()),
    }
}

fn check_level(level: u32) -> Result<(), String> {
    if level <= MAX_LEVELS {
        return Ok(());
    }
    Err("Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond \
         supported limit"
        .to_owned())
}

fn string_set(set: &[String]) -> Result<(), String> {
    if set.is_empty() {
        return Err(format!("{INVALID}An string set  may not be empty"));
    }
    if all_differ(set.iter()) {
        Ok(())
    } else {
        Err(format!("{INVALID}Input collection [{}] contains duplicates.", set.join(", ")))
    }
}

fn number_set(set: &[String]) -> Result<(), String> {
    if set.is_empty() {
        return Err(format!("{INVALID}An number set  may not be empty"));
    }
    let numbers: Result<Vec<Number>, _> = set.iter().map(|text| Number::parse(text)).collect();
    let numbers = numbers.map_err(|refusal| refusal.to_string())?;
    if all_differ(numbers.iter()) { Ok(()) } else { Err("Input collection contains duplicates".to_owned()) }
}

fn binary_set(set: &[Bytes]) -> Result<(), String> {
    if set.is_empty() {
        return Err(format!("{INVALID}Binary sets should not be empty"));
    }
    if all_differ(set.iter()) {
        return Ok(());
    }
    let printed: Vec<String> = set.iter().map(|bytes| STANDARD.encode(bytes)).collect();
    Err(format!("{INVALID}Input collection [{}]of type BS contains duplicates.", printed.join(", ")))
}

fn all_differ<T: Eq + std::hash::Hash>(elements: impl ExactSizeIterator<Item = T>) -> bool {
    let mut seen = HashSet::with_capacity(elements.len());
    elements.into_iter().all(|element| seen.insert(element))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts as dynalite recorded them on DynamoDB (test/getItem.js).
    #[test]
    fn refusals() {
        let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let cases = [
            (
                Value::Unset,
                "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
            ),
            (
                Value::L(vec![Value::Unset]),
                "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
            ),
            (
                Value::NULL(false),
                "One or more parameter values were invalid: Null attribute value types must have the value of true",
            ),
            (Value::SS(vec![]), "One or more parameter values were invalid: An string set  may not be empty"),
            (Value::NS(vec![]), "One or more parameter values were invalid: An number set  may not be empty"),
            (Value::BS(vec![]), "One or more parameter values were invalid: Binary sets should not be empty"),
            (
                Value::SS(texts(&["a", "a"])),
                "One or more parameter values were invalid: Input collection [a, a] contains duplicates.",
            ),
            (
                Value::BS(vec![Bytes::from_static(b"b"), Bytes::from_static(b"b")]),
                "One or more parameter values were invalid: Input collection [Yg==, Yg==]of type BS contains duplicates.",
            ),
            (
                Value::Many(vec![Value::S("a".into()), Value::BOOL(true)]),
                "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
            ),
            (
                Value::Many(vec![Value::S("a".into()), Value::N("b".into())]),
                "The parameter cannot be converted to a numeric value: b",
            ),
            (Value::NS(texts(&["1", ""])), "The parameter cannot be converted to a numeric value"),
            (Value::NS(texts(&["1", "b"])), "The parameter cannot be converted to a numeric value: b"),
            (Value::NS(texts(&["1", "1.0"])), "Input collection contains duplicates"),
        ];
        for (refused, message) in cases {
            assert_eq!(value(&refused), Err(message.to_owned()), "{refused:?}");
        }
        for accepted in
            [Value::S(String::new()), Value::B(Bytes::new()), Value::L(vec![]), Value::N("1".into())]
        {
            assert_eq!(value(&accepted), Ok(()));
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |levels| (0..levels).fold(Value::BOOL(true), |inner, _| Value::L(vec![inner]));
        for check in [value, nesting] {
            assert_eq!(check(&nested(31)), Ok(()));
            assert!(check(&nested(32)).is_err_and(|message| message.starts_with("Nesting Levels")));
        }
    }
}
