//! Where functions and services write their log lines.

use crate::BoxFuture;
use bytes::Bytes;
use names::{AccountId, Region, Timestamp};
use schema::ApiError;

/// A log stream of an account and region.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LogTarget {
    /// The account that owns the group.
    pub account: AccountId,
    /// The region.
    pub region: Region,
    /// The log group: `/aws/lambda/orders`.
    pub group: String,
    /// The log stream: `2026/01/31/[$LATEST]0a1b…`.
    pub stream: String,
}

/// Takes log lines. Group and stream are made where they are absent.
pub trait LogSink: Send + Sync {
    /// Appends events, oldest first, each with its time.
    fn write(
        &self,
        target: LogTarget,
        events: Vec<(Timestamp, Bytes)>,
    ) -> BoxFuture<'_, Result<(), ApiError>>;
}
