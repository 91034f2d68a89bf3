//! What can be received from a queue, and when: derived from the standings of its messages.
//!
//! Of a standard queue every message is offered from the time it is visible, the oldest first: one that is visible again
//! goes before younger ones, and those of a noisy tenant behind all. Of a FIFO queue only the first message of each group
//! is, so a group whose first message is hidden waits, and goes behind the others when it is back. Taking a message leaves
//! it out until its new standing is committed, or the claim is dropped. Counting costs what became visible since it was
//! counted last.

mod tenants;

use crate::rules::MAX_IN_FLIGHT;
use crate::state::{self, HEADS, Head, Turn};
use names::{Scope, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use store::{Change, Claim, Fault, Incarnation, Snapshot, TableId, View, ViewHandle};
use tenants::Tenants;

/// The view, a slice for each queue.
pub struct ReadyMessages;

/// Which queue: its scope and incarnation.
pub type QueueKey = (Scope, Incarnation);

/// The messages of a queue.
#[derive(Debug, Default)]
pub struct Ready {
    messages: BTreeMap<u64, Entry>,
    groups: HashMap<Arc<str>, BTreeSet<u64>>,
    offered: Offered,
    /// What was hidden when it was last counted, and whether because it was received.
    hidden: BTreeMap<(Timestamp, u64), bool>,
    in_flight: usize,
}

/// What is offered.
#[derive(Debug, Default)]
struct Offered {
    /// What was visible when it was last looked at, by age.
    visible: BTreeSet<u64>,
    /// The same, of tenants.
    tenants: Tenants,
    /// What was not, by the time it becomes visible.
    later: BTreeSet<(Timestamp, u64)>,
}

#[derive(Debug)]
struct Entry {
    visible_at: Timestamp,
    of: Of,
}

/// Whose turn it is when a message is taken.
#[derive(Debug, Clone)]
enum Of {
    Own,
    Group(Arc<str>),
    Tenant(Arc<str>),
}

impl Entry {
    fn group(&self) -> Option<&Arc<str>> {
        match &self.of {
            Of::Group(group) => Some(group),
            Of::Own | Of::Tenant(_) => None,
        }
    }

    fn tenant(&self) -> Option<&Arc<str>> {
        match &self.of {
            Of::Tenant(tenant) => Some(tenant),
            Of::Own | Of::Group(_) => None,
        }
    }
}

impl Offered {
    fn show(&mut self, number: u64, tenant: Option<&Arc<str>>) {
        match tenant {
            None => drop(self.visible.insert(number)),
            Some(tenant) => self.tenants.offer(tenant, number),
        }
    }

    fn remove(&mut self, number: u64, entry: &Entry) {
        let was_visible = match entry.tenant() {
            None => self.visible.remove(&number),
            Some(tenant) => self.tenants.withdraw(tenant, number),
        };
        if !was_visible {
            self.later.remove(&(entry.visible_at, number));
        }
    }

    /// The oldest that is visible and of no noisy tenant, else the oldest of such a one; it is offered no longer.
    fn take(&mut self, in_flight: usize, now: Timestamp) -> Option<u64> {
        let own = self.visible.first().copied();
        let quiet =
            self.tenants.quiet(in_flight, now).filter(|(number, _)| own.is_none_or(|own| *number < own));
        match (quiet, own) {
            (None, Some(own)) => {
                self.visible.remove(&own);
                Some(own)
            }
            (quiet, _) => {
                let (number, tenant) = quiet.or_else(|| self.tenants.noisy())?;
                self.tenants.withdraw(&tenant, number);
                Some(number)
            }
        }
    }
}

/// How many messages there are of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// That can be received.
    pub visible: usize,
    /// Received and not yet deleted.
    pub in_flight: usize,
    /// Sent and not yet visible.
    pub delayed: usize,
}

