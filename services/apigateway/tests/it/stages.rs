//! Stages and deployments: what is served when.

use super::*;
use serde_json::json;
use std::collections::BTreeMap;

async fn deploy(region: &Region, api: &str, stage: Option<&str>) -> String {
    let input = CreateDeploymentInput {
        api_id: api.into(),
        stage_name: stage.map(str::to_owned),
        ..Default::default()
    };
    region.call::<of::CreateDeployment>(input).await.unwrap().deployment_id.unwrap()
}

#[tokio::test]
async fn a_stage_serves_what_was_deployed_to_it() {
    let (region, function) = region().await;
    function.answers("1");
    let api = bare(&region).await;
    let manual = CreateStageInput { auto_deploy: None, ..stage(&api, "prod") };
    region.call::<of::CreateStage>(manual).await.unwrap();
    let none = CreateDeploymentInput { api_id: api.clone(), ..Default::default() };
    let refused = region.refused::<of::CreateDeployment>(none).await;
    assert_eq!(refused.message, "At least one route is required before deploying the Api.");

    let to = integration(&region, &api, "2.0").await;
    let first = region.call::<of::CreateRoute>(route(&api, "GET /a", &to)).await.unwrap();
    assert_eq!(get(&region, &api, "/prod/a").await.status, 404);
    let one = deploy(&region, &api, Some("prod")).await;
    assert_eq!(get(&region, &api, "/prod/a").await.status, 200);

    let gone = DeleteRouteInput { api_id: api.clone(), route_id: first.route_id.unwrap() };
    region.call::<of::DeleteRoute>(gone).await.unwrap();
    region.call::<of::CreateRoute>(route(&api, "GET /b", &to)).await.unwrap();
    assert_eq!(get(&region, &api, "/prod/a").await.status, 200);
    assert_eq!(get(&region, &api, "/prod/b").await.status, 404);
    let two = deploy(&region, &api, None).await;
    let point = |id: &str| UpdateStageInput {
        api_id: api.clone(),
        stage_name: "prod".into(),
        deployment_id: Some(id.to_owned()),
        ..Default::default()
    };
    region.call::<of::UpdateStage>(point(&two)).await.unwrap();
    assert_eq!(get(&region, &api, "/prod/b").await.status, 200);
    region.call::<of::UpdateStage>(point(&one)).await.unwrap();
    assert_eq!(get(&region, &api, "/prod/b").await.status, 404);

    let delete = |id: &str| DeleteDeploymentInput { api_id: api.clone(), deployment_id: id.to_owned() };
    let used = region.refused::<of::DeleteDeployment>(delete(&one)).await;
    assert_eq!(used.message, "Active stages pointing to this deployment must be moved or deleted");
    region.call::<of::DeleteDeployment>(delete(&two)).await.unwrap();
}

#[tokio::test]
async fn changes_deploy_themselves_and_superseded_ones_go() {
    let (region, function) = region().await;
    function.answers("1");
    let api = quick(&region).await;
    let list = GetDeploymentsInput { api_id: api.clone(), ..Default::default() };
    let before = region.call::<of::GetDeployments>(list.clone()).await.unwrap().items.unwrap();
    assert_eq!((before.len(), before[0].auto_deployed), (1, Some(true)));
    let to = integration(&region, &api, "1.0").await;
    region.call::<of::CreateRoute>(route(&api, "GET /b", &to)).await.unwrap();
    let after = region.call::<of::GetDeployments>(list).await.unwrap().items.unwrap();
    assert_eq!(after.len(), 1);
    assert_ne!(before[0].deployment_id, after[0].deployment_id);
    let get_stage = GetStageInput { api_id: api.clone(), stage_name: "$default".into() };
    let stage = region.call::<of::GetStage>(get_stage).await.unwrap();
    assert_eq!(stage.deployment_id, after[0].deployment_id);
    assert_eq!((stage.api_gateway_managed, stage.auto_deploy), (Some(true), Some(true)));
}

#[tokio::test]
async fn variables_reach_functions_and_choose_them() {
    let (region, function) = region().await;
    function.answers("1");
    let api = bare(&region).await;
    let input = CreateIntegrationInput {
        api_id: api.clone(),
        integration_type: IntegrationType::AwsProxy,
        integration_uri: Some(FUNCTION.replace("orders", "${stageVariables.name}")),
        payload_format_version: Some("2.0".into()),
        ..Default::default()
    };
    let to = region.call::<of::CreateIntegration>(input).await.unwrap().integration_id.unwrap();
    region.call::<of::CreateRoute>(route(&api, "$default", &to)).await.unwrap();
    let variables = BTreeMap::from([("name".to_owned(), "other".to_owned())]);
    let with = CreateStageInput { stage_variables: Some(variables), ..stage(&api, "dev") };
    region.call::<of::CreateStage>(with).await.unwrap();
    region.call::<of::CreateStage>(stage(&api, "none")).await.unwrap();

    assert_eq!(get(&region, &api, "/dev/x").await.status, 200);
    let asked = function.last();
    assert_eq!(asked.function.resource(), "function:other");
    assert_eq!(asked.event["stageVariables"], json!({"name": "other"}));
    assert_eq!(asked.event["rawPath"], "/dev/x");
    assert_eq!(get(&region, &api, "/none/x").await.status, 500);
}

#[tokio::test]
async fn limits_of_a_route_hold() {
    let (region, function) = region().await;
    function.answers("1");
    let api = quick(&region).await;
    let limits = RouteSettings {
        throttling_burst_limit: Some(2),
        throttling_rate_limit: Some(0.001),
        ..Default::default()
    };
    let input = UpdateStageInput {
        api_id: api.clone(),
        stage_name: "$default".into(),
        default_route_settings: Some(limits),
        ..Default::default()
    };
    region.call::<of::UpdateStage>(input).await.unwrap();
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(get(&region, &api, "/").await.status);
    }
    assert_eq!(statuses, [200, 200, 429]);
    assert_eq!(get(&region, &api, "/").await.message(), "Too Many Requests");
}

#[tokio::test]
async fn names_of_stages_are_unique_and_checked() {
    let (region, _) = region().await;
    let api = bare(&region).await;
    region.call::<of::CreateStage>(stage(&api, "dev")).await.unwrap();
    let taken = region.refused::<of::CreateStage>(stage(&api, "dev")).await;
    assert_eq!((&*taken.code, taken.status), ("ConflictException", 409));
    let bad = region.refused::<of::CreateStage>(stage(&api, "a b")).await;
    assert_eq!(bad.message, "Stage name only allows a-zA-Z0-9_-");
    let settings = RouteSettings { logging_level: Some(LoggingLevel::Info), ..Default::default() };
    let logs = CreateStageInput { default_route_settings: Some(settings), ..stage(&api, "x") };
    let refused = region.refused::<of::CreateStage>(logs).await;
    assert_eq!(refused.message, "Execution logs are not supported on protocolType HTTP");
    let delete = DeleteStageInput { api_id: api.clone(), stage_name: "dev".into() };
    region.call::<of::DeleteStage>(delete.clone()).await.unwrap();
    assert_eq!(region.refused::<of::DeleteStage>(delete).await.code, "NotFoundException");
}
