//! Parameter mappings of integrations over HTTP: what of a request or an answer is changed, and where the new
//! values come from: `overwrite:path` = `/pets/${request.path.id}`.

use super::events::Asked;
use super::{headers, queries};
use crate::errors::ApiGatewayError;
use serde_json::Value;
use std::collections::BTreeMap;

/// Headers that no mapping may touch ("Reserved headers" in the developer guide of HTTP APIs).
const RESERVED: [&str; 15] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-location",
    "forwarded",
    "keep-alive",
    "origin",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailers",
    "transfer-encoding",
    "upgrade",
    "via",
];
const RESERVED_PREFIXES: [&str; 5] = ["access-control-", "apigw-", "x-amz-", "x-amzn-", "x-forwarded-"];

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Append,
    Overwrite,
    Remove,
}

/// What it is done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place<'k> {
    Header(&'k str),
    Query(&'k str),
    Path,
    Status,
}

fn parsed(key: &str) -> Option<(Action, Place<'_>)> {
    let (action, place) = key.split_once(':')?;
    let action = match action {
        "append" => Action::Append,
        "overwrite" => Action::Overwrite,
        "remove" => Action::Remove,
        _ => return None,
    };
    let named = |prefix: &str| place.strip_prefix(prefix).filter(|name| !name.is_empty());
    let place = match place {
        "path" => Place::Path,
        "statuscode" => Place::Status,
        _ => match (named("header."), named("querystring.")) {
            (Some(name), _) => Place::Header(name),
            (_, Some(name)) => Place::Query(name),
            (None, None) => return None,
        },
    };
    let fits = action == Action::Overwrite || matches!(place, Place::Header(_) | Place::Query(_));
    fits.then_some((action, place))
}

fn is_reserved(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    RESERVED.contains(&name.as_str()) || RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn refused(key: &str) -> ApiGatewayError {
    ApiGatewayError::bad(format!("Invalid mapping expression specified: {key}"))
}

/// Refuses mappings of requests that are none.
pub fn check_request(mappings: &BTreeMap<String, String>) -> Result<(), ApiGatewayError> {
    let fits = |key: &str| match parsed(key) {
        Some((_, Place::Header(name))) => !is_reserved(name),
        Some((_, Place::Query(_) | Place::Path)) => true,
        Some((_, Place::Status)) | None => false,
    };
    mappings.keys().find(|key| !fits(key)).map_or(Ok(()), |key| Err(refused(key)))
}

/// Refuses mappings of answers that are none.
pub fn check_answer(status: &str, mappings: &BTreeMap<String, String>) -> Result<(), ApiGatewayError> {
    let fits = |key: &str| match parsed(key) {
        Some((_, Place::Header(name))) => !is_reserved(name),
        Some((_, Place::Status)) => true,
        Some((_, Place::Query(_) | Place::Path)) | None => false,
    };
    if !status.parse().is_ok_and(|status: u16| (200..600).contains(&status)) {
        return Err(refused(status));
    }
    mappings.keys().find(|key| !fits(key)).map_or(Ok(()), |key| Err(refused(key)))
}

/// A request on its way to the host of an integration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The path, encoded; `None` where the integration's own stays.
    pub path: Option<String>,
    /// The parameters of the query, decoded.
    pub query: Vec<(String, String)>,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
}

/// Changes a request.
pub fn apply_request(mappings: &BTreeMap<String, String>, asked: &Asked, path: &str, out: &mut Outgoing) {
    for (key, template) in mappings {
        let Some((action, place)) = parsed(key) else { continue };
        let value = filled(template, |name| of_request(name, asked, path));
        match place {
            Place::Header(name) => change(&mut out.headers, &name.to_ascii_lowercase(), action, &value),
            Place::Query(name) => change(&mut out.query, name, action, &value),
            Place::Path => out.path = Some(value),
            Place::Status => {}
        }
    }
}

/// Changes an answer.
pub fn apply_answer(
    mappings: &BTreeMap<String, String>,
    asked: &Asked,
    (status, headers, body): (&mut u16, &mut Vec<(String, String)>, &[u8]),
) {
    let before = headers.clone();
    for (key, template) in mappings {
        let Some((action, place)) = parsed(key) else { continue };
        let value = filled(template, |name| match name.strip_prefix("response.") {
            Some(name) => of_answer(name, &before, body),
            None => of_both(name, asked),
        });
        match place {
            Place::Header(name) => change(headers, &name.to_ascii_lowercase(), action, &value),
            Place::Status => {
                *status = value.parse().ok().filter(|new| (200..600).contains(new)).unwrap_or(*status)
            }
            Place::Query(_) | Place::Path => {}
        }
    }
}

/// What cannot be read is empty, and changes nothing.
fn change(list: &mut Vec<(String, String)>, name: &str, action: Action, value: &str) {
    if action == Action::Remove || (action == Action::Overwrite && !value.is_empty()) {
        list.retain(|(known, _)| known != name);
    }
    if action != Action::Remove && !value.is_empty() {
        list.push((name.to_owned(), value.to_owned()));
    }
}

/// A template with its variables put in: `$name` as the whole, `${name}` within.
fn filled(template: &str, value: impl Fn(&str) -> Option<String>) -> String {
    if let Some(name) = template.strip_prefix('$').filter(|name| !name.starts_with('{')) {
        return value(name).unwrap_or_default();
    }
    let (mut out, mut rest) = (String::with_capacity(template.len()), template);
    while let Some((before, behind)) = rest.split_once("${") {
        out.push_str(before);
        let Some((name, after)) = behind.split_once('}') else {
            out.push_str("${");
            rest = behind;
            continue;
        };
        out.push_str(&value(name).unwrap_or_default());
        rest = after;
    }
    out.push_str(rest);
    out
}

fn of_request(name: &str, asked: &Asked, path: &str) -> Option<String> {
    let Some(name) = name.strip_prefix("request.") else { return of_both(name, asked) };
    if name == "path" {
        return Some(path.to_owned());
    }
    let (place, name) = name.split_once('.').unwrap_or((name, ""));
    match place {
        "header" => headers::value(&asked.headers, &name.to_ascii_lowercase()),
        "querystring" => queries::parameters(&asked.query).get(name).map(|values| values.join(",")),
        "path" => asked.path_parameters.get(name).cloned(),
        "body" => member(&asked.body, name),
        _ => None,
    }
}

fn of_answer(name: &str, headers: &[(String, String)], body: &[u8]) -> Option<String> {
    let (place, name) = name.split_once('.').unwrap_or((name, ""));
    let name_of_header = name.to_ascii_lowercase();
    match place {
        "header" => {
            headers.iter().find(|(known, _)| *known == name_of_header).map(|(_, value)| value.clone())
        }
        "body" => member(body, name),
        _ => None,
    }
}

fn of_both(name: &str, asked: &Asked) -> Option<String> {
    if let Some(name) = name.strip_prefix("stageVariables.") {
        return asked.stage_variables.get(name).cloned();
    }
    asked.variable(name.strip_prefix("context.")?)
}

/// A member of a JSON body: `user.names[0]`; the whole body where no member is named.
fn member(body: &[u8], path: &str) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let mut found = &body;
    for step in path.split(['.', '[']).map(|step| step.trim_end_matches(']')).filter(|step| !step.is_empty())
    {
        found = match found {
            Value::Array(items) => items.get(step.parse::<usize>().ok()?)?,
            other => other.get(step)?,
        };
    }
    Some(match found {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::events::tests::asked;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    /// The keys of "Transform API requests and responses for HTTP APIs" in the developer guide.
    #[test]
    fn what_is_a_mapping() {
        for (key, of_request, of_answer) in [
            ("append:header.x", true, true),
            ("overwrite:header.x", true, true),
            ("remove:header.x", true, true),
            ("append:querystring.q", true, false),
            ("overwrite:path", true, false),
            ("append:path", false, false),
            ("overwrite:statuscode", false, true),
            ("remove:statuscode", false, false),
            ("append:header.Authorization", false, false),
            ("append:header.X-Amz-Date", false, false),
            ("append:header.", false, false),
            ("replace:header.x", false, false),
            ("header.x", false, false),
        ] {
            assert_eq!(check_request(&map(&[(key, "1")])).is_ok(), of_request, "{key}");
            assert_eq!(check_answer("200", &map(&[(key, "1")])).is_ok(), of_answer, "{key}");
        }
        assert!(check_answer("99", &map(&[])).is_err() && check_answer("2xx", &map(&[])).is_err());
    }

    #[test]
    fn requests() {
        let mut asked = asked();
        asked.body = br#"{"user": {"names": ["Volo"]}}"#.as_slice().into();
        let mut out = Outgoing {
            path: None,
            query: vec![("q".into(), "1".into())],
            headers: vec![("header1".into(), "value1".into()), ("gone".into(), "x".into())],
        };
        let mappings = map(&[
            ("append:header.X-Path", "$request.path"),
            ("append:header.x-name", "$request.body.user.names[0]"),
            ("append:header.x-none", "$request.header.absent"),
            (
                "overwrite:header.Header1",
                "${request.header.header2}-${context.stage}-${stageVariables.stageVariable1}",
            ),
            ("overwrite:path", "/b/${request.path.parameter1}"),
            ("overwrite:querystring.q", "$request.querystring.parameter2"),
            ("remove:header.gone", "''"),
        ]);
        apply_request(&mappings, &asked, "/my/path", &mut out);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let headers = [
            pair("x-path", "/my/path"),
            pair("x-name", "Volo"),
            pair("header1", "value1,value2-$default-value1"),
        ];
        assert_eq!(out.path.as_deref(), Some("/b/value1"));
        assert_eq!((&out.query[..], &out.headers[..]), (&[pair("q", "value")][..], &headers[..]));
    }

    #[test]
    fn answers() {
        let (mut status, mut headers) = (200, vec![("x-a".to_owned(), "1".to_owned())]);
        let mappings = map(&[
            ("append:header.x-b", "$response.body.code"),
            ("overwrite:statuscode", "403"),
            ("remove:header.x-a", "''"),
            ("overwrite:header.x-c", "${response.header.X-A}!"),
        ]);
        apply_answer(&mappings, &asked(), (&mut status, &mut headers, br#"{"code": 7}"#));
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!((status, &headers[..]), (403, &[pair("x-b", "7"), pair("x-c", "1!")][..]));
    }
}
