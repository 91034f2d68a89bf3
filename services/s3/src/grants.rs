//! Access control lists as requests give them and answers show them, held against what the bucket allows.

use crate::errors::S3Error;
use crate::rules::acl::{self, Acl, Grant, Grantee, GranteeFault, MAX_GRANTS, Owners, Permission};
use crate::state::buckets::Bucket;
use crate::state::{Ownership, account_blocks};
use crate::views::canonical_id;
use model_s3 as api;
use names::AccountId;
use ports::Caller;
use store::Read;

/// The order of the grant headers in [`Wanted`].
const HEADERS: [(Permission, &str); 5] = [
    (Permission::FullControl, "x-amz-grant-full-control"),
    (Permission::Read, "x-amz-grant-read"),
    (Permission::Write, "x-amz-grant-write"),
    (Permission::ReadAcp, "x-amz-grant-read-acp"),
    (Permission::WriteAcp, "x-amz-grant-write-acp"),
];

/// The list that a request asks for in its headers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// `x-amz-acl`
    pub canned: Option<&'a str>,
    /// `x-amz-grant-…`: full control, read, write, read list, write list.
    pub headers: [Option<&'a str>; 5],
}

impl Wanted<'_> {
    /// Whether the request asks for any list.
    pub fn any(&self) -> bool {
        self.canned.is_some() || self.granted()
    }

    fn granted(&self) -> bool {
        self.headers.iter().any(Option::is_some)
    }

    /// Refuses a request that asks for a list in two ways, whatever the bucket allows.
    fn check(&self) -> Result<(), S3Error> {
        if self.canned.is_some() && self.granted() {
            let message = "Specifying both Canned ACLs and Header Grants is not allowed".to_owned();
            return Err(S3Error::InvalidRequest { message });
        }
        Ok(())
    }

    fn list(&self, owners: Owners<'_>) -> Result<Acl, S3Error> {
        self.check()?;
        let invalid =
            |message, name, value: &str| S3Error::InvalidArgument { message, name, value: value.to_owned() };
        match self.canned {
            Some(name) => acl::canned(name, owners).ok_or_else(|| invalid("", "x-amz-acl", name)),
            None if !self.granted() => Ok(Acl::private(owners.own())),
            None => {
                let mut grants = Vec::new();
                for ((permission, name), text) in HEADERS.into_iter().zip(self.headers) {
                    let Some(text) = text else { continue };
                    let grantees = acl::header(text).map_err(|fault| refused(fault, Some(name)))?;
                    grants.extend(grantees.into_iter().map(|grantee| Grant { grantee, permission }));
                }
                bounded(Acl { grants })
            }
        }
    }
}

fn bounded(list: Acl) -> Result<Acl, S3Error> {
    if list.grants.len() > MAX_GRANTS { Err(S3Error::MalformedAcl) } else { Ok(list) }
}

/// A grantee that is refused, in a header or in a body, which call its parts differently.
fn refused(fault: GranteeFault, header: Option<&'static str>) -> S3Error {
    let invalid = |message, name, value| S3Error::InvalidArgument { message, name, value };
    let (id_name, uri_name) =
        if header.is_some() { ("id", "uri") } else { ("CanonicalUser/ID", "Group/URI") };
    match fault {
        GranteeFault::Shape(text) => {
            invalid("Argument format not recognized", header.unwrap_or("Grantee"), text)
        }
        GranteeFault::Id(id) => invalid("Invalid id", id_name, id),
        GranteeFault::Uri(uri) => invalid("Invalid group uri", uri_name, uri),
        GranteeFault::Email(address) => S3Error::UnresolvableGrant { address },
    }
}

/// What a list has to be to be kept: not public where that is blocked; `None` for the owner's alone.
fn kept(read: &impl Read, list: Acl, bucket: &Bucket, owner: &str) -> Result<Option<Acl>, S3Error> {
    if list.is_public() && account_blocks::of_bucket(read, bucket)?.block_acls {
        return Err(S3Error::AccessDenied);
    }
    Ok((!list.is_private(owner)).then_some(list))
}

/// Strangers own what they write by this id, as on AWS.
const NOBODY: &str = "65a011a29cdf8ec533ec3d1ccaae921c";

/// Who owns what a caller writes into a bucket, by its canonical id; `None` for the bucket's owner.
/// S3 User Guide, "Controlling ownership of objects": the bucket's settings decide.
pub fn writer(caller: &Caller, bucket: &Bucket, canned: Option<&str>) -> Option<String> {
    match bucket.record.ownership {
        Some(Ownership::BucketOwnerEnforced) => return None,
        Some(Ownership::BucketOwnerPreferred) if canned == Some("bucket-owner-full-control") => return None,
        Some(Ownership::BucketOwnerPreferred | Ownership::ObjectWriter) | None => {}
    }
    match caller {
        Caller::Service { .. } => None,
        Caller::Anonymous => Some(NOBODY.to_owned()),
        Caller::Principal(principal) if principal.account == bucket.owner => None,
        Caller::Principal(principal) => Some(canonical_id(principal.account)),
    }
}

