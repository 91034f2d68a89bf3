//! AddPermission, RemovePermission, GetPolicy: the policy is the head's, of the function, version or alias
//! that is named.

use crate::errors::LambdaError;
use crate::invoke;
use crate::ops::{check_revision, named};
use crate::policy::no_resource;
use crate::rules::names::Named;
use crate::rules::permission;
use crate::state;
use model_lambda::{
    AddPermissionInput, AddPermissionOutput, GetPolicyInput, GetPolicyOutput, RemovePermissionInput,
};
use names::Arn;
use schema::Unit;
use service::{Ctx, Head, Heads};
use std::sync::Arc;
use store::Tx;

fn arn_of(named: &Named) -> Arn {
    state::arn(&named.scope, &named.name, named.qualifier.as_deref())
}

/// The head that holds the policy of what is named.
fn head_of(tx: &mut Tx, named: &Named) -> Result<Head, LambdaError> {
    invoke::found(tx, named)?;
    tx.head(&arn_of(named))?.ok_or_else(|| invoke::absent(named))
}

/// Writes a changed policy; the function is another revision then.
fn write(
    tx: &mut Tx,
    named: &Named,
    head: &Head,
    (given, fresh): (Option<&String>, &str),
) -> Result<(), LambdaError> {
    let mut function = invoke::found(tx, named)?;
    check_revision(given, &function.latest.revision)?;
    fresh.clone_into(&mut function.latest.revision);
    state::put_function(tx, &named.scope, &function)?;
    Ok(tx.put_head(&arn_of(named), head)?)
}

/// AddPermission.
pub async fn add(ctx: Ctx, input: Arc<AddPermissionInput>) -> Result<AddPermissionOutput, LambdaError> {
    let named = named(&ctx, input.as_ref())?;
    if named.qualifier.as_deref() == Some(state::LATEST) {
        return Err(LambdaError::invalid("We currently do not support adding policies for $LATEST."));
    }
    let (statement, revision) = (permission::statement(&input, arn_of(&named).as_str())?, ctx.uuid());
    let told = statement.to_string();
    ctx.commit(move |tx| {
        let mut head = head_of(tx, &named)?;
        let policy = permission::with(head.policy.as_deref(), &input.statement_id, statement.clone())?;
        head.policy = Some(policy);
        write(tx, &named, &head, (input.revision_id.as_ref(), &revision))
    })
    .await?;
    Ok(AddPermissionOutput { statement: Some(told) })
}

/// RemovePermission.
pub async fn remove(ctx: Ctx, input: Arc<RemovePermissionInput>) -> Result<Unit, LambdaError> {
    let (named, revision) = (named(&ctx, input.as_ref())?, ctx.uuid());
    ctx.commit(move |tx| {
        let mut head = head_of(tx, &named)?;
        if head.policy.is_none() {
            return Err(LambdaError::NotFound("No policy is associated with the given resource.".to_owned()));
        }
        head.policy = permission::without(head.policy.as_deref(), &input.statement_id)?;
        write(tx, &named, &head, (input.revision_id.as_ref(), &revision))?;
        Ok(Unit)
    })
    .await
}

/// GetPolicy.
pub async fn get(ctx: Ctx, input: Arc<GetPolicyInput>) -> Result<GetPolicyOutput, LambdaError> {
    let named = named(&ctx, input.as_ref())?;
    let function = invoke::found(&ctx.read(), &named)?;
    let head = ctx.head(&arn_of(&named))?.ok_or_else(|| invoke::absent(&named))?;
    let policy = head.head.policy.clone().ok_or_else(|| LambdaError::NotFound(no_resource()))?;
    Ok(GetPolicyOutput { policy: Some(policy), revision_id: Some(function.latest.revision) })
}
