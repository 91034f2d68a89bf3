//! The parameters from before expressions — `Expected`, `QueryFilter`, `KeyConditions`,
//! `AttributeUpdates`, `AttributesToGet` — as the conditions, updates and projections that they mean.

use super::checks;
use super::expression::bind::{Bound, Operand};
use super::expression::condition::{Ask, Comparison, Condition};
use super::expression::key_condition::{KeyTest, KeyTests};
use super::expression::path::Path;
use super::expression::projection::Projection;
use super::expression::update::{Action, Source};
use super::value::{self, Kind, Value};
use model::{AttributeAction, ComparisonOperator, ConditionalOperator, ExpectedAttributeValue};
use model_dynamodb as model;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

const INVALID: &str = "One or more parameter values were invalid: ";

/// Which of a request's parameters are given, by name.
pub type Given<'n> = [(&'n str, bool)];

/// Refuses expressions beside the parameters from before them, and placeholders without expressions.
///
/// # Errors
/// AWS's message.
pub fn check_mixed(
    expressions: &Given<'_>,
    others: &Given<'_>,
    (names, values): (bool, bool),
) -> Result<(), String> {
    let given = |all: &Given<'_>| {
        all.iter().filter(|(_, given)| *given).map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>()
    };
    let (used, mut unused) = (given(expressions), given(others));
    if !used.is_empty() {
        // Key conditions and a filter expression are accepted together.
        if !used.iter().any(|name| name == "KeyConditionExpression") {
            unused.retain(|name| name != "KeyConditions");
        }
        if !unused.is_empty() {
            return Err(format!(
                "Can not use both expression and non-expression parameters in the same request: \
                 Non-expression parameters: {{{}}} Expression parameters: {{{}}}",
                unused.join(", "),
                used.join(", ")
            ));
        }
    } else if names {
        return Err("ExpressionAttributeNames can only be specified when using expressions".to_owned());
    }
    let with_values: Vec<&(&str, bool)> =
        expressions.iter().filter(|(name, _)| *name != "ProjectionExpression").collect();
    if values && !with_values.is_empty() && with_values.iter().all(|(_, given)| !given) {
        let names: Vec<&str> = with_values.iter().map(|(name, _)| *name).collect();
        return Err(format!(
            "ExpressionAttributeValues can only be specified when using expressions: {} {} null",
            names.join(" and "),
            if names.len() > 1 { "are" } else { "is" }
        ));
    }
    Ok(())
}

/// What an operator takes: how many values, and of which types.
fn arity(operator: &ComparisonOperator, count: usize) -> bool {
    match operator {
        ComparisonOperator::Null | ComparisonOperator::NotNull => count == 0,
        ComparisonOperator::Between => count == 2,
        ComparisonOperator::In => count > 0,
        _ => count == 1,
    }
}

fn accepts(operator: &ComparisonOperator, kind: Kind) -> bool {
    match operator {
        ComparisonOperator::Eq | ComparisonOperator::Ne => true,
        ComparisonOperator::BeginsWith => matches!(kind, Kind::S | Kind::B),
        ComparisonOperator::Contains | ComparisonOperator::NotContains => {
            kind.is_ordered() || matches!(kind, Kind::Bool | Kind::Null)
        }
        _ => kind.is_ordered(),
    }
}

fn check_values(operator: &ComparisonOperator, values: &[Value]) -> Result<(), String> {
    if !arity(operator, values.len()) {
        return Err(format!("{INVALID}Invalid number of argument(s) for the {operator} ComparisonOperator"));
    }
    if values.windows(2).any(|pair| value::kind(&pair[0]) != value::kind(&pair[1])) {
        return Err(format!("{INVALID}AttributeValues inside AttributeValueList must be of same type"));
    }
    for kind in values.iter().filter_map(value::kind) {
        if !accepts(operator, kind) {
            return Err(format!(
                "{INVALID}ComparisonOperator {operator} is not valid for {} AttributeValue type",
                kind.name()
            ));
        }
    }
    if let (ComparisonOperator::Between, [low, high]) = (operator, values)
        && value::compare(low, high) == Some(Ordering::Greater)
    {
        return Err("The BETWEEN condition was provided a range where the lower bound is greater than the \
                    upper bound"
            .to_owned());
    }
    Ok(())
}

