//! PutItem: replace an item whole.

use crate::capacity::{Usage, Used};
use crate::errors::DynamoError;
use crate::expressions::Expressions;
use crate::find::{self, Finder, Found};
use crate::request::{self, Binder};
use crate::rules::change::Origin;
use crate::rules::codec::{self, Stored};
use crate::rules::expression::bind::Bound;
use crate::rules::size::MAX_ITEM;
use crate::rules::value::Item;
use crate::rules::{checks, legacy};
use crate::statistics::Statistics;
use crate::write::{self, Act, ItemWrite};
use model_dynamodb::{PutItemInput, PutItemOutput, ReturnValue, ReturnValuesOnConditionCheckFailure};
use service::Ctx;
use std::sync::Arc;

/// PutItem.
pub async fn put_item(ctx: Ctx, input: Arc<PutItemInput>) -> Result<PutItemOutput, DynamoError> {
    check(&input)?;
    let stored = stored(&input.item)?;
    let mut decided = Some(condition(&ctx, &input)?);
    find::settled(|find| put(&ctx, &input, (decided.take(), stored.clone()), find)).await
}

/// The stored form of an item whose values were checked.
///
/// # Errors
/// Where it is too large.
pub fn stored(item: &Item) -> Result<Stored, DynamoError> {
    let stored = codec::encode(item);
    if stored.size > MAX_ITEM {
        return Err(DynamoError::invalid("Item size has exceeded the maximum allowed size"));
    }
    Ok(stored)
}

fn check(input: &PutItemInput) -> Result<(), DynamoError> {
    legacy::check_mixed(
        &[("ConditionExpression", input.condition_expression.is_some())],
        &[
            ("Expected", input.expected.is_some()),
            ("ConditionalOperator", input.conditional_operator.is_some()),
        ],
        (input.expression_attribute_names.is_some(), input.expression_attribute_values.is_some()),
    )?;
    checks::values(&input.item)?;
    match &input.return_values {
        None | Some(ReturnValue::None | ReturnValue::AllOld) => Ok(()),
        Some(_) => Err(DynamoError::invalid("ReturnValues can only be ALL_OLD or NONE")),
    }
}

fn condition(ctx: &Ctx, input: &PutItemInput) -> Result<Option<Bound>, DynamoError> {
    let expected = legacy::expected(input.expected.as_ref(), input.conditional_operator.as_ref())?;
    let (names, values) =
        (input.expression_attribute_names.as_ref(), input.expression_attribute_values.as_ref());
    let mut binder = Binder::new(ctx.part::<Expressions>(), names, values)?;
    let condition = binder.condition("ConditionExpression", input.condition_expression.as_ref())?;
    binder.finish()?;
    Ok(condition.or(expected))
}

/// A put of an item that was checked by itself.
///
/// # Errors
/// Where it does not fit the table.
pub fn item_write(
    found: &Found,
    (item, stored): (&Item, Stored),
    condition: Option<Bound>,
    shows_failed: bool,
) -> Result<ItemWrite, DynamoError> {
    let table = &found.table;
    table.key.check_item(item)?;
    write::check_index_keys(table, item)?;
    let row = table.key.row(item).ok_or(DynamoError::Corrupt("a checked item has no key"))?;
    let needed = !table.indexes.is_empty() || table.expiry.is_some();
    Ok(ItemWrite {
        scope: found.scope.clone(),
        now: found.now,
        table: table.clone(),
        row,
        key: table.key.key_of(item),
        condition,
        shows_failed,
        inserts: false,
        origin: Origin::Request,
        act: Act::Put(stored, needed.then(|| item.clone())),
    })
}

async fn put(
    ctx: &Ctx,
    input: &PutItemInput,
    (decided, stored): (Option<Option<Bound>>, Stored),
    find: Finder,
) -> Result<PutItemOutput, DynamoError> {
    let found = find(ctx, &input.table_name)?;
    let shows_failed =
        input.return_values_on_condition_check_failure == Some(ReturnValuesOnConditionCheckFailure::AllOld);
    // Only the first of several attempts finds it decided.
    let condition = decided.map_or_else(|| condition(ctx, input), Ok)?;
    let write = item_write(&found, (&input.item, stored), condition, shows_failed)?;
    let written = ctx.commit(move |tx| write.run(tx)).await?;
    ctx.part::<Statistics>().add(&written.deltas);
    let usage = Usage::of_write(&written, 1.0);
    let wants_old = input.return_values == Some(ReturnValue::AllOld);
    let metrics = input.return_item_collection_metrics.as_ref();
    Ok(PutItemOutput {
        attributes: if wants_old { written.before.item()? } else { None },
        consumed_capacity: usage.taken(
            ctx,
            &found.table,
            input.return_consumed_capacity.as_ref(),
            Used::Write,
        ),
        item_collection_metrics: request::collection_metrics(ctx, &found, &input.item, metrics).await?,
    })
}
