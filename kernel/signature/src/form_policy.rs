//! The policy of a form that a browser uploads: who signed which fields, until when, and what they may hold.

use crate::KeyCache;
use crate::encoding::unhex;
use crate::{AuthError, Credential, Mismatch};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use names::Timestamp;
use serde_json::Value;
use std::fmt;

/// Conditions of a policy.
const MAX_CONDITIONS: usize = 1000;
/// Fields that need no condition: those of the signature itself.
const OWN_FIELDS: [&str; 5] = ["policy", "x-amz-signature", "signature", "awsaccesskeyid", "file"];

/// What is said of an object of several conditions.
const SEVERAL: &str = "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.";

/// A policy as it was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormPolicy {
    expires: Timestamp,
    conditions: Vec<Condition>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Condition {
    Equal(String, String),
    StartsWith(String, String),
    Length(u64, u64),
    /// One that nothing meets, as it is written.
    Never(String),
}

/// Why a form is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormRefusal {
    /// The policy cannot be read.
    Unreadable(&'static str),
    /// Its time is over.
    Expired,
    /// A condition does not hold: as the policy writes it.
    Failed(String),
    /// A field has no condition.
    Extra(String),
    /// The file is longer than the policy allows.
    TooLarge {
        /// Its bytes.
        size: u64,
        /// The bytes it may have.
        limit: u64,
    },
    /// The file is shorter than the policy allows.
    TooSmall {
        /// Its bytes.
        size: u64,
        /// The bytes it must have.
        limit: u64,
    },
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Condition::Equal(name, value) => write!(f, "[\"eq\", \"${name}\", \"{value}\"]"),
            Condition::StartsWith(name, start) => write!(f, "[\"starts-with\", \"${name}\", \"{start}\"]"),
            Condition::Length(least, most) => write!(f, "[\"content-length-range\", {least}, {most}]"),
            Condition::Never(text) => f.write_str(text),
        }
    }
}

impl FormPolicy {
    /// Reads a policy from its Base64 text.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(text: &str) -> Result<Self, FormRefusal> {
        let unreadable = |why: &'static str| FormRefusal::Unreadable(why);
        let json = STANDARD.decode(text.trim()).map_err(|_| unreadable("Invalid Base64 Encoding."))?;
        let document: Value = serde_json::from_slice(&json).map_err(|_| unreadable("Invalid JSON."))?;
        let expires = document.get("expiration").and_then(Value::as_str);
        let expires = expires.ok_or_else(|| unreadable("Policy missing expiration."))?;
        let expires = Timestamp::parse_iso8601(expires);
        let expires = expires.map_err(|_| unreadable("Invalid 'expiration' value."))?;
        let conditions = document.get("conditions").and_then(Value::as_array);
        let conditions = conditions.ok_or_else(|| unreadable("Policy missing conditions."))?;
        let mut read = Vec::new();
        for condition in conditions.iter().take(MAX_CONDITIONS) {
            if condition.as_object().is_some_and(|equal| equal.len() != 1) {
                return Err(unreadable(SEVERAL));
            }
            conditions_of(condition, &mut read).ok_or_else(|| unreadable("Invalid Condition."))?;
        }
        Ok(FormPolicy { expires, conditions: read })
    }

    /// Holds a form against it: its fields (names in lower case), with those that the request itself states,
    /// and the length of its file.
    ///
    /// # Errors
    /// The first thing that it does not allow.
    pub fn check(
        &self,
        fields: &[(String, String)],
        stated: &[(&str, &str)],
        length: u64,
        now: Timestamp,
    ) -> Result<(), FormRefusal> {
        if self.expires <= now {
            return Err(FormRefusal::Expired);
        }
        let all = || {
            let own = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            own.chain(stated.iter().copied())
        };
        let value = |name: &str| all().find(|(known, _)| *known == name).map_or("", |(_, value)| value);
        for condition in &self.conditions {
            let holds = match condition {
                Condition::Equal(name, expected) => value(name) == expected,
                // S3 API Reference, "POST policy": types between commas are a list, and each must begin so.
                Condition::StartsWith(name, start) if name == "content-type" => {
                    value(name).split(',').all(|one| one.starts_with(start.as_str()))
                }
                Condition::StartsWith(name, start) => value(name).starts_with(start.as_str()),
                Condition::Length(_, limit) if length > *limit => {
                    return Err(FormRefusal::TooLarge { size: length, limit: *limit });
                }
                Condition::Length(limit, _) if length < *limit => {
                    return Err(FormRefusal::TooSmall { size: length, limit: *limit });
                }
                Condition::Length(..) => true,
                Condition::Never(_) => false,
            };
            if !holds {
                return Err(FormRefusal::Failed(condition.to_string()));
            }
        }
        let is_free = |name: &str| OWN_FIELDS.contains(&name) || name.starts_with("x-ignore-");
        let extra = fields.iter().find(|(name, _)| !is_free(name) && !self.is_about(name));
        extra.map_or(Ok(()), |(name, _)| Err(FormRefusal::Extra(name.clone())))
    }

    fn is_about(&self, field: &str) -> bool {
        self.conditions.iter().any(|condition| match condition {
            Condition::Equal(name, _) | Condition::StartsWith(name, _) => name == field,
            Condition::Length(..) | Condition::Never(_) => false,
        })
    }
}

