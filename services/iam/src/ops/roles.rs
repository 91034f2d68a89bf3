//! Roles and their trust.

use crate::answers::{self, Detail};
use crate::errors::{Conflict, IamError, no_such};
use crate::ops::users::{New, listed};
use crate::ops::{boundaries, trust};
use crate::pages::Paging;
use crate::rules::names::Kind;
use crate::state::{self, Identity, RoleDetail};
use model_iam as model;
use names::{AccountId, Scope};
use schema::Unit;
use service::Ctx;
use std::sync::Arc;
use store::{Corrupt, Fault, Read, Tx};

/// Sessions of a role last an hour where nothing is said.
pub const USUAL_SESSION_SECONDS: i32 = 3600;

/// Makes a role.
pub async fn create_role(
    ctx: Ctx,
    input: Arc<model::CreateRoleInput>,
) -> Result<model::CreateRoleOutput, IamError> {
    let account = ctx.account();
    let made = New::of(&ctx, Kind::Role, &input.role_name, input.path.as_deref(), input.tags.as_deref())?;
    let detail = RoleDetail {
        trust: input.assume_role_policy_document.clone(),
        description: input.description.clone(),
        max_session_seconds: input.max_session_duration.unwrap_or(USUAL_SESSION_SECONDS),
        linked_to: None,
    };
    let boundary = input.permissions_boundary.clone();
    let (identity, detail) = ctx
        .commit(move |tx| {
            trust::check(tx, &detail.trust)?;
            save(tx, account, &made, &detail, boundary.as_deref())
        })
        .await?;
    Ok(model::CreateRoleOutput { role: answers::role(account, &identity, &detail, Detail::Whole) })
}

/// Writes a role that is made.
pub fn save(
    tx: &mut Tx,
    account: AccountId,
    made: &New,
    detail: &RoleDetail,
    boundary: Option<&str>,
) -> Result<(Identity, RoleDetail), IamError> {
    let identity = made.save(tx, account, boundary)?;
    tx.put(&state::ROLES, &Scope::Account(account), &identity.incarnation, detail)?;
    Ok((identity, detail.clone()))
}

/// A role that must be there.
pub fn existing(read: &impl Read, scope: &Scope, name: &str) -> Result<(Identity, RoleDetail), IamError> {
    state::role(read, scope, name)?.ok_or_else(|| no_such(Kind::Role, name))
}

/// Refuses to change the role of a service.
pub fn changeable(read: &impl Read, account: AccountId, identity: &Identity) -> Result<(), IamError> {
    let detail = read.get(&state::ROLES, &Scope::Account(account), &identity.incarnation)?;
    match detail.and_then(|detail| detail.linked_to) {
        Some(_) => Err(IamError::ProtectedRole(identity.name.clone())),
        None => Ok(()),
    }
}

/// Answers a role.
pub async fn get_role(ctx: Ctx, input: Arc<model::GetRoleInput>) -> Result<model::GetRoleOutput, IamError> {
    let (identity, detail) = existing(&ctx.read(), &ctx.account_scope(), &input.role_name)?;
    Ok(model::GetRoleOutput { role: answers::role(ctx.account(), &identity, &detail, Detail::Whole) })
}

/// Answers a page of roles.
pub async fn list_roles(
    ctx: Ctx,
    input: Arc<model::ListRolesInput>,
) -> Result<model::ListRolesOutput, IamError> {
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    let paging = Paging::begin(&ctx, prefix, input.marker.as_deref(), input.max_items)?;
    let (account, read, scope) = (ctx.account(), ctx.read(), ctx.account_scope());
    let rows = listed(&read, &scope, Kind::Role, paging.after.as_deref(), prefix);
    let rows = rows.map(|row| {
        let (key, identity) = row?;
        let absent = Fault::Corrupt { table: state::ROLES.name(), why: Corrupt("a role has no trust") };
        let detail = read.get(&state::ROLES, &scope, &identity.incarnation)?.ok_or(absent)?;
        Ok::<_, Fault>((key, answers::role(account, &identity, &detail, Detail::Listed)))
    });
    let page = paging.cut(rows)?;
    Ok(model::ListRolesOutput { roles: page.items, is_truncated: Some(page.truncated), marker: page.marker })
}

