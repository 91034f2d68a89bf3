//! What a request says of a new object beside its content, checked: storage class, headers, metadata,
//! encryption, tags; and what it says that this room cannot do.

use crate::errors::S3Error;
use crate::rules::headers;
use crate::state::buckets::Bucket;
use crate::state::{Description, Encryption, Ownership};
use names::Tags;
use std::collections::BTreeMap;

/// The members that PutObject, CopyObject and CreateMultipartUpload share.
#[derive(Debug, Clone, Default)]
pub struct Wishes<'a> {
    pub acl: Option<&'a str>,
    pub grants: bool,
    pub content_type: Option<&'a str>,
    pub cache_control: Option<&'a str>,
    pub content_disposition: Option<&'a str>,
    pub content_encoding: Option<&'a str>,
    pub content_language: Option<&'a str>,
    pub expires: Option<&'a str>,
    pub website_redirect: Option<&'a str>,
    pub metadata: Option<&'a BTreeMap<String, String>>,
    pub storage_class: Option<&'a str>,
    pub encryption: Option<&'a str>,
    pub kms_key: Option<&'a str>,
    pub bucket_key: Option<bool>,
    pub customer_key: bool,
    pub object_lock: bool,
    pub tagging: Option<&'a str>,
}

/// Reads the shared members of an input.
macro_rules! wishes {
    ($input:expr) => {
        $crate::describe::Wishes {
            acl: $input.acl.as_ref().map(|acl| acl.as_str()),
            grants: $input.grant_full_control.is_some()
                || $input.grant_read.is_some()
                || $input.grant_read_acp.is_some()
                || $input.grant_write_acp.is_some(),
            content_type: $input.content_type.as_deref(),
            cache_control: $input.cache_control.as_deref(),
            content_disposition: $input.content_disposition.as_deref(),
            content_encoding: $input.content_encoding.as_deref(),
            content_language: $input.content_language.as_deref(),
            expires: $input.expires.as_deref(),
            website_redirect: $input.website_redirect_location.as_deref(),
            metadata: $input.metadata.as_ref(),
            storage_class: $input.storage_class.as_ref().map(|class| class.as_str()),
            encryption: $input.server_side_encryption.as_ref().map(|algorithm| algorithm.as_str()),
            kms_key: $input.ssekms_key_id.as_deref(),
            bucket_key: $input.bucket_key_enabled,
            customer_key: $input.sse_customer_algorithm.is_some() || $input.sse_customer_key.is_some(),
            object_lock: $input.object_lock_mode.is_some()
                || $input.object_lock_retain_until_date.is_some()
                || $input.object_lock_legal_hold_status.is_some(),
            tagging: $input.tagging.as_deref(),
        }
    };
}

pub(crate) use wishes;

impl Wishes<'_> {
    /// The description of the object.
    ///
    /// # Errors
    /// Where something is malformed, or cannot be done here.
    pub fn describe(&self, bucket: &Bucket) -> Result<Description, S3Error> {
        self.check_supported(bucket)?;
        let storage_class = self.storage_class.unwrap_or("STANDARD");
        if !headers::is_storage_class(storage_class) {
            return Err(S3Error::InvalidStorageClass { given: storage_class.to_owned() });
        }
        if let Some(size) = self.metadata.and_then(headers::oversized_metadata) {
            return Err(S3Error::MetadataTooLarge { size });
        }
        if let Some(location) = self.website_redirect
            && !["/", "http://", "https://"].iter().any(|start| location.starts_with(start))
        {
            return Err(S3Error::InvalidRequest {
                message:
                    "The website redirect location must have a prefix of 'http://' or 'https://' or '/'."
                        .to_owned(),
            });
        }
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Ok(Description {
            storage_class: storage_class.to_owned(),
            content_type: self
                .content_type
                .filter(|text| !text.is_empty())
                .unwrap_or(headers::DEFAULT_CONTENT_TYPE)
                .to_owned(),
            cache_control: owned(self.cache_control),
            content_disposition: owned(self.content_disposition),
            content_encoding: self.content_encoding.and_then(headers::kept_encoding),
            content_language: owned(self.content_language),
            expires: owned(self.expires),
            website_redirect: owned(self.website_redirect),
            metadata: self.metadata.cloned().unwrap_or_default(),
            encryption: self.encryption(bucket)?,
        })
    }

    /// The object's tags.
    ///
    /// # Errors
    /// Where they are against the rules.
    pub fn tags(&self) -> Result<Tags, S3Error> {
        match self.tagging {
            Some(header) => {
                headers::tagging_header(header).map_err(|fault| S3Error::tags(fault, Some(header)))
            }
            None => Ok(Tags::new()),
        }
    }

    fn check_supported(&self, bucket: &Bucket) -> Result<(), S3Error> {
        let owners_own = matches!(self.acl, None | Some("bucket-owner-full-control"));
        match bucket.record.ownership {
            Some(Ownership::BucketOwnerEnforced) if !owners_own || self.grants => {
                return Err(S3Error::AclNotSupported);
            }
            _ if self.grants => return Err(S3Error::NotImplemented { header: "x-amz-grant-full-control" }),
            _ if !owners_own && self.acl != Some("private") => {
                return Err(S3Error::NotImplemented { header: "x-amz-acl" });
            }
            _ => {}
        }
        if self.customer_key {
            return Err(S3Error::NotImplemented {
                header: "x-amz-server-side-encryption-customer-algorithm",
            });
        }
        if self.object_lock {
            return Err(S3Error::InvalidRequest {
                message: "Bucket is missing Object Lock Configuration".to_owned(),
            });
        }
        Ok(())
    }

    fn encryption(&self, bucket: &Bucket) -> Result<Encryption, S3Error> {
        let default = bucket.record.encryption();
        let invalid = |message, name, value: &str| {
            Err(S3Error::InvalidArgument { message, name, value: value.to_owned() })
        };
        match (self.encryption, self.kms_key) {
            (None, None) => Ok(default),
            (Some("AES256"), None) => Ok(Encryption::default()),
            (None | Some("AES256"), Some(key)) => invalid(
                "Server Side Encryption with AWS KMS managed key requires HTTP header \
                 x-amz-server-side-encryption : aws:kms",
                "x-amz-server-side-encryption-aws-kms-key-id",
                key,
            ),
            (Some(algorithm @ ("aws:kms" | "aws:kms:dsse")), key) => Ok(Encryption {
                algorithm: algorithm.to_owned(),
                kms_key: key.map(str::to_owned).or(default.kms_key),
                bucket_key: self.bucket_key.unwrap_or(default.bucket_key),
            }),
            (Some(other), _) => invalid(
                "The encryption method specified is not supported",
                "x-amz-server-side-encryption",
                other,
            ),
        }
    }
}
