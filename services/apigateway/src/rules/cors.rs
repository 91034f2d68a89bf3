//! Cross-origin requests: the API answers preflights itself and says in other answers who may read them,
//! whatever the function said of it.

use crate::errors::ApiGatewayError;
use serde::{Deserialize, Serialize};
use service::FrontReply;

/// Who may call an API from a web page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cors {
    /// Whether cookies may come along.
    pub allow_credentials: Option<bool>,
    /// Headers that a page may send.
    pub allow_headers: Vec<String>,
    /// Methods that a page may use.
    pub allow_methods: Vec<String>,
    /// Pages: `*`, `https://*`, `http://*`, or an origin.
    pub allow_origins: Vec<String>,
    /// Headers that a page may read.
    pub expose_headers: Vec<String>,
    /// How long a browser may remember a preflight, in seconds.
    pub max_age_s: Option<i32>,
}

impl Cors {
    /// Refuses what contradicts itself.
    pub fn check(&self) -> Result<(), ApiGatewayError> {
        let credentials = self.allow_credentials == Some(true);
        let all = |list: &[String]| list.iter().any(|one| one == "*");
        for (name, list) in [
            ("allowOrigins", &self.allow_origins),
            ("allowMethods", &self.allow_methods),
            ("allowHeaders", &self.allow_headers),
            ("exposeHeaders", &self.expose_headers),
        ] {
            if credentials && all(list) {
                let message = format!("Wildcard * is not allowed for {name} when allowCredentials is true");
                return Err(ApiGatewayError::bad(message));
            }
        }
        let is_origin =
            |one: &String| one == "*" || one.split_once("://").is_some_and(|(_, host)| !host.is_empty());
        match self.allow_origins.iter().find(|one| !is_origin(one)) {
            Some(_) => Err(ApiGatewayError::bad("Invalid format for origin")),
            None => Ok(()),
        }
    }

    /// What `access-control-allow-origin` says to an origin, if it may call at all.
    fn allowed<'o>(&self, origin: &'o str) -> Option<&'o str> {
        let fits = |pattern: &String| match pattern.strip_suffix('*') {
            Some(start) => !start.is_empty() && origin.starts_with(start),
            None => pattern == origin,
        };
        if self.allow_origins.iter().any(|one| one == "*") {
            Some("*")
        } else {
            self.allow_origins.iter().any(fits).then_some(origin)
        }
    }

    /// The answer to a preflight.
    pub fn preflight(&self, origin: &str) -> Vec<(String, String)> {
        let Some(allowed) = self.allowed(origin) else { return Vec::new() };
        let mut headers = vec![header("access-control-allow-origin", allowed)];
        let lists = [
            ("access-control-allow-methods", &self.allow_methods),
            ("access-control-allow-headers", &self.allow_headers),
        ];
        for (name, list) in lists {
            if !list.is_empty() {
                headers.push(header(name, &list.join(",")));
            }
        }
        if let Some(seconds) = self.max_age_s {
            headers.push(header("access-control-max-age", &seconds.to_string()));
        }
        self.credentials(&mut headers);
        headers
    }

    fn credentials(&self, headers: &mut Vec<(String, String)>) {
        if self.allow_credentials == Some(true) {
            headers.push(header("access-control-allow-credentials", "true"));
        }
    }

    /// Says in an answer who may read it, in place of what the function said.
    pub fn apply(&self, origin: Option<&str>, reply: &mut FrontReply) {
        reply.headers.retain(|(name, _)| !name.to_ascii_lowercase().starts_with("access-control-"));
        let Some(allowed) = origin.and_then(|origin| self.allowed(origin)) else { return };
        reply.headers.push(header("access-control-allow-origin", allowed));
        if !self.expose_headers.is_empty() {
            reply.headers.push(header("access-control-expose-headers", &self.expose_headers.join(",")));
        }
        self.credentials(&mut reply.headers);
    }
}

fn header(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn list(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn origins() {
        for (allowed, origin, expected) in [
            (&["*"][..], "https://a.com", Some("*")),
            (&["https://a.com"], "https://a.com", Some("https://a.com")),
            (&["https://a.com"], "http://a.com", None),
            (&["https://*"], "https://b.com", Some("https://b.com")),
            (&["https://*"], "http://b.com", None),
            (&[], "https://a.com", None),
        ] {
            let cors = Cors { allow_origins: list(allowed), ..Cors::default() };
            assert_eq!(cors.allowed(origin), expected, "{allowed:?} {origin}");
        }
    }

    /// "If you configure CORS for an API, API Gateway ignores CORS headers returned from your backend
    /// integration" — "Configure CORS for HTTP APIs in API Gateway".
    #[test]
    fn the_function_has_no_say() {
        let cors = Cors {
            allow_origins: list(&["https://a.com"]),
            expose_headers: list(&["x-a", "x-b"]),
            allow_credentials: Some(true),
            ..Cors::default()
        };
        let own = vec![header("Access-Control-Allow-Origin", "*"), header("x-a", "1")];
        let mut reply = FrontReply { status: 200, headers: own, body: Bytes::new().into() };
        cors.apply(Some("https://a.com"), &mut reply);
        let expected = [
            header("x-a", "1"),
            header("access-control-allow-origin", "https://a.com"),
            header("access-control-expose-headers", "x-a,x-b"),
            header("access-control-allow-credentials", "true"),
        ];
        assert_eq!(reply.headers, expected);
        cors.apply(Some("https://b.com"), &mut reply);
        assert_eq!(reply.headers, [header("x-a", "1")]);
    }

    #[test]
    fn contradictions() {
        let cors = |credentials, origins: &[&str]| Cors {
            allow_credentials: Some(credentials),
            allow_origins: list(origins),
            ..Cors::default()
        };
        assert!(cors(false, &["*"]).check().is_ok());
        assert!(cors(true, &["*"]).check().is_err());
        assert!(cors(false, &["a.com"]).check().is_err());
    }
}
