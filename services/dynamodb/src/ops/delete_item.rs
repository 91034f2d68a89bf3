//! DeleteItem: remove an item, if it is there.

use crate::capacity::{Usage, Used};
use crate::errors::DynamoError;
use crate::expressions::Expressions;
use crate::find::{self, Finder, Found};
use crate::request::{self, Binder};
use crate::rules::change::Origin;
use crate::rules::expression::bind::Bound;
use crate::rules::value::Item;
use crate::rules::{checks, legacy};
use crate::statistics::Statistics;
use crate::write::{Act, ItemWrite};
use model_dynamodb::{DeleteItemInput, DeleteItemOutput, ReturnValue, ReturnValuesOnConditionCheckFailure};
use service::Ctx;
use std::sync::Arc;

/// DeleteItem.
pub async fn delete_item(ctx: Ctx, input: Arc<DeleteItemInput>) -> Result<DeleteItemOutput, DynamoError> {
    check(&input)?;
    let condition = condition(&ctx, &input)?;
    find::settled(|find| delete(&ctx, &input, condition.clone(), find)).await
}

fn check(input: &DeleteItemInput) -> Result<(), DynamoError> {
    legacy::check_mixed(
        &[("ConditionExpression", input.condition_expression.is_some())],
        &[
            ("Expected", input.expected.is_some()),
            ("ConditionalOperator", input.conditional_operator.is_some()),
        ],
        (input.expression_attribute_names.is_some(), input.expression_attribute_values.is_some()),
    )?;
    checks::values(&input.key)?;
    match &input.return_values {
        None | Some(ReturnValue::None | ReturnValue::AllOld) => Ok(()),
        Some(_) => Err(DynamoError::invalid("ReturnValues can only be ALL_OLD or NONE")),
    }
}

fn condition(ctx: &Ctx, input: &DeleteItemInput) -> Result<Option<Bound>, DynamoError> {
    let expected = legacy::expected(input.expected.as_ref(), input.conditional_operator.as_ref())?;
    let (names, values) =
        (input.expression_attribute_names.as_ref(), input.expression_attribute_values.as_ref());
    let mut binder = Binder::new(ctx.part::<Expressions>(), names, values)?;
    let condition = binder.condition("ConditionExpression", input.condition_expression.as_ref())?;
    binder.finish()?;
    Ok(condition.or(expected))
}

/// A write by key.
///
/// # Errors
/// Where the key does not fit the table.
pub fn keyed_write(
    found: &Found,
    key: &Item,
    condition: Option<Bound>,
    shows_failed: bool,
    act: Act,
) -> Result<ItemWrite, DynamoError> {
    let schema = &found.table.key;
    schema.check_key(key)?;
    Ok(ItemWrite {
        scope: found.scope.clone(),
        now: found.now,
        table: found.table.clone(),
        row: schema.row(key).ok_or(DynamoError::Corrupt("a checked key has no row"))?,
        key: key.clone(),
        condition,
        shows_failed,
        inserts: false,
        origin: Origin::Request,
        act,
    })
}

async fn delete(
    ctx: &Ctx,
    input: &DeleteItemInput,
    condition: Option<Bound>,
    find: Finder,
) -> Result<DeleteItemOutput, DynamoError> {
    let found = find(ctx, &input.table_name)?;
    let shows_failed =
        input.return_values_on_condition_check_failure == Some(ReturnValuesOnConditionCheckFailure::AllOld);
    let write = keyed_write(&found, &input.key, condition, shows_failed, Act::Delete)?;
    let written = ctx.commit(move |tx| write.run(tx)).await?;
    ctx.part::<Statistics>().add(&written.deltas);
    let usage = Usage::of_write(&written, 1.0);
    let wants_old = input.return_values == Some(ReturnValue::AllOld);
    let metrics = input.return_item_collection_metrics.as_ref();
    Ok(DeleteItemOutput {
        attributes: if wants_old { written.before.item()? } else { None },
        consumed_capacity: usage.taken(
            ctx,
            &found.table,
            input.return_consumed_capacity.as_ref(),
            Used::Write,
        ),
        item_collection_metrics: request::collection_metrics(ctx, &found, &input.key, metrics).await?,
    })
}
