//! What an identity may: its inline and managed policies, those of its groups, its boundary, gathered
//! and compiled.

use crate::managed;
use crate::rules::names::Kind;
use crate::state::{self, Identity, SessionPolicy};
use names::{AccountId, Arn, Scope};
use policy::{Attached, IdentityPolicies, Policy};
use std::sync::{Arc, LazyLock};
use store::{Corrupt, Fault, Incarnation, Read, Span};

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

/// A managed policy by its ARN: of AWS's, or of the account.
///
/// # Errors
/// If there is none, or it cannot be read.
pub fn managed_policy(read: &impl Read, account: AccountId, arn: &str) -> Result<Attached, Fault> {
    let absent = Fault::Corrupt { table: "iam/policies", why: Corrupt("an attached policy is absent") };
    if let Some(aws) = managed::find(arn) {
        return Ok(Attached { name: arn.into(), policy: aws.policy.clone() });
    }
    let parsed: Arn = arn.parse().map_err(|_| absent.clone())?;
    let policy = state::policy(read, account, &parsed)?.ok_or(absent.clone())?;
    let key = (policy.incarnation, policy.default_version);
    let version = read.get(&state::VERSIONS, &Scope::Account(account), &key)?.ok_or(absent)?;
    Ok(Attached { name: arn.into(), policy: compiled("iam/policy-versions", &version.document)? })
}

fn gather(
    read: &impl Read,
    account: AccountId,
    incarnation: Incarnation,
    into: &mut Vec<Attached>,
) -> Result<(), Fault> {
    let scope = Scope::Account(account);
    for row in read.scan(&state::INLINE, &scope, Span::of(&incarnation)) {
        let ((_, name), inline) = row?;
        let policy = compiled("iam/inline-policies", &inline.document)?;
        into.push(Attached { name: name.into(), policy });
    }
    for arn in state::names_of(read, &state::ATTACHED, &scope, incarnation)? {
        into.push(managed_policy(read, account, &arn)?);
    }
    Ok(())
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
    let scope = Scope::Account(account);
    let mut policies = Vec::new();
    gather(read, account, identity.incarnation, &mut policies)?;
    if kind == Kind::User {
        for group in state::names_of(read, &state::MEMBERSHIPS, &scope, identity.incarnation)? {
            if let Some(group) = state::identity(read, &scope, Kind::Group, &group)? {
                gather(read, account, group.incarnation, &mut policies)?;
            }
        }
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
