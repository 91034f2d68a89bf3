//! What S3 keeps: the only file that names its tables.
//!
//! A bucket is an index row under its name in the partition, a record in its owner's account, and a head.
//! Its contents are keyed by the bucket's incarnation, those of an upload by the upload's.
//!
//! Each key has one row in `OBJECTS`: its newest version, which listings read. Older versions are rows of
//! `NONCURRENT`, newest first. A version is numbered when it is committed; the number orders versions, is
//! in the version's id, and keys its small body in `BODIES`. Larger bodies are blobs; an object made of
//! parts keeps the rows of its upload in `PARTS`. Parts that are given up are removed in bounded commits
//! by a worker, which finds them by `DOOMED`.

pub mod access_points;
pub mod account_blocks;
mod before;
pub mod buckets;
pub mod configurations;
mod kept;
pub mod listed;
pub mod objects;
pub mod uploads;

use crate::rules::acl::Acl;
use crate::rules::cors::CorsRule;
use crate::rules::locks::{DefaultRetention, Retention};
use crate::rules::notifications::Rule;
use access_points::{AccessPointRecord, LabelRecord};
use account_blocks::AccountBlockRecord;
use configurations::ConfigurationRecord;
use listed::Listed;
use names::{AccountId, Region, Scope, Tags, Timestamp};
use serde::{Deserialize, Serialize};
use service::checksum::Algorithm;
use std::collections::BTreeMap;
use store::{BlobRef, Class, Corrupt, Incarnation, Raw, Record, Table, TimerId, record};

/// Bucket names of the partition, and who has them.
static NAMES: Table<String, NameRecord> = Table::new("s3/names", Class::Records);
/// Buckets of an account.
static BUCKETS: Table<String, BucketRecord> = Table::new("s3/buckets", Class::Records);
/// Notification configurations, by bucket.
static NOTIFICATIONS: Table<Incarnation, NotificationRecord> =
    Table::of_incarnation("s3/notifications", Class::Records).large();
/// CORS configurations, by bucket.
static CORS: Table<Incarnation, CorsRecord> = Table::of_incarnation("s3/cors", Class::Records).large();
/// Configurations that are kept as they were given: bucket, kind, id.
static CONFIGURATIONS: Table<(Incarnation, String, String), ConfigurationRecord> =
    Table::of_incarnation("s3/configurations", Class::Records).large();
/// Access points of an account in a region, by name.
static ACCESS_POINTS: Table<String, AccessPointRecord> = Table::new("s3/access-points", Class::Records);
/// What names of access points stand for in the place of a bucket's.
static LABELS: Table<String, LabelRecord> = Table::new("s3/access-point-labels", Class::Records);
/// What keeps all buckets of an account from the public.
static ACCOUNT_BLOCKS: Table<String, AccountBlockRecord> = Table::new("s3/account-blocks", Class::Records);
/// The timers of buckets with lifecycle rules.
static AGEING: Table<String, AgeingRecord> = Table::new("s3/ageing", Class::Records);
/// The newest version of each key: bucket, key.
static OBJECTS: Table<(Incarnation, String), Entry> = Table::of_incarnation("s3/objects", Class::Items);
/// The same rows, of which listings read what they show.
static LISTED: Table<(Incarnation, String), Listed> = Table::of_incarnation("s3/objects", Class::Items);
/// Older versions: bucket, key, the version's number from above.
static NONCURRENT: Table<(Incarnation, String, u64), Version> =
    Table::of_incarnation("s3/noncurrent", Class::Items);
/// Bodies that are small: bucket, the version's number.
static BODIES: Table<(Incarnation, u64), Raw> = Table::of_incarnation("s3/bodies", Class::Items);
/// Uploads in parts that are going on: bucket, key, the upload's number.
static UPLOADS: Table<(Incarnation, String, u64), UploadRecord> =
    Table::of_incarnation("s3/uploads", Class::Items);
