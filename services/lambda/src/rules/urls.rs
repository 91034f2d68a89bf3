//! Function URLs: the event that a request becomes, and the answer that a result becomes (Lambda developer
//! guide, "Invoking Lambda function URLs": payload format 2.0).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use names::Timestamp;
use serde_json::{Map, Value, json};
use service::{FrontReply, FrontRequest};

/// Headers of one connection, which go no further.
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What is known of a request beside itself.
pub struct Known<'a> {
    /// The account that signed it, or `anonymous`.
    pub account: String,
    /// Who signed it, as the event tells it.
    pub authorizer: Option<Value>,
    /// The label of the URL.
    pub label: &'a str,
    /// The host that the event names.
    pub domain: String,
    /// The request's id.
    pub request_id: &'a str,
    /// When it came.
    pub at: Timestamp,
    /// `http` or `https`.
    pub scheme: &'a str,
}

/// Whether a header goes no further.
fn ends_here(name: &str) -> bool {
    HOP_BY_HOP.iter().any(|own| own.eq_ignore_ascii_case(name))
}

fn decoded(text: &str) -> String {
    let (bytes, mut out, mut at) = (text.as_bytes(), Vec::with_capacity(text.len()), 0);
    while let Some(byte) = bytes.get(at) {
        let hex = (*byte == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match hex.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(escaped) => {
                out.push(escaped);
                at += 3;
            }
            None => {
                out.push(if *byte == b'+' { b' ' } else { *byte });
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn joined(pairs: impl Iterator<Item = (String, String)>) -> Map<String, Value> {
    let mut found = Map::new();
    for (name, value) in pairs {
        match found.get_mut(&name) {
            Some(Value::String(known)) => {
                known.push(',');
                known.push_str(&value);
            }
            _ => drop(found.insert(name, value.into())),
        }
    }
    found
}

fn query(text: &str) -> Map<String, Value> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    });
    joined(pairs)
}

/// Whether a body of this type travels as text.
fn is_text(content_type: Option<&str>) -> bool {
    let Some(kind) =
        content_type.map(|text| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
    else {
        return false;
    };
    let known = ["application/json", "application/xml", "application/javascript"];
    kind.starts_with("text/")
        || known.contains(&kind.as_str())
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
}

fn month(number: u8) -> &'static str {
    const NAMES: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    NAMES[usize::from(number.clamp(1, 12)) - 1]
}

/// `12/Mar/2020:19:03:58 +0000`
fn moment(at: Timestamp) -> String {
    let (year, number, day, _, hour, minute, second, _) = at.civil();
    format!("{day:02}/{}/{year:04}:{hour:02}:{minute:02}:{second:02} +0000", month(number))
}

fn body(request: &FrontRequest) -> (Option<String>, bool) {
    if request.body.is_empty() {
        return (None, false);
    }
    match std::str::from_utf8(&request.body) {
        Ok(text) if is_text(request.header("content-type")) => (Some(text.to_owned()), false),
        _ => (Some(STANDARD.encode(&request.body)), true),
    }
}

/// The event of a request.
pub fn event(request: &FrontRequest, known: &Known<'_>) -> Value {
    let of_request = request.headers.iter().filter(|(name, _)| !ends_here(name) && name != "cookie");
    let of_request = of_request.map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
    let mut headers = joined(of_request);
    headers.insert("x-forwarded-for".to_owned(), request.source.to_string().into());
    headers.insert("x-forwarded-proto".to_owned(), known.scheme.into());
    let cookies = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("cookie"));
    let cookies: Vec<&str> = cookies
        .flat_map(|(_, value)| value.split(';'))
        .map(str::trim)
        .filter(|one| !one.is_empty())
        .collect();
    let (body, encoded) = body(request);
    // Slashes at the beginning are one (LocalStack's test_lambda_url_form_payload, recorded on AWS).
    let path = format!("/{}", request.path.trim_start_matches('/'));
    let path = decoded(&path.replace('+', "%2B"));
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": {
            "accountId": known.account,
            "apiId": known.label,
            "domainName": known.domain,
            "domainPrefix": known.label,
            "http": {
                "method": request.method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": request.source.to_string(),
                "userAgent": request.header("user-agent").unwrap_or_default(),
            },
            "requestId": known.request_id,
            "routeKey": "$default",
            "stage": "$default",
            "time": moment(known.at),
            "timeEpoch": known.at.millis(),
        },
        "isBase64Encoded": encoded,
    });
    if let Some(authorizer) = &known.authorizer {
        event["requestContext"]["authorizer"] = authorizer.clone();
    }
    if !cookies.is_empty() {
        event["cookies"] = cookies.into();
    }
    if !request.query.is_empty() {
        event["queryStringParameters"] = query(&request.query).into();
    }
    if let Some(body) = body {
        event["body"] = body.into();
    }
    event
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Status and headers of an answer, as a result or the beginning of a stream says them; `None` where it is no
/// such document.
pub fn prelude(document: &Map<String, Value>) -> Option<(u16, Vec<(String, String)>)> {
    let status = match document.get("statusCode") {
        None => 200,
        Some(Value::Number(number)) => number.as_u64()?,
        Some(Value::String(text)) => text.parse().ok()?,
        Some(_) => return None,
    };
    let status = u16::try_from(status).ok().filter(|status| (100..600).contains(status))?;
    let mut headers = Vec::new();
    match document.get("headers") {
        None | Some(Value::Null) => {}
        Some(Value::Object(given)) => {
            for (name, value) in given {
                headers.push((name.to_ascii_lowercase(), scalar(value)?));
            }
        }
        Some(_) => return None,
    }
    match document.get("cookies") {
        None | Some(Value::Null) => {}
        Some(Value::Array(cookies)) => {
            for cookie in cookies {
                headers.push(("set-cookie".to_owned(), scalar(cookie)?));
            }
        }
        Some(_) => return None,
    }
    headers.retain(|(name, _)| !ends_here(name) && name != "content-length");
    Some((status, headers))
}

