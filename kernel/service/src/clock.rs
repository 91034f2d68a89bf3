//! The two clocks. *Virtual* time orders state: timestamps, visibility, TTL, expiry of sessions. *Host*
//! time is the machine's: freshness of signatures, deadlines, a client's wait. Tests and users freeze or
//! advance the virtual one.

use names::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// No moment: the clock runs.
const RUNNING: i64 = i64::MIN;

/// Both clocks of a region. Cheap to clone; all clones are the same clock.
#[derive(Clone)]
pub struct Clock(Arc<Inner>);

struct Inner {
    /// Milliseconds of the frozen moment, or `RUNNING`.
    frozen: AtomicI64,
    /// Milliseconds that virtual time is ahead of host time while it runs.
    ahead: AtomicI64,
    changed: watch::Sender<u64>,
}

impl Clock {
    /// A clock that runs with the machine's.
    pub fn system() -> Self {
        Self::starting(RUNNING)
    }

    /// A clock whose virtual time stands still until it is advanced.
    pub fn frozen_at(moment: Timestamp) -> Self {
        Self::starting(moment.millis())
    }

    fn starting(frozen: i64) -> Self {
        Clock(Arc::new(Inner {
            frozen: AtomicI64::new(frozen),
            ahead: AtomicI64::new(0),
            changed: watch::channel(0).0,
        }))
    }

    /// Virtual time.
    pub fn now(&self) -> Timestamp {
        match self.0.frozen.load(Ordering::Acquire) {
            RUNNING => self.host().plus_millis(self.0.ahead.load(Ordering::Acquire)),
            frozen => Timestamp(frozen),
        }
    }

    /// The machine's time.
    pub fn host(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "the one place where the machine's clock is read")]
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Timestamp(since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
    }

    /// A point of monotonic host time, to measure how long something took.
    pub fn instant(&self) -> std::time::Instant {
        #[expect(clippy::disallowed_methods, reason = "the one place where the machine's clock is read")]
        std::time::Instant::now()
    }

    /// Whether virtual time stands still.
    pub fn is_frozen(&self) -> bool {
        self.0.frozen.load(Ordering::Acquire) != RUNNING
    }

    /// Stops virtual time where it is.
    pub fn freeze(&self) {
        let now = self.now().millis();
        self.0.frozen.store(now, Ordering::Release);
        self.tell();
    }

    /// Lets virtual time run again, from where it stood.
    pub fn run(&self) {
        let ahead = self.now().millis() - self.host().millis();
        self.0.ahead.store(ahead, Ordering::Release);
        self.0.frozen.store(RUNNING, Ordering::Release);
        self.tell();
    }

    /// Moves virtual time forward to a moment; a moment that has passed changes nothing.
    pub fn advance_to(&self, moment: Timestamp) {
        let by = moment.millis() - self.now().millis();
        if by <= 0 {
            return;
        }
        if self.is_frozen() {
            self.0.frozen.store(moment.millis(), Ordering::Release);
        } else {
            self.0.ahead.fetch_add(by, Ordering::AcqRel);
        }
        self.tell();
    }

    fn tell(&self) {
        self.0.changed.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Waits until virtual time has reached a moment.
    pub async fn until(&self, moment: Timestamp) {
        let mut changed = self.0.changed.subscribe();
        loop {
            let left = moment.millis() - self.now().millis();
            if left <= 0 {
                return;
            }
            // The sender lives as long as `self`, so a change is the only way `changed` returns.
            if self.is_frozen() {
                let _ = changed.changed().await;
                continue;
            }
            tokio::select! {
                _ = changed.changed() => {}
                () = self.rest(Duration::from_millis(left.unsigned_abs())) => {}
            }
        }
    }

    /// Waits in host time.
    pub async fn rest(&self, duration: Duration) {
        #[expect(clippy::disallowed_methods, reason = "the one place where host time is waited for")]
        tokio::time::sleep(duration).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frozen_time_moves_only_when_advanced() {
        let clock = Clock::frozen_at(Timestamp(1_000));
        assert_eq!(clock.now(), Timestamp(1_000));
        let waiter = {
            let clock = clock.clone();
            tokio::spawn(async move { clock.until(Timestamp(5_000)).await })
        };
        clock.advance_to(Timestamp(4_999));
        assert!(!waiter.is_finished());
        clock.advance_to(Timestamp(5_000));
        waiter.await.unwrap();
        clock.advance_to(Timestamp(10));
        assert_eq!(clock.now(), Timestamp(5_000));
    }

    #[test]
    fn running_time_keeps_its_lead() {
        let clock = Clock::system();
        clock.advance_to(clock.host().plus_millis(86_400_000));
        clock.freeze();
        let frozen = clock.now();
        clock.run();
        let lead = clock.now().millis() - clock.host().millis();
        assert!(clock.now() >= frozen && lead > 86_000_000, "{lead}");
    }
}
