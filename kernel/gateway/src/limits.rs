//! How often an account may do an operation, and how many at once. Unlimited unless a rule says otherwise;
//! where the region keeps to AWS's times, the rates that the rooms state hold too. Time is the machine's:
//! what is limited is work, and clients wait in real time.

use names::AccountId;
use serde_json::{Map, Value, json};
use service::{Operation, Rate, TokenBucket};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Rules that are kept.
const MAX_RULES: usize = 1000;
/// Accounts and operations counted at once; those at rest make room.
const MAX_COUNTED: usize = 10_000;

/// A bound that somebody set.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The API.
    pub service: String,
    /// The operation; all of the API where there is none. Each is counted by itself.
    pub operation: Option<String>,
    /// The account; each by itself where there is none.
    pub account: Option<AccountId>,
    /// How often.
    pub rate: Option<Rate>,
    /// How many at once.
    pub concurrent: Option<u32>,
}

impl Rule {
    fn is_for(&self, service: &str, operation: &str, account: AccountId) -> bool {
        self.service == service
            && self.operation.as_ref().is_none_or(|known| known == operation)
            && self.account.is_none_or(|known| known == account)
    }

    fn same_place(&self, other: &Rule) -> bool {
        (&self.service, &self.operation, self.account) == (&other.service, &other.operation, other.account)
    }

    /// The more is named, the more it counts.
    fn weight(&self) -> u8 {
        u8::from(self.operation.is_some()) * 2 + u8::from(self.account.is_some())
    }

    /// What is shown of it.
    pub fn shown(&self) -> Value {
        json!({
            "service": self.service,
            "operation": self.operation,
            "account": self.account.map(|account| account.to_string()),
            "per_second": self.rate.map(|rate| rate.per_second),
            "burst": self.rate.map(|rate| rate.burst),
            "concurrent": self.concurrent,
        })
    }
}

type Counted = (AccountId, &'static str, &'static str);

/// What one account does with one operation.
struct Count {
    bucket: TokenBucket,
    at: Instant,
    running: u32,
}

impl Count {
    /// Takes one, if there is one by now.
    fn take(&mut self, rate: Rate, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at);
        self.at = now;
        self.bucket.take(passed, f64::from(rate.per_second), f64::from(rate.burst))
    }
}

#[derive(Default)]
struct State {
    rules: Vec<Rule>,
    counts: HashMap<Counted, Count>,
    throttled: BTreeMap<(&'static str, &'static str), u64>,
}

/// The bounds of a region. Cheap to clone; all clones are the same bounds.
#[derive(Clone)]
pub struct Limits(Arc<Inner>);

struct Inner {
    /// Whether rules exist: without any, nothing is looked up.
    ruled: AtomicBool,
    /// Whether the rates that rooms state hold.
    as_aws: bool,
    state: Mutex<State>,
}

/// A request under way; it counts until this is dropped.
pub struct Running {
    limits: Limits,
    counted: Counted,
}

/// A request came too often, or beside too many others.
#[derive(Debug, PartialEq, Eq)]
pub struct Throttled;