fn with_type(mut headers: Vec<(String, String)>, kind: &str) -> Vec<(String, String)> {
    if !headers.iter().any(|(name, _)| name == "content-type") {
        headers.push(("content-type".to_owned(), kind.to_owned()));
    }
    headers
}

/// The answer of a result; `None` where it is none that a function may give.
pub fn reply(payload: &Bytes) -> Option<FrontReply> {
    let result = match serde_json::from_slice(payload).ok()? {
        Value::Object(result) if result.contains_key("statusCode") => result,
        // LocalStack's test_lambda_url_invocation, recorded on AWS: a text stands alone, all else without blanks.
        other => {
            let headers = with_type(Vec::new(), "application/json");
            let body = match other {
                Value::String(text) => Bytes::from(text),
                _ => without_blanks(payload),
            };
            return Some(FrontReply { status: 200, headers, body: body.into() });
        }
    };
    let (status, headers) = prelude(&result)?;
    let encoded = result.get("isBase64Encoded").and_then(Value::as_bool).unwrap_or(false);
    let body = match result.get("body") {
        None | Some(Value::Null) => Bytes::new(),
        Some(Value::String(text)) if encoded => Bytes::from(STANDARD.decode(text).ok()?),
        Some(Value::String(text)) => Bytes::from(text.clone()),
        Some(other) => Bytes::from(other.to_string()),
    };
    Some(FrontReply { status, headers: with_type(headers, "application/json"), body: body.into() })
}

/// JSON without the blanks between its parts.
fn without_blanks(json: &[u8]) -> Bytes {
    let (mut within, mut escaped) = (false, false);
    let kept = json.iter().copied().filter(|byte| {
        let blank = !within && byte.is_ascii_whitespace();
        if *byte == b'"' && !escaped {
            within = !within;
        }
        escaped = within && *byte == b'\\' && !escaped;
        !blank
    });
    kept.collect()
}

