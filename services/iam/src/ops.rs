//! The operations of IAM and STS.

pub mod access_keys;
pub mod account;
pub mod attached_policies;
pub mod boundaries;
pub mod groups;
pub mod inline_policies;
pub mod instance_profiles;
pub mod linked_roles;
pub mod policies;
pub mod policy_versions;
pub mod roles;
pub mod simulate;
pub mod sts;
pub mod tags;
pub mod trust;
pub mod unheld;
pub mod users;

use crate::policy::{self, Made};
use crate::rules::names::Kind::{Group, InstanceProfile, Policy, Role, User};
use model_iam as m;
use model_iam::operations as iam;
use service::Operation;

/// All operations.
pub fn all() -> Vec<Operation> {
    let nouns = [
        of_users(),
        of_groups(),
        of_roles(),
        of_instance_profiles(),
        of_inline_policies(),
        of_attached_policies(),
        of_policies(),
        of_tags(),
        of_the_account(),
        of_sts(),
    ];
    nouns.into_iter().flatten().collect()
}

fn of_users() -> Vec<Operation> {
    vec![
        Operation::new::<iam::CreateUser, _, _, _>(users::create_user).acts_on(policy::made(
            User,
            |i: &m::CreateUserInput| Made {
                path: i.path.as_deref(),
                name: &i.user_name,
                tags: i.tags.as_deref(),
                boundary: i.permissions_boundary.as_deref(),
            },
        )),
        Operation::new::<iam::GetUser, _, _, _>(users::get_user)
            .acts_on(policy::user_or_self(|i: &m::GetUserInput| i.user_name.as_deref())),
        Operation::new::<iam::ListUsers, _, _, _>(users::list_users)
            .acts_on(policy::listing(User, |i: &m::ListUsersInput| i.path_prefix.as_deref())),
        Operation::new::<iam::UpdateUser, _, _, _>(users::update_user)
            .acts_on(policy::named(User, |i: &m::UpdateUserInput| &i.user_name)),
        Operation::new::<iam::DeleteUser, _, _, _>(users::delete_user)
            .acts_on(policy::named(User, |i: &m::DeleteUserInput| &i.user_name)),
        Operation::new::<iam::PutUserPermissionsBoundary, _, _, _>(boundaries::put_user_permissions_boundary)
            .acts_on(policy::bounded(User, |i: &m::PutUserPermissionsBoundaryInput| {
                (&i.user_name, &i.permissions_boundary)
            })),
        Operation::new::<iam::DeleteUserPermissionsBoundary, _, _, _>(
            boundaries::delete_user_permissions_boundary,
        )
        .acts_on(policy::named(User, |i: &m::DeleteUserPermissionsBoundaryInput| &i.user_name)),
        Operation::new::<iam::CreateAccessKey, _, _, _>(access_keys::create_access_key)
            .acts_on(policy::user_or_self(|i: &m::CreateAccessKeyInput| i.user_name.as_deref())),
        Operation::new::<iam::ListAccessKeys, _, _, _>(access_keys::list_access_keys)
            .acts_on(policy::user_or_self(|i: &m::ListAccessKeysInput| i.user_name.as_deref())),
        Operation::new::<iam::UpdateAccessKey, _, _, _>(access_keys::update_access_key)
            .acts_on(policy::user_or_self(|i: &m::UpdateAccessKeyInput| i.user_name.as_deref())),
        Operation::new::<iam::DeleteAccessKey, _, _, _>(access_keys::delete_access_key)
            .acts_on(policy::user_or_self(|i: &m::DeleteAccessKeyInput| i.user_name.as_deref())),
    ]
}

fn of_groups() -> Vec<Operation> {
    vec![
        Operation::new::<iam::CreateGroup, _, _, _>(groups::create_group).acts_on(policy::made(
            Group,
            |i: &m::CreateGroupInput| Made {
                path: i.path.as_deref(),
                name: &i.group_name,
                tags: None,
                boundary: None,
            },
        )),
        Operation::new::<iam::GetGroup, _, _, _>(groups::get_group)
            .acts_on(policy::named(Group, |i: &m::GetGroupInput| &i.group_name)),
        Operation::new::<iam::ListGroups, _, _, _>(groups::list_groups)
            .acts_on(policy::listing(Group, |i: &m::ListGroupsInput| i.path_prefix.as_deref())),
        Operation::new::<iam::ListGroupsForUser, _, _, _>(groups::list_groups_for_user)
            .acts_on(policy::named(User, |i: &m::ListGroupsForUserInput| &i.user_name)),
        Operation::new::<iam::UpdateGroup, _, _, _>(groups::update_group)
            .acts_on(policy::named(Group, |i: &m::UpdateGroupInput| &i.group_name)),
        Operation::new::<iam::AddUserToGroup, _, _, _>(groups::add_user_to_group)
            .acts_on(policy::named(Group, |i: &m::AddUserToGroupInput| &i.group_name)),
        Operation::new::<iam::RemoveUserFromGroup, _, _, _>(groups::remove_user_from_group)
            .acts_on(policy::named(Group, |i: &m::RemoveUserFromGroupInput| &i.group_name)),
        Operation::new::<iam::DeleteGroup, _, _, _>(groups::delete_group)
            .acts_on(policy::named(Group, |i: &m::DeleteGroupInput| &i.group_name)),
    ]
}

