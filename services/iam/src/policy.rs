//! What the operations need permission for.
//! "Actions, resources, and condition keys for AWS Identity and Access Management" and "… Security Token
//! Service" in the service authorization reference.

use crate::errors::IamError;
use crate::ops::linked_roles;
use crate::rules::names::{Kind, key_of, name_in};
use crate::state;
use model_iam as model;
use model_sts::AssumeRoleInput;
use names::{Arn, Scope};
use policy::{Policy, ResourceRule};
use ports::{Caller, PrincipalKind};
use service::{Demand, Peek};
use std::future::{Ready, ready};
use std::sync::Arc;
use store::{Fault, Read};

/// Demands, found without waiting.
pub type Demanded = Ready<Result<Vec<Demand>, IamError>>;

/// A resource that exists or would, with its permissions boundary.
struct Found {
    arn: Arn,
    boundary: Option<String>,
}

fn find(peek: &Peek, kind: Kind, name: &str) -> Result<Found, Fault> {
    let (read, account) = (peek.read(), peek.account());
    let (scope, key) = (Scope::Account(account), key_of(name));
    let found = match kind {
        Kind::User | Kind::Group | Kind::Role => state::identity(&read, &scope, kind, name)?
            .map(|identity| Found { arn: identity.arn(kind, account), boundary: identity.boundary }),
        Kind::Policy => read
            .get(&state::POLICIES, &scope, &key)?
            .map(|policy| Found { arn: policy.arn(account), boundary: None }),
        Kind::InstanceProfile => read
            .get(&state::PROFILES, &scope, &key)?
            .map(|profile| Found { arn: profile.arn(account), boundary: None }),
    };
    Ok(found.unwrap_or_else(|| Found { arn: kind.arn(account, "/", name), boundary: None }))
}

fn on(peek: &Peek, arn: &Arn) -> Demand {
    Demand::new(format!("iam:{}", peek.operation()), arn)
}

fn on_found(peek: &Peek, found: &Found) -> Demand {
    on(peek, &found.arn).when("iam:PermissionsBoundary", found.boundary.clone())
}

fn with_tags(demand: Demand, tags: Option<&[model::Tag]>) -> Demand {
    let tags = tags.unwrap_or_default().iter();
    tags.fold(demand, |demand, tag| demand.when_tagged(&tag.key, &tag.value))
}

/// The operation on a resource by its name.
pub fn named<I>(kind: Kind, name: fn(&I) -> &str) -> impl Fn(Peek, Arc<I>) -> Demanded + Clone {
    move |peek, input| {
        let found = find(&peek, kind, name(&input)).map_err(IamError::from);
        ready(found.map(|found| vec![on_found(&peek, &found)]))
    }
}

/// What the creation of a resource says.
pub struct Made<'a> {
    /// Its path.
    pub path: Option<&'a str>,
    /// Its name.
    pub name: &'a str,
    /// Its tags.
    pub tags: Option<&'a [model::Tag]>,
    /// Its permissions boundary.
    pub boundary: Option<&'a str>,
}

/// The operation on a resource that does not exist yet.
pub fn made<I>(kind: Kind, made: fn(&I) -> Made<'_>) -> impl Fn(Peek, Arc<I>) -> Demanded + Clone {
    move |peek, input| {
        let made = made(&input);
        let arn = kind.arn(peek.account(), made.path.unwrap_or("/"), made.name);
        let boundary = made.boundary.map(str::to_owned);
        let demand = on(&peek, &arn).when("iam:PermissionsBoundary", boundary);
        ready(Ok(vec![with_tags(demand, made.tags)]))
    }
}

/// The operation on a user, the caller where none is named.
pub fn user_or_self<I>(name: fn(&I) -> Option<&str>) -> impl Fn(Peek, Arc<I>) -> Demanded + Clone {
    move |peek, input| {
        let arn = match (name(&input), peek.caller()) {
            (Some(name), _) => find(&peek, Kind::User, name).map(|found| found.arn),
            (None, Caller::Principal(principal)) => Ok(principal.policy_arn.clone()),
            (None, Caller::Anonymous | Caller::Service { .. }) => {
                Ok(Arn::global("iam", peek.account(), "root"))
            }
        };
        ready(arn.map(|arn| vec![on(&peek, &arn)]).map_err(IamError::from))
    }
}

