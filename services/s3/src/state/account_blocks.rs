//! What keeps all buckets of an account from the public.

use super::buckets::Bucket;
use super::{ACCOUNT_BLOCKS, PublicAccessBlock};
use names::{AccountId, Scope};
use serde::{Deserialize, Serialize};
use store::{Fault, Read, Tx, record};

/// The block of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountBlockRecord {
    block: PublicAccessBlock,
}
record!(AccountBlockRecord, 1);

/// The one row of an account.
const KEY: &str = "public-access";

/// The block of an account.
///
/// # Errors
/// The store's.
pub fn get(read: &impl Read, account: AccountId) -> Result<Option<PublicAccessBlock>, Fault> {
    let record = read.get(&ACCOUNT_BLOCKS, &Scope::Account(account), &KEY.to_owned())?;
    Ok(record.map(|record| record.block))
}

/// Sets or removes the block of an account.
///
/// # Errors
/// The store's.
pub fn put(tx: &mut Tx, account: AccountId, block: Option<PublicAccessBlock>) -> Result<(), Fault> {
    let key = KEY.to_owned();
    match block {
        Some(block) => tx.put(&ACCOUNT_BLOCKS, &Scope::Account(account), &key, &AccountBlockRecord { block }),
        None => tx.delete(&ACCOUNT_BLOCKS, &Scope::Account(account), &key),
    }
}

/// What keeps a bucket from the public: its own block, or its account's.
///
/// # Errors
/// The store's.
pub fn of_bucket(read: &impl Read, bucket: &Bucket) -> Result<PublicAccessBlock, Fault> {
    let none =
        PublicAccessBlock { block_acls: false, ignore_acls: false, block_policy: false, restrict: false };
    let own = bucket.record.public_access.unwrap_or(none);
    let account = get(read, bucket.owner)?.unwrap_or(none);
    Ok(PublicAccessBlock {
        block_acls: own.block_acls || account.block_acls,
        ignore_acls: own.ignore_acls || account.ignore_acls,
        block_policy: own.block_policy || account.block_policy,
        restrict: own.restrict || account.restrict,
    })
}
