//! Route keys: `GET /pets/{id}`, `ANY /{proxy+}`, `$default`; how they are written, and which of them a
//! request takes.

use super::urls::decoded;
use crate::errors::ApiGatewayError;
use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;

/// The key of the route that takes what no other takes.
pub const DEFAULT: &str = "$default";

const METHODS: [&str; 8] = ["ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
const MAX_SEGMENTS: usize = 64;

/// A part of a route's path between slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    /// Exactly this.
    Literal(String),
    /// `{name}`
    Variable(String),
    /// `{name+}`: all that follows.
    Greedy(String),
}

impl Segment {
    fn parse(text: &str, last: bool) -> Option<Self> {
        let Some(name) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
            return (!text.contains(['{', '}'])).then(|| Segment::Literal(text.to_owned()));
        };
        let (name, greedy) = name.strip_suffix('+').map_or((name, false), |name| (name, true));
        let named = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-:".contains(c));
        match (named, greedy) {
            (true, false) => Some(Segment::Variable(name.to_owned())),
            (true, true) if last => Some(Segment::Greedy(name.to_owned())),
            _ => None,
        }
    }

    /// The more exact, the smaller.
    fn rank(&self) -> u8 {
        match self {
            Segment::Literal(_) => 0,
            Segment::Variable(_) => 1,
            Segment::Greedy(_) => 2,
        }
    }
}

/// A route key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteKey {
    /// `$default`
    Default,
    /// A method and a path.
    Path {
        /// `GET`, `ANY`, …
        method: String,
        /// The path's parts.
        path: Vec<Pattern>,
    },
}

/// A part of a route's path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Segment);

impl RouteKey {
    /// Reads a route key.
    pub fn parse(text: &str) -> Result<Self, ApiGatewayError> {
        if text == DEFAULT {
            return Ok(RouteKey::Default);
        }
        parsed(text).ok_or_else(|| {
            ApiGatewayError::bad(
                "The provided route key is not formatted properly for HTTP protocol. Format should be \
                 \"<HTTP METHOD> /<RESOURCE PATH>\" or \"$default\"",
            )
        })
    }

    /// The path parameters of a request that this route takes; `None` for others. The path's parts are
    /// compared decoded.
    pub fn matches(&self, method: &str, path: &str) -> Option<BTreeMap<String, String>> {
        let RouteKey::Path { method: own, path: patterns } = self else { return Some(BTreeMap::new()) };
        if own != "ANY" && own != method {
            return None;
        }
        let mut parameters = BTreeMap::new();
        let mut rest = path.strip_prefix('/')?;
        for (at, Pattern(segment)) in patterns.iter().enumerate() {
            let last = at + 1 == patterns.len();
            let (part, after) = match rest.split_once('/') {
                Some((part, after)) if !last => (part, after),
                None if last => (rest, ""),
                Some(_) if matches!(segment, Segment::Greedy(_)) => (rest, ""),
                _ => return None,
            };
            match segment {
                Segment::Literal(literal) if decoded(part) == *literal => {}
                Segment::Variable(name) | Segment::Greedy(name) if !part.is_empty() => {
                    parameters.insert(name.clone(), decoded(part));
                }
                _ => return None,
            }
            rest = after;
        }
        Some(parameters)
    }

    /// The path as it is written in events and ARNs.
    pub fn resource(text: &str) -> &str {
        text.split_once(' ').map_or(text, |(_, path)| path)
    }

    /// The order in which routes are tried: paths without a greedy end before those with one, exact parts
    /// before variables, longer greedy paths before shorter, a method before `ANY`, `$default` last.
    pub fn precedence(&self, other: &Self) -> Ordering {
        let (RouteKey::Path { method: own, path }, RouteKey::Path { method: others, path: other_path }) =
            (self, other)
        else {
            return matches!(self, RouteKey::Default).cmp(&matches!(other, RouteKey::Default));
        };
        let greedy = |path: &[Pattern]| matches!(path.last(), Some(Pattern(Segment::Greedy(_))));
        let ranks = |path: &[Pattern]| path.iter().map(|pattern| pattern.0.rank()).collect::<Vec<_>>();
        let is_any = |method: &str| method == "ANY";
        greedy(path)
            .cmp(&greedy(other_path))
            .then_with(|| Reverse(path.len()).cmp(&Reverse(other_path.len())))
            .then_with(|| ranks(path).cmp(&ranks(other_path)))
            .then_with(|| is_any(own).cmp(&is_any(others)))
    }
}

