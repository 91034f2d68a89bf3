//! What an expression comes to for a record.

use super::Fault;
use super::functions;
use super::parser::{Aggregate, Expr, Operator, Query, Step};
use super::value::Value;
use names::Timestamp;
use std::cmp::Ordering;
use std::sync::Arc;

/// A record.
#[derive(Debug, Clone)]
pub enum Record {
    /// Fields, with the names of the first line where they are used.
    Row {
        /// The fields.
        fields: Vec<String>,
        /// Their names.
        names: Option<Arc<Vec<String>>>,
    },
    /// A value.
    Value(Value),
}

impl Record {
    /// Its values under their names.
    pub fn members(self) -> Vec<(String, Value)> {
        match self {
            Record::Row { fields, names } => fields
                .into_iter()
                .enumerate()
                .map(|(at, field)| {
                    let name = names.as_ref().and_then(|names| names.get(at).cloned());
                    (name.unwrap_or_else(|| format!("_{}", at + 1)), Value::Text(field))
                })
                .collect(),
            Record::Value(Value::Map(members)) => members,
            Record::Value(Value::Missing) => Vec::new(),
            Record::Value(value) => vec![("_1".to_owned(), value)],
        }
    }

    fn field(&self, steps: &[Step]) -> Value {
        match self {
            Record::Value(value) => walk(value, steps),
            Record::Row { fields, names } => {
                let [Step::Member(name, exact)] = steps else { return Value::Missing };
                let position = name.strip_prefix('_').and_then(|number| number.parse::<usize>().ok());
                let named =
                    names.as_ref().and_then(|names| names.iter().position(|known| same(known, name, *exact)));
                let at = named.or_else(|| position?.checked_sub(1));
                at.and_then(|at| fields.get(at)).map_or(Value::Missing, |field| Value::Text(field.clone()))
            }
        }
    }
}

fn same(one: &str, two: &str, exact: bool) -> bool {
    if exact { one == two } else { one.eq_ignore_ascii_case(two) }
}

/// The value that steps lead to.
fn walk(value: &Value, steps: &[Step]) -> Value {
    let Some((step, rest)) = steps.split_first() else { return value.clone() };
    match (step, value) {
        (Step::Member(name, exact), Value::Map(members)) => members
            .iter()
            .find(|(known, _)| same(known, name, *exact))
            .map_or(Value::Missing, |(_, value)| walk(value, rest)),
        (Step::At(at), Value::List(items)) => items.get(*at).map_or(Value::Missing, |item| walk(item, rest)),
        (Step::Every, Value::List(items)) => Value::List(items.iter().map(|item| walk(item, rest)).collect()),
        _ => Value::Missing,
    }
}

/// The records of a document: what the steps behind `S3Object` lead to.
pub fn records_of(document: Value, steps: &[Step]) -> Vec<Value> {
    match steps {
        // The outermost star stands for the document itself, whatever it is.
        [Step::Every, rest @ ..] => spread(document, rest),
        steps => spread(document, steps),
    }
}

/// What steps lead to, each item of lists by itself; what they do not find is a record of nothing.
fn spread(value: Value, steps: &[Step]) -> Vec<Value> {
    let Some((step, rest)) = steps.split_first() else { return vec![value] };
    match (step, value) {
        (Step::Every, Value::List(items)) => items.into_iter().flat_map(|item| spread(item, rest)).collect(),
        (Step::Every, other) => spread(other, rest),
        (step, other) => spread(walk(&other, std::slice::from_ref(step)), rest),
    }
}

/// What an expression is evaluated with.
pub struct Scope<'a> {
    /// The record.
    pub record: &'a Record,
    /// The name of the records.
    pub alias: Option<&'a str>,
    /// The time of the query.
    pub now: Timestamp,
    /// The values of the aggregates, in the order of the query, at its end.
    pub aggregates: Option<&'a [Value]>,
}

/// Counts up what aggregates need.
#[derive(Debug, Clone)]
pub struct Tally {
    kind: Aggregate,
    of: Option<Expr>,
    count: i64,
    sum: f64,
    whole: Option<i64>,
    extreme: Value,
}

/// The aggregates of a query, in its order.
pub fn tallies(query: &Query) -> Vec<Tally> {
    let mut found = Vec::new();
    for item in query.items.iter().flatten() {
        collect(&item.expr, &mut found);
    }
    found
}

fn collect(expr: &Expr, found: &mut Vec<Tally>) {
    match expr {
        Expr::Aggregate(kind, of) => found.push(Tally {
            kind: *kind,
            of: of.as_deref().cloned(),
            count: 0,
            sum: 0.0,
            whole: Some(0),
            extreme: Value::Null,
        }),
        Expr::Not(one) | Expr::Minus(one) | Expr::Cast(one, _) => collect(one, found),
        Expr::Binary(_, one, two) => {
            collect(one, found);
            collect(two, found);
        }
        Expr::Call(_, list) => list.iter().for_each(|one| collect(one, found)),
        _ => {}
    }
}

