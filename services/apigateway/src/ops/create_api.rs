//! CreateApi, and quick create: with a target it makes an integration, a route to it and a `$default` stage
//! that deploys by itself.

use crate::deploy::{self, Fresh};
use crate::describe;
use crate::errors::ApiGatewayError;
use crate::ops::refuse;
use crate::permissions;
use crate::rules::cors::Cors;
use crate::rules::events::Format;
use crate::rules::route_keys::{self, RouteKey};
use crate::rules::{integrations, stages};
use crate::state::{self, Api, Authorization, HttpProxy, Integration, Route, Settings, Stage};
use model_apigatewayv2 as model;
use names::{Arn, Scope, Tags, Timestamp};
use service::{Ctx, Head, Heads, TagRules};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Fault, Tx};

/// Ids drawn before one is taken for free.
const ATTEMPTS: usize = 3;

/// What quick create makes.
struct Quick {
    integration: Integration,
    route: Route,
}

/// CreateApi.
pub async fn create_api(
    ctx: Ctx,
    input: Arc<model::CreateApiInput>,
) -> Result<model::CreateApiOutput, ApiGatewayError> {
    check(&input)?;
    let given = input.tags.iter().flatten().map(|(key, value)| (key.as_str(), value.as_str()));
    let tags = TagRules::default().add(&Tags::new(), given)?;
    let cors = input.cors_configuration.as_ref().map(cors_of).transpose()?;
    let quick = Arc::new(quick_of(&ctx, &input)?);
    for _ in 0..ATTEMPTS {
        let (scope, fresh) = (ctx.scope(), Fresh::of(&ctx));
        let (id, cors, tags) = (ctx.host().entropy.label(10), cors.clone(), tags.clone());
        let (input, quick, of_answer) = (input.clone(), quick.clone(), tags.clone());
        let made = ctx
            .commit(move |tx| {
                let api = Api {
                    incarnation: tx.fresh_incarnation()?,
                    id: id.clone(),
                    name: input.name.clone(),
                    description: input.description.clone().filter(|text| !text.is_empty()),
                    version: input.version.clone(),
                    created: fresh.now,
                    cors: cors.clone(),
                    endpoint_disabled: input.disable_execute_api_endpoint == Some(true),
                    dualstack: input.ip_address_type == Some(model::IpAddressType::Dualstack),
                };
                if !state::add_api(tx, &scope, &api)? {
                    return Ok(None);
                }
                put_head(
                    tx,
                    &scope,
                    &api,
                    (permissions::api_path(&api.id), "AWS::ApiGatewayV2::Api"),
                    &tags,
                )?;
                if let Some(quick) = quick.as_ref() {
                    make(tx, &scope, &api, quick, &fresh)?;
                }
                Ok::<_, ApiGatewayError>(Some(api))
            })
            .await?;
        if let Some(api) = made {
            return Ok(describe::api!(CreateApiOutput, &ctx, &api, of_answer.0));
        }
    }
    Err(ApiGatewayError::Conflict("No identifier was free. Try again.".to_owned()))
}

fn check(input: &model::CreateApiInput) -> Result<(), ApiGatewayError> {
    if input.protocol_type == model::ProtocolType::Websocket {
        return Err(ApiGatewayError::unavailable("APIs of the protocol type WEBSOCKET are"));
    }
    refuse(&[("DisableSchemaValidation", input.disable_schema_validation == Some(true))])?;
    let expression = input.route_selection_expression.as_deref().unwrap_or("$request.method $request.path");
    if !["$request.method $request.path", "${request.method} ${request.path}"].contains(&expression) {
        let message = "Route selection expression must be ${request.method} ${request.path} for HTTP APIs";
        return Err(ApiGatewayError::bad(message));
    }
    Ok(())
}

/// The rules for web pages of an input.
pub fn cors_of(given: &model::Cors) -> Result<Cors, ApiGatewayError> {
    let cors = Cors {
        allow_credentials: given.allow_credentials,
        allow_headers: given.allow_headers.clone().unwrap_or_default(),
        allow_methods: given.allow_methods.clone().unwrap_or_default(),
        allow_origins: given.allow_origins.clone().unwrap_or_default(),
        expose_headers: given.expose_headers.clone().unwrap_or_default(),
        max_age_s: given.max_age,
    };
    cors.check()?;
    Ok(cors)
}