fn of_roles() -> Vec<Operation> {
    vec![
        Operation::new::<iam::CreateRole, _, _, _>(roles::create_role).acts_on(policy::made(
            Role,
            |i: &m::CreateRoleInput| Made {
                path: i.path.as_deref(),
                name: &i.role_name,
                tags: i.tags.as_deref(),
                boundary: i.permissions_boundary.as_deref(),
            },
        )),
        Operation::new::<iam::CreateServiceLinkedRole, _, _, _>(linked_roles::create_service_linked_role)
            .acts_on(policy::linked_role),
        Operation::new::<iam::DeleteServiceLinkedRole, _, _, _>(linked_roles::delete_service_linked_role)
            .acts_on(policy::named(Role, |i: &m::DeleteServiceLinkedRoleInput| &i.role_name)),
        Operation::new::<iam::GetServiceLinkedRoleDeletionStatus, _, _, _>(
            linked_roles::get_service_linked_role_deletion_status,
        )
        .acts_on(policy::deletion_task),
        Operation::new::<iam::GetRole, _, _, _>(roles::get_role)
            .acts_on(policy::named(Role, |i: &m::GetRoleInput| &i.role_name)),
        Operation::new::<iam::ListRoles, _, _, _>(roles::list_roles)
            .acts_on(policy::listing(Role, |i: &m::ListRolesInput| i.path_prefix.as_deref())),
        Operation::new::<iam::UpdateRole, _, _, _>(roles::update_role)
            .acts_on(policy::named(Role, |i: &m::UpdateRoleInput| &i.role_name)),
        Operation::new::<iam::UpdateRoleDescription, _, _, _>(roles::update_role_description)
            .acts_on(policy::named(Role, |i: &m::UpdateRoleDescriptionInput| &i.role_name)),
        Operation::new::<iam::UpdateAssumeRolePolicy, _, _, _>(roles::update_assume_role_policy)
            .acts_on(policy::named(Role, |i: &m::UpdateAssumeRolePolicyInput| &i.role_name)),
        Operation::new::<iam::DeleteRole, _, _, _>(roles::delete_role)
            .acts_on(policy::named(Role, |i: &m::DeleteRoleInput| &i.role_name)),
        Operation::new::<iam::PutRolePermissionsBoundary, _, _, _>(boundaries::put_role_permissions_boundary)
            .acts_on(policy::bounded(Role, |i: &m::PutRolePermissionsBoundaryInput| {
                (&i.role_name, &i.permissions_boundary)
            })),
        Operation::new::<iam::DeleteRolePermissionsBoundary, _, _, _>(
            boundaries::delete_role_permissions_boundary,
        )
        .acts_on(policy::named(Role, |i: &m::DeleteRolePermissionsBoundaryInput| &i.role_name)),
    ]
}

fn of_instance_profiles() -> Vec<Operation> {
    use instance_profiles as profiles;
    vec![
        Operation::new::<iam::CreateInstanceProfile, _, _, _>(profiles::create_instance_profile).acts_on(
            policy::made(InstanceProfile, |i: &m::CreateInstanceProfileInput| Made {
                path: i.path.as_deref(),
                name: &i.instance_profile_name,
                tags: i.tags.as_deref(),
                boundary: None,
            }),
        ),
        Operation::new::<iam::GetInstanceProfile, _, _, _>(profiles::get_instance_profile).acts_on(
            policy::named(InstanceProfile, |i: &m::GetInstanceProfileInput| &i.instance_profile_name),
        ),
        Operation::new::<iam::ListInstanceProfiles, _, _, _>(profiles::list_instance_profiles).acts_on(
            policy::listing(InstanceProfile, |i: &m::ListInstanceProfilesInput| i.path_prefix.as_deref()),
        ),
        Operation::new::<iam::ListInstanceProfilesForRole, _, _, _>(
            profiles::list_instance_profiles_for_role,
        )
        .acts_on(policy::named(Role, |i: &m::ListInstanceProfilesForRoleInput| &i.role_name)),
        Operation::new::<iam::AddRoleToInstanceProfile, _, _, _>(profiles::add_role_to_instance_profile)
            .acts_on(policy::profile_and_role),
        Operation::new::<iam::RemoveRoleFromInstanceProfile, _, _, _>(
            profiles::remove_role_from_instance_profile,
        )
        .acts_on(policy::named(InstanceProfile, |i: &m::RemoveRoleFromInstanceProfileInput| {
            &i.instance_profile_name
        })),
        Operation::new::<iam::DeleteInstanceProfile, _, _, _>(profiles::delete_instance_profile).acts_on(
            policy::named(InstanceProfile, |i: &m::DeleteInstanceProfileInput| &i.instance_profile_name),
        ),
    ]
}

