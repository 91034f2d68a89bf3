//! Tags of users, roles, managed policies and instance profiles.

use crate::answers;
use crate::errors::{IamError, no_such};
use crate::managed;
use crate::ops::{instance_profiles, policies};
use crate::pages::{Page, Paging};
use crate::rules::names::Kind;
use crate::rules::tags;
use crate::state;
use model_iam as model;
use names::{Scope, Tags};
use schema::Unit;
use service::Ctx;
use std::sync::Arc;

/// How tags change.
#[derive(Clone)]
enum Change {
    Add(Vec<model::Tag>),
    Remove(Vec<String>),
}

impl Change {
    fn of(&self, present: &Tags) -> Result<Tags, IamError> {
        match self {
            Change::Add(given) => {
                let pairs = given.iter().map(|tag| (tag.key.as_str(), tag.value.as_str()));
                tags::added(present, pairs)
            }
            Change::Remove(keys) => Ok(tags::removed(present, keys)),
        }
    }
}

async fn of_identity(ctx: Ctx, kind: Kind, name: String, change: Change) -> Result<Unit, IamError> {
    let account = ctx.account();
    ctx.commit(move |tx| {
        let found = state::identity(tx, &Scope::Account(account), kind, &name)?;
        let mut identity = found.ok_or_else(|| no_such(kind, &name))?;
        identity.tags = change.of(&identity.tags)?;
        Ok::<_, IamError>(state::save_identity(tx, account, kind, &identity)?)
    })
    .await
    .map(|()| Unit)
}

async fn of_policy(ctx: Ctx, arn: String, change: Change) -> Result<Unit, IamError> {
    let account = ctx.account();
    ctx.commit(move |tx| {
        let mut policy = policies::own(tx, account, &arn)?;
        policy.tags = change.of(&policy.tags)?;
        Ok::<_, IamError>(state::save_policy(tx, account, &policy)?)
    })
    .await
    .map(|()| Unit)
}

async fn of_profile(ctx: Ctx, name: String, change: Change) -> Result<Unit, IamError> {
    let account = ctx.account();
    ctx.commit(move |tx| {
        let mut profile = instance_profiles::existing(tx, &Scope::Account(account), &name)?;
        profile.tags = change.of(&profile.tags)?;
        Ok::<_, IamError>(state::save_profile(tx, account, &profile)?)
    })
    .await
    .map(|()| Unit)
}

fn page(
    ctx: &Ctx,
    filter: &str,
    tags: &Tags,
    (marker, max_items): (Option<&str>, Option<i32>),
) -> Result<Page<model::Tag>, IamError> {
    let paging = Paging::begin(ctx, filter, marker, max_items)?;
    paging.cut_sorted(answers::tag_list(tags).into_iter().map(|tag| (tag.key.clone(), tag)).collect())
}

fn identity_page(
    ctx: &Ctx,
    kind: Kind,
    name: &str,
    asked: (Option<&str>, Option<i32>),
) -> Result<Page<model::Tag>, IamError> {
    let identity = state::identity(&ctx.read(), &ctx.account_scope(), kind, name)?;
    page(ctx, name, &identity.ok_or_else(|| no_such(kind, name))?.tags, asked)
}

/// Tags a user.
pub async fn tag_user(ctx: Ctx, input: Arc<model::TagUserInput>) -> Result<Unit, IamError> {
    of_identity(ctx, Kind::User, input.user_name.clone(), Change::Add(input.tags.clone())).await
}

/// Removes tags of a user.
pub async fn untag_user(ctx: Ctx, input: Arc<model::UntagUserInput>) -> Result<Unit, IamError> {
    of_identity(ctx, Kind::User, input.user_name.clone(), Change::Remove(input.tag_keys.clone())).await
}

/// Tags a role.
pub async fn tag_role(ctx: Ctx, input: Arc<model::TagRoleInput>) -> Result<Unit, IamError> {
    of_identity(ctx, Kind::Role, input.role_name.clone(), Change::Add(input.tags.clone())).await
}

