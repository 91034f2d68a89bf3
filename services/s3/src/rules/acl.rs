//! Access control lists: who is granted what, in canned form, in headers and in full; and which actions a
//! grant is good for. S3 User Guide, "Access control list (ACL) overview".

use serde::{Deserialize, Serialize};

const GROUPS: &str = "http://acs.amazonaws.com/groups/";
/// The canonical id of the account that `aws-exec-read` lets read: Amazon EC2's.
const EXEC_READER: &str = "6aa5a366c34c1cbe25dc49211496e913e0351eb0e8c37aa3477e40942ec6b97c";
/// Most grants of a list.
pub const MAX_GRANTS: usize = 100;

/// A list of grants, the owner's among them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acl {
    /// The grants.
    pub grants: Vec<Grant>,
}

/// Somebody is granted something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// To whom.
    pub grantee: Grantee,
    /// What.
    pub permission: Permission,
}

/// To whom something is granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Grantee {
    /// An account by its canonical id.
    User(String),
    /// One of AWS's groups.
    Group(Group),
}

/// AWS's groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Group {
    /// Everybody.
    AllUsers,
    /// Everybody with an account.
    AuthenticatedUsers,
    /// What writes access logs.
    LogDelivery,
}

impl Group {
    const ALL: [(Group, &'static str); 3] = [
        (Group::AllUsers, "global/AllUsers"),
        (Group::AuthenticatedUsers, "global/AuthenticatedUsers"),
        (Group::LogDelivery, "s3/LogDelivery"),
    ];

    /// The group of a URI.
    pub fn of_uri(uri: &str) -> Option<Self> {
        let name = uri.strip_prefix(GROUPS)?;
        Self::ALL.into_iter().find(|(_, known)| *known == name).map(|(group, _)| group)
    }

    /// Its URI.
    pub fn uri(self) -> String {
        let name = Self::ALL.into_iter().find(|(group, _)| *group == self).map_or("", |(_, name)| name);
        format!("{GROUPS}{name}")
    }

    /// Whether it takes in strangers.
    fn is_public(self) -> bool {
        self != Group::LogDelivery
    }
}

/// What is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Permission {
    /// All of the others.
    FullControl,
    /// Listing a bucket, reading an object.
    Read,
    /// Putting objects into a bucket.
    Write,
    /// Reading the list.
    ReadAcp,
    /// Writing the list.
    WriteAcp,
}

impl Permission {
    const ALL: [(Permission, &'static str); 5] = [
        (Permission::FullControl, "FULL_CONTROL"),
        (Permission::Read, "READ"),
        (Permission::Write, "WRITE"),
        (Permission::ReadAcp, "READ_ACP"),
        (Permission::WriteAcp, "WRITE_ACP"),
    ];

    /// The permission of AWS's name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == name).map(|(permission, _)| permission)
    }

    /// AWS's name.
    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(permission, _)| *permission == self).map_or("", |(_, name)| name)
    }

    /// Whether it is good for an action on a bucket or an object.
    fn covers(self, action: &str) -> bool {
        let wanted = match action {
            "s3:ListBucket"
            | "s3:ListBucketVersions"
            | "s3:ListBucketMultipartUploads"
            | "s3:GetObject"
            | "s3:GetObjectVersion" => Permission::Read,
            "s3:PutObject" => Permission::Write,
            "s3:GetBucketAcl" | "s3:GetObjectAcl" | "s3:GetObjectVersionAcl" => Permission::ReadAcp,
            "s3:PutBucketAcl" | "s3:PutObjectAcl" | "s3:PutObjectVersionAcl" => Permission::WriteAcp,
            _ => return false,
        };
        self == Permission::FullControl || self == wanted
    }
}

fn to_user(id: &str, permission: Permission) -> Grant {
    Grant { grantee: Grantee::User(id.to_owned()), permission }
}

fn to_group(group: Group, permission: Permission) -> Grant {
    Grant { grantee: Grantee::Group(group), permission }
}

/// The owners that a list is about.
#[derive(Debug, Clone, Copy)]
pub enum Owners<'a> {
    /// Of a bucket.
    Bucket(&'a str),
    /// Of an object, and of its bucket.
    Object(&'a str, &'a str),
}

impl<'a> Owners<'a> {
    /// Whose list it is.
    pub fn own(self) -> &'a str {
        match self {
            Owners::Bucket(owner) | Owners::Object(owner, _) => owner,
        }
    }

    /// What the owner of an object's bucket is granted beside what is its own.
    fn to_buckets(self, permission: Permission) -> Option<Vec<Grant>> {
        match self {
            Owners::Bucket(_) => None,
            Owners::Object(owner, buckets) if owner == buckets => Some(vec![]),
            Owners::Object(_, buckets) => Some(vec![to_user(buckets, permission)]),
        }
    }
}

/// The list of a canned name; `None` for an unknown one.
pub fn canned(name: &str, owners: Owners<'_>) -> Option<Acl> {
    let of_bucket = matches!(owners, Owners::Bucket(_));
    let more = match name {
        "private" => vec![],
        "public-read" => vec![to_group(Group::AllUsers, Permission::Read)],
        "public-read-write" => {
            vec![to_group(Group::AllUsers, Permission::Read), to_group(Group::AllUsers, Permission::Write)]
        }
        "authenticated-read" => vec![to_group(Group::AuthenticatedUsers, Permission::Read)],
        "log-delivery-write" if of_bucket => vec![
            to_group(Group::LogDelivery, Permission::Write),
            to_group(Group::LogDelivery, Permission::ReadAcp),
        ],
        "aws-exec-read" if !of_bucket => vec![to_user(EXEC_READER, Permission::Read)],
        "bucket-owner-read" => owners.to_buckets(Permission::Read)?,
        "bucket-owner-full-control" => owners.to_buckets(Permission::FullControl)?,
        _ => return None,
    };
    let mut grants = vec![to_user(owners.own(), Permission::FullControl)];
    grants.extend(more);
    Some(Acl { grants })
}