fn ask(operator: &ComparisonOperator) -> Ask {
    match operator {
        ComparisonOperator::Eq => Ask::Compare(Comparison::Equal),
        ComparisonOperator::Ne => Ask::Compare(Comparison::NotEqual),
        ComparisonOperator::Le => Ask::Compare(Comparison::LessOrEqual),
        ComparisonOperator::Lt => Ask::Compare(Comparison::Less),
        ComparisonOperator::Ge => Ask::Compare(Comparison::GreaterOrEqual),
        ComparisonOperator::Gt => Ask::Compare(Comparison::Greater),
        ComparisonOperator::In => Ask::In,
        ComparisonOperator::Between => Ask::Between,
        ComparisonOperator::NotNull => Ask::Exists,
        ComparisonOperator::Null => Ask::NotExists,
        ComparisonOperator::Contains | ComparisonOperator::NotContains => Ask::Contains,
        ComparisonOperator::BeginsWith => Ask::BeginsWith,
        // The model's enum was checked before the room.
        ComparisonOperator::Other(_) => Ask::Compare(Comparison::Equal),
    }
}

fn test(attribute: &str, operator: &ComparisonOperator, values: &[Value]) -> Bound {
    let path = || Operand::Path(Path::attribute(attribute));
    let operands = std::iter::once(path()).chain(values.iter().cloned().map(Operand::Value)).collect();
    let test = Condition::Test(ask(operator), operands);
    match operator {
        // Unlike NE, it does not hold where there is nothing.
        ComparisonOperator::NotContains => {
            let exists = Condition::Test(Ask::Exists, vec![path()]);
            Condition::All(vec![exists, Condition::Not(Box::new(test))])
        }
        _ => test,
    }
}

fn joined(tests: Vec<Bound>, operator: Option<&ConditionalOperator>) -> Bound {
    match operator {
        Some(ConditionalOperator::Or) => Condition::Any(tests),
        _ => Condition::All(tests),
    }
}

fn check_operator(operator: Option<&ConditionalOperator>, conditions: usize) -> Result<(), String> {
    match (operator, conditions) {
        (None, _) | (_, 2..) => Ok(()),
        (_, 0) => Err("ConditionalOperator cannot be used without Filter or Expected".to_owned()),
        (_, _) => {
            Err("ConditionalOperator can only be used when Filter or Expected has two or more elements"
                .to_owned())
        }
    }
}

/// The condition of a `QueryFilter` or `ScanFilter`.
///
/// # Errors
/// AWS's message.
pub fn filter(
    conditions: Option<&BTreeMap<String, model::Condition>>,
    operator: Option<&ConditionalOperator>,
) -> Result<Option<Bound>, String> {
    check_operator(operator, conditions.map_or(0, BTreeMap::len))?;
    let Some(conditions) = conditions.filter(|conditions| !conditions.is_empty()) else { return Ok(None) };
    check_conditions(conditions)?;
    let tests = conditions.iter().map(|(name, condition)| {
        test(
            name,
            &condition.comparison_operator,
            condition.attribute_value_list.as_deref().unwrap_or_default(),
        )
    });
    Ok(Some(joined(tests.collect(), operator)))
}

fn check_conditions(conditions: &BTreeMap<String, model::Condition>) -> Result<(), String> {
    for condition in conditions.values() {
        let values = condition.attribute_value_list.as_deref().unwrap_or_default();
        values.iter().try_for_each(checks::value)?;
        check_values(&condition.comparison_operator, values)?;
    }
    Ok(())
}

