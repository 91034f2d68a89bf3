//! How each error looks to clients: code and status, message, fields and headers.
//! Codes and statuses: S3 API Reference, "List of error codes"; messages as S3 answers them.

use super::{Configuration, S3Error};
use crate::rules::conditions::WriteFault;
use crate::rules::headers::MAX_METADATA_BYTES;
use crate::rules::multipart::{Fault as Parts, MAX_OBJECT_BYTES, MIN_PART_BYTES};
use crate::rules::names::MAX_KEY_BYTES;
use schema::{ApiError, BodyError};
use service::hex;
use std::borrow::Cow;
use store::{Fault, Reason};

impl From<S3Error> for ApiError {
    fn from(error: S3Error) -> ApiError {
        if let S3Error::Region(error) = error {
            return error;
        }
        let (code, status) = code_and_status(&error);
        let answer = ApiError::new(code, status, message(&error));
        with_headers(with_fields(answer, &error), &error)
    }
}

const INTERNAL: (&str, u16) = ("InternalError", 500);
const TOO_LARGE: (&str, u16) = ("EntityTooLarge", 400);

fn code_and_status(error: &S3Error) -> (&'static str, u16) {
    match error {
        S3Error::NoSuchBucket { .. } => ("NoSuchBucket", 404),
        S3Error::NoSuchKey { .. } | S3Error::Marked { .. } => ("NoSuchKey", 404),
        S3Error::NoSuchVersion { .. } => ("NoSuchVersion", 404),
        S3Error::NoSuchUpload { .. } => ("NoSuchUpload", 404),
        S3Error::IsMarker { .. } | S3Error::MethodNotAllowed => ("MethodNotAllowed", 405),
        S3Error::InvalidBucketName { .. } => ("InvalidBucketName", 400),
        S3Error::WrongNamespace { ending: Some(_) } => ("InvalidNamespaceHeader", 400),
        S3Error::WrongNamespace { ending: None } => ("MissingNamespaceHeader", 400),
        S3Error::ForeignNamespace { .. } => ("InvalidBucketNamespace", 400),
        S3Error::KeyTooLong { .. } => ("KeyTooLongError", 400),
        S3Error::BucketAlreadyExists { .. } => ("BucketAlreadyExists", 409),
        S3Error::BucketAlreadyOwnedByYou { .. } => ("BucketAlreadyOwnedByYou", 409),
        S3Error::BucketNotEmpty { .. } => ("BucketNotEmpty", 409),
        S3Error::IllegalLocation { .. } => ("IllegalLocationConstraintException", 400),
        S3Error::InvalidLocation { .. } => ("InvalidLocationConstraint", 400),
        S3Error::IllegalVersioning => ("IllegalVersioningConfigurationException", 400),
        S3Error::NotModified { .. } => ("NotModified", 304),
        S3Error::PreconditionFailed { .. } => ("PreconditionFailed", 412),
        S3Error::InvalidRange { .. } => ("InvalidRange", 416),
        S3Error::InvalidPartNumber { .. } => ("InvalidPartNumber", 416),
        S3Error::InvalidRangeOfSource { .. } | S3Error::NegativeArgument { .. } => ("InvalidArgument", 400),
        S3Error::InvalidArgument { .. } | S3Error::UntoldArgument { .. } => ("InvalidArgument", 400),
        S3Error::NoVersionId { .. } => ("InvalidArgument", 400),
        S3Error::Destinations(_) | S3Error::WordedArgument { .. } => ("InvalidArgument", 400),
        S3Error::InvalidRequest { .. } | S3Error::NoVersionsToReplicate => ("InvalidRequest", 400),
        S3Error::NotImplemented { .. } | S3Error::UnsupportedCondition(_) => ("NotImplemented", 501),
        S3Error::ConditionalConflict { .. } => ("ConditionalRequestConflict", 409),
        S3Error::InvalidExpectedOwner { .. } => ("InvalidBucketOwnerAWSAccountID", 400),
        S3Error::IdMismatch => ("IdMismatch", 400),
        S3Error::InvalidDestinationBucket => ("InvalidS3DestinationBucket", 400),
        S3Error::AccessDenied | S3Error::WrongCustomerKey | S3Error::Protected => ("AccessDenied", 403),
        S3Error::Key(_) => ("KMS.NotFoundException", 400),
        S3Error::InvalidStorageClass { .. } => ("InvalidStorageClass", 400),
        S3Error::InvalidObjectState { .. } | S3Error::NotRestorable { .. } => ("InvalidObjectState", 403),
        S3Error::ArchivedSource => ("ObjectNotInActiveTierError", 403),
        S3Error::MetadataTooLarge { .. } => ("MetadataTooLarge", 400),
        S3Error::InvalidTag { .. } => ("InvalidTag", 400),
        S3Error::TooManyTags { .. } => ("BadRequest", 400),
        S3Error::MalformedXml => ("MalformedXML", 400),
        S3Error::MalformedPolicy { .. } => ("MalformedPolicy", 400),
        S3Error::InvalidDigest { .. } => ("InvalidDigest", 400),
        S3Error::BadDigest { .. } | S3Error::BadChecksum { .. } | S3Error::BadPartChecksum { .. } => {
            ("BadDigest", 400)
        }
        S3Error::EntityTooLarge { .. } => TOO_LARGE,
        S3Error::Multipart { fault, .. } => of_parts(fault),
        S3Error::Body(error) => of_body(error),
        S3Error::AclNotSupported => ("AccessControlListNotSupported", 400),
        S3Error::MissingBody => ("MissingRequestBodyError", 400),
        S3Error::MalformedAcl => ("MalformedACLError", 400),
        S3Error::UnexpectedContent => ("UnexpectedContent", 400),
        S3Error::MissingSecurityHeader => ("MissingSecurityHeader", 400),
        S3Error::UnresolvableGrant { .. } => ("UnresolvableGrantByEmailAddress", 400),
        S3Error::PublicBucketAcl => ("InvalidBucketAclWithBlockPublicAccessError", 400),
        S3Error::NotLocked => ("NoSuchObjectLockConfiguration", 404),
        S3Error::InvalidBucketState { .. } => ("InvalidBucketState", 409),
        S3Error::InvalidEncryptionAlgorithm { .. } => ("InvalidEncryptionAlgorithmError", 400),
        S3Error::InvalidLogTarget { .. } => ("InvalidTargetBucketForLogging", 400),
        S3Error::LogsElsewhere { .. } => ("CrossLocationLoggingProhibitted", 403),
        S3Error::TooManyConfigurations => ("TooManyConfigurations", 400),
        S3Error::Select(fault) => (fault.code, 400),
        S3Error::InvalidBucketAcl => ("InvalidBucketAclWithObjectOwnership", 400),
        S3Error::NotConfigured { configuration, .. } => (absence(*configuration).0, 404),
        S3Error::Store(fault) => of_store(fault),
        S3Error::Region(_) => INTERNAL,
        error => of_control(error),
    }
}

