//! Heads: what is known of every resource under its ARN — incarnation, owner, tags, policy. Written by
//! rooms in the commit that changes the resource; read by authorisation, the tagging API and inventory.

use names::{AccountId, Arn, Scope, Tags, Timestamp};
use policy::Policy;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{Change, Class, Fault, Incarnation, Read, Snapshot, Store, Table, TableId, Tx, View, record};

/// The head of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The number that its contents are keyed by.
    pub incarnation: Incarnation,
    /// The account that owns it.
    pub owner: AccountId,
    /// What it is: `AWS::SQS::Queue`.
    pub kind: String,
    /// When it was made.
    pub created: Timestamp,
    /// Its tags.
    pub tags: Tags,
    /// Its resource policy, as the user wrote it.
    pub policy: Option<String>,
}

record!(Head, 1);

static HEADS: Table<String, Head> = Table::new("service/heads", Class::Records);

/// Where the head of an ARN is kept.
pub fn head_scope(arn: &Arn) -> Scope {
    match (arn.account(), arn.region()) {
        (Some(account), Some(region)) => Scope::Regional(account, region),
        (Some(account), None) => Scope::Account(account),
        (None, _) => Scope::Partition,
    }
}

/// Removes the heads of an account whose ARNs name none, as those of buckets.
///
/// # Errors
/// The store's.
pub async fn forget_heads(store: &Store, account: AccountId) -> Result<usize, Fault> {
    store.remove_where(&HEADS, move |_, _, head| head.owner == account).await
}

/// Heads in a transaction.
pub trait Heads {
    /// The head of a resource.
    ///
    /// # Errors
    /// The store's.
    fn head(&mut self, arn: &Arn) -> Result<Option<Head>, Fault>;

    /// Writes the head of a resource.
    ///
    /// # Errors
    /// The store's.
    fn put_head(&mut self, arn: &Arn, head: &Head) -> Result<(), Fault>;

    /// Removes the head of a resource.
    ///
    /// # Errors
    /// The store's.
    fn remove_head(&mut self, arn: &Arn) -> Result<(), Fault>;
}

impl Heads for Tx {
    fn head(&mut self, arn: &Arn) -> Result<Option<Head>, Fault> {
        self.get(&HEADS, &head_scope(arn), &arn.as_str().to_owned())
    }

    fn put_head(&mut self, arn: &Arn, head: &Head) -> Result<(), Fault> {
        self.put(&HEADS, &head_scope(arn), &arn.as_str().to_owned(), head)
    }

    fn remove_head(&mut self, arn: &Arn) -> Result<(), Fault> {
        self.delete(&HEADS, &head_scope(arn), &arn.as_str().to_owned())
    }
}

/// A head with its policy parsed.
#[derive(Debug)]
pub struct HeadWithPolicy {
    /// The head.
    pub head: Head,
    /// Its policy; `None` where it has none, or none that can be parsed (which then allows nothing).
    pub policy: Option<Arc<Policy>>,
}

/// Heads in memory, one slice per ARN, for authorisation.
pub struct HeadsView;

fn parsed(head: Head) -> Arc<HeadWithPolicy> {
    let policy = head.policy.as_deref().and_then(|text| Policy::parse(text).ok()).map(Arc::new);
    Arc::new(HeadWithPolicy { head, policy })
}

impl View for HeadsView {
    type Key = Arn;
    type Slice = Option<Arc<HeadWithPolicy>>;

    fn name(&self) -> &'static str {
        "heads"
    }

    fn tables(&self) -> Vec<TableId> {
        vec![HEADS.id()]
    }

    fn capacity(&self) -> usize {
        65_536
    }

    fn slice_of(&self, change: &Change) -> Option<Arn> {
        let (_, arn, _) = change.of(&HEADS)?;
        arn.parse().ok()
    }

    fn load(&self, arn: &Arn, read: &Snapshot) -> Result<Self::Slice, Fault> {
        Ok(read.get(&HEADS, &head_scope(arn), &arn.as_str().to_owned())?.map(parsed))
    }

    fn apply(&self, slice: &mut Self::Slice, change: &Change) {
        *slice = change.of(&HEADS).and_then(|(.., head)| head).map(parsed);
    }
}
