//! The events that functions get: payload formats 1.0 and 2.0.

mod one;
mod two;

use super::{headers, queries};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use names::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Which form an event has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Format {
    /// `1.0`
    One,
    /// `2.0`
    Two,
}

impl Format {
    /// As it is written.
    pub fn text(self) -> &'static str {
        match self {
            Format::One => "1.0",
            Format::Two => "2.0",
        }
    }

    /// From how it is written.
    pub fn parse(text: &str) -> Option<Self> {
        [Format::One, Format::Two].into_iter().find(|format| format.text() == text)
    }
}

/// What an authorizer said of a caller.
#[derive(Debug, Clone, PartialEq)]
pub enum Authorized {
    /// A function's context.
    Lambda(Map<String, Value>),
    /// A token's claims and scopes.
    Jwt(Map<String, Value>),
}

impl Authorized {
    fn said(&self) -> &Map<String, Value> {
        match self {
            Authorized::Lambda(said) | Authorized::Jwt(said) => said,
        }
    }

    /// A member of what was said, or a claim of a token.
    fn named(&self, name: &str) -> Option<&Value> {
        match (self, name.strip_prefix("claims.")) {
            (Authorized::Jwt(said), Some(claim)) => said.get("claims")?.get(claim),
            (Authorized::Lambda(said) | Authorized::Jwt(said), _) => said.get(name),
        }
    }
}

/// All that is known of a request whose route was found.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The account that owns the API.
    pub account: String,
    /// The API.
    pub api_id: String,
    /// The stage.
    pub stage: String,
    /// The stage's variables.
    pub stage_variables: BTreeMap<String, String>,
    /// The route's key.
    pub route_key: String,
    /// What the route's path variables stand for.
    pub path_parameters: BTreeMap<String, String>,
    /// The method.
    pub method: String,
    /// The whole path with the stage, decoded, as HTTP APIs give it.
    pub path: String,
    /// The query as it came.
    pub query: String,
    /// Names in lower case with their values.
    pub headers: BTreeMap<String, Vec<String>>,
    /// The body.
    pub body: Bytes,
    /// The address of the client.
    pub source_ip: String,
    /// The host.
    pub domain_name: String,
    /// The host's first label.
    pub domain_prefix: String,
    /// The request's id.
    pub request_id: String,
    /// When it came.
    pub at: Timestamp,
    /// What the authorizer said of the caller.
    pub authorized: Option<Authorized>,
}

impl Asked {
    /// The event of an integration.
    pub fn event(&self, format: Format) -> serde_json::Result<Vec<u8>> {
        match format {
            Format::One => serde_json::to_vec(&one::Event::of(self)),
            Format::Two => serde_json::to_vec(&two::Event::of(self)),
        }
    }

    /// The event of an authorizer, which says what it is asked about and by which identities.
    pub fn authorizer_event(
        &self,
        format: Format,
        arn: &str,
        identities: &[String],
    ) -> serde_json::Result<Vec<u8>> {
        match format {
            Format::One => serde_json::to_vec(&one::Event::for_authorizer(self, arn, identities)),
            Format::Two => serde_json::to_vec(&two::Event::for_authorizer(self, arn, identities)),
        }
    }

    /// A variable of the request's context, without `$context.`.
    pub fn variable(&self, name: &str) -> Option<String> {
        Some(match name {
            "accountId" => self.account.clone(),
            "apiId" => self.api_id.clone(),
            "domainName" => self.domain_name.clone(),
            "domainPrefix" => self.domain_prefix.clone(),
            "extendedRequestId" | "requestId" => self.request_id.clone(),
            "httpMethod" => self.method.clone(),
            "identity.sourceIp" => self.source_ip.clone(),
            "identity.userAgent" => headers::value(&self.headers, "user-agent")?,
            "path" => self.path.clone(),
            "protocol" => "HTTP/1.1".to_owned(),
            "requestTime" => log_time(self.at),
            "requestTimeEpoch" => self.at.millis().to_string(),
            "routeKey" => self.route_key.clone(),
            "stage" => self.stage.clone(),
            name => match self.authorized.as_ref()?.named(name.strip_prefix("authorizer.")?)? {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            },
        })
    }

