//! Filter patterns: terms, JSON selectors, or columns between spaces. Parsed once, within a depth budget;
//! matched without recursion over the message.

mod columns;
mod condition;
mod cursor;
mod json;
mod terms;

use columns::Columns;
use cursor::Cursor;
use json::Selection;
use std::collections::BTreeMap;
use std::fmt;
use terms::Terms;

/// How deep parentheses may be.
const MAX_DEPTH: usize = 64;
/// Regular expressions in one pattern.
const MAX_REGEXES: usize = 2;

/// Why a text is no pattern, in AWS's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Malformed {
    /// It cannot be read.
    Pattern,
    /// A term with other characters than letters, digits and underscores needs quotes.
    Term(String),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::Pattern => f.write_str("Invalid filter pattern"),
            Malformed::Term(term) => write!(f, "Invalid character(s) in term '{term}'"),
        }
    }
}

/// A filter pattern.
#[derive(Debug)]
pub enum Pattern {
    /// Terms that a message holds or not; without any it matches all.
    Terms(Terms),
    /// What a JSON message says.
    Json(Selection),
    /// What the columns of a message say.
    Columns(Columns),
}

impl Pattern {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(text);
        let pattern = match cursor.peek() {
            Some('{') => Pattern::Json(Selection::parse(&mut cursor)?),
            Some('[') => Pattern::Columns(Columns::parse(&mut cursor)?),
            _ => Pattern::Terms(Terms::parse(&mut cursor)?),
        };
        if cursor.is_at_end() { Ok(pattern) } else { Err(Malformed::Pattern) }
    }

    /// Whether a message matches.
    pub fn matches(&self, message: &str) -> bool {
        match self {
            Pattern::Terms(terms) => terms.match_text(message),
            Pattern::Json(selection) => selection.matches(message),
            Pattern::Columns(columns) => columns.matches(message),
        }
    }
}

/// What of an event is read as a value.
#[derive(Debug)]
pub enum Selector {
    /// `$.user.id`
    Member(json::Path),
    /// `$bytes`
    Column(String),
}

impl Selector {
    /// Reads one; `None` where it is none.
    pub fn parse(text: &str) -> Option<Self> {
        if text.starts_with("$.") {
            return json::Path::parse(text).map(Selector::Member);
        }
        let name = text.strip_prefix('$').filter(|name| !name.is_empty())?;
        name.chars().all(columns::is_name).then(|| Selector::Column(name.to_owned()))
    }
}

impl Pattern {
    /// Whether events that match this pattern may have such a value.
    pub fn knows(&self, selector: &Selector) -> bool {
        match (self, selector) {
            (Pattern::Columns(columns), Selector::Column(name)) => columns.names().any(|known| known == name),
            (Pattern::Columns(_), Selector::Member(_)) | (_, Selector::Column(_)) => false,
            (Pattern::Json(_) | Pattern::Terms(_), Selector::Member(_)) => true,
        }
    }

    /// The value of a selector in a message that matches.
    pub fn value(&self, selector: &Selector, message: &str) -> Option<String> {
        match (self, selector) {
            (Pattern::Columns(columns), Selector::Column(name)) => columns.named(message).remove(name),
            (_, Selector::Member(path)) => path.value(message),
            (_, Selector::Column(_)) => None,
        }
    }

    /// The columns of a message that matches, by their names; none where the pattern has no columns.
    pub fn columns_of(&self, message: &str) -> BTreeMap<String, String> {
        match self {
            Pattern::Columns(columns) => columns.named(message),
            Pattern::Json(_) | Pattern::Terms(_) => BTreeMap::new(),
        }
    }

