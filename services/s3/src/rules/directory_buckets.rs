//! What is told apart of directory buckets: their names and zones, what is asked of them under which action, and
//! how conditions of theirs are held.
//! S3 User Guide, "Directory bucket naming rules", "Differences for directory buckets", "Authorizing Zonal endpoint
//! API operations with CreateSession"; Service Authorization Reference, "Amazon S3 Express".

use ::names::{AccountId, Arn, Region, Timestamp};

/// How the names of directory buckets end, and no others.
const ENDING: &str = "--x-s3";
/// Beginnings that S3 keeps.
const RESERVED_BEGINNINGS: [&str; 3] = ["xn--", "sthree-", "amzn-s3-demo-"];

/// The operations that directory buckets have, beside those of their lists and sessions. Of all others the API
/// Reference says that they are not supported for them.
const SERVED: [&str; 36] = [
    "AbortMultipartUpload",
    "CompleteMultipartUpload",
    "CopyObject",
    "CreateMultipartUpload",
    "CreateSession",
    "DeleteBucket",
    "DeleteBucketEncryption",
    "DeleteBucketInventoryConfiguration",
    "DeleteBucketLifecycle",
    "DeleteBucketMetricsConfiguration",
    "DeleteBucketPolicy",
    "DeleteObject",
    "DeleteObjects",
    "GetBucketEncryption",
    "GetBucketInventoryConfiguration",
    "GetBucketLifecycleConfiguration",
    "GetBucketMetricsConfiguration",
    "GetBucketPolicy",
    "GetObject",
    "GetObjectAttributes",
    "HeadBucket",
    "HeadObject",
    "ListBucketInventoryConfigurations",
    "ListBucketMetricsConfigurations",
    "ListMultipartUploads",
    "ListObjectsV2",
    "ListParts",
    "PutBucketEncryption",
    "PutBucketInventoryConfiguration",
    "PutBucketLifecycleConfiguration",
    "PutBucketMetricsConfiguration",
    "PutBucketPolicy",
    "PutObject",
    "RenameObject",
    "UploadPart",
    "UploadPartCopy",
];

/// Actions on the bucket itself, which policies grant one by one; all others are a session's.
const OF_THE_BUCKET: [(&str, &str); 13] = [
    ("s3:CreateBucket", "s3express:CreateBucket"),
    ("s3:DeleteBucket", "s3express:DeleteBucket"),
    ("s3:DeleteBucketPolicy", "s3express:DeleteBucketPolicy"),
    ("s3:GetBucketPolicy", "s3express:GetBucketPolicy"),
    ("s3:GetEncryptionConfiguration", "s3express:GetEncryptionConfiguration"),
    ("s3:GetInventoryConfiguration", "s3express:GetInventoryConfiguration"),
    ("s3:GetLifecycleConfiguration", "s3express:GetLifecycleConfiguration"),
    ("s3:GetMetricsConfiguration", "s3express:GetMetricsConfiguration"),
    ("s3:PutBucketPolicy", "s3express:PutBucketPolicy"),
    ("s3:PutEncryptionConfiguration", "s3express:PutEncryptionConfiguration"),
    ("s3:PutInventoryConfiguration", "s3express:PutInventoryConfiguration"),
    ("s3:PutLifecycleConfiguration", "s3express:PutLifecycleConfiguration"),
    ("s3:PutMetricsConfiguration", "s3express:PutMetricsConfiguration"),
];

/// Actions that a session may do that only reads (API Reference, CreateSession, `x-amz-create-session-mode`).
const READING: [&str; 5] = [
    "s3:GetObject",
    "s3:GetObjectAttributes",
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
    "s3:ListMultipartUploadParts",
];

/// What only directory buckets refuse. Codes and messages: the errors of the service model, and API Reference, PutObject,
/// "Errors".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// An append does not begin where the object ends.
    WriteOffset,
    /// An append to an object that has as many parts as one can have.
    TooManyParts,
    /// An append asks for another encryption than the object's.
    OtherEncryption,
    /// An append brings metadata.
    MetadataOnAppend,
    /// An append brings nothing.
    NothingToAppend,
    /// `Content-MD5`
    ContentMd5,
    /// A prefix that ends within a name.
    PrefixWithinName,
    /// A delimiter that is not `/`.
    OtherDelimiter,
    /// `start-after`
    StartAfter,
    /// Rules for versions, other storage classes or tags.
    LifecycleRule,
    /// The key of a folder is to be renamed, or to be the new name.
    FolderRenamed,
    /// A rename to the name that it has.
    SameName,
    /// A token was used for another request.
    OtherRequest,
}

