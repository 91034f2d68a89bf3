//! DeleteFunction: a function with all its versions and aliases, or one version.

use crate::compute::Dispatcher;
use crate::durable::timers;
use crate::errors::LambdaError;
use crate::invoke;
use crate::ops::named;
use crate::rules::names::{Named, Qualifier};
use crate::state::{self, Alias, Configuration, Function, LATEST, durable};
use model_lambda::{DeleteFunctionInput, DeleteFunctionOutput};
use names::{Scope, Timestamp};
use service::{Ctx, Heads};
use std::sync::Arc;
use store::{Fault, Incarnation, Tx};

/// DeleteFunction.
pub async fn delete_function(
    ctx: Ctx,
    input: Arc<DeleteFunctionInput>,
) -> Result<DeleteFunctionOutput, LambdaError> {
    let named = named(&ctx, input.as_ref())?;
    check(&named)?;
    let qualifier = named.qualifier.clone();
    let function = ctx
        .commit(move |tx| {
            let function = invoke::found(tx, &Named { qualifier: None, ..named.clone() })?;
            match named.qualifier.as_deref() {
                None => remove(tx, &named.scope, &function)?,
                Some(_) => remove_version(tx, &named, &function)?,
            }
            Ok::<Incarnation, LambdaError>(function.incarnation)
        })
        .await?;
    ctx.part::<Dispatcher>().retire(function, qualifier.as_deref());
    Ok(DeleteFunctionOutput { status_code: Some(204) })
}

/// Removes a function with its versions and aliases.
///
/// # Errors
/// The store's.
pub fn remove(tx: &mut Tx, scope: &Scope, function: &Function) -> Result<(), Fault> {
    let versions: Vec<Configuration> = state::versions(tx, scope, function, 0).collect::<Result<_, _>>()?;
    let aliases: Vec<Alias> = state::aliases(tx, scope, function, None).collect::<Result<_, _>>()?;
    let name = &function.latest.name;
    for version in &versions {
        state::release_code(tx, scope, version)?;
        tx.remove_head(&state::arn(scope, name, Some(&version.version)))?;
    }
    for alias in &aliases {
        tx.remove_head(&state::arn(scope, name, Some(&alias.name)))?;
    }
    state::release_code(tx, scope, &function.latest)?;
    state::change_totals(tx, scope, |totals| {
        totals.functions = totals.functions.saturating_sub(1);
        totals.reserved = totals.reserved.saturating_sub(function.reserved.unwrap_or(0));
    })?;
    tx.remove_head(&state::arn(scope, name, None))?;
    // There may be more executions than one commit removes.
    if durable::executions(tx, scope, function.incarnation, None, false).next().transpose()?.is_some() {
        timers::forget_function(tx, scope, function.incarnation, Timestamp(0))?;
    }
    state::remove_function(tx, scope, function)
}

/// Refuses what cannot be removed, whether it is there or not.
fn check(named: &Named) -> Result<(), LambdaError> {
    match named.qualifier.as_deref() {
        Some(LATEST) => {
            Err(LambdaError::invalid("$LATEST version cannot be deleted without deleting the function."))
        }
        qualifier => match Qualifier::of(qualifier) {
            // No alias has such a name.
            Qualifier::Alias(name) if !name.contains('$') => {
                Err(LambdaError::invalid("Deletion of aliases is not currently supported."))
            }
            _ => Ok(()),
        },
    }
}

fn remove_version(tx: &mut Tx, named: &Named, function: &Function) -> Result<(), LambdaError> {
    let Qualifier::Version(number) = Qualifier::of(named.qualifier.as_deref()) else { return Ok(()) };
    // A version that is not there is deleted already.
    let Some(version) = state::version(tx, &named.scope, function, number)? else { return Ok(()) };
    for alias in state::aliases(tx, &named.scope, function, None).collect::<Result<Vec<Alias>, _>>()? {
        let weighted = alias.weighted.as_ref().is_some_and(|(other, _)| *other == version.version);
        if alias.version == version.version || weighted {
            let arn = state::arn(&named.scope, &named.name, Some(&alias.name));
            return Err(LambdaError::Conflict(format!(
                "Function was not deleted because it is being used by alias {arn}."
            )));
        }
    }
    state::release_code(tx, &named.scope, &version)?;
    tx.remove_head(&state::arn(&named.scope, &named.name, Some(&version.version)))?;
    Ok(state::remove_version(tx, &named.scope, function, number)?)
}
