//! Patterns over messages whose columns stand between blanks: `[ip, ..., status = 4*, bytes > 1000]`.
//! Quotes and brackets hold a column of several words together.

use super::condition::Condition;
use super::cursor::Cursor;
use super::{MAX_DEPTH, Malformed};
use std::collections::BTreeMap;

#[derive(Debug)]
enum Expression {
    AllOf(Vec<Expression>),
    AnyOf(Vec<Expression>),
    /// A column with a name and no condition.
    Anything,
    Holds(Condition),
}

/// A column: its name, and what it must say.
#[derive(Debug)]
struct Column {
    name: String,
    expression: Expression,
}

/// What the columns of a message must say.
#[derive(Debug)]
pub struct Columns {
    first: Vec<Column>,
    /// The columns behind `...`, where there is one.
    last: Option<Vec<Column>>,
}

/// Whether a character may be in the name of a column.
pub fn is_name(c: char) -> bool {
    c.is_alphanumeric() || "_-.*".contains(c)
}

impl Columns {
    /// Reads columns with their brackets.
    pub fn parse(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        cursor.expect("[")?;
        let mut columns = Columns { first: Vec::new(), last: None };
        loop {
            if cursor.take("...") {
                if columns.last.replace(Vec::new()).is_some() {
                    return Err(Malformed::Pattern);
                }
            } else {
                let mut name = String::new();
                let expression = any_of(cursor, MAX_DEPTH, &mut name)?;
                let column = Column { name, expression };
                columns.last.as_mut().unwrap_or(&mut columns.first).push(column);
            }
            if !cursor.take(",") {
                cursor.expect("]")?;
                return Ok(columns);
            }
        }
    }

    /// The names of the columns.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.first.iter().chain(self.last.iter().flatten()).map(|column| column.name.as_str())
    }

    /// The columns of a message by their names; those under `...` by their numbers.
    pub fn named(&self, message: &str) -> BTreeMap<String, String> {
        let found: Vec<&str> = Split { rest: message }.take(MAX_NAMED).collect();
        let behind = found.len().saturating_sub(self.last.as_ref().map_or(0, Vec::len));
        let name = |at: usize| match self.first.get(at) {
            Some(column) => column.name.clone(),
            None => {
                let last = self.last.as_ref().and_then(|last| last.get(at.checked_sub(behind)?));
                last.map_or_else(|| (at + 1).to_string(), |column| column.name.clone())
            }
        };
        found.iter().enumerate().map(|(at, value)| (name(at), (*value).to_owned())).collect()
    }

    /// Whether a message has these columns.
    pub fn matches(&self, message: &str) -> bool {
        // Without `...` one column more than wanted is enough to know.
        let most = if self.last.is_some() { usize::MAX } else { self.first.len() + 1 };
        let found: Vec<&str> = Split { rest: message }.take(most).collect();
        let last = self.last.as_deref().unwrap_or_default();
        let fits = match self.last {
            Some(_) => found.len() >= self.first.len() + last.len(),
            None => found.len() == self.first.len(),
        };
        fits && hold(&self.first, &found)
            && (last.is_empty() || hold(last, &found[found.len() - last.len()..]))
    }
}

/// Columns of a message that are given names.
const MAX_NAMED: usize = 1000;

fn hold(wanted: &[Column], columns: &[&str]) -> bool {
    wanted.iter().zip(columns).all(|(wanted, column)| wanted.expression.holds(column))
}

fn any_of(cursor: &mut Cursor<'_>, depth: usize, name: &mut String) -> Result<Expression, Malformed> {
    let mut parts = vec![all_of(cursor, depth, name)?];
    while cursor.take("||") {
        parts.push(all_of(cursor, depth, name)?);
    }
    Ok(Expression::AnyOf(parts))
}

fn all_of(cursor: &mut Cursor<'_>, depth: usize, name: &mut String) -> Result<Expression, Malformed> {
    let mut parts = vec![unit(cursor, depth, name)?];
    while cursor.take("&&") {
        parts.push(unit(cursor, depth, name)?);
    }
    Ok(Expression::AllOf(parts))
}

/// The first name in a column is the column's.
fn unit(cursor: &mut Cursor<'_>, depth: usize, name: &mut String) -> Result<Expression, Malformed> {
    if cursor.take("(") {
        let depth = depth.checked_sub(1).ok_or(Malformed::Pattern)?;
        let inside = any_of(cursor, depth, name)?;
        cursor.expect(")")?;
        return Ok(inside);
    }
    let found = cursor.take_while(is_name);
    if found.is_empty() {
        return Err(Malformed::Pattern);
    }
    if name.is_empty() {
        name.push_str(found);
    }
    let condition = Condition::parse(cursor, &[',', ']'])?;
    Ok(condition.map_or(Expression::Anything, Expression::Holds))
}

impl Expression {
    /// As deep as the pattern was read.
    fn holds(&self, column: &str) -> bool {
        match self {
            Expression::AllOf(parts) => parts.iter().all(|part| part.holds(column)),
            Expression::AnyOf(parts) => parts.iter().any(|part| part.holds(column)),
            Expression::Anything => true,
            Expression::Holds(condition) => condition.holds_for_column(column),
        }
    }
}

/// The columns of a message.
struct Split<'m> {
    rest: &'m str,
}

impl<'m> Iterator for Split<'m> {
    type Item = &'m str;

    fn next(&mut self) -> Option<&'m str> {
        let rest = self.rest.trim_start();
        let close = match rest.chars().next()? {
            '"' => Some('"'),
            '[' => Some(']'),
            _ => None,
        };
        let held = close.and_then(|close| rest[1..].split_once(close));
        let (column, after) = match held {
            Some(held) => held,
            None => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
        };
        self.rest = after;
        Some(column)
    }
}
