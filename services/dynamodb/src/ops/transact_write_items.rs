//! TransactWriteItems: all of up to a hundred writes, or none. One commit of the store.

use super::delete_item::keyed_write;
use super::put_item::{item_write, stored};
use crate::capacity::{Usage, Used};
use crate::errors::{DynamoError, Reasoned};
use crate::expressions::Expressions;
use crate::find::{self, Finder, Found};
use crate::request::{self, Binder};
use crate::rules::expression::bind::Bound;
use crate::rules::expression::placeholders::{Names, Values};
use crate::rules::expression::update::Action;
use crate::rules::size::{self, Consistency};
use crate::rules::value::Item;
use crate::rules::{checks, codec};
use crate::statistics::Statistics;
use crate::write::{self, Act, ItemWrite, Written};
use model_dynamodb::{
    ReturnValuesOnConditionCheckFailure, TransactWriteItem, TransactWriteItemsInput, TransactWriteItemsOutput,
};
use names::Scope;
use service::{Ctx, Once, once};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use store::Tx;

/// The most bytes of the items of a transaction.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// How long a client token is remembered.
const TOKEN_MS: i64 = 10 * 60 * 1000;

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
    condition: Option<Bound>,
    actions: Option<Vec<Action>>,
}

fn decide<'r>(ctx: &Ctx, item: &'r TransactWriteItem) -> Result<Decided<'r>, DynamoError> {
    let parts = parts(item)?;
    parts.key.or(parts.item).map(checks::values).transpose()?;
    let mut binder = Binder::new(ctx.part::<Expressions>(), parts.names, parts.values)?;
    let actions = binder.update(parts.update)?;
    let condition = binder.condition("ConditionExpression", parts.condition)?;
    binder.finish()?;
    Ok(Decided { parts, condition, actions })
}

/// TransactWriteItems.
pub async fn transact_write_items(
    ctx: Ctx,
    input: Arc<TransactWriteItemsInput>,
) -> Result<TransactWriteItemsOutput, DynamoError> {
    for item in &input.transact_items {
        decide(&ctx, item)?;
    }
    find::settled(|find| transact(&ctx, &input, find)).await
}

type Writes = Vec<(Found, ItemWrite)>;

fn prepare(ctx: &Ctx, input: &TransactWriteItemsInput, find: Finder) -> Result<Writes, DynamoError> {
    let (mut writes, mut reasons) = (Vec::new(), Vec::new());
    let (mut seen, mut bytes) = (HashSet::new(), 0);
    for item in &input.transact_items {
        let decided = decide(ctx, item)?;
        let found = find(ctx, decided.parts.table)?;
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
            Err(DynamoError::Validation(message)) => {
                reasons.push(Reasoned { cause: Some(("ValidationError", message)), item: None });
            }
            Err(other) => return Err(other),
        }
    }
    if reasons.iter().any(|reason| reason.cause.is_some()) {
        return Err(DynamoError::Cancelled(reasons));
    }
    if bytes > MAX_BYTES {
        return Err(DynamoError::invalid("The aggregate size of the items in the transaction exceeds 4 MB"));
    }
    Ok(writes)
}

