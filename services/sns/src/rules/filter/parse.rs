//! Reading a filter policy. What is wrong with one is told in the words of SNS, whose parser is that of Event Ruler
//! (aws/event-ruler, `JsonRuleCompiler`), and in the order in which it finds things.

use super::source::{Source, Token};
use super::test::{AnythingBut, Comparison, Network, Test};
use super::{Fields, Node};
use crate::rules::json;
use serde_json::Value;

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
pub(super) fn policy(text: &str) -> Result<Fields, Refusal> {
    if text.len() > MAX_BYTES {
        return wrong("Filter policy is too long");
    }
    json::read(text).map_err(Refusal::Wrong)?;
    let mut source = Source::of(text);
    match source.next() {
        Token::Object => fields(&mut source, 0),
        _ => Err(source.refuse("Filter is not an object")),
    }
}

/// The fields of an object that was entered.
fn fields(source: &mut Source, depth: usize) -> Result<Fields, Refusal> {
    if depth > MAX_DEPTH {
        return wrong("Filter policy is too complex");
    }
    let mut fields = Fields::default();
    while let Some(name) = source.name() {
        if name == "$or" && source.ahead().is_some_and(|value| is_alternatives(&value)) {
            fields.alternatives.push(alternatives(source, depth)?);
            continue;
        }
        let node = match source.next() {
            Token::Object => Node::Fields(self::fields(source, depth + 1)?),
            Token::Array => Node::Tests(tests(source)?),
            _ => return Err(source.refuse(&format!("\"{name}\" must be an object or an array"))),
        };
        // Of two fields of one name the later one holds.
        fields.fields.retain(|(known, _)| *known != name);
        fields.fields.push((name, node));
    }
    if fields == Fields::default() {
        return Err(source.refuse("Empty objects are not allowed"));
    }
    Ok(fields)
}

fn alternatives(source: &mut Source, depth: usize) -> Result<Vec<Fields>, Refusal> {
    let mut alternatives = Vec::new();
    source.next();
    while source.next() == Token::Object {
        alternatives.push(fields(source, depth + 1)?);
    }
    Ok(alternatives)
}

/// Whether `$or` is meant as one, and not as a field of that name: at least two objects, without operators.
fn is_alternatives(value: &Value) -> bool {
    const OPERATORS: [&str; 8] =
        ["prefix", "suffix", "equals-ignore-case", "wildcard", "anything-but", "numeric", "exists", "cidr"];
    let plain = |item: &Value| {
        item.as_object().is_some_and(|object| {
            !object.is_empty() && !object.keys().any(|key| OPERATORS.contains(&key.as_str()))
        })
    };
    value.as_array().is_some_and(|items| items.len() >= 2 && items.iter().all(plain))
}

/// The tests of a list that was entered.
fn tests(source: &mut Source) -> Result<Vec<Test>, Refusal> {
    let mut tests = Vec::new();
    loop {
        tests.push(match source.next() {
            Token::EndOfArray if tests.is_empty() => {
                return Err(source.refuse("Empty arrays are not allowed"));
            }
            Token::EndOfArray => return Ok(tests),
            Token::Object => expression(source)?,
            Token::Text | Token::Number | Token::Word => Test::Equals(source.value()),
            _ => {
                return Err(source.refuse("Match value must be String, number, true, false, or null"));
            }
        });
    }
}

/// The test of an operator, whose object was entered.
fn expression(source: &mut Source) -> Result<Test, Refusal> {
    let Some(name) = source.name() else { return Err(source.refuse("Match expression name not found")) };
    let test = match name.as_str() {
        "prefix" => Test::Prefix(text(source, "prefix")?),
        "suffix" => Test::Suffix(text(source, "suffix")?),
        "equals-ignore-case" => Test::IgnoresCase(text(source, "equals-ignore-case")?.to_lowercase()),
        "wildcard" => Test::Wildcard(wildcard(source)?),
        "exists" => Test::Exists(exists(source)?),
        // The parser says `prefix` here, too.
        "cidr" => Test::Cidr(Network::parse(&text(source, "prefix")?).map_err(Refusal::Wrong)?),
        "numeric" => Test::Numeric(numeric(source)?),
        "anything-but" => Test::AnythingBut(anything_but(source)?),
        other => return Err(source.refuse(&format!("Unrecognized match type {other}"))),
    };
    match (name.as_str(), source.name()) {
        (_, None) => Ok(test),
        ("numeric" | "anything-but", Some(_)) => {
            Err(source.refuse("Too many elements in numeric expression"))
        }
        (_, Some(_)) => Err(source.refuse("Only one key allowed in match expression")),
    }
}

fn text(source: &mut Source, operator: &str) -> Result<String, Refusal> {
    match source.next() {
        Token::Text => Ok(source.text()),
        _ => Err(source.refuse(&format!("{operator} match pattern must be a string"))),
    }
}

fn wildcard(source: &mut Source) -> Result<String, Refusal> {
    let pattern = text(source, "wildcard")?;
    match pattern.find("**") {
        Some(at) => Err(source.refuse(&format!("Consecutive wildcard characters at pos {}", at + 1))),
        None => Ok(pattern),
    }
}

fn exists(source: &mut Source) -> Result<bool, Refusal> {
    let token = source.next();
    match (token, source.raw()) {
        (Token::Word, "true") => Ok(true),
        (Token::Word, "false") => Ok(false),
        _ => Err(source.refuse("exists match pattern must be either true or false.")),
    }
}

