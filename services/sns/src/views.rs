//! What is held in memory: the subscribers of a topic with their filters read, the messages that are still to
//! be fanned out, and what is to be sent over HTTP, by subscriber.

use crate::rules::attributes::{Setting, dead_letter, filter};
use crate::rules::filter::Filter;
use crate::state::sending::{self, SENDINGS};
use crate::state::statuses::{self, STATUSES};
use crate::state::{self, FAN_OUTS, Protocol, SUBSCRIPTIONS, Subscription};
use names::{Arn, Scope};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use store::{Change, Fault, Incarnation, Snapshot, TableId, View};
use tokio::sync::Notify;

/// A subscriber that gets messages.
#[derive(Debug)]
pub struct Subscriber {
    /// The subscription.
    pub subscription: Subscription,
    /// Which messages it wants.
    pub filter: Option<Filter>,
    /// Where messages go that it cannot be given.
    pub dead_letter: Option<Arn>,
    /// The queue or function that it is.
    pub target: Option<Arn>,
}

impl Subscriber {
    /// The subscriber of a subscription.
    pub fn of(subscription: Subscription) -> Self {
        // What cannot be read was never let in.
        let filter = filter(&subscription.attributes, Setting::Set).ok().flatten();
        let dead_letter = dead_letter(&subscription.attributes);
        let target = matches!(subscription.protocol, Protocol::Sqs | Protocol::Lambda)
            .then(|| subscription.endpoint.parse().ok());
        Subscriber { subscription, filter, dead_letter, target: target.flatten() }
    }
}

/// The confirmed subscribers of a topic, in order of their ids.
pub type Listed = Arc<[Arc<Subscriber>]>;

/// The subscribers of topics.
pub struct Subscribers;

/// Which topic: its scope and incarnation.
pub type TopicKey = (Scope, Incarnation);

/// The subscribers of one topic.
#[derive(Default)]
pub struct OfTopic {
    by_id: BTreeMap<String, Arc<Subscriber>>,
    listed: Option<Listed>,
}

impl OfTopic {
    fn set(&mut self, subscription: Subscription) {
        self.listed = None;
        if subscription.token.is_some() {
            self.by_id.remove(&subscription.id);
        } else {
            self.by_id.insert(subscription.id.clone(), Arc::new(Subscriber::of(subscription)));
        }
    }

    /// All of them.
    pub fn listed(&mut self) -> Listed {
        self.listed.get_or_insert_with(|| self.by_id.values().cloned().collect()).clone()
    }
}

impl View for Subscribers {
    type Key = TopicKey;
    type Slice = OfTopic;

    fn name(&self) -> &'static str {
        "sns-subscribers"
    }

    fn tables(&self) -> Vec<TableId> {
        vec![SUBSCRIPTIONS.id()]
    }

    fn slice_of(&self, change: &Change) -> Option<TopicKey> {
        change.of(&SUBSCRIPTIONS).map(|(scope, (topic, _), _)| (scope, topic))
    }

    fn load(&self, (scope, topic): &TopicKey, read: &Snapshot) -> Result<OfTopic, Fault> {
        let mut slice = OfTopic::default();
        for subscription in state::subscriptions(read, scope, *topic, None) {
            slice.set(subscription?);
        }
        Ok(slice)
    }

    fn apply(&self, slice: &mut OfTopic, change: &Change) {
        match change.of(&SUBSCRIPTIONS) {
            Some((.., Some(subscription))) => slice.set(subscription),
            Some((_, (_, id), None)) => {
                slice.listed = None;
                slice.by_id.remove(&id);
            }
            None => {}
        }
    }
}

/// The messages that are still to be fanned out, the oldest first. One that is worked on is claimed.
pub struct WaitingFanOuts {
    /// Told of each one that comes.
    pub wake: Arc<Notify>,
}

/// By their numbers: where they are.
pub type FanOutPlaces = BTreeMap<(u64, Incarnation), Scope>;

