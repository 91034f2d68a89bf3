//! Requests on an API's host: what the function is asked, and what the client gets.

use super::*;
use serde_json::json;

#[tokio::test]
async fn quick_create_sends_everything_to_the_function() {
    let (region, function) = region().await;
    let api = quick(&region).await;
    function.answers(r#"{"statusCode": 201, "cookies": ["a=1"], "headers": {"X-Own": "yes"}, "body": "hi"}"#);
    let headers = [("content-type", "text/plain"), ("authorization", "Bearer token"), ("cookie", "c=1; d=2")];
    let answer = send(&region, &api, "POST /my%20path?x=1&x=2", &headers, "body").await;
    assert_eq!((answer.status, answer.text()), (201, "hi"));
    assert_eq!((answer.header("x-own"), answer.header("set-cookie")), (Some("yes"), Some("a=1")));
    assert!(answer.header("apigw-requestid").is_some());

    let asked = function.last();
    assert_eq!(asked.function.as_str(), FUNCTION);
    let source = format!("arn:aws:execute-api:us-east-1:000000000000:{api}/$default/$default");
    assert_eq!(asked.source.unwrap().as_str(), source);
    let event = asked.event;
    assert_eq!((&event["version"], &event["routeKey"]), (&json!("2.0"), &json!("$default")));
    assert_eq!(event["rawPath"], "/my path");
    assert_eq!(event["rawQueryString"], "x=1&x=2");
    assert_eq!(event["queryStringParameters"], json!({"x": "1,2"}));
    assert_eq!(event["cookies"], json!(["c=1", "d=2"]));
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("body"), &json!(false)));
    assert_eq!(event["headers"]["authorization"], "Bearer token");
    assert_eq!(event["headers"]["x-forwarded-port"], "4566");
    let context = &event["requestContext"];
    assert_eq!((&context["apiId"], &context["domainPrefix"]), (&json!(api), &json!(api)));
    assert_eq!(context["domainName"], format!("{api}.execute-api.us-east-1.localhost"));
    assert_eq!((&context["accountId"], &context["stage"]), (&json!("000000000000"), &json!("$default")));
    assert_eq!(context["time"], "01/Jan/2026:00:00:00 +0000");
    assert_eq!(context["http"]["sourceIp"], "127.0.0.1");
}

