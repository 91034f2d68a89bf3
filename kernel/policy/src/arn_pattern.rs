//! A pattern of ARNs: six parts between colons, each with its own wildcards; the last takes the rest.
//!
//! An ARN with fewer parts is filled up with `*`. A text that is no ARN is compared as a whole.

use crate::pattern::{Pattern, Reading};
use crate::request::Lookup;

/// A compiled pattern of ARNs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ArnPattern {
    /// `*`
    Any,
    /// Partition, service, region, account, resource.
    Parts(Box<[Pattern; 5]>),
    /// Another text.
    Text(Pattern),
}

/// An ARN cut at its colons, or another text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ArnText<'a> {
    text: &'a str,
    parts: Option<[&'a str; 5]>,
}

impl<'a> ArnText<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let parts = text.strip_prefix("arn:").and_then(|rest| {
            let mut fields = rest.splitn(5, ':');
            let parts = [fields.next()?, fields.next()?, fields.next()?, fields.next()?, fields.next()?];
            Some(parts)
        });
        ArnText { text, parts }
    }
}

impl ArnPattern {
    pub(crate) fn new(text: &str, reading: Reading) -> Self {
        let whole = Pattern::new(text, reading);
        if whole.is_any() {
            return ArnPattern::Any;
        }
        let Some(rest) = text.strip_prefix("arn:") else { return ArnPattern::Text(whole) };
        let mut parts: Vec<Pattern> =
            cut(rest, reading.variables).into_iter().map(|part| Pattern::new(part, reading)).collect();
        parts.resize(5, Pattern::any());
        match <[Pattern; 5]>::try_from(parts) {
            Ok(parts) => ArnPattern::Parts(Box::new(parts)),
            Err(_) => ArnPattern::Text(whole),
        }
    }

    pub(crate) fn matches(&self, arn: &ArnText<'_>, lookup: &dyn Lookup) -> bool {
        match (self, &arn.parts) {
            (ArnPattern::Any, _) => true,
            (ArnPattern::Text(pattern), _) => pattern.matches(arn.text, lookup),
            (ArnPattern::Parts(_), None) => false,
            // From the end: names differ more often than partitions.
            (ArnPattern::Parts(patterns), Some(parts)) => {
                patterns.iter().zip(parts).rev().all(|(pattern, part)| pattern.matches(part, lookup))
            }
        }
    }
}

/// Cuts at the first four colons that are not inside a variable.
fn cut(text: &str, variables: bool) -> Vec<&str> {
    let bytes = text.as_bytes();
    let (mut parts, mut start, mut at) = (Vec::with_capacity(5), 0, 0);
    while at < bytes.len() && parts.len() < 4 {
        if variables && bytes[at..].starts_with(b"${") {
            at += text[at..].find('}').unwrap_or(1);
        } else if bytes[at] == b':' {
            parts.push(&text[start..at]);
            start = at + 1;
        }
        at += 1;
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::glob::Case;
    use std::borrow::Cow;

    struct Nothing;

    impl Lookup for Nothing {
        fn single(&self, _: &str) -> Option<Cow<'_, str>> {
            Some(Cow::Borrowed("v:w"))
        }
    }

    #[test]
    fn parts_are_matched_alone() {
        let reading = Reading { wildcards: true, variables: true, case: Case::Exact };
        let queue = "arn:aws:sqs:eu-west-1:000000000000:orders";
        let function = "arn:aws:lambda:eu-west-1:000000000000:function:f:alias";
        let cases = [
            ("*", "anything", true),
            (queue, queue, true),
            ("arn:aws:sqs:*:*:orders", queue, true),
            ("arn:aws:sqs:*:orders", queue, false),
            ("arn:aws:sqs:*", queue, true),
            ("arn:aws:sqs", queue, true),
            ("arn:aws:s*:eu-west-?:000000000000:o*s", queue, true),
            ("arn:aws:sns:*:*:orders", queue, false),
            ("arn:aws:lambda:*:*:function:f", function, false),
            ("arn:aws:lambda:*:*:function:*", function, true),
            ("arn:aws:s3:::b/${x:y}/*", "arn:aws:s3:::b/v:w/k", true),
            ("arn:*:*:*:*:*", "*", false),
            ("execute-api:/*", "execute-api:/prod/GET", true),
        ];
        for (pattern, text, expected) in cases {
            let pattern_ = ArnPattern::new(pattern, reading);
            assert_eq!(pattern_.matches(&ArnText::new(text), &Nothing), expected, "{pattern} {text}");
        }
    }
}