fn parsed(text: &str) -> Option<RouteKey> {
    let (method, path) = text.split_once(' ')?;
    let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
    if !METHODS.contains(&method) || segments.len() > MAX_SEGMENTS || path.contains([' ', '?', '#']) {
        return None;
    }
    let count = segments.len();
    let patterns = segments.into_iter().enumerate();
    let patterns = patterns.map(|(at, text)| Segment::parse(text, at + 1 == count).map(Pattern));
    Some(RouteKey::Path { method: method.to_owned(), path: patterns.collect::<Option<_>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(routes: &[&str], request: &str) -> Option<(String, BTreeMap<String, String>)> {
        let mut keys: Vec<(RouteKey, &str)> =
            routes.iter().map(|text| (RouteKey::parse(text).unwrap(), *text)).collect();
        keys.sort_by(|a, b| a.0.precedence(&b.0));
        let (method, path) = request.split_once(' ').unwrap();
        keys.into_iter().find_map(|(key, text)| Some((text.to_owned(), key.matches(method, path)?)))
    }

    /// The routes and requests of "Routing API requests" in "Create routes for HTTP APIs in API Gateway".
    #[test]
    fn the_documented_examples() {
        let routes =
            ["$default", "ANY /{proxy+}", "GET /pets/{proxy+}", "GET /pets/dog/{id}", "GET /pets/dog/1"];
        for (request, expected) in [
            ("GET /pets/dog/1", "GET /pets/dog/1"),
            ("GET /pets/dog/2", "GET /pets/dog/{id}"),
            ("GET /pets/cat/1", "GET /pets/{proxy+}"),
            ("POST /test/5", "ANY /{proxy+}"),
        ] {
            assert_eq!(chosen(&routes, request).unwrap().0, expected, "{request}");
        }
        assert_eq!(chosen(&routes, "GET /").unwrap().0, "$default");
    }

    #[test]
    fn methods_and_paths() {
        for (routes, request, expected) in [
            (&["ANY /a", "GET /a"][..], "GET /a", Some("GET /a")),
            (&["ANY /a", "GET /a"], "PUT /a", Some("ANY /a")),
            (&["GET /{x}/b", "GET /a/{y}"], "GET /a/b", Some("GET /a/{y}")),
            (&["ANY /a/b", "GET /a/{x+}"], "GET /a/b", Some("ANY /a/b")),
            (&["GET /a/{x+}", "GET /a/b/{y+}"], "GET /a/b/c", Some("GET /a/b/{y+}")),
            (&["GET /a"], "GET /a/", None),
            (&["GET /a/"], "GET /a/", Some("GET /a/")),
            (&["GET /a/{x}"], "GET /a/", None),
            (&["GET /a/{x+}"], "GET /a", None),
            (&["GET /{x+}"], "GET /", None),
            (&["GET /"], "GET /", Some("GET /")),
            (&["GET /"], "GET /a", None),
            (&["GET /a b"], "GET /a", None),
        ] {
            let routes: Vec<&str> =
                routes.iter().copied().filter(|key| RouteKey::parse(key).is_ok()).collect();
            assert_eq!(chosen(&routes, request).map(|found| found.0).as_deref(), expected, "{request}");
        }
    }

    #[test]
    fn parameters_are_decoded() {
        let found = |route: &str, request: &str| chosen(&[route], request).unwrap().1;
        let one = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        assert_eq!(found("GET /a/{id}", "GET /a/x%20y%2Fz"), one("id", "x y/z"));
        assert_eq!(found("ANY /{proxy+}", "GET /a/b%20c/"), one("proxy", "a/b c/"));
    }

    #[test]
    fn what_is_no_route_key() {
        for text in [
            "",
            "GET",
            "GET/pets",
            "get /pets",
            "FETCH /pets",
            "GET pets",
            "GET /{}",
            "GET /{a",
            "GET /a}",
            "GET /{a+}/b",
            "GET /x{a}",
            "GET /a?b",
            "$disconnect",
            "GET /{a b}",
        ] {
            assert!(RouteKey::parse(text).is_err(), "{text}");
        }
        assert!(RouteKey::parse(&format!("GET {}", "/x".repeat(1_000_000))).is_err());
        let long = "/x".repeat(1_000_000);
        assert_eq!(chosen(&["GET /{a}/{b}"], &format!("GET {long}")), None);
        assert_eq!(chosen(&["GET /{a+}"], &format!("GET {long}")).unwrap().1["a"].len(), 2_000_000 - 1);
    }
}
