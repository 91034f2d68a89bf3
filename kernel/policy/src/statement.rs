//! A policy, compiled: its statements with patterns in place of texts.

use crate::action::{ActionPattern, ActionText};
use crate::arn_pattern::{ArnPattern, ArnText};
use crate::condition::Condition;
use crate::glob::Case;
use crate::pattern::Reading;
use crate::principal::{Named, Naming};
use crate::request::Request;
use crate::syntax::{Document, List, RawPrincipals, RawStatement};
use crate::{Fault, MalformedPolicy};

/// What a statement does where it applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It permits.
    Allow,
    /// It forbids, whatever others permit.
    Deny,
}

/// A compiled policy. Share it: it is read by every request.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    statements: Vec<Statement>,
    reads_context: bool,
}

/// A compiled statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    index: usize,
    sid: Option<Box<str>>,
    effect: Effect,
    principals: Option<Negatable<Named>>,
    actions: Option<Negatable<ActionPattern>>,
    resources: Option<Negatable<ArnPattern>>,
    conditions: Vec<Condition>,
}

/// A list of patterns of which one must match, or none.
#[derive(Debug, Clone, PartialEq)]
struct Negatable<T> {
    negated: bool,
    items: Vec<T>,
}

impl<T> Negatable<T> {
    fn holds(&self, matches: impl Fn(&T) -> bool) -> bool {
        self.items.iter().any(matches) != self.negated
    }
}

impl Policy {
    /// Compiles a document of any kind.
    ///
    /// # Errors
    /// If it is not of the grammar. What a kind of policy demands beyond it, its own function checks.
    pub fn parse(json: &str) -> Result<Self, MalformedPolicy> {
        Self::compile(&Document::parse(json)?)
    }

    pub(crate) fn compile(document: &Document) -> Result<Self, MalformedPolicy> {
        let variables = document.version.as_deref() == Some("2012-10-17");
        let statements = document.statements.iter().enumerate();
        let statements = statements.map(|(index, raw)| Statement::compile(index, raw, variables));
        let reads_context = document.statements.iter().any(RawStatement::reads_context);
        Ok(Policy { statements: statements.collect::<Result<_, _>>()?, reads_context })
    }

    /// Whether a condition key can change what it says: it has conditions, or variables in its texts.
    pub fn reads_context(&self) -> bool {
        self.reads_context
    }

    /// The statements in the document's order.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }
}

impl Statement {
    fn compile(index: usize, raw: &RawStatement, variables: bool) -> Result<Self, MalformedPolicy> {
        let effect = match raw.effect.as_str() {
            "Allow" => Effect::Allow,
            "Deny" => Effect::Deny,
            _ => return Err(MalformedPolicy::legacy()),
        };
        let reading = Reading { wildcards: true, variables, case: Case::Exact };
        let conditions = raw.conditions.iter().map(|condition| Condition::compile(condition, variables));
        Ok(Statement {
            index,
            sid: raw.sid.as_deref().filter(|sid| !sid.is_empty()).map(Box::from),
            effect,
            principals: raw.principals.as_ref().map(principals).transpose()?,
            actions: raw.actions.as_ref().map(|list| compiled(list, ActionPattern::new)),
            resources: raw
                .resources
                .as_ref()
                .map(|list| compiled(list, |text| ArnPattern::new(text, reading))),
            conditions: conditions.collect::<Result<_, _>>()?,
        })
    }

    /// Its id, where it has one.
    pub fn sid(&self) -> Option<&str> {
        self.sid.as_deref()
    }

    /// Its place in the policy, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// What it does.
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// Whether everybody is among its principals, wherever its conditions let them through.
    pub fn names_everybody(&self) -> bool {
        self.principals
            .as_ref()
            .is_some_and(|principals| principals.negated || principals.items.contains(&Named::Everybody))
    }

    /// Whether it is about this action and resource. A statement without resources is about all.
    pub(crate) fn is_about(
        &self,
        action: &ActionText<'_>,
        resource: &ArnText<'_>,
        request: &Request<'_>,
    ) -> bool {
        self.actions.as_ref().is_some_and(|actions| actions.holds(|pattern| pattern.matches(action)))
            && self
                .resources
                .as_ref()
                .is_none_or(|resources| resources.holds(|pattern| pattern.matches(resource, request)))
    }

    /// How closely it names the one that asks; `None` if it is about others.
    pub(crate) fn naming(&self, request: &Request<'_>) -> Option<Naming> {
        let principals = self.principals.as_ref()?;
        let closest = principals.items.iter().filter_map(|named| named.names(request.principal)).max();
        match (principals.negated, closest) {
            (false, closest) => closest,
            (true, Some(_)) => None,
            (true, None) => Some(Naming::Itself),
        }
    }

    /// The first condition that a request does not fulfil.
    pub(crate) fn failing(&self, request: &Request<'_>) -> Option<&Condition> {
        self.conditions.iter().find(|condition| !condition.holds(request))
    }
}

fn compiled<T>(list: &List, compile: impl Fn(&str) -> T) -> Negatable<T> {
    Negatable { negated: list.negated, items: list.items.iter().map(|item| compile(item)).collect() }
}

fn principals(raw: &RawPrincipals) -> Result<Negatable<Named>, MalformedPolicy> {
    let named = raw.entries.iter().map(|(kind, text)| {
        Named::parse(kind, text).ok_or_else(|| {
            let message = format!("Invalid principal in policy: \"{kind}\":\"{text}\"");
            MalformedPolicy::new(Fault::Principal, message)
        })
    });
    Ok(Negatable { negated: raw.negated, items: named.collect::<Result<_, _>>()? })
}
