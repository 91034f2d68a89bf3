//! Payload format 1.0: every value on its own as well, what is not there is null.

use super::{Asked, Authorized, if_any, log_time};
use crate::rules::queries;
use crate::rules::route_keys::RouteKey;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

type Single = BTreeMap<String, String>;
type Multiple = BTreeMap<String, Vec<String>>;

/// An event.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event<'a> {
    version: &'static str,
    #[serde(flatten)]
    question: Option<Question<'a>>,
    resource: &'a str,
    path: &'a str,
    http_method: &'a str,
    headers: Single,
    multi_value_headers: &'a Multiple,
    query_string_parameters: Option<Single>,
    multi_value_query_string_parameters: Option<Multiple>,
    request_context: Context<'a>,
    path_parameters: Option<Single>,
    stage_variables: Option<Single>,
    body: Option<String>,
    is_base64_encoded: bool,
}

/// What an authorizer is asked beside the request itself.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Question<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    method_arn: &'a str,
    identity_source: String,
    authorization_token: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Context<'a> {
    account_id: &'a str,
    api_id: &'a str,
    authorizer: Option<&'a Map<String, Value>>,
    domain_name: &'a str,
    domain_prefix: &'a str,
    extended_request_id: &'a str,
    http_method: &'a str,
    identity: Identity<'a>,
    path: &'a str,
    protocol: &'static str,
    request_id: &'a str,
    request_time: String,
    request_time_epoch: i64,
    resource_id: &'a str,
    resource_path: &'a str,
    stage: &'a str,
}

/// The caller. What only requests signed with IAM have is always null: no route asks for that.
#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct Identity<'a> {
    access_key: Option<&'a str>,
    account_id: Option<&'a str>,
    caller: Option<&'a str>,
    cognito_authentication_provider: Option<&'a str>,
    cognito_authentication_type: Option<&'a str>,
    cognito_identity_id: Option<&'a str>,
    cognito_identity_pool_id: Option<&'a str>,
    principal_org_id: Option<&'a str>,
    source_ip: &'a str,
    user: Option<&'a str>,
    user_agent: String,
    user_arn: Option<&'a str>,
}

impl<'a> Event<'a> {
    /// The event of an integration.
    pub fn of(asked: &'a Asked) -> Self {
        let (body, is_base64_encoded) = asked.written_body();
        let query = asked.query_parameters();
        Event {
            version: "1.0",
            question: None,
            resource: RouteKey::resource(&asked.route_key),
            path: &asked.path,
            http_method: &asked.method,
            headers: queries::last(&asked.headers),
            multi_value_headers: &asked.headers,
            query_string_parameters: if_any(queries::last(&query)),
            multi_value_query_string_parameters: if_any(query),
            request_context: Context::of(asked),
            path_parameters: if_any(asked.path_parameters.clone()),
            stage_variables: if_any(asked.stage_variables.clone()),
            body,
            is_base64_encoded,
        }
    }

    /// The event of an authorizer, which sees no body.
    pub fn for_authorizer(asked: &'a Asked, arn: &'a str, identities: &[String]) -> Self {
        let question = Question {
            kind: "REQUEST",
            method_arn: arn,
            identity_source: identities.join(","),
            authorization_token: identities.join(","),
        };
        Event { question: Some(question), body: None, is_base64_encoded: false, ..Event::of(asked) }
    }
}

impl<'a> Context<'a> {
    fn of(asked: &'a Asked) -> Self {
        Context {
            account_id: &asked.account,
            api_id: &asked.api_id,
            authorizer: asked.authorized.as_ref().map(Authorized::said),
            domain_name: &asked.domain_name,
            domain_prefix: &asked.domain_prefix,
            extended_request_id: &asked.request_id,
            http_method: &asked.method,
            identity: Identity {
                source_ip: &asked.source_ip,
                user_agent: asked.user_agent(),
                ..Identity::default()
            },
            path: &asked.path,
            protocol: "HTTP/1.1",
            request_id: &asked.request_id,
            request_time: log_time(asked.at),
            request_time_epoch: asked.at.millis(),
            resource_id: &asked.route_key,
            resource_path: RouteKey::resource(&asked.route_key),
            stage: &asked.stage,
        }
    }
}
