//! Credentials that nothing here can give to a user: passwords, MFA devices, SSH keys, certificates,
//! credentials of single services. There are none, and this is where one is told so.

use crate::errors::{IamError, Missing};
use crate::ops::users;
use crate::pages::Paging;
use crate::policy::{Subject, subject};
use model_iam as model;
use service::Ctx;
use std::sync::Arc;

/// What a request says of its user and page.
type Asked<'a> = (Option<&'a str>, Option<&'a str>, Option<i32>);

/// Refuses users that are not there and markers that nothing gave.
fn of_user(ctx: &Ctx, (name, marker, max_items): Asked<'_>) -> Result<Option<String>, IamError> {
    Paging::begin(ctx, name.unwrap_or_default(), marker, max_items)?;
    match subject(ctx.caller(), name)? {
        Subject::Root => Ok(None),
        Subject::User(name) => Ok(Some(users::existing(&ctx.read(), &ctx.account_scope(), &name)?.name)),
    }
}

/// Answers that a user has no password.
pub async fn get_login_profile(
    ctx: Ctx,
    input: Arc<model::GetLoginProfileInput>,
) -> Result<model::GetLoginProfileOutput, IamError> {
    let name = of_user(&ctx, (input.user_name.as_deref(), None, None))?;
    Err(IamError::NoSuchEntity(Missing::LoginProfile(name.unwrap_or_else(|| "root".to_owned()))))
}

/// Answers that a user has no password to take away.
pub async fn delete_login_profile(
    ctx: Ctx,
    input: Arc<model::DeleteLoginProfileInput>,
) -> Result<schema::Unit, IamError> {
    let name = of_user(&ctx, (input.user_name.as_deref(), None, None))?;
    Err(IamError::NoSuchEntity(Missing::LoginProfile(name.unwrap_or_else(|| "root".to_owned()))))
}

/// Answers that a user has no MFA devices.
pub async fn list_mfa_devices(
    ctx: Ctx,
    input: Arc<model::ListMFADevicesInput>,
) -> Result<model::ListMFADevicesOutput, IamError> {
    of_user(&ctx, (input.user_name.as_deref(), input.marker.as_deref(), input.max_items))?;
    Ok(model::ListMFADevicesOutput { mfa_devices: Vec::new(), is_truncated: Some(false), marker: None })
}

/// Answers that the account has no virtual MFA devices.
pub async fn list_virtual_mfa_devices(
    ctx: Ctx,
    input: Arc<model::ListVirtualMFADevicesInput>,
) -> Result<model::ListVirtualMFADevicesOutput, IamError> {
    Paging::begin(&ctx, "", input.marker.as_deref(), input.max_items)?;
    let virtual_mfa_devices = Vec::new();
    Ok(model::ListVirtualMFADevicesOutput { virtual_mfa_devices, is_truncated: Some(false), marker: None })
}

/// Answers that a user has no SSH keys.
pub async fn list_ssh_public_keys(
    ctx: Ctx,
    input: Arc<model::ListSSHPublicKeysInput>,
) -> Result<model::ListSSHPublicKeysOutput, IamError> {
    of_user(&ctx, (input.user_name.as_deref(), input.marker.as_deref(), input.max_items))?;
    let ssh_public_keys = Some(Vec::new());
    Ok(model::ListSSHPublicKeysOutput { ssh_public_keys, is_truncated: Some(false), marker: None })
}

/// Answers that a user has no signing certificates.
pub async fn list_signing_certificates(
    ctx: Ctx,
    input: Arc<model::ListSigningCertificatesInput>,
) -> Result<model::ListSigningCertificatesOutput, IamError> {
    of_user(&ctx, (input.user_name.as_deref(), input.marker.as_deref(), input.max_items))?;
    let certificates = Vec::new();
    Ok(model::ListSigningCertificatesOutput { certificates, is_truncated: Some(false), marker: None })
}

/// Answers that a user has no credentials of single services.
pub async fn list_service_specific_credentials(
    ctx: Ctx,
    input: Arc<model::ListServiceSpecificCredentialsInput>,
) -> Result<model::ListServiceSpecificCredentialsOutput, IamError> {
    if !input.all_users.unwrap_or(false) {
        of_user(&ctx, (input.user_name.as_deref(), input.marker.as_deref(), input.max_items))?;
    }
    Ok(model::ListServiceSpecificCredentialsOutput {
        service_specific_credentials: Some(Vec::new()),
        is_truncated: Some(false),
        marker: None,
    })
}
