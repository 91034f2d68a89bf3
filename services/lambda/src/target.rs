//! A delivery to a function is an asynchronous invocation, a question a synchronous one.

use crate::durable::starting;
use crate::errors::LambdaError;
use crate::events;
use crate::invoke::{self, Extras, MAX_SYNCHRONOUS};
use crate::rules::names::{self, Named};
use crate::state::{self, Event};
use ::names::{Arn, Timestamp};
use ports::{TargetReply, TargetRequest};
use schema::ApiError;
use service::{BoxFuture, Ctx, Delivery, Reception, Target, uuid_of};
use store::Tx;

/// The functions of the region as targets.
pub struct Functions;

impl Target for Functions {
    fn service(&self) -> &'static str {
        "lambda"
    }

    fn action(&self) -> &'static str {
        "lambda:InvokeFunction"
    }

    fn reception(&self) -> Reception {
        Reception::Stores
    }

    fn accept(&self, tx: &mut Tx, deliveries: &[Delivery], now: Timestamp) -> Result<(), ApiError> {
        tx.allow_large();
        Ok(deliveries.iter().try_for_each(|delivery| accept(tx, delivery, now))?)
    }

    fn answer(&self, ctx: Ctx, request: TargetRequest) -> BoxFuture<'_, Result<TargetReply, ApiError>> {
        Box::pin(async move { answer(&ctx, request).await.map_err(Into::into) })
    }
}

fn named(arn: &Arn) -> Result<Named, LambdaError> {
    let absent = || LambdaError::FunctionNotFound(arn.to_string());
    let (account, region) = (arn.account().ok_or_else(absent)?, arn.region().ok_or_else(absent)?);
    names::parse(arn.as_str(), None, account, &region)
}

fn accept(tx: &mut Tx, delivery: &Delivery, now: Timestamp) -> Result<(), LambdaError> {
    let named = named(&delivery.target)?;
    invoke::configuration(tx, &named, &invoke::found(tx, &named)?, 1.0)?;
    let event = Event {
        scope: named.scope.clone(),
        function: named.name.clone(),
        qualifier: named.qualifier.clone(),
        // Made of the delivery, so that the closure can run again.
        request_id: uuid_of(&delivery.id),
        accepted: now,
        attempts: 0,
        deferrals: 0,
        waits: false,
        hops: delivery.hops,
        trace: delivery.context.trace.clone(),
    };
    let payload = events::or_empty(delivery.payload.clone());
    if starting::deliver(tx, &named, &event, &payload)? {
        return Ok(());
    }
    Ok(state::add_event(tx, &event, &payload)?)
}

async fn answer(ctx: &Ctx, request: TargetRequest) -> Result<TargetReply, LambdaError> {
    let named = named(&request.target)?;
    if request.payload.len() > MAX_SYNCHRONOUS {
        let bytes = request.payload.len();
        return Err(LambdaError::PayloadTooLarge { bytes, kind: "RequestResponse", limit: MAX_SYNCHRONOUS });
    }
    let extras = Extras { request_id: ctx.request_id().to_owned(), ..Extras::default() };
    let outcome = invoke::run(ctx, &named, request.payload, extras).await?;
    Ok(TargetReply {
        payload: outcome.payload,
        function_error: outcome.failed.then(|| "Unhandled".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_are_uuids_and_differ() {
        let one = uuid_of("00000000000000a1");
        assert_eq!((one.len(), &one[14..15]), (36, "4"));
        assert_eq!(one, uuid_of("00000000000000a1"));
        assert_ne!(one, uuid_of("00000000000000a2"));
    }
}
