//! Query: items of one partition of a table or an index, in the order of their sort keys.

use super::get_item::consistency;
use crate::errors::DynamoError;
use crate::expressions::Expressions;
use crate::find::{self, Found};
use crate::pages::Reading;
use crate::request::Binder;
use crate::rules::expression::bind::Bound;
use crate::rules::expression::condition::{Ask, Comparison};
use crate::rules::expression::key_condition::{self, KeyTest, KeyTests};
use crate::rules::expression::projection::Projection;
use crate::rules::keys::{KeyPart, KeySchema};
use crate::rules::legacy;
use crate::rules::rows::{RowRange, Rows};
use crate::rules::value::{self, Item, Kind, Value};
use crate::state::TableRecord;
use crate::{select, write};
use model_dynamodb::{QueryInput, QueryOutput, Select};
use service::Ctx;
use std::sync::Arc;

/// Query.
pub async fn query(ctx: Ctx, input: Arc<QueryInput>) -> Result<QueryOutput, DynamoError> {
    let decided = decide(&ctx, &input)?;
    let found = find::item_table(&ctx, &input.table_name);
    check_count(&decided.tests, input.index_name.as_ref(), found.as_ref().ok())?;
    let found = found?;
    let table = found.table.clone();
    let index = select::index(&table, input.index_name.as_ref(), input.consistent_read)?;
    let reading = reading(&input, decided, &table, index)?;
    let reading = Reading { scope: found.scope, ..reading };
    let page = reading.page(&ctx).await?;
    let consumed = select::consumed(
        &ctx,
        &table,
        index,
        &page,
        consistency(input.consistent_read),
        input.return_consumed_capacity.as_ref(),
    );
    Ok(QueryOutput {
        count: i32::try_from(page.count).ok(),
        scanned_count: i32::try_from(page.scanned).ok(),
        items: (input.select != Some(Select::Count)).then_some(page.items),
        last_evaluated_key: page.last,
        consumed_capacity: consumed,
    })
}

/// Refuses more conditions than there are key attributes, and none; where there is no table to count those
/// of, more than a table can have.
fn check_count(tests: &KeyTests, index: Option<&String>, found: Option<&Found>) -> Result<(), DynamoError> {
    let (given, index) = (tests.len(), index.and_then(|name| found?.table.index(name)));
    let key = index.map(|index| &index.key).or(found.map(|found| &found.table.key));
    match key.map(|key| key.parts().count()) {
        Some(keys) if given > keys.max(MAX_PLAIN_TESTS) => Err(DynamoError::invalid(format!(
            "The number of query conditions ({given}) exceeds the number of key attributes defined in the \
             schema ({keys})"
        ))),
        _ if given == 0 || (key.is_none() && given > MAX_PLAIN_TESTS) => {
            Err(DynamoError::invalid("Conditions can be of length 1 or 2 only"))
        }
        _ => Ok(()),
    }
}

/// The most conditions on the key of a table.
const MAX_PLAIN_TESTS: usize = 2;

/// What the request alone says.
struct Decided {
    tests: KeyTests,
    filter: Option<Bound>,
    projection: Option<Projection>,
}

fn decide(ctx: &Ctx, input: &QueryInput) -> Result<Decided, DynamoError> {
    legacy::check_mixed(
        &[
            ("ProjectionExpression", input.projection_expression.is_some()),
            ("FilterExpression", input.filter_expression.is_some()),
            ("KeyConditionExpression", input.key_condition_expression.is_some()),
        ],
        &[
            ("AttributesToGet", input.attributes_to_get.is_some()),
            ("QueryFilter", input.query_filter.is_some()),
            ("ConditionalOperator", input.conditional_operator.is_some()),
            ("KeyConditions", input.key_conditions.is_some()),
        ],
        (input.expression_attribute_names.is_some(), input.expression_attribute_values.is_some()),
    )?;
    let old_filter = legacy::filter(input.query_filter.as_ref(), input.conditional_operator.as_ref())?;
    let attributes = input.attributes_to_get.as_deref().map(legacy::attributes_to_get).transpose()?;
    select::check_start_values(input.exclusive_start_key.as_ref())?;
    if input.key_conditions.is_none() && input.key_condition_expression.is_none() {
        return Err(DynamoError::invalid(
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.",
        ));
    }
    let (names, values) =
        (input.expression_attribute_names.as_ref(), input.expression_attribute_values.as_ref());
    let mut binder = Binder::new(ctx.part::<Expressions>(), names, values)?;
    let keys = binder.condition("KeyConditionExpression", input.key_condition_expression.as_ref())?;
    let filter = binder.condition("FilterExpression", input.filter_expression.as_ref())?;
    let projection = binder.projection(input.projection_expression.as_ref())?;
    binder.finish()?;
    let tests = match (keys, &input.key_conditions) {
        (Some(keys), _) => key_condition::tests(keys)?,
        (None, Some(conditions)) => legacy::key_tests(conditions)?,
        (None, None) => KeyTests::new(),
    };
    check_kinds(&tests)?;
    select::check_select(
        input.select.as_ref(),
        (input.attributes_to_get.is_some(), input.projection_expression.is_some()),
        input.index_name.is_some(),
    )?;
    Ok(Decided { tests, filter: filter.or(old_filter), projection: projection.or(attributes) })
}

