//! GetAccountSettings.

use crate::errors::LambdaError;
use crate::rules::{ACCOUNT_CONCURRENCY, MAX_CODE, archive};
use crate::state;
use model_lambda::{AccountLimit, AccountUsage, GetAccountSettingsInput, GetAccountSettingsOutput};
use service::Ctx;
use std::sync::Arc;

/// GetAccountSettings.
pub async fn get(
    ctx: Ctx,
    _input: Arc<GetAccountSettingsInput>,
) -> Result<GetAccountSettingsOutput, LambdaError> {
    let totals = state::totals(&ctx.read(), &ctx.scope())?;
    let long = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    Ok(GetAccountSettingsOutput {
        account_limit: Some(AccountLimit {
            total_code_size: Some(long(MAX_CODE)),
            code_size_unzipped: Some(long(archive::MAX_UNZIPPED)),
            code_size_zipped: Some(52_428_800),
            concurrent_executions: Some(ACCOUNT_CONCURRENCY.cast_signed()),
            unreserved_concurrent_executions: Some(
                ACCOUNT_CONCURRENCY.saturating_sub(totals.reserved).cast_signed(),
            ),
        }),
        account_usage: Some(AccountUsage {
            total_code_size: Some(long(totals.code_bytes)),
            function_count: Some(long(totals.functions)),
        }),
    })
}