/// Of what S3 Control and directory buckets answer.
fn of_control(error: &S3Error) -> (&'static str, u16) {
    match error {
        S3Error::NoSuchAccessPoint { .. } => ("NoSuchAccessPoint", 404),
        S3Error::NoAccessPointPolicy { .. } => ("NoSuchAccessPointPolicy", 404),
        S3Error::AccessPointOwned => ("AccessPointAlreadyOwnedByYou", 409),
        S3Error::HasAccessPoints { .. } => ("BucketHasAccessPointsAttached", 400),
        S3Error::UnparsedUri { .. } => ("InvalidURI", 400),
        S3Error::NoSuchResource => ("NoSuchResource", 404),
        S3Error::NoAccountBlock { .. } => (absence(Configuration::PublicAccessBlock).0, 404),
        S3Error::InDirectory(fault) => (fault.code(), 400),
        S3Error::Forbidden { .. } => ("AccessDenied", 403),
        _ => INTERNAL,
    }
}

fn of_parts(fault: &Parts) -> (&'static str, u16) {
    match fault {
        Parts::NoParts => ("MalformedXML", 400),
        Parts::Number(_) => ("InvalidArgument", 400),
        Parts::Order => ("InvalidPartOrder", 400),
        Parts::Part(_) => ("InvalidPart", 400),
        Parts::TooSmall { .. } => ("EntityTooSmall", 400),
        Parts::TooLarge(_) => TOO_LARGE,
    }
}

fn of_body(error: &BodyError) -> (&'static str, u16) {
    match error {
        BodyError::Incomplete => ("IncompleteBody", 400),
        BodyError::TooLarge(_) => TOO_LARGE,
        BodyError::Rejected { code: code @ "SignatureDoesNotMatch", .. } => (code, 403),
        BodyError::Rejected { code, .. } => (code, 400),
        BodyError::Io(_) => ("RequestTimeout", 400),
    }
}

