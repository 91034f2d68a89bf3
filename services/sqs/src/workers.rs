//! Housekeeping: what is remembered for a time only — deduplication ids, attempts to receive, deletions and
//! purges.

use crate::errors::SqsError;
use crate::rules::RECENT_MS;
use crate::state::recent;
use service::Ctx;

/// Removes what is remembered no longer.
pub async fn forget_what_is_over(ctx: Ctx) -> Result<(), SqsError> {
    Ok(recent::sweep(&ctx.host().store, ctx.now(), RECENT_MS).await?)
}
