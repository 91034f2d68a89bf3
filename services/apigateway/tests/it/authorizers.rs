//! Lambda authorizers are enforced; what could not be enforced is refused.

use super::*;
use serde_json::json;

const AUTHORIZER: &str = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/\
                          arn:aws:lambda:us-east-1:000000000000:function:authorizer/invocations";

fn authorizer(api: &str) -> CreateAuthorizerInput {
    CreateAuthorizerInput {
        api_id: api.into(),
        name: "door".into(),
        authorizer_type: AuthorizerType::Request,
        authorizer_uri: Some(AUTHORIZER.into()),
        authorizer_payload_format_version: Some("2.0".into()),
        enable_simple_responses: Some(true),
        identity_source: vec!["$request.header.Authorization".into()],
        ..Default::default()
    }
}

/// An API whose one route has an authorizer.
async fn guarded(region: &Region, input: impl Fn(&str) -> CreateAuthorizerInput) -> String {
    let api = bare(region).await;
    let door = region.call::<of::CreateAuthorizer>(input(&api)).await.unwrap();
    let to = integration(region, &api, "2.0").await;
    let guarded = CreateRouteInput {
        authorization_type: Some(AuthorizationType::Custom),
        authorizer_id: door.authorizer_id,
        ..route(&api, "GET /room", &to)
    };
    region.call::<of::CreateRoute>(guarded).await.unwrap();
    region.call::<of::CreateStage>(stage(&api, "$default")).await.unwrap();
    api
}

async fn enter(region: &Region, api: &str, token: &str) -> Answer {
    send(region, api, "GET /room", &[("authorization", token)], "").await
}

#[tokio::test]
async fn simple_answers_let_in_or_not() {
    let (region, function) = region().await;
    let api = guarded(&region, authorizer).await;
    function.answers("\"inside\"");
    function.authorizes(r#"{"isAuthorized": true, "context": {"bard": "Volo"}}"#);
    let answer = enter(&region, &api, "open").await;
    assert_eq!((answer.status, answer.text()), (200, "\"inside\""));
    let asked = function.asked();
    assert_eq!(asked.len(), 2);
    let route = format!("arn:aws:execute-api:us-east-1:000000000000:{api}/$default/GET/room");
    assert_eq!((&asked[0].event["type"], &asked[0].event["routeArn"]), (&json!("REQUEST"), &json!(route)));
    assert_eq!(asked[0].event["identitySource"], json!(["open"]));
    assert!(asked[0].source.as_ref().unwrap().resource().starts_with(&format!("{api}/authorizers/")));
    assert_eq!(asked[1].event["requestContext"]["authorizer"], json!({"lambda": {"bard": "Volo"}}));

    function.authorizes(r#"{"isAuthorized": false}"#);
    // The answer for these identities is remembered, others are asked for.
    assert_eq!(enter(&region, &api, "open").await.status, 200);
    let answer = enter(&region, &api, "closed").await;
    assert_eq!((answer.status, answer.message().as_str()), (403, "Forbidden"));
    region.advance(std::time::Duration::from_secs(301)).await;
    assert_eq!(enter(&region, &api, "open").await.status, 403);

    let before = function.asked().len();
    let answer = get(&region, &api, "/room").await;
    assert_eq!((answer.status, answer.message().as_str()), (401, "Unauthorized"));
    assert_eq!(function.asked().len(), before);
    function.authorizes("{}");
    let answer = enter(&region, &api, "broken").await;
    assert_eq!((answer.status, answer.message().as_str()), (500, "Internal Server Error"));
}

#[tokio::test]
async fn policies_let_in_or_not() {
    let (region, function) = region().await;
    let api = guarded(&region, |api| CreateAuthorizerInput {
        authorizer_payload_format_version: Some("1.0".into()),
        enable_simple_responses: None,
        authorizer_result_ttl_in_seconds: Some(0),
        ..authorizer(api)
    })
    .await;
    function.answers("1");
    let policy = |effect: &str| {
        json!({"principalId": "user", "policyDocument": {"Version": "2012-10-17", "Statement": [
            {"Action": "execute-api:Invoke", "Effect": effect, "Resource": "arn:aws:execute-api:*:*:*"}]}})
        .to_string()
    };
    function.authorizes(&policy("Allow"));
    assert_eq!(enter(&region, &api, "x").await.status, 200);
    function.authorizes(&policy("Deny"));
    assert_eq!(enter(&region, &api, "x").await.status, 403);
    let event = &function.last().event;
    assert_eq!((&event["authorizationToken"], &event["httpMethod"]), (&json!("x"), &json!("GET")));
}

#[tokio::test]
async fn what_could_not_be_enforced_is_refused() {
    let (region, _) = region().await;
    let api = bare(&region).await;
    let to = integration(&region, &api, "2.0").await;
    let jwt = CreateAuthorizerInput { authorizer_type: AuthorizerType::Jwt, ..authorizer(&api) };
    assert_eq!(region.refused::<of::CreateAuthorizer>(jwt).await.code, "BadRequestException");
    for kind in [AuthorizationType::AwsIam, AuthorizationType::Jwt, AuthorizationType::Custom] {
        let input = CreateRouteInput { authorization_type: Some(kind), ..route(&api, "GET /x", &to) };
        assert_eq!(region.refused::<of::CreateRoute>(input).await.code, "BadRequestException");
    }
    let bad = CreateAuthorizerInput { identity_source: vec!["Authorization".into()], ..authorizer(&api) };
    let refused = region.refused::<of::CreateAuthorizer>(bad).await;
    assert_eq!(refused.message, "Invalid mapping expression specified: Authorization");
}

#[tokio::test]
async fn an_authorizer_in_use_stays() {
    let (region, _) = region().await;
    let api = guarded(&region, authorizer).await;
    let list = GetAuthorizersInput { api_id: api.clone(), ..Default::default() };
    let door = region.call::<of::GetAuthorizers>(list).await.unwrap().items.unwrap().remove(0);
    assert_eq!((door.name.as_str(), door.authorizer_result_ttl_in_seconds), ("door", Some(300)));
    let id = door.authorizer_id.unwrap();
    let delete = DeleteAuthorizerInput { api_id: api.clone(), authorizer_id: id.clone() };
    assert_eq!(region.refused::<of::DeleteAuthorizer>(delete).await.code, "ConflictException");
    let update = UpdateAuthorizerInput {
        api_id: api,
        authorizer_id: id,
        name: Some("gate".into()),
        ..Default::default()
    };
    assert_eq!(region.call::<of::UpdateAuthorizer>(update).await.unwrap().name.as_deref(), Some("gate"));
}