fn of_store(fault: &Fault) -> (&'static str, u16) {
    match fault {
        Fault::Missing | Fault::Contended => ("OperationAborted", 409),
        Fault::Unavailable(Reason::DiskFull | Reason::Overloaded) => ("SlowDown", 503),
        Fault::Unavailable(Reason::EngineFailed(_) | Reason::Closed) => ("ServiceUnavailable", 503),
        Fault::TooLarge { .. } => TOO_LARGE,
        Fault::Corrupt { .. } | Fault::Panicked => INTERNAL,
    }
}

/// The error of a configuration that a bucket does not have.
fn absence(configuration: Configuration) -> (&'static str, &'static str) {
    match configuration {
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
        Configuration::OneOfMany => ("NoSuchConfiguration", "The specified configuration does not exist."),
        Configuration::OwnershipControls => {
            ("OwnershipControlsNotFoundError", "The bucket ownership controls were not found")
        }
        Configuration::PublicAccessBlock => {
            ("NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found")
        }
    }
}

const MALFORMED_XML: &str =
    "The XML you provided was not well-formed or did not validate against our published schema";
const NO_UPLOAD: &str = "The specified upload does not exist. The upload ID may be invalid, or the upload may have \
                         been aborted or completed.";
const NAME_TAKEN: &str = "The requested bucket name is not available. The bucket namespace is shared by all users \
                          of the system. Please select a different name and try again.";
const NAME_OWN: &str = "Your previous request to create the named bucket succeeded and you already own it.";
const POINT_OWN: &str =
    "Your previous request to create the named accesspoint succeeded and you already own it.";
const HAS_POINTS: &str = "The bucket you attempted to delete has access points attached. Delete your access points \
                          and try again.";
const NOT_EMPTY: &str = "The bucket you tried to delete is not empty";
const NOT_EMPTY_VERSIONED: &str =
    "The bucket you tried to delete is not empty. You must delete all versions in the bucket.";
const UPLOAD_TOO_LARGE: &str = "Your proposed upload exceeds the maximum allowed size";
const METADATA_TOO_LARGE: &str = "Your metadata headers exceed the maximum allowed metadata size";
const ENFORCED: &str = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting";
const WRONG_METHOD: &str = "The specified method is not allowed against this resource.";
const WRONG_MD5: &str = "The Content-MD5 you specified did not match what we received.";
const ARCHIVED: &str = "The operation is not valid for the object's storage class";
const ARCHIVED_SOURCE: &str =
    "The source object of the COPY operation is not in the active tier and is only stored in Amazon Glacier.";
const BROKEN_CONDITION: &str = "At least one of the pre-conditions you specified did not hold";
const NO_SUCH_HEADER: &str = "A header you provided implies functionality that is not implemented";
const CONFLICT: &str =
    "The conditional request cannot succeed due to a conflicting operation against this resource.";
const WRONG_KEY: &str = "Requests specifying Server Side Encryption with Customer provided keys must provide the \
                         correct secret key.";
const NO_DESTINATION: &str = "Unable to validate the following destination configurations";
const NO_ACCOUNT: &str = "The e-mail address you provided does not match any account on record.";
const FAILED: &str = "We encountered an internal error. Please try again.";

fn message(error: &S3Error) -> Cow<'static, str> {
    Cow::Owned(match error {
        S3Error::IllegalLocation { given } => incompatible(given.as_deref()),
        S3Error::InvalidRangeOfSource { message, .. }
        | S3Error::InvalidRequest { message }
        | S3Error::WordedArgument { message }
        | S3Error::MalformedPolicy { message } => message.clone(),
        S3Error::UntoldArgument { message, .. } => return message.clone(),
        S3Error::NegativeArgument { name, .. } => negative(name),
        S3Error::NoVersionsToReplicate => {
            "Versioning must be 'Enabled' on the bucket to apply a replication configuration".to_owned()
        }
        S3Error::InvalidExpectedOwner { given } => no_account_id(given),
        S3Error::TooManyTags { limit } => too_many_tags(*limit),
        S3Error::BadChecksum { algorithm } => wrong_checksum(algorithm),
        S3Error::BadPartChecksum { algorithm, number } => wrong_part_checksum(algorithm, *number),
        S3Error::WrongNamespace { ending } => namespace(ending.as_deref()),
        S3Error::ForeignNamespace { own_ending, .. } => format!(
            "The requested bucket is an account-regional namespace bucket, but the bucket name does not end with \
             {own_ending}. Specify the targeted account and region in the bucket name."
        ),
        S3Error::Body(error) => return body_message(error),
        S3Error::Select(fault) => fault.message.clone(),
        S3Error::InDirectory(fault) => return Cow::Borrowed(fault.message()),
        S3Error::Forbidden { message } => return Cow::Borrowed(message),
        S3Error::Key(fault) => fault.message(),
        error => return Cow::Borrowed(fixed(error)),
    })
}

