//! Managed policies: of the account, and AWS's beside them.

use crate::answers::{self, Detail, UseCounts};
use crate::errors::{Conflict, IamError, Missing};
use crate::managed;
use crate::pages::Paging;
use crate::rules::names::{Kind, key_of};
use crate::rules::{documents, quotas, tags};
use crate::state::{self, ManagedPolicy, PolicyVersion, Usage};
use model_iam as model;
use names::{AccountId, Arn, Scope, Tags};
use schema::Unit;
use service::{Ctx, Heads};
use std::collections::HashMap;
use std::sync::Arc;
use store::{Fault, Read, Span, Tx};

/// Whether an account can use a managed policy: one of its own or of AWS's.
pub fn exists(read: &impl Read, account: AccountId, arn: &str) -> Result<bool, IamError> {
    if managed::is_aws(arn) {
        return Ok(managed::find(arn).is_some());
    }
    let parsed: Arn = arn.parse().map_err(|_| IamError::InvalidArn(arn.to_owned()))?;
    if parsed.service() != "iam" || !parsed.resource().starts_with("policy/") {
        return Err(IamError::InvalidArn(arn.to_owned()));
    }
    Ok(state::policy(read, account, &parsed)?.is_some())
}

/// A policy of the account that must be there.
pub fn own(read: &impl Read, account: AccountId, arn: &str) -> Result<ManagedPolicy, IamError> {
    let parsed: Arn = arn.parse().map_err(|_| IamError::InvalidArn(arn.to_owned()))?;
    let missing = || IamError::NoSuchEntity(Missing::Policy(arn.to_owned()));
    state::policy(read, account, &parsed)?.ok_or_else(missing)
}

/// Refuses to change a policy of AWS's.
pub fn not_of_aws(ctx: &Ctx, action: &'static str, arn: &str) -> Result<(), IamError> {
    if !managed::is_aws(arn) {
        return Ok(());
    }
    let (principal, resource) = (ctx.caller().name(), format!("policy {arn}"));
    Err(IamError::NotAuthorized { principal, action, resource })
}

/// A document that a managed policy can hold.
pub fn check(document: &str) -> Result<(), IamError> {
    policy::identity_policy(document)?;
    quotas::POLICY_SIZE.holds(documents::size(document))
}

/// Makes a managed policy with its first version.
pub async fn create_policy(
    ctx: Ctx,
    input: Arc<model::CreatePolicyInput>,
) -> Result<model::CreatePolicyOutput, IamError> {
    check(&input.policy_document)?;
    let given = input.tags.as_deref().unwrap_or_default().iter();
    let tags = tags::added(&Tags::new(), given.map(|tag| (tag.key.as_str(), tag.value.as_str())))?;
    let (account, now) = (ctx.account(), ctx.now());
    let id = ctx.host().entropy.base32(Kind::Policy.id_prefix(), 17);
    let policy = ctx
        .commit(move |tx| {
            let scope = Scope::Account(account);
            if tx.has(&state::POLICIES, &scope, &key_of(&input.policy_name))? {
                return Err(IamError::AlreadyExists(Kind::Policy, input.policy_name.clone()));
            }
            quotas::per_account(Kind::Policy).admits(state::present(tx, &scope, Kind::Policy)?)?;
            state::count_one_more(tx, &scope, Kind::Policy)?;
            let policy = ManagedPolicy {
                incarnation: tx.fresh_incarnation()?,
                name: input.policy_name.clone(),
                path: input.path.clone().unwrap_or_else(|| "/".to_owned()),
                id: id.clone(),
                created: now,
                updated: now,
                default_version: 1,
                last_version: 1,
                description: input.description.clone(),
                tags: tags.clone(),
            };
            let version = PolicyVersion { document: input.policy_document.clone(), created: now };
            tx.put(&state::VERSIONS, &scope, &(policy.incarnation, 1), &version)?;
            state::save_policy(tx, account, &policy)?;
            Ok(policy)
        })
        .await?;
    let policy = answers::policy(account, &policy, UseCounts::default(), Detail::Whole);
    Ok(model::CreatePolicyOutput { policy: Some(policy) })
}

