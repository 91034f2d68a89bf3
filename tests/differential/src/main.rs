//! `wire-dump`: one JSON request a line on stdin, one JSON answer a line on stdout.
//!
//! `decode` routes and decodes an HTTP request and dumps the input; `encode` makes a random output from a
//! seed and encodes it; `error` does the same for an error. `differ.py` asks the questions, and
//! botocore is the other side of each.

mod dump;
mod random;
mod services;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use random::Random;
use schema::{ApiError, Body, OperationShape, ServiceShape, Slot};
use serde_json::{Value, json};
use services::Services;
use std::io::{BufRead, Write};
use wire::{Head, Limits, Reply, ReplyBody, Route, Routed, Routing};

const REQUEST_ID: &str = "01234567-89ab-cdef-0123-456789abcdef";

fn main() -> std::io::Result<()> {
    let services = Services::new();
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let answer = match serde_json::from_str(&line?) {
            Ok(question) => answer(&services, &question),
            Err(error) => Err(error.to_string()),
        };
        let answer = answer.unwrap_or_else(|error| json!({ "ok": false, "error": error }));
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn answer(services: &Services, question: &Value) -> Result<Value, String> {
    match text(question, "mode")? {
        "decode" => decode(services, question),
        "encode" => encode(question),
        "error" => error(question),
        other => Err(format!("there is no mode {other}")),
    }
}

fn text<'a>(question: &'a Value, key: &str) -> Result<&'a str, String> {
    question[key].as_str().ok_or_else(|| format!("{key} is missing"))
}

/// Routes and decodes; the route is part of the answer.
fn decode(services: &Services, question: &Value) -> Result<Value, String> {
    let headers = headers(question)?;
    let head = Head {
        method: text(question, "method")?,
        host: "localhost:4566",
        path: text(question, "path")?,
        query: text(question, "query")?,
        headers: &headers,
    };
    let body = Bytes::from(STANDARD.decode(text(question, "body_b64")?).map_err(|error| error.to_string())?);
    let router = services.router(text(question, "service")?);
    let route = match router.route(&head) {
        Ok(Routing::Operation(route)) => Ok(route),
        Ok(Routing::NeedsBody) => router.route_form(&head, &body),
        Ok(Routing::Host(host)) => return Err(format!("routed to the host {}", host.id)),
        Err(refused) => Err(refused),
    };
    let route = route.map_err(|refused| format!("not routed: {}", refused.error))?;
    let operation =
        route.operation.served().ok_or_else(|| format!("{} is unserved", route.operation.name()))?;
    let mut input = (operation.input.make)();
    let stream = wire::input_stream(operation);
    let held = if stream.is_some() { Bytes::new() } else { body.clone() };
    let violations = wire::decode(&route, &head, &held, input.as_mut(), Limits::STANDARD)
        .map_err(|malformed| format!("{}: not decoded: {malformed}", operation.name))?;
    if let Some(Slot::Stream(place)) = stream.and_then(|index| input.slot(index)) {
        *place = Body::from(body);
    }
    Ok(json!({
        "ok": true,
        "service": route.service.name,
        "operation": operation.name,
        "protocol": format!("{:?}", route.protocol),
        "violations": if violations.is_empty() { Value::Null } else { json!(violations.message()) },
        "value": dump::structure(input.as_ref()),
    }))
}

fn headers(question: &Value) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for pair in question["headers"].as_array().into_iter().flatten() {
        let (Some(name), Some(value)) = (pair[0].as_str(), pair[1].as_str()) else { continue };
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| error.to_string())?;
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).map_err(|error| error.to_string())?);
    }
    Ok(headers)
}

/// What every question about answers names: the operation, the route to answer on, the seed.
fn asked(question: &Value) -> Result<(&'static OperationShape, Route, u64), String> {
    let (service, operation) = services::operation(text(question, "service")?, text(question, "operation")?)?;
    let route = route(service, operation, text(question, "protocol")?)?;
    let seed = question["seed"].as_u64().ok_or("seed is missing")?;
    Ok((operation, route, seed))
}

fn route(
    service: &'static ServiceShape,
    operation: &'static OperationShape,
    protocol: &str,
) -> Result<Route, String> {
    Ok(Route {
        service,
        operation: Routed::Served(operation),
        protocol: services::protocol(service, protocol)?,
        labels: Vec::new(),
        head: operation.http.method == "HEAD",
        json: false,
    })
}

fn encode(question: &Value) -> Result<Value, String> {
    let (operation, route, seed) = asked(question)?;
    let output = Random(seed).value(operation.output);
    let reply = wire::encode_output(&route, output.as_ref(), REQUEST_ID);
    // Encoding takes the streams of a value, so what is dumped is its twin.
    let twin = Random(seed).value(operation.output);
    Ok(answered(reply, dump::structure(twin.as_ref())))
}

fn error(question: &Value) -> Result<Value, String> {
    let (operation, route, seed) = asked(question)?;
    let name = text(question, "error")?;
    let modelled = operation.errors.iter().find(|error| error.shape.name == name);
    let status = modelled.map_or(400, |error| error.status);
    let mut error = ApiError::new(name.to_owned(), status, "No <such> harp & \"lyre\"");
    error.detail = modelled.map(|error| Random(seed).value(error.shape));
    let reply = wire::encode_error(&route.form(), &error, REQUEST_ID);
    let twin = modelled.map(|error| dump::structure(Random(seed).value(error.shape).as_ref()));
    let mut answer = answered(reply, twin.unwrap_or(json!({})));
    answer["message"] = json!(error.message);
    Ok(answer)
}

fn answered(reply: Reply, value: Value) -> Value {
    let body = match &reply.body {
        ReplyBody::Bytes(bytes) => bytes.to_vec(),
        ReplyBody::Stream(body) => dump::contents(body),
    };
    let headers: Vec<[String; 2]> = reply
        .headers
        .iter()
        .map(|(name, value)| [name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()])
        .collect();
    json!({
        "ok": true,
        "status": reply.status,
        "headers": headers,
        "body_b64": STANDARD.encode(body),
        "value": value,
    })
}
