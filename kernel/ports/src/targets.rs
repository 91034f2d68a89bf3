//! Asking a resource for an answer, by its ARN alone.

use crate::{BoxFuture, Caller};
use bytes::Bytes;
use names::{Arn, Timestamp};
use schema::ApiError;

/// A question to a resource.
#[derive(Debug, Clone)]
pub struct TargetRequest {
    /// The resource: a function, an alias, a state machine.
    pub target: Arn,
    /// What it gets.
    pub payload: Bytes,
    /// On whose behalf: the resource's policy is evaluated for it.
    pub caller: Caller,
    /// When the answer is of no more use, in host time.
    pub deadline: Option<Timestamp>,
    /// How many questions deep.
    pub depth: u8,
    /// The request id of what caused it.
    pub cause: String,
}

/// The answer of a resource.
#[derive(Debug, Clone)]
pub struct TargetReply {
    /// What it answered.
    pub payload: Bytes,
    /// The kind of failure of the user's code, where it failed: `Unhandled`.
    pub function_error: Option<String>,
}

/// Whatever can be asked by its ARN.
pub trait Targets: Send + Sync {
    /// Asks and waits for the answer.
    fn request(&self, request: TargetRequest) -> BoxFuture<'_, Result<TargetReply, ApiError>>;
}
