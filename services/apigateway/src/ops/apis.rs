//! GetApi, GetApis, DeleteApi, DeleteCorsConfiguration.

use crate::deploy::{self, Fresh};
use crate::describe;
use crate::errors::ApiGatewayError;
use crate::ops::{Page, found, tags};
use crate::permissions;
use crate::state::{self, Stage};
use model_apigatewayv2 as model;
use schema::Unit;
use service::{Ctx, Heads};
use std::sync::Arc;

/// GetApi.
pub async fn get(ctx: Ctx, input: Arc<model::GetApiInput>) -> Result<model::GetApiOutput, ApiGatewayError> {
    let api = found(&ctx.read(), &ctx.scope(), &input.api_id)?;
    let tags = tags::of_api(&ctx, &api)?;
    Ok(describe::api!(GetApiOutput, &ctx, &api, tags))
}

/// GetApis.
pub async fn list(
    ctx: Ctx,
    input: Arc<model::GetApisInput>,
) -> Result<model::GetApisOutput, ApiGatewayError> {
    let (scope, read) = (ctx.scope(), ctx.read());
    let page = Page::of(&ctx, "", input.max_results.as_deref(), input.next_token.as_deref())?;
    let rows = state::apis(&read, &scope, page.after.clone());
    let (apis, next_token) = page.cut(&ctx, "", rows, |api| &api.id)?;
    let mut items = Vec::with_capacity(apis.len());
    for api in &apis {
        let tags = tags::of_api(&ctx, api)?;
        items.push(describe::api!(Api, &ctx, api, tags));
    }
    Ok(model::GetApisOutput { items: Some(items), next_token })
}

/// DeleteApi: its id is never given again; its parts are swept.
pub async fn delete(ctx: Ctx, input: Arc<model::DeleteApiInput>) -> Result<Unit, ApiGatewayError> {
    let (scope, region) = (ctx.scope(), ctx.region().clone());
    ctx.commit(move |tx| {
        let api = found(tx, &scope, &input.api_id)?;
        for stage in state::all_parts::<Stage>(tx, &scope, &api)? {
            state::stop_serving(tx, &scope, &api, &stage.name)?;
            tx.remove_head(&permissions::arn(&region, &permissions::stage_path(&api.id, &stage.name))?)?;
        }
        tx.remove_head(&permissions::arn(&region, &permissions::api_path(&api.id))?)?;
        state::remove_api(tx, &scope, &api)?;
        Ok(Unit)
    })
    .await
}

/// DeleteCorsConfiguration.
pub async fn delete_cors(
    ctx: Ctx,
    input: Arc<model::DeleteCorsConfigurationInput>,
) -> Result<Unit, ApiGatewayError> {
    let (scope, fresh) = (ctx.scope(), Fresh::of(&ctx));
    ctx.commit(move |tx| {
        let mut api = found(tx, &scope, &input.api_id)?;
        api.cors = None;
        state::put_api(tx, &scope, &api)?;
        deploy::change(tx, &scope, &api, &fresh)?;
        Ok(Unit)
    })
    .await
}