impl Tally {
    /// Adds a record.
    ///
    /// # Errors
    /// Where the value cannot be counted up.
    pub fn add(&mut self, scope: &Scope<'_>) -> Result<(), Fault> {
        let Some(of) = &self.of else {
            self.count += 1;
            return Ok(());
        };
        let value = evaluate(of, scope, &mut 0)?;
        if value.is_absent() {
            return Ok(());
        }
        self.count += 1;
        match self.kind {
            Aggregate::Count => {}
            Aggregate::Sum | Aggregate::Average => {
                let number = value.number().ok_or_else(|| {
                    Fault::new(
                        "EvaluatorInvalidArguments",
                        "An aggregate was given a value that is no number.",
                    )
                })?;
                self.sum += number;
                self.whole = self.whole.zip(value.int()).and_then(|(sum, number)| sum.checked_add(number));
            }
            Aggregate::Least | Aggregate::Greatest => {
                let wanted = if self.kind == Aggregate::Least { Ordering::Less } else { Ordering::Greater };
                if self.extreme == Value::Null || value.compare(&self.extreme) == Some(wanted) {
                    self.extreme = value;
                }
            }
        }
        Ok(())
    }

    /// What it comes to.
    pub fn value(&self) -> Value {
        match self.kind {
            Aggregate::Count => Value::Int(self.count),
            _ if self.count == 0 => Value::Null,
            Aggregate::Sum => self.whole.map_or(Value::Float(self.sum), Value::Int),
            Aggregate::Average => Value::Float(self.sum / self.count as f64),
            Aggregate::Least | Aggregate::Greatest => self.extreme.clone(),
        }
    }
}

/// Whether a value lets a record through: absent ones do not.
pub fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(truth) => *truth,
        Value::Text(text) => text.eq_ignore_ascii_case("true"),
        _ => false,
    }
}

/// What an expression comes to. `aggregate` counts the aggregates that were met.
///
/// # Errors
/// Where values do not fit what is done with them.
pub fn evaluate(expr: &Expr, scope: &Scope<'_>, aggregate: &mut usize) -> Result<Value, Fault> {
    Ok(match expr {
        Expr::Literal(value) => value.clone(),
        Expr::Path(steps) => scope.record.field(own(steps, scope)),
        Expr::Not(one) => match evaluate(one, scope, aggregate)? {
            Value::Bool(truth) => Value::Bool(!truth),
            absent => absent,
        },
        Expr::Minus(one) => match evaluate(one, scope, aggregate)? {
            value if value.is_absent() => Value::Null,
            Value::Int(number) => number.checked_neg().map_or(Value::Float(-(number as f64)), Value::Int),
            value => Value::Float(-value.number().ok_or_else(no_number)?),
        },
        Expr::Binary(operator, one, two) => binary(*operator, (one, two), scope, aggregate)?,
        Expr::Like { value, pattern, escape } => {
            let text = |expr: &Expr, aggregate: &mut usize| {
                evaluate(expr, scope, aggregate).map(|value| value.text())
            };
            let (value, pattern) = (text(value, aggregate)?, text(pattern, aggregate)?);
            let escape = escape.as_ref().map(|escape| text(escape, aggregate)).transpose()?.flatten();
            match (value, pattern) {
                (Some(value), Some(pattern)) => {
                    Value::Bool(functions::like(&value, &pattern, escape.as_deref())?)
                }
                _ => Value::Null,
            }
        }
        Expr::In(value, list) => among(value, list, scope, aggregate)?,
        Expr::Between(value, low, high) => between((value, low, high), scope, aggregate)?,
        Expr::Is { value, missing } => {
            let value = evaluate(value, scope, aggregate)?;
            Value::Bool(if *missing { value == Value::Missing } else { value.is_absent() })
        }
        Expr::Case { subject, branches, other } => {
            case((subject.as_deref(), branches, other.as_deref()), scope)?
        }
        Expr::Cast(value, kind) => functions::cast(evaluate(value, scope, aggregate)?, kind)?,
        Expr::Call(name, list) => {
            let mut values = Vec::with_capacity(list.len());
            for one in list {
                values.push(evaluate(one, scope, aggregate)?);
            }
            functions::call(name, values, scope.now)?
        }
        Expr::Aggregate(..) => {
            let value = scope.aggregates.and_then(|values| values.get(*aggregate)).cloned();
            *aggregate += 1;
            value.ok_or_else(|| {
                Fault::new(
                    "UnsupportedSqlStructure",
                    "Encountered an unsupported SQL structure: an aggregate.",
                )
            })?
        }
    })
}