/// The answer where a function has failed, or answered what is none (LocalStack's test_lambda_url_invocation_exception,
/// recorded on AWS).
pub fn failed() -> FrontReply {
    let headers = with_type(Vec::new(), "application/json");
    FrontReply { status: 502, headers, body: Bytes::from_static(b"Internal Server Error").into() }
}

/// An answer of the URL itself.
pub fn message(status: u16, text: Option<&str>) -> FrontReply {
    let headers = with_type(Vec::new(), "application/json");
    let body = json!({"Message": text}).to_string();
    FrontReply { status, headers, body: Bytes::from(body).into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn request() -> FrontRequest {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        FrontRequest {
            label: "abc".to_owned(),
            host: "abc.lambda-url.us-east-1.localhost".to_owned(),
            method: "POST".to_owned(),
            path: "/my%20path".to_owned(),
            query: "a=1&a=2&b=%C3%BC".to_owned(),
            headers: vec![
                header("x-one", "1"),
                header("x-one", "2"),
                header("cookie", "c1=a; c2=b"),
                header("content-type", "application/json; charset=utf-8"),
                header("connection", "close"),
            ],
            body: Bytes::from_static(b"{}"),
            source: IpAddr::from([127, 0, 0, 1]),
        }
    }

    fn known() -> Known<'static> {
        Known {
            account: "anonymous".to_owned(),
            authorizer: None,
            label: "abc",
            domain: "abc.lambda-url.us-east-1.localhost".to_owned(),
            request_id: "id",
            at: Timestamp(1_583_348_638_390),
            scheme: "http",
        }
    }

    #[test]
    fn events() {
        let event = event(&request(), &known());
        assert_eq!(event["rawPath"], "/my path");
        assert_eq!(event["queryStringParameters"], json!({"a": "1,2", "b": "ü"}));
        assert_eq!(event["headers"]["x-one"], "1,2");
        assert_eq!(event["headers"].get("cookie"), None);
        assert_eq!(event["cookies"], json!(["c1=a", "c2=b"]));
        assert_eq!((event["body"].as_str(), event["isBase64Encoded"].as_bool()), (Some("{}"), Some(false)));
        assert_eq!(event["requestContext"]["time"], "04/Mar/2020:19:03:58 +0000");
        let binary = FrontRequest { body: Bytes::from_static(b"\xff"), ..request() };
        assert_eq!(super::event(&binary, &known())["body"], "/w==");
    }

    /// "If your function returns valid JSON and doesn't return a statusCode" — Lambda developer guide,
    /// "Response payload format".
    #[test]
    fn replies() {
        let of = |text: &str| {
            let reply = reply(&Bytes::copy_from_slice(text.as_bytes()))?;
            Some((reply.status, reply.headers, String::from_utf8_lossy(reply.body.held()).into_owned()))
        };
        let json_type = ("content-type".to_owned(), "application/json".to_owned());
        assert_eq!(of("\"hi\"").unwrap(), (200, vec![json_type.clone()], "hi".to_owned()));
        let spaced = r#"[1, "a \" b", {"z": 2.50, "a\\": " c "}]"#;
        assert_eq!(of(spaced).unwrap().2, r#"[1,"a \" b",{"z":2.50,"a\\":" c "}]"#);
        let structured = r#"{"statusCode":201,"headers":{"X-A":1},"cookies":["c=1"],"body":"aGk=","isBase64Encoded":true}"#;
        let (status, headers, body) = of(structured).unwrap();
        assert_eq!((status, body.as_str()), (201, "hi"));
        assert_eq!(headers[0], ("x-a".to_owned(), "1".to_owned()));
        assert_eq!(headers[1], ("set-cookie".to_owned(), "c=1".to_owned()));
        assert_eq!(headers[2], json_type);
        for bad in
            ["no", r#"{"statusCode":"x"}"#, r#"{"statusCode":99}"#, r#"{"statusCode":200,"headers":[]}"#]
        {
            assert!(of(bad).is_none(), "{bad}");
        }
    }
}
