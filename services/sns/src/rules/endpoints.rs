//! Protocols of subscriptions, and what their endpoints look like (Subscribe, API reference).

use crate::errors::SnsError;
use crate::rules::names::is_subscribed_phone;
use crate::state::Protocol;
use names::{AccountId, Arn};

const NAMES: [(&str, Protocol); 9] = [
    ("http", Protocol::Http),
    ("https", Protocol::Https),
    ("email", Protocol::Email),
    ("email-json", Protocol::EmailJson),
    ("sms", Protocol::Sms),
    ("sqs", Protocol::Sqs),
    ("application", Protocol::Application),
    ("lambda", Protocol::Lambda),
    ("firehose", Protocol::Firehose),
];

impl Protocol {
    /// The protocol of a name.
    pub fn parse(name: &str) -> Result<Self, SnsError> {
        let found = NAMES.iter().find(|(known, _)| *known == name).map(|(_, protocol)| *protocol);
        found.ok_or_else(|| {
            SnsError::invalid(format!("Amazon SNS does not support this protocol string: {name}"))
        })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, protocol)| *protocol == self).map_or("", |(name, _)| *name)
    }

    /// Whether its subscribers may get messages without an envelope.
    pub fn takes_raw(self) -> bool {
        matches!(self, Protocol::Http | Protocol::Https | Protocol::Sqs | Protocol::Firehose)
    }
}

/// Checks an endpoint of a topic.
pub fn check(protocol: Protocol, endpoint: &str, fifo_topic: bool) -> Result<(), SnsError> {
    let refuse = |fine: bool, why: &str| if fine { Ok(()) } else { Err(SnsError::invalid(why)) };
    let of_service = |service: &str| {
        endpoint
            .parse::<Arn>()
            .is_ok_and(|arn| arn.service() == service && arn.account().is_some() && arn.region().is_some())
    };
    match protocol {
        Protocol::Http => refuse(is_url(endpoint, "http://"), "Endpoint must match the specified protocol")?,
        Protocol::Https => {
            refuse(is_url(endpoint, "https://"), "Endpoint must match the specified protocol")?;
        }
        Protocol::Email | Protocol::EmailJson => refuse(is_address(endpoint), "Email address")?,
        Protocol::Sms if !is_subscribed_phone(endpoint) => {
            return Err(SnsError::InvalidPlain(format!("Invalid SMS endpoint: {endpoint}")));
        }
        Protocol::Sms => {}
        Protocol::Sqs => refuse(of_service("sqs"), "SQS endpoint ARN")?,
        Protocol::Lambda => refuse(of_service("lambda"), "Lambda endpoint ARN")?,
        Protocol::Firehose => refuse(of_service("firehose"), "Firehose endpoint ARN")?,
        Protocol::Application => refuse(of_service("sns"), "Application endpoint arn invalid")?,
    }
    match (fifo_topic, protocol) {
        (false, Protocol::Sqs) if endpoint.ends_with(".fifo") => Err(SnsError::invalid(
            "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics",
        )),
        (false, _) | (true, Protocol::Sqs) => Ok(()),
        (true, _) => Err(SnsError::invalid("Invalid parameter: Endpoint Reason: Please use FIFO SQS queue")),
    }
}

fn is_url(text: &str, scheme: &str) -> bool {
    let rest = text.strip_prefix(scheme).unwrap_or_default();
    !rest.is_empty() && !rest.starts_with('/') && text.len() <= 2048 && text.parse::<http::Uri>().is_ok()
}

fn is_address(text: &str) -> bool {
    let parts = text.split_once('@');
    parts.is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && !host.contains('@'))
        && !text.contains(char::is_whitespace)
        && text.len() <= 320
}

/// Whether a subscriber must say itself that it wants messages. Queues and functions need not, where their
/// own account subscribes them.
pub fn needs_confirmation(protocol: Protocol, endpoint: &str, subscriber: AccountId) -> bool {
    match protocol {
        Protocol::Http | Protocol::Https | Protocol::Email | Protocol::EmailJson => true,
        Protocol::Sqs | Protocol::Lambda => {
            endpoint.parse::<Arn>().ok().and_then(|arn| arn.account()) != Some(subscriber)
        }
        Protocol::Sms | Protocol::Application | Protocol::Firehose => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        let queue = "arn:aws:sqs:us-east-1:000000000000:q";
        let table = [
            ("http", "http://example.com/x", false, true),
            ("http", "https://example.com/x", false, false),
            ("http", "http://", false, false),
            ("https", "https://example.com", false, true),
            ("email", "bard@example.com", false, true),
            ("email", "bard", false, false),
            ("sqs", queue, false, true),
            ("sqs", "http://localhost:4566/000000000000/q", false, false),
            ("sqs", "arn:aws:sqs:us-east-1:000000000000:q.fifo", false, false),
            ("sqs", "arn:aws:sqs:us-east-1:000000000000:q.fifo", true, true),
            ("sqs", queue, true, true),
            ("lambda", queue, false, false),
            ("lambda", "arn:aws:lambda:us-east-1:000000000000:function:f", false, true),
            ("http", "http://example.com/x", true, false),
            ("sms", "+15551234567", false, true),
        ];
        for (protocol, endpoint, fifo, fine) in table {
            let protocol = Protocol::parse(protocol).unwrap();
            assert_eq!(check(protocol, endpoint, fifo).is_ok(), fine, "{endpoint}");
        }
        assert!(Protocol::parse("pigeon").is_err());
    }

    #[test]
    fn who_confirms() {
        let other = AccountId::from_number(1).unwrap();
        let queue = "arn:aws:sqs:us-east-1:000000000000:q";
        assert!(!needs_confirmation(Protocol::Sqs, queue, AccountId::DEFAULT));
        assert!(needs_confirmation(Protocol::Sqs, queue, other));
        assert!(needs_confirmation(Protocol::Http, "http://x", AccountId::DEFAULT));
    }
}
