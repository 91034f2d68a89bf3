//! PutRuntimeManagementConfig, GetRuntimeManagementConfig. The choice is kept and told; which patch of a
//! runtime runs is the machine's in any case.

use crate::errors::LambdaError;
use crate::invoke;
use crate::ops::named;
use crate::rules::names::{Named, Qualifier};
use crate::state::{self, RuntimeUpdate};
use model_lambda::{
    GetRuntimeManagementConfigInput, GetRuntimeManagementConfigOutput, PutRuntimeManagementConfigInput,
    PutRuntimeManagementConfigOutput, UpdateRuntimeOn,
};
use names::Arn;
use service::Ctx;
use std::sync::Arc;
use store::Tx;

fn arn_of(named: &Named) -> Arn {
    let qualifier = named.qualifier.as_deref().unwrap_or(state::LATEST);
    state::arn(&named.scope, &named.name, Some(qualifier))
}

fn of_versions(named: &Named) -> Result<(), LambdaError> {
    match Qualifier::of(named.qualifier.as_deref()) {
        Qualifier::Alias(_) => Err(invoke::absent(named)),
        Qualifier::Latest | Qualifier::Version(_) => Ok(()),
    }
}

fn set(tx: &mut Tx, named: &Named, update: RuntimeUpdate) -> Result<(), LambdaError> {
    let mut function = invoke::found(tx, named)?;
    if let Qualifier::Version(number) = Qualifier::of(named.qualifier.as_deref()) {
        let version = state::version(tx, &named.scope, &function, number)?;
        let mut version = version.ok_or_else(|| invoke::absent(named))?;
        version.runtime_update = update;
        return Ok(state::put_version(tx, &named.scope, &function, number, &version)?);
    }
    function.latest.runtime_update = update;
    Ok(state::put_function(tx, &named.scope, &function)?)
}

/// PutRuntimeManagementConfig.
pub async fn put(
    ctx: Ctx,
    input: Arc<PutRuntimeManagementConfigInput>,
) -> Result<PutRuntimeManagementConfigOutput, LambdaError> {
    let named = named(&ctx, input.as_ref())?;
    of_versions(&named)?;
    let by_hand = input.update_runtime_on == UpdateRuntimeOn::Manual;
    if by_hand != input.runtime_version_arn.is_some() {
        let message = if by_hand {
            "You must specify the RuntimeVersionArn when UpdateRuntimeOn is set to Manual."
        } else {
            "RuntimeVersionArn can only be specified when UpdateRuntimeOn is set to Manual."
        };
        return Err(LambdaError::invalid(message));
    }
    let update = RuntimeUpdate {
        on: input.update_runtime_on.as_str().to_owned(),
        version: input.runtime_version_arn.clone(),
    };
    let of = named.clone();
    ctx.commit(move |tx| set(tx, &of, update.clone())).await?;
    Ok(PutRuntimeManagementConfigOutput {
        update_runtime_on: input.update_runtime_on.clone(),
        function_arn: arn_of(&named).to_string(),
        runtime_version_arn: input.runtime_version_arn.clone(),
    })
}

/// GetRuntimeManagementConfig.
pub async fn get(
    ctx: Ctx,
    input: Arc<GetRuntimeManagementConfigInput>,
) -> Result<GetRuntimeManagementConfigOutput, LambdaError> {
    let (named, read) = (named(&ctx, input.as_ref())?, ctx.read());
    of_versions(&named)?;
    let found = invoke::configuration(&read, &named, &invoke::found(&read, &named)?, 1.0)?;
    Ok(GetRuntimeManagementConfigOutput {
        update_runtime_on: Some(UpdateRuntimeOn::from(found.runtime_update.on.as_str())),
        runtime_version_arn: found.runtime_update.version,
        function_arn: Some(arn_of(&named).to_string()),
    })
}