/// Parts of uploads, and of the objects made of them: upload, part number.
static PARTS: Table<(Incarnation, u16), PartRecord> = Table::of_incarnation("s3/parts", Class::Items);
/// Uploads that were completed of late, by their number.
static COMPLETED: Table<u64, CompletedRecord> = Table::new("s3/completed-uploads", Class::Queue);
/// What a worker has yet to take apart.
static DOOMED: Table<u64, DoomedRecord> = Table::new("s3/doomed", Class::Queue);

/// A moment as S3 keeps and answers it: in whole seconds (recorded of AWS: `LastModified` ends in `.000Z`).
pub fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_seconds(at.seconds())
}

/// Who has a bucket's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameRecord {
    /// The owner.
    pub owner: AccountId,
}
record!(NameRecord, 1);

/// A bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketRecord {
    /// The number its contents are keyed by.
    pub incarnation: Incarnation,
    /// Where it is.
    pub region: Region,
    /// When it was made.
    pub created: Timestamp,
    /// Whether it keeps versions.
    pub versioning: Versioning,
    /// Who owns what others put here; `None` once the controls were deleted.
    pub ownership: Option<Ownership>,
    /// What keeps it from the public; `None` once the block was deleted.
    pub public_access: Option<PublicAccessBlock>,
    /// How new objects are encrypted, where that was configured.
    pub encryption: Option<Encryption>,
    /// Who may do what beside policies; `None` for the owner alone.
    pub acl: Option<Acl>,
    /// Whether versions can be locked, and how new ones are.
    pub lock: Option<ObjectLock>,
    /// Which configurations are there that requests to objects must look at.
    pub configured: Configured,
}

impl Record for BucketRecord {
    const VERSION: u8 = 2;

    fn upgrade(from: u8, bytes: &[u8]) -> Result<Self, Corrupt> {
        before::read::<before::BucketRecord, Self>((1, from), bytes)
    }
}

/// The locks of a bucket whose versions can be locked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectLock {
    /// The retention of new versions that bring none.
    pub default: Option<DefaultRetention>,
}

/// The timer that carries out the lifecycle rules of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgeingRecord {
    timer: TimerId,
}
record!(AgeingRecord, 1);

/// Which configurations a bucket has, so that most requests read none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each says whether one row is there")]
pub struct Configured {
    /// Lifecycle rules.
    pub lifecycle: bool,
    /// Replication rules.
    pub replication: bool,
    /// Access logs.
    pub logging: bool,
    /// A website.
    pub website: bool,
}

impl BucketRecord {
    /// How new objects are encrypted: as configured, or as in every bucket.
    pub fn encryption(&self) -> Encryption {
        self.encryption.clone().unwrap_or_default()
    }
}

/// Whether a bucket keeps versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Versioning {
    /// It never did.
    Never,
    /// It does.
    Enabled,
    /// It did; new objects have the version `null`.
    Suspended,
}

/// Who owns what others put into a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ownership {
    /// The bucket's owner; ACLs are off.
    BucketOwnerEnforced,
    /// The bucket's owner, where the writer says so.
    BucketOwnerPreferred,
    /// The writer.
    ObjectWriter,
}

/// What keeps a bucket from the public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicAccessBlock {
    /// Refuse public ACLs.
    pub block_acls: bool,
    /// Ignore public ACLs.
    pub ignore_acls: bool,
    /// Refuse public policies.
    pub block_policy: bool,
    /// Only let in the owner's account where the policy is public.
    pub restrict: bool,
}

/// How an object is encrypted, as described to clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encryption {
    /// `AES256`, `aws:kms`, `aws:kms:dsse`.
    pub algorithm: String,
    /// The key, where it was named.
    pub kms_key: Option<String>,
    /// Whether a bucket key is used.
    pub bucket_key: bool,
}

/// Whom a bucket tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationRecord {
    /// Queues.
    pub queues: Vec<Rule>,
    /// Topics.
    pub topics: Vec<Rule>,
    /// Functions.
    pub functions: Vec<Rule>,
    /// Whether the account's event bus is told of everything.
    pub event_bus: bool,
}

impl Record for NotificationRecord {
    const VERSION: u8 = 2;

