//! What a request says of a new object beside its content, checked: storage class, headers, metadata,
//! encryption, tags, grants, locks.

use crate::errors::S3Error;
use crate::grants::{self, Wanted};
use crate::in_directory;
use crate::rules::headers;
use crate::rules::kms::key_arn;
use crate::rules::locks::{Mode, Retention};
use crate::sealing::{Customer, Given};
use crate::state::buckets::Bucket;
use crate::state::{Description, Encryption, Extras};
use names::{Tags, Timestamp};
use service::{Ctx, mail_words};
use std::collections::BTreeMap;

const UNTIL: &str = "x-amz-object-lock-retain-until-date";

/// User metadata as it is kept and told.
fn metadata(given: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    given.iter().map(|(name, value)| (name.clone(), mail_words::told(value))).collect()
}

/// The members that PutObject, CopyObject and CreateMultipartUpload share.
#[derive(Debug, Clone, Default)]
pub struct Wishes<'a> {
    pub acl: Wanted<'a>,
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
    pub customer: Given<'a>,
    pub lock_mode: Option<&'a str>,
    pub lock_until: Option<&'a str>,
    pub legal_hold: Option<&'a str>,
    pub tagging: Option<&'a str>,
}

/// Reads the shared members of an input.
macro_rules! wishes {
    ($input:expr) => {
        $crate::describe::Wishes {
            acl: $crate::grants::Wanted {
                canned: $input.acl.as_ref().map(|acl| acl.as_str()),
                headers: [
                    $input.grant_full_control.as_deref(),
                    $input.grant_read.as_deref(),
                    None,
                    $input.grant_read_acp.as_deref(),
                    $input.grant_write_acp.as_deref(),
                ],
            },
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
            customer: $crate::sealing::customer_members!($input),
            lock_mode: $input.object_lock_mode.as_ref().map(|mode| mode.as_str()),
            lock_until: $input.object_lock_retain_until_date.as_deref(),
            legal_hold: $input.object_lock_legal_hold_status.as_ref().map(|status| status.as_str()),
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
    pub fn describe(&self, bucket: &Bucket, ctx: &Ctx) -> Result<Description, S3Error> {
        let storage_class = match bucket.zone() {
            Some((_, place)) => in_directory::storage_class(self, place)?,
            None => self.storage_class.unwrap_or("STANDARD"),
        };
        if bucket.zone().is_none() && !headers::is_storage_class(storage_class) {
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
            metadata: self.metadata.map(metadata).unwrap_or_default(),
            encryption: self.encryption(bucket, ctx)?,
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

    /// The customer's key, where the request brings one.
    ///
    /// # Errors
    /// Where it is incomplete, or beside another encryption.
    pub fn customer(&self) -> Result<Option<Customer>, S3Error> {
        match self.encryption {
            Some(other) if self.customer != (None, None, None) => Err(S3Error::InvalidArgument {
                message: "Server Side Encryption with Customer provided key is incompatible with the encryption method \
                          specified",
                name: "x-amz-server-side-encryption",
                value: other.to_owned(),
            }),
            _ => Customer::given(self.customer),
        }
    }

    /// Whether the request locks the object itself.
    pub fn locks(&self) -> bool {
        self.lock_mode.is_some() || self.lock_until.is_some() || self.legal_hold.is_some()
    }

    /// What few objects have: grants and locks. `salt` makes what is kept of the customer's key.
    ///
    /// # Errors
    /// Where the bucket takes none of that, or it is malformed.
    pub fn extras(
        &self,
        bucket: &Bucket,
        ctx: &Ctx,
        customer: Option<(&Customer, [u8; 16])>,
    ) -> Result<Option<Box<Extras>>, S3Error> {
        let now = ctx.now();
        let lock = bucket.record.lock;
        let (given, hold) = (self.retention(now)?, self.hold()?);
        if lock.is_none() && self.locks() {
            // Without blanks where an object is written (an answer of AWS in versitygw's issue 1751), and where nothing is
            // wrong with what is asked for (issue 2028).
            let message = "Bucket is missing ObjectLockConfiguration".to_owned();
            return Err(S3Error::InvalidRequest { message });
        }
        let default = lock.and_then(|lock| lock.default).map(|default| default.begun(now));
        let writer = grants::writer(ctx.caller(), bucket, self.acl.canned);
        let extras = Extras {
            acl: grants::of_object(&ctx.read(), &self.acl, bucket, ctx.caller())?,
            writer,
            retention: given.or(default),
            legal_hold: hold,
            customer: customer.map(|(customer, salt)| customer.kept(salt)),
            ..Extras::default()
        };
        Ok((extras != Extras::default()).then(|| Box::new(extras)))
    }

    fn retention(&self, now: Timestamp) -> Result<Option<Retention>, S3Error> {
        let invalid = |message, name, value: &str| {
            Err(S3Error::InvalidArgument { message, name, value: value.to_owned() })
        };
        match (self.lock_mode, self.lock_until) {
            (None, None) => Ok(None),
            // Answers of AWS in versitygw's issues 1736, 1733 and 1734.
            (Some(mode), Some(text)) => match (Mode::of_name(mode), Timestamp::parse_iso8601(text)) {
                (None, _) => invalid("Unknown wormMode directive.", "x-amz-object-lock-mode", mode),
                (_, Err(_)) => {
                    invalid("The retain until date must be provided in ISO 8601 format", UNTIL, text)
                }
                (_, Ok(until)) if until <= now => {
                    invalid("The retain until date must be in the future!", UNTIL, text)
                }
                (Some(mode), Ok(until)) => Ok(Some(Retention { mode, until })),
            },
            (mode, _) => Err(S3Error::UntoldArgument {
                message:
                    "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied"
                        .into(),
                name: if mode.is_some() { UNTIL } else { "x-amz-object-lock-mode" },
            }),
        }
    }

    fn hold(&self) -> Result<Option<bool>, S3Error> {
        match self.legal_hold {
            None => Ok(None),
            Some("ON") => Ok(Some(true)),
            Some("OFF") => Ok(Some(false)),
            Some(other) => Err(S3Error::InvalidArgument {
                message: "Legal hold must be either of 'ON' or 'OFF'",
                name: "x-amz-object-lock-legal-hold",
                value: other.to_owned(),
            }),
        }
    }

    /// How the object is encrypted, the key by its ARN.
    fn encryption(&self, bucket: &Bucket, ctx: &Ctx) -> Result<Encryption, S3Error> {
        let encryption = self.asked_encryption(in_directory::default_encryption(bucket, ctx))?;
        if encryption.algorithm == "AES256" {
            return Ok(encryption);
        }
        let key = key_arn(encryption.kms_key.as_deref(), &bucket.record.region, ctx.account());
        let kms_key = Some(key.map_err(S3Error::Key)?);
        Ok(Encryption { kms_key, ..encryption })
    }

    fn asked_encryption(&self, default: Encryption) -> Result<Encryption, S3Error> {
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
