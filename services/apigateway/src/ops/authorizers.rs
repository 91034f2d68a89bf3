//! Authorizers: functions that are asked whom to let in, and issuers whose tokens let in.

use crate::deploy::{self, Fresh};
use crate::describe;
use crate::errors::ApiGatewayError;
use crate::ops::create_api::credentials_of;
use crate::ops::{found, found_part, parts_page};
use crate::rules::events::Format;
use crate::rules::{authorizers, integrations};
use crate::state::{self, Authorization, Authorizer, Issuer, Route};
use model_apigatewayv2 as model;
use schema::Unit;
use service::Ctx;
use std::sync::Arc;

/// The issuer of a configuration.
fn issuer_of(given: Option<&model::JWTConfiguration>) -> Result<Issuer, ApiGatewayError> {
    let url = given.and_then(|given| given.issuer.clone()).unwrap_or_default();
    if !(url.starts_with("https://") || url.starts_with("http://")) {
        return Err(ApiGatewayError::bad(format!("Invalid issuer: {url}. Issuer must have a valid URL")));
    }
    let audience = given.and_then(|given| given.audience.clone()).unwrap_or_default();
    if audience.is_empty() {
        return Err(ApiGatewayError::bad("Audience is required for JWT authorizers"));
    }
    Ok(Issuer { url, audience })
}

fn check(authorizer: &Authorizer) -> Result<(), ApiGatewayError> {
    if authorizer.issuer.is_some() {
        return match &authorizer.identity_sources[..] {
            [one] if one.starts_with("$request.") => authorizers::check_sources(&authorizer.identity_sources),
            _ => Err(ApiGatewayError::bad(
                "IdentitySource of JWT authorizers is one $request.header or $request.querystring",
            )),
        };
    }
    integrations::check(&authorizer.uri)?;
    authorizers::check_sources(&authorizer.identity_sources)?;
    if authorizer.simple && authorizer.format == Format::One {
        let message = "EnableSimpleResponses is only supported with AuthorizerPayloadFormatVersion 2.0";
        return Err(ApiGatewayError::bad(message));
    }
    if authorizer.ttl_s > 0 && authorizer.identity_sources.is_empty() {
        return Err(ApiGatewayError::bad("At least one identity source is required when caching is enabled"));
    }
    Ok(())
}

fn format_of(text: &str) -> Result<Format, ApiGatewayError> {
    Format::parse(text).ok_or_else(|| {
        ApiGatewayError::bad(format!(
            "AuthorizerPayloadFormatVersion {text} is not supported: use 1.0 or 2.0"
        ))
    })
}

fn seconds(given: Option<i32>) -> Option<u32> {
    given.and_then(|seconds| u32::try_from(seconds).ok())
}

/// CreateAuthorizer.
pub async fn create(
    ctx: Ctx,
    input: Arc<model::CreateAuthorizerInput>,
) -> Result<model::CreateAuthorizerOutput, ApiGatewayError> {
    let jwt = input.authorizer_type == model::AuthorizerType::Jwt;
    let authorizer = if jwt { of_tokens(&ctx, &input)? } else { of_function(&ctx, &input)? };
    check(&authorizer)?;
    add(&ctx, input, &authorizer).await?;
    Ok(describe::authorizer!(CreateAuthorizerOutput, &authorizer))
}

fn of_tokens(ctx: &Ctx, input: &model::CreateAuthorizerInput) -> Result<Authorizer, ApiGatewayError> {
    Ok(Authorizer {
        id: ctx.host().entropy.label(7),
        name: input.name.clone(),
        uri: String::new(),
        format: Format::Two,
        simple: false,
        identity_sources: input.identity_source.clone(),
        ttl_s: 0,
        credentials: None,
        issuer: Some(issuer_of(input.jwt_configuration.as_ref())?),
    })
}

fn of_function(ctx: &Ctx, input: &model::CreateAuthorizerInput) -> Result<Authorizer, ApiGatewayError> {
    if input.jwt_configuration.is_some() {
        return Err(ApiGatewayError::bad("JwtConfiguration is only supported for JWT authorizers"));
    }
    let needed = |name: &str| ApiGatewayError::bad(format!("{name} is required for REQUEST authorizers"));
    let format = input.authorizer_payload_format_version.as_deref();
    Ok(Authorizer {
        id: ctx.host().entropy.label(7),
        name: input.name.clone(),
        uri: input.authorizer_uri.clone().ok_or_else(|| needed("AuthorizerUri"))?,
        format: format_of(format.ok_or_else(|| needed("AuthorizerPayloadFormatVersion"))?)?,
        simple: input.enable_simple_responses == Some(true),
        identity_sources: input.identity_source.clone(),
        ttl_s: match seconds(input.authorizer_result_ttl_in_seconds) {
            Some(seconds) => seconds,
            None if input.identity_source.is_empty() => 0,
            None => authorizers::DEFAULT_TTL_S,
        },
        credentials: credentials_of(input.authorizer_credentials_arn.as_ref())?,
        issuer: None,
    })
}

