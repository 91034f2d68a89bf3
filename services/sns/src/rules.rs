//! Pure decisions: names, attributes, filters, what a message may hold, what is sent of it, when it is tried
//! again.

pub mod attributes;
pub mod challenge;
pub mod data_protection;
pub mod delivery_policy;
pub mod endpoints;
pub mod envelope;
pub mod filter;
pub mod json;
pub mod names;
pub mod publication;

/// Largest message with its attributes, in bytes; also of a batch together (SNS quotas).
pub const MAX_MESSAGE_BYTES: usize = 262_144;
/// How long a deduplication id is remembered, in milliseconds.
pub const DEDUPLICATION_MS: i64 = 5 * 60 * 1000;
/// Entries of a batch.
pub const MAX_ENTRIES: usize = 10;
/// Items of a page of any list (API reference: up to 100).
pub const PAGE: usize = 100;
