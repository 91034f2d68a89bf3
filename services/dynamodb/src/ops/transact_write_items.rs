//! TransactWriteItems: all of up to a hundred writes, or none. One commit of the store.

use super::delete_item::keyed_write;
use super::put_item::{item_write, stored};
use crate::consistency;
use crate::errors::{DynamoError, Reasoned};
use crate::expressions::Expressions;
use crate::find::{self, Finder, Found};
use crate::request::{self, Binder};
use crate::rules::checks;
use crate::rules::codec::{self, Stored};
use crate::rules::expression::bind::Bound;
use crate::rules::expression::placeholders::{Names, Values};
use crate::rules::expression::update::Action;
use crate::rules::value::Item;
use crate::transaction::{self, Outcome, Writes};
use crate::write::{self, Act, ItemWrite};
use model_dynamodb::{
    ReturnValuesOnConditionCheckFailure, TransactWriteItem, TransactWriteItemsInput, TransactWriteItemsOutput,
};
use service::Ctx;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// One write of a transaction, whatever it is.
struct Parts<'r> {
    table: &'r String,
    key: Option<&'r Item>,
    item: Option<&'r Item>,
    update: Option<&'r String>,
    condition: Option<&'r String>,
    names: Option<&'r Names>,
    values: Option<&'r Values>,
    on_failure: Option<&'r ReturnValuesOnConditionCheckFailure>,
    verb: &'static str,
}

fn parts(item: &TransactWriteItem) -> Result<Parts<'_>, DynamoError> {
    macro_rules! parts {
        ($one:ident, $verb:literal, $key:expr, $item:expr, $update:expr, $condition:expr) => {
            Ok(Parts {
                table: &$one.table_name,
                key: $key,
                item: $item,
                update: $update,
                condition: $condition,
                names: $one.expression_attribute_names.as_ref(),
                values: $one.expression_attribute_values.as_ref(),
                on_failure: $one.return_values_on_condition_check_failure.as_ref(),
                verb: $verb,
            })
        };
    }
    match (&item.condition_check, &item.put, &item.delete, &item.update) {
        (Some(one), None, None, None) => {
            parts!(one, "check", Some(&one.key), None, None, Some(&one.condition_expression))
        }
        (None, Some(one), None, None) => {
            parts!(one, "put", None, Some(&one.item), None, one.condition_expression.as_ref())
        }
        (None, None, Some(one), None) => {
            parts!(one, "delete", Some(&one.key), None, None, one.condition_expression.as_ref())
        }
        (None, None, None, Some(one)) => {
            let condition = one.condition_expression.as_ref();
            parts!(one, "update", Some(&one.key), None, Some(&one.update_expression), condition)
        }
        _ => Err(DynamoError::invalid("TransactItems can only contain one of Check, Put, Update or Delete")),
    }
}

/// What a write's request alone says.
struct Decided<'r> {
    parts: Parts<'r>,
    stored: Option<Stored>,
    condition: Option<Bound>,
    actions: Option<Vec<Action>>,
}

fn decide<'r>(ctx: &Ctx, item: &'r TransactWriteItem) -> Result<Decided<'r>, DynamoError> {
    let parts = parts(item)?;
    parts.key.or(parts.item).map(checks::values).transpose()?;
    let stored = parts.item.map(stored).transpose()?;
    let mut binder = Binder::new(ctx.part::<Expressions>(), parts.names, parts.values)?;
    let actions = binder.update(parts.update)?;
    let condition = binder.condition("ConditionExpression", parts.condition)?;
    binder.finish()?;
    Ok(Decided { parts, stored, condition, actions })
}

fn decide_all<'r>(ctx: &Ctx, input: &'r TransactWriteItemsInput) -> Result<Vec<Decided<'r>>, DynamoError> {
    input.transact_items.iter().map(|item| decide(ctx, item)).collect()
}

/// TransactWriteItems.
pub async fn transact_write_items(
    ctx: Ctx,
    input: Arc<TransactWriteItemsInput>,
) -> Result<TransactWriteItemsOutput, DynamoError> {
    let mut decided = Some(decide_all(&ctx, &input)?);
    find::settled(|find| transact(&ctx, &input, decided.take(), find)).await
}

