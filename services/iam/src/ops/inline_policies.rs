//! Inline policies of users, groups and roles.

use crate::errors::{IamError, Missing, no_such};
use crate::ops::roles;
use crate::pages::{Page, Paging};
use crate::rules::names::Kind;
use crate::rules::{documents, quotas};
use crate::state::{self, Identity, InlinePolicy};
use model_iam as model;
use names::Scope;
use schema::Unit;
use service::Ctx;
use std::sync::Arc;
use store::{Read, Span};

/// Whose policy, and which.
struct Named {
    kind: Kind,
    identity: String,
    policy: String,
}

fn named(kind: Kind, identity: &str, policy: &str) -> Named {
    Named { kind, identity: identity.to_owned(), policy: policy.to_owned() }
}

fn existing(read: &impl Read, scope: &Scope, kind: Kind, name: &str) -> Result<Identity, IamError> {
    state::identity(read, scope, kind, name)?.ok_or_else(|| no_such(kind, name))
}

async fn put(ctx: Ctx, to: Named, document: String) -> Result<Unit, IamError> {
    policy::identity_policy(&document)?;
    let account = ctx.account();
    ctx.commit(move |tx| {
        let scope = Scope::Account(account);
        let identity = existing(tx, &scope, to.kind, &to.identity)?;
        if to.kind == Kind::Role {
            roles::changeable(tx, account, &identity)?;
        }
        let mut size = documents::size(&document);
        for row in tx.scan(&state::INLINE, &scope, Span::of(&identity.incarnation)) {
            let ((_, name), other) = row?;
            if name != to.policy {
                size += documents::size(&other.document);
            }
        }
        if size > quotas::inline_size(to.kind) {
            return Err(IamError::InlinePoliciesTooLong(to.kind, identity.name));
        }
        let inline = InlinePolicy { document: document.clone() };
        Ok(tx.put(&state::INLINE, &scope, &(identity.incarnation, to.policy.clone()), &inline)?)
    })
    .await
    .map(|()| Unit)
}

/// The names as they are kept, and the document as answers hold it.
async fn get(ctx: Ctx, of: Named) -> Result<(String, String, String), IamError> {
    let (read, scope) = (ctx.read(), ctx.account_scope());
    let identity = existing(&read, &scope, of.kind, &of.identity)?;
    let found = read.get(&state::INLINE, &scope, &(identity.incarnation, of.policy.clone()))?;
    let missing = IamError::NoSuchEntity(Missing::InlinePolicy(of.kind, of.policy.clone()));
    let inline = found.ok_or(missing)?;
    Ok((identity.name, of.policy, documents::encoded(&inline.document)))
}

async fn delete(ctx: Ctx, of: Named) -> Result<Unit, IamError> {
    let account = ctx.account();
    ctx.commit(move |tx| {
        let scope = Scope::Account(account);
        let identity = existing(tx, &scope, of.kind, &of.identity)?;
        if of.kind == Kind::Role {
            roles::changeable(tx, account, &identity)?;
        }
        let removed = tx.take(&state::INLINE, &scope, &(identity.incarnation, of.policy.clone()))?;
        let missing = IamError::NoSuchEntity(Missing::InlinePolicy(of.kind, of.policy.clone()));
        removed.map(drop).ok_or(missing)
    })
    .await
    .map(|()| Unit)
}

fn list(
    ctx: &Ctx,
    kind: Kind,
    name: &str,
    (marker, max_items): (Option<&str>, Option<i32>),
) -> Result<Page<String>, IamError> {
    let paging = Paging::begin(ctx, name, marker, max_items)?;
    let (read, scope) = (ctx.read(), ctx.account_scope());
    let identity = existing(&read, &scope, kind, name)?;
    let all = Span::of(&identity.incarnation);
    let span = match &paging.after {
        Some(after) => all.after(&(identity.incarnation, after.clone())),
        None => all,
    };
    let rows = read.scan(&state::INLINE, &scope, span);
    paging.cut(rows.map(|row| row.map(|((_, name), _)| (name.clone(), name))))
}

/// Writes an inline policy of a user.
pub async fn put_user_policy(ctx: Ctx, input: Arc<model::PutUserPolicyInput>) -> Result<Unit, IamError> {
    let to = named(Kind::User, &input.user_name, &input.policy_name);
    put(ctx, to, input.policy_document.clone()).await
}

