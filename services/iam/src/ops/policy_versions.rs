//! Versions of managed policies.

use crate::answers::{moment, version_id};
use crate::errors::{Conflict, IamError, Missing};
use crate::managed;
use crate::ops::policies::{check, not_of_aws, numbers, own};
use crate::pages::Paging;
use crate::rules::{documents, quotas};
use crate::state::{self, ManagedPolicy, PolicyVersion};
use model_iam as model;
use names::Scope;
use schema::Unit;
use service::Ctx;
use std::sync::Arc;
use store::{Read, Span};

fn missing(arn: &str, version: &str) -> IamError {
    IamError::NoSuchEntity(Missing::Version(arn.to_owned(), version.to_owned()))
}

/// The number in `v3`.
fn number(arn: &str, version: &str) -> Result<u32, IamError> {
    let digits = version.strip_prefix('v').and_then(|digits| digits.parse().ok());
    digits.ok_or_else(|| missing(arn, version))
}

fn shown(policy: &ManagedPolicy, number: u32, version: &PolicyVersion) -> model::PolicyVersion {
    model::PolicyVersion {
        document: None,
        version_id: Some(version_id(number)),
        is_default_version: Some(policy.default_version == number),
        create_date: Some(moment(version.created)),
    }
}

/// Adds a version to a policy.
pub async fn create_policy_version(
    ctx: Ctx,
    input: Arc<model::CreatePolicyVersionInput>,
) -> Result<model::CreatePolicyVersionOutput, IamError> {
    not_of_aws(&ctx, "iam:CreatePolicyVersion", &input.policy_arn)?;
    check(&input.policy_document)?;
    let (account, now) = (ctx.account(), ctx.now());
    let version = ctx
        .commit(move |tx| {
            let scope = Scope::Account(account);
            let mut policy = own(tx, account, &input.policy_arn)?;
            if numbers(tx, &scope, &policy)?.len() >= quotas::VERSIONS {
                return Err(IamError::TooManyVersions);
            }
            policy.last_version += 1;
            policy.updated = now;
            if input.set_as_default.unwrap_or(false) {
                policy.default_version = policy.last_version;
            }
            let version = PolicyVersion { document: input.policy_document.clone(), created: now };
            let key = (policy.incarnation, policy.last_version);
            tx.put(&state::VERSIONS, &scope, &key, &version)?;
            state::save_policy(tx, account, &policy)?;
            Ok(shown(&policy, policy.last_version, &version))
        })
        .await?;
    Ok(model::CreatePolicyVersionOutput { policy_version: Some(version) })
}

/// Answers a version with its document.
pub async fn get_policy_version(
    ctx: Ctx,
    input: Arc<model::GetPolicyVersionInput>,
) -> Result<model::GetPolicyVersionOutput, IamError> {
    let (arn, version) = (&input.policy_arn, &input.version_id);
    let number = number(arn, version)?;
    if let Some(aws) = managed::find(arn) {
        if aws.version != number {
            return Err(missing(arn, version));
        }
        let version = model::PolicyVersion {
            document: Some(documents::encoded(aws.document.get())),
            version_id: Some(version.clone()),
            is_default_version: Some(true),
            create_date: Some(aws.updated),
        };
        return Ok(model::GetPolicyVersionOutput { policy_version: Some(version) });
    }
    let read = ctx.read();
    let policy = own(&read, ctx.account(), arn)?;
    let found = read.get(&state::VERSIONS, &ctx.account_scope(), &(policy.incarnation, number))?;
    let found = found.ok_or_else(|| missing(arn, version))?;
    let document = Some(documents::encoded(&found.document));
    let version = model::PolicyVersion { document, ..shown(&policy, number, &found) };
    Ok(model::GetPolicyVersionOutput { policy_version: Some(version) })
}

/// Answers a page of a policy's versions, the newest first.
pub async fn list_policy_versions(
    ctx: Ctx,
    input: Arc<model::ListPolicyVersionsInput>,
) -> Result<model::ListPolicyVersionsOutput, IamError> {
    let arn = &input.policy_arn;
    let paging = Paging::begin(&ctx, arn, input.marker.as_deref(), input.max_items)?;
    let read = ctx.read();
    let mut versions = Vec::new();
    if let Some(aws) = managed::find(arn) {
        let version = model::PolicyVersion {
            document: None,
            version_id: Some(version_id(aws.version)),
            is_default_version: Some(true),
            create_date: Some(aws.updated),
        };
        versions.push((String::new(), version));
    } else {
        let policy = own(&read, ctx.account(), arn)?;
        for row in read.scan(&state::VERSIONS, &ctx.account_scope(), Span::of(&policy.incarnation)) {
            let ((_, number), version) = row?;
            versions.push((format!("{:010}", u32::MAX - number), shown(&policy, number, &version)));
        }
    }
    let page = paging.cut_sorted(versions)?;
    Ok(model::ListPolicyVersionsOutput {
        versions: Some(page.items),
        is_truncated: Some(page.truncated),
        marker: page.marker,
    })
}

/// Makes a version the one that holds.
pub async fn set_default_policy_version(
    ctx: Ctx,
    input: Arc<model::SetDefaultPolicyVersionInput>,
) -> Result<Unit, IamError> {
    not_of_aws(&ctx, "iam:SetDefaultPolicyVersion", &input.policy_arn)?;
    let (account, now) = (ctx.account(), ctx.now());
    ctx.commit(move |tx| {
        let (arn, version) = (&input.policy_arn, &input.version_id);
        let mut policy = own(tx, account, arn)?;
        let number = number(arn, version)?;
        if !tx.has(&state::VERSIONS, &Scope::Account(account), &(policy.incarnation, number))? {
            return Err(missing(arn, version));
        }
        policy.default_version = number;
        policy.updated = now;
        Ok(state::save_policy(tx, account, &policy)?)
    })
    .await
    .map(|()| Unit)
}

/// Removes a version that does not hold.
pub async fn delete_policy_version(
    ctx: Ctx,
    input: Arc<model::DeletePolicyVersionInput>,
) -> Result<Unit, IamError> {
    not_of_aws(&ctx, "iam:DeletePolicyVersion", &input.policy_arn)?;
    let (account, now) = (ctx.account(), ctx.now());
    ctx.commit(move |tx| {
        let (arn, version, scope) = (&input.policy_arn, &input.version_id, Scope::Account(account));
        let mut policy = own(tx, account, arn)?;
        let number = number(arn, version)?;
        if number == policy.default_version {
            return Err(IamError::DeleteConflict(Conflict::DefaultVersion));
        }
        if tx.take(&state::VERSIONS, &scope, &(policy.incarnation, number))?.is_none() {
            return Err(missing(arn, version));
        }
        policy.updated = now;
        Ok(state::save_policy(tx, account, &policy)?)
    })
    .await
    .map(|()| Unit)
}
