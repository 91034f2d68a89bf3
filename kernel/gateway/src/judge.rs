//! One demand, judged by the policies that bear on it: the caller's, and the resource's own, which its head
//! holds.

use names::AccountId;
use policy::{
    Context, IdentityPolicies, Policies, PrincipalKind as Kind, Request, ResourcePolicy, ResourceRule,
    access_denied_message, evaluate,
};
use ports::{Caller, Principal, PrincipalKind};
use schema::ApiError;
use service::{Ctx, Demand, HeadWithPolicy};
use std::sync::Arc;

/// The name under which the region's own background work acts: it only does what a room declared.
pub const OWN_WORK: &str = "elysium.internal";

/// Why a demand is refused.
#[derive(Debug)]
pub struct Denial {
    /// What `enforce` answers.
    pub error: ApiError,
    /// The action that was asked for.
    pub action: String,
    /// The resource it was asked on.
    pub resource: String,
    /// What the policies say: the statement that forbids, or the kind of policy of which none permits, and
    /// the statements that nearly do.
    pub verdict: String,
}

/// Refuses whoever has no credentials.
pub fn known(ctx: &Ctx) -> Option<Denial> {
    match ctx.caller() {
        Caller::Anonymous => Some(Denial {
            error: ApiError::new(
                "MissingAuthenticationToken",
                403,
                "Request is missing Authentication Token",
            ),
            action: ctx.request().operation.to_owned(),
            resource: "*".to_owned(),
            verdict: "the request has no credentials".to_owned(),
        }),
        Caller::Principal(_) | Caller::Service { .. } => None,
    }
}

/// Why a demand is refused; `None` if it is allowed.
///
/// # Errors
/// If policies cannot be read.
pub fn judge(ctx: &Ctx, demand: &Demand) -> Result<Option<Denial>, ApiError> {
    let head = match &demand.head {
        Some(arn) => ctx.head(arn).map_err(|fault| unreadable(&fault))?,
        None => None,
    };
    let owner = owner(ctx, demand, head.as_deref());
    let identity = match ctx.caller() {
        Caller::Service { principal, .. } if principal == OWN_WORK => return Ok(None),
        // The root of an account may do everything in it that no policy of a resource forbids.
        Caller::Principal(principal)
            if principal.kind == PrincipalKind::Root
                && principal.account == owner
                && demand.policy.is_none()
                && head.as_ref().is_none_or(|head| head.policy.is_none()) =>
        {
            return Ok(None);
        }
        Caller::Principal(principal) => ctx.ports().credentials.policies(principal)?,
        Caller::Anonymous | Caller::Service { .. } => Arc::default(),
    };
    Ok(decide(ctx, demand, (head.as_deref(), owner), &identity))
}

fn unreadable(fault: &store::Fault) -> ApiError {
    ApiError::new("InternalFailure", 500, format!("the resource's policy cannot be read: {fault}"))
}

fn owner(ctx: &Ctx, demand: &Demand, head: Option<&HeadWithPolicy>) -> AccountId {
    let by_arn = || demand.head.as_ref().and_then(|arn| arn.account());
    head.map(|head| head.head.owner).or_else(by_arn).unwrap_or_else(|| ctx.account())
}

fn decide(
    ctx: &Ctx,
    demand: &Demand,
    (head, owner): (Option<&HeadWithPolicy>, AccountId),
    identity: &IdentityPolicies,
) -> Option<Denial> {
    let of_head = || Some((head?.policy.as_deref()?, ResourceRule::Grants));
    let own = demand.policy.as_ref().map(|(policy, rule)| (&**policy, *rule));
    let resource =
        own.or_else(of_head).map(|(policy, rule)| ResourcePolicy { name: &demand.resource, policy, rule });
    let policies = Policies { identity, resource };
    // Most policies ask for no condition key: then none is made.
    let context = if policies.read_context() { context(ctx, &demand.read(), head) } else { Context::new() };
    let principal = seen(ctx.caller());
    let request = Request {
        principal: &principal,
        action: &demand.action,
        resource: &demand.resource,
        resource_account: owner,
        context: &context,
        now: ctx.now(),
    };
    let decision = evaluate(&request, &policies);
    if decision.is_allowed() {
        return None;
    }
    let message = access_denied_message(principal.arn, &demand.action, &demand.resource, decision.outcome);
    Some(Denial {
        error: ApiError::new("AccessDenied", 403, message),
        action: demand.action.to_string(),
        resource: demand.resource.clone(),
        verdict: decision.explain(),
    })
}

/// The caller as policies see it.
fn seen(caller: &Caller) -> policy::Principal<'_> {
    match caller {
        Caller::Anonymous => policy::Principal::ANONYMOUS,
        Caller::Service { principal, .. } => policy::Principal::service(principal),
        Caller::Principal(principal) => policy::Principal {
            kind: kind(principal),
            arn: principal.arn.as_str(),
            policy_arn: principal.policy_arn.as_str(),
            account: Some(principal.account),
            id: &principal.id,
            user_name: principal.user_name.as_deref(),
            tags: Some(&principal.tags),
        },
    }
}

fn kind(principal: &Principal) -> Kind {
    match principal.kind {
        PrincipalKind::Root => Kind::Root,
        PrincipalKind::User | PrincipalKind::UserSession => Kind::User,
        PrincipalKind::RoleSession => Kind::AssumedRole,
    }
}

/// The condition keys that hold for all services, and those of the demand.
fn context(ctx: &Ctx, demand: &Demand, head: Option<&HeadWithPolicy>) -> Context {
    let request = ctx.request();
    let mut context = Context::new();
    context.set("aws:RequestedRegion", request.region.as_str());
    context.set("aws:SecureTransport", request.origin.starts_with("https").to_string());
    context.set("aws:ViaAWSService", "false");
    if let Some(source) = request.source {
        context.set("aws:SourceIp", source.to_canonical().to_string());
    }
    match &request.caller {
        Caller::Service { source_arn, source_account, .. } => {
            if let Some(arn) = source_arn {
                context.set("aws:SourceArn", arn.as_str());
            }
            context.set("aws:SourceAccount", source_account.to_string());
        }
        Caller::Principal(principal) => {
            if let Some(issued) = principal.issued {
                context.set("aws:TokenIssueTime", issued.iso8601());
            }
        }
        Caller::Anonymous => {}
    }
    for (key, value) in head.into_iter().flat_map(|head| head.head.tags.iter()) {
        context.set(&format!("aws:ResourceTag/{key}"), value);
    }
    for (key, values) in &demand.context {
        context.set_all(key, values.clone());
    }
    context
}
