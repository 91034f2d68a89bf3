//! An answer that is passed on while its function makes it.

use super::dispatcher::Outcome;
use crate::errors::LambdaError;
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Longest streamed answer, in bytes (Lambda quotas: 200 MB); what is beyond it is cut.
pub const MAX_STREAMED: u64 = 200 * 1024 * 1024;
/// Parts that wait for a client.
pub const WAITING: usize = 16;

/// A part of a streamed answer.
#[derive(Debug)]
pub enum Part {
    /// It begins: the type of its content, where the function says it.
    Head(Option<String>),
    /// More of it.
    Data(Bytes),
}

/// Where the parts of an answer go.
pub type Sink = mpsc::Sender<Part>;

/// An answer that has begun, or is there as a whole.
pub enum Begun {
    /// It comes in parts; the outcome says how it ended.
    Streams {
        /// The type of its content, where the function says it.
        content_type: Option<String>,
        /// Its parts.
        parts: mpsc::Receiver<Part>,
        /// How it ends.
        end: JoinHandle<Result<Outcome, LambdaError>>,
    },
    /// The function does not stream, or failed before it did.
    Whole(Outcome),
}

/// Waits until an invocation that may stream has begun to answer, or has ended.
///
/// # Errors
/// Those of the invocation, where it could not be run.
pub async fn begun(
    mut parts: mpsc::Receiver<Part>,
    end: JoinHandle<Result<Outcome, LambdaError>>,
) -> Result<Begun, LambdaError> {
    match parts.recv().await {
        Some(Part::Head(content_type)) => Ok(Begun::Streams { content_type, parts, end }),
        // A stream begins with its head; without one nothing was streamed.
        Some(Part::Data(_)) | None => ended(end).await.map(Begun::Whole),
    }
}

/// How an invocation ended that runs as a task.
///
/// # Errors
/// Those of the invocation.
pub async fn ended(end: JoinHandle<Result<Outcome, LambdaError>>) -> Result<Outcome, LambdaError> {
    let broken = |_| LambdaError::CannotRun("The invocation was lost.".to_owned());
    end.await.map_err(broken)?
}