fn among(value: &Expr, list: &[Expr], scope: &Scope<'_>, aggregate: &mut usize) -> Result<Value, Fault> {
    let value = evaluate(value, scope, aggregate)?;
    let mut found = false;
    for one in list {
        found |= evaluate(one, scope, aggregate)?.compare(&value) == Some(Ordering::Equal);
    }
    Ok(Value::Bool(found))
}

fn between(
    (value, low, high): (&Expr, &Expr, &Expr),
    scope: &Scope<'_>,
    aggregate: &mut usize,
) -> Result<Value, Fault> {
    let value = evaluate(value, scope, aggregate)?;
    let low = value.compare(&evaluate(low, scope, aggregate)?);
    let high = value.compare(&evaluate(high, scope, aggregate)?);
    Ok(match (low, high) {
        (Some(low), Some(high)) => Value::Bool(low != Ordering::Less && high != Ordering::Greater),
        _ => Value::Null,
    })
}

/// The steps into the record itself: the name of the records goes first where it is written.
fn own<'s>(steps: &'s [Step], scope: &Scope<'_>) -> &'s [Step] {
    // Fields of a row have no fields: a name that stands alone is one of them.
    let whole = matches!(scope.record, Record::Value(_));
    match steps.split_first() {
        Some((Step::Member(name, _), rest)) if whole || !rest.is_empty() => {
            let records = scope.alias.is_some_and(|alias| alias.eq_ignore_ascii_case(name));
            if records || name.eq_ignore_ascii_case("s3object") { rest } else { steps }
        }
        _ => steps,
    }
}

fn no_number() -> Fault {
    Fault::new("EvaluatorInvalidArguments", "Incorrect number or type of arguments: a number was expected.")
}

fn binary(
    operator: Operator,
    (one, two): (&Expr, &Expr),
    scope: &Scope<'_>,
    aggregate: &mut usize,
) -> Result<Value, Fault> {
    let left = evaluate(one, scope, aggregate)?;
    match operator {
        Operator::And if left == Value::Bool(false) => return Ok(left),
        Operator::Or if left == Value::Bool(true) => return Ok(left),
        _ => {}
    }
    let right = evaluate(two, scope, aggregate)?;
    if matches!(operator, Operator::And | Operator::Or) {
        let both = (is_true(&left), is_true(&right));
        return Ok(Value::Bool(if operator == Operator::And { both.0 && both.1 } else { both.0 || both.1 }));
    }
    if left.is_absent() || right.is_absent() {
        return Ok(Value::Null);
    }
    let order = || left.compare(&right);
    Ok(match operator {
        Operator::Equal => Value::Bool(order() == Some(Ordering::Equal)),
        Operator::Unequal => Value::Bool(order() != Some(Ordering::Equal)),
        Operator::Less => Value::Bool(order() == Some(Ordering::Less)),
        Operator::LessOrEqual => Value::Bool(matches!(order(), Some(Ordering::Less | Ordering::Equal))),
        Operator::Greater => Value::Bool(order() == Some(Ordering::Greater)),
        Operator::GreaterOrEqual => Value::Bool(matches!(order(), Some(Ordering::Greater | Ordering::Equal))),
        Operator::Join => Value::Text(left.text().unwrap_or_default() + &right.text().unwrap_or_default()),
        _ => arithmetic(operator, &left, &right)?,
    })
}

fn arithmetic(operator: Operator, left: &Value, right: &Value) -> Result<Value, Fault> {
    if let (Some(one), Some(two)) = (left.int(), right.int()) {
        let exact = match operator {
            Operator::Add => one.checked_add(two),
            Operator::Subtract => one.checked_sub(two),
            Operator::Multiply => one.checked_mul(two),
            _ if two == 0 => return Err(Fault::new("EvaluatorInvalidArguments", "Division by zero.")),
            Operator::Divide => one.checked_div(two),
            _ => one.checked_rem(two),
        };
        if let Some(exact) = exact {
            return Ok(Value::Int(exact));
        }
    }
    let (one, two) = (left.number().ok_or_else(no_number)?, right.number().ok_or_else(no_number)?);
    Ok(Value::Float(match operator {
        Operator::Add => one + two,
        Operator::Subtract => one - two,
        Operator::Multiply => one * two,
        Operator::Divide => one / two,
        _ => one % two,
    }))
}

type Branches<'a> = (Option<&'a Expr>, &'a [(Expr, Expr)], Option<&'a Expr>);

fn case((subject, branches, other): Branches<'_>, scope: &Scope<'_>) -> Result<Value, Fault> {
    let subject = subject.map(|subject| evaluate(subject, scope, &mut 0)).transpose()?;
    for (test, then) in branches {
        let tested = evaluate(test, scope, &mut 0)?;
        let holds = match &subject {
            Some(subject) => tested.compare(subject) == Some(Ordering::Equal),
            None => is_true(&tested),
        };
        if holds {
            return evaluate(then, scope, &mut 0);
        }
    }
    other.map_or(Ok(Value::Null), |other| evaluate(other, scope, &mut 0))
}
