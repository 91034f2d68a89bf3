//! The grammar of update expressions, and filling their placeholders in.

use super::path::{self, Path};
use super::placeholders::Placeholders;
use super::syntax::{Cursor, Raw, RawPath};
use crate::rules::value::{self, Kind, Value};

/// What a SET gives.
#[derive(Debug, Clone)]
enum RawSource {
    Operand(Raw),
    Plus(Raw, Raw),
    Minus(Raw, Raw),
}

#[derive(Debug, Clone)]
enum RawAction {
    Set(RawPath, RawSource),
    Remove(RawPath),
    Add(RawPath, String),
    Delete(RawPath, String),
}

/// An update as it is written, its text found to be right.
#[derive(Debug, Clone)]
pub struct Parsed {
    actions: Vec<RawAction>,
    aliases: Vec<String>,
    values: Vec<String>,
}

/// What a SET gives, with names and values.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// What a path leads to.
    Path(Path),
    /// A value.
    Value(Value),
    /// What a path leads to, or else another source.
    IfNotExists(Path, Box<Source>),
    /// Two lists in a row.
    Append(Box<Source>, Box<Source>),
    /// The sum.
    Plus(Box<Source>, Box<Source>),
    /// The difference.
    Minus(Box<Source>, Box<Source>),
}

impl Source {
    /// The two sides of an operator that takes values of one kind; what paths lead to is only known later.
    ///
    /// # Errors
    /// AWS's message, where a value is of another kind.
    pub fn both(
        operator: &str,
        kind: Kind,
        [one, two]: [Source; 2],
    ) -> Result<(Box<Source>, Box<Source>), String> {
        for source in [&one, &two] {
            if let Source::Value(value) = source
                && value::kind(value) != Some(kind)
            {
                return Err(format!(
                    "Incorrect operand type for operator or function; operator or function: {operator}, \
                     operand type: {}",
                    value::kind_name(value)
                ));
            }
        }
        Ok((Box::new(one), Box::new(two)))
    }
}

/// One change of an item.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Puts a value under a path.
    Set(Path, Source),
    /// Takes away what is under a path.
    Remove(Path),
    /// Adds to a number or a set.
    Add(Path, Value),
    /// Takes elements out of a set.
    Delete(Path, Value),
}

impl Action {
    /// What it changes.
    pub fn path(&self) -> &Path {
        match self {
            Action::Set(path, _) | Action::Remove(path) | Action::Add(path, _) | Action::Delete(path, _) => {
                path
            }
        }
    }

    /// The type that its path has afterwards, where the item does not decide it.
    pub fn result(&self) -> Option<Kind> {
        match self {
            Action::Set(_, source) => source.kind(),
            Action::Add(_, value) | Action::Delete(_, value) => value::kind(value),
            Action::Remove(_) => None,
        }
    }
}

impl Source {
    /// Visits the paths that it reads.
    pub fn each_path<'s>(&'s self, visit: &mut impl FnMut(&'s Path)) {
        match self {
            Source::Path(path) => visit(path),
            Source::Value(_) => {}
            Source::IfNotExists(path, other) => {
                visit(path);
                other.each_path(visit);
            }
            Source::Append(one, two) | Source::Plus(one, two) | Source::Minus(one, two) => {
                one.each_path(visit);
                two.each_path(visit);
            }
        }
    }

    fn kind(&self) -> Option<Kind> {
        match self {
            Source::Path(_) => None,
            Source::Value(value) => value::kind(value),
            Source::IfNotExists(_, other) => other.kind(),
            Source::Append(..) => Some(Kind::L),
            Source::Plus(..) | Source::Minus(..) => Some(Kind::N),
        }
    }
}

const KEYWORDS: &[&str] = &["SET", "REMOVE", "ADD", "DELETE"];

