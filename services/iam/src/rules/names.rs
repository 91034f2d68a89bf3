//! Kinds of resources, their ARNs, and the keys that their names are kept under.

use names::{AccountId, Arn};

/// A kind of resource with a name and a path. The numbers are stored in keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A user.
    User = 1,
    /// A group of users.
    Group = 2,
    /// A role.
    Role = 3,
    /// A managed policy.
    Policy = 4,
    /// An instance profile.
    InstanceProfile = 5,
}

impl Kind {
    /// The kinds that policies are attached to.
    pub const IDENTITIES: [Kind; 3] = [Kind::User, Kind::Group, Kind::Role];

    /// The kind in an ARN: `instance-profile`.
    pub fn in_arn(self) -> &'static str {
        match self {
            Kind::User => "user",
            Kind::Group => "group",
            Kind::Role => "role",
            Kind::Policy => "policy",
            Kind::InstanceProfile => "instance-profile",
        }
    }

    /// The kind as a resource type: `AWS::IAM::User`.
    pub fn resource_type(self) -> &'static str {
        match self {
            Kind::User => "AWS::IAM::User",
            Kind::Group => "AWS::IAM::Group",
            Kind::Role => "AWS::IAM::Role",
            Kind::Policy => "AWS::IAM::ManagedPolicy",
            Kind::InstanceProfile => "AWS::IAM::InstanceProfile",
        }
    }

    /// How unique ids of the kind begin.
    pub fn id_prefix(self) -> &'static str {
        match self {
            Kind::User => "AIDA",
            Kind::Group => "AGPA",
            Kind::Role => "AROA",
            Kind::Policy => "ANPA",
            Kind::InstanceProfile => "AIPA",
        }
    }

    /// The ARN of a resource of the kind.
    pub fn arn(self, account: AccountId, path: &str, name: &str) -> Arn {
        Arn::global("iam", account, &format!("{}{path}{name}", self.in_arn()))
    }
}

/// The key of a name: names differ by more than case.
pub fn key_of(name: &str) -> String {
    name.to_lowercase()
}

/// The name in the ARN of a resource of a kind: what follows its path.
pub fn name_in(arn: &Arn, kind: Kind) -> Option<&str> {
    let rest = arn.resource().strip_prefix(kind.in_arn())?.strip_prefix('/')?;
    let name = rest.rsplit('/').next()?;
    (arn.service() == "iam" && !name.is_empty()).then_some(name)
}

/// The ARN of a session of a role.
pub fn session_arn(account: AccountId, role_name: &str, session: &str) -> Arn {
    Arn::global("sts", account, &format!("assumed-role/{role_name}/{session}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns() {
        let account = AccountId::DEFAULT;
        let cases = [
            (Kind::User, "/", "bard", "arn:aws:iam::000000000000:user/bard"),
            (Kind::Role, "/a/b/", "r", "arn:aws:iam::000000000000:role/a/b/r"),
            (Kind::InstanceProfile, "/", "p", "arn:aws:iam::000000000000:instance-profile/p"),
        ];
        for (kind, path, name, text) in cases {
            let arn = kind.arn(account, path, name);
            assert_eq!(arn.as_str(), text);
            assert_eq!(name_in(&arn, kind), Some(name));
            assert_eq!(name_in(&arn, Kind::Policy), None);
        }
        assert_eq!(name_in(&"arn:aws:sqs:us-east-1:000000000000:role/r".parse().unwrap(), Kind::Role), None);
        assert_eq!(name_in(&"arn:aws:iam::000000000000:role/".parse().unwrap(), Kind::Role), None);
    }
}
