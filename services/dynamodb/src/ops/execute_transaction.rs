//! ExecuteTransaction: up to a hundred statements of PartiQL, all reading at one moment or all written at once.

use crate::capacity::{Ledger, Usage, Used};
use crate::consistency;
use crate::errors::DynamoError;
use crate::expressions::Expressions;
use crate::find::{self, Finder};
use crate::rules::partiql::bind::Parameters;
use crate::rules::size::{self, Consistency};
use crate::statements::{self, Prepared};
use crate::transaction;
use model_dynamodb::{ExecuteTransactionInput, ExecuteTransactionOutput, ItemResponse};
use service::Ctx;
use std::collections::HashSet;
use std::sync::Arc;

/// ExecuteTransaction.
pub async fn execute_transaction(
    ctx: Ctx,
    input: Arc<ExecuteTransactionInput>,
) -> Result<ExecuteTransactionOutput, DynamoError> {
    let mut prepared = Vec::with_capacity(input.transact_statements.len());
    for (place, one) in input.transact_statements.iter().enumerate() {
        // A parameter that is no value is told without its place (conformance suite of paritysuite,
        // tests/tier3/error-messages/partiqlParameterNumbers.test.ts, run on AWS).
        Parameters::check(one.parameters.as_deref().unwrap_or_default())?;
        let statement = Prepared::new(ctx.part::<Expressions>(), &one.statement, one.parameters.as_ref());
        prepared.push(statement.map_err(|error| at(place, error))?);
    }
    let reads = prepared.iter().filter(|one| one.statement.verb.reads()).count();
    if reads == prepared.len() {
        return read(&ctx, &input, &prepared);
    }
    if reads > 0 {
        return Err(DynamoError::invalid(
            "ExecuteTransaction must contain either only read statements or only write statements.",
        ));
    }
    find::settled(|find| write(&ctx, &input, &prepared, find)).await
}

/// A refusal with the place of its statement.
fn at(place: usize, error: DynamoError) -> DynamoError {
    match error {
        DynamoError::Validation(message) => {
            DynamoError::Validation(format!("Validation failed in TransactStatements[{place}]: {message}"))
        }
        other => other,
    }
}

fn read(
    ctx: &Ctx,
    input: &ExecuteTransactionInput,
    prepared: &[Prepared],
) -> Result<ExecuteTransactionOutput, DynamoError> {
    let mut ledger = Ledger::default();
    let mut responses = Vec::with_capacity(prepared.len());
    let mut total = 0;
    for (place, one) in prepared.iter().enumerate() {
        let (found, item, bytes) =
            statements::single(ctx, one, "ExecuteTransaction").map_err(|error| at(place, error))?;
        consistency::check_support(&found.table, "Transactions are")?;
        total += bytes;
        transaction::check_size(total)?;
        ledger.add(&found, Usage::of_table(size::read_units(bytes, Consistency::Transactional)));
        responses.push(ItemResponse { item });
    }
    let asked = input.return_consumed_capacity.as_ref();
    Ok(ExecuteTransactionOutput {
        responses: Some(responses),
        consumed_capacity: ledger.taken(ctx, asked, Used::TransactionRead),
    })
}

async fn write(
    ctx: &Ctx,
    input: &ExecuteTransactionInput,
    prepared: &[Prepared],
    find: Finder,
) -> Result<ExecuteTransactionOutput, DynamoError> {
    let (mut writes, mut seen) = (Vec::with_capacity(prepared.len()), HashSet::new());
    for (place, (one, request)) in prepared.iter().zip(&input.transact_statements).enumerate() {
        let shows_failed =
            statements::shows_failed(request.return_values_on_condition_check_failure.as_ref());
        let planned = statements::plan(ctx, one, shows_failed, find).map_err(|error| at(place, error))?;
        consistency::check_support(&planned.found.table, "Transactions are")?;
        if !seen.insert((planned.found.table.incarnation, planned.write.row.clone())) {
            return Err(DynamoError::invalid(
                "Transaction request cannot include multiple operations on one item",
            ));
        }
        writes.push((planned.found, planned.write));
    }
    let writes = Arc::new(writes);
    let all = input.transact_statements.iter().map(|one| (&one.statement, one.parameters.as_ref()));
    let token = input.client_request_token.as_deref().filter(|token| !token.is_empty());
    let once = token.map(|token| (token, statements::fingerprint(all)));
    let outcome = transaction::commit(ctx, "ExecuteTransaction", &writes, once).await?;
    let asked = input.return_consumed_capacity.as_ref();
    Ok(ExecuteTransactionOutput {
        responses: Some(Vec::new()),
        consumed_capacity: transaction::consumed(ctx, asked, &writes, &outcome),
    })
}