/// The messages that are always the same. Those that are not come before it.
fn fixed(error: &S3Error) -> &'static str {
    match error {
        S3Error::NoSuchBucket { .. } => "The specified bucket does not exist",
        S3Error::NoSuchKey { .. } | S3Error::Marked { .. } => "The specified key does not exist.",
        S3Error::NoSuchVersion { .. } => "The specified version does not exist.",
        S3Error::NoSuchUpload { .. } => NO_UPLOAD,
        S3Error::IsMarker { .. } | S3Error::MethodNotAllowed => WRONG_METHOD,
        S3Error::InvalidBucketName { .. } => "The specified bucket is not valid.",
        S3Error::KeyTooLong { .. } => "Your key is too long",
        S3Error::BucketAlreadyExists { .. } => NAME_TAKEN,
        S3Error::BucketAlreadyOwnedByYou { .. } => NAME_OWN,
        S3Error::BucketNotEmpty { versioned: false, .. } => NOT_EMPTY,
        S3Error::BucketNotEmpty { versioned: true, .. } => NOT_EMPTY_VERSIONED,
        S3Error::InvalidLocation { .. } => "The specified location-constraint is not valid",
        S3Error::IllegalVersioning => "The Versioning element must be specified",
        S3Error::AccessDenied => "Access Denied",
        S3Error::NotModified { .. } => "Not Modified",
        S3Error::PreconditionFailed { .. } => BROKEN_CONDITION,
        S3Error::InvalidRange { .. } => "The requested range is not satisfiable",
        S3Error::InvalidPartNumber { .. } => "The requested partnumber is not satisfiable",
        S3Error::InvalidArgument { message, .. } | S3Error::InvalidTag { message, .. } => message,
        // versioning_mix.md of dyus/meeseeks-s3, recorded on AWS in 2026.
        S3Error::NoVersionId { id, .. } if id.is_empty() => "Version id cannot be the empty string",
        S3Error::NoVersionId { .. } => "Invalid version id specified",
        S3Error::Destinations(_) => NO_DESTINATION,
        S3Error::NotImplemented { .. } | S3Error::UnsupportedCondition(_) => NO_SUCH_HEADER,
        S3Error::ConditionalConflict { .. } => CONFLICT,
        S3Error::IdMismatch => "Document ID does not match the specified configuration ID.",
        S3Error::InvalidDestinationBucket => "Invalid bucket ARN.",
        S3Error::WrongCustomerKey => WRONG_KEY,
        S3Error::InvalidStorageClass { .. } => "The storage class you specified is not valid",
        S3Error::InvalidObjectState { .. } => ARCHIVED,
        S3Error::ArchivedSource => ARCHIVED_SOURCE,
        S3Error::MetadataTooLarge { .. } => METADATA_TOO_LARGE,
        S3Error::MalformedXml | S3Error::MalformedAcl => MALFORMED_XML,
        S3Error::InvalidDigest { .. } => "The Content-MD5 you specified was invalid.",
        S3Error::BadDigest { .. } => WRONG_MD5,
        S3Error::EntityTooLarge { .. } => UPLOAD_TOO_LARGE,
        S3Error::Multipart { fault, .. } => parts_message(fault),
        S3Error::MissingBody => "Request Body is empty",
        S3Error::UnexpectedContent => "This request does not support content",
        S3Error::MissingSecurityHeader => "Your request was missing a required header",
        S3Error::UnresolvableGrant { .. } => NO_ACCOUNT,
        S3Error::PublicBucketAcl => "Bucket cannot have public ACLs set with BlockPublicAccess enabled",
        S3Error::Protected => "Access Denied because object protected by object lock.",
        S3Error::NotLocked => "The specified object does not have a ObjectLock configuration",
        S3Error::InvalidBucketState { message } => message,
        S3Error::NotRestorable { .. } => "Restore is not allowed for the object's current storage class",
        S3Error::InvalidEncryptionAlgorithm { .. } => {
            "The Encryption request you specified is not valid. Supported value: AES256."
        }
        S3Error::InvalidLogTarget { .. } => "The target bucket for logging does not exist",
        S3Error::LogsElsewhere { .. } => "Cross S3 location logging not allowed. ",
        S3Error::TooManyConfigurations => {
            "You are attempting to create a new configuration beyond the limit."
        }
        S3Error::NoSuchAccessPoint { .. } => "The specified accesspoint does not exist",
        S3Error::NoAccessPointPolicy { .. } => "The specified accesspoint policy does not exist",
        S3Error::AccessPointOwned => POINT_OWN,
        S3Error::HasAccessPoints { .. } => HAS_POINTS,
        S3Error::UnparsedUri { .. } => "Couldn't parse the specified URI.",
        S3Error::NoSuchResource => "The specified resource doesn't exist.",
        S3Error::NoAccountBlock { .. } => absence(Configuration::PublicAccessBlock).1,
        S3Error::AclNotSupported => "The bucket does not allow ACLs",
        S3Error::InvalidBucketAcl => ENFORCED,
        S3Error::NotConfigured { configuration, .. } => absence(*configuration).1,
        S3Error::Store(fault) => store_message(fault),
        _ => FAILED,
    }
}

