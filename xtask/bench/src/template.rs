//! Texts with holes: `<<seq>>` is a number no other request of the run has, `<<name>>` a value taken from
//! an earlier answer of the same iteration.

use std::collections::HashMap;

enum Part {
    Text(String),
    Seq,
    Value(String),
}

/// A text, cut at its holes once.
pub struct Template(Vec<Part>);

impl Template {
    /// Cuts a text at its holes.
    pub fn new(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("<<") {
            let Some((name, after)) = after.split_once(">>") else { break };
            parts.push(Part::Text(before.to_owned()));
            parts.push(if name == "seq" { Part::Seq } else { Part::Value(name.to_owned()) });
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        Template(parts)
    }

    /// The text with its holes filled; an unknown value leaves nothing.
    pub fn fill(&self, seq: u64, values: &HashMap<String, String>) -> String {
        self.0.iter().fold(String::new(), |mut text, part| {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Seq => text.push_str(&seq.to_string()),
                Part::Value(name) => text.push_str(values.get(name).map_or("", String::as_str)),
            }
            text
        })
    }
}

/// The string value that follows `"key":` in a JSON text, unescaped only as far as `\/` and `\"` go:
/// enough for receipt handles, URLs and keys.
pub fn json_string(body: &[u8], key: &str) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let after = &text[text.find(&format!("\"{key}\""))? + key.len() + 2..];
    let value = after.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    let mut found = String::new();
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return Some(found),
            '\\' => found.push(chars.next()?),
            c => found.push(c),
        }
    }
    None
}

/// The text of the first element of a name in an XML answer.
pub fn xml_text<'a>(body: &'a str, element: &str) -> Option<&'a str> {
    let after = body.split_once(&format!("<{element}>"))?.1;
    Some(after.split_once(&format!("</{element}>"))?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_filled() {
        let values = HashMap::from([("handle".to_owned(), "h/1".to_owned())]);
        assert_eq!(Template::new("a<<seq>>b<<handle>>c<<none>>").fill(7, &values), "a7bh/1c");
        assert_eq!(Template::new("no << hole").fill(7, &values), "no << hole");
    }

    #[test]
    fn values_are_found_in_answers() {
        let body = br#"{"Messages":[{"Body":"x","ReceiptHandle": "a\/b"}]}"#;
        assert_eq!(json_string(body, "ReceiptHandle").as_deref(), Some("a/b"));
        assert_eq!(json_string(body, "Missing"), None);
        assert_eq!(xml_text("<R><Arn>a</Arn></R>", "Arn"), Some("a"));
    }
}
