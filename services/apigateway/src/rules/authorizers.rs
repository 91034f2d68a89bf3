//! Lambda authorizers: what identifies a caller, and what the function's answer means.

use super::events::Asked;
use super::{headers, queries};
use crate::errors::ApiGatewayError;
use names::{AccountId, Timestamp};
use policy::{Attached, Context, IdentityPolicies, Policies, Policy, Principal, Request};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Authorizers of an API.
pub const MOST: usize = 10;
/// How long an answer is remembered where nothing else is said, in seconds.
pub const DEFAULT_TTL_S: u32 = 300;

/// The place of an identity in a request.
enum Source<'s> {
    Header(&'s str),
    Query(&'s str),
    Variable(&'s str),
    Context(&'s str),
}

fn source(text: &str) -> Option<Source<'_>> {
    let name_after = |prefix: &str| text.strip_prefix(prefix).filter(|name| !name.is_empty());
    name_after("$request.header.")
        .map(Source::Header)
        .or_else(|| name_after("$request.querystring.").map(Source::Query))
        .or_else(|| name_after("$stageVariables.").map(Source::Variable))
        .or_else(|| name_after("$context.").map(Source::Context))
}

/// Refuses what is no place of an identity.
pub fn check_sources(sources: &[String]) -> Result<(), ApiGatewayError> {
    match sources.iter().find(|text| source(text).is_none()) {
        Some(text) => Err(ApiGatewayError::bad(format!("Invalid mapping expression specified: {text}"))),
        None => Ok(()),
    }
}

/// The identities of a request; `None` where one is missing, which then is not authorized.
pub fn identities(sources: &[String], asked: &Asked) -> Option<Vec<String>> {
    let query = queries::parameters(&asked.query);
    let found = |text: &String| match source(text)? {
        Source::Header(name) => headers::value(&asked.headers, &name.to_ascii_lowercase()),
        Source::Query(name) => query.get(name).map(|values| values.join(",")),
        Source::Variable(name) => asked.stage_variables.get(name).cloned(),
        Source::Context("routeKey") => Some(asked.route_key.clone()),
        Source::Context("stage") => Some(asked.stage.clone()),
        Source::Context("identity.sourceIp" | "http.sourceIp") => Some(asked.source_ip.clone()),
        Source::Context("http.method" | "httpMethod") => Some(asked.method.clone()),
        Source::Context("http.path" | "path") => Some(asked.path.clone()),
        Source::Context(_) => None,
    };
    sources.iter().map(|text| found(text).filter(|value| !value.is_empty())).collect()
}

/// What an authorizer decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Whether the request may go on.
    pub allowed: bool,
    /// What the integration is told of the caller.
    pub context: Map<String, Value>,
}

/// What a function's answer decides on a route; `None` where it is no answer of the form asked for.
pub fn verdict(
    simple: bool,
    payload: &[u8],
    arn: &str,
    account: AccountId,
    now: Timestamp,
) -> Option<Verdict> {
    let Value::Object(mut answer) = serde_json::from_slice(payload).ok()? else { return None };
    let mut context = match answer.remove("context") {
        Some(Value::Object(context)) => context,
        None | Some(Value::Null) => Map::new(),
        Some(_) => return None,
    };
    if simple {
        let allowed = answer.get("isAuthorized")?.as_bool()?;
        return Some(Verdict { allowed, context });
    }
    let principal = answer.remove("principalId")?;
    let document = answer.remove("policyDocument")?.to_string();
    context.insert("principalId".to_owned(), principal);
    Some(Verdict { allowed: allows(&document, arn, account, now)?, context })
}

/// Whether a policy lets a route be invoked.
fn allows(document: &str, arn: &str, account: AccountId, now: Timestamp) -> Option<bool> {
    let policy = Arc::new(Policy::parse(document).ok()?);
    let identity = IdentityPolicies {
        identity: vec![Attached { name: "authorizer".into(), policy }],
        ..IdentityPolicies::default()
    };
    let principal = Principal { account: Some(account), ..Principal::ANONYMOUS };
    let request = Request {
        principal: &principal,
        action: "execute-api:Invoke",
        resource: arn,
        resource_account: account,
        context: &Context::new(),
        now,
    };
    Some(policy::evaluate(&request, &Policies { identity: &identity, resource: None }).is_allowed())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/GET/request";

    fn decided(simple: bool, answer: &str) -> Option<bool> {
        let account = AccountId::from_number(123_456_789_012).unwrap();
        verdict(simple, answer.as_bytes(), ARN, account, Timestamp(0)).map(|verdict| verdict.allowed)
    }

    /// The answers of "Control access to HTTP APIs with AWS Lambda authorizers".
    #[test]
    fn answers() {
        let policy = |effect: &str, resource: &str| {
            format!(
                r#"{{"principalId": "abcdef", "policyDocument": {{"Version": "2012-10-17", "Statement": [
                    {{"Action": "execute-api:Invoke", "Effect": "{effect}", "Resource": "{resource}"}}]}},
                    "context": {{"exampleKey": "exampleValue"}}}}"#
            )
        };
        assert_eq!(decided(true, r#"{"isAuthorized": true, "context": {"a": 1}}"#), Some(true));
        assert_eq!(decided(true, r#"{"isAuthorized": false}"#), Some(false));
        assert_eq!(decided(true, r#"{"isAuthorized": "yes"}"#), None);
        assert_eq!(decided(true, "{}"), None);
        assert_eq!(decided(false, &policy("Allow", ARN)), Some(true));
        let any = "arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/*/*";
        assert_eq!(decided(false, &policy("Allow", any)), Some(true));
        assert_eq!(decided(false, &policy("Deny", ARN)), Some(false));
        let other = "arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/GET/other";
        assert_eq!(decided(false, &policy("Allow", other)), Some(false));
        assert_eq!(decided(false, r#"{"isAuthorized": true}"#), None);
        assert_eq!(decided(false, "\"allow\""), None);
    }

    #[test]
    fn places_of_identities() {
        let sources = [
            "$request.header.Authorization",
            "$request.querystring.q",
            "$stageVariables.v",
            "$context.stage",
        ];
        assert!(check_sources(&sources.map(str::to_owned)).is_ok());
        for text in ["Authorization", "$request.header.", "$request.body.x", "route.request.header.Auth"] {
            assert!(check_sources(&[text.to_owned()]).is_err(), "{text}");
        }
    }
}