impl View for WaitingFanOuts {
    type Key = ();
    type Slice = FanOutPlaces;

    fn name(&self) -> &'static str {
        "sns-fan-outs"
    }

    fn tables(&self) -> Vec<TableId> {
        vec![FAN_OUTS.id()]
    }

    fn slice_of(&self, _change: &Change) -> Option<()> {
        Some(())
    }

    fn load(&self, _key: &(), read: &Snapshot) -> Result<FanOutPlaces, Fault> {
        let places = state::fan_outs(read);
        places.map(|row| row.map(|(scope, (topic, number))| ((number, topic), scope))).collect()
    }

    fn apply(&self, places: &mut FanOutPlaces, change: &Change) {
        match change.of(&FAN_OUTS) {
            Some((scope, (topic, number), Some(_))) => {
                places.insert((number, topic), scope);
                self.wake.notify_one();
            }
            Some((_, (topic, number), None)) => drop(places.remove(&(number, topic))),
            None => {}
        }
    }

    fn may_go(&self, _places: &FanOutPlaces) -> bool {
        false
    }
}

/// The lines on deliveries that are still to be logged, the oldest first.
pub struct WaitingStatuses {
    /// Told of each one that comes.
    pub wake: Arc<Notify>,
}

/// By their numbers: where they are.
pub type StatusPlaces = BTreeMap<u64, Scope>;

impl View for WaitingStatuses {
    type Key = ();
    type Slice = StatusPlaces;

    fn name(&self) -> &'static str {
        "sns-statuses"
    }

    fn tables(&self) -> Vec<TableId> {
        vec![STATUSES.id()]
    }

    fn slice_of(&self, _change: &Change) -> Option<()> {
        Some(())
    }

    fn load(&self, _key: &(), read: &Snapshot) -> Result<StatusPlaces, Fault> {
        statuses::all(read).map(|row| row.map(|(scope, number)| (number, scope))).collect()
    }

    fn apply(&self, places: &mut StatusPlaces, change: &Change) {
        match change.of(&STATUSES) {
            Some((scope, number, Some(_))) => {
                places.insert(number, scope);
                self.wake.notify_one();
            }
            Some((_, number, None)) => drop(places.remove(&number)),
            None => {}
        }
    }

    fn may_go(&self, _places: &StatusPlaces) -> bool {
        false
    }
}

/// Requests that one subscriber gets at once.
const AT_ONCE_EACH: usize = 8;

/// What is to be sent over HTTP. A subscriber that does not answer holds up nobody but itself.
pub struct WaitingSendings {
    /// Told of each one that comes.
    pub wake: Arc<Notify>,
}

/// What is to be sent, by subscriber.
#[derive(Debug, Default)]
pub struct Sendings {
    subscribers: HashMap<String, OfSubscriber>,
    /// Subscribers that something can be sent to now, by the number of what waits longest.
    open: BTreeSet<(u64, String)>,
    /// To whom each one goes.
    places: HashMap<u64, String>,
}

#[derive(Debug, Default)]
struct OfSubscriber {
    waiting: BTreeMap<u64, Scope>,
    under_way: BTreeSet<u64>,
}

impl OfSubscriber {
    fn next(&self) -> Option<u64> {
        if self.under_way.len() >= AT_ONCE_EACH {
            return None;
        }
        self.waiting.keys().find(|number| !self.under_way.contains(number)).copied()
    }
}

impl Sendings {
    fn change(&mut self, subscriber: &str, change: impl FnOnce(&mut OfSubscriber)) {
        let of = self.subscribers.entry(subscriber.to_owned()).or_default();
        let before = of.next();
        change(of);
        let after = of.next();
        if of.waiting.is_empty() && of.under_way.is_empty() {
            self.subscribers.remove(subscriber);
        }
        if before != after {
            before.map(|number| self.open.remove(&(number, subscriber.to_owned())));
            after.map(|number| self.open.insert((number, subscriber.to_owned())));
        }
    }

