//! Every error of S3 that this room answers; `answer` says how each looks to clients.

mod answer;

use crate::rules::conditions::{Broken, WriteFault};
use crate::rules::directory_buckets;
use crate::rules::headers::TagSetFault;
use crate::rules::kms::KeyFault;
use crate::rules::multipart;
use crate::select;
use names::Timestamp;
use schema::{ApiError, BodyError};
use service::TagFault;
use std::borrow::Cow;
use store::Fault;

/// An error of S3.
#[derive(Debug)]
pub enum S3Error {
    NoSuchBucket {
        bucket: String,
    },
    NoSuchKey {
        key: String,
    },
    NoSuchVersion {
        key: String,
        version_id: String,
    },
    NoSuchUpload {
        upload_id: String,
    },
    /// A delete marker is the object's newest version.
    Marked {
        key: String,
        version_id: String,
        modified: Timestamp,
    },
    /// The version that was asked for is a delete marker.
    IsMarker {
        method: &'static str,
        version_id: String,
        modified: Timestamp,
    },
    InvalidBucketName {
        bucket: String,
    },
    /// A name without the ending of the account's own namespace, of which the request wants it; or, without an
    /// ending here, a name of a namespace and a request that does not want one of those.
    WrongNamespace {
        ending: Option<String>,
    },
    /// A name of a namespace that is not the account's in this region.
    ForeignNamespace {
        bucket: String,
        own_ending: String,
    },
    KeyTooLong {
        size: usize,
    },
    BucketAlreadyExists {
        bucket: String,
    },
    BucketAlreadyOwnedByYou {
        bucket: String,
    },
    BucketNotEmpty {
        bucket: String,
        versioned: bool,
    },
    IllegalLocation {
        given: Option<String>,
    },
    InvalidLocation {
        given: String,
    },
    AccessDenied,
    /// What is forbidden whatever the caller may do, and why.
    Forbidden {
        message: &'static str,
    },
    /// A versioning configuration without a status.
    IllegalVersioning,
    /// A condition does not hold, and the caller's copy is as good.
    NotModified {
        etag: String,
        modified: Timestamp,
    },
    PreconditionFailed {
        condition: String,
    },
    InvalidRange {
        asked: String,
        size: u64,
    },
    InvalidPartNumber {
        asked: i32,
        count: u32,
    },
    /// A range that a copy asks for lies beyond its source.
    InvalidRangeOfSource {
        message: String,
        asked: String,
    },
    InvalidArgument {
        message: &'static str,
        name: &'static str,
        value: String,
    },
    /// What cannot be the id of a version, in this argument.
    NoVersionId {
        name: &'static str,
        id: String,
    },
    /// An argument whose value is not told again.
    UntoldArgument {
        message: Cow<'static, str>,
        name: &'static str,
    },
    /// A number below zero.
    NegativeArgument {
        name: &'static str,
        value: i32,
    },
    InvalidRequest {
        message: String,
    },
    /// A bucket without versions is to be replicated.
    NoVersionsToReplicate,
    /// A header asks for something that is not there.
    NotImplemented {
        header: &'static str,
    },
    /// The conditions of a write are not taken as they are.
    UnsupportedCondition(WriteFault),
    /// What a write is on the condition of was changed since the upload began.
    ConditionalConflict {
        condition: &'static str,
        key: String,
    },
    /// What a request says of the bucket's owner cannot be an account.
    InvalidExpectedOwner {
        given: String,
    },
    /// A configuration has another id than its request.
    IdMismatch,
    /// An inventory goes to what is no bucket's ARN.
    InvalidDestinationBucket,
    /// An object is read with another customer's key.
    WrongCustomerKey,
    /// A key of KMS that can be none.
    Key(KeyFault),
    InvalidStorageClass {
        given: String,
    },
    InvalidObjectState {
        storage_class: String,
    },
    /// The source of a copy has to be restored first.
    ArchivedSource,
    MetadataTooLarge {
        size: usize,
    },
    InvalidTag {
        message: &'static str,
        key: Option<String>,
        value: Option<String>,
    },
    TooManyTags {
        limit: usize,
    },
    MalformedXml,
    MalformedPolicy {
        message: String,
    },
    InvalidDigest {
        given: String,
    },
    BadDigest {
        expected: String,
        calculated: String,
    },
    BadChecksum {
        algorithm: Cow<'static, str>,
    },
    /// A part's checksum is of another algorithm than the upload's.
    BadPartChecksum {
        algorithm: &'static str,
        number: i32,
    },
    EntityTooLarge {
        size: u64,
        limit: u64,
    },
    Multipart {
        fault: multipart::Fault,
        upload_id: String,
        etag: String,
    },
    /// The body ended, or was refused on its way.
    Body(BodyError),
    /// A value that is not taken, in words.
    WordedArgument {
        message: String,
    },
    NoSuchAccessPoint {
        name: String,
    },
    NoAccessPointPolicy {
        name: String,
    },
    /// An access point of that name is there.
    AccessPointOwned,
    /// A bucket still has access points.
    HasAccessPoints {
        bucket: String,
    },
    /// A name of an access point that can be none.
    UnparsedUri {
        uri: String,
    },
    /// What is to be tagged is not there.
    NoSuchResource,
    /// Nothing keeps an account's buckets from the public.
    NoAccountBlock {
        account: String,
    },
    AclNotSupported,
    MalformedAcl,
    /// A configuration is asked for with no body.
    MissingBody,
    /// A list is asked for in headers and in the body at once.
    UnexpectedContent,
    /// A list is asked for nowhere.
    MissingSecurityHeader,
    /// An account that is named by an address is not known.
    UnresolvableGrant {
        address: String,
    },
    /// A new bucket cannot have a public list.
    PublicBucketAcl,
    /// A lock keeps the version from being removed or unlocked.
    Protected,
    /// The version has no retention, or no legal hold.
    NotLocked,
    /// What cannot be set as the bucket is.
    InvalidBucketState {
        message: &'static str,
    },
    /// An object that is not archived cannot be restored.
    NotRestorable {
        storage_class: String,
    },
    InvalidEncryptionAlgorithm {
        given: String,
    },
    /// Access logs cannot go to this bucket.
    InvalidLogTarget {
        bucket: String,
    },
    /// Access logs stay in the region of what they tell of.
    LogsElsewhere {
        source: String,
        target: String,
    },
    TooManyConfigurations,
    /// What only directory buckets refuse.
    InDirectory(directory_buckets::Fault),
    /// A query that is refused, or fails on a record.
    Select(select::Fault),
    /// What is only for buckets of another kind.
    MethodNotAllowed,
    InvalidBucketAcl,
    /// Destinations of notifications that cannot be used, and why.
    Destinations(Vec<(String, String)>),
    /// A configuration that the bucket does not have.
    NotConfigured {
        bucket: String,
        configuration: Configuration,
    },
    /// The store.
    Store(Fault),
    /// A part of the region, through a port.
    Region(ApiError),
}