    fn upgrade(from: u8, bytes: &[u8]) -> Result<Self, Corrupt> {
        before::read::<before::NotificationRecord, Self>((1, from), bytes)
    }
}

impl NotificationRecord {
    /// All rules.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.queues.iter().chain(&self.topics).chain(&self.functions)
    }
}

/// Cross-origin rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorsRecord {
    /// The rules, the first that fits decides.
    pub rules: Vec<CorsRule>,
}
record!(CorsRecord, 1);

/// The newest version of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The version.
    pub version: Version,
    /// The number of the version `null` among the older ones.
    pub older_null: Option<u64>,
}

impl Record for Entry {
    const VERSION: u8 = 3;

    fn upgrade(from: u8, bytes: &[u8]) -> Result<Self, Corrupt> {
        before::read::<before::Entry, Self>((2, from), bytes)
    }
}

/// One version of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Its number, above those of all older versions.
    pub number: u64,
    /// Its id; `None` for the version `null`.
    pub id: Option<String>,
    /// When it was made.
    pub modified: Timestamp,
    /// Its object; `None` for a delete marker.
    pub object: Option<Box<ObjectRecord>>,
}

impl Record for Version {
    const VERSION: u8 = 3;

    fn upgrade(from: u8, bytes: &[u8]) -> Result<Self, Corrupt> {
        before::read::<before::Version, Self>((2, from), bytes)
    }
}

impl Version {
    /// Its id as clients see it.
    pub fn shown_id(&self) -> &str {
        self.id.as_deref().unwrap_or("null")
    }
}

/// An object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRecord {
    /// Its size in bytes.
    pub size: u64,
    /// Its entity tag, without quotes.
    pub etag: String,
    /// Where its bytes are.
    pub content: Content,
    /// Its checksum.
    pub checksum: Option<ChecksumRecord>,
    /// What the request said of it.
    pub description: Description,
    /// Its tags.
    pub tags: Tags,
    /// What makes the key its bytes are encrypted with, where they are; those of parts have their own.
    pub nonce: Option<Nonce>,
    /// What few objects have.
    pub extras: Option<Box<Extras>>,
}

impl ObjectRecord {
    /// What few objects have; nothing where it has none of it.
    pub fn extras(&self) -> Extras {
        self.extras.as_deref().cloned().unwrap_or_default()
    }

    /// Changes what few objects have.
    pub fn change_extras(&mut self, change: impl FnOnce(&mut Extras)) {
        let mut extras = self.extras();
        change(&mut extras);
        self.extras = (extras != Extras::default()).then(|| Box::new(extras));
    }

    /// The key of a customer that its bytes are encrypted with.
    pub fn customer(&self) -> Option<&CustomerKey> {
        self.extras.as_ref().and_then(|extras| extras.customer.as_ref())
    }

    /// Who owns it, by canonical id, where that is not the bucket's owner.
    pub fn writer(&self) -> Option<&str> {
        self.extras.as_ref().and_then(|extras| extras.writer.as_deref())
    }

    /// Until when it can be read, where it is archived and was restored.
    pub fn restored_until(&self) -> Option<Timestamp> {
        self.extras.as_ref().and_then(|extras| extras.restored)
    }
}

/// What makes the key of a body, together with the key it is derived from.
pub type Nonce = [u8; 16];

/// What few objects have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extras {
    /// Who may do what beside policies; `None` for the owner alone.
    pub acl: Option<Acl>,
    /// Until when it cannot be removed.
    pub retention: Option<Retention>,
    /// Whether it cannot be removed until that is lifted; `None` where it was never said.
    pub legal_hold: Option<bool>,
    /// The customer's key that it is encrypted with.
    pub customer: Option<CustomerKey>,
    /// What became of its copies in other buckets.
    pub replication: Option<Replication>,
    /// Until when an archived object can be read.
    pub restored: Option<Timestamp>,
    /// Who owns it, by canonical id, where that is not the bucket's owner.
    pub writer: Option<String>,
}

