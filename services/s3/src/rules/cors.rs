//! Cross-origin rules of a bucket: which are valid, and which of them lets a request in.
//! S3 User Guide, "Elements of a CORS configuration".

use serde::{Deserialize, Serialize};

/// Most rules of a bucket.
pub const MAX_RULES: usize = 100;
const METHODS: [&str; 5] = ["GET", "PUT", "POST", "DELETE", "HEAD"];

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorsRule {
    /// Its id.
    pub id: Option<String>,
    /// Headers that a request may bear; one `*` in each.
    pub allowed_headers: Vec<String>,
    /// Methods.
    pub allowed_methods: Vec<String>,
    /// Origins; one `*` in each.
    pub allowed_origins: Vec<String>,
    /// Headers of the answer that a page may see.
    pub expose_headers: Vec<String>,
    /// How long a browser may keep the answer.
    pub max_age_seconds: Option<i32>,
}

/// Why a rule is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CorsFault {
    /// Not one of the five methods.
    Method(String),
    /// More than one `*` in an origin.
    Origin(String),
    /// More than one `*` in a header.
    Header(String),
    /// No rules, too many, or one without methods or origins.
    Shape,
}

fn stars(text: &str) -> usize {
    text.matches('*').count()
}

/// Holds rules against what S3 takes.
///
/// # Errors
/// What is wrong with the first that it does not take.
pub fn validate(rules: &[CorsRule]) -> Result<(), CorsFault> {
    if rules.is_empty() || rules.len() > MAX_RULES {
        return Err(CorsFault::Shape);
    }
    for rule in rules {
        if rule.allowed_methods.is_empty() || rule.allowed_origins.is_empty() {
            return Err(CorsFault::Shape);
        }
        if let Some(method) = rule.allowed_methods.iter().find(|method| !METHODS.contains(&method.as_str())) {
            return Err(CorsFault::Method(method.clone()));
        }
        if let Some(origin) = rule.allowed_origins.iter().find(|origin| stars(origin) > 1) {
            return Err(CorsFault::Origin(origin.clone()));
        }
        if let Some(header) = rule.allowed_headers.iter().find(|header| stars(header) > 1) {
            return Err(CorsFault::Header(header.clone()));
        }
    }
    Ok(())
}

fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => {
            text.len() >= head.len() + tail.len() && text.starts_with(head) && text.ends_with(tail)
        }
    }
}

/// The first rule that lets in a method with headers from an origin.
pub fn matching<'r>(
    rules: &'r [CorsRule],
    origin: &str,
    method: &str,
    headers: &[&str],
) -> Option<&'r CorsRule> {
    rules.iter().find(|rule| {
        rule.allowed_origins.iter().any(|allowed| fits(allowed, origin))
            && rule.allowed_methods.iter().any(|allowed| allowed == method)
            && headers.iter().all(|header| {
                let header = header.trim().to_ascii_lowercase();
                rule.allowed_headers.iter().any(|allowed| fits(&allowed.to_ascii_lowercase(), &header))
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(origins: &[&str], methods: &[&str], headers: &[&str]) -> CorsRule {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        CorsRule {
            id: None,
            allowed_headers: owned(headers),
            allowed_methods: owned(methods),
            allowed_origins: owned(origins),
            expose_headers: Vec::new(),
            max_age_seconds: Some(3000),
        }
    }

    #[test]
    fn validity() {
        assert_eq!(validate(&[rule(&["*"], &["GET"], &["*"])]), Ok(()));
        assert_eq!(validate(&[]), Err(CorsFault::Shape));
        assert_eq!(validate(&[rule(&[], &["GET"], &[])]), Err(CorsFault::Shape));
        assert_eq!(validate(&[rule(&["*"], &["PATCH"], &[])]), Err(CorsFault::Method("PATCH".into())));
        assert_eq!(validate(&[rule(&["*.*"], &["GET"], &[])]), Err(CorsFault::Origin("*.*".into())));
        assert_eq!(validate(&[rule(&["*"], &["GET"], &["x-*-*"])]), Err(CorsFault::Header("x-*-*".into())));
    }

    #[test]
    fn who_is_let_in() {
        let rules =
            [rule(&["http://*.example.com"], &["PUT"], &["x-amz-*"]), rule(&["*"], &["GET"], &[])];
        for (origin, method, headers, at) in [
            ("http://www.example.com", "PUT", &["X-Amz-Date"][..], Some(0)),
            ("http://www.example.com", "PUT", &["Content-Type"], None),
            ("http://www.example.org", "PUT", &[], None),
            ("http://www.example.org", "GET", &[], Some(1)),
            ("http://www.example.com", "DELETE", &[], None),
        ] {
            let found = matching(&rules, origin, method, headers);
            assert_eq!(found, at.map(|at: usize| &rules[at]), "{origin} {method} {headers:?}");
        }
    }
}
