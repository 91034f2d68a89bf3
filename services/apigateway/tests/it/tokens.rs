//! JSON Web Tokens let in whom an issuer has signed them for.

use super::host::{self, Host};
use super::*;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::json;

/// A key made for these tests alone, by `openssl`.
const KEY: &[u8] = include_bytes!("issuer.der");
/// Its public number.
const N: &str = "n3GRrwS7r3rk9wqbVUuWD9U8o69pM3tXbVSdfw-COujCaXTXf-4Jv83eEMqx0ismww0pOTw2eDApqVjb4k_TBr8aHiHrHR8hJSGi2ogrDI2XZ69GC0B7zP87b4L0v8xgZSH9iGJRlIdTacVWIwYYhM4AwrbeYCkrsZ_SH6rHjie8Hit_CVtQmmBLBJ_kKGhtIsXQZDWh4b1q6IdowZWou7TiMCd84bJiHuRR-5nUyju0exBZF6dlbWNeU1sJMa8v7gBOZeEKa4oTPnHqIZsVHlh2xsFc-zf4ZCB4yFAWlIY_doeczqsPzkl22HUyyIpFdtHZev6msjv011U8fDjJhw";
/// The year 2100.
const END: i64 = 4_102_444_800;

fn token(kid: &str, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({"alg": "RS256", "kid": kid})), part(claims));
    let key = RsaKeyPair::from_der(KEY).unwrap();
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

async fn issuer() -> Host {
    let keys =
        json!({"keys": [{"kty": "RSA", "kid": "one", "alg": "RS256", "n": N, "e": "AQAB"}]}).to_string();
    // The address in it is known only then: its end is that of the connection.
    let discovery = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"jwks_uri\": \"$URL/keys\"}";
    Host::start(&[("/.well-known/openid-configuration", discovery), ("/keys", &host::json(&keys))]).await
}

/// An API whose one route wants a token of an issuer, with scopes.
async fn guarded(region: &Region, issuer: &str, scopes: &[&str]) -> String {
    let api = bare(region).await;
    let input = CreateAuthorizerInput {
        api_id: api.clone(),
        name: "tokens".into(),
        authorizer_type: AuthorizerType::Jwt,
        identity_source: vec!["$request.header.Authorization".into()],
        jwt_configuration: Some(JWTConfiguration {
            audience: Some(vec!["app".into()]),
            issuer: Some(issuer.into()),
        }),
        ..Default::default()
    };
    let made = region.call::<of::CreateAuthorizer>(input).await.unwrap();
    assert_eq!((made.authorizer_type, made.authorizer_uri), (Some(AuthorizerType::Jwt), None));
    let to = integration(region, &api, "2.0").await;
    let guarded = CreateRouteInput {
        authorization_type: Some(AuthorizationType::Jwt),
        authorizer_id: made.authorizer_id,
        authorization_scopes: Some(scopes.iter().map(|scope| (*scope).to_owned()).collect()),
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
async fn tokens_of_the_issuer_let_in() {
    let (region, function) = region().await;
    let issuer = issuer().await;
    let api = guarded(&region, &issuer.url, &[]).await;
    function.answers("\"inside\"");
    let claims = json!({"iss": issuer.url, "aud": "app", "exp": END, "sub": "bard", "groups": ["a", "b"]});
    let good = token("one", &claims);
    assert_eq!(enter(&region, &api, &format!("Bearer {good}")).await.text(), "\"inside\"");
    assert_eq!(enter(&region, &api, &good).await.status, 200);
    let told = &function.last().event["requestContext"]["authorizer"]["jwt"];
    assert_eq!((&told["claims"]["sub"], &told["claims"]["groups"]), (&json!("bard"), &json!("[a b]")));
    assert_eq!(told["scopes"], Value::Null);
    // The keys were asked for once.
    assert_eq!(issuer.heard().len(), 2);

    let (signed, signature) = good.rsplit_once('.').unwrap();
    let other =
        URL_SAFE_NO_PAD.encode(json!({"iss": issuer.url, "aud": "app", "exp": END, "sub": "x"}).to_string());
    let header = signed.split('.').next().unwrap();
    for bad in [
        String::new(),
        "Bearer".to_owned(),
        format!("{header}.{other}.{signature}"),
        token("two", &claims),
        token("one", &json!({"iss": issuer.url, "aud": "app", "exp": 1})),
        token("one", &json!({"iss": issuer.url, "aud": "other", "exp": END})),
        token("one", &json!({"iss": "https://elsewhere", "aud": "app", "exp": END})),
    ] {
        let answer = enter(&region, &api, &bad).await;
        assert_eq!((answer.status, answer.message().as_str()), (401, "Unauthorized"), "{bad}");
        assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer"));
    }
}

#[tokio::test]
async fn routes_want_one_of_their_scopes() {
    let (region, function) = region().await;
    let issuer = issuer().await;
    let api = guarded(&region, &issuer.url, &["sing", "play"]).await;
    function.answers("\"inside\"");
    let with =
        |scope: &str| token("one", &json!({"iss": issuer.url, "aud": "app", "exp": END, "scope": scope}));
    assert_eq!(enter(&region, &api, &with("play dance")).await.status, 200);
    assert_eq!(function.last().event["requestContext"]["authorizer"]["jwt"]["scopes"], json!(["play"]));
    let answer = enter(&region, &api, &with("dance")).await;
    assert_eq!((answer.status, answer.message().as_str()), (403, "Forbidden"));
}

#[tokio::test]
async fn an_issuer_that_is_not_there_lets_nobody_in() {
    let (region, _) = region().await;
    let unused = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let issuer = format!("http://{unused}");
    let api = guarded(&region, &issuer, &[]).await;
    let text = token("one", &json!({"iss": issuer, "aud": "app", "exp": END}));
    assert_eq!(enter(&region, &api, &text).await.status, 401);
}
