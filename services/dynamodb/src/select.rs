//! What Query and Scan have in common: the index they read, what they answer of each item, where they
//! start, and what the page cost.

use crate::capacity::{Usage, Used};
use crate::errors::DynamoError;
use crate::pages::Page;
use crate::rules::checks;
use crate::rules::expression::bind::Bound;
use crate::rules::expression::projection::Projection;
use crate::rules::keys::{KeyPart, KeySchema};
use crate::rules::rows::RowRange;
use crate::rules::size::{self, Consistency};
use crate::rules::value::Item;
use crate::state::{IndexRecord, IndexScope, Projected, TableRecord};
use model_dynamodb::{ConsumedCapacity, ReturnConsumedCapacity, Select};
use service::Ctx;
use std::collections::BTreeSet;

/// The place of the index that a request names.
///
/// # Errors
/// AWS's message.
pub fn index(
    table: &TableRecord,
    name: Option<&String>,
    consistent: Option<bool>,
) -> Result<Option<usize>, DynamoError> {
    let Some(name) = name else { return Ok(None) };
    let place = table.indexes.iter().position(|index| index.name == *name);
    let place = place.ok_or_else(|| {
        DynamoError::invalid(format!("The table does not have the specified index: {name}"))
    })?;
    let index = &table.indexes[place];
    if index.scope == IndexScope::Global && consistent == Some(true) {
        return Err(DynamoError::invalid("Consistent reads are not supported on global secondary indexes"));
    }
    if index.is_filling {
        return Err(DynamoError::invalid(format!(
            "Cannot read from backfilling global secondary index: {name}"
        )));
    }
    Ok(Some(place))
}

/// Checks `Select` against what else the request gives.
///
/// # Errors
/// AWS's message.
pub fn check_select(
    select: Option<&Select>,
    (attributes, expression): (bool, bool),
    on_index: bool,
) -> Result<(), DynamoError> {
    let given =
        if attributes { Some("AttributesToGet") } else { expression.then_some("ProjectionExpression") };
    match (select, given) {
        (Some(Select::SpecificAttributes), None) => Err(DynamoError::invalid_value(
            "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES",
        )),
        (Some(Select::Count), Some(given)) => Err(DynamoError::invalid_value(format!(
            "Cannot specify the {given} when choosing to get only the Count"
        ))),
        (Some(select @ (Select::AllAttributes | Select::AllProjectedAttributes)), Some(given)) => Err(
            DynamoError::invalid_value(format!("Cannot specify the {given} when choosing to get {select}")),
        ),
        (Some(Select::AllProjectedAttributes), None) if !on_index => Err(DynamoError::invalid_value(
            "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName",
        )),
        _ => Ok(()),
    }
}

/// Whether items must be fetched from the table because the index does not hold what is asked for.
///
/// # Errors
/// Where it is a global index, from which nothing is fetched.
pub fn fetches(
    table: &TableRecord,
    index: Option<usize>,
    select: Option<&Select>,
    projection: Option<&Projection>,
    filter: Option<&Bound>,
) -> Result<bool, DynamoError> {
    let Some(index) = index.and_then(|place| table.indexes.get(place)) else { return Ok(false) };
    if index.projected == Projected::All {
        return Ok(false);
    }
    let is_global = index.scope == IndexScope::Global;
    if select == Some(&Select::AllAttributes) {
        return if is_global { Err(not_all(index)) } else { Ok(true) };
    }
    let paths = projection.map(Projection::paths).unwrap_or_default();
    let mut wanted: BTreeSet<&str> = paths.iter().map(|path| path.head.as_str()).collect();
    wanted.extend(filter.map(Bound::attributes).unwrap_or_default());
    let missing: Vec<&str> = wanted.into_iter().filter(|name| !index.holds(&table.key, name)).collect();
    if missing.is_empty() || !is_global {
        return Ok(!missing.is_empty());
    }
    if filter.is_some() && paths.iter().all(|path| index.holds(&table.key, &path.head)) {
        // A filter on what the index does not hold finds nothing there.
        return Ok(false);
    }
    Err(DynamoError::invalid_value(format!(
        "Global secondary index {} does not project [{}]",
        index.name,
        missing.join(", ")
    )))
}

fn not_all(index: &IndexRecord) -> DynamoError {
    DynamoError::invalid_value(format!(
        "Select type ALL_ATTRIBUTES is not supported for global secondary index {} because its projection \
         type is not ALL",
        index.name
    ))
}

/// Checks the values of an `ExclusiveStartKey`; AWS heads only some of the messages.
///
/// # Errors
/// AWS's message.
pub fn check_start_values(start: Option<&Item>) -> Result<(), DynamoError> {
    let Some(start) = start else { return Ok(()) };
    checks::values(start).map_err(|message| {
        let bare = ["contains duplicates", "number set", "numeric value", "significant digits", "magnitude"];
        if bare.iter().any(|part| message.contains(part)) {
            DynamoError::Validation(message)
        } else {
            DynamoError::Validation(format!("The provided starting key is invalid: {message}"))
        }
    })
}

/// The names of the attributes that a position in a table or index has.
pub fn position_names(table: &TableRecord, index: Option<usize>) -> BTreeSet<&str> {
    let index = index.and_then(|place| table.indexes.get(place));
    let parts = table.key.parts().chain(index.into_iter().flat_map(|index| index.key.parts()));
    parts.map(|part| part.name.as_str()).collect()
}

/// The row of a position.
///
/// # Errors
/// Where it is no position of the table or index.
pub fn position_row(table: &TableRecord, index: Option<usize>, start: &Item) -> Result<Vec<u8>, DynamoError> {
    let invalid = || DynamoError::invalid("The provided starting key is invalid");
    let table_key = table.key.key_of(start);
    table.key.check_key(&table_key).map_err(|message| {
        DynamoError::Validation(format!("The provided starting key is invalid: {message}"))
    })?;
    let row = table.key.row(&table_key).ok_or_else(invalid)?;
    match index.and_then(|place| table.indexes.get(place)) {
        None => Ok(row),
        Some(index) => index.key.index_row(start, &table.key, &row).ok_or_else(invalid),
    }
}

/// Checks one key attribute of a position.
///
/// # Errors
/// AWS's message.
pub fn check_start_piece(key: &KeySchema, part: &KeyPart, start: &Item) -> Result<(), DynamoError> {
    let value = start.get(&part.name);
    let value = value.ok_or_else(|| DynamoError::invalid("The provided starting key is invalid"))?;
    Ok(key.check_piece(part, value)?)
}

/// The range behind a start, where one is given.
///
/// # Errors
/// Where it is no position of the table or index.
pub fn started(
    table: &TableRecord,
    index: Option<usize>,
    range: RowRange,
    start: Option<&Item>,
    forward: bool,
) -> Result<RowRange, DynamoError> {
    let Some(start) = start else { return Ok(range) };
    Ok(range.after(position_row(table, index, start)?, forward))
}

/// What reading a page cost.
pub fn consumed(
    ctx: &Ctx,
    table: &TableRecord,
    reading_index: Option<usize>,
    page: &Page,
    consistency: Consistency,
    asked: Option<&ReturnConsumedCapacity>,
) -> Option<ConsumedCapacity> {
    let units = size::read_units(page.bytes, consistency);
    let fetched = page.fetched_blocks as f64 * if consistency == Consistency::Strong { 1.0 } else { 0.5 };
    let usage = match reading_index {
        Some(place) => Usage::of_index(fetched, place, units),
        None => Usage::of_table(units),
    };
    usage.taken(ctx, table, asked, Used::Read)
}
