//! Principals: the one that asks, and those that a resource's policy names.

use names::{AccountId, Tags};
use std::borrow::Cow;

/// What a principal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrincipalKind {
    /// The root of an account.
    Root,
    /// An IAM user, or a session of one.
    User,
    /// A session of a role.
    AssumedRole,
    /// A session from GetFederationToken.
    FederatedUser,
    /// An identity of a web or SAML provider, before it has a role; its `arn` is the provider's.
    Federated,
    /// A service of AWS; its `arn` is its name: `sns.amazonaws.com`.
    Service,
    /// Nobody in particular.
    Anonymous,
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub struct Principal<'a> {
    /// What it is.
    pub kind: PrincipalKind,
    /// Its own ARN: of the user, of the role's session.
    pub arn: &'a str,
    /// The ARN whose policies hold: of the user, of the role. `aws:PrincipalArn`.
    pub policy_arn: &'a str,
    /// Its account; none for services, providers and nobody.
    pub account: Option<AccountId>,
    /// Its unique id: `AIDA…`, `AROA…:session`. `aws:userid`.
    pub id: &'a str,
    /// `aws:username`, for users.
    pub user_name: Option<&'a str>,
    /// `aws:PrincipalTag/…`.
    pub tags: Option<&'a Tags>,
}

impl<'a> Principal<'a> {
    /// Nobody in particular.
    pub const ANONYMOUS: Principal<'static> = Principal {
        kind: PrincipalKind::Anonymous,
        arn: "anonymous",
        policy_arn: "anonymous",
        account: None,
        id: "anonymous",
        user_name: None,
        tags: None,
    };

    /// A service: `sns.amazonaws.com`.
    pub fn service(name: &'a str) -> Self {
        Principal { kind: PrincipalKind::Service, arn: name, policy_arn: name, id: name, ..Self::ANONYMOUS }
    }

    /// The value of a key behind `aws:`, in lower case, that follows from the principal.
    pub(crate) fn key(&self, name: &str) -> Option<Cow<'a, str>> {
        let service = self.kind == PrincipalKind::Service;
        let identity = self.account.is_some();
        if let Some(tag) = name.strip_prefix("principaltag/") {
            let mut tags = self.tags?.iter();
            return tags
                .find(|(key, _)| key.eq_ignore_ascii_case(tag))
                .map(|(_, value)| Cow::Borrowed(value));
        }
        match name {
            "principalarn" if identity => Some(Cow::Borrowed(self.policy_arn)),
            "principalaccount" => self.account.map(|account| Cow::Owned(account.to_string())),
            "principaltype" => Some(Cow::Borrowed(match self.kind {
                PrincipalKind::Root => "Account",
                PrincipalKind::User => "User",
                PrincipalKind::AssumedRole => "AssumedRole",
                PrincipalKind::FederatedUser | PrincipalKind::Federated => "FederatedUser",
                PrincipalKind::Service => "Service",
                PrincipalKind::Anonymous => "Anonymous",
            })),
            "userid" if !service => Some(Cow::Borrowed(self.id)),
            "username" => self.user_name.map(Cow::Borrowed),
            "principalisawsservice" => Some(Cow::Borrowed(if service { "true" } else { "false" })),
            "principalservicename" if service => Some(Cow::Borrowed(self.arn)),
            "federatedprovider" if self.kind == PrincipalKind::Federated => Some(Cow::Borrowed(self.arn)),
            _ => None,
        }
    }
}

/// How closely a resource's policy names the one that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Naming {
    /// By its account, which leaves the permission to the account's own policies.
    Account,
    /// By its role: boundary and session policies still limit it.
    Role,
    /// By itself, or together with everybody.
    Itself,
}

/// One principal in a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named {
    Everybody,
    Account(AccountId),
    /// The ARN of a user, a role, a session.
    Arn(Box<str>),
    /// `AIDA…`, `AROA…`: what is left of a principal that was deleted.
    UniqueId(Box<str>),
    Service(Box<str>),
    Federated(Box<str>),
    /// S3's canonical ids stand for accounts by a name that only S3 knows, and match nobody here.
    Canonical,
}

impl Named {
    /// A principal by its kind (`AWS`, `Service`, …) and text; `None` where there is no such principal.
    pub(crate) fn parse(kind: &str, text: &str) -> Option<Self> {
        match kind {
            "*" => Some(Named::Everybody),
            "AWS" => Self::parse_aws(text),
            "Service" => plain(text).map(Named::Service),
            "Federated" => plain(text).map(Named::Federated),
            "CanonicalUser" => plain(text).map(|_| Named::Canonical),
            _ => None,
        }
    }