/// The role of an input.
pub fn credentials_of(given: Option<&String>) -> Result<Option<Arn>, ApiGatewayError> {
    let Some(text) = given.filter(|text| !text.is_empty()) else { return Ok(None) };
    let role: Option<Arn> = text.parse().ok();
    let role = role.filter(|arn| arn.service() == "iam" && arn.resource().starts_with("role/"));
    role.map(Some).ok_or_else(|| {
        ApiGatewayError::bad(format!("Invalid credentials ARN {text}: the ARN of a role is needed here."))
    })
}

fn quick_of(ctx: &Ctx, input: &model::CreateApiInput) -> Result<Option<Quick>, ApiGatewayError> {
    let Some(target) = &input.target else {
        let needs = input.route_key.is_some() || input.credentials_arn.is_some();
        return if needs {
            Err(ApiGatewayError::bad("Target must be specified when RouteKey or CredentialsArn is specified"))
        } else {
            Ok(None)
        };
    };
    let http = target.starts_with("http://") || target.starts_with("https://");
    if http {
        integrations::check_url(target)?
    } else {
        integrations::check(target)?
    }
    let key = input.route_key.as_deref().unwrap_or(route_keys::DEFAULT);
    RouteKey::parse(key)?;
    let label = |length| ctx.host().entropy.label(length);
    let integration = Integration {
        id: label(7),
        uri: target.clone(),
        format: if http { Format::One } else { Format::Two },
        timeout_ms: super::integrations::DEFAULT_TIMEOUT_MS,
        description: None,
        method: Some(if http { "ANY" } else { "POST" }.to_owned()),
        credentials: credentials_of(input.credentials_arn.as_ref())?,
        managed: true,
        http: http.then(HttpProxy::default),
    };
    let route = Route {
        id: label(7),
        key: key.to_owned(),
        integration: Some(integration.id.clone()),
        authorization: Authorization::Open,
        operation_name: None,
        managed: true,
    };
    Ok(Some(Quick { integration, route }))
}

fn make(tx: &mut Tx, scope: &Scope, api: &Api, quick: &Quick, fresh: &Fresh) -> Result<(), Fault> {
    state::put_part(tx, scope, api, &quick.integration)?;
    state::put_part(tx, scope, api, &quick.route)?;
    let stage = Stage { auto_deploy: true, managed: true, ..new_stage(stages::DEFAULT, fresh.now) };
    let path = permissions::stage_path(&api.id, &stage.name);
    put_head(tx, scope, api, (path, "AWS::ApiGatewayV2::Stage"), &Tags::new())?;
    deploy::stage(tx, scope, api, &stage)?;
    deploy::change(tx, scope, api, fresh)
}

/// A stage that serves nothing yet.
pub fn new_stage(name: &str, now: Timestamp) -> Stage {
    Stage {
        name: name.to_owned(),
        description: None,
        auto_deploy: false,
        deployment: None,
        variables: BTreeMap::new(),
        defaults: Settings::default(),
        of_routes: BTreeMap::new(),
        access_log: None,
        created: now,
        updated: now,
        managed: false,
    }
}

/// Writes the head of an API or a stage.
pub fn put_head(
    tx: &mut Tx,
    scope: &Scope,
    api: &Api,
    (path, kind): (String, &str),
    tags: &Tags,
) -> Result<(), Fault> {
    let (Some(region), Some(owner)) = (scope.region(), scope.account()) else { return Ok(()) };
    // A path of ids and names that were checked is always an ARN's.
    let Ok(arn) = permissions::arn(region, &path) else { return Ok(()) };
    let head = Head {
        incarnation: api.incarnation,
        owner,
        kind: kind.to_owned(),
        created: api.created,
        tags: tags.clone(),
        policy: None,
    };
    tx.put_head(&arn, &head)
}