/// Writes an inline policy of a group.
pub async fn put_group_policy(ctx: Ctx, input: Arc<model::PutGroupPolicyInput>) -> Result<Unit, IamError> {
    let to = named(Kind::Group, &input.group_name, &input.policy_name);
    put(ctx, to, input.policy_document.clone()).await
}

/// Writes an inline policy of a role.
pub async fn put_role_policy(ctx: Ctx, input: Arc<model::PutRolePolicyInput>) -> Result<Unit, IamError> {
    let to = named(Kind::Role, &input.role_name, &input.policy_name);
    put(ctx, to, input.policy_document.clone()).await
}

/// Answers an inline policy of a user.
pub async fn get_user_policy(
    ctx: Ctx,
    input: Arc<model::GetUserPolicyInput>,
) -> Result<model::GetUserPolicyOutput, IamError> {
    let (user_name, policy_name, policy_document) =
        get(ctx, named(Kind::User, &input.user_name, &input.policy_name)).await?;
    Ok(model::GetUserPolicyOutput { user_name, policy_name, policy_document })
}

/// Answers an inline policy of a group.
pub async fn get_group_policy(
    ctx: Ctx,
    input: Arc<model::GetGroupPolicyInput>,
) -> Result<model::GetGroupPolicyOutput, IamError> {
    let (group_name, policy_name, policy_document) =
        get(ctx, named(Kind::Group, &input.group_name, &input.policy_name)).await?;
    Ok(model::GetGroupPolicyOutput { group_name, policy_name, policy_document })
}

/// Answers an inline policy of a role.
pub async fn get_role_policy(
    ctx: Ctx,
    input: Arc<model::GetRolePolicyInput>,
) -> Result<model::GetRolePolicyOutput, IamError> {
    let (role_name, policy_name, policy_document) =
        get(ctx, named(Kind::Role, &input.role_name, &input.policy_name)).await?;
    Ok(model::GetRolePolicyOutput { role_name, policy_name, policy_document })
}

/// Removes an inline policy of a user.
pub async fn delete_user_policy(
    ctx: Ctx,
    input: Arc<model::DeleteUserPolicyInput>,
) -> Result<Unit, IamError> {
    delete(ctx, named(Kind::User, &input.user_name, &input.policy_name)).await
}

/// Removes an inline policy of a group.
pub async fn delete_group_policy(
    ctx: Ctx,
    input: Arc<model::DeleteGroupPolicyInput>,
) -> Result<Unit, IamError> {
    delete(ctx, named(Kind::Group, &input.group_name, &input.policy_name)).await
}

/// Removes an inline policy of a role.
pub async fn delete_role_policy(
    ctx: Ctx,
    input: Arc<model::DeleteRolePolicyInput>,
) -> Result<Unit, IamError> {
    delete(ctx, named(Kind::Role, &input.role_name, &input.policy_name)).await
}

/// Answers a page of the names of a user's inline policies.
pub async fn list_user_policies(
    ctx: Ctx,
    input: Arc<model::ListUserPoliciesInput>,
) -> Result<model::ListUserPoliciesOutput, IamError> {
    let page = list(&ctx, Kind::User, &input.user_name, (input.marker.as_deref(), input.max_items))?;
    let (policy_names, is_truncated, marker) = (page.items, Some(page.truncated), page.marker);
    Ok(model::ListUserPoliciesOutput { policy_names, is_truncated, marker })
}

/// Answers a page of the names of a group's inline policies.
pub async fn list_group_policies(
    ctx: Ctx,
    input: Arc<model::ListGroupPoliciesInput>,
) -> Result<model::ListGroupPoliciesOutput, IamError> {
    let page = list(&ctx, Kind::Group, &input.group_name, (input.marker.as_deref(), input.max_items))?;
    let (policy_names, is_truncated, marker) = (page.items, Some(page.truncated), page.marker);
    Ok(model::ListGroupPoliciesOutput { policy_names, is_truncated, marker })
}

/// Answers a page of the names of a role's inline policies.
pub async fn list_role_policies(
    ctx: Ctx,
    input: Arc<model::ListRolePoliciesInput>,
) -> Result<model::ListRolePoliciesOutput, IamError> {
    let page = list(&ctx, Kind::Role, &input.role_name, (input.marker.as_deref(), input.max_items))?;
    let (policy_names, is_truncated, marker) = (page.items, Some(page.truncated), page.marker);
    Ok(model::ListRolePoliciesOutput { policy_names, is_truncated, marker })
}
