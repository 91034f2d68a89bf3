//! Cross-origin requests.

use super::*;

const PREFLIGHT: [(&str, &str); 2] =
    [("origin", "http://localhost:3000"), ("access-control-request-method", "PUT")];

fn cors() -> Cors {
    Cors {
        allow_origins: Some(vec!["http://localhost:3000".into()]),
        allow_methods: Some(vec!["GET".into(), "PUT".into()]),
        allow_headers: Some(vec!["x-a".into()]),
        expose_headers: Some(vec!["x-b".into()]),
        max_age: Some(300),
        allow_credentials: Some(true),
    }
}

#[tokio::test]
async fn the_api_answers_preflights_and_overrides_the_function() {
    let (region, function) = region().await;
    function.answers(r#"{"statusCode": 200, "headers": {"access-control-allow-origin": "*"}}"#);
    let input =
        CreateApiInput { target: Some(FUNCTION.into()), cors_configuration: Some(cors()), ..named("web") };
    let api = region.call::<of::CreateApi>(input).await.unwrap().api_id.unwrap();

    let answer = send(&region, &api, "OPTIONS /any", &PREFLIGHT, "").await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    for (name, expected) in [
        ("access-control-allow-origin", "http://localhost:3000"),
        ("access-control-allow-methods", "GET,PUT"),
        ("access-control-allow-headers", "x-a"),
        ("access-control-max-age", "300"),
        ("access-control-allow-credentials", "true"),
    ] {
        assert_eq!(answer.header(name), Some(expected), "{name}");
    }
    assert!(function.asked().is_empty());
    let foreign = [("origin", "http://localhost:5000"), PREFLIGHT[1]];
    let answer = send(&region, &api, "OPTIONS /any", &foreign, "").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (204, None));

    let answer = send(&region, &api, "GET /", &[PREFLIGHT[0]], "").await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("http://localhost:3000"));
    assert_eq!(answer.header("access-control-expose-headers"), Some("x-b"));
    let answer = get(&region, &api, "/").await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn without_rules_the_function_decides() {
    let (region, function) = region().await;
    function.answers(r#"{"statusCode": 200, "headers": {"access-control-allow-origin": "x"}}"#);
    let input =
        CreateApiInput { target: Some(FUNCTION.into()), cors_configuration: Some(cors()), ..named("web") };
    let api = region.call::<of::CreateApi>(input).await.unwrap().api_id.unwrap();
    let input = DeleteCorsConfigurationInput { api_id: api.clone() };
    region.call::<of::DeleteCorsConfiguration>(input).await.unwrap();
    let answer = send(&region, &api, "OPTIONS /any", &PREFLIGHT, "").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some("x")));
    assert_eq!(function.asked().len(), 1);
    let described = region.call::<of::GetApi>(GetApiInput { api_id: api }).await.unwrap();
    assert_eq!(described.cors_configuration, None);
}