impl Ready {
    fn set(&mut self, number: u64, standing: &Head) {
        self.remove(number);
        let of = match &standing.turn {
            Turn::Own => Of::Own,
            Turn::OfTenant(tenant) => Of::Tenant(self.offered.tenants.add(tenant, standing.sent)),
            Turn::OfGroup(group) => Of::Group(match self.groups.get_key_value(group.as_str()) {
                Some((known, _)) => known.clone(),
                None => Arc::from(group.as_str()),
            }),
        };
        let entry = Entry { visible_at: standing.visible_at, of };
        let received = standing.receives > 0;
        let hidden = received || standing.visible_at > standing.sent;
        if hidden {
            self.hidden.insert((standing.visible_at, number), received);
            self.count_received(&entry, received);
        }
        match entry.group().cloned() {
            None => {
                if hidden {
                    self.offered.later.insert((entry.visible_at, number));
                } else {
                    self.offered.show(number, entry.tenant());
                }
                self.messages.insert(number, entry);
            }
            Some(group) => {
                self.withdraw_head(&group);
                self.messages.insert(number, entry);
                self.groups.entry(group.clone()).or_default().insert(number);
                self.offer_head(&group);
            }
        }
    }

    fn count_received(&mut self, entry: &Entry, received: bool) {
        self.in_flight += usize::from(received);
        if let Some(tenant) = entry.tenant().filter(|_| received) {
            self.offered.tenants.received(tenant);
        }
    }

    fn count_returned(&mut self, number: u64, received: bool) {
        self.in_flight -= usize::from(received);
        let entry = self.messages.get(&number).filter(|_| received);
        if let Some(tenant) = entry.and_then(Entry::tenant) {
            self.offered.tenants.returned(tenant);
        }
    }

    fn remove(&mut self, number: u64) {
        let Some(entry) = self.messages.get(&number) else { return };
        let (place, group) = ((entry.visible_at, number), entry.group().cloned());
        if let Some(received) = self.hidden.remove(&place) {
            self.count_returned(number, received);
        }
        match group {
            None => {
                let Some(entry) = self.messages.remove(&number) else { return };
                self.offered.remove(number, &entry);
                if let Some(tenant) = entry.tenant() {
                    self.offered.tenants.remove(tenant);
                }
            }
            Some(group) => {
                self.withdraw_head(&group);
                self.messages.remove(&number);
                if let Some(numbers) = self.groups.get_mut(&group) {
                    numbers.remove(&number);
                    if numbers.is_empty() {
                        self.groups.remove(&group);
                    }
                }
                self.offer_head(&group);
            }
        }
    }

    fn head(&self, group: &str) -> Option<(Timestamp, u64)> {
        let number = *self.groups.get(group)?.first()?;
        Some((self.messages.get(&number)?.visible_at, number))
    }

    fn withdraw_head(&mut self, group: &str) {
        if let Some(head) = self.head(group) {
            self.offered.later.remove(&head);
        }
    }

    fn offer_head(&mut self, group: &str) {
        if let Some(head) = self.head(group) {
            self.offered.later.insert(head);
        }
    }

    /// Forgets as hidden what is no longer.
    fn look(&mut self, now: Timestamp) {
        while let Some(first) = self.hidden.first_entry().filter(|first| first.key().0 <= now) {
            let ((_, number), received) = first.remove_entry();
            self.count_returned(number, received);
        }
    }

    /// Whether as many messages are in flight as may be.
    pub fn is_full(&mut self, now: Timestamp) -> bool {
        self.look(now);
        self.in_flight >= MAX_IN_FLIGHT
    }

    /// The next message that is visible, which is offered no longer: that of the group whose turn it is, or the oldest.
    fn next(&mut self, now: Timestamp) -> Option<u64> {
        while let Some((visible_at, number)) =
            self.offered.later.first().copied().filter(|first| first.0 <= now)
        {
            self.offered.later.remove(&(visible_at, number));
            let entry = self.messages.get(&number);
            if entry.is_some_and(|entry| entry.group().is_some()) {
                return Some(number);
            }
            self.offered.show(number, entry.and_then(Entry::tenant));
        }
        self.offered.take(self.in_flight, now)
    }