fn of_inline_policies() -> Vec<Operation> {
    use inline_policies as inline;
    vec![
        Operation::new::<iam::PutUserPolicy, _, _, _>(inline::put_user_policy)
            .acts_on(policy::named(User, |i: &m::PutUserPolicyInput| &i.user_name)),
        Operation::new::<iam::GetUserPolicy, _, _, _>(inline::get_user_policy)
            .acts_on(policy::named(User, |i: &m::GetUserPolicyInput| &i.user_name)),
        Operation::new::<iam::DeleteUserPolicy, _, _, _>(inline::delete_user_policy)
            .acts_on(policy::named(User, |i: &m::DeleteUserPolicyInput| &i.user_name)),
        Operation::new::<iam::ListUserPolicies, _, _, _>(inline::list_user_policies)
            .acts_on(policy::named(User, |i: &m::ListUserPoliciesInput| &i.user_name)),
        Operation::new::<iam::PutGroupPolicy, _, _, _>(inline::put_group_policy)
            .acts_on(policy::named(Group, |i: &m::PutGroupPolicyInput| &i.group_name)),
        Operation::new::<iam::GetGroupPolicy, _, _, _>(inline::get_group_policy)
            .acts_on(policy::named(Group, |i: &m::GetGroupPolicyInput| &i.group_name)),
        Operation::new::<iam::DeleteGroupPolicy, _, _, _>(inline::delete_group_policy)
            .acts_on(policy::named(Group, |i: &m::DeleteGroupPolicyInput| &i.group_name)),
        Operation::new::<iam::ListGroupPolicies, _, _, _>(inline::list_group_policies)
            .acts_on(policy::named(Group, |i: &m::ListGroupPoliciesInput| &i.group_name)),
        Operation::new::<iam::PutRolePolicy, _, _, _>(inline::put_role_policy)
            .acts_on(policy::named(Role, |i: &m::PutRolePolicyInput| &i.role_name)),
        Operation::new::<iam::GetRolePolicy, _, _, _>(inline::get_role_policy)
            .acts_on(policy::named(Role, |i: &m::GetRolePolicyInput| &i.role_name)),
        Operation::new::<iam::DeleteRolePolicy, _, _, _>(inline::delete_role_policy)
            .acts_on(policy::named(Role, |i: &m::DeleteRolePolicyInput| &i.role_name)),
        Operation::new::<iam::ListRolePolicies, _, _, _>(inline::list_role_policies)
            .acts_on(policy::named(Role, |i: &m::ListRolePoliciesInput| &i.role_name)),
    ]
}

