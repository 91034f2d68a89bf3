//! Decisions of S3 that need no state: pure functions with tables of tests.

pub mod access_line;
pub mod acl;
pub mod bus_event;
pub mod conditions;
pub mod cors;
pub mod directory_buckets;
pub mod event;
pub mod headers;
pub mod kms;
pub mod lifecycle;
pub mod lifecycle_validity;
pub mod listing;
pub mod locks;
pub mod multipart;
pub mod names;
pub mod notifications;
pub mod public;
pub mod ranges;
pub mod replication;
pub mod website;