/// Values without order, or with the wrong one for `begins_with`, are refused whatever the key is.
fn check_kinds(tests: &KeyTests) -> Result<(), DynamoError> {
    for test in tests.values() {
        let operator = operator_name(test.ask);
        for kind in test.values.iter().filter_map(value::kind) {
            let fits = match test.ask {
                Ask::Compare(Comparison::Equal | Comparison::NotEqual) => true,
                Ask::BeginsWith => matches!(kind, Kind::S | Kind::B),
                _ => kind.is_ordered() || matches!(test.ask, Ask::Contains),
            };
            if !fits {
                return Err(DynamoError::invalid_value(format!(
                    "ComparisonOperator {operator} is not valid for {} AttributeValue type",
                    kind.name()
                )));
            }
        }
    }
    Ok(())
}

fn operator_name(ask: Ask) -> &'static str {
    match ask {
        Ask::Compare(Comparison::Less) => "LT",
        Ask::Compare(Comparison::LessOrEqual) => "LE",
        Ask::Compare(Comparison::Greater) => "GT",
        Ask::Compare(Comparison::GreaterOrEqual) => "GE",
        Ask::Compare(Comparison::Equal) => "EQ",
        Ask::Compare(Comparison::NotEqual) => "NE",
        Ask::BeginsWith => "BEGINS_WITH",
        Ask::Between => "BETWEEN",
        Ask::In => "IN",
        Ask::Contains => "CONTAINS",
        Ask::Exists | Ask::NotExists | Ask::Type | Ask::Size => ask.name(),
    }
}

fn reading(
    input: &QueryInput,
    decided: Decided,
    table: &Arc<TableRecord>,
    index: Option<usize>,
) -> Result<Reading, DynamoError> {
    let Decided { tests, filter, projection } = decided;
    let schema = index.map_or(&table.key, |place| &table.indexes[place].key);
    let start = input.exclusive_start_key.as_ref();
    if start.is_some_and(|start| start.len() != select::position_names(table, index).len()) {
        return Err(DynamoError::invalid("The provided starting key is invalid"));
    }
    let partition = check_tests(schema, &tests, start)?;
    let forward = input.scan_index_forward != Some(false);
    if let Some(start) = start {
        check_start(table, index, schema, (&tests, &partition), start)?;
    }
    let paths = projection.iter().flat_map(Projection::paths);
    write::check_scalar_keys(table, &table.key, paths)?;
    if let Some(filter) = &filter {
        check_filter(input, schema, filter)?;
    }
    let fetches = select::fetches(table, index, input.select.as_ref(), projection.as_ref(), filter.as_ref())?;
    filter.as_ref().map_or(Ok(()), |filter| check_filter_paths(table, filter))?;
    let rows = if index.is_some() { Rows::Index } else { Rows::Table };
    let (equal, test) = sort_tests(schema, &tests);
    let unsupported = || DynamoError::invalid("Query key condition not supported");
    let range = RowRange::of(rows, &partition, &equal, test).ok_or_else(unsupported)?;
    Ok(Reading {
        scope: names::Scope::Partition,
        table: table.clone(),
        index,
        range: select::started(table, index, range, start, forward)?,
        forward,
        limit: input.limit.and_then(|limit| usize::try_from(limit).ok()),
        filter,
        projection,
        counts_only: input.select == Some(Select::Count),
        fetches,
    })
}

/// The values that the first attributes of the sort key equal, and the test of the last one tested.
fn sort_tests<'t>(schema: &KeySchema, tests: &'t KeyTests) -> (Vec<&'t Value>, Option<&'t KeyTest>) {
    let mut tested: Vec<&KeyTest> = schema.sort.iter().filter_map(|part| tests.get(&part.name)).collect();
    let last = tested.pop();
    (tested.into_iter().filter_map(|test| test.values.first()).collect(), last)
}

