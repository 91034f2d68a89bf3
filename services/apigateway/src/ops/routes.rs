//! Routes. What a route says of authorization is enforced, or refused here.

use crate::deploy::{self, Fresh};
use crate::describe;
use crate::errors::ApiGatewayError;
use crate::ops::{changed, found, found_part, parts_page, refuse};
use crate::rules::route_keys::RouteKey;
use crate::state::{self, Api, Authorization, Authorizer, Integration, Route};
use model_apigatewayv2 as model;
use names::Scope;
use schema::Unit;
use service::Ctx;
use std::sync::Arc;
use store::Tx;

/// Routes of an API.
const MOST: usize = 300;

/// The parameters of CreateRoute and UpdateRoute that only WebSocket APIs have.
macro_rules! check_supported {
    ($input:expr) => {
        refuse(&[
            ("ApiKeyRequired", $input.api_key_required == Some(true)),
            ("ModelSelectionExpression", $input.model_selection_expression.is_some()),
            ("RequestModels", $input.request_models.as_ref().is_some_and(|map| !map.is_empty())),
            ("RequestParameters", $input.request_parameters.as_ref().is_some_and(|map| !map.is_empty())),
            ("RouteResponseSelectionExpression", $input.route_response_selection_expression.is_some()),
        ])
    };
}

/// Refuses a key that another route has.
pub fn refuse_taken(routes: &[Route], key: &str, own: Option<&str>) -> Result<(), ApiGatewayError> {
    match routes.iter().find(|route| route.key == key && Some(route.id.as_str()) != own) {
        Some(_) => {
            Err(ApiGatewayError::Conflict(format!("Route with key {key} already exists for this API")))
        }
        None => Ok(()),
    }
}

/// The integration of a target: `integrations/a1b2c3d`.
fn target(tx: &Tx, scope: &Scope, api: &Api, text: &str) -> Result<String, ApiGatewayError> {
    let id = text.strip_prefix("integrations/");
    let id = id.ok_or_else(|| ApiGatewayError::bad(format!("Invalid target specified: {text}")))?;
    found_part::<Integration>(tx, scope, api, id).map(|integration| integration.id)
}

/// What a request will have to show.
fn authorization(
    tx: &Tx,
    scope: &Scope,
    api: &Api,
    (kind, authorizer): (Option<&model::AuthorizationType>, Option<&String>),
    scopes: Option<&Vec<String>>,
) -> Result<Authorization, ApiGatewayError> {
    use model::AuthorizationType as Type;
    let jwt = kind == Some(&Type::Jwt);
    if !jwt && scopes.is_some_and(|scopes| !scopes.is_empty()) {
        return Err(ApiGatewayError::bad("AuthorizationScopes are only supported with JWT authorizers"));
    }
    match (kind.unwrap_or(&Type::None), authorizer) {
        (Type::None, None) => Ok(Authorization::Open),
        (Type::None, Some(_)) => Err(ApiGatewayError::bad(
            "AuthorizationType must be CUSTOM or JWT when AuthorizerId is specified",
        )),
        (Type::Custom, Some(id)) => {
            let one = found_part::<Authorizer>(tx, scope, api, id)?;
            one.issuer.is_none().then_some(Authorization::Custom(one.id)).ok_or_else(|| mismatch("CUSTOM"))
        }
        (Type::Jwt, Some(id)) => {
            let one = found_part::<Authorizer>(tx, scope, api, id)?;
            let scopes = scopes.cloned().unwrap_or_default();
            one.issuer.is_some().then_some(Authorization::Jwt(one.id, scopes)).ok_or_else(|| mismatch("JWT"))
        }
        (Type::Jwt, None) => {
            Err(ApiGatewayError::bad("AuthorizerId is required when AuthorizationType is JWT"))
        }
        (Type::Custom, None) => {
            Err(ApiGatewayError::bad("AuthorizerId is required when AuthorizationType is CUSTOM"))
        }
        (other, _) => {
            Err(ApiGatewayError::unavailable(&format!("Routes with the authorization type {other} are")))
        }
    }
}

/// The authorizer is of another type than the route wants.
fn mismatch(kind: &str) -> ApiGatewayError {
    ApiGatewayError::bad(format!("The authorizer is not of the type {kind}"))
}

/// CreateRoute.
pub async fn create(
    ctx: Ctx,
    input: Arc<model::CreateRouteInput>,
) -> Result<model::CreateRouteOutput, ApiGatewayError> {
    check_supported!(input)?;
    RouteKey::parse(&input.route_key)?;
    let (scope, fresh, id) = (ctx.scope(), Fresh::of(&ctx), ctx.host().entropy.label(7));
    let route = ctx
        .commit(move |tx| {
            let api = found(tx, &scope, &input.api_id)?;
            let present: Vec<Route> = state::all_parts(tx, &scope, &api)?;
            refuse_taken(&present, &input.route_key, None)?;
            if present.len() >= MOST {
                return Err(ApiGatewayError::too_many("Routes"));
            }
            let asked = (input.authorization_type.as_ref(), input.authorizer_id.as_ref());
            let scopes = input.authorization_scopes.as_ref();
            let route = Route {
                id: id.clone(),
                key: input.route_key.clone(),
                integration: input.target.as_ref().map(|text| target(tx, &scope, &api, text)).transpose()?,
                authorization: authorization(tx, &scope, &api, asked, scopes)?,
                operation_name: input.operation_name.clone(),
                managed: false,
            };
            state::put_part(tx, &scope, &api, &route)?;
            deploy::change(tx, &scope, &api, &fresh)?;
            Ok::<_, ApiGatewayError>(route)
        })
        .await?;
    Ok(describe::route!(CreateRouteOutput, &route))
}

