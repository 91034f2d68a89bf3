//! Scan: all items of a table or an index, whole or by segments.

use super::get_item::consistency;
use super::query::check_filter_paths;
use crate::errors::DynamoError;
use crate::expressions::Expressions;
use crate::find;
use crate::pages::Reading;
use crate::request::Binder;
use crate::rules::expression::bind::Bound;
use crate::rules::expression::projection::Projection;
use crate::rules::legacy;
use crate::rules::rows::RowRange;
use crate::rules::value::Item;
use crate::state::TableRecord;
use crate::{select, write};
use model_dynamodb::{ScanInput, ScanOutput, Select};
use service::Ctx;
use std::sync::Arc;

/// Scan.
pub async fn scan(ctx: Ctx, input: Arc<ScanInput>) -> Result<ScanOutput, DynamoError> {
    let (filter, projection) = decide(&ctx, &input)?;
    let found = find::item_table(&ctx, &input.table_name)?;
    let table = found.table.clone();
    let index = select::index(&table, input.index_name.as_ref(), input.consistent_read)?;
    let start = input.exclusive_start_key.as_ref();
    check_start(&table, index, start)?;
    let fetches =
        select::fetches(&table, index, input.select.as_ref(), projection.as_ref(), filter.as_ref())?;
    let range = range(&table, index, &input, start)?;
    write::check_scalar_keys(&table, &table.key, projection.iter().flat_map(Projection::paths))?;
    filter.as_ref().map_or(Ok(()), |filter| check_filter_paths(&table, filter))?;
    let reading = Reading {
        scope: found.scope,
        table: table.clone(),
        index,
        range,
        forward: true,
        limit: input.limit.and_then(|limit| usize::try_from(limit).ok()),
        filter,
        projection,
        counts_only: input.select == Some(Select::Count),
        fetches,
    };
    let page = reading.page(&ctx).await?;
    let consumed = select::consumed(
        &ctx,
        &table,
        index,
        &page,
        consistency(input.consistent_read),
        input.return_consumed_capacity.as_ref(),
    );
    Ok(ScanOutput {
        count: i32::try_from(page.count).ok(),
        scanned_count: i32::try_from(page.scanned).ok(),
        items: (input.select != Some(Select::Count)).then_some(page.items),
        last_evaluated_key: page.last,
        consumed_capacity: consumed,
    })
}

fn decide(ctx: &Ctx, input: &ScanInput) -> Result<(Option<Bound>, Option<Projection>), DynamoError> {
    legacy::check_mixed(
        &[
            ("ProjectionExpression", input.projection_expression.is_some()),
            ("FilterExpression", input.filter_expression.is_some()),
        ],
        &[
            ("AttributesToGet", input.attributes_to_get.is_some()),
            ("ScanFilter", input.scan_filter.is_some()),
            ("ConditionalOperator", input.conditional_operator.is_some()),
        ],
        (input.expression_attribute_names.is_some(), input.expression_attribute_values.is_some()),
    )?;
    let attributes = input.attributes_to_get.as_deref().map(legacy::attributes_to_get).transpose()?;
    let old_filter = legacy::filter(input.scan_filter.as_ref(), input.conditional_operator.as_ref())?;
    select::check_start_values(input.exclusive_start_key.as_ref())?;
    check_segments(input)?;
    let (names, values) =
        (input.expression_attribute_names.as_ref(), input.expression_attribute_values.as_ref());
    let mut binder = Binder::new(ctx.part::<Expressions>(), names, values)?;
    let filter = binder.condition("FilterExpression", input.filter_expression.as_ref())?;
    let projection = binder.projection(input.projection_expression.as_ref())?;
    binder.finish()?;
    select::check_select(
        input.select.as_ref(),
        (input.attributes_to_get.is_some(), input.projection_expression.is_some()),
        input.index_name.is_some(),
    )?;
    Ok((filter.or(old_filter), projection.or(attributes)))
}

fn check_segments(input: &ScanInput) -> Result<(), DynamoError> {
    match (input.segment, input.total_segments) {
        (Some(_), None) => Err(DynamoError::invalid(
            "The TotalSegments parameter is required but was not present in the request when Segment \
             parameter is present",
        )),
        (None, Some(_)) => Err(DynamoError::invalid(
            "The Segment parameter is required but was not present in the request when parameter \
             TotalSegments is present",
        )),
        (Some(segment), Some(total)) if segment >= total => Err(DynamoError::invalid(format!(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: \
             {segment} is not less than TotalSegments: {total}"
        ))),
        _ => Ok(()),
    }
}

fn check_start(table: &TableRecord, index: Option<usize>, start: Option<&Item>) -> Result<(), DynamoError> {
    let Some(start) = start else { return Ok(()) };
    let invalid = "The provided starting key is invalid";
    if start.len() != select::position_names(table, index).len() {
        return Err(DynamoError::invalid(match index {
            Some(_) => invalid.to_owned(),
            None => format!("{invalid}: The provided key element does not match the schema"),
        }));
    }
    let Some(place) = index else { return Ok(()) };
    let key = &table.indexes[place].key;
    key.parts().try_for_each(|part| select::check_start_piece(key, part, start))
}

fn range(
    table: &TableRecord,
    index: Option<usize>,
    input: &ScanInput,
    start: Option<&Item>,
) -> Result<RowRange, DynamoError> {
    let segments = input.segment.zip(input.total_segments);
    let segments = segments.and_then(|(one, all)| Some((u32::try_from(one).ok()?, u32::try_from(all).ok()?)));
    let range = segments.map_or_else(RowRange::all, |(segment, total)| RowRange::segment(segment, total));
    let Some(start) = start else { return Ok(range) };
    let row = select::position_row(table, index, start)?;
    match segments {
        Some((segment, total)) if !range.holds(&row) => Err(DynamoError::invalid(format!(
            "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey \
             with correct Segment. TotalSegments: {total} Segment: {segment}"
        ))),
        _ => Ok(range.after(row, true)),
    }
}
