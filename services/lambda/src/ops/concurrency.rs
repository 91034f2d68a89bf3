//! PutFunctionConcurrency, GetFunctionConcurrency, DeleteFunctionConcurrency: what a function keeps for
//! itself is also its bound.

use crate::errors::LambdaError;
use crate::invoke;
use crate::ops::named;
use crate::rules::ACCOUNT_CONCURRENCY;
use crate::rules::names::Named;
use crate::state;
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

fn set(tx: &mut Tx, named: &Named, reserved: Option<u32>) -> Result<(), LambdaError> {
    let mut function = invoke::found(tx, named)?;
    let others = state::totals(tx, &named.scope)?.reserved.saturating_sub(function.reserved.unwrap_or(0));
    let all = others.saturating_add(reserved.unwrap_or(0));
    if all > ACCOUNT_CONCURRENCY - MIN_UNRESERVED {
        return Err(LambdaError::invalid(format!(
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution \
             below its minimum value of [{MIN_UNRESERVED}]."
        )));
    }
    function.reserved = reserved;
    state::change_totals(tx, &named.scope, |totals| totals.reserved = all)?;
    Ok(state::put_function(tx, &named.scope, &function)?)
}

/// PutFunctionConcurrency.
pub async fn put(ctx: Ctx, input: Arc<PutFunctionConcurrencyInput>) -> Result<Concurrency, LambdaError> {
    let named = named(&ctx, input.as_ref())?;
    let reserved = input.reserved_concurrent_executions;
    ctx.commit(move |tx| set(tx, &named, Some(reserved.max(0).unsigned_abs()))).await?;
    Ok(Concurrency { reserved_concurrent_executions: Some(reserved) })
}

/// GetFunctionConcurrency.
pub async fn get(
    ctx: Ctx,
    input: Arc<GetFunctionConcurrencyInput>,
) -> Result<GetFunctionConcurrencyOutput, LambdaError> {
    let function = invoke::found(&ctx.read(), &named(&ctx, input.as_ref())?)?;
    Ok(GetFunctionConcurrencyOutput {
        reserved_concurrent_executions: function.reserved.map(u32::cast_signed),
    })
}

/// DeleteFunctionConcurrency.
pub async fn delete(ctx: Ctx, input: Arc<DeleteFunctionConcurrencyInput>) -> Result<Unit, LambdaError> {
    let named = named(&ctx, input.as_ref())?;
    ctx.commit(move |tx| set(tx, &named, None)).await?;
    Ok(Unit)
}
