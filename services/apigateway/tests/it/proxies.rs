//! Integrations over HTTP: what the host is asked, and what the client gets.

use super::host::Host;
use super::*;
use std::collections::BTreeMap;

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn over_http(api: &str, method: &str, uri: &str) -> CreateIntegrationInput {
    CreateIntegrationInput {
        api_id: api.into(),
        integration_type: IntegrationType::HttpProxy,
        integration_method: Some(method.into()),
        integration_uri: Some(uri.into()),
        ..Default::default()
    }
}

/// An API that sends a route to an integration.
async fn sent(region: &Region, key: &str, input: impl FnOnce(&str) -> CreateIntegrationInput) -> String {
    let api = bare(region).await;
    let made = region.call::<of::CreateIntegration>(input(&api)).await.unwrap();
    assert_eq!(made.integration_type, Some(IntegrationType::HttpProxy));
    region.call::<of::CreateRoute>(route(&api, key, &made.integration_id.unwrap())).await.unwrap();
    region.call::<of::CreateStage>(stage(&api, "dev")).await.unwrap();
    api
}

#[tokio::test]
async fn the_request_goes_to_the_host() {
    let (region, _) = region().await;
    let host =
        Host::start(&[("/base/c/d%20e", "HTTP/1.1 203 Odd\r\nx-own: yes\r\ncontent-length: 3\r\n\r\nsun")])
            .await;
    let uri = format!("{}/base/{{proxy}}?own=1", host.url);
    let api = sent(&region, "ANY /{proxy+}", |api| over_http(api, "ANY", &uri)).await;
    let headers = [("x-a", "1"), ("cookie", "c=1"), ("connection", "close"), ("content-type", "text/plain")];
    let answer = send(&region, &api, "PUT /dev/c/d%20e?x=1&x=%262", &headers, "body").await;
    assert_eq!((answer.status, answer.text(), answer.header("x-own")), (203, "sun", Some("yes")));
    let heard = host.heard().pop().unwrap();
    assert_eq!(heard.line, "PUT /base/c/d%20e?own=1&x=1&x=%262 HTTP/1.1\r\n");
    assert_eq!((heard.headers["x-a"].as_str(), heard.headers["cookie"].as_str()), ("1", "c=1"));
    assert_eq!((heard.body.as_str(), heard.headers["host"].as_str()), ("body", &host.url[7..]));
    let forwarded = format!("for=127.0.0.1;host={api}.execute-api.us-east-1.localhost;proto=http");
    assert_eq!(heard.headers["forwarded"], forwarded);
    assert!(heard.headers.contains_key("x-amzn-trace-id") && !heard.headers.contains_key("x-forwarded-for"));
}

#[tokio::test]
async fn mappings_change_requests_and_answers() {
    let (region, _) = region().await;
    let host =
        Host::start(&[("/pets/7", "HTTP/1.1 500 No\r\nx-gone: 1\r\ncontent-length: 2\r\n\r\nno")]).await;
    let input = |api: &str| CreateIntegrationInput {
        request_parameters: Some(map(&[
            ("overwrite:path", "/pets/$request.path.id"),
            ("append:header.x-stage", "$context.stage"),
            ("remove:querystring.secret", "''"),
        ])),
        response_parameters: Some(BTreeMap::from([(
            "500".to_owned(),
            map(&[
                ("overwrite:statuscode", "404"),
                ("remove:header.x-gone", "''"),
                ("append:header.x-why", "absent"),
            ]),
        )])),
        ..over_http(api, "GET", &host.url)
    };
    let with_braces = |api: &str| {
        let mut input = input(api);
        let mappings = input.request_parameters.as_mut().unwrap();
        mappings.insert("overwrite:path".into(), "/pets/${request.path.id}".into());
        input
    };
    let api = sent(&region, "POST /x/{id}", with_braces).await;
    let answer = send(&region, &api, "POST /dev/x/7?secret=1&open=2", &[], "").await;
    assert_eq!((answer.status, answer.header("x-why"), answer.header("x-gone")), (404, Some("absent"), None));
    let heard = host.heard().pop().unwrap();
    assert_eq!(heard.line, "GET /pets/7?open=2 HTTP/1.1\r\n");
    assert_eq!(heard.headers["x-stage"], "dev");

    let list = GetIntegrationsInput { api_id: api.clone(), ..Default::default() };
    let made = region.call::<of::GetIntegrations>(list).await.unwrap().items.unwrap().remove(0);
    assert_eq!(made.request_parameters.unwrap().len(), 3);
    let update = UpdateIntegrationInput {
        api_id: api.clone(),
        integration_id: made.integration_id.unwrap(),
        request_parameters: Some(map(&[("overwrite:path", ""), ("append:header.x-stage", "")])),
        ..Default::default()
    };
    let updated = region.call::<of::UpdateIntegration>(update).await.unwrap();
    assert_eq!(updated.request_parameters, Some(map(&[("remove:querystring.secret", "''")])));
    let bad = CreateIntegrationInput {
        request_parameters: Some(map(&[("append:header.authorization", "x")])),
        ..over_http(&api, "GET", &host.url)
    };
    let refused = region.refused::<of::CreateIntegration>(bad).await;
    assert_eq!(refused.message, "Invalid mapping expression specified: append:header.authorization");
}

#[tokio::test]
async fn hosts_that_do_not_answer() {
    let (region, _) = region().await;
    let host = Host::start(&[("/silent", "")]).await;
    let uri = format!("{}/silent", host.url);
    let slow =
        |api: &str| CreateIntegrationInput { timeout_in_millis: Some(50), ..over_http(api, "GET", &uri) };
    let api = sent(&region, "GET /x", slow).await;
    let answer = get(&region, &api, "/dev/x").await;
    assert_eq!((answer.status, answer.message().as_str()), (504, "Gateway Timeout"));
    // Nobody listens on the port of a listener that is gone.
    let unused = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let api = sent(&region, "GET /x", |api| over_http(api, "GET", &format!("http://{unused}/"))).await;
    let answer = get(&region, &api, "/dev/x").await;
    assert_eq!((answer.status, answer.message().as_str()), (503, "Service Unavailable"));
}

#[tokio::test]
async fn quick_create_sends_everything_to_a_host() {
    let (region, _) = region().await;
    let host = Host::start(&[]).await;
    let input = CreateApiInput { target: Some(host.url.clone()), ..named("quick") };
    let api = region.call::<of::CreateApi>(input).await.unwrap().api_id.unwrap();
    assert_eq!(send(&region, &api, "DELETE /any", &[], "").await.text(), "ok");
    assert!(host.heard()[0].line.starts_with("DELETE / "));
}
