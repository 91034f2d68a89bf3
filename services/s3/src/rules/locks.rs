//! Locks of versions: until when one cannot be removed, and who may change that.
//! S3 User Guide, "Locking objects with Object Lock".

use names::Timestamp;
use serde::{Deserialize, Serialize};

const DAY_MS: i64 = 86_400_000;
/// Longest default retention: a hundred years.
const MAX_DAYS: i32 = 36_500;
const MAX_YEARS: i32 = 100;

/// How strictly a version is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// Whoever has the permission to pass by may remove it.
    Governance,
    /// Nobody may.
    Compliance,
}

impl Mode {
    /// The mode of AWS's name.
    pub fn of_name(name: &str) -> Option<Self> {
        match name {
            "GOVERNANCE" => Some(Mode::Governance),
            "COMPLIANCE" => Some(Mode::Compliance),
            _ => None,
        }
    }

    /// AWS's name.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Governance => "GOVERNANCE",
            Mode::Compliance => "COMPLIANCE",
        }
    }
}

/// Until when a version cannot be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// How strictly.
    pub mode: Mode,
    /// Until when.
    pub until: Timestamp,
}

/// A length of retention, in the unit that it was given in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Period {
    /// Days.
    Days(i32),
    /// Years of 365 days.
    Years(i32),
}

/// The retention of new versions that bring none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefaultRetention {
    /// How strictly.
    pub mode: Mode,
    /// How long.
    pub period: Period,
}

/// Why a default retention is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeriodFault {
    /// Neither days nor years, or both.
    Shape,
    /// Not above zero.
    NotPositive,
    /// Above the limit.
    TooLong,
}

/// The length of a default retention out of what is given for it.
///
/// # Errors
/// Where it is none that S3 takes.
pub fn period(days: Option<i32>, years: Option<i32>) -> Result<Period, PeriodFault> {
    let (period, number, limit) = match (days, years) {
        (Some(days), None) => (Period::Days(days), days, MAX_DAYS),
        (None, Some(years)) => (Period::Years(years), years, MAX_YEARS),
        _ => return Err(PeriodFault::Shape),
    };
    match number {
        ..=0 => Err(PeriodFault::NotPositive),
        number if number > limit => Err(PeriodFault::TooLong),
        _ => Ok(period),
    }
}

impl DefaultRetention {
    /// The retention of a version that is made at a time.
    pub fn begun(self, at: Timestamp) -> Retention {
        let days = match self.period {
            Period::Days(days) => i64::from(days),
            Period::Years(years) => i64::from(years) * 365,
        };
        Retention { mode: self.mode, until: at.plus_millis(days * DAY_MS) }
    }
}

/// Whether a version may be removed at a time. `bypass`: the caller may pass by governance, and says so.
pub fn may_remove(retention: Option<Retention>, legal_hold: bool, now: Timestamp, bypass: bool) -> bool {
    let held = retention
        .is_some_and(|retention| retention.until > now && (retention.mode == Mode::Compliance || !bypass));
    !held && !legal_hold
}

/// Whether a retention may take the place of another: a longer one of the same mode always, any other or none only past
/// governance. S3 User Guide, "Locking objects with Object Lock": without the permission to pass by, a version's lock
/// settings cannot be altered, but its retention can be extended; Ceph's
/// `test_object_lock_changing_mode_from_governance_without_bypass`, which is run on AWS, too.
pub fn may_change(old: Option<Retention>, new: Option<Retention>, now: Timestamp, bypass: bool) -> bool {
    let Some(old) = old.filter(|old| old.until > now) else { return true };
    let extends = new.is_some_and(|new| new.until >= old.until && new.mode == old.mode);
    extends || (old.mode == Mode::Governance && bypass)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000);
    const LATER: Timestamp = Timestamp(2_000);

    fn held(mode: Mode, until: Timestamp) -> Option<Retention> {
        Some(Retention { mode, until })
    }

    #[test]
    fn removing() {
        for (retention, hold, bypass, allowed) in [
            (None, false, false, true),
            (None, true, true, false),
            (held(Mode::Governance, LATER), false, false, false),
            (held(Mode::Governance, LATER), false, true, true),
            (held(Mode::Governance, NOW), false, false, true),
            (held(Mode::Compliance, LATER), false, true, false),
            (held(Mode::Compliance, NOW), false, false, true),
            (held(Mode::Governance, LATER), true, true, false),
        ] {
            assert_eq!(may_remove(retention, hold, NOW, bypass), allowed, "{retention:?} {hold} {bypass}");
        }
    }

    #[test]
    fn changing() {
        let longer = Timestamp(3_000);
        for (old, new, bypass, allowed) in [
            (None, held(Mode::Compliance, LATER), false, true),
            (held(Mode::Governance, LATER), held(Mode::Governance, longer), false, true),
            (held(Mode::Governance, LATER), held(Mode::Compliance, LATER), false, false),
            (held(Mode::Governance, LATER), held(Mode::Compliance, longer), false, false),
            (held(Mode::Governance, LATER), held(Mode::Compliance, LATER), true, true),
            (held(Mode::Governance, longer), held(Mode::Governance, LATER), false, false),
            (held(Mode::Governance, longer), held(Mode::Governance, LATER), true, true),
            (held(Mode::Governance, LATER), None, true, true),
            (held(Mode::Compliance, LATER), held(Mode::Governance, longer), true, false),
            (held(Mode::Compliance, LATER), held(Mode::Compliance, longer), false, true),
            (held(Mode::Compliance, LATER), None, true, false),
            (held(Mode::Compliance, NOW), None, false, true),
        ] {
            assert_eq!(may_change(old, new, NOW, bypass), allowed, "{old:?} {new:?} {bypass}");
        }
    }

    #[test]
    fn periods() {
        assert_eq!(period(Some(1), None), Ok(Period::Days(1)));
        assert_eq!(period(None, Some(101)), Err(PeriodFault::TooLong));
        assert_eq!(period(Some(0), None), Err(PeriodFault::NotPositive));
        assert_eq!(period(Some(1), Some(1)), Err(PeriodFault::Shape));
        assert_eq!(period(None, None), Err(PeriodFault::Shape));
        let default = DefaultRetention { mode: Mode::Governance, period: Period::Years(1) };
        assert_eq!(default.begun(Timestamp(0)).until, Timestamp(365 * DAY_MS));
    }
}