/// The operation on an identity to which a managed policy is attached, or from which it is detached.
pub fn attachment<I>(kind: Kind, parts: fn(&I) -> (&str, &str)) -> impl Fn(Peek, Arc<I>) -> Demanded + Clone {
    move |peek, input| {
        let (name, policy) = parts(&input);
        let found = find(&peek, kind, name).map_err(IamError::from);
        ready(found.map(|found| vec![on_found(&peek, &found).when("iam:PolicyARN", [policy.to_owned()])]))
    }
}

/// The operation on an identity that gets another permissions boundary.
pub fn bounded<I>(kind: Kind, parts: fn(&I) -> (&str, &str)) -> impl Fn(Peek, Arc<I>) -> Demanded + Clone {
    move |peek, input| {
        let (name, boundary) = parts(&input);
        let found = find(&peek, kind, name).map_err(IamError::from);
        ready(
            found.map(|found| {
                vec![on(&peek, &found.arn).when("iam:PermissionsBoundary", [boundary.to_owned()])]
            }),
        )
    }
}

/// The operation on a managed policy by its ARN.
pub fn policy_arn<I>(arn: fn(&I) -> &str) -> impl Fn(Peek, Arc<I>) -> Demanded + Clone {
    move |peek, input| ready(Ok(vec![on_text(&peek, arn(&input))]))
}

/// The operation on an identity by its ARN.
pub fn identity_arn<I>(arn: fn(&I) -> &str) -> impl Fn(Peek, Arc<I>) -> Demanded + Clone {
    policy_arn(arn)
}

fn on_text(peek: &Peek, text: &str) -> Demand {
    if let Ok(arn) = text.parse::<Arn>() {
        return on(peek, &arn);
    }
    let mut demand = Demand::everywhere(format!("iam:{}", peek.operation()));
    demand.resource = text.to_owned();
    demand
}

/// A listing, which is judged by the path that it lists: `arn:aws:iam::000000000000:user/`.
pub fn listing<I>(kind: Kind, prefix: fn(&I) -> Option<&str>) -> impl Fn(Peek, Arc<I>) -> Demanded + Clone {
    move |peek, input| {
        let path = prefix(&input).unwrap_or("/");
        ready(Ok(vec![on(&peek, &kind.arn(peek.account(), path, ""))]))
    }
}

/// Tagging a resource by its name.
pub fn tagged<I>(
    kind: Kind,
    parts: fn(&I) -> (&str, &[model::Tag]),
) -> impl Fn(Peek, Arc<I>) -> Demanded + Clone {
    move |peek, input| {
        let (name, tags) = parts(&input);
        let found = find(&peek, kind, name).map_err(IamError::from);
        ready(found.map(|found| vec![with_tags(on_found(&peek, &found), Some(tags))]))
    }
}

/// Untagging a resource by its name.
pub fn untagged<I>(
    kind: Kind,
    parts: fn(&I) -> (&str, &[String]),
) -> impl Fn(Peek, Arc<I>) -> Demanded + Clone {
    move |peek, input| {
        let (name, keys) = parts(&input);
        let found = find(&peek, kind, name).map_err(IamError::from);
        ready(found.map(|found| vec![on_found(&peek, &found).when("aws:TagKeys", keys.to_vec())]))
    }
}

/// Tagging a managed policy.
pub fn tagged_policy(peek: Peek, input: Arc<model::TagPolicyInput>) -> Demanded {
    ready(Ok(vec![with_tags(on_text(&peek, &input.policy_arn), Some(&input.tags))]))
}

/// Untagging a managed policy.
pub fn untagged_policy(peek: Peek, input: Arc<model::UntagPolicyInput>) -> Demanded {
    ready(Ok(vec![on_text(&peek, &input.policy_arn).when("aws:TagKeys", input.tag_keys.clone())]))
}

/// A service's own role.
pub fn linked_role(peek: Peek, input: Arc<model::CreateServiceLinkedRoleInput>) -> Demanded {
    let service = &input.aws_service_name;
    let name = crate::rules::linked::role_name(service, input.custom_suffix.as_deref());
    let name = name.unwrap_or_else(|_| "*".to_owned());
    let arn = Kind::Role.arn(peek.account(), &crate::rules::linked::path(service), &name);
    ready(Ok(vec![on(&peek, &arn).when("iam:AWSServiceName", [service.clone()])]))
}

/// The role that a task removes.
pub fn deletion_task(peek: Peek, input: Arc<model::GetServiceLinkedRoleDeletionStatusInput>) -> Demanded {
    let (read, account) = (peek.read(), peek.account());
    let role = linked_roles::removed(&read, &Scope::Account(account), &input.deletion_task_id);
    let unknown = || Kind::Role.arn(account, "/aws-service-role/", "*");
    let arn = role.map(|task| task.map_or_else(unknown, |task| task.role));
    ready(arn.map(|arn| vec![on(&peek, &arn)]).map_err(IamError::from))
}

