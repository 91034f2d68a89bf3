//! Access points: named ways into a bucket, each of a region of an account. A request names one in the place
//! of a bucket, by its alias or by its name and account.

use super::buckets::{self, Bucket};
use super::{ACCESS_POINTS, LABELS, PublicAccessBlock};
use names::{AccountId, Arn, Region, Scope, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Fault, Read, Span, Store, Tx, record};

/// An access point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessPointRecord {
    /// Its bucket.
    pub bucket: String,
    /// Its alias.
    pub alias: String,
    /// When it was made.
    pub created: Timestamp,
    /// The network that it lets in alone, where it is not the internet.
    pub vpc: Option<String>,
    /// What keeps it from the public.
    pub public_access: PublicAccessBlock,
}
record!(AccessPointRecord, 1);

impl AccessPointRecord {
    /// The networks that it lets in, as policies compare it.
    pub fn network_origin(&self) -> &'static str {
        if self.vpc.is_some() { "VPC" } else { "Internet" }
    }
}

/// What a name in the place of a bucket stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelRecord {
    /// The account of the access point.
    pub account: AccountId,
    /// Its region.
    pub region: Region,
    /// Its name.
    pub name: String,
}
record!(LabelRecord, 1);

/// An access point as it was found.
#[derive(Debug, Clone)]
pub struct AccessPoint {
    /// Its account.
    pub account: AccountId,
    /// Its region.
    pub region: Region,
    /// Its name.
    pub name: String,
    /// What is known of it.
    pub record: AccessPointRecord,
}

impl AccessPoint {
    /// Its ARN.
    pub fn arn(&self) -> Arn {
        Arn::regional("s3", &self.region, self.account, &format!("accesspoint/{}", self.name))
    }

    fn scope(&self) -> Scope {
        Scope::Regional(self.account, self.region.clone())
    }

    /// The names that stand for it: its alias, and how SDKs name it in a host.
    fn labels(&self) -> [String; 2] {
        [self.record.alias.clone(), format!("{}-{}", self.name, self.account)]
    }
}

/// The access point of a name.
///
/// # Errors
/// The store's.
pub fn find(
    read: &impl Read,
    account: AccountId,
    region: &Region,
    name: &str,
) -> Result<Option<AccessPoint>, Fault> {
    let record = read.get(&ACCESS_POINTS, &Scope::Regional(account, region.clone()), &name.to_owned())?;
    Ok(record.map(|record| AccessPoint { account, region: region.clone(), name: name.to_owned(), record }))
}

/// Whether a name in the place of a bucket may be an access point's: an alias, or behind a name the account.
fn is_label(name: &str) -> bool {
    name.ends_with("-s3alias")
        || name.rsplit_once('-').is_some_and(|(_, account)| account.parse::<AccountId>().is_ok())
}

/// The access point that stands in the place of a bucket, where no bucket has that name.
///
/// # Errors
/// The store's.
pub fn in_place_of(read: &impl Read, bucket: &str) -> Result<Option<AccessPoint>, Fault> {
    if !is_label(bucket) || buckets::find(read, bucket)?.is_some() {
        return Ok(None);
    }
    match read.get(&LABELS, &Scope::Partition, &bucket.to_owned())? {
        Some(LabelRecord { account, region, name }) => find(read, account, &region, &name),
        None => Ok(None),
    }
}

/// The access points of an account in a region by name, those behind one.
pub fn list<'r, R: Read>(
    read: &'r R,
    account: AccountId,
    region: &Region,
    after: &str,
) -> impl Iterator<Item = Result<AccessPoint, Fault>> + use<'r, R> {
    let span = Span::range(String::new()..).after(&after.to_owned());
    let region = region.clone();
    let rows = read.scan(&ACCESS_POINTS, &Scope::Regional(account, region.clone()), span);
    rows.map(move |row| {
        row.map(|(name, record)| AccessPoint { account, region: region.clone(), name, record })
    })
}

/// Whether a bucket has access points.
///
/// # Errors
/// The store's.
pub fn any_of(read: &impl Read, bucket: &Bucket) -> Result<bool, Fault> {
    for point in list(read, bucket.owner, &bucket.record.region, "") {
        if point?.record.bucket == bucket.name {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Writes a new access point.
///
/// # Errors
/// The store's.
pub fn create(tx: &mut Tx, point: &AccessPoint) -> Result<(), Fault> {
    let AccessPoint { account, region, name, .. } = point;
    let record = LabelRecord { account: *account, region: region.clone(), name: name.clone() };
    for label in point.labels() {
        tx.put(&LABELS, &Scope::Partition, &label, &record)?;
    }
    tx.put(&ACCESS_POINTS, &point.scope(), name, &point.record)
}

/// Removes an access point.
///
/// # Errors
/// The store's.
pub fn remove(tx: &mut Tx, point: &AccessPoint) -> Result<(), Fault> {
    for label in point.labels() {
        let there = tx.get(&LABELS, &Scope::Partition, &label)?;
        if there.is_some_and(|record| record.region == point.region) {
            tx.delete(&LABELS, &Scope::Partition, &label)?;
        }
    }
    tx.delete(&ACCESS_POINTS, &point.scope(), &point.name)
}

/// Removes what stands for an account's access points outside of its own scopes.
///
/// # Errors
/// The store's.
pub async fn forget(store: &Store, account: AccountId) -> Result<usize, Fault> {
    store.remove_where(&LABELS, move |_, _, record| record.account == account).await
}
