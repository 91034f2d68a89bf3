//! Calling any API operation in-process. The call enters the pipeline at authorisation, so IAM, limits
//! and records hold for it as for a request from outside.

use crate::{BoxFuture, Caller};
use names::{Region, Timestamp};
use schema::{ApiError, Obj, OperationModel};
use std::sync::Arc;

/// One call of an operation.
pub struct CallRequest {
    /// The service's model name: `sqs`.
    pub service: &'static str,
    /// The operation: `ReceiveMessage`.
    pub operation: &'static str,
    /// Its input, of the operation's own type.
    pub input: Box<dyn Obj>,
    /// On whose behalf.
    pub caller: Caller,
    /// In which region.
    pub region: Region,
    /// When the answer is of no more use, in host time; at most the parent's deadline.
    pub deadline: Option<Timestamp>,
    /// How many calls deep: the pipeline refuses beyond its bound.
    pub depth: u8,
    /// The request id of what caused it.
    pub cause: String,
}

impl CallRequest {
    /// A call of a modelled operation.
    pub fn of<M: OperationModel>(input: M::Input, caller: Caller, region: Region) -> Self {
        CallRequest {
            service: M::SERVICE.name,
            operation: M::SHAPE.name,
            input: Box::new(input),
            caller,
            region,
            deadline: None,
            depth: 0,
            cause: String::new(),
        }
    }
}

/// Any API operation, in-process.
pub trait Calls: Send + Sync {
    /// Calls an operation; the output is of the operation's own type.
    fn call(&self, request: CallRequest) -> BoxFuture<'_, Result<Box<dyn Obj>, ApiError>>;

    /// Whether a room's own work may go on: work that does not end by itself looks before it takes more.
    fn is_open(&self, room: &str) -> bool;
}

impl dyn Calls {
    /// Calls a modelled operation with its own types.
    ///
    /// # Errors
    /// Those of the operation and of the pipeline before it.
    pub async fn typed<M: OperationModel>(
        self: &Arc<Self>,
        request: CallRequest,
    ) -> Result<M::Output, ApiError> {
        let output = self.call(request).await?.into_any().downcast::<M::Output>();
        output.map(|output| *output).map_err(|_| {
            ApiError::new(
                "InternalFailure",
                500,
                format!("{} answered another operation's output", M::SHAPE.name),
            )
        })
    }
}
