//! ExecuteStatement: one statement of PartiQL.

use crate::errors::DynamoError;
use crate::expressions::Expressions;
use crate::find::{self, Finder};
use crate::statements::{self, Bounds, Position, Prepared};
use crate::statistics::Statistics;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use model_dynamodb::{ExecuteStatementInput, ExecuteStatementOutput};
use service::Ctx;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// ExecuteStatement.
pub async fn execute_statement(
    ctx: Ctx,
    input: Arc<ExecuteStatementInput>,
) -> Result<ExecuteStatementOutput, DynamoError> {
    let prepared = Prepared::new(ctx.part::<Expressions>(), &input.statement, input.parameters.as_ref())?;
    if prepared.statement.verb.reads() {
        return select(&ctx, &input, &prepared).await;
    }
    if matches!(prepared.statement.verb, crate::rules::partiql::syntax::Verb::Exists) {
        return Err(DynamoError::invalid("EXISTS() is only supported within ExecuteTransaction"));
    }
    find::settled(|find| write(&ctx, &input, &prepared, find)).await
}

async fn select(
    ctx: &Ctx,
    input: &ExecuteStatementInput,
    prepared: &Prepared,
) -> Result<ExecuteStatementOutput, DynamoError> {
    let request = statements::fingerprint([(&input.statement, input.parameters.as_ref())].into_iter());
    let filter = STANDARD_NO_PAD.encode(Sha256::digest(request));
    let start = match &input.next_token {
        None => Position::default(),
        Some(token) => {
            let position = ctx.page_position(&filter, token);
            let position = position.as_deref().and_then(Position::from_bytes);
            position.ok_or_else(|| DynamoError::invalid("Given NextToken is invalid"))?
        }
    };
    let bounds = Bounds {
        limit: input.limit.and_then(|limit| usize::try_from(limit).ok()),
        start,
        consistent: input.consistent_read,
        asked: input.return_consumed_capacity.as_ref(),
    };
    let selected = statements::run_select(ctx, prepared, bounds).await?;
    Ok(ExecuteStatementOutput {
        items: Some(selected.items),
        next_token: selected.next.as_ref().map(|next| ctx.page_token(&filter, &next.to_bytes())),
        consumed_capacity: selected.consumed,
        last_evaluated_key: selected.next.and_then(|next| next.after),
    })
}

async fn write(
    ctx: &Ctx,
    input: &ExecuteStatementInput,
    prepared: &Prepared,
    find: Finder,
) -> Result<ExecuteStatementOutput, DynamoError> {
    let shows_failed = statements::shows_failed(input.return_values_on_condition_check_failure.as_ref());
    let planned = statements::plan(ctx, prepared, shows_failed, find)?;
    let write = planned.write.clone();
    let written = ctx.commit(move |tx| write.run(tx)).await?;
    ctx.part::<Statistics>().add(&written.deltas);
    let consumed_capacity = planned.consumed(ctx, &written, input.return_consumed_capacity.as_ref());
    Ok(ExecuteStatementOutput {
        items: Some(planned.answered(written)?.into_iter().collect()),
        consumed_capacity,
        ..ExecuteStatementOutput::default()
    })
}