/// Changes what only a role has.
async fn change(
    ctx: &Ctx,
    name: String,
    change: impl Fn(&mut Tx, &mut RoleDetail) -> Result<(), IamError> + Send + 'static,
) -> Result<(Identity, RoleDetail), IamError> {
    let account = ctx.account();
    ctx.commit(move |tx| {
        let scope = Scope::Account(account);
        let (identity, mut detail) = existing(tx, &scope, &name)?;
        if detail.linked_to.is_some() {
            return Err(IamError::ProtectedRole(identity.name));
        }
        change(tx, &mut detail)?;
        tx.put(&state::ROLES, &scope, &identity.incarnation, &detail)?;
        Ok((identity, detail))
    })
    .await
}

/// Changes a role's description and the length of its sessions.
pub async fn update_role(
    ctx: Ctx,
    input: Arc<model::UpdateRoleInput>,
) -> Result<model::UpdateRoleOutput, IamError> {
    change(&ctx, input.role_name.clone(), move |_, detail| {
        if let Some(description) = &input.description {
            detail.description = Some(description.clone());
        }
        if let Some(seconds) = input.max_session_duration {
            detail.max_session_seconds = seconds;
        }
        Ok(())
    })
    .await?;
    Ok(model::UpdateRoleOutput {})
}

/// Changes a role's description.
pub async fn update_role_description(
    ctx: Ctx,
    input: Arc<model::UpdateRoleDescriptionInput>,
) -> Result<model::UpdateRoleDescriptionOutput, IamError> {
    let (identity, detail) = change(&ctx, input.role_name.clone(), move |_, detail| {
        detail.description = Some(input.description.clone());
        Ok(())
    })
    .await?;
    let role = answers::role(ctx.account(), &identity, &detail, Detail::Whole);
    Ok(model::UpdateRoleDescriptionOutput { role: Some(role) })
}

/// Changes who may take a role on.
pub async fn update_assume_role_policy(
    ctx: Ctx,
    input: Arc<model::UpdateAssumeRolePolicyInput>,
) -> Result<Unit, IamError> {
    change(&ctx, input.role_name.clone(), move |tx, detail| {
        trust::check(tx, &input.policy_document)?;
        detail.trust = input.policy_document.clone();
        Ok(())
    })
    .await
    .map(|_| Unit)
}

/// Removes a role that nothing depends on.
pub async fn delete_role(ctx: Ctx, input: Arc<model::DeleteRoleInput>) -> Result<Unit, IamError> {
    let account = ctx.account();
    ctx.commit(move |tx| {
        let (role, detail) = existing(tx, &Scope::Account(account), &input.role_name)?;
        match detail.linked_to {
            Some(_) => Err(IamError::ProtectedRole(role.name)),
            None => remove(tx, account, role),
        }
    })
    .await
    .map(|()| Unit)
}

/// Removes a role, where nothing depends on it.
pub fn remove(tx: &mut Tx, account: AccountId, mut role: Identity) -> Result<(), IamError> {
    let scope = Scope::Account(account);
    let conflict = |count: usize, conflict| match count {
        0 => Ok(()),
        _ => Err(IamError::DeleteConflict(conflict)),
    };
    let of = role.incarnation;
    conflict(state::count(tx, &state::ROLE_PROFILES, &scope, of)?, Conflict::InstanceProfiles)?;
    conflict(state::count(tx, &state::ATTACHED, &scope, of)?, Conflict::AttachedPolicies)?;
    conflict(state::count(tx, &state::INLINE, &scope, of)?, Conflict::InlinePolicies)?;
    boundaries::set(tx, account, Kind::Role, &mut role, None)?;
    Ok(state::remove_identity(tx, account, Kind::Role, &role)?)
}