/// Reads one condition.
fn conditions_of(condition: &Value, into: &mut Vec<Condition>) -> Option<()> {
    match condition {
        Value::Object(equal) => {
            for (name, value) in equal {
                into.push(Condition::Equal(name.to_ascii_lowercase(), value.as_str()?.to_owned()));
            }
            Some(())
        }
        Value::Array(parts) => {
            let [operator, first, second] = parts.as_slice() else { return None };
            let operator = operator.as_str()?.to_ascii_lowercase();
            let field = first.as_str().and_then(|name| name.strip_prefix('$')).map(str::to_ascii_lowercase);
            into.push(match (operator.as_str(), field, number(first).zip(number(second))) {
                ("eq", Some(field), _) => Condition::Equal(field, second.as_str()?.to_owned()),
                ("starts-with", Some(field), _) => Condition::StartsWith(field, second.as_str()?.to_owned()),
                ("content-length-range", _, Some((least, most))) => Condition::Length(least, most),
                ("eq" | "starts-with" | "content-length-range", _, _) => Condition::Never(never(parts)?),
                _ => return None,
            });
            Some(())
        }
        _ => None,
    }
}

/// What is written of a condition that nothing meets.
fn never(parts: &[Value]) -> Option<String> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(format!("\"{text}\"")),
        Value::Number(number) => Some(format!("\"{number}\"")),
        _ => None,
    };
    Some(format!("[{}]", parts.iter().map(text).collect::<Option<Vec<_>>>()?.join(", ")))
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// Checks the signature of a form: of the policy's Base64 text, by the key of its credential.
///
/// # Errors
/// If the signatures differ.
pub fn verify_form(
    policy: &str,
    credential: &Credential,
    signature: &str,
    secret: &str,
    cache: &KeyCache,
) -> Result<(), AuthError> {
    let key = cache.key(secret, credential.date(), credential.region(), credential.service());
    match unhex(signature.as_bytes()) {
        Some(given) if key.verifies(policy.as_bytes(), &given) => Ok(()),
        _ => Err(AuthError::SignatureDoesNotMatch(Box::new(Mismatch {
            access_key: credential.access_key().to_owned(),
            canonical_request: String::new(),
            string_to_sign: policy.to_owned(),
            signature: signature.to_owned(),
        }))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(conditions: &str) -> Result<FormPolicy, FormRefusal> {
        let json = format!(r#"{{"expiration":"2026-01-01T12:00:00.000Z","conditions":{conditions}}}"#);
        FormPolicy::parse(&STANDARD.encode(json))
    }

    fn checked(conditions: &str, fields: &[(&str, &str)], length: u64) -> Result<(), FormRefusal> {
        let fields: Vec<_> = fields.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let now = Timestamp::parse_iso8601("2026-01-01T11:59:59Z").unwrap();
        policy(conditions)?.check(&fields, &[("bucket", "b")], length, now)
    }

    // S3 API reference, "POST policy": conditions, and which fields need one.
    #[test]
    fn conditions() {
        let failed = |text: &str| Err(FormRefusal::Failed(text.to_owned()));
        type Case = (&'static str, &'static [(&'static str, &'static str)], u64, Result<(), FormRefusal>);
        let cases: [Case; 14] = [
            (
                r#"[["starts-with", "$Content-Type", "image/"]]"#,
                &[("content-type", "image/png,image/gif")],
                0,
                Ok(()),
            ),
            (
                r#"[["starts-with", "$Content-Type", "image/"]]"#,
                &[("content-type", "image/png,text/html")],
                0,
                failed(r#"["starts-with", "$content-type", "image/"]"#),
            ),
            (r#"[{"bucket":"b"}, {"key":"k"}]"#, &[("key", "k"), ("policy", "p")], 0, Ok(())),
            (r#"[{"bucket":"c"}]"#, &[], 0, failed(r#"["eq", "$bucket", "c"]"#)),
            (r#"[["starts-with", "$Key", "u/"]]"#, &[("key", "u/1")], 0, Ok(())),
            (
                r#"[["starts-with", "$key", "u/"]]"#,
                &[("key", "v")],
                0,
                failed(r#"["starts-with", "$key", "u/"]"#),
            ),
            (
                r#"[["starts-with", "$key", ""]]"#,
                &[("key", "v"), ("acl", "x")],
                0,
                Err(FormRefusal::Extra("acl".into())),
            ),
            (r#"[]"#, &[("x-ignore-this", "v")], 0, Ok(())),
            (
                r#"[["content-length-range", 2, "4"]]"#,
                &[],
                5,
                Err(FormRefusal::TooLarge { size: 5, limit: 4 }),
            ),
            (r#"[["content-length-range", 2, 4]]"#, &[], 1, Err(FormRefusal::TooSmall { size: 1, limit: 2 })),
            (r#"[["like", "$key", "x"]]"#, &[], 0, Err(FormRefusal::Unreadable("Invalid Condition."))),
            // As S3 answers them: LocalStack's test_post_object_policy_conditions_validation_eq and …_size.
            (r#"[["eq", "key", "x"]]"#, &[], 0, failed(r#"["eq", "key", "x"]"#)),
            (
                r#"[["content-length-range", "test", 10]]"#,
                &[],
                0,
                failed(r#"["content-length-range", "test", "10"]"#),
            ),
            (r#"[{"bucket": "b", "key": "k"}]"#, &[], 0, Err(FormRefusal::Unreadable(SEVERAL))),
        ];
        for (conditions, fields, length, expected) in cases {
            assert_eq!(checked(conditions, fields, length), expected, "{conditions}");
        }
    }

    #[test]
    fn time_and_form() {
        let late = Timestamp::parse_iso8601("2026-01-01T12:00:00Z").unwrap();
        assert_eq!(policy("[]").unwrap().check(&[], &[], 0, late), Err(FormRefusal::Expired));
        for (text, why) in [
            ("%", "Invalid Base64 Encoding."),
            ("e30x", "Invalid JSON."),
            ("e30=", "Policy missing expiration."),
        ] {
            assert_eq!(FormPolicy::parse(text), Err(FormRefusal::Unreadable(why)));
        }
        let deep = STANDARD.encode("[".repeat(1_000_000));
        assert_eq!(FormPolicy::parse(&deep), Err(FormRefusal::Unreadable("Invalid JSON.")));
    }

    #[test]
    fn signatures() {
        let credential = Credential::new("AKID", "20260101", "us-east-1", "s3").unwrap();
        let cache = KeyCache::new();
        let key = cache.key("secret", "20260101", "us-east-1", "s3");
        let signature = crate::encoding::hex_text(&key.sign(b"policy"));
        assert_eq!(verify_form("policy", &credential, &signature, "secret", &cache), Ok(()));
        for (policy, signature, secret) in [
            ("other", signature.as_str(), "secret"),
            ("policy", "", "secret"),
            ("policy", &signature, "other"),
        ] {
            assert!(verify_form(policy, &credential, signature, secret, &cache).is_err());
        }
    }
}