/// The tests of `KeyConditions`.
///
/// # Errors
/// AWS's message.
pub fn key_tests(conditions: &BTreeMap<String, model::Condition>) -> Result<KeyTests, String> {
    check_conditions(conditions)?;
    let tests = conditions.iter().map(|(name, condition)| {
        let operator = &condition.comparison_operator;
        let indexable = !matches!(operator, ComparisonOperator::NotContains);
        let ask = if indexable { ask(operator) } else { Ask::Contains };
        let values = condition.attribute_value_list.clone().unwrap_or_default();
        (name.clone(), KeyTest { ask, values })
    });
    Ok(tests.collect())
}

/// The condition of `Expected`.
///
/// # Errors
/// AWS's message.
pub fn expected(
    expected: Option<&BTreeMap<String, ExpectedAttributeValue>>,
    operator: Option<&ConditionalOperator>,
) -> Result<Option<Bound>, String> {
    check_operator(operator, expected.map_or(0, BTreeMap::len))?;
    let Some(expected) = expected.filter(|expected| !expected.is_empty()) else { return Ok(None) };
    let tests = expected.iter().map(|(name, one)| one_expected(name, one)).collect::<Result<_, _>>()?;
    Ok(Some(joined(tests, operator)))
}

fn one_expected(name: &str, one: &ExpectedAttributeValue) -> Result<Bound, String> {
    let refuse = |why: String| Err(format!("{INVALID}{why} for Attribute: {name}"));
    if one.attribute_value_list.is_some() && one.value.is_some() {
        return refuse("Value and AttributeValueList cannot be used together".to_owned());
    }
    let values: Vec<Value> =
        one.attribute_value_list.clone().unwrap_or_else(|| one.value.iter().cloned().collect());
    if let Some(operator) = &one.comparison_operator {
        if one.exists.is_some() {
            return refuse("Exists and ComparisonOperator cannot be used together".to_owned());
        }
        let valued = !matches!(operator, ComparisonOperator::Null | ComparisonOperator::NotNull);
        if valued && one.attribute_value_list.is_none() && one.value.is_none() {
            return refuse(format!(
                "Value or AttributeValueList must be used with ComparisonOperator: {operator}"
            ));
        }
        values.iter().try_for_each(checks::value)?;
        check_values(operator, &values)?;
        return Ok(test(name, operator, &values));
    }
    if one.attribute_value_list.is_some() {
        return refuse("AttributeValueList can only be used with a ComparisonOperator".to_owned());
    }
    match (one.exists, &one.value) {
        (Some(false), None) => Ok(test(name, &ComparisonOperator::Null, &[])),
        (Some(false), Some(_)) => refuse("Value cannot be used when Exists is false".to_owned()),
        (exists, None) => {
            let exists = exists.map_or("null".to_owned(), |exists| exists.to_string());
            refuse(format!("Value must be provided when Exists is {exists}"))
        }
        (_, Some(value)) => {
            checks::value(value)?;
            Ok(test(name, &ComparisonOperator::Eq, &values))
        }
    }
}

/// The actions of `AttributeUpdates`.
///
/// # Errors
/// AWS's message.
pub fn updates(updates: &BTreeMap<String, model::AttributeValueUpdate>) -> Result<Vec<Action>, String> {
    let actions = updates.iter().map(|(name, update)| {
        checks::name(name)?;
        let path = Path::attribute(name.clone());
        let action = update.action.as_ref().unwrap_or(&AttributeAction::Put);
        let Some(value) = &update.value else {
            return match action {
                AttributeAction::Delete => Ok(Action::Remove(path)),
                _ => Err(format!(
                    "{INVALID}Only DELETE action is allowed when no attribute value is specified"
                )),
            };
        };
        checks::value(value)?;
        let (kind, stored) = (value::kind(value), value::canonical(value));
        let name = value::kind_name(value);
        match action {
            AttributeAction::Add
                if kind.is_some_and(|kind| kind.is_set() || matches!(kind, Kind::N | Kind::L)) =>
            {
                Ok(Action::Add(path, stored))
            }
            AttributeAction::Add => Err(format!("{INVALID}ADD action is not supported for the type {name}")),
            AttributeAction::Delete if kind.is_some_and(Kind::is_set) => Ok(Action::Delete(path, stored)),
            AttributeAction::Delete => {
                Err(format!("{INVALID}DELETE action with value is not supported for the type {name}"))
            }
            AttributeAction::Put | AttributeAction::Other(_) => Ok(Action::Set(path, Source::Value(stored))),
        }
    });
    actions.collect()
}

