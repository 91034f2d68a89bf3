//! Every error of S3 that this room answers: code, status, message and the fields beside them.
//! Codes and statuses: S3 API Reference, "List of error codes"; messages as S3 answers them.

use crate::rules::conditions::{Broken, WriteFault};
use crate::rules::headers::{MAX_METADATA_BYTES, TagSetFault};
use crate::rules::multipart::{self, MIN_PART_BYTES};
use names::Timestamp;
use schema::{ApiError, BodyError};
use service::TagFault;
use store::{Fault, Reason};

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
    InvalidRequest {
        message: String,
    },
    /// A header asks for something that is not there.
    NotImplemented {
        header: &'static str,
    },
    InvalidStorageClass {
        given: String,
    },
    InvalidObjectState {
        storage_class: String,
    },
    MetadataTooLarge {
        size: usize,
    },
    InvalidTag {
        message: &'static str,
        key: Option<String>,
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
        algorithm: &'static str,
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
    MissingContentLength,
    /// The body ended, or was refused on its way.
    Body(BodyError),
    AclNotSupported,
    InvalidBucketAcl,
    /// A notification's destination cannot be used.
    Destinations {
        arn: String,
        why: &'static str,
    },
    /// A configuration that the bucket does not have.
    NotConfigured(Configuration),
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
}

impl Configuration {
    fn code_and_message(self) -> (&'static str, &'static str) {
        match self {
            Configuration::Policy => ("NoSuchBucketPolicy", "The bucket policy does not exist"),
            Configuration::TagSet => ("NoSuchTagSet", "The TagSet does not exist"),
            Configuration::Cors => ("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
            Configuration::Lifecycle => {
                ("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist")
            }
            Configuration::Website => {
                ("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration")
            }
            Configuration::Replication => {
                ("ReplicationConfigurationNotFoundError", "The replication configuration was not found")
            }
            Configuration::ObjectLock => (
                "ObjectLockConfigurationNotFoundError",
                "Object Lock configuration does not exist for this bucket",
            ),
            Configuration::OwnershipControls => {
                ("OwnershipControlsNotFoundError", "The bucket ownership controls were not found")
            }
            Configuration::PublicAccessBlock => (
                "NoSuchPublicAccessBlockConfiguration",
                "The public access block configuration was not found",
            ),
        }
    }
}

impl S3Error {
    /// A bucket that is not there.
    pub fn no_bucket(bucket: &str) -> Self {
        S3Error::NoSuchBucket { bucket: bucket.to_owned() }
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
            WriteFault::Unsupported => S3Error::NotImplemented { header: "If-None-Match" },
        }
    }

