//! AddLayerVersionPermission, RemoveLayerVersionPermission, GetLayerVersionPolicy: who else may use a version
//! of a layer. The policy is the head's.

use crate::errors::LambdaError;
use crate::ops::check_revision_of;
use crate::ops::layers::{arn_of, named, number};
use crate::policy::no_resource;
use crate::rules::layers::NamedLayer;
use crate::rules::permission;
use crate::state::layers::{self as kept, LayerVersion};
use model_lambda::{
    AddLayerVersionPermissionInput, AddLayerVersionPermissionOutput, GetLayerVersionPolicyInput,
    GetLayerVersionPolicyOutput, RemoveLayerVersionPermissionInput,
};
use schema::Unit;
use service::{Ctx, Head, Heads};
use std::sync::Arc;
use store::{Read, Tx};

fn absent() -> LambdaError {
    LambdaError::NotFound(no_resource())
}

/// The version whose policy is asked for.
fn found(read: &impl Read, named: &NamedLayer, number: u64) -> Result<LayerVersion, LambdaError> {
    let version = kept::version(read, &named.scope, &named.name, number)?;
    version.ok_or_else(|| {
        let arn = arn_of(&named.scope, &named.name, Some(number));
        LambdaError::NotFound(format!("Layer version {arn} does not exist."))
    })
}

/// Changes the policy of a version; its revision is another one then.
fn change(
    tx: &mut Tx,
    (named, number): (&NamedLayer, u64),
    (given, fresh): (Option<&String>, &str),
    change: impl FnOnce(&mut Head) -> Result<(), LambdaError>,
) -> Result<(), LambdaError> {
    let mut version = found(tx, named, number)?;
    let arn = arn_of(&named.scope, &named.name, Some(number));
    let mut head = tx.head(&arn)?.ok_or_else(absent)?;
    check_revision_of("GetLayerPolicy", given, &version.revision)?;
    change(&mut head)?;
    tx.put_head(&arn, &head)?;
    let layer = kept::layer(tx, &named.scope, &named.name)?.ok_or_else(absent)?;
    fresh.clone_into(&mut version.revision);
    Ok(kept::put_version(tx, &named.scope, &layer, &version)?)
}

/// AddLayerVersionPermission.
pub async fn add(
    ctx: Ctx,
    input: Arc<AddLayerVersionPermissionInput>,
) -> Result<AddLayerVersionPermissionOutput, LambdaError> {
    let (named, number) = (named(&ctx, &input.layer_name)?, number(input.version_number)?);
    let resource = arn_of(&named.scope, &named.name, Some(number)).to_string();
    let (statement, revision) = (permission::of_layer(&input, &resource)?, ctx.uuid());
    let (told, fresh) = (statement.to_string(), revision.clone());
    ctx.commit(move |tx| {
        change(tx, (&named, number), (input.revision_id.as_ref(), &fresh), |head| {
            let policy = permission::with(head.policy.as_deref(), &input.statement_id, statement.clone())?;
            head.policy = Some(policy);
            Ok(())
        })
    })
    .await?;
    Ok(AddLayerVersionPermissionOutput { statement: Some(told), revision_id: Some(revision) })
}

/// RemoveLayerVersionPermission.
pub async fn remove(ctx: Ctx, input: Arc<RemoveLayerVersionPermissionInput>) -> Result<Unit, LambdaError> {
    let (named, number) = (named(&ctx, &input.layer_name)?, number(input.version_number)?);
    let fresh = ctx.uuid();
    ctx.commit(move |tx| {
        change(tx, (&named, number), (input.revision_id.as_ref(), &fresh), |head| {
            head.policy = permission::without(head.policy.as_deref(), &input.statement_id)?;
            Ok(())
        })
    })
    .await?;
    Ok(Unit)
}

/// GetLayerVersionPolicy.
pub async fn get(
    ctx: Ctx,
    input: Arc<GetLayerVersionPolicyInput>,
) -> Result<GetLayerVersionPolicyOutput, LambdaError> {
    let (named, number) = (named(&ctx, &input.layer_name)?, number(input.version_number)?);
    let version = found(&ctx.read(), &named, number)?;
    let head = ctx.head(&arn_of(&named.scope, &named.name, Some(number)))?;
    let policy = head.and_then(|head| head.head.policy.clone());
    let policy = policy.ok_or_else(|| {
        LambdaError::NotFound("No policy is associated with the given resource.".to_owned())
    })?;
    Ok(GetLayerVersionPolicyOutput { policy: Some(policy), revision_id: Some(version.revision) })
}
