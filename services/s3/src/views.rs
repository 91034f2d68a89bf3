//! How records look to clients: owners, tags, the headers of objects.

use crate::state::buckets::Bucket;
use crate::state::{Description, Encryption, Replication, Version, Versioning};
use model_s3 as api;
use names::{AccountId, Tags, Timestamp};
use service::hex;
use sha2::{Digest, Sha256};

/// The canonical user id of an account: sixty-four hexadecimal digits that are always the same for it.
pub fn canonical_id(account: AccountId) -> String {
    hex(&Sha256::digest(format!("canonical user of {account}")))
}

/// An account as the owner of a bucket or object.
pub fn owner(account: AccountId) -> api::Owner {
    api::Owner { id: Some(canonical_id(account)), display_name: None }
}

/// Who owns what is in a bucket: who wrote it, or the bucket's owner.
pub fn owner_of(writer: Option<&str>, bucket: &Bucket) -> api::Owner {
    match writer {
        Some(writer) => api::Owner { id: Some(writer.to_owned()), display_name: None },
        None => owner(bucket.owner),
    }
}

/// Tags as a list.
pub fn tag_set(tags: &Tags) -> Vec<api::Tag> {
    tags.iter().map(|(key, value)| api::Tag { key: key.to_owned(), value: value.to_owned() }).collect()
}

/// An entity tag as it is shown: in quotes.
pub fn quoted(etag: &str) -> String {
    ["\"", etag, "\""].concat()
}

/// A size as the API's type.
pub fn signed(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// The storage class header, which is left out for the standard class.
pub fn storage_class(description: &Description) -> Option<api::StorageClass> {
    let class = description.storage_class.as_str();
    (class != "STANDARD").then(|| api::StorageClass::from(class))
}

/// How an object is encrypted: the algorithm, the key, whether a bucket key is used.
pub fn encryption(
    encryption: &Encryption,
) -> (Option<api::ServerSideEncryption>, Option<String>, Option<bool>) {
    let algorithm = api::ServerSideEncryption::from(encryption.algorithm.as_str());
    // A bucket key is one of KMS.
    let bucket_key = (encryption.bucket_key && encryption.algorithm != "AES256").then_some(true);
    (Some(algorithm), encryption.kms_key.clone(), bucket_key)
}

/// Puts the encryption of an object into an output.
macro_rules! show_encryption {
    ($output:expr, $encryption:expr) => {{
        let (algorithm, key, bucket_key) = $crate::views::encryption($encryption);
        $output.server_side_encryption = algorithm;
        $output.ssekms_key_id = key;
        $output.bucket_key_enabled = bucket_key;
    }};
}

/// The headers of an object, the same for GetObject and HeadObject.
macro_rules! show_object {
    ($output:expr, $bucket:expr, $version:expr, $object:expr) => {{
        let (version, object): (&$crate::state::Version, &$crate::state::ObjectRecord) = ($version, $object);
        let description = &object.description;
        let output = &mut $output;
        output.accept_ranges = Some("bytes".to_owned());
        output.last_modified = Some(version.modified);
        output.e_tag = Some($crate::views::quoted(&object.etag));
        output.version_id = $crate::views::version_id($bucket, version);
        output.cache_control.clone_from(&description.cache_control);
        output.content_disposition.clone_from(&description.content_disposition);
        output.content_encoding.clone_from(&description.content_encoding);
        output.content_language.clone_from(&description.content_language);
        output.content_type = Some(description.content_type.clone());
        output.expires.clone_from(&description.expires);
        output.website_redirect_location.clone_from(&description.website_redirect);
        output.metadata = Some(description.metadata.clone());
        output.storage_class = $crate::views::storage_class(description);
        output.tag_count = i32::try_from(object.tags.len()).ok().filter(|count| *count > 0);
        $crate::views::show_encryption!(output, &description.encryption);
        if let Some(extras) = &object.extras {
            let retention = extras.retention;
            output.object_lock_mode =
                retention.map(|retention| model_s3::ObjectLockMode::from(retention.mode.name()));
            output.object_lock_retain_until_date = retention.map(|retention| retention.until);
            output.object_lock_legal_hold_status = extras.legal_hold.map($crate::views::legal_hold);
            output.replication_status = extras.replication.map($crate::views::replication);
            output.restore = extras.restored.map($crate::views::restored);
        }
    }};
}

pub(crate) use {show_encryption, show_object};

/// A legal hold as answers show it.
pub fn legal_hold(held: bool) -> api::ObjectLockLegalHoldStatus {
    if held { api::ObjectLockLegalHoldStatus::On } else { api::ObjectLockLegalHoldStatus::Off }
}

/// What became of copies, as answers show it.
pub fn replication(status: Replication) -> api::ReplicationStatus {
    api::ReplicationStatus::from(match status {
        Replication::Pending => "PENDING",
        Replication::Completed => "COMPLETED",
        Replication::Failed => "FAILED",
        Replication::Replica => "REPLICA",
    })
}

/// A restored object, as the header says it.
pub fn restored(until: Timestamp) -> String {
    format!("ongoing-request=\"false\", expiry-date=\"{}\"", until.http_date())
}

/// The id of a version, which buckets that never kept versions do not show.
pub fn version_id(bucket: &Bucket, version: &Version) -> Option<String> {
    (bucket.record.versioning != Versioning::Never).then(|| version.shown_id().to_owned())
}
