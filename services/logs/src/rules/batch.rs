//! What a batch of events must be, and which of its events are taken.

use super::{DAY_MS, EVENT_OVERHEAD_BYTES, MAX_EVENT_BYTES};
use crate::errors::LogsError;
use names::Timestamp;
use std::ops::Range;

/// The bytes of a batch, overhead included.
const MAX_BATCH_BYTES: usize = 1_048_576;
/// Events may be this far in the future, and this old.
const TOO_NEW_MS: i64 = 2 * 60 * 60 * 1000;
const TOO_OLD_MS: i64 = 14 * DAY_MS;

/// Refuses a batch as a whole: too large, or not in the order of time.
pub fn check(events: impl Iterator<Item = (Timestamp, usize)>) -> Result<(), LogsError> {
    let (mut bytes, mut last) = (0, Timestamp(i64::MIN));
    let mut ordered = true;
    for (at, length) in events {
        let size = length + EVENT_OVERHEAD_BYTES;
        if size > MAX_EVENT_BYTES {
            let message = format!("Log event too large: {size} bytes exceeds limit of {MAX_EVENT_BYTES}");
            return Err(LogsError::invalid(message));
        }
        bytes += size;
        ordered &= last <= at;
        last = at;
    }
    if bytes > MAX_BATCH_BYTES {
        let message = format!("Upload too large: {bytes} bytes exceeds limit of {MAX_BATCH_BYTES}");
        return Err(LogsError::invalid(message));
    }
    if !ordered {
        let message = "Log events in a single PutLogEvents request must be in chronological order.";
        return Err(LogsError::invalid(message));
    }
    Ok(())
}

/// Which events of a batch are taken, and why the others are not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Those that are taken.
    pub range: Range<usize>,
    /// The end of those that are too old for any group.
    pub too_old_to: Option<usize>,
    /// The end of those that are older than the group's retention.
    pub expired_to: Option<usize>,
    /// The first that is too new.
    pub too_new_from: Option<usize>,
}

impl Taken {
    /// Whether any event is left out.
    pub fn rejected_any(&self) -> bool {
        self.too_old_to.is_some() || self.expired_to.is_some() || self.too_new_from.is_some()
    }
}

/// Splits a batch that is in the order of time.
pub fn taken(
    times: &[Timestamp],
    now: Timestamp,
    expired_before: Option<Timestamp>,
) -> Result<Taken, LogsError> {
    let before = |moment: Timestamp| times.partition_point(|at| *at < moment);
    let too_old = before(now.plus_millis(-TOO_OLD_MS));
    let expired = expired_before.map_or(0, before);
    let end = times.partition_point(|at| *at <= now.plus_millis(TOO_NEW_MS));
    let range = too_old.max(expired).min(end)..end;
    if let [first, .., last] = &times[range.clone()]
        && last.millis() - first.millis() > DAY_MS
    {
        let message =
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.";
        return Err(LogsError::invalid(message));
    }
    Ok(Taken {
        range,
        too_old_to: Some(too_old).filter(|end| *end > 0),
        expired_to: Some(expired).filter(|end| *end > too_old),
        too_new_from: Some(end).filter(|end| *end < times.len()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_767_225_600_000);
    const HOUR: i64 = 3_600_000;

    fn refused(events: &[(i64, usize)]) -> Option<String> {
        match check(events.iter().map(|(at, length)| (Timestamp(*at), *length))) {
            Ok(()) => None,
            Err(LogsError::InvalidParameter(message)) => Some(message),
            Err(other) => panic!("{other:?}"),
        }
    }

    /// Texts as quoted in aws-sdk-js issue 1262 and fluent-plugin-cloudwatch-logs issue 116; the bounds are
    /// those of the API reference of PutLogEvents.
    #[test]
    fn whole_batches() {
        assert_eq!(refused(&[(1, 10), (1, 10), (2, 10)]), None);
        assert_eq!(refused(&[(0, 1_048_550)]), None);
        assert_eq!(
            refused(&[(0, 1_048_551)]).as_deref(),
            Some("Log event too large: 1048577 bytes exceeds limit of 1048576")
        );
        assert_eq!(
            refused(&[(0, 524_262), (0, 524_263)]).as_deref(),
            Some("Upload too large: 1048577 bytes exceeds limit of 1048576")
        );
        assert!(refused(&[(2, 10), (1, 10)]).unwrap().ends_with("must be in chronological order."));
    }

    /// Indexes as the API reference of RejectedLogEventsInfo explains them: ends are exclusive, the start
    /// is inclusive.
    #[test]
    fn old_and_new_events() {
        let at = |hours: i64| NOW.plus_millis(hours * HOUR);
        let split = |hours: &[i64], days: Option<i64>| {
            let times: Vec<Timestamp> = hours.iter().map(|hours| at(*hours)).collect();
            taken(&times, NOW, days.map(|days| NOW.plus_millis(-days * DAY_MS))).unwrap()
        };
        let all = split(&[-2, -1, 0], None);
        assert_eq!((all.range.clone(), all.rejected_any()), (0..3, false));

        let mixed = split(&[-24 * 15, -24 * 15, -1, 2, 3], None);
        assert_eq!((mixed.range, mixed.too_old_to, mixed.too_new_from), (2..4, Some(2), Some(4)));

        let expired = split(&[-24 * 15, -24 * 2, -1], Some(1));
        assert_eq!((expired.range, expired.too_old_to, expired.expired_to), (2..3, Some(1), Some(2)));

        let none = split(&[5, 6], None);
        assert_eq!((none.range, none.too_new_from), (0..0, Some(0)));

        let long = [at(-25), at(0)];
        assert!(taken(&long, NOW, None).is_err());
    }
}
