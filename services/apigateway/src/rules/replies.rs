//! What a function's result means as an HTTP answer.

use super::events::Format;
use super::headers::ends_here;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value};
use service::FrontReply;

/// The answer of a function's result; `None` where it is none that the format allows.
pub fn of_result(format: Format, payload: &Bytes) -> Option<FrontReply> {
    match serde_json::from_slice(payload).ok()? {
        Value::Object(result) if result.contains_key("statusCode") => structured(format, &result),
        _ if format == Format::Two => Some(FrontReply {
            status: 200,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: payload.clone().into(),
        }),
        _ => None,
    }
}

fn structured(format: Format, result: &Map<String, Value>) -> Option<FrontReply> {
    let status = match &result["statusCode"] {
        Value::Number(number) => number.as_u64()?,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    let status = u16::try_from(status).ok().filter(|status| (100..600).contains(status))?;
    let mut headers = single_headers(result.get("headers"))?;
    match format {
        Format::One => {
            let multiple = multiple_headers(result.get("multiValueHeaders"))?;
            headers.retain(|(name, _)| !multiple.iter().any(|(other, _)| name == other));
            headers.extend(multiple);
        }
        Format::Two => {
            let cookies = texts(result.get("cookies"))?;
            headers.extend(cookies.into_iter().map(|cookie| ("set-cookie".to_owned(), cookie)));
        }
    }
    let encoded = result.get("isBase64Encoded").and_then(Value::as_bool).unwrap_or(false);
    let body = match result.get("body") {
        None | Some(Value::Null) => Bytes::new(),
        Some(Value::String(text)) if encoded => Bytes::from(STANDARD.decode(text).ok()?),
        Some(Value::String(text)) => Bytes::from(text.clone()),
        Some(_) => return None,
    };
    // The connection is the gateway's, and so is the length.
    headers.retain(|(name, _)| !ends_here(name) && name != "content-length");
    if !body.is_empty() && !headers.iter().any(|(name, _)| name == "content-type") {
        headers.push(("content-type".to_owned(), "text/plain;charset=UTF-8".to_owned()));
    }
    Some(FrontReply { status, headers, body: body.into() })
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn single_headers(value: Option<&Value>) -> Option<Vec<(String, String)>> {
    match value {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::Object(headers)) => {
            headers.iter().map(|(name, value)| Some((name.to_ascii_lowercase(), scalar(value)?))).collect()
        }
        Some(_) => None,
    }
}

fn multiple_headers(value: Option<&Value>) -> Option<Vec<(String, String)>> {
    let headers = match value {
        None | Some(Value::Null) => return Some(Vec::new()),
        Some(Value::Object(headers)) => headers,
        Some(_) => return None,
    };
    let mut found = Vec::new();
    for (name, values) in headers {
        let values = texts(Some(values))?;
        found.extend(values.into_iter().map(|value| (name.to_ascii_lowercase(), value)));
    }
    Some(found)
}

fn texts(value: Option<&Value>) -> Option<Vec<String>> {
    match value {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::Array(values)) => values.iter().map(scalar).collect(),
        Some(_) => None,
    }
}

/// An answer of the gateway itself.
pub fn message(status: u16, text: &str) -> FrontReply {
    let body = serde_json::json!({ "message": text }).to_string();
    FrontReply {
        status,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: Bytes::from(body).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Headers = Vec<(String, String)>;

    fn answer(format: Format, result: &str) -> Option<(u16, Headers, String)> {
        let reply = of_result(format, &Bytes::from(result.to_owned()))?;
        Some((reply.status, reply.headers, String::from_utf8_lossy(reply.body.held()).into_owned()))
    }

    fn header(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    /// What the client sees by "Lambda function response for format 2.0"; the quotes around a text by the
    /// table of the same rules for function URLs, where it has `content-length: 15`.
    #[test]
    fn results_without_a_status() {
        let json = vec![header("content-type", "application/json")];
        for result in ["\"Hello, world!\"", "{\"message\": \"Hello from Lambda!\"}", "[1]", "null", "3"] {
            let expected = Some((200, json.clone(), result.to_owned()));
            assert_eq!(answer(Format::Two, result), expected, "{result}");
            assert_eq!(answer(Format::One, result), None, "{result}");
        }
        assert_eq!(answer(Format::Two, "no JSON"), None);
    }

    #[test]
    fn results_with_a_status() {
        let result = r#"{"cookies": ["a=1", "b=2"], "isBase64Encoded": false, "statusCode": 201,
            "headers": {"X-Number": 3, "Content-Length": "99", "content-type": "text/html"}, "body": "hi"}"#;
        let headers = vec![
            header("x-number", "3"),
            header("content-type", "text/html"),
            header("set-cookie", "a=1"),
            header("set-cookie", "b=2"),
        ];
        assert_eq!(answer(Format::Two, result), Some((201, headers, "hi".to_owned())));

        let result = r#"{"statusCode": "200", "headers": {"a": "1", "b": "2"},
            "multiValueHeaders": {"A": ["3", "4"]}, "body": "aGk=", "isBase64Encoded": true}"#;
        let (status, headers, body) = answer(Format::One, result).unwrap();
        let expected = [
            header("b", "2"),
            header("a", "3"),
            header("a", "4"),
            header("content-type", "text/plain;charset=UTF-8"),
        ];
        assert_eq!((status, &headers[..], body.as_str()), (200, &expected[..], "hi"));
    }

    #[test]
    fn results_that_are_no_answer() {
        for result in [
            r#"{"statusCode": "x"}"#,
            r#"{"statusCode": null}"#,
            r#"{"statusCode": 9}"#,
            r#"{"statusCode": 200.5}"#,
            r#"{"statusCode": 200, "body": {}}"#,
            r#"{"statusCode": 200, "body": "!", "isBase64Encoded": true}"#,
            r#"{"statusCode": 200, "headers": []}"#,
            r#"{"statusCode": 200, "headers": {"a": {}}}"#,
        ] {
            assert_eq!(answer(Format::Two, result), None, "{result}");
        }
        let deep = "[".repeat(1_000_000);
        assert_eq!(answer(Format::Two, &deep), None);
    }
}
