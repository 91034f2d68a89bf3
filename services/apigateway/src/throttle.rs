//! Throttling: a bucket of tokens for each route of a stage that has limits, filled by the machine's time.

use crate::state::{Settings, Stage};
use names::Timestamp;
use service::TokenBucket;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Buckets that are kept; beyond them all begin anew, full.
const MOST: usize = 10_000;

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: TokenBucket,
    at: Timestamp,
}

/// The buckets of all routes, by API, stage and route key.
#[derive(Default)]
pub struct Throttle(Mutex<HashMap<(String, String, String), Bucket>>);

/// The limits of a route: requests a second, and at once.
fn limits(stage: &Stage, route_key: &str) -> Option<(f64, f64)> {
    let own = stage.of_routes.get(route_key);
    let of = |pick: fn(&Settings) -> Option<f64>| own.and_then(pick).or_else(|| pick(&stage.defaults));
    let rate = of(|settings| settings.rate)?;
    let burst = of(|settings| settings.burst.map(f64::from)).unwrap_or_else(|| rate.max(1.0));
    Some((rate, burst))
}

impl Throttle {
    /// Whether a request to a route may go on; it takes a token then.
    pub fn lets_in(&self, api: &str, stage: &Stage, route_key: &str, host_time: Timestamp) -> bool {
        let Some((rate, burst)) = limits(stage, route_key) else { return true };
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (api.to_owned(), stage.name.clone(), route_key.to_owned());
        if buckets.len() >= MOST && !buckets.contains_key(&key) {
            buckets.clear();
        }
        let bucket = buckets.entry(key).or_insert(Bucket { tokens: TokenBucket::full(burst), at: host_time });
        let passed = u64::try_from(host_time.millis() - bucket.at.millis()).unwrap_or(0);
        bucket.at = host_time;
        bucket.tokens.take(Duration::from_millis(passed), rate, burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::create_api::new_stage;

    #[test]
    fn buckets_empty_and_fill() {
        let mut stage = new_stage("dev", Timestamp(0));
        let throttle = Throttle::default();
        let ask = |stage: &Stage, key: &str, at| throttle.lets_in("a", stage, key, Timestamp(at));
        assert!((0..100).all(|_| ask(&stage, "GET /", 0)));

        stage.defaults = Settings { rate: Some(2.0), burst: Some(3), ..Settings::default() };
        let let_in = |at, times| (0..times).filter(|_| ask(&stage, "GET /", at)).count();
        assert_eq!((let_in(0, 9), let_in(499, 9), let_in(1500, 9), let_in(99_000, 9)), (3, 0, 3, 3));
        assert!(ask(&stage, "GET /other", 0));

        let closed = Settings { rate: Some(0.0), burst: Some(0), ..Settings::default() };
        stage.of_routes.insert("GET /closed".to_owned(), closed);
        assert!(!ask(&stage, "GET /closed", 0));
    }
}
