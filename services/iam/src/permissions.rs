//! What an identity may: its inline and managed policies, those of its groups, its boundary, gathered
//! and compiled.

use crate::managed;
use crate::rules::names::Kind;
use crate::state::{self, Identity, SessionPolicy};
use names::{AccountId, Arn, Scope};
use policy::{Attached, IdentityPolicies, Policy};
use std::sync::{Arc, LazyLock};
use store::{Corrupt, Fault, Read, Span};

/// What sessions of GetSessionToken without a second factor may at most.
/// "Requesting temporary security credentials", GetSessionToken: no IAM, and of STS these two.
const TOKEN_LIMIT: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "NotAction": ["iam:*", "sts:*"], "Resource": "*"},
    {"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:GetCallerIdentity"], "Resource": "*"}]}"#;

static TOKEN_SESSION: LazyLock<Vec<Attached>> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "a constant that a test reads")]
    let policy = policy::identity_policy(TOKEN_LIMIT).expect("a policy");
    vec![Attached { name: "GetSessionToken".into(), policy: Arc::new(policy) }]
});

/// The session policies of all sessions of GetSessionToken.
pub fn of_token_session() -> Vec<Attached> {
    TOKEN_SESSION.clone()
}

fn compiled(table: &'static str, document: &str) -> Result<Arc<Policy>, Fault> {
    // Leaving a policy out might leave out a denial.
    let refused = |_| Fault::Corrupt { table, why: Corrupt("a stored policy is none") };
    Policy::parse(document).map(Arc::new).map_err(refused)
}

/// A policy that bears on an identity, not compiled.
pub enum Source {
    /// An inline policy: of what kind of identity, of which, its name, its document.
    Inline(Kind, String, String, String),
    /// A managed policy, by its ARN.
    Managed(String),
}

/// The document of a managed policy: of AWS's, or of the account.
///
/// # Errors
/// If there is none, or it cannot be read.
pub fn managed_document(read: &impl Read, account: AccountId, arn: &str) -> Result<String, Fault> {
    let absent = Fault::Corrupt { table: "iam/policies", why: Corrupt("an attached policy is absent") };
    if let Some(aws) = managed::find(arn) {
        return Ok(aws.document.get().to_owned());
    }
    let parsed: Arn = arn.parse().map_err(|_| absent.clone())?;
    let policy = state::policy(read, account, &parsed)?.ok_or(absent.clone())?;
    let key = (policy.incarnation, policy.default_version);
    let version = read.get(&state::VERSIONS, &Scope::Account(account), &key)?;
    version.map(|version| version.document).ok_or(absent)
}

/// A managed policy by its ARN, compiled.
///
/// # Errors
/// If there is none, or it cannot be read.
pub fn managed_policy(read: &impl Read, account: AccountId, arn: &str) -> Result<Attached, Fault> {
    let policy = match managed::find(arn) {
        Some(aws) => aws.policy(),
        None => compiled("iam/policy-versions", &managed_document(read, account, arn)?)?,
    };
    Ok(Attached { name: arn.into(), policy })
}

/// The policies of an identity, and those of its groups where it is a user.
///
/// # Errors
/// If one cannot be read.
pub fn sources(
    read: &impl Read,
    account: AccountId,
    kind: Kind,
    identity: &Identity,
) -> Result<Vec<Source>, Fault> {
    let scope = Scope::Account(account);
    let mut holders = vec![(kind, identity.name.clone(), identity.incarnation)];
    if kind == Kind::User {
        for group in state::names_of(read, &state::MEMBERSHIPS, &scope, identity.incarnation)? {
            if let Some(group) = state::identity(read, &scope, Kind::Group, &group)? {
                holders.push((Kind::Group, group.name, group.incarnation));
            }
        }
    }
    let mut sources = Vec::new();
    for (kind, name, incarnation) in holders {
        for row in read.scan(&state::INLINE, &scope, Span::of(&incarnation)) {
            let ((_, policy), inline) = row?;
            sources.push(Source::Inline(kind, name.clone(), policy, inline.document));
        }
        let attached = state::names_of(read, &state::ATTACHED, &scope, incarnation)?;
        sources.extend(attached.into_iter().map(Source::Managed));
    }
    Ok(sources)
}

/// What a user or role may.
///
/// # Errors
/// If a policy cannot be read.
pub fn of_identity(
    read: &impl Read,
    account: AccountId,
    kind: Kind,
    identity: &Identity,
) -> Result<IdentityPolicies, Fault> {
    let mut policies = Vec::new();
    for source in sources(read, account, kind, identity)? {
        policies.push(match source {
            Source::Managed(arn) => managed_policy(read, account, &arn)?,
            Source::Inline(_, _, name, document) => {
                let policy = compiled("iam/inline-policies", &document)?;
                Attached { name: name.into(), policy }
            }
        });
    }
    let boundary = identity.boundary.as_deref();
    let boundary = boundary.map(|arn| managed_policy(read, account, arn)).transpose()?;
    Ok(IdentityPolicies { identity: policies, boundary, session: None })
}

/// The policies passed to a session, compiled. A managed one that has gone since permits nothing.
///
/// # Errors
/// If a policy cannot be read.
pub fn of_session(
    read: &impl Read,
    account: AccountId,
    policies: &[SessionPolicy],
) -> Result<Vec<Attached>, Fault> {
    let mut compiled_policies = Vec::with_capacity(policies.len());
    for policy in policies {
        match policy {
            SessionPolicy::Inline(document) => {
                let policy = compiled("iam/sessions", document)?;
                compiled_policies.push(Attached { name: "session".into(), policy });
            }
            SessionPolicy::Managed(arn) => match managed_policy(read, account, arn) {
                Ok(attached) => compiled_policies.push(attached),
                Err(Fault::Corrupt { table: "iam/policies", .. }) => {}
                Err(fault) => return Err(fault),
            },
        }
    }
    Ok(compiled_policies)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_token_sessions_is_a_policy() {
        assert_eq!(of_token_session().len(), 1);
    }
}