fn of_attached_policies() -> Vec<Operation> {
    use attached_policies as attached;
    vec![
        Operation::new::<iam::AttachUserPolicy, _, _, _>(attached::attach_user_policy)
            .acts_on(policy::attachment(User, |i: &m::AttachUserPolicyInput| (&i.user_name, &i.policy_arn))),
        Operation::new::<iam::DetachUserPolicy, _, _, _>(attached::detach_user_policy)
            .acts_on(policy::attachment(User, |i: &m::DetachUserPolicyInput| (&i.user_name, &i.policy_arn))),
        Operation::new::<iam::ListAttachedUserPolicies, _, _, _>(attached::list_attached_user_policies)
            .acts_on(policy::named(User, |i: &m::ListAttachedUserPoliciesInput| &i.user_name)),
        Operation::new::<iam::AttachGroupPolicy, _, _, _>(attached::attach_group_policy).acts_on(
            policy::attachment(Group, |i: &m::AttachGroupPolicyInput| (&i.group_name, &i.policy_arn)),
        ),
        Operation::new::<iam::DetachGroupPolicy, _, _, _>(attached::detach_group_policy).acts_on(
            policy::attachment(Group, |i: &m::DetachGroupPolicyInput| (&i.group_name, &i.policy_arn)),
        ),
        Operation::new::<iam::ListAttachedGroupPolicies, _, _, _>(attached::list_attached_group_policies)
            .acts_on(policy::named(Group, |i: &m::ListAttachedGroupPoliciesInput| &i.group_name)),
        Operation::new::<iam::AttachRolePolicy, _, _, _>(attached::attach_role_policy)
            .acts_on(policy::attachment(Role, |i: &m::AttachRolePolicyInput| (&i.role_name, &i.policy_arn))),
        Operation::new::<iam::DetachRolePolicy, _, _, _>(attached::detach_role_policy)
            .acts_on(policy::attachment(Role, |i: &m::DetachRolePolicyInput| (&i.role_name, &i.policy_arn))),
        Operation::new::<iam::ListAttachedRolePolicies, _, _, _>(attached::list_attached_role_policies)
            .acts_on(policy::named(Role, |i: &m::ListAttachedRolePoliciesInput| &i.role_name)),
    ]
}

fn of_policies() -> Vec<Operation> {
    use policy_versions as versions;
    vec![
        Operation::new::<iam::CreatePolicy, _, _, _>(policies::create_policy).acts_on(policy::made(
            Policy,
            |i: &m::CreatePolicyInput| Made {
                path: i.path.as_deref(),
                name: &i.policy_name,
                tags: i.tags.as_deref(),
                boundary: None,
            },
        )),
        Operation::new::<iam::GetPolicy, _, _, _>(policies::get_policy)
            .acts_on(policy::policy_arn(|i: &m::GetPolicyInput| &i.policy_arn)),
        Operation::new::<iam::ListPolicies, _, _, _>(policies::list_policies)
            .acts_on(policy::listing(Policy, |i: &m::ListPoliciesInput| i.path_prefix.as_deref())),
        Operation::new::<iam::ListEntitiesForPolicy, _, _, _>(policies::list_entities_for_policy)
            .acts_on(policy::policy_arn(|i: &m::ListEntitiesForPolicyInput| &i.policy_arn)),
        Operation::new::<iam::DeletePolicy, _, _, _>(policies::delete_policy)
            .acts_on(policy::policy_arn(|i: &m::DeletePolicyInput| &i.policy_arn)),
        Operation::new::<iam::CreatePolicyVersion, _, _, _>(versions::create_policy_version)
            .acts_on(policy::policy_arn(|i: &m::CreatePolicyVersionInput| &i.policy_arn)),
        Operation::new::<iam::GetPolicyVersion, _, _, _>(versions::get_policy_version)
            .acts_on(policy::policy_arn(|i: &m::GetPolicyVersionInput| &i.policy_arn)),
        Operation::new::<iam::ListPolicyVersions, _, _, _>(versions::list_policy_versions)
            .acts_on(policy::policy_arn(|i: &m::ListPolicyVersionsInput| &i.policy_arn)),
        Operation::new::<iam::SetDefaultPolicyVersion, _, _, _>(versions::set_default_policy_version)
            .acts_on(policy::policy_arn(|i: &m::SetDefaultPolicyVersionInput| &i.policy_arn)),
        Operation::new::<iam::DeletePolicyVersion, _, _, _>(versions::delete_policy_version)
            .acts_on(policy::policy_arn(|i: &m::DeletePolicyVersionInput| &i.policy_arn)),
        Operation::new::<iam::SimulateCustomPolicy, _, _, _>(simulate::simulate_custom_policy)
            .acts_on_everything(),
        Operation::new::<iam::SimulatePrincipalPolicy, _, _, _>(simulate::simulate_principal_policy)
            .acts_on(policy::identity_arn(|i: &m::SimulatePrincipalPolicyInput| &i.policy_source_arn)),
    ]
}

