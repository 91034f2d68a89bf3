//! What the policies say, which statement said it, and the words in which a refusal is told.

use crate::{Effect, Statement};
use std::fmt;

/// A kind of policy in the order of evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// Attached to the user, its groups, or the role.
    Identity,
    /// Attached to the resource.
    Resource,
    /// A role's trust policy.
    Trust,
    /// The most that the identity's policies can give.
    Boundary,
    /// The most that the session can do.
    Session,
}

impl Layer {
    fn name(self) -> &'static str {
        match self {
            Layer::Identity => "identity-based policy",
            Layer::Resource => "resource-based policy",
            Layer::Trust => "role trust policy",
            Layer::Boundary => "permissions boundary",
            Layer::Session => "session policy",
        }
    }
}

/// A statement and the policy it stands in.
#[derive(Debug, Clone, Copy)]
pub struct StatementRef<'a> {
    /// The kind of policy.
    pub layer: Layer,
    /// The policy's name or ARN.
    pub policy: &'a str,
    /// The statement.
    pub statement: &'a Statement,
}

impl fmt::Display for StatementRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}, statement ", self.layer.name(), self.policy)?;
        match self.statement.sid() {
            Some(sid) => f.write_str(sid),
            None => write!(f, "{}", self.statement.index() + 1),
        }
    }
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Permitted.
    Allowed,
    /// A statement of this layer forbids it.
    ExplicitDeny(Layer),
    /// No statement of this layer permits it.
    ImplicitDeny(Layer),
}

/// A statement that would have permitted, but for a condition.
#[derive(Debug, Clone, Copy)]
pub struct NearMiss<'a> {
    /// The statement.
    pub statement: StatementRef<'a>,
    /// The operator as the policy writes it.
    pub operator: &'a str,
    /// The condition key as the policy writes it.
    pub key: &'a str,
}

/// The answer with its reasons.
#[derive(Debug, Clone)]
pub struct Decision<'a> {
    /// The answer.
    pub outcome: Outcome,
    /// The statement that permitted or forbade; none for the root of an account, and where nothing did.
    pub decided_by: Option<StatementRef<'a>>,
    /// For an implicit deny: statements that failed on a condition alone.
    pub near_misses: Vec<NearMiss<'a>>,
}

impl Decision<'_> {
    /// Whether the request is permitted.
    pub fn is_allowed(&self) -> bool {
        self.outcome == Outcome::Allowed
    }

    /// One line for a log: what decided, and what nearly did.
    pub fn explain(&self) -> String {
        let mut text = match (self.outcome, &self.decided_by) {
            (Outcome::Allowed, Some(statement)) => format!("allowed by {statement}"),
            (Outcome::Allowed, None) => "allowed as the root of its account".to_owned(),
            (Outcome::ExplicitDeny(layer), None) => format!("denied by a {}", layer.name()),
            (Outcome::ExplicitDeny(_), Some(statement)) => format!("denied by {statement}"),
            (Outcome::ImplicitDeny(layer), _) => format!("no {} allows it", layer.name()),
        };
        for miss in &self.near_misses {
            let verb = match miss.statement.statement.effect() {
                Effect::Allow => "would allow",
                Effect::Deny => "would deny",
            };
            text += &format!("; {} {verb} but for {} {}", miss.statement, miss.operator, miss.key);
        }
        text
    }
}

/// AWS's words for a refusal. `principal` is the caller's ARN (of the session, for roles); a request on no
/// single resource names none.
pub fn access_denied_message(principal: &str, action: &str, resource: &str, outcome: Outcome) -> String {
    let on = if resource == "*" { String::new() } else { format!(" on resource: {resource}") };
    let because = match outcome {
        Outcome::Allowed => String::new(),
        Outcome::ExplicitDeny(layer) => {
            let article = if layer == Layer::Identity { "an" } else { "a" };
            format!(" with an explicit deny in {article} {}", layer.name())
        }
        Outcome::ImplicitDeny(layer) => format!(" because no {} allows the {action} action", layer.name()),
    };
    format!("User: {principal} is not authorized to perform: {action}{on}{because}")
}
