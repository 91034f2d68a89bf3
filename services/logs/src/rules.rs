//! The limits of the service, and what follows from them alone.

pub mod batch;
pub mod data_message;
pub mod event_ids;
pub mod identifiers;
pub mod pattern;
pub mod transformation;

use crate::errors::LogsError;

/// A day in milliseconds.
pub const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// What every event counts beside its message.
pub const EVENT_OVERHEAD_BYTES: usize = 26;
/// The longest event, its overhead included.
pub const MAX_EVENT_BYTES: usize = 1024 * 1024;
/// The bytes of a page of events.
pub const PAGE_BYTES: usize = 1024 * 1024;
/// The events of a page where nothing else is asked for.
pub const EVENTS_PAGE: usize = 10_000;
/// The groups or streams of a page where nothing else is asked for.
pub const DESCRIBE_PAGE: usize = 50;
/// Policies of a region.
pub const MOST_POLICIES: usize = 10;
/// Metric filters of a group.
pub const MOST_METRIC_FILTERS: usize = 100;
/// Subscriptions of a group.
pub const MOST_SUBSCRIPTIONS: usize = 2;
/// How long events of the delivery class stay.
pub const DELIVERY_RETENTION_DAYS: u32 = 2;

const RETENTIONS: [u32; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// A retention that may be chosen.
pub fn retention_days(days: i32) -> Result<u32, LogsError> {
    let chosen = u32::try_from(days).ok().filter(|days| RETENTIONS.contains(days));
    chosen.ok_or_else(|| {
        LogsError::invalid(format!(
            "1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: \
             Member must satisfy enum value set: {RETENTIONS:?}"
        ))
    })
}

/// Refuses names that are AWS's own; their characters are the model's rule.
pub fn check_group_name(name: &str) -> Result<(), LogsError> {
    let reserved = name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws/"));
    if reserved {
        Err(LogsError::invalid("Log groups starting with AWS/ are reserved for AWS."))
    } else {
        Ok(())
    }
}

/// The token that older clients send with the next batch; nothing depends on it.
pub fn sequence_token(number: u64) -> String {
    format!("49{number:054}")
}

/// A text in pieces that fit an event, cut between characters; none of an empty text.
pub fn pieces(text: &str, most_bytes: usize) -> impl Iterator<Item = &str> {
    let most = most_bytes - EVENT_OVERHEAD_BYTES;
    let mut rest = text;
    std::iter::from_fn(move || {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(most));
        rest = after;
        Some(piece).filter(|piece| !piece.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values are those of the API reference of PutRetentionPolicy.
    #[test]
    fn retentions() {
        assert_eq!(retention_days(3653).unwrap(), 3653);
        for days in [0, 2, -1, 4000] {
            assert!(retention_days(days).is_err(), "{days}");
        }
    }

    #[test]
    fn reserved_names() {
        for (name, allowed) in
            [("/aws/lambda/x", true), ("aws", true), ("aws-x", true), ("aws/x", false), ("AWS/x", false)]
        {
            assert_eq!(check_group_name(name).is_ok(), allowed, "{name}");
        }
    }

    #[test]
    fn cutting() {
        let cut = |text: &str| -> Vec<String> { pieces(text, 26 + 3).map(str::to_owned).collect() };
        assert_eq!(cut(""), Vec::<String>::new());
        assert_eq!(cut("abcd"), ["abc", "d"]);
        assert_eq!(cut("aéé"), ["aé", "é"]);
    }
}