    fn user_agent(&self) -> String {
        headers::value(&self.headers, "user-agent").unwrap_or_default()
    }

    fn query_parameters(&self) -> BTreeMap<String, Vec<String>> {
        queries::parameters(&self.query)
    }

    /// The body as it stands in an event, and whether it is in base64 there.
    fn written_body(&self) -> (Option<String>, bool) {
        if self.body.is_empty() {
            return (None, false);
        }
        match std::str::from_utf8(&self.body) {
            Ok(text) if headers::is_text(&self.headers) => (Some(text.to_owned()), false),
            _ => (Some(STANDARD.encode(&self.body)), true),
        }
    }
}

/// A moment as access logs write it: `12/Mar/2020:19:03:58 +0000`.
pub fn log_time(at: Timestamp) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (year, month, day, _weekday, hour, minute, second, _) = at.civil();
    let month = MONTHS.get(usize::from(month).wrapping_sub(1)).copied().unwrap_or_default();
    format!("{day:02}/{month}/{year:04}:{hour:02}:{minute:02}:{second:02} +0000")
}

fn if_any<T>(map: BTreeMap<String, T>) -> Option<BTreeMap<String, T>> {
    Some(map).filter(|map| !map.is_empty())
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use serde_json::json;

    /// A request as AWS's examples have it.
    pub fn asked() -> Asked {
        let list = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
        Asked {
            account: "123456789012".into(),
            api_id: "api-id".into(),
            stage: "$default".into(),
            stage_variables: BTreeMap::from([("stageVariable1".into(), "value1".into())]),
            route_key: "$default".into(),
            path_parameters: BTreeMap::from([("parameter1".into(), "value1".into())]),
            method: "POST".into(),
            path: "/my/path".into(),
            query: "parameter1=value1&parameter1=value2&parameter2=value".into(),
            headers: BTreeMap::from([
                ("header1".into(), list(&["value1"])),
                ("header2".into(), list(&["value1", "value2"])),
                ("content-type".into(), list(&["text/plain"])),
                ("cookie".into(), list(&["cookie1; cookie2"])),
                ("user-agent".into(), list(&["agent"])),
            ]),
            body: Bytes::from_static(b"Hello from Lambda"),
            source_ip: "192.0.2.1".into(),
            domain_name: "id.execute-api.us-east-1.amazonaws.com".into(),
            domain_prefix: "id".into(),
            request_id: "id".into(),
            at: Timestamp(1_583_348_638_390),
            authorized: None,
        }
    }

    /// The example event of format 2.0 in "Create AWS Lambda proxy integrations for HTTP APIs".
    #[test]
    fn format_two() {
        let event: Value = serde_json::from_slice(&asked().event(Format::Two).unwrap()).unwrap();
        let expected = json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": "/my/path",
            "rawQueryString": "parameter1=value1&parameter1=value2&parameter2=value",
            "cookies": ["cookie1", "cookie2"],
            "headers": {
                "header1": "value1", "header2": "value1,value2", "content-type": "text/plain",
                "user-agent": "agent"
            },
            "queryStringParameters": {"parameter1": "value1,value2", "parameter2": "value"},
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "api-id",
                "domainName": "id.execute-api.us-east-1.amazonaws.com",
                "domainPrefix": "id",
                "http": {
                    "method": "POST", "path": "/my/path", "protocol": "HTTP/1.1",
                    "sourceIp": "192.0.2.1", "userAgent": "agent"
                },
                "requestId": "id",
                "routeKey": "$default",
                "stage": "$default",
                "time": "04/Mar/2020:19:03:58 +0000",
                "timeEpoch": 1_583_348_638_390_i64
            },
            "body": "Hello from Lambda",
            "pathParameters": {"parameter1": "value1"},
            "isBase64Encoded": false,
            "stageVariables": {"stageVariable1": "value1"}
        });
        assert_eq!(event, expected);
    }

    #[test]
    fn format_two_leaves_out_what_is_not_there() {
        let bare = Asked {
            query: String::new(),
            body: Bytes::new(),
            headers: BTreeMap::new(),
            path_parameters: BTreeMap::new(),
            stage_variables: BTreeMap::new(),
            ..asked()
        };
        let event: Value = serde_json::from_slice(&bare.event(Format::Two).unwrap()).unwrap();
        for absent in ["cookies", "queryStringParameters", "body", "pathParameters", "stageVariables"] {
            assert_eq!(event.get(absent), None, "{absent}");
        }
        assert_eq!(event["rawQueryString"], "");
        assert_eq!(event["requestContext"].get("authorizer"), None);
    }

    /// The example event of format 1.0 in the same place.
    #[test]
    fn format_one() {
        let route = Asked { route_key: "POST /my/path".into(), ..asked() };
        let event: Value = serde_json::from_slice(&route.event(Format::One).unwrap()).unwrap();
        for (field, expected) in [
            ("/version", json!("1.0")),
            ("/resource", json!("/my/path")),
            ("/path", json!("/my/path")),
            ("/httpMethod", json!("POST")),
            ("/headers/header2", json!("value2")),
            ("/headers/cookie", json!("cookie1; cookie2")),
            ("/multiValueHeaders/header2", json!(["value1", "value2"])),
            ("/queryStringParameters/parameter1", json!("value2")),
            ("/multiValueQueryStringParameters/parameter1", json!(["value1", "value2"])),
            ("/requestContext/requestTime", json!("04/Mar/2020:19:03:58 +0000")),
            ("/requestContext/requestTimeEpoch", json!(1_583_348_638_390_i64)),
            ("/requestContext/resourcePath", json!("/my/path")),
            ("/requestContext/resourceId", json!("POST /my/path")),
            ("/requestContext/identity/sourceIp", json!("192.0.2.1")),
            ("/requestContext/identity/userArn", Value::Null),
            ("/pathParameters/parameter1", json!("value1")),
            ("/body", json!("Hello from Lambda")),
            ("/isBase64Encoded", json!(false)),
        ] {
            assert_eq!(event.pointer(field), Some(&expected), "{field}");
        }
        let bare = Asked { query: String::new(), body: Bytes::new(), ..asked() };
        let event: Value = serde_json::from_slice(&bare.event(Format::One).unwrap()).unwrap();
        assert_eq!((&event["queryStringParameters"], &event["body"]), (&Value::Null, &Value::Null));
    }

    #[test]
    fn bodies_that_are_no_text_are_in_base64() {
        let with = |content_type: &str, body: &'static [u8]| {
            let mut asked = Asked { body: Bytes::from_static(body), ..asked() };
            asked.headers.insert("content-type".into(), vec![content_type.into()]);
            asked.written_body()
        };
        assert_eq!(with("application/json", b"{}"), (Some("{}".into()), false));
        assert_eq!(with("application/json", b"\xff"), (Some("/w==".into()), true));
        assert_eq!(with("image/png", b"abc"), (Some("YWJj".into()), true));
        assert_eq!(with("image/png", b""), (None, false));
    }

    #[test]
    fn what_an_authorizer_said_is_passed_on() {
        let said: Map<String, Value> = [("key".to_owned(), json!("value"))].into_iter().collect();
        let asked = Asked { authorized: Some(Authorized::Lambda(said)), ..asked() };
        let event = |format| serde_json::from_slice::<Value>(&asked.event(format).unwrap()).unwrap();
        assert_eq!(event(Format::Two)["requestContext"]["authorizer"], json!({"lambda": {"key": "value"}}));
        assert_eq!(event(Format::One)["requestContext"]["authorizer"], json!({"key": "value"}));
        assert_eq!(asked.variable("authorizer.key").as_deref(), Some("value"));
        let claims = json!({"claims": {"sub": "bard"}, "scopes": null});
        let Value::Object(said) = claims.clone() else { unreachable!("an object") };
        let asked = Asked { authorized: Some(Authorized::Jwt(said)), ..asked };
        let event = |format| serde_json::from_slice::<Value>(&asked.event(format).unwrap()).unwrap();
        assert_eq!(event(Format::Two)["requestContext"]["authorizer"], json!({ "jwt": claims }));
        assert_eq!(event(Format::One)["requestContext"]["authorizer"], claims);
        assert_eq!(asked.variable("authorizer.claims.sub").as_deref(), Some("bard"));
    }
}