/// The list of a new object that a caller writes.
///
/// # Errors
/// Where the bucket has no lists, or this one is not taken.
pub fn of_object(
    read: &impl Read,
    wanted: &Wanted<'_>,
    bucket: &Bucket,
    caller: &Caller,
) -> Result<Option<Acl>, S3Error> {
    if !wanted.any() {
        return Ok(None);
    }
    wanted.check()?;
    let buckets = canonical_id(bucket.owner);
    let writer = writer(caller, bucket, wanted.canned);
    let owner = writer.as_deref().unwrap_or(&buckets);
    let list = wanted.list(Owners::Object(owner, &buckets))?;
    if bucket.record.ownership == Some(Ownership::BucketOwnerEnforced) {
        // A list of the owner's alone is the bucket owner's where the caller is of that account: AWS takes it there
        // and refuses it of other accounts (redpanda-data/connect's pull request 4372, aws-cloudformation/rain's
        // issue 388). It is what rclone and s3fs send.
        let own = matches!(caller, Caller::Principal(principal) if principal.account == bucket.owner);
        let owners = match wanted.canned {
            Some("bucket-owner-full-control") => true,
            canned => canned == Some("private") && own,
        };
        return if owners { Ok(None) } else { Err(S3Error::AclNotSupported) };
    }
    kept(read, list, bucket, owner)
}

/// The list of a new bucket, which is held against its ownership only: a public one comes before the block
/// of public lists is there.
///
/// # Errors
/// Where the ownership allows none, or this one is not taken.
pub fn of_new_bucket(
    wanted: &Wanted<'_>,
    ownership: Ownership,
    owner: AccountId,
) -> Result<Option<Acl>, S3Error> {
    let owner = canonical_id(owner);
    let list = wanted.list(Owners::Bucket(&owner))?;
    let list = (!list.is_private(&owner)).then_some(list);
    if list.is_some() && ownership == Ownership::BucketOwnerEnforced {
        return Err(S3Error::InvalidBucketAcl);
    }
    Ok(list)
}

/// The list that replaces that of a bucket or an object: from headers or from the body.
///
/// # Errors
/// Where the bucket has no lists, or this one is not taken.
pub fn replacing(
    read: &impl Read,
    wanted: &Wanted<'_>,
    body: Option<&api::AccessControlPolicy>,
    bucket: &Bucket,
    owners: Owners<'_>,
) -> Result<Option<Acl>, S3Error> {
    let owner = owners.own();
    let list = match body {
        Some(_) if wanted.any() => return Err(S3Error::UnexpectedContent),
        Some(body) => listed(body, owner)?,
        None if wanted.any() => wanted.list(owners)?,
        None => return Err(S3Error::MissingSecurityHeader),
    };
    if bucket.record.ownership == Some(Ownership::BucketOwnerEnforced) {
        let owners =
            list.is_private(owner) && (body.is_some() || wanted.canned == Some("bucket-owner-full-control"));
        return if owners { Ok(None) } else { Err(S3Error::AclNotSupported) };
    }
    kept(read, list, bucket, owner)
}

/// The list of a body.
fn listed(body: &api::AccessControlPolicy, owner: &str) -> Result<Acl, S3Error> {
    let named = body.owner.as_ref().and_then(|named| named.id.as_deref()).ok_or(S3Error::MalformedAcl)?;
    acl::user(named).map_err(|fault| refused(fault, None))?;
    if named != owner {
        return Err(S3Error::AccessDenied);
    }
    let grants = body.grants.as_deref().unwrap_or_default().iter().map(|grant| {
        let grantee = grant.grantee.as_ref().ok_or(S3Error::MalformedAcl)?;
        let permission =
            grant.permission.as_ref().and_then(|permission| Permission::of_name(permission.as_str()));
        let permission = permission.ok_or(S3Error::MalformedAcl)?;
        Ok(Grant { grantee: self::grantee(grantee)?, permission })
    });
    bounded(Acl { grants: grants.collect::<Result<_, S3Error>>()? })
}

/// Who is meant by a grantee of a body.
///
/// # Errors
/// Where nobody can be, or it is said in several ways.
pub fn grantee(given: &api::Grantee) -> Result<Grantee, S3Error> {
    if matches!(given.type_, api::Type::Other(_)) {
        return Err(S3Error::MalformedAcl);
    }
    let found = match (&given.id, &given.uri, &given.email_address) {
        (Some(id), None, None) => acl::user(id),
        (None, Some(uri), None) => acl::group(uri),
        (None, None, Some(address)) => Err(GranteeFault::Email(address.clone())),
        _ => return Err(S3Error::MalformedAcl),
    };
    found.map_err(|fault| refused(fault, None))
}

/// A list as it is answered, the owner's alone where there is none.
pub fn shown(list: Option<&Acl>, owner: &str) -> Vec<api::Grant> {
    let own = Acl::private(owner);
    list.unwrap_or(&own)
        .grants
        .iter()
        .map(|grant| {
            let grantee = match &grant.grantee {
                Grantee::User(id) => api::Grantee {
                    id: Some(id.clone()),
                    type_: api::Type::CanonicalUser,
                    ..Default::default()
                },
                Grantee::Group(group) => {
                    api::Grantee { uri: Some(group.uri()), type_: api::Type::Group, ..Default::default() }
                }
            };
            let permission = api::Permission::from(grant.permission.name());
            api::Grant { grantee: Some(grantee), permission: Some(permission) }
        })
        .collect()
}
