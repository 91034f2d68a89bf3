//! Every error of IAM and STS: code, status, words.

use crate::rules::names::Kind;
use crate::rules::quotas::Quota;
use policy::MalformedPolicy;
use schema::ApiError;
use std::fmt;
use store::Fault;

/// What a request can be refused for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IamError {
    /// There is no such thing.
    NoSuchEntity(Missing),
    /// The name is taken.
    AlreadyExists(Kind, String),
    /// Another account, or this one, has the alias.
    AliasTaken(String),
    /// Something depends on what would go.
    DeleteConflict(Conflict),
    /// One more than a quota allows.
    QuotaExceeded(Quota),
    /// The inline policies of an identity are too long together.
    InlinePoliciesTooLong(Kind, String),
    /// A managed policy has all the versions it may have.
    TooManyVersions,
    /// More than fifty tags.
    TooManyTags,
    /// The same tag key twice.
    DuplicateTag,
    /// `aws:` is AWS's own.
    ReservedTag,
    /// The document is no policy.
    MalformedPolicy(String),
    /// A text that should be the ARN of a managed policy is none.
    InvalidArn(String),
    /// The role belongs to a service.
    ProtectedRole(String),
    /// The role belongs to no service.
    NotLinked(String),
    /// An action of the simulator is none.
    InvalidAction(String),
    /// A marker that no earlier page gave.
    InvalidMarker,
    /// Only users may leave out the name of a user.
    UserNameRequired,
    /// The service has no role of its own.
    UnknownService(String),
    /// A suffix where the service takes none, or the like.
    InvalidInput(String),
    /// A member that no model can check is out of its range.
    Validation(String),
    /// A role's ARN is none.
    InvalidRoleArn(String),
    /// The caller may not do it, whatever policies say.
    NotAuthorized {
        /// The caller.
        principal: String,
        /// The action.
        action: &'static str,
        /// The resource.
        resource: String,
    },
    /// The role's trust policy refuses a service, in the words of the evaluation.
    NotTrusted(String),
    /// Longer than the role allows.
    SessionTooLong,
    /// Longer than an hour, by a session of a role.
    ChainedSessionTooLong,
    /// Temporary credentials cannot have a session made.
    SessionOfSession,
    /// There is no such MFA device, so its codes are wrong.
    MfaFailed,
    /// A tag key that a session of before passes on is set again.
    TransitiveTagConflict,
    /// Session policies and tags do not fit; how full they would make a session, in percent.
    PackedPolicyTooLarge(i32),
    /// Not an access key.
    InvalidAccessKey(String),
    /// The operation needs credentials.
    NoCredentials,
    /// Work of this request failed.
    Failed(String),
    /// The store.
    Store(Fault),
}

/// What is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// A resource with a name.
    Named(Kind, String),
    /// An inline policy of an identity.
    InlinePolicy(Kind, String),
    /// A managed policy.
    Policy(String),
    /// A managed policy that should be attached.
    AttachablePolicy(String),
    /// A version of a managed policy.
    Version(String, String),
    /// An access key.
    AccessKey(String),
    /// A user in a group.
    Member(String, String),
    /// A role in an instance profile.
    ProfileRole(String, String),
    /// A user's password.
    LoginProfile(String),
    /// The account's alias.
    Alias(String),
    /// An identity to simulate.
    Principal(String),
    /// The removal of a service's role.
    DeletionTask(String),
}

/// What stands in the way of a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    /// The user is in groups, or the group has users.
    GroupMembers,
    /// The user has access keys.
    AccessKeys,
    /// Managed policies are attached.
    AttachedPolicies,
    /// There are inline policies.
    InlinePolicies,
    /// The role is in an instance profile.
    InstanceProfiles,
    /// The policy is attached to something.
    AttachedTo,
    /// The policy has more versions.
    MoreVersions,
    /// The version is the one that holds.
    DefaultVersion,
}

