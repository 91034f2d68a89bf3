//! Names of queues and of batch entries, and the URL of a queue.

use crate::errors::SqsError;
use names::AccountId;

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

/// Checks the id of a batch entry.
pub fn check_entry(id: &str) -> Result<(), SqsError> {
    if id.len() <= 80 && plain(id) { Ok(()) } else { Err(SqsError::InvalidBatchEntryId) }
}

/// The account and name in a queue's URL, whatever its host; a bare name is a queue of the caller.
pub fn of_url(url: &str) -> (Option<AccountId>, &str) {
    let path = url.split_once("://").map_or(url, |(_, rest)| rest);
    let mut segments = path.trim_end_matches('/').rsplit('/');
    let name = segments.next().unwrap_or_default();
    (segments.next().and_then(|segment| segment.parse().ok()), name)
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
        let cases = [
            ("http://localhost:4566/000000000042/q", (account, "q")),
            ("https://sqs.us-east-1.amazonaws.com/000000000042/q.fifo", (account, "q.fifo")),
            ("http://localhost:4566/queue/us-east-1/000000000042/q", (account, "q")),
            ("q", (None, "q")),
            ("http://localhost:4566/q", (None, "q")),
        ];
        for (url, expect) in cases {
            assert_eq!(of_url(url), expect, "{url}");
        }
    }
}
