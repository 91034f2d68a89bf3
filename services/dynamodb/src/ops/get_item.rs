//! GetItem: read one item by its key. Every read here is strongly consistent.

use crate::capacity::{Usage, Used};
use crate::errors::DynamoError;
use crate::expressions::Expressions;
use crate::find;
use crate::request::Binder;
use crate::rules::expression::placeholders::Names;
use crate::rules::expression::projection::Projection;
use crate::rules::size::{self, Consistency};
use crate::rules::{checks, codec, legacy};
use crate::state::{self, TableRecord};
use crate::write;
use model_dynamodb::{GetItemInput, GetItemOutput};
use service::Ctx;
use std::sync::Arc;

/// GetItem.
pub async fn get_item(ctx: Ctx, input: Arc<GetItemInput>) -> Result<GetItemOutput, DynamoError> {
    legacy::check_mixed(
        &[("ProjectionExpression", input.projection_expression.is_some())],
        &[("AttributesToGet", input.attributes_to_get.is_some())],
        (input.expression_attribute_names.is_some(), false),
    )?;
    checks::values(&input.key)?;
    let projection = projection(
        &ctx,
        input.attributes_to_get.as_deref(),
        input.projection_expression.as_ref(),
        input.expression_attribute_names.as_ref(),
    )?;
    let found = find::item_table(&ctx, &input.table_name)?;
    let table = &*found.table;
    table.key.check_key(&input.key)?;
    check_projection(table, projection.as_ref())?;
    let key = table.key.row(&input.key).ok_or(DynamoError::Corrupt("a checked key has no row"))?;
    let row = state::row(&ctx.read(), &found.scope, table.incarnation, &key)?;
    let consistency = consistency(input.consistent_read);
    let units = size::read_units(row.as_deref().map_or(0, codec::stored_size), consistency);
    let item = row.as_ref().map(state::item).transpose()?;
    Ok(GetItemOutput {
        item: match projection {
            Some(projection) => item.map(|item| projection.of(&item)),
            None => item,
        },
        consumed_capacity: Usage::of_table(units).taken(
            &ctx,
            table,
            input.return_consumed_capacity.as_ref(),
            Used::Read,
        ),
    })
}

/// The projection of a request.
///
/// # Errors
/// AWS's message.
pub fn projection(
    ctx: &Ctx,
    attributes: Option<&[String]>,
    expression: Option<&String>,
    names: Option<&Names>,
) -> Result<Option<Projection>, DynamoError> {
    let attributes = attributes.map(legacy::attributes_to_get).transpose()?;
    let mut binder = Binder::new(ctx.part::<Expressions>(), names, None)?;
    let projection = binder.projection(expression)?;
    binder.finish()?;
    Ok(projection.or(attributes))
}

/// Refuses a projection into key attributes.
///
/// # Errors
/// AWS's message.
pub fn check_projection(table: &TableRecord, projection: Option<&Projection>) -> Result<(), DynamoError> {
    let paths = projection.map(Projection::paths).unwrap_or_default();
    write::check_scalar_keys(table, &table.key, paths.iter())
}

/// The consistency that was asked for, which decides the price.
pub fn consistency(consistent: Option<bool>) -> Consistency {
    if consistent == Some(true) { Consistency::Strong } else { Consistency::Eventual }
}