fn anything_but(source: &mut Source) -> Result<AnythingBut, Refusal> {
    match source.next() {
        Token::Text | Token::Number => Ok(AnythingBut::Values(vec![source.value()])),
        Token::Array => values(source).map(AnythingBut::Values),
        Token::Object => anything_but_pattern(source),
        _ => Err(source.refuse("Value of anything-but must be an array or single string/number value.")),
    }
}

/// The values of a list that was entered: all of them texts, or all numbers.
fn values(source: &mut Source) -> Result<Vec<Value>, Refusal> {
    let mut values = Vec::new();
    loop {
        match source.next() {
            Token::Text | Token::Number => values.push(source.value()),
            Token::EndOfArray => break,
            _ => {
                return Err(source.refuse("Inside anything but list, start|null|boolean is not supported."));
            }
        }
    }
    let texts = values.iter().filter(|value| value.is_string()).count();
    if values.is_empty() || (texts > 0 && texts < values.len()) {
        return Err(source.refuse(
            "Inside anything but list, either all values are number or string, mixed type is not supported",
        ));
    }
    Ok(values)
}

/// The patterns of an operator within `anything-but`, whose object was entered.
fn anything_but_pattern(source: &mut Source) -> Result<AnythingBut, Refusal> {
    let Some(name) = source.name() else {
        return Err(source.refuse("Anything-But expression name not found"));
    };
    if !matches!(name.as_str(), "prefix" | "wildcard" | "equals-ignore-case") {
        return Err(source.refuse(&format!("Unsupported anything-but pattern: {name}")));
    }
    let patterns = patterns(source, &name)?;
    if source.name().is_some() {
        return Err(source.refuse("Only one key allowed in match expression"));
    }
    Ok(match name.as_str() {
        "prefix" => AnythingBut::Prefixes(patterns),
        "wildcard" => AnythingBut::Wildcards(patterns),
        _ => AnythingBut::IgnoringCase(patterns.iter().map(|text| text.to_lowercase()).collect()),
    })
}

/// One pattern or a list of them.
fn patterns(source: &mut Source, operator: &str) -> Result<Vec<String>, Refusal> {
    let not_text = format!("{operator} match pattern must be a string");
    let (mut patterns, mut token) = (Vec::new(), source.next());
    let listed = token == Token::Array;
    if listed {
        token = source.next();
    }
    while token == Token::Text {
        let pattern = source.text();
        if pattern.is_empty() {
            return Err(source.refuse("Null prefix/suffix not allowed"));
        }
        if operator == "wildcard" && pattern.contains("**") {
            let at = pattern.find("**").unwrap_or_default() + 1;
            return Err(source.refuse(&format!("Consecutive wildcard characters at pos {at}")));
        }
        patterns.push(pattern);
        if !listed {
            return Ok(patterns);
        }
        token = source.next();
    }
    match token {
        Token::EndOfArray if !patterns.is_empty() => Ok(patterns),
        _ => Err(source.refuse(&not_text)),
    }
}

/// The bounds of numbers that SNS compares.
const MAX_NUMBER: f64 = 1e9;

/// The number that the token is.
fn number(source: &mut Source, token: Token, operator: &str) -> Result<f64, Refusal> {
    let number = (token == Token::Number).then(|| source.value().as_f64()).flatten();
    match number {
        None => Err(source.refuse(&format!("Value of {operator} must be numeric"))),
        Some(number) if number.abs() > MAX_NUMBER => {
            Err(source
                .refuse(&format!("Value must be between {} and {}, inclusive", -MAX_NUMBER, MAX_NUMBER)))
        }
        Some(number) => Ok(number),
    }
}

fn numeric(source: &mut Source) -> Result<Vec<(Comparison, f64)>, Refusal> {
    if source.next() != Token::Array {
        return Err(source.refuse("Value of numeric must be an array."));
    }
    if source.next() != Token::Text {
        return Err(source.refuse(&format!("Invalid member in numeric match: {}", source.raw())));
    }
    let operator = source.text();
    let token = source.next();
    let Some(comparison) = Comparison::parse(&operator) else {
        return Err(source.refuse(&format!("Unrecognized numeric range operator: {operator}")));
    };
    let called = if operator == "=" { "equals" } else { &operator };
    let bound = number(source, token, called)?;
    match source.next() {
        Token::EndOfArray => Ok(vec![(comparison, bound)]),
        _ if !matches!(comparison, Comparison::More | Comparison::AtLeast) => {
            Err(source.refuse("Too many elements in numeric expression"))
        }
        Token::Text => Ok(vec![(comparison, bound), top(source, bound)?]),
        _ => Err(source.refuse(&format!("Bad value in numeric range: {}", source.raw()))),
    }
}

/// The upper end of a range, whose operator the token is.
fn top(source: &mut Source, bottom: f64) -> Result<(Comparison, f64), Refusal> {
    let operator = source.text();
    let comparison = Comparison::parse(&operator)
        .filter(|comparison| matches!(comparison, Comparison::Less | Comparison::AtMost));
    let Some(comparison) = comparison else {
        return Err(source.refuse(&format!("Bad numeric range operator: {operator}")));
    };
    let token = source.next();
    let top = number(source, token, &operator)?;
    if source.next() != Token::EndOfArray {
        return Err(source.refuse("Too many terms in numeric range expression"));
    }
    if bottom >= top {
        return Err(source.refuse("Bottom must be less than top"));
    }
    Ok((comparison, top))
}
