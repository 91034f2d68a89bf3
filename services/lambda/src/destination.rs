//! Telling a destination of records or events: a delivery that is committed, or an object in a bucket.

use crate::errors::LambdaError;
use crate::invoke;
use crate::pollers::caller;
use crate::rules::names::Named;
use crate::rules::stream_event::Seen;
use crate::state;
use bytes::Bytes;
use model_s3::PutObjectInput;
use model_s3::operations::PutObject;
use names::{AccountId, Arn, Timestamp};
use schema::{ApiError, Body};
use serde_json::Value;
use service::{Ctx, Deliver, Delivery, DeliveryContext, Log};

const PRINCIPAL: &str = "lambda.amazonaws.com";

/// What a bucket gets.
pub struct Object {
    /// The key.
    pub key: String,
    /// The document.
    pub content: Vec<u8>,
}

/// `2026/01/31/2026-01-31T12.00.00`: how keys of objects begin.
pub fn moment(at: Timestamp) -> String {
    let (year, month, day, _, hour, minute, second, _) = at.civil();
    format!("{year:04}/{month:02}/{day:02}/{year:04}-{month:02}-{day:02}T{hour:02}.{minute:02}.{second:02}")
}

/// What is told, with the records themselves.
pub fn with_payload(told: &Value, records: &[Seen]) -> Vec<u8> {
    let mut told = told.clone();
    let records: Vec<&Value> = records.iter().map(|record| &record.value).collect();
    told["payload"] = serde_json::json!({"Records": records}).to_string().into();
    told.to_string().into_bytes()
}

/// Tells a destination.
///
/// # Errors
/// Where it cannot be committed.
pub async fn tell(
    ctx: &Ctx,
    named: &Named,
    target: &str,
    told: &Value,
    object: Object,
) -> Result<(), LambdaError> {
    let Ok(target) = target.parse::<Arn>() else { return Ok(()) };
    let function = invoke::found(&ctx.read(), named)?;
    let role = function.latest.settings.role;
    if target.service() == "s3" {
        put(ctx, named, (&role, &target), object).await;
        return Ok(());
    }
    let account = named.scope.account().unwrap_or(AccountId::DEFAULT);
    let mut context = DeliveryContext::of(PRINCIPAL, account);
    context.role = Some(role);
    let source = state::arn(&named.scope, &named.name, None);
    let delivery = Delivery::new(source, target, Bytes::from(told.to_string()), context, ctx.now());
    ctx.commit(move |tx| {
        tx.allow_large();
        Ok::<_, LambdaError>(tx.deliver(delivery.clone())?)
    })
    .await
}

/// Writes an object, as the function's role. One that cannot be written is lost, as on AWS, and said.
pub async fn put(ctx: &Ctx, named: &Named, (role, bucket): (&Arn, &Arn), object: Object) {
    let account = named.scope.account().unwrap_or(AccountId::DEFAULT);
    let input = PutObjectInput {
        bucket: bucket.resource().to_owned(),
        key: object.key,
        content_length: i64::try_from(object.content.len()).ok(),
        body: Some(Body::from(Bytes::from(object.content))),
        ..Default::default()
    };
    let written = match caller(ctx, role, &named.name, account).await {
        Ok(caller) => ctx.call_as::<PutObject>(caller, input).await.map(drop),
        Err(error) => Err(ApiError::from(error)),
    };
    if let Err(error) = written {
        Log::warn(
            ctx.request_id(),
            &format!("what {bucket} is to be told of {} is lost: {error}", named.name),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        assert_eq!(moment(Timestamp(1_767_225_600_000)), "2026/01/01/2026-01-01T00.00.00");
    }
}
