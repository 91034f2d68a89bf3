//! Stages.

use crate::access_log;
use crate::deploy::{self, Fresh};
use crate::describe;
use crate::errors::ApiGatewayError;
use crate::ops::create_api::{new_stage, put_head};
use crate::ops::{changed, found, found_part, parts_page, refuse, tags};
use crate::permissions;
use crate::rules::stages;
use crate::state::{self, AccessLog, Api, Deployment, Settings, Stage};
use model_apigatewayv2 as model;
use names::{Scope, Tags};
use schema::Unit;
use service::{Ctx, Heads, TagRules};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::Tx;

fn settings_of(given: &model::RouteSettings) -> Result<Settings, ApiGatewayError> {
    let level = given.logging_level.as_ref().filter(|level| !level.as_str().is_empty());
    let logs = level.is_some_and(|level| *level != model::LoggingLevel::Off);
    if logs || given.data_trace_enabled == Some(true) {
        return Err(ApiGatewayError::bad("Execution logs are not supported on protocolType HTTP"));
    }
    let burst = given.throttling_burst_limit;
    let rate = given.throttling_rate_limit;
    if burst.is_some_and(|burst| burst < 0) || rate.is_some_and(|rate| rate.is_nan() || rate < 0.0) {
        return Err(ApiGatewayError::bad("Throttling limits must not be negative"));
    }
    Ok(Settings { detailed_metrics: given.detailed_metrics_enabled, burst, rate })
}

fn settings_of_routes(
    given: &BTreeMap<String, model::RouteSettings>,
) -> Result<BTreeMap<String, Settings>, ApiGatewayError> {
    given.iter().map(|(key, one)| Ok((key.clone(), settings_of(one)?))).collect()
}

fn access_log_of(given: &model::AccessLogSettings) -> Result<Option<AccessLog>, ApiGatewayError> {
    match (&given.destination_arn, &given.format) {
        (Some(arn), Some(format)) if !arn.is_empty() => access_log::settings(arn, format).map(Some),
        (None, None) => Ok(None),
        (Some(arn), None) if arn.is_empty() => Ok(None),
        _ => Err(ApiGatewayError::bad("Both DestinationArn and Format are required for access logging")),
    }
}

/// Points a stage to a deployment.
fn point(tx: &Tx, scope: &Scope, api: &Api, stage: &mut Stage, id: &str) -> Result<(), ApiGatewayError> {
    if stage.auto_deploy {
        let message = format!(
            "Deployment ID cannot be set on stage '{}' because AutoDeploy is enabled for it",
            stage.name
        );
        return Err(ApiGatewayError::bad(message));
    }
    stage.deployment = Some(found_part::<Deployment>(tx, scope, api, id)?.id);
    Ok(())
}

/// Writes a stage; one that deploys by itself serves the API as it is now.
fn put(
    tx: &mut Tx,
    scope: &Scope,
    api: &Api,
    stage: &Stage,
    fresh: &Fresh,
) -> Result<Stage, ApiGatewayError> {
    deploy::stage(tx, scope, api, stage)?;
    if stage.auto_deploy {
        deploy::change(tx, scope, api, fresh)?;
    }
    found_part(tx, scope, api, &stage.name)
}

/// CreateStage.
pub async fn create(
    ctx: Ctx,
    input: Arc<model::CreateStageInput>,
) -> Result<model::CreateStageOutput, ApiGatewayError> {
    stages::check_name(&input.stage_name)?;
    refuse(&[("ClientCertificateId", input.client_certificate_id.is_some())])?;
    let (scope, fresh) = (ctx.scope(), Fresh::of(&ctx));
    let given = input.tags.iter().flatten().map(|(key, value)| (key.as_str(), value.as_str()));
    let tags = TagRules::default().add(&Tags::new(), given)?;
    let mut wanted = new_stage(&input.stage_name, fresh.now);
    wanted.auto_deploy = input.auto_deploy == Some(true);
    changed(&mut wanted.description, input.description.as_ref());
    wanted.variables = input.stage_variables.clone().unwrap_or_default();
    stages::check_variables(&wanted.variables)?;
    wanted.defaults = input.default_route_settings.as_ref().map(settings_of).transpose()?.unwrap_or_default();
    wanted.of_routes = settings_of_routes(input.route_settings.as_ref().unwrap_or(&BTreeMap::new()))?;
    wanted.access_log = input.access_log_settings.as_ref().map(access_log_of).transpose()?.flatten();

    let of_head = tags.clone();
    let stage = ctx
        .commit(move |tx| {
            let api = found(tx, &scope, &input.api_id)?;
            if state::part::<Stage>(tx, &scope, &api, &input.stage_name)?.is_some() {
                return Err(ApiGatewayError::Conflict("Stage already exists".to_owned()));
            }
            if state::parts::<Stage>(tx, &scope, &api, None).count() >= stages::MOST {
                return Err(ApiGatewayError::too_many("Stages"));
            }
            let mut stage = wanted.clone();
            if let Some(id) = &input.deployment_id {
                point(tx, &scope, &api, &mut stage, id)?;
            }
            let path = permissions::stage_path(&api.id, &stage.name);
            put_head(tx, &scope, &api, (path, "AWS::ApiGatewayV2::Stage"), &of_head)?;
            put(tx, &scope, &api, &stage, &fresh)
        })
        .await?;
    Ok(describe::stage!(CreateStageOutput, &stage, tags.0))
}

