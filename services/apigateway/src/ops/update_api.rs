//! UpdateApi. Target, route key and credentials are those of quick create's parts.

use crate::deploy::{self, Fresh};
use crate::describe;
use crate::errors::ApiGatewayError;
use crate::ops::create_api::{cors_of, credentials_of};
use crate::ops::{changed, found, refuse, tags};
use crate::rules::integrations;
use crate::rules::route_keys::RouteKey;
use crate::state::{self, Api, Integration, Route};
use model_apigatewayv2 as model;
use names::Scope;
use service::Ctx;
use std::sync::Arc;
use store::Tx;

/// UpdateApi.
pub async fn update_api(
    ctx: Ctx,
    input: Arc<model::UpdateApiInput>,
) -> Result<model::UpdateApiOutput, ApiGatewayError> {
    refuse(&[("DisableSchemaValidation", input.disable_schema_validation == Some(true))])?;
    let cors = input.cors_configuration.as_ref().map(cors_of).transpose()?;
    let (scope, fresh) = (ctx.scope(), Fresh::of(&ctx));
    let api = ctx
        .commit(move |tx| {
            let mut api = found(tx, &scope, &input.api_id)?;
            if let Some(name) = &input.name {
                api.name.clone_from(name);
            }
            changed(&mut api.description, input.description.as_ref());
            changed(&mut api.version, input.version.as_ref());
            if cors.is_some() {
                api.cors.clone_from(&cors);
            }
            if let Some(disabled) = input.disable_execute_api_endpoint {
                api.endpoint_disabled = disabled;
            }
            if let Some(kind) = &input.ip_address_type {
                api.dualstack = *kind == model::IpAddressType::Dualstack;
            }
            state::put_api(tx, &scope, &api)?;
            update_managed(tx, &scope, &api, &input)?;
            deploy::change(tx, &scope, &api, &fresh)?;
            Ok::<_, ApiGatewayError>(api)
        })
        .await?;
    let tags = tags::of_api(&ctx, &api)?;
    Ok(describe::api!(UpdateApiOutput, &ctx, &api, tags))
}

fn update_managed(
    tx: &mut Tx,
    scope: &Scope,
    api: &Api,
    input: &model::UpdateApiInput,
) -> Result<(), ApiGatewayError> {
    let none = || ApiGatewayError::bad("The API has no integration or route that was made by quick create");
    if input.target.is_some() || input.credentials_arn.is_some() {
        let all = state::all_parts::<Integration>(tx, scope, api)?;
        let mut managed = all.into_iter().find(|one| one.managed).ok_or_else(none)?;
        if let Some(target) = &input.target {
            integrations::check(target)?;
            managed.uri.clone_from(target);
        }
        if input.credentials_arn.is_some() {
            managed.credentials = credentials_of(input.credentials_arn.as_ref())?;
        }
        state::put_part(tx, scope, api, &managed)?;
    }
    if let Some(key) = &input.route_key {
        RouteKey::parse(key)?;
        let all = state::all_parts::<Route>(tx, scope, api)?;
        super::routes::refuse_taken(&all, key, None)?;
        let mut managed = all.into_iter().find(|one| one.managed).ok_or_else(none)?;
        managed.key.clone_from(key);
        state::put_part(tx, scope, api, &managed)?;
    }
    Ok(())
}