fn namespace(ending: Option<&str>) -> String {
    match ending {
        Some(ending) => format!(
            "The requested bucket name did not include the account-regional namespace suffix, but the provided \
             x-amz-bucket-namespace header value is account-regional. Specify {ending} as the bucket name suffix \
             to create a bucket in your account-regional namespace, or remove the header."
        ),
        None => {
            "The requested bucket is an account-regional namespace bucket, but your request is missing the \
                 required x-amz-bucket-namespace header."
                .to_owned()
        }
    }
}

fn incompatible(given: Option<&str>) -> String {
    let given = given.unwrap_or("unspecified");
    format!(
        "The {given} location constraint is incompatible for the region specific endpoint this request was sent to."
    )
}

/// Each listing has words of its own (recorded of AWS, 2026: `maxKeys` for objects, `max-keys` for versions).
fn negative(name: &str) -> String {
    match name {
        "max-keys" => "max-keys cannot be negative".to_owned(),
        name => format!("Argument {name} must be an integer between 0 and 2147483647"),
    }
}

fn too_many_tags(limit: usize) -> String {
    match limit {
        10 => format!("Object tags cannot be greater than {limit}"),
        _ => format!("Bucket tag count cannot be greater than {limit}"),
    }
}

fn wrong_checksum(algorithm: &str) -> String {
    format!("The {algorithm} you specified did not match the calculated checksum.")
}

fn wrong_part_checksum(algorithm: &str, number: i32) -> String {
    let algorithm = algorithm.to_ascii_lowercase();
    format!("The {algorithm} you specified for part {number} did not match what we received.")
}

fn no_account_id(given: &str) -> String {
    format!("The value of the expected bucket owner parameter must be an AWS Account ID... [{given}]")
}

fn parts_message(fault: &Parts) -> &'static str {
    match fault {
        Parts::NoParts => MALFORMED_XML,
        Parts::Number(_) => "PartNumber must be >= 1",
        Parts::Order => "The list of parts was not in ascending order. Parts must be ordered by part number.",
        Parts::Part(_) => {
            "One or more of the specified parts could not be found.  The part may not have been uploaded, or the \
             specified entity tag may not match the part's entity tag."
        }
        Parts::TooSmall { .. } => "Your proposed upload is smaller than the minimum allowed size",
        Parts::TooLarge(_) => UPLOAD_TOO_LARGE,
    }
}

fn body_message(error: &BodyError) -> Cow<'static, str> {
    let text = match error {
        BodyError::Incomplete => {
            "You did not provide the number of bytes specified by the Content-Length HTTP header"
        }
        BodyError::TooLarge(_) => UPLOAD_TOO_LARGE,
        BodyError::Rejected { message, .. } => return Cow::Owned(message.clone()),
        BodyError::Io(_) => {
            "Your socket connection to the server was not read from or written to within the timeout period. Idle \
             connections will be closed."
        }
    };
    Cow::Borrowed(text)
}

