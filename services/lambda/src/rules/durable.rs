//! What durable executions decide without looking at anything but what they are given.

pub mod names;
pub mod output;
pub mod updates;

/// Operations of an execution (Lambda quotas, "Durable executions").
pub const MOST_OPERATIONS: u64 = 3_000;
/// Bytes of all inputs, results and errors of an execution (same place: 100 MB).
pub const MOST_BYTES: u64 = 100 * 1024 * 1024;
/// Bytes of the error of an operation.
pub const MAX_ERROR: usize = 32_768;
/// Bytes of the result of an operation.
pub const MAX_PAYLOAD: usize = 1024 * 1024;
/// Longest execution that somebody waits for, in seconds.
pub const MAX_AWAITED_S: u32 = 900;
/// Runs in a row that may fail.
pub const MOST_FAILURES: u32 = 5;
