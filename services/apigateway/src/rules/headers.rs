//! The headers of a request as a function gets them: those of the client without what concerns the
//! connection alone, and those that the gateway adds.

use names::Timestamp;
use service::FrontRequest;
use std::collections::BTreeMap;

/// Headers of one connection, which end at the gateway.
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

/// Whether a header ends at the gateway.
pub fn ends_here(name: &str) -> bool {
    HOP_BY_HOP.iter().any(|header| name.eq_ignore_ascii_case(header))
}

/// What the gateway knows beside the request's own headers.
pub struct Added<'a> {
    /// `http` or `https`.
    pub scheme: &'a str,
    /// The port of the host, where the client named one.
    pub port: Option<&'a str>,
    /// When the request came.
    pub at: Timestamp,
    /// 24 hexadecimal digits of a new trace.
    pub trace: &'a str,
}

/// Names in lower case with all of their values.
pub fn forwarded(request: &FrontRequest, added: &Added<'_>) -> BTreeMap<String, Vec<String>> {
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in &request.headers {
        if !ends_here(name) {
            headers.entry(name.to_ascii_lowercase()).or_default().push(value.clone());
        }
    }
    if !request.body.is_empty() {
        headers.entry("content-length".to_owned()).or_insert_with(|| vec![request.body.len().to_string()]);
    }
    let before = headers.remove("x-forwarded-for").map(|values| values.join(", "));
    let source = request.source.to_string();
    let path = before.map_or_else(|| source.clone(), |before| format!("{before}, {source}"));
    let port = added.port.unwrap_or(if added.scheme == "https" { "443" } else { "80" });
    headers.insert("x-forwarded-for".to_owned(), vec![path]);
    headers.insert("x-forwarded-port".to_owned(), vec![port.to_owned()]);
    headers.insert("x-forwarded-proto".to_owned(), vec![added.scheme.to_owned()]);
    headers
        .entry("x-amzn-trace-id".to_owned())
        .or_insert_with(|| vec![format!("Root=1-{:08x}-{}", added.at.seconds(), added.trace)]);
    headers
}

/// The value of a header, several of them joined.
pub fn value(headers: &BTreeMap<String, Vec<String>>, name: &str) -> Option<String> {
    headers.get(name).map(|values| values.join(","))
}

/// The cookies of a request, one by one.
pub fn cookies(headers: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let values = headers.get("cookie").into_iter().flatten();
    let pairs = values.flat_map(|value| value.split(';')).map(str::trim);
    pairs.filter(|pair| !pair.is_empty()).map(str::to_owned).collect()
}

/// Whether a body of a content type is given as text. HTTP APIs take few types for text: verified against
/// AWS in ministackorg/ministack pull request 766.
pub fn is_text(headers: &BTreeMap<String, Vec<String>>) -> bool {
    const TEXTS: [&str; 3] = ["application/json", "application/xml", "application/javascript"];
    let content_type = value(headers, "content-type").unwrap_or_default().to_ascii_lowercase();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let encoded = value(headers, "content-encoding").is_some_and(|encoding| encoding != "identity");
    !encoded && (essence.starts_with("text/") || TEXTS.contains(&essence))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use std::net::Ipv4Addr;

    fn request(headers: &[(&str, &str)]) -> FrontRequest {
        FrontRequest {
            label: "abc".into(),
            host: "abc.execute-api.localhost".into(),
            method: "GET".into(),
            path: "/".into(),
            query: String::new(),
            headers: headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            body: Bytes::new(),
            source: Ipv4Addr::LOCALHOST.into(),
        }
    }

    #[test]
    fn what_a_function_gets() {
        let added =
            Added { scheme: "http", port: Some("4566"), at: Timestamp(1_583_348_638_000), trace: "0a" };
        let sent = [
            ("x-a", "1"),
            ("x-a", "2"),
            ("connection", "close"),
            ("x-forwarded-for", "10.0.0.1"),
            ("cookie", "a=1; b=2"),
        ];
        let headers = forwarded(&request(&sent), &added);
        assert_eq!(value(&headers, "x-a").as_deref(), Some("1,2"));
        assert_eq!(value(&headers, "connection"), None);
        assert_eq!(value(&headers, "x-forwarded-for").as_deref(), Some("10.0.0.1, 127.0.0.1"));
        assert_eq!(value(&headers, "x-forwarded-port").as_deref(), Some("4566"));
        assert_eq!(value(&headers, "x-amzn-trace-id").as_deref(), Some("Root=1-5e5ffb9e-0a"));
        assert_eq!(cookies(&headers), ["a=1", "b=2"]);
    }

    #[test]
    fn texts() {
        for (content_type, text) in [
            (Some("application/json"), true),
            (Some("text/html; charset=utf-8"), true),
            (Some("Application/XML"), true),
            (Some("application/x-www-form-urlencoded"), false),
            (Some("multipart/form-data; boundary=x"), false),
            (Some("application/octet-stream"), false),
            (None, false),
        ] {
            let sent: Vec<_> = content_type.map(|value| ("content-type", value)).into_iter().collect();
            let added = Added { scheme: "http", port: None, at: Timestamp(0), trace: "" };
            assert_eq!(is_text(&forwarded(&request(&sent), &added)), text, "{content_type:?}");
        }
    }
}
