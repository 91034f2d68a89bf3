//! Stages: their names, and which of them a path leads to.

use crate::errors::ApiGatewayError;
use std::collections::BTreeMap;

/// The stage at the root of an API's host.
pub const DEFAULT: &str = "$default";

/// Stages of an API.
pub const MOST: usize = 10;

/// Refuses what is no name of a stage.
pub fn check_name(name: &str) -> Result<(), ApiGatewayError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name == DEFAULT || (!name.is_empty() && name.len() <= 128 && name.chars().all(plain)) {
        Ok(())
    } else {
        Err(ApiGatewayError::bad("Stage name only allows a-zA-Z0-9_-"))
    }
}

/// Refuses variables with other characters than AWS lets in.
pub fn check_variables(variables: &BTreeMap<String, String>) -> Result<(), ApiGatewayError> {
    let name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let value = |value: &str| value.chars().all(|c| c.is_ascii_alphanumeric() || "-._~:/?#&=,".contains(c));
    match variables.iter().find(|(key, text)| !name(key) || !value(text)) {
        Some((key, _)) => Err(ApiGatewayError::bad(format!(
            "Stage variable {key} is invalid. Names can have alphanumeric and underscore characters, and \
             the values must match [A-Za-z0-9-._~:/?#&=,]+"
        ))),
        None => Ok(()),
    }
}

/// The stage of a path, and the path that routes see. `known` says whether a stage is there.
pub fn of_path(path: &str, known: impl Fn(&str) -> bool) -> Option<(&str, &str)> {
    let inner = path.strip_prefix('/').unwrap_or(path);
    let first = inner.split('/').next().unwrap_or_default();
    if first != DEFAULT && known(first) {
        let rest = &inner[first.len()..];
        return Some((first, if rest.is_empty() { "/" } else { rest }));
    }
    known(DEFAULT).then_some((DEFAULT, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        for (stages, path, expected) in [
            (&["$default"][..], "/a/b", Some(("$default", "/a/b"))),
            (&["$default", "dev"], "/dev/b", Some(("dev", "/b"))),
            (&["dev"], "/dev", Some(("dev", "/"))),
            (&["dev"], "/dev/", Some(("dev", "/"))),
            (&["dev"], "/prod/x", None),
            (&["$default"], "/$default/x", Some(("$default", "/$default/x"))),
            (&[], "/", None),
        ] {
            assert_eq!(of_path(path, |name| stages.contains(&name)), expected, "{stages:?} {path}");
        }
    }

    #[test]
    fn names() {
        for (name, allowed) in
            [("$default", true), ("dev-1_x", true), ("", false), ("a b", false), ("$x", false)]
        {
            assert_eq!(check_name(name).is_ok(), allowed, "{name}");
        }
        let variables = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        assert!(check_variables(&variables("a_1", "x.y/z?a=b")).is_ok());
        assert!(check_variables(&variables("a-1", "x")).is_err());
        assert!(check_variables(&variables("a", "x y")).is_err());
    }
}
