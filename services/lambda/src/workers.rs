//! Housekeeping: environments that nobody needs, unpacked code that nobody runs.

use crate::compute::{self, Dispatcher};
use crate::errors::LambdaError;
use service::Ctx;

/// Gives up environments that waited long.
pub async fn reap(ctx: Ctx) -> Result<(), LambdaError> {
    ctx.part::<Dispatcher>().reap(&ctx);
    Ok(())
}

/// Removes unpacked code that no function has any more.
pub async fn sweep_code(ctx: Ctx) -> Result<(), LambdaError> {
    let dispatcher = ctx.part::<Dispatcher>().clone();
    compute::sweep(&ctx, |folder| dispatcher.uses(folder)).await
}
