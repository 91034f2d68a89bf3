//! The operations of IAM and STS.

pub mod access_keys;
pub mod boundaries;
pub mod inline_policies;
pub mod policies;
pub mod roles;
pub mod sts;
pub mod trust;
pub mod users;

use crate::policy::{self, Made};
use crate::rules::names::Kind::{Group, Role, User};
use model_iam as m;
use model_iam::operations as iam;
use service::Operation;

/// All operations.
pub fn all() -> Vec<Operation> {
    [of_users(), of_roles(), of_inline_policies(), of_sts()].into_iter().flatten().collect()
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
        Operation::new::<iam::CreateServiceLinkedRole, _, _, _>(roles::create_service_linked_role)
            .acts_on(policy::linked_role),
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

fn of_sts() -> Vec<Operation> {
    use model_sts::operations as api;
    vec![
        Operation::new::<api::GetCallerIdentity, _, _, _>(sts::get_caller_identity).anyone(),
        Operation::new::<api::GetAccessKeyInfo, _, _, _>(sts::get_access_key_info).acts_on_everything(),
        Operation::new::<api::GetSessionToken, _, _, _>(sts::get_session_token).anyone(),
        Operation::new::<api::AssumeRole, _, _, _>(sts::assume_role).acts_on(policy::trusted),
    ]
}
