//! AddPermission, RemovePermission, GetPolicy: the policy is the head's, of the function, version or alias
//! that is named.

use crate::errors::LambdaError;
use crate::invoke;
use crate::ops::{check_revision_of, named};
use crate::policy::no_resource;
use crate::rules::names::{Named, Qualifier};
use crate::rules::permission;
use crate::state::{self, Function};
use model_lambda::{
    AddPermissionInput, AddPermissionOutput, GetPolicyInput, GetPolicyOutput, RemovePermissionInput,
};
use names::Arn;
use schema::Unit;
use service::{Ctx, Head, Heads, uuid_of};
use std::sync::Arc;
use store::{Read, Tx};

fn arn_of(named: &Named) -> Arn {
    state::arn(&named.scope, &named.name, named.qualifier.as_deref())
}

/// The function, where it has what is named.
fn found(read: &impl Read, named: &Named) -> Result<Function, LambdaError> {
    let function = invoke::found(read, named)?;
    invoke::check_qualifier(read, named, &function)?;
    Ok(function)
}

/// The head that holds the policy of what is named.
fn head_of(tx: &mut Tx, named: &Named) -> Result<Head, LambdaError> {
    tx.head(&arn_of(named))?.ok_or_else(|| invoke::absent_qualifier(named))
}

/// The revision of a policy, which is its own and not that of its function.
fn revision_of(named: &Named, policy: &str) -> String {
    uuid_of(&format!("{}\n{policy}", arn_of(named)))
}

/// The revision that a change has to name, if it names one: the policy's, and before there is one that of
/// the function, version or alias.
fn revision(
    read: &impl Read,
    named: &Named,
    function: &Function,
    policy: Option<&str>,
) -> Result<String, LambdaError> {
    if let Some(policy) = policy {
        return Ok(revision_of(named, policy));
    }
    if let Qualifier::Alias(name) = Qualifier::of(named.qualifier.as_deref()) {
        let alias = state::alias(read, &named.scope, function, name)?;
        return Ok(alias.ok_or_else(|| invoke::absent_qualifier(named))?.revision);
    }
    Ok(invoke::configuration(read, named, function, 1.0)?.revision)
}

/// AddPermission.
pub async fn add(ctx: Ctx, input: Arc<AddPermissionInput>) -> Result<AddPermissionOutput, LambdaError> {
    let named = named(&ctx, input.as_ref())?;
    if named.qualifier.as_deref() == Some(state::LATEST) {
        return Err(LambdaError::invalid("We currently do not support adding policies for $LATEST."));
    }
    let statement = permission::statement(&input, arn_of(&named).as_str())?;
    let told = statement.to_string();
    ctx.commit(move |tx| {
        let function = found(tx, &named)?;
        let mut head = head_of(tx, &named)?;
        let present = revision(tx, &named, &function, head.policy.as_deref())?;
        check_revision_of("GetPolicy", input.revision_id.as_ref(), &present)?;
        let policy = permission::with(head.policy.as_deref(), &input.statement_id, statement.clone())?;
        head.policy = Some(policy);
        Ok::<_, LambdaError>(tx.put_head(&arn_of(&named), &head)?)
    })
    .await?;
    Ok(AddPermissionOutput { statement: Some(told) })
}

/// RemovePermission.
pub async fn remove(ctx: Ctx, input: Arc<RemovePermissionInput>) -> Result<Unit, LambdaError> {
    let named = named(&ctx, input.as_ref())?;
    ctx.commit(move |tx| {
        if state::function(tx, &named.scope, &named.name)?.is_none() {
            return Err(LambdaError::NotFound(format!("No policy found for: {}", arn_of(&named))));
        }
        found(tx, &named)?;
        let mut head = head_of(tx, &named)?;
        let Some(policy) = head.policy.as_deref() else {
            return Err(LambdaError::NotFound("No policy is associated with the given resource.".to_owned()));
        };
        check_revision_of("GetPolicy", input.revision_id.as_ref(), &revision_of(&named, policy))?;
        head.policy = permission::without(Some(policy), &input.statement_id)?;
        tx.put_head(&arn_of(&named), &head)?;
        Ok(Unit)
    })
    .await
}

/// GetPolicy.
pub async fn get(ctx: Ctx, input: Arc<GetPolicyInput>) -> Result<GetPolicyOutput, LambdaError> {
    let named = named(&ctx, input.as_ref())?;
    let policy = ctx.head(&arn_of(&named))?.and_then(|head| head.head.policy.clone());
    let policy = policy.ok_or_else(|| LambdaError::NotFound(no_resource()))?;
    let revision_id = Some(revision_of(&named, &policy));
    Ok(GetPolicyOutput { policy: Some(policy), revision_id })
}
