//! On whose behalf something is done.

use names::{AccountId, Arn, Tags, Timestamp};
use std::borrow::Cow;
use std::sync::Arc;

/// What a principal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrincipalKind {
    /// The account itself: `arn:aws:iam::123456789012:root`.
    Root,
    /// An IAM user.
    User,
    /// A session of a role: `arn:aws:sts::123456789012:assumed-role/name/session`.
    RoleSession,
    /// A session of a user, from GetSessionToken or GetFederationToken.
    UserSession,
}

/// An identity with an ARN of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// What it is.
    pub kind: PrincipalKind,
    /// Its ARN, as GetCallerIdentity answers it.
    pub arn: Arn,
    /// The ARN whose policies hold: the user, or the role of a session.
    pub policy_arn: Arn,
    /// Its account.
    pub account: AccountId,
    /// Its unique id: `AIDA…`, `AROA…:session`, or the account id of a root.
    pub id: String,
    /// `aws:username`, where it is a user.
    pub user_name: Option<String>,
    /// Tags of the principal and of its session: `aws:PrincipalTag/…`.
    pub tags: Tags,
    /// The access key that was presented; empty in calls that had none.
    pub access_key: String,
    /// When the session was made, where it is one: `aws:TokenIssueTime`.
    pub issued: Option<Timestamp>,
}

impl Principal {
    /// The root of an account.
    pub fn root(account: AccountId) -> Self {
        let arn = Arn::global("iam", account, "root");
        Principal {
            kind: PrincipalKind::Root,
            policy_arn: arn.clone(),
            arn,
            account,
            id: account.to_string(),
            user_name: None,
            tags: Tags::new(),
            access_key: String::new(),
            issued: None,
        }
    }
}

/// On whose behalf something is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A request without credentials.
    Anonymous,
    /// An identity of an account.
    Principal(Arc<Principal>),
    /// A service of the region acting by itself or for a resource.
    Service {
        /// `s3.amazonaws.com`
        principal: Cow<'static, str>,
        /// The resource it acts for: `aws:SourceArn`.
        source_arn: Option<Arn>,
        /// The account of that resource: `aws:SourceAccount`, and where the work happens.
        source_account: AccountId,
    },
}

impl Caller {
    /// The account in which an operation of this caller works; anonymous callers have the default one.
    pub fn account(&self) -> AccountId {
        match self {
            Caller::Anonymous => AccountId::DEFAULT,
            Caller::Principal(principal) => principal.account,
            Caller::Service { source_account, .. } => *source_account,
        }
    }

    /// The caller's name in messages and records: an ARN, a service principal, or `anonymous`.
    pub fn name(&self) -> String {
        match self {
            Caller::Anonymous => "anonymous".to_owned(),
            Caller::Principal(principal) => principal.arn.to_string(),
            Caller::Service { principal, .. } => principal.clone().into_owned(),
        }
    }

    /// The identity, where the caller is one.
    pub fn principal(&self) -> Option<&Principal> {
        match self {
            Caller::Principal(principal) => Some(principal),
            Caller::Anonymous | Caller::Service { .. } => None,
        }
    }
}