impl Fault {
    /// Its code.
    pub fn code(self) -> &'static str {
        match self {
            Fault::WriteOffset => "InvalidWriteOffset",
            Fault::TooManyParts => "TooManyParts",
            Fault::OtherEncryption => "EncryptionTypeMismatch",
            Fault::OtherRequest => "IdempotencyParameterMismatch",
            _ => "InvalidRequest",
        }
    }

    /// Its message.
    pub fn message(self) -> &'static str {
        match self {
            Fault::WriteOffset => {
                "The write offset value that you specified does not match the current object size."
            }
            Fault::TooManyParts => {
                "You have attempted to add more parts than the maximum of 10000 that are allowed for this object. You can \
                 use the CopyObject operation to copy this object to another and then add more data to the newly copied \
                 object."
            }
            Fault::OtherEncryption => {
                "The existing object was created with a different encryption type. Subsequent write requests must \
                 include the appropriate encryption parameters in the request or while creating the session."
            }
            Fault::MetadataOnAppend => {
                "Cannot specify both a write offset value and user-defined object metadata for existing objects."
            }
            Fault::NothingToAppend => "Request body cannot be empty when 'write offset' is specified.",
            // apache/iceberg, pull request 11021.
            Fault::ContentMd5 => "This bucket does not support Content Md5 header.",
            // awslabs/aws-s3-transfer-manager-rs, pull request 112.
            Fault::PrefixWithinName => {
                "This bucket does not support a prefix that does not end in a delimiter. Specify a prefix path ending with \
                 a delimiter and try again."
            }
            Fault::OtherDelimiter => "This bucket does not support a delimiter other than '/'.",
            Fault::StartAfter => "This bucket does not support the start-after parameter.",
            Fault::LifecycleRule => {
                "This bucket supports only the expiration of objects and of incomplete multipart uploads, filtered by \
                 prefix and size."
            }
            Fault::FolderRenamed => "Objects whose keys end in a delimiter cannot be renamed.",
            Fault::SameName => "The source and the destination of a rename must differ.",
            Fault::OtherRequest => {
                "Parameters on this idempotent request are inconsistent with parameters used in previous request(s)."
            }
        }
    }
}

/// Where a directory bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In one of the zones of a region: `use1-az4`.
    AvailabilityZone,
    /// In a zone near a city: `usw2-lax1-az1`.
    LocalZone,
}

impl Place {
    /// Its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Place::AvailabilityZone => "AvailabilityZone",
            Place::LocalZone => "LocalZone",
        }
    }

    /// The redundancy of its buckets.
    pub fn redundancy(self) -> &'static str {
        match self {
            Place::AvailabilityZone => "SingleAvailabilityZone",
            Place::LocalZone => "SingleLocalZone",
        }
    }

    /// The one storage class of its buckets.
    pub fn storage_class(self) -> &'static str {
        match self {
            Place::AvailabilityZone => "EXPRESS_ONEZONE",
            Place::LocalZone => "ONEZONE_IA",
        }
    }

    /// The place of a zone; `None` for what is no zone's id.
    pub fn of_zone(zone: &str) -> Option<Self> {
        let (before, last) = zone.rsplit_once('-')?;
        let digits = last.strip_prefix("az").filter(|digits| !digits.is_empty())?;
        let word = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        let mut parts = before.split('-');
        match (parts.next(), parts.next(), parts.next()) {
            _ if !digits.bytes().all(|b| b.is_ascii_digit()) => None,
            (Some(region), None, _) if word(region) => Some(Place::AvailabilityZone),
            (Some(region), Some(city), None) if word(region) && word(city) => Some(Place::LocalZone),
            _ => None,
        }
    }
}

/// Whether a name is one that only directory buckets have.
pub fn is_named_so(bucket: &str) -> bool {
    bucket.ends_with(ENDING)
}

/// The zone that a directory bucket's name says, and where that is.
pub fn zone(bucket: &str) -> Option<(&str, Place)> {
    let (_, zone) = bucket.strip_suffix(ENDING)?.rsplit_once("--")?;
    Some((zone, Place::of_zone(zone)?))
}

/// Whether a new directory bucket may have this name.
pub fn is_name(name: &str) -> bool {
    let base = name.strip_suffix(ENDING).and_then(|rest| rest.rsplit_once("--")).map_or("", |(base, _)| base);
    zone(name).is_some()
        && name.len() <= 63
        && base.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !RESERVED_BEGINNINGS.iter().any(|start| name.starts_with(start))
}

/// The ARN of a directory bucket.
pub fn arn(region: &Region, owner: AccountId, bucket: &str) -> Arn {
    Arn::regional("s3express", region, owner, &["bucket/", bucket].concat())
}

/// Whether an operation is one that directory buckets have.
pub fn serves(operation: &str) -> bool {
    SERVED.contains(&operation)
}

/// The action on a directory bucket itself that an action on other buckets is.
pub fn action_on_bucket(action: &str) -> Option<&'static str> {
    OF_THE_BUCKET.iter().find(|(general, _)| *general == action).map(|(_, own)| *own)
}