/// UpdateStage.
pub async fn update(
    ctx: Ctx,
    input: Arc<model::UpdateStageInput>,
) -> Result<model::UpdateStageOutput, ApiGatewayError> {
    refuse(&[("ClientCertificateId", input.client_certificate_id.is_some())])?;
    let (scope, fresh, api_id) = (ctx.scope(), Fresh::of(&ctx), input.api_id.clone());
    let defaults = input.default_route_settings.as_ref().map(settings_of).transpose()?;
    let of_routes = input.route_settings.as_ref().map(settings_of_routes).transpose()?;
    let access_log = input.access_log_settings.as_ref().map(access_log_of).transpose()?;
    stages::check_variables(input.stage_variables.as_ref().unwrap_or(&BTreeMap::new()))?;
    let stage = ctx
        .commit(move |tx| {
            let api = found(tx, &scope, &input.api_id)?;
            let mut stage: Stage = found_part(tx, &scope, &api, &input.stage_name)?;
            stage.auto_deploy = input.auto_deploy.unwrap_or(stage.auto_deploy);
            if let Some(id) = &input.deployment_id {
                point(tx, &scope, &api, &mut stage, id)?;
            }
            changed(&mut stage.description, input.description.as_ref());
            if let Some(variables) = &input.stage_variables {
                stage.variables.clone_from(variables);
            }
            stage.defaults = defaults.clone().unwrap_or(stage.defaults);
            stage.of_routes.extend(of_routes.clone().unwrap_or_default());
            stage.access_log = access_log.clone().unwrap_or(stage.access_log);
            stage.updated = fresh.now;
            put(tx, &scope, &api, &stage, &fresh)
        })
        .await?;
    let tags = tags::of_path(&ctx, &permissions::stage_path(&api_id, &stage.name))?;
    Ok(describe::stage!(UpdateStageOutput, &stage, tags))
}

/// DeleteStage.
pub async fn delete(ctx: Ctx, input: Arc<model::DeleteStageInput>) -> Result<Unit, ApiGatewayError> {
    let (scope, region) = (ctx.scope(), ctx.region().clone());
    ctx.commit(move |tx| {
        let api = found(tx, &scope, &input.api_id)?;
        let stage: Stage = found_part(tx, &scope, &api, &input.stage_name)?;
        state::remove_part(tx, &scope, &api, &stage)?;
        state::stop_serving(tx, &scope, &api, &stage.name)?;
        tx.remove_head(&permissions::arn(&region, &permissions::stage_path(&api.id, &stage.name))?)?;
        Ok(Unit)
    })
    .await
}

/// GetStage.
pub async fn get(
    ctx: Ctx,
    input: Arc<model::GetStageInput>,
) -> Result<model::GetStageOutput, ApiGatewayError> {
    let (scope, read) = (ctx.scope(), ctx.read());
    let api = found(&read, &scope, &input.api_id)?;
    let stage: Stage = found_part(&read, &scope, &api, &input.stage_name)?;
    let tags = tags::of_path(&ctx, &permissions::stage_path(&api.id, &stage.name))?;
    Ok(describe::stage!(GetStageOutput, &stage, tags))
}

/// GetStages.
pub async fn list(
    ctx: Ctx,
    input: Arc<model::GetStagesInput>,
) -> Result<model::GetStagesOutput, ApiGatewayError> {
    let (max, token) = (input.max_results.as_deref(), input.next_token.as_deref());
    let (stages, next_token) = parts_page::<Stage>(&ctx, &input.api_id, max, token)?;
    let mut items = Vec::with_capacity(stages.len());
    for stage in &stages {
        let tags = tags::of_path(&ctx, &permissions::stage_path(&input.api_id, &stage.name))?;
        items.push(describe::stage!(Stage, stage, tags));
    }
    Ok(model::GetStagesOutput { items: Some(items), next_token })
}
