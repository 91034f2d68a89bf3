//! What a delivery to a room's ARNs means.

use crate::{BoxFuture, Ctx, Delivery, Ended};
use names::Timestamp;
use ports::{TargetReply, TargetRequest};
use schema::ApiError;
use store::{Fault, Tx};

/// How a room takes deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reception {
    /// It stores them: queues, streams, logs, asynchronous functions. Exactly once, in one commit with
    /// the removal of the outbox rows.
    Stores,
    /// It acts outside: HTTP. At least once, keyed by the delivery's id.
    Acts,
    /// It only answers questions.
    Answers,
}

/// A room as the receiver of deliveries and questions.
pub trait Target: Send + Sync {
    /// The service in the ARNs it takes: `sqs`.
    fn service(&self) -> &'static str;

    /// The action that a source needs on the resource: `sqs:SendMessage`.
    fn action(&self) -> &'static str;

    /// How it takes deliveries.
    fn reception(&self) -> Reception;

    /// Stores deliveries. Writes this room's own tables only; may be run again.
    ///
    /// # Errors
    /// The whole batch is then rolled back and each delivery retried alone, a refused one until it goes
    /// to the dead letter of its source.
    fn accept(&self, tx: &mut Tx, deliveries: &[Delivery], now: Timestamp) -> Result<(), ApiError> {
        let _ = (tx, now);
        Err(unable(self.service(), "store", deliveries.len()))
    }

    /// Acts on one delivery.
    fn act(&self, ctx: Ctx, delivery: Delivery) -> BoxFuture<'_, Result<(), ApiError>> {
        let _ = (ctx, delivery);
        Box::pin(async move { Err(unable(self.service(), "act on", 1)) })
    }

    /// Notes how a delivery of its own ended, where the delivery has [`told_back`], in the commit that ends it. Writes
    /// this room's own tables only; may be run again.
    ///
    /// [`told_back`]: crate::DeliveryContext::told_back
    ///
    /// # Errors
    /// The store's.
    fn ended(&self, tx: &mut Tx, ended: &Ended<'_>) -> Result<(), Fault> {
        let _ = (tx, ended);
        Ok(())
    }

    /// Changes a delivery of its own that goes to a dead letter, where that gets another form of it than the target.
    fn buried(&self, delivery: &mut Delivery) {
        let _ = delivery;
    }

    /// Answers a question.
    fn answer(&self, ctx: Ctx, request: TargetRequest) -> BoxFuture<'_, Result<TargetReply, ApiError>> {
        let _ = (ctx, request);
        Box::pin(async move { Err(unable(self.service(), "answer", 1)) })
    }
}

fn unable(service: &str, verb: &str, count: usize) -> ApiError {
    ApiError::new("InvalidParameterValue", 400, format!("{service} cannot {verb} {count} of these requests"))
}
