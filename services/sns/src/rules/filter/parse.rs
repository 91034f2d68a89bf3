//! Reading a filter policy. What is wrong with one is told in the words of SNS.

use super::test::{AnythingBut, Comparison, Network, Test};
use super::{Fields, Node, Subject};
use serde_json::{Map, Value};

/// Longest policy, in bytes (SNS developer guide, filter policy constraints).
const MAX_BYTES: usize = 256 * 1024;
/// Deepest policy.
const MAX_DEPTH: usize = 64;

/// Why a text is no filter policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It says something wrong: what stands behind `FilterPolicy: `.
    Wrong(String),
    /// It is nested, and looks at attributes.
    Nested,
}

fn wrong<T>(why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Wrong(why.into()))
}

/// The fields of a policy.
pub(super) fn policy(text: &str, subject: Subject) -> Result<Fields, Refusal> {
    if text.len() > MAX_BYTES {
        return wrong("Filter policy is too long");
    }
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(object)) => fields(&object, subject, 0),
        Ok(_) => wrong("Filter is not an object"),
        Err(_) => wrong("failed to parse JSON."),
    }
}

fn fields(object: &Map<String, Value>, subject: Subject, depth: usize) -> Result<Fields, Refusal> {
    if depth > MAX_DEPTH {
        return wrong("Filter policy is too complex");
    }
    let mut fields = Fields::default();
    for (name, value) in object {
        match value {
            Value::Array(items) if name == "$or" && is_alternatives(items) => {
                let of = |item: &Value| match item {
                    Value::Object(object) => self::fields(object, subject, depth + 1),
                    _ => wrong("$or must be an array of objects"),
                };
                fields.alternatives.push(items.iter().map(of).collect::<Result<_, _>>()?);
            }
            Value::Array(items) if items.is_empty() => return wrong("Empty arrays are not allowed"),
            Value::Array(items) => {
                let tests = items.iter().map(test).collect::<Result<_, _>>()?;
                fields.fields.push((name.clone(), Node::Tests(tests)));
            }
            Value::Object(object) if !object.is_empty() => {
                if subject == Subject::Attributes {
                    return Err(Refusal::Nested);
                }
                let inner = self::fields(object, subject, depth + 1)?;
                fields.fields.push((name.clone(), Node::Fields(inner)));
            }
            Value::Object(_) => return wrong("Empty objects are not allowed"),
            _ => return wrong(format!("\"{name}\" must be an object or an array")),
        }
    }
    Ok(fields)
}

/// Whether `$or` is meant as one, and not as a field of that name: at least two objects, without operators.
fn is_alternatives(items: &[Value]) -> bool {
    const OPERATORS: [&str; 8] =
        ["prefix", "suffix", "equals-ignore-case", "wildcard", "anything-but", "numeric", "exists", "cidr"];
    let plain = |item: &Value| {
        item.as_object().is_some_and(|object| {
            !object.is_empty() && !object.keys().any(|key| OPERATORS.contains(&key.as_str()))
        })
    };
    items.len() >= 2 && items.iter().all(plain)
}

fn test(value: &Value) -> Result<Test, Refusal> {
    let operator = match value {
        Value::Object(operator) => operator,
        Value::Array(_) => return wrong("Match value must be String, number, true, false, or null"),
        plain => return Ok(Test::Equals(plain.clone())),
    };
    let Some((name, operand)) = operator.iter().next().filter(|_| operator.len() == 1) else {
        return wrong("Only one key allowed in match expression");
    };
    let text = || match operand.as_str() {
        Some(text) => Ok(text.to_owned()),
        None => wrong(format!("{name} match pattern must be a string")),
    };
    match name.as_str() {
        "prefix" => text().map(Test::Prefix),
        "suffix" => text().map(Test::Suffix),
        "equals-ignore-case" => text().map(|text| Test::IgnoresCase(text.to_lowercase())),
        "wildcard" => wildcard(&text()?).map(Test::Wildcard),
        "exists" => match operand.as_bool() {
            Some(exists) => Ok(Test::Exists(exists)),
            None => wrong("exists match pattern must be either true or false."),
        },
        "cidr" => match Network::parse(&text()?) {
            Some(network) => Ok(Test::Cidr(network)),
            None => wrong("Malformed CIDR, one '/' required"),
        },
        "numeric" => numeric(operand).map(Test::Numeric),
        "anything-but" => anything_but(operand).map(Test::AnythingBut),
        other => wrong(format!("Unrecognized match type {other}")),
    }
}