fn counted(uses: &[(u8, u8, String)]) -> UseCounts {
    let boundaries = uses.iter().filter(|(usage, ..)| *usage == Usage::Boundary as u8).count();
    let whole = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    UseCounts { attached: whole(uses.len() - boundaries), boundaries: whole(boundaries) }
}

/// Answers a managed policy.
pub async fn get_policy(
    ctx: Ctx,
    input: Arc<model::GetPolicyInput>,
) -> Result<model::GetPolicyOutput, IamError> {
    let (account, read, arn) = (ctx.account(), ctx.read(), &input.policy_arn);
    let uses = counted(&state::uses(&read, &ctx.account_scope(), arn)?);
    let policy = match managed::find(arn) {
        Some(aws) => answers::aws_policy(aws, uses, Detail::Whole),
        None => answers::policy(account, &own(&read, account, arn)?, uses, Detail::Whole),
    };
    Ok(model::GetPolicyOutput { policy: Some(policy) })
}

/// How often each policy of an account is used, by ARN.
fn all_uses(read: &impl Read, scope: &Scope) -> Result<HashMap<String, UseCounts>, Fault> {
    let mut counts: HashMap<String, UseCounts> = HashMap::new();
    for row in read.scan(&state::USES, scope, Span::all()) {
        let ((arn, usage, ..), ()) = row?;
        let count = counts.entry(arn).or_default();
        if usage == Usage::Boundary as u8 {
            count.boundaries += 1;
        } else {
            count.attached += 1;
        }
    }
    Ok(counts)
}

/// Answers a page of managed policies: those of the account, then AWS's.
pub async fn list_policies(
    ctx: Ctx,
    input: Arc<model::ListPoliciesInput>,
) -> Result<model::ListPoliciesOutput, IamError> {
    use model::{PolicyScopeType, PolicyUsageType};
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    let scope_wanted = input.scope.clone().unwrap_or(PolicyScopeType::All);
    let attached = input.only_attached.unwrap_or(false);
    let filter = format!("{prefix} {scope_wanted} {attached} {:?}", input.policy_usage_filter);
    let paging = Paging::begin(&ctx, &filter, input.marker.as_deref(), input.max_items)?;
    let (account, read, scope) = (ctx.account(), ctx.read(), ctx.account_scope());
    let uses = all_uses(&read, &scope)?;
    let wanted = |arn: &str, path: &str| {
        let uses = uses.get(arn).copied().unwrap_or_default();
        let used = match &input.policy_usage_filter {
            Some(PolicyUsageType::PermissionsPolicy) => uses.attached > 0,
            Some(PolicyUsageType::PermissionsBoundary) => uses.boundaries > 0,
            Some(PolicyUsageType::Other(_)) | None => !attached || uses != UseCounts::default(),
        };
        (used && path.starts_with(prefix)).then_some(uses)
    };
    let mut found = Vec::new();
    if scope_wanted != PolicyScopeType::Aws {
        for row in read.scan(&state::POLICIES, &scope, Span::all()) {
            let (key, policy) = row?;
            if let Some(uses) = wanted(policy.arn(account).as_str(), &policy.path) {
                let policy = answers::policy(account, &policy, uses, Detail::Listed);
                found.push((format!("0{key}"), policy));
            }
        }
    }
    if scope_wanted != PolicyScopeType::Local {
        for aws in managed::all() {
            if let Some(uses) = wanted(&aws.arn, &aws.path) {
                found.push((format!("1{}", aws.name), answers::aws_policy(aws, uses, Detail::Listed)));
            }
        }
    }
    let page = paging.cut_sorted(found)?;
    Ok(model::ListPoliciesOutput {
        policies: Some(page.items),
        is_truncated: Some(page.truncated),
        marker: page.marker,
    })
}

