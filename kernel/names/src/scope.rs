//! Where a resource lives: in a region of an account, in an account, or in the whole partition.

use crate::{AccountId, Region};
use serde::{Deserialize, Serialize};

/// The first part of every stored key, so that one account's rows are never in reach of another's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// Names that are unique across accounts: bucket names, access key ids, API host labels.
    Partition,
    /// Resources of an account in no region: IAM, Route 53.
    Account(AccountId),
    /// Resources of an account in one region: most.
    Regional(AccountId, Region),
}

impl Scope {
    /// The account, where the scope has one.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Scope::Partition => None,
            Scope::Account(account) | Scope::Regional(account, _) => Some(*account),
        }
    }

    /// The region, where the scope has one.
    pub fn region(&self) -> Option<&Region> {
        match self {
            Scope::Regional(_, region) => Some(region),
            Scope::Partition | Scope::Account(_) => None,
        }
    }
}