async fn add(
    ctx: &Ctx,
    input: Arc<model::CreateAuthorizerInput>,
    authorizer: &Authorizer,
) -> Result<(), ApiGatewayError> {
    let (scope, fresh, made) = (ctx.scope(), Fresh::of(ctx), authorizer.clone());
    ctx.commit(move |tx| {
        let api = found(tx, &scope, &input.api_id)?;
        let present: Vec<Authorizer> = state::all_parts(tx, &scope, &api)?;
        if present.len() >= authorizers::MOST {
            return Err(ApiGatewayError::too_many("Authorizers"));
        }
        if present.iter().any(|one| one.name == made.name) {
            return Err(ApiGatewayError::Conflict("Authorizer name must be unique".to_owned()));
        }
        state::put_part(tx, &scope, &api, &made)?;
        Ok(deploy::change(tx, &scope, &api, &fresh)?)
    })
    .await
}

/// UpdateAuthorizer.
pub async fn update(
    ctx: Ctx,
    input: Arc<model::UpdateAuthorizerInput>,
) -> Result<model::UpdateAuthorizerOutput, ApiGatewayError> {
    let format = input.authorizer_payload_format_version.as_deref().map(format_of).transpose()?;
    let credentials = credentials_of(input.authorizer_credentials_arn.as_ref())?;
    let (scope, fresh) = (ctx.scope(), Fresh::of(&ctx));
    let authorizer = ctx
        .commit(move |tx| {
            let api = found(tx, &scope, &input.api_id)?;
            let mut authorizer: Authorizer = found_part(tx, &scope, &api, &input.authorizer_id)?;
            let present = authorizer.clone();
            let kind = if present.issuer.is_some() { "JWT" } else { "REQUEST" };
            if input.authorizer_type.as_ref().is_some_and(|given| given.to_string() != kind) {
                return Err(ApiGatewayError::bad("The type of an authorizer cannot be changed"));
            }
            match (&mut authorizer.issuer, &input.jwt_configuration) {
                (Some(issuer), Some(given)) => *issuer = issuer_of(Some(given))?,
                (None, Some(_)) => {
                    let message = "JwtConfiguration is only supported for JWT authorizers";
                    return Err(ApiGatewayError::bad(message));
                }
                (_, None) => {}
            }
            authorizer.name = input.name.clone().unwrap_or(present.name);
            authorizer.uri = input.authorizer_uri.clone().unwrap_or(present.uri);
            authorizer.format = format.unwrap_or(present.format);
            authorizer.simple = input.enable_simple_responses.unwrap_or(present.simple);
            authorizer.identity_sources = input.identity_source.clone().unwrap_or(present.identity_sources);
            authorizer.ttl_s = seconds(input.authorizer_result_ttl_in_seconds).unwrap_or(present.ttl_s);
            if input.authorizer_credentials_arn.is_some() {
                authorizer.credentials.clone_from(&credentials);
            }
            check(&authorizer)?;
            state::put_part(tx, &scope, &api, &authorizer)?;
            deploy::change(tx, &scope, &api, &fresh)?;
            Ok::<_, ApiGatewayError>(authorizer)
        })
        .await?;
    Ok(describe::authorizer!(UpdateAuthorizerOutput, &authorizer))
}

/// DeleteAuthorizer.
pub async fn delete(ctx: Ctx, input: Arc<model::DeleteAuthorizerInput>) -> Result<Unit, ApiGatewayError> {
    let (scope, fresh) = (ctx.scope(), Fresh::of(&ctx));
    ctx.commit(move |tx| {
        let api = found(tx, &scope, &input.api_id)?;
        let authorizer: Authorizer = found_part(tx, &scope, &api, &input.authorizer_id)?;
        let routes: Vec<Route> = state::all_parts(tx, &scope, &api)?;
        let uses = |route: &&Route| match &route.authorization {
            Authorization::Custom(id) | Authorization::Jwt(id, _) => *id == authorizer.id,
            Authorization::Open => false,
        };
        if let Some(route) = routes.iter().find(uses) {
            let message = format!("Cannot delete Authorizer {} due to Route {}", authorizer.id, route.id);
            return Err(ApiGatewayError::Conflict(message));
        }
        state::remove_part(tx, &scope, &api, &authorizer)?;
        deploy::change(tx, &scope, &api, &fresh)?;
        Ok(Unit)
    })
    .await
}

/// GetAuthorizer.
pub async fn get(
    ctx: Ctx,
    input: Arc<model::GetAuthorizerInput>,
) -> Result<model::GetAuthorizerOutput, ApiGatewayError> {
    let (scope, read) = (ctx.scope(), ctx.read());
    let api = found(&read, &scope, &input.api_id)?;
    let authorizer: Authorizer = found_part(&read, &scope, &api, &input.authorizer_id)?;
    Ok(describe::authorizer!(GetAuthorizerOutput, &authorizer))
}

/// GetAuthorizers.
pub async fn list(
    ctx: Ctx,
    input: Arc<model::GetAuthorizersInput>,
) -> Result<model::GetAuthorizersOutput, ApiGatewayError> {
    let (max, token) = (input.max_results.as_deref(), input.next_token.as_deref());
    let (items, next_token) = parts_page::<Authorizer>(&ctx, &input.api_id, max, token)?;
    let items = items.iter().map(|one| describe::authorizer!(Authorizer, one)).collect();
    Ok(model::GetAuthorizersOutput { items: Some(items), next_token })
}
