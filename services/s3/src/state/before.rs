//! Records as the version before this wrote them, and how they are read now.

use super::{
    ChecksumRecord, Configured, Content, CustomerKey, Description, Encryption, Nonce, Ownership,
    PublicAccessBlock, Replication, UploadChecksum, Versioning,
};
use crate::rules::acl::Acl;
use crate::rules::locks::Retention;
use crate::rules::notifications::Rule;
use names::{Region, Tags, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use store::{BlobRef, Corrupt, Incarnation};

/// Reads what the version before wrote, of which the number is given and the one that was found.
///
/// # Errors
/// Where it is of another version, or cannot be read.
pub fn read<Old: DeserializeOwned + Into<New>, New>(
    (before, from): (u8, u8),
    bytes: &[u8],
) -> Result<New, Corrupt> {
    if from != before {
        return Err(Corrupt("the record has a version that cannot be read any more"));
    }
    let old: Old = postcard::from_bytes(bytes).map_err(|_| Corrupt("the record's fields cannot be read"))?;
    Ok(old.into())
}

#[derive(Deserialize)]
pub struct BucketRecord {
    incarnation: Incarnation,
    region: Region,
    created: Timestamp,
    versioning: Versioning,
    ownership: Option<Ownership>,
    public_access: Option<PublicAccessBlock>,
    encryption: Option<Encryption>,
}

impl From<BucketRecord> for super::BucketRecord {
    fn from(old: BucketRecord) -> Self {
        super::BucketRecord {
            incarnation: old.incarnation,
            region: old.region,
            created: old.created,
            versioning: old.versioning,
            ownership: old.ownership,
            public_access: old.public_access,
            encryption: old.encryption,
            acl: None,
            lock: None,
            configured: Configured::default(),
        }
    }
}

#[derive(Deserialize)]
pub struct NotificationRecord {
    queues: Vec<Rule>,
    topics: Vec<Rule>,
    functions: Vec<Rule>,
}

impl From<NotificationRecord> for super::NotificationRecord {
    fn from(old: NotificationRecord) -> Self {
        let NotificationRecord { queues, topics, functions } = old;
        super::NotificationRecord { queues, topics, functions, event_bus: false }
    }
}

#[derive(Deserialize)]
pub struct Entry {
    version: Version,
    older_null: Option<u64>,
}

impl From<Entry> for super::Entry {
    fn from(old: Entry) -> Self {
        super::Entry { version: old.version.into(), older_null: old.older_null }
    }
}

#[derive(Deserialize)]
pub struct Version {
    number: u64,
    id: Option<String>,
    modified: Timestamp,
    object: Option<Box<ObjectRecord>>,
}

impl From<Version> for super::Version {
    fn from(old: Version) -> Self {
        super::Version {
            number: old.number,
            id: old.id,
            modified: old.modified,
            object: old.object.map(|object| Box::new((*object).into())),
        }
    }
}

#[derive(Deserialize)]
pub struct ObjectRecord {
    size: u64,
    etag: String,
    content: Content,
    checksum: Option<ChecksumRecord>,
    description: Description,
    tags: Tags,
    nonce: Option<Nonce>,
    extras: Option<Box<Extras>>,
}

impl From<ObjectRecord> for super::ObjectRecord {
    fn from(old: ObjectRecord) -> Self {
        super::ObjectRecord {
            size: old.size,
            etag: old.etag,
            content: old.content,
            checksum: old.checksum,
            description: old.description,
            tags: old.tags,
            nonce: old.nonce,
            extras: old.extras.map(|extras| Box::new((*extras).into())),
        }
    }
}

#[derive(Deserialize)]
pub struct Extras {
    acl: Option<Acl>,
    retention: Option<Retention>,
    legal_hold: Option<bool>,
    customer: Option<CustomerKey>,
    replication: Option<Replication>,
    restored: Option<Timestamp>,
}

impl From<Extras> for super::Extras {
    fn from(old: Extras) -> Self {
        super::Extras {
            acl: old.acl,
            retention: old.retention,
            legal_hold: old.legal_hold,
            customer: old.customer,
            replication: old.replication,
            restored: old.restored,
            writer: None,
        }
    }
}

#[derive(Deserialize)]
pub struct UploadRecord {
    id: String,
    initiated: Timestamp,
    initiator: (String, String),
    description: Description,
    tags: Tags,
    checksum: Option<UploadChecksum>,
    extras: Extras,
}

impl From<UploadRecord> for super::UploadRecord {
    fn from(old: UploadRecord) -> Self {
        super::UploadRecord {
            id: old.id,
            initiated: old.initiated,
            initiator: old.initiator,
            description: old.description,
            tags: old.tags,
            checksum: old.checksum,
            extras: old.extras.into(),
            overtaken: false,
        }
    }
}

#[derive(Deserialize)]
pub struct PartRecord {
    md5: [u8; 16],
    modified: Timestamp,
    checksum: Vec<u8>,
    body: BlobRef,
}

impl From<PartRecord> for super::PartRecord {
    fn from(old: PartRecord) -> Self {
        let PartRecord { md5, modified, checksum, body } = old;
        super::PartRecord { md5, modified, checksum, body, nonce: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::Record;

    /// The fields of the version before in their order, written out as tuples.
    #[test]
    fn the_version_before_is_still_read() {
        let none = (None::<Acl>, None::<Retention>, Some(true), None::<CustomerKey>);
        let extras = (none.0, none.1, none.2, none.3, Some(Replication::Replica), None::<Timestamp>);
        let tags = Tags::new();
        let description = Description::default();
        let object = (
            7u64,
            "etag",
            Content::Row,
            None::<ChecksumRecord>,
            description,
            tags,
            Some([4u8; 16]),
            Some(extras),
        );
        let version = (3u64, Some("v"), Timestamp(5), Some(object));
        let bytes = postcard::to_stdvec(&(version, Some(2u64))).unwrap();
        let entry = super::super::Entry::upgrade(2, &bytes).unwrap();
        assert_eq!((entry.version.number, entry.older_null), (3, Some(2)));
        let object = entry.version.object.unwrap();
        assert_eq!((object.size, object.extras().legal_hold, object.writer()), (7, Some(true), None));
        assert!(super::super::Entry::upgrade(1, &bytes).is_err());
        let part =
            postcard::to_stdvec(&([1u8; 16], Timestamp(1), vec![2u8], BlobRef::Inline("x".into()))).unwrap();
        assert_eq!(super::super::PartRecord::upgrade(1, &part).unwrap().nonce, None);
        let told = (Vec::<Rule>::new(), Vec::<Rule>::new(), Vec::<Rule>::new());
        let told = postcard::to_stdvec(&told).unwrap();
        assert!(!super::super::NotificationRecord::upgrade(1, &told).unwrap().event_bus);
    }
}
