//! The management API: what is made, described, listed, refused.

use super::*;
use std::collections::BTreeMap;
use testkit::START;

#[tokio::test]
async fn an_api_is_described_as_it_was_made() {
    let (region, _) = region().await;
    let input = CreateApiInput {
        description: Some("of bards".into()),
        tags: Some(BTreeMap::from([("team".to_owned(), "bards".to_owned())])),
        ..named("college")
    };
    let made = region.call::<of::CreateApi>(input).await.unwrap();
    let id = made.api_id.clone().unwrap();
    assert_eq!(id.len(), 10);
    assert_eq!(made.api_endpoint, Some(format!("http://{id}.execute-api.localhost:4566")));
    assert_eq!(made.created_date, Some(START));
    assert_eq!(made.protocol_type, Some(ProtocolType::Http));
    assert_eq!(made.route_selection_expression.as_deref(), Some("$request.method $request.path"));
    let got = region.call::<of::GetApi>(GetApiInput { api_id: id.clone() }).await.unwrap();
    assert_eq!((got.name.as_deref(), got.description.as_deref()), (Some("college"), Some("of bards")));
    assert_eq!((got.tags, got.api_endpoint), (made.tags, made.api_endpoint));
    let rename = UpdateApiInput { api_id: id.clone(), name: Some("school".into()), ..Default::default() };
    assert_eq!(region.call::<of::UpdateApi>(rename).await.unwrap().name.as_deref(), Some("school"));

    region.call::<of::DeleteApi>(DeleteApiInput { api_id: id.clone() }).await.unwrap();
    let absent = region.refused::<of::GetApi>(GetApiInput { api_id: id.clone() }).await;
    assert_eq!((&*absent.code, absent.status), ("NotFoundException", 404));
    assert_eq!(absent.message, format!("Invalid API identifier specified 000000000000:{id}"));
}

#[tokio::test]
async fn lists_come_in_pages() {
    let (region, _) = region().await;
    let api = bare(&region).await;
    let to = integration(&region, &api, "2.0").await;
    for at in 0..5 {
        region.call::<of::CreateRoute>(route(&api, &format!("GET /{at}"), &to)).await.unwrap();
    }
    let mut input =
        GetRoutesInput { api_id: api.clone(), max_results: Some("2".into()), ..Default::default() };
    let mut keys = Vec::new();
    loop {
        let page = region.call::<of::GetRoutes>(input.clone()).await.unwrap();
        let items = page.items.unwrap();
        assert!(items.len() <= 2);
        keys.extend(items.into_iter().map(|route| route.route_key));
        input.next_token = page.next_token;
        if input.next_token.is_none() {
            break;
        }
    }
    keys.sort();
    assert_eq!(keys, ["GET /0", "GET /1", "GET /2", "GET /3", "GET /4"]);
    for (max, token) in [(Some("0"), None), (Some("x"), None), (None, Some("forged"))] {
        let input = GetRoutesInput {
            api_id: api.clone(),
            max_results: max.map(str::to_owned),
            next_token: token.map(str::to_owned),
        };
        assert_eq!(region.refused::<of::GetRoutes>(input).await.code, "BadRequestException");
    }
    let apis = region.call::<of::GetApis>(GetApisInput::default()).await.unwrap().items.unwrap();
    assert_eq!(apis.len(), 1);
}

#[tokio::test]
async fn routes_have_one_key_each() {
    let (region, _) = region().await;
    let api = bare(&region).await;
    let to = integration(&region, &api, "2.0").await;
    let first = region.call::<of::CreateRoute>(route(&api, "GET /a", &to)).await.unwrap();
    assert_eq!(first.target, Some(format!("integrations/{to}")));
    assert_eq!(first.authorization_type, Some(AuthorizationType::None));
    let taken = region.refused::<of::CreateRoute>(route(&api, "GET /a", &to)).await;
    assert_eq!((&*taken.code, taken.status), ("ConflictException", 409));
    assert_eq!(taken.message, "Route with key GET /a already exists for this API");
    let bad = region.refused::<of::CreateRoute>(route(&api, "/a", &to)).await;
    assert!(bad.message.starts_with("The provided route key is not formatted properly"));
    let absent = region.refused::<of::CreateRoute>(route(&api, "GET /b", "absent")).await;
    assert_eq!(absent.message, "Invalid Integration identifier specified absent");

    let used = DeleteIntegrationInput { api_id: api.clone(), integration_id: to };
    assert_eq!(region.refused::<of::DeleteIntegration>(used).await.code, "ConflictException");
    let id = first.route_id.unwrap();
    let change = UpdateRouteInput {
        api_id: api.clone(),
        route_id: id.clone(),
        route_key: Some("PUT /a".into()),
        ..Default::default()
    };
    assert_eq!(region.call::<of::UpdateRoute>(change).await.unwrap().route_key.as_deref(), Some("PUT /a"));
    region.call::<of::CreateRoute>(route(&api, "GET /a", &first.target.unwrap()[13..])).await.unwrap();
    let gone = DeleteRouteInput { api_id: api, route_id: id };
    region.call::<of::DeleteRoute>(gone.clone()).await.unwrap();
    assert_eq!(region.refused::<of::DeleteRoute>(gone).await.code, "NotFoundException");
}

