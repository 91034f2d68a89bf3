//! Managed policies.

use crate::errors::IamError;
use crate::managed;
use crate::state;
use names::{AccountId, Arn};
use store::Read;

/// Whether an account can use a managed policy: one of its own or of AWS's.
pub fn exists(read: &impl Read, account: AccountId, arn: &str) -> Result<bool, IamError> {
    if managed::is_aws(arn) {
        return Ok(managed::find(arn).is_some());
    }
    let parsed: Arn = arn.parse().map_err(|_| IamError::InvalidArn(arn.to_owned()))?;
    if parsed.service() != "iam" || !parsed.resource().starts_with("policy/") {
        return Err(IamError::InvalidArn(arn.to_owned()));
    }
    Ok(state::policy(read, account, &parsed)?.is_some())
}
