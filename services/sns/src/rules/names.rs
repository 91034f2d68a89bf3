//! Names of topics, ARNs as they are given, ids of batch entries, numbers of phones.

use crate::errors::SnsError;
use names::Arn;

fn plain(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Checks the name of a new topic (CreateTopic, API reference).
pub fn check_topic(name: &str, fifo: bool) -> Result<(), SnsError> {
    let stem = if fifo { name.strip_suffix(".fifo").unwrap_or_default() } else { name };
    if !stem.is_empty() && name.len() <= 256 && plain(stem) {
        Ok(())
    } else {
        Err(SnsError::invalid("Topic Name"))
    }
}

/// Checks the id of a batch entry.
pub fn check_entry(id: &str) -> Result<(), SnsError> {
    if id.len() > 80 {
        return Err(SnsError::InvalidBatchEntryId(format!("is too long: {id}")));
    }
    if id.is_empty() || !plain(id) {
        return Err(SnsError::InvalidBatchEntryId(format!("contains an impermissible character: {id}")));
    }
    Ok(())
}

/// Checks an id of a message's group or for its deduplication.
pub fn check_id(name: &str, id: &str) -> Result<(), SnsError> {
    let fine = !id.is_empty() && id.len() <= 128 && id.bytes().all(|b| b.is_ascii_graphic());
    if fine {
        return Ok(());
    }
    Err(SnsError::invalid(format!(
        "{name} Reason: can only include alphanumeric and punctuation characters. 1 to 128 in length."
    )))
}

/// An ARN that a parameter holds.
pub fn arn(parameter: &str, text: &str) -> Result<Arn, SnsError> {
    let elements = text.split(':').count();
    if elements < 6 {
        return Err(SnsError::invalid(format!(
            "{parameter} Reason: An ARN must have at least 6 elements, not {elements}"
        )));
    }
    text.parse().map_err(|_| SnsError::invalid(parameter))
}

/// Whether a text is a phone's number in the form of E.164.
pub fn is_phone(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    (2..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0')
}

/// Whether a text is a phone's number as it may be subscribed: with single dashes, dots, blanks or brackets
/// in it.
pub fn is_subscribed_phone(text: &str) -> bool {
    let fine = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | ' ' | '(' | ')' | '/');
    let separator = |c: char| matches!(c, '-' | '.' | '/');
    let digits: String = text.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
    let doubled = text.as_bytes().windows(2).any(|pair| pair.iter().all(|b| separator(char::from(*b))));
    text.chars().all(fine)
        && !doubled
        && !text.starts_with(separator)
        && !text.ends_with(separator)
        && is_phone(&digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics() {
        let long = "a".repeat(257);
        let table = [
            ("orders", false, true),
            ("a-b_C9", false, true),
            ("orders.fifo", true, true),
            ("orders.fifo", false, false),
            ("orders", true, false),
            (".fifo", true, false),
            ("", false, false),
            ("a b", false, false),
            (&long, false, false),
        ];
        for (name, fifo, fine) in table {
            assert_eq!(check_topic(name, fifo).is_ok(), fine, "{name}");
        }
    }

    #[test]
    fn phones() {
        // The subscribed ones: tests/test_sns/test_subscriptions.py of moto.
        for (text, fine) in
            [("+15551234567", true), ("15551234567", false), ("+1", false), ("NAA+1555", false)]
        {
            assert_eq!(is_phone(text), fine, "{text}");
        }
        for (text, fine) in [
            ("+15551234567", true),
            ("+15/55-123.4567", true),
            ("+15--551234567", false),
            ("+15551234567.", false),
            ("/+15551234567", false),
        ] {
            assert_eq!(is_subscribed_phone(text), fine, "{text}");
        }
    }

    #[test]
    fn arns() {
        assert!(arn("TopicArn", "arn:aws:sns:us-east-1:000000000000:t").is_ok());
        let refused = arn("TopicArn", "topic").unwrap_err();
        assert_eq!(
            refused,
            SnsError::invalid("TopicArn Reason: An ARN must have at least 6 elements, not 1")
        );
    }
}
