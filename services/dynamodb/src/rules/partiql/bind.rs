//! Filling a statement's parameters in: values, conditions and updates that can be evaluated.

use super::syntax::{Call, Change, Term, Where};
use super::terms::{function, unknown_function};
use crate::rules::checks;
use crate::rules::expression::bind::{self, Bound, Operand};
use crate::rules::expression::condition::{Ask, Condition};
use crate::rules::expression::path::{self, Path};
use crate::rules::expression::update::{Action, Source};
use crate::rules::number::{NotANumber, Number};
use crate::rules::value::{self, Item, Kind, Value};

/// Refuses numbers that Java's BigDecimal cannot hold, which reads parameters: its scale has 32 bits, and so has
/// what DynamoDB compares with its bounds, which overflows at the largest exponents (conformance suite of
/// paritysuite, tests/tier3/error-messages/partiqlParameterNumbers.test.ts, run on AWS).
fn convertible(value: &Value) -> Result<(), String> {
    match value {
        Value::N(text) => big_decimal(text),
        Value::NS(set) => set.iter().try_for_each(|text| big_decimal(text)),
        Value::L(list) => list.iter().try_for_each(convertible),
        Value::M(map) => map.values().try_for_each(convertible),
        _ => Ok(()),
    }
}

fn big_decimal(text: &str) -> Result<(), String> {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return Ok(()) };
    let digits = exponent.trim_start_matches(['+', '-']);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    let fraction = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len() as i64);
    let scale =
        exponent.parse::<i32>().ok().and_then(|exponent| i32::try_from(fraction - i64::from(exponent)).ok());
    let scale = scale.ok_or_else(|| NotANumber::Malformed(text.to_owned()).to_string())?;
    let precision = mantissa.bytes().filter(u8::is_ascii_digit).count() as i64;
    match precision - i64::from(scale) > i64::from(i32::MAX) {
        true => Err(NotANumber::Underflow.to_string()),
        false => Ok(()),
    }
}

/// The parameters of a request, checked.
#[derive(Clone, Copy)]
pub struct Parameters<'p>(&'p [Value]);

impl<'p> Parameters<'p> {
    /// The parameters for a statement that has so many.
    ///
    /// # Errors
    /// Where they are more or fewer, or one is no value.
    pub fn new(given: &'p [Value], wanted: usize) -> Result<Self, String> {
        if given.len() != wanted {
            return Err("Number of parameters in request and statement don't match.".to_owned());
        }
        Self::check(given)?;
        Ok(Parameters(given))
    }

    /// Checks parameters by themselves, one after the other.
    ///
    /// # Errors
    /// Where one is no value.
    pub fn check(given: &[Value]) -> Result<(), String> {
        given.iter().try_for_each(|value| {
            checks::nesting(value).and_then(|()| convertible(value)).and_then(|()| checks::value(value))
        })
    }

    /// The value of a term that is none but a value.
    ///
    /// # Errors
    /// AWS's message.
    pub fn value(self, term: &Term) -> Result<Value, String> {
        let value = self.under(term, "root")?;
        checks::value(&value)?;
        Ok(value::canonical(&value))
    }

    /// A value that is found under a path of the value that a message names.
    fn under(self, term: &Term, at: &str) -> Result<Value, String> {
        Ok(match term {
            Term::Text(text) => Value::S(text.clone()),
            Term::Number(text) => {
                Number::parse(text).map_err(|refusal| format!("{refusal} under {at}"))?;
                Value::N(text.clone())
            }
            Term::Bool(truth) => Value::BOOL(*truth),
            Term::Null => Value::NULL(true),
            Term::Parameter(place) => self.0.get(*place).cloned().unwrap_or_default(),
            Term::List(terms) => {
                let values = terms.iter().enumerate();
                let values = values.map(|(place, term)| self.under(term, &format!("{at}[{place}]")));
                Value::L(values.collect::<Result<_, _>>()?)
            }
            Term::Map(entries) => {
                let values = entries.iter();
                let values =
                    values.map(|(name, term)| Ok((name.clone(), self.under(term, &format!("{at}.{name}"))?)));
                Value::M(values.collect::<Result<_, String>>()?)
            }
            Term::Bag(terms) => self.set(terms, at)?,
            Term::Call(call) => {
                return Err(format!("Unsupported data type: {} under key {at} at {}", call.name, call.place));
            }
            Term::Path(path) => return Err(format!("Unsupported data type: {} under key {at}", path.head)),
            Term::Plus(..) | Term::Minus(..) => {
                return Err(format!("Unsupported data type: expression under key {at}"));
            }
        })
    }

    fn set(self, terms: &[Term], at: &str) -> Result<Value, String> {
        if terms.is_empty() {
            return Err("Empty bags are not supported".to_owned());
        }
        let (mut texts, mut numbers, mut binaries) = (Vec::new(), Vec::new(), Vec::new());
        for (place, term) in terms.iter().enumerate() {
            match self.under(term, &format!("{at}[{place}]"))? {
                Value::S(text) => texts.push(text),
                Value::N(text) => numbers.push(text),
                Value::B(bytes) => binaries.push(bytes),
                _ => return Err("Bags of scalars of one type only are supported".to_owned()),
            }
        }
        match (texts.len(), numbers.len(), binaries.len()) {
            (_, 0, 0) => Ok(Value::SS(texts)),
            (0, _, 0) => Ok(Value::NS(numbers)),
            (0, 0, _) => Ok(Value::BS(binaries)),
            _ => Err("Bags of scalars of one type only are supported".to_owned()),
        }
    }