    /// What the pattern reads of a message that matches: `{"$.user.id": "7"}`, `{"$bytes": "12"}`.
    pub fn extracted(&self, message: &str) -> BTreeMap<String, String> {
        match self {
            Pattern::Columns(columns) => {
                columns.named(message).into_iter().map(|(name, value)| (format!("${name}"), value)).collect()
            }
            Pattern::Json(selection) => selection.extracted(message),
            Pattern::Terms(_) => BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, message: &str, expected: bool) {
        let parsed = Pattern::parse(pattern).unwrap_or_else(|why| panic!("{pattern}: {why}"));
        assert_eq!(parsed.matches(message), expected, "{pattern} on {message}");
    }

    /// The examples of "Filter pattern syntax" in the CloudWatch Logs user guide.
    #[test]
    fn terms() {
        let lines = [
            "[ERROR 400] BAD REQUEST",
            "[ERROR 401] UNAUTHORIZED REQUEST",
            "[ERROR 419] MISSING ARGUMENTS",
            "[ERROR 420] INVALID ARGUMENTS",
            "[INFO] REQUEST FAILED",
            "[WARN] UNAUTHORIZED REQUEST",
        ];
        for (pattern, expected) in [
            ("", [true, true, true, true, true, true]),
            (" ", [true, true, true, true, true, true]),
            ("ERROR", [true, true, true, true, false, false]),
            ("ERROR ARGUMENTS", [false, false, true, true, false, false]),
            ("error", [false, false, false, false, false, false]),
            ("\"INVALID ARGUMENTS\"", [false, false, false, true, false, false]),
            ("?ERROR ?WARN", [true, true, true, true, false, true]),
            ("ERROR -ARGUMENTS", [true, true, false, false, false, false]),
            ("-\"BAD REQUEST\"", [false, true, true, true, true, true]),
            ("?WARN REQUEST", [true, true, false, false, true, true]),
            ("%AUTHORIZED%", [false, true, false, false, false, true]),
            ("%\\[ERROR 4[0-1]%", [true, true, true, false, false, false]),
        ] {
            for (line, expected) in lines.iter().zip(expected) {
                check(pattern, line, expected);
            }
        }
    }

    /// The message and the patterns of "Using filter patterns to match terms in JSON log events".
    #[test]
    fn json() {
        let message = r#"{
            "eventType": "UpdateTrail",
            "sourceIPAddress": "111.111.111.111",
            "arrayKey": ["value", "another value"],
            "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
            "SomeObject": null,
            "cluster.name": "c",
            "ThisFlag": true,
            "bandwidth": 75.5
        }"#;
        for (pattern, expected) in [
            (r#"{ $.eventType = "UpdateTrail" }"#, true),
            ("{$.eventType=UpdateTrail}", true),
            (r#"{ $.eventType = "Update*" }"#, true),
            (r#"{ $.eventType = "update*" }"#, false),
            ("{ $.sourceIPAddress != 123.123.* }", true),
            ("{ $.sourceIPAddress != 111.111.* }", false),
            (r#"{ $.arrayKey[0] = "value" }"#, true),
            (r#"{ $.arrayKey[1] = "value" }"#, false),
            (r#"{ $.arrayKey[*] = "another value" }"#, true),
            ("{ $.eventType = %Trail% }", true),
            ("{ $.eventType = %^Trail% }", false),
            ("{ $.objectList[1].id = 2 }", true),
            ("{ $.bandwidth > 75 }", true),
            ("{ $.bandwidth > 7.55e1 }", false),
            ("{ $.bandwidth >= 75.5 && $.bandwidth <= 75.5 }", true),
            ("{ $.bandwidth < 75 }", false),
            ("{ $.SomeObject IS NULL }", true),
            ("{ $.eventType IS NULL }", false),
            ("{ $.SomeOtherObject NOT EXISTS }", true),
            ("{ $.SomeObject NOT EXISTS }", false),
            ("{ $.ThisFlag IS TRUE }", true),
            ("{ $.ThisFlag IS FALSE }", false),
            (r#"{ $.['cluster.name'] = "c" }"#, true),
            (r#"{ $.bandwidth = "*" }"#, true),
            (r#"{ $.absent = "*" }"#, false),
            (r#"{ ($.eventType = "Update*") && ($.bandwidth > 1) }"#, true),
            (r#"{ $.eventType = "x" || $.bandwidth > 1 && $.ThisFlag IS TRUE }"#, true),
            (r#"{ ($.eventType = "x" || $.bandwidth > 1) && $.ThisFlag IS FALSE }"#, false),
        ] {
            check(pattern, message, expected);
        }
        check("{ $.a = 1 }", "no JSON", false);
        check("{ $.a = 1 }", "[1]", false);
    }

    /// The message and the patterns of "Using filter patterns to match terms in space-delimited log events".
    #[test]
    fn columns() {
        let message =
            r#"127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534"#;
        for (pattern, expected) in [
            ("[ip, user, username, timestamp, request =*.html*, status_code = 4*, bytes]", true),
            ("[ip, user, username, timestamp, request, status_code = 4*, bytes > 1000]", true),
            ("[ip, user, username, timestamp, request, status_code = 4*, bytes > 2000]", false),
            (
                r"[ip=%127\.0\.0\.[1-9]%, user, username, timestamp, request =*.html*, status_code = 4*, bytes]",
                true,
            ),
            ("[..., request =*.html*, status_code = 4*, bytes]", true),
            ("[ip, ..., bytes = 1534]", true),
            ("[ip, user]", false),
            ("[..., status_code != 404, bytes]", false),
            ("[..., status_code = 4* && status_code != 403, bytes]", true),
            ("[..., status_code = 200 || status_code = 404, bytes]", true),
            ("[w1=INFO, w2]", false),
        ] {
            check(pattern, message, expected);
        }
        check("[w1=INFO, w2, w3]", "INFO 3 x", true);
    }

    /// The columns before and behind `...` are counted where they have no name of their own, as in the
    /// examples of TestMetricFilter in the API reference.
    #[test]
    fn what_is_read() {
        let read = |pattern: &str, message: &str| -> Vec<(String, String)> {
            Pattern::parse(pattern).unwrap().extracted(message).into_iter().collect()
        };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let line = r#"::1 - [10/Oct/2000:13:25:15 -0700] "GET /" 200"#;
        let all = [
            pair("$1", "::1"),
            pair("$2", "-"),
            pair("$3", "10/Oct/2000:13:25:15 -0700"),
            pair("$request", "GET /"),
            pair("$status", "200"),
        ];
        assert_eq!(read("[..., request, status = 2*]", line), all);
        let json = r#"{"a": {"b": "x"}, "n": 1.5, "t": true, "list": [1]}"#;
        assert_eq!(
            read("{ $.a.b = x && ($.n > 1 || $.t IS TRUE) }", json),
            [pair("$.a.b", "x"), pair("$.n", "1.5"), pair("$.t", "true")]
        );
        assert_eq!(read("ERROR", "ERROR"), []);
    }

    #[test]
    fn what_is_no_pattern() {
        for pattern in [
            "{ $.a = }",
            "{ $.a }",
            "{ }",
            "{ $.a = 1",
            "{ $.a = 1 } x",
            "{ a = 1 }",
            "[",
            "[a",
            "[a=]",
            "[]",
            "[..., a, ...]",
            "%(a)%",
            "%a!%",
            "%",
            "\"open",
            "-",
            "?",
            "{ $.a IS MAYBE }",
            "{ $.a = \"x }",
            "%a% %b% %c%",
            "{ ($.a = 1 }",
            "%a{99999}{99999}%",
            "{ $.a[x] = 1 }",
            "{ $.a[99999999999999999999] = 1 }",
        ] {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
        let term = Pattern::parse("foo-bar").unwrap_err().to_string();
        assert_eq!(term, "Invalid character(s) in term 'foo-bar'");
    }

    #[test]
    fn depth_and_length_are_bounded() {
        let deep = 1_000_000;
        for pattern in [
            format!("{{ {}$.a = 1{} }}", "(".repeat(deep), ")".repeat(deep)),
            format!("[{}a = 1{}]", "(".repeat(deep), ")".repeat(deep)),
            "[".repeat(deep),
            "{".repeat(deep),
        ] {
            assert!(Pattern::parse(&pattern).is_err());
        }
        let long = format!("{{ $.a = 1{} }}", " && $.a = 1".repeat(deep / 10));
        check(&long, r#"{"a": 1}"#, true);
        let nested = format!("{}{}", "[".repeat(deep), "]".repeat(deep));
        check("{ $.a = 1 }", &nested, false);
        check("{ $.a = \"*\" }", &format!("{{\"a\": {nested}}}"), false);
        check("[a, ..., b]", &"x ".repeat(deep), true);
        check("[..., a = \"*x*x*x*y\"]", &"x".repeat(deep), false);
    }
}