fn store_message(fault: &Fault) -> &'static str {
    match fault {
        Fault::Missing | Fault::Contended => {
            "A conflicting conditional operation is currently in progress against this resource. Please try again."
        }
        Fault::Unavailable(Reason::DiskFull | Reason::Overloaded) => "Please reduce your request rate.",
        Fault::Unavailable(Reason::EngineFailed(_) | Reason::Closed) => {
            "Service is unable to handle request."
        }
        Fault::TooLarge { .. } => UPLOAD_TOO_LARGE,
        Fault::Corrupt { .. } | Fault::Panicked => FAILED,
    }
}

/// The elements beside code and message, for the errors that have some.
fn with_fields(answer: ApiError, error: &S3Error) -> ApiError {
    match error {
        S3Error::NoSuchBucket { bucket }
        | S3Error::InvalidBucketName { bucket }
        | S3Error::BucketAlreadyExists { bucket }
        | S3Error::BucketAlreadyOwnedByYou { bucket }
        | S3Error::BucketNotEmpty { bucket, .. }
        | S3Error::HasAccessPoints { bucket } => answer.field("BucketName", bucket),
        S3Error::ForeignNamespace { bucket, .. } => answer.field("BucketNamespace", bucket),
        S3Error::NotConfigured { configuration: Configuration::OneOfMany, .. } => answer,
        S3Error::NotConfigured { bucket, .. } => answer.field("BucketName", bucket),
        S3Error::NoSuchKey { key } | S3Error::Marked { key, .. } => answer.field("Key", key),
        S3Error::NoSuchVersion { key, version_id } => answer.field("Key", key).field("VersionId", version_id),
        S3Error::NoSuchUpload { upload_id } => answer.field("UploadId", upload_id),
        S3Error::IsMarker { method, .. } => {
            answer.field("Method", *method).field("ResourceType", "DeleteMarker")
        }
        S3Error::KeyTooLong { size } => sizes(answer, "Size", *size as u64, MAX_KEY_BYTES as u64),
        S3Error::InvalidLocation { given } => answer.field("LocationConstraint", given),
        S3Error::PreconditionFailed { condition } => answer.field("Condition", condition),
        S3Error::InvalidRange { asked, size } => {
            answer.field("RangeRequested", asked).field("ActualObjectSize", size.to_string())
        }
        S3Error::InvalidPartNumber { asked, count } => {
            answer.field("PartNumberRequested", asked.to_string()).field("ActualPartCount", count.to_string())
        }
        S3Error::InvalidRangeOfSource { asked, .. } => argument(answer, "x-amz-copy-source-range", asked),
        S3Error::InvalidArgument { name, value, .. } => argument(answer, name, value),
        S3Error::NoVersionId { name, id } => argument(answer, name, id),
        S3Error::NegativeArgument { name, value } => argument(answer, name, &value.to_string()),
        S3Error::Destinations(absent) => of_destinations(answer, absent),
        S3Error::UntoldArgument { name, .. } => answer.field("ArgumentName", *name),
        S3Error::NotImplemented { header } => answer.field("Header", *header),
        S3Error::UnsupportedCondition(fault) => of_condition(answer, fault),
        S3Error::ConditionalConflict { condition, key } => {
            answer.field("Condition", *condition).field("Key", key)
        }
        S3Error::InvalidStorageClass { given } => answer.field("StorageClassRequested", given),
        S3Error::MissingSecurityHeader => answer.field("MissingHeaderName", "x-amz-acl"),
        S3Error::UnresolvableGrant { address } => answer.field("EmailAddress", address),
        S3Error::InvalidEncryptionAlgorithm { given } => {
            argument(answer, "x-amz-server-side-encryption", given)
        }
        // The default region is not named as a source.
        S3Error::LogsElsewhere { source, target } if source == "us-east-1" => {
            answer.field("TargetBucketLocation", target)
        }
        S3Error::LogsElsewhere { source, target } => {
            answer.field("SourceBucketLocation", source).field("TargetBucketLocation", target)
        }
        S3Error::InvalidLogTarget { bucket } => answer.field("TargetBucket", bucket),
        S3Error::InvalidObjectState { storage_class } | S3Error::NotRestorable { storage_class } => {
            answer.field("StorageClass", storage_class)
        }
        S3Error::MetadataTooLarge { size } => sizes(answer, "Size", *size as u64, MAX_METADATA_BYTES as u64),
        S3Error::InvalidTag { key: Some(key), value: Some(value), .. } => {
            answer.field("TagKey", key).field("TagValue", value)
        }
        S3Error::InvalidTag { key: Some(key), .. } => answer.field("TagKey", key),
        S3Error::InvalidDigest { given } => answer.field("Content-MD5", given),
        S3Error::BadDigest { expected, calculated } => {
            answer.field("ExpectedDigest", expected).field("CalculatedDigest", calculated)
        }
        S3Error::EntityTooLarge { size, limit } => sizes(answer, "ProposedSize", *size, *limit),
        S3Error::Body(BodyError::TooLarge(limit)) => answer.field("MaxSizeAllowed", limit.to_string()),
        S3Error::Multipart { fault, upload_id, etag } => of_upload(answer, fault, upload_id, etag),
        error => with_control_fields(answer, error),
    }
}

