//! Managed policies of users, groups and roles.

use crate::errors::{IamError, Missing, no_such};
use crate::ops::{policies, roles};
use crate::pages::{Page, Paging};
use crate::rules::names::{Kind, key_of};
use crate::rules::quotas;
use crate::state::{self, Identity, Usage};
use model_iam as model;
use names::{Arn, Scope};
use schema::Unit;
use service::Ctx;
use std::sync::Arc;
use store::Read;

/// Which policy, and of whom.
struct Attachment {
    kind: Kind,
    identity: String,
    policy: String,
}

fn attachment(kind: Kind, identity: &str, policy: &str) -> Attachment {
    Attachment { kind, identity: identity.to_owned(), policy: policy.to_owned() }
}

fn existing(read: &impl Read, scope: &Scope, kind: Kind, name: &str) -> Result<Identity, IamError> {
    state::identity(read, scope, kind, name)?.ok_or_else(|| no_such(kind, name))
}

async fn attach(ctx: Ctx, to: Attachment) -> Result<Unit, IamError> {
    let account = ctx.account();
    ctx.commit(move |tx| {
        let scope = Scope::Account(account);
        let identity = existing(tx, &scope, to.kind, &to.identity)?;
        if to.kind == Kind::Role {
            roles::changeable(tx, account, &identity)?;
        }
        if !policies::exists(tx, account, &to.policy)? {
            return Err(IamError::NoSuchEntity(Missing::AttachablePolicy(to.policy.clone())));
        }
        let row = (identity.incarnation, to.policy.clone());
        if tx.has(&state::ATTACHED, &scope, &row)? {
            return Ok(());
        }
        let present = state::count(tx, &state::ATTACHED, &scope, identity.incarnation)?;
        quotas::attached(to.kind).admits(present)?;
        tx.put(&state::ATTACHED, &scope, &row, &())?;
        Ok(tx.put(&state::USES, &scope, &used(&to, &identity), &())?)
    })
    .await
    .map(|()| Unit)
}

fn used(attachment: &Attachment, identity: &Identity) -> (String, u8, u8, String) {
    let (usage, kind) = (Usage::Permissions as u8, attachment.kind as u8);
    (attachment.policy.clone(), usage, kind, key_of(&identity.name))
}

async fn detach(ctx: Ctx, from: Attachment) -> Result<Unit, IamError> {
    let account = ctx.account();
    ctx.commit(move |tx| {
        let scope = Scope::Account(account);
        let identity = existing(tx, &scope, from.kind, &from.identity)?;
        if from.kind == Kind::Role {
            roles::changeable(tx, account, &identity)?;
        }
        let row = (identity.incarnation, from.policy.clone());
        if tx.take(&state::ATTACHED, &scope, &row)?.is_none() {
            return Err(IamError::NoSuchEntity(Missing::Policy(from.policy.clone())));
        }
        Ok(tx.delete(&state::USES, &scope, &used(&from, &identity))?)
    })
    .await
    .map(|()| Unit)
}

fn list(
    ctx: &Ctx,
    kind: Kind,
    (name, path_prefix): (&str, Option<&str>),
    (marker, max_items): (Option<&str>, Option<i32>),
) -> Result<Page<model::AttachedPolicy>, IamError> {
    let prefix = path_prefix.unwrap_or("/");
    let paging = Paging::begin(ctx, &format!("{name} {prefix}"), marker, max_items)?;
    let (read, scope) = (ctx.read(), ctx.account_scope());
    let identity = existing(&read, &scope, kind, name)?;
    let attached = state::names_of(&read, &state::ATTACHED, &scope, identity.incarnation)?;
    let items = attached.into_iter().filter_map(|arn| {
        let parsed: Arn = arn.parse().ok()?;
        let (_, behind) = parsed.resource().split_once('/')?;
        let (path, name) = behind.rsplit_once('/').unwrap_or(("", behind));
        let path = if path.is_empty() { "/".to_owned() } else { format!("/{path}/") };
        // A policy of the account and one of AWS's may have the same name.
        let position = format!("{} {}", key_of(name), parsed.account_text());
        let policy =
            model::AttachedPolicy { policy_name: Some(name.to_owned()), policy_arn: Some(arn.clone()) };
        path.starts_with(prefix).then_some((position, policy))
    });
    paging.cut_sorted(items.collect())
}

