//! Lifecycle rules: which are valid, and what they say is due for a version or an upload at a time.
//! S3 User Guide, "Lifecycle configuration elements": days are counted from the creation and rounded up
//! to the next midnight UTC.

use super::lifecycle_validity::filter_of;
use model_s3 as api;
use names::{Tags, Timestamp};

const DAY_MS: i64 = 86_400_000;
/// Objects below this size are not moved to another class unless a rule says so by a size of its own.
const MIN_TRANSITION_BYTES: u64 = 128 * 1024;

/// The storage classes in the order that objects may move: never back.
const WATERFALL: [&str; 8] = [
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "INTELLIGENT_TIERING",
    "ONEZONE_IA",
    "GLACIER_IR",
    "GLACIER",
    "DEEP_ARCHIVE",
];

/// What a rule is held against.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The key.
    pub key: &'a str,
    /// The tags.
    pub tags: &'a Tags,
    /// The size in bytes.
    pub size: u64,
    /// The storage class.
    pub class: &'a str,
}

/// What is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// It goes.
    Expiration,
    /// It moves to a storage class.
    Transition(String),
}

/// The midnight at or after some days from a time.
pub fn after_days(from: Timestamp, days: i32) -> Timestamp {
    let exact = from.millis().saturating_add(i64::from(days) * DAY_MS);
    Timestamp(exact.div_euclid(DAY_MS).saturating_add(i64::from(exact.rem_euclid(DAY_MS) > 0)) * DAY_MS)
}

fn is_enabled(rule: &api::LifecycleRule) -> bool {
    rule.status == api::ExpirationStatus::Enabled
}

/// Whether a rule concerns an object.
fn concerns(rule: &api::LifecycleRule, subject: Subject<'_>) -> bool {
    let filter = filter_of(rule);
    let size = i64::try_from(subject.size).unwrap_or(i64::MAX);
    is_enabled(rule)
        && subject.key.starts_with(filter.prefix)
        && filter.tags.iter().all(|(key, value)| subject.tags.get(key) == Some(value))
        && filter.larger.is_none_or(|bound| size > bound)
        && filter.smaller.is_none_or(|bound| size < bound)
}

/// When an expiration of the newest version is due, where it is by days or a date.
fn expires(rule: &api::LifecycleRule, created: Timestamp) -> Option<Timestamp> {
    let expiration = rule.expiration.as_ref()?;
    expiration.days.map(|days| after_days(created, days)).or(expiration.date)
}

/// When the newest version expires, and by which rule: the first of those that concern it.
pub fn expiry<'r>(
    rules: &'r [api::LifecycleRule],
    subject: Subject<'_>,
    created: Timestamp,
) -> Option<(Timestamp, &'r str)> {
    let concerned = rules.iter().filter(|rule| concerns(rule, subject));
    let due = concerned.filter_map(|rule| Some((expires(rule, created)?, rule.id.as_deref().unwrap_or(""))));
    due.min_by_key(|(moment, _)| *moment)
}

/// Whether an object may move to a class from the one it is in.
fn moves_on(rule: &api::LifecycleRule, subject: Subject<'_>, to: &str) -> bool {
    let place = |class: &str| WATERFALL.iter().position(|known| *known == class);
    let filter = filter_of(rule);
    let large = subject.size >= MIN_TRANSITION_BYTES || filter.larger.is_some() || filter.smaller.is_some();
    large && matches!((place(subject.class), place(to)), (Some(from), Some(to)) if from < to)
}

/// What is due for the newest version: to go before to move; of several moves the farthest.
pub fn of_newest(
    rules: &[api::LifecycleRule],
    subject: Subject<'_>,
    created: Timestamp,
    now: Timestamp,
) -> Option<Due> {
    if expiry(rules, subject, created).is_some_and(|(due, _)| due <= now) {
        return Some(Due::Expiration);
    }
    let concerned = rules.iter().filter(|rule| concerns(rule, subject));
    let moves = concerned.flat_map(|rule| {
        rule.transitions.iter().flatten().filter_map(move |transition| {
            let due = transition.days.map(|days| after_days(created, days)).or(transition.date)?;
            let class = transition.storage_class.as_ref()?.as_str();
            (due <= now && moves_on(rule, subject, class)).then_some(class)
        })
    });
    farthest(moves)
}

