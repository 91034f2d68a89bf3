//! STS: who one is, and temporary credentials.

use crate::errors::IamError;
use crate::ops::policies;
use crate::policy::not_authorized;
use crate::rules::names::{Kind, key_of, name_in, session_arn};
use crate::rules::{ids, sessions as rules, tags};
use crate::sessions::{self, Drawn, Wanted};
use crate::state::{self, Identity, RoleDetail, Session, SessionOf, SessionPolicy};
use model_sts as model;
use names::{AccountId, Arn, Scope, Tags};
use ports::{Caller, Principal, PrincipalKind, SessionRequest};
use service::Ctx;
use std::sync::Arc;
use store::{Read, Tx};

/// Managed policies that limit one session at most.
const MAX_POLICY_ARNS: usize = 10;

/// Answers who calls.
pub async fn get_caller_identity(
    ctx: Ctx,
    _input: Arc<model::GetCallerIdentityInput>,
) -> Result<model::GetCallerIdentityOutput, IamError> {
    let principal = caller(&ctx)?;
    Ok(model::GetCallerIdentityOutput {
        user_id: Some(principal.id.clone()),
        account: Some(principal.account.to_string()),
        arn: Some(principal.arn.to_string()),
    })
}

fn caller(ctx: &Ctx) -> Result<&Principal, IamError> {
    ctx.caller().principal().ok_or(IamError::NoCredentials)
}

/// Answers which account an access key belongs to.
pub async fn get_access_key_info(
    ctx: Ctx,
    input: Arc<model::GetAccessKeyInfoInput>,
) -> Result<model::GetAccessKeyInfoOutput, IamError> {
    let id = &input.access_key_id;
    let held = ctx.read().get(&state::HOLDERS, &Scope::Partition, id)?.map(|holder| holder.account);
    let account = held.or_else(|| ids::account_of(id));
    let account = account.ok_or_else(|| IamError::InvalidAccessKey(id.clone()))?;
    Ok(model::GetAccessKeyInfoOutput { account: Some(account.to_string()) })
}

/// Makes temporary credentials of a user, or of the root.
pub async fn get_session_token(
    ctx: Ctx,
    input: Arc<model::GetSessionTokenInput>,
) -> Result<model::GetSessionTokenOutput, IamError> {
    let principal = caller(&ctx)?;
    if principal.issued.is_some() || principal.kind == PrincipalKind::RoleSession {
        return Err(IamError::SessionOfSession);
    }
    no_second_factor(input.serial_number.as_deref(), input.token_code.as_deref())?;
    let root = principal.kind == PrincipalKind::Root;
    let of = match &principal.user_name {
        Some(name) if !root => SessionOf::User { key: key_of(name), id: principal.id.clone() },
        _ => SessionOf::Root,
    };
    let seconds = rules::token(input.duration_seconds, root);
    let account = ctx.account();
    let (drawn, now) = (Drawn::of(&ctx.host().entropy, account), ctx.now());
    let wanted = Wanted::plain(of, account, seconds);
    let access_key = drawn.access_key.clone();
    let session = ctx.commit(move |tx| sessions::write(tx, &drawn, now, &wanted)).await?;
    Ok(model::GetSessionTokenOutput { credentials: Some(credentials(&access_key, &session)) })
}

/// There are no MFA devices here, so no code of one is right.
fn no_second_factor(serial: Option<&str>, code: Option<&str>) -> Result<(), IamError> {
    match (serial, code) {
        (None, None) => Ok(()),
        _ => Err(IamError::MfaFailed),
    }
}

fn credentials(access_key: &str, session: &Session) -> model::Credentials {
    model::Credentials {
        access_key_id: access_key.to_owned(),
        secret_access_key: session.secret.clone(),
        session_token: session.token.clone(),
        expiration: session.expires,
    }
}

