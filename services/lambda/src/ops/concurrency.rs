//! PutFunctionConcurrency, GetFunctionConcurrency, DeleteFunctionConcurrency: what a function keeps for
//! itself is also its bound.

use crate::errors::LambdaError;
use crate::invoke;
use crate::ops::named;
use crate::rules::ACCOUNT_CONCURRENCY;
use crate::rules::names::Named;
use crate::state::{self, provisioned};
use model_lambda::{
    Concurrency, DeleteFunctionConcurrencyInput, GetFunctionConcurrencyInput, GetFunctionConcurrencyOutput,
    PutFunctionConcurrencyInput,
};
use schema::Unit;
use service::Ctx;
use std::sync::Arc;
use store::Tx;

/// Those that functions cannot keep for themselves (Lambda developer guide, "Reserved concurrency").
pub const MIN_UNRESERVED: u32 = 100;

/// What is kept is the function's, whatever version or alias is run.
fn unqualified(named: Named) -> Result<Named, LambdaError> {
    match named.qualifier {
        None => Ok(named),
        Some(_) => Err(LambdaError::invalid(
            "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. \
             Please specify either a function name or an unqualified function ARN.",
        )),
    }
}

fn set(tx: &mut Tx, named: &Named, reserved: Option<u32>) -> Result<(), LambdaError> {
    let missing = || {
        let arn = state::arn(&named.scope, &named.name, Some(state::LATEST));
        LambdaError::FunctionNotFound(arn.to_string())
    };
    let mut function = state::function(tx, &named.scope, &named.name)?.ok_or_else(missing)?;
    let others = state::totals(tx, &named.scope)?.reserved.saturating_sub(function.reserved.unwrap_or(0));
    let all = others.saturating_add(reserved.unwrap_or(0));
    if all > ACCOUNT_CONCURRENCY - MIN_UNRESERVED {
        return Err(LambdaError::Untyped(format!(
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution \
             below its minimum value of [{MIN_UNRESERVED}]."
        )));
    }
    let ready: u32 = provisioned::all(tx, &named.scope, &function)?.iter().map(|one| one.wanted).sum();
    if let Some(reserved) = reserved.filter(|reserved| *reserved < ready) {
        return Err(LambdaError::Untyped(format!(
            " ReservedConcurrentExecutions  {reserved} should not be lower than function's total provisioned concurrency \
             [{ready}]."
        )));
    }
    function.reserved = reserved;
    state::change_totals(tx, &named.scope, |totals| totals.reserved = all)?;
    Ok(state::put_function(tx, &named.scope, &function)?)
}

/// PutFunctionConcurrency.
pub async fn put(ctx: Ctx, input: Arc<PutFunctionConcurrencyInput>) -> Result<Concurrency, LambdaError> {
    let named = unqualified(named(&ctx, input.as_ref())?)?;
    let reserved = input.reserved_concurrent_executions;
    ctx.commit(move |tx| set(tx, &named, Some(reserved.max(0).unsigned_abs()))).await?;
    Ok(Concurrency { reserved_concurrent_executions: Some(reserved) })
}

/// GetFunctionConcurrency.
pub async fn get(
    ctx: Ctx,
    input: Arc<GetFunctionConcurrencyInput>,
) -> Result<GetFunctionConcurrencyOutput, LambdaError> {
    let named = unqualified(named(&ctx, input.as_ref())?)?;
    let function = invoke::found(&ctx.read(), &named)?;
    Ok(GetFunctionConcurrencyOutput {
        reserved_concurrent_executions: function.reserved.map(u32::cast_signed),
    })
}

/// DeleteFunctionConcurrency.
pub async fn delete(ctx: Ctx, input: Arc<DeleteFunctionConcurrencyInput>) -> Result<Unit, LambdaError> {
    let named = unqualified(named(&ctx, input.as_ref())?)?;
    ctx.commit(move |tx| set(tx, &named, None)).await?;
    Ok(Unit)
}