impl Conflict {
    fn message(self) -> &'static str {
        match self {
            Conflict::GroupMembers => "Cannot delete entity, must remove users from group first.",
            Conflict::AccessKeys => "Cannot delete entity, must delete access keys first.",
            Conflict::AttachedPolicies => "Cannot delete entity, must detach all policies first.",
            Conflict::InlinePolicies => "Cannot delete entity, must delete policies first.",
            Conflict::InstanceProfiles => {
                "Cannot delete entity, must remove roles from instance profile first."
            }
            Conflict::AttachedTo => "Cannot delete a policy attached to entities.",
            Conflict::MoreVersions => {
                "This policy has more than one version. Before you delete a policy, you must delete the \
                 policy's versions. The default version is deleted with the policy."
            }
            Conflict::DefaultVersion => "Cannot delete the default version of a policy.",
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missing::Named(Kind::InstanceProfile, name) => {
                write!(f, "Instance Profile {name} cannot be found.")
            }
            Missing::Named(kind, name) => {
                write!(f, "The {} with name {name} cannot be found.", kind.in_arn())
            }
            Missing::InlinePolicy(kind, name) => {
                write!(f, "The {} policy with name {name} cannot be found.", kind.in_arn())
            }
            Missing::Policy(arn) => write!(f, "Policy {arn} was not found."),
            Missing::AttachablePolicy(arn) => {
                write!(f, "Policy {arn} does not exist or is not attachable.")
            }
            Missing::Version(arn, version) => {
                write!(f, "Policy {arn} version {version} does not exist or is not attachable.")
            }
            Missing::AccessKey(id) => write!(f, "The Access Key with id {id} cannot be found."),
            Missing::Member(user, group) => {
                write!(f, "The user with name {user} cannot be found in group {group}.")
            }
            Missing::ProfileRole(role, profile) => {
                write!(f, "The role with name {role} cannot be found in instance profile {profile}.")
            }
            Missing::LoginProfile(user) => write!(f, "Login Profile for User {user} cannot be found."),
            Missing::Alias(alias) => write!(f, "The account alias with name {alias} cannot be found."),
            Missing::DeletionTask(task) => write!(f, "The deletion task {task} cannot be found."),
            Missing::Principal(arn) => write!(f, "Entity {arn} cannot be found."),
        }
    }
}

fn taken(kind: Kind, name: &str) -> String {
    match kind {
        Kind::User => format!("User with name {name} already exists."),
        Kind::Group => format!("Group with name {name} already exists."),
        Kind::Role => format!("Role with name {name} already exists."),
        Kind::Policy => {
            format!("A policy called {name} already exists. Duplicate names are not allowed.")
        }
        Kind::InstanceProfile => format!("Instance Profile {name} already exists."),
    }
}

impl IamError {
    /// Status, code and message.
    fn parts(&self) -> (u16, &'static str, String) {
        match self {
            IamError::NoSuchEntity(missing) => (404, "NoSuchEntity", missing.to_string()),
            IamError::AlreadyExists(kind, name) => (409, "EntityAlreadyExists", taken(*kind, name)),
            IamError::AliasTaken(alias) => {
                (409, "EntityAlreadyExists", format!("The account alias {alias} already exists."))
            }
            IamError::DeleteConflict(conflict) => (409, "DeleteConflict", conflict.message().to_owned()),
            IamError::MalformedPolicy(message) => (400, "MalformedPolicyDocument", message.clone()),
            IamError::ProtectedRole(name) => (
                400,
                "UnmodifiableEntity",
                format!(
                    "Cannot perform the operation on the protected role '{name}' - this role is only \
                     modifiable by AWS"
                ),
            ),
            IamError::UnknownService(service) => {
                (404, "NotSupportedService", format!("Service {service} has no service-linked role."))
            }
            IamError::QuotaExceeded(_)
            | IamError::InlinePoliciesTooLong(..)
            | IamError::TooManyVersions
            | IamError::TooManyTags => (409, "LimitExceeded", self.limit()),
            IamError::DuplicateTag
            | IamError::ReservedTag
            | IamError::InvalidArn(_)
            | IamError::InvalidAction(_)
            | IamError::NotLinked(_)
            | IamError::InvalidInput(_) => (400, "InvalidInput", self.input()),
            IamError::NotTrusted(message) => (403, "AccessDenied", message.clone()),
            IamError::NotAuthorized { .. } | IamError::SessionOfSession | IamError::MfaFailed => {
                (403, "AccessDenied", self.denial())
            }
            IamError::TransitiveTagConflict => (
                400,
                "InvalidParameterValue",
                "One of the specified transitive tag keys can't be set because it conflicts with a \
                 transitive tag key from the calling session."
                    .to_owned(),
            ),
            IamError::PackedPolicyTooLarge(percent) => (
                400,
                "PackedPolicyTooLarge",
                format!("Packed policy consumes {percent}% of allotted space, please use smaller policy."),
            ),
            IamError::NoCredentials => {
                (403, "MissingAuthenticationToken", "Request is missing Authentication Token".to_owned())
            }
            IamError::InvalidMarker
            | IamError::UserNameRequired
            | IamError::Validation(_)
            | IamError::InvalidRoleArn(_)
            | IamError::InvalidAccessKey(_)
            | IamError::SessionTooLong
            | IamError::ChainedSessionTooLong => (400, "ValidationError", self.validation()),
            IamError::Failed(message) => (500, "ServiceFailure", message.clone()),
            IamError::Store(fault) => stored(fault),
        }
    }

