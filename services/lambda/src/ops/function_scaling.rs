//! GetFunctionScalingConfig and PutFunctionScalingConfig: how many environments a version has on its capacity
//! provider. What is asked for holds at once.

use crate::capacity::Bounds;
use crate::errors::LambdaError;
use crate::invoke;
use crate::ops::named;
use crate::rules::choices as rules;
use crate::rules::names::{Named, Qualifier};
use crate::state::choices::{self, Choices, Scaling};
use crate::state::{self, Function};
use model_lambda::{
    GetFunctionScalingConfigInput, GetFunctionScalingConfigOutput, PutFunctionScalingConfigInput,
    PutFunctionScalingConfigOutput, State,
};
use service::Ctx;
use std::sync::Arc;
use store::Read;

/// The version that is named, with what it has.
fn found(read: &impl Read, named: &Named) -> Result<(Function, String, Choices), LambdaError> {
    let function = invoke::found(read, named)?;
    let Qualifier::Version(number) = Qualifier::of(named.qualifier.as_deref()) else {
        return Err(invoke::absent(named));
    };
    let version =
        state::version(read, &named.scope, &function, number)?.ok_or_else(|| invoke::absent(named))?.version;
    let choices = choices::of(read, &named.scope, function.incarnation, &version)?;
    if choices.capacity.is_none() {
        return Err(LambdaError::invalid(
            "Function scaling configuration is only supported for functions with a capacity provider.",
        ));
    }
    Ok((function, version, choices))
}

/// GetFunctionScalingConfig.
pub async fn get(
    ctx: Ctx,
    input: Arc<GetFunctionScalingConfigInput>,
) -> Result<GetFunctionScalingConfigOutput, LambdaError> {
    let named = named(&ctx, input.as_ref())?;
    let (_, version, choices) = found(&ctx.read(), &named)?;
    let told = rules::told_scaling(choices.scaling);
    Ok(GetFunctionScalingConfigOutput {
        function_arn: Some(state::arn(&named.scope, &named.name, Some(&version)).to_string()),
        applied_function_scaling_config: told.clone(),
        requested_function_scaling_config: told,
    })
}

/// PutFunctionScalingConfig. With no environments at most the version takes no invocations.
pub async fn put(
    ctx: Ctx,
    input: Arc<PutFunctionScalingConfigInput>,
) -> Result<PutFunctionScalingConfigOutput, LambdaError> {
    let named = named(&ctx, input.as_ref())?;
    let changed = ctx.commit(move |tx| {
        let (function, version, mut choices) = found(tx, &named)?;
        choices.scaling = rules::scaling(choices.scaling, input.function_scaling_config.as_ref())?;
        choices::put(tx, &named.scope, (function.incarnation, &version), &choices)?;
        Ok::<Scaling, LambdaError>(choices.scaling)
    });
    let scaling = changed.await?;
    let state = if Bounds::is_off(scaling) { State::Deactivated } else { State::Active };
    Ok(PutFunctionScalingConfigOutput { function_state: Some(state) })
}
