//! Records as answers show them.

use crate::managed::AwsPolicy;
use crate::rules::documents;
use crate::rules::names::Kind;
use crate::state::{Identity, InstanceProfile, ManagedPolicy, RoleDetail};
use model_iam as model;
use names::{AccountId, Tags, Timestamp};

/// How much of a resource an answer shows: listings leave out tags, boundary and what costs to look up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// All.
    Whole,
    /// What listings show.
    Listed,
}

/// Moments are answered in whole seconds.
pub fn moment(at: Timestamp) -> Timestamp {
    Timestamp::from_seconds(at.seconds())
}

/// Tags; none where there are none.
pub fn tags(tags: &Tags) -> Option<Vec<model::Tag>> {
    (!tags.is_empty()).then(|| tag_list(tags))
}

/// Tags as a list.
pub fn tag_list(tags: &Tags) -> Vec<model::Tag> {
    tags.iter().map(|(key, value)| model::Tag { key: key.to_owned(), value: value.to_owned() }).collect()
}

fn boundary(identity: &Identity) -> Option<model::AttachedPermissionsBoundary> {
    use model::PermissionsBoundaryAttachmentType::PermissionsBoundaryPolicy;
    identity.boundary.as_ref().map(|arn| model::AttachedPermissionsBoundary {
        permissions_boundary_type: Some(PermissionsBoundaryPolicy),
        permissions_boundary_arn: Some(arn.clone()),
    })
}

/// A user.
pub fn user(account: AccountId, identity: &Identity, detail: Detail) -> model::User {
    let whole = detail == Detail::Whole;
    model::User {
        path: identity.path.clone(),
        user_name: identity.name.clone(),
        user_id: identity.id.clone(),
        arn: identity.arn(Kind::User, account).to_string(),
        create_date: moment(identity.created),
        password_last_used: None,
        permissions_boundary: boundary(identity).filter(|_| whole),
        tags: tags(&identity.tags).filter(|_| whole),
    }
}

/// A group.
pub fn group(account: AccountId, identity: &Identity) -> model::Group {
    model::Group {
        path: identity.path.clone(),
        group_name: identity.name.clone(),
        group_id: identity.id.clone(),
        arn: identity.arn(Kind::Group, account).to_string(),
        create_date: moment(identity.created),
    }
}

/// A role.
pub fn role(account: AccountId, identity: &Identity, role: &RoleDetail, detail: Detail) -> model::Role {
    let whole = detail == Detail::Whole;
    model::Role {
        path: identity.path.clone(),
        role_name: identity.name.clone(),
        role_id: identity.id.clone(),
        arn: identity.arn(Kind::Role, account).to_string(),
        create_date: moment(identity.created),
        assume_role_policy_document: Some(documents::encoded(&role.trust)),
        description: role.description.clone(),
        max_session_duration: Some(role.max_session_seconds),
        permissions_boundary: boundary(identity).filter(|_| whole),
        tags: tags(&identity.tags).filter(|_| whole),
        role_last_used: None,
    }
}

/// How many identities use a policy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UseCounts {
    /// As permissions.
    pub attached: i32,
    /// As a boundary.
    pub boundaries: i32,
}

/// A managed policy of the account.
pub fn policy(account: AccountId, policy: &ManagedPolicy, uses: UseCounts, detail: Detail) -> model::Policy {
    let whole = detail == Detail::Whole;
    model::Policy {
        policy_name: Some(policy.name.clone()),
        policy_id: Some(policy.id.clone()),
        arn: Some(policy.arn(account).to_string()),
        path: Some(policy.path.clone()),
        default_version_id: Some(version_id(policy.default_version)),
        attachment_count: Some(uses.attached),
        permissions_boundary_usage_count: Some(uses.boundaries),
        is_attachable: Some(true),
        description: policy.description.clone().filter(|_| whole),
        create_date: Some(moment(policy.created)),
        update_date: Some(moment(policy.updated)),
        tags: whole.then(|| tag_list(&policy.tags)),
    }
}

/// A managed policy of AWS's.
pub fn aws_policy(policy: &AwsPolicy, uses: UseCounts, detail: Detail) -> model::Policy {
    let whole = detail == Detail::Whole;
    model::Policy {
        policy_name: Some(policy.name.clone()),
        policy_id: Some(policy.id.clone()),
        arn: Some(policy.arn.clone()),
        path: Some(policy.path.clone()),
        default_version_id: Some(version_id(policy.version)),
        attachment_count: Some(uses.attached),
        permissions_boundary_usage_count: Some(uses.boundaries),
        is_attachable: Some(true),
        description: None,
        create_date: Some(policy.created),
        update_date: Some(policy.updated),
        tags: whole.then(Vec::new),
    }
}

/// The id of a policy's version.
pub fn version_id(number: u32) -> String {
    format!("v{number}")
}

/// An instance profile with the role it holds.
pub fn profile(
    account: AccountId,
    profile: &InstanceProfile,
    held: Option<&(Identity, RoleDetail)>,
    detail: Detail,
) -> model::InstanceProfile {
    model::InstanceProfile {
        path: profile.path.clone(),
        instance_profile_name: profile.name.clone(),
        instance_profile_id: profile.id.clone(),
        arn: profile.arn(account).to_string(),
        create_date: moment(profile.created),
        roles: held.iter().map(|(identity, part)| role(account, identity, part, Detail::Listed)).collect(),
        tags: tags(&profile.tags).filter(|_| detail == Detail::Whole),
    }
}
