//! What a trust policy must fulfil: its grammar, its size, and that the users and roles it names exist.

use crate::errors::IamError;
use crate::rules::names::{Kind, name_in};
use crate::rules::{documents, quotas};
use crate::state;
use names::{Arn, Scope};
use serde_json::Value;
use store::Read;

/// Refuses a document that is no trust policy here.
pub fn check(read: &impl Read, document: &str) -> Result<(), IamError> {
    policy::trust_policy(document)?;
    quotas::TRUST_SIZE.holds(documents::size(document))?;
    for named in principals(document) {
        if !exists(read, &named)? {
            let message = format!("Invalid principal in policy: \"AWS\":\"{named}\"");
            return Err(IamError::MalformedPolicy(message));
        }
    }
    Ok(())
}

/// The texts under `AWS` in a document that is a policy.
fn principals(document: &str) -> Vec<String> {
    let Ok(document) = serde_json::from_str::<Value>(document) else { return Vec::new() };
    let statements = match &document["Statement"] {
        Value::Array(statements) => statements.iter().collect(),
        single => vec![single],
    };
    let named = statements.into_iter().flat_map(|statement| {
        [&statement["Principal"]["AWS"], &statement["NotPrincipal"]["AWS"]].into_iter().flat_map(texts)
    });
    named.collect()
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// Whether a principal exists. Accounts all do; sessions may at any time.
fn exists(read: &impl Read, named: &str) -> Result<bool, IamError> {
    let Ok(arn) = named.parse::<Arn>() else { return Ok(true) };
    let Some(account) = arn.account() else { return Ok(true) };
    for kind in [Kind::User, Kind::Role] {
        if let Some(name) = name_in(&arn, kind) {
            let found = state::identity(read, &Scope::Account(account), kind, name)?;
            return Ok(found.is_some_and(|identity| identity.arn(kind, account) == arn));
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals_of_all_statements() {
        let document = r#"{"Statement": [
            {"Principal": {"AWS": ["a", "b"], "Service": "s"}},
            {"Principal": "*"},
            {"NotPrincipal": {"AWS": "c"}}]}"#;
        assert_eq!(principals(document), ["a", "b", "c"]);
        assert_eq!(principals(r#"{"Statement": {"Principal": {"AWS": "d"}}}"#), ["d"]);
        assert_eq!(principals("no JSON"), Vec::<String>::new());
    }
}
