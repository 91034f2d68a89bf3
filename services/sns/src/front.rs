//! The room's own pages: the certificate that signatures are verified with, and what went to phones,
//! mailboxes and devices, in the form that LocalStack's users know.
//!
//! | Page | What it answers |
//! |---|---|
//! | `GET /_aws/sns/SimpleNotificationService-….pem` | the certificate |
//! | `GET /_aws/sns/sms-messages` | `sms_messages`: by number |
//! | `GET /_aws/sns/platform-endpoint-messages` | `platform_endpoint_messages`: by the endpoint's ARN |
//! | `GET /_aws/sns/email-messages` | `email_messages`: by address |
//! | `GET /_aws/sns/firehose-messages` | `firehose_messages`: by the stream's ARN |
//! | `GET /_aws/sns/subscription-tokens/{arn}` | `subscription_token`: with what it is confirmed |
//! | `PUT /_aws/sns/opted-out/{number}`, `POST /_aws/sns/phone-opt-outs` with `phoneNumber` in JSON | notes that a number wants no messages |
//!
//! Lists take `accountId`, `region` and the name of a receiver; DELETE empties them.

use crate::errors::SnsError;
use crate::ops::subscriptions::Why;
use crate::ops::{place_of, subscriptions};
use crate::rules::names::is_phone;
use crate::signing::Signer;
use crate::state::captured::{self, Captured, Kind};
use crate::state::{self, sms};
use bytes::Bytes;
use names::{AccountId, Region, Scope};
use ports::Caller;
use schema::ApiError;
use serde_json::{Map, Value, json};
use service::front::{decoded, parameters};
use service::{BoxFuture, Ctx, Front, FrontReply, FrontRequest};
use std::collections::BTreeMap;

/// The longest body: that of a page is a number.
const MAX_BODY_BYTES: usize = 1024;

/// The pages.
pub struct Pages;

impl Front for Pages {
    fn name(&self) -> &'static str {
        "sns"
    }

    fn has_hosts(&self) -> bool {
        false
    }

    fn max_body(&self) -> usize {
        MAX_BODY_BYTES
    }

    fn serve(&self, ctx: Ctx, request: FrontRequest) -> BoxFuture<'_, FrontReply> {
        Box::pin(async move {
            match answer(&ctx, &request).await {
                Ok(reply) => reply,
                Err(error) => {
                    let error = ApiError::from(error);
                    json_reply(error.status, &json!({"message": error.message}))
                }
            }
        })
    }
}

fn reply(status: u16, kind: &str, body: String) -> FrontReply {
    FrontReply {
        status,
        headers: vec![("content-type".to_owned(), kind.to_owned())],
        body: Bytes::from(body).into(),
    }
}

fn json_reply(status: u16, value: &Value) -> FrontReply {
    reply(status, "application/json", value.to_string())
}

async fn answer(ctx: &Ctx, request: &FrontRequest) -> Result<FrontReply, SnsError> {
    if request.label.starts_with("SimpleNotificationService-") {
        return Ok(match ctx.part::<Signer>().certificate(ctx, &request.label).await? {
            Some(certificate) => reply(200, "application/x-pem-file", certificate),
            None => json_reply(404, &json!({"message": "Not Found"})),
        });
    }
    // What was sent is for whoever may see it: where permissions are enforced, not for strangers.
    if ctx.host().settings.enforces && matches!(ctx.caller(), Caller::Anonymous) {
        return Ok(json_reply(403, &json!({"message": "Forbidden"})));
    }
    match (request.label.as_str(), request.method.as_str()) {
        ("sms-messages", method) => {
            list(ctx, request, method, ("sms_messages", "phoneNumber", Kind::Sms)).await
        }
        ("platform-endpoint-messages", method) => {
            list(ctx, request, method, ("platform_endpoint_messages", "endpointArn", Kind::Device)).await
        }
        ("email-messages", method) => {
            list(ctx, request, method, ("email_messages", "address", Kind::Email)).await
        }
        ("firehose-messages", method) => {
            list(ctx, request, method, ("firehose_messages", "deliveryStreamArn", Kind::Stream)).await
        }
        ("subscription-tokens", "GET") => token(ctx, request),
        ("opted-out", "PUT") | ("phone-opt-outs", "POST") => opt_out(ctx, request).await,
        _ => Ok(json_reply(404, &json!({"message": "Not Found"}))),
    }
}

fn scope(ctx: &Ctx, parameters: &BTreeMap<String, String>) -> Scope {
    let account = parameters.get("accountId").and_then(|text| text.parse::<AccountId>().ok());
    let region = parameters.get("region").and_then(|text| text.parse::<Region>().ok());
    Scope::Regional(account.unwrap_or_else(|| ctx.account()), region.unwrap_or_else(|| ctx.region().clone()))
}