/// Makes temporary credentials of a role. That the caller may is decided by the operation's demands.
pub async fn assume_role(
    ctx: Ctx,
    input: Arc<model::AssumeRoleInput>,
) -> Result<model::AssumeRoleOutput, IamError> {
    no_second_factor(input.serial_number.as_deref(), input.token_code.as_deref())?;
    let arn: Arn = input.role_arn.parse().map_err(|_| IamError::InvalidRoleArn(input.role_arn.clone()))?;
    let refused = not_authorized(ctx.caller(), &arn);
    let account = arn.account().ok_or_else(|| refused.clone())?;
    let policies = session_policies(&input)?;
    if !ctx.host().settings.enforces && role(&ctx.read(), &arn)?.is_none() {
        return assume_made_up(&ctx, &input, arn).await;
    }
    let (drawn, now) = (Drawn::of(&ctx.host().entropy, account), ctx.now());
    let caller = ctx.caller().clone();
    ctx.commit(move |tx| {
        let (role, detail) = role(tx, &arn)?.ok_or_else(|| refused.clone())?;
        for policy in &policies {
            attachable(tx, account, policy)?;
        }
        let before = session_of(tx, &caller)?;
        let chained = matches!(&before, Some(Session { of: SessionOf::Role { .. }, .. }));
        let seconds = rules::assumed(input.duration_seconds, detail.max_session_seconds, chained)?;
        let wanted = wanted(&input, (account, &role), seconds, &policies, before)?;
        let session = sessions::write(tx, &drawn, now, &wanted)?;
        answer(&input, &role, &drawn.access_key, (&session, account))
    })
    .await
}

/// A session of a role that nobody made, where nothing is enforced: an application that is configured with a
/// role of another account finds it. It ends with the region.
async fn assume_made_up(
    ctx: &Ctx,
    input: &model::AssumeRoleInput,
    arn: Arn,
) -> Result<model::AssumeRoleOutput, IamError> {
    let refused = not_authorized(ctx.caller(), &arn);
    if name_in(&arn, Kind::Role).is_none() {
        return Err(refused);
    }
    let seconds = i64::from(input.duration_seconds.unwrap_or(3600));
    let request = SessionRequest {
        role: arn,
        service: "sts.amazonaws.com",
        session_name: input.role_session_name.clone(),
        source_arn: None,
        source_account: ctx.account(),
    };
    let session = ctx.ports().credentials.session(request).await.map_err(|_| refused)?;
    let told = ctx.now().plus_millis(seconds * 1000);
    Ok(model::AssumeRoleOutput {
        credentials: Some(model::Credentials {
            access_key_id: session.access_key.clone(),
            secret_access_key: session.secret.to_string(),
            session_token: session.token.to_string(),
            expiration: session.expires.min(told),
        }),
        assumed_role_user: Some(model::AssumedRoleUser {
            assumed_role_id: session.principal.id.clone(),
            arn: session.principal.arn.to_string(),
        }),
        packed_policy_size: None,
        source_identity: input.source_identity.clone(),
    })
}

/// A role by its ARN.
fn role(read: &impl Read, arn: &Arn) -> Result<Option<(Identity, RoleDetail)>, IamError> {
    let (Some(account), Some(name)) = (arn.account(), name_in(arn, Kind::Role)) else { return Ok(None) };
    let found = state::role(read, &Scope::Account(account), name)?;
    Ok(found.filter(|(role, _)| role.arn(Kind::Role, account) == *arn))
}

fn wanted(
    input: &model::AssumeRoleInput,
    (account, role): (AccountId, &Identity),
    seconds: i32,
    policies: &[SessionPolicy],
    before: Option<Session>,
) -> Result<Wanted, IamError> {
    let (tags, transitive) = passed_tags(input, before.as_ref())?;
    let name = input.role_session_name.clone();
    let inherited = before.and_then(|before| before.source_identity);
    Ok(Wanted {
        of: SessionOf::Role { key: key_of(&role.name), id: role.id.clone(), name },
        account,
        seconds,
        tags,
        transitive,
        source_identity: input.source_identity.clone().or(inherited),
        policies: policies.to_vec(),
    })
}