/// Removes tags of a role.
pub async fn untag_role(ctx: Ctx, input: Arc<model::UntagRoleInput>) -> Result<Unit, IamError> {
    of_identity(ctx, Kind::Role, input.role_name.clone(), Change::Remove(input.tag_keys.clone())).await
}

/// Tags a managed policy.
pub async fn tag_policy(ctx: Ctx, input: Arc<model::TagPolicyInput>) -> Result<Unit, IamError> {
    policies::not_of_aws(&ctx, "iam:TagPolicy", &input.policy_arn)?;
    of_policy(ctx, input.policy_arn.clone(), Change::Add(input.tags.clone())).await
}

/// Removes tags of a managed policy.
pub async fn untag_policy(ctx: Ctx, input: Arc<model::UntagPolicyInput>) -> Result<Unit, IamError> {
    policies::not_of_aws(&ctx, "iam:UntagPolicy", &input.policy_arn)?;
    of_policy(ctx, input.policy_arn.clone(), Change::Remove(input.tag_keys.clone())).await
}

/// Answers a page of a user's tags.
pub async fn list_user_tags(
    ctx: Ctx,
    input: Arc<model::ListUserTagsInput>,
) -> Result<model::ListUserTagsOutput, IamError> {
    let asked = (input.marker.as_deref(), input.max_items);
    let page = identity_page(&ctx, Kind::User, &input.user_name, asked)?;
    let (tags, is_truncated, marker) = (page.items, Some(page.truncated), page.marker);
    Ok(model::ListUserTagsOutput { tags, is_truncated, marker })
}

/// Answers a page of a role's tags.
pub async fn list_role_tags(
    ctx: Ctx,
    input: Arc<model::ListRoleTagsInput>,
) -> Result<model::ListRoleTagsOutput, IamError> {
    let asked = (input.marker.as_deref(), input.max_items);
    let page = identity_page(&ctx, Kind::Role, &input.role_name, asked)?;
    let (tags, is_truncated, marker) = (page.items, Some(page.truncated), page.marker);
    Ok(model::ListRoleTagsOutput { tags, is_truncated, marker })
}

/// Answers a page of a managed policy's tags. AWS's have none.
pub async fn list_policy_tags(
    ctx: Ctx,
    input: Arc<model::ListPolicyTagsInput>,
) -> Result<model::ListPolicyTagsOutput, IamError> {
    let (arn, asked) = (&input.policy_arn, (input.marker.as_deref(), input.max_items));
    let tags = match managed::find(arn) {
        Some(_) => Tags::new(),
        None => policies::own(&ctx.read(), ctx.account(), arn)?.tags,
    };
    let page = page(&ctx, arn, &tags, asked)?;
    let (tags, is_truncated, marker) = (page.items, Some(page.truncated), page.marker);
    Ok(model::ListPolicyTagsOutput { tags, is_truncated, marker })
}

/// Tags an instance profile.
pub async fn tag_instance_profile(
    ctx: Ctx,
    input: Arc<model::TagInstanceProfileInput>,
) -> Result<Unit, IamError> {
    of_profile(ctx, input.instance_profile_name.clone(), Change::Add(input.tags.clone())).await
}

/// Removes tags of an instance profile.
pub async fn untag_instance_profile(
    ctx: Ctx,
    input: Arc<model::UntagInstanceProfileInput>,
) -> Result<Unit, IamError> {
    of_profile(ctx, input.instance_profile_name.clone(), Change::Remove(input.tag_keys.clone())).await
}

/// Answers a page of an instance profile's tags.
pub async fn list_instance_profile_tags(
    ctx: Ctx,
    input: Arc<model::ListInstanceProfileTagsInput>,
) -> Result<model::ListInstanceProfileTagsOutput, IamError> {
    let (name, asked) = (&input.instance_profile_name, (input.marker.as_deref(), input.max_items));
    let profile = instance_profiles::existing(&ctx.read(), &ctx.account_scope(), name)?;
    let page = page(&ctx, name, &profile.tags, asked)?;
    let (tags, is_truncated, marker) = (page.items, Some(page.truncated), page.marker);
    Ok(model::ListInstanceProfileTagsOutput { tags, is_truncated, marker })
}
