//! Filling a condition's placeholders in, and checking what only then can be known: test by test, in
//! each first what is undefined, then counts, then equal operands, then types.

use super::condition::{Ask, Comparison, Condition, Parsed};
use super::path::Path;
use super::placeholders::Placeholders;
use super::syntax::Raw;
use crate::rules::value::{self, Kind, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::cmp::Ordering;

/// An operand with its names and values.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// What a path leads to.
    Path(Path),
    /// A value.
    Value(Value),
    /// The size of an operand; exactly one once it is checked.
    Size(Vec<Operand>),
}

/// A condition that can be evaluated.
pub type Bound = Condition<Operand>;

impl Parsed {
    /// The condition with the names and values of a request.
    ///
    /// # Errors
    /// AWS's message, without the name of the parameter.
    pub fn bind(&self, placeholders: &mut Placeholders<'_>) -> Result<Bound, String> {
        bind(&self.condition, placeholders)
    }
}

fn bind(condition: &Condition<Raw>, placeholders: &mut Placeholders<'_>) -> Result<Bound, String> {
    let mut bound = |all: &[Condition<Raw>]| -> Result<Vec<Bound>, String> {
        all.iter().map(|condition| bind(condition, placeholders)).collect()
    };
    match condition {
        Condition::All(all) => bound(all).map(Condition::All),
        Condition::Any(any) => bound(any).map(Condition::Any),
        Condition::Not(inner) => bind(inner, placeholders).map(|inner| Condition::Not(Box::new(inner))),
        Condition::Test(ask, raw) => {
            let operands = raw.iter().map(|raw| operand(raw, placeholders)).collect::<Result<Vec<_>, _>>()?;
            check_counts(*ask, &operands)?;
            check_distinct(*ask, &operands)?;
            check_types(*ask, &operands)?;
            Ok(Condition::Test(*ask, operands))
        }
    }
}

/// Checks the operands of a test by count and type.
///
/// # Errors
/// AWS's message, without the name of the parameter.
pub fn check(ask: Ask, operands: &[Operand]) -> Result<(), String> {
    check_counts(ask, operands)?;
    check_types(ask, operands)
}

fn operand(raw: &Raw, placeholders: &mut Placeholders<'_>) -> Result<Operand, String> {
    match raw {
        Raw::Path(path) => placeholders.path(path).map(Operand::Path),
        Raw::Value(name) => placeholders.value(name).map(|value| Operand::Value(value.clone())),
        // Only `size` passes the grammar as an operand.
        Raw::Call(_, inner) => {
            let inner = inner.iter().map(|raw| operand(raw, placeholders)).collect::<Result<Vec<_>, _>>()?;
            Ok(Operand::Size(inner))
        }
    }
}

fn check_counts(ask: Ask, operands: &[Operand]) -> Result<(), String> {
    for operand in operands {
        if let Operand::Size(inner) = operand {
            check_counts(Ask::Size, inner)?;
        }
    }
    let wanted = match ask {
        Ask::Compare(_) | Ask::Between | Ask::In => return Ok(()),
        Ask::Exists | Ask::NotExists | Ask::Size => 1,
        Ask::Type | Ask::BeginsWith | Ask::Contains => 2,
    };
    if operands.len() == wanted {
        return Ok(());
    }
    Err(format!(
        "Incorrect number of operands for operator or function; operator or function: {}, number of \
         operands: {}",
        ask.name(),
        operands.len()
    ))
}

fn check_distinct(ask: Ask, operands: &[Operand]) -> Result<(), String> {
    match (ask, operands) {
        (Ask::In, _) => Ok(()),
        (_, [Operand::Path(one), Operand::Path(two)]) if one == two => Err(format!(
            "The first operand must be distinct from the remaining operands for this operator or \
             function; operator: {}, first operand: {one}",
            ask.name()
        )),
        _ => Ok(()),
    }
}

/// The type that an operand has whatever the item is.
fn fixed_kind(operand: &Operand) -> Option<Kind> {
    match operand {
        Operand::Path(_) => None,
        Operand::Value(value) => value::kind(value),
        Operand::Size(_) => Some(Kind::N),
    }
}