/// An instance profile, and passing the role that it gets.
pub fn profile_and_role(peek: Peek, input: Arc<model::AddRoleToInstanceProfileInput>) -> Demanded {
    let demands = || -> Result<Vec<Demand>, Fault> {
        let profile = find(&peek, Kind::InstanceProfile, &input.instance_profile_name)?;
        let role = find(&peek, Kind::Role, &input.role_name)?;
        let passed = Demand::new("iam:PassRole", &role.arn)
            .when("iam:PassedToService", ["ec2.amazonaws.com".to_owned()])
            .when("iam:AssociatedResourceArn", [profile.arn.to_string()]);
        Ok(vec![on(&peek, &profile.arn), passed])
    };
    ready(demands().map_err(IamError::from))
}

/// Taking on a role: its trust policy must allow it, and tags and source identity where they are given.
pub fn trusted(peek: Peek, input: Arc<AssumeRoleInput>) -> Demanded {
    ready(trust(&peek, &input))
}

fn trust(peek: &Peek, input: &AssumeRoleInput) -> Result<Vec<Demand>, IamError> {
    let (arn, trust) = trust_policy(peek, &input.role_arn)?;
    let tags = input.tags.as_deref().unwrap_or_default();
    let describe = |action: &'static str| {
        let demand = Demand::new(action, &arn);
        let demand = match &trust {
            Some(trust) => demand.under(trust.clone(), ResourceRule::Trust),
            None => demand,
        };
        let demand = demand
            .when("sts:RoleSessionName", [input.role_session_name.clone()])
            .when("sts:ExternalId", input.external_id.clone())
            .when("sts:SourceIdentity", input.source_identity.clone())
            .when("sts:TransitiveTagKeys", input.transitive_tag_keys.clone().unwrap_or_default());
        tags.iter().fold(demand, |demand, tag| demand.when_tagged(&tag.key, &tag.value))
    };
    let mut demands = vec![describe("sts:AssumeRole")];
    if !tags.is_empty() {
        demands.push(describe("sts:TagSession"));
    }
    if input.source_identity.is_some() {
        demands.push(describe("sts:SetSourceIdentity"));
    }
    Ok(demands)
}

/// The trust policy of a role; none of a role that nobody made, where nothing is enforced.
fn trust_policy(peek: &Peek, role_arn: &str) -> Result<(Arn, Option<Arc<Policy>>), IamError> {
    let arn: Arn = role_arn.parse().map_err(|_| IamError::InvalidRoleArn(role_arn.to_owned()))?;
    let refused = || not_authorized(peek.caller(), &arn);
    let account = arn.account().ok_or_else(refused)?;
    let name = name_in(&arn, Kind::Role).ok_or_else(refused)?;
    let role = state::role(&peek.read(), &Scope::Account(account), name)?;
    match role.filter(|(identity, _)| identity.arn(Kind::Role, account) == arn) {
        Some((_, role)) => {
            let trust = Arc::new(Policy::parse(&role.trust)?);
            Ok((arn, Some(trust)))
        }
        // Whether a role exists is told to nobody who may not take it on.
        None if peek.enforces() => Err(refused()),
        None => Ok((arn, None)),
    }
}

/// The refusal of AssumeRole, whether the role is absent or closed.
pub fn not_authorized(caller: &Caller, role: &Arn) -> IamError {
    IamError::NotAuthorized { principal: caller.name(), action: "sts:AssumeRole", resource: role.to_string() }
}

/// Whose user an operation is about that may leave out its name.
pub enum Subject {
    /// A user.
    User(String),
    /// The account's root.
    Root,
}

/// The user that is named, or the caller.
///
/// # Errors
/// `ValidationError` where none is named and the caller is no user.
pub fn subject(caller: &Caller, name: Option<&str>) -> Result<Subject, IamError> {
    match (name, caller.principal()) {
        (Some(name), _) => Ok(Subject::User(name.to_owned())),
        (None, Some(principal)) if principal.kind == PrincipalKind::Root => Ok(Subject::Root),
        (None, Some(principal)) => {
            principal.user_name.clone().map(Subject::User).ok_or(IamError::UserNameRequired)
        }
        (None, None) => Err(IamError::UserNameRequired),
    }
}
