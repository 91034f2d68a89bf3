//! Throttle policies: a subscriber over HTTP that wants no more than so many messages a second has each given a
//! moment of its own. What is too early waits for it by a timer, and holds up nobody else.

use names::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

/// How long a moment is kept for a request that does not come.
const FORGOTTEN_MS: i64 = 60_000;

/// The moments that were given. They are in memory: after a restart they are given anew.
#[derive(Default)]
pub struct Pacer(Mutex<Paces>);

#[derive(Default)]
struct Paces {
    by_subscriber: HashMap<String, Pace>,
    /// When those were looked for that nobody needs any more.
    swept: Timestamp,
}

impl Paces {
    /// What never came for its moment has gone; whoever waits for none, and whose last is over, is as good as new.
    fn sweep(&mut self, now: Timestamp) {
        self.swept = now;
        self.by_subscriber.retain(|_, pace| {
            pace.given.retain(|_, moment| moment.plus_millis(FORGOTTEN_MS) > now);
            !pace.given.is_empty() || pace.next_us > now.millis().saturating_mul(1000)
        });
    }
}

#[derive(Default)]
struct Pace {
    /// The moment after the last one that was given, in microseconds.
    next_us: i64,
    given: BTreeMap<u64, Timestamp>,
}

impl Pacer {
    /// When a request may go that is under a throttle: `None` for now, and then its moment is used up.
    pub fn wait(&self, subscriber: &str, request: u64, rate: u32, now: Timestamp) -> Option<Timestamp> {
        let mut paces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if paces.swept.plus_millis(FORGOTTEN_MS) <= now {
            paces.sweep(now);
        }
        let pace = paces.by_subscriber.entry(subscriber.to_owned()).or_default();
        let moment = *pace.given.entry(request).or_insert_with(|| {
            let at_us = pace.next_us.max(now.millis().saturating_mul(1000));
            pace.next_us = at_us.saturating_add(1_000_000 / i64::from(rate.max(1)));
            Timestamp(at_us / 1000)
        });
        if moment > now {
            return Some(moment);
        }
        pace.given.remove(&request);
        None
    }
}

/// How many messages a second a delivery policy lets through; `None` for any number.
pub fn rate(effective: &serde_json::Value) -> Option<u32> {
    let rate = effective["throttlePolicy"]["maxReceivesPerSecond"].as_u64()?;
    u32::try_from(rate).ok().filter(|rate| *rate > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_has_more_than_the_rate() {
        let pacer = Pacer::default();
        let mut went = Vec::new();
        let mut waiting: Vec<(u64, i64)> = (0..10).map(|request| (request, 0)).collect();
        while let Some((request, at)) = waiting.pop() {
            match pacer.wait("s", request, 4, Timestamp(at)) {
                Some(later) => waiting.push((request, later.millis())),
                None => went.push(at),
            }
        }
        went.sort_unstable();
        assert_eq!(went, [0, 250, 500, 750, 1000, 1250, 1500, 1750, 2000, 2250]);
        assert_eq!(pacer.wait("other", 1, 1, Timestamp(0)), None, "others do not wait");
        assert_eq!(pacer.wait("s", 11, 4, Timestamp(60_000)), None, "a rest is not made up for");
        assert_eq!(pacer.wait("s", 12, 4, Timestamp(60_000)), Some(Timestamp(60_250)));
    }

    #[test]
    fn whoever_never_comes_again_is_forgotten() {
        let pacer = Pacer::default();
        assert_eq!(pacer.wait("gone", 1, 1, Timestamp(0)), None);
        assert!(pacer.wait("gone", 2, 1, Timestamp(0)).is_some());
        let kept = |pacer: &Pacer| pacer.0.lock().unwrap().by_subscriber.len();
        assert_eq!(pacer.wait("other", 1, 1, Timestamp(50_000)), None);
        assert_eq!(kept(&pacer), 2);
        assert_eq!(pacer.wait("other", 2, 1, Timestamp(200_000)), None);
        assert_eq!(kept(&pacer), 1);
    }

    #[test]
    fn rates() {
        let of = |text: &str| rate(&serde_json::from_str(text).unwrap());
        assert_eq!(of(r#"{"throttlePolicy":{"maxReceivesPerSecond":5}}"#), Some(5));
        assert_eq!(of(r#"{"throttlePolicy":null}"#), None);
        assert_eq!(of(r#"{"throttlePolicy":{}}"#), None);
    }
}