/// Why a grantee is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GranteeFault {
    /// Not of the form `id="…"`, `uri="…"` or `emailAddress="…"`, but this.
    Shape(String),
    /// No account has this canonical id.
    Id(String),
    /// No such group.
    Uri(String),
    /// No account is known by its address here.
    Email(String),
}

/// A grantee by its canonical id.
///
/// # Errors
/// Where it cannot be one.
pub fn user(id: &str) -> Result<Grantee, GranteeFault> {
    if id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(Grantee::User(id.to_owned()))
    } else {
        Err(GranteeFault::Id(id.to_owned()))
    }
}

/// A grantee by the URI of its group.
///
/// # Errors
/// Where there is no such group.
pub fn group(uri: &str) -> Result<Grantee, GranteeFault> {
    Group::of_uri(uri).map(Grantee::Group).ok_or_else(|| GranteeFault::Uri(uri.to_owned()))
}

/// The grantees of a header such as `x-amz-grant-read`.
///
/// # Errors
/// Where one of them cannot be one.
pub fn header(text: &str) -> Result<Vec<Grantee>, GranteeFault> {
    text.split(',')
        .map(|one| {
            let shape = || GranteeFault::Shape(one.trim().to_owned());
            let (kind, value) = one.split_once('=').ok_or_else(shape)?;
            let value = value.trim().trim_matches('"');
            match kind.trim() {
                "id" => user(value),
                "uri" => group(value),
                "emailAddress" => Err(GranteeFault::Email(value.to_owned())),
                _ => Err(shape()),
            }
        })
        .collect()
}

impl Acl {
    /// The list of the owner alone.
    pub fn private(owner: &str) -> Self {
        Acl { grants: vec![to_user(owner, Permission::FullControl)] }
    }

    /// Whether the owner alone is granted anything, which is what no list says.
    pub fn is_private(&self, owner: &str) -> bool {
        self.grants == [to_user(owner, Permission::FullControl)]
    }

    /// Whether strangers are granted something.
    pub fn is_public(&self) -> bool {
        self.grants.iter().any(|grant| matches!(grant.grantee, Grantee::Group(group) if group.is_public()))
    }

    /// Whether it lets access logs be put into the bucket.
    pub fn takes_logs(&self) -> bool {
        self.grants.iter().any(|grant| {
            grant.grantee == Grantee::Group(Group::LogDelivery) && grant.permission.covers("s3:PutObject")
        })
    }

    /// Whether it lets a caller do an action. `caller` is its canonical id, `None` for a stranger without
    /// an account. `ignore_public`: grants to strangers do not count.
    pub fn grants(&self, action: &str, caller: Option<&str>, ignore_public: bool) -> bool {
        self.grants.iter().filter(|grant| grant.permission.covers(action)).any(|grant| match &grant.grantee {
            Grantee::User(id) => caller == Some(id.as_str()),
            Grantee::Group(group) if group.is_public() && ignore_public => false,
            Grantee::Group(Group::AllUsers) => true,
            Grantee::Group(Group::AuthenticatedUsers) => caller.is_some(),
            Grantee::Group(Group::LogDelivery) => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const OTHER: &str = "f123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn canned_lists() {
        assert!(canned("private", Owners::Bucket(OWNER)).unwrap().is_private(OWNER));
        assert!(canned("public-read-write", Owners::Bucket(OWNER)).unwrap().is_public());
        assert!(!canned("log-delivery-write", Owners::Bucket(OWNER)).unwrap().is_public());
        assert_eq!(canned("log-delivery-write", Owners::Object(OWNER, OWNER)), None);
        let both = canned("bucket-owner-full-control", Owners::Object(OTHER, OWNER)).unwrap();
        assert!(both.grants("s3:GetObject", Some(OWNER), true) && !both.is_private(OTHER));
        assert!(canned("bucket-owner-read", Owners::Object(OWNER, OWNER)).unwrap().is_private(OWNER));
        assert_eq!(canned("bucket-owner-read", Owners::Bucket(OWNER)), None);
        assert_eq!(canned("everyone", Owners::Object(OWNER, OWNER)), None);
    }

    #[test]
    fn headers() {
        let text = format!("id=\"{OTHER}\", uri=\"http://acs.amazonaws.com/groups/global/AllUsers\"");
        let both = vec![Grantee::User(OTHER.into()), Grantee::Group(Group::AllUsers)];
        assert_eq!(header(&text), Ok(both));
        assert_eq!(header("id=me"), Err(GranteeFault::Id("me".into())));
        assert_eq!(header("uri=http://x"), Err(GranteeFault::Uri("http://x".into())));
        assert_eq!(header("emailAddress=a@b.c"), Err(GranteeFault::Email("a@b.c".into())));
        assert_eq!(header("everyone"), Err(GranteeFault::Shape("everyone".into())));
    }

    #[test]
    fn what_a_grant_is_good_for() {
        let public = canned("public-read", Owners::Object(OWNER, OWNER)).unwrap();
        assert!(public.grants("s3:GetObject", None, false));
        assert!(!public.grants("s3:GetObject", None, true));
        assert!(!public.grants("s3:PutObject", None, false));
        assert!(public.grants("s3:PutObjectAcl", Some(OWNER), true));
        let known = canned("authenticated-read", Owners::Object(OWNER, OWNER)).unwrap();
        assert!(known.grants("s3:GetObject", Some(OTHER), false));
        assert!(!known.grants("s3:GetObject", None, false));
        assert!(!known.grants("s3:DeleteObject", Some(OWNER), false));
    }
}
