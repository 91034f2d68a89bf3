//! The tests of a filter policy on one value. Of a list, one item must pass.

use serde_json::Value;
use std::net::IpAddr;

/// How deep lists in lists are looked into.
const MAX_DEPTH: usize = 128;

/// A test of a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Test {
    Equals(Value),
    IgnoresCase(String),
    Prefix(String),
    Suffix(String),
    Wildcard(String),
    AnythingBut(AnythingBut),
    Exists(bool),
    Numeric(Vec<(Comparison, f64)>),
    Cidr(Network),
}

/// What a value must not be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum AnythingBut {
    Values(Vec<Value>),
    Prefixes(Vec<String>),
    Wildcards(Vec<String>),
    IgnoringCase(Vec<String>),
}

/// How a number stands to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Less,
    AtMost,
    More,
    AtLeast,
}

impl Comparison {
    /// The comparison of an operator.
    pub(super) fn parse(operator: &str) -> Option<Self> {
        Some(match operator {
            "=" => Comparison::Equal,
            "<" => Comparison::Less,
            "<=" => Comparison::AtMost,
            ">" => Comparison::More,
            ">=" => Comparison::AtLeast,
            _ => return None,
        })
    }

    fn holds(self, number: f64, bound: f64) -> bool {
        let (number, bound) = (rounded(number), rounded(bound));
        match self {
            Comparison::Equal => number == bound,
            Comparison::Less => number < bound,
            Comparison::AtMost => number <= bound,
            Comparison::More => number > bound,
            Comparison::AtLeast => number >= bound,
        }
    }
}

/// Numbers are compared to the sixth digit behind the point.
fn rounded(number: f64) -> f64 {
    (number * 1e6).round()
}

/// Addresses with the same beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// A network in CIDR notation, or what is wrong with it (aws/event-ruler, `CIDR`).
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let parts = text.trim_end_matches('/').split_once('/').filter(|(_, bits)| !bits.contains('/'));
        let (address, bits) = parts.ok_or("Malformed CIDR, one '/' required")?;
        let bits: i32 = bits.parse().map_err(|_| "Malformed CIDR, mask bits must be an integer")?;
        let bits = u32::try_from(bits).map_err(|_| "Malformed CIDR, mask bits must not be negative")?;
        let address: IpAddr = address.parse().map_err(|_| format!("Nonstandard IP address: {address}"))?;
        match address {
            IpAddr::V4(_) if bits > 31 => Err("IPv4 mask bits must be < 32".to_owned()),
            IpAddr::V6(_) if bits > 127 => Err("IPv6 mask bits must be < 128".to_owned()),
            address => Ok(Network { address, bits }),
        }
    }

    fn holds(self, text: &str) -> bool {
        match (self.address, text.parse()) {
            (IpAddr::V4(network), Ok(IpAddr::V4(address))) => {
                let differing = u32::from(network) ^ u32::from(address);
                self.bits == 0 || differing >> (32 - self.bits) == 0
            }
            (IpAddr::V6(network), Ok(IpAddr::V6(address))) => {
                let differing = u128::from(network) ^ u128::from(address);
                self.bits == 0 || differing >> (128 - self.bits) == 0
            }
            _ => false,
        }
    }
}

impl Test {
    /// Whether a value passes.
    pub(super) fn passes(&self, value: Option<&Value>) -> bool {
        match (self, value) {
            (Test::Exists(wanted), value) => *wanted == value.is_some(),
            (_, None) => false,
            (_, Some(value)) => self.passes_deep(value, 0),
        }
    }

    fn passes_deep(&self, value: &Value, depth: usize) -> bool {
        match value {
            Value::Array(items) => {
                depth < MAX_DEPTH && items.iter().any(|item| self.passes_deep(item, depth + 1))
            }
            Value::Object(_) => false,
            value => self.passes_one(value),
        }
    }

    fn passes_one(&self, value: &Value) -> bool {
        let text = value.as_str();
        let is = |holds: &dyn Fn(&str) -> bool| text.is_some_and(holds);
        match self {
            Test::Equals(wanted) => equal(wanted, value),
            Test::IgnoresCase(wanted) => is(&|text| text.to_lowercase() == *wanted),
            Test::Prefix(start) => is(&|text| text.starts_with(start)),
            Test::Suffix(end) => is(&|text| text.ends_with(end)),
            Test::Wildcard(pattern) => is(&|text| matches_wildcard(pattern, text)),
            Test::Cidr(network) => is(&|text| network.holds(text)),
            Test::Numeric(bounds) => {
                let number = value.as_f64();
                number
                    .is_some_and(|number| bounds.iter().all(|(compare, bound)| compare.holds(number, *bound)))
            }
            Test::AnythingBut(but) => !but.is(value),
            Test::Exists(wanted) => *wanted,
        }
    }
}

impl AnythingBut {
    fn is(&self, value: &Value) -> bool {
        let any = |patterns: &[String], holds: &dyn Fn(&str, &str) -> bool| {
            value.as_str().is_some_and(|text| patterns.iter().any(|pattern| holds(text, pattern)))
        };
        match self {
            AnythingBut::Values(values) => values.iter().any(|one| equal(one, value)),
            AnythingBut::Prefixes(starts) => any(starts, &|text, start| text.starts_with(start)),
            AnythingBut::Wildcards(patterns) => {
                any(patterns, &|text, pattern| matches_wildcard(pattern, text))
            }
            AnythingBut::IgnoringCase(texts) => any(texts, &|text, wanted| text.to_lowercase() == wanted),
        }
    }
}

fn equal(wanted: &Value, value: &Value) -> bool {
    match (wanted.as_f64(), value.as_f64()) {
        (Some(wanted), Some(number)) => Comparison::Equal.holds(number, wanted),
        _ => wanted == value,
    }
}

/// Whether a text is what a pattern with `*` says; in time of both lengths at most.
fn matches_wildcard(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}