/// The projection of `AttributesToGet`.
///
/// # Errors
/// AWS's message.
pub fn attributes_to_get(names: &[String]) -> Result<Projection, String> {
    names.iter().try_for_each(|name| checks::name(name))?;
    let mut seen = BTreeSet::new();
    if let Some(twice) = names.iter().find(|name| !seen.insert(name.as_str())) {
        return Err(format!("{INVALID}Duplicate value in attribute name: {twice}"));
    }
    Ok(Projection::new(names.iter().map(Path::attribute).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(text: &str) -> Value {
        Value::S(text.into())
    }

    /// Texts as dynalite recorded them on DynamoDB (test/query.js, test/updateItem.js).
    #[test]
    fn expressions_and_other_parameters_exclude_each_other() {
        let expressions = [("UpdateExpression", true), ("ConditionExpression", true)];
        let others = [("AttributeUpdates", true), ("Expected", true)];
        assert_eq!(
            check_mixed(&expressions, &others, (true, true)),
            Err("Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {AttributeUpdates, Expected} Expression parameters: {UpdateExpression, ConditionExpression}".into())
        );
        let none = [("UpdateExpression", false), ("ConditionExpression", false)];
        assert_eq!(
            check_mixed(&none, &others, (true, true)),
            Err("ExpressionAttributeNames can only be specified when using expressions".into())
        );
        assert_eq!(
            check_mixed(&none, &others, (false, true)),
            Err("ExpressionAttributeValues can only be specified when using expressions: UpdateExpression and ConditionExpression are null".into())
        );
        assert_eq!(check_mixed(&none, &others, (false, false)), Ok(()));
    }

    #[test]
    fn operators_check_their_values() {
        let of = |operator: &str, values: Vec<Value>| {
            let condition =
                model::Condition { comparison_operator: operator.into(), attribute_value_list: Some(values) };
            filter(Some(&[("a".to_owned(), condition)].into()), None).map(|_| ()).unwrap_err()
        };
        let cases = [
            ("EQ", vec![], "Invalid number of argument(s) for the EQ ComparisonOperator"),
            ("NULL", vec![s("a")], "Invalid number of argument(s) for the NULL ComparisonOperator"),
            (
                "LT",
                vec![Value::BOOL(true)],
                "ComparisonOperator LT is not valid for BOOL AttributeValue type",
            ),
            (
                "BEGINS_WITH",
                vec![Value::N("1".into())],
                "ComparisonOperator BEGINS_WITH is not valid for N AttributeValue type",
            ),
            (
                "IN",
                vec![s("b"), Value::N("1".into())],
                "AttributeValues inside AttributeValueList must be of same type",
            ),
        ];
        for (operator, values, message) in cases {
            assert_eq!(of(operator, values), format!("{INVALID}{message}"));
        }
        assert_eq!(
            of("BETWEEN", vec![s("b"), s("a")]),
            "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound"
        );
    }

    #[test]
    fn expected_values() {
        let expect = |exists, value: Option<Value>| {
            let one = ExpectedAttributeValue { exists, value, ..Default::default() };
            expected(Some(&[("a".to_owned(), one)].into()), None)
        };
        let item = [("a".to_owned(), s("x"))].into();
        assert!(expect(None, Some(s("x"))).unwrap().unwrap().holds(&item));
        assert!(!expect(Some(false), None).unwrap().unwrap().holds(&item));
        assert_eq!(
            expect(None, None),
            Err(format!("{INVALID}Value must be provided when Exists is null for Attribute: a"))
        );
        assert_eq!(
            expect(Some(false), Some(s("x"))),
            Err(format!("{INVALID}Value cannot be used when Exists is false for Attribute: a"))
        );
    }
}