    /// Takes up to `limit` messages that are visible: with the first of a group come those behind it.
    fn take(&mut self, now: Timestamp, limit: usize) -> Vec<u64> {
        self.look(now);
        let limit = limit.min(MAX_IN_FLIGHT.saturating_sub(self.in_flight));
        let mut taken = Vec::new();
        while taken.len() < limit {
            let Some(number) = self.next(now) else { break };
            taken.push(number);
            let group = self.messages.get(&number).and_then(Entry::group);
            let behind = group.and_then(|group| self.groups.get(group)).into_iter().flatten();
            let behind = behind
                .copied()
                .skip(1)
                .take_while(|number| self.messages.get(number).is_some_and(|entry| entry.visible_at <= now));
            taken.extend(behind.take(limit - taken.len()));
        }
        taken
    }

    fn give_back(&mut self, numbers: &[u64]) {
        for number in numbers {
            let Some(entry) = self.messages.get(number) else { continue };
            match entry.group().cloned() {
                None => drop(self.offered.later.insert((entry.visible_at, *number))),
                Some(group) => self.offer_head(&group),
            }
        }
    }

    /// When a message can be taken next, where none can now: it becomes visible, or, where as many are in flight
    /// as may be, one of those does.
    pub fn next_visible(&mut self, now: Timestamp) -> Option<Timestamp> {
        if self.is_full(now) {
            return self.hidden.first_key_value().map(|((visible_at, _), _)| *visible_at);
        }
        let later = self.offered.later.first().map(|(visible_at, _)| *visible_at);
        if self.offered.visible.is_empty() && self.offered.tenants.is_empty() { later } else { Some(now) }
    }

    /// How many there are of each kind.
    pub fn counts(&mut self, now: Timestamp) -> Counts {
        self.look(now);
        Counts {
            visible: self.messages.len() - self.hidden.len(),
            in_flight: self.in_flight,
            delayed: self.hidden.len() - self.in_flight,
        }
    }
}

impl View for ReadyMessages {
    type Key = QueueKey;
    type Slice = Ready;

    fn name(&self) -> &'static str {
        "sqs-ready"
    }

    fn tables(&self) -> Vec<TableId> {
        vec![HEADS.id()]
    }

    fn slice_of(&self, change: &Change) -> Option<QueueKey> {
        change.of(&HEADS).map(|(scope, (incarnation, _), _)| (scope, incarnation))
    }

    fn load(&self, (scope, incarnation): &QueueKey, read: &Snapshot) -> Result<Ready, Fault> {
        let mut ready = Ready::default();
        for row in state::standings(read, scope, *incarnation) {
            let (number, standing) = row?;
            ready.set(number, &standing);
        }
        Ok(ready)
    }

    fn apply(&self, ready: &mut Ready, change: &Change) {
        match change.of(&HEADS) {
            Some((_, (_, number), Some(standing))) => ready.set(number, &standing),
            Some((_, (_, number), None)) => ready.remove(number),
            None => {}
        }
    }
}