fn of_tags() -> Vec<Operation> {
    vec![
        Operation::new::<iam::TagUser, _, _, _>(tags::tag_user)
            .acts_on(policy::tagged(User, |i: &m::TagUserInput| (&i.user_name, &i.tags))),
        Operation::new::<iam::UntagUser, _, _, _>(tags::untag_user)
            .acts_on(policy::untagged(User, |i: &m::UntagUserInput| (&i.user_name, &i.tag_keys))),
        Operation::new::<iam::ListUserTags, _, _, _>(tags::list_user_tags)
            .acts_on(policy::named(User, |i: &m::ListUserTagsInput| &i.user_name)),
        Operation::new::<iam::TagInstanceProfile, _, _, _>(tags::tag_instance_profile).acts_on(
            policy::tagged(InstanceProfile, |i: &m::TagInstanceProfileInput| {
                (&i.instance_profile_name, &i.tags)
            }),
        ),
        Operation::new::<iam::UntagInstanceProfile, _, _, _>(tags::untag_instance_profile).acts_on(
            policy::untagged(InstanceProfile, |i: &m::UntagInstanceProfileInput| {
                (&i.instance_profile_name, &i.tag_keys)
            }),
        ),
        Operation::new::<iam::ListInstanceProfileTags, _, _, _>(tags::list_instance_profile_tags).acts_on(
            policy::named(InstanceProfile, |i: &m::ListInstanceProfileTagsInput| &i.instance_profile_name),
        ),
        Operation::new::<iam::TagRole, _, _, _>(tags::tag_role)
            .acts_on(policy::tagged(Role, |i: &m::TagRoleInput| (&i.role_name, &i.tags))),
        Operation::new::<iam::UntagRole, _, _, _>(tags::untag_role)
            .acts_on(policy::untagged(Role, |i: &m::UntagRoleInput| (&i.role_name, &i.tag_keys))),
        Operation::new::<iam::ListRoleTags, _, _, _>(tags::list_role_tags)
            .acts_on(policy::named(Role, |i: &m::ListRoleTagsInput| &i.role_name)),
        Operation::new::<iam::TagPolicy, _, _, _>(tags::tag_policy).acts_on(policy::tagged_policy),
        Operation::new::<iam::UntagPolicy, _, _, _>(tags::untag_policy).acts_on(policy::untagged_policy),
        Operation::new::<iam::ListPolicyTags, _, _, _>(tags::list_policy_tags)
            .acts_on(policy::policy_arn(|i: &m::ListPolicyTagsInput| &i.policy_arn)),
    ]
}

fn of_the_account() -> Vec<Operation> {
    vec![
        Operation::new::<iam::CreateAccountAlias, _, _, _>(account::create_account_alias)
            .acts_on_everything(),
        Operation::new::<iam::ListAccountAliases, _, _, _>(account::list_account_aliases)
            .acts_on_everything(),
        Operation::new::<iam::DeleteAccountAlias, _, _, _>(account::delete_account_alias)
            .acts_on_everything(),
        Operation::new::<iam::GetAccountSummary, _, _, _>(account::get_account_summary).acts_on_everything(),
        Operation::new::<iam::GetLoginProfile, _, _, _>(unheld::get_login_profile)
            .acts_on(policy::user_or_self(|i: &m::GetLoginProfileInput| i.user_name.as_deref())),
        Operation::new::<iam::DeleteLoginProfile, _, _, _>(unheld::delete_login_profile)
            .acts_on(policy::user_or_self(|i: &m::DeleteLoginProfileInput| i.user_name.as_deref())),
        Operation::new::<iam::ListMFADevices, _, _, _>(unheld::list_mfa_devices)
            .acts_on(policy::user_or_self(|i: &m::ListMFADevicesInput| i.user_name.as_deref())),
        Operation::new::<iam::ListSSHPublicKeys, _, _, _>(unheld::list_ssh_public_keys)
            .acts_on(policy::user_or_self(|i: &m::ListSSHPublicKeysInput| i.user_name.as_deref())),
        Operation::new::<iam::ListSigningCertificates, _, _, _>(unheld::list_signing_certificates)
            .acts_on(policy::user_or_self(|i: &m::ListSigningCertificatesInput| i.user_name.as_deref())),
        Operation::new::<iam::ListServiceSpecificCredentials, _, _, _>(
            unheld::list_service_specific_credentials,
        )
        .acts_on(policy::user_or_self(|i: &m::ListServiceSpecificCredentialsInput| i.user_name.as_deref())),
        Operation::new::<iam::ListVirtualMFADevices, _, _, _>(unheld::list_virtual_mfa_devices)
            .acts_on_everything(),
    ]
}

fn of_sts() -> Vec<Operation> {
    use model_sts::operations as api;
    vec![
        Operation::new::<api::GetCallerIdentity, _, _, _>(sts::get_caller_identity).anyone(),
        Operation::new::<api::GetAccessKeyInfo, _, _, _>(sts::get_access_key_info).acts_on_everything(),
        Operation::new::<api::GetSessionToken, _, _, _>(sts::get_session_token).anyone(),
        Operation::new::<api::AssumeRole, _, _, _>(sts::assume_role).acts_on(policy::trusted),
    ]
}
