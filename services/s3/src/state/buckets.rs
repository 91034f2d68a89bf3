//! Buckets: found by name across the partition, with what is configured on them.

use super::{
    BUCKETS, BucketRecord, CORS, CorsRecord, DOOMED, DoomedKind, DoomedRecord, NAMES, NOTIFICATIONS,
    NameRecord, NotificationRecord,
};
use crate::rules::directory_buckets::{self, Place};
use names::{AccountId, Arn, Scope};
use store::{Fault, Incarnation, Read, Snapshot, Span, Tx};

/// A bucket as it was found.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// Its owner.
    pub owner: AccountId,
    /// Where its contents are.
    pub scope: Scope,
    /// What is known of it.
    pub record: BucketRecord,
}

/// The ARN of a general purpose bucket, or of what stands in its place.
pub fn arn(name: &str) -> Arn {
    Arn::partition_wide("s3", name)
}

impl Bucket {
    /// Its ARN.
    pub fn arn(&self) -> Arn {
        match self.is_directory() {
            true => directory_buckets::arn(&self.record.region, self.owner, &self.name),
            false => arn(&self.name),
        }
    }

    /// Whether it is a directory bucket.
    pub fn is_directory(&self) -> bool {
        directory_buckets::is_named_so(&self.name)
    }

    /// The zone of a directory bucket.
    pub fn zone(&self) -> Option<(&str, Place)> {
        directory_buckets::zone(&self.name)
    }

    /// The number its contents are keyed by.
    pub fn incarnation(&self) -> Incarnation {
        self.record.incarnation
    }

    fn of(name: &str, owner: AccountId, record: BucketRecord) -> Self {
        let scope = Scope::Regional(owner, record.region.clone());
        Bucket { name: name.to_owned(), owner, scope, record }
    }
}

/// The bucket of a name, whoever owns it.
///
/// # Errors
/// The store's.
pub fn find(read: &impl Read, name: &str) -> Result<Option<Bucket>, Fault> {
    let key = name.to_owned();
    let Some(NameRecord { owner }) = read.get(&NAMES, &Scope::Partition, &key)? else { return Ok(None) };
    let record = read.get(&BUCKETS, &Scope::Account(owner), &key)?;
    Ok(record.map(|record| Bucket::of(name, owner, record)))
}

/// The buckets of an account, by name, that begin so and follow a name.
///
/// # Errors
/// The store's.
pub fn of_account<'r, R: Read>(
    read: &'r R,
    owner: AccountId,
    prefix: &str,
    after: &str,
) -> impl Iterator<Item = Result<Bucket, Fault>> + use<'r, R> {
    let span = Span::range(prefix.to_owned()..).after(&after.to_owned());
    let prefix = prefix.to_owned();
    read.scan(&BUCKETS, &Scope::Account(owner), span)
        .map(move |row| row.map(|(name, record)| Bucket::of(&name, owner, record)))
        .take_while(move |row| row.as_ref().map_or(true, |bucket| bucket.name.starts_with(&prefix)))
}

/// Whether the requests of any bucket are logged.
///
/// # Errors
/// The store's.
pub fn is_any_logged(read: &Snapshot) -> Result<bool, Fault> {
    for row in read.everywhere(&BUCKETS) {
        if row?.2.configured.logging {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Writes a new bucket with its name.
///
/// # Errors
/// The store's.
pub fn create(tx: &mut Tx, name: &str, owner: AccountId, record: &BucketRecord) -> Result<(), Fault> {
    let key = name.to_owned();
    tx.put(&NAMES, &Scope::Partition, &key, &NameRecord { owner })?;
    tx.put(&BUCKETS, &Scope::Account(owner), &key, record)
}

/// Writes what is known of a bucket.
///
/// # Errors
/// The store's.
pub fn update(tx: &mut Tx, bucket: &Bucket) -> Result<(), Fault> {
    tx.put(&BUCKETS, &Scope::Account(bucket.owner), &bucket.name, &bucket.record)
}

/// Removes a bucket; a worker takes its contents apart.
///
/// # Errors
/// The store's.
pub fn remove(tx: &mut Tx, bucket: &Bucket) -> Result<(), Fault> {
    tx.delete(&NAMES, &Scope::Partition, &bucket.name)?;
    tx.delete(&BUCKETS, &Scope::Account(bucket.owner), &bucket.name)?;
    super::configurations::set_ageing(tx, &bucket.name, None)?;
    let doomed = DoomedRecord { scope: bucket.scope.clone(), kind: DoomedKind::Bucket };
    tx.put(&DOOMED, &Scope::Partition, &bucket.incarnation().0, &doomed)
}

/// Whom a bucket tells; nobody where nothing is configured.
///
/// # Errors
/// The store's.
pub fn notifications(read: &impl Read, bucket: &Bucket) -> Result<NotificationRecord, Fault> {
    Ok(read.get(&NOTIFICATIONS, &bucket.scope, &bucket.incarnation())?.unwrap_or_default())
}

/// Configures whom a bucket tells.
///
/// # Errors
/// The store's.
pub fn put_notifications(tx: &mut Tx, bucket: &Bucket, record: &NotificationRecord) -> Result<(), Fault> {
    tx.put(&NOTIFICATIONS, &bucket.scope, &bucket.incarnation(), record)
}

/// The cross-origin rules of a bucket.
///
/// # Errors
/// The store's.
pub fn cors(read: &impl Read, bucket: &Bucket) -> Result<Option<CorsRecord>, Fault> {
    read.get(&CORS, &bucket.scope, &bucket.incarnation())
}

/// Sets or removes the cross-origin rules of a bucket.
///
/// # Errors
/// The store's.
pub fn put_cors(tx: &mut Tx, bucket: &Bucket, record: Option<&CorsRecord>) -> Result<(), Fault> {
    match record {
        Some(record) => tx.put(&CORS, &bucket.scope, &bucket.incarnation(), record),
        None => tx.delete(&CORS, &bucket.scope, &bucket.incarnation()),
    }
}
