//! Cross-origin rules of a bucket, and which of them are valid.
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
    /// A `*` in a header that is shown.
    Exposed(String),
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
        if let Some(header) = rule.expose_headers.iter().find(|header| header.contains('*')) {
            return Err(CorsFault::Exposed(header.clone()));
        }
    }
    Ok(())
}

/// Whether a text can be the name of a header (RFC 9110, section 5.6.2).
pub fn is_name(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_letter)
}

/// A page that a rule lets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted<'a> {
    /// The rule.
    pub rule: &'a CorsRule,
    /// The origin as the answer names it: `*` where the rule does not ask who it is.
    pub origin: &'a str,
    /// The headers that were asked for, in lower case.
    pub headers: Vec<String>,
}

/// Whether a text fits a pattern with at most one `*`.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, end)) => {
            text.len() >= start.len() + end.len() && text.starts_with(start) && text.ends_with(end)
        }
    }
}

/// The first rule that lets a page do a method with headers.
pub fn admit<'a>(
    rules: &'a [CorsRule],
    origin: &'a str,
    method: &str,
    headers: &[&str],
) -> Option<Admitted<'a>> {
    let headers: Vec<String> = headers.iter().map(|name| name.to_ascii_lowercase()).collect();
    let has_header = |rule: &CorsRule, name: &String| {
        rule.allowed_headers.iter().any(|pattern| fits(&pattern.to_ascii_lowercase(), name))
    };
    rules.iter().find_map(|rule| {
        let pattern = rule.allowed_origins.iter().find(|pattern| fits(pattern, origin))?;
        let fitting = rule.allowed_methods.iter().any(|known| known == method)
            && headers.iter().all(|name| has_header(rule, name));
        let origin = if pattern == "*" { "*" } else { origin };
        fitting.then(|| Admitted { rule, origin, headers: headers.clone() })
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
        // Recorded of AWS: noobaa-core pull request 8954.
        let exposing = CorsRule { expose_headers: vec!["x-amz-*".into()], ..rule(&["*"], &["GET"], &[]) };
        assert_eq!(validate(&[exposing]), Err(CorsFault::Exposed("x-amz-*".into())));
    }

    #[test]
    fn pages() {
        let rules = [
            rule(&["https://*.example.com", "http://localhost:3000"], &["PUT", "GET"], &["x-amz-*"]),
            rule(&["*"], &["GET"], &[]),
        ];
        type Case = (&'static str, &'static str, &'static [&'static str], Option<(usize, &'static str)>);
        let cases: [Case; 8] = [
            ("https://a.example.com", "PUT", &[], Some((0, "https://a.example.com"))),
            ("https://a.example.com", "PUT", &["X-Amz-Date"], Some((0, "https://a.example.com"))),
            ("https://a.example.com", "PUT", &["content-type"], None),
            ("http://localhost:3000", "GET", &[], Some((0, "http://localhost:3000"))),
            ("https://example.com", "GET", &[], Some((1, "*"))),
            ("https://example.com", "PUT", &[], None),
            ("https://a.example.com.evil", "PUT", &[], None),
            ("https://a.example.com", "DELETE", &[], None),
        ];
        for (origin, method, headers, expect) in cases {
            let found = admit(&rules, origin, method, headers);
            let found = found.map(|found| (usize::from(found.rule == &rules[1]), found.origin));
            assert_eq!(found, expect, "{origin} {method} {headers:?}");
        }
    }
}
