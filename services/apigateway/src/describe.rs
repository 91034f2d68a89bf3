//! Records as the API describes them. Create, get, update and list answer the same members in structures
//! of their own; each noun is written once here.

use crate::rules::cors::Cors;
use crate::state::{Api, Settings};
use model_apigatewayv2 as model;
use service::Ctx;
use std::net::IpAddr;

/// The port and the name of the origin that a client used: `("localhost", Some("4566"))`.
pub fn host_and_port(origin: &str) -> (&str, Option<&str>) {
    let authority = origin.split_once("://").map_or(origin, |(_, rest)| rest);
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, Some(port)),
        _ => (authority, None),
    }
}

/// The URL of an API's host, below the name by which the client reached the region; below `localhost` where
/// it used an address.
pub fn endpoint(ctx: &Ctx, api: &Api) -> String {
    let origin = &ctx.request().origin;
    let scheme = if origin.starts_with("https:") { "https" } else { "http" };
    let (host, port) = host_and_port(origin);
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let host = if address || host.is_empty() { "localhost" } else { host };
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    format!("{scheme}://{}.execute-api.{host}{port}", api.id)
}

fn listed(list: &[String]) -> Option<Vec<String>> {
    Some(list.to_vec()).filter(|list| !list.is_empty())
}

/// Who may call an API from a web page.
pub fn cors(cors: &Cors) -> model::Cors {
    model::Cors {
        allow_credentials: cors.allow_credentials,
        allow_headers: listed(&cors.allow_headers),
        allow_methods: listed(&cors.allow_methods),
        allow_origins: listed(&cors.allow_origins),
        expose_headers: listed(&cors.expose_headers),
        max_age: cors.max_age_s,
    }
}

/// The settings of routes.
pub fn settings(settings: &Settings) -> model::RouteSettings {
    model::RouteSettings {
        detailed_metrics_enabled: Some(settings.detailed_metrics.unwrap_or(false)),
        throttling_burst_limit: settings.burst,
        throttling_rate_limit: settings.rate,
        ..model::RouteSettings::default()
    }
}

macro_rules! api {
    ($output:ident, $ctx:expr, $api:expr, $tags:expr) => {{
        let api: &$crate::state::Api = $api;
        model_apigatewayv2::$output {
            api_endpoint: Some($crate::describe::endpoint($ctx, api)),
            api_id: Some(api.id.clone()),
            api_key_selection_expression: Some("$request.header.x-api-key".to_owned()),
            cors_configuration: api.cors.as_ref().map($crate::describe::cors),
            created_date: Some(api.created),
            description: api.description.clone(),
            disable_execute_api_endpoint: Some(api.endpoint_disabled),
            ip_address_type: Some(match api.dualstack {
                true => model_apigatewayv2::IpAddressType::Dualstack,
                false => model_apigatewayv2::IpAddressType::Ipv4,
            }),
            name: api.name.clone().into(),
            protocol_type: model_apigatewayv2::ProtocolType::Http.into(),
            route_selection_expression: "$request.method $request.path".to_owned().into(),
            tags: Some($tags),
            version: api.version.clone(),
            ..Default::default()
        }
    }};
}

macro_rules! integration {
    ($output:ident, $integration:expr) => {{
        let integration: &$crate::state::Integration = $integration;
        model_apigatewayv2::$output {
            api_gateway_managed: Some(true).filter(|_| integration.managed),
            connection_type: Some(model_apigatewayv2::ConnectionType::Internet),
            request_parameters: integration
                .http
                .as_ref()
                .map(|http| http.request.clone())
                .filter(|map| !map.is_empty()),
            response_parameters: integration
                .http
                .as_ref()
                .map(|http| http.answers.clone())
                .filter(|map| !map.is_empty()),
            credentials_arn: integration.credentials.as_ref().map(ToString::to_string),
            description: integration.description.clone(),
            integration_id: Some(integration.id.clone()),
            integration_method: integration.method.clone(),
            integration_type: Some(match integration.http {
                Some(_) => model_apigatewayv2::IntegrationType::HttpProxy,
                None => model_apigatewayv2::IntegrationType::AwsProxy,
            }),
            integration_uri: Some(integration.uri.clone()),
            payload_format_version: Some(integration.format.text().to_owned()),
            timeout_in_millis: i32::try_from(integration.timeout_ms).ok(),
            ..Default::default()
        }
    }};
}

