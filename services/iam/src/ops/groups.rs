//! Groups and their members.

use crate::answers::{self, Detail};
use crate::errors::{Conflict, IamError, Missing, no_such};
use crate::ops::users::{self, New, listed};
use crate::pages::Paging;
use crate::rules::names::{Kind, key_of};
use crate::rules::quotas;
use crate::state::{self, Identity};
use model_iam as model;
use names::Scope;
use schema::Unit;
use service::{Ctx, Heads};
use std::sync::Arc;
use store::{Fault, Read, Span};

/// Makes a group.
pub async fn create_group(
    ctx: Ctx,
    input: Arc<model::CreateGroupInput>,
) -> Result<model::CreateGroupOutput, IamError> {
    let account = ctx.account();
    let made = New::of(&ctx, Kind::Group, &input.group_name, input.path.as_deref(), None)?;
    let group = ctx.commit(move |tx| made.save(tx, account, None)).await?;
    Ok(model::CreateGroupOutput { group: answers::group(account, &group) })
}

fn existing(read: &impl Read, scope: &Scope, name: &str) -> Result<Identity, IamError> {
    state::identity(read, scope, Kind::Group, name)?.ok_or_else(|| no_such(Kind::Group, name))
}

/// Answers a group with a page of its users.
pub async fn get_group(
    ctx: Ctx,
    input: Arc<model::GetGroupInput>,
) -> Result<model::GetGroupOutput, IamError> {
    let paging = Paging::begin(&ctx, &input.group_name, input.marker.as_deref(), input.max_items)?;
    let (account, read, scope) = (ctx.account(), ctx.read(), ctx.account_scope());
    let group = existing(&read, &scope, &input.group_name)?;
    let all = Span::of(&group.incarnation);
    let span = match &paging.after {
        Some(after) => all.after(&(group.incarnation, after.clone())),
        None => all,
    };
    let users = read.scan(&state::MEMBERS, &scope, span).map(|row| {
        let ((_, key), ()) = row?;
        let user = users::existing(&read, &scope, &key)?;
        Ok::<_, IamError>((key, answers::user(account, &user, Detail::Listed)))
    });
    let page = paging.cut(users)?;
    Ok(model::GetGroupOutput {
        group: answers::group(account, &group),
        users: page.items,
        is_truncated: Some(page.truncated),
        marker: page.marker,
    })
}

/// Answers a page of groups.
pub async fn list_groups(
    ctx: Ctx,
    input: Arc<model::ListGroupsInput>,
) -> Result<model::ListGroupsOutput, IamError> {
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    let paging = Paging::begin(&ctx, prefix, input.marker.as_deref(), input.max_items)?;
    let (account, read, scope) = (ctx.account(), ctx.read(), ctx.account_scope());
    let rows = listed(&read, &scope, Kind::Group, paging.after.as_deref(), prefix);
    let page = paging.cut(rows)?;
    Ok(model::ListGroupsOutput {
        groups: page.items.iter().map(|group| answers::group(account, group)).collect(),
        is_truncated: Some(page.truncated),
        marker: page.marker,
    })
}

/// Answers a page of the groups of a user.
pub async fn list_groups_for_user(
    ctx: Ctx,
    input: Arc<model::ListGroupsForUserInput>,
) -> Result<model::ListGroupsForUserOutput, IamError> {
    let paging = Paging::begin(&ctx, &input.user_name, input.marker.as_deref(), input.max_items)?;
    let (account, read, scope) = (ctx.account(), ctx.read(), ctx.account_scope());
    let user = users::existing(&read, &scope, &input.user_name)?;
    let mut groups = Vec::new();
    for key in state::names_of(&read, &state::MEMBERSHIPS, &scope, user.incarnation)? {
        let group = existing(&read, &scope, &key)?;
        groups.push((key, answers::group(account, &group)));
    }
    let page = paging.cut_sorted(groups)?;
    Ok(model::ListGroupsForUserOutput {
        groups: page.items,
        is_truncated: Some(page.truncated),
        marker: page.marker,
    })
}

