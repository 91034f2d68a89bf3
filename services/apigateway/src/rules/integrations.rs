//! What an integration's URI leads to: a function, by its ARN or within API Gateway's own form, maybe with
//! stage variables in it.

use crate::errors::ApiGatewayError;
use names::Arn;
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
