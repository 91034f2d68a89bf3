//! A region without a room of identities: nobody holds a key, and nobody has a policy.

use policy::IdentityPolicies;
use ports::{BoxFuture, Credential, Credentials, Principal, Session, SessionRequest};
use schema::ApiError;
use std::sync::Arc;

/// No identities.
pub struct NoIdentities;

impl Credentials for NoIdentities {
    fn find(&self, _access_key: &str) -> Result<Option<Credential>, ApiError> {
        Ok(None)
    }

    fn policies(&self, _principal: &Principal) -> Result<Arc<IdentityPolicies>, ApiError> {
        Ok(Arc::default())
    }

    fn session(&self, request: SessionRequest) -> BoxFuture<'_, Result<Session, ApiError>> {
        Box::pin(async move {
            let message =
                format!("{} cannot assume {}: this region keeps no roles.", request.service, request.role);
            Err(ApiError::new("AccessDenied", 403, message))
        })
    }
}
