//! Integrations: functions and hosts over HTTP, both by proxy.

use crate::deploy::{self, Fresh};
use crate::describe;
use crate::errors::ApiGatewayError;
use crate::ops::create_api::credentials_of;
use crate::ops::{changed, found, found_part, parts_page, refuse};
use crate::rules::events::Format;
use crate::rules::{integrations, mappings};
use crate::state::{self, HttpProxy, Integration, Route};
use model_apigatewayv2 as model;
use schema::Unit;
use service::Ctx;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How long an answer may take where nothing else is said, and at most.
pub const DEFAULT_TIMEOUT_MS: u32 = 30_000;

/// Integrations of an API.
const MOST: usize = 300;

/// The parameters of CreateIntegration and UpdateIntegration that have the same names.
macro_rules! check_supported {
    ($input:expr, $kind:expr) => {{
        let kind: Option<&model::IntegrationType> = $kind;
        supported_type(kind, $input.integration_subtype.as_deref())?;
        if $input.connection_type == Some(model::ConnectionType::VpcLink) || $input.connection_id.is_some() {
            return Err(ApiGatewayError::unavailable("Private integrations through VPC links are"));
        }
        if $input.tls_config.is_some() {
            return Err(ApiGatewayError::bad("TlsConfig is only supported for private integrations"));
        }
        refuse(&[
            ("ContentHandlingStrategy", $input.content_handling_strategy.is_some()),
            ("PassthroughBehavior", $input.passthrough_behavior.is_some()),
            ("RequestTemplates", some($input.request_templates.as_ref())),
            ("TemplateSelectionExpression", $input.template_selection_expression.is_some()),
        ])?;
    }};
}

fn some<T>(map: Option<&BTreeMap<String, T>>) -> bool {
    map.is_some_and(|map| !map.is_empty())
}

fn supported_type(
    kind: Option<&model::IntegrationType>,
    subtype: Option<&str>,
) -> Result<(), ApiGatewayError> {
    use model::IntegrationType as Type;
    if subtype.is_some() {
        return Err(ApiGatewayError::unavailable("Integrations of AWS services by a subtype are"));
    }
    match kind {
        None | Some(Type::AwsProxy | Type::HttpProxy) => Ok(()),
        Some(other) => Err(ApiGatewayError::bad(format!(
            "Integration type {other} is not currently supported for HTTP protocol Apis"
        ))),
    }
}

fn format_of(text: Option<&String>) -> Result<Option<Format>, ApiGatewayError> {
    text.map(|text| {
        Format::parse(text).ok_or_else(|| {
            ApiGatewayError::bad(format!("PayloadFormatVersion {text} is not supported: use 1.0 or 2.0"))
        })
    })
    .transpose()
}

/// CreateIntegration.
pub async fn create(
    ctx: Ctx,
    input: Arc<model::CreateIntegrationInput>,
) -> Result<model::CreateIntegrationOutput, ApiGatewayError> {
    check_supported!(input, Some(&input.integration_type));
    let uri = input.integration_uri.clone();
    let kind = &input.integration_type;
    let uri = uri
        .ok_or_else(|| ApiGatewayError::bad(format!("IntegrationUri is required for {kind} integrations")))?;
    let integration = Integration {
        id: ctx.host().entropy.label(7),
        uri,
        format: format_of(input.payload_format_version.as_ref())?.unwrap_or(Format::One),
        timeout_ms: timeout(input.timeout_in_millis).unwrap_or(DEFAULT_TIMEOUT_MS),
        description: input.description.clone().filter(|text| !text.is_empty()),
        method: input.integration_method.clone(),
        credentials: credentials_of(input.credentials_arn.as_ref())?,
        managed: false,
        http: (*kind == model::IntegrationType::HttpProxy).then(HttpProxy::default),
    };
    let maps = (input.request_parameters.as_ref(), input.response_parameters.as_ref());
    let integration = mapped(integration, maps)?;
    check(&integration)?;
    let (scope, fresh, made) = (ctx.scope(), Fresh::of(&ctx), integration.clone());
    ctx.commit(move |tx| {
        let api = found(tx, &scope, &input.api_id)?;
        if state::parts::<Integration>(tx, &scope, &api, None).count() >= MOST {
            return Err(ApiGatewayError::too_many("Integrations"));
        }
        state::put_part(tx, &scope, &api, &made)?;
        Ok(deploy::change(tx, &scope, &api, &fresh)?)
    })
    .await?;
    Ok(describe::integration!(CreateIntegrationOutput, &integration))
}

type Maps<'i> =
    (Option<&'i BTreeMap<String, String>>, Option<&'i BTreeMap<String, BTreeMap<String, String>>>);

/// An integration with the mappings of an input; those with an empty value go.
fn mapped(
    mut integration: Integration,
    (request, answers): Maps<'_>,
) -> Result<Integration, ApiGatewayError> {
    let Some(http) = &mut integration.http else {
        return if some(request) || some(answers) {
            Err(ApiGatewayError::unavailable("Parameter mappings of functions are"))
        } else {
            Ok(integration)
        };
    };
    for (key, value) in request.into_iter().flatten() {
        http.request.insert(key.clone(), value.clone());
    }
    http.request.retain(|_, value| !value.is_empty());
    for (status, mappings) in answers.into_iter().flatten() {
        http.answers.insert(status.clone(), mappings.clone());
    }
    http.answers.retain(|_, mappings| !mappings.is_empty());
    mappings::check_request(&http.request)?;
    http.answers.iter().try_for_each(|(status, mappings)| mappings::check_answer(status, mappings))?;
    Ok(integration)
}

