//! The evaluation: which policies bear on a request, and what they say together.
//!
//! Within an account a resource's policy that names the caller grants by itself, one that names the
//! account leaves it to the identity's policies. Across accounts both must allow. Boundary and session
//! limit what the identity has, and what its role was granted, not what was granted to the session or the
//! user by name.

use crate::action::ActionText;
use crate::arn_pattern::ArnText;
use crate::principal::Naming;
use crate::{Decision, Effect, Layer, NearMiss, Outcome, Policy, PrincipalKind, Request, StatementRef};
use std::sync::Arc;

/// A policy with the name it is known by.
#[derive(Debug, Clone, PartialEq)]
pub struct Attached {
    /// The ARN of a managed policy, the name of an inline one.
    pub name: Arc<str>,
    /// The policy.
    pub policy: Arc<Policy>,
}

/// All policies that come with an identity.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct IdentityPolicies {
    /// Inline and managed policies of the user, its groups, or the role.
    pub identity: Vec<Attached>,
    /// The permissions boundary.
    pub boundary: Option<Attached>,
    /// The policies that were passed when the session was made. `Some` and empty permits nothing.
    pub session: Option<Vec<Attached>>,
}

/// What a resource's policy is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceRule {
    /// It adds to what identities may: queues, buckets, functions.
    Grants,
    /// Nothing is permitted without it: keys.
    Required,
    /// As `Required`; it is a role's trust policy, and the messages say so.
    Trust,
}

/// A resource's policy.
#[derive(Debug, Clone, Copy)]
pub struct ResourcePolicy<'a> {
    /// The name it is reported by, usually the resource's ARN.
    pub name: &'a str,
    /// The policy.
    pub policy: &'a Policy,
    /// What it is for.
    pub rule: ResourceRule,
}

/// All policies that bear on a request.
#[derive(Debug, Clone, Copy)]
pub struct Policies<'a> {
    /// The caller's.
    pub identity: &'a IdentityPolicies,
    /// The resource's.
    pub resource: Option<ResourcePolicy<'a>>,
}

impl Policies<'_> {
    /// Whether any of them can be swayed by condition keys: where none is, an empty context decides alike.
    pub fn read_context(&self) -> bool {
        let IdentityPolicies { identity, boundary, session } = self.identity;
        let attached = identity.iter().chain(boundary).chain(session.iter().flatten());
        attached
            .map(|attached| &*attached.policy)
            .chain(self.resource.map(|own| own.policy))
            .any(Policy::reads_context)
    }
}

/// Decides a request.
pub fn evaluate<'a>(request: &Request<'_>, policies: &Policies<'a>) -> Decision<'a> {
    let scan = Scan::new(request, policies);
    let identity = scan.attached(Layer::Identity, &policies.identity.identity);
    let resource = policies.resource.as_ref().map_or(Findings::default(), |policy| scan.resource(policy));
    let boundary = policies
        .identity
        .boundary
        .as_ref()
        .map(|attached| scan.attached(Layer::Boundary, std::slice::from_ref(attached)));
    let session = policies.identity.session.as_ref().map(|session| scan.attached(Layer::Session, session));

    let denied = [Some(&identity), Some(&resource), boundary.as_ref(), session.as_ref()];
    if let Some(statement) = denied.into_iter().flatten().find_map(|findings| findings.deny) {
        let outcome = Outcome::ExplicitDeny(statement.layer);
        return Decision { outcome, decided_by: Some(statement), near_misses: Vec::new() };
    }
    match scan.permit(&identity, &resource, boundary.as_ref(), session.as_ref()) {
        Ok(decided_by) => Decision { outcome: Outcome::Allowed, decided_by, near_misses: Vec::new() },
        Err(layer) => Decision {
            outcome: Outcome::ImplicitDeny(layer),
            decided_by: None,
            near_misses: scan.near_misses(),
        },
    }
}

/// What the policies of one layer say.
#[derive(Default)]
struct Findings<'a> {
    deny: Option<StatementRef<'a>>,
    allow: Option<StatementRef<'a>>,
    /// How closely `allow` names the caller, in a resource's policy.
    naming: Option<Naming>,
}

struct Scan<'r, 'p> {
    request: &'r Request<'r>,
    action: ActionText<'r>,
    resource: ArnText<'r>,
    policies: &'r Policies<'p>,
}

impl<'r, 'p> Scan<'r, 'p> {
    fn new(request: &'r Request<'r>, policies: &'r Policies<'p>) -> Self {
        let (action, resource) = (ActionText::new(request.action), ArnText::new(request.resource));
        Scan { request, action, resource, policies }
    }