/// Takes up to `limit` visible messages of a queue. They go back when the claim is dropped.
pub fn take(
    view: &ViewHandle<ReadyMessages>,
    queue: &QueueKey,
    now: Timestamp,
    limit: usize,
) -> Result<Option<Claim<Vec<u64>>>, Fault> {
    view.claim(
        queue,
        |ready| Some(ready.take(now, limit)).filter(|taken| !taken.is_empty()),
        |ready, taken| ready.give_back(&taken),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(visible_at: i64, group: Option<&str>) -> Head {
        Head {
            visible_at: Timestamp(visible_at),
            receives: 0,
            first_received: None,
            sent: Timestamp(0),
            turn: group.map_or(Turn::Own, |group| Turn::OfGroup(group.to_owned())),
        }
    }

    /// A message of a tenant, in flight until a moment or never received.
    fn shared(tenant: &str, in_flight_until: Option<i64>) -> Head {
        let turn = Turn::OfTenant(tenant.to_owned());
        let receives = u32::from(in_flight_until.is_some());
        Head { turn, receives, ..standing(in_flight_until.unwrap_or(0), None) }
    }

    #[test]
    fn the_quiet_go_before_the_noisy() {
        let mut ready = Ready::default();
        for number in 0..40 {
            ready.set(number, &shared("noisy", None));
        }
        for (number, tenant) in [(50, "a"), (52, "b"), (53, "a")] {
            ready.set(number, &shared(tenant, None));
        }
        ready.set(51, &standing(0, None));
        // Twenty-nine in flight are not many.
        let taken = ready.take(Timestamp(0), 29);
        assert_eq!(taken, (0..29).collect::<Vec<_>>());
        taken.iter().for_each(|number| ready.set(*number, &shared("noisy", Some(100))));
        assert_eq!(ready.take(Timestamp(0), 1), [29]);
        ready.set(29, &shared("noisy", Some(100)));
        assert_eq!(ready.take(Timestamp(0), 5), [50, 51, 52, 53, 30], "the noisy when nobody else is there");
        ready.give_back(&[51, 53, 30]);
        assert_eq!(ready.next_visible(Timestamp(0)), Some(Timestamp(0)));
        assert_eq!(ready.take(Timestamp(0), 2), [51, 53]);
        // Deleted, twelve of them are no longer in flight.
        (0..12).for_each(|number| ready.remove(number));
        ready.set(60, &shared("a", None));
        assert_eq!(ready.take(Timestamp(0), 3), [30, 31, 32]);
    }

    #[test]
    fn a_tenant_is_quiet_after_a_while_and_when_others_have_more() {
        let mut ready = Ready::default();
        for number in 0..30 {
            ready.set(number, &shared("noisy", Some(1_000_000)));
        }
        ready.set(100, &shared("noisy", None));
        ready.set(101, &shared("quiet", None));
        assert_eq!(ready.take(Timestamp(299_999), 1), [101]);
        ready.give_back(&[101]);
        assert_eq!(ready.take(Timestamp(300_000), 1), [100], "it has sent nothing for five minutes");
        ready.give_back(&[100]);
        for number in 200..500 {
            ready.set(number, &Head { receives: 1, ..standing(1_000_000, None) });
        }
        assert_eq!(ready.take(Timestamp(0), 1), [100], "a tenth is not more than a tenth");
    }

    #[test]
    fn of_the_noisy_the_one_with_fewest_in_flight_goes_first() {
        let mut ready = Ready::default();
        for (tenant, first, count) in [("a", 0, 50), ("b", 100, 40)] {
            (first..first + count).for_each(|number| ready.set(number, &shared(tenant, Some(10))));
        }
        ready.set(200, &shared("a", None));
        ready.set(201, &shared("b", None));
        assert_eq!(ready.take(Timestamp(0), 1), [201]);
        assert_eq!(ready.take(Timestamp(0), 1), [200]);
        // All are back: the oldest first, whosever it is.
        assert_eq!(ready.take(Timestamp(10), 2), [0, 1]);
        assert_eq!(ready.counts(Timestamp(10)).in_flight, 0);
    }

    #[test]
    fn standard_queues_offer_what_is_visible() {
        let mut ready = Ready::default();
        for (number, visible_at) in [(1, 10), (2, 0), (3, 0)] {
            ready.set(number, &standing(visible_at, None));
        }
        assert_eq!(ready.take(Timestamp(5), 10), [2, 3]);
        assert_eq!(ready.take(Timestamp(5), 10), [0_u64; 0]);
        ready.give_back(&[3]);
        // The older one first, though it became visible later (LocalStack's test_inflight_message_requeue, recorded on
        // AWS).
        assert_eq!(ready.take(Timestamp(10), 10), [1, 3]);
        ready.remove(1);
        ready.give_back(&[1]);
        assert_eq!(ready.take(Timestamp(10), 10), [0_u64; 0]);
    }

    #[test]
    fn a_hidden_head_holds_its_group() {
        let mut ready = Ready::default();
        for (number, group) in [(1, "a"), (2, "a"), (3, "b"), (4, "a")] {
            ready.set(number, &standing(0, Some(group)));
        }
        assert_eq!(ready.take(Timestamp(0), 2), [1, 2]);
        assert_eq!(ready.take(Timestamp(0), 10), [3]);
        ready.set(1, &standing(30, Some("a")));
        ready.set(2, &standing(30, Some("a")));
        assert_eq!(ready.take(Timestamp(0), 10), [0_u64; 0], "4 waits behind 1 and 2");
        ready.remove(1);
        ready.remove(2);
        assert_eq!(ready.take(Timestamp(0), 10), [4]);
    }

    /// The order that LocalStack's test_fifo_receive_message_with_zero_visibility_timeout found on AWS.
    #[test]
    fn a_group_that_was_received_goes_behind_the_others() {
        let mut ready = Ready::default();
        let sent = [(1, "1"), (2, "2"), (3, "2"), (4, "3"), (5, "1")];
        for (number, group) in sent {
            ready.set(number, &standing(number as i64, Some(group)));
        }
        assert_eq!(ready.take(Timestamp(10), 3), [1, 5, 2]);
        for (number, group) in [(1, "1"), (5, "1"), (2, "2")] {
            ready.set(number, &standing(10, Some(group)));
        }
        assert_eq!(ready.next_visible(Timestamp(10)), Some(Timestamp(4)));
        assert_eq!(ready.take(Timestamp(10), 10), [4, 1, 5, 2, 3]);
        assert_eq!(ready.take(Timestamp(10), 10), [0_u64; 0]);
    }

    #[test]
    fn counting() {
        let mut ready = Ready::default();
        ready.set(1, &standing(0, None));
        ready.set(2, &standing(10, None));
        ready.set(3, &Head { receives: 1, ..standing(10, None) });
        assert_eq!(ready.counts(Timestamp(5)), Counts { visible: 1, in_flight: 1, delayed: 1 });
        assert_eq!(ready.counts(Timestamp(10)), Counts { visible: 3, in_flight: 0, delayed: 0 });
        ready.set(3, &Head { receives: 2, ..standing(20, None) });
        ready.remove(2);
        assert_eq!(ready.counts(Timestamp(10)), Counts { visible: 1, in_flight: 1, delayed: 0 });
        ready.remove(3);
        assert_eq!(ready.counts(Timestamp(10)), Counts { visible: 1, in_flight: 0, delayed: 0 });
    }

    #[test]
    fn no_more_are_in_flight_than_may_be() {
        let mut ready = Ready::default();
        for number in 0..MAX_IN_FLIGHT as u64 - 1 {
            ready.set(number, &Head { receives: 1, ..standing(10 + number as i64, None) });
        }
        for number in 1..=3 {
            ready.set(MAX_IN_FLIGHT as u64 + number, &standing(0, None));
        }
        assert!(!ready.is_full(Timestamp(5)));
        let taken = ready.take(Timestamp(5), 10);
        assert_eq!(taken, [MAX_IN_FLIGHT as u64 + 1]);
        ready.set(taken[0], &Head { receives: 1, ..standing(1_000_000, None) });
        assert!(ready.is_full(Timestamp(5)));
        assert_eq!(ready.take(Timestamp(5), 10), [0_u64; 0]);
        assert_eq!(ready.next_visible(Timestamp(5)), Some(Timestamp(10)), "the first in flight makes room");
        assert!(!ready.is_full(Timestamp(10)));
        // The one that has come back is the oldest.
        assert_eq!(ready.take(Timestamp(10), 1), [0]);
    }
}