    /// A tag set that is against the rules; `header` where it came in `x-amz-tagging`.
    pub fn tags(fault: TagSetFault, header: Option<&str>) -> Self {
        let invalid = |message, key| S3Error::InvalidTag { message, key: Some(key) };
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
            (TagSetFault::Tag(TagFault::Value { key }), _) => {
                invalid("The TagValue you have provided is invalid", key)
            }
            (TagSetFault::Tag(TagFault::Reserved(key)), _) => {
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

impl From<S3Error> for ApiError {
    fn from(error: S3Error) -> ApiError {
        match error {
            S3Error::Region(error) => error,
            S3Error::Store(fault) => of_store(&fault),
            S3Error::Body(error) => of_body(error),
            S3Error::Multipart { fault, upload_id, etag } => of_multipart(&fault, upload_id, etag),
            S3Error::NotConfigured(configuration) => {
                let (code, message) = configuration.code_and_message();
                ApiError::new(code, 404, message)
            }
            error => match of_name(error) {
                Ok(answer) => answer,
                Err(error) => of_request(error),
            },
        }
    }
}

/// Errors about buckets, keys and versions.
fn of_name(error: S3Error) -> Result<ApiError, S3Error> {
    let answer = match error {
        S3Error::NoSuchBucket { bucket } => {
            ApiError::new("NoSuchBucket", 404, "The specified bucket does not exist")
                .field("BucketName", bucket)
        }
        S3Error::NoSuchKey { key } => {
            ApiError::new("NoSuchKey", 404, "The specified key does not exist.").field("Key", key)
        }
        S3Error::Marked { key, version_id } => {
            ApiError::new("NoSuchKey", 404, "The specified key does not exist.")
                .field("Key", key)
                .header("x-amz-delete-marker", "true")
                .header("x-amz-version-id", version_id)
        }
        S3Error::IsMarker { method, version_id, modified } => ApiError::new(
            "MethodNotAllowed",
            405,
            "The specified method is not allowed against this resource.",
        )
        .field("Method", method)
        .field("ResourceType", "DeleteMarker")
        .header("allow", "DELETE")
        .header("last-modified", modified.http_date())
        .header("x-amz-delete-marker", "true")
        .header("x-amz-version-id", version_id),
        S3Error::NoSuchVersion { key, version_id } => {
            ApiError::new("NoSuchVersion", 404, "The specified version does not exist.")
                .field("Key", key)
                .field("VersionId", version_id)
        }
        S3Error::NoSuchUpload { upload_id } => ApiError::new(
            "NoSuchUpload",
            404,
            "The specified upload does not exist. The upload ID may be invalid, or the upload may have been \
             aborted or completed.",
        )
        .field("UploadId", upload_id),
        S3Error::InvalidBucketName { bucket } => {
            ApiError::new("InvalidBucketName", 400, "The specified bucket is not valid.")
                .field("BucketName", bucket)
        }
        S3Error::KeyTooLong { size } => ApiError::new("KeyTooLongError", 400, "Your key is too long")
            .field("Size", size.to_string())
            .field("MaxSizeAllowed", crate::rules::names::MAX_KEY_BYTES.to_string()),
        S3Error::BucketAlreadyExists { bucket } => ApiError::new(
            "BucketAlreadyExists",
            409,
            "The requested bucket name is not available. The bucket namespace is shared by all users of the \
             system. Please select a different name and try again.",
        )
        .field("BucketName", bucket),
        S3Error::BucketAlreadyOwnedByYou { bucket } => ApiError::new(
            "BucketAlreadyOwnedByYou",
            409,
            "Your previous request to create the named bucket succeeded and you already own it.",
        )
        .field("BucketName", bucket),
        S3Error::BucketNotEmpty { bucket, versioned } => {
            let message = if versioned {
                "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
            } else {
                "The bucket you tried to delete is not empty"
            };
            ApiError::new("BucketNotEmpty", 409, message).field("BucketName", bucket)
        }
        S3Error::IllegalLocation { given } => ApiError::new(
            "IllegalLocationConstraintException",
            400,
            format!(
                "The {} location constraint is incompatible for the region specific endpoint this request was \
                 sent to.",
                given.as_deref().unwrap_or("unspecified")
            ),
        ),
        S3Error::InvalidLocation { given } => {
            ApiError::new("InvalidLocationConstraint", 400, "The specified location-constraint is not valid")
                .field("LocationConstraint", given)
        }
        S3Error::AccessDenied => ApiError::new("AccessDenied", 403, "Access Denied"),
        other => return Err(other),
    };
    Ok(answer)
}

/// Errors about what a request says.
fn of_request(error: S3Error) -> ApiError {
    match error {
        S3Error::NotModified { etag, modified } => ApiError::new("NotModified", 304, "Not Modified")
            .header("etag", format!("\"{etag}\""))
            .header("last-modified", modified.http_date()),
        S3Error::PreconditionFailed { condition } => ApiError::new(
            "PreconditionFailed",
            412,
            "At least one of the pre-conditions you specified did not hold",
        )
        .field("Condition", condition),
        S3Error::InvalidRange { asked, size } => {
            ApiError::new("InvalidRange", 416, "The requested range is not satisfiable")
                .field("RangeRequested", asked)
                .field("ActualObjectSize", size.to_string())
        }
        S3Error::InvalidPartNumber { asked, count } => {
            ApiError::new("InvalidPartNumber", 416, "The requested partnumber is not satisfiable")
                .field("PartNumberRequested", asked.to_string())
                .field("ActualPartCount", count.to_string())
        }
        S3Error::InvalidRangeOfSource { message, asked } => ApiError::new("InvalidArgument", 400, message)
            .field("ArgumentName", "x-amz-copy-source-range")
            .field("ArgumentValue", asked),
        S3Error::InvalidArgument { message, name, value } => ApiError::new("InvalidArgument", 400, message)
            .field("ArgumentName", name)
            .field("ArgumentValue", value),
        S3Error::InvalidRequest { message } => ApiError::new("InvalidRequest", 400, message),
        S3Error::NotImplemented { header } => ApiError::new(
            "NotImplemented",
            501,
            "A header you provided implies functionality that is not implemented",
        )
        .field("Header", header),
        S3Error::InvalidStorageClass { given } => {
            ApiError::new("InvalidStorageClass", 400, "The storage class you specified is not valid")
                .field("StorageClassRequested", given)
        }
        S3Error::InvalidObjectState { storage_class } => ApiError::new(
            "InvalidObjectState",
            403,
            "The operation is not valid for the object's storage class",
        )
        .field("StorageClass", storage_class),
        S3Error::MetadataTooLarge { size } => ApiError::new(
            "MetadataTooLarge",
            400,
            "Your metadata headers exceed the maximum allowed metadata size",
        )
        .field("Size", size.to_string())
        .field("MaxSizeAllowed", MAX_METADATA_BYTES.to_string()),
        error => of_content(error),
    }
}

/// Errors about content, tags and configurations.
fn of_content(error: S3Error) -> ApiError {
    match error {
        S3Error::InvalidTag { message, key } => {
            let error = ApiError::new("InvalidTag", 400, message);
            match key {
                Some(key) => error.field("TagKey", key),
                None => error,
            }
        }
        S3Error::TooManyTags { limit: limit @ 10 } => {
            ApiError::new("BadRequest", 400, format!("Object tags cannot be greater than {limit}"))
        }
        S3Error::TooManyTags { limit } => {
            ApiError::new("BadRequest", 400, format!("Bucket tag count cannot be greater than {limit}"))
        }
        S3Error::MalformedXml => ApiError::new(
            "MalformedXML",
            400,
            "The XML you provided was not well-formed or did not validate against our published schema",
        ),
        S3Error::MalformedPolicy { message } => ApiError::new("MalformedPolicy", 400, message),
        S3Error::InvalidDigest { given } => {
            ApiError::new("InvalidDigest", 400, "The Content-MD5 you specified was invalid.")
                .field("Content-MD5", given)
        }
        S3Error::BadDigest { expected, calculated } => {
            ApiError::new("BadDigest", 400, "The Content-MD5 you specified did not match what we received.")
                .field("ExpectedDigest", expected)
                .field("CalculatedDigest", calculated)
        }
        S3Error::BadChecksum { algorithm } => ApiError::new(
            "BadDigest",
            400,
            format!("The {algorithm} you specified did not match the calculated checksum."),
        ),
        S3Error::EntityTooLarge { size, limit } => {
            ApiError::new("EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size")
                .field("ProposedSize", size.to_string())
                .field("MaxSizeAllowed", limit.to_string())
        }
        S3Error::MissingContentLength => {
            ApiError::new("MissingContentLength", 411, "You must provide the Content-Length HTTP header.")
        }
        S3Error::AclNotSupported => {
            ApiError::new("AccessControlListNotSupported", 400, "The bucket does not allow ACLs")
        }
        S3Error::InvalidBucketAcl => ApiError::new(
            "InvalidBucketAclWithObjectOwnership",
            400,
            "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
        ),
        S3Error::Destinations { arn, why } => ApiError::new(
            "InvalidArgument",
            400,
            "Unable to validate the following destination configurations",
        )
        .field("ArgumentName", arn)
        .field("ArgumentValue", why),
        // Every other error was answered before.
        _ => internal(),
    }
}

fn internal() -> ApiError {
    ApiError::new("InternalError", 500, "We encountered an internal error. Please try again.")
}

fn of_store(fault: &Fault) -> ApiError {
    match fault {
        Fault::Missing | Fault::Contended => ApiError::new(
            "OperationAborted",
            409,
            "A conflicting conditional operation is currently in progress against this resource. Please try \
             again.",
        ),
        Fault::Unavailable(Reason::DiskFull | Reason::Overloaded) => {
            ApiError::new("SlowDown", 503, "Please reduce your request rate.")
        }
        Fault::Unavailable(Reason::EngineFailed(_) | Reason::Closed) => {
            ApiError::new("ServiceUnavailable", 503, "Service is unable to handle request.")
        }
        Fault::TooLarge { .. } => {
            ApiError::new("EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size")
        }
        Fault::Corrupt { .. } | Fault::Panicked => internal(),
    }
}

fn of_body(error: BodyError) -> ApiError {
    match error {
        BodyError::Incomplete => ApiError::new(
            "IncompleteBody",
            400,
            "You did not provide the number of bytes specified by the Content-Length HTTP header",
        ),
        BodyError::TooLarge(limit) => {
            ApiError::new("EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size")
                .field("MaxSizeAllowed", limit.to_string())
        }
        BodyError::Rejected { code, message } => {
            let status = if code == "SignatureDoesNotMatch" { 403 } else { 400 };
            ApiError::new(code, status, message)
        }
        BodyError::Io(_) => ApiError::new(
            "RequestTimeout",
            400,
            "Your socket connection to the server was not read from or written to within the timeout period. \
             Idle connections will be closed.",
        ),
    }
}

fn of_multipart(fault: &multipart::Fault, upload_id: String, etag: String) -> ApiError {
    match fault {
        multipart::Fault::NoParts => S3Error::MalformedXml.into(),
        multipart::Fault::Order => ApiError::new(
            "InvalidPartOrder",
            400,
            "The list of parts was not in ascending order. Parts must be ordered by part number.",
        )
        .field("UploadId", upload_id),
        multipart::Fault::Part(number) => ApiError::new(
            "InvalidPart",
            400,
            "One or more of the specified parts could not be found.  The part may not have been uploaded, or \
             the specified entity tag may not match the part's entity tag.",
        )
        .field("UploadId", upload_id)
        .field("PartNumber", number.to_string())
        .field("ETag", etag),
        multipart::Fault::TooSmall { number, size, md5 } => ApiError::new(
            "EntityTooSmall",
            400,
            "Your proposed upload is smaller than the minimum allowed size",
        )
        .field("ETag", multipart::hex(md5))
        .field("MinSizeAllowed", MIN_PART_BYTES.to_string())
        .field("ProposedSize", size.to_string())
        .field("PartNumber", number.to_string()),
        multipart::Fault::TooLarge(size) => {
            S3Error::EntityTooLarge { size: *size, limit: multipart::MAX_OBJECT_BYTES }.into()
        }
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
            (S3Error::NotConfigured(Configuration::Cors), "NoSuchCORSConfiguration", 404),
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