fn wrong_kind(ask: Ask, kind: &str) -> String {
    format!(
        "Incorrect operand type for operator or function; operator or function: {}, operand type: {kind}",
        ask.name()
    )
}

fn check_types(ask: Ask, operands: &[Operand]) -> Result<(), String> {
    for operand in operands {
        if let Operand::Size(inner) = operand {
            check_types(Ask::Size, inner)?;
        }
    }
    let kinds = || operands.iter().filter_map(fixed_kind);
    match (ask, operands) {
        (Ask::Exists | Ask::NotExists, [Operand::Path(_)]) => Ok(()),
        (Ask::Exists | Ask::NotExists, _) => Err(format!(
            "Operator or function requires a document path; operator or function: {}",
            ask.name()
        )),
        (Ask::BeginsWith, _) => match kinds().find(|kind| !matches!(kind, Kind::S | Kind::B)) {
            Some(kind) => Err(wrong_kind(ask, kind.name())),
            None => Ok(()),
        },
        (Ask::Type, [_, name]) => check_type_name(name),
        (Ask::Size, _) => match kinds().find(|kind| matches!(kind, Kind::N | Kind::Bool | Kind::Null)) {
            Some(kind) => Err(wrong_kind(ask, kind.name())),
            None => Ok(()),
        },
        (Ask::Between, [_, low, high]) => check_bounds(low, high).and_then(|()| check_ordered(ask, operands)),
        (
            Ask::Compare(
                Comparison::Less | Comparison::LessOrEqual | Comparison::Greater | Comparison::GreaterOrEqual,
            ),
            _,
        ) => check_ordered(ask, operands),
        (Ask::Compare(_) | Ask::Contains | Ask::In | Ask::Type | Ask::Between, _) => Ok(()),
    }
}

fn check_ordered(ask: Ask, operands: &[Operand]) -> Result<(), String> {
    match operands.iter().filter_map(fixed_kind).find(|kind| !kind.is_ordered()) {
        None => Ok(()),
        Some(kind) => Err(wrong_kind(ask, kind.name())),
    }
}

fn check_type_name(operand: &Operand) -> Result<(), String> {
    match operand {
        Operand::Value(Value::S(name)) if Kind::of_name(name).is_some() => Ok(()),
        Operand::Value(Value::S(name)) => Err(format!(
            "Invalid attribute type name found; type: {name}, valid types: {{B,NULL,SS,BOOL,L,BS,N,NS,S,M}}"
        )),
        other => {
            let kind = fixed_kind(other).map_or("{NS,SS,L,BS,N,M,B,BOOL,NULL,S}", Kind::name);
            Err(wrong_kind(Ask::Type, kind))
        }
    }
}

fn check_bounds(low: &Operand, high: &Operand) -> Result<(), String> {
    let (Operand::Value(low), Operand::Value(high)) = (low, high) else { return Ok(()) };
    let why = if value::kind(low) != value::kind(high) {
        "same data type for lower and upper bounds"
    } else if value::compare(low, high) == Some(Ordering::Greater) {
        "upper bound to be greater than or equal to lower bound"
    } else {
        return Ok(());
    };
    Err(format!(
        "The BETWEEN operator requires {why}; lower bound operand: AttributeValue: {{{}}}, upper bound \
         operand: AttributeValue: {{{}}}",
        printed(low),
        printed(high)
    ))
}

fn printed(value: &Value) -> String {
    let kind = value::kind_name(value);
    match value {
        Value::S(text) | Value::N(text) => format!("{kind}:{text}"),
        Value::B(bytes) => format!("{kind}:{}", STANDARD.encode(bytes)),
        Value::BOOL(truth) | Value::NULL(truth) => format!("{kind}:{truth}"),
        Value::SS(set) | Value::NS(set) => format!("{kind}:[{}]", set.join(", ")),
        other => format!("{kind}:{other:?}"),
    }
}
