//! The account: its alias and what it holds.

use crate::errors::{IamError, Missing};
use crate::pages::Paging;
use crate::rules::names::Kind;
use crate::rules::quotas;
use crate::state::{self, Alias, AliasOwner};
use model_iam as model;
use names::Scope;
use schema::Unit;
use service::Ctx;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Read, Span};

/// Gives the account an alias in place of the one it has.
pub async fn create_account_alias(
    ctx: Ctx,
    input: Arc<model::CreateAccountAliasInput>,
) -> Result<Unit, IamError> {
    let (account, scope) = (ctx.account(), ctx.account_scope());
    ctx.commit(move |tx| {
        let name = &input.account_alias;
        if !tx.insert_absent(&state::ALIASES, &Scope::Partition, name, &AliasOwner { account })? {
            return Err(IamError::AliasTaken(name.clone()));
        }
        if let Some(before) = tx.take(&state::ALIAS, &scope, &())? {
            tx.delete(&state::ALIASES, &Scope::Partition, &before.name)?;
        }
        Ok(tx.put(&state::ALIAS, &scope, &(), &Alias { name: name.clone() })?)
    })
    .await
    .map(|()| Unit)
}

/// Answers the account's alias.
pub async fn list_account_aliases(
    ctx: Ctx,
    input: Arc<model::ListAccountAliasesInput>,
) -> Result<model::ListAccountAliasesOutput, IamError> {
    let paging = Paging::begin(&ctx, "", input.marker.as_deref(), input.max_items)?;
    let alias = ctx.read().get(&state::ALIAS, &ctx.account_scope(), &())?;
    let aliases = alias.into_iter().map(|alias| (alias.name.clone(), alias.name)).collect();
    let page = paging.cut_sorted(aliases)?;
    Ok(model::ListAccountAliasesOutput {
        account_aliases: page.items,
        is_truncated: Some(page.truncated),
        marker: page.marker,
    })
}

/// Takes the account's alias away.
pub async fn delete_account_alias(
    ctx: Ctx,
    input: Arc<model::DeleteAccountAliasInput>,
) -> Result<Unit, IamError> {
    let scope = ctx.account_scope();
    ctx.commit(move |tx| {
        let name = &input.account_alias;
        let held = tx.take(&state::ALIAS, &scope, &())?.filter(|alias| alias.name == *name);
        if held.is_none() {
            return Err(IamError::NoSuchEntity(Missing::Alias(name.clone())));
        }
        Ok(tx.delete(&state::ALIASES, &Scope::Partition, name)?)
    })
    .await
    .map(|()| Unit)
}

/// Answers how much the account holds, and how much it may.
pub async fn get_account_summary(
    ctx: Ctx,
    _input: Arc<schema::Unit>,
) -> Result<model::GetAccountSummaryOutput, IamError> {
    let (read, scope) = (ctx.read(), ctx.account_scope());
    let whole = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    let mut summary: BTreeMap<String, i32> = BTreeMap::new();
    for (kind, name) in [
        (Kind::User, "Users"),
        (Kind::Group, "Groups"),
        (Kind::Role, "Roles"),
        (Kind::Policy, "Policies"),
        (Kind::InstanceProfile, "InstanceProfiles"),
    ] {
        summary.insert(name.to_owned(), whole(state::present(&read, &scope, kind)?));
        summary.insert(format!("{name}Quota"), whole(quotas::per_account(kind).most));
    }
    let mut versions = read.scan(&state::VERSIONS, &scope, Span::all());
    let versions = versions.try_fold(0, |sum, row| row.map(|_| sum + 1))?;
    let root_keys = state::count(&read, &state::KEYS, &scope, state::ROOT)?;
    let of_kinds = [
        ("UserPolicySizeQuota", quotas::inline_size(Kind::User)),
        ("GroupPolicySizeQuota", quotas::inline_size(Kind::Group)),
        ("RolePolicySizeQuota", quotas::inline_size(Kind::Role)),
        ("AttachedPoliciesPerUserQuota", quotas::attached(Kind::User).most),
        ("AttachedPoliciesPerGroupQuota", quotas::attached(Kind::Group).most),
        ("AttachedPoliciesPerRoleQuota", quotas::attached(Kind::Role).most),
        ("GroupsPerUserQuota", quotas::GROUPS_PER_USER.most),
        ("AccessKeysPerUserQuota", quotas::ACCESS_KEYS.most),
        ("PolicySizeQuota", quotas::POLICY_SIZE.most),
        ("AssumeRolePolicySizeQuota", quotas::TRUST_SIZE.most),
        ("VersionsPerPolicyQuota", quotas::VERSIONS),
        ("PolicyVersionsInUse", versions),
        ("PolicyVersionsInUseQuota", quotas::VERSIONS_IN_USE),
        ("AccountAccessKeysPresent", usize::from(root_keys > 0)),
        // Nothing here makes certificates, devices, passwords or providers.
        ("ServerCertificates", 0),
        ("ServerCertificatesQuota", quotas::SERVER_CERTIFICATES),
        ("SigningCertificatesPerUserQuota", quotas::SIGNING_CERTIFICATES),
        ("AccountSigningCertificatesPresent", 0),
        ("MFADevices", 0),
        ("MFADevicesInUse", 0),
        ("AccountMFAEnabled", 0),
        ("AccountPasswordPresent", 0),
        ("Providers", 0),
        ("GlobalEndpointTokenVersion", 1),
    ];
    summary.extend(of_kinds.map(|(name, count)| (name.to_owned(), whole(count))));
    Ok(model::GetAccountSummaryOutput { summary_map: Some(summary) })
}