    fn parse_aws(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Named::Everybody);
        }
        if let Ok(account) = text.parse() {
            return Some(Named::Account(account));
        }
        let unique = text.len() >= 16 && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        if unique {
            return Some(Named::UniqueId(text.into()));
        }
        let arn: names::Arn = text.parse().ok()?;
        let account = arn.account()?;
        let resource = arn.resource();
        match (arn.service(), resource) {
            ("iam", "root") => Some(Named::Account(account)),
            ("iam" | "sts", _) if !resource.contains(['*', '?']) => Some(Named::Arn(text.into())),
            _ => None,
        }
    }

    /// How this names the one that asks, if it does.
    pub(crate) fn names(&self, asking: &Principal<'_>) -> Option<Naming> {
        let fits = |fits: bool, naming| fits.then_some(naming);
        match self {
            Named::Everybody => Some(Naming::Itself),
            Named::Account(account) if asking.kind == PrincipalKind::Root => {
                fits(asking.account == Some(*account), Naming::Itself)
            }
            Named::Account(account) => fits(asking.account == Some(*account), Naming::Account),
            Named::Arn(arn) if **arn == *asking.arn => Some(Naming::Itself),
            Named::Arn(arn) => fits(asking.account.is_some() && **arn == *asking.policy_arn, Naming::Role),
            Named::UniqueId(id) => {
                let of_session = asking.id.split_once(':').is_some_and(|(role, _)| *role == **id);
                fits(of_session, Naming::Role).or(fits(**id == *asking.id, Naming::Itself))
            }
            Named::Service(name) => {
                let same = asking.kind == PrincipalKind::Service && same_service(name, asking.arn);
                fits(same, Naming::Itself)
            }
            Named::Federated(provider) => {
                let same = asking.kind == PrincipalKind::Federated && **provider == *asking.arn;
                fits(same, Naming::Itself)
            }
            Named::Canonical => None,
        }
    }
}

fn plain(text: &str) -> Option<Box<str>> {
    (!text.is_empty() && !text.contains('*')).then(|| text.into())
}

/// `logs.eu-west-1.amazonaws.com` is `logs.amazonaws.com`, where a policy names it with its region.
fn same_service(named: &str, asking: &str) -> bool {
    if named == asking {
        return true;
    }
    let Some((service, rest)) = named.split_once('.') else { return false };
    let Some((region, domain)) = rest.split_once('.') else { return false };
    let regional = region.bytes().filter(|b| *b == b'-').count() >= 2;
    let behind = asking.strip_prefix(service).and_then(|rest| rest.strip_prefix('.'));
    regional && behind == Some(domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: Principal<'static> = Principal {
        kind: PrincipalKind::AssumedRole,
        arn: "arn:aws:sts::000000000001:assumed-role/r/s",
        policy_arn: "arn:aws:iam::000000000001:role/r",
        account: AccountId::from_number(1),
        id: "AROAEXAMPLEEXAMPLE001:s",
        user_name: None,
        tags: None,
    };

    #[test]
    fn naming() {
        let cases = [
            ("AWS", "*", Some(Naming::Itself)),
            ("AWS", "000000000001", Some(Naming::Account)),
            ("AWS", "arn:aws:iam::000000000001:root", Some(Naming::Account)),
            ("AWS", "arn:aws:iam::000000000002:root", None),
            ("AWS", "arn:aws:iam::000000000001:role/r", Some(Naming::Role)),
            ("AWS", "arn:aws:sts::000000000001:assumed-role/r/s", Some(Naming::Itself)),
            ("AWS", "arn:aws:sts::000000000001:assumed-role/r/t", None),
            ("AWS", "AROAEXAMPLEEXAMPLE001", Some(Naming::Role)),
            ("Service", "sns.amazonaws.com", None),
            ("CanonicalUser", "79a59df900b949e5", None),
        ];
        for (kind, text, expected) in cases {
            assert_eq!(Named::parse(kind, text).unwrap().names(&SESSION), expected, "{text}");
        }
        let root = Principal { kind: PrincipalKind::Root, ..SESSION };
        assert_eq!(Named::parse("AWS", "000000000001").unwrap().names(&root), Some(Naming::Itself));
    }

    #[test]
    fn services() {
        let logs = Principal::service("logs.amazonaws.com");
        for (named, expected) in [
            ("logs.amazonaws.com", Some(Naming::Itself)),
            ("logs.eu-west-1.amazonaws.com", Some(Naming::Itself)),
            ("sns.amazonaws.com", None),
            ("logs.x.amazonaws.com", None),
        ] {
            assert_eq!(Named::parse("Service", named).unwrap().names(&logs), expected, "{named}");
        }
    }

    #[test]
    fn refused() {
        for (kind, text) in [
            ("AWS", "me"),
            ("AWS", "arn:aws:iam::000000000001:user/*"),
            ("AWS", ""),
            ("Service", "*"),
            ("X", "y"),
        ] {
            assert_eq!(Named::parse(kind, text), None, "{text}");
        }
    }
}
