//! UpdateItem: change parts of an item, or make it.

use super::delete_item::keyed_write;
use crate::capacity::{Usage, Used};
use crate::errors::DynamoError;
use crate::expressions::Expressions;
use crate::find::{self, Finder};
use crate::request::{self, Binder};
use crate::rules::expression::bind::Bound;
use crate::rules::expression::charge;
use crate::rules::expression::path::Path;
use crate::rules::expression::projection::Projection;
use crate::rules::expression::update::Action;
use crate::rules::size::MAX_ITEM;
use crate::rules::value::Item;
use crate::rules::{checks, legacy};
use crate::statistics::Statistics;
use crate::write::{self, Act, Written};
use model_dynamodb::{ReturnValue, ReturnValuesOnConditionCheckFailure, UpdateItemInput, UpdateItemOutput};
use service::Ctx;
use std::sync::Arc;

/// UpdateItem.
pub async fn update_item(ctx: Ctx, input: Arc<UpdateItemInput>) -> Result<UpdateItemOutput, DynamoError> {
    let mut decided = Some(decide(&ctx, &input)?);
    find::settled(|find| update(&ctx, &input, decided.take(), find)).await
}

/// What the request alone says.
struct Decided {
    actions: Vec<Action>,
    is_legacy: bool,
    condition: Option<Bound>,
}

fn decide(ctx: &Ctx, input: &UpdateItemInput) -> Result<Decided, DynamoError> {
    legacy::check_mixed(
        &[
            ("UpdateExpression", input.update_expression.is_some()),
            ("ConditionExpression", input.condition_expression.is_some()),
        ],
        &[
            ("AttributeUpdates", input.attribute_updates.is_some()),
            ("Expected", input.expected.is_some()),
            ("ConditionalOperator", input.conditional_operator.is_some()),
        ],
        (input.expression_attribute_names.is_some(), input.expression_attribute_values.is_some()),
    )?;
    checks::values(&input.key)?;
    let updates = input.attribute_updates.as_ref().map(legacy::updates).transpose()?;
    let expected = legacy::expected(input.expected.as_ref(), input.conditional_operator.as_ref())?;
    let (names, values) =
        (input.expression_attribute_names.as_ref(), input.expression_attribute_values.as_ref());
    let mut binder = Binder::new(ctx.part::<Expressions>(), names, values)?;
    let actions = binder.update(input.update_expression.as_ref())?;
    let condition = binder.condition("ConditionExpression", input.condition_expression.as_ref())?;
    binder.finish()?;
    Ok(Decided {
        is_legacy: updates.is_some(),
        actions: actions.or(updates).unwrap_or_default(),
        condition: condition.or(expected),
    })
}

async fn update(
    ctx: &Ctx,
    input: &UpdateItemInput,
    decided: Option<Decided>,
    find: Finder,
) -> Result<UpdateItemOutput, DynamoError> {
    let found = find(ctx, &input.table_name)?;
    // Only the first of several attempts finds it decided.
    let Decided { actions, is_legacy, condition } = match decided {
        Some(decided) => decided,
        None => decide(ctx, input)?,
    };
    found.table.key.check_key(&input.key)?;
    write::check_actions(&found.table, &actions)?;
    if !is_legacy && charge::of(&actions) > MAX_ITEM {
        return Err(DynamoError::invalid(write::UPDATE_TOO_LARGE));
    }
    let shows_failed =
        input.return_values_on_condition_check_failure == Some(ReturnValuesOnConditionCheckFailure::AllOld);
    let parts = asks_for_parts(input).then(|| actions.iter().map(|action| action.path().clone()).collect());
    let write = keyed_write(&found, &input.key, condition, shows_failed, Act::Update(actions, is_legacy))?;
    let written = ctx.commit(move |tx| write.run(tx)).await?;
    ctx.part::<Statistics>().add(&written.deltas);
    let usage = Usage::of_write(&written, 1.0);
    let metrics = input.return_item_collection_metrics.as_ref();
    Ok(UpdateItemOutput {
        attributes: attributes(input.return_values.as_ref(), written, parts)?,
        consumed_capacity: usage.taken(
            ctx,
            &found.table,
            input.return_consumed_capacity.as_ref(),
            Used::Write,
        ),
        item_collection_metrics: request::collection_metrics(ctx, &found, &input.key, metrics).await?,
    })
}

fn asks_for_parts(input: &UpdateItemInput) -> bool {
    matches!(input.return_values, Some(ReturnValue::UpdatedOld | ReturnValue::UpdatedNew))
}

fn attributes(
    asked: Option<&ReturnValue>,
    written: Written,
    parts: Option<Vec<Path>>,
) -> Result<Option<Item>, DynamoError> {
    let (old, new) = (written.before, written.after);
    let whole = match asked {
        None | Some(ReturnValue::None | ReturnValue::Other(_)) => return Ok(None),
        Some(ReturnValue::AllOld | ReturnValue::UpdatedOld) => old.item()?,
        Some(ReturnValue::AllNew | ReturnValue::UpdatedNew) => new,
    };
    let Some(parts) = parts else { return Ok(whole) };
    let parts = whole.map(|item| Projection::new(parts).of(&item));
    Ok(parts.filter(|item| !item.is_empty()))
}
