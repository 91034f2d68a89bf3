//! TransactGetItems: up to a hundred items as they are at one moment.

use super::get_item::{check_projection, projection};
use crate::capacity::{Ledger, Usage, Used};
use crate::consistency;
use crate::errors::{DynamoError, Reasoned};
use crate::find::{self, Found};
use crate::rules::expression::projection::Projection;
use crate::rules::size::{self, Consistency};
use crate::rules::{checks, codec};
use crate::state;
use model_dynamodb::{ItemResponse, TransactGetItemsInput, TransactGetItemsOutput};
use service::Ctx;
use std::collections::HashSet;
use std::sync::Arc;

/// The most bytes of an answer.
const MAX_BYTES: usize = 4 * 1024 * 1024;

struct One {
    found: Found,
    projection: Option<Projection>,
    key: Vec<u8>,
}

/// TransactGetItems.
pub async fn transact_get_items(
    ctx: Ctx,
    input: Arc<TransactGetItemsInput>,
) -> Result<TransactGetItemsOutput, DynamoError> {
    let wanted = prepare(&ctx, &input)?;
    let read = ctx.read();
    let (mut responses, mut left) = (Vec::with_capacity(wanted.len()), MAX_BYTES);
    let mut ledger = Ledger::default();
    for one in wanted {
        let table = &one.found.table;
        let row = state::row(&read, &one.found.scope, table.incarnation, &one.key)?;
        let bytes = row.as_deref().map_or(0, codec::stored_size);
        left = left.checked_sub(bytes).ok_or_else(|| {
            DynamoError::invalid("The aggregate size of the items in the transaction exceeds 4 MB")
        })?;
        let units = Usage::of_table(size::read_units(bytes, Consistency::Transactional));
        ledger.add(&one.found, units);
        let item = row.as_ref().map(state::item).transpose()?;
        let item = match &one.projection {
            Some(projection) => item.map(|item| projection.of(&item)),
            None => item,
        };
        responses.push(ItemResponse { item });
    }
    let asked = input.return_consumed_capacity.as_ref();
    Ok(TransactGetItemsOutput {
        responses: Some(responses),
        consumed_capacity: ledger.taken(&ctx, asked, Used::TransactionRead),
    })
}

fn prepare(ctx: &Ctx, input: &TransactGetItemsInput) -> Result<Vec<One>, DynamoError> {
    let mut projections = Vec::with_capacity(input.transact_items.len());
    for item in &input.transact_items {
        checks::values(&item.get.key)?;
        let (expression, names) = (&item.get.projection_expression, &item.get.expression_attribute_names);
        projections.push(projection(ctx, None, expression.as_ref(), names.as_ref())?);
    }
    let (mut wanted, mut reasons) = (Vec::new(), Vec::new());
    let mut seen = HashSet::new();
    for (item, projection) in input.transact_items.iter().zip(projections) {
        let found = find::item_table(ctx, &item.get.table_name)?;
        consistency::check_support(&found.table, "Transactions are")?;
        let mut reason = Reasoned::default();
        found.table.key.check_empty(&item.get.key)?;
        match found.table.key.check_key(&item.get.key) {
            Err(message) => reason.cause = Some(("ValidationError", message)),
            Ok(()) => {
                check_projection(&found.table, projection.as_ref())?;
                let key = found.table.key.row(&item.get.key);
                let key = key.ok_or(DynamoError::Corrupt("a checked key has no row"))?;
                if !seen.insert((found.table.incarnation, key.clone())) {
                    return Err(DynamoError::invalid(
                        "Transaction request cannot include multiple operations on one item",
                    ));
                }
                wanted.push(One { found, projection, key });
            }
        }
        reasons.push(reason);
    }
    match reasons.iter().any(|reason| reason.cause.is_some()) {
        true => Err(DynamoError::Cancelled(reasons)),
        false => Ok(wanted),
    }
}
