//! Housekeeping: environments that nobody needs, unpacked code that nobody runs.

use crate::compute::Dispatcher;
use crate::errors::LambdaError;
use service::Ctx;

/// Gives up environments that waited long.
pub async fn reap(ctx: Ctx) -> Result<(), LambdaError> {
    ctx.part::<Dispatcher>().reap(&ctx);
    Ok(())
}

/// Removes unpacked code that no function has any more, and what earlier starts left.
pub async fn sweep(ctx: Ctx) -> Result<(), LambdaError> {
    ctx.part::<Dispatcher>().sweep(&ctx).await
}
