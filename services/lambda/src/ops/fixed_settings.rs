//! Settings that every function has and that cannot be changed here: no code signing, loops are ended,
//! runtimes are the machine's.

use crate::errors::LambdaError;
use crate::invoke;
use crate::ops::named;
use crate::state;
use model_lambda::{
    GetFunctionCodeSigningConfigInput, GetFunctionCodeSigningConfigOutput, GetFunctionRecursionConfigInput,
    GetFunctionRecursionConfigOutput, GetRuntimeManagementConfigInput, GetRuntimeManagementConfigOutput,
    RecursiveLoop, UpdateRuntimeOn,
};
use service::Ctx;
use std::sync::Arc;

/// GetFunctionCodeSigningConfig: no function has one.
pub async fn code_signing(
    ctx: Ctx,
    input: Arc<GetFunctionCodeSigningConfigInput>,
) -> Result<GetFunctionCodeSigningConfigOutput, LambdaError> {
    let named = named(&ctx, input.as_ref())?;
    invoke::found(&ctx.read(), &named)?;
    Ok(GetFunctionCodeSigningConfigOutput {
        code_signing_config_arn: String::new(),
        function_name: named.name,
    })
}

/// GetFunctionRecursionConfig: deliveries that cause each other end at the relay's bound.
pub async fn recursion(
    ctx: Ctx,
    input: Arc<GetFunctionRecursionConfigInput>,
) -> Result<GetFunctionRecursionConfigOutput, LambdaError> {
    invoke::found(&ctx.read(), &named(&ctx, input.as_ref())?)?;
    Ok(GetFunctionRecursionConfigOutput { recursive_loop: Some(RecursiveLoop::Terminate) })
}

/// GetRuntimeManagementConfig.
pub async fn runtime_management(
    ctx: Ctx,
    input: Arc<GetRuntimeManagementConfigInput>,
) -> Result<GetRuntimeManagementConfigOutput, LambdaError> {
    let (named, read) = (named(&ctx, input.as_ref())?, ctx.read());
    let function = invoke::found(&read, &named)?;
    invoke::configuration(&read, &named, &function, 1.0)?;
    let qualifier = named.qualifier.as_deref().unwrap_or(state::LATEST);
    Ok(GetRuntimeManagementConfigOutput {
        update_runtime_on: Some(UpdateRuntimeOn::Auto),
        runtime_version_arn: None,
        function_arn: Some(state::arn(&named.scope, &named.name, Some(qualifier)).to_string()),
    })
}