    /// The item of an INSERT.
    ///
    /// # Errors
    /// AWS's message.
    pub fn item(self, term: &Term) -> Result<Item, String> {
        let item = match term {
            Term::Map(entries) => {
                let attributes =
                    entries.iter().map(|(name, term)| Ok((name.clone(), self.under(term, "root")?)));
                attributes.collect::<Result<Item, String>>()?
            }
            other => match self.under(other, "root")? {
                Value::M(item) => item,
                _ => return Err(super::not_well_formed("Expected a tuple of attributes")),
            },
        };
        checks::values(&item)?;
        Ok(item)
    }

    /// A condition that can be evaluated.
    ///
    /// # Errors
    /// AWS's message.
    pub fn condition(self, condition: &Where) -> Result<Bound, String> {
        let all = |all: &[Where]| -> Result<Vec<Bound>, String> {
            all.iter().map(|condition| self.condition(condition)).collect()
        };
        Ok(match condition {
            Condition::All(inner) => Condition::All(all(inner)?),
            Condition::Any(inner) => Condition::Any(all(inner)?),
            Condition::Not(inner) => Condition::Not(Box::new(self.condition(inner)?)),
            Condition::Test(ask, terms) => {
                let operands = terms.iter().map(|term| self.operand(term)).collect::<Result<Vec<_>, _>>()?;
                bind::check(*ask, &operands)?;
                Condition::Test(*ask, operands)
            }
        })
    }

    fn operand(self, term: &Term) -> Result<Operand, String> {
        match term {
            Term::Path(path) => Ok(Operand::Path(path.clone())),
            Term::Call(call) if function(&call.name) == Some(Ask::Size) => {
                let inner = call.operands.iter().map(|term| self.operand(term));
                Ok(Operand::Size(inner.collect::<Result<_, _>>()?))
            }
            Term::Call(call) => Err(unknown_function(call)),
            value => self.value(value).map(Operand::Value),
        }
    }

    /// The actions of an update.
    ///
    /// # Errors
    /// AWS's message.
    pub fn actions(self, changes: &[Change]) -> Result<Vec<Action>, String> {
        let actions = changes.iter().map(|change| match change {
            Change::Remove(path) => Ok(Action::Remove(path.clone())),
            Change::Set(path, Term::Call(call)) if matches!(call.name.as_str(), "set_add" | "set_delete") => {
                self.set_action(path, call)
            }
            Change::Set(path, term) => Ok(Action::Set(path.clone(), self.source(term)?)),
        });
        let actions = actions.collect::<Result<Vec<_>, String>>()?;
        path::disjoint(actions.iter().map(Action::path))?;
        Ok(actions)
    }

    fn set_action(self, path: &Path, call: &Call) -> Result<Action, String> {
        let name = call.name.to_ascii_uppercase();
        let [target, change] = call.operands.as_slice() else {
            return Err(format!("{name} must have exactly two arguments at {}", call.place));
        };
        if *target != Term::Path(path.clone()) {
            return Err(format!(
                "The first argument to {name} must equal the assignment value at {}",
                call.place
            ));
        }
        let is_value = !matches!(change, Term::Path(_) | Term::Call(_));
        let change = if is_value { self.value(change)? } else { Value::Unset };
        if !value::kind(&change).is_some_and(Kind::is_set) {
            return Err(format!(
                "The second argument to {name} must be a value with type SET at {}",
                call.first
            ));
        }
        let path = path.clone();
        Ok(if name == "SET_ADD" { Action::Add(path, change) } else { Action::Delete(path, change) })
    }

    fn source(self, term: &Term) -> Result<Source, String> {
        Ok(match term {
            Term::Path(path) => Source::Path(path.clone()),
            Term::Plus(one, two) => {
                let (one, two) = self.two("+", one, two, Kind::N)?;
                Source::Plus(one, two)
            }
            Term::Minus(one, two) => {
                let (one, two) = self.two("-", one, two, Kind::N)?;
                Source::Minus(one, two)
            }
            Term::Call(call) => self.called(call)?,
            value => Source::Value(self.value(value)?),
        })
    }

    fn called(self, call: &Call) -> Result<Source, String> {
        match (call.name.as_str(), call.operands.as_slice()) {
            ("list_append", [one, two]) => {
                let (one, two) = self.two("list_append", one, two, Kind::L)?;
                Ok(Source::Append(one, two))
            }
            ("if_not_exists", [Term::Path(path), other]) => {
                Ok(Source::IfNotExists(path.clone(), Box::new(self.source(other)?)))
            }
            ("list_append" | "if_not_exists", operands) => Err(format!(
                "Incorrect number of operands for operator or function; operator or function: {}, number of \
                 operands: {}",
                call.name,
                operands.len()
            )),
            _ => Err(unknown_function(call)),
        }
    }

    fn two(
        self,
        operator: &str,
        one: &Term,
        two: &Term,
        kind: Kind,
    ) -> Result<(Box<Source>, Box<Source>), String> {
        Source::both(operator, kind, [self.source(one)?, self.source(two)?])
    }
}