/// Puts a user into a group; one that is in it already stays.
pub async fn add_user_to_group(ctx: Ctx, input: Arc<model::AddUserToGroupInput>) -> Result<Unit, IamError> {
    let scope = ctx.account_scope();
    ctx.commit(move |tx| {
        let group = existing(tx, &scope, &input.group_name)?;
        let user = users::existing(tx, &scope, &input.user_name)?;
        let (member, membership) =
            ((group.incarnation, key_of(&user.name)), (user.incarnation, key_of(&group.name)));
        if tx.has(&state::MEMBERS, &scope, &member)? {
            return Ok(());
        }
        let present = state::count(tx, &state::MEMBERSHIPS, &scope, user.incarnation)?;
        quotas::GROUPS_PER_USER.admits(present)?;
        tx.put(&state::MEMBERS, &scope, &member, &())?;
        Ok::<_, IamError>(tx.put(&state::MEMBERSHIPS, &scope, &membership, &())?)
    })
    .await
    .map(|()| Unit)
}

/// Takes a user out of a group.
pub async fn remove_user_from_group(
    ctx: Ctx,
    input: Arc<model::RemoveUserFromGroupInput>,
) -> Result<Unit, IamError> {
    let scope = ctx.account_scope();
    ctx.commit(move |tx| {
        let group = existing(tx, &scope, &input.group_name)?;
        let user = users::existing(tx, &scope, &input.user_name)?;
        let member = (group.incarnation, key_of(&user.name));
        if tx.take(&state::MEMBERS, &scope, &member)?.is_none() {
            return Err(IamError::NoSuchEntity(Missing::Member(user.name, group.name)));
        }
        Ok(tx.delete(&state::MEMBERSHIPS, &scope, &(user.incarnation, key_of(&group.name)))?)
    })
    .await
    .map(|()| Unit)
}

/// Gives a group another name or path.
pub async fn update_group(ctx: Ctx, input: Arc<model::UpdateGroupInput>) -> Result<Unit, IamError> {
    let account = ctx.account();
    ctx.commit(move |tx| {
        let scope = Scope::Account(account);
        let before = existing(tx, &scope, &input.group_name)?;
        let after = Identity {
            name: input.new_group_name.clone().unwrap_or_else(|| before.name.clone()),
            path: input.new_path.clone().unwrap_or_else(|| before.path.clone()),
            ..before.clone()
        };
        let (old, new) = (key_of(&before.name), key_of(&after.name));
        tx.remove_head(&before.arn(Kind::Group, account))?;
        if old != new {
            if state::identity(tx, &scope, Kind::Group, &after.name)?.is_some() {
                return Err(IamError::AlreadyExists(Kind::Group, after.name));
            }
            tx.delete(&state::IDENTITIES, &scope, &(Kind::Group as u8, old.clone()))?;
            for user in state::names_of(tx, &state::MEMBERS, &scope, before.incarnation)? {
                let user = users::existing(tx, &scope, &user)?;
                tx.delete(&state::MEMBERSHIPS, &scope, &(user.incarnation, old.clone()))?;
                tx.put(&state::MEMBERSHIPS, &scope, &(user.incarnation, new.clone()), &())?;
            }
            state::move_uses(tx, &scope, (Kind::Group, &before), (&old, &new))?;
        }
        Ok(state::save_identity(tx, account, Kind::Group, &after)?)
    })
    .await
    .map(|()| Unit)
}

/// Removes a group that nothing depends on.
pub async fn delete_group(ctx: Ctx, input: Arc<model::DeleteGroupInput>) -> Result<Unit, IamError> {
    let account = ctx.account();
    ctx.commit(move |tx| {
        let scope = Scope::Account(account);
        let group = existing(tx, &scope, &input.group_name)?;
        let conflict = |count: Result<usize, Fault>, conflict| match count? {
            0 => Ok(()),
            _ => Err(IamError::DeleteConflict(conflict)),
        };
        let of = group.incarnation;
        conflict(state::count(tx, &state::MEMBERS, &scope, of), Conflict::GroupMembers)?;
        conflict(state::count(tx, &state::ATTACHED, &scope, of), Conflict::AttachedPolicies)?;
        conflict(state::count(tx, &state::INLINE, &scope, of), Conflict::InlinePolicies)?;
        Ok(state::remove_identity(tx, account, Kind::Group, &group)?)
    })
    .await
    .map(|()| Unit)
}
