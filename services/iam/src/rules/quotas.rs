//! IAM's quotas, at their defaults.
//! "IAM and AWS STS quotas" in the IAM user guide.

use crate::errors::IamError;
use crate::rules::names::Kind;

/// A quota: its name in messages and how much it allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// `AccessKeysPerUser`
    pub name: &'static str,
    /// The most there may be.
    pub most: usize,
}

impl Quota {
    const fn new(name: &'static str, most: usize) -> Self {
        Quota { name, most }
    }

    /// Refuses one more than the quota allows.
    ///
    /// # Errors
    /// `LimitExceeded`.
    pub fn admits(self, present: usize) -> Result<(), IamError> {
        if present < self.most { Ok(()) } else { Err(IamError::QuotaExceeded(self)) }
    }

    /// Refuses a size above the quota.
    ///
    /// # Errors
    /// `LimitExceeded`.
    pub fn holds(self, size: usize) -> Result<(), IamError> {
        if size <= self.most { Ok(()) } else { Err(IamError::QuotaExceeded(self)) }
    }
}

/// Access keys of one user, or of the root.
pub const ACCESS_KEYS: Quota = Quota::new("AccessKeysPerUser", 2);
/// Groups that one user is in.
pub const GROUPS_PER_USER: Quota = Quota::new("GroupsPerUser", 10);
/// Versions of one managed policy.
pub const VERSIONS: usize = 5;
/// Versions of all managed policies of one account.
pub const VERSIONS_IN_USE: usize = 10_000;
/// Server certificates of one account.
pub const SERVER_CERTIFICATES: usize = 20;
/// Signing certificates of one user.
pub const SIGNING_CERTIFICATES: usize = 2;
/// Characters of a managed policy.
pub const POLICY_SIZE: Quota = Quota::new("PolicySize", 6144);
/// Characters of a trust policy.
pub const TRUST_SIZE: Quota = Quota::new("ACLSizePerRole", 2048);
/// Roles of one instance profile.
pub const PROFILE_ROLES: Quota = Quota::new("InstanceSessionsPerInstanceProfile", 1);
/// Tags of one resource.
pub const TAGS: usize = 50;

/// Resources of a kind in one account.
pub fn per_account(kind: Kind) -> Quota {
    match kind {
        Kind::User => Quota::new("UsersPerAccount", 5000),
        Kind::Group => Quota::new("GroupsPerAccount", 300),
        Kind::Role => Quota::new("RolesPerAccount", 1000),
        Kind::Policy => Quota::new("PoliciesPerAccount", 1500),
        Kind::InstanceProfile => Quota::new("InstanceProfilesPerAccount", 1000),
    }
}

/// Managed policies attached to one identity.
pub fn attached(kind: Kind) -> Quota {
    match kind {
        Kind::Group => Quota::new("PoliciesPerGroup", 10),
        Kind::Role => Quota::new("PoliciesPerRole", 10),
        Kind::User | Kind::Policy | Kind::InstanceProfile => Quota::new("PoliciesPerUser", 10),
    }
}

/// Characters of all inline policies of one identity.
pub fn inline_size(kind: Kind) -> usize {
    match kind {
        Kind::Group => 5120,
        Kind::Role => 10_240,
        Kind::User | Kind::Policy | Kind::InstanceProfile => 2048,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_more_than_the_quota_is_refused() {
        assert!(ACCESS_KEYS.admits(1).is_ok() && ACCESS_KEYS.admits(2).is_err());
        assert!(POLICY_SIZE.holds(6144).is_ok() && POLICY_SIZE.holds(6145).is_err());
    }
}