#[tokio::test]
async fn routes_are_chosen_by_precedence_and_named_in_the_source() {
    let (region, function) = region().await;
    let api = bare(&region).await;
    let to = integration(&region, &api, "1.0").await;
    for key in ["GET /pets/{id}", "ANY /{proxy+}"] {
        region.call::<of::CreateRoute>(route(&api, key, &to)).await.unwrap();
    }
    region.call::<of::CreateStage>(stage(&api, "dev")).await.unwrap();
    function.answers(r#"{"statusCode": 200, "body": "ok"}"#);

    assert_eq!(get(&region, &api, "/dev/pets/6").await.text(), "ok");
    let asked = function.last();
    let source = format!("arn:aws:execute-api:us-east-1:000000000000:{api}/dev/GET/pets/{{id}}");
    assert_eq!(asked.source.unwrap().as_str(), source);
    assert_eq!((&asked.event["version"], &asked.event["resource"]), (&json!("1.0"), &json!("/pets/{id}")));
    assert_eq!(
        (&asked.event["path"], &asked.event["pathParameters"]),
        (&json!("/dev/pets/6"), &json!({"id": "6"}))
    );

    send(&region, &api, "PUT /dev/a/b", &[], "").await;
    assert_eq!(function.last().event["pathParameters"], json!({"proxy": "a/b"}));
    for path in ["/dev", "/prod/pets/6", "/"] {
        let answer = get(&region, &api, path).await;
        assert_eq!((answer.status, answer.message().as_str()), (404, "Not Found"), "{path}");
    }
    let answer = get(&region, "absent1234", "/").await;
    assert_eq!((answer.status, answer.message().as_str()), (404, "Not Found"));
}

#[tokio::test]
async fn the_path_reaches_an_api_where_names_are_not_resolved() {
    let (region, function) = region().await;
    let api = quick(&region).await;
    function.answers("\"plain\"");
    let path = format!("/_aws/execute-api/{api}/a/b?c=d");
    let answer = region.http("GET", &path, &[], Bytes::new()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "application/json");
    let event = function.last().event;
    assert_eq!((&event["rawPath"], &event["rawQueryString"]), (&json!("/a/b"), &json!("c=d")));
    assert_eq!(event["requestContext"]["domainName"], format!("{api}.execute-api.localhost"));
}

#[tokio::test]
async fn what_goes_wrong_is_told_as_aws_does() {
    for (prepare, status, text) in [
        ((|function: &Function| function.answers("no JSON")) as fn(&Function), 500, "Internal Server Error"),
        (|function| function.answers(r#"{"statusCode": "x"}"#), 500, "Internal Server Error"),
        (Function::fails, 500, "Internal Server Error"),
        (|function| function.refuses("AccessDeniedException", 403), 500, "Internal Server Error"),
        (|function| function.refuses("ResourceNotFoundException", 404), 500, "Internal Server Error"),
        (|function| function.refuses("TooManyRequestsException", 429), 503, "Service Unavailable"),
    ] {
        let (region, function) = region().await;
        let api = quick(&region).await;
        function.answers("{}");
        prepare(&function);
        let answer = get(&region, &api, "/").await;
        assert_eq!((answer.status, answer.message().as_str()), (status, text));
    }
}

#[tokio::test]
async fn a_function_that_takes_too_long_is_given_up() {
    let (region, function) = region().await;
    let api = bare(&region).await;
    let input = CreateIntegrationInput {
        api_id: api.clone(),
        integration_type: IntegrationType::AwsProxy,
        integration_uri: Some(FUNCTION.into()),
        timeout_in_millis: Some(50),
        ..Default::default()
    };
    let to = region.call::<of::CreateIntegration>(input).await.unwrap().integration_id.unwrap();
    region.call::<of::CreateRoute>(route(&api, "$default", &to)).await.unwrap();
    region.call::<of::CreateStage>(stage(&api, "$default")).await.unwrap();
    function.hangs();
    let answer = get(&region, &api, "/").await;
    assert_eq!((answer.status, answer.message().as_str()), (503, "Service Unavailable"));
}

#[tokio::test]
async fn bodies_travel_both_ways_whole() {
    let (region, function) = region().await;
    let api = quick(&region).await;
    function.answers(
        r#"{"statusCode": 200, "isBase64Encoded": true, "body": "/wA=",
        "headers": {"content-type": "image/png"}}"#,
    );
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let answer = send(&region, &api, "POST /", &form, "a=b").await;
    assert_eq!(&answer.body[..], b"\xff\0");
    let event = function.last().event;
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("YT1i"), &json!(true)));

    static LARGE: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    let large = LARGE.get_or_init(|| "x".repeat(7 * 1024 * 1024));
    let answer = send(&region, &api, "POST /", &[("content-type", "text/plain")], large).await;
    assert_eq!(answer.status, 413);
}

#[tokio::test]
async fn a_deleted_api_answers_nothing() {
    let (region, function) = region().await;
    let api = quick(&region).await;
    function.answers("{}");
    assert_eq!(get(&region, &api, "/").await.status, 200);
    let disable = UpdateApiInput {
        api_id: api.clone(),
        disable_execute_api_endpoint: Some(true),
        ..Default::default()
    };
    region.call::<of::UpdateApi>(disable.clone()).await.unwrap();
    assert_eq!(get(&region, &api, "/").await.status, 404);
    let enable = UpdateApiInput { disable_execute_api_endpoint: Some(false), ..disable };
    region.call::<of::UpdateApi>(enable).await.unwrap();
    assert_eq!(get(&region, &api, "/").await.status, 200);
    region.call::<of::DeleteApi>(DeleteApiInput { api_id: api.clone() }).await.unwrap();
    assert_eq!(get(&region, &api, "/").await.status, 404);
}