    fn set(&mut self, number: u64, scope: Scope, sending: &sending::Sending) {
        if sending.waits {
            return self.remove(number);
        }
        self.places.insert(number, sending.subscription.clone());
        self.change(&sending.subscription, |of| drop(of.waiting.insert(number, scope)));
    }

    fn remove(&mut self, number: u64) {
        if let Some(subscriber) = self.places.remove(&number) {
            self.change(&subscriber, |of| drop(of.waiting.remove(&number)));
        }
    }

    /// Takes what waits longest for a subscriber that can be sent something.
    pub fn take(&mut self) -> Option<(Scope, u64, String)> {
        let (number, subscriber) = self.open.first()?.clone();
        let scope = self.subscribers.get(&subscriber)?.waiting.get(&number)?.clone();
        self.change(&subscriber, |of| {
            of.under_way.insert(number);
        });
        Some((scope, number, subscriber))
    }

    /// Says that something is no longer under way.
    pub fn give_back(&mut self, number: u64, subscriber: &str) {
        self.change(subscriber, |of| {
            of.under_way.remove(&number);
        });
    }
}

impl View for WaitingSendings {
    type Key = ();
    type Slice = Sendings;

    fn name(&self) -> &'static str {
        "sns-sendings"
    }

    fn tables(&self) -> Vec<TableId> {
        vec![SENDINGS.id()]
    }

    fn slice_of(&self, _change: &Change) -> Option<()> {
        Some(())
    }

    fn load(&self, _key: &(), read: &Snapshot) -> Result<Sendings, Fault> {
        let mut sendings = Sendings::default();
        for row in sending::all(read) {
            let (scope, number, sending) = row?;
            sendings.set(number, scope, &sending);
        }
        Ok(sendings)
    }

    fn apply(&self, sendings: &mut Sendings, change: &Change) {
        match change.of(&SENDINGS) {
            Some((scope, number, Some(sending))) => {
                sendings.set(number, scope, &sending);
                self.wake.notify_one();
            }
            Some((_, number, None)) => sendings.remove(number),
            None => {}
        }
    }

    fn may_go(&self, _sendings: &Sendings) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use names::Timestamp;

    fn sending(subscription: &str) -> sending::Sending {
        sending::Sending {
            topic: "arn:aws:sns:us-east-1:000000000000:t".parse().unwrap(),
            subscription: subscription.to_owned(),
            url: String::new(),
            headers: BTreeMap::new(),
            body: String::new(),
            message: String::new(),
            asks: false,
            attempts: 0,
            waits: false,
            posted: Timestamp(0),
            cause: String::new(),
            hops: 0,
        }
    }

    #[test]
    fn one_subscriber_takes_no_more_than_its_share() {
        let mut sendings = Sendings::default();
        for number in 0..20 {
            sendings.set(number, Scope::Partition, &sending("slow"));
        }
        sendings.set(20, Scope::Partition, &sending("quick"));
        let taken: Vec<u64> = std::iter::from_fn(|| sendings.take()).map(|(_, number, _)| number).collect();
        assert_eq!(taken, [0, 1, 2, 3, 4, 5, 6, 7, 20]);
        sendings.remove(0);
        sendings.give_back(0, "slow");
        assert_eq!(sendings.take().map(|(_, number, _)| number), Some(8));
        let waits = sending::Sending { waits: true, ..sending("slow") };
        sendings.set(1, Scope::Partition, &waits);
        sendings.give_back(1, "slow");
        assert_eq!(sendings.take().map(|(_, number, _)| number), Some(9), "1 waits for its time");
        for number in 0..21 {
            sendings.remove(number);
            sendings.give_back(number, if number == 20 { "quick" } else { "slow" });
        }
        assert!(sendings.subscribers.is_empty() && sendings.open.is_empty() && sendings.places.is_empty());
    }
}
