//! Users.

use crate::answers::{self, Detail};
use crate::errors::{Conflict, IamError, no_such};
use crate::ops::boundaries;
use crate::pages::Paging;
use crate::policy::{Subject, subject};
use crate::rules::names::{Kind, key_of};
use crate::rules::{quotas, tags};
use crate::state::{self, Holder, Identity, Place};
use model_iam as model;
use names::{AccountId, Scope, Tags};
use schema::Unit;
use service::{Ctx, Heads};
use std::sync::Arc;
use store::{Fault, Read, Span, Tx};

/// Makes a user.
pub async fn create_user(
    ctx: Ctx,
    input: Arc<model::CreateUserInput>,
) -> Result<model::CreateUserOutput, IamError> {
    let account = ctx.account();
    let made = New::of(&ctx, Kind::User, &input.user_name, input.path.as_deref(), input.tags.as_deref())?;
    let boundary = input.permissions_boundary.clone();
    let user = ctx.commit(move |tx| made.save(tx, account, boundary.as_deref())).await?;
    Ok(model::CreateUserOutput { user: Some(answers::user(account, &user, Detail::Whole)) })
}

/// An identity that is about to be made.
pub struct New {
    kind: Kind,
    name: String,
    path: String,
    id: String,
    created: names::Timestamp,
    tags: Tags,
}

impl New {
    /// An identity of a kind, with a fresh id.
    pub fn of(
        ctx: &Ctx,
        kind: Kind,
        name: &str,
        path: Option<&str>,
        given: Option<&[model::Tag]>,
    ) -> Result<Self, IamError> {
        let pairs = given.unwrap_or_default().iter().map(|tag| (tag.key.as_str(), tag.value.as_str()));
        Ok(New {
            kind,
            name: name.to_owned(),
            path: path.unwrap_or("/").to_owned(),
            id: ctx.host().entropy.base32(kind.id_prefix(), 17),
            created: ctx.now(),
            tags: tags::added(&Tags::new(), pairs)?,
        })
    }

    /// Writes it, where its name is free and the account may have one more.
    pub fn save(
        &self,
        tx: &mut Tx,
        account: AccountId,
        boundary: Option<&str>,
    ) -> Result<Identity, IamError> {
        let scope = Scope::Account(account);
        if state::identity(tx, &scope, self.kind, &self.name)?.is_some() {
            return Err(IamError::AlreadyExists(self.kind, self.name.clone()));
        }
        quotas::per_account(self.kind).admits(state::present(tx, &scope, self.kind)?)?;
        state::count_one_more(tx, &scope, self.kind)?;
        let mut identity = Identity {
            incarnation: tx.fresh_incarnation()?,
            name: self.name.clone(),
            path: self.path.clone(),
            id: self.id.clone(),
            created: self.created,
            boundary: None,
            tags: self.tags.clone(),
        };
        boundaries::set(tx, account, self.kind, &mut identity, boundary)?;
        state::save_identity(tx, account, self.kind, &identity)?;
        Ok(identity)
    }
}

/// A user that must be there.
pub fn existing(read: &impl Read, scope: &Scope, name: &str) -> Result<Identity, IamError> {
    state::identity(read, scope, Kind::User, name)?.ok_or_else(|| no_such(Kind::User, name))
}

/// Answers a user, or the caller.
pub async fn get_user(ctx: Ctx, input: Arc<model::GetUserInput>) -> Result<model::GetUserOutput, IamError> {
    let (account, scope) = (ctx.account(), ctx.account_scope());
    let user = match subject(ctx.caller(), input.user_name.as_deref())? {
        Subject::User(name) => answers::user(account, &existing(&ctx.read(), &scope, &name)?, Detail::Whole),
        Subject::Root => root(&ctx)?,
    };
    Ok(model::GetUserOutput { user })
}

/// The root as a user: named by the account's alias, without a path.
fn root(ctx: &Ctx) -> Result<model::User, IamError> {
    let alias = ctx.read().get(&state::ALIAS, &ctx.account_scope(), &())?;
    Ok(model::User {
        user_name: alias.map(|alias| alias.name).unwrap_or_default(),
        user_id: ctx.account().to_string(),
        arn: ports::Principal::root(ctx.account()).arn.to_string(),
        ..model::User::default()
    })
}

