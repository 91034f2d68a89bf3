//! Bucket policies: whether their resources are the bucket's, and whether they open it to the public.
//! S3 User Guide, "Blocking public access", "The meaning of public".

use serde_json::Value;

/// Condition keys with a fixed value that keep a statement from being public.
const NARROWING: [&str; 12] = [
    "aws:principalarn",
    "aws:principalaccount",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:sourcearn",
    "aws:sourceaccount",
    "aws:sourceip",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
];

/// One value, or the values of a list.
pub fn listed(value: Option<&Value>) -> Vec<&Value> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items.iter().collect(),
        Some(single) => vec![single],
    }
}

fn statements(policy: &Value) -> Vec<&Value> {
    listed(policy.get("Statement"))
}

/// The resources of a policy.
pub fn resources(policy: &Value) -> impl Iterator<Item = &str> {
    let every = statements(policy)
        .into_iter()
        .flat_map(|statement| listed(statement.get("Resource").or_else(|| statement.get("NotResource"))));
    every.filter_map(Value::as_str)
}

/// Whether all resources of a policy lie in this bucket.
pub fn stays_within(policy: &Value, bucket: &str) -> bool {
    resources(policy).all(|resource| {
        let own = resource.strip_prefix("arn:aws:s3:::").and_then(|rest| rest.strip_prefix(bucket));
        own.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || rest == "*")
    })
}

fn everyone(statement: &Value) -> bool {
    let star = |value: &Value| value.as_str() == Some("*");
    match statement.get("Principal") {
        Some(Value::Object(kinds)) => listed(kinds.get("AWS")).into_iter().any(star),
        Some(single) => star(single),
        // Whoever is not named is everyone else.
        None => statement.get("NotPrincipal").is_some(),
    }
}

fn narrowed(statement: &Value) -> bool {
    let Some(Value::Object(operators)) = statement.get("Condition") else { return false };
    operators.iter().any(|(operator, keys)| {
        let plain = ["StringEquals", "StringLike", "ArnEquals", "ArnLike", "IpAddress"];
        let keys = keys.as_object().filter(|_| plain.contains(&operator.as_str()));
        keys.into_iter().flatten().any(|(key, values)| {
            NARROWING.contains(&key.to_ascii_lowercase().as_str())
                && listed(Some(values)).into_iter().all(is_fixed)
        })
    })
}

/// Whether a value stands for something in particular: no wildcard, no variable, no whole internet.
fn is_fixed(value: &Value) -> bool {
    value.as_str().is_some_and(|text| {
        !text.contains('*') && !text.contains('?') && !text.contains("${") && !text.ends_with("/0")
    })
}

/// Whether a policy lets the public in.
pub fn is_public(policy: &Value) -> bool {
    statements(policy).into_iter().any(|statement| {
        statement.get("Effect").and_then(Value::as_str) == Some("Allow")
            && everyone(statement)
            && !narrowed(statement)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn policy(principal: Value, condition: Value) -> Value {
        json!({"Statement": [{"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject",
                              "Resource": "arn:aws:s3:::b/*", "Condition": condition}]})
    }

    #[test]
    fn the_public() {
        for (principal, condition, public) in [
            (json!("*"), json!(null), true),
            (json!({"AWS": "*"}), json!(null), true),
            (json!({"AWS": ["arn:aws:iam::000000000000:root", "*"]}), json!({}), true),
            (json!({"AWS": "arn:aws:iam::000000000000:root"}), json!(null), false),
            (json!({"Service": "lambda.amazonaws.com"}), json!(null), false),
            (json!("*"), json!({"StringEquals": {"aws:SourceVpc": "vpc-91237329"}}), false),
            (json!("*"), json!({"StringLike": {"aws:SourceVpc": "vpc-*"}}), true),
            (json!("*"), json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}), false),
            (json!("*"), json!({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}), true),
            (json!("*"), json!({"StringNotEquals": {"aws:SourceVpc": "vpc-9"}}), true),
        ] {
            assert_eq!(
                is_public(&policy(principal.clone(), condition.clone())),
                public,
                "{principal} {condition}"
            );
        }
        let deny = json!({"Statement": {"Effect": "Deny", "Principal": "*", "Resource": "arn:aws:s3:::b"}});
        assert!(!is_public(&deny));
    }

    #[test]
    fn resources_stay_within() {
        for (resource, within) in [
            ("arn:aws:s3:::b", true),
            ("arn:aws:s3:::b/*", true),
            ("arn:aws:s3:::b*", true),
            ("arn:aws:s3:::bc/*", false),
            ("arn:aws:s3:::other", false),
            ("*", false),
        ] {
            let policy = json!({"Statement": [{"Resource": [resource]}]});
            assert_eq!(stays_within(&policy, "b"), within, "{resource}");
        }
    }
}
