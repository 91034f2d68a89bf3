//! Deployments.

use crate::deploy::{self, Fresh};
use crate::describe;
use crate::errors::ApiGatewayError;
use crate::ops::{changed, found, found_part, parts_page};
use crate::state::{self, Deployment, Route, Stage};
use model_apigatewayv2 as model;
use schema::Unit;
use service::Ctx;
use std::sync::Arc;

/// Deployments of an API.
const MOST: usize = 100;

/// CreateDeployment.
pub async fn create(
    ctx: Ctx,
    input: Arc<model::CreateDeploymentInput>,
) -> Result<model::CreateDeploymentOutput, ApiGatewayError> {
    let (scope, fresh) = (ctx.scope(), Fresh::of(&ctx));
    let deployment = Deployment {
        id: fresh.id.clone(),
        description: input.description.clone().filter(|text| !text.is_empty()),
        created: fresh.now,
        auto: false,
    };
    let made = deployment.clone();
    ctx.commit(move |tx| {
        let api = found(tx, &scope, &input.api_id)?;
        if state::parts::<Route>(tx, &scope, &api, None).next().is_none() {
            return Err(ApiGatewayError::bad("At least one route is required before deploying the Api."));
        }
        if state::parts::<Deployment>(tx, &scope, &api, None).count() >= MOST {
            return Err(ApiGatewayError::too_many("Deployments"));
        }
        deploy::keep(tx, &scope, &api, &made)?;
        if let Some(name) = &input.stage_name {
            let mut stage: Stage = found_part(tx, &scope, &api, name)?;
            if stage.auto_deploy {
                let message = format!("Stage '{name}' deploys automatically; no deployment can be set on it");
                return Err(ApiGatewayError::bad(message));
            }
            stage.deployment = Some(made.id.clone());
            stage.updated = made.created;
            deploy::stage(tx, &scope, &api, &stage)?;
        }
        Ok(())
    })
    .await?;
    Ok(describe::deployment!(CreateDeploymentOutput, &deployment))
}

/// UpdateDeployment.
pub async fn update(
    ctx: Ctx,
    input: Arc<model::UpdateDeploymentInput>,
) -> Result<model::UpdateDeploymentOutput, ApiGatewayError> {
    let scope = ctx.scope();
    let deployment = ctx
        .commit(move |tx| {
            let api = found(tx, &scope, &input.api_id)?;
            let mut deployment: Deployment = found_part(tx, &scope, &api, &input.deployment_id)?;
            changed(&mut deployment.description, input.description.as_ref());
            state::put_part(tx, &scope, &api, &deployment)?;
            Ok::<_, ApiGatewayError>(deployment)
        })
        .await?;
    Ok(describe::deployment!(UpdateDeploymentOutput, &deployment))
}

/// DeleteDeployment.
pub async fn delete(ctx: Ctx, input: Arc<model::DeleteDeploymentInput>) -> Result<Unit, ApiGatewayError> {
    let scope = ctx.scope();
    ctx.commit(move |tx| {
        let api = found(tx, &scope, &input.api_id)?;
        let deployment: Deployment = found_part(tx, &scope, &api, &input.deployment_id)?;
        let stages: Vec<Stage> = state::all_parts(tx, &scope, &api)?;
        if stages.iter().any(|stage| stage.deployment.as_ref() == Some(&deployment.id)) {
            let message = "Active stages pointing to this deployment must be moved or deleted";
            return Err(ApiGatewayError::bad(message));
        }
        state::remove_part(tx, &scope, &api, &deployment)?;
        state::remove_content(tx, &scope, &api, &deployment.id)?;
        Ok(Unit)
    })
    .await
}

/// GetDeployment.
pub async fn get(
    ctx: Ctx,
    input: Arc<model::GetDeploymentInput>,
) -> Result<model::GetDeploymentOutput, ApiGatewayError> {
    let (scope, read) = (ctx.scope(), ctx.read());
    let api = found(&read, &scope, &input.api_id)?;
    let deployment: Deployment = found_part(&read, &scope, &api, &input.deployment_id)?;
    Ok(describe::deployment!(GetDeploymentOutput, &deployment))
}

/// GetDeployments.
pub async fn list(
    ctx: Ctx,
    input: Arc<model::GetDeploymentsInput>,
) -> Result<model::GetDeploymentsOutput, ApiGatewayError> {
    let (max, token) = (input.max_results.as_deref(), input.next_token.as_deref());
    let (items, next_token) = parts_page::<Deployment>(&ctx, &input.api_id, max, token)?;
    let items = items.iter().map(|one| describe::deployment!(Deployment, one)).collect();
    Ok(model::GetDeploymentsOutput { items: Some(items), next_token })
}