fn item_of(found: &Found, decided: Decided<'_>) -> Result<ItemWrite, DynamoError> {
    let Decided { parts, condition, actions } = decided;
    let shows_failed = parts.on_failure == Some(&ReturnValuesOnConditionCheckFailure::AllOld);
    if let Some(item) = parts.item {
        return item_write(found, (item, stored(item)?), condition, shows_failed);
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
    find: Finder,
) -> Result<TransactWriteItemsOutput, DynamoError> {
    let writes = Arc::new(prepare(ctx, input, find)?);
    let token = input.client_request_token.clone().filter(|token| !token.is_empty());
    let fingerprint = fingerprint(input)?;
    let (scope, now, running) = (ctx.scope(), ctx.now(), writes.clone());
    let (once, written) = ctx
        .commit(move |tx| {
            let mut written = Vec::new();
            let mut work = |tx: &mut Tx| {
                written = run_all(tx, &running)?;
                let sizes = written.iter().flat_map(|one| (one.sizes.1 as u32).to_be_bytes());
                Ok::<Vec<u8>, DynamoError>(sizes.collect())
            };
            let once = match &token {
                None => Once::Done(work(tx)?),
                Some(token) => {
                    let place = (&scope, "TransactWriteItems", token.as_str());
                    once(tx, place, &fingerprint, (now, now.plus_millis(TOKEN_MS)), work)?
                }
            };
            Ok::<_, DynamoError>((once, written))
        })
        .await?;
    match once {
        Once::Mismatch => Err(DynamoError::TokenMismatch),
        Once::Repeated(sizes) => Ok(repeated(input, &writes, &sizes)),
        Once::Done(_) => done(ctx, input, &writes, written).await,
    }
}

fn run_all(tx: &mut Tx, writes: &Writes) -> Result<Vec<Written>, DynamoError> {
    let mut reasons = Vec::with_capacity(writes.len());
    let mut all = Vec::with_capacity(writes.len());
    for (_, write) in writes {
        let mut reason = Reasoned::default();
        match write.run(tx) {
            Ok(written) => all.push(written),
            Err(DynamoError::ConditionFailed(item)) => {
                let message = "The conditional request failed".to_owned();
                reason = Reasoned { cause: Some(("ConditionalCheckFailed", message)), item };
            }
            Err(DynamoError::Validation(message)) => reason.cause = Some(("ValidationError", message)),
            Err(other) => return Err(other),
        }
        reasons.push(reason);
    }
    if all.len() < writes.len() {
        return Err(DynamoError::Cancelled(reasons));
    }
    let bytes: usize = all.iter().map(|written| written.sizes.1).sum();
    if bytes > MAX_BYTES {
        return Err(DynamoError::invalid("The aggregate size of the items in the transaction exceeds 4 MB"));
    }
    Ok(all)
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

type Usages<'w> = BTreeMap<(&'w Scope, &'w String), (&'w Found, Usage)>;

fn shown(
    input: &TransactWriteItemsInput,
    usages: &Usages<'_>,
    used: Used,
) -> Option<Vec<model_dynamodb::ConsumedCapacity>> {
    let asked = input.return_consumed_capacity.as_ref();
    let consumed: Vec<_> =
        usages.values().filter_map(|(found, usage)| usage.shown(&found.table, asked, used)).collect();
    (!consumed.is_empty()).then_some(consumed)
}

fn add<'w>(usages: &mut Usages<'w>, found: &'w Found, usage: Usage) {
    let place = (&found.scope, &found.table.name);
    usages.entry(place).or_insert_with(|| (found, Usage::default())).1.add(usage);
}

async fn done(
    ctx: &Ctx,
    input: &TransactWriteItemsInput,
    writes: &Writes,
    written: Vec<Written>,
) -> Result<TransactWriteItemsOutput, DynamoError> {
    let mut usages = Usages::new();
    let mut metrics = BTreeMap::<String, Vec<_>>::new();
    for ((found, write), written) in writes.iter().zip(&written) {
        ctx.part::<Statistics>().add(&written.deltas);
        add(&mut usages, found, Usage::of_write(written, 2.0));
        let asked = input.return_item_collection_metrics.as_ref();
        if let Some(metric) = request::collection_metrics(ctx, found, &write.key, asked).await? {
            metrics.entry(found.table.name.clone()).or_default().push(metric);
        }
    }
    Ok(TransactWriteItemsOutput {
        consumed_capacity: shown(input, &usages, Used::TransactionWrite),
        item_collection_metrics: (!metrics.is_empty()).then_some(metrics),
    })
}

/// A repeat is paid as reading the items that were written.
fn repeated(input: &TransactWriteItemsInput, writes: &Writes, sizes: &[u8]) -> TransactWriteItemsOutput {
    let mut usages = Usages::new();
    for ((found, _), size) in writes.iter().zip(sizes.chunks_exact(4)) {
        let bytes = size.iter().fold(0usize, |sum, byte| (sum << 8) | usize::from(*byte));
        add(&mut usages, found, Usage::of_table(size::read_units(bytes, Consistency::Transactional)));
    }
    TransactWriteItemsOutput {
        consumed_capacity: shown(input, &usages, Used::TransactionRead),
        item_collection_metrics: None,
    }
}
