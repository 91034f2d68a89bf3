//! Function URLs: their settings, the requests to their hosts, streams, who may.

use crate::runtime::TaskRunner;
use crate::{Lambda, function};
use bytes::Bytes;
use futures_util::StreamExt;
use model_lambda::operations::*;
use model_lambda::*;
use serde_json::{Value, json};
use std::sync::Arc;
use testkit::{IamMode, Region, ReplyBody, Setup};

fn creation(mode: InvokeMode) -> CreateFunctionUrlConfigInput {
    CreateFunctionUrlConfigInput {
        function_name: "f".to_owned(),
        auth_type: FunctionUrlAuthType::None,
        invoke_mode: Some(mode),
        ..Default::default()
    }
}

async fn made(region: &Region, input: CreateFunctionUrlConfigInput) -> String {
    let url = region.call::<CreateFunctionUrlConfig>(input).await.unwrap().function_url;
    url.strip_prefix("http://").unwrap().strip_suffix('/').unwrap().to_owned()
}

/// Status, headers, body.
async fn send(
    region: &Region,
    host: &str,
    request: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (u16, http::HeaderMap, String) {
    let (method, path) = request.split_once(' ').unwrap();
    let all: Vec<(&str, &str)> = [("host", host)].into_iter().chain(headers.iter().copied()).collect();
    let answer = region.http(method, path, &all, Bytes::copy_from_slice(body.as_bytes())).await;
    let text = match answer.body {
        ReplyBody::Bytes(bytes) => bytes.to_vec(),
        ReplyBody::Stream(stream) => {
            let mut all = Vec::new();
            let mut chunks = stream.take().unwrap();
            while let Some(chunk) = chunks.next().await {
                all.extend_from_slice(&chunk.unwrap());
            }
            all
        }
    };
    (answer.status, answer.headers, String::from_utf8(text).unwrap())
}

#[tokio::test]
async fn one_for_a_function_and_one_for_an_alias() {
    let lambda = Lambda::new().await;
    lambda.create(function("f")).await;
    let made = lambda.region.call::<CreateFunctionUrlConfig>(creation(InvokeMode::Buffered)).await.unwrap();
    assert!(made.function_url.ends_with(".lambda-url.us-east-1.localhost:4566/"), "{}", made.function_url);
    let twice = lambda.region.refused::<CreateFunctionUrlConfig>(creation(InvokeMode::Buffered)).await;
    assert_eq!(twice.code, "ResourceConflictException");
    let of_alias =
        CreateFunctionUrlConfigInput { qualifier: Some("live".to_owned()), ..creation(InvokeMode::Buffered) };
    assert_eq!(lambda.region.refused::<CreateFunctionUrlConfig>(of_alias.clone()).await.status, 404);
    let alias = CreateAliasInput {
        function_name: "f".to_owned(),
        name: "live".to_owned(),
        function_version: "$LATEST".to_owned(),
        ..Default::default()
    };
    lambda.region.call::<CreateAlias>(alias).await.unwrap();
    lambda.region.call::<CreateFunctionUrlConfig>(of_alias).await.unwrap();
    // Versions have none, and neither has `$LATEST` by that name (answers recorded of AWS by LocalStack,
    // test_url_config_exceptions), also where the qualifier is in the name.
    for qualified in ["f:1", "f:$LATEST", "arn:aws:lambda:us-east-1:000000000000:function:f:1"] {
        let of_version = CreateFunctionUrlConfigInput {
            function_name: qualified.to_owned(),
            ..creation(InvokeMode::Buffered)
        };
        let refused = lambda.region.refused::<CreateFunctionUrlConfig>(of_version).await;
        assert_eq!(refused.code, "ValidationException", "{qualified}");
    }
    let listing = ListFunctionUrlConfigsInput { function_name: "f".to_owned(), ..Default::default() };
    let listed = lambda.region.call::<ListFunctionUrlConfigs>(listing).await.unwrap().function_url_configs;
    assert_eq!(listed.len(), 2);
    assert!(listed[1].function_arn.ends_with(":function:f:live"));
    let deletion = DeleteFunctionInput { function_name: "f".to_owned(), qualifier: None };
    lambda.region.call::<DeleteFunction>(deletion).await.unwrap();
    let host = made.function_url.strip_prefix("http://").unwrap().trim_end_matches('/').to_owned();
    assert_eq!(send(&lambda.region, &host, "GET /", &[], "").await.0, 403);
}

#[tokio::test]
async fn requests_become_events_and_results_answers() {
    let lambda = Lambda::new().await;
    lambda.create(function("f")).await;
    let host = made(&lambda.region, creation(InvokeMode::Buffered)).await;
    let (status, headers, body) = send(&lambda.region, &host, "GET /a/b?c=1", &[("x-one", "1")], "").await;
    let event: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (200, "application/json"));
    assert_eq!((event["rawPath"].as_str(), event["version"].as_str()), (Some("/a/b"), Some("2.0")));
    assert_eq!(event["requestContext"]["domainName"], host.split(':').next().unwrap());
    assert_eq!(event["requestContext"]["accountId"], "anonymous");
    let label = host.split('.').next().unwrap();
    let path = format!("GET /_aws/lambda-url/{label}/a/b?c=1");
    let (status, _, by_path) = send(&lambda.region, "localhost:4566", &path, &[], "").await;
    let by_path: Value = serde_json::from_str(&by_path).unwrap();
    assert_eq!((status, &by_path["rawPath"]), (200, &json!("/a/b")));
}

