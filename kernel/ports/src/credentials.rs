//! Who holds an access key, what a principal may do, and sessions of roles for services.

use crate::{BoxFuture, Principal};
use names::{AccountId, Arn, Timestamp};
use policy::IdentityPolicies;
use schema::ApiError;
use std::sync::Arc;

/// What stands behind an access key.
#[derive(Clone)]
pub struct Credential {
    /// The secret key that signatures are checked with.
    pub secret: Arc<str>,
    /// The session token that must come with it, for temporary credentials.
    pub token: Option<Arc<str>>,
    /// When it stops being accepted, in virtual time.
    pub expires: Option<Timestamp>,
    /// An inactive key is refused like an unknown one.
    pub active: bool,
    /// Whom it stands for.
    pub principal: Arc<Principal>,
}

/// What a service asks a role session for.
#[derive(Debug, Clone)]
pub struct SessionRequest {
    /// The role.
    pub role: Arn,
    /// The service that takes it on: `lambda.amazonaws.com`. The role's trust policy must allow it.
    pub service: &'static str,
    /// The session's name: the function's name, `events`, …
    pub session_name: String,
    /// The resource it is taken on for: `aws:SourceArn`.
    pub source_arn: Option<Arn>,
    /// The account of that resource.
    pub source_account: AccountId,
}

/// Temporary credentials of a role.
#[derive(Clone)]
pub struct Session {
    /// `ASIA…`
    pub access_key: String,
    /// The secret key.
    pub secret: Arc<str>,
    /// The session token.
    pub token: Arc<str>,
    /// When they end, in virtual time.
    pub expires: Timestamp,
    /// Whom they stand for.
    pub principal: Arc<Principal>,
}

/// The identities of the region.
pub trait Credentials: Send + Sync {
    /// What stands behind an access key; `None` for keys that nobody holds. Never an I/O wait: identities
    /// are held in memory.
    ///
    /// # Errors
    /// If the identities cannot be read.
    fn find(&self, access_key: &str) -> Result<Option<Credential>, ApiError>;

    /// All policies that bear on what a principal may do.
    ///
    /// # Errors
    /// If the identities cannot be read.
    fn policies(&self, principal: &Principal) -> Result<Arc<IdentityPolicies>, ApiError>;

    /// Temporary credentials of a role for a service. Cached until shortly before their end; dropped when
    /// the role changes.
    ///
    /// # Errors
    /// `AccessDenied` where the role is absent or its trust policy refuses the service.
    fn session(&self, request: SessionRequest) -> BoxFuture<'_, Result<Session, ApiError>>;
}