    fn limit(&self) -> String {
        match self {
            IamError::QuotaExceeded(quota) => {
                format!("Cannot exceed quota for {}: {}", quota.name, quota.most)
            }
            IamError::InlinePoliciesTooLong(kind, name) => {
                let most = crate::rules::quotas::inline_size(*kind);
                format!("Maximum policy size of {most} bytes exceeded for {} {name}", kind.in_arn())
            }
            IamError::TooManyVersions => {
                "A managed policy can have up to 5 versions. Before you create a new version, you must \
                 delete an existing version."
                    .to_owned()
            }
            _ => "The number of tags has reached the maximum limit.".to_owned(),
        }
    }

    fn input(&self) -> String {
        match self {
            IamError::DuplicateTag => {
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.".to_owned()
            }
            IamError::InvalidArn(arn) => format!("ARN {arn} is not valid."),
            IamError::NotLinked(name) => format!("Role {name} is not a service-linked role."),
            IamError::InvalidAction(action) => format!("Invalid Entity Type Or Action {action}"),
            IamError::InvalidInput(message) => message.clone(),
            _ => "aws: prefixed tag key names are not allowed for external use.".to_owned(),
        }
    }

    fn denial(&self) -> String {
        match self {
            IamError::NotAuthorized { principal, action, resource } => {
                format!("User: {principal} is not authorized to perform: {action} on resource: {resource}")
            }
            IamError::MfaFailed => {
                "MultiFactorAuthentication failed with invalid MFA one time pass code. ".to_owned()
            }
            _ => "Cannot call GetSessionToken with session credentials".to_owned(),
        }
    }

    fn validation(&self) -> String {
        match self {
            IamError::InvalidMarker => "Invalid Marker.".to_owned(),
            IamError::Validation(message) => message.clone(),
            IamError::UserNameRequired => {
                "Must specify userName when calling with non-User credentials".to_owned()
            }
            IamError::InvalidRoleArn(arn) => format!("{arn} is invalid"),
            IamError::InvalidAccessKey(id) => format!("{id} is not a valid access key id"),
            IamError::ChainedSessionTooLong => {
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role \
                 chaining"
                    .to_owned()
            }
            _ => "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.".to_owned(),
        }
    }
}

fn stored(fault: &Fault) -> (u16, &'static str, String) {
    match fault {
        Fault::Contended => (
            409,
            "ConcurrentModification",
            "Multiple requests to change this object were submitted simultaneously.".to_owned(),
        ),
        fault if fault.is_retriable() => (503, "ServiceUnavailable", fault.to_string()),
        fault => (500, "ServiceFailure", fault.to_string()),
    }
}

impl From<IamError> for ApiError {
    fn from(error: IamError) -> Self {
        let (status, code, message) = error.parts();
        ApiError::new(code, status, message)
    }
}

impl From<Fault> for IamError {
    fn from(fault: Fault) -> Self {
        IamError::Store(fault)
    }
}

impl From<MalformedPolicy> for IamError {
    fn from(error: MalformedPolicy) -> Self {
        IamError::MalformedPolicy(error.message)
    }
}

/// A name that nothing has.
pub fn no_such(kind: Kind, name: &str) -> IamError {
    IamError::NoSuchEntity(Missing::Named(kind, name.to_owned()))
}