impl Limits {
    /// No rules; with the rates of AWS or without.
    pub fn new(as_aws: bool) -> Self {
        Limits(Arc::new(Inner { ruled: AtomicBool::new(false), as_aws, state: Mutex::default() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a request in, or not. `None` where nothing bounds it.
    ///
    /// # Errors
    /// Where it comes too often, or beside too many others.
    pub fn admit(
        &self,
        operation: &Operation,
        account: AccountId,
        now: Instant,
    ) -> Result<Option<Running>, Throttled> {
        let stated = operation.rate.filter(|_| self.0.as_aws);
        if stated.is_none() && !self.0.ruled.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let counted = (account, operation.service.name, operation.shape.name);
        self.count(counted, stated, now)
    }

    fn count(
        &self,
        counted: Counted,
        stated: Option<Rate>,
        now: Instant,
    ) -> Result<Option<Running>, Throttled> {
        let (account, service, operation) = counted;
        let mut state = self.state();
        let ruled = state.rules.iter().filter(|rule| rule.is_for(service, operation, account));
        let (rate, concurrent) = match ruled.max_by_key(|rule| rule.weight()) {
            Some(rule) => (rule.rate, rule.concurrent),
            None => (stated, None),
        };
        if rate.is_none() && concurrent.is_none() {
            return Ok(None);
        }
        if state.counts.len() >= MAX_COUNTED {
            state.counts.retain(|_, count| count.running > 0);
        }
        let full = rate.map_or(0.0, |rate| f64::from(rate.burst));
        let count = state.counts.entry(counted).or_insert(Count {
            bucket: TokenBucket::full(full),
            at: now,
            running: 0,
        });
        let alone = concurrent.is_none_or(|most| count.running < most);
        if alone && rate.is_none_or(|rate| count.take(rate, now)) {
            count.running += 1;
            return Ok(Some(Running { limits: self.clone(), counted }));
        }
        *state.throttled.entry((service, operation)).or_default() += 1;
        Err(Throttled)
    }

    /// Sets a rule, in place of one for the same; `false` where there are too many.
    pub fn set(&self, rule: Rule) -> bool {
        let mut state = self.state();
        state.rules.retain(|known| !known.same_place(&rule));
        let fits = state.rules.len() < MAX_RULES;
        if fits {
            state.rules.push(rule);
        }
        // Counts that follow another bound say nothing of the new one, save what is under way.
        state.counts.retain(|_, count| count.running > 0);
        state.counts.values_mut().for_each(|count| count.bucket = TokenBucket::full(f64::MAX));
        self.0.ruled.store(!state.rules.is_empty(), Ordering::Relaxed);
        fits
    }

    /// Removes the rule for the same as this, or all.
    pub fn remove(&self, rule: Option<&Rule>) {
        let mut state = self.state();
        state.rules.retain(|known| rule.is_some_and(|rule| !known.same_place(rule)));
        self.0.ruled.store(!state.rules.is_empty(), Ordering::Relaxed);
    }

    /// How often each operation was throttled.
    pub fn throttled(&self) -> Vec<((&'static str, &'static str), u64)> {
        self.state().throttled.iter().map(|(name, count)| (*name, *count)).collect()
    }

    /// Everything, to show.
    pub fn shown(&self) -> Value {
        let throttled: Map<String, Value> = self
            .throttled()
            .into_iter()
            .map(|((service, operation), count)| (format!("{service}:{operation}"), Value::from(count)))
            .collect();
        let state = self.state();
        let rules: Vec<Value> = state.rules.iter().map(Rule::shown).collect();
        let mut under_way = Map::new();
        for ((account, service, operation), count) in
            state.counts.iter().filter(|(_, count)| count.running > 0)
        {
            under_way.insert(format!("{account} {service}:{operation}"), Value::from(count.running));
        }
        json!({"as_aws": self.0.as_aws, "rules": rules, "throttled": throttled, "under_way": under_way})
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(count) = self.limits.state().counts.get_mut(&self.counted) {
            count.running = count.running.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const SEND: Counted = (AccountId::DEFAULT, "queues", "Send");

    fn rule(operation: Option<&str>, rate: Option<(u32, u32)>, concurrent: Option<u32>) -> Rule {
        let rate = rate.map(|(per_second, burst)| Rate { per_second, burst });
        let operation = operation.map(str::to_owned);
        Rule { service: "queues".to_owned(), operation, account: None, rate, concurrent }
    }

    fn start() -> Instant {
        service::Clock::system().instant()
    }

    fn passes(limits: &Limits, counted: Counted, now: Instant) -> bool {
        limits.count(counted, None, now).is_ok()
    }

    #[test]
    fn a_bucket_is_full_at_first_and_fills_with_time() {
        let (limits, now) = (Limits::new(false), start());
        assert!(limits.set(rule(Some("Send"), Some((10, 3)), None)));
        let admitted = (0..10).filter(|_| passes(&limits, SEND, now)).count();
        assert_eq!(admitted, 3);
        let later = now + Duration::from_millis(250);
        assert_eq!((0..10).filter(|_| passes(&limits, SEND, later)).count(), 2);
        assert_eq!((0..10).filter(|_| passes(&limits, SEND, later + Duration::from_secs(60))).count(), 3);
        // Each account and operation is counted by itself.
        let other = AccountId::from_number(1).unwrap();
        assert!(passes(&limits, (other, "queues", "Send"), later));
        assert!(passes(&limits, (AccountId::DEFAULT, "queues", "Receive"), later));
        assert_eq!(limits.throttled(), [(("queues", "Send"), 7 + 8 + 7)]);
    }

    #[test]
    fn the_rule_that_names_most_holds() {
        let (limits, now) = (Limits::new(false), start());
        limits.set(rule(None, Some((0, 0)), None));
        limits.set(rule(Some("Send"), None, None));
        assert!(passes(&limits, SEND, now));
        assert!(!passes(&limits, (AccountId::DEFAULT, "queues", "Receive"), now));
        limits.remove(Some(&rule(Some("Send"), None, None)));
        assert!(!passes(&limits, SEND, now));
        limits.remove(None);
        assert!(passes(&limits, SEND, now));
    }

    #[test]
    fn what_is_under_way_counts_until_it_ends() {
        let (limits, now) = (Limits::new(false), start());
        limits.set(rule(Some("Send"), None, Some(2)));
        let first = limits.count(SEND, None, now);
        let second = limits.count(SEND, None, now);
        assert!(first.is_ok() && second.is_ok() && !passes(&limits, SEND, now));
        drop(first);
        assert!(passes(&limits, SEND, now));
    }

    #[test]
    fn stated_rates_hold_unless_a_rule_does() {
        let (limits, now) = (Limits::new(true), start());
        let stated = Some(Rate { per_second: 1, burst: 1 });
        assert!(limits.count(SEND, stated, now).is_ok());
        assert!(limits.count(SEND, stated, now).is_err());
        limits.set(rule(None, None, None));
        assert!(limits.count(SEND, stated, now).is_ok());
    }
}
