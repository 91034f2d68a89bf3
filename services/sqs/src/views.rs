//! What can be received from a queue, and when: derived from the standings of its messages.
//!
//! Of a standard queue every message is offered from the time it is visible, the oldest first: one that is visible again
//! goes before younger ones. Of a FIFO queue only the first message of each group is, so a group whose first message is
//! hidden waits, and goes behind the others when it is back. Taking a message leaves it out until its new standing is committed, or the claim is dropped. Counting
//! costs what became visible since it was counted last.

use crate::rules::MAX_IN_FLIGHT;
use crate::state::{self, HEADS, Head};
use names::{Scope, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use store::{Change, Claim, Fault, Incarnation, Snapshot, TableId, View, ViewHandle};

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
    /// What was not, by the time it becomes visible.
    later: BTreeSet<(Timestamp, u64)>,
    /// Groups take turns, by the time each became visible, whatever the age of its messages.
    in_turn: bool,
}

impl Offered {
    fn insert(&mut self, offer: (Timestamp, u64)) {
        self.later.insert(offer);
    }

    fn remove(&mut self, offer: (Timestamp, u64)) {
        if !self.visible.remove(&offer.1) {
            self.later.remove(&offer);
        }
    }

    /// The oldest that is visible, or whose turn it is, which is offered no longer.
    fn take(&mut self, now: Timestamp) -> Option<u64> {
        if self.in_turn {
            self.later.first().filter(|first| first.0 <= now)?;
            return self.later.pop_first().map(|(_, number)| number);
        }
        while let Some((visible_at, number)) = self.later.first().copied().filter(|first| first.0 <= now) {
            self.later.remove(&(visible_at, number));
            self.visible.insert(number);
        }
        self.visible.pop_first()
    }
}

#[derive(Debug)]
struct Entry {
    visible_at: Timestamp,
    group: Option<Arc<str>>,
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
        let group = standing.group.as_deref().map(|name| match self.groups.get_key_value(name) {
            Some((known, _)) => known.clone(),
            None => Arc::from(name),
        });
        let entry = Entry { visible_at: standing.visible_at, group };
        let received = standing.receives > 0;
        let hidden = received || standing.visible_at > standing.sent;
        if hidden {
            self.hidden.insert((standing.visible_at, number), received);
            self.in_flight += usize::from(received);
        }
        match entry.group.clone() {
            None => {
                if hidden {
                    self.offered.insert((entry.visible_at, number));
                } else {
                    self.offered.visible.insert(number);
                }
                self.messages.insert(number, entry);
            }
            Some(group) => {
                self.offered.in_turn = true;
                self.withdraw_head(&group);
                self.messages.insert(number, entry);
                self.groups.entry(group.clone()).or_default().insert(number);
                self.offer_head(&group);
            }
        }
    }

    fn remove(&mut self, number: u64) {
        let Some(entry) = self.messages.get(&number) else { return };
        if let Some(received) = self.hidden.remove(&(entry.visible_at, number)) {
            self.in_flight -= usize::from(received);
        }
        match entry.group.clone() {
            None => {
                self.offered.remove((entry.visible_at, number));
                self.messages.remove(&number);
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
            self.offered.remove(head);
        }
    }

    fn offer_head(&mut self, group: &str) {
        if let Some(head) = self.head(group) {
            self.offered.insert(head);
        }
    }

    /// Forgets as hidden what is no longer.
    fn look(&mut self, now: Timestamp) {
        while let Some(first) = self.hidden.first_entry().filter(|first| first.key().0 <= now) {
            self.in_flight -= usize::from(first.remove());
        }
    }

    /// Whether as many messages are in flight as may be.
    pub fn is_full(&mut self, now: Timestamp) -> bool {
        self.look(now);
        self.in_flight >= MAX_IN_FLIGHT
    }

    /// Takes up to `limit` messages that are visible: with the first of a group come those behind it.
    fn take(&mut self, now: Timestamp, limit: usize) -> Vec<u64> {
        self.look(now);
        let limit = limit.min(MAX_IN_FLIGHT.saturating_sub(self.in_flight));
        let mut taken = Vec::new();
        while taken.len() < limit {
            let Some(number) = self.offered.take(now) else { break };
            taken.push(number);
            let group = self.messages.get(&number).and_then(|entry| entry.group.clone());
            let behind = group.and_then(|group| self.groups.get(&group)).into_iter().flatten();
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
            match entry.group.clone() {
                None => self.offered.insert((entry.visible_at, *number)),
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
        if self.offered.visible.is_empty() { later } else { Some(now) }
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
            group: group.map(str::to_owned),
        }
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
