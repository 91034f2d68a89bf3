//! ListTables: names in order, a page at a time.

use crate::errors::DynamoError;
use crate::state;
use model_dynamodb::{ListTablesInput, ListTablesOutput};
use service::Ctx;
use std::sync::Arc;

/// The longest page, and the one that is given unasked.
const MAX_PAGE: i32 = 100;

/// ListTables.
pub async fn list_tables(ctx: Ctx, input: Arc<ListTablesInput>) -> Result<ListTablesOutput, DynamoError> {
    let limit = usize::try_from(input.limit.unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE)).unwrap_or(1);
    let after = input.exclusive_start_table_name.as_ref();
    let mut names = state::table_names(&ctx.read(), &ctx.scope(), after, limit + 1)?;
    let more = names.len() > limit;
    names.truncate(limit);
    let last = if more { names.last().cloned() } else { None };
    Ok(ListTablesOutput { table_names: Some(names), last_evaluated_table_name: last })
}