/// Whether an action on other buckets is one that a session may do that only reads.
pub fn reads(action: &str) -> bool {
    READING.contains(&action)
}

/// Whether a policy's resources are all this bucket.
pub fn is_about<'a>(mut resources: impl Iterator<Item = &'a str>, bucket: &Arn) -> bool {
    resources.all(|resource| resource == bucket.as_str())
}

/// What a delete is on the condition of, beside the entity tag.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeleteConditions {
    /// `x-amz-if-match-last-modified-time`
    pub modified: Option<Timestamp>,
    /// `x-amz-if-match-size`
    pub size: Option<i64>,
}

impl DeleteConditions {
    /// Whether there is one.
    pub fn any(self) -> bool {
        self.modified.is_some() || self.size.is_some()
    }

    /// The header of the condition that does not hold of an object, by when it was changed and its size.
    pub fn broken(self, modified: Timestamp, size: u64) -> Option<&'static str> {
        let other_time = self.modified.is_some_and(|asked| asked.seconds() != modified.seconds());
        let other_size = self.size.is_some_and(|asked| u64::try_from(asked) != Ok(size));
        match (other_time, other_size) {
            (true, _) => Some("x-amz-if-match-last-modified-time"),
            (false, true) => Some("x-amz-if-match-size"),
            (false, false) => None,
        }
    }
}

/// The key that the source of a rename names: by itself, or behind its bucket as the source of a copy.
/// The API Reference says of the header that it is URL encoded and within the same bucket.
pub fn rename_source(decoded: &str, bucket: &str) -> String {
    let path = decoded.strip_prefix('/').unwrap_or(decoded);
    let behind = path.strip_prefix(bucket).and_then(|rest| rest.strip_prefix('/'));
    behind.unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let long = format!("{}--use1-az4--x-s3", "a".repeat(47));
        for good in ["logs--use1-az4--x-s3", "a--b--usw2-az1--x-s3", "1a--usw2-lax1-az1--x-s3", &long] {
            assert!(is_name(good), "{good}");
        }
        for bad in [
            "logs",
            "logs--x-s3",
            "--use1-az4--x-s3",
            "logs--use1--x-s3",
            "logs--use1-az--x-s3",
            "logs--use1-azx--x-s3",
            "logs--a-b-c-az1--x-s3",
            "Logs--use1-az4--x-s3",
            "a.b--use1-az4--x-s3",
            "-a--use1-az4--x-s3",
            "xn--a--use1-az4--x-s3",
            "sthree-a--use1-az4--x-s3",
            "logs--use1-az4--x-s3-",
            &format!("a{long}"),
        ] {
            assert!(!is_name(bad), "{bad}");
        }
        assert_eq!(zone("a--use1-az4--x-s3"), Some(("use1-az4", Place::AvailabilityZone)));
        assert_eq!(zone("a--usw2-lax1-az1--x-s3"), Some(("usw2-lax1-az1", Place::LocalZone)));
    }

    #[test]
    fn lists_hold_each_once_and_in_order() {
        let ordered = |names: &[&str]| names.windows(2).all(|pair| pair[0] < pair[1]);
        assert!(ordered(&SERVED) && ordered(&READING) && ordered(&OF_THE_BUCKET.map(|(general, _)| general)));
        assert!(serves("RenameObject") && serves("PutObject"));
        for other in
            ["ListObjects", "PutBucketVersioning", "PutObjectAcl", "GetObjectTagging", "PutBucketCors"]
        {
            assert!(!serves(other), "{other}");
        }
        assert!(
            action_on_bucket("s3:PutObject").is_none() && reads("s3:GetObject") && !reads("s3:PutObject")
        );
    }

    #[test]
    fn sources_of_renames() {
        for (header, key) in [
            ("old.txt", "old.txt"),
            ("/old.txt", "old.txt"),
            ("b--use1-az4--x-s3/dir/old.txt", "dir/old.txt"),
            ("/b--use1-az4--x-s3/old.txt", "old.txt"),
            ("other/old.txt", "other/old.txt"),
        ] {
            assert_eq!(rename_source(header, "b--use1-az4--x-s3"), key, "{header}");
        }
    }

    /// API Reference, DeleteObject: the conditions can be given together.
    #[test]
    fn deletes_on_condition() {
        let at = Timestamp(1_000_000);
        let conditions = |modified, size| DeleteConditions { modified, size };
        for (conditions, broken) in [
            (conditions(None, None), None),
            (conditions(Some(Timestamp(1_000_900)), Some(3)), None),
            (conditions(Some(Timestamp(1_001_000)), Some(3)), Some("x-amz-if-match-last-modified-time")),
            (conditions(Some(at), Some(4)), Some("x-amz-if-match-size")),
            (conditions(None, Some(-1)), Some("x-amz-if-match-size")),
        ] {
            assert_eq!(conditions.broken(at, 3), broken, "{conditions:?}");
        }
    }
}
