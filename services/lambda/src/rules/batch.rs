//! What a function's answer says of the messages of its batch.

use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow, rename = "batchItemFailures")]
    failures: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(rename = "itemIdentifier")]
    id: Option<String>,
}

/// The places, in the batch, of the messages that failed. All of them where the answer cannot be understood
/// or names a message that is not in it (Lambda developer guide, "Implementing partial batch responses").
pub fn failed(answer: &[u8], ids: &[&str]) -> Vec<usize> {
    let all = || (0..ids.len()).collect();
    let text = answer.trim_ascii();
    if text.is_empty() || text == b"null" {
        return Vec::new();
    }
    let Ok(parsed) = serde_json::from_slice::<Answer<'_>>(text) else {
        // An answer that is no object reports nothing.
        return if text.starts_with(b"{") { all() } else { Vec::new() };
    };
    let Some(failures) = parsed.failures.filter(|failures| failures.get() != "null") else {
        return Vec::new();
    };
    let Ok(failures) = serde_json::from_str::<Vec<Failure>>(failures.get()) else { return all() };
    let places = failures.iter().map(|failure| {
        let id = failure.id.as_deref().filter(|id| !id.is_empty())?;
        ids.iter().position(|known| *known == id)
    });
    places.collect::<Option<Vec<usize>>>().unwrap_or_else(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers() {
        let cases: [(&str, &[usize]); 11] = [
            ("", &[]),
            ("null", &[]),
            ("\"fine\"", &[]),
            ("{}", &[]),
            (r#"{"batchItemFailures": null}"#, &[]),
            (r#"{"batchItemFailures": []}"#, &[]),
            (r#"{"batchItemFailures": [{"itemIdentifier": "b"}]}"#, &[1]),
            (r#"{"batchItemFailures": [{"itemIdentifier": "x"}]}"#, &[0, 1]),
            (r#"{"batchItemFailures": [{"itemIdentifier": ""}]}"#, &[0, 1]),
            (r#"{"batchItemFailures": [{"other": "b"}]}"#, &[0, 1]),
            (r#"{"batchItemFailures": 7}"#, &[0, 1]),
        ];
        for (answer, expect) in cases {
            assert_eq!(failed(answer.as_bytes(), &["a", "b"]), expect, "{answer}");
        }
    }
}
