//! One line of a condition block: an operator, a key, and the values it may or may not have.

use crate::MalformedPolicy;
use crate::operator::{Operand, Operator, boolean};
use crate::request::{Request, Values};
use crate::syntax::RawCondition;

/// How the values of a key that has several are taken together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantifier {
    None,
    /// `ForAllValues:` holds if every value does, and if there is none.
    All,
    /// `ForAnyValue:` holds if some value does.
    Any,
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    /// `Null`: whether the key is absent.
    Absence(bool),
    Compare {
        operator: Operator,
        operands: Vec<Operand>,
    },
}

/// A compiled condition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Condition {
    /// The operator as the policy writes it.
    pub(crate) operator_name: Box<str>,
    /// The key as the policy writes it.
    pub(crate) key_name: Box<str>,
    /// The key in lower case, by which it is looked up.
    key: Box<str>,
    quantifier: Quantifier,
    if_exists: bool,
    test: Test,
}

impl Condition {
    /// Compiles a condition. An operator that does not exist is a syntax error; an operand that is not
    /// of the operator's kind is one that AWS calls a failure of legacy parsing.
    pub(crate) fn compile(raw: &RawCondition, variables: bool) -> Result<Self, MalformedPolicy> {
        let (quantifier, name) = match raw.operator.split_once(':') {
            Some((set, name)) if set.eq_ignore_ascii_case("ForAllValues") => (Quantifier::All, name),
            Some((set, name)) if set.eq_ignore_ascii_case("ForAnyValue") => (Quantifier::Any, name),
            Some(_) => return Err(MalformedPolicy::syntax()),
            None => (Quantifier::None, raw.operator.as_str()),
        };
        let suffix_at = name.len().saturating_sub("IfExists".len());
        let if_exists = name.get(suffix_at..).is_some_and(|end| end.eq_ignore_ascii_case("IfExists"));
        let base = if if_exists { &name[..suffix_at] } else { name };
        Ok(Condition {
            operator_name: raw.operator.as_str().into(),
            key_name: raw.key.as_str().into(),
            key: raw.key.to_ascii_lowercase().into(),
            quantifier,
            if_exists,
            test: Test::compile(base, &raw.values, variables)?,
        })
    }

    /// Whether a request fulfils it.
    pub(crate) fn holds(&self, request: &Request<'_>) -> bool {
        let values = request.values(&self.key);
        let (operator, operands) = match &self.test {
            Test::Absence(absent) => return values.is_absent() == *absent,
            Test::Compare { operator, operands } => (operator, operands),
        };
        let equals = |value: &str| operands.iter().any(|operand| operator.compare(value, operand, request));
        let holds = |value: &str| equals(value) != operator.negated;
        match (self.quantifier, &values) {
            (_, Values::Absent) if self.if_exists => true,
            (Quantifier::All, Values::Absent) => true,
            (Quantifier::Any, Values::Absent) => false,
            (Quantifier::None, Values::Absent) => operator.negated,
            (Quantifier::All, values) => values.all(holds),
            (Quantifier::Any, values) => values.any(holds),
            (Quantifier::None, values) if operator.negated => values.all(holds),
            (Quantifier::None, values) => values.any(holds),
        }
    }
}

impl Test {
    fn compile(name: &str, values: &[String], variables: bool) -> Result<Self, MalformedPolicy> {
        if name.eq_ignore_ascii_case("Null") {
            let flag = values.first().map_or(Some(true), |value| boolean(value));
            return flag.map(Test::Absence).ok_or_else(MalformedPolicy::legacy);
        }
        let operator = Operator::parse(name).ok_or_else(MalformedPolicy::syntax)?;
        let operands = values.iter().map(|value| operator.operand(value, variables));
        let operands = operands.collect::<Option<Vec<_>>>().ok_or_else(MalformedPolicy::legacy)?;
        Ok(Test::Compare { operator, operands })
    }
}
