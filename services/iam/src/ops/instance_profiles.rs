//! Instance profiles: what hands a role to a machine.

use crate::answers::{self, Detail};
use crate::errors::{Conflict, IamError, Missing, no_such};
use crate::ops::roles;
use crate::pages::Paging;
use crate::rules::names::{Kind, key_of};
use crate::rules::{quotas, tags};
use crate::state::{self, InstanceProfile};
use model_iam as model;
use names::{AccountId, Scope, Tags};
use schema::Unit;
use service::{Ctx, Heads};
use std::sync::Arc;
use store::{Read, Span};

/// Makes an instance profile without a role.
pub async fn create_instance_profile(
    ctx: Ctx,
    input: Arc<model::CreateInstanceProfileInput>,
) -> Result<model::CreateInstanceProfileOutput, IamError> {
    let given = input.tags.as_deref().unwrap_or_default().iter();
    let tags = tags::added(&Tags::new(), given.map(|tag| (tag.key.as_str(), tag.value.as_str())))?;
    let (account, created) = (ctx.account(), ctx.now());
    let id = ctx.host().entropy.base32(Kind::InstanceProfile.id_prefix(), 17);
    let profile = ctx
        .commit(move |tx| {
            let scope = Scope::Account(account);
            let name = &input.instance_profile_name;
            if tx.has(&state::PROFILES, &scope, &key_of(name))? {
                return Err(IamError::AlreadyExists(Kind::InstanceProfile, name.clone()));
            }
            let present = state::present(tx, &scope, Kind::InstanceProfile)?;
            quotas::per_account(Kind::InstanceProfile).admits(present)?;
            state::count_one_more(tx, &scope, Kind::InstanceProfile)?;
            let profile = InstanceProfile {
                incarnation: tx.fresh_incarnation()?,
                name: name.clone(),
                path: input.path.clone().unwrap_or_else(|| "/".to_owned()),
                id: id.clone(),
                created,
                role: None,
                tags: tags.clone(),
            };
            state::save_profile(tx, account, &profile)?;
            Ok(profile)
        })
        .await?;
    Ok(model::CreateInstanceProfileOutput {
        instance_profile: answers::profile(account, &profile, None, Detail::Whole),
    })
}

/// An instance profile that must be there.
pub fn existing(read: &impl Read, scope: &Scope, name: &str) -> Result<InstanceProfile, IamError> {
    let found = read.get(&state::PROFILES, scope, &key_of(name))?;
    found.ok_or_else(|| no_such(Kind::InstanceProfile, name))
}

fn shown(
    read: &impl Read,
    account: AccountId,
    profile: &InstanceProfile,
    detail: Detail,
) -> Result<model::InstanceProfile, IamError> {
    let scope = Scope::Account(account);
    let role = profile.role.as_deref().map(|role| roles::existing(read, &scope, role)).transpose()?;
    Ok(answers::profile(account, profile, role.as_ref(), detail))
}

/// Answers an instance profile.
pub async fn get_instance_profile(
    ctx: Ctx,
    input: Arc<model::GetInstanceProfileInput>,
) -> Result<model::GetInstanceProfileOutput, IamError> {
    let read = ctx.read();
    let profile = existing(&read, &ctx.account_scope(), &input.instance_profile_name)?;
    let instance_profile = shown(&read, ctx.account(), &profile, Detail::Whole)?;
    Ok(model::GetInstanceProfileOutput { instance_profile })
}

/// Answers a page of instance profiles.
pub async fn list_instance_profiles(
    ctx: Ctx,
    input: Arc<model::ListInstanceProfilesInput>,
) -> Result<model::ListInstanceProfilesOutput, IamError> {
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    let paging = Paging::begin(&ctx, prefix, input.marker.as_deref(), input.max_items)?;
    let (account, read, scope) = (ctx.account(), ctx.read(), ctx.account_scope());
    let span = match &paging.after {
        Some(after) => Span::all().after(after),
        None => Span::all(),
    };
    let rows = read.scan(&state::PROFILES, &scope, span).filter(|row| {
        row.as_ref().map_or(true, |(_, profile): &(String, InstanceProfile)| profile.path.starts_with(prefix))
    });
    let page = paging.cut(rows.map(|row| {
        let (key, profile) = row?;
        let profile = shown(&read, account, &profile, Detail::Listed)?;
        Ok::<_, IamError>((key, profile))
    }))?;
    Ok(model::ListInstanceProfilesOutput {
        instance_profiles: page.items,
        is_truncated: Some(page.truncated),
        marker: page.marker,
    })
}

