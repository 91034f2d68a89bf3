//! What was done a short while ago: deletions and purges, of which the next must wait, and receives that can be
//! asked for again.

use names::{Scope, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Class, Fault, Incarnation, Read, Store, Table, Tx, record};

/// How many rows one step of the sweep looks at.
const STEP: usize = 500;

/// When something was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
}
record!(Moment, 1);

/// What a receive with an attempt id has handed out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The messages' numbers, and how often each was received then.
    pub handed: Vec<(u64, u32)>,
    /// Until when it can be asked for again.
    pub until: Timestamp,
}
record!(Attempt, 1);

static DELETIONS: Table<String, Moment> = Table::new("sqs/deletions", Class::Records);
static PURGES: Table<String, Moment> = Table::new("sqs/purges", Class::Records);
static ATTEMPTS: Table<(Incarnation, String), Attempt> = Table::of_incarnation("sqs/attempts", Class::Queue);

/// When a queue of this name was deleted last.
pub fn deleted(read: &impl Read, scope: &Scope, name: &str) -> Result<Option<Timestamp>, Fault> {
    Ok(read.get(&DELETIONS, scope, &name.to_owned())?.map(|moment| moment.at))
}

/// Notes that a queue was deleted.
pub fn note_deleted(tx: &mut Tx, scope: &Scope, name: &str, at: Timestamp) -> Result<(), Fault> {
    tx.put(&DELETIONS, scope, &name.to_owned(), &Moment { at })
}

/// When a queue was purged last.
pub fn purged(read: &impl Read, scope: &Scope, name: &str) -> Result<Option<Timestamp>, Fault> {
    Ok(read.get(&PURGES, scope, &name.to_owned())?.map(|moment| moment.at))
}

/// Notes that a queue was purged.
pub fn note_purged(tx: &mut Tx, scope: &Scope, name: &str, at: Timestamp) -> Result<(), Fault> {
    tx.put(&PURGES, scope, &name.to_owned(), &Moment { at })
}

/// Another queue of this name may be purged at once.
pub fn forget_purged(tx: &mut Tx, scope: &Scope, name: &str) -> Result<(), Fault> {
    tx.delete(&PURGES, scope, &name.to_owned())
}

/// What a receive with an attempt id has handed out.
pub fn attempt(
    read: &impl Read,
    scope: &Scope,
    queue: Incarnation,
    id: &str,
) -> Result<Option<Attempt>, Fault> {
    read.get(&ATTEMPTS, scope, &(queue, id.to_owned()))
}

/// Remembers what a receive with an attempt id has handed out.
pub fn put_attempt(
    tx: &mut Tx,
    scope: &Scope,
    queue: Incarnation,
    id: &str,
    attempt: &Attempt,
) -> Result<(), Fault> {
    tx.put(&ATTEMPTS, scope, &(queue, id.to_owned()), attempt)
}

/// Removes what is remembered no longer; `kept_ms` is how long deletions and purges are.
pub async fn sweep(store: &Store, now: Timestamp, kept_ms: i64) -> Result<(), Fault> {
    let old = now.plus_millis(-kept_ms);
    for table in [&DELETIONS, &PURGES] {
        store.remove_where(table, move |_, _, moment| moment.at <= old).await?;
    }
    let mut after = None;
    loop {
        let looked = store.remove_some(&ATTEMPTS, after, STEP, move |_, _, one| one.until <= now).await?;
        after = looked.last;
        if after.is_none() {
            break;
        }
    }
    super::forget_duplicates(store, now).await
}
