//! Decisions of S3 that need no state: pure functions with tables of tests.

pub mod conditions;
pub mod cors;
pub mod event;
pub mod headers;
pub mod listing;
pub mod multipart;
pub mod names;
pub mod notifications;
pub mod public;
pub mod ranges;
