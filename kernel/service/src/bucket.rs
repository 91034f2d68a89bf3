//! A bucket of tokens: how often something may be done, and how much of it at once.

use std::time::Duration;

/// A bucket, as full as it was when it was last asked.
#[derive(Debug, Clone, Copy)]
pub struct TokenBucket {
    tokens: f64,
}

impl TokenBucket {
    /// A full one.
    pub fn full(burst: f64) -> Self {
        TokenBucket { tokens: burst }
    }

    /// Takes a token, if there is one: so many come in a second, and no more than `burst` are kept. `passed` is
    /// the time since it was last asked.
    pub fn take(&mut self, passed: Duration, per_second: f64, burst: f64) -> bool {
        self.tokens = (self.tokens + passed.as_secs_f64() * per_second).min(burst);
        let has = self.tokens >= 1.0;
        if has {
            self.tokens -= 1.0;
        }
        has
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills() {
        let mut bucket = TokenBucket::full(2.0);
        let mut take = |millis| bucket.take(Duration::from_millis(millis), 4.0, 2.0);
        assert_eq!([take(0), take(0), take(0)], [true, true, false]);
        assert_eq!([take(249), take(1), take(0)], [false, true, false]);
        assert_eq!([take(60_000), take(0), take(0)], [true, true, false], "no more than the burst is kept");
    }
}
