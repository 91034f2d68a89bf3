//! Moving virtual time: what falls due on the way fires, each at its own time, and the end is reached when
//! timers and relay are quiet. What never comes to rest stops at a bound, and is named.

use relay::Relay;
use service::Clock;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use store::Fault;
use workers::Timers;

/// Between two looks whether everything is quiet.
const PAUSE: Duration = Duration::from_millis(1);

/// Moves virtual time.
pub struct Settler {
    clock: Clock,
    timers: Arc<Timers>,
    relay: Arc<Relay>,
    looks: u32,
}

fn told(fault: Fault) -> String {
    fault.to_string()
}

impl Settler {
    /// Over a region's clock, timers and relay, which have so many looks to become quiet at a moment, and so
    /// many moments on the way.
    pub fn new(clock: Clock, timers: Arc<Timers>, relay: Arc<Relay>, looks: u32) -> Self {
        Settler { clock, timers, relay, looks }
    }

    /// Moves virtual time forward and waits until everything is quiet.
    ///
    /// # Errors
    /// If it never becomes quiet, or fires at too many moments: what goes on.
    pub async fn advance(&self, duration: Duration) -> Result<(), String> {
        let end = self.clock.now().plus_millis(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX));
        let before = self.timers.fired();
        self.settle().await?;
        let mut moments = 0;
        while let Some(due) = self.timers.next_due().map_err(told)?.filter(|due| *due <= end) {
            moments += 1;
            if moments > self.looks {
                let busiest = self.busiest(&before);
                return Err(format!("more than {} moments fell due on the way: {busiest}", self.looks));
            }
            self.clock.advance_to(due);
            self.settle().await?;
        }
        self.clock.advance_to(end);
        self.settle().await
    }

    /// Waits until timers and relay are quiet at this moment of virtual time.
    ///
    /// # Errors
    /// If they never become quiet: what goes on.
    pub async fn settle(&self) -> Result<(), String> {
        let before = self.timers.fired();
        for _ in 0..self.looks {
            let now = self.clock.now();
            if self.timers.is_quiet(now).map_err(told)? && self.relay.is_quiet(now).map_err(told)? {
                return Ok(());
            }
            self.clock.rest(PAUSE).await;
        }
        let now = self.clock.now();
        if self.timers.is_quiet(now).unwrap_or(false) {
            let targets = self.relay.working_on(now).map_err(told)?;
            return Err(format!("the relay keeps carrying to {}", targets.join(", ")));
        }
        Err(self.busiest(&before))
    }

    /// The kind of timer that has fired most since then.
    fn busiest(&self, before: &BTreeMap<&'static str, u64>) -> String {
        let since = |(kind, count): (&'static str, u64)| {
            (count - before.get(kind).copied().unwrap_or_default().min(count), kind)
        };
        match self.timers.fired().into_iter().map(since).max() {
            Some((count, kind)) if count > 0 => {
                format!("the timer {kind} keeps firing, {count} times so far")
            }
            _ => "a timer that is due does not fire".to_owned(),
        }
    }
}
