//! The page of limits: GET shows them, PUT sets one, DELETE removes one or all.

use super::{answer, body_of};
use crate::limits::Rule;
use crate::message::{Incoming, Outgoing};
use crate::pipeline::Pipeline;
use serde_json::{Map, Value, json};
use service::Rate;

const EXPECTED: &str = "expected {\"service\": …, \"operation\": …, \"account\": …, \"per_second\": …, \
                        \"burst\": …, \"concurrent\": …}, of which only service is required";

/// Serves it.
pub async fn serve(pipeline: &Pipeline, incoming: &Incoming) -> Outgoing {
    let body = match body_of(incoming).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let said = body.as_object().cloned().unwrap_or_default();
    match incoming.method.as_str() {
        "GET" => {}
        "DELETE" if said.is_empty() => pipeline.limits.remove(None),
        _ => match rule(pipeline, &said) {
            Ok(rule) if incoming.method == http::Method::DELETE => pipeline.limits.remove(Some(&rule)),
            Ok(rule) => {
                if !pipeline.limits.set(rule) {
                    return answer(400, &json!({"message": "there are too many limits"}));
                }
            }
            Err(why) => return answer(400, &json!({"message": why})),
        },
    }
    answer(200, &pipeline.limits.shown())
}

/// The rule that a body says.
fn rule(pipeline: &Pipeline, said: &Map<String, Value>) -> Result<Rule, String> {
    const KEYS: [&str; 6] = ["service", "operation", "account", "per_second", "burst", "concurrent"];
    if let Some(unknown) = said.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(format!("{unknown} is not known; {EXPECTED}"));
    }
    let text = |key: &str| match said.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("{key} must be a text; {EXPECTED}")),
    };
    let number = |key: &str| match said.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
            number.map(Some).ok_or_else(|| format!("{key} must be a whole number; {EXPECTED}"))
        }
    };
    let service = text("service")?.ok_or(EXPECTED)?;
    let known = pipeline.rooms.services().iter().find(|known| known.name == service);
    let known = known.ok_or_else(|| format!("{service} is not a service of this region"))?;
    let operation = text("operation")?;
    if let Some(operation) = operation.as_ref().filter(|name| known.operation(name).is_none()) {
        return Err(format!("{operation} is not an operation of {service} in this region"));
    }
    let account = text("account")?.map(|text| text.parse()).transpose();
    let account = account.map_err(|_| "account must be twelve digits".to_owned())?;
    let (per_second, burst) = (number("per_second")?, number("burst")?);
    let rate = match (per_second, burst) {
        (None, None) => None,
        (Some(per_second), burst) => Some(Rate { per_second, burst: burst.unwrap_or(per_second.max(1)) }),
        (None, Some(_)) => return Err(format!("burst needs per_second; {EXPECTED}")),
    };
    Ok(Rule { service, operation, account, rate, concurrent: number("concurrent")? })
}
