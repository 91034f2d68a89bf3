//! Names of queues and of batch entries, and the URL of a queue.

use crate::errors::SqsError;
use names::{AccountId, Region};

fn plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Checks the name of a new queue; says whether it is one of a FIFO queue.
pub fn check(name: &str, fifo: bool) -> Result<(), SqsError> {
    let stem = name.strip_suffix(".fifo");
    match (stem, fifo) {
        (Some(stem), true) if name.len() <= 80 && plain(stem) => Ok(()),
        (_, true) => Err(SqsError::InvalidFifoName),
        (None, false) if name.len() <= 80 && plain(name) => Ok(()),
        (_, false) => Err(SqsError::InvalidName),
    }
}

/// Whether a text is the label of a permission (AddPermission, API reference).
pub fn is_label(text: &str) -> bool {
    text.len() <= 80 && plain(text)
}

/// Checks the id of a batch entry.
pub fn check_entry(id: &str) -> Result<(), SqsError> {
    if id.len() <= 80 && plain(id) { Ok(()) } else { Err(SqsError::InvalidBatchEntryId) }
}

/// What a queue's URL says.
#[derive(Debug, PartialEq, Eq)]
pub struct OfUrl<'a> {
    /// The region, where it is named.
    pub region: Option<Region>,
    /// The account, where it is named.
    pub account: Option<AccountId>,
    /// The queue's name.
    pub name: &'a str,
}

/// Reads a queue's URL, in any of the forms that a region is reached by; a bare name is a queue of the caller.
///
/// The region stands in the host (`sqs.eu-west-1.…`, `eu-west-1.queue.…`) or in the path (`/queue/eu-west-1/…`).
pub fn of_url(url: &str) -> OfUrl<'_> {
    // Byte by byte: it is read twice for each request, and is too short for a searcher to be worth its making.
    let scheme = url.bytes().position(|byte| byte == b':').filter(|at| url[*at..].starts_with("://"));
    let rest = scheme.map_or(url, |at| &url[at + 3..]);
    let mut left = rest.trim_end_matches('/');
    let mut segment = || {
        let begin = left.bytes().rposition(|byte| byte == b'/');
        let segment = begin.map_or(left, |at| &left[at + 1..]);
        left = begin.map_or("", |at| &left[..at]);
        Some(segment).filter(|segment| begin.is_some() || !segment.is_empty())
    };
    let name = segment().unwrap_or_default();
    let account = segment().and_then(|segment| segment.parse().ok());
    let of_path = match (segment(), segment()) {
        (Some(region), Some("queue")) => region.parse().ok(),
        _ => None,
    };
    let host = scheme.map(|_| &rest[..rest.bytes().position(|byte| byte == b'/').unwrap_or(rest.len())]);
    let mut labels = host.unwrap_or_default().split('.');
    let of_host = match (labels.next(), labels.next(), labels.next()) {
        (Some("sqs"), Some(region), Some(_)) | (Some(region), Some("queue"), Some(_)) => region.parse().ok(),
        _ => None,
    };
    OfUrl { region: of_path.or(of_host), account, name }
}

/// Checks an id of a message's group or for its deduplication (SendMessage, API reference).
pub fn check_id(name: &str, id: &str) -> Result<(), SqsError> {
    if (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(SqsError::InvalidParameterValue(format!(
        "Value {id} for parameter {name} is invalid. Reason: {name} can only include alphanumeric and punctuation \
         characters. 1 to 128 in length."
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        // CreateQueue, API reference: up to 80 alphanumeric characters, hyphens, underscores; `.fifo`.
        let fine = [("orders", false), ("a-b_C9", false), ("orders.fifo", true)];
        for (name, fifo) in fine {
            assert!(check(name, fifo).is_ok(), "{name}");
        }
        let long = "a".repeat(81);
        for (name, fifo) in
            [("", false), ("a.b", false), ("orders.fifo", false), ("orders", true), (&long, false)]
        {
            assert!(check(name, fifo).is_err(), "{name}");
        }
    }

    #[test]
    fn urls() {
        let account = "000000000042".parse().ok();
        let region = |name: &str| name.parse().ok();
        let cases = [
            ("http://localhost:4566/000000000042/q", (None, account, "q")),
            (
                "https://sqs.us-east-1.amazonaws.com/000000000042/q.fifo",
                (region("us-east-1"), account, "q.fifo"),
            ),
            (
                "http://eu-west-1.queue.localhost.localstack.cloud:4566/000000000042/q",
                (region("eu-west-1"), account, "q"),
            ),
            ("http://localhost:4566/queue/us-east-1/000000000042/q", (region("us-east-1"), account, "q")),
            ("http://127.0.0.1:4566/000000000042/q", (None, account, "q")),
            ("q", (None, None, "q")),
            ("http://localhost:4566/q", (None, None, "q")),
        ];
        for (url, (region, account, name)) in cases {
            assert_eq!(of_url(url), OfUrl { region, account, name }, "{url}");
        }
    }

    #[test]
    fn ids() {
        for (id, fine) in [("a", true), ("", false), ("a b", false), ("!#~", true), (&"a".repeat(129), false)]
        {
            assert_eq!(check_id("MessageGroupId", id).is_ok(), fine, "{id}");
        }
    }
}
