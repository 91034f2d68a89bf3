//! BatchWriteItem: up to twenty-five puts and deletes, each by itself, with one sync for all.

use super::delete_item::keyed_write;
use super::put_item::{item_write, stored};
use crate::capacity::{Usage, Used};
use crate::errors::DynamoError;
use crate::find::{self, Finder, Found};
use crate::request;
use crate::rules::keys::KeyPart;
use crate::rules::value::{Item, kind};
use crate::rules::{checks, size};
use crate::statistics::Statistics;
use crate::write::{Act, ItemWrite, Written};
use model_dynamodb::{BatchWriteItemInput, BatchWriteItemOutput, WriteRequest};
use service::Ctx;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// The most writes of a request.
const MAX_WRITES: usize = 25;
/// The most bytes that one request writes; what is beyond comes back unprocessed.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// BatchWriteItem.
pub async fn batch_write_item(
    ctx: Ctx,
    input: Arc<BatchWriteItemInput>,
) -> Result<BatchWriteItemOutput, DynamoError> {
    let mut count = 0;
    for requests in input.request_items.values() {
        requests.iter().try_for_each(check)?;
        count += requests.len();
    }
    if count > MAX_WRITES {
        return Err(DynamoError::invalid("Too many items requested for the BatchWriteItem call"));
    }
    find::settled(|find| write(&ctx, &input, find)).await
}

fn check(request: &WriteRequest) -> Result<(), DynamoError> {
    match (&request.put_request, &request.delete_request) {
        (Some(put), None) => {
            checks::values(&put.item)?;
            if size::item(&put.item) > size::MAX_ITEM {
                return Err(DynamoError::invalid("Item size has exceeded the maximum allowed size"));
            }
            Ok(())
        }
        (None, Some(delete)) => Ok(checks::values(&delete.key)?),
        _ => Err(DynamoError::invalid(
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the \
             supported datatypes",
        )),
    }
}

/// One write of the batch: the table's name in the request, the table, the place among its requests.
struct One<'r> {
    name: &'r String,
    found: Found,
    request: &'r WriteRequest,
    write: Arc<ItemWrite>,
}

fn prepare<'r>(ctx: &Ctx, input: &'r BatchWriteItemInput, find: Finder) -> Result<Vec<One<'r>>, DynamoError> {
    let (mut all, mut seen) = (Vec::new(), HashSet::new());
    for (name, requests) in &input.request_items {
        let found = find(ctx, name)?;
        for request in requests {
            let write = match (&request.put_request, &request.delete_request) {
                (Some(put), _) => {
                    check_put_key(&found, &put.item)?;
                    item_write(&found, (&put.item, stored(&put.item)?), None, false)?
                }
                (None, Some(delete)) => keyed_write(&found, &delete.key, None, false, Act::Delete)?,
                (None, None) => continue,
            };
            if !seen.insert((found.table.incarnation, write.row.clone())) {
                return Err(DynamoError::invalid("Provided list of item keys contains duplicates"));
            }
            all.push(One { name, found: found.clone(), request, write: Arc::new(write) });
        }
    }
    Ok(all)
}

/// In a batch, a put that lacks its key is refused as a wrong key is.
fn check_put_key(found: &Found, item: &Item) -> Result<(), DynamoError> {
    let schema = &found.table.key;
    let fits =
        |part: &KeyPart| item.get(&part.name).is_some_and(|value| kind(value) == Some(part.kind.kind()));
    match schema.parts().all(fits) {
        true => Ok(()),
        false => Err(DynamoError::invalid("The provided key element does not match the schema")),
    }
}

fn bytes(write: &ItemWrite) -> usize {
    match &write.act {
        Act::Put(stored, _) => stored.size,
        Act::Update(..) | Act::Delete | Act::Check => 0,
    }
}

async fn write(
    ctx: &Ctx,
    input: &BatchWriteItemInput,
    find: Finder,
) -> Result<BatchWriteItemOutput, DynamoError> {
    let (mut left, mut unprocessed) = (MAX_BYTES, BTreeMap::<String, Vec<WriteRequest>>::new());
    let (mut ones, mut closures) = (Vec::new(), Vec::new());
    for one in prepare(ctx, input, find)? {
        match left.checked_sub(bytes(&one.write)) {
            Some(rest) => {
                left = rest;
                let write = one.write.clone();
                closures.push(move |tx: &mut store::Tx| write.run(tx));
                ones.push(one);
            }
            None => unprocessed.entry(one.name.clone()).or_default().push(one.request.clone()),
        }
    }
    let results: Vec<Result<Written, DynamoError>> = ctx.host().store.commit_each(closures).await;
    let (mut usages, mut metrics) = (BTreeMap::<&String, (Found, Usage)>::new(), BTreeMap::new());
    for (one, result) in ones.iter().zip(results) {
        // A stale table makes the whole batch begin again: writing an item twice leaves it as once.
        let written = result?;
        ctx.part::<Statistics>().add(&written.deltas);
        let usage = usages.entry(one.name).or_insert_with(|| (one.found.clone(), Usage::default()));
        usage.1.add(Usage::of_write(&written, 1.0));
        let asked = input.return_item_collection_metrics.as_ref();
        if let Some(metric) = request::collection_metrics(ctx, &one.found, &one.write.key, asked).await? {
            metrics.entry(one.name.clone()).or_insert_with(Vec::new).push(metric);
        }
    }
    let consumed: Vec<_> = usages
        .values()
        .filter_map(|(found, usage)| {
            usage.taken(ctx, &found.table, input.return_consumed_capacity.as_ref(), Used::Write)
        })
        .collect();
    Ok(BatchWriteItemOutput {
        unprocessed_items: Some(unprocessed),
        item_collection_metrics: (!metrics.is_empty()).then_some(metrics),
        consumed_capacity: (!consumed.is_empty()).then_some(consumed),
    })
}
