//! Which web pages may use a function URL: its owner's settings, over whatever the function says.

use crate::state::urls::UrlCors;
use service::{FrontReply, FrontRequest};

const OURS: [&str; 6] = [
    "access-control-allow-origin",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-allow-credentials",
    "access-control-expose-headers",
    "access-control-max-age",
];

/// The origin of a request, where it is of a web page.
pub fn origin(request: &FrontRequest) -> Option<&str> {
    request.header("origin")
}

/// Whether a request only asks what a page may do.
pub fn is_preflight(request: &FrontRequest) -> bool {
    request.method == "OPTIONS"
        && origin(request).is_some()
        && request.header("access-control-request-method").is_some()
}

fn allowed(cors: &UrlCors, origin: &str) -> Option<String> {
    let origins = cors.origins.as_deref()?;
    let any = origins.iter().any(|own| own == "*");
    if any && cors.credentials != Some(true) {
        return Some("*".to_owned());
    }
    let matches = |own: &String| match own.split_once("://*.") {
        Some((scheme, rest)) => origin
            .strip_prefix(scheme)
            .and_then(|origin| origin.strip_prefix("://"))
            .is_some_and(|host| host.strip_suffix(rest).is_some_and(|before| before.ends_with('.'))),
        None => own.eq_ignore_ascii_case(origin),
    };
    (any || origins.iter().any(matches)).then(|| origin.to_owned())
}

fn push(headers: &mut Vec<(String, String)>, name: &str, value: Option<String>) {
    headers.extend(value.map(|value| (name.to_owned(), value)));
}

fn list(texts: Option<&Vec<String>>) -> Option<String> {
    texts.filter(|texts| !texts.is_empty()).map(|texts| texts.join(","))
}

/// The headers of the answer to a preflight.
pub fn preflight(cors: &UrlCors, origin: &str) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    let Some(allowed) = allowed(cors, origin) else { return headers };
    push(&mut headers, OURS[0], Some(allowed));
    push(&mut headers, OURS[1], list(cors.methods.as_ref()));
    push(&mut headers, OURS[2], list(cors.headers.as_ref()));
    push(&mut headers, OURS[3], cors.credentials.filter(|sent| *sent).map(|_| "true".to_owned()));
    push(&mut headers, OURS[4], list(cors.exposes.as_ref()));
    push(&mut headers, OURS[5], cors.max_age.map(|age| age.to_string()));
    headers
}

/// Puts the settings over what the function says.
pub fn apply(cors: &UrlCors, origin: &str, reply: &mut FrontReply) {
    reply.headers.retain(|(name, _)| !OURS.contains(&name.as_str()));
    let Some(allowed) = allowed(cors, origin) else { return };
    push(&mut reply.headers, OURS[0], Some(allowed));
    push(&mut reply.headers, OURS[3], cors.credentials.filter(|sent| *sent).map(|_| "true".to_owned()));
    push(&mut reply.headers, OURS[4], list(cors.exposes.as_ref()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cors(origins: &[&str], credentials: bool) -> UrlCors {
        UrlCors {
            origins: Some(origins.iter().map(|text| (*text).to_owned()).collect()),
            credentials: Some(credentials),
            methods: Some(vec!["GET".to_owned(), "PUT".to_owned()]),
            max_age: Some(5),
            ..UrlCors::default()
        }
    }

    #[test]
    fn origins() {
        let cases = [
            (cors(&["*"], false), Some("*")),
            (cors(&["*"], true), Some("https://a.example.com")),
            (cors(&["https://a.example.com"], false), Some("https://a.example.com")),
            (cors(&["https://*.example.com"], false), Some("https://a.example.com")),
            (cors(&["http://*.example.com"], false), None),
            (cors(&["https://b.example.com"], false), None),
            (UrlCors::default(), None),
        ];
        for (cors, expect) in cases {
            assert_eq!(allowed(&cors, "https://a.example.com").as_deref(), expect, "{cors:?}");
        }
    }

    #[test]
    fn the_owner_is_over_the_function() {
        let own = vec![("access-control-allow-origin".to_owned(), "*".to_owned())];
        let mut reply = FrontReply { status: 200, headers: own, body: bytes::Bytes::new().into() };
        apply(&cors(&["https://b.com"], false), "https://a.com", &mut reply);
        assert!(reply.headers.is_empty());
        let headers = preflight(&cors(&["*"], false), "https://a.com");
        assert_eq!(headers[1], ("access-control-allow-methods".to_owned(), "GET,PUT".to_owned()));
    }
}
