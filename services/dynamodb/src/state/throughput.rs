//! Provisioned throughput: its units, and how often they may be lowered.

use names::Timestamp;
use serde::{Deserialize, Serialize};

/// How often throughput may be lowered on a day without a pause, and the pause between two times from then on
/// (aws-controllers-k8s/dynamodb-controller, docs/api-quirks, DDB-TABLE-184 and 326).
const FREE_DECREASES: i64 = 4;
const DECREASE_MS: i64 = 3_600_000;
const DAY_MS: i64 = 86_400_000;

/// Provisioned throughput.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Throughput {
    /// Units of reading in a second.
    pub read: i64,
    /// Units of writing in a second.
    pub write: i64,
    /// When it was last raised.
    pub raised: Option<Timestamp>,
    /// When it was last lowered.
    pub lowered: Option<Timestamp>,
    /// How often it was lowered on the day when it last was.
    pub decreases: i64,
}

impl Throughput {
    /// Takes other units, and remembers when they were raised and lowered.
    ///
    /// # Errors
    /// Where they were lowered as often as AWS lets them be on one day: the moment from when on they can be again.
    pub fn change(&mut self, (read, write): (i64, i64), now: Timestamp) -> Result<(), Timestamp> {
        if read < self.read || write < self.write {
            let next = self.lowered.map_or(now, |lowered| lowered.plus_millis(DECREASE_MS));
            let today = self.decreases_on(now);
            if today >= FREE_DECREASES && now < next {
                return Err(next);
            }
            (self.lowered, self.decreases) = (Some(now), today + 1);
        }
        if read > self.read || write > self.write {
            self.raised = Some(now);
        }
        (self.read, self.write) = (read, write);
        Ok(())
    }

    /// How often they were lowered on the day of a moment, which ends at midnight UTC.
    pub fn decreases_on(&self, now: Timestamp) -> i64 {
        let day = |moment: Timestamp| moment.millis().div_euclid(DAY_MS);
        match self.lowered {
            Some(lowered) if day(lowered) == day(now) => self.decreases,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_lowered_four_times_a_day_and_then_once_an_hour() {
        let minute = |minute: i64| Timestamp(10 * DAY_MS + minute * 60_000);
        let mut throughput = Throughput { read: 20, write: 20, ..Throughput::default() };
        for time in 0..4 {
            assert_eq!(throughput.change((19 - time, 20), minute(time)), Ok(()));
        }
        assert_eq!(throughput.change((1, 1), minute(62)), Err(minute(63)));
        assert_eq!((throughput.read, throughput.decreases_on(minute(62))), (16, 4));
        // What raises one and lowers the other lowers.
        assert_eq!(throughput.change((30, 19), minute(62)), Err(minute(63)));
        assert_eq!(throughput.change((30, 20), minute(62)), Ok(()));
        assert_eq!(throughput.change((20, 20), minute(63)), Ok(()));
        assert_eq!(throughput.decreases_on(minute(64)), 5);
        let midnight = minute(24 * 60);
        assert_eq!(throughput.decreases_on(midnight), 0);
        assert_eq!(throughput.change((1, 1), midnight), Ok(()));
        assert_eq!(throughput.decreases_on(midnight), 1);
    }
}