/// Methods by which hosts are asked.
const METHODS: [&str; 8] = ["ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/// Refuses what leads nowhere.
fn check(integration: &Integration) -> Result<(), ApiGatewayError> {
    if integration.http.is_none() {
        return integrations::check(&integration.uri);
    }
    if integration.format == Format::Two {
        return Err(ApiGatewayError::bad("HTTP_PROXY integrations only support payload format version 1.0"));
    }
    if integration.credentials.is_some() {
        return Err(ApiGatewayError::unavailable("Credentials of HTTP_PROXY integrations are"));
    }
    if !integration.method.as_deref().is_some_and(|method| METHODS.contains(&method)) {
        return Err(ApiGatewayError::bad("Invalid HTTP method specified"));
    }
    integrations::check_url(&integration.uri)
}

/// The model lets in 50 to 30 000 only.
fn timeout(given: Option<i32>) -> Option<u32> {
    given.and_then(|millis| u32::try_from(millis).ok())
}

/// UpdateIntegration.
pub async fn update(
    ctx: Ctx,
    input: Arc<model::UpdateIntegrationInput>,
) -> Result<model::UpdateIntegrationOutput, ApiGatewayError> {
    check_supported!(input, input.integration_type.as_ref());
    let format = format_of(input.payload_format_version.as_ref())?;
    let credentials = credentials_of(input.credentials_arn.as_ref())?;
    let (scope, fresh) = (ctx.scope(), Fresh::of(&ctx));
    let integration = ctx
        .commit(move |tx| {
            let api = found(tx, &scope, &input.api_id)?;
            let mut integration: Integration = found_part(tx, &scope, &api, &input.integration_id)?;
            if let Some(uri) = &input.integration_uri {
                integration.uri.clone_from(uri);
            }
            integration.format = format.unwrap_or(integration.format);
            integration.timeout_ms = timeout(input.timeout_in_millis).unwrap_or(integration.timeout_ms);
            changed(&mut integration.description, input.description.as_ref());
            changed(&mut integration.method, input.integration_method.as_ref());
            if input.credentials_arn.is_some() {
                integration.credentials.clone_from(&credentials);
            }
            match &input.integration_type {
                Some(model::IntegrationType::HttpProxy) => drop(integration.http.get_or_insert_default()),
                Some(_) => integration.http = None,
                None => {}
            }
            let maps = (input.request_parameters.as_ref(), input.response_parameters.as_ref());
            let integration = mapped(integration, maps)?;
            check(&integration)?;
            state::put_part(tx, &scope, &api, &integration)?;
            deploy::change(tx, &scope, &api, &fresh)?;
            Ok::<_, ApiGatewayError>(integration)
        })
        .await?;
    Ok(describe::integration!(UpdateIntegrationOutput, &integration))
}

/// DeleteIntegration.
pub async fn delete(ctx: Ctx, input: Arc<model::DeleteIntegrationInput>) -> Result<Unit, ApiGatewayError> {
    let (scope, fresh) = (ctx.scope(), Fresh::of(&ctx));
    ctx.commit(move |tx| {
        let api = found(tx, &scope, &input.api_id)?;
        let integration: Integration = found_part(tx, &scope, &api, &input.integration_id)?;
        if integration.managed {
            return Err(ApiGatewayError::bad(
                "An integration that was made by quick create cannot be deleted",
            ));
        }
        let routes: Vec<Route> = state::all_parts(tx, &scope, &api)?;
        let user = routes.iter().find(|route| route.integration.as_ref() == Some(&integration.id));
        if let Some(route) = user {
            let message = format!("Cannot delete Integration {} due to Route {}", integration.id, route.id);
            return Err(ApiGatewayError::Conflict(message));
        }
        state::remove_part(tx, &scope, &api, &integration)?;
        deploy::change(tx, &scope, &api, &fresh)?;
        Ok(Unit)
    })
    .await
}

/// GetIntegration.
pub async fn get(
    ctx: Ctx,
    input: Arc<model::GetIntegrationInput>,
) -> Result<model::GetIntegrationOutput, ApiGatewayError> {
    let (scope, read) = (ctx.scope(), ctx.read());
    let api = found(&read, &scope, &input.api_id)?;
    let integration: Integration = found_part(&read, &scope, &api, &input.integration_id)?;
    Ok(describe::integration!(GetIntegrationOutput, &integration))
}

/// GetIntegrations.
pub async fn list(
    ctx: Ctx,
    input: Arc<model::GetIntegrationsInput>,
) -> Result<model::GetIntegrationsOutput, ApiGatewayError> {
    let (max, token) = (input.max_results.as_deref(), input.next_token.as_deref());
    let (items, next_token) = parts_page::<Integration>(&ctx, &input.api_id, max, token)?;
    let items = items.iter().map(|one| describe::integration!(Integration, one)).collect();
    Ok(model::GetIntegrationsOutput { items: Some(items), next_token })
}
