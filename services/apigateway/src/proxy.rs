//! Integrations over HTTP: the request goes to the integration's URL with the client's method, query, headers
//! and body, as the mappings change them; the answer comes back whole.

use crate::invoke::Unanswered;
use crate::rules::events::Asked;
use crate::rules::headers::ends_here;
use crate::rules::mappings::{self, Outgoing};
use crate::rules::urls::decoded;
use crate::rules::{integrations, queries, replies};
use crate::state::{HttpProxy, Integration};
use outbound::{Failure, Outbound, Request};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use service::{Ctx, FrontReply, Log};
use std::time::Duration;

/// The longest answer.
const MAX_ANSWER_BYTES: usize = 10 * 1024 * 1024;

/// What is encoded in a query.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Asks the host of an integration. `path` is the request's, without the stage.
pub async fn forward(
    ctx: &Ctx,
    integration: &Integration,
    proxy: &HttpProxy,
    (asked, path): (&Asked, &str),
) -> Result<FrontReply, Unanswered> {
    let request = request(integration, proxy, (asked, path)).ok_or(Unanswered::Refused)?;
    let outbound = ctx.part::<Outbound>();
    let answer = tokio::select! {
        answer = outbound.send(&ctx.host().settings.data_dir, request, Some(MAX_ANSWER_BYTES)) => answer,
        () = ctx.host().clock.rest(Duration::from_millis(integration.timeout_ms.into())) => {
            return Ok(replies::message(504, "Gateway Timeout"));
        }
    };
    let mut answer = answer.map_err(|failure| {
        Log::warn(ctx.request_id(), &format!("an integration could not be reached: {failure}"));
        match failure {
            Failure::Unsendable(_) => Unanswered::Refused,
            Failure::Unreachable(_) | Failure::TooLong => Unanswered::Unavailable,
        }
    })?;
    // The connection is the gateway's, and so is the length.
    answer.headers.retain(|(name, _)| !ends_here(name) && name != "content-length");
    let mapped = proxy.answers.get(&answer.status.to_string());
    if let Some(mapped) = mapped {
        let parts = (&mut answer.status, &mut answer.headers, &answer.body[..]);
        mappings::apply_answer(mapped, asked, parts);
    }
    Ok(FrontReply { status: answer.status, headers: answer.headers, body: answer.body.into() })
}

/// The request as it goes out; `None` where a stage's variables make no URL.
fn request(integration: &Integration, proxy: &HttpProxy, (asked, path): (&Asked, &str)) -> Option<Request> {
    let url = integrations::url(&integration.uri, &asked.stage_variables, &asked.path_parameters)?;
    let (url, own_query) = url.split_once('?').unwrap_or((&url, ""));
    let mut query = pairs(own_query);
    query.extend(pairs(&asked.query));
    let mut out = Outgoing { path: None, query, headers: headers(asked) };
    mappings::apply_request(&proxy.request, asked, &decoded(path), &mut out);
    let url = match &out.path {
        Some(path) => format!("{}{}", base(url)?, integrations::encoded_path(path)),
        None => url.to_owned(),
    };
    let query: Vec<String> = out
        .query
        .iter()
        .map(|(name, value)| {
            format!("{}={}", utf8_percent_encode(name, QUERY), utf8_percent_encode(value, QUERY))
        })
        .collect();
    let question = if query.is_empty() { "" } else { "?" };
    let method = integration.method.as_deref().filter(|method| *method != "ANY");
    Some(Request {
        method: method.unwrap_or(&asked.method).to_owned(),
        url: format!("{url}{question}{}", query.join("&")),
        headers: out.headers,
        body: asked.body.clone(),
    })
}

/// Scheme and host of a URL.
fn base(url: &str) -> Option<&str> {
    let host = url.find("://")? + 3;
    Some(&url[..url[host..].find('/').map_or(url.len(), |at| host + at)])
}

fn pairs(query: &str) -> Vec<(String, String)> {
    let parameters = queries::parameters(query).into_iter();
    parameters.flat_map(|(name, values)| values.into_iter().map(move |value| (name.clone(), value))).collect()
}

/// The client's headers. Who it is stands in `forwarded`, which HTTP APIs send in place of `x-forwarded-…`.
fn headers(asked: &Asked) -> Vec<(String, String)> {
    let kept = asked.headers.iter().filter(|(name, _)| {
        !name.starts_with("x-forwarded-") && !["host", "content-length", "expect"].contains(&name.as_str())
    });
    let mut headers: Vec<(String, String)> = kept
        .flat_map(|(name, values)| values.iter().map(move |value| (name.clone(), value.clone())))
        .collect();
    let scheme = asked.headers.get("x-forwarded-proto").and_then(|values| values.first());
    let forwarded = format!(
        "for={};host={};proto={}",
        asked.source_ip,
        asked.domain_name,
        scheme.map_or("http", String::as_str)
    );
    headers.push(("forwarded".to_owned(), forwarded));
    headers.push(("via".to_owned(), "HTTP/1.1 AmazonAPIGateway".to_owned()));
    headers
}
