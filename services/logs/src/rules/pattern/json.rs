//! Patterns over JSON messages: `{ $.user.id = 1 && ($.error IS TRUE || $.hosts[0] = "a*") }`.

use super::condition::Condition;
use super::cursor::Cursor;
use super::{MAX_DEPTH, Malformed};
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Debug)]
enum Step {
    Member(String),
    Element(usize),
    Any,
}

#[derive(Debug)]
enum Test {
    Compares(Condition),
    IsNull,
    Is(bool),
    Exists,
    NotExists,
}

#[derive(Debug)]
enum Expression {
    AllOf(Vec<Expression>),
    AnyOf(Vec<Expression>),
    Value { path: Path, test: Test },
}

/// A way to values of a JSON message, as it was written.
#[derive(Debug)]
pub struct Path {
    text: String,
    steps: Vec<Step>,
}

impl Path {
    /// Reads one that is the whole text.
    pub fn parse(text: &str) -> Option<Self> {
        let mut cursor = Cursor::new(text);
        selector(&mut cursor).ok().filter(|_| cursor.is_at_end())
    }

    /// The first value in a message, where that is neither list nor object.
    pub fn value(&self, message: &str) -> Option<String> {
        self.value_in(&serde_json::from_str(message).ok()?)
    }

    fn value_in(&self, message: &Value) -> Option<String> {
        match selected(message, &self.steps).first()? {
            Value::String(text) => Some(text.clone()),
            scalar @ (Value::Number(_) | Value::Bool(_)) => Some(scalar.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

/// What a JSON message must say.
#[derive(Debug)]
pub struct Selection(Expression);

impl Selection {
    /// Reads a selection with its braces.
    pub fn parse(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        cursor.expect("{")?;
        let expression = any_of(cursor, MAX_DEPTH)?;
        cursor.expect("}")?;
        Ok(Selection(expression))
    }

    /// What the selectors of the selection stand for in a message.
    pub fn extracted(&self, message: &str) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        if let Ok(message) = serde_json::from_str(message) {
            self.0.read(&message, &mut found);
        }
        found
    }

    /// Whether a message is JSON and says so.
    pub fn matches(&self, message: &str) -> bool {
        serde_json::from_str(message).is_ok_and(|message: Value| self.0.holds(&message))
    }
}

fn any_of(cursor: &mut Cursor<'_>, depth: usize) -> Result<Expression, Malformed> {
    let mut parts = vec![all_of(cursor, depth)?];
    while cursor.take("||") {
        parts.push(all_of(cursor, depth)?);
    }
    Ok(Expression::AnyOf(parts))
}

fn all_of(cursor: &mut Cursor<'_>, depth: usize) -> Result<Expression, Malformed> {
    let mut parts = vec![unit(cursor, depth)?];
    while cursor.take("&&") {
        parts.push(unit(cursor, depth)?);
    }
    Ok(Expression::AllOf(parts))
}

fn unit(cursor: &mut Cursor<'_>, depth: usize) -> Result<Expression, Malformed> {
    if cursor.take("(") {
        let depth = depth.checked_sub(1).ok_or(Malformed::Pattern)?;
        let inside = any_of(cursor, depth)?;
        cursor.expect(")")?;
        return Ok(inside);
    }
    let path = selector(cursor)?;
    Ok(Expression::Value { path, test: test(cursor)? })
}

fn selector(cursor: &mut Cursor<'_>) -> Result<Path, Malformed> {
    let written = cursor.rest();
    cursor.expect("$")?;
    let mut path = Vec::new();
    loop {
        if cursor.take(".") {
            if cursor.peek() == Some('[') {
                continue;
            }
            if cursor.take("*") {
                path.push(Step::Any);
                continue;
            }
            let name = cursor.take_while(|c| c.is_alphanumeric() || "_-@".contains(c));
            path.push(Step::Member(
                Some(name).filter(|name| !name.is_empty()).ok_or(Malformed::Pattern)?.to_owned(),
            ));
        } else if cursor.take("[") {
            path.push(match cursor.peek() {
                Some(quote @ ('"' | '\'')) => Step::Member(cursor.take_quoted(quote)?),
                Some('*') => {
                    cursor.expect("*")?;
                    Step::Any
                }
                _ => {
                    let index = cursor.take_while(|c| c.is_ascii_digit());
                    Step::Element(index.parse().map_err(|_| Malformed::Pattern)?)
                }
            });
            cursor.expect("]")?;
        } else {
            if path.is_empty() {
                return Err(Malformed::Pattern);
            }
            let text = written[..written.len() - cursor.rest().len()].trim_end().to_owned();
            return Ok(Path { text, steps: path });
        }
    }
}

fn test(cursor: &mut Cursor<'_>) -> Result<Test, Malformed> {
    if cursor.take_word("IS") {
        let tests = [("NULL", Test::IsNull), ("TRUE", Test::Is(true)), ("FALSE", Test::Is(false))];
        let found = tests.into_iter().find(|(word, _)| cursor.take_word(word));
        return found.map(|(_, test)| test).ok_or(Malformed::Pattern);
    }
    if cursor.take_word("NOT") {
        return if cursor.take_word("EXISTS") { Ok(Test::NotExists) } else { Err(Malformed::Pattern) };
    }
    if cursor.take_word("EXISTS") {
        return Ok(Test::Exists);
    }
    Condition::parse(cursor, &['}'])?.map(Test::Compares).ok_or(Malformed::Pattern)
}

impl Expression {
    /// As deep as the pattern was read.
    fn holds(&self, message: &Value) -> bool {
        match self {
            Expression::AllOf(parts) => parts.iter().all(|part| part.holds(message)),
            Expression::AnyOf(parts) => parts.iter().any(|part| part.holds(message)),
            Expression::Value { path, test } => test.holds(&selected(message, &path.steps)),
        }
    }

    /// As deep as the pattern was read.
    fn read(&self, message: &Value, found: &mut BTreeMap<String, String>) {
        match self {
            Expression::AllOf(parts) | Expression::AnyOf(parts) => {
                parts.iter().for_each(|part| part.read(message, found));
            }
            Expression::Value { path, .. } => {
                if let Some(value) = path.value_in(message) {
                    found.insert(path.text.clone(), value);
                }
            }
        }
    }
}

/// All values of a path: several where it has a wildcard.
fn selected<'v>(message: &'v Value, path: &[Step]) -> Vec<&'v Value> {
    let mut values = vec![message];
    for step in path {
        values = match step {
            Step::Member(name) => values.into_iter().filter_map(|value| value.get(name)).collect(),
            Step::Element(index) => values.into_iter().filter_map(|value| value.get(*index)).collect(),
            Step::Any => values.into_iter().flat_map(children).collect(),
        };
    }
    values
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(members) => members.values().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

impl Test {
    fn holds(&self, values: &[&Value]) -> bool {
        match self {
            Test::NotExists => values.is_empty(),
            Test::Exists => !values.is_empty(),
            Test::IsNull => values.iter().any(|value| value.is_null()),
            Test::Is(expected) => values.iter().any(|value| value.as_bool() == Some(*expected)),
            Test::Compares(condition) => values.iter().any(|value| compares(condition, value)),
        }
    }
}

fn compares(condition: &Condition, value: &Value) -> bool {
    match value {
        Value::String(text) => condition.holds_for_text(text),
        Value::Number(number) => condition.holds_for_scalar(number.as_f64(), &number.to_string()),
        Value::Bool(truth) => condition.holds_for_scalar(None, if *truth { "true" } else { "false" }),
        Value::Null => condition.holds_for_scalar(None, "null"),
        Value::Array(_) | Value::Object(_) => condition.holds_for_scalar(None, ""),
    }
}