/// What is kept of a customer's key: enough to know it again, and not the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerKey {
    /// Its MD5, as answers show it.
    pub md5: [u8; 16],
    /// Random bytes that the digest is made with.
    pub salt: [u8; 16],
    /// A salted digest of it.
    pub digest: [u8; 32],
}

/// What became of an object's copies in other buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Replication {
    /// It is on its way.
    Pending,
    /// It arrived.
    Completed,
    /// It was refused for good.
    Failed,
    /// This is such a copy.
    Replica,
}

/// Where an object's bytes are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// In a row of `BODIES` under the version's number.
    Row,
    /// In one blob.
    Blob(BlobRef),
    /// In the parts of an upload.
    Parts {
        /// The upload.
        upload: Incarnation,
        /// How many parts.
        count: u16,
    },
}

/// What a request says of an object beside its content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// `STANDARD`, …
    pub storage_class: String,
    /// `Content-Type`
    pub content_type: String,
    /// `Cache-Control`
    pub cache_control: Option<String>,
    /// `Content-Disposition`
    pub content_disposition: Option<String>,
    /// `Content-Encoding`
    pub content_encoding: Option<String>,
    /// `Content-Language`
    pub content_language: Option<String>,
    /// `Expires`, as given.
    pub expires: Option<String>,
    /// `x-amz-website-redirect-location`
    pub website_redirect: Option<String>,
    /// User metadata, keys without `x-amz-meta-`.
    pub metadata: BTreeMap<String, String>,
    /// How it is encrypted.
    pub encryption: Encryption,
}

impl Default for Encryption {
    fn default() -> Self {
        Encryption { algorithm: "AES256".to_owned(), kms_key: None, bucket_key: false }
    }
}

/// A checksum of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChecksumRecord {
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// Its bytes.
    pub value: Vec<u8>,
    /// Whether it is the checksum of the checksums of this many parts.
    pub composite: Option<u16>,
}

/// An upload in parts that is going on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadRecord {
    /// Its id.
    pub id: String,
    /// When it was begun.
    pub initiated: Timestamp,
    /// Who began it: id and ARN.
    pub initiator: (String, String),
    /// What the object will be.
    pub description: Description,
    /// The object's tags.
    pub tags: Tags,
    /// The checksum that was asked for; `None` where none was named.
    pub checksum: Option<UploadChecksum>,
    /// What few objects have.
    pub extras: Extras,
    /// Whether an object of this key was deleted for good since it began.
    pub overtaken: bool,
}

impl Record for UploadRecord {
    const VERSION: u8 = 3;

    fn upgrade(from: u8, bytes: &[u8]) -> Result<Self, Corrupt> {
        before::read::<before::UploadRecord, Self>((2, from), bytes)
    }
}

/// The checksum of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadChecksum {
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// Whether that of the whole is made of the checksums of parts.
    pub composite: bool,
}

/// A part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRecord {
    /// The MD5 of its content.
    pub md5: [u8; 16],
    /// When it came.
    pub modified: Timestamp,
    /// Its checksum, of the upload's algorithm.
    pub checksum: Vec<u8>,
    /// Its bytes.
    pub body: BlobRef,
    /// What makes the key they are encrypted with, where they are.
    pub nonce: Option<Nonce>,
}

impl Record for PartRecord {
    const VERSION: u8 = 2;

    fn upgrade(from: u8, bytes: &[u8]) -> Result<Self, Corrupt> {
        before::read::<before::PartRecord, Self>((1, from), bytes)
    }
}

/// An upload that was completed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompletedRecord {
    /// The bucket that it went to.
    pub bucket: Incarnation,
    /// The key that it went to.
    pub key: String,
    /// When.
    pub at: Timestamp,
}
record!(CompletedRecord, 1);

/// What a worker has yet to take apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoomedRecord {
    /// Where its rows are.
    pub scope: Scope,
    /// What it is.
    pub kind: DoomedKind,
}
record!(DoomedRecord, 1);

/// What is taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DoomedKind {
    /// The parts of an upload.
    Upload,
    /// A bucket, with the uploads that were going on in it.
    Bucket,
}