fn prepare(ctx: &Ctx, all: Vec<Decided<'_>>, find: Finder) -> Result<Writes, DynamoError> {
    let count = all.len();
    let (mut writes, mut reasons) = (Vec::with_capacity(count), Vec::new());
    let (mut seen, mut bytes) = (HashSet::with_capacity(count), 0);
    for decided in all {
        let found = find(ctx, decided.parts.table)?;
        consistency::check_support(&found.table, "Transactions are")?;
        if let Some(key) = decided.parts.key.or(decided.parts.item) {
            found.table.key.check_empty(key)?;
        }
        match item_of(&found, decided) {
            Ok(write) => {
                if !seen.insert((found.table.incarnation, write.row.clone())) {
                    return Err(DynamoError::invalid(
                        "Transaction request cannot include multiple operations on one item",
                    ));
                }
                bytes += if let Act::Put(stored, _) = &write.act { stored.size } else { 0 };
                writes.push((found, write));
                reasons.push(Reasoned::default());
            }
            // What comes behind the first is not looked at.
            Err(DynamoError::Validation(message)) => {
                reasons.push(Reasoned { cause: Some(("ValidationError", message)), item: None });
                reasons.resize(count, Reasoned::default());
                return Err(DynamoError::Cancelled(reasons));
            }
            Err(other) => return Err(other),
        }
    }
    transaction::check_size(bytes)?;
    Ok(writes)
}

fn item_of(found: &Found, decided: Decided<'_>) -> Result<ItemWrite, DynamoError> {
    let Decided { parts, stored, condition, actions } = decided;
    let shows_failed = parts.on_failure == Some(&ReturnValuesOnConditionCheckFailure::AllOld);
    if let (Some(item), Some(stored)) = (parts.item, stored) {
        return item_write(found, (item, stored), condition, shows_failed);
    }
    let key = parts.key.ok_or(DynamoError::Corrupt("a write of a transaction has no key"))?;
    found.table.key.check_key(key)?;
    let act = match (parts.verb, actions) {
        ("check", _) => Act::Check,
        (_, Some(actions)) => {
            write::check_actions(&found.table, &actions)?;
            Act::Update(actions, false)
        }
        (_, None) => Act::Delete,
    };
    keyed_write(found, key, condition, shows_failed, act)
}

async fn transact(
    ctx: &Ctx,
    input: &TransactWriteItemsInput,
    decided: Option<Vec<Decided<'_>>>,
    find: Finder,
) -> Result<TransactWriteItemsOutput, DynamoError> {
    // Only the first of several attempts finds it decided.
    let decided = decided.map_or_else(|| decide_all(ctx, input), Ok)?;
    let writes = Arc::new(prepare(ctx, decided, find)?);
    let token = input.client_request_token.as_deref().filter(|token| !token.is_empty());
    let once = token.map(|token| Ok::<_, DynamoError>((token, fingerprint(input)?))).transpose()?;
    let outcome = transaction::commit(ctx, "TransactWriteItems", &writes, once).await?;
    let asked = input.return_consumed_capacity.as_ref();
    let mut metrics = BTreeMap::<String, Vec<_>>::new();
    if let Outcome::Done(_) = outcome {
        let asked = input.return_item_collection_metrics.as_ref();
        for (found, write) in writes.iter() {
            if let Some(metric) = request::collection_metrics(ctx, found, &write.key, asked).await? {
                metrics.entry(found.table.name.clone()).or_default().push(metric);
            }
        }
    }
    Ok(TransactWriteItemsOutput {
        consumed_capacity: transaction::consumed(ctx, asked, &writes, &outcome),
        item_collection_metrics: (!metrics.is_empty()).then_some(metrics),
    })
}

/// What must be equal in a repeat with the same token.
fn fingerprint(input: &TransactWriteItemsInput) -> Result<Vec<u8>, DynamoError> {
    let mut bytes = Vec::new();
    let mut part = |part: &[u8]| {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    };
    for item in &input.transact_items {
        let parts = parts(item)?;
        part(parts.verb.as_bytes());
        part(parts.table.as_bytes());
        for text in [parts.update, parts.condition] {
            part(text.map_or(&[], |text| text.as_bytes()));
        }
        for (alias, name) in parts.names.into_iter().flatten() {
            part(alias.as_bytes());
            part(name.as_bytes());
        }
        for map in [parts.key, parts.item, parts.values].into_iter().flatten() {
            part(&codec::encode(map).bytes);
        }
    }
    Ok(bytes)
}
