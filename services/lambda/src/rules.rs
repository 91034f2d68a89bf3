//! What the room decides without looking at anything but what it is given.

pub mod archive;
pub mod batch;
pub mod choices;
pub mod durable;
pub mod environment;
pub mod filter;
pub mod layers;
pub mod levels;
pub mod lineage;
pub mod names;
pub mod outcome;
pub mod path;
pub mod permission;
pub mod report;
pub mod settings;
pub mod source;
pub mod sqs_event;
pub mod standing;
pub mod stream_event;
pub mod tar;
pub mod url_cors;
pub mod urls;

/// Concurrent invocations of an account in a region (Lambda quotas).
pub const ACCOUNT_CONCURRENCY: u32 = 1000;
/// All code of an account in a region, in bytes (Lambda quotas: 75 GB).
pub const MAX_CODE: u64 = 75 * 1024 * 1024 * 1024;