macro_rules! route {
    ($output:ident, $route:expr) => {{
        let route: &$crate::state::Route = $route;
        let (authorization, authorizer) = match &route.authorization {
            $crate::state::Authorization::Open => (model_apigatewayv2::AuthorizationType::None, None),
            $crate::state::Authorization::Jwt(id, _) => {
                (model_apigatewayv2::AuthorizationType::Jwt, Some(id.clone()))
            }
            $crate::state::Authorization::Custom(id) => {
                (model_apigatewayv2::AuthorizationType::Custom, Some(id.clone()))
            }
        };
        model_apigatewayv2::$output {
            api_gateway_managed: Some(true).filter(|_| route.managed),
            api_key_required: Some(false),
            authorization_scopes: match &route.authorization {
                $crate::state::Authorization::Jwt(_, scopes) => {
                    Some(scopes.clone()).filter(|scopes| !scopes.is_empty())
                }
                _ => None,
            },
            authorization_type: Some(authorization),
            authorizer_id: authorizer,
            operation_name: route.operation_name.clone(),
            route_id: Some(route.id.clone()),
            route_key: route.key.clone().into(),
            target: route.integration.as_ref().map(|id| format!("integrations/{id}")),
            ..Default::default()
        }
    }};
}

macro_rules! stage {
    ($output:ident, $stage:expr, $tags:expr) => {{
        let stage: &$crate::state::Stage = $stage;
        let deployed = stage.deployment.as_ref().filter(|_| stage.auto_deploy);
        let of_routes = stage.of_routes.iter();
        model_apigatewayv2::$output {
            access_log_settings: stage.access_log.as_ref().map(|log| model_apigatewayv2::AccessLogSettings {
                destination_arn: Some(log.destination.to_string()),
                format: Some(log.format.clone()),
            }),
            api_gateway_managed: Some(true).filter(|_| stage.managed),
            auto_deploy: Some(stage.auto_deploy),
            created_date: Some(stage.created),
            default_route_settings: Some($crate::describe::settings(&stage.defaults)),
            deployment_id: stage.deployment.clone(),
            description: stage.description.clone(),
            last_deployment_status_message: deployed
                .map(|id| format!("Successfully deployed stage with deployment ID '{id}'")),
            last_updated_date: Some(stage.updated),
            route_settings: Some(
                of_routes.map(|(key, one)| (key.clone(), $crate::describe::settings(one))).collect(),
            ),
            stage_name: stage.name.clone().into(),
            stage_variables: Some(stage.variables.clone()),
            tags: Some($tags),
            ..Default::default()
        }
    }};
}

macro_rules! deployment {
    ($output:ident, $deployment:expr) => {{
        let deployment: &$crate::state::Deployment = $deployment;
        model_apigatewayv2::$output {
            auto_deployed: Some(deployment.auto),
            created_date: Some(deployment.created),
            deployment_id: Some(deployment.id.clone()),
            deployment_status: Some(model_apigatewayv2::DeploymentStatus::Deployed),
            description: deployment.description.clone(),
            ..Default::default()
        }
    }};
}

macro_rules! authorizer {
    ($output:ident, $authorizer:expr) => {{
        let authorizer: &$crate::state::Authorizer = $authorizer;
        let function = authorizer.issuer.is_none();
        model_apigatewayv2::$output {
            authorizer_credentials_arn: authorizer.credentials.as_ref().map(ToString::to_string),
            authorizer_id: Some(authorizer.id.clone()),
            authorizer_payload_format_version: function.then(|| authorizer.format.text().to_owned()),
            authorizer_result_ttl_in_seconds: i32::try_from(authorizer.ttl_s).ok().filter(|_| function),
            authorizer_type: Some(match function {
                true => model_apigatewayv2::AuthorizerType::Request,
                false => model_apigatewayv2::AuthorizerType::Jwt,
            }),
            authorizer_uri: function.then(|| authorizer.uri.clone()),
            enable_simple_responses: function.then_some(authorizer.simple),
            identity_source: Some(authorizer.identity_sources.clone()),
            jwt_configuration: authorizer.issuer.as_ref().map(|issuer| {
                model_apigatewayv2::JWTConfiguration {
                    audience: Some(issuer.audience.clone()),
                    issuer: Some(issuer.url.clone()),
                }
            }),
            name: authorizer.name.clone().into(),
            ..Default::default()
        }
    }};
}

pub(crate) use {api, authorizer, deployment, integration, route, stage};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins() {
        for (origin, expected) in [
            ("http://localhost:4566", ("localhost", Some("4566"))),
            ("https://localhost.localstack.cloud", ("localhost.localstack.cloud", None)),
            ("http://127.0.0.1:80", ("127.0.0.1", Some("80"))),
            ("http://[::1]:80", ("[::1]", Some("80"))),
        ] {
            assert_eq!(host_and_port(origin), expected, "{origin}");
        }
    }
}
