//! Permissions boundaries of users and roles.

use crate::errors::{IamError, Missing, no_such};
use crate::ops::policies;
use crate::rules::names::{Kind, key_of};
use crate::state::{self, Identity, Usage};
use model_iam as model;
use names::{AccountId, Scope};
use schema::Unit;
use service::Ctx;
use std::sync::Arc;
use store::Tx;

/// Sets or removes the boundary of an identity that is then written.
pub fn set(
    tx: &mut Tx,
    account: AccountId,
    kind: Kind,
    identity: &mut Identity,
    boundary: Option<&str>,
) -> Result<(), IamError> {
    let (scope, key) = (Scope::Account(account), key_of(&identity.name));
    let use_of = |arn: &str| (arn.to_owned(), Usage::Boundary as u8, kind as u8, key.clone());
    if let Some(before) = identity.boundary.take() {
        tx.delete(&state::USES, &scope, &use_of(&before))?;
    }
    if let Some(arn) = boundary {
        if !policies::exists(tx, account, arn)? {
            return Err(IamError::NoSuchEntity(Missing::AttachablePolicy(arn.to_owned())));
        }
        tx.put(&state::USES, &scope, &use_of(arn), &())?;
        identity.boundary = Some(arn.to_owned());
    }
    Ok(())
}

async fn change(ctx: Ctx, kind: Kind, name: String, boundary: Option<String>) -> Result<Unit, IamError> {
    let account = ctx.account();
    ctx.commit(move |tx| {
        let found = state::identity(tx, &Scope::Account(account), kind, &name)?;
        let mut identity = found.ok_or_else(|| no_such(kind, &name))?;
        if kind == Kind::Role {
            crate::ops::roles::changeable(tx, account, &identity)?;
        }
        set(tx, account, kind, &mut identity, boundary.as_deref())?;
        Ok(state::save_identity(tx, account, kind, &identity)?)
    })
    .await
    .map(|()| Unit)
}

/// Sets the boundary of a user.
pub async fn put_user_permissions_boundary(
    ctx: Ctx,
    input: Arc<model::PutUserPermissionsBoundaryInput>,
) -> Result<Unit, IamError> {
    change(ctx, Kind::User, input.user_name.clone(), Some(input.permissions_boundary.clone())).await
}

/// Removes the boundary of a user.
pub async fn delete_user_permissions_boundary(
    ctx: Ctx,
    input: Arc<model::DeleteUserPermissionsBoundaryInput>,
) -> Result<Unit, IamError> {
    change(ctx, Kind::User, input.user_name.clone(), None).await
}

/// Sets the boundary of a role.
pub async fn put_role_permissions_boundary(
    ctx: Ctx,
    input: Arc<model::PutRolePermissionsBoundaryInput>,
) -> Result<Unit, IamError> {
    change(ctx, Kind::Role, input.role_name.clone(), Some(input.permissions_boundary.clone())).await
}

/// Removes the boundary of a role.
pub async fn delete_role_permissions_boundary(
    ctx: Ctx,
    input: Arc<model::DeleteRolePermissionsBoundaryInput>,
) -> Result<Unit, IamError> {
    change(ctx, Kind::Role, input.role_name.clone(), None).await
}
