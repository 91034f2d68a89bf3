//! PutFunctionRecursionConfig, GetFunctionRecursionConfig: whether a function may be part of a loop of
//! invocations that cause each other.

use crate::errors::LambdaError;
use crate::invoke;
use crate::ops::named;
use crate::state;
use model_lambda::{
    GetFunctionRecursionConfigInput, GetFunctionRecursionConfigOutput, PutFunctionRecursionConfigInput,
    PutFunctionRecursionConfigOutput, RecursiveLoop,
};
use service::Ctx;
use std::sync::Arc;

/// PutFunctionRecursionConfig.
pub async fn put(
    ctx: Ctx,
    input: Arc<PutFunctionRecursionConfigInput>,
) -> Result<PutFunctionRecursionConfigOutput, LambdaError> {
    let (named, told) = (named(&ctx, input.as_ref())?, input.recursive_loop.clone());
    ctx.commit(move |tx| {
        let mut function = invoke::found(tx, &named)?;
        function.may_loop = input.recursive_loop == RecursiveLoop::Allow;
        Ok::<_, LambdaError>(state::put_function(tx, &named.scope, &function)?)
    })
    .await?;
    Ok(PutFunctionRecursionConfigOutput { recursive_loop: Some(told) })
}

/// GetFunctionRecursionConfig.
pub async fn get(
    ctx: Ctx,
    input: Arc<GetFunctionRecursionConfigInput>,
) -> Result<GetFunctionRecursionConfigOutput, LambdaError> {
    let function = invoke::found(&ctx.read(), &named(&ctx, input.as_ref())?)?;
    let told = if function.may_loop { RecursiveLoop::Allow } else { RecursiveLoop::Terminate };
    Ok(GetFunctionRecursionConfigOutput { recursive_loop: Some(told) })
}