/// Answers a page of the instance profiles that hold a role.
pub async fn list_instance_profiles_for_role(
    ctx: Ctx,
    input: Arc<model::ListInstanceProfilesForRoleInput>,
) -> Result<model::ListInstanceProfilesForRoleOutput, IamError> {
    let paging = Paging::begin(&ctx, &input.role_name, input.marker.as_deref(), input.max_items)?;
    let (account, read, scope) = (ctx.account(), ctx.read(), ctx.account_scope());
    let (role, _) = roles::existing(&read, &scope, &input.role_name)?;
    let mut profiles = Vec::new();
    for key in state::names_of(&read, &state::ROLE_PROFILES, &scope, role.incarnation)? {
        let profile = existing(&read, &scope, &key)?;
        profiles.push((key, shown(&read, account, &profile, Detail::Listed)?));
    }
    let page = paging.cut_sorted(profiles)?;
    Ok(model::ListInstanceProfilesForRoleOutput {
        instance_profiles: page.items,
        is_truncated: Some(page.truncated),
        marker: page.marker,
    })
}

/// Puts a role into an instance profile that has none.
pub async fn add_role_to_instance_profile(
    ctx: Ctx,
    input: Arc<model::AddRoleToInstanceProfileInput>,
) -> Result<Unit, IamError> {
    let account = ctx.account();
    ctx.commit(move |tx| {
        let scope = Scope::Account(account);
        let mut profile = existing(tx, &scope, &input.instance_profile_name)?;
        let (role, detail) = roles::existing(tx, &scope, &input.role_name)?;
        if detail.linked_to.is_some() {
            return Err(IamError::ProtectedRole(role.name));
        }
        quotas::PROFILE_ROLES.admits(usize::from(profile.role.is_some()))?;
        profile.role = Some(key_of(&role.name));
        tx.put(&state::ROLE_PROFILES, &scope, &(role.incarnation, key_of(&profile.name)), &())?;
        Ok(state::save_profile(tx, account, &profile)?)
    })
    .await
    .map(|()| Unit)
}

/// Takes a role out of an instance profile.
pub async fn remove_role_from_instance_profile(
    ctx: Ctx,
    input: Arc<model::RemoveRoleFromInstanceProfileInput>,
) -> Result<Unit, IamError> {
    let account = ctx.account();
    ctx.commit(move |tx| {
        let scope = Scope::Account(account);
        let mut profile = existing(tx, &scope, &input.instance_profile_name)?;
        let (role, _) = roles::existing(tx, &scope, &input.role_name)?;
        if profile.role.as_deref() != Some(&key_of(&role.name)) {
            return Err(IamError::NoSuchEntity(Missing::ProfileRole(role.name, profile.name)));
        }
        profile.role = None;
        tx.delete(&state::ROLE_PROFILES, &scope, &(role.incarnation, key_of(&profile.name)))?;
        Ok(state::save_profile(tx, account, &profile)?)
    })
    .await
    .map(|()| Unit)
}

/// Removes an instance profile without a role.
pub async fn delete_instance_profile(
    ctx: Ctx,
    input: Arc<model::DeleteInstanceProfileInput>,
) -> Result<Unit, IamError> {
    let account = ctx.account();
    ctx.commit(move |tx| {
        let scope = Scope::Account(account);
        let profile = existing(tx, &scope, &input.instance_profile_name)?;
        if profile.role.is_some() {
            return Err(IamError::DeleteConflict(Conflict::InstanceProfiles));
        }
        tx.delete(&state::PROFILES, &scope, &key_of(&profile.name))?;
        state::count_one_less(tx, &scope, Kind::InstanceProfile)?;
        Ok(tx.remove_head(&profile.arn(account))?)
    })
    .await
    .map(|()| Unit)
}
