//! The policy crate from outside: evaluation, operators, documents, hostile input.

mod conditions;
mod documents;
mod evaluation;
mod hostile;

use names::{AccountId, Timestamp};
use policy::{
    Attached, Context, Decision, IdentityPolicies, Policies, Policy, Principal, PrincipalKind, Request,
    ResourcePolicy, ResourceRule, evaluate,
};
use std::sync::Arc;

const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000001:orders";

const USER: Principal<'static> = Principal {
    kind: PrincipalKind::User,
    arn: "arn:aws:iam::000000000001:user/ann",
    policy_arn: "arn:aws:iam::000000000001:user/ann",
    account: AccountId::from_number(1),
    id: "AIDAEXAMPLEEXAMPLE001",
    user_name: Some("ann"),
    tags: None,
};

const SESSION: Principal<'static> = Principal {
    kind: PrincipalKind::AssumedRole,
    arn: "arn:aws:sts::000000000001:assumed-role/worker/s",
    policy_arn: "arn:aws:iam::000000000001:role/worker",
    account: AccountId::from_number(1),
    id: "AROAEXAMPLEEXAMPLE001:s",
    user_name: None,
    tags: None,
};

const ROOT: Principal<'static> = Principal {
    kind: PrincipalKind::Root,
    arn: "arn:aws:iam::000000000001:root",
    policy_arn: "arn:aws:iam::000000000001:root",
    account: AccountId::from_number(1),
    id: "000000000001",
    user_name: None,
    tags: None,
};

fn account(number: u64) -> AccountId {
    AccountId::from_number(number).unwrap()
}

/// A policy of one statement, given by its fields without version.
fn statement(fields: &str) -> Policy {
    Policy::parse(&format!(r#"{{"Version":"2012-10-17","Statement":{{{fields}}}}}"#)).unwrap()
}

fn attached(name: &str, policy: Policy) -> Attached {
    Attached { name: name.into(), policy: Arc::new(policy) }
}

fn identity(fields: &[&str]) -> IdentityPolicies {
    let numbered = fields.iter().enumerate();
    let identity = numbered.map(|(at, fields)| attached(&format!("p{at}"), statement(fields))).collect();
    IdentityPolicies { identity, ..IdentityPolicies::default() }
}

/// Asks for `sqs:SendMessage` on a queue of account 1.
fn ask<'a>(
    principal: &Principal<'_>,
    identity: &'a IdentityPolicies,
    resource: Option<(&'a Policy, ResourceRule)>,
    context: &Context,
) -> Decision<'a> {
    let request = Request {
        principal,
        action: "sqs:SendMessage",
        resource: QUEUE,
        resource_account: account(1),
        context,
        now: Timestamp::parse_iso8601("2026-01-31T12:00:00Z").unwrap(),
    };
    let resource = resource.map(|(policy, rule)| ResourcePolicy { name: QUEUE, policy, rule });
    evaluate(&request, &Policies { identity, resource })
}
