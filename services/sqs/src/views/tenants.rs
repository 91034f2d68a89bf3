//! Fair queues: what is visible of the messages of a standard queue that have a group, by tenant, so that one with much
//! under way does not make the others wait.
//!
//! SQS Developer Guide, "How Amazon SQS fair queues work": a tenant is noisy that has more than a tenth of what is in
//! flight, and at least thirty messages; it is quiet again when it has sent nothing for five minutes. Messages of the
//! quiet go first; of several noisy tenants the one with the fewest in flight. The share of processing time, by which
//! AWS finds slow tenants too, is not looked at.

use names::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Messages in flight from which on a tenant may be noisy.
const MANY: usize = 30;
/// A noisy tenant has more than one of so many in flight.
const SHARE: usize = 10;
/// A tenant that has sent nothing for so long is quiet.
const SILENCE_MS: i64 = 5 * 60 * 1000;

/// The tenants of a queue.
#[derive(Debug, Default)]
pub struct Tenants {
    tenants: HashMap<Arc<str>, Tenant>,
    /// The oldest visible message of each that has one.
    oldest: BTreeMap<u64, Arc<str>>,
}

#[derive(Debug, Default)]
struct Tenant {
    messages: usize,
    visible: BTreeSet<u64>,
    in_flight: usize,
    last_sent: Timestamp,
}

impl Tenant {
    fn is_noisy(&self, in_flight: usize, now: Timestamp) -> bool {
        self.in_flight >= MANY
            && self.in_flight * SHARE > in_flight
            && self.last_sent.plus_millis(SILENCE_MS) > now
    }
}

impl Tenants {
    /// A message comes. Gives the name as it is kept.
    pub fn add(&mut self, name: &str, sent: Timestamp) -> Arc<str> {
        let name =
            self.tenants.get_key_value(name).map_or_else(|| Arc::from(name), |(known, _)| known.clone());
        let tenant = self.tenants.entry(name.clone()).or_default();
        tenant.messages += 1;
        tenant.last_sent = tenant.last_sent.max(sent);
        name
    }

    /// A message goes; it is neither visible nor in flight.
    pub fn remove(&mut self, name: &str) {
        let Some(tenant) = self.tenants.get_mut(name) else { return };
        tenant.messages -= 1;
        if tenant.messages == 0 {
            self.tenants.remove(name);
        }
    }

    /// A message was received.
    pub fn received(&mut self, name: &str) {
        if let Some(tenant) = self.tenants.get_mut(name) {
            tenant.in_flight += 1;
        }
    }

    /// A message that was received is in flight no longer.
    pub fn returned(&mut self, name: &str) {
        if let Some(tenant) = self.tenants.get_mut(name) {
            tenant.in_flight -= 1;
        }
    }

    /// A message is visible.
    pub fn offer(&mut self, name: &Arc<str>, number: u64) {
        self.change(name, |visible| visible.insert(number));
    }

    /// A message is offered no longer; says whether it was.
    pub fn withdraw(&mut self, name: &Arc<str>, number: u64) -> bool {
        self.change(name, |visible| visible.remove(&number))
    }

    fn change(&mut self, name: &Arc<str>, change: impl FnOnce(&mut BTreeSet<u64>) -> bool) -> bool {
        let Some(tenant) = self.tenants.get_mut(name) else { return false };
        let before = tenant.visible.first().copied();
        let changed = change(&mut tenant.visible);
        let after = tenant.visible.first().copied();
        if before != after {
            before.and_then(|number| self.oldest.remove(&number));
            if let Some(number) = after {
                self.oldest.insert(number, name.clone());
            }
        }
        changed
    }

    /// Whether nothing is visible.
    pub fn is_empty(&self) -> bool {
        self.oldest.is_empty()
    }

    /// The oldest visible message of a quiet tenant, while so many of the queue are in flight. More than nine tenants are
    /// never passed over: each has more than a tenth.
    pub fn quiet(&self, in_flight: usize, now: Timestamp) -> Option<(u64, Arc<str>)> {
        let is_noisy =
            |name: &Arc<str>| self.tenants.get(name).is_some_and(|tenant| tenant.is_noisy(in_flight, now));
        self.oldest.iter().find(|(_, name)| !is_noisy(name)).map(|(number, name)| (*number, name.clone()))
    }

    /// The oldest visible message of the tenant with the fewest in flight, where all are noisy.
    pub fn noisy(&self) -> Option<(u64, Arc<str>)> {
        let in_flight = |name: &Arc<str>| self.tenants.get(name).map(|tenant| tenant.in_flight);
        let fewest = self.oldest.iter().min_by_key(|(_, name)| in_flight(name));
        fewest.map(|(number, name)| (*number, name.clone()))
    }
}