/// Parses an update.
///
/// # Errors
/// AWS's message, without the name of the parameter.
pub fn parse(text: &str) -> Result<Parsed, String> {
    // Of this expression DynamoDB does not tell the size.
    let bare = |message: String| match message.split_once(" expression size: ") {
        Some((message, _)) => message.to_owned(),
        None => message,
    };
    let mut cursor = Cursor::new(text, KEYWORDS).map_err(bare)?;
    let (mut actions, mut seen, mut repeated) = (Vec::new(), Vec::new(), None);
    loop {
        let section = KEYWORDS.iter().find(|keyword| cursor.take_keyword(keyword));
        let Some(section) = section else { return Err(cursor.error()) };
        if seen.contains(section) {
            repeated.get_or_insert(*section);
        }
        seen.push(section);
        actions.push(action(section, &mut cursor)?);
        while cursor.take_sign(",") {
            actions.push(action(section, &mut cursor)?);
        }
        if cursor.expect_end().is_ok() {
            break;
        }
    }
    if let Some(word) = cursor.reserved {
        return Err(format!("Attribute name is a reserved keyword; reserved keyword: {word}"));
    }
    known_functions(&actions)?;
    match repeated {
        Some(section) => {
            Err(format!("The \"{section}\" section can only be used once in an update expression;"))
        }
        None => Ok(Parsed { actions, aliases: cursor.aliases, values: cursor.values }),
    }
}

fn action(section: &str, cursor: &mut Cursor<'_>) -> Result<RawAction, String> {
    cursor.count_operator()?;
    let path = cursor.path()?;
    match section {
        "SET" => {
            cursor.expect_sign("=")?;
            Ok(RawAction::Set(path, source(cursor)?))
        }
        "REMOVE" => Ok(RawAction::Remove(path)),
        "ADD" => Ok(RawAction::Add(path, cursor.value()?)),
        _ => Ok(RawAction::Delete(path, cursor.value()?)),
    }
}

/// A source, of which the whole or each operand may stand in parentheses.
fn source(cursor: &mut Cursor<'_>) -> Result<RawSource, String> {
    if !cursor.take_sign("(") {
        return arithmetic(cursor);
    }
    cursor.descend()?;
    let inner = source(cursor)?;
    cursor.expect_sign(")")?;
    cursor.ascend();
    match inner {
        RawSource::Operand(operand) => rest_of_arithmetic(operand, cursor),
        whole => Ok(whole),
    }
}

fn arithmetic(cursor: &mut Cursor<'_>) -> Result<RawSource, String> {
    let first = cursor.operand()?.inner;
    rest_of_arithmetic(first, cursor)
}

fn rest_of_arithmetic(first: Raw, cursor: &mut Cursor<'_>) -> Result<RawSource, String> {
    if cursor.take_sign("+") {
        cursor.count_operator()?;
        Ok(RawSource::Plus(first, cursor.operand()?.inner))
    } else if cursor.take_sign("-") {
        cursor.count_operator()?;
        Ok(RawSource::Minus(first, cursor.operand()?.inner))
    } else {
        Ok(RawSource::Operand(first))
    }
}

fn operands(action: &RawAction) -> Vec<&Raw> {
    match action {
        RawAction::Set(_, RawSource::Operand(operand)) => vec![operand],
        RawAction::Set(_, RawSource::Plus(one, two) | RawSource::Minus(one, two)) => vec![one, two],
        RawAction::Remove(_) | RawAction::Add(..) | RawAction::Delete(..) => Vec::new(),
    }
}

fn known_functions(actions: &[RawAction]) -> Result<(), String> {
    let (mut unknown, mut misused) = (None, None);
    for operand in actions.iter().flat_map(operands) {
        operand.each_call(&mut |name, operands| {
            if !matches!(name, "if_not_exists" | "list_append") {
                unknown.get_or_insert_with(|| name.to_owned());
            }
            // Lists that were joined are joined no further.
            let joined = |operand: &Raw| matches!(operand, Raw::Call(inner, _) if inner == "list_append");
            if name == "list_append" && operands.iter().any(joined) {
                misused.get_or_insert_with(|| name.to_owned());
            }
        });
    }
    match (unknown, misused) {
        (Some(name), _) => Err(format!("Invalid function name; function: {name}")),
        (None, Some(name)) => {
            Err(format!("The function is not allowed to be used this way in an expression; function: {name}"))
        }
        (None, None) => Ok(()),
    }
}

