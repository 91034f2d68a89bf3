//! Payload format 2.0: several values are one text, cookies stand alone, what is not there is left out.

use super::{Asked, Authorized, if_any, log_time};
use crate::rules::{headers, queries};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// An event.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event<'a> {
    version: &'static str,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    route_arn: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity_source: Option<&'a [String]>,
    route_key: &'a str,
    raw_path: &'a str,
    raw_query_string: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<String>,
    headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query_string_parameters: Option<BTreeMap<String, String>>,
    request_context: Context<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_parameters: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_base64_encoded: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage_variables: Option<BTreeMap<String, String>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Context<'a> {
    account_id: &'a str,
    api_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorizer: Option<Authorizer<'a>>,
    domain_name: &'a str,
    domain_prefix: &'a str,
    http: Http<'a>,
    request_id: &'a str,
    route_key: &'a str,
    stage: &'a str,
    time: String,
    time_epoch: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Authorizer<'a> {
    Lambda(&'a Map<String, Value>),
    Jwt(&'a Map<String, Value>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Http<'a> {
    method: &'a str,
    path: &'a str,
    protocol: &'static str,
    source_ip: &'a str,
    user_agent: String,
}

impl<'a> Event<'a> {
    /// The event of an integration.
    pub fn of(asked: &'a Asked) -> Self {
        let (body, is_base64_encoded) = asked.written_body();
        let mut headers = queries::joined(&asked.headers);
        headers.remove("cookie");
        Event {
            version: "2.0",
            kind: None,
            route_arn: None,
            identity_source: None,
            route_key: &asked.route_key,
            raw_path: &asked.path,
            raw_query_string: &asked.query,
            cookies: headers::cookies(&asked.headers),
            headers,
            query_string_parameters: if_any(queries::joined(&asked.query_parameters())),
            request_context: Context::of(asked),
            body,
            path_parameters: if_any(asked.path_parameters.clone()),
            is_base64_encoded: Some(is_base64_encoded),
            stage_variables: if_any(asked.stage_variables.clone()),
        }
    }

    /// The event of an authorizer, which sees no body.
    pub fn for_authorizer(asked: &'a Asked, arn: &'a str, identities: &'a [String]) -> Self {
        Event {
            kind: Some("REQUEST"),
            route_arn: Some(arn),
            identity_source: Some(identities),
            body: None,
            is_base64_encoded: None,
            ..Event::of(asked)
        }
    }
}

impl<'a> Context<'a> {
    fn of(asked: &'a Asked) -> Self {
        Context {
            account_id: &asked.account,
            api_id: &asked.api_id,
            authorizer: asked.authorized.as_ref().map(|authorized| match authorized {
                Authorized::Lambda(said) => Authorizer::Lambda(said),
                Authorized::Jwt(said) => Authorizer::Jwt(said),
            }),
            domain_name: &asked.domain_name,
            domain_prefix: &asked.domain_prefix,
            http: Http {
                method: &asked.method,
                path: &asked.path,
                protocol: "HTTP/1.1",
                source_ip: &asked.source_ip,
                user_agent: asked.user_agent(),
            },
            request_id: &asked.request_id,
            route_key: &asked.route_key,
            stage: &asked.stage,
            time: log_time(asked.at),
            time_epoch: asked.at.millis(),
        }
    }
}