/// Configurations whose absence is an error of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Configuration {
    Policy,
    TagSet,
    Cors,
    Lifecycle,
    Website,
    Replication,
    ObjectLock,
    OwnershipControls,
    PublicAccessBlock,
    /// One of the configurations of which a bucket may have many.
    OneOfMany,
}

impl S3Error {
    /// A bucket that is not there.
    pub fn no_bucket(bucket: &str) -> Self {
        S3Error::NoSuchBucket { bucket: bucket.to_owned() }
    }

    /// A configuration that a bucket does not have.
    pub fn absent(bucket: &str, configuration: Configuration) -> Self {
        S3Error::NotConfigured { bucket: bucket.to_owned(), configuration }
    }

    /// A request for a query that is refused.
    pub fn select(code: &'static str, message: &str) -> Self {
        S3Error::Select(select::Fault { code, message: message.to_owned() })
    }

    /// A bucket whose versions cannot be locked.
    pub fn no_lock() -> Self {
        S3Error::InvalidRequest { message: "Bucket is missing Object Lock Configuration".to_owned() }
    }

    /// A key under which there is nothing.
    pub fn no_key(key: &str) -> Self {
        S3Error::NoSuchKey { key: key.to_owned() }
    }

    /// A condition of a read that does not hold.
    pub fn broken(broken: Broken, etag: &str, modified: Timestamp) -> Self {
        if broken.is_not_modified() {
            S3Error::NotModified { etag: etag.to_owned(), modified }
        } else {
            S3Error::PreconditionFailed { condition: broken.header().to_owned() }
        }
    }

