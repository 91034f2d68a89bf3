//! What an integration's URI leads to: a host over HTTP, or a function, by its ARN or within API Gateway's own
//! form; maybe with stage variables in it.

use crate::errors::ApiGatewayError;
use names::Arn;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use std::collections::BTreeMap;

const VARIABLE: &str = "${stageVariables.";
/// Variables in one URI.
const MAX_VARIABLES: usize = 16;

/// The function of a URI, with a stage's variables put in.
pub fn function(uri: &str, variables: &BTreeMap<String, String>) -> Option<Arn> {
    let uri = filled(uri, |name| variables.get(name).cloned())?;
    let arn = match uri.split_once(":lambda:path/2015-03-31/functions/") {
        Some((gateway, rest)) if gateway.starts_with("arn:") && gateway.contains(":apigateway:") => {
            rest.strip_suffix("/invocations")?
        }
        _ => &uri,
    };
    let arn: Arn = arn.parse().ok()?;
    let named = arn.resource().strip_prefix("function:").is_some_and(|name| !name.is_empty());
    (arn.service() == "lambda" && named && arn.account().is_some() && arn.region().is_some()).then_some(arn)
}

/// What is encoded in a segment of a path.
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'%');

/// A path that a client's own text may be part of.
pub fn encoded_path(path: &str) -> String {
    utf8_percent_encode(path, SEGMENT).to_string()
}

/// The URL of an integration over HTTP, with a stage's variables and the path's parameters put in; `None`
/// where it is none then.
pub fn url(
    uri: &str,
    variables: &BTreeMap<String, String>,
    parameters: &BTreeMap<String, String>,
) -> Option<String> {
    let uri = filled(uri, |name| variables.get(name).cloned())?;
    let (mut url, mut rest) = (String::with_capacity(uri.len()), uri.as_str());
    while let Some((before, behind)) = rest.split_once('{') {
        let (name, after) = behind.split_once('}')?;
        url.push_str(before);
        url.push_str(&encoded_path(parameters.get(name.trim_end_matches('+'))?));
        rest = after;
    }
    url.push_str(rest);
    let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"))?;
    host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[').then_some(url)
}

/// Refuses a URI that leads to no host, whatever a stage's variables and a path's parameters are.
pub fn check_url(uri: &str) -> Result<(), ApiGatewayError> {
    let names = uri.split('{').skip(1).filter_map(|part| part.split_once('}'));
    let parameters = names.map(|(name, _)| (name.trim_end_matches('+').to_owned(), "x".to_owned())).collect();
    let any = filled(uri, |_| Some("x".to_owned()));
    let found = any.and_then(|uri| url(&uri, &BTreeMap::new(), &parameters));
    found.map(drop).ok_or_else(|| ApiGatewayError::bad("Invalid HTTP endpoint specified for URI"))
}

/// Refuses a URI that leads to no function, whatever a stage's variables are.
pub fn check(uri: &str) -> Result<(), ApiGatewayError> {
    let any = filled(uri, |_| Some("x".to_owned()));
    let found = any.and_then(|uri| function(&uri, &BTreeMap::new()));
    found
        .map(drop)
        .ok_or_else(|| ApiGatewayError::bad(format!("Invalid function ARN or integration URI: {uri}")))
}

fn filled(uri: &str, value: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut uri = uri.to_owned();
    for _ in 0..MAX_VARIABLES {
        let Some(start) = uri.find(VARIABLE) else { return Some(uri) };
        let name_at = start + VARIABLE.len();
        let end = name_at + uri[name_at..].find('}')?;
        let value = value(&uri[name_at..end])?;
        uri.replace_range(start..=end, &value);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let (variables, parameters) = (map(&[("host", "a.b:80")]), map(&[("proxy", "c/d e?"), ("id", "7")]));
        for (uri, expected) in [
            ("http://x/y", Some("http://x/y")),
            ("https://${stageVariables.host}/{proxy}", Some("https://a.b:80/c/d%20e%3F")),
            ("http://x/{id}/z?a=b", Some("http://x/7/z?a=b")),
            ("http://x/{proxy+}", Some("http://x/c/d%20e%3F")),
            ("http://x/{absent}", None),
            ("http://${stageVariables.absent}/", None),
            ("ftp://x/", None),
            ("http:///y", None),
        ] {
            assert_eq!(url(uri, &variables, &parameters).as_deref(), expected, "{uri}");
        }
        for (uri, fits) in [
            ("http://${stageVariables.any}/{proxy}", true),
            ("http://127.0.0.1:9/", true),
            ("http://[::1]:9/", true),
            ("http://x/{open", false),
            ("arn:aws:lambda:us-east-1:000000000000:function:f", false),
        ] {
            assert_eq!(check_url(uri).is_ok(), fits, "{uri}");
        }
    }

    #[test]
    fn uris() {
        let variables = BTreeMap::from([("fn".to_owned(), "orders".to_owned())]);
        let orders = Some("arn:aws:lambda:us-east-1:000000000000:function:orders");
        let path = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/";
        for (uri, expected) in [
            ("arn:aws:lambda:us-east-1:000000000000:function:orders", orders),
            (&format!("{path}arn:aws:lambda:us-east-1:000000000000:function:orders/invocations"), orders),
            ("arn:aws:lambda:us-east-1:000000000000:function:${stageVariables.fn}", orders),
            ("arn:aws:lambda:us-east-1:000000000000:function:${stageVariables.no}", None),
            ("arn:aws:lambda:us-east-1:000000000000:function:", None),
            ("arn:aws:lambda:us-east-1:000000000000:layer:x", None),
            ("arn:aws:sqs:us-east-1:000000000000:q", None),
            ("orders", None),
        ] {
            assert_eq!(function(uri, &variables).as_ref().map(Arn::as_str), expected, "{uri}");
        }
        assert!(check("arn:aws:lambda:us-east-1:000000000000:function:${stageVariables.any}:live").is_ok());
        assert!(check("http://example.com").is_err());
        assert!(check(&"${stageVariables.".repeat(100_000)).is_err());
        let loops = BTreeMap::from([("a".to_owned(), "${stageVariables.a}".to_owned())]);
        assert_eq!(function("${stageVariables.a}", &loops), None);
    }
}