fn farthest<'a>(classes: impl Iterator<Item = &'a str>) -> Option<Due> {
    let place = |class: &&str| WATERFALL.iter().position(|known| known == class);
    classes.max_by_key(place).map(|class| Due::Transition(class.to_owned()))
}

/// What is due for an older version: `since` is when it stopped being the newest, `newer` how many older
/// versions are newer than it.
pub fn of_noncurrent(
    rules: &[api::LifecycleRule],
    subject: Subject<'_>,
    since: Timestamp,
    newer: usize,
    now: Timestamp,
) -> Option<Due> {
    let beyond = |kept: Option<i32>| usize::try_from(kept.unwrap_or(0)).is_ok_and(|kept| newer >= kept);
    let due = |days: Option<i32>| after_days(since, days.unwrap_or(0)) <= now;
    let concerned = || rules.iter().filter(|rule| concerns(rule, subject));
    let expired = concerned()
        .filter_map(|rule| rule.noncurrent_version_expiration.as_ref())
        .any(|rule| due(rule.noncurrent_days) && beyond(rule.newer_noncurrent_versions));
    if expired {
        return Some(Due::Expiration);
    }
    let moves = concerned().flat_map(|rule| {
        rule.noncurrent_version_transitions.iter().flatten().filter_map(move |transition| {
            let class = transition.storage_class.as_ref()?.as_str();
            let ripe = due(transition.noncurrent_days) && beyond(transition.newer_noncurrent_versions);
            (ripe && moves_on(rule, subject, class)).then_some(class)
        })
    });
    farthest(moves)
}

/// Whether a delete marker goes that hides nothing any more: where a rule says so, or where it is old
/// enough to expire itself.
pub fn of_lone_marker(rules: &[api::LifecycleRule], key: &str, created: Timestamp, now: Timestamp) -> bool {
    let none = Tags::new();
    let subject = Subject { key, tags: &none, size: 0, class: "STANDARD" };
    rules.iter().filter(|rule| concerns(rule, subject)).any(|rule| {
        let expiration = rule.expiration.as_ref();
        let asked = expiration.and_then(|expiration| expiration.expired_object_delete_marker) == Some(true);
        asked || expires(rule, created).is_some_and(|due| due <= now)
    })
}