/// UpdateRoute.
pub async fn update(
    ctx: Ctx,
    input: Arc<model::UpdateRouteInput>,
) -> Result<model::UpdateRouteOutput, ApiGatewayError> {
    check_supported!(input)?;
    if let Some(key) = &input.route_key {
        RouteKey::parse(key)?;
    }
    let (scope, fresh) = (ctx.scope(), Fresh::of(&ctx));
    let route = ctx
        .commit(move |tx| {
            let api = found(tx, &scope, &input.api_id)?;
            let mut route: Route = found_part(tx, &scope, &api, &input.route_id)?;
            if let Some(key) = input.route_key.as_ref().filter(|key| **key != route.key) {
                if route.managed {
                    let message = "The key of a route that was made by quick create cannot be changed";
                    return Err(ApiGatewayError::bad(message));
                }
                refuse_taken(&state::all_parts(tx, &scope, &api)?, key, Some(&route.id))?;
                route.key.clone_from(key);
            }
            if let Some(text) = &input.target {
                route.integration = Some(target(tx, &scope, &api, text)?);
            }
            update_authorization(tx, &scope, &api, (&mut route, &input))?;
            changed(&mut route.operation_name, input.operation_name.as_ref());
            state::put_part(tx, &scope, &api, &route)?;
            deploy::change(tx, &scope, &api, &fresh)?;
            Ok::<_, ApiGatewayError>(route)
        })
        .await?;
    Ok(describe::route!(UpdateRouteOutput, &route))
}

/// What an update does not name stays as it is.
fn update_authorization(
    tx: &Tx,
    scope: &Scope,
    api: &Api,
    (route, input): (&mut Route, &model::UpdateRouteInput),
) -> Result<(), ApiGatewayError> {
    use model::AuthorizationType as Type;
    let (asked, id) = (input.authorization_type.as_ref(), input.authorizer_id.as_ref());
    if asked.is_none() && id.is_none() && input.authorization_scopes.is_none() {
        return Ok(());
    }
    let (kind, known, scopes) = match route.authorization.clone() {
        Authorization::Open => (if id.is_some() { Type::Custom } else { Type::None }, None, None),
        Authorization::Custom(id) => (Type::Custom, Some(id), None),
        Authorization::Jwt(id, scopes) => (Type::Jwt, Some(id), Some(scopes)),
    };
    let kind = asked.unwrap_or(&kind);
    let id = id.or(known.as_ref().filter(|_| *kind != Type::None));
    let scopes = input.authorization_scopes.as_ref().or(scopes.as_ref().filter(|_| *kind == Type::Jwt));
    route.authorization = authorization(tx, scope, api, (Some(kind), id), scopes)?;
    Ok(())
}

/// DeleteRoute.
pub async fn delete(ctx: Ctx, input: Arc<model::DeleteRouteInput>) -> Result<Unit, ApiGatewayError> {
    let (scope, fresh) = (ctx.scope(), Fresh::of(&ctx));
    ctx.commit(move |tx| {
        let api = found(tx, &scope, &input.api_id)?;
        let route: Route = found_part(tx, &scope, &api, &input.route_id)?;
        state::remove_part(tx, &scope, &api, &route)?;
        deploy::change(tx, &scope, &api, &fresh)?;
        Ok(Unit)
    })
    .await
}

/// GetRoute.
pub async fn get(
    ctx: Ctx,
    input: Arc<model::GetRouteInput>,
) -> Result<model::GetRouteOutput, ApiGatewayError> {
    let (scope, read) = (ctx.scope(), ctx.read());
    let api = found(&read, &scope, &input.api_id)?;
    let route: Route = found_part(&read, &scope, &api, &input.route_id)?;
    Ok(describe::route!(GetRouteOutput, &route))
}

/// GetRoutes.
pub async fn list(
    ctx: Ctx,
    input: Arc<model::GetRoutesInput>,
) -> Result<model::GetRoutesOutput, ApiGatewayError> {
    let (max, token) = (input.max_results.as_deref(), input.next_token.as_deref());
    let (items, next_token) = parts_page::<Route>(&ctx, &input.api_id, max, token)?;
    let items = items.iter().map(|one| describe::route!(Route, one)).collect();
    Ok(model::GetRoutesOutput { items: Some(items), next_token })
}