impl Parsed {
    /// The update with the names and values of a request.
    ///
    /// # Errors
    /// AWS's message, without the name of the parameter.
    pub fn bind(&self, placeholders: &mut Placeholders<'_>) -> Result<Vec<Action>, String> {
        for alias in &self.aliases {
            placeholders.name(alias)?;
        }
        for value in &self.values {
            placeholders.value(value)?;
        }
        let targets = self.actions.iter().map(|action| match action {
            RawAction::Set(path, _)
            | RawAction::Remove(path)
            | RawAction::Add(path, _)
            | RawAction::Delete(path, _) => placeholders.path(path),
        });
        let targets = targets.collect::<Result<Vec<_>, _>>()?;
        path::disjoint(targets.iter())?;
        for action in &self.actions {
            check_operand(action, placeholders)?;
        }
        let bound = self.actions.iter().zip(targets).map(|(action, path)| bind(action, path, placeholders));
        bound.collect()
    }
}

fn check_operand(action: &RawAction, placeholders: &mut Placeholders<'_>) -> Result<(), String> {
    let (operator, name) = match action {
        RawAction::Add(_, name) => ("ADD", name),
        RawAction::Delete(_, name) => ("DELETE", name),
        RawAction::Set(..) | RawAction::Remove(_) => return Ok(()),
    };
    match value::kind(placeholders.value(name)?) {
        Some(kind) if kind.is_set() || (operator == "ADD" && kind == Kind::N) => Ok(()),
        kind => Err(format!(
            "Incorrect operand type for operator or function; operator: {operator}, operand type: {}",
            kind.map_or("", Kind::long_name)
        )),
    }
}

fn bind(action: &RawAction, path: Path, placeholders: &mut Placeholders<'_>) -> Result<Action, String> {
    Ok(match action {
        RawAction::Remove(_) => Action::Remove(path),
        RawAction::Add(_, name) => Action::Add(path, value::canonical(placeholders.value(name)?)),
        RawAction::Delete(_, name) => Action::Delete(path, value::canonical(placeholders.value(name)?)),
        RawAction::Set(_, source) => Action::Set(
            path,
            match source {
                RawSource::Operand(operand) => bind_operand(operand, placeholders)?,
                RawSource::Plus(one, two) => {
                    let (one, two) = bind_two("+", [one, two], Kind::N, placeholders)?;
                    Source::Plus(one, two)
                }
                RawSource::Minus(one, two) => {
                    let (one, two) = bind_two("-", [one, two], Kind::N, placeholders)?;
                    Source::Minus(one, two)
                }
            },
        ),
    })
}

fn bind_two(
    operator: &str,
    [one, two]: [&Raw; 2],
    kind: Kind,
    placeholders: &mut Placeholders<'_>,
) -> Result<(Box<Source>, Box<Source>), String> {
    Source::both(operator, kind, [bind_operand(one, placeholders)?, bind_operand(two, placeholders)?])
}

fn bind_operand(raw: &Raw, placeholders: &mut Placeholders<'_>) -> Result<Source, String> {
    match raw {
        Raw::Path(path) => placeholders.path(path).map(Source::Path),
        Raw::Value(name) => placeholders.value(name).map(|value| Source::Value(value::canonical(value))),
        Raw::Call(name, operands) => {
            let [one, two] = operands.as_slice() else {
                // What is inside is refused before what is around it.
                operands.iter().try_for_each(|operand| bind_operand(operand, placeholders).map(drop))?;
                return Err(format!(
                    "Incorrect number of operands for operator or function; operator or function: {name}, \
                     number of operands: {}",
                    operands.len()
                ));
            };
            if name == "list_append" {
                let (one, two) = bind_two(name, [one, two], Kind::L, placeholders)?;
                return Ok(Source::Append(one, two));
            }
            let first = bind_operand(one, placeholders)?;
            let second = bind_operand(two, placeholders)?;
            match first {
                Source::Path(path) => Ok(Source::IfNotExists(path, Box::new(second))),
                _ => Err(format!(
                    "Operator or function requires a document path; operator or function: {name}"
                )),
            }
        }
    }
}
