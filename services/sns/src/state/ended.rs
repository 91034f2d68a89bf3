//! Subscriptions that have ended, and whose subscribers may take that back for some days.

use crate::state::Subscription;
use names::{Scope, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Class, Fault, Incarnation, Read, Span, Table, Tx, record};

/// How long it can be taken back (SNS developer guide: a deleted subscription is gone for good after three days).
const KEPT_MS: i64 = 3 * 24 * 3600 * 1000;

/// A subscription that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// The subscription.
    pub subscription: Subscription,
    /// Until when it can be had back.
    pub until: Timestamp,
}
record!(Ended, 1);

static ENDED: Table<(Incarnation, String), Ended> = Table::of_incarnation("sns/ended", Class::Records);

/// Remembers a subscription that ends.
pub fn remember(
    tx: &mut Tx,
    scope: &Scope,
    topic: Incarnation,
    subscription: &Subscription,
    now: Timestamp,
) -> Result<(), Fault> {
    let ended = Ended { subscription: subscription.clone(), until: now.plus_millis(KEPT_MS) };
    tx.put(&ENDED, scope, &(topic, subscription.id.clone()), &ended)
}

/// A subscription that has ended and can still be had back.
pub fn ended(
    read: &impl Read,
    scope: &Scope,
    topic: Incarnation,
    id: &str,
    now: Timestamp,
) -> Result<Option<Subscription>, Fault> {
    let found = read.get(&ENDED, scope, &(topic, id.to_owned()))?;
    Ok(found.filter(|ended| ended.until > now).map(|ended| ended.subscription))
}

/// Forgets a subscription that has ended.
pub fn forget(tx: &mut Tx, scope: &Scope, topic: Incarnation, id: &str) -> Result<(), Fault> {
    tx.delete(&ENDED, scope, &(topic, id.to_owned()))
}

/// Those of a topic that can be had back no longer, up to a bound.
pub fn over(
    read: &impl Read,
    scope: &Scope,
    topic: Incarnation,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<String>, Fault> {
    let mut over = Vec::new();
    for row in read.scan(&ENDED, scope, Span::of(&topic)) {
        let ((_, id), ended) = row?;
        if ended.until <= now {
            over.push(id);
        }
        if over.len() == limit {
            break;
        }
    }
    Ok(over)
}