fn wildcard(text: &str) -> Result<String, Refusal> {
    match text.find("**") {
        Some(at) => wrong(format!("Consecutive wildcard characters at pos {}", at + 1)),
        None => Ok(text.to_owned()),
    }
}

fn anything_but(operand: &Value) -> Result<AnythingBut, Refusal> {
    const KIND: &str =
        "Inside anything but list, either all values are number or string, mixed type is not supported";
    let plain = |value: &Value| value.is_string() || value.is_number();
    match operand {
        Value::Array(items) if items.is_empty() => wrong("Empty arrays are not allowed"),
        Value::Array(items) if !items.iter().all(plain) => wrong(KIND),
        Value::Array(items) if items.iter().any(Value::is_string) != items.iter().all(Value::is_string) => {
            wrong(KIND)
        }
        Value::Array(items) => Ok(AnythingBut::Values(items.clone())),
        Value::Object(operator) => {
            let Some((name, operand)) = operator.iter().next().filter(|_| operator.len() == 1) else {
                return wrong("Only one key allowed in match expression");
            };
            let texts = texts(name, operand)?;
            match name.as_str() {
                "prefix" => Ok(AnythingBut::Prefixes(texts)),
                "suffix" => Ok(AnythingBut::Suffixes(texts)),
                "wildcard" => texts
                    .iter()
                    .map(|text| wildcard(text))
                    .collect::<Result<_, _>>()
                    .map(AnythingBut::Wildcards),
                "equals-ignore-case" => {
                    Ok(AnythingBut::IgnoringCase(texts.iter().map(|text| text.to_lowercase()).collect()))
                }
                other => wrong(format!("Unsupported anything-but pattern: {other}")),
            }
        }
        value if plain(value) => Ok(AnythingBut::Values(vec![value.clone()])),
        _ => wrong("Value of anything-but must be an array or single string/number value."),
    }
}

/// One text or a list of them.
fn texts(name: &str, operand: &Value) -> Result<Vec<String>, Refusal> {
    let one = |value: &Value| match value.as_str().filter(|text| !text.is_empty()) {
        Some(text) => Ok(text.to_owned()),
        None => wrong(format!("{name} match pattern must be a string")),
    };
    match operand {
        Value::Array(items) if !items.is_empty() => items.iter().map(one).collect(),
        value => Ok(vec![one(value)?]),
    }
}

/// The bounds of numbers that SNS compares.
const MAX_NUMBER: f64 = 1e9;

fn operand_of(operator: &str, value: Option<&Value>) -> Result<f64, Refusal> {
    let Some(number) = value.and_then(Value::as_f64) else {
        return wrong(format!("Value of {operator} must be numeric"));
    };
    if number.abs() > MAX_NUMBER {
        return wrong(format!("Value must be between {} and {}, inclusive", -MAX_NUMBER, MAX_NUMBER));
    }
    Ok(number)
}

fn numeric(operand: &Value) -> Result<Vec<(Comparison, f64)>, Refusal> {
    let Value::Array(terms) = operand else { return wrong("Value of numeric must be an array.") };
    let operator = match terms.first() {
        None => return wrong("Invalid member in numeric match: ]"),
        Some(Value::String(operator)) => operator.as_str(),
        Some(other) => return wrong(format!("Invalid member in numeric match: {other}")),
    };
    let Some(comparison) = Comparison::parse(operator) else {
        return wrong(format!("Unrecognized numeric range operator: {operator}"));
    };
    let bound = operand_of(operator, terms.get(1))?;
    let Some(second) = terms.get(2) else { return Ok(vec![(comparison, bound)]) };
    if !matches!(comparison, Comparison::More | Comparison::AtLeast) || terms.len() > 4 {
        return wrong("Too many elements in numeric expression");
    }
    let top_operator = match second {
        Value::String(operator) => operator.as_str(),
        _ => return wrong("Bad value in numeric range: expected a comparison operator"),
    };
    let top_comparison = Comparison::parse(top_operator)
        .filter(|comparison| matches!(comparison, Comparison::Less | Comparison::AtMost));
    let Some(top_comparison) = top_comparison else {
        return wrong(format!("Bad numeric range operator: {top_operator}"));
    };
    let top = operand_of(top_operator, terms.get(3))?;
    if bound >= top {
        return wrong("Bottom must be less than top");
    }
    Ok(vec![(comparison, bound), (top_comparison, top)])
}
