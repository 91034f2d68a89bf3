//! Pure decisions: names, URLs, attributes, sizes, digests, receipt handles.

pub mod attributes;
pub mod contents;
pub mod handles;
pub mod names;
pub mod urls;

/// Largest message with its attributes, in bytes; also of a batch together (SQS quotas, 1 MiB since
/// August 2025).
pub const MAX_MESSAGE_BYTES: usize = 1_048_576;
/// Longest visibility timeout, in seconds.
pub const MAX_VISIBILITY_S: i64 = 43_200;
/// Longest delay, in seconds.
pub const MAX_DELAY_S: i64 = 900;
/// Longest wait of a receive, in seconds.
pub const MAX_WAIT_S: i64 = 20;
/// How long a deduplication id is remembered, in milliseconds.
pub const DEDUPLICATION_MS: i64 = 5 * 60 * 1000;
/// How long a queue rests after it was purged, and its name after its deletion where times are AWS's, in milliseconds.
pub const RECENT_MS: i64 = 60 * 1000;
/// Entries of a batch.
pub const MAX_ENTRIES: usize = 10;
/// Messages of a queue that may be in flight, standard or FIFO (SQS quotas, FIFO since November 2024).
pub const MAX_IN_FLIGHT: usize = 120_000;
