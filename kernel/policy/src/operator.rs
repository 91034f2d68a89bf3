//! Condition operators: what each compares, and the operands it is compared with, read once.

use crate::arn_pattern::{ArnPattern, ArnText};
use crate::glob::Case;
use crate::pattern::{Pattern, Reading};
use crate::request::Lookup;
use base64::Engine;
use names::Timestamp;
use std::cmp::Ordering;
use std::net::IpAddr;

/// What kind of value an operator compares, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Text { case: Case, wildcards: bool },
    Number(Order),
    Date(Order),
    Boolean,
    Binary,
    Ip,
    Arn,
}

/// Which orders of value and operand fulfil a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Order {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Order::Equal => ordering.is_eq(),
            Order::Less => ordering.is_lt(),
            Order::LessOrEqual => ordering.is_le(),
            Order::Greater => ordering.is_gt(),
            Order::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

/// An operator without set prefix and `IfExists`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Operator {
    comparison: Comparison,
    /// The operator holds where no operand fulfils the comparison.
    pub(crate) negated: bool,
}

impl Operator {
    /// An operator by its name; names are taken in any case, as IAM takes them.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        const TEXT: Comparison = Comparison::Text { case: Case::Exact, wildcards: false };
        const FOLDED: Comparison = Comparison::Text { case: Case::Folded, wildcards: false };
        const LIKE: Comparison = Comparison::Text { case: Case::Exact, wildcards: true };
        let (comparison, negated) = match name.to_ascii_lowercase().as_str() {
            "stringequals" => (TEXT, false),
            "stringnotequals" => (TEXT, true),
            "stringequalsignorecase" => (FOLDED, false),
            "stringnotequalsignorecase" => (FOLDED, true),
            "stringlike" => (LIKE, false),
            "stringnotlike" => (LIKE, true),
            "numericequals" => (Comparison::Number(Order::Equal), false),
            "numericnotequals" => (Comparison::Number(Order::Equal), true),
            "numericlessthan" => (Comparison::Number(Order::Less), false),
            "numericlessthanequals" => (Comparison::Number(Order::LessOrEqual), false),
            "numericgreaterthan" => (Comparison::Number(Order::Greater), false),
            "numericgreaterthanequals" => (Comparison::Number(Order::GreaterOrEqual), false),
            "dateequals" => (Comparison::Date(Order::Equal), false),
            "datenotequals" => (Comparison::Date(Order::Equal), true),
            "datelessthan" => (Comparison::Date(Order::Less), false),
            "datelessthanequals" => (Comparison::Date(Order::LessOrEqual), false),
            "dategreaterthan" => (Comparison::Date(Order::Greater), false),
            "dategreaterthanequals" => (Comparison::Date(Order::GreaterOrEqual), false),
            "bool" => (Comparison::Boolean, false),
            "binaryequals" => (Comparison::Binary, false),
            "ipaddress" => (Comparison::Ip, false),
            "notipaddress" => (Comparison::Ip, true),
            "arnequals" | "arnlike" => (Comparison::Arn, false),
            "arnnotequals" | "arnnotlike" => (Comparison::Arn, true),
            _ => return None,
        };
        Some(Operator { comparison, negated })
    }

    /// Reads an operand of a policy; `None` if it is not of the operator's kind.
    pub(crate) fn operand(self, text: &str, variables: bool) -> Option<Operand> {
        match self.comparison {
            Comparison::Text { case, wildcards } => {
                Some(Operand::Text(Pattern::new(text, Reading { wildcards, variables, case })))
            }
            Comparison::Number(_) => number(text).map(Operand::Number),
            Comparison::Date(_) => date(text).map(Operand::Date),
            Comparison::Boolean => boolean(text).map(Operand::Boolean),
            Comparison::Binary => binary(text).map(Operand::Binary),
            Comparison::Ip => Network::parse(text).map(Operand::Ip),
            Comparison::Arn => {
                let reading = Reading { wildcards: true, variables, case: Case::Exact };
                Some(Operand::Arn(ArnPattern::new(text, reading)))
            }
        }
    }

    /// Whether a value of the request fulfils the comparison with an operand.
    pub(crate) fn compare(self, value: &str, operand: &Operand, lookup: &dyn Lookup) -> bool {
        match (self.comparison, operand) {
            (Comparison::Number(order), Operand::Number(operand)) => {
                let ordering = number(value).and_then(|value| value.partial_cmp(operand));
                ordering.is_some_and(|ordering| order.holds(ordering))
            }
            (Comparison::Date(order), Operand::Date(operand)) => {
                date(value).is_some_and(|value| order.holds(value.cmp(operand)))
            }
            (_, Operand::Text(pattern)) => pattern.matches(value, lookup),
            (_, Operand::Boolean(operand)) => boolean(value) == Some(*operand),
            (_, Operand::Binary(operand)) => binary(value).is_some_and(|value| value == *operand),
            (_, Operand::Ip(network)) => value.parse().is_ok_and(|address| network.holds(address)),
            (_, Operand::Arn(pattern)) => pattern.matches(&ArnText::new(value), lookup),
            (_, Operand::Number(_) | Operand::Date(_)) => false,
        }
    }
}

/// An operand of a policy, read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Operand {
    Text(Pattern),
    Number(f64),
    Date(Timestamp),
    Boolean(bool),
    Binary(Vec<u8>),
    Ip(Network),
    Arn(ArnPattern),
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// ISO 8601, or seconds since the epoch.
fn date(text: &str) -> Option<Timestamp> {
    let seconds = text.parse::<i64>().ok().filter(|_| text.len() != 4);
    seconds.map(Timestamp::from_seconds).or_else(|| Timestamp::parse_iso8601(text).ok())
}

pub(crate) fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

fn binary(text: &str) -> Option<Vec<u8>> {
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

/// An address, or a block of addresses: `203.0.113.0/24`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address.parse::<IpAddr>().ok()?, Some(prefix.parse::<u32>().ok()?)),
            None => (text.parse::<IpAddr>().ok()?, None),
        };
        let widest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(widest);
        (prefix <= widest).then_some(Network { address, prefix })
    }

    fn holds(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let differing = u32::from(network) ^ u32::from(address);
                differing.checked_shr(32 - self.prefix).unwrap_or(0) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let differing = u128::from(network) ^ u128::from(address);
                differing.checked_shr(128 - self.prefix).unwrap_or(0) == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}