/// Attaches a managed policy to a user.
pub async fn attach_user_policy(
    ctx: Ctx,
    input: Arc<model::AttachUserPolicyInput>,
) -> Result<Unit, IamError> {
    attach(ctx, attachment(Kind::User, &input.user_name, &input.policy_arn)).await
}

/// Attaches a managed policy to a group.
pub async fn attach_group_policy(
    ctx: Ctx,
    input: Arc<model::AttachGroupPolicyInput>,
) -> Result<Unit, IamError> {
    attach(ctx, attachment(Kind::Group, &input.group_name, &input.policy_arn)).await
}

/// Attaches a managed policy to a role.
pub async fn attach_role_policy(
    ctx: Ctx,
    input: Arc<model::AttachRolePolicyInput>,
) -> Result<Unit, IamError> {
    attach(ctx, attachment(Kind::Role, &input.role_name, &input.policy_arn)).await
}

/// Detaches a managed policy from a user.
pub async fn detach_user_policy(
    ctx: Ctx,
    input: Arc<model::DetachUserPolicyInput>,
) -> Result<Unit, IamError> {
    detach(ctx, attachment(Kind::User, &input.user_name, &input.policy_arn)).await
}

/// Detaches a managed policy from a group.
pub async fn detach_group_policy(
    ctx: Ctx,
    input: Arc<model::DetachGroupPolicyInput>,
) -> Result<Unit, IamError> {
    detach(ctx, attachment(Kind::Group, &input.group_name, &input.policy_arn)).await
}

/// Detaches a managed policy from a role.
pub async fn detach_role_policy(
    ctx: Ctx,
    input: Arc<model::DetachRolePolicyInput>,
) -> Result<Unit, IamError> {
    detach(ctx, attachment(Kind::Role, &input.role_name, &input.policy_arn)).await
}

/// Answers a page of the managed policies of a user.
pub async fn list_attached_user_policies(
    ctx: Ctx,
    input: Arc<model::ListAttachedUserPoliciesInput>,
) -> Result<model::ListAttachedUserPoliciesOutput, IamError> {
    let of = (input.user_name.as_str(), input.path_prefix.as_deref());
    let page = list(&ctx, Kind::User, of, (input.marker.as_deref(), input.max_items))?;
    let (attached_policies, is_truncated) = (Some(page.items), Some(page.truncated));
    Ok(model::ListAttachedUserPoliciesOutput { attached_policies, is_truncated, marker: page.marker })
}

/// Answers a page of the managed policies of a group.
pub async fn list_attached_group_policies(
    ctx: Ctx,
    input: Arc<model::ListAttachedGroupPoliciesInput>,
) -> Result<model::ListAttachedGroupPoliciesOutput, IamError> {
    let of = (input.group_name.as_str(), input.path_prefix.as_deref());
    let page = list(&ctx, Kind::Group, of, (input.marker.as_deref(), input.max_items))?;
    let (attached_policies, is_truncated) = (Some(page.items), Some(page.truncated));
    Ok(model::ListAttachedGroupPoliciesOutput { attached_policies, is_truncated, marker: page.marker })
}

/// Answers a page of the managed policies of a role.
pub async fn list_attached_role_policies(
    ctx: Ctx,
    input: Arc<model::ListAttachedRolePoliciesInput>,
) -> Result<model::ListAttachedRolePoliciesOutput, IamError> {
    let of = (input.role_name.as_str(), input.path_prefix.as_deref());
    let page = list(&ctx, Kind::Role, of, (input.marker.as_deref(), input.max_items))?;
    let (attached_policies, is_truncated) = (Some(page.items), Some(page.truncated));
    Ok(model::ListAttachedRolePoliciesOutput { attached_policies, is_truncated, marker: page.marker })
}