fn answer(
    input: &model::AssumeRoleInput,
    role: &Identity,
    access_key: &str,
    (session, account): (&Session, AccountId),
) -> Result<model::AssumeRoleOutput, IamError> {
    let name = &input.role_session_name;
    Ok(model::AssumeRoleOutput {
        credentials: Some(credentials(access_key, session)),
        assumed_role_user: Some(model::AssumedRoleUser {
            assumed_role_id: format!("{}:{name}", role.id),
            arn: session_arn(account, &role.name, name).to_string(),
        }),
        packed_policy_size: packed(session)?,
        source_identity: session.source_identity.clone(),
    })
}

fn session_policies(input: &model::AssumeRoleInput) -> Result<Vec<SessionPolicy>, IamError> {
    let mut policies = Vec::new();
    if let Some(document) = &input.policy {
        policy::identity_policy(document)?;
        policies.push(SessionPolicy::Inline(document.clone()));
    }
    let arns = input.policy_arns.as_deref().unwrap_or_default();
    if arns.len() > MAX_POLICY_ARNS {
        let message = format!("A session takes at most {MAX_POLICY_ARNS} managed policies.");
        return Err(IamError::Validation(message));
    }
    for arn in arns.iter().filter_map(|descriptor| descriptor.arn.clone()) {
        policies.push(SessionPolicy::Managed(arn));
    }
    Ok(policies)
}

fn attachable(tx: &Tx, account: AccountId, policy: &SessionPolicy) -> Result<(), IamError> {
    match policy {
        SessionPolicy::Managed(arn) if !policies::exists(tx, account, arn)? => {
            Err(IamError::Validation(format!("Policy {arn} does not exist or is not attachable.")))
        }
        SessionPolicy::Managed(_) | SessionPolicy::Inline(_) => Ok(()),
    }
}

/// The session that the caller acts in, where it does.
fn session_of(tx: &Tx, caller: &Caller) -> Result<Option<Session>, IamError> {
    match caller.principal() {
        Some(principal) if principal.issued.is_some() && !principal.access_key.is_empty() => {
            let scope = Scope::Account(principal.account);
            Ok(tx.get(&state::SESSIONS, &scope, &principal.access_key)?)
        }
        _ => Ok(None),
    }
}

/// The tags of the new session, those passed on by the one before among them, and which of them are
/// passed on further.
fn passed_tags(
    input: &model::AssumeRoleInput,
    before: Option<&Session>,
) -> Result<(Tags, Vec<String>), IamError> {
    let given = input.tags.as_deref().unwrap_or_default();
    let inherited: Tags = before
        .into_iter()
        .flat_map(|before| before.tags.iter().filter(|(key, _)| before.transitive.iter().any(|t| t == key)))
        .collect();
    if given.iter().any(|tag| inherited.get(&tag.key).is_some()) {
        return Err(IamError::TransitiveTagConflict);
    }
    let pairs = given.iter().map(|tag| (tag.key.as_str(), tag.value.as_str()));
    let tags = tags::added(&inherited, pairs)?;
    let mut transitive: Vec<String> = inherited.iter().map(|(key, _)| key.to_owned()).collect();
    transitive.extend(input.transitive_tag_keys.iter().flatten().cloned());
    Ok((tags, transitive))
}

/// How full what was passed makes the session; none where nothing was.
fn packed(session: &Session) -> Result<Option<i32>, IamError> {
    let policies = session.policies.iter().map(|policy| match policy {
        SessionPolicy::Inline(text) | SessionPolicy::Managed(text) => text.as_str(),
    });
    let percent = rules::packed_percent(policies)?;
    let passed = !session.policies.is_empty() || !session.tags.is_empty();
    Ok(passed.then_some(percent))
}