fn with_control_fields(answer: ApiError, error: &S3Error) -> ApiError {
    match error {
        S3Error::NoSuchAccessPoint { name } | S3Error::NoAccessPointPolicy { name } => {
            answer.field("AccessPointName", name)
        }
        S3Error::UnparsedUri { uri } => answer.field("URI", uri),
        S3Error::NoAccountBlock { account } => answer.field("AccountId", account),
        _ => answer,
    }
}

/// The arguments of an error that tells several; those behind them are left out.
const NUMBERED: [(&str, &str); 5] = [
    ("ArgumentName1", "ArgumentValue1"),
    ("ArgumentName2", "ArgumentValue2"),
    ("ArgumentName3", "ArgumentValue3"),
    ("ArgumentName4", "ArgumentValue4"),
    ("ArgumentName5", "ArgumentValue5"),
];

fn of_destinations(answer: ApiError, absent: &[(String, String)]) -> ApiError {
    absent
        .iter()
        .zip(NUMBERED)
        .fold(answer, |answer, ((arn, why), (name, value))| answer.field(name, arn).field(value, why))
}

fn of_condition(answer: ApiError, fault: &WriteFault) -> ApiError {
    let (header, why) = match fault {
        WriteFault::Both => {
            ("If-Match,If-None-Match", "Multiple conditional request headers present in the request")
        }
        WriteFault::AnyMatch => {
            ("If-Match", "We don't accept the provided value of If-Match header for this API")
        }
        WriteFault::NoneButAny | WriteFault::Absent | WriteFault::Broken(_) => {
            ("If-None-Match", "We don't accept the provided value of If-None-Match header for this API")
        }
    };
    answer.field("Header", header).field("additionalMessage", why)
}

fn argument(answer: ApiError, name: &str, value: &str) -> ApiError {
    answer.field("ArgumentName", name).field("ArgumentValue", value)
}

fn sizes(answer: ApiError, name: &'static str, size: u64, limit: u64) -> ApiError {
    answer.field(name, size.to_string()).field("MaxSizeAllowed", limit.to_string())
}

fn of_upload(answer: ApiError, fault: &Parts, upload_id: &str, etag: &str) -> ApiError {
    match fault {
        Parts::NoParts => answer,
        Parts::Number(number) => {
            answer.field("ArgumentName", "PartNumber").field("ArgumentValue", number.to_string())
        }
        Parts::Order => answer.field("UploadId", upload_id),
        Parts::Part(number) => {
            answer.field("UploadId", upload_id).field("PartNumber", number.to_string()).field("ETag", etag)
        }
        Parts::TooSmall { number, size, md5 } => answer
            .field("ETag", hex(md5))
            .field("MinSizeAllowed", MIN_PART_BYTES.to_string())
            .field("ProposedSize", size.to_string())
            .field("PartNumber", number.to_string()),
        Parts::TooLarge(size) => sizes(answer, "ProposedSize", *size, MAX_OBJECT_BYTES),
    }
}

/// The headers of an answer, for the errors that have some.
fn with_headers(answer: ApiError, error: &S3Error) -> ApiError {
    match error {
        S3Error::NotModified { etag, modified } => {
            answer.header("etag", format!("\"{etag}\"")).header("last-modified", modified.http_date())
        }
        S3Error::Marked { version_id, .. } => {
            answer.header("x-amz-delete-marker", "true").header("x-amz-version-id", version_id)
        }
        S3Error::IsMarker { version_id, modified, .. } => answer
            .header("allow", "DELETE")
            .header("last-modified", modified.http_date())
            .header("x-amz-delete-marker", "true")
            .header("x-amz-version-id", version_id),
        _ => answer,
    }
}
