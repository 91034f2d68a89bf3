//! BatchGetItem: up to a hundred items of several tables, up to sixteen megabytes at once.

use super::get_item::{check_projection, consistency, projection};
use crate::capacity::{Usage, Used};
use crate::errors::DynamoError;
use crate::find::{self, Found};
use crate::rules::expression::projection::Projection;
use crate::rules::size::{self, Consistency};
use crate::rules::value::Item;
use crate::rules::{checks, codec, legacy};
use crate::state;
use model_dynamodb::{BatchGetItemInput, BatchGetItemOutput, KeysAndAttributes};
use service::Ctx;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store::Snapshot;

/// The most items of a request.
const MAX_ITEMS: usize = 100;
/// The most bytes of an answer.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// Beyond so many bytes of one partition no further item of it is read (API reference of BatchGetItem: "more
/// than 1 MB per partition"); here each table is one. The last item may pass it (dynalite,
/// test/batchGetItem.js).
const MAX_PARTITION_BYTES: usize = 1024 * 1024 + size::MAX_ITEM - 3;

/// BatchGetItem.
pub async fn batch_get_item(
    ctx: Ctx,
    input: Arc<BatchGetItemInput>,
) -> Result<BatchGetItemOutput, DynamoError> {
    let mut wanted = 0;
    let mut projections = Vec::new();
    for request in input.request_items.values() {
        projections.push(check(&ctx, request, &mut wanted)?);
    }
    let mut tables = Vec::new();
    for ((name, request), projection) in input.request_items.iter().zip(projections) {
        let found = find::item_table(&ctx, name)?;
        check_projection(&found.table, projection.as_ref())?;
        let keys = rows(&found, request)?;
        tables.push((name, request, found, projection, keys));
    }
    let read = ctx.read();
    let (mut output, mut left) = (BatchGetItemOutput::default(), MAX_BYTES);
    let (mut responses, mut unprocessed, mut consumed) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    for (name, request, found, projection, keys) in tables {
        let consistency = consistency(request.consistent_read);
        let got = get(&read, &found, &keys, projection.as_ref(), consistency, &mut left)?;
        if !got.rest.is_empty() {
            let keys = got.rest.iter().map(|place| request.keys[*place].clone()).collect();
            unprocessed.insert(name.clone(), KeysAndAttributes { keys, ..request.clone() });
        }
        responses.insert(name.clone(), got.items);
        consumed.extend(got.usage.taken(
            &ctx,
            &found.table,
            input.return_consumed_capacity.as_ref(),
            Used::Read,
        ));
    }
    output.responses = Some(responses);
    output.unprocessed_keys = Some(unprocessed);
    output.consumed_capacity = (!consumed.is_empty()).then_some(consumed);
    Ok(output)
}

fn check(
    ctx: &Ctx,
    request: &KeysAndAttributes,
    wanted: &mut usize,
) -> Result<Option<Projection>, DynamoError> {
    legacy::check_mixed(
        &[("ProjectionExpression", request.projection_expression.is_some())],
        &[("AttributesToGet", request.attributes_to_get.is_some())],
        (request.expression_attribute_names.is_some(), false),
    )?;
    let projection = projection(
        ctx,
        request.attributes_to_get.as_deref(),
        request.projection_expression.as_ref(),
        request.expression_attribute_names.as_ref(),
    )?;
    let mut seen = BTreeSet::new();
    for key in &request.keys {
        checks::values(key)?;
        if !seen.insert(codec::encode(key).bytes) {
            return Err(DynamoError::invalid("Provided list of item keys contains duplicates"));
        }
    }
    *wanted += request.keys.len();
    if *wanted > MAX_ITEMS {
        return Err(DynamoError::invalid("Too many items requested for the BatchGetItem call"));
    }
    Ok(projection)
}

fn rows(found: &Found, request: &KeysAndAttributes) -> Result<Vec<Vec<u8>>, DynamoError> {
    let schema = &found.table.key;
    let rows = request.keys.iter().map(|key| {
        schema.check_key(key)?;
        schema.row(key).ok_or(DynamoError::Corrupt("a checked key has no row"))
    });
    rows.collect()
}

struct Got {
    items: Vec<Item>,
    /// The places of the keys that were not looked at.
    rest: Vec<usize>,
    usage: Usage,
}

fn get(
    read: &Snapshot,
    found: &Found,
    keys: &[Vec<u8>],
    projection: Option<&Projection>,
    consistency: Consistency,
    left: &mut usize,
) -> Result<Got, DynamoError> {
    let mut got = Got { items: Vec::new(), rest: Vec::new(), usage: Usage::default() };
    let mut left_here = MAX_PARTITION_BYTES;
    for (place, key) in keys.iter().enumerate() {
        let row = state::row(read, &found.scope, found.table.incarnation, key)?;
        let bytes = row.as_deref().map_or(0, codec::stored_size);
        if bytes > *left || bytes > left_here {
            // Once one did not fit, the client comes again for it and for all behind it.
            left_here = 0;
            got.rest.push(place);
            continue;
        }
        *left -= bytes;
        left_here -= bytes;
        got.usage.add(Usage::of_table(size::read_units(bytes, consistency)));
        if let Some(row) = row {
            let item = state::item(&row)?;
            got.items.push(match projection {
                Some(projection) => projection.of(&item),
                None => item,
            });
        }
    }
    Ok(got)
}