#[tokio::test]
async fn pages_are_let_in_by_the_owner() {
    let lambda = Lambda::new().await;
    lambda.create(function("f")).await;
    let cors = Cors {
        allow_origins: Some(vec!["https://a.com".to_owned()]),
        allow_methods: Some(vec!["GET".to_owned()]),
        ..Default::default()
    };
    let host = made(
        &lambda.region,
        CreateFunctionUrlConfigInput { cors: Some(cors), ..creation(InvokeMode::Buffered) },
    )
    .await;
    let asking = [("origin", "https://a.com"), ("access-control-request-method", "GET")];
    let (status, headers, _) = send(&lambda.region, &host, "OPTIONS /", &asking, "").await;
    assert_eq!((status, lambda.runner.launched()), (200, 0));
    assert_eq!(headers["access-control-allow-methods"], "GET");
    let (_, headers, _) = send(&lambda.region, &host, "GET /", &[("origin", "https://b.com")], "").await;
    assert!(!headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn a_stream_says_its_own_status() {
    let lambda = Lambda::new().await;
    let mut input = function("f");
    // The runtime of these tests does what the payload says; an event of a request says nothing, so what the
    // function streams is in its environment.
    input.environment = Some(Environment {
        variables: Some(
            [(
                "STREAMS".to_owned(),
                json!({
                    "type": "application/vnd.awslambda.http-integration-response",
                    "chunks": ["{\"statusCode\":201,\"headers\":{\"x-a\":\"1\"}}\0\0\0", "\0\0\0\0\0one", "two"],
                })
                .to_string(),
            )]
            .into(),
        ),
    });
    lambda.create(input).await;
    let host = made(&lambda.region, creation(InvokeMode::ResponseStream)).await;
    let (status, headers, body) = send(&lambda.region, &host, "GET /", &[], "").await;
    assert_eq!((status, body.as_str()), (201, "onetwo"));
    assert_eq!(headers["x-a"], "1");
}

#[tokio::test]
async fn nobody_gets_in_without_permission() {
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::of(vec![lambda::service()]);
    setup.runner = Some(Arc::new(TaskRunner::default()));
    setup.data_dir = folder.path().to_owned();
    setup.iam = IamMode::Enforce;
    let region = setup.start().await;
    let refused = region.refused::<CreateFunction>(function("f")).await;
    // No room here keeps roles, so no function can be made; what the host says is judged all the same.
    assert_ne!(refused.status, 200);
    let (status, headers, body) =
        send(&region, "abc.lambda-url.us-east-1.localhost:4566", "GET /", &[], "").await;
    // LocalStack's test_lambda_url_non_existing_url, recorded on AWS in November 2025.
    assert_eq!((status, body.as_str()), (403, r#"{"Message":null}"#));
    assert_eq!(headers["x-amzn-errortype"], "AccessDeniedException");
}