    fn attached(&self, layer: Layer, attached: &'p [Attached]) -> Findings<'p> {
        let mut findings = Findings::default();
        for Attached { name, policy } in attached {
            for statement in policy.statements() {
                let found = StatementRef { layer, policy: name, statement };
                let slot = match statement.effect() {
                    Effect::Deny => &mut findings.deny,
                    Effect::Allow => &mut findings.allow,
                };
                let applies = |scan: &Self| {
                    statement.is_about(&scan.action, &scan.resource, scan.request)
                        && statement.failing(scan.request).is_none()
                };
                if slot.is_none() && applies(self) {
                    *slot = Some(found);
                }
            }
        }
        findings
    }

    fn resource(&self, resource: &ResourcePolicy<'p>) -> Findings<'p> {
        let mut findings = Findings::default();
        for statement in resource.policy.statements() {
            let Some(naming) = statement.naming(self.request) else { continue };
            let better = match statement.effect() {
                Effect::Deny => findings.deny.is_none(),
                Effect::Allow => findings.naming < Some(naming),
            };
            if !better
                || !statement.is_about(&self.action, &self.resource, self.request)
                || statement.failing(self.request).is_some()
            {
                continue;
            }
            let found = StatementRef { layer: layer_of(resource.rule), policy: resource.name, statement };
            match statement.effect() {
                Effect::Deny => findings.deny = Some(found),
                Effect::Allow => (findings.allow, findings.naming) = (Some(found), Some(naming)),
            }
        }
        findings
    }

    /// The statement that permits, or the layer in which nothing does.
    fn permit(
        &self,
        identity: &Findings<'p>,
        resource: &Findings<'p>,
        boundary: Option<&Findings<'p>>,
        session: Option<&Findings<'p>>,
    ) -> Result<Option<StatementRef<'p>>, Layer> {
        let rule = self.policies.resource.map_or(ResourceRule::Grants, |policy| policy.rule);
        let limits = || {
            let within = |limit: Option<&Findings<'_>>| limit.is_none_or(|limit| limit.allow.is_some());
            match (within(boundary), within(session)) {
                (false, _) => Err(Layer::Boundary),
                (true, false) => Err(Layer::Session),
                (true, true) => Ok(()),
            }
        };
        let principal = self.request.principal;
        let foreign = principal.account != Some(self.request.resource_account);
        if resource.allow.is_none() && (foreign || rule != ResourceRule::Grants) {
            return Err(layer_of(rule));
        }
        let granted = match (principal.account, resource.naming) {
            (None, _) => return Ok(resource.allow),
            (Some(_), Some(Naming::Itself)) if !foreign => return Ok(resource.allow),
            (Some(_), Some(Naming::Role)) if !foreign => resource.allow,
            (Some(_), _) => None,
        };
        if principal.kind == PrincipalKind::Root {
            return Ok(resource.allow.filter(|_| foreign));
        }
        let permitting = granted.or(identity.allow).ok_or(Layer::Identity)?;
        limits()?;
        Ok(Some(permitting))
    }

    /// Statements that fail on a condition alone. Looked for only once a request is refused.
    fn near_misses(&self) -> Vec<NearMiss<'p>> {
        let own = &self.policies.identity;
        let layers = [
            (Layer::Identity, own.identity.as_slice()),
            (Layer::Boundary, own.boundary.as_slice()),
            (Layer::Session, own.session.as_deref().unwrap_or_default()),
        ];
        let attached = layers.into_iter().flat_map(|(layer, policies)| {
            policies.iter().map(move |attached| (layer, &*attached.name, &*attached.policy))
        });
        let resource = self.policies.resource.map(|held| (layer_of(held.rule), held.name, held.policy));
        let mut misses = Vec::new();
        for (layer, policy, compiled) in attached.chain(resource) {
            for statement in compiled.statements() {
                let others = matches!(layer, Layer::Resource | Layer::Trust)
                    && statement.naming(self.request).is_none();
                if others
                    || statement.effect() == Effect::Deny
                    || !statement.is_about(&self.action, &self.resource, self.request)
                {
                    continue;
                }
                if let Some(condition) = statement.failing(self.request) {
                    let statement = StatementRef { layer, policy, statement };
                    let (operator, key) = (&*condition.operator_name, &*condition.key_name);
                    misses.push(NearMiss { statement, operator, key });
                }
            }
        }
        misses
    }
}

fn layer_of(rule: ResourceRule) -> Layer {
    match rule {
        ResourceRule::Grants | ResourceRule::Required => Layer::Resource,
        ResourceRule::Trust => Layer::Trust,
    }
}
