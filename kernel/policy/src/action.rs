//! A pattern of actions: `sqs:SendMessage`, `sqs:Send*`, `*`; letters match in both cases.

use crate::glob::Case;
use crate::pattern::{Pattern, Reading};
use crate::request::Lookup;

/// A compiled pattern of actions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ActionPattern {
    /// `*`
    Any,
    /// The service's prefix, and the name.
    Of(Box<str>, Pattern),
    /// Another text.
    Text(Pattern),
}

/// An action cut at its colon.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ActionText<'a> {
    text: &'a str,
    service: &'a str,
    name: &'a str,
}

impl<'a> ActionText<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let (service, name) = text.split_once(':').unwrap_or(("", text));
        ActionText { text, service, name }
    }
}

/// Actions hold no variables.
struct NoVariables;

impl Lookup for NoVariables {
    fn single(&self, _: &str) -> Option<std::borrow::Cow<'_, str>> {
        None
    }
}

impl ActionPattern {
    pub(crate) fn new(text: &str) -> Self {
        let reading = Reading { wildcards: true, variables: false, case: Case::Folded };
        match text.split_once(':') {
            _ if Pattern::new(text, reading).is_any() => ActionPattern::Any,
            Some((service, name)) if !service.contains(['*', '?']) => {
                ActionPattern::Of(service.into(), Pattern::new(name, reading))
            }
            _ => ActionPattern::Text(Pattern::new(text, reading)),
        }
    }

    pub(crate) fn matches(&self, action: &ActionText<'_>) -> bool {
        match self {
            ActionPattern::Any => true,
            ActionPattern::Of(service, name) => {
                service.eq_ignore_ascii_case(action.service) && name.matches(action.name, &NoVariables)
            }
            ActionPattern::Text(pattern) => pattern.matches(action.text, &NoVariables),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_actions() {
        let cases = [
            ("*", "sqs:SendMessage", true),
            ("*:*", "sqs:SendMessage", true),
            ("sqs:*", "sqs:SendMessage", true),
            ("SQS:sendmessage", "sqs:SendMessage", true),
            ("sqs:Send*", "sqs:SendMessageBatch", true),
            ("sqs:Send", "sqs:SendMessage", false),
            ("sns:*", "sqs:SendMessage", false),
            ("s3:Get?bject", "s3:GetObject", true),
            ("s3:*Object", "s3:GetObjectAcl", false),
            ("sqs*:Send*", "sqs:SendMessage", true),
        ];
        for (pattern, action, expected) in cases {
            assert_eq!(ActionPattern::new(pattern).matches(&ActionText::new(action)), expected, "{pattern}");
        }
    }
}