/// Checks the start and the tests against what the table or index is keyed by; gives the partition.
fn check_tests<'t>(
    schema: &KeySchema,
    tests: &'t KeyTests,
    start: Option<&Item>,
) -> Result<Vec<&'t Value>, DynamoError> {
    let unsupported = || DynamoError::invalid("Query key condition not supported");
    let (mut left, mut partition) = (tests.len(), Vec::with_capacity(schema.partition.len()));
    for part in schema.parts() {
        let is_partition = schema.partitions_by(&part.name);
        start.map_or(Ok(()), |start| select::check_start_piece(schema, part, start))?;
        if tests.len() > schema.parts().count() {
            return Err(unsupported());
        }
        let Some(test) = tests.get(&part.name) else {
            if !is_partition && left > 0 && schema.sort.len() > 1 {
                return Err(needs_equality(schema, tests, &part.name));
            }
            if is_partition && schema.partition.len() > 1 {
                return Err(needs_partition(&part.name));
            }
            if is_partition || left > 0 {
                return Err(DynamoError::invalid(format!(
                    "Query condition missed key schema element: {}",
                    part.name
                )));
            }
            continue;
        };
        left = left.saturating_sub(1);
        check_test(part, test)?;
        // All of the partition key, and of the sort key all but the last attribute that is tested.
        let is_equal = test.ask == Ask::Compare(Comparison::Equal);
        if !is_partition && left > 0 && !is_equal {
            return Err(needs_equality(schema, tests, &part.name));
        }
        if is_partition && !is_equal {
            return Err(if schema.partition.len() > 1 { needs_partition(&part.name) } else { unsupported() });
        }
        check_empty(part.name.as_str(), &test.values)?;
        partition.extend(test.values.first().filter(|_| is_partition));
    }
    Ok(partition)
}

/// The attribute of a partition key of several that is not given by equality. ScyllaDB's tests, which run on AWS,
/// know that the message names HASH and equality (test_gsi_composite_keys.py); its words are those for sort keys.
fn needs_partition(name: &str) -> DynamoError {
    DynamoError::invalid(format!(
        "HASH key attributes {name} must have equality conditions specified in the query"
    ))
}

/// The sort key attributes that need equality because a later one is tested (conformance suite of
/// paritysuite, tests/tier1/query/multiAttributeGsiKey.test.ts, run on AWS).
fn needs_equality(schema: &KeySchema, tests: &KeyTests, name: &str) -> DynamoError {
    let last = schema.sort.iter().rfind(|part| tests.contains_key(&part.name));
    DynamoError::invalid(format!(
        "RANGE key attributes {name} must have equality conditions specified in the query because a condition \
         is present on key attribute {}",
        last.map_or("", |part| part.name.as_str())
    ))
}

fn check_test(part: &KeyPart, test: &KeyTest) -> Result<(), DynamoError> {
    let indexable = matches!(test.ask, Ask::Between | Ask::BeginsWith | Ask::Compare(_))
        && test.ask != Ask::Compare(Comparison::NotEqual);
    if !indexable {
        return Err(DynamoError::invalid("Attempted conditional constraint is not an indexable operation"));
    }
    if test.values.iter().any(|value| value::kind(value) != Some(part.kind.kind())) {
        return Err(DynamoError::invalid_value("Condition parameter type does not match schema type"));
    }
    Ok(())
}

fn check_empty(name: &str, values: &[Value]) -> Result<(), DynamoError> {
    for value in values {
        let what = match value {
            Value::S(text) if text.is_empty() => "string",
            Value::B(bytes) if bytes.is_empty() => "binary",
            _ => continue,
        };
        return Err(DynamoError::invalid(format!(
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot \
             contain an empty {what} value. Key: {name}"
        )));
    }
    Ok(())
}

fn check_start(
    table: &TableRecord,
    index: Option<usize>,
    schema: &KeySchema,
    (tests, partition): (&KeyTests, &[&Value]),
    start: &Item,
) -> Result<(), DynamoError> {
    select::position_row(table, index, start)?;
    let in_partition = schema.partition_of(start).is_some_and(|values| {
        values.len() == partition.len() && values.iter().zip(partition).all(|(a, b)| value::equal(a, b))
    });
    let tested = |part: &KeyPart| Some((tests.get(&part.name)?, start.get(&part.name)?));
    let sort_tests: Vec<_> = schema.sort.iter().filter_map(tested).collect();
    let failed = sort_tests.iter().find(|(test, value)| !test.holds(value));
    match failed.or(sort_tests.last()) {
        None if !in_partition => Err(DynamoError::invalid(
            "The provided starting key is outside query boundaries based on provided conditions",
        )),
        Some(_) if failed.is_some() => {
            Err(DynamoError::invalid("The provided starting key does not match the range key predicate"))
        }
        Some(_) if !in_partition => {
            Err(DynamoError::invalid("The query can return at most one row and cannot be restarted"))
        }
        _ => Ok(()),
    }
}

fn check_filter(input: &QueryInput, schema: &KeySchema, filter: &Bound) -> Result<(), DynamoError> {
    let what = if input.query_filter.is_some() { "QueryFilter" } else { "Filter Expression" };
    let attributes = filter.attributes();
    if let Some(part) = schema.parts().find(|part| attributes.contains(part.name.as_str())) {
        return Err(DynamoError::invalid(format!(
            "{what} can only contain non-primary key attributes: Primary key attribute: {}",
            part.name
        )));
    }
    Ok(())
}

/// Refuses a filter that looks into key attributes.
///
/// # Errors
/// AWS's message.
pub fn check_filter_paths(table: &TableRecord, filter: &Bound) -> Result<(), DynamoError> {
    let mut paths = Vec::new();
    filter.each_path(&mut |path| paths.push(path));
    write::check_scalar_keys(table, &table.key, paths.into_iter())
}