    /// A condition of a write that does not hold.
    pub fn refused_write(fault: WriteFault, key: &str) -> Self {
        match fault {
            WriteFault::Absent => S3Error::no_key(key),
            WriteFault::Broken(broken) => {
                S3Error::PreconditionFailed { condition: broken.header().to_owned() }
            }
            fault => S3Error::UnsupportedCondition(fault),
        }
    }

    /// A tag set that is against the rules; `header` where it came in `x-amz-tagging`.
    pub fn tags(fault: TagSetFault, header: Option<&str>) -> Self {
        let invalid = |message, key| S3Error::InvalidTag { message, key: Some(key), value: None };
        match (fault, header) {
            (TagSetFault::Malformed | TagSetFault::Tag(TagFault::Duplicate(_)), Some(header)) => {
                S3Error::InvalidArgument {
                    message: "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query \
                              parameters without tag name duplicates.",
                    name: "x-amz-tagging",
                    value: header.to_owned(),
                }
            }
            (TagSetFault::Malformed, None) => S3Error::MalformedXml,
            (TagSetFault::Tag(TagFault::TooMany { limit }), _) => S3Error::TooManyTags { limit },
            (TagSetFault::Tag(TagFault::Key(key)), _) => {
                invalid("The TagKey you have provided is invalid", key)
            }
            (TagSetFault::Value { key, value }, _) => S3Error::InvalidTag {
                message: "The TagValue you have provided is invalid",
                key: Some(key),
                value: Some(value),
            },
            (TagSetFault::Tag(TagFault::Value { key }), _) => {
                invalid("The TagValue you have provided is invalid", key)
            }
            (TagSetFault::Tag(TagFault::Reserved(key)), Some(_)) => {
                invalid("Your TagKey cannot be prefixed with aws:", key)
            }
            (TagSetFault::Tag(TagFault::Reserved(key)), None) => {
                invalid("System tags cannot be added/updated by requester", key)
            }
            (TagSetFault::Tag(TagFault::Duplicate(key)), None) => {
                invalid("Cannot provide multiple Tags with the same key", key)
            }
        }
    }
}

impl From<Fault> for S3Error {
    fn from(fault: Fault) -> Self {
        S3Error::Store(fault)
    }
}

impl From<select::Fault> for S3Error {
    fn from(fault: select::Fault) -> Self {
        S3Error::Select(fault)
    }
}

impl From<ApiError> for S3Error {
    fn from(error: ApiError) -> Self {
        S3Error::Region(error)
    }
}

impl From<BodyError> for S3Error {
    fn from(error: BodyError) -> Self {
        S3Error::Body(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_statuses() {
        for (error, code, status) in [
            (S3Error::no_bucket("b"), "NoSuchBucket", 404),
            (S3Error::no_key("k"), "NoSuchKey", 404),
            (S3Error::MalformedXml, "MalformedXML", 400),
            (S3Error::AclNotSupported, "AccessControlListNotSupported", 400),
            (S3Error::InvalidRange { asked: "bytes=9-".into(), size: 3 }, "InvalidRange", 416),
            (S3Error::NotImplemented { header: "x" }, "NotImplemented", 501),
            (S3Error::Store(Fault::Contended), "OperationAborted", 409),
            (S3Error::Body(BodyError::Incomplete), "IncompleteBody", 400),
            (S3Error::absent("b", Configuration::Cors), "NoSuchCORSConfiguration", 404),
        ] {
            let answer = ApiError::from(error);
            assert_eq!((answer.code.as_ref(), answer.status), (code, status));
        }
    }

    #[test]
    fn an_unchanged_object_answers_its_tag() {
        let answer = ApiError::from(S3Error::broken(Broken::NoneMatch, "abc", Timestamp(0)));
        assert_eq!(answer.status, 304);
        assert!(answer.headers.contains(&("etag", "\"abc\"".to_owned())));
    }
}