#[tokio::test]
async fn what_is_not_here_yet_is_refused() {
    let (region, _) = region().await;
    let socket = CreateApiInput { protocol_type: ProtocolType::Websocket, ..named("x") };
    assert_eq!(region.refused::<of::CreateApi>(socket).await.code, "BadRequestException");
    let api = bare(&region).await;
    let base = CreateIntegrationInput {
        api_id: api.clone(),
        integration_type: IntegrationType::AwsProxy,
        integration_uri: Some(FUNCTION.into()),
        ..Default::default()
    };
    let mapped = BTreeMap::from([("overwrite:path".to_owned(), "/x".to_owned())]);
    for input in [
        CreateIntegrationInput { integration_type: IntegrationType::HttpProxy, ..base.clone() },
        CreateIntegrationInput { integration_type: IntegrationType::Mock, ..base.clone() },
        CreateIntegrationInput { integration_subtype: Some("SQS-SendMessage".into()), ..base.clone() },
        CreateIntegrationInput { connection_type: Some(ConnectionType::VpcLink), ..base.clone() },
        CreateIntegrationInput { request_parameters: Some(mapped), ..base.clone() },
        CreateIntegrationInput { integration_uri: None, ..base.clone() },
        CreateIntegrationInput { integration_uri: Some("http://x".into()), ..base.clone() },
        CreateIntegrationInput { payload_format_version: Some("3.0".into()), ..base.clone() },
    ] {
        assert_eq!(region.refused::<of::CreateIntegration>(input).await.code, "BadRequestException");
    }
    let made = region.call::<of::CreateIntegration>(base).await.unwrap();
    assert_eq!(
        (made.timeout_in_millis, made.connection_type),
        (Some(30_000), Some(ConnectionType::Internet))
    );
}

#[tokio::test]
async fn apis_and_stages_are_tagged_by_their_arns() {
    let (region, _) = region().await;
    let api = bare(&region).await;
    region.call::<of::CreateStage>(stage(&api, "dev")).await.unwrap();
    let tags = BTreeMap::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())]);
    for path in [format!("/apis/{api}"), format!("/apis/{api}/stages/dev")] {
        let arn = format!("arn:aws:apigateway:us-east-1::{path}");
        let tag = TagResourceInput { resource_arn: arn.clone(), tags: Some(tags.clone()) };
        region.call::<of::TagResource>(tag).await.unwrap();
        let untag = UntagResourceInput { resource_arn: arn.clone(), tag_keys: vec!["a".into()] };
        region.call::<of::UntagResource>(untag).await.unwrap();
        let got = region.call::<of::GetTags>(GetTagsInput { resource_arn: arn }).await.unwrap();
        assert_eq!(got.tags, Some(BTreeMap::from([("b".to_owned(), "2".to_owned())])));
    }
    let absent = GetTagsInput { resource_arn: "arn:aws:apigateway:us-east-1::/apis/absent".into() };
    assert_eq!(region.refused::<of::GetTags>(absent).await.code, "NotFoundException");
}

#[tokio::test]
async fn the_parts_of_quick_create_are_marked() {
    let (region, _) = region().await;
    let api = quick(&region).await;
    let list = GetIntegrationsInput { api_id: api.clone(), ..Default::default() };
    let made = region.call::<of::GetIntegrations>(list).await.unwrap().items.unwrap().remove(0);
    assert_eq!((made.api_gateway_managed, made.payload_format_version.as_deref()), (Some(true), Some("2.0")));
    let delete = DeleteIntegrationInput { api_id: api.clone(), integration_id: made.integration_id.unwrap() };
    assert_eq!(region.refused::<of::DeleteIntegration>(delete).await.code, "BadRequestException");
    let list = GetRoutesInput { api_id: api.clone(), ..Default::default() };
    let made = region.call::<of::GetRoutes>(list).await.unwrap().items.unwrap().remove(0);
    assert_eq!((made.api_gateway_managed, made.route_key.as_str()), (Some(true), "$default"));
    let other = FUNCTION.replace("orders", "other");
    let update = UpdateApiInput { api_id: api, target: Some(other), ..Default::default() };
    region.call::<of::UpdateApi>(update).await.unwrap();
}
