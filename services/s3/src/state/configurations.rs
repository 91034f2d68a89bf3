//! Configurations of a bucket that are kept as they were given, by kind and, where a bucket may have
//! several of a kind, by id.

use super::buckets::Bucket;
use super::kept::Kept;
use super::{AGEING, AgeingRecord, CONFIGURATIONS};
use names::Scope;
use schema::Obj;
use serde::{Deserialize, Serialize};
use store::{Fault, Incarnation, Read, Span, TimerId, Tx, record};

/// A configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConfigurationRecord {
    content: Kept,
}
record!(ConfigurationRecord, 1);

/// The kinds of configurations that are kept as they are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Tags as attributes of authorisation.
    Abac,
    /// Transfer acceleration.
    Accelerate,
    /// Storage class analyses.
    Analytics,
    /// Archive tiers.
    IntelligentTiering,
    /// Inventories.
    Inventory,
    /// Lifecycle rules.
    Lifecycle,
    /// Where the bucket was made, where that is not the region's name.
    Location,
    /// Access logs.
    Logging,
    /// Request metrics.
    Metrics,
    /// Replication rules.
    Replication,
    /// Who pays for requests.
    RequestPayment,
    /// The website.
    Website,
}

impl Kind {
    /// Its part of the row's key, which never changes.
    fn key(self) -> &'static str {
        match self {
            Kind::Abac => "abac",
            Kind::Accelerate => "accelerate",
            Kind::Analytics => "analytics",
            Kind::IntelligentTiering => "intelligent-tiering",
            Kind::Inventory => "inventory",
            Kind::Lifecycle => "lifecycle",
            Kind::Location => "location",
            Kind::Logging => "logging",
            Kind::Metrics => "metrics",
            Kind::Replication => "replication",
            Kind::RequestPayment => "request-payment",
            Kind::Website => "website",
        }
    }
}

fn row(bucket: &Bucket, kind: Kind, id: &str) -> (Incarnation, String, String) {
    (bucket.incarnation(), kind.key().to_owned(), id.to_owned())
}

/// The configuration of a kind and id; the id is empty where there is one of a kind only.
///
/// # Errors
/// The store's.
pub fn get<T: Obj + Default>(
    read: &impl Read,
    bucket: &Bucket,
    kind: Kind,
    id: &str,
) -> Result<Option<T>, Fault> {
    let record = read.get(&CONFIGURATIONS, &bucket.scope, &row(bucket, kind, id))?;
    Ok(record.map(|record| record.content.into_obj()))
}

/// Writes a configuration.
///
/// # Errors
/// The store's.
pub fn put(tx: &mut Tx, bucket: &Bucket, kind: Kind, id: &str, content: &dyn Obj) -> Result<(), Fault> {
    let record = ConfigurationRecord { content: Kept::of(content) };
    tx.put(&CONFIGURATIONS, &bucket.scope, &row(bucket, kind, id), &record)
}

/// Removes a configuration.
///
/// # Errors
/// The store's.
pub fn remove(tx: &mut Tx, bucket: &Bucket, kind: Kind, id: &str) -> Result<(), Fault> {
    tx.delete(&CONFIGURATIONS, &bucket.scope, &row(bucket, kind, id))
}

/// The configurations of a kind by id, those behind one.
pub fn list<'r, T: Obj + Default, R: Read>(
    read: &'r R,
    bucket: &Bucket,
    kind: Kind,
    after: &str,
) -> impl Iterator<Item = Result<(String, T), Fault>> + use<'r, T, R> {
    let span = Span::of(&(bucket.incarnation(), kind.key().to_owned())).after(&row(bucket, kind, after));
    let rows = read.scan(&CONFIGURATIONS, &bucket.scope, span);
    rows.map(|row| row.map(|((_, _, id), record)| (id, record.content.into_obj())))
}

/// Puts a timer in the place of the one that carries out a bucket's lifecycle rules, or none.
///
/// # Errors
/// The store's.
pub fn set_ageing(tx: &mut Tx, bucket: &str, timer: Option<TimerId>) -> Result<(), Fault> {
    let key = bucket.to_owned();
    if let Some(old) = tx.take(&AGEING, &Scope::Partition, &key)? {
        tx.cancel(&old.timer)?;
    }
    match timer {
        Some(timer) => tx.put(&AGEING, &Scope::Partition, &key, &AgeingRecord { timer }),
        None => Ok(()),
    }
}
