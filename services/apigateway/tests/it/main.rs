//! The room through the whole pipeline, with a room in the place of Lambda that records what it is asked.

mod access_logs;
mod authorizers;
mod function;
mod host;
mod management;
mod proxies;
mod requests;
mod stages;
mod tokens;
mod web_pages;

use bytes::Bytes;
use function::Function;
use model_apigatewayv2::operations as of;
use model_apigatewayv2::*;
use serde_json::Value;
use testkit::Region;

const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:orders";

/// A region with a function that answers as told.
async fn region() -> (Region, Function) {
    let function = Function::default();
    let region = Region::of(vec![apigateway::service(), function.room()]).await;
    (region, function)
}

/// An API by quick create, which sends everything to the function.
async fn quick(region: &Region) -> String {
    let input = CreateApiInput { target: Some(FUNCTION.into()), ..named("quick") };
    region.call::<of::CreateApi>(input).await.unwrap().api_id.unwrap()
}

fn named(name: &str) -> CreateApiInput {
    CreateApiInput { name: name.into(), protocol_type: ProtocolType::Http, ..Default::default() }
}

/// An API without anything.
async fn bare(region: &Region) -> String {
    region.call::<of::CreateApi>(named("bare")).await.unwrap().api_id.unwrap()
}

fn stage(api: &str, name: &str) -> CreateStageInput {
    CreateStageInput {
        api_id: api.into(),
        stage_name: name.into(),
        auto_deploy: Some(true),
        ..Default::default()
    }
}

/// An integration of the function in a payload format.
async fn integration(region: &Region, api: &str, format: &str) -> String {
    let input = CreateIntegrationInput {
        api_id: api.into(),
        integration_type: IntegrationType::AwsProxy,
        integration_uri: Some(FUNCTION.into()),
        payload_format_version: Some(format.into()),
        ..Default::default()
    };
    region.call::<of::CreateIntegration>(input).await.unwrap().integration_id.unwrap()
}

fn route(api: &str, key: &str, integration: &str) -> CreateRouteInput {
    CreateRouteInput {
        api_id: api.into(),
        route_key: key.into(),
        target: Some(format!("integrations/{integration}")),
        ..Default::default()
    }
}

/// An HTTP answer.
struct Answer {
    status: u16,
    headers: http::HeaderMap,
    body: Bytes,
}

impl Answer {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn message(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap();
        body["message"].as_str().unwrap_or_default().to_owned()
    }
}

/// A request to an API's host.
async fn send(
    region: &Region,
    api: &str,
    request: &str,
    headers: &[(&str, &str)],
    body: &'static str,
) -> Answer {
    let host = format!("{api}.execute-api.us-east-1.localhost:4566");
    let (method, path) = request.split_once(' ').unwrap();
    let mut all = vec![("host", host.as_str())];
    all.extend_from_slice(headers);
    let answer = region.http(method, path, &all, Bytes::from_static(body.as_bytes())).await;
    let body = match answer.body {
        testkit::ReplyBody::Bytes(bytes) => bytes,
        _ => panic!("an answer of bytes"),
    };
    Answer { status: answer.status, headers: answer.headers, body }
}

async fn get(region: &Region, api: &str, path: &str) -> Answer {
    send(region, api, &format!("GET {path}"), &[], "").await
}