async fn list(
    ctx: &Ctx,
    request: &FrontRequest,
    method: &str,
    (list, receiver, kind): (&'static str, &'static str, Kind),
) -> Result<FrontReply, SnsError> {
    let mut parameters = parameters(&request.query);
    let scope = scope(ctx, &parameters);
    let wanted = parameters.remove(receiver);
    match method {
        "GET" => Ok(json_reply(200, &listed(ctx, &scope, (list, kind), wanted.as_deref())?)),
        "DELETE" => {
            ctx.commit(move |tx| {
                let matches = |captured: &Captured| {
                    captured.kind == kind && wanted.as_ref().is_none_or(|wanted| *wanted == captured.receiver)
                };
                captured::forget(tx, &scope, matches).map(drop)
            })
            .await
            .map_err(SnsError::Store)?;
            Ok(reply(204, "application/json", String::new()))
        }
        _ => Ok(json_reply(405, &json!({"message": "Method Not Allowed"}))),
    }
}

fn listed(
    ctx: &Ctx,
    scope: &Scope,
    (list, kind): (&str, Kind),
    wanted: Option<&str>,
) -> Result<Value, SnsError> {
    let mut receivers: Map<String, Value> = Map::new();
    receivers.extend(wanted.map(|wanted| (wanted.to_owned(), json!([]))));
    for captured in captured::all(&ctx.read(), scope) {
        let captured = captured?;
        if captured.kind != kind || wanted.is_some_and(|wanted| wanted != captured.receiver) {
            continue;
        }
        let shown = shown(&captured);
        let of = receivers.entry(captured.receiver).or_insert_with(|| json!([]));
        if let Value::Array(items) = of {
            items.push(shown);
        }
    }
    let region = scope.region().map(ToString::to_string);
    Ok(json!({list: receivers, "region": region}))
}

/// An attribute as it was given, which is kept as it stands in envelopes.
fn as_given(kept: &Value) -> Value {
    let member = if kept["Type"].as_str().is_some_and(|of| of.starts_with("Binary")) {
        "BinaryValue"
    } else {
        "StringValue"
    };
    json!({"DataType": kept["Type"], member: kept["Value"]})
}

fn shown(captured: &Captured) -> Value {
    let attributes: BTreeMap<String, Value> = serde_json::from_str(&captured.attributes).unwrap_or_default();
    let attributes: Map<String, Value> =
        attributes.into_iter().map(|(name, of)| (name, as_given(&of))).collect();
    let message = json!({
        "PhoneNumber": captured.receiver,
        "TargetArn": captured.receiver,
        "TopicArn": captured.topic,
        "SubscriptionArn": captured.subscription,
        "MessageId": captured.id,
        "Message": captured.text,
        "MessageAttributes": attributes,
        "MessageStructure": captured.structure,
        "Subject": captured.subject,
        "Timestamp": captured.at.iso8601_millis(),
    });
    let Value::Object(mut message) = message else { return message };
    message.remove(if captured.kind == Kind::Sms { "TargetArn" } else { "PhoneNumber" });
    if captured.kind == Kind::Sms {
        message.insert("EndpointArn".to_owned(), Value::Null);
    }
    Value::Object(message)
}

fn token(ctx: &Ctx, request: &FrontRequest) -> Result<FrontReply, SnsError> {
    let arn = decoded(request.path.trim_start_matches('/'));
    let refused = |status, why: &str| Ok(json_reply(status, &json!({"error": why, "subscription_arn": arn})));
    let Ok(place) = place_of(&arn) else { return refused(400, "The provided SubscriptionARN is invalid") };
    let read = ctx.read();
    let found = match state::topic(&read, &place.scope, &place.topic)? {
        Some(topic) => state::subscription(&read, &place.scope, topic.incarnation, &place.id)?
            .map(|found| subscriptions::token(&ctx.host().seal, Why::Begin, topic.incarnation, &found.id)),
        None => None,
    };
    match found {
        Some(token) => Ok(json_reply(200, &json!({"subscription_token": token, "subscription_arn": arn}))),
        None => refused(404, "The provided SubscriptionARN is not found"),
    }
}

/// The number of a request: in its path, or as JSON in its body.
fn number(request: &FrontRequest) -> (String, BTreeMap<String, String>) {
    let mut given = parameters(&request.query);
    let body: BTreeMap<String, String> = serde_json::from_slice(&request.body).unwrap_or_default();
    given.extend(body);
    let of_path = decoded(request.path.trim_start_matches('/'));
    let number = if of_path.is_empty() { given.remove("phoneNumber").unwrap_or_default() } else { of_path };
    (number, given)
}

async fn opt_out(ctx: &Ctx, request: &FrontRequest) -> Result<FrontReply, SnsError> {
    let (number, given) = number(request);
    if !is_phone(&number) {
        return Err(SnsError::invalid(format!("{number} does not meet the E164 format")));
    }
    let (scope, now) = (scope(ctx, &given), ctx.now());
    ctx.commit(move |tx| sms::opt_out(tx, &scope, &number, now)).await.map_err(SnsError::Store)?;
    Ok(reply(204, "application/json", String::new()))
}