/// When an upload is given up, and by which rule.
pub fn abortion<'r>(
    rules: &'r [api::LifecycleRule],
    key: &str,
    initiated: Timestamp,
) -> Option<(Timestamp, &'r str)> {
    let concerned = rules.iter().filter(|rule| is_enabled(rule) && key.starts_with(filter_of(rule).prefix));
    let due = concerned.filter_map(|rule| {
        let days = rule.abort_incomplete_multipart_upload.as_ref()?.days_after_initiation?;
        Some((after_days(initiated, days), rule.id.as_deref().unwrap_or("")))
    });
    due.min_by_key(|(moment, _)| *moment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model_s3::*;

    fn rule(prefix: &str) -> LifecycleRule {
        LifecycleRule {
            id: Some("r".into()),
            status: ExpirationStatus::Enabled,
            filter: Some(LifecycleRuleFilter { prefix: Some(prefix.into()), ..Default::default() }),
            ..Default::default()
        }
    }

    fn day(number: i64) -> Timestamp {
        Timestamp(number * DAY_MS)
    }

    /// S3 User Guide: created 1/15 10:30, three days, due 1/19 00:00.
    #[test]
    fn days_end_at_midnight() {
        let created = Timestamp(15 * DAY_MS + 37_800_000);
        assert_eq!(after_days(created, 3), day(19));
        assert_eq!(after_days(day(15), 3), day(18));
    }

    #[test]
    fn newest_versions() {
        let mut old = rule("logs/");
        old.expiration = Some(LifecycleExpiration { days: Some(30), ..Default::default() });
        old.transitions = Some(vec![
            Transition { days: Some(5), storage_class: Some(TransitionStorageClass::StandardIa), date: None },
            Transition { days: Some(9), storage_class: Some(TransitionStorageClass::Glacier), date: None },
        ]);
        let rules = [old];
        let none = Tags::new();
        let subject = |key, size, class| Subject { key, tags: &none, size, class };
        let large = MIN_TRANSITION_BYTES;
        for (subject, at, expected) in [
            (subject("logs/a", large, "STANDARD"), 4, None),
            (subject("logs/a", large, "STANDARD"), 5, Some(Due::Transition("STANDARD_IA".into()))),
            (subject("logs/a", large, "STANDARD"), 10, Some(Due::Transition("GLACIER".into()))),
            (subject("logs/a", large, "GLACIER"), 10, None),
            (subject("logs/a", large - 1, "STANDARD"), 10, None),
            (subject("logs/a", 1, "STANDARD"), 30, Some(Due::Expiration)),
            (subject("other", large, "STANDARD"), 40, None),
        ] {
            assert_eq!(of_newest(&rules, subject, day(0), day(at)), expected, "{subject:?} {at}");
        }
        assert_eq!(expiry(&rules, subject("logs/a", 1, "STANDARD"), day(0)), Some((day(30), "r")));
    }

    #[test]
    fn filters() {
        let mut sized = rule("");
        sized.expiration = Some(LifecycleExpiration { days: Some(1), ..Default::default() });
        sized.filter = Some(LifecycleRuleFilter {
            and: Some(LifecycleRuleAndOperator {
                prefix: Some("a".into()),
                tags: Some(vec![Tag { key: "k".into(), value: "v".into() }]),
                object_size_greater_than: Some(10),
                object_size_less_than: Some(20),
            }),
            ..Default::default()
        });
        let tagged: Tags = [("k".to_owned(), "v".to_owned())].into_iter().collect();
        let none = Tags::new();
        for (key, tags, size, due) in [
            ("a1", &tagged, 15, true),
            ("b1", &tagged, 15, false),
            ("a1", &none, 15, false),
            ("a1", &tagged, 10, false),
            ("a1", &tagged, 20, false),
        ] {
            let subject = Subject { key, tags, size, class: "STANDARD" };
            assert_eq!(of_newest(std::slice::from_ref(&sized), subject, day(0), day(2)).is_some(), due);
        }
        sized.status = ExpirationStatus::Disabled;
        let subject = Subject { key: "a1", tags: &tagged, size: 15, class: "STANDARD" };
        assert_eq!(of_newest(&[sized], subject, day(0), day(2)), None);
    }

    #[test]
    fn older_versions_markers_and_uploads() {
        let mut tidy = rule("");
        tidy.noncurrent_version_expiration = Some(NoncurrentVersionExpiration {
            noncurrent_days: Some(7),
            newer_noncurrent_versions: Some(2),
        });
        tidy.expiration =
            Some(LifecycleExpiration { expired_object_delete_marker: Some(true), ..Default::default() });
        tidy.abort_incomplete_multipart_upload =
            Some(AbortIncompleteMultipartUpload { days_after_initiation: Some(2) });
        let rules = [tidy];
        let none = Tags::new();
        let subject = Subject { key: "k", tags: &none, size: 1, class: "STANDARD" };
        assert_eq!(of_noncurrent(&rules, subject, day(0), 2, day(7)), Some(Due::Expiration));
        assert_eq!(of_noncurrent(&rules, subject, day(0), 1, day(7)), None);
        assert_eq!(of_noncurrent(&rules, subject, day(0), 2, day(6)), None);
        assert!(of_lone_marker(&rules, "k", day(0), day(0)));
        assert_eq!(abortion(&rules, "k", day(0)), Some((day(2), "r")));
    }
}