/// Answers a page of users.
pub async fn list_users(
    ctx: Ctx,
    input: Arc<model::ListUsersInput>,
) -> Result<model::ListUsersOutput, IamError> {
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    let paging = Paging::begin(&ctx, prefix, input.marker.as_deref(), input.max_items)?;
    let (account, read, scope) = (ctx.account(), ctx.read(), ctx.account_scope());
    let rows = listed(&read, &scope, Kind::User, paging.after.as_deref(), prefix);
    let page = paging.cut(rows)?;
    Ok(model::ListUsersOutput {
        users: page.items.iter().map(|user| answers::user(account, user, Detail::Listed)).collect(),
        is_truncated: Some(page.truncated),
        marker: page.marker,
    })
}

/// Identities of a kind under a path, behind a position, with their own positions.
pub fn listed<'r>(
    read: &'r impl Read,
    scope: &Scope,
    kind: Kind,
    after: Option<&str>,
    prefix: &'r str,
) -> impl Iterator<Item = Result<(String, Identity), Fault>> + 'r {
    let all = Span::of(&(kind as u8));
    let span = match after {
        Some(after) => all.after(&(kind as u8, after.to_owned())),
        None => all,
    };
    let rows = read.scan(&state::IDENTITIES, scope, span);
    rows.map(|row| row.map(|((_, key), identity)| (key, identity)))
        .filter(move |row| row.as_ref().map_or(true, |(_, identity)| identity.path.starts_with(prefix)))
}

/// Gives a user another name or path.
pub async fn update_user(ctx: Ctx, input: Arc<model::UpdateUserInput>) -> Result<Unit, IamError> {
    let account = ctx.account();
    ctx.commit(move |tx| {
        let before = existing(tx, &Scope::Account(account), &input.user_name)?;
        let after = Identity {
            name: input.new_user_name.clone().unwrap_or_else(|| before.name.clone()),
            path: input.new_path.clone().unwrap_or_else(|| before.path.clone()),
            ..before.clone()
        };
        rename(tx, account, &before, &after)
    })
    .await?;
    Ok(Unit)
}

/// Writes a user under its new name, and everything that leads to it by its name.
fn rename(tx: &mut Tx, account: AccountId, before: &Identity, after: &Identity) -> Result<(), IamError> {
    let scope = Scope::Account(account);
    let (old, new) = (key_of(&before.name), key_of(&after.name));
    tx.remove_head(&before.arn(Kind::User, account))?;
    if old != new {
        if state::identity(tx, &scope, Kind::User, &after.name)?.is_some() {
            return Err(IamError::AlreadyExists(Kind::User, after.name.clone()));
        }
        tx.delete(&state::IDENTITIES, &scope, &(Kind::User as u8, old.clone()))?;
        for group in state::names_of(tx, &state::MEMBERSHIPS, &scope, before.incarnation)? {
            if let Some(group) = state::identity(tx, &scope, Kind::Group, &group)? {
                tx.delete(&state::MEMBERS, &scope, &(group.incarnation, old.clone()))?;
                tx.put(&state::MEMBERS, &scope, &(group.incarnation, new.clone()), &())?;
            }
        }
        state::move_uses(tx, &scope, (Kind::User, before), (&old, &new))?;
        for id in state::names_of(tx, &state::KEYS, &scope, before.incarnation)? {
            let place = Place::User { key: new.clone(), incarnation: before.incarnation };
            tx.put(&state::HOLDERS, &Scope::Partition, &id, &Holder { account, place })?;
        }
    }
    Ok(state::save_identity(tx, account, Kind::User, after)?)
}

/// Removes a user that nothing depends on.
pub async fn delete_user(ctx: Ctx, input: Arc<model::DeleteUserInput>) -> Result<Unit, IamError> {
    let account = ctx.account();
    ctx.commit(move |tx| {
        let scope = Scope::Account(account);
        let mut user = existing(tx, &scope, &input.user_name)?;
        let conflict = |count: usize, conflict| match count {
            0 => Ok(()),
            _ => Err(IamError::DeleteConflict(conflict)),
        };
        let of = user.incarnation;
        conflict(state::count(tx, &state::MEMBERSHIPS, &scope, of)?, Conflict::GroupMembers)?;
        conflict(state::count(tx, &state::KEYS, &scope, of)?, Conflict::AccessKeys)?;
        conflict(state::count(tx, &state::ATTACHED, &scope, of)?, Conflict::AttachedPolicies)?;
        conflict(state::count(tx, &state::INLINE, &scope, of)?, Conflict::InlinePolicies)?;
        boundaries::set(tx, account, Kind::User, &mut user, None)?;
        Ok(state::remove_identity(tx, account, Kind::User, &user)?)
    })
    .await
    .map(|()| Unit)
}