/// Answers a page of those who use a policy.
pub async fn list_entities_for_policy(
    ctx: Ctx,
    input: Arc<model::ListEntitiesForPolicyInput>,
) -> Result<model::ListEntitiesForPolicyOutput, IamError> {
    let filter = format!(
        "{} {:?} {:?} {:?}",
        input.policy_arn, input.entity_filter, input.path_prefix, input.policy_usage_filter
    );
    let paging = Paging::begin(&ctx, &filter, input.marker.as_deref(), input.max_items)?;
    let (read, scope) = (ctx.read(), ctx.account_scope());
    if !exists(&read, ctx.account(), &input.policy_arn)? {
        return Err(IamError::NoSuchEntity(Missing::Policy(input.policy_arn.clone())));
    }
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    let mut found = Vec::new();
    for (usage, kind, key) in state::uses(&read, &scope, &input.policy_arn)? {
        let Some(kind) = Kind::IDENTITIES.into_iter().find(|known| *known as u8 == kind) else { continue };
        if !asked_for(&input, usage, kind) {
            continue;
        }
        let identity = state::identity(&read, &scope, kind, &key)?;
        if let Some(identity) = identity.filter(|identity| identity.path.starts_with(prefix)) {
            found.push((format!("{} {key}", kind as u8), (kind, identity)));
        }
    }
    // One that uses the policy both ways is named once.
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    found.dedup_by(|(one, _), (other, _)| one == other);
    let page = paging.cut_sorted(found)?;
    let mut output = model::ListEntitiesForPolicyOutput {
        policy_groups: Some(Vec::new()),
        policy_users: Some(Vec::new()),
        policy_roles: Some(Vec::new()),
        is_truncated: Some(page.truncated),
        marker: page.marker,
    };
    for (kind, identity) in page.items {
        let (name, id) = (Some(identity.name), Some(identity.id));
        match kind {
            Kind::User => push(&mut output.policy_users, model::PolicyUser { user_name: name, user_id: id }),
            Kind::Group => {
                push(&mut output.policy_groups, model::PolicyGroup { group_name: name, group_id: id });
            }
            _ => push(&mut output.policy_roles, model::PolicyRole { role_name: name, role_id: id }),
        }
    }
    Ok(output)
}

fn push<T>(list: &mut Option<Vec<T>>, item: T) {
    list.get_or_insert_default().push(item);
}

fn asked_for(input: &model::ListEntitiesForPolicyInput, usage: u8, kind: Kind) -> bool {
    use model::{EntityType, PolicyUsageType};
    let of_kind = match &input.entity_filter {
        Some(EntityType::User) => kind == Kind::User,
        Some(EntityType::Role) => kind == Kind::Role,
        Some(EntityType::Group) => kind == Kind::Group,
        Some(EntityType::LocalManagedPolicy | EntityType::AWSManagedPolicy) => false,
        Some(EntityType::Other(_)) | None => true,
    };
    let of_usage = match &input.policy_usage_filter {
        Some(PolicyUsageType::PermissionsPolicy) => usage == Usage::Permissions as u8,
        Some(PolicyUsageType::PermissionsBoundary) => usage == Usage::Boundary as u8,
        Some(PolicyUsageType::Other(_)) | None => true,
    };
    of_kind && of_usage
}

/// Removes a policy that nobody uses and that has one version.
pub async fn delete_policy(ctx: Ctx, input: Arc<model::DeletePolicyInput>) -> Result<Unit, IamError> {
    not_of_aws(&ctx, "iam:DeletePolicy", &input.policy_arn)?;
    let account = ctx.account();
    ctx.commit(move |tx| {
        let scope = Scope::Account(account);
        let policy = own(tx, account, &input.policy_arn)?;
        if !state::uses(tx, &scope, &input.policy_arn)?.is_empty() {
            return Err(IamError::DeleteConflict(Conflict::AttachedTo));
        }
        if numbers(tx, &scope, &policy)?.len() > 1 {
            return Err(IamError::DeleteConflict(Conflict::MoreVersions));
        }
        tx.delete(&state::POLICIES, &scope, &key_of(&policy.name))?;
        state::count_one_less(tx, &scope, Kind::Policy)?;
        tx.discard(&scope, policy.incarnation)?;
        Ok(tx.remove_head(&policy.arn(account))?)
    })
    .await
    .map(|()| Unit)
}

/// The numbers of a policy's versions, least first.
pub fn numbers(tx: &Tx, scope: &Scope, policy: &ManagedPolicy) -> Result<Vec<u32>, Fault> {
    let rows = tx.scan(&state::VERSIONS, scope, Span::of(&policy.incarnation));
    rows.map(|row| row.map(|((_, number), _)| number)).collect()
}
